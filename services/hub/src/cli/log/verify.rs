//! `rapport log verify`.

use std::path::Path;

use rapport_event_log::inspect::{Facts, streams_agree};
use rapport_event_log::verify::{Verified, verify};
use rapport_event_log::{EmbeddedLog, Mark};

use super::super::place::{Opened, Place};
use super::super::{DataFolder, Failure, bar, runtime, say};

/// How closely.
#[derive(clap::Args)]
pub struct Verify {
    /// Also read every stream by itself and compare it with what the whole log holds of it
    #[arg(long)]
    deep: bool,
    /// The hash of the head that was noted earlier, as `rapport backup` and this command print it; may be given several
    /// times
    #[arg(long, value_name = "POSITION:HASH")]
    noted: Vec<Mark>,
    #[command(flatten)]
    folder: DataFolder,
}

/// Looks at every event; the exit code is 1 when anything is wrong.
pub fn run(command: Verify) -> Result<(), Failure> {
    let Verify {
        deep,
        noted,
        folder,
    } = command;
    let place = folder.place()?;
    runtime()?.block_on(whole(&place, deep, &noted))
}

/// As the command: prints what was looked at and everything that is wrong.
pub async fn whole(place: &Place, deep: bool, noted: &[Mark]) -> Result<(), Failure> {
    let log = place.open_to_read().await?;
    let bar = bar::of(0, "verifying", "events");
    let mut facts = Facts::default().showing(|done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    if deep {
        facts = facts.by_streams();
    }
    let verified = match place {
        Place::Folder(folder) => in_folder(folder, noted, &mut facts)?,
        // A noted hash is of an embedded log's chain; a cluster has none.
        Place::Cluster(_) if !noted.is_empty() => {
            return Err(Failure::new(format!(
                "{place} has no chain of hashes to compare with --noted"
            )));
        }
        Place::Cluster(_) => verify(log.log(), &mut facts).await.map_err(Failure::new)?,
    };
    let mut faults = verified.faults.len() as u64 + verified.further_faults;
    bar.finish_and_clear();
    for fault in &verified.faults {
        say(format_args!("{fault}"));
    }
    if verified.further_faults > 0 {
        say(format_args!(
            "… and {} faults more",
            verified.further_faults
        ));
    }
    say(format_args!(
        "{place}: looked at {} events up to position {}",
        verified.events, verified.head
    ));
    tell(&verified, facts.unknown);
    if deep {
        faults += streams(&log, &facts).await?;
    }
    say(format_args!(
        "  no blobs are named: no type of event names one yet"
    ));
    match faults {
        0 => Ok(()),
        faults => Err(Failure::new(format!(
            "{place} has {faults} faults; keep it as it is, and restore a backup elsewhere"
        ))),
    }
}

fn in_folder(folder: &Path, noted: &[Mark], facts: &mut Facts<'_>) -> Result<Verified, Failure> {
    EmbeddedLog::verify(folder, noted, facts).map_err(Failure::new)
}

fn tell(verified: &Verified, unknown: u64) {
    if verified.is_intact() {
        say(format_args!(
            "  positions are in order, revisions of every stream follow each other, every fact can be read"
        ));
    }
    if let Some(chain) = verified.chain {
        say(format_args!(
            "  chain of hashes: {} links after position {}, head {}",
            chain.links, chain.after, chain.mark
        ));
    }
    if unknown > 0 {
        say(format_args!(
            "  {unknown} events are of types that only a later version of Rapport knows; they were not decoded"
        ));
    }
}

async fn streams(log: &Opened, facts: &Facts<'_>) -> Result<u64, Failure> {
    let (read, differ) = streams_agree(log.log(), facts)
        .await
        .map_err(Failure::new)?;
    for stream in &differ {
        say(format_args!(
            "{stream}, read by itself, does not hold what the log holds of it"
        ));
    }
    say(format_args!(
        "  {read} streams were also read by themselves"
    ));
    Ok(differ.len() as u64)
}
