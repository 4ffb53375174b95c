//! `rapport backup` and `rapport restore`.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rapport_domain::time::Timestamp;
use rapport_event_log::EmbeddedLog;
use rapport_event_log::transfer::Kept;

use super::place::Place;
use super::{DataFolder, Failure, bar, log, runtime, say};

/// The name of the log's file in a data folder and in a backup.
const LOG: &str = "log.db";

/// Where a backup goes.
#[derive(clap::Args)]
pub struct Backup {
    /// A new or empty folder
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    #[command(flatten)]
    folder: DataFolder,
}

/// Which backup goes where.
#[derive(clap::Args)]
pub struct Restore {
    /// The folder that `rapport backup` filled
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// The data folder to make: it must not exist, or be empty
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
}

/// Copies log and read models.
pub fn backup(command: Backup) -> Result<(), Failure> {
    let Backup { to, folder } = command;
    let data = folder.resolve();
    // Before anything is made: a wrong name must leave nothing behind.
    drop(EmbeddedLog::open_read_only(&data).map_err(Failure::new)?);
    Kept::begin(&to).map_err(Failure::new)?;
    // Models first: what is copied of the log afterwards goes at least as far as each of them.
    let models = rapport_read_model::backup(&data, &to).map_err(Failure::new)?;
    let bar = bar::of(0, "copying the log", "events");
    let copied = EmbeddedLog::backup(&data, &to, &mut |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    })
    .map_err(Failure::new)?;
    bar.set_message("syncing and hashing");
    let kept = Kept::complete(&to, now()).map_err(Failure::new)?;
    bar.finish_and_clear();
    say(format_args!(
        "{}: the log up to position {} and {models} read models, {} files, {} bytes",
        to.display(),
        copied.position,
        kept.files(),
        kept.bytes()
    ));
    if let Some(mark) = copied.mark {
        say(format_args!("hash of the log's head: {mark}"));
    }
    Ok(())
}

/// Makes a data folder.
pub fn restore(command: Restore) -> Result<(), Failure> {
    let Restore { from, to } = command;
    let kept = Kept::open(&from).map_err(Failure::new)?;
    let bar = bar::of(kept.bytes(), "restoring", "bytes");
    kept.restore(&from, &to, Path::new(LOG), &mut |done| {
        bar.set_position(done);
    })
    .map_err(Failure::new)?;
    bar.finish_and_clear();
    say(format_args!(
        "{}: {} files of the backup of {}, {} bytes",
        to.display(),
        kept.files(),
        kept.made_at,
        kept.bytes()
    ));
    runtime()?.block_on(log::verify_whole(&Place::Folder(to), false, &[]))
}

fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
