//! What all projections have in common: the page, its transaction and the checkpoint.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rapport_domain::aggregate::DecodeError;
use rapport_domain::event::{Position, Recorded};
use rapport_domain::port::projection::{Projection, ProjectionError};
use rapport_domain::registry;
use rusqlite::{Connection, TransactionBehavior};

use crate::file::{Schema, open_writer, reason, wipe_journal};
use crate::stored::number;

/// After this fact nothing personal of the customer may be left in a file.
const ERASED: &str = "customer.erased";

/// What one model makes of the log.
pub(crate) trait Handler: Default + Send + 'static {
    const SCHEMA: Schema;

    /// Whether events of this type mean anything here; asked first, so that others are never decoded.
    fn wants(kind: &str) -> bool;

    /// Takes one event in. It decodes before it writes, so an event that cannot be read leaves nothing behind.
    fn apply(&mut self, on: &Connection, recorded: &Recorded) -> Result<(), Failure>;

    /// Drops what is remembered beside the file: a page was rolled back.
    fn forget(&mut self) {
        *self = Self::default();
    }
}

/// An event was not taken in.
pub(crate) enum Failure {
    /// It cannot be read.
    Unreadable,
    /// The file failed; the page must be tried again.
    Sql(rusqlite::Error),
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

/// How many events a model passed over since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Of a type this program does not know: a later one wrote them.
    pub unknown: u64,
    /// Of a known type, with data that does not fit it. The program's log names each.
    pub unreadable: u64,
}

/// How far a model is, for those who wait for it.
#[derive(Default)]
pub(crate) struct Progress {
    position: Mutex<Position>,
    moved: Condvar,
    unknown: AtomicU64,
    unreadable: AtomicU64,
}

impl Progress {
    pub(crate) fn position(&self) -> Position {
        *self.position.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn skipped(&self) -> Skipped {
        Skipped {
            unknown: self.unknown.load(Ordering::Relaxed),
            unreadable: self.unreadable.load(Ordering::Relaxed),
        }
    }

    /// Waits until the model has applied `position`; false when it has not in that time.
    pub(crate) fn wait(&self, position: Position, longest: Duration) -> bool {
        let end = Instant::now() + longest;
        let mut reached = self.position.lock().unwrap_or_else(PoisonError::into_inner);
        while *reached < position {
            let Some(left) = end.checked_duration_since(Instant::now()) else {
                return false;
            };
            let woken = self.moved.wait_timeout(reached, left);
            reached = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    fn reach(&self, position: Position, skipped: Skipped) {
        self.unknown.fetch_add(skipped.unknown, Ordering::Relaxed);
        self.unreadable
            .fetch_add(skipped.unreadable, Ordering::Relaxed);
        *self.position.lock().unwrap_or_else(PoisonError::into_inner) = position;
        self.moved.notify_all();
    }
}

/// One projection: a handler and its file.
pub(crate) struct Model<H> {
    handler: H,
    connection: Connection,
    progress: Arc<Progress>,
    /// A customer was erased, and the write-ahead log may still hold what was known of them.
    unwiped: bool,
}

impl<H: Handler> Model<H> {
    pub(crate) fn open(path: &Path) -> rusqlite::Result<Self> {
        let connection = open_writer(&H::SCHEMA, path)?;
        let model = Self {
            handler: H::default(),
            connection,
            progress: Arc::default(),
            unwiped: false,
        };
        let position = read_checkpoint(&model.connection)?;
        model.progress.reach(position, Skipped::default());
        Ok(model)
    }

    pub(crate) fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    fn take(&mut self, page: &[Recorded]) -> rusqlite::Result<()> {
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
        let mut skipped = Skipped::default();
        let mut erases = false;
        for recorded in page
            .iter()
            .filter(|recorded| recorded.position > checkpoint)
        {
            let event = &recorded.event;
            erases |= event.kind == ERASED;
            let known = || registry::is_known(recorded.stream.category, &event.kind, event.version);
            if !H::wants(&event.kind) {
                skipped.unknown += u64::from(!known());
                continue;
            }
            match self.handler.apply(&tx, recorded) {
                Ok(()) => {}
                Err(Failure::Sql(error)) => return Err(error),
                Err(Failure::Unreadable) if !known() => skipped.unknown += 1,
                Err(Failure::Unreadable) => {
                    skipped.unreadable += 1;
                    tracing::error!(
                        model = H::SCHEMA.name,
                        kind = event.kind,
                        version = event.version,
                        position = recorded.position.0,
                        "event cannot be read; skipped"
                    );
                }
            }
        }
        tx.prepare_cached("UPDATE checkpoint SET position = ?1")?
            .execute([number(last.position.0)])?;
        tx.commit()?;
        self.unwiped |= erases;
        if self.unwiped {
            self.wipe();
        }
        self.progress.reach(last.position, skipped);
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
}

fn read_checkpoint(on: &Connection) -> rusqlite::Result<Position> {
    on.prepare_cached("SELECT position FROM checkpoint")?
        .query_row([], |row| crate::stored::position(row, 0))
}

impl<H: Handler> Projection for Model<H> {
    fn name(&self) -> &'static str {
        H::SCHEMA.name
    }

    fn checkpoint(&self) -> Result<Position, ProjectionError> {
        read_checkpoint(&self.connection).map_err(|error| ProjectionError {
            projection: H::SCHEMA.name,
            reason: reason(&error),
        })
    }

    fn apply(&mut self, page: &[Recorded]) -> Result<(), ProjectionError> {
        self.take(page).map_err(|error| {
            self.handler.forget();
            ProjectionError {
                projection: H::SCHEMA.name,
                reason: reason(&error),
            }
        })
    }
}
