//! The Python client of KurrentDB, written by others, accepts the double as a server.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::program::Program;

/// The checks, to be run by the client that `scripts/install-peers kurrentdb-python` installs.
fn checks(connection_string: &str) -> Command {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = here.join("../../target/peers/kurrentdb-python/bin/python");
    assert!(
        python.is_file(),
        "the Python client is missing: scripts/install-peers kurrentdb-python"
    );
    let mut command = Command::new(python);
    command
        .arg(here.join("foreign/check.py"))
        .arg(connection_string);
    command
}

fn passes(connection_string: &str) {
    let checked = checks(connection_string).output().unwrap();
    let said = String::from_utf8_lossy(&checked.stdout);
    assert!(
        checked.status.success() && said.contains("11 of 11 passed"),
        "{said}{}",
        String::from_utf8_lossy(&checked.stderr)
    );
}

#[test]
fn a_foreign_client_appends_reads_conflicts_subscribes_and_deletes() {
    passes(&Program::start(&[]).connection_string);
}

#[test]
fn a_foreign_client_finds_the_leader_by_gossip() {
    let mut program = Program::start(&["--nodes", "3"]);
    assert_eq!(program.command("lead 2")["ok"], true);
    passes(&program.connection_string);
}

#[test]
fn a_foreign_client_trusts_the_certificate_and_brings_its_credentials() {
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("authority.pem");
    let authority = authority.to_str().unwrap();
    let program = Program::start(&["--tls", authority, "--credentials", "hub:s3cret"]);
    passes(&format!(
        "{}&tlsCaFile={authority}",
        program.connection_string
    ));
}

#[test]
fn a_foreign_client_sees_a_subscription_end_without_an_error() {
    let mut program = Program::start(&[]);
    let mut client = checks(&program.connection_string)
        .arg("subscribe")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(client.stdout.take().unwrap()).lines();
    assert_eq!(said.next().unwrap().unwrap(), "subscribed");
    assert_eq!(program.command("end-subscriptions")["ok"], true);
    assert_eq!(said.next().unwrap().unwrap(), "ended");
    assert!(client.wait().unwrap().success());
    assert_eq!(program.command("seen")["open_subscriptions"], 0);
}
