//! The engine's side of the three journeys, on an in-memory log as slow as a disk.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot set up its world has failed"
)]

mod calls;
mod chats;
mod customers;
mod erasing;
mod policies;
mod support;
mod wishes;
