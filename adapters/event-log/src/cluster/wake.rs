//! What makes the head move when another hub appends: a subscription that only wakes.
//!
//! Readers page the log from where they are; nothing is taken from the subscription but the position of the newest event.
//! Losing one therefore loses nothing: the next one begins at the head, and what happened meanwhile moves it at once.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rapport_domain::event::Position;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use uuid::Uuid;

use super::backoff::Backoff;
use super::client::{Heard, follow};
use super::config::Target;
use super::shared::Shared;

/// The thread that follows the cluster; ends when dropped.
pub(crate) struct Wake {
    stop: Option<(mpsc::SyncSender<()>, tokio::sync::watch::Sender<bool>)>,
    thread: Option<JoinHandle<()>>,
}

impl Wake {
    pub(crate) fn start(
        target: Target,
        shared: Arc<Shared>,
        within: Duration,
        longest_pause: Duration,
    ) -> std::io::Result<Self> {
        let (stop, stopped) = mpsc::sync_channel(0);
        let (ending, ended) = tokio::sync::watch::channel(false);
        let thread = thread::Builder::new()
            .name("log-wake".to_owned())
            .spawn(move || {
                let mut backoff = Backoff::new(longest_pause);
                loop {
                    let why = once(&target, &shared, within, ended.clone(), &mut backoff);
                    let pause = match why {
                        None => Duration::ZERO,
                        Some(why) => {
                            tracing::debug!(
                                why,
                                "the log's subscription has ended; subscribing again"
                            );
                            backoff.wait(chance())
                        }
                    };
                    if is_stopped(&stopped, pause) {
                        return;
                    }
                }
            })?;
        Ok(Self {
            stop: Some((stop, ending)),
            thread: Some(thread),
        })
    }

    /// Ends the thread without waiting for it.
    pub(crate) fn stop(&mut self) {
        if let Some((stop, ending)) = self.stop.take() {
            ending.send_replace(true);
            drop(stop);
        }
        drop(self.thread.take());
    }
}

impl Drop for Wake {
    fn drop(&mut self) {
        self.stop();
    }
}

fn is_stopped(stopped: &Receiver<()>, pause: Duration) -> bool {
    !matches!(stopped.recv_timeout(pause), Err(RecvTimeoutError::Timeout))
}

/// A number that differs from thread to thread and hub to hub.
pub(crate) fn chance() -> u16 {
    let bytes = Uuid::now_v7().into_bytes();
    u16::from_be_bytes([bytes[14], bytes[15]])
}

/// One subscription, from its beginning to its end. A client and a runtime of its own go with it.
fn once(
    target: &Target,
    shared: &Shared,
    within: Duration,
    mut ended: tokio::sync::watch::Receiver<bool>,
    backoff: &mut Backoff,
) -> Option<String> {
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return Some(error.to_string()),
    };
    let mut ran = false;
    let after = shared.head();
    let heard = std::cell::Cell::new(false);
    let subscription = follow(target, after.0, within, |what| match what {
        Heard::Running => {
            heard.set(true);
            shared.subscribed();
        }
        Heard::Event(position) => shared.publish(Position(position)),
    });
    let outcome = guarded(|| {
        runtime.block_on(async {
            tokio::select! {
                why = subscription => Some(why),
                _ = ended.wait_for(|ended| *ended) => None,
            }
        })
    });
    ran |= heard.get();
    runtime.shutdown_background();
    if ran {
        backoff.reset();
        shared.unsubscribed();
    }
    match outcome {
        Ok(why) => why,
        Err(why) => Some(why),
    }
}

/// Runs the subscription so that it cannot turn in a circle.
///
/// Of a subscription that the server ended cleanly the client logs one warning, asks again, and gets the same answer at
/// once: for ever, without yielding, so that no timer and no stop signal beside it is ever looked at. The one thing it does
/// in that circle which is ours to answer is the log line, so the way out is taken there: the thread's subscriber to log
/// lines unwinds through the client, whose runtime is then thrown away.
pub(crate) fn guarded<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        tracing::subscriber::with_default(WayOut, run)
    }));
    outcome.map_err(|panic| match panic.downcast::<Circle>() {
        Ok(_) => "the server has ended the subscription".to_owned(),
        Err(_) => "the client panicked".to_owned(),
    })
}

/// What the unwinding carries.
struct Circle;

/// Hears the client's own log lines on this thread, and passes none on: what matters of them is told by us.
struct WayOut;

/// The beginning of the client's line.
const IN_A_CIRCLE: &str = "Received an unknown subscription message";

impl Subscriber for WayOut {
    fn enabled(&self, line: &Metadata<'_>) -> bool {
        *line.level() == Level::WARN && line.target().starts_with("kurrentdb")
    }

    fn max_level_hint(&self) -> Option<tracing::level_filters::LevelFilter> {
        Some(tracing::level_filters::LevelFilter::WARN)
    }

    fn event(&self, line: &Event<'_>) {
        let mut found = Found(false);
        line.record(&mut found);
        if found.0 {
            // Not a panic: nothing went wrong in this program, and nothing is to be printed.
            resume_unwind(Box::new(Circle));
        }
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Found(bool);

impl Visit for Found {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 |= format!("{value:?}").starts_with(IN_A_CIRCLE);
        }
    }
}
