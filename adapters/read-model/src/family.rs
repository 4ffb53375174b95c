//! The versions of a model that this program can keep, and how their files are called.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rapport_domain::event::Position;
use rapport_domain::port::projection::{FileName, Projection};
use rusqlite::{Connection, OpenFlags};

use crate::error::OpenError;
use crate::file::{Schema, is_complete};
use crate::model::{Handler, Model, Progress, read_checkpoint};
use crate::parked;

/// One version: its schema and what keeps it.
#[derive(Clone, Copy)]
pub(crate) struct Edition {
    pub schema: Schema,
    pub open: fn(&Path) -> rusqlite::Result<Opened>,
}

/// A file that can be fed.
pub(crate) struct Opened {
    pub projection: Box<dyn Projection>,
    pub progress: Arc<Progress>,
}

impl Edition {
    pub(crate) const fn of<H: Handler>() -> Self {
        Self {
            schema: H::SCHEMA,
            open: |path| {
                let model = Model::<H>::open(path)?;
                Ok(Opened {
                    progress: model.progress(),
                    projection: Box::new(model),
                })
            },
        }
    }
}

/// A model: its name and the versions this program can keep and ask, the newest last. A version that is followed by
/// another stays in the list for one release, with its handler, so that it can answer while the next one is built; the
/// queries of the model must then understand both (`PRAGMA user_version` says which they ask).
#[derive(Clone, Copy)]
pub(crate) struct Family {
    pub name: &'static str,
    pub editions: &'static [Edition],
}

impl Family {
    pub(crate) fn newest(&self) -> u32 {
        self.editions
            .last()
            .map_or(0, |edition| edition.schema.version)
    }

    pub(crate) fn edition(&self, version: u32) -> Option<&'static Edition> {
        let mut known = self.editions.iter();
        known.find(|edition| edition.schema.version == version)
    }

    /// The files of this model in a folder, of versions this program does not know too.
    pub(crate) fn files(&self, folder: &Path) -> Result<Vec<FileAt>, OpenError> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).map_err(OpenError::folder(folder))? {
            let entry = entry.map_err(OpenError::folder(folder))?;
            let name = entry.file_name();
            found.extend(
                name.to_str()
                    .and_then(|name| FileAt::parse(self.name, name)),
            );
        }
        found.sort_unstable();
        Ok(found)
    }
}

/// What can be seen of a file without keeping it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Look {
    pub complete: bool,
    pub mark: Position,
    pub parked: u64,
}

/// A file of a model: `NAME.vVERSION.db` for the first build of a version, `NAME.vVERSION.BUILD.db` for later ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FileAt {
    pub version: u32,
    pub build: u32,
    pub model: &'static str,
}

impl FileAt {
    fn parse(model: &'static str, name: &str) -> Option<Self> {
        let rest = name.strip_prefix(model)?.strip_prefix(".v")?;
        let rest = rest.strip_suffix(".db")?;
        let (version, build) = match rest.split_once('.') {
            Some((version, build)) => (version, build.parse().ok()?),
            None => (rest, 0),
        };
        let version = version.parse().ok()?;
        let file = Self {
            version,
            build,
            model,
        };
        // `v01` is somebody else's.
        (file.name() == name).then_some(file)
    }

    pub(crate) fn name(&self) -> String {
        let Self {
            version,
            build,
            model,
        } = self;
        match build {
            0 => format!("{model}.v{version}.db"),
            build => format!("{model}.v{version}.{build}.db"),
        }
    }

    pub(crate) fn path(&self, folder: &Path) -> PathBuf {
        folder.join(self.name())
    }

    pub(crate) fn called(&self) -> FileName {
        FileName {
            version: self.version,
            name: self.name(),
        }
    }

    /// Whether it has been as far as the log, how far it is, and what it did not take in.
    pub(crate) fn look(&self, folder: &Path) -> rusqlite::Result<Look> {
        // A file whose write-ahead log was left by a crash cannot be read without writing beside it.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(self.path(folder), flags)?;
        let version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if version == 0 {
            return Ok(Look::default()); // made and never written to
        }
        let has_parked = connection.table_exists(None, "parked")?;
        let parked = if has_parked {
            parked::streams(&connection)?.0.len() as u64
        } else {
            0 // of an earlier program
        };
        Ok(Look {
            complete: is_complete(&connection)?,
            mark: read_checkpoint(&connection)?,
            parked,
        })
    }

    /// Removes the database and what belongs to it.
    pub(crate) fn remove(&self, folder: &Path) -> Result<(), OpenError> {
        remove(&self.path(folder))
    }
}

/// Removes a database and what belongs to it.
pub(crate) fn remove(path: &Path) -> Result<(), OpenError> {
    for ending in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        let file = PathBuf::from(name);
        match fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(OpenError::folder(&file)(error));
            }
            _ => {}
        }
    }
    Ok(())
}
