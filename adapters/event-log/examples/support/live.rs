//! The way of an event from whoever appends it to a subscription, at a steady rate.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rapport_domain::id::EventId;
use rapport_domain::port::log::{Batch, EventLog, Expected, Subscription};
use tokio::time::{MissedTickBehavior, interval};
use uuid::Uuid;

use crate::load;

/// How often events are handed over; at a rate some of them come at once.
const TICK: Duration = Duration::from_millis(5);

type Sent = Arc<Mutex<HashMap<EventId, Instant>>>;

/// Appends `rate` events a second for `span`; the time from submitting each to having it from a subscription.
pub async fn latencies(log: &Arc<dyn EventLog>, rate: u64, span: Duration) -> Vec<Duration> {
    let sent: Sent = Arc::default();
    let total = rate * span.as_secs();
    let (follower, from) = (Arc::clone(log), log.head());
    let waiting = Arc::clone(&sent);
    let following = tokio::spawn(async move {
        let mut subscription = Subscription::new(&*follower, from, 1_000);
        let mut samples = Vec::new();
        while (samples.len() as u64) < total {
            let page = subscription.next().await.expect("read");
            let now = Instant::now();
            let mut sent = waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let delivered = page.iter().filter_map(|event| sent.remove(&event.event.id));
            samples.extend(delivered.map(|submitted| now - submitted));
        }
        samples
    });
    let mut clock = interval(TICK);
    clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (mut given, started) = (0, Instant::now());
    while given < total {
        clock.tick().await;
        let due = (started.elapsed().as_secs_f64() * rate as f64) as u64;
        for _ in given..due.min(total) {
            let (log, event) = (Arc::clone(log), load::event());
            sent.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(event.id, Instant::now());
            tokio::spawn(async move {
                let stream = load::stream(Uuid::now_v7());
                let events = vec![event];
                let expected = Expected::NoStream;
                log.append(Batch {
                    stream,
                    expected,
                    events,
                })
                .await
                .expect("appended");
            });
        }
        given = given.max(due.min(total));
    }
    following.await.expect("the follower")
}
