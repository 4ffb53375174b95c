//! What departments are told of their wishes, as it happens: outgoing webhooks.
//!
//! Nothing of what is sent is kept: a delivery follows from an event of the log, whenever it is asked for, and is the same
//! each time. What is kept is how far an endpoint has come, in a history of its own ([`Line`]), so that it survives any
//! process, belongs to no node, and no rebuild of a read model can move it.

mod delivery;
mod fact;
mod line;
mod sending;
#[cfg(test)]
mod tests;

pub use delivery::{Delivery, Endpoint, WishEvent, concerns, delivery};
pub use fact::{DeadReason, Fact, Place, Suspension};
pub use line::{DEAD_SHOWN, DeadLetter, Line, Outdated};
pub use sending::{ASIDE_MOST, Answer, Due, Next, Sending, Step};
