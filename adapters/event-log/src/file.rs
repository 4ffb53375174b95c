//! The log's file: its name, its format, and how connections to it are made.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::error::OpenError;

/// What each format adds to the one before it.
const MIGRATIONS: [&str; 2] = [
    include_str!("../../../migrations/log/0001_init.sql"),
    include_str!("../../../migrations/log/0002_chain.sql"),
];
const NAME: &str = "log.db";
const UNFINISHED: &str = "log.db.creating";
/// "RLog" in the file's header tells the log from any other database.
const APPLICATION_ID: u32 = 0x524c_6f67;
/// The newest format, kept in `user_version`.
pub(crate) const FORMAT: u32 = 2;
/// The first format with a chain of hashes.
pub(crate) const CHAINED: u32 = 2;

/// What is set before the first table is made.
pub(crate) const EMPTY: &str = "PRAGMA page_size = 8192; PRAGMA journal_mode = DELETE;";

/// Where the log of a data folder is.
pub(crate) fn path(folder: &Path) -> PathBuf {
    folder.join(NAME)
}

/// The write-ahead log beside it.
pub(crate) fn wal_path(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}

/// What nobody but the owner may do anything with: the log holds what customers said.
const FOLDER_MODE: u32 = 0o700;
pub(crate) const FILE_MODE: u32 = 0o600;

/// Creates the data folder, and what leads to it, for this user alone. Warns about a folder that is there already and
/// open to others: it may be so on purpose, so its mode stays.
pub(crate) fn prepare_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(FOLDER_MODE)
        .create(folder)?;
    if is_open_to_others(folder)? {
        tracing::warn!(
            folder = %folder.display(),
            "the data folder can be entered by other users of this machine; run chmod 700 on it"
        );
    }
    Ok(())
}

pub(crate) fn is_open_to_others(path: &Path) -> io::Result<bool> {
    Ok(fs::metadata(path)?.permissions().mode() & 0o077 != 0)
}

/// Takes the log's files from everybody but the owner; new ones get their mode from the log's own file.
fn keep_private(file: &Path) {
    for name in ["", "-wal", "-shm"] {
        let mut path = file.as_os_str().to_owned();
        path.push(name);
        let path = PathBuf::from(path);
        match is_open_to_others(&path) {
            Ok(false) => continue,
            Ok(true) => {}
            // There is none, or the folder says itself what is wrong.
            Err(_) => continue,
        }
        if let Err(error) = fs::set_permissions(&path, Permissions::from_mode(FILE_MODE)) {
            tracing::warn!(file = %path.display(), %error, "other users of this machine may read the log");
        }
    }
}

/// Creates the log when there is none. It gets its name only when it is complete, so a crash half way leaves no
/// half-made log behind. The caller holds the folder's lock.
pub(crate) fn create_if_missing(folder: &Path) -> Result<(), OpenError> {
    let file = path(folder);
    if file.try_exists().map_err(OpenError::io(&file))? {
        return Ok(());
    }
    let unfinished = folder.join(UNFINISHED);
    create_private(&unfinished)?;
    write_schema(&unfinished).map_err(OpenError::database(&unfinished))?;
    put_in_place(&unfinished, &file).map_err(OpenError::io(&file))
}

/// An empty file of this user's, in place of whatever an earlier attempt left. Made before the database opens it, so
/// that it is at no moment anybody else's.
pub(crate) fn create_private(file: &Path) -> Result<(), OpenError> {
    if file.try_exists().map_err(OpenError::io(file))? {
        fs::remove_file(file).map_err(OpenError::io(file))?;
    }
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(file)
        .map(|_| ())
        .map_err(OpenError::io(file))
}

/// Gives a complete file its name, so that after a crash there is all of it or nothing.
pub(crate) fn put_in_place(complete: &Path, file: &Path) -> io::Result<()> {
    File::open(complete)?.sync_all()?;
    fs::rename(complete, file)?;
    let folder = file.parent().unwrap_or_else(|| Path::new("."));
    File::open(folder)?.sync_all()
}

fn write_schema(file: &Path) -> rusqlite::Result<()> {
    let connection = Connection::open(file)?;
    connection.execute_batch(EMPTY)?;
    connection.execute_batch("BEGIN")?;
    create_tables(&connection, FORMAT)?;
    begin_chain(&connection)?;
    connection.execute_batch("COMMIT")?;
    // Kept in the header: every later connection uses it.
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    connection.close().map_err(|(_, error)| error)
}

