//! Moving and keeping: a hub is copied while it works and goes on elsewhere; a log is written out, read in and copied,
//! and everybody who reads it finds the same. The commands are those of docs/OPERATIONS.md.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rapport_tests::chat::Visitor;
use rapport_tests::command::{refuses, succeeds, text};
use rapport_tests::double::Double;
use rapport_tests::hub::Hub;
use rapport_tests::log::Log;
use rapport_tests::setup::Setup;
use rapport_tests::wait;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use uuid::Uuid;

/// Visitors who talk at the same time.
const VISITORS: usize = 6;
/// Messages that are acknowledged before a backup begins.
const BEFORE: usize = 40;

type Acknowledged = Arc<Mutex<BTreeSet<String>>>;

fn noted(acknowledged: &Acknowledged) -> BTreeSet<String> {
    acknowledged
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}

/// Talks until the hub is gone; notes what was acknowledged.
async fn talk(chat: SocketAddr, acknowledged: Acknowledged) -> Option<()> {
    let mut visitor = Visitor::arrive(chat).await.ok()?;
    loop {
        let id = Uuid::new_v4();
        visitor.say(id, &format!("message {id}")).await.ok()?;
        acknowledged
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id.to_string());
    }
}

/// Brings the keys of a log to where the log was brought; they are kept apart from it.
async fn bring_keys(from: &Path, to: &Path, folder: &Path) {
    let (file, data) = (to.join("keys.db"), text(from));
    succeeds(
        &["keys", "backup", "--data", data, "--to", text(&file)],
        folder,
    )
    .await;
}

/// The messages of customers in a log.
fn messages(log: &Log) -> Vec<String> {
    log.all()
        .iter()
        .filter(|event| event.kind() == "interaction.message_received.v1")
        .map(|event| event.text("message").to_owned())
        .collect()
}

/// What the wallboard counted today, queue by queue.
async fn figures(hub: &Hub) -> Vec<Value> {
    let wallboard = hub
        .api()
        .as_department("operations")
        .get("/wallboard")
        .await
        .ok();
    let queues = wallboard["queues"].as_array().expect("queues");
    let counted = |queue: &Value| {
        ["name", "offered", "answered", "abandoned", "asa_seconds"]
            .map(|figure| queue[figure].clone())
            .into()
    };
    queues.iter().map(counted).collect()
}

/// One chat from its first word to the agent's wrap-up.
async fn whole_chat(hub: &Hub, log: &Log) {
    let anna = hub.api().as_agent("anna").await;
    anna.ready().await;
    let mut visitor = Visitor::arrive(hub.addresses().chat).await.expect("a hub");
    visitor
        .say(Uuid::new_v4(), "Hello")
        .await
        .expect("acknowledged");
    let id = visitor.interaction().expect("a conversation").to_owned();
    log.of(&id, "interaction.offered.v1").await;
    anna.press(&format!("/interactions/{id}/accept")).await.ok();
    anna.post(
        &format!("/interactions/{id}/messages"),
        json!({ "message": Uuid::new_v4(), "text": "Hello!" }),
    )
    .await
    .ok();
    anna.press(&format!("/interactions/{id}/end")).await.ok();
    anna.post(
        &format!("/interactions/{id}/wrap-up"),
        json!({ "disposition": "solved" }),
    )
    .await
    .ok();
    log.of(&id, "interaction.closed.v1").await;
}

/// Waits until the wallboard has counted so many contacts.
async fn counted(hub: &Hub, offered: u64) -> Vec<Value> {
    wait::until("the wallboard to have counted", || async {
        let figures = figures(hub).await;
        let all: u64 = figures.iter().filter_map(|queue| queue[1].as_u64()).sum();
        (all == offered).then_some(figures)
    })
    .await
}

