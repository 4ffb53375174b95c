//! The read models, seen from outside.

#![allow(
    clippy::unwrap_used,
    reason = "tests, helpers of tests included, may panic"
)]

mod agents;
mod answers;
mod erasing;
mod fixture;
mod keeping;
mod merging;
mod parking;
mod replay;
mod support;
