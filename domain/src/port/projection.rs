//! Read models: derived from the log, never deciding, rebuilt at will.

use crate::event::{Position, Recorded};

/// A projection could not take an event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("projection {projection}: {reason}")]
pub struct ProjectionError {
    /// Which one.
    pub projection: &'static str,
    /// What went wrong.
    pub reason: String,
}

/// One read model and its checkpoint, kept in one file and moved in one transaction: after a crash it holds exactly
/// the events up to its checkpoint, each once.
///
/// Calls block; the runner gives every projection a thread of its own, so a slow one delays nobody else.
pub trait Projection: Send {
    /// The name used by `rapport projection rebuild NAME`.
    fn name(&self) -> &'static str;

    /// The position of the last event applied; [`Position::START`] when there is none.
    ///
    /// # Errors
    /// [`ProjectionError`] when the file cannot be read.
    fn checkpoint(&self) -> Result<Position, ProjectionError>;

    /// Applies a page in order and moves the checkpoint to its last position, all or nothing. Events that mean
    /// nothing to this model are skipped, and the checkpoint moves over them.
    ///
    /// # Errors
    /// [`ProjectionError`]; nothing of the page is stored then.
    fn apply(&mut self, page: &[Recorded]) -> Result<(), ProjectionError>;
}
