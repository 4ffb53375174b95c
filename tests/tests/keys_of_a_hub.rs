//! The keys of personal data: nobody makes new ones where the old ones are missing, single ones can be given up, and a log from
//! before there were any is sealed on its way.

use std::path::Path;

use rapport_tests::command::{refuses, succeeds, text};
use rapport_tests::hub::Hub;
use rapport_tests::past::{ASKS, NAME, NOTE, chat};
use rapport_tests::setup::Setup;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// What stands in the place of what is gone.
const FORGOTTEN: &str = "\u{27ea}forgotten\u{27eb}";

/// Files of keys in a data folder.
fn files_of_keys(data: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(data).expect("a folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name().display().to_string());
    names.filter(|name| name.starts_with("keys")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_keys_nobody_makes_new_ones_and_the_old_ones_can_be_put_in_place() {
    let mut hub = Hub::start(&Setup::new().agent("anna", "")).await;
    let log = hub.log();
    let id = chat(&hub, &log).await;
    drop(log);
    hub.stop().await;
    let (data, folder) = (hub.data(), hub.folder().to_owned());
    let away = TempDir::new_in(&folder).expect("a folder");
    for name in files_of_keys(&data) {
        std::fs::rename(data.join(&name), away.path().join(&name)).expect("moved");
    }
    let (config, data_text) = (folder.join("rapport.toml"), text(&data));
    let (lines, backup, copy) = (
        folder.join("log.jsonl"),
        folder.join("backup"),
        folder.join("copy"),
    );
    for looking in [
        &["log", "tail", "--from", "0", "--json", "--data", data_text][..],
        &["log", "verify", "--deep", "--data", data_text],
        &["log", "export", "--data", data_text, "--to", text(&lines)],
        &["log", "copy", "--from", data_text, "--to", text(&copy)],
        &["backup", "--data", data_text, "--to", text(&backup)],
    ] {
        succeeds(looking, &folder).await;
        assert_eq!(files_of_keys(&data), Vec::<String>::new(), "{looking:?}");
    }
    let file = text(&config);
    for wanting in [
        &[
            "log",
            "tail",
            "--from",
            "0",
            "--json",
            "--personal",
            "--data",
            data_text,
        ][..],
        &["customer", "prove-erased", &id, "--config", file],
        &["customer", "erase", &id, "--yes", "--config", file],
        &["projection", "rebuild", "customers", "--config", file],
        &[
            "keys",
            "backup",
            "--data",
            data_text,
            "--to",
            text(&folder.join("none.db")),
        ],
        &["serve", "--config", file],
    ] {
        let said = refuses(wanting, &folder).await;
        assert!(said.contains("key"), "{said}");
        assert_eq!(files_of_keys(&data), Vec::<String>::new(), "{wanting:?}");
    }
    // Where nothing was made the old ones can be put.
    let back = data.join("keys.db");
    let put = [
        "keys",
        "backup",
        "--data",
        text(away.path()),
        "--to",
        text(&back),
    ];
    succeeds(&put, &folder).await;
    hub.start_again().await;
    let tail = [
        "log",
        "tail",
        "--from",
        "0",
        "--json",
        "--personal",
        "--data",
        data_text,
    ];
    assert!(succeeds(&tail, &folder).await.contains(ASKS));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_whose_key_is_lost_is_given_up_and_the_rest_is_read_again() {
    let mut hub = Hub::start(&Setup::new().agent("anna", "")).await;
    let (data, folder) = (hub.data(), hub.folder().to_owned());
    let log = hub.log();
    let first = chat(&hub, &log).await;
    let older = folder.join("older.db");
    let back_up = [
        "keys",
        "backup",
        "--data",
        text(&data),
        "--to",
        text(&older),
    ];
    succeeds(&back_up, &folder).await;
    let second = chat(&hub, &log).await;
    drop(log);
    hub.stop().await;
    for name in files_of_keys(&data) {
        std::fs::remove_file(data.join(name)).expect("removed");
    }
    std::fs::rename(&older, data.join("keys.db")).expect("put in place");

    let tail = [
        "log",
        "tail",
        "--from",
        "0",
        "--json",
        "--personal",
        "--data",
        text(&data),
    ];
    let said = refuses(&tail, &folder).await;
    let advice = format!("keys give-up {second}");
    assert!(said.contains(&advice), "{said}");
    let give_up = |id| ["keys", "give-up", id, "--data", text(&data)];
    let said = refuses(&give_up(&first), &folder).await;
    assert!(said.contains("has a key"), "{said}");
    succeeds(&give_up(&second), &folder).await;
    let told = succeeds(&tail, &folder).await;
    let of = |id: &str| {
        let theirs = |line: &&str| line.contains(&format!("customer-{id}"));
        told.lines().filter(theirs).collect::<String>()
    };
    assert!(of(&first).contains(NAME) && !of(&first).contains(FORGOTTEN));
    assert!(of(&second).contains(FORGOTTEN) && !of(&second).contains(NAME));
    hub.start_again().await;
}

/// An archive of JSON lines with personal values in the clear, as a program from before would have written it.
async fn from_before(data: &Path, folder: &Path) -> String {
    let (archive, data) = (folder.join("sealed.jsonl"), text(data));
    succeeds(
        &["log", "export", "--data", data, "--to", text(&archive)],
        folder,
    )
    .await;
    let tail = [
        "log",
        "tail",
        "--from",
        "0",
        "--json",
        "--personal",
        "--data",
        data,
    ];
    let opened = succeeds(&tail, folder).await;
    let mut opened = opened
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let (mut before, mut events) = (String::new(), 0);
    for line in std::fs::read_to_string(&archive)
        .expect("an archive")
        .lines()
    {
        let Some((envelope, _)) = line.split_once(",\"data\":") else {
            if !line.starts_with("{\"end\"") {
                before = format!("{line}\n");
            }
            continue;
        };
        let mut envelope: Value = serde_json::from_str(&format!("{envelope}}}")).expect("JSON");
        // Whose data it is was not written down then.
        envelope["meta"]
            .as_object_mut()
            .expect("an object")
            .remove("subject");
        let data = &opened.next().expect("as many")["data"];
        let envelope = envelope.to_string();
        let envelope = envelope.strip_suffix('}').expect("an object");
        before += &format!("{envelope},\"data\":{data}}}\n");
        events += 1;
    }
    assert!(events > 0 && opened.next().is_none());
    let digest = Sha256::digest(before.as_bytes());
    let sha256: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let end = serde_json::json!({ "end": { "events": events, "last": events, "sha256": sha256 } });
    format!("{before}{end}\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_from_before_is_sealed_on_its_way_and_goes_on() {
    let mut hub = Hub::start(&Setup::new().agent("anna", "")).await;
    let log = hub.log();
    let id = chat(&hub, &log).await;
    drop(log);
    hub.stop().await;
    let folder = hub.folder().to_owned();
    let archive = folder.join("from-before.jsonl");
    let lines = from_before(&hub.data(), &folder).await;
    assert!(lines.contains(NAME) && lines.contains(NOTE) && !lines.contains("$sealed"));
    std::fs::write(&archive, lines).expect("written");

    let (old, elsewhere) = (
        folder.join("old-data"),
        TempDir::new_in(&folder).expect("a folder"),
    );
    let import = [
        "log",
        "import",
        "--from",
        text(&archive),
        "--data",
        text(&old),
    ];
    succeeds(&import, &folder).await;
    let holds = |data: &Path| {
        let file = std::fs::read(data.join("log.db")).expect("a log");
        let wal = std::fs::read(data.join("log.db-wal")).unwrap_or_default();
        let all = [file, wal].concat();
        all.windows(NOTE.len())
            .any(|bytes| bytes == NOTE.as_bytes())
    };
    assert!(holds(&old), "it is not from before");
    let new = elsewhere.path().join("data");
    let copy = [
        "log",
        "copy",
        "--seal",
        "--from",
        text(&old),
        "--to",
        text(&new),
    ];
    succeeds(&copy, &folder).await;
    assert!(!holds(&new), "it is not sealed");
    let again = succeeds(&copy, &folder).await;
    assert!(again.contains(" 0 events appended"), "{again}");
    let tail = [
        "log",
        "tail",
        "--from",
        "0",
        "--json",
        "--personal",
        "--data",
        text(&new),
    ];
    let told = succeeds(&tail, &folder).await;
    assert!(told.contains(NAME) && told.contains(ASKS) && told.contains(NOTE));

    // What an export has gained since is a second archive.
    let head = lines_of(&told);
    let first = head / 2;
    let rest = folder.join("rest.jsonl");
    let after = first.to_string();
    let export = [
        "log",
        "export",
        "--after",
        &after,
        "--data",
        text(&new),
        "--to",
        text(&rest),
    ];
    let said = succeeds(&export, &folder).await;
    assert!(said.contains(&format!("{} events", head - first)), "{said}");

    let hub = Hub::start_in(elsewhere, &Setup::new().agent("anna", "")).await;
    let operations = hub.api().as_department("operations");
    let view = operations.get(&format!("/customers/{id}")).await.ok();
    assert_eq!(view["name"], NAME);
}

fn lines_of(text: &str) -> usize {
    text.lines().count()
}
