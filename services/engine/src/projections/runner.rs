//! One file of a read model and the thread that feeds it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rapport_domain::event::{Position, Recorded};
use rapport_domain::port::log::Subscription;
use rapport_domain::port::projection::{Parked, Projection, ProjectionError, Tally};
use tokio::sync::{Notify, oneshot};

use super::Shared;
use super::line::Task;

/// Events applied in one transaction at the most.
const PAGE: usize = 4_096;
/// Pause after a failure, before the same page is tried again.
const PAUSE: Duration = Duration::from_secs(1);
/// Parked streams that one retry looks at.
const RETRIED: usize = 100_000;

/// What a retry of parked streams came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retried {
    /// Streams that are followed again.
    pub released: u64,
    /// Streams that stay parked.
    pub parked: u64,
}

/// What a thread tells of its file.
#[derive(Clone, Debug, Default)]
pub(super) struct Report {
    pub mark: Position,
    pub tally: Tally,
    /// Why it does not go on, while it does not.
    pub error: Option<String>,
    /// Events seen since the thread began, from `began` on.
    pub events: u64,
    pub began: Position,
}

#[derive(Default)]
struct Signal {
    stop: AtomicBool,
    /// The file answers now, whatever the thread began as.
    serves: AtomicBool,
    retry: Mutex<Vec<oneshot::Sender<Result<Retried, ProjectionError>>>>,
    wake: Notify,
}

