//! The keys in memory keep the promises of the port.

crate::keys_contract_tests!(std::sync::Arc::new(super::MemoryKeys::new()));
