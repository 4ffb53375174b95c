//! Building a model beside the one in use.

use std::fs;
use std::path::{Path, PathBuf};

use rapport_domain::event::{Position, Recorded};
use rapport_domain::port::projection::{Projection, ProjectionError};

use crate::error::OpenError;
use crate::model::{Handler, Model};

/// A model being built beside the one in use. Dropped without [`Rebuild::finish`], it leaves a file that the next
/// rebuild throws away, and changes nothing.
pub struct Rebuild {
    model: Box<dyn Projection>,
    beside: PathBuf,
    target: PathBuf,
}

impl Rebuild {
    pub(crate) fn begin<H: Handler>(folder: &Path) -> Result<Self, OpenError> {
        let target = H::SCHEMA.path(folder);
        let beside = target.with_extension("new.db");
        remove(&beside)?;
        let model = Model::<H>::open(&beside).map_err(OpenError::file(H::SCHEMA.name, &beside))?;
        Ok(Self {
            model: Box::new(model),
            beside,
            target,
        })
    }

    /// Puts the new file in the place of the old one.
    ///
    /// # Errors
    /// [`OpenError`]; when the old file is gone already, the next start builds the model anew by itself.
    pub fn finish(self) -> Result<(), OpenError> {
        let Self {
            model,
            beside,
            target,
        } = self;
        drop(model); // the last connection moves the write-ahead log into the file as it closes
        remove(&target)?;
        fs::rename(&beside, &target).map_err(OpenError::folder(&beside))
    }
}

impl Projection for Rebuild {
    fn name(&self) -> &'static str {
        self.model.name()
    }

    fn checkpoint(&self) -> Result<Position, ProjectionError> {
        self.model.checkpoint()
    }

    fn apply(&mut self, page: &[Recorded]) -> Result<(), ProjectionError> {
        self.model.apply(page)
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
