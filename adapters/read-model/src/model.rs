//! What all projections have in common: the page, its transaction, the checkpoint, and streams that are parked.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rapport_domain::aggregate::DecodeError;
use rapport_domain::event::{Position, Recorded, Stream};
use rapport_domain::port::projection::{Parked, Projection, ProjectionError, Tally};
use rapport_domain::registry;
use rusqlite::{Connection, TransactionBehavior};

use crate::file::{Schema, is_complete, open_writer, reason, set_complete, wipe_journal};
use crate::parked::{self, attempt, attempt_alone, verdict};
use crate::stored::number;

/// After this fact nothing personal of the customer may be left in a file.
const ERASED: &str = "customer.erased";

/// What one model makes of the log.
pub(crate) trait Handler: Default + Send + 'static {
    const SCHEMA: Schema;

    /// Whether events of this type mean anything here; asked first, so that others are never decoded. The type is the
    /// one of today, whatever the event was called when it was stored.
    fn wants(kind: &str) -> bool;

    /// Whether events of this type are taken in even when their stream is parked: forgetting must not wait for a
    /// repair. Taking one in twice must be the same as once, because a retry brings it again.
    fn never_held(kind: &str) -> bool {
        kind == ERASED
    }

    /// Takes one event in.
    fn apply(&mut self, on: &Connection, recorded: &Recorded) -> Result<(), Failure>;

    /// Drops what is remembered beside the file: something was rolled back.
    fn forget(&mut self) {
        *self = Self::default();
    }
}

/// An event was not taken in.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It cannot be read.
    Unreadable,
    /// The handler failed over it.
    Panic,
    /// SQLite refused something: a value, which is the event's fault, or the file failed.
    Sql(rusqlite::Error),
    /// So much fails that it cannot be the events.
    TooMany,
}

