//! Whose events the files hold. A read model says up to which position it has seen the log; that means nothing when
//! the log is another one: restored from an older backup, moved to another engine, begun anew.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rapport_domain::event::Position;
use rapport_domain::id::EventId;
use rusqlite::{Connection, OptionalExtension};

use crate::error::OpenError;
use crate::family::remove;

/// Beside the models: the position and id of the first event of the log they were made from. Copies of a log on other
/// engines begin with the same event at another position.
const ORIGIN: &str = "log";

/// Throws away what does not belong to a log that begins with the event `first` and ends at `head`, so that the next
/// opening builds it anew: every file when they were made from a log that begins otherwise, and each file that has seen
/// positions beyond the head. Answers with the names of the files thrown away. No hub may run on the folder.
///
/// # Errors
/// [`OpenError`] when a file cannot be looked at or removed.
pub fn discard_strangers(
    data: &Path,
    first: Option<(Position, EventId)>,
    head: Position,
) -> Result<Vec<String>, OpenError> {
    let folder = data.join("read-models");
    let files = databases(&folder)?;
    let origin = folder.join(ORIGIN);
    let known = match fs::read_to_string(&origin) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        other => Some(other.map_err(OpenError::folder(&origin))?),
    };
    let present = first.map(|(position, id)| format!("{position} {id}\n"));
    let other_log = known.is_some() && known != present;
    let mut discarded = Vec::new();
    for file in files {
        let seen = seen(&file).map_err(OpenError::folder_of_database(&file))?;
        if other_log || seen > head {
            remove(&file)?;
            let name = file.file_name().unwrap_or_default();
            discarded.push(name.to_string_lossy().into_owned());
        }
    }
    match present {
        // Without events there is nothing to remember, and what was remembered is wrong.
        None if known.is_some() => fs::remove_file(&origin).map_err(OpenError::folder(&origin))?,
        Some(text) if known.as_ref() != Some(&text) => {
            crate::read_models::folder(data)?;
            fs::write(&origin, text).map_err(OpenError::folder(&origin))?;
        }
        _ => {}
    }
    Ok(discarded)
}

/// The databases in the folder, by name. Files that are still being built are not among them.
pub(crate) fn databases(folder: &Path) -> Result<Vec<PathBuf>, OpenError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(OpenError::folder(folder))?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(OpenError::folder(folder))?.path();
        let is_database = path.extension().is_some_and(|ending| ending == "db");
        let unfinished = path.to_string_lossy().ends_with(".new.db");
        if is_database && !unfinished {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The last position that any checkpoint in the file names.
fn seen(file: &Path) -> rusqlite::Result<Position> {
    // Not read-only: after a crash the write-ahead log beside it has to be taken in first.
    let connection = Connection::open(file)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    let mut last = 0;
    for table in ["checkpoint", "reactor"] {
        let there = connection
            .prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1")?
            .exists([table])?;
        if there {
            let found: Option<i64> = connection
                .query_row(&format!("SELECT max(position) FROM {table}"), [], |row| {
                    row.get(0)
                })
                .optional()?
                .flatten();
            last = last.max(found.unwrap_or(0));
        }
    }
    Ok(Position(u64::try_from(last).unwrap_or(0)))
}
