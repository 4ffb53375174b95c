//! What tests of every crate share: the in-memory log and the contract suites. Compiled with the feature `testing`.

mod executor;
pub mod keys_contract;
pub mod log_contract;
mod memory_keys;
mod memory_log;

pub use executor::{block_on, join_all};
pub use memory_keys::MemoryKeys;
pub use memory_log::MemoryLog;

#[cfg(test)]
mod memory_keys_tests;
#[cfg(test)]
mod memory_log_tests;
