//! A customer is forgotten, everywhere, and it can be proved. Before, the same search finds them: it can fail.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rapport_tests::api::Api;
use rapport_tests::chat::Visitor;
use rapport_tests::hub::{Hub, program};
use rapport_tests::process::Process;
use rapport_tests::setup::{Setup, key};
use serde_json::{Value, json};
use uuid::Uuid;

/// A debug build reads and searches slowly.
const COMMAND_WITHIN: Duration = Duration::from_secs(120);

const NAME: &str = "Ottilie Vandersteen-Quaß";
const PHONE: &str = "+4915770004711";
const ASKS: &str =
    "Good evening, the walnut sideboard arrived with a cracked hinge on its left door.";
const ANSWERS: &str =
    "I am sorry about the hinge, a carpenter of ours rings you tomorrow before noon.";
const NOTE: &str = "prefers to be rung before noon, wears a hearing aid";
const POINT: &str = "Offer the oiled walnut care kit at half price because of the hinge.";

/// Runs `rapport customer …` to its end.
async fn customer(hub: &Hub, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new(program());
    command
        .arg("customer")
        .args(arguments)
        .arg("--config")
        .arg(hub.folder().join("rapport.toml"))
        .env("RAPPORT_API_KEY", key("operations"));
    let name = format!("customer-{}", Uuid::new_v4());
    let mut process = Process::start(&name, &mut command, hub.folder());
    let status = process.end(COMMAND_WITHIN).await;
    let told = format!("{}{}", process.output(), process.errors());
    println!("$ rapport customer {}\n{told}", arguments.join(" "));
    (status.success(), told)
}

async fn proves(hub: &Hub, id: &str, witness: &Path, also: &[&Path]) -> (bool, String) {
    let witness = witness.display().to_string();
    let mut arguments = vec!["prove-erased", id, "--witness", &witness];
    let also: Vec<String> = also.iter().map(|path| path.display().to_string()).collect();
    for path in &also {
        arguments.extend(["--also", path]);
    }
    customer(hub, &arguments).await
}

/// What the wallboard counts today, per queue.
async fn figures(operations: &Api) -> Value {
    let board = operations.get("/wallboard").await.ok();
    let counted = |queue: &Value| {
        json!([
            queue["name"],
            queue["offered"],
            queue["answered"],
            queue["answered_in_target"],
            queue["abandoned"],
            queue["asa_seconds"]
        ])
    };
    board["queues"]
        .as_array()
        .into_iter()
        .flatten()
        .map(counted)
        .collect()
}

/// A wish that waits for tomorrow; answers its customer.
async fn wish(hub: &Hub, phone: &str) -> Value {
    let tomorrow = std::time::SystemTime::now() + Duration::from_secs(86_400);
    let moment = |at: std::time::SystemTime| {
        let since = at.duration_since(std::time::UNIX_EPOCH).expect("a clock");
        u64::try_from(since.as_millis()).expect("a moment")
    };
    let wish = json!({
        "key": Uuid::new_v4(), "customer": { "phone": phone }, "purpose": "care_kit", "class": "service",
        "talking_point": POINT, "value": 40, "not_before": moment(tomorrow),
        "expires_at": moment(tomorrow + Duration::from_secs(86_400)), "channels": ["voice"],
    });
    let finance = hub.api().as_department("finance");
    finance.post("/wishes", wish).await.ok()
}

/// A chat from its first word to the agent's note; answers its customer.
async fn chat(hub: &Hub, visitor: &mut Visitor) -> String {
    let (log, anna) = (hub.log(), hub.api().as_agent("anna").await);
    anna.ready().await;
    visitor.say(Uuid::new_v4(), ASKS).await.expect("a hub");
    let contact = visitor.interaction().expect("a conversation").to_owned();
    log.of(&contact, "interaction.offered.v1").await;
    let path = |what: &str| format!("/interactions/{contact}/{what}");
    anna.press(&path("accept")).await.ok();
    let answer = json!({ "message": Uuid::new_v4(), "text": ANSWERS });
    anna.post(&path("messages"), answer).await.ok();
    anna.press(&path("end")).await.ok();
    let noted = json!({ "disposition": "solved", "note": NOTE });
    anna.post(&path("wrap-up"), noted).await.ok();
    let started = log.of(&contact, "interaction.started.v1").await;
    started.text("customer").to_owned()
}

