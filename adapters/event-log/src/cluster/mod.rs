//! The event log in a cluster of EventStoreDB/KurrentDB, behind the same port (ADR 0019).
//!
//! One file knows the client crate; the rest is a wall around it. Appends go through a few batch sessions at exact
//! revisions, and whenever an answer is anything but a plain yes the stream itself is read ([`append`]). Reads are pages;
//! a subscription does nothing but wake ([`wake`]). A supervisor throws away a client it doubts and makes another
//! ([`supervisor`]).
//!
//! What a cluster cannot promise as the embedded log does: an event id is recognised wherever this process has seen it
//! lately, and among the last events of the stream it is meant for; not in the whole log ([`known`]).

mod answer;
mod append;
mod backoff;
mod client;
mod config;
mod envelope;
mod json;
mod known;
mod read;
mod shared;
mod supervisor;
mod wake;

use std::future::{Future, pending};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rapport_domain::event::{Position, Recorded, Revision, Stream};
use rapport_domain::port::BoxFuture;
use rapport_domain::port::log::{AppendError, Appended, Batch, EventLog, ReadError};
use tokio::runtime::Runtime;
use tokio::sync::{Mutex, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::Instant;

pub use config::{ClusterConfig, ConnectError, Credentials};
pub use shared::ClusterHealth;

use shared::{Shared, Times};
use supervisor::Supervisor;
use wake::Wake;

/// Appends under way at one time; further callers wait.
const QUEUE: u32 = 1_024;

/// Memory that appends under way may take, in KiB: 64 MiB. A larger batch goes alone.
const QUEUE_KIB: u32 = 64 * 1_024;

/// Pages being read at one time; further callers wait.
const READS: usize = 32;

/// The log in a cluster. See the module's documentation.
///
/// Works under any async runtime. An append whose caller stops waiting is settled all the same. Dropping it gives up what
/// is under way; [`ClusterLog::close`] waits for it.
pub struct ClusterLog {
    shared: Arc<Shared>,
    times: Times,
    runtime: Option<Runtime>,
    queue: Arc<Semaphore>,
    room: Arc<Semaphore>,
    reads: Arc<Semaphore>,
    closed: AtomicBool,
    wake: Mutex<Wake>,
}

impl ClusterLog {
    /// Connects to a cluster: it answers once the head of the log is known. Nodes that are not there yet are waited for.
    ///
    /// # Errors
    /// [`ConnectError`]; [`ConnectError::Unreachable`] with what went wrong last when nobody answered in time.
    pub async fn connect(config: ClusterConfig) -> Result<Self, ConnectError> {
        let target = config.target()?;
        // One provider in the whole process. It fails when there is one already, which then is the one.
        let _had_one = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let system = |error: std::io::Error| ConnectError::System(error.to_string());
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("log-cluster")
            .enable_all()
            .build()
            .map_err(system)?;
        let (shared, doubts) = Shared::new();
        let supervisor = Supervisor {
            target: target.clone(),
            shared: Arc::clone(&shared),
            doubts,
            answer_within: config.answer_within,
            longest_pause: config.longest_pause,
        };
        runtime.spawn(supervisor.run());
        let (waiting, until) = (Arc::clone(&shared), config.connect_within);
        let first = runtime.spawn(async move { waiting.is_let_in(Instant::now() + until).await });
        if !matches!(first.await, Ok(true)) {
            runtime.shutdown_background();
            let why = shared
                .trouble()
                .unwrap_or_else(|| "nobody answered".to_owned());
            return Err(ConnectError::Unreachable(why));
        }
        let wake = Wake::start(
            target,
            Arc::clone(&shared),
            config.answer_within,
            config.longest_pause,
        );
        Ok(Self {
            shared,
            times: Times {
                append: config.append_within,
                read: config.read_within,
            },
            runtime: Some(runtime),
            queue: Arc::new(Semaphore::new(QUEUE as usize)),
            room: Arc::new(Semaphore::new(QUEUE_KIB as usize)),
            reads: Arc::new(Semaphore::new(READS)),
            closed: AtomicBool::new(false),
            wake: Mutex::new(wake.map_err(system)?),
        })
    }

    /// Takes no more appends and waits for those under way. Appends from now on are answered [`AppendError::Closed`];
    /// reads go on until the log is dropped.
    pub async fn close(&self) {
        self.closed.store(true, Ordering::Release);
        // Every append holds one: none is left when all can be had.
        drop(self.queue.acquire_many(QUEUE).await);
        self.queue.close();
        self.wake.lock().await.stop();
    }

    /// How the connection is.
    #[must_use]
    pub fn health(&self) -> ClusterHealth {
        self.shared.health()
    }

    async fn submit(&self, batch: Batch) -> Result<Appended, AppendError> {
        batch.check()?;
        let events = append::proposed(&batch)?;
        let bytes: usize = events
            .iter()
            .map(|event| event.data.len() + event.metadata.len())
            .sum();
        let kib = u32::try_from(bytes / 1_024 + 1)
            .unwrap_or(QUEUE_KIB)
            .min(QUEUE_KIB);
        let closed = |_| AppendError::Closed;
        let turn = Arc::clone(&self.queue)
            .acquire_owned()
            .await
            .map_err(closed)?;
        let room = Arc::clone(&self.room)
            .acquire_many_owned(kib)
            .await
            .map_err(closed)?;
        if self.closed.load(Ordering::Acquire) {
            return Err(AppendError::Closed);
        }
        let (shared, times) = (Arc::clone(&self.shared), self.times);
        let work = self.spawn(async move {
            let answer = append::append(&shared, times, batch, events).await;
            drop((turn, room));
            answer
        });
        let Some(work) = work else {
            return Err(AppendError::Closed);
        };
        let ended = |_| AppendError::Unknown("the log has ended".to_owned());
        work.await.map_err(ended)?
    }

    async fn read<F>(
        &self,
        work: impl FnOnce(Arc<Shared>, Times) -> F,
    ) -> Result<Vec<Recorded>, ReadError>
    where
        F: Future<Output = Result<Vec<Recorded>, ReadError>> + Send + 'static,
    {
        let closed = || ReadError("the log is closed".to_owned());
        let turn = Arc::clone(&self.reads)
            .acquire_owned()
            .await
            .map_err(|_| closed())?;
        let work = work(Arc::clone(&self.shared), self.times);
        let reading = self.spawn(async move {
            let answer = work.await;
            drop(turn);
            answer
        });
        let mut reading = GivenUp(reading.ok_or_else(closed)?);
        (&mut reading.0).await.map_err(|_| closed())?
    }

    fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<JoinHandle<T>> {
        self.runtime.as_ref().map(|runtime| runtime.spawn(work))
    }
}

/// A read that nobody waits for any more ends.
struct GivenUp<T>(JoinHandle<T>);

impl<T> Drop for GivenUp<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl EventLog for ClusterLog {
    fn append(&self, batch: Batch) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(self.submit(batch))
    }

    fn read_stream(
        &self,
        stream: Stream,
        from: Revision,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Recorded>, ReadError>> {
        Box::pin(self.read(move |shared, times| async move {
            read::stream(&shared, times, stream, from, limit).await
        }))
    }

    fn read_all(
        &self,
        after: Position,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Recorded>, ReadError>> {
        Box::pin(self.read(move |shared, times| async move {
            read::all(&shared, times, after, limit).await
        }))
    }

    fn head(&self) -> Position {
        self.shared.head()
    }

    /// While no subscription runs, the head moves with this hub's own appends and reads alone; it catches up with the next.
    fn wait_past(&self, position: Position) -> BoxFuture<'_, Position> {
        let mut head = self.shared.watch_head();
        Box::pin(async move {
            // Taken out of the guard first, which must not be held while waiting for ever.
            let moved = head
                .wait_for(|head| *head > position)
                .await
                .map(|head| *head);
            match moved {
                Ok(head) => head,
                Err(_) => pending().await,
            }
        })
    }
}

impl Drop for ClusterLog {
    fn drop(&mut self) {
        self.queue.close();
        self.room.close();
        self.reads.close();
        self.wake.get_mut().stop();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
