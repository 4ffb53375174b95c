//! The repository on disk: documents and sources.

use std::fs;
use std::path::{Path, PathBuf};

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the crate lies in the repository")
        .to_owned()
}

pub fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every file below a folder whose name ends so, without what is built or installed.
pub fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = vec![];
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries =
            fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for entry in entries {
            let path = entry.expect("a readable entry").path();
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default()
                .to_owned();
            if path.is_dir() && !["node_modules", "dist", "target"].contains(&name.as_str()) {
                folders.push(path);
            } else if name.ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The documents that are checked word by word.
pub fn checked() -> Vec<PathBuf> {
    let docs = root().join("docs");
    let mut all: Vec<PathBuf> = ["ARCHITECTURE.md", "GLOSSARY.md", "PERFORMANCE.md"]
        .map(|name| docs.join(name))
        .into();
    all.extend(files(&docs.join("adr"), ".md"));
    all
}

/// Sources of the program, without tests, examples and the simulated people, up to where their tests begin.
pub fn program() -> Vec<(String, String)> {
    let root = root();
    let all = ["domain", "adapters", "services"]
        .iter()
        .flat_map(|folder| files(&root.join(folder), ".rs"));
    all.filter_map(|path| {
        let shown = path.strip_prefix(&root).ok()?.display().to_string();
        let own = shown.contains("/src/")
            && !shown.contains("test")
            && !["/phone/", "/demo/"]
                .iter()
                .any(|peers| shown.contains(peers));
        let source = read(&path);
        let code = source
            .split("#[cfg(test)]\nmod ")
            .next()
            .unwrap_or_default()
            .to_owned();
        own.then_some((shown, code))
    })
    .collect()
}
