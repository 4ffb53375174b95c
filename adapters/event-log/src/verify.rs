//! Looking through a whole log for anything that is not as it must be.
//!
//! [`verify`] works on any engine behind the port; [`EmbeddedLog::verify`](crate::EmbeddedLog::verify) looks at the file
//! itself and thus sees more: gaps, the indexes, the chain of hashes.

mod embedded;
mod in_order;

use std::collections::HashMap;

use rapport_domain::event::{Position, Recorded, Revision, Stream};
use rapport_domain::port::log::{EventLog, ReadError};

use crate::chain::Mark;

pub(crate) use embedded::verify as verify_file;
pub(crate) use in_order::{Chain, rows_after};

/// Faults that are listed; further ones are only counted.
pub const MOST_FAULTS: usize = 100;

/// Events read at a time.
const PAGE: u32 = 1_000;

/// Told of everything while a log is looked through. The methods do nothing unless they are written.
pub trait Watch {
    /// Looks into one event, for instance whether it can be decoded.
    ///
    /// # Errors
    /// What is wrong with it, without personal data; it becomes a [`What::Content`].
    fn event(&mut self, event: &Recorded) -> Result<(), String> {
        let _ = event;
        Ok(())
    }

    /// `done` of `total` events were looked at. Called about once in a thousand events.
    fn progress(&mut self, done: u64, total: u64) {
        let _ = (done, total);
    }
}

/// Looks into nothing and shows nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quiet;

impl Watch for Quiet {}

/// One thing that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// At which event, when it is about one.
    pub position: Option<Position>,
    /// What it is.
    pub what: What,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.position {
            Some(position) => write!(f, "position {position}: {}", self.what),
            None => self.what.fmt(f),
        }
    }
}

/// What can be wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum What {
    /// The position is not after the one before it.
    #[error("it comes after position {0} in the order of reading")]
    Order(Position),
    /// The embedded log's positions have no gaps.
    #[error("the events from position {0} up to here are missing")]
    Missing(Position),
    /// The stream's revisions have a gap or come twice.
    #[error("{stream} continues with revision {} where {} belongs", found.0, expected.0)]
    Revision {
        /// The stream.
        stream: Stream,
        /// What would have been right.
        expected: Revision,
        /// What is there.
        found: Revision,
    },
    /// The row cannot be read as an event.
    #[error("the event cannot be read: {0}")]
    Unreadable(String),
    /// Whoever watched found something: see [`Watch::event`].
    #[error("{0}")]
    Content(String),
    /// The events of the transaction that ends here were changed, or its hash was.
    #[error(
        "the hash of the transaction that ends here does not fit its events: they, or the hash, were changed"
    )]
    Hash,
    /// There is no hash where one belongs.
    #[error("the chain of hashes has no link that covers this event")]
    NoLink,
    /// A noted hash is not the one in the log: it was rewritten, truncated, or is another log.
    #[error(
        "the log does not have the hash that was noted for this position: it was rewritten or cut, or it is another log"
    )]
    NotAsNoted,
    /// The database's own check of pages and indexes (`PRAGMA integrity_check`), or the database itself.
    #[error("the database says: {0}")]
    Database(String),
}

/// What was looked at and what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Events looked at.
    pub events: u64,
    /// Up to here.
    pub head: Position,
    /// The chain of hashes; `None` when the log has none (another engine, or a log of format 1).
    pub chain: Option<Chained>,
    /// In the order in which they were found, at most [`MOST_FAULTS`].
    pub faults: Vec<Fault>,
    /// How many more there are.
    pub further_faults: u64,
}

impl Verified {
    /// Nothing is wrong.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        self.faults.is_empty()
    }

    pub(crate) fn new(head: Position) -> Self {
        Self {
            events: 0,
            head,
            chain: None,
            faults: Vec::new(),
            further_faults: 0,
        }
    }

    pub(crate) fn fault(&mut self, position: Option<Position>, what: What) {
        if self.faults.len() < MOST_FAULTS {
            self.faults.push(Fault { position, what });
        } else {
            self.further_faults += 1;
        }
    }
}

/// What the chain of hashes covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chained {
    /// Events after this position are covered; older ones were stored before logs had a chain.
    pub after: Position,
    /// Transactions covered.
    pub links: u64,
    /// The hash of the head: worth noting elsewhere.
    pub mark: Mark,
}

/// Looks through any log, up to the head it has when the check begins: positions grow, the revisions of every stream are
/// dense from 0, and `watch` finds nothing. Reads pages of 1,000 events; remembers the end of every stream, some 64 bytes
/// each (64 MB for a million streams).
///
/// # Errors
/// [`ReadError`] when the log cannot be read.
pub async fn verify(
    log: &dyn EventLog,
    watch: &mut (dyn Watch + Send),
) -> Result<Verified, ReadError> {
    let head = log.head();
    let mut verified = Verified::new(head);
    let mut ends: HashMap<Stream, Revision> = HashMap::new();
    let mut after = Position::START;
    while after < head {
        let page = log.read_all(after, PAGE as usize).await?;
        if page.is_empty() {
            break;
        }
        for event in &page {
            if event.position <= after {
                verified.fault(Some(event.position), What::Order(after));
            }
            let expected = ends
                .get(&event.stream)
                .map_or(Revision::FIRST, |last| last.next());
            look(&mut verified, event, expected, watch);
            ends.insert(event.stream, event.revision);
        }
        // A log that goes backwards must not keep us for ever.
        let last = page.iter().map(|event| event.position).max();
        let Some(last) = last.filter(|last| *last > after) else {
            break;
        };
        after = last;
        watch.progress(after.0.min(head.0), head.0);
    }
    Ok(verified)
}

/// What is checked of an event that could be read, on every engine.
fn look(verified: &mut Verified, event: &Recorded, expected: Revision, watch: &mut dyn Watch) {
    verified.events += 1;
    let mut fault = |what| verified.fault(Some(event.position), what);
    if event.revision != expected {
        fault(What::Revision {
            stream: event.stream,
            expected,
            found: event.revision,
        });
    }
    if let Err(why) = watch.event(event) {
        fault(What::Content(why));
    }
}
