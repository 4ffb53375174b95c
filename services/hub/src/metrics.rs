//! The metrics page: what the parts count, in OpenMetrics.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, text::encode};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use rapport_domain::event::Position;
use rapport_domain::time::Timestamp;
use rapport_engine::{ProjectionStatus, State};
use rapport_voice::VoiceHandle;

use crate::http::app::App;

/// Parts that count, beside the engine and the read models.
#[derive(Clone)]
pub struct Sources {
    /// Web chat.
    pub chat: Arc<rapport_web_chat::Counters>,
    /// Telephony; taken out of here when it stops.
    pub voice: Arc<Mutex<Option<VoiceHandle>>>,
}

/// One figure.
#[derive(Debug)]
struct Figure {
    /// With `_total` when it only grows.
    name: String,
    help: String,
    label: Option<&'static str>,
    value: u64,
}

/// A reading of everything at one moment.
#[derive(Debug)]
struct Reading(Vec<Figure>);

impl Collector for Reading {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let mut figures = self.0.iter().peekable();
        while let Some(first) = figures.next() {
            // What only grows is a counter; OpenMetrics puts the ending there itself.
            let (name, grows) = first
                .name
                .strip_suffix("_total")
                .map_or((first.name.as_str(), false), |name| (name, true));
            let counter = ConstCounter::new(0_u64);
            let gauge = ConstGauge::new(0_i64);
            let kind = if grows {
                counter.metric_type()
            } else {
                gauge.metric_type()
            };
            let mut family = encoder.encode_descriptor(name, &first.help, None, kind)?;
            if first.label.is_none() {
                write(first, grows, family)?;
                continue;
            }
            let mut of_family = Some(first);
            while let Some(figure) = of_family {
                let labels: Vec<(&str, &str)> = figure
                    .label
                    .iter()
                    .map(|label| ("projection", *label))
                    .collect();
                write(figure, grows, family.encode_family(&labels)?)?;
                of_family = figures.next_if(|next| next.name == first.name);
            }
        }
        Ok(())
    }
}

fn write(figure: &Figure, grows: bool, encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
    if grows {
        ConstCounter::new(figure.value).encode(encoder)
    } else {
        ConstGauge::new(i64::try_from(figure.value).unwrap_or(i64::MAX)).encode(encoder)
    }
}

fn read(app: &App, models: &[ProjectionStatus]) -> Vec<Figure> {
    let figure = |name: &str, help: &str, value: u64| Figure {
        name: name.to_owned(),
        help: help.to_owned(),
        label: None,
        value,
    };
    let head = app.engine.log().head();
    // Before the first event after a start there is nothing to react to.
    let reacted = Some(app.engine.reacted_to())
        .filter(|position| *position > Position::START)
        .unwrap_or(head);
    let mut figures = vec![
        figure(
            "rapport_log_position",
            "Position of the last event of the log",
            head.0,
        ),
        figure(
            "rapport_reaction_lag_events",
            "Events not reacted to yet",
            head.0.saturating_sub(reacted.0),
        ),
        figure(
            "rapport_sessions",
            "Logins that are alive",
            app.sessions.count() as u64,
        ),
    ];
    figures.extend(of_projections(models, app.engine.now()));
    let engine = app.engine.counters().all().into_iter();
    figures.extend(engine.map(|(name, value)| {
        figure(
            &format!("rapport_engine_{name}_total"),
            &format!("Engine: {} since start", name.replace('_', " ")),
            value,
        )
    }));
    figures.extend(
        app.sources
            .chat
            .read()
            .into_iter()
            .map(|counter| figure(counter.name, counter.help, counter.value)),
    );
    if let Some(voice) = &*app
        .sources
        .voice
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
    {
        let plain = |name: &str| {
            let name = name
                .trim_start_matches("rapport_voice_")
                .trim_end_matches("_total");
            format!("Telephony: {}", name.replace('_', " "))
        };
        figures.extend(
            voice
                .counters()
                .read()
                .into_iter()
                .map(|(name, value)| figure(name, &plain(name), value)),
        );
        let media = voice.media_stats();
        for (name, value) in [
            ("rapport_media_legs", media.legs as u64),
            ("rapport_media_packets_in_total", media.packets_in),
            ("rapport_media_packets_out_total", media.packets_out),
            ("rapport_media_malformed_total", media.malformed),
            ("rapport_media_foreign_total", media.foreign),
        ] {
            let words = name
                .trim_start_matches("rapport_media_")
                .trim_end_matches("_total")
                .replace('_', " ");
            figures.push(figure(name, &format!("Media: {words}"), value));
        }
    }
    figures
}

/// What is counted of read models, family by family. What nobody knows at the moment is left out.
fn of_projections(models: &[ProjectionStatus], now: Timestamp) -> Vec<Figure> {
    type Count = fn(&ProjectionStatus, Timestamp) -> Option<u64>;
    let families: [(&str, &str, Count); 9] = [
        (
            "rapport_projection_lag_events",
            "Events a read model has not seen yet",
            |model, _| Some(model.lag_events),
        ),
        (
            "rapport_projection_lag_estimated",
            "1 when the lag in events is an estimate, because positions of the log do not count events",
            |model, _| Some(u64::from(model.lag_estimated)),
        ),
        (
            "rapport_projection_lag_seconds",
            "Age of the oldest event a read model has not seen yet, in begun seconds; 0 when it has seen all",
            |model, now| model.lag_seconds(now).map(|seconds| seconds.ceil() as u64),
        ),
        (
            "rapport_projection_failing",
            "1 while a read model cannot go on",
            |model, _| Some(u64::from(model.error.is_some())),
        ),
        (
            "rapport_projection_parked_streams",
            "Streams a read model does not follow, because one of their events could not be taken in",
            |model, _| Some(model.tally.parked),
        ),
        (
            "rapport_projection_held_events",
            "Events of parked streams that are held back",
            |model, _| Some(model.tally.held),
        ),
        (
            "rapport_projection_unknown_events_total",
            "Events of a type this program does not know, passed over since the file was opened",
            |model, _| Some(model.tally.unknown),
        ),
        (
            "rapport_projection_building",
            "1 while a read model is built, or waits for it",
            |model, _| {
                Some(u64::from(
                    model.build.is_some() || model.state != State::Serving,
                ))
            },
        ),
        (
            "rapport_projection_build_lag_events",
            "Events a read model that is built beside has not seen yet",
            |model, _| model.build.as_ref().map(|build| build.lag_events),
        ),
    ];
    let mut figures = Vec::new();
    for (name, help, count) in families {
        figures.extend(models.iter().filter_map(|model| {
            Some(Figure {
                name: name.to_owned(),
                help: help.to_owned(),
                label: Some(model.name),
                value: count(model, now)?,
            })
        }));
    }
    figures
}

/// The page.
///
/// # Errors
/// When a figure cannot be written, which is a defect.
pub fn text(app: &App, models: &[ProjectionStatus]) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Reading(read(app, models))));
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}