/// A thread that feeds a file.
pub(super) struct Runner {
    id: u64,
    task: Task,
    signal: Arc<Signal>,
    report: Arc<Mutex<Report>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Runner {
    pub(super) fn start(
        shared: Arc<Shared>,
        projection: Box<dyn Projection>,
        id: u64,
        task: Task,
    ) -> Self {
        let name = projection.name();
        let mark = projection.checkpoint().unwrap_or(Position::START);
        let report = Arc::new(Mutex::new(Report {
            mark,
            tally: projection.tally(),
            began: mark,
            ..Report::default()
        }));
        let signal = Arc::<Signal>::default();
        let mut feed = Feed {
            shared,
            name,
            id,
            task,
            projection,
            signal: signal.clone(),
            report: report.clone(),
        };
        let thread = std::thread::Builder::new()
            .name(format!("projection-{name}"))
            .spawn(move || feed.run());
        if let Err(reason) = &thread {
            lock(&report).error = Some(format!("no thread: {reason}"));
        }
        Self {
            id,
            task,
            signal,
            report,
            thread: thread.ok(),
        }
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    pub(super) fn task(&self) -> Task {
        if self.signal.serves.load(Ordering::Acquire) {
            Task::Serve
        } else {
            self.task
        }
    }

    pub(super) fn now_serves(&self) {
        self.signal.serves.store(true, Ordering::Release);
    }

    pub(super) fn report(&self) -> Report {
        lock(&self.report).clone()
    }

    pub(super) fn retry(&self) -> oneshot::Receiver<Result<Retried, ProjectionError>> {
        let (answer, asked) = oneshot::channel();
        lock(&self.signal.retry).push(answer);
        self.signal.wake.notify_one();
        asked
    }

    /// Ends the thread after the page in hand and waits for it.
    pub(super) fn halt(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.signal.stop.store(true, Ordering::Release);
        self.signal.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            let _it_has_reported_its_defect = thread.join();
        }
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        self.end();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the thread works with.
struct Feed {
    shared: Arc<Shared>,
    name: &'static str,
    id: u64,
    task: Task,
    projection: Box<dyn Projection>,
    signal: Arc<Signal>,
    report: Arc<Mutex<Report>>,
}

impl Feed {
    fn run(&mut self) {
        while !self.stopped() {
            let Err(reason) = self.follow() else { return };
            tracing::error!(
                projection = self.name,
                reason,
                "a projection could not go on; trying again"
            );
            lock(&self.report).error = Some(reason);
            let signal = self.signal.clone();
            self.shared.runtime.block_on(async {
                let _either = tokio::time::timeout(PAUSE, signal.wake.notified()).await;
            });
        }
    }

    fn stopped(&self) -> bool {
        self.signal.stop.load(Ordering::Acquire)
    }

    /// Follows until told to stop, or answers why it cannot.
    fn follow(&mut self) -> Result<(), String> {
        let from = self.projection.checkpoint().map_err(text)?;
        let (log, signal) = (self.shared.log.clone(), self.signal.clone());
        let runtime = self.shared.runtime.clone();
        let mut subscription = Subscription::new(&*log, from, PAGE);
        if from >= log.head() {
            self.caught_up(from)?;
        }
        while !self.stopped() {
            let page = runtime.block_on(async {
                tokio::select! {
                    page = subscription.next() => Some(page),
                    () = signal.wake.notified() => None,
                }
            });
            if self.stopped() {
                break;
            }
            self.answer_retries();
            let Some(page) = page else { continue };
            let page = page.map_err(text)?;
            self.projection.apply(&page).map_err(text)?;
            let mark = subscription.position();
            self.seen(&page, mark);
            if page.len() < PAGE || mark >= log.head() {
                self.caught_up(mark)?;
            }
        }
        Ok(())
    }

    fn seen(&self, page: &[Recorded], mark: Position) {
        {
            let mut report = lock(&self.report);
            report.mark = mark;
            report.tally = self.projection.tally();
            report.error = None;
            report.events += page.len() as u64;
        }
        if let Some(line) = self.shared.line(self.name) {
            line.reached(self.id, mark);
        }
        // Nothing feeds the file that is kept for the way back: it would remember what everybody else forgets.
        if page
            .iter()
            .any(|recorded| recorded.event.kind == "customer.erased")
            && let Err(error) = self.shared.shelf.discard(self.name)
        {
            tracing::error!(%error, "an earlier file of a read model holds what was erased and cannot be deleted");
        }
    }

    /// The file is as far as the log was a moment ago.
    fn caught_up(&mut self, mark: Position) -> Result<(), String> {
        match self.task {
            Task::Serve => {}
            Task::Fill => {
                self.projection.set_complete().map_err(text)?;
                self.task = Task::Serve;
                self.signal.serves.store(true, Ordering::Release);
                self.shared.built(self.name);
            }
            Task::Beside => {
                self.projection.set_complete().map_err(text)?;
                let taken = self.shared.take_over(self.name, self.id, mark);
                if taken.map_err(text)? {
                    self.task = Task::Serve;
                }
            }
        }
        Ok(())
    }

    fn answer_retries(&mut self) {
        let asked = std::mem::take(&mut *lock(&self.signal.retry));
        if asked.is_empty() {
            return;
        }
        let done = self.release();
        lock(&self.report).tally = self.projection.tally();
        for answer in asked {
            let _nobody_waits_any_more = answer.send(done.clone());
        }
    }

    /// Takes in what is held back, stream by stream.
    fn release(&mut self) -> Result<Retried, ProjectionError> {
        let mut done = Retried::default();
        for parked in self.projection.parked(RETRIED)? {
            if self.release_one(&parked)? {
                done.released += 1;
            } else {
                done.parked += 1;
            }
        }
        Ok(done)
    }

    fn release_one(&mut self, parked: &Parked) -> Result<bool, ProjectionError> {
        let checkpoint = self.projection.checkpoint()?;
        let (log, runtime) = (self.shared.log.clone(), self.shared.runtime.clone());
        let mut from = parked.revision;
        loop {
            let read = log.read_stream(parked.stream, from, PAGE);
            let page = runtime.block_on(read).map_err(|error| ProjectionError {
                projection: self.name,
                reason: error.to_string(),
            })?;
            let end = page.last();
            let last = page.len() < PAGE || end.is_none_or(|end| end.position > checkpoint);
            let next = end.map(|end| end.revision.next());
            if !self.projection.release(parked.stream, &page, last)? {
                return Ok(false);
            }
            match next {
                Some(next) if !last => from = next,
                _ => return Ok(true),
            }
        }
    }
}

fn text(error: impl ToString) -> String {
    error.to_string()
}
