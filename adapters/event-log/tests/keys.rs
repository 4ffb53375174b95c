//! Both stores of keys keep the promises of the port, forget for good, and belong to their owner only.

#![allow(
    clippy::unwrap_used,
    reason = "tests, helpers of tests included, may panic"
)]

#[path = "keys/local.rs"]
mod local;
#[path = "keys/shared.rs"]
mod shared;

use std::fs;
use std::ops::Deref;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rapport_domain::port::keys::{CustomerKey, Keys};
use rapport_event_log::keys::MasterKey;
use tempfile::TempDir;

/// A store in a folder of its own, kept until it is dropped.
struct Kept {
    keys: Box<dyn Keys>,
    _folder: TempDir,
}

impl Deref for Kept {
    type Target = dyn Keys;
    fn deref(&self) -> &Self::Target {
        &*self.keys
    }
}

fn kept<K: Keys + 'static>(open: impl FnOnce(&Path) -> K) -> Kept {
    let folder = tempfile::tempdir().expect("a folder");
    Kept {
        keys: Box::new(open(folder.path())),
        _folder: folder,
    }
}

fn master(secret: char) -> MasterKey {
    MasterKey::new(&secret.to_string().repeat(MasterKey::LEAST)).expect("long enough")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// Whether the bytes of a key are in any file.
fn is_anywhere(folder: &Path, key: &CustomerKey) -> bool {
    files(folder).iter().any(|path| {
        let bytes = fs::read(path).expect("readable");
        bytes.windows(16).any(|part| part == &key.expose()[..16])
    })
}

fn assert_private(folder: &Path) {
    let files = files(folder);
    assert!(!files.is_empty());
    for path in files {
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
    }
}
