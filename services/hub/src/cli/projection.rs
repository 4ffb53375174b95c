//! `rapport projection`.

use clap::Subcommand;
use rapport_domain::event::Position;
use rapport_domain::port::log::EventLog;
use rapport_domain::port::projection::Projection;
use rapport_event_log::EmbeddedLog;
use rapport_read_model::ReadModels;

use super::{DataFolder, Failure, bar, runtime};

/// Events applied in one transaction.
const PAGE: usize = 4_096;

/// What can be done with read models.
#[derive(Subcommand)]
pub enum ProjectionCommand {
    /// Build a read model anew from the log, beside the old one, and put it in its place
    Rebuild {
        /// customers, timeline, statistics or worklist
        name: String,
        #[command(flatten)]
        folder: DataFolder,
    },
}

/// Runs one of them.
pub fn run(command: ProjectionCommand) -> Result<(), Failure> {
    let ProjectionCommand::Rebuild { name, folder } = command;
    let folder = folder.resolve();
    if !ReadModels::names().contains(&name.as_str()) {
        return Err(Failure::new(format!(
            "there is no read model `{name}`; there are {}",
            ReadModels::names().join(", ")
        )));
    }
    // Reading first: opening for writing would create a log where there is none.
    drop(EmbeddedLog::open_read_only(&folder).map_err(Failure::new)?);
    // Held to the end, so that no hub starts on the folder meanwhile.
    let log = EmbeddedLog::open(&folder).map_err(Failure::new)?;
    let mut model = ReadModels::rebuild(&folder, &name).map_err(Failure::new)?;
    let bar = bar::of(log.head().0, &name, "events");
    let applied = runtime()?.block_on(async {
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
    model.finish().map_err(Failure::new)?;
    bar.finish_and_clear();
    println!("{name}: rebuilt from {applied} events");
    Ok(())
}
