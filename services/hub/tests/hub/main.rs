//! A hub as a whole: in this process on free ports, and as the program.

#![allow(
    clippy::unwrap_used,
    reason = "what is missing in a test ends the test"
)]

mod api;
mod boundaries;
mod demonstration;
mod guard;
mod live;
mod nodes;
mod pages;
mod policy;
mod program;
mod projections;
mod session;
mod support;
