//! The program `rapport` as a library: the one place where the adapters meet.
//!
//! [`wiring::Hub`] is a whole hub in this process; [`cli`] is the command line around it.

pub mod cli;
pub mod config;
pub mod demo;
mod erasing;
pub mod http;
pub mod log;
pub mod metrics;
pub mod office;
pub mod password;
pub mod wiring;
