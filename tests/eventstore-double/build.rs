//! Makes the server's side of the protocol from the protocol files that the published client carries, so that the double
//! and the client can never speak of different messages and nothing is copied into this repository.

use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The published client.
const CLIENT: &str = "kurrentdb";
/// What the double serves; the files they import are found beside them.
const FILES: [&str; 3] = ["streams.proto", "gossip.proto", "serverfeatures.proto"];

fn main() -> Result<(), Box<dyn Error>> {
    let manifest = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("Cargo.toml");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=Cargo.toml");
    println!("cargo:rerun-if-changed=../../Cargo.lock");
    let protocol = client(&manifest)?.join("protos");
    let files = protox::compile(FILES, [&protocol])?;
    tonic_build::configure()
        .bytes(["."])
        .build_client(false)
        .extern_path(".event_store.client.Empty", "()")
        .include_file("protocol.rs")
        .compile_fds(files)?;
    Ok(())
}

/// The folder of the client's sources, by the lock file of the workspace: whatever registry, vendor folder or patch they
/// come from.
fn client(manifest: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let found = Command::new(env::var("CARGO")?)
        .args(["metadata", "--format-version=1", "--locked"])
        .args(["--filter-platform", &env::var("TARGET")?])
        .arg("--manifest-path")
        .arg(manifest)
        .output()?;
    if !found.status.success() {
        return Err(String::from_utf8_lossy(&found.stderr).into());
    }
    let graph: serde_json::Value = serde_json::from_slice(&found.stdout)?;
    let manifest = graph["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|package| package["name"] == CLIENT)
        .and_then(|package| package["manifest_path"].as_str())
        .and_then(|manifest| Path::new(manifest).parent());
    Ok(manifest
        .ok_or(format!("{CLIENT} is in no dependency"))?
        .to_owned())
}
