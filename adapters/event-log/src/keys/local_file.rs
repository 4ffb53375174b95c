//! The file of the local keys: its format, how it is made and opened, and how a key leaves it for good.

use std::fs::{self, File, OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rapport_domain::id::CustomerId;
use rapport_domain::port::keys::{KeyError, KeyState};
use rapport_domain::time::Timestamp;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, TransactionBehavior, params};
use uuid::Uuid;

use super::KeysOpenError;
use super::master::{self, Failed, MasterKey};
use crate::file::FILE_MODE;

const SCHEMA: &str = include_str!("../../../../migrations/keys/0001_init.sql");
/// "RKey" in the file's header.
const APPLICATION_ID: u32 = 0x524b_6579;
const FORMAT: u32 = 1;

/// Where the keys of a data folder are.
pub(super) fn path(folder: &Path) -> PathBuf {
    folder.join(super::LocalKeys::FILE)
}

/// Makes the file when there is none, for this user alone; several processes may do so at once.
pub(super) fn prepare(file: &Path) -> Result<(), KeysOpenError> {
    if !file.try_exists().map_err(KeysOpenError::io(file))? {
        // Made before the database opens it, so that it is at no moment anybody else's.
        OpenOptions::new()
            .append(true)
            .create(true)
            .mode(FILE_MODE)
            .open(file)
            .and_then(|made| made.sync_all())
            .map_err(KeysOpenError::io(file))?;
        let folder = file.parent().unwrap_or(Path::new("."));
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(KeysOpenError::io(folder))?;
    }
    if crate::file::is_open_to_others(file).map_err(KeysOpenError::io(file))? {
        fs::set_permissions(file, Permissions::from_mode(FILE_MODE))
            .map_err(KeysOpenError::io(file))?;
    }
    Ok(())
}

/// A connection that writes durably and leaves no deleted byte in the file.
pub(super) fn open(file: &Path) -> Result<Connection, KeysOpenError> {
    let wrong = || KeysOpenError::database(file);
    let mut connection = connect(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    if is_empty(&connection).map_err(wrong())? {
        connection
            .query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))
            .map_err(wrong())?;
        let making = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(wrong())?;
        // Somebody else may have made it while this one waited.
        if is_empty(&making).map_err(wrong())? {
            making.execute_batch(SCHEMA).map_err(wrong())?;
            making
                .execute_batch(&format!(
                    "PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {FORMAT};"
                ))
                .map_err(wrong())?;
        }
        making.commit().map_err(wrong())?;
    }
    holds_keys(&connection, file)?;
    connection
        .execute_batch(
            "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY;",
        )
        .map_err(wrong())?;
    Ok(connection)
}

/// A connection that only reads. `None` when there is no file, or nothing in it yet.
pub(super) fn open_reading(file: &Path) -> Result<Option<Connection>, KeysOpenError> {
    if !file.try_exists().map_err(KeysOpenError::io(file))? {
        return Ok(None);
    }
    let connection = connect(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    if is_empty(&connection).map_err(KeysOpenError::database(file))? {
        return Ok(None);
    }
    holds_keys(&connection, file)?;
    Ok(Some(connection))
}

fn connect(file: &Path, mode: OpenFlags) -> Result<Connection, KeysOpenError> {
    let wrong = || KeysOpenError::database(file);
    let flags = mode | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags).map_err(wrong())?;
    // Other connections write for a few milliseconds at a time.
    connection
        .busy_timeout(Duration::from_secs(10))
        .map_err(wrong())?;
    Ok(connection)
}

fn number(connection: &Connection, name: &str) -> rusqlite::Result<u32> {
    connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0))
}

fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    let tables = "SELECT count(*) FROM sqlite_schema";
    let tables: u32 = connection.query_row(tables, [], |row| row.get(0))?;
    Ok(tables == 0 && number(connection, "application_id")? == 0)
}

fn holds_keys(connection: &Connection, file: &Path) -> Result<(), KeysOpenError> {
    let wrong = || KeysOpenError::database(file);
    let application = number(connection, "application_id").map_err(wrong())?;
    let found = number(connection, "user_version").map_err(wrong())?;
    if application == APPLICATION_ID && found <= FORMAT {
        return Ok(());
    }
    Err(KeysOpenError::NotKeys {
        path: file.to_owned(),
        why: format!(
            "it holds {application:#x} of format {found}, not keys of a format up to {FORMAT}"
        ),
    })
}

/// Whether the master key is the one the keys are wrapped by; `false` when they are not wrapped and one is given.
pub(super) fn is_master(
    connection: &Connection,
    file: &Path,
    master: Option<&MasterKey>,
) -> Result<bool, KeysOpenError> {
    let proof: Option<Vec<u8>> = connection
        .query_row("SELECT proof FROM master", [], |row| row.get(0))
        .optional()
        .map_err(KeysOpenError::database(file))?;
    let path = file.to_owned();
    match (proof, master) {
        (None, None) => Ok(true),
        (None, Some(_)) => Ok(false),
        (Some(_), None) => Err(KeysOpenError::Wrapped { path }),
        (Some(proof), Some(master)) if master.made(&proof) => Ok(true),
        (Some(_), Some(_)) => Err(KeysOpenError::OtherMaster { path }),
    }
}

