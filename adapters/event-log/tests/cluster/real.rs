//! `make test-esdb ADDRESS=esdb://…`: the contract suite against a real server. Without an address it says that nothing
//! was tested.

#[path = "apart.rs"]
mod apart;

use std::process::ExitCode;
use std::sync::Arc;

use apart::Apart;
use rapport_domain::port::log::EventLog;
use rapport_domain::testing::{block_on, log_contract};
use rapport_event_log::{ClusterConfig, ClusterLog};

/// Where the address is looked for.
const ADDRESS: &str = "RAPPORT_TEST_ESDB";

/// Certificates to trust, when the server's are its own.
const CA_FILE: &str = "RAPPORT_TEST_ESDB_CA";

fn main() -> ExitCode {
    let Ok(address) = std::env::var(ADDRESS) else {
        println!("NOT TESTED against a real EventStoreDB/KurrentDB: no address given.");
        println!(
            "  make test-esdb ADDRESS='esdb://admin:changeit@127.0.0.1:2113?tls=false' runs the contract suite there."
        );
        return ExitCode::SUCCESS;
    };
    let mut config = ClusterConfig::new(address);
    config.ca_file = std::env::var_os(CA_FILE).map(Into::into);
    let log = match block_on(ClusterLog::connect(config)) {
        Ok(log) => Arc::new(log),
        Err(error) => {
            println!("{error}");
            return ExitCode::FAILURE;
        }
    };
    println!("connected; the log's head is {}", log.head());
    // One after the other on one connection: nobody else may write while a promise is checked.
    block_on(log_contract::log_contract(|| {
        Arc::new(Apart::new(log.clone()))
    }));
    println!("every promise of the contract holds; {:?}", log.health());
    block_on(log.close());
    ExitCode::SUCCESS
}
