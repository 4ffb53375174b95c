//! Documents are there, and their links lead somewhere.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use crate::tree::{files, nothing, read, root};

#[test]
fn the_promised_documents_are_there() {
    let promised = [
        "README.md",
        "LICENSE",
        "Makefile",
        "compose.yaml",
        "rapport.example.toml",
        "clippy.toml",
        ".ci/run",
        "docs/ARCHITECTURE.md",
        "docs/GLOSSARY.md",
        "docs/EVENTS.md",
        "docs/API.md",
        "docs/CONFIGURATION.md",
        "docs/OPERATIONS.md",
        "docs/PERFORMANCE.md",
    ];
    let missing: Vec<String> = promised
        .iter()
        .filter(|file| !root().join(file).is_file())
        .map(ToString::to_string)
        .collect();
    nothing("missing", &missing);
    let decisions = files(&[".md"])
        .into_iter()
        .filter(|file| file.starts_with("docs/adr/"))
        .count();
    assert!(decisions > 0, "no decision is written down in docs/adr");
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut findings = Vec::new();
    for file in files(&[".md"]) {
        let text = read(&file);
        for link in links(&text) {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            if path.contains(':') {
                continue; // an address elsewhere
            }
            let target = if path.is_empty() {
                root().join(&file)
            } else {
                root().join(
                    Path::new(&file)
                        .parent()
                        .unwrap_or(Path::new(""))
                        .join(path),
                )
            };
            if !target.exists() {
                findings.push(format!("{file}: {link}"));
            } else if !anchor.is_empty() && target.extension().is_some_and(|ending| ending == "md")
            {
                let there = std::fs::read_to_string(&target).unwrap_or_default();
                if !headings(&there).iter().any(|heading| heading == anchor) {
                    findings.push(format!("{file}: {link} (no such heading)"));
                }
            }
        }
    }
    nothing("links into nothing", &findings);
}

/// Targets of `[text](target)`, outside of code.
fn links(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        for (place, part) in line.split('`').enumerate() {
            if place % 2 == 1 {
                continue; // code
            }
            for (at, _) in part.match_indices("](") {
                let rest = &part[at + 2..];
                found.push(rest.split([')', ' ']).next().unwrap_or_default());
            }
        }
    }
    found
}

/// The anchors of the headings.
fn headings(text: &str) -> Vec<String> {
    let titles = text
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| line.trim_start_matches('#').trim().to_lowercase());
    let kept = |c: char| c.is_alphanumeric() || c == ' ' || c == '-' || c == '_';
    titles
        .map(|title| {
            title
                .chars()
                .filter(|c| kept(*c))
                .collect::<String>()
                .replace(' ', "-")
        })
        .collect()
}

#[test]
fn every_commit_check_is_the_one_of_a_laptop() {
    assert!(read(".ci/run").contains("make test"));
}

#[test]
fn the_composition_is_valid() {
    // Past the capture of output: a check that was not made has to be seen.
    let skip = |why: &str| {
        drop(writeln!(
            std::io::stderr(),
            "skipped: check of compose.yaml: {why}"
        ))
    };
    let has_plugin = |program: &str| {
        Command::new("docker")
            .args(["compose", "version"])
            .output()
            .map(|out| (program.to_owned(), out))
    };
    match has_plugin("docker") {
        Err(error) => return skip(&format!("docker cannot be run ({error})")),
        Ok((_, out)) if !out.status.success() => return skip("docker has no plugin compose"),
        Ok(_) => {}
    }
    let checked = Command::new("docker")
        .args(["compose", "-f", "compose.yaml", "config", "-q"])
        .current_dir(root())
        .output()
        .expect("docker");
    assert!(
        checked.status.success(),
        "{}",
        String::from_utf8_lossy(&checked.stderr)
    );
}
