//! Why a log cannot be opened, in words that name the folder or file and what to do.

use std::io;
use std::path::{Path, PathBuf};

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
    /// There is no log to read.
    #[error("there is no log at {}; `rapport serve` creates it", file.display())]
    Missing {
        /// Where it was looked for.
        file: PathBuf,
    },
    /// The operating system refused.
    #[error("cannot use {}: {source}", path.display())]
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
                why: error.to_string(),
            },
        }
    }
}
