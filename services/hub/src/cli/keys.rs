//! `rapport keys`.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Subcommand;
use rapport_domain::id::CustomerId;
use rapport_domain::port::keys::KeyState;
use rapport_domain::time::Timestamp;
use rapport_event_log::keys::LocalKeys;
use uuid::Uuid;

use crate::config::KeysPlace;

use super::{DataFolder, Failure, runtime};

/// What can be done with the keys of personal data.
#[derive(Subcommand)]
pub enum KeysCommand {
    /// Copy the keys of a data folder into a file, also while a hub runs; keep it apart from backups of the log, and briefly
    Backup {
        /// A new file; under the name keys.db in a data folder it is used there
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
        #[command(flatten)]
        folder: DataFolder,
    },
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
    match command {
        KeysCommand::Backup { to, folder } => back_up(&to, &folder),
        KeysCommand::GiveUp { customer, folder } => give_up(customer, &folder),
    }
}

fn back_up(to: &Path, folder: &DataFolder) -> Result<(), Failure> {
    let config = folder.keys_config()?;
    if let KeysPlace::Shared(shared) = &config.place {
        return Err(Failure::new(format!(
            "the keys are files in {}; copy that folder with what copies folders",
            shared.display()
        )));
    }
    let data = folder.resolve();
    // Opening would make keys where there are none.
    if !data.join(LocalKeys::FILE).exists() {
        return Err(Failure::new(format!(
            "there are no keys in {}",
            data.display()
        )));
    }
    let keys = config.open_local(&data).map_err(Failure::new)?;
    runtime()?
        .block_on(keys.back_up(to))
        .map_err(Failure::new)?;
    println!("{}: the keys of {}", to.display(), data.display());
    Ok(())
}

fn give_up(customer: Uuid, folder: &DataFolder) -> Result<(), Failure> {
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
