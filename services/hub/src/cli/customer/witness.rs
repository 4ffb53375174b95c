//! What is known of a person: taken from the log while it can be read, kept in a file of the operator's, used to prove
//! that it is gone.

use std::collections::{BTreeSet, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use indicatif::ProgressBar;
use rapport_domain::event::{NewEvent, Position, Recorded};
use rapport_domain::id::CustomerId;
use rapport_domain::port::log::EventLog;
use rapport_domain::private::FORGOTTEN;
use rapport_domain::registry::personal;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::super::Failure;
use super::PAGE;

/// A value that belongs to a person, and what it is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Known {
    /// Type of the event and field.
    pub kind: String,
    /// The value.
    pub value: String,
}

/// What the log says of a person.
#[derive(Default)]
pub struct Testimony {
    /// Every value once.
    pub known: BTreeSet<Known>,
    /// Events that may hold something of theirs.
    pub events: u64,
    /// Of these, how many hold a value that can be read.
    pub readable: u64,
}

/// The personal values of an event as they can be read.
pub fn values(event: &NewEvent) -> Vec<Known> {
    let paths = personal::paths(&event.kind, event.version);
    if paths.is_empty() {
        return vec![];
    }
    let Ok(data) = serde_json::from_slice::<Value>(&event.data) else {
        return vec![];
    };
    let value = |path: &personal::Path| {
        let value = path.iter().try_fold(&data, |inner, key| inner.get(*key))?;
        let value = value.as_str().filter(|text| *text != FORGOTTEN)?;
        Some(Known {
            kind: format!("{}: {}", event.kind, path.join(".")),
            value: value.to_owned(),
        })
    };
    paths.iter().filter_map(value).collect()
}

/// Reads the whole log for what it says of one customer. Events from before they named whose data they hold count by
/// their stream: the customer's own, the outreach to them, and interactions that began with them.
pub async fn gather(
    log: &dyn EventLog,
    customer: CustomerId,
    bar: &ProgressBar,
) -> Result<Testimony, Failure> {
    let mut testimony = Testimony::default();
    let mut contacts: HashSet<Uuid> = HashSet::new();
    let (mut after, head) = (Position::START, log.head());
    bar.set_length(head.0);
    while after < head {
        let page = log.read_all(after, PAGE).await.map_err(Failure::new)?;
        let Some(last) = page.last() else { break };
        after = last.position;
        for recorded in &page {
            if concerns(recorded, customer, &mut contacts) {
                let values = values(&recorded.event);
                testimony.events += 1;
                testimony.readable += u64::from(!values.is_empty());
                testimony.known.extend(values);
            }
        }
        bar.set_position(after.0);
    }
    bar.finish_and_clear();
    Ok(testimony)
}

fn concerns(recorded: &Recorded, customer: CustomerId, contacts: &mut HashSet<Uuid>) -> bool {
    let event = &recorded.event;
    if event.kind == "interaction.started" {
        let data: Option<Value> = serde_json::from_slice(&event.data).ok();
        let of = data
            .as_ref()
            .and_then(|data| data.get("customer")?.as_str());
        if of.is_some_and(|of| of == customer.to_string()) {
            contacts.insert(recorded.stream.id);
        }
    }
    event.meta.subject == Some(customer)
        || personal::named_by(recorded.stream) == Some(customer)
        || contacts.contains(&recorded.stream.id)
}

/// Writes a witness for its owner's eyes only, one JSON object a line. A file that is there already stays as it is.
pub fn write(path: &Path, known: &BTreeSet<Known>) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(format!(
            "cannot write the witness {}: {error}",
            path.display()
        ))
    };
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(failed)?;
    for known in known {
        let line = serde_json::to_string(known).map_err(Failure::new)?;
        writeln!(file, "{line}").map_err(failed)?;
    }
    file.sync_all().map_err(failed)
}

/// Reads a witness.
pub fn read(path: &Path) -> Result<Vec<Known>, Failure> {
    let failed =
        |why: String| Failure::new(format!("cannot use the witness {}: {why}", path.display()));
    let file = File::open(path).map_err(|error| failed(error.to_string()))?;
    let mut all = Vec::new();
    for (number, line) in BufReader::new(file).lines().enumerate() {
        let line = line.map_err(|error| failed(error.to_string()))?;
        // The parser's own words could quote the line.
        let known = serde_json::from_str(&line)
            .map_err(|_| failed(format!("line {} is not of a witness", number + 1)))?;
        all.push(known);
    }
    Ok(all)
}
