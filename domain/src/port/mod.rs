//! What the domain and the engine need of the outside. Every port is small, held as `Arc<dyn …>`, and states its
//! promise; adapters implement them and know nothing of each other.

use std::future::Future;
use std::pin::Pin;

use uuid::Uuid;

use crate::time::Timestamp;

pub mod chat;
pub mod keys;
pub mod log;
pub mod projection;
pub mod query;
pub mod voice;
pub mod webhook;

/// A future behind a port: the domain names no runtime.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The clock and the source of fresh ids, handed in so that tests and replay decide what time it is.
pub trait Surroundings: Send + Sync {
    /// What time it is.
    fn now(&self) -> Timestamp;
    /// An id nobody has used before (UUID v7, ordered by time).
    fn fresh(&self) -> Uuid;
}
