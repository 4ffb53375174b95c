//! `rapport keys`.

use std::time::{SystemTime, UNIX_EPOCH};

use clap::Subcommand;
use rapport_domain::id::CustomerId;
use rapport_domain::port::keys::KeyState;
use rapport_domain::time::Timestamp;
use uuid::Uuid;

use super::{DataFolder, Failure, runtime};

/// What can be done with the keys of personal data.
#[derive(Subcommand)]
pub enum KeysCommand {
    /// Give up a customer whose key is lost: what was sealed with it reads as forgotten from then on
    GiveUp {
        /// The customer
        customer: Uuid,
        #[command(flatten)]
        folder: DataFolder,
    },
}

/// Runs one of them.
pub fn run(command: KeysCommand) -> Result<(), Failure> {
    let KeysCommand::GiveUp { customer, folder } = command;
    let keys = folder.keys()?;
    let customer = CustomerId::from_uuid(customer);
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_err(Failure::new)?;
    let now = Timestamp::from_micros(i64::try_from(now.as_micros()).unwrap_or(i64::MAX));
    runtime()?.block_on(async {
        let states = keys
            .keys_for_opening(vec![customer])
            .await
            .map_err(Failure::new)?;
        match states.first() {
            Some(KeyState::Present(_)) => Err(Failure::new(format!(
                "customer {customer} has a key; `rapport customer erase` is what forgets somebody"
            ))),
            Some(KeyState::Destroyed { at }) => {
                println!("customer {customer} was forgotten at {at} already");
                Ok(())
            }
            Some(KeyState::Absent) | None => {
                keys.destroy(customer, now).await.map_err(Failure::new)?;
                println!(
                    "customer {customer}: no key will be made; what was sealed reads as forgotten"
                );
                Ok(())
            }
        }
    })
}
