//! `rapport projection`: through the running hub when there is one, else on the files.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::Subcommand;
use rapport_domain::event::Position;
use rapport_domain::port::log::EventLog;
use rapport_domain::port::projection::Projection;
use rapport_domain::time::Timestamp;
use rapport_event_log::SealedLog;
use rapport_read_model::ReadModels;
use serde_json::Value;

use super::{DataFolder, Failure, bar, runtime};
use crate::log::HubLog;
use crate::office::{Wish, ask};

/// Events applied in one transaction.
const PAGE: usize = 4_096;
/// How often a bar is drawn anew.
const LOOK_EVERY: Duration = Duration::from_millis(300);

/// What can be done with read models.
#[derive(Subcommand)]
pub enum ProjectionCommand {
    /// How far every read model is, what is being built, and which streams are parked
    List {
        /// One JSON object
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        folder: DataFolder,
    },
    /// Build a read model anew from the log, beside the old one, which answers until the new one has caught up
    Rebuild {
        /// customers, timeline, statistics or worklist
        name: String,
        /// Of a running hub: wait until the new one has taken over
        #[arg(long)]
        wait: bool,
        #[command(flatten)]
        folder: DataFolder,
    },
    /// Give up what the running hub builds
    Cancel(One),
    /// Let the running hub try to take in what parked streams hold back
    Retry(One),
    /// Go back to the file that answered before; the present one is deleted
    Back(One),
    /// Delete the file that answered before
    Discard(One),
}

/// A model in a folder.
#[derive(clap::Args)]
pub struct One {
    /// customers, timeline, statistics or worklist
    name: String,
    #[command(flatten)]
    folder: DataFolder,
}

/// Runs one of them.
pub fn run(command: ProjectionCommand) -> Result<(), Failure> {
    match command {
        ProjectionCommand::List { json, folder } => list(&folder.resolve(), json, &folder),
        ProjectionCommand::Rebuild { name, wait, folder } => {
            let (of, folder) = (&folder, folder.resolve());
            known(&name)?;
            let wish = Wish::Rebuild { name: name.clone() };
            match asked(&folder, &wish)? {
                None => rebuild(&folder, &name, of),
                Some(_) if wait => follow(&folder, &name),
                Some(_) => {
                    println!(
                        "{name}: the hub builds it beside the one that answers; `rapport projection list` shows how far it is"
                    );
                    Ok(())
                }
            }
        }
        ProjectionCommand::Cancel(One { name, folder }) => {
            wished(&folder, &name, Wish::Cancel { name: name.clone() })?;
            println!("{name}: given up");
            Ok(())
        }
        ProjectionCommand::Back(One { name, folder }) => {
            wished(&folder, &name, Wish::Back { name: name.clone() })?;
            println!("{name}: the file before takes over as soon as it has caught up");
            Ok(())
        }
        ProjectionCommand::Discard(One { name, folder }) => {
            let was = wished(&folder, &name, Wish::Discard { name: name.clone() })?;
            let said = if was == Value::Bool(true) {
                "the file before is deleted"
            } else {
                "there was no file before"
            };
            println!("{name}: {said}");
            Ok(())
        }
        ProjectionCommand::Retry(One { name, folder }) => {
            let done = wished(&folder, &name, Wish::Retry { name: name.clone() })?;
            println!(
                "{name}: {} streams are followed again, {} stay parked",
                done["released"], done["parked"]
            );
            Ok(())
        }
    }
}

fn known(name: &str) -> Result<(), Failure> {
    if ReadModels::names().contains(&name) {
        return Ok(());
    }
    Err(Failure::new(format!(
        "there is no read model `{name}`; there are {}",
        ReadModels::names().join(", ")
    )))
}

/// What the running hub answers; none when no hub runs on the folder.
fn asked(folder: &Path, wish: &Wish) -> Result<Option<Value>, Failure> {
    let answer = ask(folder, wish).map_err(|error| {
        Failure::new(format!(
            "the hub at {} does not answer: {error}",
            folder.display()
        ))
    })?;
    answer.transpose().map_err(Failure::new)
}

/// As above, and a hub must run.
fn wished(folder: &DataFolder, name: &str, wish: Wish) -> Result<Value, Failure> {
    known(name)?;
    let folder = folder.resolve();
    asked(&folder, &wish)?.ok_or_else(|| {
        Failure::new(format!(
            "no hub runs on {}; start it, or build the model anew: `rapport projection rebuild {name}`",
            folder.display()
        ))
    })
}

