//! The repository as files.

use std::path::{Path, PathBuf};

/// Folders that are built or fetched, never written by us.
const FOREIGN: [&str; 5] = ["target", "node_modules", "dist", ".git", "rapport-data"];

/// The folder of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("a workspace")
        .to_owned()
}

/// Every file of ours whose name ends so, by its path from the root.
pub fn files(endings: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    walk(&root(), &mut found);
    let root = root();
    let mut names: Vec<String> = found
        .iter()
        .filter_map(|path| path.strip_prefix(&root).ok()?.to_str().map(str::to_owned))
        .filter(|name| endings.is_empty() || endings.iter().any(|ending| name.ends_with(ending)))
        .collect();
    names.sort_unstable();
    assert!(
        !names.is_empty(),
        "no files {endings:?}: is this the repository?"
    );
    names
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() {
            if !FOREIGN.iter().any(|foreign| name == *foreign) {
                walk(&path, found);
            }
        } else {
            found.push(path);
        }
    }
}

/// The text of a file.
pub fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Fails with all findings at once.
pub fn nothing(rule: &str, findings: &[String]) {
    assert!(findings.is_empty(), "{rule}:\n  {}", findings.join("\n  "));
}
