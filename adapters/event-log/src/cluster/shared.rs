//! What the parts of the adapter know in common.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rapport_domain::event::{Position, Recorded, Revision, Stream};
use rapport_domain::id::EventId;
use rapport_domain::port::log::Batch;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout_at};

use super::answer::Fault;
use super::client::Link;
use super::known::{CAPACITY, Known, Place};

/// How the connection to the cluster is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterHealth {
    /// Whether there is a connection that is not in doubt.
    pub connected: bool,
    /// Whether the subscription runs that wakes readers when another hub appends.
    pub subscribed: bool,
    /// What went wrong last, also when all is well again.
    pub last_error: Option<String>,
    /// Connections made so far.
    pub connections: u64,
    /// Subscriptions made so far.
    pub subscriptions: u64,
    /// Appends that were sent again because their outcome was not heard.
    pub resent: u64,
}

/// Head, connection, memory and counters.
pub(crate) struct Shared {
    head: watch::Sender<Position>,
    link: watch::Sender<Option<Arc<Link>>>,
    doubts: mpsc::Sender<u64>,
    known: Mutex<Known>,
    /// After the first position nothing of ours comes before the second.
    passed_over: Mutex<(u64, u64)>,
    trouble: watch::Sender<Option<Fault>>,
    subscribed: AtomicBool,
    connections: AtomicU64,
    subscriptions: AtomicU64,
    resent: AtomicU64,
}

impl Shared {
    /// The receiver tells which links are in doubt.
    pub(crate) fn new() -> (Arc<Self>, mpsc::Receiver<u64>) {
        // One doubt is enough; more say the same.
        let (doubts, doubted) = mpsc::channel(1);
        let shared = Self {
            head: watch::Sender::new(Position::START),
            link: watch::Sender::new(None),
            doubts,
            known: Mutex::new(Known::new(CAPACITY)),
            passed_over: Mutex::new((0, 0)),
            trouble: watch::Sender::new(None),
            subscribed: AtomicBool::new(false),
            connections: AtomicU64::new(0),
            subscriptions: AtomicU64::new(0),
            resent: AtomicU64::new(0),
        };
        (Arc::new(shared), doubted)
    }

    pub(crate) fn head(&self) -> Position {
        *self.head.borrow()
    }

    pub(crate) fn watch_head(&self) -> watch::Receiver<Position> {
        self.head.subscribe()
    }

    /// There is one of our events at this position.
    pub(crate) fn publish(&self, position: Position) {
        self.head.send_if_modified(|head| {
            let moved = position > *head;
            *head = position.max(*head);
            moved
        });
    }

    /// The connection, as soon as there is one; `None` when there is none in time.
    pub(crate) async fn link(&self, until: Instant) -> Option<Arc<Link>> {
        let mut links = self.link.subscribe();
        let found = timeout_at(until, links.wait_for(Option::is_some)).await;
        found.ok()?.ok()?.clone()
    }

    pub(crate) fn connected(&self, link: Arc<Link>) {
        self.connections.fetch_add(1, Ordering::Relaxed);
        self.link.send_replace(Some(link));
    }

    pub(crate) fn disconnected(&self, why: &Fault) {
        self.link.send_replace(None);
        self.failed(why);
    }

    pub(crate) fn failed(&self, why: &Fault) {
        self.trouble.send_replace(Some(why.clone()));
    }

    /// What went wrong last.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.trouble.borrow().as_ref().map(Fault::words)
    }

    /// Whether there is a connection in time. Does not wait for a cluster that refuses the user.
    pub(crate) async fn is_let_in(&self, until: Instant) -> bool {
        let mut trouble = self.trouble.subscribe();
        tokio::select! {
            link = self.link(until) => link.is_some(),
            _ = trouble.wait_for(|why| *why == Some(Fault::Denied)) => false,
        }
    }

    /// Something went wrong that may be the connection's fault: it is looked at.
    pub(crate) fn doubt(&self, link: &Link) {
        // When one doubt is waiting already, this one says nothing new.
        let _said = self.doubts.try_send(link.number);
    }

    pub(crate) fn subscribed(&self) {
        self.subscriptions.fetch_add(1, Ordering::Relaxed);
        self.subscribed.store(true, Ordering::Relaxed);
    }

    pub(crate) fn unsubscribed(&self) {
        self.subscribed.store(false, Ordering::Relaxed);
    }

    pub(crate) fn sent_again(&self) {
        self.resent.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn health(&self) -> ClusterHealth {
        ClusterHealth {
            connected: self.link.borrow().is_some(),
            subscribed: self.subscribed.load(Ordering::Relaxed),
            last_error: self.trouble(),
            connections: self.connections.load(Ordering::Relaxed),
            subscriptions: self.subscriptions.load(Ordering::Relaxed),
            resent: self.resent.load(Ordering::Relaxed),
        }
    }

    /// Whether everything the batch has to be compared with is known, and says nothing against it.
    pub(crate) fn may_be_sent(&self, batch: &Batch, next: Revision) -> bool {
        let known = lock(&self.known);
        known.covers(batch.stream, next)
            && batch
                .events
                .iter()
                .all(|event| known.place(event.id).is_none())
    }

    /// The revision after the last known one, when what is known of the stream is enough for an append at `next`.
    pub(crate) fn known_up_to(&self, stream: Stream, next: Revision) -> Option<Revision> {
        lock(&self.known).up_to(stream, next)
    }

    pub(crate) fn saw(&self, stream: Stream, first: Revision, ids: impl Iterator<Item = EventId>) {
        lock(&self.known).saw(stream, first, ids);
    }

    pub(crate) fn saw_recorded(&self, events: &[Recorded]) {
        if let Some(first) = events.first() {
            self.saw(
                first.stream,
                first.revision,
                events.iter().map(|event| event.event.id),
            );
        }
    }

    pub(crate) fn place(&self, id: EventId) -> Option<Place> {
        lock(&self.known).place(id)
    }

    pub(crate) fn forget(&self, stream: Stream) {
        lock(&self.known).forget(stream);
    }

    /// Where a reader who is at `after` may begin.
    pub(crate) fn begin_at(&self, after: u64) -> u64 {
        let (from, to) = *lock(&self.passed_over);
        if (from..to).contains(&after) {
            to
        } else {
            after
        }
    }

    /// Between the two positions nothing is ours.
    pub(crate) fn passed_over(&self, after: u64, to: u64) {
        let mut known = lock(&self.passed_over);
        *known = if (known.0..=known.1).contains(&after) {
            (known.0, to.max(known.1))
        } else {
            (after, to)
        };
    }
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that panics half way changes these.
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub(crate) append: Duration,
    pub(crate) read: Duration,
}
