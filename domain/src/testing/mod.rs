//! What tests of every crate share: the in-memory log and the contract suites. Compiled with the feature `testing`.
