//! What a log holds, in a few figures that are equal for equal contents, whatever the positions.

use std::collections::HashMap;

use rapport_domain::event::{Recorded, Revision, Stream};

use super::files::Sha256;
use super::{Source, TransferError};

/// The figures of a stretch of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// How many.
    pub events: u64,
    /// Every stream and its last revision.
    pub streams: HashMap<Stream, Revision>,
    /// SHA-256 over everything but positions, in order: 64 hexadecimal digits.
    pub sha256: String,
}

/// [`Contents`] under way.
pub(crate) struct Counting {
    events: u64,
    streams: HashMap<Stream, Revision>,
    hash: Sha256,
}

impl Counting {
    pub(crate) fn new() -> Self {
        Self {
            events: 0,
            streams: HashMap::new(),
            hash: Sha256::new(),
        }
    }

    /// Counts one more event, which must be the next of its stream.
    pub(crate) fn add(&mut self, recorded: &Recorded) -> Result<(), TransferError> {
        let event = &recorded.event;
        self.events += 1;
        self.streams.insert(recorded.stream, recorded.revision);
        let meta = serde_json::to_vec(&event.meta)
            .map_err(|error| TransferError::OutOfOrder(error.to_string()))?;
        // Every field with its length, so that no two different events give the same bytes.
        for field in [
            recorded.stream.to_string().as_bytes(),
            &recorded.revision.0.to_be_bytes(),
            event.id.as_uuid().as_bytes(),
            event.kind.as_bytes(),
            &event.version.to_be_bytes(),
            &event.recorded_at.as_micros().to_be_bytes(),
            &meta,
            &event.data,
        ] {
            self.hash.update(&(field.len() as u64).to_be_bytes());
            self.hash.update(field);
        }
        Ok(())
    }

    pub(crate) fn events(&self) -> u64 {
        self.events
    }

    pub(crate) fn finish(self) -> Contents {
        Contents {
            events: self.events,
            streams: self.streams,
            sha256: self.hash.finish(),
        }
    }
}

/// Reads a source to its end, or its first `most` events.
///
/// # Errors
/// When it cannot be read.
pub async fn contents(
    source: &mut dyn Source,
    most: u64,
    progress: &mut dyn FnMut(u64),
) -> Result<Contents, TransferError> {
    let mut counting = Counting::new();
    while counting.events() < most {
        let page = source.next().await?;
        if page.is_empty() {
            break;
        }
        let room = usize::try_from(most - counting.events()).unwrap_or(usize::MAX);
        for recorded in page.iter().take(room) {
            counting.add(recorded)?;
        }
        progress(counting.events());
    }
    Ok(counting.finish())
}
