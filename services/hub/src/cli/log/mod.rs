//! `rapport log`.

mod moving;
mod tail;
mod verify;

pub use verify::whole as verify_whole;

use clap::Subcommand;

use super::Failure;

/// What can be done with the log.
#[derive(Subcommand)]
pub enum LogCommand {
    /// Print events, the oldest first
    Tail(tail::Tail),
    /// Write the log into an archive; run again, it goes on where it stopped
    Export(moving::Export),
    /// Fill an empty log from an archive; run again, it goes on where it stopped
    Import(moving::Import),
    /// Fill an empty log from another one, with the same ids and revisions; run again, it goes on where it stopped
    Copy(moving::Copy),
    /// Look at every event and say what is wrong with the log, if anything
    Verify(verify::Verify),
}

/// Runs one of them.
pub fn run(command: LogCommand) -> Result<(), Failure> {
    match command {
        LogCommand::Tail(command) => tail::run(command),
        LogCommand::Export(command) => moving::export(command),
        LogCommand::Import(command) => moving::import(command),
        LogCommand::Copy(command) => moving::copy(command),
        LogCommand::Verify(command) => verify::run(command),
    }
}