/// The tables of a format, in an empty database.
pub(crate) fn create_tables(connection: &Connection, format: u32) -> rusqlite::Result<()> {
    for (number, migration) in (1..).zip(MIGRATIONS) {
        if number <= format {
            connection.execute_batch(migration)?;
        }
    }
    connection.execute_batch(&format!(
        "PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {format};"
    ))
}

/// Says where the chain begins: after the last event there is.
fn begin_chain(connection: &Connection) -> rusqlite::Result<()> {
    connection
        .execute(
            "INSERT INTO chain (only_row, log_id, after) \
             SELECT 1, randomblob(16), coalesce(max(position), 0) FROM events",
            [],
        )
        .map(|_| ())
}

/// Brings a log of an older format to the newest one, all or nothing; no event is read, however many there are.
fn upgrade(connection: &Connection, found: u32) -> rusqlite::Result<()> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    for (number, migration) in (1..).zip(MIGRATIONS) {
        if number > found {
            connection.execute_batch(migration)?;
        }
    }
    if found < CHAINED {
        begin_chain(connection)?;
    }
    connection.execute_batch(&format!("PRAGMA user_version = {FORMAT}; COMMIT;"))
}

/// A connection that writes. A log of another kind or of a newer format is left exactly as it was.
pub(crate) fn open_writing(file: &Path) -> Result<Connection, OpenError> {
    let connection = open(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // Closing the last connection normally rewrites the file; not before it is known to be ours.
    set(
        &connection,
        file,
        DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE,
        true,
    )?;
    let found = check_format(&connection, file)?;
    if connection
        .is_readonly(rusqlite::MAIN_DB)
        .map_err(OpenError::database(file))?
    {
        return Err(OpenError::NotWritable {
            file: file.to_owned(),
        });
    }
    keep_private(file);
    set(
        &connection,
        file,
        DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE,
        false,
    )?;
    // A restored copy comes without a write-ahead log; for any other this changes nothing.
    connection
        .query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))
        .map_err(OpenError::database(file))?;
    // Checkpoints are made beside the writer (see `checkpoint`), never inside a commit.
    connection
        .execute_batch(
            "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = -1; \
             PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = OFF;",
        )
        .map_err(OpenError::database(file))?;
    if found < FORMAT {
        upgrade(&connection, found).map_err(OpenError::database(file))?;
        tracing::info!(file = %file.display(), from = found, to = FORMAT, "the log has a newer format now");
    }
    Ok(connection)
}

/// A connection that only reads; it never holds up the writer.
pub(crate) fn open_reading(file: &Path) -> Result<Connection, OpenError> {
    if !file.try_exists().map_err(OpenError::io(file))? {
        return Err(OpenError::Missing {
            file: file.to_owned(),
        });
    }
    let connection = open(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    check_format(&connection, file)?;
    connection
        .execute_batch("PRAGMA cache_size = -2048;")
        .map_err(OpenError::database(file))?;
    Ok(connection)
}

fn open(file: &Path, mode: OpenFlags) -> Result<Connection, OpenError> {
    let flags = mode | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags).map_err(OpenError::database(file))?;
    // Only the moments when a write-ahead log is set up or recovered ever wait.
    connection
        .busy_timeout(std::time::Duration::from_secs(5))
        .map_err(OpenError::database(file))?;
    connection.set_prepared_statement_cache_capacity(16);
    Ok(connection)
}

fn set(connection: &Connection, file: &Path, config: DbConfig, on: bool) -> Result<(), OpenError> {
    connection
        .set_db_config(config, on)
        .map(|_| ())
        .map_err(OpenError::database(file))
}

/// The log's format, when it is a log and of a format known here.
pub(crate) fn check_format(connection: &Connection, file: &Path) -> Result<u32, OpenError> {
    let pragma = |name: &str| {
        connection
            .query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, u32>(0))
            .map_err(OpenError::database(file))
    };
    let (application, found) = (pragma("application_id")?, pragma("user_version")?);
    if application != APPLICATION_ID {
        let why = format!("its application id is {application:#x}, not {APPLICATION_ID:#x}");
        return Err(OpenError::NotALog {
            file: file.to_owned(),
            why,
        });
    }
    if found > FORMAT {
        return Err(OpenError::NewerVersion {
            file: file.to_owned(),
            found,
            known: FORMAT,
        });
    }
    Ok(found)
}

/// The position of the last committed event.
pub(crate) fn last_position(connection: &Connection) -> rusqlite::Result<u64> {
    connection
        .prepare_cached("SELECT coalesce(max(position), 0) FROM events")?
        .query_row([], |row| row.get::<_, i64>(0))
        .map(i64::cast_unsigned)
}
