//! A log in a folder of its own.

use std::ops::Deref;

use rapport_event_log::EmbeddedLog;
use tempfile::TempDir;

/// Dropped in this order: the log first, then its folder.
pub struct TempLog {
    log: EmbeddedLog,
    _folder: TempDir,
}

impl TempLog {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let log = EmbeddedLog::open(folder.path()).expect("a new log");
        Self {
            log,
            _folder: folder,
        }
    }
}

impl Deref for TempLog {
    type Target = EmbeddedLog;
    fn deref(&self) -> &EmbeddedLog {
        &self.log
    }
}
