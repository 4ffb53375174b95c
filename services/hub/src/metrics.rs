//! The metrics page: what the parts count, in OpenMetrics.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, text::encode};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use rapport_domain::event::Position;
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

fn read(app: &App) -> Vec<Figure> {
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
    figures.extend(app.runners.iter().map(|runner| Figure {
        name: "rapport_projection_lag_events".to_owned(),
        help: "Events a read model has not taken in yet".to_owned(),
        label: Some(runner.name()),
        value: head.0.saturating_sub(runner.mark().0),
    }));
    figures.extend(app.runners.iter().map(|runner| Figure {
        name: "rapport_projection_failing".to_owned(),
        help: "1 while a read model cannot go on".to_owned(),
        label: Some(runner.name()),
        value: u64::from(runner.error().is_some()),
    }));
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

/// The page.
///
/// # Errors
/// When a figure cannot be written, which is a defect.
pub fn text(app: &App) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Reading(read(app))));
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}
