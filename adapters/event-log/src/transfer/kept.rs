//! A folder of files kept for later: complete or not at all, and every file as it was when it was kept.
//!
//! `backup.json` is written last and names every file with its size and SHA-256. Without it the folder is a backup that
//! was interrupted, which nobody restores by mistake.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rapport_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::files::{Hashed, create, hash_of, make_folder, part_of, put_in_place};

const MANIFEST: &str = "backup.json";
const FORMAT: u32 = 1;
/// Folders within folders; there is one level of them.
const DEPTH: usize = 4;

/// What a backup says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    rapport_backup: u32,
    /// When it was complete.
    pub made_at: Timestamp,
    files: BTreeMap<PathBuf, KeptFile>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptFile {
    bytes: u64,
    sha256: String,
}

/// A backup was not made or not restored. What was there before is untouched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeptError {
    /// The operating system refused.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// What was to be used.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The place is taken.
    #[error("{} is not empty; name a new or an empty folder", .0.display())]
    NotEmpty(PathBuf),
    /// The backup was interrupted, or it is none.
    #[error("{} is no complete backup: it has no backup.json", .0.display())]
    Incomplete(PathBuf),
    /// A file is not what was kept.
    #[error("{} is damaged: {why}; take another copy of the backup", path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        why: &'static str,
    },
}

fn io(path: &Path) -> impl FnOnce(io::Error) -> KeptError + '_ {
    move |source| KeptError::Io {
        path: path.to_owned(),
        source,
    }
}

impl Kept {
    /// Makes sure that a folder can take a backup: it makes the folder, and refuses one that is not empty.
    ///
    /// # Errors
    /// [`KeptError`].
    pub fn begin(folder: &Path) -> Result<(), KeptError> {
        make_folder(folder).map_err(io(folder))?;
        match fs::read_dir(folder).map_err(io(folder))?.next() {
            None => Ok(()),
            Some(_) => Err(KeptError::NotEmpty(folder.to_owned())),
        }
    }

    /// Declares what the folder holds to be a complete backup: every file is synced and named with its hash.
    ///
    /// # Errors
    /// [`KeptError`]; the backup is then not complete.
    pub fn complete(folder: &Path, made_at: Timestamp) -> Result<Self, KeptError> {
        let mut kept = Self {
            rapport_backup: FORMAT,
            made_at,
            files: BTreeMap::new(),
        };
        for path in files_in(folder, DEPTH)? {
            let (sha256, bytes) = File::open(&path)
                .and_then(|file| {
                    file.sync_all()?;
                    hash_of(file)
                })
                .map_err(io(&path))?;
            let name = path.strip_prefix(folder).unwrap_or(&path).to_owned();
            kept.files.insert(name, KeptFile { bytes, sha256 });
        }
        let path = folder.join(MANIFEST);
        let write = || -> io::Result<()> {
            let mut text = serde_json::to_vec_pretty(&kept)?;
            text.push(b'\n');
            let mut file = create(&part_of(&path))?;
            file.write_all(&text)?;
            put_in_place(&file, &path)
        };
        write().map_err(io(&path))?;
        Ok(kept)
    }

    /// Reads what a backup says of itself; its files are looked at when they are restored.
    ///
    /// # Errors
    /// [`KeptError::Incomplete`] for a folder without that, [`KeptError::Damaged`] when it cannot be read.
    pub fn open(folder: &Path) -> Result<Self, KeptError> {
        let path = folder.join(MANIFEST);
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(KeptError::Incomplete(folder.to_owned()));
            }
            other => other.map_err(io(&path))?,
        };
        let damaged = |why| KeptError::Damaged {
            path: path.clone(),
            why,
        };
        let kept: Self = serde_json::from_slice(&text).map_err(|_| damaged("it cannot be read"))?;
        if kept.rapport_backup != FORMAT {
            return Err(damaged("it is of another version of Rapport"));
        }
        // Nothing it names may lead out of the folder.
        let inside = |name: &Path| {
            name.components()
                .all(|part| matches!(part, std::path::Component::Normal(_)))
        };
        if !kept.files.keys().all(|name| inside(name)) {
            return Err(damaged("it names files elsewhere"));
        }
        Ok(kept)
    }

    /// Bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.values().map(|file| file.bytes).sum()
    }

    /// How many files there are.
    #[must_use]
    pub fn files(&self) -> usize {
        self.files.len()
    }

    /// Copies every file to a new or empty folder and compares each with its hash on the way. `last` gets its name only
    /// when all others are in place, so nothing can start from half of a backup. Durable when it answers.
    ///
    /// # Errors
    /// [`KeptError`]; the folder may then hold files, but not `last`, and can be removed.
    pub fn restore(
        &self,
        from: &Path,
        to: &Path,
        last: &Path,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), KeptError> {
        Self::begin(to)?;
        let (mut done, mut held_back) = (0, None);
        for (name, kept) in &self.files {
            let (source, target) = (from.join(name), to.join(name));
            if let Some(folder) = target.parent() {
                make_folder(folder).map_err(io(folder))?;
            }
            let file = copy(&source, &target, kept)?;
            done += kept.bytes;
            progress(done);
            if name == last {
                held_back = Some((file, target));
            } else {
                put_in_place(&file, &target).map_err(io(&target))?;
            }
        }
        match held_back {
            None => Err(KeptError::Incomplete(from.to_owned())),
            Some((file, target)) => put_in_place(&file, &target).map_err(io(&target)),
        }
    }
}

/// Copies a file to the name it has until it is in place.
fn copy(source: &Path, target: &Path, kept: &KeptFile) -> Result<File, KeptError> {
    let part = part_of(target);
    let mut hashed = Hashed::new(create(&part).map_err(io(&part))?);
    let mut from = File::open(source).map_err(io(source))?;
    io::copy(&mut from, &mut hashed).map_err(io(source))?;
    let (file, sha256, bytes) = hashed.finish();
    if (sha256.as_str(), bytes) == (kept.sha256.as_str(), kept.bytes) {
        return Ok(file);
    }
    fs::remove_file(&part).map_err(io(&part))?;
    Err(KeptError::Damaged {
        path: source.to_owned(),
        why: "its SHA-256 is not the one in backup.json",
    })
}

fn files_in(folder: &Path, depth: usize) -> Result<Vec<PathBuf>, KeptError> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(io(folder))? {
        let entry = entry.map_err(io(folder))?;
        let path = entry.path();
        if !entry.file_type().map_err(io(&path))?.is_dir() {
            files.push(path);
        } else if depth > 0 {
            files.extend(files_in(&path, depth - 1)?);
        }
    }
    files.sort();
    Ok(files)
}
