//! One model's files: the one that answers, the one being built beside it, and the one that answered before.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use rapport_domain::event::Position;
use rapport_domain::port::projection::{Begin, Files, Parked, Projection, ProjectionError};
use rapport_domain::port::query::QueryError;
use rusqlite::Connection;

use crate::error::OpenError;
use crate::family::{Family, FileAt, Opened};
use crate::file::Readers;
use crate::model::Progress;
use crate::parked;

/// The files of one model.
pub(crate) struct Book {
    family: Family,
    folder: PathBuf,
    /// Exchanged as a whole: a question that has begun ends on the file it began with.
    serving: RwLock<Arc<Serving>>,
    others: Mutex<Others>,
}

/// The file that answers.
struct Serving {
    file: FileAt,
    readers: Readers,
    progress: Arc<Progress>,
}

#[derive(Default)]
struct Others {
    beside: Option<Beside>,
    previous: Option<FileAt>,
}

/// The file being built.
struct Beside {
    file: FileAt,
    /// None until it is opened.
    progress: Option<Arc<Progress>>,
    /// The way back: it answered before.
    back: bool,
}

impl Book {
    /// Opens the file that is to answer: of those that have been complete the one that is furthest; without any, one
    /// that is filled from where it is. Files that are of no use any more are deleted, those of a later program are not.
    pub(crate) fn open(
        family: Family,
        folder: &Path,
    ) -> Result<(Self, Box<dyn Projection>), OpenError> {
        let newest = family.newest();
        let known: Vec<FileAt> = family
            .files(folder)?
            .into_iter()
            .filter(|file| file.version <= newest)
            .collect();
        let mut complete = None;
        for file in known
            .iter()
            .filter(|file| family.edition(file.version).is_some())
        {
            match file.look(folder) {
                Ok(look) if look.complete => complete = complete.max(Some((look.mark, *file))),
                Ok(_) => {}
                Err(source) if known.len() == 1 => {
                    return Err(OpenError::file(family.name, &file.path(folder))(source));
                }
                Err(error) => {
                    tracing::warn!(file = file.name(), %error, "a read model's file cannot be used; another one is");
                }
            }
        }
        let of_newest = || known.iter().rev().find(|file| file.version == newest);
        let first = FileAt {
            version: newest,
            build: 0,
            model: family.name,
        };
        let serving = match complete {
            Some((_, file)) => file,
            None => of_newest().copied().unwrap_or(first),
        };
        let beside = of_newest().copied().filter(|file| *file > serving);
        for file in &known {
            if *file != serving && Some(*file) != beside {
                tracing::info!(file = file.name(), "a read model's earlier file is deleted");
                file.remove(folder)?;
            }
        }
        let (answering, opened) = Serving::open(family, folder, serving)?;
        let book = Self {
            family,
            folder: folder.to_owned(),
            serving: RwLock::new(Arc::new(answering)),
            others: Mutex::new(Others {
                beside: beside.map(|file| Beside {
                    file,
                    progress: None,
                    back: false,
                }),
                previous: None,
            }),
        };
        Ok((book, opened.projection))
    }

    fn answering(&self) -> Arc<Serving> {
        Arc::clone(&self.serving.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn others(&self) -> MutexGuard<'_, Others> {
        self.others.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a query against one state of the file that answers.
    pub(crate) fn read<T>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, QueryError> {
        self.answering().readers.read(query)
    }

    pub(crate) fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.answering().progress)
    }

    pub(crate) fn files(&self) -> Files {
        let others = self.others();
        Files {
            serving: self.answering().file.called(),
            beside: others.beside.as_ref().map(|beside| beside.file.called()),
            previous: others.previous.map(|file| file.called()),
            newest: self.family.newest(),
        }
    }

    pub(crate) fn begin(&self, from: Begin) -> Result<Box<dyn Projection>, ProjectionError> {
        let mut others = self.others();
        let (file, back) = match from {
            Begin::Anew => (self.next(&mut others)?, false),
            Begin::Unfinished => {
                let beside = others.beside.as_ref();
                let beside = beside.ok_or_else(|| self.wrong("nothing was begun"))?;
                (beside.file, beside.back)
            }
            Begin::Previous => {
                let previous = others.previous;
                let previous = previous.ok_or_else(|| self.wrong("no earlier file is kept"))?;
                if let Some(beside) = others.beside.take() {
                    self.remove(beside.file)?;
                }
                (previous, true)
            }
        };
        let edition = self.family.edition(file.version);
        let edition = edition.ok_or_else(|| self.wrong("this program cannot keep that version"))?;
        let opened = (edition.open)(&file.path(&self.folder))
            .map_err(|error| self.wrong(&crate::file::reason(&error)))?;
        others.beside = Some(Beside {
            file,
            progress: Some(opened.progress),
            back,
        });
        if back {
            others.previous = None;
        }
        Ok(opened.projection)
    }

