//! `rapport customer prove-erased`: what was looked at, what was found, and what could not be looked at.

use std::collections::BTreeSet;
use std::sync::Arc;

use rapport_domain::aggregate;
use rapport_domain::customer::Fact;
use rapport_domain::event::{Actor, Recorded};
use rapport_domain::id::CustomerId;
use rapport_domain::port::keys::KeyState;
use rapport_event_log::SealedLog;
use rapport_read_model::remains;

use super::super::{Failure, bar, runtime};
use super::events::{self, Searched};
use super::search::{Report, Search};
use super::witness::{self, Known, Testimony};
use super::{ProveErased, history};
use crate::config::{KeysPlace, LogConfig};
use crate::log::HubLog;

/// Counts what speaks against an erasure while it is told.
#[derive(Default)]
struct Verdict {
    against: Vec<String>,
}

impl Verdict {
    fn good(&self, line: impl AsRef<str>) {
        println!("  ok     {}", line.as_ref());
    }

    fn bad(&mut self, line: String) {
        println!("  FOUND  {line}");
        self.against.push(line);
    }
}

/// Runs it.
pub fn run(options: ProveErased) -> Result<(), Failure> {
    let ProveErased {
        id,
        witness,
        also,
        folder,
    } = options;
    let customer = CustomerId::from_uuid(id);
    let (data, config) = folder.log()?;
    let keys = folder.keys_to_read()?;
    let runtime = runtime()?;
    let plain = runtime.block_on(HubLog::open_read_only(&config, &data));
    let plain = Arc::new(plain.map_err(Failure::new)?);
    let sealed = SealedLog::new(plain.clone(), keys.clone());
    let mut verdict = Verdict::default();
    println!("customer {customer}");
    let stored = runtime.block_on(async {
        let events = history(&*plain, customer).await?;
        fact(&events, &mut verdict);
        let state = keys.keys_for_opening(vec![customer]).await;
        key(state.map_err(Failure::new)?.first(), &mut verdict);
        let opened = bar::of(0, "reading the log with the keys", "events");
        let opened = witness::gather(&sealed, customer, &opened).await?;
        let stored = bar::of(0, "reading the log as it is stored", "events");
        let stored = witness::gather(&*plain, customer, &stored).await?;
        log(&opened, &stored, &mut verdict);
        Ok::<_, Failure>(stored)
    })?;
    for left in remains(&data, customer).map_err(Failure::new)? {
        let line = format!(
            "read model {}: {} rows with something of theirs",
            left.model, left.rows
        );
        if left.rows == 0 {
            verdict.good(line);
        } else {
            verdict.bad(line);
        }
    }
    let mut known: BTreeSet<Known> = stored.known;
    match &witness {
        Some(file) => known.extend(witness::read(file)?),
        None => println!(
            "  note   without --witness nobody knows what to search files for; `rapport customer erase --witness FILE` \
             writes it before it is gone"
        ),
    }
    let known: Vec<Known> = known.into_iter().collect();
    let mut roots = vec![data];
    if let KeysPlace::Shared(keys) = folder.keys_config()?.place {
        roots.push(keys);
    }
    roots.extend(also);
    if !known.is_empty() {
        let search = Search::of(customer, &known).map_err(Failure::new)?;
        let bar = bar::of(0, "searching files", "bytes");
        let report = search.run(&roots, witness.as_deref(), &bar);
        bar.finish_and_clear();
        let places: Vec<String> = roots.iter().map(|at| at.display().to_string()).collect();
        println!(
            "  looked for {} values in {} written forms, through {} files with {} bytes: {}",
            known.len() - search.too_short,
            search.forms(),
            report.files,
            report.bytes,
            places.join(", ")
        );
        if search.too_short > 0 {
            println!(
                "  note   {} values are too short to be told from chance and were not looked for",
                search.too_short
            );
        }
        files(&report, &mut verdict);
        if let LogConfig::Cluster(cluster) = &config {
            let bar = bar::of(0, "searching the log as it is stored", "events");
            let searched = runtime.block_on(events::search(&*plain, &search, &bar))?;
            of_cluster(&cluster.connection_string, &searched, &mut verdict);
        }
    }
    conclude(customer, &verdict)
}

