//! A copy of the log while it is being written, and the way back.
//!
//! Events are never changed and positions are the order of commits, so everything up to some position *is* a consistent
//! log. The copy therefore needs no lock and no long transaction: it reads page after page, each in a read of its own, up
//! to the head it found at the beginning. The writer's write-ahead log is held for one page at most, however large the
//! log is. (Copying pages of the file instead would either hold it from beginning to end or begin anew at every commit.)
//! On the way the chain of hashes is computed: what is copied is what was appended, or the copy is refused.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rapport_domain::event::Position;
use rusqlite::backup::{Backup as Copier, StepResult};
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, params};

use crate::chain::{self, Mark};
use crate::error::{OpenError, why};
use crate::file;
use crate::verify::{Chain, Verified, Watch, rows_after, verify_file};

/// Events read at a time.
const PAGE: u32 = 2_000;

/// Pages of a database copied at a time.
const DATABASE_PAGES: i32 = 1_024;

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// The copy.
    pub file: PathBuf,
    /// It holds every event up to here.
    pub position: Position,
    /// The hash of its head, to be noted elsewhere; `None` for a log of format 1 that no hub has upgraded yet.
    pub mark: Option<Mark>,
    /// Its size in bytes.
    pub bytes: u64,
}

/// Why there is no backup, or nothing was restored. What was begun has been removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The log cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is one already.
    #[error("{} is there already; name another folder", .0.display())]
    Exists(PathBuf),
    /// A log is restored into an empty folder only.
    #[error("{} is not empty; name a new folder, or move away what is in it", .0.display())]
    NotEmpty(PathBuf),
    /// The log is not intact, so a copy of it would not be one either.
    #[error("{} is not intact: {what}; `rapport log verify` lists everything that is wrong", file.display())]
    Damaged {
        /// The log.
        file: PathBuf,
        /// The first thing that is wrong.
        what: String,
    },
    /// The operating system refused.
    #[error("cannot write {}: {source}", path.display())]
    Io {
        /// What was to be written.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A database refused.
    #[error("cannot copy {}: {why}", file.display())]
    Database {
        /// What was to be copied.
        file: PathBuf,
        /// What the database said.
        why: String,
    },
}

impl BackupError {
    fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::Io {
            path: path.to_owned(),
            source,
        }
    }

    fn database(file: &Path) -> impl FnOnce(rusqlite::Error) -> Self + '_ {
        move |error| Self::Database {
            file: file.to_owned(),
            why: why(&error),
        }
    }
}

/// A fault within a page, before it is known which file it is about.
enum Broken {
    Database(rusqlite::Error),
    Log(String),
}

impl From<rusqlite::Error> for Broken {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

impl Broken {
    fn of(self, file: &Path) -> BackupError {
        match self {
            Self::Database(error) => BackupError::database(file)(error),
            Self::Log(what) => BackupError::Damaged {
                file: file.to_owned(),
                what,
            },
        }
    }
}

/// See [`crate::EmbeddedLog::backup`].
pub(crate) fn backup(
    from: &Path,
    to: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Backup, BackupError> {
    let source = file::path(from);
    let reader = file::open_reading(&source)?;
    let format = file::check_format(&reader, &source)?;
    file::prepare_folder(to).map_err(BackupError::io(to))?;
    let target = file::path(to);
    if target.try_exists().map_err(BackupError::io(&target))? {
        return Err(BackupError::Exists(target));
    }
    let unfinished = unfinished(&target);
    file::create_private(&unfinished)?;
    let copied = copy_events(&reader, format, &unfinished, progress)
        .map_err(|error| error.of(&source))
        .and_then(|found| {
            file::put_in_place(&unfinished, &target).map_err(BackupError::io(&target))?;
            Ok(found)
        });
    let (position, mark) = match copied {
        Ok(found) => found,
        Err(error) => {
            discard(&unfinished);
            return Err(error);
        }
    };
    let bytes = fs::metadata(&target)
        .map_err(BackupError::io(&target))?
        .len();
    Ok(Backup {
        file: target,
        position,
        mark,
        bytes,
    })
}

fn unfinished(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".copying");
    PathBuf::from(name)
}

fn discard(unfinished: &Path) {
    if let Err(error) = fs::remove_file(unfinished)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(file = %unfinished.display(), %error, "an unfinished copy could not be removed");
    }
}

