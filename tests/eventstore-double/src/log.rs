//! The book of the pretended server: streams, revisions, positions and the rules of appending. No socket, no clock.
//!
//! The rules follow what the server's sources and documents say about expected revisions, idempotency, deletion and
//! positions; where a rule is simplified, the item says so.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

/// Revision of the event that marks a tombstone.
pub const TOMBSTONE: u64 = i64::MAX as u64;
/// Type of the event that marks a tombstone.
const DELETED: &str = "$streamDeleted";
/// Type of the events that carry a stream's metadata.
const METADATA: &str = "$metadata";
/// What a record takes in the pretended file besides its content, in bytes.
const FRAME: u64 = 57;

/// One stored event.
#[derive(Debug)]
pub struct Record {
    /// Chosen by the writer.
    pub id: Uuid,
    /// Its stream.
    pub stream: Arc<str>,
    /// Its place in the stream, from 0 without gaps; a tombstone has [`TOMBSTONE`].
    pub revision: u64,
    /// Its place in the log. Ordered; grows by the size of what stands before, as a place in a file does.
    pub position: u64,
    /// When it was written, in ticks of 100 ns since 1970.
    pub created: i64,
    /// Its type.
    pub kind: String,
    /// Whether the content is said to be JSON.
    pub json: bool,
    /// The content.
    pub data: Bytes,
    /// The writer's metadata.
    pub metadata: Bytes,
}

/// An event to be stored.
#[derive(Clone, Debug)]
pub struct Proposed {
    /// Chosen by the writer; what idempotency goes by.
    pub id: Uuid,
    /// Its type.
    pub kind: String,
    /// Whether the content is said to be JSON.
    pub json: bool,
    /// The content.
    pub data: Bytes,
    /// The writer's metadata.
    pub metadata: Bytes,
}

impl Proposed {
    /// What the event takes, in bytes, as the server counts it: types are stored with two bytes a letter.
    pub fn size(&self) -> usize {
        2 * self.kind.len() + self.data.len() + self.metadata.len()
    }

    fn system(kind: &str, data: &'static [u8]) -> Proposed {
        Proposed {
            id: Uuid::new_v4(),
            kind: kind.into(),
            json: true,
            data: Bytes::from_static(data),
            metadata: Bytes::new(),
        }
    }
}

/// What a writer expects of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Anything.
    Any,
    /// At least one event that was not deleted.
    Exists,
    /// No event, or only deleted ones.
    NoStream,
    /// This revision last.
    Exact(u64),
}

impl Expected {
    /// As the server writes it in texts.
    pub fn number(self) -> i64 {
        match self {
            Expected::Any => -2,
            Expected::Exists => -4,
            Expected::NoStream => -1,
            Expected::Exact(revision) => i64::try_from(revision).unwrap_or(i64::MAX),
        }
    }
}

/// What became of an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Revision of the last event of the append, none when an empty append met no stream.
    pub revision: Option<u64>,
    /// Position of the last event of the append, none when there was nothing to write.
    pub position: Option<u64>,
}

/// Why nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The stream's last revision is another one; none: there is no event.
    Conflict(Option<u64>),
    /// The stream has a tombstone.
    Deleted,
}

/// Which way a reader goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From old to new.
    Forwards,
    /// From new to old.
    Backwards,
}

/// A stream as a reader meets it.
#[derive(Debug)]
pub enum Page {
    /// Never written, or deleted.
    Missing,
    /// It has a tombstone.
    Deleted,
    /// There it is.
    Found {
        /// What was asked for.
        events: Vec<Arc<Record>>,
        /// First revision that was not cut off.
        first: u64,
        /// Last revision.
        last: u64,
    },
}

#[derive(Default)]
struct Stream {
    /// Places in `Log::records`, by revision.
    events: Vec<usize>,
    /// Events before this revision are no longer shown.
    first: u64,
    /// Deleted, and may be written again.
    deleted: bool,
    /// Deleted for good.
    tombstone: bool,
}

impl Stream {
    fn last(&self) -> Option<u64> {
        (self.events.len() as u64).checked_sub(1)
    }
}

/// Everything that was written.
#[derive(Default)]
pub struct Log {
    records: Vec<Arc<Record>>,
    streams: HashMap<Arc<str>, Stream>,
    /// Place of an event by its id. The server keeps only the recent ones for writers who expect nothing in particular.
    ids: HashMap<Uuid, usize>,
    end: u64,
    clients: usize,
}

