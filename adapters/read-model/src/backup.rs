//! Copies of the models for a backup.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::error::OpenError;
use crate::origin::databases;
use crate::read_models::folder;

/// Copies every read model of a data folder into another one, also while a hub writes to them: each copy is one state of
/// its model, with a checkpoint that fits. Free pages are not copied, so nothing that was deleted is. Answers with how
/// many there are.
///
/// A backup that copies the log after this has no model that is ahead of the log.
///
/// # Errors
/// [`OpenError`]; what was copied by then is of no use.
pub fn backup(data: &Path, to: &Path) -> Result<usize, OpenError> {
    let source = data.join("read-models");
    let files = databases(&source)?;
    let target = folder(to)?;
    for file in &files {
        let copy = target.join(file.file_name().unwrap_or_default());
        // Made before the database fills it, so that it is at no moment anybody else's.
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&copy)
            .map_err(OpenError::folder(&copy))?;
        copy_into(file, &copy).map_err(OpenError::folder_of_database(file))?;
    }
    let origin = source.join("log");
    if origin.is_file() {
        fs::copy(&origin, target.join("log")).map_err(OpenError::folder(&origin))?;
    }
    Ok(files.len())
}

fn copy_into(file: &Path, copy: &Path) -> rusqlite::Result<()> {
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.execute("VACUUM INTO ?1", [copy.to_string_lossy()])?;
    Ok(())
}
