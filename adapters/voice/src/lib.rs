//! Rapport's voice adapter: SIP signalling and RTP media behind the port [`rapport_domain::port::voice::Voice`].
//!
//! - [`sip`] is SIP without sockets or clocks: messages, transactions, dialogs, digest, registrar, overload control.
//! - [`sdp`] reads and writes session descriptions; [`media`] moves the packets, on its own threads.
//! - [`legs`] turns the hub's commands into SIP and media actions and what peers do into events.
//! - [`shell`] owns the socket and the clock, on one thread of its own.
//! - [`phone`] is a soft phone on the same core, for demonstrations and tests.

pub mod config;
pub mod counters;
pub mod legs;
pub mod media;
pub mod phone;
pub mod sdp;
pub mod shell;
pub mod sip;

pub use config::{StartError, Trunk, VoiceConfig};
pub use shell::{VoiceChannel, VoiceHandle};
pub use sip::digest::{Algorithm, Credential, PhoneBook};
