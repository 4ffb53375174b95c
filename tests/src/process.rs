//! A foreign program: started with its output in files, ended by its id, and quoted when the test fails.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::wait;

/// How much of an output is quoted.
const QUOTED: usize = 6_000;

/// A running program. Dropping it kills it and waits for its end.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
    status: Option<ExitStatus>,
}

impl Process {
    /// Starts it; its output goes to `NAME.out` and `NAME.err` in `folder`.
    ///
    /// # Panics
    /// When it cannot be started: the message names the program.
    pub fn start(name: &str, command: &mut Command, folder: &Path) -> Self {
        let file = |ending: &str| folder.join(format!("{name}.{ending}"));
        let (stdout, stderr) = (file("out"), file("err"));
        let open = |path: &Path| Stdio::from(File::create(path).expect("an output file"));
        let child = command.stdout(open(&stdout)).stderr(open(&stderr)).spawn();
        let child = child.unwrap_or_else(|error| {
            panic!(
                "cannot start {:?}: {error}; scripts/install-peers installs what the tests need",
                command.get_program()
            )
        });
        Self {
            name: name.to_owned(),
            child,
            stdout,
            stderr,
            status: None,
        }
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has written to standard output so far.
    #[must_use]
    pub fn output(&self) -> String {
        read(&self.stdout)
    }

    /// What it has written to standard error so far.
    #[must_use]
    pub fn errors(&self) -> String {
        read(&self.stderr)
    }

    /// What it reads from; `None` unless the command asked for a pipe, and after the first time.
    pub fn input(&mut self) -> Option<std::process::ChildStdin> {
        self.child.stdin.take()
    }

    /// Whether it has ended, and how.
    ///
    /// # Panics
    /// When the system does not say.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() {
            self.status = self.child.try_wait().expect("the state of a child");
        }
        self.status
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it still runs after `limit`.
    pub async fn end(&mut self, limit: Duration) -> ExitStatus {
        let what = format!("the end of {}", self.name);
        let began = std::time::Instant::now();
        loop {
            if let Some(status) = self.ended() {
                return status;
            }
            assert!(began.elapsed() < limit, "waited {limit:?} in vain: {what}");
            tokio::time::sleep(wait::GLANCE).await;
        }
    }

    /// Sends it a signal, such as `TERM`.
    ///
    /// # Panics
    /// When there is no program `kill`.
    pub fn signal(&mut self, signal: &str) {
        if self.ended().is_none() {
            let sent = Command::new("kill")
                .arg(format!("-{signal}"))
                .arg(self.id().to_string())
                .status();
            sent.expect("the program kill");
        }
    }

    /// Kills it at once, as a power cut would.
    ///
    /// # Panics
    /// When the system does not let us.
    pub fn kill(&mut self) {
        if self.ended().is_none() {
            self.child.kill().expect("the right to kill our own child");
            self.status = Some(self.child.wait().expect("the end of a killed child"));
        }
    }

    /// The ends of both outputs, for a message.
    #[must_use]
    pub fn quote(&self) -> String {
        format!(
            "--- {} wrote:\n{}--- and as errors:\n{}",
            self.name,
            tail(&self.output()),
            tail(&self.errors())
        )
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.quote());
        }
        if self.ended().is_none() {
            // It may have ended in between; then there is nothing left to do.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned()
}

fn tail(text: &str) -> String {
    let from = text.len().saturating_sub(QUOTED);
    let from = (from..text.len())
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(text.len());
    let mut end = text[from..].to_owned();
    if !end.is_empty() && !end.ends_with('\n') {
        end.push('\n');
    }
    end
}
