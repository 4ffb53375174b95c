//! The program `rapport` as a process: started, asked, stopped and killed as its users do it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::api::Api;
use crate::log::Log;
use crate::process::Process;
use crate::setup::Setup;
use crate::wait;

/// A debug build on a busy machine hashes passwords slowly.
const START_WITHIN: Duration = Duration::from_secs(60);
/// Counters are asked for when a test has failed already.
const METRICS_WITHIN: Duration = Duration::from_secs(3);
/// The configuration file, in the folder of a hub.
const CONFIG: &str = "rapport.toml";
/// The program drains for ten seconds at most.
const STOP_WITHIN: Duration = Duration::from_secs(30);

/// The program under test: `RAPPORT_BIN`, or the one built beside this test.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn program() -> PathBuf {
    let beside = || {
        let test = std::env::current_exe().ok()?;
        Some(test.parent()?.parent()?.join("rapport"))
    };
    let program = std::env::var_os("RAPPORT_BIN")
        .map(PathBuf::from)
        .or_else(beside)
        .expect("a path");
    assert!(
        program.is_file(),
        "there is no {}; `cargo build --workspace --all-targets` makes it",
        program.display()
    );
    program
}

/// Runs the program to its end.
///
/// # Panics
/// When it does not end in time.
pub async fn run(arguments: &[&str], folder: &Path) -> (ExitStatus, String, String) {
    let mut command = Command::new(program());
    let mut process = Process::start(
        &format!("rapport-{}", arguments[0]),
        command.args(arguments),
        folder,
    );
    let status = process.end(START_WITHIN).await;
    (status, process.output(), process.errors())
}

/// Where a hub listens.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    /// HTTP.
    pub http: SocketAddr,
    /// Chat.
    pub chat: SocketAddr,
    /// SIP; the HTTP address without telephony.
    pub sip: SocketAddr,
}

/// A hub with a data folder of its own. Dropping it kills the process and removes the folder.
#[derive(Debug)]
pub struct Hub {
    process: Process,
    folder: TempDir,
    addresses: Addresses,
    starts: u32,
}

impl Hub {
    /// Starts a hub with an empty log and waits until it is ready.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start(setup: &Setup) -> Self {
        Self::start_in(tempfile::tempdir().expect("a folder"), setup).await
    }

    /// Starts a hub in a folder of which `data` may be filled already, and waits until it is ready.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start_in(folder: TempDir, setup: &Setup) -> Self {
        configure(folder.path(), setup);
        let (process, addresses) = launch(folder.path(), 1).await;
        Self {
            process,
            folder,
            addresses,
            starts: 1,
        }
    }

    /// Where it listens, at present.
    #[must_use]
    pub const fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// A folder for whatever a test writes.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The data folder.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        data(self.folder.path())
    }

    /// Somebody new at the HTTP interface.
    #[must_use]
    pub fn api(&self) -> Api {
        Api::new(self.addresses.http)
    }

    /// The log as it is and as it grows.
    #[must_use]
    pub fn log(&self) -> Log {
        Log::follow(&self.data(), self.folder.path())
    }

    /// The log of the cluster it takes part in, as it is and as it grows; what is said about it goes to a folder.
    #[must_use]
    pub fn shared_log(&self, folder: &Path) -> Log {
        Log::of_file(&self.folder.path().join(CONFIG), folder)
    }

    /// What it has counted under this name since its start; 0 when it knows no such counter.
    ///
    /// # Panics
    /// When it does not answer.
    #[must_use]
    pub fn counted(&self, name: &str) -> u64 {
        let counters = metrics(self.addresses.http).expect("counters");
        let mut values = counters
            .lines()
            .filter_map(|line| line.split_once(' '))
            .filter(|(known, _)| *known == name);
        values
            .next()
            .and_then(|(_, value)| value.trim().parse().ok())
            .unwrap_or_default()
    }

    /// Stops its processor time, as a machine does that hangs. It goes on with [`Hub::resume`].
    pub fn pause(&mut self) {
        self.process.signal("STOP");
    }

    /// Goes on after [`Hub::pause`].
    pub fn resume(&mut self) {
        self.process.signal("CONT");
    }

    /// Kills it, as a power cut would.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again on the same data, perhaps at other ports.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start_again(&mut self) {
        self.process.kill();
        self.starts += 1;
        let (process, addresses) = launch(self.folder.path(), self.starts).await;
        (self.process, self.addresses) = (process, addresses);
    }

    /// Asks it to stop and waits for its end.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn stop(&mut self) -> ExitStatus {
        self.process.signal("TERM");
        self.process.end(STOP_WITHIN).await
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.process.ended().is_none()
    }

    /// What it wrote to its log lines.
    #[must_use]
    pub fn lines(&self) -> String {
        self.process.errors()
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        if std::thread::panicking() && self.is_running() {
            let counters = metrics(self.addresses.http).unwrap_or_else(|error| error.to_string());
            let counted = counters
                .lines()
                .filter(|line| !line.starts_with('#') && !line.ends_with(" 0"));
            eprintln!("--- what the hub counted:");
            counted.for_each(|line| eprintln!("{line}"));
        }
    }
}

/// `GET /metrics`, where nothing can be awaited.
fn metrics(http: SocketAddr) -> std::io::Result<String> {
    let mut socket = TcpStream::connect_timeout(&http, METRICS_WITHIN)?;
    socket.set_read_timeout(Some(METRICS_WITHIN))?;
    write!(
        socket,
        "GET /metrics HTTP/1.1\r\nHost: {http}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Writes the configuration of a hub into a folder.
///
/// # Panics
/// When the folder cannot be written to.
pub fn configure(folder: &Path, setup: &Setup) {
    let data = data(folder);
    std::fs::write(folder.join(CONFIG), setup.file(&data.display().to_string())).expect("a file");
}

fn data(folder: &Path) -> PathBuf {
    folder.join("data")
}

async fn launch(folder: &Path, start: u32) -> (Process, Addresses) {
    let mut command = Command::new(program());
    command
        .arg("serve")
        .arg("--json")
        .arg("--config")
        .arg(folder.join(CONFIG));
    let mut process = Process::start(&format!("hub-{start}"), &mut command, folder);
    let began = std::time::Instant::now();
    loop {
        let output = process.output();
        if let Some(ready) = output
            .lines()
            .find_map(|line| serde_json::from_str::<Value>(line).ok())
        {
            let address = |name: &str| ready[name].as_str().and_then(|text| text.parse().ok());
            let http = address("http").expect("an HTTP address");
            let chat = address("chat").expect("a chat address");
            return (
                process,
                Addresses {
                    http,
                    chat,
                    sip: address("sip").unwrap_or(http),
                },
            );
        }
        assert!(
            process.ended().is_none(),
            "the hub ended before it was ready"
        );
        assert!(
            began.elapsed() < START_WITHIN,
            "the hub was not ready after {START_WITHIN:?}"
        );
        tokio::time::sleep(wait::GLANCE).await;
    }
}
