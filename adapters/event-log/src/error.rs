//! Why a log cannot be opened, in words that name the folder or file and what to do.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// The log could not be opened; nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process writes to this log.
    #[error(
        "data folder {} is in use by another running hub{}; stop it first, or read beside it with `rapport log tail`",
        folder.display(),
        pid.map_or(String::new(), |pid| format!(" (pid {pid})"))
    )]
    InUse {
        /// The data folder.
        folder: PathBuf,
        /// The other process, when it could be told.
        pid: Option<u32>,
    },
    /// The log's format is newer than this program.
    #[error(
        "{} was written by a newer version of Rapport (log format {found}, this program knows up to {known}); \
         use that version or a newer one",
        file.display()
    )]
    NewerVersion {
        /// The log's file.
        file: PathBuf,
        /// The format it has.
        found: u32,
        /// The newest format this program can read.
        known: u32,
    },
    /// The file is something else.
    #[error("{} is not a log of Rapport: {why}", file.display())]
    NotALog {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The file is a log, and something in it does not fit together.
    #[error(
        "{} is damaged: {why}; `rapport log verify` lists what is wrong, `rapport restore` puts a backup in its place",
        file.display()
    )]
    Damaged {
        /// The log's file.
        file: PathBuf,
        /// What does not fit.
        why: String,
    },
    /// The file can be read and not be written.
    #[error(
        "{} cannot be written: give the file to the user that runs the hub (chown), or mount its file system read-write",
        file.display()
    )]
    NotWritable {
        /// The log's file.
        file: PathBuf,
    },
    /// There is no log to read.
    #[error("there is no log at {}; `rapport serve` creates it", file.display())]
    Missing {
        /// Where it was looked for.
        file: PathBuf,
    },
    /// The operating system refused.
    #[error("cannot use {}: {source}{}", path.display(), remedy(path, source))]
    Io {
        /// What was to be used.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The database refused.
    #[error("cannot open {}: {why}", file.display())]
    Database {
        /// The log's file.
        file: PathBuf,
        /// What the database said.
        why: String,
    },
}

impl OpenError {
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::Io {
            path: path.to_owned(),
            source,
        }
    }

    pub(crate) fn database(file: &Path) -> impl FnOnce(rusqlite::Error) -> Self + '_ {
        move |error| match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::NotADatabase) => Self::NotALog {
                file: file.to_owned(),
                why: error.to_string(),
            },
            _ => Self::Database {
                file: file.to_owned(),
                why: why(&error),
            },
        }
    }
}

/// What to do about an error of the operating system, when there is something.
fn remedy(path: &Path, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => format!("; {}", whose(path)),
        io::ErrorKind::ReadOnlyFilesystem => format!("; {READ_ONLY}"),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => format!("; {FULL}"),
        _ => String::new(),
    }
}

const FULL: &str =
    "the disk is full: free space on it, nothing else is needed and nothing acknowledged is lost";
const READ_ONLY: &str = "its file system is mounted read-only, which is also what the kernel does when a disk fails: \
    look into its log (dmesg), then mount it read-write";
const FAILED: &str =
    "the disk failed: look into the kernel's log (dmesg); what was acknowledged before is stored";

/// Who owns what we may not use, and who we are.
fn whose(path: &Path) -> String {
    let owned = path
        .ancestors()
        .find_map(|path| Some((path, fs::metadata(path).ok()?.uid())));
    // The folder of our own process belongs to the user we run as.
    let ours = fs::metadata("/proc/self").map(|about| about.uid());
    match (owned, ours) {
        (Some((path, owner)), Ok(ours)) => format!(
            "{} belongs to user {owner} and this program runs as user {ours}: run it as that user, or give it the \
             folder with `chown -R {ours} {}`",
            path.display(),
            path.display()
        ),
        _ => "run it as the user that owns the data folder".to_owned(),
    }
}

/// An error of the database in words that say what to do.
pub(crate) fn why(error: &rusqlite::Error) -> String {
    let remedy = match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DiskFull) => FULL,
        Some(rusqlite::ErrorCode::ReadOnly) => READ_ONLY,
        Some(rusqlite::ErrorCode::SystemIoFailure) => FAILED,
        Some(rusqlite::ErrorCode::DatabaseCorrupt) => {
            "the file is damaged: `rapport log verify` lists what is wrong, `rapport restore` puts a backup in its place"
        }
        _ => return error.to_string(),
    };
    format!("{error}; {remedy}")
}
