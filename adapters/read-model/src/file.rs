//! A model's file: one connection that writes, a few that read.

use std::fs::{self, OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use rapport_domain::port::query::QueryError;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

/// Reads of one model at the same time; further ones wait for a connection.
const READERS: usize = 4;

/// Statements kept prepared on one connection.
const STATEMENTS: usize = 64;

/// What a file holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schema {
    pub name: &'static str,
    /// Raised whenever the schema or what is written into it changes: another version is another file.
    pub version: u32,
    pub sql: &'static str,
}

impl Schema {
    pub(crate) fn path(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{}.v{}.db", self.name, self.version))
    }
}

/// The application ids of a file that is not yet as far as the log was once, and of one that has been. Files from before
/// there was a difference have none; they have answered, so they count as complete.
const BUILDING: i32 = 0x5250_0001;
const COMPLETE: i32 = 0x5250_0002;

/// Whether the file has once been as far as the log.
pub(crate) fn is_complete(on: &Connection) -> rusqlite::Result<bool> {
    let id: i32 = on.pragma_query_value(None, "application_id", |row| row.get(0))?;
    Ok(id != BUILDING)
}

pub(crate) fn set_complete(on: &Connection) -> rusqlite::Result<()> {
    if !is_complete(on)? {
        on.pragma_update(None, "application_id", COMPLETE)?;
    }
    Ok(())
}

/// Makes the file before the database does, for nobody else to read, and takes one that others could read from them. The
/// files beside it get its mode.
fn keep_private(path: &Path) {
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    // One that is there is the usual case; what else is wrong the database says in a moment.
    if made.is_ok() {
        return;
    }
    for beside in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(beside);
        let open = fs::metadata(&name).is_ok_and(|found| found.permissions().mode() & 0o077 != 0);
        if open && let Err(error) = fs::set_permissions(&name, Permissions::from_mode(0o600)) {
            tracing::warn!(file = %path.display(), %error, "other users of this machine may read a read model");
        }
    }
}

/// Opens the file for its one writer; creates it when it is missing.
pub(crate) fn open_writer(schema: &Schema, path: &Path) -> rusqlite::Result<Connection> {
    keep_private(path);
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "cache_size", -16_000)?; // KiB
    connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    // What is deleted is overwritten: an erased customer is not to be found in free pages.
    connection.pragma_update(None, "secure_delete", true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: u32 = tx.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version == 0 {
        tx.execute_batch(schema.sql)?;
        tx.pragma_update(None, "user_version", schema.version)?;
        tx.pragma_update(None, "application_id", BUILDING)?;
    }
    tx.commit()?;
    // Also what a process that was killed right after an erasure left there.
    wipe_journal(&connection)?;
    Ok(connection)
}

/// Moves the write-ahead log into the file and cuts it to nothing, so that no page of before is left in it. False when
/// somebody read from it all the while.
pub(crate) fn wipe_journal(connection: &Connection) -> rusqlite::Result<bool> {
    let busy: i64 =
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    Ok(busy == 0)
}

/// The connections that read one file.
pub(crate) struct Readers {
    model: &'static str,
    free: Mutex<Vec<Connection>>,
    returned: Condvar,
}

impl Readers {
    /// Opens them all; the file must exist.
    pub(crate) fn open(model: &'static str, path: &Path) -> rusqlite::Result<Self> {
        let free = (0..READERS)
            .map(|_| open_reader(path))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            model,
            free: Mutex::new(free),
            returned: Condvar::new(),
        })
    }

    /// Runs a query against one state of the file, however many statements it has.
    pub(crate) fn read<T>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, QueryError> {
        let lent = self.lend();
        let Some(connection) = &lent.connection else {
            return Err(QueryError {
                model: self.model,
                reason: "no connection".to_owned(),
            });
        };
        let answer = connection.unchecked_transaction().and_then(|tx| query(&tx));
        answer.map_err(|error| unreadable(self.model, &error))
    }

    fn lend(&self) -> Lent<'_> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(connection) = free.pop() {
                return Lent {
                    readers: self,
                    connection: Some(connection),
                };
            }
            free = self
                .returned
                .wait(free)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// A connection that goes back when it is dropped, also by a panic.
struct Lent<'a> {
    readers: &'a Readers,
    connection: Option<Connection>,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut free = self
            .readers
            .free
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        free.extend(self.connection.take());
        self.readers.returned.notify_one();
    }
}

fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

/// What may be said of a failure: SQLite's own words, which hold names of tables and columns but no values.
pub(crate) fn unreadable(model: &'static str, error: &rusqlite::Error) -> QueryError {
    QueryError {
        model,
        reason: reason(error),
    }
}

/// As above. A value that does not convert is named by its column only.
pub(crate) fn reason(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::FromSqlConversionFailure(column, kind, _) => {
            format!("column {column} ({kind}) does not hold what it should")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_models_files_are_for_nobody_else_to_read_also_when_they_were() {
        const SCHEMA: Schema = Schema {
            name: "probe",
            version: 1,
            sql: "CREATE TABLE t (a)",
        };
        let folder = tempfile::tempdir().unwrap();
        let path = SCHEMA.path(folder.path());
        let modes = || -> Vec<u32> {
            let files = fs::read_dir(folder.path()).unwrap();
            files
                .map(|file| file.unwrap().metadata().unwrap().permissions().mode() & 0o777)
                .collect()
        };
        let writer = open_writer(&SCHEMA, &path).unwrap();
        assert_eq!(modes(), [0o600; 3], "the model and the two files beside it");
        drop(writer);
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let _writer = open_writer(&SCHEMA, &path).unwrap();
        assert_eq!(modes(), [0o600; 3]);
    }
}
