//! The book of facts.

use crate::event::{NewEvent, Position, Recorded, Revision, Stream};
use crate::id::EventId;
use crate::port::BoxFuture;

/// The largest event the log takes, in bytes of data.
pub const MAX_EVENT_BYTES: usize = 1 << 20;

/// The most events one append may hold.
pub const MAX_BATCH_EVENTS: usize = 1_000;

/// What the writer believes of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// The stream has no event yet.
    NoStream,
    /// The stream's last event has this revision.
    Exact(Revision),
}

impl Expected {
    /// What to expect after having read up to `last`.
    #[must_use]
    pub const fn after(last: Option<Revision>) -> Self {
        match last {
            None => Self::NoStream,
            Some(revision) => Self::Exact(revision),
        }
    }

    /// The last revision the writer believes in: the inverse of [`Expected::after`].
    #[must_use]
    pub const fn last(self) -> Option<Revision> {
        match self {
            Self::NoStream => None,
            Self::Exact(revision) => Some(revision),
        }
    }

    /// The revision the first new event will get.
    #[must_use]
    pub const fn next(self) -> Revision {
        match self {
            Self::NoStream => Revision::FIRST,
            Self::Exact(revision) => revision.next(),
        }
    }
}

/// Events for one stream, all or none.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Where they go.
    pub stream: Stream,
    /// What the writer believes of it.
    pub expected: Expected,
    /// At least one, at most [`MAX_BATCH_EVENTS`].
    pub events: Vec<NewEvent>,
}

impl Batch {
    /// Whether the batch could be taken by any log in any state: what every backend checks first.
    ///
    /// # Errors
    /// [`AppendError::Refused`] when it is empty, holds too many events or one that is too large, or names one id twice.
    pub fn check(&self) -> Result<(), AppendError> {
        let refused = |why: String| Err(AppendError::Refused(why));
        if self.events.is_empty() {
            return refused("the batch is empty".to_owned());
        }
        if self.events.len() > MAX_BATCH_EVENTS {
            return refused(format!(
                "{} events in one batch, at most {MAX_BATCH_EVENTS}",
                self.events.len()
            ));
        }
        if let Some(event) = self
            .events
            .iter()
            .find(|event| event.data.len() > MAX_EVENT_BYTES)
        {
            return refused(format!(
                "event {} has {} bytes, at most {MAX_EVENT_BYTES}",
                event.id,
                event.data.len()
            ));
        }
        let mut ids: Vec<EventId> = self.events.iter().map(|event| event.id).collect();
        ids.sort_unstable();
        match ids.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => refused(format!("event id {} twice in one batch", pair[0])),
            None => Ok(()),
        }
    }

    /// What a log answers without storing anything; `None` when the batch is to be stored. `current` is the stream's
    /// last revision, and `stored[i]` is what the log holds under the id of event `i`.
    ///
    /// In this order: every event stored at exactly the place it was meant for is an identical retry and succeeds, also
    /// after the stream has moved on; an id stored anywhere else, or with another fact, is refused; an expectation that
    /// does not hold is a conflict. A retry may carry another `recorded_at`: the moment first stored stays.
    #[must_use]
    pub fn answer_from(
        &self,
        current: Option<Revision>,
        stored: &[Option<&Recorded>],
    ) -> Option<Result<Appended, AppendError>> {
        let first = match self.expected {
            Expected::NoStream => 0,
            // A revision nobody can reach is never the current one; it must not overflow either.
            Expected::Exact(revision) => revision.0.saturating_add(1),
        };
        let same = |place: u64, new: &NewEvent, old: &Recorded| {
            old.stream == self.stream
                && old.revision == Revision(first.saturating_add(place))
                && old.event.id == new.id
                && old.event.kind == new.kind
                && old.event.version == new.version
                && old.event.meta == new.meta
                && old.event.data == new.data
        };
        let mut retried = None;
        let identical = stored.len() == self.events.len()
            && (0..)
                .zip(self.events.iter().zip(stored))
                .all(|(place, (new, old))| {
                    retried = old.map(|old| Appended {
                        revision: old.revision,
                        position: old.position,
                    });
                    old.is_some_and(|old| same(place, new, old))
                });
        if identical && let Some(appended) = retried {
            return Some(Ok(appended));
        }
        if let Some(old) = stored.iter().flatten().next() {
            return Some(Err(AppendError::Refused(format!(
                "event id {} is stored already, at revision {} of {}, with another place or content",
                old.event.id, old.revision.0, old.stream
            ))));
        }
        (current != self.expected.last()).then_some(Err(AppendError::Conflict { current }))
    }
}

