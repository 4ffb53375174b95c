//! Runs projections: each on a thread of its own, following the log by pull, so a slow one delays nobody.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rapport_domain::event::Position;
use rapport_domain::port::log::{EventLog, Subscription};
use rapport_domain::port::projection::Projection;
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};

/// Events applied in one transaction at the most.
const PAGE: usize = 4_096;
/// Pause after a failure, before the same page is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// One running projection.
pub struct ProjectionRunner {
    name: &'static str,
    mark: watch::Receiver<Position>,
    error: Arc<Mutex<Option<String>>>,
    stopping: Arc<(AtomicBool, Notify)>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl ProjectionRunner {
    /// Starts a projection from its checkpoint. `runtime` drives the reads of the log; applying happens on the thread.
    #[must_use]
    pub fn start(log: Arc<dyn EventLog>, projection: Box<dyn Projection>, runtime: Handle) -> Self {
        let name = projection.name();
        let first = projection.checkpoint().unwrap_or(Position::START);
        let (sender, mark) = watch::channel(first);
        let error = Arc::new(Mutex::new(None));
        let stopping = Arc::new((AtomicBool::new(false), Notify::new()));
        let (told, stop) = (error.clone(), stopping.clone());
        let worker = move || run(&*log, projection, &runtime, &sender, &told, &stop);
        let thread = std::thread::Builder::new()
            .name(format!("projection-{name}"))
            .spawn(worker);
        if let Err(reason) = &thread {
            *error.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(format!("no thread: {reason}"));
        }
        Self {
            name,
            mark,
            error,
            stopping,
            thread: thread.ok(),
        }
    }

    /// The projection's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The position of the last event applied.
    #[must_use]
    pub fn mark(&self) -> Position {
        *self.mark.borrow()
    }

    /// Waits until an event has been applied; answers whether it was within the time.
    pub async fn wait_for(&self, position: Position, at_most: Duration) -> bool {
        let mut mark = self.mark.clone();
        let reached = tokio::time::timeout(at_most, mark.wait_for(|mark| *mark >= position)).await;
        matches!(reached, Ok(Ok(_)))
    }

    /// Why the last page could not be applied, until it could.
    #[must_use]
    pub fn error(&self) -> Option<String> {
        self.error
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Stops after the page in hand.
    pub fn stop(mut self) {
        self.halt();
    }

    fn halt(&mut self) {
        self.stopping.0.store(true, Ordering::Release);
        self.stopping.1.notify_one();
        if let Some(thread) = self.thread.take() {
            let _it_has_reported_its_defect = thread.join();
        }
    }
}

impl Drop for ProjectionRunner {
    fn drop(&mut self) {
        self.halt();
    }
}

fn run(
    log: &dyn EventLog,
    mut projection: Box<dyn Projection>,
    runtime: &Handle,
    mark: &watch::Sender<Position>,
    error: &Mutex<Option<String>>,
    stopping: &(AtomicBool, Notify),
) {
    let (stopped, stop) = stopping;
    let name = projection.name();
    while !stopped.load(Ordering::Acquire) {
        let failure = follow(log, &mut *projection, runtime, mark, error, stopping);
        let Some(reason) = failure else { return };
        tracing::error!(
            projection = name,
            reason,
            "a projection could not go on; trying again"
        );
        *error.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason);
        runtime.block_on(async {
            let _either = tokio::time::timeout(PAUSE, stop.notified()).await;
        });
    }
}

/// Follows until told to stop, or answers why it cannot.
fn follow(
    log: &dyn EventLog,
    projection: &mut dyn Projection,
    runtime: &Handle,
    mark: &watch::Sender<Position>,
    error: &Mutex<Option<String>>,
    (stopped, stop): &(AtomicBool, Notify),
) -> Option<String> {
    let from = match projection.checkpoint() {
        Ok(position) => position,
        Err(reason) => return Some(reason.to_string()),
    };
    let mut subscription = Subscription::new(log, from, PAGE);
    loop {
        let page = runtime.block_on(async {
            tokio::select! {
                page = subscription.next() => Some(page),
                () = stop.notified() => None,
            }
        });
        match page {
            None => return None,
            Some(Err(reason)) => return Some(reason.to_string()),
            Some(Ok(page)) => {
                if let Err(reason) = projection.apply(&page) {
                    return Some(reason.to_string());
                }
                mark.send_replace(subscription.position());
                error.lock().unwrap_or_else(PoisonError::into_inner).take();
            }
        }
        if stopped.load(Ordering::Acquire) {
            return None;
        }
    }
}