impl Log {
    /// A log as a fresh server has it: with an event of its own, which readers have to pass over.
    pub fn fresh(now: i64) -> Log {
        let mut log = Log {
            end: 139, // what a server writes about itself first is no event
            ..Log::default()
        };
        let about = Proposed::system(METADATA, br#"{"$maxAge":2592000,"$acl":{}}"#);
        log.write("$$$stats-127.0.0.1:2113", vec![about], now);
        log
    }

    /// Events of clients, without what the server writes for itself.
    pub fn clients(&self) -> usize {
        self.clients
    }

    /// Number of records, the server's own included.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// The record at a place.
    pub fn at(&self, place: usize) -> Option<&Arc<Record>> {
        self.records.get(place)
    }

    /// Writes all of it or nothing, by the server's rules of expected revisions and idempotency.
    pub fn append(
        &mut self,
        name: &str,
        expected: Expected,
        events: Vec<Proposed>,
        now: i64,
    ) -> Result<Appended, Refusal> {
        let stream = self.streams.get(name);
        let last = stream.and_then(Stream::last);
        let deleted = stream.is_some_and(|stream| stream.deleted);
        if stream.is_some_and(|stream| stream.tombstone) {
            return Err(Refusal::Deleted);
        }
        match expected {
            Expected::Exists if deleted || last.is_none() => return Err(Refusal::Conflict(last)),
            Expected::Exact(revision) if last.is_none_or(|last| revision > last) => {
                return Err(Refusal::Conflict(last));
            }
            Expected::Any | Expected::Exists => {
                if let Some(again) = self.again_anywhere(name, &events) {
                    return again.ok_or(Refusal::Conflict(last));
                }
            }
            Expected::Exact(_) | Expected::NoStream => {
                let next = if let Expected::Exact(revision) = expected {
                    revision + 1
                } else {
                    0
                };
                if next < last.map_or(0, |last| last + 1) {
                    if let Some(again) = self.again_at(name, next, &events) {
                        return Ok(again);
                    }
                    let first_again = self.again_at(name, next, &events[..events.len().min(1)]);
                    let reborn = expected == Expected::NoStream && deleted;
                    if !(reborn && (events.is_empty() || first_again.is_none())) {
                        return Err(Refusal::Conflict(last));
                    }
                }
            }
        }
        if events.is_empty() {
            return Ok(Appended {
                revision: last,
                position: None,
            });
        }
        Ok(self.write(name, events, now))
    }

    /// For writers who name no revision: `None` when the first event is new, `Some(None)` when only a part is.
    fn again_anywhere(&self, name: &str, events: &[Proposed]) -> Option<Option<Appended>> {
        let places: Vec<Option<&usize>> = events
            .iter()
            .map(|event| {
                self.ids
                    .get(&event.id)
                    .filter(|place| *self.records[**place].stream == *name)
            })
            .collect();
        places.first().copied().flatten()?;
        let all: Option<Vec<&usize>> = places.into_iter().collect();
        Some(all.and_then(|places| {
            let last = &self.records[**places.last()?];
            Some(Appended {
                revision: Some(last.revision),
                position: Some(last.position),
            })
        }))
    }

    /// The same events at the same revisions: what they got when they were written.
    fn again_at(&self, name: &str, next: u64, events: &[Proposed]) -> Option<Appended> {
        let stored = &self.streams.get(name)?.events;
        let from = usize::try_from(next).ok()?;
        let there = stored.get(from..from + events.len())?;
        let same = there
            .iter()
            .zip(events)
            .all(|(place, event)| self.records[*place].id == event.id);
        let last = &self.records[*there.last()?];
        same.then_some(Appended {
            revision: Some(last.revision),
            position: Some(last.position),
        })
    }

    fn write(&mut self, name: &str, events: Vec<Proposed>, now: i64) -> Appended {
        let stream = self.stream(name);
        let reborn = stream.deleted;
        if reborn {
            stream.deleted = false;
            stream.first = stream.events.len() as u64;
        }
        let mut appended = Appended {
            revision: None,
            position: None,
        };
        for event in events {
            self.obey(name, &event);
            let revision = self.stream(name).events.len() as u64;
            let position = self.record(name, revision, event, now);
            appended = Appended {
                revision: Some(revision),
                position: Some(position),
            };
        }
        if reborn {
            let first = self.stream(name).first;
            let about = format!("{{\"$tb\":{first}}}");
            self.metadata(name, about, now);
        }
        appended
    }

    /// A stream's metadata may cut off its older events. (Of the server's settings only `$tb` is kept here.)
    fn obey(&mut self, name: &str, event: &Proposed) {
        let Some(subject) = name.strip_prefix("$$") else {
            return;
        };
        let first = serde_json::from_slice::<serde_json::Value>(&event.data)
            .ok()
            .and_then(|about| about.get("$tb")?.as_u64());
        if let Some(first) = first {
            let subject = self.stream(subject);
            subject.deleted = first == TOMBSTONE;
            if !subject.deleted {
                subject.first = first;
            }
        }
    }

    fn metadata(&mut self, name: &str, about: String, now: i64) -> u64 {
        let mut event = Proposed::system(METADATA, b"");
        event.data = about.into();
        let appended = self.write(&format!("$${name}"), vec![event], now);
        appended.position.unwrap_or_default()
    }

    fn record(&mut self, name: &str, revision: u64, event: Proposed, now: i64) -> u64 {
        let stream: Arc<str> = match self.streams.get_key_value(name) {
            Some((name, _)) => name.clone(),
            None => name.into(),
        };
        let position = self.end;
        let place = self.records.len();
        self.end += FRAME + 2 * stream.len() as u64 + event.size() as u64;
        if !name.starts_with('$') && event.kind != DELETED {
            self.clients += 1;
        }
        self.ids.insert(event.id, place);
        if revision != TOMBSTONE {
            self.stream(name).events.push(place);
        }
        self.records.push(Arc::new(Record {
            id: event.id,
            stream,
            revision,
            position,
            created: now,
            kind: event.kind,
            json: event.json,
            data: event.data,
            metadata: event.metadata,
        }));
        position
    }

    fn stream(&mut self, name: &str) -> &mut Stream {
        if !self.streams.contains_key(name) {
            self.streams.insert(name.into(), Stream::default());
        }
        self.streams.entry(name.into()).or_default()
    }

    /// Deletes a stream, so that it may be written again (its revisions go on), or for good. Returns the position of the
    /// event that says so.
    pub fn delete(
        &mut self,
        name: &str,
        expected: Expected,
        for_good: bool,
        now: i64,
    ) -> Result<u64, Refusal> {
        let stream = self.streams.get(name);
        let last = stream.and_then(Stream::last);
        let deleted = stream.is_some_and(|stream| stream.deleted);
        if stream.is_some_and(|stream| stream.tombstone) {
            return Err(Refusal::Deleted);
        }
        let met = match expected {
            Expected::Any => true,
            Expected::Exists => last.is_some() && !deleted,
            Expected::NoStream => last.is_none() || deleted,
            Expected::Exact(revision) => last == Some(revision),
        };
        if !met {
            return Err(Refusal::Conflict(last));
        }
        if for_good {
            self.stream(name).tombstone = true;
            let mark = Proposed::system(DELETED, b"");
            return Ok(self.record(name, TOMBSTONE, mark, now));
        }
        self.stream(name).deleted = true;
        Ok(self.metadata(name, format!("{{\"$tb\":{TOMBSTONE}}}"), now))
    }

    /// Last revision of a stream that can be read.
    pub fn last(&self, name: &str) -> Option<u64> {
        let stream = self.streams.get(name)?;
        stream.last().filter(|_| !stream.deleted)
    }

    /// At most `count` events from a revision on, that one included. Backwards `None` means the end.
    pub fn read_stream(
        &self,
        name: &str,
        from: Option<u64>,
        direction: Direction,
        count: usize,
    ) -> Page {
        let Some(stream) = self.streams.get(name) else {
            return Page::Missing;
        };
        if stream.tombstone {
            return Page::Deleted;
        }
        let (Some(last), false) = (stream.last(), stream.deleted) else {
            return Page::Missing;
        };
        let record = |revision: u64| {
            let place = stream.events.get(usize::try_from(revision).ok()?)?;
            self.records.get(*place).cloned()
        };
        let events = match direction {
            Direction::Forwards => {
                let from = from.unwrap_or(last + 1).max(stream.first);
                (from..=last).take(count).filter_map(record).collect()
            }
            Direction::Backwards => {
                let from = from.unwrap_or(last).min(last);
                (stream.first..=from)
                    .rev()
                    .take(count)
                    .filter_map(record)
                    .collect()
            }
        };
        Page::Found {
            events,
            first: stream.first,
            last,
        }
    }

    /// Place of the first record at or after a position, or nothing when the position is none that was ever handed out.
    pub fn place(&self, position: u64) -> Option<usize> {
        if position == 0 {
            return Some(0);
        }
        if position >= self.end {
            return Some(self.records.len());
        }
        self.records
            .binary_search_by_key(&position, |record| record.position)
            .ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Proposed {
        Proposed {
            id: Uuid::new_v4(),
            kind: "opened".into(),
            json: true,
            data: Bytes::from_static(b"{}"),
            metadata: Bytes::new(),
        }
    }

    fn revisions(log: &Log, name: &str) -> Option<Vec<u64>> {
        match log.read_stream(name, Some(0), Direction::Forwards, 100) {
            Page::Found { events, .. } => Some(events.iter().map(|e| e.revision).collect()),
            Page::Missing | Page::Deleted => None,
        }
    }

    #[test]
    fn the_identical_append_again_is_answered_as_the_first_time_whatever_came_after() {
        let mut log = Log::fresh(0);
        let two = vec![event(), event()];
        let first = log.append("deal-1", Expected::NoStream, two.clone(), 0);
        let more = vec![event()];
        let second = log.append("deal-1", Expected::Exact(1), more.clone(), 0);
        for (expected, events, answer) in [
            (Expected::NoStream, &two, first),
            (Expected::Any, &two, first),
            (Expected::Exists, &two, first),
            (Expected::Exact(1), &more, second),
        ] {
            assert_eq!(log.append("deal-1", expected, events.clone(), 0), answer);
        }
        assert_eq!(log.clients(), 3);
    }

    #[test]
    fn an_append_of_which_only_the_beginning_is_known_is_a_conflict() {
        for expected in [Expected::NoStream, Expected::Any] {
            let mut log = Log::fresh(0);
            let known = event();
            let first = log.append("deal-1", Expected::NoStream, vec![known.clone()], 0);
            assert!(first.is_ok());
            let refused = log.append("deal-1", expected, vec![known, event()], 0);
            assert_eq!(refused, Err(Refusal::Conflict(Some(0))), "{expected:?}");
        }
    }

    #[test]
    fn the_same_id_in_another_stream_is_another_event() {
        let mut log = Log::fresh(0);
        let one = event();
        for name in ["deal-1", "deal-2"] {
            let stored = log.append(name, Expected::Any, vec![one.clone()], 0);
            assert_eq!(stored.map(|stored| stored.revision), Ok(Some(0)));
        }
        assert_eq!(log.clients(), 2);
    }

    #[test]
    fn nobody_appends_behind_or_before_the_end() {
        let mut log = Log::fresh(0);
        for expected in [
            Expected::Exact(0),
            Expected::Exact(u64::MAX),
            Expected::Exists,
        ] {
            let refused = log.append("deal-1", expected, vec![event()], 0);
            assert_eq!(refused, Err(Refusal::Conflict(None)), "{expected:?}");
        }
        let three = vec![event(), event(), event()];
        assert!(log.append("deal-1", Expected::Any, three, 0).is_ok());
        for revision in [0, 1, 3] {
            let refused = log.append("deal-1", Expected::Exact(revision), vec![event()], 0);
            assert_eq!(refused, Err(Refusal::Conflict(Some(2))), "{revision}");
        }
    }

    #[test]
    fn revisions_go_on_after_a_deletion_and_what_was_before_is_not_shown() {
        for expected in [Expected::NoStream, Expected::Any, Expected::Exact(1)] {
            let mut log = Log::fresh(0);
            let two = vec![event(), event()];
            assert!(log.append("deal-1", Expected::Any, two, 0).is_ok());
            assert!(log.delete("deal-1", Expected::Exact(1), false, 0).is_ok());
            assert_eq!(revisions(&log, "deal-1"), None);
            assert!(log.append("deal-1", expected, vec![event()], 0).is_ok());
            assert_eq!(revisions(&log, "deal-1"), Some(vec![2]), "{expected:?}");
        }
    }

    #[test]
    fn a_tombstone_is_for_good_and_stands_in_the_log() {
        let mut log = Log::fresh(0);
        assert!(
            log.append("deal-1", Expected::Any, vec![event()], 0)
                .is_ok()
        );
        assert!(log.delete("deal-1", Expected::Exact(0), true, 0).is_ok());
        for expected in [Expected::NoStream, Expected::Any, Expected::Exact(0)] {
            let refused = log.append("deal-1", expected, vec![event()], 0);
            assert_eq!(refused, Err(Refusal::Deleted));
        }
        let mark = log.at(log.len() - 1).map(|record| record.revision);
        assert_eq!(mark, Some(TOMBSTONE));
        assert_eq!(log.clients(), 1);
    }

    #[test]
    fn only_positions_that_were_handed_out_are_places() {
        let mut log = Log::fresh(0);
        let two = vec![event(), event()];
        assert!(log.append("deal-1", Expected::Any, two, 0).is_ok());
        let position = |place: usize| log.at(place).map(|record| record.position);
        for place in 0..3 {
            assert_eq!(position(place).and_then(|at| log.place(at)), Some(place));
            assert_eq!(position(place).and_then(|at| log.place(at + 1)), None);
        }
        assert_eq!(log.place(0), Some(0));
        assert_eq!(
            log.place(u64::MAX),
            Some(3),
            "after the end there is nothing yet"
        );
    }
}
