//! Building a model beside the one in use while no hub runs.

use std::fs;
use std::path::{Path, PathBuf};

use rapport_domain::event::{Position, Recorded, Stream};
use rapport_domain::port::projection::{Parked, Projection, ProjectionError, Tally};

use crate::error::OpenError;
use crate::family::{Family, remove};

/// A model being built beside the one in use. Dropped without [`Rebuild::finish`], it leaves a file that the next
/// rebuild throws away, and changes nothing. A running hub builds by itself:
/// [`rapport_domain::port::projection::Shelf::begin`].
pub struct Rebuild {
    model: Box<dyn Projection>,
    family: Family,
    folder: PathBuf,
    beside: PathBuf,
    target: PathBuf,
}

impl Rebuild {
    pub(crate) fn begin(family: Family, folder: &Path) -> Result<Self, OpenError> {
        let Some(edition) = family.editions.last() else {
            return Err(OpenError::NoSuchModel(family.name.to_owned()));
        };
        let target = edition.schema.path(folder);
        let beside = target.with_extension("new.db");
        remove(&beside)?;
        let opened = (edition.open)(&beside).map_err(OpenError::file(family.name, &beside))?;
        Ok(Self {
            model: opened.projection,
            family,
            folder: folder.to_owned(),
            beside,
            target,
        })
    }

    /// Puts the new file in the place of every old one.
    ///
    /// # Errors
    /// [`OpenError`]; when the old files are gone already, the next start builds the model anew by itself.
    pub fn finish(mut self) -> Result<(), OpenError> {
        let done = self.model.set_complete();
        done.map_err(|error| OpenError::folder(&self.beside)(std::io::Error::other(error)))?;
        let Self {
            model,
            family,
            folder,
            beside,
            target,
        } = self;
        drop(model); // the last connection moves the write-ahead log into the file as it closes
        for file in family.files(&folder)? {
            if file.version <= family.newest() {
                file.remove(&folder)?;
            }
        }
        fs::rename(&beside, &target).map_err(OpenError::folder(&beside))
    }
}

impl Projection for Rebuild {
    fn name(&self) -> &'static str {
        self.model.name()
    }

    fn version(&self) -> u32 {
        self.model.version()
    }

    fn checkpoint(&self) -> Result<Position, ProjectionError> {
        self.model.checkpoint()
    }

    fn apply(&mut self, page: &[Recorded]) -> Result<(), ProjectionError> {
        self.model.apply(page)
    }

    fn tally(&self) -> Tally {
        self.model.tally()
    }

    fn parked(&self, limit: usize) -> Result<Vec<Parked>, ProjectionError> {
        self.model.parked(limit)
    }

    fn release(
        &mut self,
        stream: Stream,
        held: &[Recorded],
        last: bool,
    ) -> Result<bool, ProjectionError> {
        self.model.release(stream, held, last)
    }

    fn is_complete(&self) -> Result<bool, ProjectionError> {
        self.model.is_complete()
    }

    fn set_complete(&mut self) -> Result<(), ProjectionError> {
        self.model.set_complete()
    }
}
