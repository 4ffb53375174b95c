//! A hub with a past moves to a cluster, and forgets somebody there: the commands of docs/OPERATIONS.md in the order in which
//! an operator gives them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rapport_tests::chat::Visitor;
use rapport_tests::command::{answer, succeeds, text};
use rapport_tests::double::Double;
use rapport_tests::hub::{Hub, configure, program, run};
use rapport_tests::past::{ANSWERS, ASKS, NAME, NOTE, chat, figures};
use rapport_tests::process::Process;
use rapport_tests::setup::Setup;
use rapport_tests::wait;
use serde_json::{Value, json};
use uuid::Uuid;

const SECRET: &str = "a secret of the keys, long enough for tests";

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
        let told = answer(&arguments, &folder).await;
        (told.status.success(), told.output)
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
        let told = answer(&clean, &folder).await;
        told.status.success().then_some(())
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
