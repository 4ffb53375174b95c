//! What was ever written can be read for ever. `domain/tests/golden` holds an example of every version of every event,
//! and of every form a version has had: `NAME.vN.json` is the first, `NAME.vN+1.json` the one after a field was added.
//! `MANIFEST` holds their hashes (as `sha256sum -c` reads them). `UPDATE=1` adds files and lines; it changes and removes
//! none.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Once;

use rapport_domain::event::Category;
use rapport_domain::registry::{self, AnyFact};
use sha2::{Digest, Sha256};

use crate::update;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// Every golden file with its text; with `UPDATE=1` also what is written anew by now.
fn files() -> BTreeMap<String, String> {
    static UPDATED: Once = Once::new();
    if update() {
        UPDATED.call_once(|| {
            let known = stored();
            for (file, text) in registry::examples()
                .iter()
                .filter_map(|fact| new_form(&known, fact))
            {
                fs::write(folder().join(file), text).unwrap();
            }
        });
    }
    stored()
}

fn stored() -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| entry.file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".json"))
        .map(|name| {
            let text = fs::read_to_string(folder().join(&name)).unwrap();
            (name, text)
        })
        .collect()
}

/// `interaction.started.v1+2.json` is the third form of version 1 of `interaction.started`.
fn parts(name: &str) -> (&str, u16, u16) {
    let (kind, rest) = name
        .strip_suffix(".json")
        .and_then(|stem| stem.rsplit_once(".v"))
        .unwrap_or_else(|| panic!("{name} is not called type.vN.json"));
    let (version, form) = rest.split_once('+').unwrap_or((rest, "0"));
    (kind, version.parse().unwrap(), form.parse().unwrap())
}

/// The data of an example as a golden file holds it.
fn pretty(fact: &AnyFact) -> String {
    let data: serde_json::Value = serde_json::from_slice(&fact.encode().unwrap().data).unwrap();
    serde_json::to_string_pretty(&data).unwrap() + "\n"
}

fn hash(text: &str) -> String {
    let bytes = Sha256::digest(text.as_bytes());
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The forms of a version that there are, the newest first.
fn forms(files: &BTreeMap<String, String>, kind: &str, version: u16) -> Vec<(u16, String)> {
    let mut forms: Vec<(u16, String)> = files
        .iter()
        .filter(|(name, _)| {
            let (of, at, _) = parts(name);
            (of, at) == (kind, version)
        })
        .map(|(name, text)| (parts(name).2, text.clone()))
        .collect();
    forms.sort_by(|one, other| other.cmp(one));
    forms
}

/// The file that is missing for a fact that is written otherwise than in the newest of its golden files.
fn new_form(files: &BTreeMap<String, String>, fact: &AnyFact) -> Option<(String, String)> {
    let encoded = fact.encode().unwrap();
    let name = fact.event_type().name;
    let text = pretty(fact);
    match forms(files, &encoded.kind, encoded.version).first() {
        Some((_, newest)) if *newest == text => None,
        Some((form, _)) => Some((format!("{name}+{}.json", form + 1), text)),
        None => Some((format!("{name}.json"), text)),
    }
}

#[test]
fn every_event_is_written_as_in_the_newest_of_its_golden_files() {
    let files = files();
    for fact in registry::examples() {
        if let Some((file, text)) = new_form(&files, &fact) {
            panic!(
                "{} is stored otherwise than in its golden file. When it is new, or a field with a default was added, \
                 UPDATE=1 writes {file}; anything else is a new version with an upcaster. It is now {text}",
                fact.event_type().name
            );
        }
    }
}

#[test]
fn every_version_ever_written_can_still_be_read() {
    let mut read = 0;
    for (name, text) in files() {
        let (kind, version, _) = parts(&name);
        let category = Category::ALL
            .into_iter()
            .find(|category| kind.split('.').next() == Some(category.name()))
            .unwrap_or_else(|| panic!("{name} is of no category"));
        assert!(registry::is_known(category, kind, version), "{name}");
        let fact = AnyFact::read(category, kind, version, text.as_bytes())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(fact.category(), category);
        let (to_kind, to_version) =
            rapport_domain::upcast::target(registry::upcasters(category), kind, version).unwrap();
        assert_eq!(
            fact.event_type().name,
            format!("{to_kind}.v{to_version}"),
            "{name} is read as another fact"
        );
        read += 1;
    }
    assert!(
        update() || read >= registry::examples().len(),
        "{read} golden files"
    );
}

#[test]
fn no_golden_file_was_changed_or_removed() {
    let path = folder().join("MANIFEST");
    let manifest = fs::read_to_string(&path).unwrap_or_default();
    let mut listed: BTreeMap<String, String> = manifest
        .lines()
        .map(|line| line.split_once("  ").unwrap())
        .map(|(hash, name)| (name.to_owned(), hash.to_owned()))
        .collect();
    let files = files();
    for (name, sum) in &listed {
        let text = files.get(name).unwrap_or_else(|| {
            panic!("{name} is gone, but there are logs that hold such events: put it back")
        });
        assert_eq!(
            hash(text),
            *sum,
            "{name} was changed, but logs hold the old form: put it back and let UPDATE=1 add a new form"
        );
    }
    if update() {
        for (name, text) in &files {
            listed.entry(name.clone()).or_insert_with(|| hash(text));
        }
        let lines = listed.iter().map(|(name, sum)| format!("{sum}  {name}\n"));
        fs::write(&path, lines.collect::<String>()).unwrap();
    }
    let missing: Vec<&String> = files
        .keys()
        .filter(|name| !listed.contains_key(*name))
        .collect();
    assert!(
        missing.is_empty(),
        "not in the manifest yet, UPDATE=1 adds them: {missing:?}"
    );
}
