//! `rapport keys`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Subcommand;
use rapport_domain::id::CustomerId;
use rapport_domain::port::keys::KeyState;
use rapport_domain::time::Timestamp;
use rapport_event_log::keys::LocalKeys;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::config::{DEFAULT_FILE, KeysConfig, KeysPlace};

use super::{DataFolder, Failure, keys_of, runtime};

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
    /// Copy the keys of a data folder into the folder that nodes share, which the configuration file names; run again, it adds
    /// what has changed since
    Copy {
        /// The data folder; a hub may be running on it
        #[arg(long, value_name = "DIR")]
        from: PathBuf,
        /// The configuration file whose `keys` is the shared folder
        #[arg(long, value_name = "FILE", default_value = DEFAULT_FILE)]
        config: PathBuf,
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
        KeysCommand::Copy { from, config } => copy(&from, &config),
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
    let keys = local(&config, &data)?;
    runtime()?
        .block_on(keys.back_up(to))
        .map_err(Failure::new)?;
    println!("{}: the keys of {}", to.display(), data.display());
    Ok(())
}

/// Keys looked at in one go; as many may be on their way into the shared folder.
const PAGE: usize = 256;

fn copy(from: &Path, config: &Path) -> Result<(), Failure> {
    let config = keys_of(config)?;
    let Some(shared) = config.open_shared().map_err(Failure::new)? else {
        return Err(Failure::config(
            "keys: the file names no folder that nodes share; set it to \"dir:///mnt/shared/keys\"",
        ));
    };
    let (shared, local) = (Arc::new(shared), local(&config, from)?);
    runtime()?.block_on(async {
        let (mut customers, mut changed, mut last) = (0, 0, None);
        loop {
            let page = local.stored_after(last, PAGE).await;
            let page = page.map_err(Failure::new)?;
            let Some((end, _)) = page.last() else { break };
            last = Some(*end);
            customers += page.len();
            let mut taking = JoinSet::new();
            for (customer, state) in page {
                let shared = shared.clone();
                taking.spawn(async move { shared.take_in(customer, state).await });
            }
            for new in taking.join_all().await {
                changed += usize::from(new.map_err(Failure::new)?);
            }
        }
        println!(
            "{}: {customers} customers have a key there, or had one; {changed} of them were new to the shared folder",
            from.display()
        );
        Ok(())
    })
}

/// The keys in a data folder, to look at.
fn local(config: &KeysConfig, data: &Path) -> Result<LocalKeys, Failure> {
    if !data.join(LocalKeys::FILE).exists() {
        return Err(Failure::new(format!(
            "there are no keys in {}",
            data.display()
        )));
    }
    config.open_local_read_only(data).map_err(Failure::new)
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
