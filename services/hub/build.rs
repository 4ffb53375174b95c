//! Fails with one clear line when the pages are not built: the embedding would otherwise embed nothing and say nothing.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web/dist/index.html");
    println!("cargo::rerun-if-changed={}", page.display());
    if page.is_file() {
        ExitCode::SUCCESS
    } else {
        println!("cargo::error=the UI is not built: run `make build`");
        ExitCode::SUCCESS
    }
}
