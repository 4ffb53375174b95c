//! Why a log was not moved, in words that name the file or place and what to do.

use std::io;
use std::path::{Path, PathBuf};

use rapport_domain::event::Position;
use rapport_domain::port::log::{AppendError, ReadError};

/// Moving a log went wrong. Nothing that was there before has changed, and what has arrived is in order: asking for the
/// same thing again goes on, once the reason is gone. No text quotes an event's data.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// The operating system refused.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// What was to be used.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The place holds something else than an archive.
    #[error("{} is not an export of Rapport: {why}", path.display())]
    NotAnArchive {
        /// The place.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The archive is newer than this program.
    #[error("{} has archive format {found}, this program knows up to {known}; use a newer version of Rapport", path.display())]
    NewerVersion {
        /// The archive.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest this program can read.
        known: u32,
    },
    /// The export that made the archive did not end.
    #[error("{} is not complete: its export was interrupted; run the same `rapport log export` again, which goes on", path.display())]
    Incomplete {
        /// The archive.
        path: PathBuf,
    },
    /// The archive is not what was written.
    #[error("{} is damaged: {why}; take another copy of it", path.display())]
    Damaged {
        /// The archive or a part of it.
        path: PathBuf,
        /// What does not fit.
        why: String,
    },
    /// The archive holds another stretch than is asked for, or another log.
    #[error("{} cannot be continued: {why}; export to another place", path.display())]
    OtherExport {
        /// The archive.
        path: PathBuf,
        /// What differs.
        why: String,
    },
    /// There is no such position.
    #[error("the log has no event at position {0}; look with `rapport log tail`")]
    NoSuchPosition(Position),
    /// The log to be filled holds other events.
    #[error(
        "the log holds other events: at its position {position} is {here}, where the source has {there}; \
         only an empty log, or one that an earlier run of the same began to fill, can be filled"
    )]
    Foreign {
        /// Where in the log.
        position: Position,
        /// What the log holds there: stream, revision and id.
        here: String,
        /// What the source holds.
        there: String,
    },
    /// The archive goes on where another one ended, and the log does not hold that other one.
    #[error(
        "the archive goes on after event {0}, which the log does not hold; import the archive before it first"
    )]
    Gap(rapport_domain::id::EventId),
    /// The source contradicts itself.
    #[error("the source is out of order: {0}")]
    OutOfOrder(String),
    /// The log to be filled did not take the events.
    #[error("cannot append: {0}; run the same again, which goes on")]
    Append(#[from] AppendError),
    /// A log cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Both sides were compared in the end and differ.
    #[error("the copy differs from its source: {0}")]
    Differs(String),
}

impl TransferError {
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::Io {
            path: path.to_owned(),
            source,
        }
    }

    pub(crate) fn damaged(path: &Path, why: impl ToString) -> Self {
        Self::Damaged {
            path: path.to_owned(),
            why: why.to_string(),
        }
    }

    pub(crate) fn not_an_archive(path: &Path, why: impl ToString) -> Self {
        Self::NotAnArchive {
            path: path.to_owned(),
            why: why.to_string(),
        }
    }
}
