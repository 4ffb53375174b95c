//! The read models of Rapport: derived from the log, never deciding, deleted and rebuilt at will.
//!
//! Every model is one SQLite file `<data>/read-models/NAME.vN.db` (`NAME.vN.B.db` when it was built anew B times); while
//! it is built, for an operator or a new version, there are two, and the older one answers. Rows and checkpoint move in
//! one transaction, so after a crash a model holds exactly the events up to its checkpoint, each once. The files are in
//! WAL mode: readers see the last committed page and never hold up the projection. `synchronous=NORMAL` is enough,
//! because a power cut can only take a model back to an older checkpoint, and the log is the truth.
//!
//! | model | answers |
//! |---|---|
//! | `customers` | who somebody is, what departments want of them, every decision with its receipt |
//! | `timeline` | what happened with a customer, over all channels |
//! | `statistics` | service figures per queue, day and quarter of an hour |
//! | `worklist` | what a starting node must load |
//!
//! A fifth file, `reactions.v1.db`, keeps how far the engine's reactors have come. It is no projection.
//!
//! An event whose type this program does not know is skipped and counted. One that cannot be taken in (its data cannot be
//! read, a value is refused, the handler panics) parks its stream in that model: later events of the stream are held back,
//! all others go on, and a retry or a rebuild takes them in. Answers hold personal data; errors, log lines and the table of
//! parked streams never do.

mod backup;
mod book;
mod customers;
mod error;
mod family;
mod file;
mod model;
mod origin;
mod parked;
mod reactions;
mod read_models;
mod rebuild;
mod remains;
mod statistics;
mod stored;
mod timeline;
pub mod view;
mod worklist;

pub use backup::backup;
pub use error::OpenError;
pub use origin::discard_strangers;
pub use read_models::{CUSTOMERS, FileLook, ReadModels, STATISTICS, TIMELINE, WORKLIST};
pub use rebuild::Rebuild;
pub use remains::{Remains, remains};
