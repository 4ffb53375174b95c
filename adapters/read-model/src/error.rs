//! Why a read model cannot be opened.

use std::path::{Path, PathBuf};

/// A read model's file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder or file cannot be made, replaced or removed.
    #[error("{path}: {source}", path = .path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// SQLite cannot use the file.
    #[error("{path}: {source}; stop the hub and run `rapport projection rebuild {model}`", path = .path.display())]
    File {
        /// Which model.
        model: &'static str,
        /// Its file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// No model has this name.
    #[error("there is no read model `{0}`; there are customers, timeline, statistics and worklist")]
    NoSuchModel(String),
}

impl OpenError {
    pub(crate) fn folder(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Folder { path, source }
    }

    /// A file of which only SQLite can say what is wrong, whichever model it is of.
    pub(crate) fn folder_of_database(path: &Path) -> impl FnOnce(rusqlite::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Folder {
            path,
            source: std::io::Error::other(crate::file::reason(&source)),
        }
    }

    pub(crate) fn file(model: &'static str, path: &Path) -> impl FnOnce(rusqlite::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File {
            model,
            path,
            source,
        }
    }
}
