//! What sources may say.

use crate::tree::{files, nothing, read};

/// Lines of code a file may have, and with its tests.
const MOST: usize = 450;
const MOST_WITH_TESTS: usize = 600;
/// This rule book quotes what it forbids.
const RULES: &str = "tests/tidy";

fn rust() -> Vec<String> {
    files(&[".rs"])
        .into_iter()
        .filter(|file| !file.starts_with(RULES))
        .collect()
}

/// Sources of the product: no tests, no examples, no helpers for tests.
fn product(file: &str) -> bool {
    let parts: Vec<&str> = file.split('/').collect();
    let folder = |name: &str| parts.contains(&name);
    let stem = parts
        .last()
        .copied()
        .unwrap_or_default()
        .trim_end_matches(".rs");
    !(folder("tests")
        || folder("examples")
        || folder("testing")
        || stem == "tests"
        || stem.ends_with("_tests")
        || stem == "build")
}

/// The part of a file before its unit tests.
fn without_tests(text: &str) -> &str {
    let inline = text
        .find("#[cfg(test)]\nmod tests {")
        .or_else(|| text.find("#[cfg(test)]\nmod test {"));
    &text[..inline.unwrap_or(text.len())]
}

fn code_lines(text: &str) -> usize {
    let code = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with("//");
    text.lines().filter(code).count()
}

/// Lines with any of these words, outside comments.
fn lines_with(file: &str, text: &str, words: &[&str]) -> Vec<String> {
    let code = |line: &str| line.split("//").next().unwrap_or_default().to_owned();
    let hits = text
        .lines()
        .enumerate()
        .filter(|(_, line)| words.iter().any(|word| code(line).contains(word)));
    hits.map(|(number, line)| format!("{file}:{}: {}", number + 1, line.trim()))
        .collect()
}

fn everywhere(sources: impl IntoIterator<Item = String>, words: &[&str]) -> Vec<String> {
    sources
        .into_iter()
        .flat_map(|file| lines_with(&file, without_tests(&read(&file)), words))
        .collect()
}

#[test]
fn the_domain_has_no_io_clock_thread_or_randomness() {
    let domain = rust()
        .into_iter()
        .filter(|file| file.starts_with("domain/src/") && product(file));
    let forbidden = [
        "std::net",
        "std::fs",
        "std::thread",
        "std::env",
        "std::process",
        "SystemTime",
        "time::Instant",
        "Instant::now",
        "Utc::now",
        "Local::now",
        "now_v7",
        "new_v4",
        "getrandom",
        "rand::",
        "tokio",
        "println!",
        "eprintln!",
    ];
    let (ports, pure): (Vec<String>, Vec<String>) =
        domain.partition(|file| file.starts_with("domain/src/port/"));
    nothing(
        "the domain is pure",
        &everywhere(pure.iter().chain(&ports).cloned(), &forbidden),
    );
    nothing(
        "only ports may wait",
        &everywhere(pure, &["async fn", "async move"]),
    );
}

#[test]
fn the_engine_reads_no_clock_and_opens_nothing() {
    let engine = rust()
        .into_iter()
        .filter(|file| file.starts_with("services/engine/src/") && product(file));
    let forbidden = [
        "std::net",
        "std::fs",
        "SystemTime",
        "Utc::now",
        "now_v7",
        "new_v4",
        "getrandom",
        "tokio::net",
        "tokio::fs",
    ];
    nothing(
        "the engine reaches the world through ports",
        &everywhere(engine, &forbidden),
    );
}

#[test]
fn sql_is_written_in_the_log_and_the_read_models_only() {
    let home = |file: &String| {
        file.starts_with("adapters/event-log/") || file.starts_with("adapters/read-model/")
    };
    let elsewhere = rust().into_iter().filter(|file| !home(file));
    nothing(
        "SQL",
        &everywhere(
            elsewhere,
            &[
                "rusqlite",
                "SELECT ",
                "INSERT INTO",
                "CREATE TABLE",
                "DELETE FROM",
            ],
        ),
    );
}

#[test]
fn the_client_of_the_event_store_is_in_one_file() {
    let users: Vec<String> = rust()
        .into_iter()
        .filter(|file| {
            product(file)
                && !lines_with(file, &read(file), &["eventstore::", "kurrentdb::"]).is_empty()
        })
        .collect();
    assert!(users.len() <= 1, "{users:?}");
    assert!(
        users
            .iter()
            .all(|file| file.starts_with("adapters/event-log/")),
        "{users:?}"
    );
}

#[test]
fn nothing_is_left_to_do_later_and_no_test_is_switched_off() {
    let words = [
        "todo!",
        "unimplemented!",
        "dbg!",
        "#[ignore",
        "FIXME",
        "XXX",
    ];
    nothing("unfinished", &everywhere(rust(), &words));
    let pages = files(&[".ts", ".tsx", ".mjs"]);
    let words = [
        "debugger;",
        "test.skip",
        "it.skip",
        "test.only",
        "it.only",
        "FIXME",
        "@ts-ignore",
        "@ts-nocheck",
    ];
    nothing("unfinished", &everywhere(pages, &words));
}

#[test]
fn files_stay_short() {
    let mut findings = Vec::new();
    for file in files(&[".rs", ".ts", ".tsx", ".mjs"])
        .into_iter()
        .filter(|file| !file.ends_with(".d.ts"))
    {
        let text = read(&file);
        let (all, own) = (code_lines(&text), code_lines(without_tests(&text)));
        if all > MOST_WITH_TESTS || (product(&file) && own > MOST) {
            findings.push(format!("{file}: {own} lines of code, {all} with tests"));
        }
    }
    nothing("split these into parts with telling names", &findings);
}

#[test]
fn every_exception_from_a_lint_says_why() {
    let mut findings = Vec::new();
    for file in rust() {
        let text = read(&file);
        for (start, _) in text
            .match_indices("[allow(")
            .chain(text.match_indices("[expect("))
        {
            let rest = &text[start..];
            let end = rest.find(")]").map_or(rest.len(), |end| end + 2);
            let line_end = rest[end..].find('\n').map_or(rest.len(), |at| end + at);
            let explained = rest[..end].contains("reason") || rest[end..line_end].contains("//");
            if !explained {
                let number = text[..start].lines().count();
                findings.push(format!(
                    "{file}:{number}: {}",
                    rest[..end].replace('\n', " ")
                ));
            }
        }
    }
    nothing("give a reason", &findings);
}

#[test]
fn no_machine_and_no_private_host_is_named() {
    let texts = [
        ".rs", ".ts", ".tsx", ".mjs", ".md", ".toml", ".json", ".yaml", ".yml", ".xml", ".html",
        ".css", ".sql", ".lock", "Makefile", "run",
    ];
    let mut findings = Vec::new();
    for file in files(&texts).into_iter().chain(files(&[
        "scripts/test",
        "scripts/bench",
        "scripts/install-peers",
        ".npmrc",
    ])) {
        if file.starts_with(RULES) {
            continue;
        }
        for (number, line) in read(&file).lines().enumerate() {
            let home = ["/root/", "/home/", "/work/", "/Users/"]
                .iter()
                .any(|path| line.contains(path));
            let registry = [
                "registry.npm",
                "npmmirror",
                "artifactory",
                "/index/v1",
                "proxy.golang",
            ]
            .iter()
            .any(|host| line.contains(host));
            let registry = registry
                || line.trim_start().starts_with("registry=")
                || line.trim_start().starts_with("registry =");
            if home || registry {
                findings.push(format!("{file}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    nothing("paths of one machine, or hosts of one network", &findings);
}
