//! A log over a double of the server.

use std::future::Future;
use std::ops::Deref;
use std::time::Duration;

use rapport_domain::event::Recorded;
use rapport_domain::port::log::{AppendError, Appended, Batch, EventLog, Expected};
use rapport_domain::testing::{block_on, log_contract};
use rapport_event_log::{ClusterConfig, ClusterLog};
use rapport_eventstore_double::{Double, Settings};
use tokio::runtime::Runtime;

/// More than the port's largest event.
const MOST: usize = 64 << 20;

/// A double on a runtime of its own, as a server would be in a process of its own.
pub struct Server {
    pub double: Double,
    runtime: Runtime,
}

impl Server {
    pub fn new(nodes: usize) -> Self {
        Self::with(Settings {
            nodes,
            most: MOST,
            ..Settings::default()
        })
    }

    pub fn with(settings: Settings) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let double = runtime
            .block_on(Double::with(settings))
            .expect("ports on loopback");
        Self { double, runtime }
    }

    /// Runs a test's own questions to the double, or to a client, beside the server.
    pub fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Short times, so that a test of an outage does not wait for what nobody answers.
    pub fn config(&self) -> ClusterConfig {
        ClusterConfig {
            append_within: Duration::from_secs(10),
            read_within: Duration::from_secs(10),
            answer_within: Duration::from_secs(1),
            longest_pause: Duration::from_millis(200),
            ..ClusterConfig::new(self.double.connection_string())
        }
    }

    pub fn connect(&self) -> ClusterLog {
        block_on(ClusterLog::connect(self.config())).expect("a connection to the double")
    }
}

/// Dropped in this order: the log first, then its server.
pub struct TempCluster {
    log: ClusterLog,
    pub server: Server,
}

impl TempCluster {
    pub fn new() -> Self {
        Self::of(1)
    }

    pub fn of(nodes: usize) -> Self {
        let server = Server::new(nodes);
        let log = server.connect();
        Self { log, server }
    }
}

impl Deref for TempCluster {
    type Target = ClusterLog;
    fn deref(&self) -> &ClusterLog {
        &self.log
    }
}

/// A batch of the suite's events for one of its streams.
pub fn batch(to: u128, expected: Expected, numbers: impl IntoIterator<Item = u128>) -> Batch {
    Batch {
        stream: log_contract::stream(to),
        expected,
        events: numbers.into_iter().map(log_contract::event).collect(),
    }
}

/// Appends such a batch.
pub fn append(
    log: &ClusterLog,
    to: u128,
    expected: Expected,
    numbers: impl IntoIterator<Item = u128>,
) -> Result<Appended, AppendError> {
    block_on(log.append(batch(to, expected, numbers)))
}

/// Everything the log holds.
pub fn everything(log: &ClusterLog) -> Vec<Recorded> {
    block_on(log.read_all(rapport_domain::event::Position::START, usize::MAX)).expect("readable")
}