fn list(folder: &Path, json: bool, of: &DataFolder) -> Result<(), Failure> {
    if let Some(answer) = asked(folder, &Wish::Projections)? {
        if json {
            println!("{answer}");
            return Ok(());
        }
        println!(
            "log at {}, reactions at {}",
            answer["position"], answer["reacted_to"]
        );
        for model in answer["projections"].as_array().into_iter().flatten() {
            print!("{}", line(model));
        }
        return Ok(());
    }
    let (_, config) = of.log()?;
    let log = runtime()?.block_on(HubLog::open_read_only(&config, folder));
    let log = log.map_err(Failure::new)?;
    let (head, files) = (log.head(), ReadModels::look(folder).map_err(Failure::new)?);
    if json {
        println!(
            "{}",
            serde_json::json!({ "position": head, "files": files })
        );
        return Ok(());
    }
    println!("no hub runs on this folder; log at {head}");
    for file in files {
        let behind = head.0.saturating_sub(file.mark.0);
        let state = if file.complete {
            "complete"
        } else {
            "unfinished"
        };
        println!(
            "{:<12} v{:<3} {:<10} at {}, {behind} behind, {} streams parked ({})",
            file.model, file.version, state, file.mark, file.parked, file.name
        );
    }
    Ok(())
}

/// A model of a running hub, in words.
fn line(model: &Value) -> String {
    let text = |value: &Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    let about = if model["lag_estimated"] == true {
        "about "
    } else {
        ""
    };
    let seconds = model["lag_seconds"].as_f64();
    let seconds = seconds.map_or_else(String::new, |seconds| format!(" ({seconds:.0} s)"));
    let mut lines = format!(
        "{:<12} v{:<3} {:<8} at {}, {about}{} behind{seconds}, {} streams parked, {} events held, {} unknown\n",
        text(&model["name"]),
        text(&model["version"]),
        text(&model["state"]),
        model["position"],
        model["lag_events"],
        model["parked_streams"],
        model["held_events"],
        model["unknown_events"],
    );
    if let Some(error) = model["error"].as_str() {
        lines += &format!("  cannot go on: {error}\n");
    }
    let build = &model["build"];
    if build.is_object() {
        let file = build["file"].as_str().unwrap_or("waits for its turn");
        lines += &format!(
            "  being built: {file}, at {}, {about}{} behind\n",
            build["position"], build["lag_events"]
        );
        if let Some(error) = build["error"].as_str() {
            lines += &format!("  it cannot go on: {error}\n");
        }
    }
    if let Some(file) = model["previous"]["file"].as_str() {
        lines += &format!("  kept for the way back: {file}\n");
    }
    for stream in model["parked"].as_array().into_iter().flatten() {
        let since = Timestamp::from_millis(stream["since"].as_i64().unwrap_or(0));
        lines += &format!(
            "  parked: {} since {since}, {} at position {}: {}; {} held\n",
            text(&stream["stream"]),
            text(&stream["type"]),
            stream["position"],
            text(&stream["reason"]),
            stream["held_events"],
        );
    }
    lines
}

/// Shows how far the running hub is until it is done.
fn follow(folder: &Path, name: &str) -> Result<(), Failure> {
    let bar = bar::of(0, name, "events");
    loop {
        let answer = asked(folder, &Wish::Projections)?
            .ok_or_else(|| Failure::new("the hub has stopped; it goes on at its next start"))?;
        let models = answer["projections"].as_array();
        let model = models
            .into_iter()
            .flatten()
            .find(|model| model["name"] == name);
        let Some(build) = model
            .map(|model| &model["build"])
            .filter(|build| build.is_object())
        else {
            bar.finish_and_clear();
            println!("{name}: built anew; it answers now");
            return Ok(());
        };
        bar.set_length(answer["position"].as_u64().unwrap_or(0));
        bar.set_position(build["position"].as_u64().unwrap_or(0));
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Builds on the files; no hub runs.
fn rebuild(folder: &Path, name: &str, of: &DataFolder) -> Result<(), Failure> {
    // Reading first: opening for writing would create a log where there is none.
    let ((_, config), runtime) = (of.log()?, runtime()?);
    let looked = runtime.block_on(HubLog::open_read_only(&config, folder));
    drop(looked.map_err(Failure::new)?);
    let keys = of.keys_to_read()?;
    // Held to the end, so that no hub starts on the folder meanwhile.
    let log = runtime.block_on(HubLog::open(&config, folder));
    let log = SealedLog::new(Arc::new(log.map_err(Failure::new)?), keys);
    let mut model = ReadModels::rebuild(folder, name).map_err(Failure::new)?;
    let bar = bar::of(log.head().0, name, "events");
    let applied = runtime.block_on(async {
        let (mut after, mut applied) = (Position::START, 0_usize);
        loop {
            let page = log.read_all(after, PAGE).await.map_err(Failure::new)?;
            let Some(last) = page.last() else {
                return Ok(applied);
            };
            after = last.position;
            // This command does nothing else; blocking its runtime hinders nobody.
            model.apply(&page).map_err(Failure::new)?;
            applied += page.len();
            bar.set_position(after.0);
        }
    })?;
    let parked = model.tally().parked;
    model.finish().map_err(Failure::new)?;
    bar.finish_and_clear();
    println!("{name}: rebuilt from {applied} events");
    if parked > 0 {
        println!(
            "{name}: {parked} streams are parked; `rapport projection list` of the running hub names them"
        );
    }
    Ok(())
}
