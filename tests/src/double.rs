//! The pretended EventStoreDB/KurrentDB as a process beside the program.

use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};

use serde_json::Value;

use crate::hub::program;
use crate::process::Process;
use crate::wait;

/// A cluster in memory. Dropping it ends the process.
#[derive(Debug)]
pub struct Double {
    address: String,
    // In this order: it ends when its input does.
    _input: Option<ChildStdin>,
    _process: Process,
}

impl Double {
    /// Starts a cluster of so many nodes and waits until it listens.
    ///
    /// # Panics
    /// When the program `eventstore-double` is not beside the one under test, or does not start.
    pub async fn start(nodes: usize, folder: &Path) -> Self {
        let file = program().with_file_name("eventstore-double");
        assert!(
            file.is_file(),
            "there is no {}; `cargo build --workspace --all-targets` makes it",
            file.display()
        );
        let mut command = Command::new(file);
        command
            .args(["--nodes", &nodes.to_string()])
            .stdin(Stdio::piped());
        let mut process = Process::start("eventstore-double", &mut command, folder);
        let input = process.input();
        let address = wait::until("the double to listen", || async {
            let line: Value = serde_json::from_str(process.output().lines().next()?).ok()?;
            Some(line["connection_string"].as_str()?.to_owned())
        })
        .await;
        Self {
            address,
            _input: input,
            _process: process,
        }
    }

    /// Its connection string.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }
}
