//! A hub with a past moves to a cluster, and forgets somebody there: the commands of docs/OPERATIONS.md in the order in which
//! an operator gives them. And whoever only looks at a data folder leaves it as it is.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rapport_tests::chat::Visitor;
use rapport_tests::double::Double;
use rapport_tests::hub::{Hub, configure, program, run};
use rapport_tests::log::Log;
use rapport_tests::process::Process;
use rapport_tests::setup::Setup;
use rapport_tests::wait;
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

const SECRET: &str = "a secret of the keys, long enough for tests";
const NAME: &str = "Ottilie Vandersteen-Quaß";
const ASKS: &str =
    "Good evening, the walnut sideboard arrived with a cracked hinge on its left door.";
const ANSWERS: &str =
    "I am sorry about the hinge, a carpenter of ours rings you tomorrow before noon.";
const NOTE: &str = "prefers to be rung before noon, wears a hearing aid";

/// A debug build reads and searches slowly.
const COMMAND_WITHIN: Duration = Duration::from_secs(120);

/// Runs the program to its end; answers whether it was content, and everything it said.
async fn says(arguments: &[&str], folder: &Path) -> (bool, String) {
    let mut command = Command::new(program());
    let name = format!("command-{}", Uuid::new_v4());
    let mut process = Process::start(&name, command.args(arguments), folder);
    let status = process.end(COMMAND_WITHIN).await;
    let said = format!("{}{}", process.output(), process.errors());
    println!("$ rapport {}\n{said}", arguments.join(" "));
    (status.success(), said)
}

async fn succeeds(arguments: &[&str], folder: &Path) -> String {
    let (content, said) = says(arguments, folder).await;
    assert!(content, "{arguments:?}: {said}");
    said
}

async fn refuses(arguments: &[&str], folder: &Path) -> String {
    let (content, said) = says(arguments, folder).await;
    assert!(!content, "{arguments:?}: {said}");
    said
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// A chat from its first word to the agent's note; answers its customer, who is given a name.
async fn chat(hub: &Hub, log: &Log) -> String {
    let anna = hub.api().as_agent("anna").await;
    anna.ready().await;
    let mut visitor = Visitor::arrive(hub.addresses().chat).await.expect("a hub");
    visitor.say(Uuid::new_v4(), ASKS).await.expect("a hub");
    let contact = visitor.interaction().expect("a conversation").to_owned();
    let path = |what: &str| format!("/interactions/{contact}/{what}");
    log.of(&contact, "interaction.offered.v1").await;
    anna.press(&path("accept")).await.ok();
    let answer = json!({ "message": Uuid::new_v4(), "text": ANSWERS });
    anna.post(&path("messages"), answer).await.ok();
    anna.press(&path("end")).await.ok();
    let noted = json!({ "disposition": "solved", "note": NOTE });
    anna.post(&path("wrap-up"), noted).await.ok();
    log.of(&contact, "interaction.closed.v1").await;
    let started = log.of(&contact, "interaction.started.v1").await;
    let id = started.text("customer").to_owned();
    let operations = hub.api().as_department("operations");
    let page = format!("/customers/{id}");
    let named = operations.request(reqwest::Method::PATCH, &page, Some(json!({ "name": NAME })));
    let position = named.await.ok()["position"].as_u64().expect("a position");
    let page = format!("{page}/timeline?min_position={position}");
    operations.get(&page).await.ok();
    id
}

/// What the wallboard counts today, once it has counted so many contacts.
async fn figures(hub: &Hub, offered: u64) -> Value {
    let operations = hub.api().as_department("operations");
    wait::until("the wallboard to have counted", || async {
        let board = operations.get("/wallboard").await.ok();
        let queues = board["queues"].as_array().expect("queues");
        let counted = |queue: &Value| -> Value {
            ["name", "offered", "answered", "abandoned", "asa_seconds"]
                .map(|figure| queue[figure].clone())
                .into()
        };
        let all: u64 = queues
            .iter()
            .filter_map(|queue| queue["offered"].as_u64())
            .sum();
        (all == offered).then(|| queues.iter().map(counted).collect())
    })
    .await
}

/// A file with lines as a witness has them.
fn known(file: &Path, lines: &[(&str, &str)]) {
    let lines: Vec<String> = lines
        .iter()
        .map(|(kind, value)| json!({ "kind": kind, "value": value }).to_string())
        .collect();
    std::fs::write(file, lines.join("\n")).expect("a file");
}

/// What a hub is told that has its log in the cluster and its keys in the shared folder.
fn on_cluster(cluster: &Double, keys: &Path, node: &str) -> Setup {
    let (address, keys) = (cluster.address(), keys.display());
    let top = format!(
        "log = \"{address}\"\nkeys = \"dir://{keys}\"\nkeys_secret = \"{SECRET}\"\nnode = {{ name = \"{node}\", lease_seconds = 2 }}"
    );
    Setup::new().agent("anna", "").top(&top)
}

/// A whole copy of a folder.
fn copied(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copied(&path, &to);
        } else {
            std::fs::copy(path, to).expect("copied");
        }
    }
}

