//! Keeps the documents true: what ARCHITECTURE, GLOSSARY, PERFORMANCE and the ADRs name must exist in the sources, with
//! the value they give; queues, threads, events and words of the screen must be the ones there are.
//!
//! Notation: a path in backticks, a middle dot, then names in backticks, separated by commas, each perhaps followed by
//! ` = value`. A name is a function, type, constant, field or variant that the file defines; `Type::name` and
//! `Class.name` also ask for the type. A token such as `interaction.queued` is a type of event.

use std::collections::BTreeSet;
use std::fs;

#[path = "docs/notation.rs"]
mod notation;
#[path = "docs/source.rs"]
mod source;
#[path = "docs/tree.rs"]
mod tree;

use notation::{ENDINGS, is_path, names, prose, section, tokens, tokens_of};
use source::{defines, value, without_imports};
use std::path::PathBuf;
use tree::{checked, files, program, read, root};

#[test]
fn every_name_in_the_documents_is_defined_where_they_say_with_the_value_they_give() {
    let root = root();
    let sources: Vec<(PathBuf, String)> = ["domain", "adapters", "services"]
        .iter()
        .flat_map(|folder| {
            [".rs", ".ts"]
                .map(|ending| files(&root.join(folder), ending))
                .concat()
        })
        .map(|path| (path.clone(), without_imports(&read(&path))))
        .collect();
    let (mut wrong, mut looked_at, mut values) = (vec![], 0, 0);
    for document in checked() {
        let text = read(&document);
        let shown = document
            .strip_prefix(&root)
            .unwrap_or(&document)
            .display()
            .to_string();
        for named in names(&prose(&text)) {
            looked_at += 1;
            let path = root.join(&named.file);
            let Ok(source) = fs::read_to_string(&path).map(|source| without_imports(&source))
            else {
                continue;
            }; // told by the test below
            if !defines(&source, &named.name) {
                let elsewhere = sources
                    .iter()
                    .filter(|(_, source)| defines(source, &named.name));
                let elsewhere: Vec<String> = elsewhere
                    .filter_map(|(path, _)| {
                        Some(path.strip_prefix(&root).ok()?.display().to_string())
                    })
                    .take(4)
                    .collect();
                wrong.push(format!(
                    "{shown}: {} does not define `{}`; found in {elsewhere:?}",
                    named.file, named.name
                ));
            } else if let Some(told) = &named.value {
                values += 1;
                let found = value(&source, &named.name);
                if found.as_ref() != Some(&told.replace(',', "")) {
                    wrong.push(format!(
                        "{shown}: {} · {} is {found:?}, not {told}",
                        named.file, named.name
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(
        looked_at > 250 && values > 40,
        "the notation is not read any more: {looked_at} names, {values} values"
    );
}

#[test]
fn every_path_in_the_documents_exists() {
    let root = root();
    let mut missing = vec![];
    for document in checked() {
        let text = prose(&read(&document));
        let paths: BTreeSet<&str> = tokens(&text)
            .into_iter()
            .filter(|token| is_path(token))
            .collect();
        missing.extend(
            paths
                .into_iter()
                .filter(|path| !root.join(path).exists())
                .map(|path| format!("{}: {path}", document.display())),
        );
    }
    assert!(missing.is_empty(), "\n{}", missing.join("\n"));
}

/// The categories of the log by name, read from where they are declared.
fn categories() -> Vec<String> {
    let source = read(&root().join("domain/src/event.rs"));
    let named = section(&source, "pub const fn name(self)")
        .split("\n    }\n")
        .next()
        .unwrap_or_default()
        .to_owned();
    let found: Vec<String> = tokens_of(&named, '"')
        .into_iter()
        .map(str::to_owned)
        .collect();
    assert!(found.len() >= 8, "{found:?}");
    found
}

#[test]
fn every_category_is_explained_and_every_event_named_is_in_the_log() {
    let root = root();
    let facts: String = files(&root.join("domain/src"), ".rs")
        .iter()
        .map(|path| read(path))
        .collect();
    let categories = categories();
    for document in ["ARCHITECTURE.md", "GLOSSARY.md"] {
        let text = read(&root.join("docs").join(document));
        for category in &categories {
            assert!(
                tokens(&text).contains(&category.as_str()),
                "{document} does not explain `{category}`"
            );
        }
    }
    let mut named = BTreeSet::new();
    for document in checked() {
        let text = read(&document);
        // The keys of the screen look alike and are checked elsewhere.
        let text = prose(text.split("## On the screen").next().unwrap_or_default());
        let events = tokens(&text).into_iter().filter(|token| {
            let parts = token.split_once('.');
            parts.is_some_and(|(category, name)| {
                categories.iter().any(|known| known == category)
                    && !ENDINGS.iter().any(|ending| token.ends_with(ending))
                    && name.chars().all(|c| c.is_ascii_lowercase() || c == '_')
            })
        });
        named.extend(events.map(str::to_owned));
    }
    for event in &named {
        assert!(
            facts.contains(&format!("rename = \"{event}.v")),
            "no event of type `{event}`"
        );
    }
    assert!(named.len() > 20, "{named:?}");
}

#[test]
fn every_queue_is_in_the_table_of_bounds_and_none_is_without_one() {
    let document = read(&root().join("docs/ARCHITECTURE.md"));
    let table = section(&document, "## 8. Queues and their bounds");
    let mut queues = 0;
    for (file, code) in program() {
        assert!(
            !code.contains("unbounded_channel") && !code.contains("mpsc::channel()"),
            "{file} has a queue without a bound"
        );
        let made = [
            "mpsc::channel(",
            "mpsc::channel::<",
            "sync_channel(",
            "broadcast::channel(",
            "Semaphore::new(",
        ];
        if made.iter().any(|made| code.contains(made)) {
            queues += 1;
            assert!(
                table.contains(&format!("`{file}`")),
                "docs/ARCHITECTURE.md section 8 does not tell the bound of the queue in {file}"
            );
        }
    }
    assert!(queues >= 8, "queues are not found any more: {queues}");
}

#[test]
fn every_thread_has_a_name_and_is_in_the_table_of_threads() {
    let document = read(&root().join("docs/ARCHITECTURE.md"));
    let table = section(&document, "## 9. Threads and tasks");
    let mut threads = 0;
    for (file, code) in program() {
        assert!(
            !code.contains("thread::spawn("),
            "{file} starts a thread without a name"
        );
        for built in code.split("thread::Builder::new()").skip(1) {
            threads += 1;
            let name = tokens_of(built, '"')
                .first()
                .map(|name| name.split('{').next().unwrap_or(name))
                .unwrap_or_default();
            assert!(
                !name.is_empty() && table.contains(&format!("`{name}")),
                "docs/ARCHITECTURE.md section 9 does not name thread `{name}` of {file}"
            );
        }
    }
    assert!(threads >= 6, "threads are not found any more: {threads}");
}

#[test]
fn the_words_of_the_screen_are_those_of_the_pages_in_both_languages() {
    let catalogue = |name: &str| -> serde_json::Value {
        let text = read(&root().join("services/web/src/shared/i18n").join(name));
        serde_json::from_str(&text).expect("a catalogue is JSON")
    };
    let (english, chinese) = (catalogue("en.json"), catalogue("zh-CN.json"));
    let document = read(&root().join("docs/GLOSSARY.md"));
    let rows = section(&document, "## On the screen")
        .lines()
        .filter(|line| line.starts_with("| `"));
    let mut count = 0;
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [key, en, zh] = cells[..] else {
            panic!("three cells: {row}")
        };
        let key = key.trim_matches('`');
        assert_eq!(
            (english[key].as_str(), chinese[key].as_str()),
            (Some(en), Some(zh)),
            "{key}"
        );
        count += 1;
    }
    assert!(count > 60, "{count}");
}
