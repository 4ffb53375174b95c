//! `rapport customer`: forgetting somebody, and proving it.

mod erase;
mod events;
mod patterns;
mod prove;
mod search;
mod witness;

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use rapport_domain::customer::ErasureGround;
use rapport_domain::event::{Category, Recorded, Revision, Stream};
use rapport_domain::id::CustomerId;
use rapport_domain::port::log::EventLog;
use uuid::Uuid;

use super::{DataFolder, Failure};

/// Events read at a time.
const PAGE: usize = 1_000;

/// What can be done with one customer.
#[derive(Subcommand)]
pub enum CustomerCommand {
    /// Forget a customer for good: destroy the key of all that is personal, and clean what was made of it
    Erase(Erase),
    /// Look for anything that is left of an erased customer, and say where was looked
    ProveErased(ProveErased),
}

/// Why somebody is forgotten; it goes into the log.
#[derive(Clone, Copy, ValueEnum)]
pub enum Ground {
    /// The person asked for it
    Requested,
    /// The time for which the data may be kept is over
    RetentionOver,
    /// The data should not have been taken in
    Mistake,
}

impl From<Ground> for ErasureGround {
    fn from(ground: Ground) -> Self {
        match ground {
            Ground::Requested => Self::Requested,
            Ground::RetentionOver => Self::RetentionOver,
            Ground::Mistake => Self::Mistake,
        }
    }
}

/// `rapport customer erase`.
#[derive(clap::Args)]
pub struct Erase {
    /// The customer
    id: Uuid,
    /// The tenant the customer must belong to
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    /// Why, for the log
    #[arg(long, value_enum, default_value = "requested")]
    ground: Ground,
    /// Before anything goes, write what is known of the person into this new file, to prove the erasure with; destroy it
    /// afterwards
    #[arg(long, value_name = "FILE")]
    witness: Option<PathBuf>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// The address of a hub elsewhere, such as http://10.0.0.2:8080; it is asked with the admin key of the tenant in the
    /// environment variable RAPPORT_API_KEY. Without it the hub that runs on the folder does it, or, when none runs, this
    /// command
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    #[command(flatten)]
    folder: DataFolder,
}

/// `rapport customer prove-erased`.
#[derive(clap::Args)]
pub struct ProveErased {
    /// The customer
    id: Uuid,
    /// What was known of the person, as `rapport customer erase --witness` wrote it
    #[arg(long, value_name = "FILE")]
    witness: Option<PathBuf>,
    /// A further file or folder to search, such as a backup; may be given several times
    #[arg(long, value_name = "PATH")]
    also: Vec<PathBuf>,
    #[command(flatten)]
    folder: DataFolder,
}

/// Runs one of them.
pub fn run(command: CustomerCommand) -> Result<(), Failure> {
    match command {
        CustomerCommand::Erase(options) => erase::run(options),
        CustomerCommand::ProveErased(options) => prove::run(options),
    }
}

/// What the log holds in the stream of a customer.
async fn history(log: &dyn EventLog, customer: CustomerId) -> Result<Vec<Recorded>, Failure> {
    let stream = Stream::new(Category::Customer, customer.as_uuid());
    let mut events: Vec<Recorded> = Vec::new();
    loop {
        let next = events
            .last()
            .map_or(Revision::FIRST, |last| last.revision.next());
        let page = log.read_stream(stream, next, PAGE).await;
        let page = page.map_err(Failure::new)?;
        let full = page.len() == PAGE;
        events.extend(page);
        if !full {
            break;
        }
    }
    if events.is_empty() {
        return Err(Failure::new(format!(
            "there is no customer {customer} in this log"
        )));
    }
    Ok(events)
}
