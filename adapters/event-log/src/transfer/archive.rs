//! The two forms of an archive behind one face.

use std::path::Path;

use rapport_domain::event::Recorded;
use rapport_domain::port::BoxFuture;

use super::export::Extent;
use super::lines::{LinesSink, LinesSource};
use super::segments::{MANIFEST, SegmentsSink, SegmentsSource};
use super::{PAGE, Place, Source, TransferError};

/// The version of both forms.
pub(crate) const FORMAT: u32 = 1;

/// What an archive looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One file of JSON lines, for people and tools.
    JsonLines,
    /// A folder of compressed segments, for keeping.
    Segments,
}

/// An archive being written.
pub(crate) trait Sink {
    /// What it holds by now.
    fn extent(&self) -> &Extent;
    /// Adds the next event.
    fn write(&mut self, recorded: &Recorded) -> Result<(), TransferError>;
    /// Marks it as complete; durable when it answers.
    fn finish(self: Box<Self>) -> Result<Extent, TransferError>;
}

/// Begins an archive or goes on with one.
pub(crate) fn open_sink(
    to: &Path,
    format: Format,
    after: Option<Place>,
) -> Result<Box<dyn Sink>, TransferError> {
    Ok(match format {
        Format::JsonLines => Box::new(LinesSink::open(to, after)?),
        Format::Segments => Box::new(SegmentsSink::open(to, after)?),
    })
}

/// Refuses what says that it is of a later version, before anything else of it is looked at.
pub(crate) fn check_format(path: &Path, text: &[u8]) -> Result<(), TransferError> {
    let value: Option<serde_json::Value> = serde_json::from_slice(text).ok();
    let found = value
        .as_ref()
        .and_then(|value| value.get("rapport_export"))
        .and_then(serde_json::Value::as_u64)
        .and_then(|found| u32::try_from(found).ok())
        .ok_or_else(|| TransferError::not_an_archive(path, "it does not say that it is one"))?;
    if found == FORMAT {
        Ok(())
    } else {
        Err(TransferError::NewerVersion {
            path: path.to_owned(),
            found,
            known: FORMAT,
        })
    }
}

enum Form {
    Lines(LinesSource),
    Segments(Box<SegmentsSource>),
}

/// An archive to read, complete and undamaged.
pub struct Archive {
    form: Form,
}

impl Archive {
    /// Opens an archive of either form and reads all of it once, so that nothing of a damaged one is ever used.
    ///
    /// # Errors
    /// [`TransferError`], in particular [`TransferError::Incomplete`] and [`TransferError::Damaged`].
    pub fn open(path: &Path) -> Result<Self, TransferError> {
        let form = if path.is_dir() {
            if !path
                .join(MANIFEST)
                .try_exists()
                .map_err(TransferError::io(path))?
            {
                let why = if path.join("log.db").is_file() {
                    "it is a data folder; `rapport log copy` takes one"
                } else {
                    "it has no manifest.json"
                };
                return Err(TransferError::not_an_archive(path, why));
            }
            Form::Segments(Box::new(SegmentsSource::open(path)?))
        } else {
            Form::Lines(LinesSource::open(path)?)
        };
        Ok(Self { form })
    }

    /// How many events it holds.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.extent().events
    }

    fn extent(&self) -> &Extent {
        match &self.form {
            Form::Lines(source) => source.extent(),
            Form::Segments(source) => source.extent(),
        }
    }
}

impl Source for Archive {
    fn begins_after(&self) -> Option<Place> {
        self.extent().after
    }

    fn next(&mut self) -> BoxFuture<'_, Result<Vec<Recorded>, TransferError>> {
        let page = match &mut self.form {
            Form::Lines(source) => source.page(PAGE),
            Form::Segments(source) => source.page(PAGE),
        };
        Box::pin(std::future::ready(page))
    }
}
