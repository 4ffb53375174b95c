//! The Python client of KurrentDB, written by others, accepts the double as a server.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::program::Program;

/// Where `scripts/install-peers kurrentdb-python` puts the client.
fn python() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/peers/kurrentdb-python/bin/python")
}

#[test]
fn a_foreign_client_appends_reads_conflicts_subscribes_and_deletes() {
    let python = python();
    assert!(
        python.is_file(),
        "the Python client is missing: scripts/install-peers kurrentdb-python"
    );
    let program = Program::start(&[]);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("foreign/check.py");
    let checked = Command::new(python)
        .arg(script)
        .arg(&program.connection_string)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&checked.stdout);
    assert!(
        checked.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&checked.stderr)
    );
    assert!(said.contains("11 of 11 passed"), "{said}");
}