fn config(folder: &Path) -> PathBuf {
    folder.join("rapport.toml")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_with_a_past_moves_to_a_cluster_and_forgets_somebody_there() {
    let mut old = Hub::start(&Setup::new().agent("anna", "")).await;
    let log = old.log();
    let (first, second) = (chat(&old, &log).await, chat(&old, &log).await);
    drop(log);
    let before = figures(&old, 2).await;
    let (data, folder) = (old.data(), old.folder().to_owned());
    let (backup, keys) = (folder.join("backup"), folder.join("keys"));
    let (from, to) = (text(&data), text(&backup));
    succeeds(&["backup", "--data", from, "--to", to], &folder).await;

    // The log while the hub runs, and the rest once it has stopped; so the keys.
    let cluster = Double::start(3, &folder).await;
    let copy = ["log", "copy", "--from", from, "--to", cluster.address()];
    succeeds(&copy, &folder).await;
    std::fs::create_dir(&keys).expect("a folder");
    let elsewhere = tempfile::tempdir().expect("a folder");
    let setup = on_cluster(&cluster, &keys, "hub-1");
    configure(elsewhere.path(), &setup);
    let file = config(elsewhere.path());
    let share = ["keys", "copy", "--from", from, "--config", text(&file)];
    let said = succeeds(&share, &folder).await;
    assert!(said.contains("2 of them were new"), "{said}");
    old.stop().await;
    succeeds(&copy, &folder).await;
    let said = succeeds(&share, &folder).await;
    assert!(said.contains("0 of them were new"), "{said}");
    let verify = ["log", "verify", "--deep", "--data", cluster.address()];
    succeeds(&verify, &folder).await;

    let mut hub = Hub::start_in(elsewhere, &setup).await;
    assert_eq!(figures(&hub, 2).await, before);
    let tail = [
        "log",
        "tail",
        "--from",
        "0",
        "--json",
        "--personal",
        "--config",
        text(&file),
    ];
    let told = succeeds(&tail, &folder).await;
    assert!(
        told.contains(ASKS) && told.contains(NAME),
        "the keys are not those of the log"
    );

    // Before: the search finds what is there, in files and in the events themselves.
    let by_hand = folder.join("by-hand");
    let words = [
        ("name", NAME),
        ("text", ASKS),
        ("note", NOTE),
        ("plain", "\"disposition\":\"solved\""),
    ];
    known(&by_hand, &words);
    let old_keys = folder.join("old-keys");
    copied(&keys, &old_keys);
    let prove = |id: &str, witness: &Path, also: &[&Path]| {
        let mut arguments = vec![
            "customer",
            "prove-erased",
            id,
            "--config",
            text(&file),
            "--witness",
            text(witness),
        ];
        arguments.extend(also.iter().flat_map(|path| ["--also", text(path)]));
        arguments
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    let proves = async |id: &str, witness: &Path, also: &[&Path]| {
        let arguments = prove(id, witness, also);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        says(&arguments, &folder).await
    };
    let (gone, told) = proves(&first, &by_hand, &[]).await;
    assert!(!gone && told.contains("the key is still there"), "{told}");
    for kind in ["(name)", "(text)", "(note)"] {
        assert!(
            told.contains(kind),
            "{kind} is not found: the search is blind"
        );
        let of_log = format!("the log: {kind}");
        assert!(!told.contains(&of_log), "the log holds sealed values only");
    }
    assert!(told.contains("the log: (plain) in 2 events"), "{told}");

    // Another node goes on while this one forgets; a customer waits there.
    let nobody = tempfile::tempdir().expect("a folder");
    let other = Hub::start_in(nobody, &on_cluster(&cluster, &keys, "hub-2")).await;
    let mut waiting = Visitor::arrive(other.addresses().chat)
        .await
        .expect("a hub");
    waiting
        .say(Uuid::new_v4(), "Is anybody there?")
        .await
        .expect("a hub");

    let witness = folder.join("witness");
    let erase = [
        "customer",
        "erase",
        &first,
        "--config",
        text(&file),
        "--tenant",
        "acme",
        "--witness",
        text(&witness),
        "--yes",
    ];
    let told = succeeds(&erase, &folder).await;
    assert!(told.contains("cleaned the read models"), "{told}");
    let written = std::fs::read_to_string(&witness).expect("a witness");
    for value in [NAME, ASKS, ANSWERS, NOTE] {
        assert!(written.contains(value), "the witness misses something");
    }
    // What both customers said and noted stands in the read models as the second one's: only the first one's own is searched.
    let own: Vec<&str> = written
        .lines()
        .filter(|line| line.contains("contact_point"))
        .collect();
    assert!(!own.is_empty(), "{written}");
    let of_first = folder.join("of-first");
    std::fs::write(&of_first, own.join("\n")).expect("a file");
    let (gone, told) = proves(&first, &of_first, &[]).await;
    assert!(
        gone && told.contains("none of it is in these events"),
        "{told}"
    );
    let again = [
        "customer",
        "erase",
        &first,
        "--config",
        text(&file),
        "--yes",
    ];
    let told = succeeds(&again, &folder).await;
    assert!(told.contains("was erased before"), "{told}");

    // With no hub on this data folder the command does it alone, although another node is there.
    hub.stop().await;
    let witness = folder.join("witness-2");
    let erase = [
        "customer",
        "erase",
        &second,
        "--config",
        text(&file),
        "--witness",
        text(&witness),
        "--yes",
    ];
    let told = succeeds(&erase, &folder).await;
    assert!(told.contains("cleaned the read models"), "{told}");
    let told = succeeds(
        &[
            "customer",
            "erase",
            &second,
            "--config",
            text(&file),
            "--yes",
        ],
        &folder,
    )
    .await;
    assert!(told.contains("was erased before"), "{told}");
    for (id, witness) in [(&first, &folder.join("witness")), (&second, &witness)] {
        let (gone, told) = proves(id, witness, &[]).await;
        assert!(gone, "{told}");
    }
    // The other node follows by itself.
    let theirs = config(other.folder());
    let clean = [
        "customer",
        "prove-erased",
        &second,
        "--config",
        text(&theirs),
        "--witness",
        text(&witness),
    ];
    wait::until("the other node to be clean", || async {
        says(&clean, &folder).await.0.then_some(())
    })
    .await;
    waiting
        .say(Uuid::new_v4(), "I still wait")
        .await
        .expect("a hub");

    // Copies from before: read models of the backup, and old keys, with which everything can be read.
    let (gone, told) = proves(&second, &witness, &[&backup, &old_keys]).await;
    let found: Vec<&str> = told.lines().filter(|line| line.contains("FOUND")).collect();
    let expected =
        |line: &&str| line.contains("/backup/read-models/") || line.contains("/old-keys/");
    assert!(!gone && found.iter().all(expected), "{found:#?}");
    let keys_found = found
        .iter()
        .filter(|line| line.contains("/old-keys/"))
        .count();
    assert_eq!(
        keys_found, 1,
        "the key of the one who is asked for: {found:#?}"
    );

    drop(other);
    hub.start_again().await;
    let after = figures(&hub, 3).await;
    assert_eq!(
        after[0][2], before[0][2],
        "answered: {after} after {before}"
    );
    let operations = hub.api().as_department("operations");
    let page = format!("/customers/{second}");
    let view = operations.get(&page).await.ok();
    assert!(
        view["erased_at"].is_i64() && view["name"].is_null(),
        "{view}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roles_of_the_command_line_count_and_mean_nothing_without_a_cluster() {
    let folder = tempfile::tempdir().expect("a folder");
    configure(folder.path(), &Setup::new());
    let file = config(folder.path());
    let serve = |roles: &'static str| {
        ["serve", "--config", text(&file), "--json", "--roles", roles].map(str::to_owned)
    };
    for (roles, why) in [("api", "in a cluster"), ("desk", "edge, engine or api")] {
        let serve = serve(roles);
        let arguments: Vec<&str> = serve.iter().map(String::as_str).collect();
        let (status, _, errors) = run(&arguments, folder.path()).await;
        assert_eq!(status.code(), Some(2), "{errors}");
        assert!(errors.contains(why), "{errors}");
    }
    assert!(!folder.path().join("data").exists(), "nothing was started");

    let (cluster, keys) = (
        Double::start(1, folder.path()).await,
        folder.path().join("keys"),
    );
    std::fs::create_dir(&keys).expect("a folder");
    configure(folder.path(), &on_cluster(&cluster, &keys, "hub-1"));
    let mut command = Command::new(program());
    let mut hub = Process::start("hub", command.args(serve("api,engine")), folder.path());
    wait::within(Duration::from_secs(60), "the hub to be ready", || async {
        assert!(
            hub.output().contains("ready")
                || hub.errors().is_empty()
                || !hub.errors().contains("rapport: ")
        );
        hub.output().contains("ready").then_some(())
    })
    .await;
    let tail = [
        "log",
        "tail",
        "--from",
        "0",
        "--json",
        "--type",
        "node.started",
        "--data",
        cluster.address(),
    ];
    let told = succeeds(&tail, folder.path()).await;
    let event: Value = serde_json::from_str(told.lines().next().expect("a start")).expect("JSON");
    assert_eq!(event["data"]["roles"], json!(["api", "engine"]));
    hub.signal("TERM");
    assert!(hub.end(Duration::from_secs(30)).await.success());
}

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
    let (config, data_text) = (config(&folder), text(&data));
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
