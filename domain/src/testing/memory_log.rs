//! The log without a disk, for tests.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::event::{NewEvent, Position, Recorded, Revision, Stream};
use crate::id::EventId;
use crate::port::BoxFuture;
use crate::port::log::{AppendError, Appended, Batch, EventLog, Expected, ReadError};

/// An [`EventLog`] that forgets everything when it is dropped, and otherwise keeps every promise of the port.
///
/// Its positions are ordered and deliberately not contiguous, so that code which adds to a position fails its tests.
/// Clones share one log. Unbounded: a test holds everything it appended.
#[derive(Clone, Default)]
pub struct MemoryLog {
    shared: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    events: Vec<Recorded>,
    streams: HashMap<Stream, Vec<usize>>,
    ids: HashMap<EventId, usize>,
    waiting: HashMap<u64, Waker>,
    next_ticket: u64,
}

impl State {
    fn head(&self) -> Position {
        self.events
            .last()
            .map_or(Position::START, |last| last.position)
    }

    fn append(&mut self, batch: Batch) -> Result<Appended, AppendError> {
        batch.check()?;
        let current = self
            .streams
            .get(&batch.stream)
            .map(|events| Revision(events.len() as u64 - 1));
        let stored: Vec<Option<&Recorded>> = batch
            .events
            .iter()
            .map(|event| self.ids.get(&event.id).map(|&at| &self.events[at]))
            .collect();
        if let Some(answer) = batch.answer_from(current, &stored) {
            return answer;
        }
        let mut revision = batch.expected.next();
        let mut position = self.head();
        for event in batch.events {
            position = Position(position.0 + 1 + event.data.len() as u64 % 7);
            let at = self.events.len();
            self.ids.insert(event.id, at);
            self.streams.entry(batch.stream).or_default().push(at);
            self.events.push(Recorded {
                stream: batch.stream,
                revision,
                position,
                event,
            });
            revision = revision.next();
        }
        Ok(Appended {
            revision: Revision(revision.0 - 1),
            position,
        })
    }
}

impl MemoryLog {
    /// An empty log.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Everything appended so far, in order.
    #[must_use]
    pub fn events(&self) -> Vec<Recorded> {
        self.lock().events.clone()
    }

    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.lock().waiting.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is only changed by code that does not panic half way.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EventLog for MemoryLog {
    fn append(&self, batch: Batch) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(async move {
            let (answer, wakers) = {
                let mut state = self.lock();
                let answer = state.append(batch);
                (
                    answer,
                    state
                        .waiting
                        .drain()
                        .map(|(_, waker)| waker)
                        .collect::<Vec<_>>(),
                )
            };
            wakers.into_iter().for_each(Waker::wake);
            answer
        })
    }

    fn read_stream(
        &self,
        stream: Stream,
        from: Revision,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Recorded>, ReadError>> {
        Box::pin(async move {
            let state = self.lock();
            let Some(places) = state.streams.get(&stream) else {
                return Ok(Vec::new());
            };
            let skip = usize::try_from(from.0).unwrap_or(usize::MAX);
            Ok(places
                .iter()
                .skip(skip)
                .take(limit)
                .map(|&at| state.events[at].clone())
                .collect())
        })
    }

    fn read_all(
        &self,
        after: Position,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Recorded>, ReadError>> {
        Box::pin(async move {
            let state = self.lock();
            let start = state
                .events
                .partition_point(|event| event.position <= after);
            Ok(state.events[start..].iter().take(limit).cloned().collect())
        })
    }

    fn head(&self) -> Position {
        self.lock().head()
    }

    fn wait_past(&self, position: Position) -> BoxFuture<'_, Position> {
        Box::pin(WaitPast {
            log: self,
            position,
            ticket: None,
        })
    }
}

struct WaitPast<'a> {
    log: &'a MemoryLog,
    position: Position,
    ticket: Option<u64>,
}

impl Future for WaitPast<'_> {
    type Output = Position;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Position> {
        let log = self.log;
        let mut state = log.lock();
        let head = state.head();
        if head > self.position {
            return Poll::Ready(head);
        }
        let ticket = self.ticket.unwrap_or(state.next_ticket);
        if self.ticket.is_none() {
            state.next_ticket += 1;
        }
        state.waiting.insert(ticket, context.waker().clone());
        drop(state);
        self.ticket = Some(ticket);
        Poll::Pending
    }
}

impl Drop for WaitPast<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.log.lock().waiting.remove(&ticket);
        }
    }
}

impl MemoryLog {
    /// Appends without a runtime; for arranging a test.
    ///
    /// # Errors
    /// As [`EventLog::append`].
    pub fn append_now(
        &self,
        stream: Stream,
        events: Vec<NewEvent>,
    ) -> Result<Appended, AppendError> {
        let current = self
            .lock()
            .streams
            .get(&stream)
            .map(|events| Revision(events.len() as u64 - 1));
        super::block_on(self.append(Batch {
            stream,
            expected: Expected::after(current),
            events,
        }))
    }
}
