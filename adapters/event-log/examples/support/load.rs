//! The load that every log gets: appenders that each open a stream, append ten 1 KB events one by one, and go on to the
//! next stream.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rapport_domain::event::{Actor, Category, Meta, NewEvent, Stream};
use rapport_domain::id::{EventId, TenantId};
use rapport_domain::time::Timestamp;
use uuid::Uuid;

use crate::support::percentile_ms;

/// Events per stream.
pub const PER_STREAM: u64 = 10;

/// What one point of load gave.
pub struct Point {
    pub per_second: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
}

/// Runs `appenders` tasks for `span`; `append(stream, revision)` is one durable append.
pub async fn run<F, A>(appenders: usize, span: Duration, make: impl Fn(usize) -> F) -> Point
where
    F: FnMut(Uuid, u64) -> A + Send + 'static,
    A: Future<Output = ()> + Send,
{
    let count = Arc::new(AtomicU64::new(0));
    let started = Instant::now();
    let tasks: Vec<_> = (0..appenders)
        .map(|number| {
            let (mut append, count) = (make(number), Arc::clone(&count));
            tokio::spawn(async move {
                let mut samples = Vec::new();
                while started.elapsed() < span {
                    let stream = Uuid::now_v7();
                    for revision in 0..PER_STREAM {
                        let asked = Instant::now();
                        append(stream, revision).await;
                        samples.push(asked.elapsed());
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                }
                samples
            })
        })
        .collect();
    let mut samples = Vec::new();
    for task in tasks {
        samples.extend(task.await.expect("an appender"));
    }
    let per_second = count.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64();
    Point {
        per_second,
        p50_ms: percentile_ms(&mut samples, 0.5),
        p99_ms: percentile_ms(&mut samples, 0.99),
    }
}

/// An event of 1 KB: envelope and data together.
pub fn event() -> NewEvent {
    let meta = Meta {
        tenant: TenantId::named("bench"),
        actor: Actor::System,
        correlation: Uuid::now_v7(),
        causation: None,
        subject: None,
    };
    let data = format!("{{\"note\":\"{}\"}}", "x".repeat(1_024 - 160 - 11));
    NewEvent {
        id: EventId::from_uuid(Uuid::now_v7()),
        kind: "interaction.note_added".to_owned(),
        version: 1,
        recorded_at: Timestamp::from_millis(1_795_262_400_000),
        meta,
        data: data.into_bytes(),
    }
}

/// The stream of an interaction.
pub fn stream(id: Uuid) -> Stream {
    Stream::new(Category::Interaction, id)
}
