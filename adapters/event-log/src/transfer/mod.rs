//! Moving a log: out into an archive, in from one, or straight from one log to another.
//!
//! Everything here moves events as they are stored, sealed fields still sealed, with their ids, revisions, moments and
//! bytes; only positions may differ, because each log gives its own. Whatever was interrupted goes on where it stopped when
//! the same thing is asked for again, and asking again once it is done changes nothing:
//!
//! - [`export`] finds in the archive how far it came, cuts off what was half written and goes on after that. Run again
//!   later, it adds what has been appended since.
//! - [`deliver`] compares the log with the source from the beginning. What the log holds must be how the source begins;
//!   the rest is appended in the source's order.
//!
//! Archives are described in docs/adr/0023-archive.md. Functions here block on files: they are for a command with a
//! runtime of its own, not for a hub.

mod archive;
mod contents;
mod deliver;
mod error;
mod export;
mod files;
mod kept;
mod line;
mod lines;
mod sealing;
mod segments;
mod source;

pub use archive::{Archive, Format};
pub use contents::{Contents, contents};
pub use deliver::{Delivered, Target, check, deliver};
pub use error::TransferError;
pub use export::{Exported, Extent, export};
pub use kept::{Kept, KeptError};
pub use line::{decode, encode};
pub use sealing::Sealing;
pub use source::{LogSource, Place, Source};

/// How the positions of a log are given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Positions {
    /// 1, 2, 3, …: the embedded log.
    Dense,
    /// Only their order means anything: a server's log.
    Opaque,
}

/// Events read or compared at a time.
pub(crate) const PAGE: usize = 1_000;
