//! Support for the end-to-end journeys: the program as a process, its interfaces seen from outside, and its peers.
//!
//! Nothing here links the product. What a test knows, it knows from the log (`rapport log tail`), from the HTTP
//! interface, or from what a foreign program saw. Facts are awaited, each with a limit; nothing waits for its own sake.

pub mod api;
pub mod baresip;
pub mod chat;
pub mod cluster;
pub mod command;
pub mod desk;
pub mod double;
pub mod holds;
pub mod hub;
pub mod log;
pub mod office;
pub mod past;
pub mod people;
pub mod ports;
pub mod process;
pub mod rtp;
pub mod setup;
pub mod sipp;
pub mod wait;
