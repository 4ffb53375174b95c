//! Commands of the program that run to their end.

use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use uuid::Uuid;

use crate::hub::program;
use crate::process::Process;

/// A debug build reads and searches slowly.
const WITHIN: Duration = Duration::from_secs(120);

/// What a command answered.
#[derive(Debug)]
pub struct Answer {
    /// How it ended.
    pub status: ExitStatus,
    /// Standard output.
    pub output: String,
    /// Standard error.
    pub errors: String,
}

/// Runs the program to its end.
///
/// # Panics
/// When it does not end in time.
pub async fn answer(arguments: &[&str], folder: &Path) -> Answer {
    let mut command = Command::new(program());
    let name = format!("command-{}", Uuid::new_v4());
    let mut process = Process::start(&name, command.args(arguments), folder);
    let answer = Answer {
        status: process.end(WITHIN).await,
        output: process.output(),
        errors: process.errors(),
    };
    let line = arguments.join(" ");
    println!("$ rapport {line}\n{}{}", answer.output, answer.errors);
    answer
}

/// Runs the program, which must be content; answers what it printed.
///
/// # Panics
/// When it is not.
pub async fn succeeds(arguments: &[&str], folder: &Path) -> String {
    let answer = answer(arguments, folder).await;
    assert!(answer.status.success(), "{arguments:?}: {answer:#?}");
    answer.output
}

/// Runs the program, which must refuse with exit code 1; answers everything it said.
///
/// # Panics
/// When it does not.
pub async fn refuses(arguments: &[&str], folder: &Path) -> String {
    let answer = answer(arguments, folder).await;
    assert_eq!(answer.status.code(), Some(1), "{arguments:?}: {answer:#?}");
    answer.output + &answer.errors
}

/// A path as an argument.
///
/// # Panics
/// When it is not UTF-8.
#[must_use]
pub fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}
