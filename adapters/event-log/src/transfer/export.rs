//! From a log into an archive.

use std::path::Path;

use rapport_domain::event::{Position, Recorded};
use rapport_domain::port::log::EventLog;

use super::archive::open_sink;
use super::source::event_at;
use super::{Format, LogSource, Place, Positions, Source, TransferError};

/// What an archive holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The event before its first one; `None` when it begins where the log does.
    pub after: Option<Place>,
    /// Its first event.
    pub first: Option<Place>,
    /// Its last event.
    pub last: Option<Place>,
    /// How many there are.
    pub events: u64,
}

impl Extent {
    pub(crate) fn begin(after: Option<Place>) -> Self {
        Self {
            after,
            first: None,
            last: None,
            events: 0,
        }
    }

    /// Where the next event must lie behind.
    pub(crate) fn end(&self) -> Position {
        self.last
            .or(self.after)
            .map_or(Position::START, |place| place.position)
    }

    /// Takes in one more event.
    pub(crate) fn add(&mut self, path: &Path, recorded: &Recorded) -> Result<(), TransferError> {
        if recorded.position <= self.end() {
            return Err(TransferError::damaged(
                path,
                format!(
                    "position {} follows position {}",
                    recorded.position,
                    self.end()
                ),
            ));
        }
        let place = Place::of(recorded);
        self.first.get_or_insert(place);
        self.last = Some(place);
        self.events += 1;
        Ok(())
    }
}

/// What an export did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exported {
    /// What the archive holds now.
    pub extent: Extent,
    /// How many of its events this run added.
    pub added: u64,
}

/// Writes everything after `after` up to the present head into an archive. An archive that is there is continued:
/// one whose export was interrupted, and one that is complete when the log has grown.
///
/// `progress` is told how many events the archive holds and the position it has reached.
///
/// # Errors
/// [`TransferError`]. [`TransferError::OtherExport`] when the archive is of another log or stretch, as far as its first
/// event tells, and where positions are dense, its last.
pub async fn export(
    log: &dyn EventLog,
    positions: Positions,
    to: &Path,
    format: Format,
    after: Option<Position>,
    progress: &mut dyn FnMut(u64, Position),
) -> Result<Exported, TransferError> {
    let after = match after {
        None | Some(Position::START) => None,
        Some(position) => Some(event_at(log, positions, position).await?),
    };
    let mut sink = open_sink(to, format, after)?;
    let before = *sink.extent();
    same_log(log, positions, to, &before).await?;
    let mut source = LogSource::after(log, before.end());
    loop {
        let page = source.next().await?;
        if page.is_empty() {
            break;
        }
        for recorded in &page {
            sink.write(recorded)?;
        }
        progress(sink.extent().events, sink.extent().end());
    }
    let extent = sink.finish()?;
    Ok(Exported {
        extent,
        added: extent.events - before.events,
    })
}

/// Whether what the archive holds came from this log.
async fn same_log(
    log: &dyn EventLog,
    positions: Positions,
    to: &Path,
    extent: &Extent,
) -> Result<(), TransferError> {
    let (Some(first), Some(last)) = (extent.first, extent.last) else {
        return Ok(());
    };
    let begin = Extent::begin(extent.after).end();
    let found = log.read_all(begin, 1).await?;
    let begins = found.first().map(Place::of) == Some(first);
    let ends = positions == Positions::Opaque
        || event_at(log, positions, last.position)
            .await
            .is_ok_and(|found| found == last);
    if begins && ends {
        Ok(())
    } else {
        Err(TransferError::OtherExport {
            path: to.to_owned(),
            why: "it holds events of another log".to_owned(),
        })
    }
}
