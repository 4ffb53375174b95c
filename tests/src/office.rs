//! A department's system: a foreign HTTP server that checks signatures with the package `standardwebhooks`.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::process::Process;
use crate::{ports, wait};

/// What both sides of a test know.
pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("browser/office.mjs")
}

/// A running system of a department.
#[derive(Debug)]
pub struct Office {
    process: Process,
    port: u16,
}

impl Office {
    /// Starts it and waits until it listens. It takes everything.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start(folder: &Path) -> Self {
        let port = ports::udp();
        let mut command = Command::new("node");
        command
            .arg(script())
            .args(["serve", SECRET, &port.to_string()]);
        let mut office = Self {
            process: Process::start("office", &mut command, folder),
            port,
        };
        wait::until("the department's system listens", || {
            let listens = office.process.output().contains("\"port\"");
            assert!(
                listens || office.process.ended().is_none(),
                "it ended: {}",
                office.process.errors()
            );
            async move { listens.then_some(()) }
        })
        .await;
        office
    }

    /// Where it is told things.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/rapport", self.port)
    }

    /// What it answers next, one after the other; then it takes everything again.
    ///
    /// # Panics
    /// When it does not listen.
    pub async fn answers(&self, answers: Value) {
        let url = format!("http://127.0.0.1:{}/answers", self.port);
        let told = reqwest::Client::new().post(url).json(&answers).send();
        let told = told.await.expect("the department's system");
        assert_eq!(told.status(), 204);
    }

    /// Every request so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Value> {
        let output = self.process.output();
        let whole = output.rfind('\n').map_or("", |end| &output[..end]);
        let lines = whole
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        lines
            .filter(|line: &Value| line.get("id").is_some())
            .collect()
    }

    /// Waits until so many requests have come, and answers with them.
    ///
    /// # Panics
    /// When they do not come.
    pub async fn has_heard(&self, count: usize) -> Vec<Value> {
        wait::until(&format!("{count} requests to the department"), || async {
            let requests = self.requests();
            (requests.len() >= count).then_some(requests)
        })
        .await
    }
}

/// The signature that the foreign package makes.
///
/// # Panics
/// When it makes none.
#[must_use]
pub fn signed_by_the_package(id: &str, seconds: u64, body: &str) -> String {
    let mut child = Command::new("node")
        .arg(script())
        .args(["sign", SECRET, id, &seconds.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node");
    let mut stdin = child.stdin.take().expect("its input");
    stdin.write_all(body.as_bytes()).expect("its input");
    drop(stdin);
    let output = child.wait_with_output().expect("its output");
    assert!(output.status.success());
    String::from_utf8(output.stdout).expect("a signature")
}
