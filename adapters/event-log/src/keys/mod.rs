//! Where the keys of personal data are kept: apart from the log, so that they can be backed up apart from it and
//! destroyed for good.
//!
//! [`LocalKeys`] is one file beside the log of a node that has its log for itself. [`SharedKeys`] is a folder that the
//! nodes of a cluster share.

mod local;
mod local_file;
mod master;
mod shared;
mod threads;

use std::path::{Path, PathBuf};

use rapport_domain::port::keys::KeyError;

pub use local::LocalKeys;
pub use master::MasterKey;
pub use shared::SharedKeys;

/// A store of keys could not be opened; nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeysOpenError {
    /// The operating system refused.
    #[error("cannot use the keys at {}: {source}", path.display())]
    Io {
        /// What was to be used.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The database refused, or the file is something else.
    #[error("cannot open the keys at {}: {why}", path.display())]
    NotKeys {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The keys are wrapped, and no master key was given.
    #[error("the keys at {} are wrapped by a master key; give it with `keys_secret`", path.display())]
    Wrapped {
        /// The store.
        path: PathBuf,
    },
    /// The keys are wrapped by another master key.
    #[error("the keys at {} are wrapped by another master key than `keys_secret` gives", path.display())]
    OtherMaster {
        /// The store.
        path: PathBuf,
    },
    /// The master key is too easily guessed.
    #[error(
        "`keys_secret` must have at least {} characters, such as 32 random bytes in hexadecimal",
        MasterKey::LEAST
    )]
    WeakMaster,
    /// The cipher failed.
    #[error("cannot open the keys: the source of random bytes or the cipher failed")]
    Cipher,
}

/// What a store that was opened for reading answers whoever wants to change it.
fn read_only() -> KeyError {
    KeyError("the keys were opened for reading only".to_owned())
}

impl KeysOpenError {
    fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::Io {
            path: path.to_owned(),
            source,
        }
    }

    fn database(path: &Path) -> impl FnOnce(rusqlite::Error) -> Self + '_ {
        move |error| Self::NotKeys {
            path: path.to_owned(),
            why: error.to_string(),
        }
    }
}