fn fact(events: &[Recorded], verdict: &mut Verdict) {
    let erased = events.iter().find(|recorded| {
        let event = &recorded.event;
        let fact = aggregate::decode::<Fact>(&event.kind, event.version, &event.data);
        matches!(fact, Ok(Fact::Erased { .. }))
    });
    match erased {
        Some(recorded) => {
            let event = &recorded.event;
            let who = match &event.meta.actor {
                Actor::System => "the hub".to_owned(),
                Actor::Operator => "the operator".to_owned(),
                Actor::Agent(agent) => format!("agent {agent}"),
                Actor::Customer(customer) => format!("customer {customer}"),
                Actor::Department(name) => format!("department {name}"),
            };
            verdict.good(format!(
                "erased at {} by {who}: position {} of the log",
                event.recorded_at, recorded.position
            ));
        }
        None => verdict.bad("the log does not say that this customer was erased".to_owned()),
    }
}

fn key(state: Option<&KeyState>, verdict: &mut Verdict) {
    match state {
        Some(KeyState::Destroyed { at }) => verdict.good(format!("the key was destroyed at {at}")),
        Some(KeyState::Present(_)) => verdict.bad("the key is still there".to_owned()),
        Some(KeyState::Absent) | None => {
            verdict.bad("there is no key, and nothing says that it was destroyed".to_owned());
        }
    }
}

/// `opened` is what the keys open, `stored` what stands in the log without them.
fn log(opened: &Testimony, stored: &Testimony, verdict: &mut Verdict) {
    if opened.readable == 0 {
        verdict.good(format!(
            "none of their {} events in the log can be read",
            opened.events
        ));
        return;
    }
    verdict.bad(format!(
        "{} of their {} events in the log can be read",
        opened.readable, opened.events
    ));
    if stored.readable > 0 {
        println!(
            "         {} of these were stored before personal values were sealed, and no key was ever theirs to destroy \
             (docs/OPERATIONS.md, \"Erase a customer\")",
            stored.readable
        );
    }
}

fn of_cluster(address: &str, searched: &Searched, verdict: &mut Verdict) {
    println!(
        "  looked for the same in {} events with {} bytes, as they are stored in {address}",
        searched.events, searched.bytes
    );
    for (kind, places) in &searched.found {
        verdict.bad(format!(
            "the log: ({kind}) in {} events, the first at position {}",
            places.count, places.first
        ));
    }
    if searched.found.is_empty() {
        verdict.good("none of it is in these events");
    }
    println!(
        "  note   events are asked of the cluster: its files and backups, and streams of others in it, are searched where they \
         are; copies of them with --also"
    );
}

fn files(report: &Report, verdict: &mut Verdict) {
    for file in &report.keys {
        verdict.bad(format!(
            "{}: their key; what is sealed with it can be read, in the log and in every copy of it",
            file.display()
        ));
    }
    for found in &report.found {
        let places: Vec<String> = found
            .places
            .iter()
            .map(|(kind, places)| {
                format!("({kind}) {} times from byte {}", places.count, places.first)
            })
            .collect();
        let inside = if found.inside { ", unpacked" } else { "" };
        verdict.bad(format!(
            "{}{inside}: {}",
            found.file.display(),
            places.join(", ")
        ));
    }
    if report.found.is_empty() {
        verdict.good("none of it is in these files");
    } else {
        println!(
            "         a backup or export from before is to be deleted or left to expire; a read model of an older \
             version (NAME.vN.db) can be deleted. A sentence that somebody else wrote too is found as well"
        );
    }
    for (path, why) in &report.unseen {
        println!("  UNSEEN {}: {why}", path.display());
    }
}

fn conclude(customer: CustomerId, verdict: &Verdict) -> Result<(), Failure> {
    if verdict.against.is_empty() {
        println!("nothing of customer {customer} was found");
        return Ok(());
    }
    Err(Failure::new(format!(
        "customer {customer} is not gone: {} findings above",
        verdict.against.len()
    )))
}