#[tokio::test]
async fn of_an_erased_customer_nothing_is_found_and_everything_else_goes_on() {
    let mut hub = Hub::start(&Setup::new().agent("anna", "")).await;
    let http = hub.addresses().http;
    let operations = || Api::new(http).as_department("operations");
    let mut visitor = Visitor::arrive(hub.addresses().chat).await.expect("a hub");
    let id = chat(&hub, &mut visitor).await;
    let known = json!({ "name": NAME, "contact_points": [{ "kind": "phone", "value": PHONE, "verified": true }] });
    let patched = operations()
        .request(
            reqwest::Method::PATCH,
            &format!("/customers/{id}"),
            Some(known),
        )
        .await
        .ok();
    let filed = wish(&hub, PHONE).await;
    assert_eq!(filed["customer"], json!(id));
    let position = filed["position"].as_u64().max(patched["position"].as_u64());
    let position = position.expect("a position");
    let page = format!("/customers/{id}/timeline?min_position={position}");
    operations().get(&page).await.ok();
    let before = figures(&operations()).await;
    let backup = hub.folder().join("backup");
    let (data, to) = (
        hub.data().display().to_string(),
        backup.display().to_string(),
    );
    let copy = ["backup", "--data", &data, "--to", &to];
    let (status, _, errors) = rapport_tests::hub::run(&copy, hub.folder()).await;
    assert!(status.success(), "{errors}");

    // What is known stands in the read models, and the search finds it.
    let by_hand = hub.folder().join("by-hand");
    let lines = [
        ("name", NAME),
        ("phone", PHONE),
        ("note", NOTE),
        ("text", ASKS),
        ("point", POINT),
    ]
    .map(|(kind, value)| json!({ "kind": kind, "value": value }).to_string());
    std::fs::write(&by_hand, lines.join("\n")).expect("a file");
    let (gone, told) = proves(&hub, &id, &by_hand, &[]).await;
    assert!(!gone && told.contains("the key is still there"), "{told}");
    for kind in ["(name)", "(phone)", "(note)", "(text)", "(point)"] {
        assert!(
            told.contains(kind),
            "{kind} is not found: the search is blind"
        );
    }
    assert!(!told.contains("log.db"), "the log holds sealed values only");

    let witness = hub.folder().join("witness");
    let file = witness.display().to_string();
    let (erased, told) = customer(
        &hub,
        &[
            "erase",
            &id,
            "--tenant",
            "acme",
            "--witness",
            &file,
            "--yes",
        ],
    )
    .await;
    assert!(erased && told.contains("gave up 1 wishes"), "{told}");
    assert!(told.contains("cleaned the read models"), "{told}");
    let written = std::fs::read_to_string(&witness).expect("a witness");
    for value in [NAME, PHONE, NOTE, ASKS, ANSWERS, POINT] {
        assert!(written.contains(value), "the witness misses something");
    }

    let url = format!("http://{http}");
    let (again, told) = customer(&hub, &["erase", &id, "--yes", "--url", &url]).await;
    assert!(again && told.contains("was erased before"), "{told}");

    // While it runs, after a kill, and with every read model built anew: nothing is found, and the figures stay.
    let nothing = async |hub: &Hub| {
        for witness in [&witness, &by_hand] {
            let (gone, told) = proves(hub, &id, witness, &[]).await;
            assert!(gone, "{told}");
        }
    };
    nothing(&hub).await;
    assert_eq!(figures(&operations()).await, before);
    let view = operations().get(&format!("/customers/{id}")).await.ok();
    assert!(
        view["erased_at"].is_i64() && view["name"].is_null(),
        "{view}"
    );
    assert_eq!(view["wishes"][0]["reason"], "customer_erased");
    let page = format!("/wishes/{}", filed["id"].as_str().expect("an id"));
    assert_eq!(operations().get(&page).await.ok()["status"], "dropped");

    // A copy from before still holds the person, though its log does not.
    let (gone, told) = proves(&hub, &id, &witness, &[&backup]).await;
    let finding = |line: &&str| line.contains("FOUND");
    let findings: Vec<&str> = told.lines().filter(finding).collect();
    assert!(!gone && !findings.is_empty(), "{told}");
    let of_backup = |line: &&str| line.contains("/backup/read-models/");
    assert!(findings.iter().all(of_backup), "{findings:#?}");

    // Whoever comes from there is somebody new.
    visitor.connect(hub.addresses().chat).await.expect("a hub");
    assert_eq!(visitor.repeated(), Vec::<String>::new());
    visitor
        .say(Uuid::new_v4(), "Hello again, whoever I am")
        .await
        .expect("a hub");
    let again = visitor.interaction().expect("a conversation").to_owned();
    let log = hub.log();
    let started = log.of(&again, "interaction.started.v1").await;
    assert_ne!(started.text("customer"), id);
    let second = wish(&hub, PHONE).await["customer"]
        .as_str()
        .expect("an id")
        .to_owned();
    assert_ne!(second, id);
    drop(log);
    let operations = hub.api().as_department("operations");
    let twice = |board: &Value| board["queues"][0]["offered"] == 2;
    operations.sees("/wallboard", "both contacts", twice).await;
    let after = figures(&operations).await;

    // The number is somebody else's now and the new one's models hold it: only what was said and noted is searched for.
    let said = hub.folder().join("said");
    let words: Vec<&str> = written
        .lines()
        .filter(|line| line.contains("interaction.") && !line.contains("contact_point"))
        .collect();
    std::fs::write(&said, words.join("\n")).expect("a file");
    hub.kill();
    hub.start_again().await;
    let (gone, told) = proves(&hub, &id, &said, &[]).await;
    assert!(gone, "{told}");
    hub.stop().await;
    for model in ["customers", "timeline", "statistics", "worklist"] {
        let config = hub.folder().join("rapport.toml").display().to_string();
        let rebuild = ["projection", "rebuild", model, "--config", &config];
        let (status, _, errors) = rapport_tests::hub::run(&rebuild, hub.folder()).await;
        assert!(status.success(), "{errors}");
    }

    // With no hub on the folder the command does it alone.
    let witness = hub.folder().join("witness-2");
    let file = witness.display().to_string();
    let (erased, told) = customer(&hub, &["erase", &second, "--witness", &file, "--yes"]).await;
    assert!(erased && told.contains("cleaned the read models"), "{told}");
    let again = customer(&hub, &["erase", &second, "--yes"]).await;
    assert!(
        again.0 && again.1.contains("was erased before"),
        "{}",
        again.1
    );
    for (id, witness) in [(&id, &said), (&second, &witness)] {
        let (gone, told) = proves(&hub, id, witness, &[]).await;
        assert!(gone, "{told}");
    }
    hub.start_again().await;
    let operations = hub.api().as_department("operations");
    assert_eq!(figures(&operations).await, after);
    let (gone, told) = proves(&hub, &second, &witness, &[]).await;
    assert!(gone, "{told}");
}