/// Everything of an event but its position.
fn contents(log: &Log) -> Vec<Value> {
    log.all()
        .into_iter()
        .map(|event| {
            let mut event = event.0;
            event["position"] = Value::Null;
            event
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_made_under_load_is_restored_and_the_hub_goes_on_from_it() {
    let setup = Setup::new();
    let mut hub = Hub::start(&setup).await;
    let acknowledged = Acknowledged::default();
    let mut load = JoinSet::new();
    for _ in 0..VISITORS {
        load.spawn(talk(hub.addresses().chat, acknowledged.clone()));
    }
    let enough = || async { (noted(&acknowledged).len() >= BEFORE).then_some(()) };
    wait::until("messages", enough).await;

    let before = noted(&acknowledged);
    let (data, folder) = (hub.data(), hub.folder().to_owned());
    let copy = folder.join("backup");
    let said = succeeds(
        &["backup", "--data", text(&data), "--to", text(&copy)],
        &folder,
    )
    .await;
    println!("{said}");
    let later = noted(&acknowledged).len();
    wait::until("the load to go on", || async {
        (noted(&acknowledged).len() > later).then_some(())
    })
    .await;
    hub.kill();
    load.join_all().await;

    let taken = refuses(
        &["backup", "--data", text(&data), "--to", text(&copy)],
        &folder,
    )
    .await;
    assert!(taken.contains("is not empty"), "{taken}");
    let taken = refuses(
        &["restore", "--from", text(&copy), "--to", text(&data)],
        &folder,
    )
    .await;
    assert!(taken.contains("is not empty"), "{taken}");

    let elsewhere = tempfile::tempdir().expect("a folder");
    let restored = elsewhere.path().join("data");
    let said = succeeds(
        &["restore", "--from", text(&copy), "--to", text(&restored)],
        &folder,
    )
    .await;
    println!("{said}");
    let verify = ["log", "verify", "--deep", "--data", text(&restored)];
    println!("{}", succeeds(&verify, &folder).await);
    bring_keys(&data, &restored, &folder).await;

    let other = Hub::start_in(elsewhere, &setup).await;
    let log = other.log();
    let head = other
        .api()
        .as_department("operations")
        .get("/wallboard")
        .await
        .ok();
    log.reaches(head["position"].as_u64().expect("a position"))
        .await;
    let there = messages(&log);
    for message in &before {
        let times = there.iter().filter(|known| *known == message).count();
        assert_eq!(times, 1, "{message} was acknowledged before the backup");
    }
    println!(
        "{} acknowledged before the backup, {} in it",
        before.len(),
        there.len()
    );
    let mut visitor = Visitor::arrive(other.addresses().chat)
        .await
        .expect("a hub");
    visitor
        .say(Uuid::new_v4(), "Are you still there?")
        .await
        .expect("acknowledged");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_exported_imported_and_copied_gives_the_same_statistics() {
    let setup = Setup::new().agent("anna", "");
    let mut hub = Hub::start(&setup).await;
    let log = hub.log();
    whole_chat(&hub, &log).await;
    whole_chat(&hub, &log).await;
    let before = counted(&hub, 2).await;
    let (data, folder) = (hub.data(), hub.folder().to_owned());
    // Beside the running hub; what the log gains after this is added by the second run.
    let (lines, parts) = (folder.join("log.jsonl"), folder.join("log-archive"));
    for archive in [&lines, &parts] {
        let export = [
            "log",
            "export",
            "--data",
            text(&data),
            "--to",
            text(archive),
        ];
        println!("{}", succeeds(&export, &folder).await);
    }
    hub.stop().await;
    for archive in [&lines, &parts] {
        let export = [
            "log",
            "export",
            "--data",
            text(&data),
            "--to",
            text(archive),
        ];
        succeeds(&export, &folder).await;
    }
    let whole = contents(&Log::whole(&data, &folder).await);

    for (name, arguments) in [
        ("lines", ["import", "--from", text(&lines), "--data"]),
        ("parts", ["import", "--from", text(&parts), "--data"]),
        ("copy", ["copy", "--from", text(&data), "--to"]),
    ] {
        let elsewhere = tempfile::tempdir().expect("a folder");
        let filled = elsewhere.path().join("data");
        let mut command = vec!["log"];
        command.extend(arguments);
        command.push(text(&filled));
        let said = succeeds(&command, &folder).await;
        println!("{name}: {said}");
        let again = succeeds(&command, &folder).await;
        assert!(again.contains(" 0 events appended"), "{again}");
        let verify = ["log", "verify", "--deep", "--data", text(&filled)];
        println!("{}", succeeds(&verify, &folder).await);
        bring_keys(&data, &filled, &folder).await;
        assert_eq!(contents(&Log::whole(&filled, &folder).await), whole);
        let other = Hub::start_in(elsewhere, &setup).await;
        assert_eq!(counted(&other, 2).await, before, "{name}");
    }

    // A log that holds other events is left alone.
    let stranger = Hub::start(&setup).await;
    let there = stranger.data();
    drop(stranger.log());
    let mut stranger = stranger;
    stranger.stop().await;
    let import = [
        "log",
        "import",
        "--from",
        text(&lines),
        "--data",
        text(&there),
    ];
    let why = refuses(&import, &folder).await;
    assert!(why.contains("the log holds other events"), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_moved_to_a_cluster_and_back_is_the_same_log() {
    let setup = Setup::new().agent("anna", "");
    let mut hub = Hub::start(&setup).await;
    whole_chat(&hub, &hub.log()).await;
    let before = counted(&hub, 1).await;
    let (data, folder) = (hub.data(), hub.folder().to_owned());
    let cluster = Double::start(3, &folder).await;
    // While the hub runs, and the rest once it has stopped.
    let to = [
        "log",
        "copy",
        "--from",
        text(&data),
        "--to",
        cluster.address(),
    ];
    println!("{}", succeeds(&to, &folder).await);
    hub.stop().await;
    println!("{}", succeeds(&to, &folder).await);
    let again = succeeds(&to, &folder).await;
    assert!(again.contains(": 0 events appended"), "{again}");
    let verify = ["log", "verify", "--deep", "--data", cluster.address()];
    println!("{}", succeeds(&verify, &folder).await);

    let elsewhere = tempfile::tempdir().expect("a folder");
    let filled = elsewhere.path().join("data");
    let back = [
        "log",
        "copy",
        "--from",
        cluster.address(),
        "--to",
        text(&filled),
    ];
    println!("{}", succeeds(&back, &folder).await);
    bring_keys(&data, &filled, &folder).await;
    let whole = contents(&Log::whole(&data, &folder).await);
    assert_eq!(contents(&Log::whole(&filled, &folder).await), whole);
    let archive = folder.join("of-the-cluster.jsonl");
    let export = [
        "log",
        "export",
        "--data",
        cluster.address(),
        "--to",
        text(&archive),
    ];
    let said = succeeds(&export, &folder).await;
    assert!(said.contains(&format!("{} events", whole.len())), "{said}");
    let other = Hub::start_in(elsewhere, &setup).await;
    assert_eq!(counted(&other, 1).await, before);

    // A cluster that holds another log is left alone.
    let stranger = tempfile::tempdir().expect("a folder");
    let mut stranger = Hub::start_in(stranger, &setup).await;
    let theirs = stranger.data();
    stranger.stop().await;
    let onto = [
        "log",
        "copy",
        "--from",
        text(&theirs),
        "--to",
        cluster.address(),
    ];
    let why = refuses(&onto, &folder).await;
    assert!(why.contains("the log holds other events"), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn read_models_that_know_more_than_a_restored_log_are_built_anew() {
    let setup = Setup::new().agent("anna", "");
    let mut hub = Hub::start(&setup).await;
    let (data, folder) = (hub.data(), hub.folder().to_owned());
    whole_chat(&hub, &hub.log()).await;
    let early = counted(&hub, 1).await;
    let copy = folder.join("backup");
    let backup = ["backup", "--data", text(&data), "--to", text(&copy)];
    succeeds(&backup, &folder).await;
    whole_chat(&hub, &hub.log()).await;
    counted(&hub, 2).await;
    hub.stop().await;

    // Somebody puts the older log in place by hand and forgets the read models.
    for file in ["log.db-wal", "log.db-shm"] {
        let path = data.join(file);
        if path.exists() {
            std::fs::remove_file(path).expect("removed");
        }
    }
    std::fs::copy(copy.join("log.db"), data.join("log.db")).expect("copied");
    hub.start_again().await;
    assert!(hub.lines().contains("were thrown away"), "{}", hub.lines());
    assert_eq!(counted(&hub, 1).await, early);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verify_names_the_place_of_a_change_and_restore_refuses_a_changed_backup() {
    let mut hub = Hub::start(&Setup::new().agent("anna", "")).await;
    let (data, folder) = (hub.data(), hub.folder().to_owned());
    whole_chat(&hub, &hub.log()).await;
    hub.stop().await;
    let copy = folder.join("backup");
    let printed = succeeds(
        &["backup", "--data", text(&data), "--to", text(&copy)],
        &folder,
    )
    .await;
    let mark = printed
        .lines()
        .find_map(|line| line.strip_prefix("hash of the log's head: "))
        .expect("a mark to note");
    let noted = |mark| ["log", "verify", "--noted", mark, "--data", text(&data)];
    succeeds(&noted(mark), &folder).await;
    let other = format!(
        "{}:{}",
        mark.split(':').next().unwrap_or("1"),
        "0".repeat(64)
    );
    let why = refuses(&noted(&other), &folder).await;
    assert!(why.contains("was noted"), "{why}");
    change(&data.join("log.db"));
    let why = refuses(&["log", "verify", "--data", text(&data)], &folder).await;
    assert!(why.contains("position ") && why.contains("hash"), "{why}");

    change(&copy.join("log.db"));
    let target = folder.join("restored");
    let restore = ["restore", "--from", text(&copy), "--to", text(&target)];
    let why = refuses(&restore, &folder).await;
    assert!(why.contains("is damaged"), "{why}");
    assert!(!target.join("log.db").exists());
}

/// Changes one letter of a fact in a log's file, wherever the file holds it: room that is free now may hold it as well.
fn change(file: &Path) {
    let mut bytes = std::fs::read(file).expect("the log");
    let fact = b"\"channel\":\"chat\"";
    let mut places = 0;
    for at in 0..bytes.len() - fact.len() {
        if bytes[at..].starts_with(fact) {
            bytes[at + fact.len() - 2] = b'p';
            places += 1;
        }
    }
    assert!(places > 0, "no chat in the log");
    std::fs::write(file, bytes).expect("written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tail_shows_what_is_asked_for_and_nothing_personal() {
    let mut hub = Hub::start(&Setup::new().agent("anna", "")).await;
    let (data, folder) = (hub.data(), hub.folder().to_owned());
    whole_chat(&hub, &hub.log()).await;
    hub.stop().await;
    let tail = |more: &'static [&'static str]| {
        let mut command = vec!["log", "tail", "--from", "0", "--data", text(&data)];
        command.extend(more);
        let folder = folder.clone();
        async move { succeeds(&command, &folder).await }
    };
    let everything = tail(&[]).await;
    assert!(!everything.contains("Hello"), "{everything}");
    let offers = tail(&["--type", "interaction.offer*"]).await;
    assert!(
        offers
            .lines()
            .all(|line| line.contains(" interaction.offer"))
    );
    assert_eq!(offers.lines().count(), 2, "offered and accepted: {offers}");
    let one = tail(&["--type", "interaction.offered", "--json"]).await;
    let event: Value = serde_json::from_str(one.trim()).expect("one event");
    let stream = event["stream"].as_str().expect("a stream");
    let of_stream = succeeds(
        &[
            "log",
            "tail",
            "--from",
            "0",
            "--stream",
            stream,
            "--data",
            text(&data),
        ],
        &folder,
    )
    .await;
    assert!(of_stream.lines().count() > 4, "{of_stream}");
    assert!(of_stream.lines().all(|line| line.contains(stream)));
    let agents = tail(&["--stream", "agent"]).await;
    assert!(!agents.is_empty() && agents.lines().all(|line| line.contains(" agent.")));
    assert_eq!(tail(&["--tenant", "acme"]).await, everything);
    assert_eq!(tail(&["--tenant", "nobody"]).await, "");
}
