//! Reactions run side by side, but those that concern the same thing run one after the other, in the order of events.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rapport_domain::event::Position;
use tokio::sync::{Notify, mpsc};
use uuid::Uuid;

/// Lanes that run at the same time: enough for group commit to pay, few enough to be cheap.
const LANES: usize = 64;
/// Jobs a lane holds; when it is full, whoever submits waits, which slows the reactor and nobody else.
const DEPTH: usize = 1_024;

type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Ordered, bounded, concurrent work.
pub(crate) struct Lanes {
    senders: Vec<mpsc::Sender<(Job, Option<Position>)>>,
    progress: Arc<Progress>,
}

#[derive(Default)]
struct Progress {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    /// Events handed to the lanes, in order, and how many of their jobs still run.
    events: VecDeque<(Position, usize)>,
    /// Every event up to here has been reacted to.
    done: Position,
    /// Jobs in all lanes, those without an event included.
    running: usize,
}

impl Progress {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn finished(&self, position: Option<Position>) {
        let mut state = self.lock();
        state.running -= 1;
        if let Some(position) = position
            && let Ok(index) = state.events.binary_search_by_key(&position, |(at, _)| *at)
        {
            state.events[index].1 -= 1;
        }
        state.settle();
        if state.running == 0 {
            self.changed.notify_waiters();
        }
    }
}

impl State {
    fn settle(&mut self) {
        while let Some((position, 0)) = self.events.front().copied() {
            self.done = position;
            self.events.pop_front();
        }
    }
}

impl Lanes {
    /// Starts the lanes on the current runtime.
    pub fn start() -> Self {
        let progress = Arc::new(Progress::default());
        let senders = (0..LANES)
            .map(|_| {
                let (sender, mut jobs) = mpsc::channel::<(Job, Option<Position>)>(DEPTH);
                let progress = progress.clone();
                tokio::spawn(async move {
                    while let Some((job, position)) = jobs.recv().await {
                        // A job that panics must not stop its lane: it is reported and counted as finished.
                        if tokio::spawn(job).await.is_err() {
                            tracing::error!(
                                ?position,
                                "a reaction failed with a defect of the program"
                            );
                        }
                        progress.finished(position);
                    }
                });
                sender
            })
            .collect();
        Self { senders, progress }
    }

    /// Everything up to here was reacted to in an earlier life, or needs no reaction.
    pub fn done_until(&self, position: Position) {
        let mut state = self.progress.lock();
        state.done = state.done.max(position);
    }

    /// Begins an event: jobs submitted for it count until [`Lanes::sealed`] and all of them are done.
    pub fn begin(&self, position: Position) {
        self.progress.lock().events.push_back((position, 1));
    }

    /// The event has all its jobs.
    pub fn sealed(&self, position: Position) {
        let mut state = self.progress.lock();
        if let Ok(index) = state.events.binary_search_by_key(&position, |(at, _)| *at) {
            state.events[index].1 -= 1;
        }
        state.settle();
    }

    /// Runs a job after all earlier ones of the same key. Waits while the lane is full. A job must not submit to
    /// the lanes itself: two full lanes could wait for each other.
    pub async fn submit(
        &self,
        key: Uuid,
        position: Option<Position>,
        job: impl Future<Output = ()> + Send + 'static,
    ) {
        {
            let mut state = self.progress.lock();
            state.running += 1;
            if let Some(position) = position
                && let Ok(index) = state.events.binary_search_by_key(&position, |(at, _)| *at)
            {
                state.events[index].1 += 1;
            }
        }
        let lane = usize::from(key.as_bytes()[14]) % LANES;
        if self.senders[lane]
            .send((Box::pin(job), position))
            .await
            .is_err()
        {
            self.progress.finished(position); // the runtime is stopping
        }
    }

    /// As [`Lanes::submit`], and waits until the job is done.
    pub async fn run(&self, key: Uuid, job: impl Future<Output = ()> + Send + 'static) {
        let (done, told) = tokio::sync::oneshot::channel::<()>();
        self.submit(key, None, async move {
            job.await;
            drop(done);
        })
        .await;
        let _dropped_when_it_is_done = told.await;
    }

    /// Every event up to here has been reacted to.
    pub fn done(&self) -> Position {
        self.progress.lock().done
    }

    /// Resolves when no job is running or waiting.
    pub async fn idle(&self) {
        loop {
            let changed = self.progress.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.progress.lock().running == 0 {
                return;
            }
            changed.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn jobs_of_one_thing_run_in_order_and_the_mark_follows() {
        let lanes = Lanes::start();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let key = Uuid::from_u128(7);
        for n in 1..=100u64 {
            lanes.begin(Position(n * 10));
            let seen = seen.clone();
            lanes
                .submit(key, Some(Position(n * 10)), async move {
                    tokio::task::yield_now().await;
                    seen.lock().unwrap().push(n);
                })
                .await;
            lanes.sealed(Position(n * 10));
        }
        lanes.idle().await;
        assert_eq!(*seen.lock().unwrap(), (1..=100).collect::<Vec<_>>());
        assert_eq!(lanes.done(), Position(1_000));
    }

    #[tokio::test]
    async fn the_mark_does_not_pass_a_reaction_that_still_runs() {
        let lanes = Lanes::start();
        let (release, held) = tokio::sync::oneshot::channel::<()>();
        lanes.begin(Position(1));
        lanes
            .submit(Uuid::from_u128(1), Some(Position(1)), async move {
                drop(held.await)
            })
            .await;
        lanes.sealed(Position(1));
        lanes.begin(Position(2));
        lanes.sealed(Position(2));
        assert_eq!(lanes.done(), Position::START);
        release.send(()).unwrap();
        lanes.idle().await;
        assert_eq!(lanes.done(), Position(2));
    }
}
