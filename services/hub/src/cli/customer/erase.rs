//! `rapport customer erase`: through the hub that has the folder, through one elsewhere, or alone when none has it.

use std::io::{BufRead, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rapport_domain::customer::ErasureGround;
use rapport_domain::event::Recorded;
use rapport_domain::id::{CustomerId, TenantId};
use rapport_domain::port::keys::Keys;
use rapport_event_log::SealedLog;
use serde_json::{Value, json};

use super::super::{Failure, bar, runtime};
use super::{Erase, history, witness};
use crate::config::LogConfig;
use crate::erasing::Erased;
use crate::log::HubLog;
use crate::office::{Wish, ask};
use crate::wiring::offline::Offline;

/// The environment variable with the key of a running hub.
const KEY: &str = "RAPPORT_API_KEY";
/// A running hub has so long to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// Runs it.
pub fn run(options: Erase) -> Result<(), Failure> {
    let customer = CustomerId::from_uuid(options.id);
    let (data, log, node) = options.folder.node()?;
    let ground = ErasureGround::from(options.ground);
    let runtime = runtime()?;
    // With a hub elsewhere there may be no log here; who the customer is, it knows.
    let here = options.url.is_none() || options.witness.is_some() || data.join("log.db").exists();
    let mut tenant = None;
    if here {
        let keys = options.folder.keys_to_read()?;
        tenant = Some(runtime.block_on(look(&log, &data, keys, customer, &options))?);
    }
    if !options.yes {
        confirm(customer)?;
    }
    let done = match (&options.url, tenant) {
        (Some(url), _) => runtime.block_on(ask_hub(url, customer, ground))?,
        (None, Some(tenant)) => {
            let wish = Wish::Erase {
                tenant,
                customer,
                ground,
            };
            match ask(&data, &wish).map_err(Failure::new)? {
                Some(answer) => {
                    let answer = answer.map_err(Failure::new)?;
                    serde_json::from_value(answer).map_err(Failure::new)?
                }
                None => {
                    let keys = options.folder.keys_config()?;
                    runtime.block_on(async {
                        let log = HubLog::open(&log, &data).await.map_err(Failure::new)?;
                        let hub = Offline::start(log, &keys, &data, node.as_ref()).await;
                        let hub = hub.map_err(Failure::new)?;
                        let erased = hub.erase(tenant, customer, ground).await;
                        hub.stop().await;
                        erased.map_err(Failure::new)
                    })?
                }
            }
        }
        (None, None) => return Err(Failure::new("there is no data folder to work on")),
    };
    tell(customer, &done, matches!(log, LogConfig::Cluster(_)));
    if let Some(file) = &options.witness {
        println!(
            "prove it with `rapport customer prove-erased {customer} --witness {}`, then destroy that file",
            file.display()
        );
    }
    Ok(())
}

/// Who is about to go; writes the witness.
async fn look(
    log: &LogConfig,
    data: &Path,
    keys: Arc<dyn Keys>,
    customer: CustomerId,
    options: &Erase,
) -> Result<TenantId, Failure> {
    let log = HubLog::open_read_only(log, data)
        .await
        .map_err(Failure::new)?;
    let log = SealedLog::new(Arc::new(log), keys);
    let events: Vec<Recorded> = history(&log, customer).await?;
    let Some(first) = events.first() else {
        return Err(Failure::new(format!(
            "there is no customer {customer} in this log"
        )));
    };
    let tenant = first.event.meta.tenant;
    if let Some(name) = &options.tenant
        && TenantId::named(name) != tenant
    {
        return Err(Failure::new(format!(
            "customer {customer} does not belong to tenant `{name}`"
        )));
    }
    println!(
        "customer {customer}, heard of first at {}",
        first.event.recorded_at
    );
    if let Some(file) = &options.witness {
        let bar = bar::of(0, "reading what is known", "events");
        let testimony = witness::gather(&log, customer, &bar).await?;
        if testimony.known.is_empty() {
            return Err(Failure::new(format!(
                "nothing is known of customer {customer} any more: there is nothing to write into a witness"
            )));
        }
        witness::write(file, &testimony.known)?;
        println!(
            "wrote the witness {}: {} values from {} events; for nobody else to read",
            file.display(),
            testimony.known.len(),
            testimony.readable
        );
    }
    Ok(tenant)
}

fn confirm(customer: CustomerId) -> Result<(), Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::new(
            "erasing cannot be undone; say --yes when nobody is there to be asked",
        ));
    }
    print!("Erase customer {customer}? This cannot be undone. Type yes: ");
    std::io::stdout().flush().map_err(Failure::new)?;
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(Failure::new)?;
    if line.trim() == "yes" {
        Ok(())
    } else {
        Err(Failure::new("nothing was erased"))
    }
}

async fn ask_hub(
    url: &str,
    customer: CustomerId,
    ground: ErasureGround,
) -> Result<Erased, Failure> {
    let key = std::env::var(KEY).map_err(|_| {
        Failure::new(format!(
            "give an admin key of the tenant in the environment variable {KEY}"
        ))
    })?;
    let client = reqwest::Client::builder()
        .timeout(ANSWER_WITHIN)
        .build()
        .map_err(Failure::new)?;
    let address = format!(
        "{}/api/v1/customers/{customer}/erase",
        url.trim_end_matches('/')
    );
    let answer = client
        .post(&address)
        .bearer_auth(key)
        .json(&json!({ "ground": ground }))
        .send()
        .await
        .map_err(|error| Failure::new(format!("the hub at {url} cannot be asked: {error}")))?;
    let status = answer.status();
    let body: Value = answer.json().await.unwrap_or_default();
    if !status.is_success() {
        let detail = body["detail"].as_str().unwrap_or("it does not say why");
        return Err(Failure::new(format!(
            "the hub at {url} answered {status}: {detail}"
        )));
    }
    serde_json::from_value(body).map_err(Failure::new)
}

fn tell(customer: CustomerId, done: &Erased, shared: bool) {
    if done.new {
        println!(
            "noted in the log that customer {customer} is erased; the history stays, the person is gone"
        );
    } else {
        println!("customer {customer} was erased before; looked again that nothing is left to do");
    }
    println!(
        "released {} contact points: whoever is there next is somebody new",
        done.released
    );
    println!(
        "gave up {} wishes of departments, which see that as their end",
        done.dropped
    );
    println!(
        "destroyed the key: what is sealed with it cannot be read again, here or in a copy of the log, except with an \
         older copy of the keys"
    );
    if done.clean {
        println!("cleaned the read models of this node, their free pages and journals");
    } else {
        println!(
            "the read models of this node have not come that far yet; `rapport customer prove-erased` tells when they have"
        );
    }
    if shared {
        println!(
            "the other nodes clean theirs as soon as they read of it; ask `prove-erased` on each of them"
        );
    }
    println!(
        "copies made before (backups and exports of read models, unsealed logs) still hold the person: delete them, \
         or let them expire"
    );
}
