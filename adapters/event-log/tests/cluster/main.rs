//! The log in a cluster, over a double of the server: the contract, and everything that can go wrong on the way.

mod defects;
mod faults;
mod load;
mod support;

mod contract {
    rapport_domain::log_contract_tests!(crate::support::TempCluster::new());
}