    /// A file of the newest version that was never there.
    fn next(&self, others: &mut Others) -> Result<FileAt, ProjectionError> {
        if let Some(beside) = others.beside.take() {
            if beside.back {
                others.previous = Some(beside.file);
            } else {
                self.remove(beside.file)?;
            }
        }
        let newest = self.family.newest();
        let there = self.family.files(&self.folder);
        let there = there.map_err(|error| self.wrong(&error.to_string()))?;
        let serving = self.answering().file;
        let last = there
            .iter()
            .chain([&serving])
            .filter(|file| file.version == newest);
        Ok(FileAt {
            version: newest,
            build: last.map(|file| file.build + 1).max().unwrap_or(0),
            model: self.family.name,
        })
    }

    pub(crate) fn take_over(&self) -> Result<(), ProjectionError> {
        let mut others = self.others();
        let Some(Beside {
            file,
            progress: Some(progress),
            back,
        }) = others.beside.take()
        else {
            return Err(self.wrong("nothing is being built"));
        };
        let readers = Readers::open(self.family.name, &file.path(&self.folder));
        let readers = match readers {
            Ok(readers) => readers,
            Err(error) => {
                others.beside = Some(Beside {
                    file,
                    progress: Some(progress),
                    back,
                });
                return Err(self.wrong(&crate::file::reason(&error)));
            }
        };
        let next = Arc::new(Serving {
            file,
            readers,
            progress,
        });
        let before = {
            let mut serving = self.serving.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *serving, next)
        };
        let old = if back {
            Some(before.file)
        } else {
            others.previous.replace(before.file)
        };
        // It answers already; a file that cannot be deleted now is deleted at the next start.
        if let Some(error) = old.and_then(|file| self.remove(file).err()) {
            tracing::warn!(%error, "an earlier file of a read model cannot be deleted");
        }
        Ok(())
    }

    pub(crate) fn give_up(&self) -> Result<(), ProjectionError> {
        let mut others = self.others();
        match others.beside.take() {
            None => Ok(()),
            Some(Beside {
                file, back: true, ..
            }) => {
                others.previous = Some(file);
                Ok(())
            }
            Some(Beside { file, .. }) => self.remove(file),
        }
    }

    pub(crate) fn discard(&self) -> Result<bool, ProjectionError> {
        match self.others().previous.take() {
            None => Ok(false),
            Some(file) => self.remove(file).map(|()| true),
        }
    }

    pub(crate) fn parked(&self, limit: usize) -> Result<Vec<Parked>, ProjectionError> {
        self.read(|on| parked::list(on, limit))
            .map_err(|error| self.wrong(&error.reason))
    }

    /// How far the file that answers is.
    pub(crate) fn position(&self) -> Position {
        self.answering().progress.position()
    }

    fn remove(&self, file: FileAt) -> Result<(), ProjectionError> {
        let removed = file.remove(&self.folder);
        removed.map_err(|error| self.wrong(&error.to_string()))
    }

    fn wrong(&self, reason: &str) -> ProjectionError {
        ProjectionError {
            projection: self.family.name,
            reason: reason.to_owned(),
        }
    }
}

impl Serving {
    fn open(family: Family, folder: &Path, file: FileAt) -> Result<(Self, Opened), OpenError> {
        let path = file.path(folder);
        let wrong = || OpenError::file(family.name, &path);
        let Some(edition) = family.edition(file.version) else {
            return Err(OpenError::NoSuchModel(file.name()));
        };
        let opened = (edition.open)(&path).map_err(wrong())?;
        let readers = Readers::open(family.name, &path).map_err(wrong())?;
        let serving = Self {
            file,
            readers,
            progress: Arc::clone(&opened.progress),
        };
        Ok((serving, opened))
    }
}

#[cfg(test)]
mod tests;
