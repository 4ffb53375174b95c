//! SIP as state machines without sockets or clocks: bytes, commands and the time go in; bytes to send, events and the
//! next deadline come out (RFC 3261). The transport is somebody else's: today UDP, see [`crate::shell`].

pub mod digest;
pub mod endpoint;
pub mod message;
pub mod overload;
pub mod registrar;
pub mod tokens;
pub mod transaction;
