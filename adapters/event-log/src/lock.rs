//! One process writes: an advisory lock on a file of its own, which the kernel releases however the process ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::error::OpenError;
use crate::file::{FILE_MODE, prepare_folder};

const NAME: &str = "log.lock";

/// Whether some process writes to the folder. Nothing is changed by asking.
pub(crate) fn is_held(folder: &Path) -> bool {
    File::open(folder.join(NAME))
        .is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
}

/// Holds a data folder until dropped: no second process takes it meanwhile. The embedded log does so itself.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Takes a data folder, which is created when there is none, for a process that keeps its log elsewhere.
    ///
    /// # Errors
    /// [`OpenError::InUse`], or [`OpenError::Io`].
    pub fn claim(folder: &Path) -> Result<Self, OpenError> {
        prepare_folder(folder).map_err(OpenError::io(folder))?;
        Self::take(folder)
    }

    /// Takes the folder for this process. The pid in the file is only there to be named to whoever comes second.
    pub(crate) fn take(folder: &Path) -> Result<Self, OpenError> {
        let path = folder.join(NAME);
        let io = OpenError::io(&path);
        let open = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(FILE_MODE)
            .open(&path);
        let mut file = match open {
            Ok(file) => file,
            Err(error) => return Err(io(error)),
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let pid = file
                    .read_to_string(&mut text)
                    .ok()
                    .and_then(|_| text.trim().parse().ok());
                return Err(OpenError::InUse {
                    folder: folder.to_owned(),
                    pid,
                });
            }
            Err(TryLockError::Error(error)) => return Err(io(error)),
        }
        let written = file
            .set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| writeln!(file, "{}", std::process::id()));
        match written {
            Ok(()) => Ok(Self { _file: file }),
            Err(error) => Err(io(error)),
        }
    }
}
