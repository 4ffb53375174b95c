//! The business of Rapport as pure functions of state, input and `now`.
//!
//! Nothing here performs IO, reads a clock, draws a random number or names a runtime. That is what makes replay,
//! simulation and property tests possible.

pub mod acd;
pub mod agent;
pub mod aggregate;
pub mod channel;
pub mod contact_point;
pub mod customer;
pub mod event;
pub mod id;
pub mod interaction;
pub mod node;
pub mod outreach;
pub mod policy;
pub mod port;
pub mod private;
pub mod registry;
pub mod setup;
#[cfg(feature = "testing")]
pub mod testing;
pub mod time;
pub mod upcast;
pub mod webhook;
