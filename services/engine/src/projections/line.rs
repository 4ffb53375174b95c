//! One read model: the thread of the file that answers, the thread of the one being built, and how far the answers are.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rapport_domain::event::Position;
use rapport_domain::port::projection::{Projection, ProjectionError};
use tokio::sync::{oneshot, watch};

use super::runner::{Report, Retried, Runner};

/// What a thread does with its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// It answers.
    Serve,
    /// It answers, but has never been as far as the log.
    Fill,
    /// It is built beside the one that answers.
    Beside,
}

/// One read model.
pub(super) struct Line {
    /// How far the file that answers is. It never goes back: a file takes over when it is as far.
    mark: watch::Sender<Position>,
    seats: Mutex<Seats>,
}

struct Seats {
    /// Nothing begins any more.
    closed: bool,
    next_id: u64,
    /// Waits for its turn to be filled.
    waiting: Option<Box<dyn Projection>>,
    serving: Option<Runner>,
    beside: Option<Runner>,
}

impl Line {
    pub(super) fn new(projection: Box<dyn Projection>) -> Self {
        Self {
            mark: watch::channel(projection.checkpoint().unwrap_or(Position::START)).0,
            seats: Mutex::new(Seats {
                closed: false,
                next_id: 0,
                waiting: Some(projection),
                serving: None,
                beside: None,
            }),
        }
    }

    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn mark(&self) -> Position {
        *self.mark.borrow()
    }

    pub(super) async fn wait_for(&self, position: Position, at_most: Duration) -> bool {
        let mut mark = self.mark.subscribe();
        let reached = tokio::time::timeout(at_most, mark.wait_for(|mark| *mark >= position)).await;
        matches!(reached, Ok(Ok(_)))
    }

    pub(super) fn error(&self) -> Option<String> {
        self.seats().serving.as_ref()?.report().error
    }

    pub(super) fn is_building(&self) -> bool {
        self.seats().beside.is_some()
    }

    /// What the threads tell: of the file that answers and of the one being built.
    pub(super) fn reports(&self) -> (Option<(Task, Report)>, Option<Report>) {
        let seats = self.seats();
        let serving = seats.serving.as_ref();
        (
            serving.map(|runner| (runner.task(), runner.report())),
            seats.beside.as_ref().map(Runner::report),
        )
    }

    pub(super) fn start_serving(&self, start: impl FnOnce(Box<dyn Projection>, u64) -> Runner) {
        let mut seats = self.seats();
        if let Some(projection) = seats.waiting.take().filter(|_| !seats.closed) {
            let id = seats.fresh();
            seats.serving = Some(start(projection, id));
        }
    }

    pub(super) fn start_beside(
        &self,
        start: impl FnOnce(u64) -> Result<Runner, ProjectionError>,
    ) -> Result<(), ProjectionError> {
        // Held while it starts, so that it cannot be done before it is known.
        let mut seats = self.seats();
        if !seats.closed {
            let id = seats.fresh();
            seats.beside = Some(start(id)?);
        }
        Ok(())
    }

    pub(super) fn take_beside(&self) -> Option<Runner> {
        self.seats().beside.take()
    }

    /// The file of thread `id` has come this far.
    pub(super) fn reached(&self, id: u64, mark: Position) {
        let seats = self.seats();
        if seats
            .serving
            .as_ref()
            .is_some_and(|runner| runner.id() == id)
        {
            self.mark.send_replace(mark);
        }
    }

    /// Exchanges the threads when the one beside is as far as the one that answers; `switch` exchanges the files. Answers
    /// the thread that is needed no longer, inside; `None` when nothing was exchanged.
    pub(super) fn take_over(
        &self,
        id: u64,
        mark: Position,
        switch: impl FnOnce() -> Result<(), ProjectionError>,
    ) -> Result<Option<Option<Runner>>, ProjectionError> {
        // Held throughout: nobody is told of a mark that the new file does not have yet.
        let mut seats = self.seats();
        if mark < self.mark() || seats.beside.as_ref().is_none_or(|runner| runner.id() != id) {
            return Ok(None);
        }
        switch()?;
        self.mark.send_replace(mark);
        let next = seats.beside.take();
        if let Some(next) = &next {
            next.now_serves();
        }
        seats.waiting = None;
        Ok(Some(std::mem::replace(&mut seats.serving, next)))
    }

    /// Asks the thread of the file that answers to try parked streams again.
    pub(super) fn retry(&self) -> Option<oneshot::Receiver<Result<Retried, ProjectionError>>> {
        self.seats().serving.as_ref().map(Runner::retry)
    }

    pub(super) fn stop(&self) {
        let (serving, beside) = {
            let mut seats = self.seats();
            seats.closed = true;
            seats.waiting = None;
            (seats.serving.take(), seats.beside.take())
        };
        for runner in [serving, beside].into_iter().flatten() {
            runner.halt();
        }
    }
}

impl Seats {
    fn fresh(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }
}
