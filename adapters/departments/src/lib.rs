//! Doors to departments' systems.
//!
//! Deliveries go out as Standard Webhooks with bodies in the shape of CloudEvents; what departments send comes in signed the
//! same way. When a delivery is sent, and what an answer means, is decided in the domain (`rapport_domain::webhook`): here
//! are signatures, addresses that may be gone to, and one bounded attempt at a time.

mod address;
mod client;
mod pull;
mod signature;
mod source;

pub use address::{Address, NotAnAddress};
pub use client::{Target, WebhookClient};
pub use pull::{Asked, Pull};
pub use signature::{Headers, NotASecret, NotGenuine, Secret, TOLERANCE, sign, verify};
pub use source::{NotAHeader, Said, Source, read as read_facts};
