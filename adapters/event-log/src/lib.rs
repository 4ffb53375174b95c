//! The event log in one file of the data folder: durable, totally ordered, without set-up.
//!
//! One writer thread drains a bounded queue into one transaction (whatever has queued up while the disk was busy is
//! the next group), commits it with a sync, publishes the new head and only then answers the callers. Positions come
//! from the writer's counter, so position order is commit order and there are no gaps. Reads run on threads of their
//! own with read-only connections; nothing here blocks an async runtime, and nothing needs one.
//!
//! Every committed transaction adds a link to a chain of hashes ([`Mark`]); [`EmbeddedLog::verify`] follows it. A copy can
//! be made while the log is written ([`EmbeddedLog::backup`]).
//!
//! Beside `log.db` the folder holds `log.lock`: the operating system's lock on it makes sure that one process
//! writes. Readers of other processes use [`EmbeddedLog::open_read_only`]. The folder must be on a local disk.

mod backup;
mod chain;
mod checkpoint;
#[cfg(feature = "eventstore")]
mod cluster;
mod embedded;
mod error;
mod file;
mod heads;
pub mod inspect;
pub mod keys;
mod lock;
mod reader;
mod sealed;
mod store;
mod tail;
pub mod transfer;
pub mod verify;
mod wal;
mod writer;

pub use backup::{Backup, BackupError, copy_database};
pub use chain::{ChainHash, Mark, NotAMark};
#[cfg(feature = "eventstore")]
pub use cluster::{ClusterConfig, ClusterHealth, ClusterLog, ConnectError, Credentials};
pub use embedded::{EmbeddedLog, Stats};
pub use error::OpenError;
pub use lock::FolderLock;
pub use sealed::SealedLog;