/// Copies everything up to the present head. The file has no write-ahead log beside it, so one file is the whole backup,
/// also on a medium that cannot be written; a hub that opens it makes one.
fn copy_events(
    reader: &Connection,
    format: u32,
    to: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(Position, Option<Mark>), Broken> {
    let writer = Connection::open_with_flags(
        to,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    writer.execute_batch(file::EMPTY)?;
    // Until it has its name nobody reads it, and a failed one is removed: no journal and no sync before the end.
    writer.execute_batch(
        "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536; \
         PRAGMA locking_mode = EXCLUSIVE; BEGIN",
    )?;
    file::create_tables(&writer, format)?;
    let head = Position(file::last_position(reader)?);
    let mut chain = (format >= file::CHAINED)
        .then(|| Chain::begin(reader, head))
        .transpose()?;
    let mut after = Position::START;
    while after < head {
        let page = rows_after(reader, after, head, PAGE, |row| {
            let here = row.position();
            let broken =
                |what: &dyn std::fmt::Display| Broken::Log(format!("position {here}: {what}"));
            if here.0 != after.0 + 1 {
                return Err(broken(&format!(
                    "the events from position {} up to here are missing",
                    after.0 + 1
                )));
            }
            after = here;
            let link = match chain.as_mut().map(|chain| chain.row(row)).transpose()? {
                Some((_, Some(what))) => return Err(broken(&what)),
                Some((link, None)) => link,
                None => None,
            };
            let columns = &row.columns;
            writer
                .prepare_cached(
                    "INSERT INTO events (position, stream_key, revision, event_id, type_key, version, recorded_at, \
                     meta, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                )?
                .execute(params![
                    columns.position,
                    row.stream_key,
                    columns.revision,
                    columns.id,
                    row.type_key,
                    columns.version,
                    columns.recorded_at,
                    columns.meta,
                    columns.data,
                ])?;
            if let Some(link) = link {
                writer
                    .prepare_cached("INSERT INTO links (last_position, hash) VALUES (?1, ?2)")?
                    .execute(params![link.position.0.cast_signed(), link.hash.0])?;
            }
            Ok(())
        })?;
        if page.is_none() {
            return Err(Broken::Log(format!(
                "the events after position {after} are missing"
            )));
        }
        progress(after.0, head.0);
    }
    // After the events, so that every name they refer to is among them.
    copy_names(reader, &writer)?;
    let mark = match &chain {
        Some(chain) => {
            let origin = chain.origin();
            writer.execute(
                "INSERT INTO chain (only_row, log_id, after) VALUES (1, ?1, ?2)",
                params![origin.log_id, origin.after.cast_signed()],
            )?;
            Some(chain.mark())
        }
        None => None,
    };
    if let Some(mark) = mark
        && mark.position != head
    {
        return Err(Broken::Log(format!(
            "its chain of hashes ends at {}, its events at {head}",
            mark.position
        )));
    }
    writer.execute_batch("COMMIT")?;
    writer
        .close()
        .map_err(|(_, error)| Broken::Database(error))?;
    Ok((head, mark))
}

/// Streams and types. A stream that came after the head may be among them, without an event, as after a crash.
fn copy_names(reader: &Connection, writer: &Connection) -> Result<(), Broken> {
    let mut types = reader.prepare("SELECT key, name FROM types")?;
    let mut rows = types.query([])?;
    while let Some(row) = rows.next()? {
        let (key, name): (i64, Value) = (row.get(0)?, row.get(1)?);
        writer
            .prepare_cached("INSERT INTO types (key, name) VALUES (?1, ?2)")?
            .execute(params![key, name])?;
    }
    let mut streams = reader
        .prepare("SELECT key, category, id FROM streams WHERE key > ?1 ORDER BY key LIMIT ?2")?;
    let mut after = i64::MIN;
    loop {
        let before = after;
        let mut rows = streams.query(params![after, PAGE])?;
        while let Some(row) = rows.next()? {
            after = row.get(0)?;
            let (category, id): (Value, Value) = (row.get(1)?, row.get(2)?);
            writer
                .prepare_cached("INSERT INTO streams (key, category, id) VALUES (?1, ?2, ?3)")?
                .execute(params![after, category, id])?;
        }
        if after == before {
            return Ok(());
        }
    }
}

/// Passes the progress of a check on.
struct Shown<'a>(&'a mut dyn FnMut(u64, u64));

impl Watch for Shown<'_> {
    fn progress(&mut self, done: u64, total: u64) {
        (self.0)(done, total);
    }
}

/// See [`crate::EmbeddedLog::restore`].
pub(crate) fn restore(
    from: &Path,
    to: &Path,
    noted: &[Mark],
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Verified, BackupError> {
    file::prepare_folder(to).map_err(BackupError::io(to))?;
    let mut there = fs::read_dir(to).map_err(BackupError::io(to))?;
    if there.next().is_some() {
        return Err(BackupError::NotEmpty(to.to_owned()));
    }
    let source = file::path(from);
    let verified = verify_file(from, noted, &mut Shown(progress))?;
    if let Some(fault) = verified.faults.first() {
        return Err(BackupError::Damaged {
            file: source,
            what: fault.to_string(),
        });
    }
    let target = file::path(to);
    let unfinished = unfinished(&target);
    file::create_private(&unfinished)?;
    let put =
        copy_file(&source, &unfinished).and_then(|()| file::put_in_place(&unfinished, &target));
    if let Err(error) = put {
        discard(&unfinished);
        return Err(BackupError::io(&target)(error));
    }
    Ok(verified)
}

fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    let mut from = File::open(from)?;
    let mut to = File::options().write(true).open(to)?;
    io::copy(&mut from, &mut to).map(|_| ())
}

/// Copies any SQLite database as it is at one moment, also while it is written to, and answers the copy's size in bytes.
/// For small ones, as read models and keys are: the copy reads one snapshot, and until it is done a write-ahead log of
/// `from` grows. The copy is one file that no journal belongs to; it has mode 0600 and gets its name when it is complete
/// and synced. `progress` is told pages.
///
/// # Errors
/// [`BackupError`]; [`BackupError::Exists`] when there is a file `to`.
pub fn copy_database(
    from: &Path,
    to: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<u64, BackupError> {
    if to.try_exists().map_err(BackupError::io(to))? {
        return Err(BackupError::Exists(to.to_owned()));
    }
    if !from.try_exists().map_err(BackupError::io(from))? {
        return Err(BackupError::Io {
            path: from.to_owned(),
            source: io::ErrorKind::NotFound.into(),
        });
    }
    let unfinished = unfinished(to);
    file::create_private(&unfinished)?;
    let put = copy_pages(from, &unfinished, progress)
        .map_err(BackupError::database(from))
        .and_then(|()| file::put_in_place(&unfinished, to).map_err(BackupError::io(to)));
    match put {
        Ok(()) => fs::metadata(to)
            .map(|about| about.len())
            .map_err(BackupError::io(to)),
        Err(error) => {
            discard(&unfinished);
            Err(error)
        }
    }
}

fn copy_pages(from: &Path, to: &Path, progress: &mut dyn FnMut(u64, u64)) -> rusqlite::Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let reader = Connection::open_with_flags(from, flags | OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    reader.busy_timeout(Duration::from_secs(5))?;
    let mut writer = Connection::open_with_flags(to, flags | OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // A snapshot over all steps; without it the copy would begin anew whenever somebody commits between two of them.
    reader.execute_batch("BEGIN")?;
    reader.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    {
        let copier = Copier::new(&reader, &mut writer)?;
        loop {
            let step = copier.step(DATABASE_PAGES)?;
            let at = copier.progress();
            let total = u64::try_from(at.pagecount).unwrap_or(0);
            progress(
                total.saturating_sub(u64::try_from(at.remaining).unwrap_or(0)),
                total,
            );
            match step {
                StepResult::Done => break,
                StepResult::More => {}
                // Somebody holds a lock; the busy handler does not know of this one.
                _ => std::thread::yield_now(),
            }
        }
    }
    // The copied header speaks of a write-ahead log; the copy shall be one file.
    writer.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))?;
    writer.close().map_err(|(_, error)| error)
}

/// The hash of a log's head, from its file.
pub(crate) fn mark(dir: &Path) -> Result<Option<Mark>, OpenError> {
    let file = file::path(dir);
    let reader = file::open_reading(&file)?;
    if file::check_format(&reader, &file)? < file::CHAINED {
        return Ok(None);
    }
    chain::last(&reader)
        .map(Some)
        .map_err(OpenError::database(&file))
}
