//! Transactions (RFC 3261 section 17 as corrected by RFC 6026): one request, its responses and their retransmission.
//! Pure: each machine is told of messages and of the time, and says what to send and when it wants to be woken.

mod client;
mod server;

use std::sync::Arc;
use std::time::Duration;

pub use client::{ClientStep, ClientTransaction};
pub use server::{ServerStep, ServerTransaction};

/// Round-trip estimate and first retransmission interval.
pub const T1: Duration = Duration::from_millis(500);
/// Longest retransmission interval of non-INVITE requests and INVITE responses.
pub const T2: Duration = Duration::from_secs(4);
/// How long a message can stay in the network.
pub const T4: Duration = Duration::from_secs(5);
/// The life of an unanswered transaction (timers B, F, H, L, M).
pub const T1X64: Duration = Duration::from_secs(32);
/// Timer D for unreliable transports.
pub const TIMER_D: Duration = Duration::from_secs(32);

/// Bytes of a message, shared between the wire and the retransmission buffer.
pub type Bytes = Arc<[u8]>;

/// Whether INVITE rules or the others hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// INVITE.
    Invite,
    /// Everything else but ACK.
    Other,
}

/// Whether the transport retransmits for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// UDP: we retransmit.
    Datagram,
    /// TCP, TLS, WebSocket.
    Stream,
}

#[cfg(test)]
mod tests;
