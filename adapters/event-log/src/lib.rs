//! The event log in one file of the data folder: durable, totally ordered, without set-up.
//!
//! One writer thread drains a bounded queue into one transaction (whatever has queued up while the disk was busy is
//! the next group), commits it with a sync, publishes the new head and only then answers the callers. Positions come
//! from the writer's counter, so position order is commit order and there are no gaps. Reads run on threads of their
//! own with read-only connections; nothing here blocks an async runtime, and nothing needs one.
//!
//! Beside `log.db` the folder holds `log.lock`: the operating system's lock on it makes sure that one process
//! writes. Readers of other processes use [`EmbeddedLog::open_read_only`]. The folder must be on a local disk.

mod checkpoint;
mod embedded;
mod error;
mod file;
mod heads;
mod lock;
mod reader;
mod store;
mod tail;
mod writer;

pub use embedded::{EmbeddedLog, Stats};
pub use error::OpenError;
