//! Read models: derived from the log, never deciding, rebuilt at will while the one before answers.

use crate::event::{Position, Recorded, Revision, Stream};
use crate::id::TenantId;
use crate::time::Timestamp;

/// A projection could not take an event, or its file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("projection {projection}: {reason}")]
pub struct ProjectionError {
    /// Which one.
    pub projection: &'static str,
    /// What went wrong; never data.
    pub reason: String,
}

/// What one file did not take in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Events of a type this program does not know, passed over since the file was opened: a later program wrote them.
    pub unknown: u64,
    /// Streams that are parked.
    pub parked: u64,
    /// Events of parked streams that are held back, the one that failed included.
    pub held: u64,
}

/// A stream that a projection does not follow any further, because one of its events could not be taken in. Every later
/// event of it that the projection wants is held back: it stays in the log and is taken in by a retry or a rebuild.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parked {
    /// Whose.
    pub tenant: TenantId,
    /// Which stream.
    pub stream: Stream,
    /// The event that failed: its place in the stream.
    pub revision: Revision,
    /// The event that failed: its place in the log.
    pub position: Position,
    /// The event that failed: type and version.
    pub kind: String,
    /// Why, without any of its data.
    pub reason: String,
    /// When it was parked, by the clock of this machine.
    pub since: Timestamp,
    /// How many events are held back, the one that failed included.
    pub held: u64,
}

/// One file of a read model, moved in one transaction with its checkpoint: after a crash it holds exactly the events up
/// to its checkpoint, each once, less what is [`Parked`].
///
/// Calls block; the runner gives every file a thread of its own, so a slow one delays nobody else.
pub trait Projection: Send {
    /// The name used by `rapport projection rebuild NAME`.
    fn name(&self) -> &'static str;

    /// The version of what is in the file.
    fn version(&self) -> u32;

    /// The position of the last event seen; [`Position::START`] when there is none.
    ///
    /// # Errors
    /// [`ProjectionError`] when the file cannot be read.
    fn checkpoint(&self) -> Result<Position, ProjectionError>;

    /// Applies a page in order and moves the checkpoint to its last position, all or nothing. Events that mean
    /// nothing to this model are skipped, and the checkpoint moves over them. An event that cannot be taken in parks its
    /// stream and nothing else.
    ///
    /// # Errors
    /// [`ProjectionError`] when the file fails (a full disk, say), or when so many streams would be parked that it
    /// cannot be the events' fault; nothing of the page is stored then, and it may come again.
    fn apply(&mut self, page: &[Recorded]) -> Result<(), ProjectionError>;

    /// What was not taken in.
    fn tally(&self) -> Tally;

    /// The streams that are parked, in the order of their failing events, at most `limit`.
    ///
    /// # Errors
    /// [`ProjectionError`] when the file cannot be read.
    fn parked(&self, limit: usize) -> Result<Vec<Parked>, ProjectionError>;

    /// Takes in the next held events of a parked stream, in order from the one that failed; `last` says that no more of
    /// them lie before the checkpoint: then the stream is parked no longer. Answers whether every event could be taken in;
    /// else the stream stays parked, now at the one that failed.
    ///
    /// # Errors
    /// [`ProjectionError`] when the file fails; nothing has changed then.
    fn release(
        &mut self,
        stream: Stream,
        held: &[Recorded],
        last: bool,
    ) -> Result<bool, ProjectionError>;

    /// Whether the file has once been as far as the log.
    ///
    /// # Errors
    /// [`ProjectionError`] when the file cannot be read.
    fn is_complete(&self) -> Result<bool, ProjectionError>;

    /// Notes in the file that it has been as far as the log: from now on it may answer at a start.
    ///
    /// # Errors
    /// [`ProjectionError`] when the file cannot be written.
    fn set_complete(&mut self) -> Result<(), ProjectionError>;
}

/// From where a file beside the one in use is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// From the start of the log.
    Anew,
    /// A file that was begun before, from where it is.
    Unfinished,
    /// The file that answered before the present one: the way back.
    Previous,
}

/// A file as it is called in the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileName {
    /// The version of what is in it.
    pub version: u32,
    /// Its name.
    pub name: String,
}

/// The files of one read model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The one that answers.
    pub serving: FileName,
    /// The one being built beside it, or begun and not finished.
    pub beside: Option<FileName>,
    /// The one that answered before, kept for the way back.
    pub previous: Option<FileName>,
    /// The version this program builds. The one that answers may be older: then it is to be built beside.
    pub newest: u32,
}

/// The files of all read models of a node. Questions go to the file that answers; a change of it is not noticed by those
/// who ask.
pub trait Shelf: Send + Sync {
    /// What there is of a model; `None` for a name that is none.
    fn files(&self, name: &str) -> Option<Files>;

    /// Opens the file beside the one in use. What was there before, unfinished, is thrown away, unless it is asked for.
    ///
    /// # Errors
    /// [`ProjectionError`] when there is none of that kind, or it cannot be made.
    fn begin(&self, name: &str, from: Begin) -> Result<Box<dyn Projection>, ProjectionError>;

    /// From now on the file beside answers. The one before is kept, except on the way back, when it is deleted.
    ///
    /// # Errors
    /// [`ProjectionError`]; the file before goes on answering.
    fn take_over(&self, name: &str) -> Result<(), ProjectionError>;

    /// Deletes the file beside; on the way back it is kept as what it was.
    ///
    /// # Errors
    /// [`ProjectionError`] when it cannot be deleted.
    fn give_up(&self, name: &str) -> Result<(), ProjectionError>;

    /// Deletes the file that answered before. Answers whether there was one.
    ///
    /// # Errors
    /// [`ProjectionError`] when it cannot be deleted.
    fn discard(&self, name: &str) -> Result<bool, ProjectionError>;

    /// The parked streams of the file that answers, in the order of their failing events, at most `limit`.
    ///
    /// # Errors
    /// [`ProjectionError`] when it cannot be read.
    fn parked(&self, name: &str, limit: usize) -> Result<Vec<Parked>, ProjectionError>;
}
