//! `rapport log export`, `import` and `copy`.

use std::path::PathBuf;

use clap::ValueEnum;
use rapport_domain::event::Position;
use rapport_event_log::transfer::{
    Archive, Delivered, Format, LogSource, Positions, Sealing, Source, check, deliver,
};

use super::super::place::{Opened, Place};
use super::super::{DataFolder, Failure, bar, keys_of, place, runtime, say};
use crate::config::DEFAULT_FILE;

/// Where an export goes and what it looks like.
#[derive(clap::Args)]
pub struct Export {
    /// The file or folder to write; one that an earlier run began is continued
    #[arg(long, value_name = "FILE|DIR")]
    to: PathBuf,
    /// Without it: JSON lines when the name ends in .jsonl, else compressed segments
    #[arg(long, value_enum)]
    format: Option<ArchiveFormat>,
    /// Only what comes after this position: an archive that goes on where another one ended
    #[arg(long, value_name = "POSITION")]
    after: Option<u64>,
    #[command(flatten)]
    folder: DataFolder,
}

/// What an archive looks like.
#[derive(Clone, Copy, ValueEnum)]
enum ArchiveFormat {
    /// One file with an event a line
    Jsonl,
    /// A folder of compressed parts, each with its SHA-256
    Segments,
}

/// Where an import comes from.
#[derive(clap::Args)]
pub struct Import {
    /// The file or folder that `rapport log export` wrote
    #[arg(long, value_name = "FILE|DIR")]
    from: PathBuf,
    /// Seal personal values on the way, with the keys of the folder that is filled: for logs from before they were sealed
    #[arg(long)]
    seal: bool,
    #[command(flatten)]
    folder: DataFolder,
}

/// From where to where.
#[derive(clap::Args)]
pub struct Copy {
    /// The data folder or the cluster whose log is copied; hubs may be running on it
    #[arg(long, value_name = "DIR|ADDRESS", value_parser = place::parse)]
    from: Place,
    /// The data folder or the cluster (`esdb://…`) whose log is filled; nobody else may write to it meanwhile
    #[arg(long, value_name = "DIR|ADDRESS", value_parser = place::parse)]
    to: Place,
    /// Seal personal values on the way, with the keys of what is filled: for logs from before they were sealed
    #[arg(long)]
    seal: bool,
    /// The configuration file that names the keys, for --seal
    #[arg(long, value_name = "FILE", default_value = DEFAULT_FILE)]
    config: PathBuf,
}

/// Writes an archive.
pub fn export(command: Export) -> Result<(), Failure> {
    let Export {
        to,
        format,
        after,
        folder,
    } = command;
    let lines = to.extension().is_some_and(|ending| ending == "jsonl");
    let format = match format {
        Some(ArchiveFormat::Jsonl) => Format::JsonLines,
        None if lines => Format::JsonLines,
        Some(ArchiveFormat::Segments) | None => Format::Segments,
    };
    runtime()?.block_on(async {
        let log = folder.place()?.open_to_read().await?;
        let bar = bar::of(log.log().head().0, "exporting", "events");
        let done = rapport_event_log::transfer::export(
            log.log(),
            log.positions(),
            &to,
            format,
            after.map(Position),
            &mut |_, reached| bar.set_position(reached.0),
        )
        .await
        .map_err(Failure::new)?;
        bar.finish_and_clear();
        let extent = done.extent;
        let place = |place: Option<rapport_event_log::transfer::Place>| {
            place.map_or("nothing".to_owned(), |place| place.position.to_string())
        };
        say(format_args!(
            "{}: {} events, positions {} to {}; {} of them are new",
            to.display(),
            extent.events,
            place(extent.first),
            place(extent.last),
            done.added
        ));
        Ok(())
    })
}

/// Fills a log from an archive.
pub fn import(command: Import) -> Result<(), Failure> {
    let Import { from, seal, folder } = command;
    let keys = seal.then(|| folder.keys_config()).transpose()?;
    let mut archive = Archive::open(&from).map_err(Failure::new)?;
    let events = archive.events();
    runtime()?.block_on(async {
        let to = folder.place()?;
        let log = to.open_to_fill().await?;
        let from = from.display().to_string();
        match keys {
            None => fill(&mut archive, events, &log, &from, &to).await?,
            Some(keys) => {
                let mut sealing = Sealing::new(&mut archive, to.keys(&keys)?);
                fill(&mut sealing, events, &log, &from, &to).await?;
            }
        }
        log.close().await;
        Ok(())
    })
}

/// Fills a log from another one.
pub fn copy(command: Copy) -> Result<(), Failure> {
    let Copy {
        from,
        to,
        seal,
        config,
    } = command;
    let keys = seal.then(|| keys_of(&config)).transpose()?;
    runtime()?.block_on(async {
        // Reading first: a wrong name must not leave an empty log behind.
        let source = from.open_to_read().await?;
        let log = to.open_to_fill().await?;
        let mut reading = LogSource::new(source.log());
        // Where positions only order events, nobody knows how many there are.
        let events = match source.positions() {
            Positions::Dense => reading.until().0,
            Positions::Opaque => 0,
        };
        let from = from.to_string();
        match keys {
            None => fill(&mut reading, events, &log, &from, &to).await?,
            Some(keys) => {
                let mut sealing = Sealing::new(&mut reading, to.keys(&keys)?);
                fill(&mut sealing, events, &log, &from, &to).await?;
            }
        }
        log.close().await;
        Ok(())
    })
}

async fn fill(
    source: &mut dyn Source,
    events: u64,
    log: &Opened,
    from: &str,
    to: &Place,
) -> Result<(), Failure> {
    let bar = bar::of(events, "filling", "events");
    let delivered = deliver(source, &log.target(), &mut |done| {
        bar.set_position(done);
    })
    .await
    .map_err(Failure::new)?;
    bar.set_message("comparing");
    check(log.log(), &delivered, &mut |done| {
        bar.set_position(done);
    })
    .await
    .map_err(Failure::new)?;
    bar.finish_and_clear();
    tell(&delivered, from, to);
    Ok(())
}

fn tell(delivered: &Delivered, from: &str, to: &Place) {
    let Delivered {
        found,
        appended,
        more,
        contents,
        ..
    } = delivered;
    say(format_args!(
        "{from} -> {to}: {appended} events appended, {found} were there before"
    ));
    say(format_args!(
        "compared: both hold {} events of {} streams with the same last revisions, SHA-256 {}",
        contents.events,
        contents.streams.len(),
        contents.sha256
    ));
    if *more {
        say(format_args!(
            "{to} goes on after that: events of its own were left alone"
        ));
    }
    say(format_args!(
        "positions may differ: the first hub that starts on {to} builds its read models anew from the log"
    ));
}
