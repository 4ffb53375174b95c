//! The load that every log gets: appenders that each open a stream, append ten 1 KB events one by one, and go on to the
//! next stream.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rapport_domain::event::{Actor, Category, Meta, NewEvent, Stream};
use rapport_domain::id::{CustomerId, EventId, TenantId};
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
    /// Of this whole process, which makes the load, too.
    pub cpu_us: f64,
}

/// The processor time that this process has used.
pub fn cpu() -> Duration {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the call gets a valid place for the structure, which is plain numbers and zeroed already.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr());
        usage.assume_init()
    };
    [usage.ru_utime, usage.ru_stime]
        .iter()
        .map(|time| {
            Duration::from_secs(time.tv_sec.cast_unsigned())
                + Duration::from_micros(time.tv_usec.cast_unsigned())
        })
        .sum()
}

/// Runs `appenders` tasks for `span`; `append(stream, revision)` is one durable append.
pub async fn run<F, A>(appenders: usize, span: Duration, make: impl Fn(usize) -> F) -> Point
where
    F: FnMut(Uuid, u64) -> A + Send + 'static,
    A: Future<Output = ()> + Send,
{
    let count = Arc::new(AtomicU64::new(0));
    let (started, cpu_before) = (Instant::now(), cpu());
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
    let events = count.load(Ordering::Relaxed) as f64;
    let per_second = events / started.elapsed().as_secs_f64();
    let cpu_us = (cpu() - cpu_before).as_secs_f64() * 1e6 / events;
    Point {
        per_second,
        p50_ms: percentile_ms(&mut samples, 0.5),
        p99_ms: percentile_ms(&mut samples, 0.99),
        cpu_us,
    }
}

/// So many customers write; each has a key of their own.
pub const CUSTOMERS: u64 = 1_000;

static NEXT: AtomicU64 = AtomicU64::new(0);

/// The customers in turn.
pub fn customer() -> CustomerId {
    customer_number(NEXT.fetch_add(1, Ordering::Relaxed) % CUSTOMERS)
}

/// One of the customers.
pub fn customer_number(number: u64) -> CustomerId {
    CustomerId::from_uuid(Uuid::from_u128(0xc0de_0000 + u128::from(number)))
}

/// A message of a customer, 1 KB with its envelope; 600 bytes of it are what they wrote, which is sealed where there is
/// sealing.
pub fn event() -> NewEvent {
    message(customer(), 600, 1_024 - 160 - 600 - 80)
}

/// A message with so many bytes of text, and so many beside it.
pub fn message(customer: CustomerId, text: usize, beside: usize) -> NewEvent {
    let meta = Meta {
        tenant: TenantId::named("bench"),
        actor: Actor::System,
        correlation: Uuid::now_v7(),
        causation: None,
        subject: Some(customer),
    };
    let data = format!(
        "{{\"message\":\"{}\",\"text\":\"{}\",\"note\":\"{}\"}}",
        Uuid::now_v7(),
        "x".repeat(text),
        "x".repeat(beside)
    );
    NewEvent {
        id: EventId::from_uuid(Uuid::now_v7()),
        kind: "interaction.message_received".to_owned(),
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
