//! The embedded log keeps every promise of the port, and answers as the in-memory log does.

mod support;

rapport_domain::log_contract_tests!(support::TempLog::new());