/// An append that is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The revision of the batch's last event.
    pub revision: Revision,
    /// The position of the batch's last event.
    pub position: Position,
}

/// Why an append did not happen, or may not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// Somebody wrote first: look and decide again.
    #[error("the stream has moved on to revision {current:?}")]
    Conflict {
        /// The stream's last revision now; `None` when it has no event.
        current: Option<Revision>,
    },
    /// The batch can never be taken: it is empty, too large, or repeats an event id stored elsewhere.
    #[error("refused: {0}")]
    Refused(String),
    /// It cannot be taken now, and nothing was stored: what the events need is out of reach. Later it may be taken.
    #[error("not now: {0}")]
    Unavailable(String),
    /// The disk failed at the wrong moment: the events may or may not be stored. Retry with the same ids.
    #[error("outcome unknown: {0}")]
    Unknown(String),
    /// The log is shutting down; nothing was stored.
    #[error("the log is closed")]
    Closed,
}

/// A read failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot read the log: {0}")]
pub struct ReadError(pub String);

/// The book of facts. Of two writers with the same expectation one wins, the other gets
/// [`AppendError::Conflict`].
///
/// An append is durable when it answers, atomic, and for one stream; nothing may assume more. Appending the identical
/// batch (same ids, same expectation) again is success and stores nothing. Positions order all events; position
/// order is the order in which appends became durable, so a reader who has seen a position has seen everything before it.
pub trait EventLog: Send + Sync {
    /// Appends a batch. Waits while the writer's bounded queue is full.
    fn append(&self, batch: Batch) -> BoxFuture<'_, Result<Appended, AppendError>>;

    /// Events of one stream from `from` on, oldest first, at most `limit`. Empty when there are none.
    fn read_stream(
        &self,
        stream: Stream,
        from: Revision,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Recorded>, ReadError>>;

    /// Events of all streams after (not at) `after`, in position order, at most `limit`.
    fn read_all(
        &self,
        after: Position,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Recorded>, ReadError>>;

    /// The position of the last durable event; [`Position::START`] when there is none.
    fn head(&self) -> Position;

    /// Resolves with the head once it lies after `position`: what a subscription waits on.
    fn wait_past(&self, position: Position) -> BoxFuture<'_, Position>;

    /// Whether positions are consecutive numbers, so that the difference of two of them counts events. Only what is shown
    /// to people may depend on it. A log that wraps another one answers as that one does.
    fn counts_positions(&self) -> bool {
        false
    }
}

/// A catch-up subscription by pull: pages until the head, then waits for it to move. There is no live buffer, hence
/// no race between catching up and going live, and nothing to overflow.
pub struct Subscription<'a> {
    log: &'a dyn EventLog,
    after: Position,
    page: usize,
}

impl<'a> Subscription<'a> {
    /// Follows everything after `after`, at most `page` events at a time.
    pub fn new(log: &'a dyn EventLog, after: Position, page: usize) -> Self {
        Self { log, after, page }
    }

    /// The next events, at least one, in order. Waits until there are some.
    ///
    /// # Errors
    /// [`ReadError`] when the log cannot be read; asking again continues at the same place.
    pub async fn next(&mut self) -> Result<Vec<Recorded>, ReadError> {
        loop {
            self.log.wait_past(self.after).await;
            let events = self.log.read_all(self.after, self.page).await?;
            if let Some(last) = events.last() {
                self.after = last.position;
                return Ok(events);
            }
        }
    }

    /// The position of the last event handed out.
    #[must_use]
    pub fn position(&self) -> Position {
        self.after
    }
}