/// Sees to it that the master key is the one the keys are wrapped by. Keys stored plain before one was given are wrapped
/// now, and nothing of them is left in the file.
pub(super) fn agree(
    connection: &mut Connection,
    file: &Path,
    master: Option<&MasterKey>,
) -> Result<(), KeysOpenError> {
    let wrong = || KeysOpenError::database(file);
    let master = match (is_master(connection, file, master)?, master) {
        (false, Some(master)) => master,
        _ => return Ok(()),
    };
    let cipher = |Failed| KeysOpenError::Cipher;
    let wrapping = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(wrong())?;
    let proof = master.proof().map_err(cipher)?;
    wrapping
        .execute("INSERT INTO master VALUES (1, ?1)", [proof])
        .map_err(wrong())?;
    let plain: Vec<(Vec<u8>, Vec<u8>)> = {
        let mut all = wrapping
            .prepare("SELECT customer, key FROM keys WHERE key IS NOT NULL")
            .map_err(wrong())?;
        let rows = all
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .map_err(wrong())?;
        rows.collect::<rusqlite::Result<_>>().map_err(wrong())?
    };
    for (customer, stored) in plain.iter().filter(|(_, stored)| master::is_plain(stored)) {
        let odd = |_| KeysOpenError::NotKeys {
            path: file.to_owned(),
            why: "a key in it is damaged".to_owned(),
        };
        let id = CustomerId::from_uuid(Uuid::from_slice(customer).map_err(|_| odd(()))?);
        let key = master::read(None, id, stored).map_err(|_| odd(()))?;
        let wrapped = master::stored(Some(master), id, &key).map_err(cipher)?;
        wrapping
            .execute(
                "UPDATE keys SET key = ?2 WHERE customer = ?1",
                params![customer, wrapped],
            )
            .map_err(wrong())?;
    }
    wrapping.commit().map_err(wrong())?;
    empty_journal(connection).map_err(wrong())
}

/// Moves everything into the file and empties its journal, in which old pages would outlive a destroyed key.
pub(super) fn empty_journal(connection: &Connection) -> rusqlite::Result<()> {
    let busy: u32 =
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy == 0 {
        return Ok(());
    }
    Err(rusqlite::Error::SqliteFailure(
        rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY),
        Some("another process has been reading the keys for too long".to_owned()),
    ))
}

/// A copy of the file, for its owner only, durable when this answers.
pub(super) fn copy(connection: &Connection, to: &Path) -> Result<(), KeyError> {
    let failed = |error: std::io::Error| KeyError(format!("{}: {error}", to.display()));
    // Empty and private first: the database fills it and leaves its mode alone.
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(to)
        .map_err(failed)?;
    let name = to
        .to_str()
        .ok_or_else(|| KeyError("the name of the copy is not UTF-8".to_owned()))?;
    connection
        .execute("VACUUM INTO ?1", [name])
        .map_err(database)?;
    file.sync_all().map_err(failed)?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))
        .and_then(|folder| folder.sync_all())
        .map_err(failed)
}

/// What is stored of a customer.
pub(super) fn state(
    connection: &Connection,
    master: Option<&MasterKey>,
    customer: CustomerId,
) -> Result<KeyState, KeyError> {
    let found = connection
        .prepare_cached("SELECT key, destroyed_at FROM keys WHERE customer = ?1")
        .and_then(|mut statement| {
            statement
                .query_row([customer.as_uuid().as_bytes()], |row| {
                    Ok((
                        row.get::<_, Option<Vec<u8>>>(0)?,
                        row.get::<_, Option<i64>>(1)?,
                    ))
                })
                .optional()
        })
        .map_err(database)?;
    Ok(match found {
        None => KeyState::Absent,
        Some((Some(stored), _)) => KeyState::Present(
            master::read(master, customer, &stored)
                .map_err(|why| KeyError(format!("the key of customer {customer}: {why:?}")))?,
        ),
        Some((None, at)) => KeyState::Destroyed {
            at: Timestamp::from_micros(at.unwrap_or_default()),
        },
    })
}

/// The next customers of whom anything is stored, in the order of their ids.
pub(super) fn customers_after(
    connection: &Connection,
    customer: Option<CustomerId>,
    limit: usize,
) -> Result<Vec<CustomerId>, KeyError> {
    let after = customer.map_or_else(Vec::new, |customer| customer.as_uuid().as_bytes().to_vec());
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement = connection
        .prepare_cached("SELECT customer FROM keys WHERE customer > ?1 ORDER BY customer LIMIT ?2")
        .map_err(database)?;
    let rows = statement
        .query_map(params![after, limit], |row| row.get::<_, Vec<u8>>(0))
        .map_err(database)?;
    rows.map(|row| {
        let id = Uuid::from_slice(&row.map_err(database)?);
        id.map(CustomerId::from_uuid)
            .map_err(|_| KeyError("a customer's id in the file is damaged".to_owned()))
    })
    .collect()
}

pub(super) fn database(error: rusqlite::Error) -> KeyError {
    KeyError(error.to_string())
}
