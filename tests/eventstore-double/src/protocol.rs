//! The messages and services, made by build.rs from the client's protocol files.
#![allow(
    missing_docs,
    dead_code,
    clippy::all,
    reason = "generated, and not all of it is served"
)]

include!(concat!(env!("OUT_DIR"), "/protocol.rs"));
