//! Which event ids stand where, as far as this process has seen it.
//!
//! A cluster compares ids only at the revisions an append is meant for. The port promises more: an id that is stored at
//! another place is refused. What makes that cheap is that an exact expectation proves what this process remembers: an
//! append at revision *n* succeeds only while the stream has *n* events, so whoever has seen all of them has seen every id
//! the new ones could repeat.

use std::collections::{HashMap, VecDeque};

use rapport_domain::event::{Revision, Stream};
use rapport_domain::id::EventId;

/// Ids remembered; the oldest is forgotten for a new one. About 25 MB when full.
pub(crate) const CAPACITY: usize = 200_000;

/// So many of a stream's last events are compared before an append to it. Longer streams would have to be read whole
/// after a start, for mistakes nobody makes so late.
pub(crate) const WINDOW: u64 = 256;

/// Where an event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) stream: Stream,
    pub(crate) revision: Revision,
}

/// The revisions of one stream whose ids are all known: `from` and later, before `next`.
#[derive(Clone, Copy, Debug)]
struct Span {
    from: u64,
    next: u64,
}

/// The ids seen last.
pub(crate) struct Known {
    capacity: usize,
    ids: HashMap<EventId, Place>,
    oldest: VecDeque<EventId>,
    spans: HashMap<Stream, Span>,
}

impl Known {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            ids: HashMap::new(),
            oldest: VecDeque::new(),
            spans: HashMap::new(),
        }
    }

    /// These events stand in the stream from `first` on.
    pub(crate) fn saw(
        &mut self,
        stream: Stream,
        first: Revision,
        ids: impl Iterator<Item = EventId>,
    ) {
        let mut next = first.0;
        for id in ids {
            let revision = Revision(next);
            next += 1;
            if self.ids.insert(id, Place { stream, revision }).is_none() {
                self.oldest.push_back(id);
            }
        }
        if next == first.0 {
            return;
        }
        let span = self.spans.entry(stream).or_insert(Span {
            from: first.0,
            next,
        });
        if first.0 > span.next || next < span.from {
            // A gap between what was known and this: only this counts.
            *span = Span {
                from: first.0,
                next,
            };
        } else {
            span.from = span.from.min(first.0);
            span.next = span.next.max(next);
        }
        while self.ids.len() > self.capacity {
            let Some(oldest) = self.oldest.pop_front() else {
                break;
            };
            if let Some(place) = self.ids.remove(&oldest) {
                self.spans.remove(&place.stream);
            }
        }
    }

    /// The revision after the last known one, when enough is known before it for an append at `next`.
    pub(crate) fn up_to(&self, stream: Stream, next: Revision) -> Option<Revision> {
        let span = self.spans.get(&stream)?;
        (span.from <= next.0.saturating_sub(WINDOW)).then_some(Revision(span.next))
    }

    /// Whether an append at `next` could be compared with all events it has to be compared with, and the stream is not
    /// known to be elsewhere.
    pub(crate) fn covers(&self, stream: Stream, next: Revision) -> bool {
        match self.spans.get(&stream) {
            None => next == Revision::FIRST,
            Some(span) => span.next == next.0 && self.up_to(stream, next).is_some(),
        }
    }

    /// Where the id stands.
    pub(crate) fn place(&self, id: EventId) -> Option<Place> {
        self.ids.get(&id).copied()
    }

    /// What was known of the stream does not hold any more: it was deleted, or cut off.
    pub(crate) fn forget(&mut self, stream: Stream) {
        self.spans.remove(&stream);
        self.ids.retain(|_, place| place.stream != stream);
        self.oldest.retain(|id| self.ids.contains_key(id));
    }
}

#[cfg(test)]
mod tests {
    use rapport_domain::event::Category;
    use uuid::Uuid;

    use super::*;

    fn stream(number: u128) -> Stream {
        Stream::new(Category::Agent, Uuid::from_u128(number))
    }

    fn ids(numbers: std::ops::Range<u128>) -> impl Iterator<Item = EventId> {
        numbers.map(|number| EventId::from_uuid(Uuid::from_u128(number)))
    }

    #[test]
    fn an_append_is_covered_when_every_event_before_it_was_seen() {
        let mut known = Known::new(1_000);
        assert!(known.covers(stream(1), Revision(0)) && !known.covers(stream(1), Revision(1)));
        known.saw(stream(1), Revision(0), ids(0..3));
        assert!(known.covers(stream(1), Revision(3)));
        assert!(!known.covers(stream(1), Revision(2)) && !known.covers(stream(1), Revision(4)));
        known.saw(stream(1), Revision(3), ids(3..5));
        assert!(known.covers(stream(1), Revision(5)));
        assert_eq!(
            known.place(EventId::from_uuid(Uuid::from_u128(4))),
            Some(Place {
                stream: stream(1),
                revision: Revision(4)
            })
        );
    }

    #[test]
    fn a_gap_ends_what_was_covered_and_the_window_bounds_what_is_needed() {
        let mut known = Known::new(1_000);
        known.saw(stream(1), Revision(0), ids(0..3));
        known.saw(stream(1), Revision(5), ids(5..6));
        assert!(!known.covers(stream(1), Revision(6)));
        let far = 10 * WINDOW;
        known.saw(stream(2), Revision(far), ids(100..100 + u128::from(WINDOW)));
        assert!(known.covers(stream(2), Revision(far + WINDOW)));
    }

    #[test]
    fn what_is_forgotten_for_room_is_covered_no_more() {
        let mut known = Known::new(4);
        known.saw(stream(1), Revision(0), ids(0..3));
        known.saw(stream(2), Revision(0), ids(10..12));
        assert!(
            !known.covers(stream(1), Revision(3)),
            "its first id has gone"
        );
        assert!(known.covers(stream(2), Revision(2)));
        assert!(known.ids.len() <= 4 && known.oldest.len() <= 4);
        known.forget(stream(2));
        assert_eq!(known.place(EventId::from_uuid(Uuid::from_u128(11))), None);
        assert_eq!(known.ids.len(), known.oldest.len());
    }
}
