//! A double of EventStoreDB/KurrentDB on the wire, for tests.
//!
//! It speaks the protocol that the published client carries (see `build.rs`): server features, gossip, appending one by
//! one and in batches, reading, catch-up subscriptions, deletion. Everything is kept in memory and shared by as many
//! pretended nodes as a test wants; on demand it misbehaves, see [`Mischief`] and the methods of [`Double`].
//!
//! It is our model of the server, checked by a foreign client and never by a server: what it cannot show is how fast or
//! how durable a real one is. Left out: persistent subscriptions, projections, users, links, `$maxCount` and `$maxAge`.

mod certificate;
mod conduct;
mod double;
mod listener;
mod log;
mod protocol;
mod service;
mod shared;
mod socket;

pub mod control;

pub use conduct::{Ending, Mischief, Seen};
pub use double::{Double, Settings};
pub use shared::Credentials;
