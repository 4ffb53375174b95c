//! Where events come from.

use rapport_domain::event::{Position, Recorded};
use rapport_domain::id::EventId;
use rapport_domain::port::BoxFuture;
use rapport_domain::port::log::EventLog;
use serde::{Deserialize, Serialize};

use super::{PAGE, TransferError};

/// One event of a log, by its place and by its name for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Where in the log it came from.
    pub position: Position,
    /// Which event.
    pub id: EventId,
}

impl Place {
    pub(crate) fn of(recorded: &Recorded) -> Self {
        Self {
            position: recorded.position,
            id: recorded.event.id,
        }
    }
}

/// A stretch of a log, read from its beginning to its end.
pub trait Source: Send {
    /// The event before the first one; `None` when the stretch begins where the log does.
    fn begins_after(&self) -> Option<Place>;

    /// The next events in order; none at the end.
    fn next(&mut self) -> BoxFuture<'_, Result<Vec<Recorded>, TransferError>>;
}

/// A log as it is when the reading begins; what is appended later is not part of it.
pub struct LogSource<'a> {
    log: &'a dyn EventLog,
    after: Position,
    until: Position,
}

impl<'a> LogSource<'a> {
    /// Everything up to the present head.
    #[must_use]
    pub fn new(log: &'a dyn EventLog) -> Self {
        Self::after(log, Position::START)
    }

    /// Everything after a position, up to the present head.
    #[must_use]
    pub(crate) fn after(log: &'a dyn EventLog, after: Position) -> Self {
        Self {
            log,
            after,
            until: log.head(),
        }
    }

    /// The last position that is part of it.
    #[must_use]
    pub fn until(&self) -> Position {
        self.until
    }
}

impl Source for LogSource<'_> {
    fn begins_after(&self) -> Option<Place> {
        None
    }

    fn next(&mut self) -> BoxFuture<'_, Result<Vec<Recorded>, TransferError>> {
        Box::pin(async move {
            if self.after >= self.until {
                return Ok(Vec::new());
            }
            let mut page = self.log.read_all(self.after, PAGE).await?;
            page.retain(|recorded| recorded.position <= self.until);
            self.after = page.last().map_or(self.until, |last| last.position);
            Ok(page)
        })
    }
}

/// The event at a position. Where positions are dense it is asked for; elsewhere the log is read up to there, because
/// nothing may be asked for at a position that the log did not give out itself.
pub(crate) async fn event_at(
    log: &dyn EventLog,
    positions: super::Positions,
    position: Position,
) -> Result<Place, TransferError> {
    let missing = || TransferError::NoSuchPosition(position);
    let mut after = match positions {
        super::Positions::Dense => Position(position.0.checked_sub(1).ok_or_else(missing)?),
        super::Positions::Opaque => Position::START,
    };
    loop {
        let page = log.read_all(after, PAGE).await?;
        match page.iter().find(|recorded| recorded.position >= position) {
            Some(found) if found.position == position => return Ok(Place::of(found)),
            Some(_) => return Err(missing()),
            None => after = page.last().ok_or_else(missing)?.position,
        }
    }
}
