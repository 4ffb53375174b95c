//! How fast the path through the client is, with everything behind it in memory: **the client path only**, no figure of a
//! server. `cargo run -p rapport-event-log --features eventstore --example cluster_client`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use eventstore::{AppendToStreamOptions, Client, EventData, StreamState};
use rapport_domain::event::Revision;
use rapport_domain::port::log::{Batch, EventLog, Expected};
use rapport_domain::testing::log_contract::{event, stream};
use rapport_event_log::{ClusterConfig, ClusterLog};
use rapport_eventstore_double::Double;

/// Each point takes so long.
const POINT: Duration = Duration::from_secs(4);

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("client path only: the server is a double in memory, in this process");
    let double = Double::start().await;
    let client = Client::new(double.connection_string().parse()?)?;
    let log = Arc::new(ClusterLog::connect(ClusterConfig::new(double.connection_string())).await?);
    for writers in [1, 16, 64] {
        let counts = futures(writers, |writer| bare(client.clone(), writer)).await;
        report("bare client, a call each", writers, counts);
        let counts = futures(writers, |writer| ours(Arc::clone(&log), writer)).await;
        report("through the log's sessions", writers, counts);
    }
    log.close().await;
    Ok(())
}

async fn futures<F>(writers: u128, work: impl Fn(u128) -> F) -> Vec<Duration>
where
    F: Future<Output = Vec<Duration>> + Send + 'static,
{
    let running: Vec<_> = (0..writers)
        .map(|writer| tokio::spawn(work(writer)))
        .collect();
    let mut all = Vec::new();
    for writer in running {
        all.extend(writer.await.unwrap_or_default());
    }
    all.sort_unstable();
    all
}

/// Streams of ten events, one by one, until the time is over.
async fn bare(client: Client, writer: u128) -> Vec<Duration> {
    let (mut took, begun) = (Vec::new(), Instant::now());
    for round in 0_u128.. {
        let name = format!("planet-{writer}-{round}-{}", uuid::Uuid::now_v7());
        for revision in 0..10_u64 {
            let state = revision
                .checked_sub(1)
                .map_or(StreamState::NoStream, StreamState::StreamRevision);
            let options = AppendToStreamOptions::default().stream_state(state);
            let data = EventData::binary("planet.seen", vec![b'x'; 1_000].into());
            let asked = Instant::now();
            if client
                .append_to_stream(name.as_str(), &options, data)
                .await
                .is_err()
            {
                return took;
            }
            took.push(asked.elapsed());
        }
        if begun.elapsed() > POINT {
            break;
        }
    }
    took
}

async fn ours(log: Arc<ClusterLog>, writer: u128) -> Vec<Duration> {
    let (mut took, begun) = (Vec::new(), Instant::now());
    let salt = (uuid::Uuid::now_v7().as_u128() << 33) >> 1;
    for round in 0_u128.. {
        for revision in 0..10_u64 {
            let number = salt ^ (writer << 24 | round << 4 | u128::from(revision));
            let mut event = event(number);
            event.data = vec![b'x'; 1_000];
            let batch = Batch {
                stream: stream(salt ^ (writer << 24 | round)),
                expected: Expected::after(revision.checked_sub(1).map(Revision)),
                events: vec![event],
            };
            let asked = Instant::now();
            if let Err(error) = log.append(batch).await {
                println!("{error}");
                return took;
            }
            took.push(asked.elapsed());
        }
        if begun.elapsed() > POINT {
            break;
        }
    }
    took
}

fn report(what: &str, writers: u128, took: Vec<Duration>) {
    let at = |share: usize| {
        took.get(took.len() * share / 100)
            .copied()
            .unwrap_or_default()
    };
    let rate = took.len() as f64 / POINT.as_secs_f64();
    println!(
        "{what:<28} {writers:>3} writers: {rate:>8.0} appends/s, p50 {:>9.2?}, p99 {:>9.2?}",
        at(50),
        at(99)
    );
}