impl From<DecodeError> for Failure {
    /// The reason goes no further: it may quote the data.
    fn from(_: DecodeError) -> Self {
        Self::Unreadable
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

/// How far a file is, for those who wait for it.
#[derive(Default)]
pub(crate) struct Progress {
    state: Mutex<(Position, Tally)>,
    moved: Condvar,
}

impl Progress {
    pub(crate) fn position(&self) -> Position {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    pub(crate) fn tally(&self) -> Tally {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    /// Waits until the file has `position`; false when it has not in that time.
    pub(crate) fn wait(&self, position: Position, longest: Duration) -> bool {
        let end = Instant::now() + longest;
        let mut reached = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while reached.0 < position {
            let Some(left) = end.checked_duration_since(Instant::now()) else {
                return false;
            };
            let woken = self.moved.wait_timeout(reached, left);
            reached = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    fn reach(&self, position: Position, tally: Tally) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = (position, tally);
        self.moved.notify_all();
    }
}

/// One projection: a handler and its file.
pub(crate) struct Model<H> {
    handler: H,
    connection: Connection,
    parked: BTreeSet<Stream>,
    progress: Arc<Progress>,
    /// A customer was erased, and the write-ahead log may still hold what was known of them.
    unwiped: bool,
}

/// How a page is gone through.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// As if nothing could fail: the first failure ends the page.
    Swift,
    /// Each event by itself, so that one that fails leaves nothing behind.
    Careful,
}

impl<H: Handler> Model<H> {
    pub(crate) fn open(path: &Path) -> rusqlite::Result<Self> {
        let connection = open_writer(&H::SCHEMA, path)?;
        connection.execute_batch(include_str!("../../../migrations/read-model/parked.sql"))?;
        let (parked, held) = parked::streams(&connection)?;
        let tally = Tally {
            unknown: 0,
            parked: parked.len() as u64,
            held,
        };
        let progress = Arc::<Progress>::default();
        progress.reach(read_checkpoint(&connection)?, tally);
        Ok(Self {
            handler: H::default(),
            connection,
            parked,
            progress,
            unwiped: false,
        })
    }

    pub(crate) fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    fn take(&mut self, page: &[Recorded]) -> Result<(), Failure> {
        let swift = self.go_through(page, Manner::Swift);
        match swift {
            Err(failure) if verdict(&failure).is_some() => {
                self.handler.forget();
                self.go_through(page, Manner::Careful)
            }
            done => done,
        }
    }

    fn go_through(&mut self, page: &[Recorded], manner: Manner) -> Result<(), Failure> {
        let Some(last) = page.last() else {
            return Ok(());
        };
        let tx = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let checkpoint = read_checkpoint(&tx)?;
        if last.position <= checkpoint {
            return Ok(()); // the whole page was applied before
        }
        let mut tally = self.progress.tally();
        let mut parked_here = BTreeSet::new();
        let mut failed = Vec::new();
        let mut erases = false;
        for recorded in page
            .iter()
            .filter(|recorded| recorded.position > checkpoint)
        {
            let (event, category) = (&recorded.event, recorded.stream.category);
            let kind = registry::kind_today(category, &event.kind, event.version);
            erases |= kind == ERASED;
            let known = || registry::is_known(category, &event.kind, event.version);
            if !H::wants(kind) {
                tally.unknown += u64::from(!known());
                continue;
            }
            let stream = recorded.stream;
            let on_hold = self.parked.contains(&stream) || parked_here.contains(&stream);
            if on_hold {
                parked::hold(&tx, stream)?;
                tally.held += 1;
                if !H::never_held(kind) {
                    continue;
                }
            }
            let tried = match manner {
                Manner::Swift => attempt(&mut self.handler, &tx, recorded),
                Manner::Careful => attempt_alone(&mut self.handler, &tx, recorded),
            };
            let Err(failure) = tried else { continue };
            if matches!(failure, Failure::Unreadable) && !known() {
                tally.unknown += 1;
                continue;
            }
            let Some(why) = verdict(&failure).filter(|_| manner == Manner::Careful) else {
                return Err(failure);
            };
            if on_hold {
                failed.push((recorded, why));
                continue;
            }
            parked::park(&tx, recorded, &why, 1)?;
            parked_here.insert(stream);
            tally.held += 1;
            failed.push((recorded, why));
        }
        let parked = self.parked.len() + parked_here.len();
        if parked > parked::MOST {
            return Err(Failure::TooMany);
        }
        tx.prepare_cached("UPDATE checkpoint SET position = ?1")?
            .execute([number(last.position.0)])?;
        tx.commit()?;
        // Only now: a page that does not hold would say so again each time it comes.
        for (recorded, why) in failed {
            tracing::error!(
                model = H::SCHEMA.name,
                kind = recorded.event.kind,
                version = recorded.event.version,
                position = recorded.position.0,
                stream = %recorded.stream,
                why,
                "an event cannot be taken in; its stream is parked"
            );
        }
        self.unwiped |= erases;
        if self.unwiped {
            self.wipe();
        }
        self.parked.append(&mut parked_here);
        tally.parked = parked as u64;
        self.progress.reach(last.position, tally);
        Ok(())
    }

    /// Takes what was known of erased customers out of the write-ahead log. When readers are in the way, the next page
    /// tries again; the rows themselves are gone already.
    fn wipe(&mut self) {
        match wipe_journal(&self.connection) {
            Ok(wiped) => self.unwiped = !wiped,
            Err(error) => tracing::warn!(
                model = H::SCHEMA.name,
                error = reason(&error),
                "the write-ahead log still holds what was known of an erased customer; trying again with the next page"
            ),
        }
    }

    fn let_go(&mut self, stream: Stream, held: &[Recorded], last: bool) -> Result<bool, Failure> {
        let tx = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let Some(from) = parked::from(&tx, stream)? else {
            return Ok(true);
        };
        let checkpoint = read_checkpoint(&tx)?;
        let before = parked::held(&tx, stream)?;
        let mut left = before;
        let mut released = true;
        let of_it = |recorded: &&Recorded| {
            recorded.stream == stream
                && recorded.revision >= from
                && recorded.position <= checkpoint
        };
        for recorded in held.iter().filter(of_it) {
            let event = &recorded.event;
            let kind = registry::kind_today(stream.category, &event.kind, event.version);
            if !H::wants(kind) {
                continue;
            }
            if let Err(failure) = attempt_alone(&mut self.handler, &tx, recorded) {
                let why = verdict(&failure).ok_or(failure)?;
                parked::park(&tx, recorded, &why, left)?;
                released = false;
                break;
            }
            left = left.saturating_sub(1);
        }
        if released && last {
            parked::unpark(&tx, stream)?;
            left = 0;
        } else if released && let Some(done) = held.last() {
            parked::advance(&tx, done, left)?;
        }
        tx.commit()?;
        if released && last {
            self.parked.remove(&stream);
        }
        let mut tally = self.progress.tally();
        tally.parked = self.parked.len() as u64;
        tally.held = tally.held.saturating_sub(before.saturating_sub(left));
        self.progress.reach(self.progress.position(), tally);
        Ok(released)
    }

    fn error(failure: &Failure) -> ProjectionError {
        let reason = match failure {
            Failure::Sql(error) => reason(error),
            Failure::TooMany => format!(
                "more than {} streams would be parked: not the events are wrong, but the program or the file",
                parked::MOST
            ),
            Failure::Unreadable | Failure::Panic => verdict(failure).unwrap_or_default(),
        };
        ProjectionError {
            projection: H::SCHEMA.name,
            reason,
        }
    }

    fn sql(error: rusqlite::Error) -> ProjectionError {
        Self::error(&Failure::Sql(error))
    }
}

pub(crate) fn read_checkpoint(on: &Connection) -> rusqlite::Result<Position> {
    on.prepare_cached("SELECT position FROM checkpoint")?
        .query_row([], |row| crate::stored::position(row, 0))
}

impl<H: Handler> Projection for Model<H> {
    fn name(&self) -> &'static str {
        H::SCHEMA.name
    }

    fn version(&self) -> u32 {
        H::SCHEMA.version
    }

    fn checkpoint(&self) -> Result<Position, ProjectionError> {
        read_checkpoint(&self.connection).map_err(Self::sql)
    }

    fn apply(&mut self, page: &[Recorded]) -> Result<(), ProjectionError> {
        self.take(page).map_err(|failure| {
            self.handler.forget();
            Self::error(&failure)
        })
    }

    fn tally(&self) -> Tally {
        self.progress.tally()
    }

    fn parked(&self, limit: usize) -> Result<Vec<Parked>, ProjectionError> {
        parked::list(&self.connection, limit).map_err(Self::sql)
    }

    fn release(
        &mut self,
        stream: Stream,
        held: &[Recorded],
        last: bool,
    ) -> Result<bool, ProjectionError> {
        self.let_go(stream, held, last).map_err(|failure| {
            self.handler.forget();
            Self::error(&failure)
        })
    }

    fn is_complete(&self) -> Result<bool, ProjectionError> {
        is_complete(&self.connection).map_err(Self::sql)
    }

    fn set_complete(&mut self) -> Result<(), ProjectionError> {
        set_complete(&self.connection).map_err(Self::sql)
    }
}
