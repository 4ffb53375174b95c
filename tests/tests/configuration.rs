//! What is wrong is said in one clear line, and nothing is touched.

use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::FileExt;
use std::path::Path;

use rapport_tests::hub::{Hub, configure, run};
use rapport_tests::setup::Setup;
use reqwest::Method;
use serde_json::json;

/// Where SQLite keeps a number for its user, big-endian: the format of the log.
const USER_VERSION_AT: u64 = 60;

/// Starts a hub that must not start; answers what it said.
async fn refused(folder: &Path) -> String {
    let config = folder.join("rapport.toml").display().to_string();
    let (status, output, errors) = run(&["serve", "--config", &config], folder).await;
    assert!(status.code().is_some_and(|code| code != 0), "{status}");
    assert!(!output.contains("ready"), "{output}");
    errors
}

/// The one line in which the program says why it ends.
fn reason(errors: &str) -> &str {
    let said: Vec<&str> = errors
        .lines()
        .filter(|line| line.starts_with("rapport: "))
        .collect();
    assert_eq!(said.len(), 1, "one reason, not {errors:?}");
    assert!(
        !errors.contains("panicked") && !errors.contains("RUST_BACKTRACE"),
        "{errors}"
    );
    said[0]
}

#[tokio::test]
async fn an_unknown_key_is_named_and_no_folder_is_made() {
    let folder = tempfile::tempdir().expect("a folder");
    configure(
        folder.path(),
        &Setup::new()
            .top("datta = \"elsewhere\"")
            .agent("anna", "skils = { german = 5 }"),
    );
    let errors = refused(folder.path()).await;
    reason(&errors);
    assert!(
        errors.contains("datta") && errors.contains("data"),
        "the key and the fix: {errors}"
    );
    assert!(
        errors.contains("skils") && errors.contains("skills"),
        "everything wrong at once: {errors}"
    );
    assert!(
        !folder.path().join("data").exists(),
        "the data folder was made"
    );

    let config = folder.path().join("rapport.toml").display().to_string();
    let (checked, _, said) = run(&["check-config", &config], folder.path()).await;
    assert!(!checked.success() && said.contains("datta"), "{said}");
}

#[tokio::test]
async fn a_missing_file_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let errors = refused(folder.path()).await;
    assert!(reason(&errors).contains("rapport.toml"), "{errors}");
}

#[tokio::test]
async fn a_taken_port_is_named_with_its_key_and_the_log_stays_as_it_was() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("its address").port();
    let sip = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let sip_port = sip.local_addr().expect("its address").port();
    let cases = [
        (
            "http.bind",
            "[http]\nbind = \"127.0.0.1:0\"",
            format!("[http]\nbind = \"127.0.0.1:{port}\""),
        ),
        (
            "chat.bind",
            "[chat]\nbind = \"127.0.0.1:0\"",
            format!("[chat]\nbind = \"127.0.0.1:{port}\""),
        ),
        (
            "voice.bind",
            "[voice]\nbind = \"127.0.0.1:0\"",
            format!("[voice]\nbind = \"127.0.0.1:{sip_port}\""),
        ),
    ];
    for (key, usual, changed) in cases {
        let folder = tempfile::tempdir().expect("a folder");
        configure(folder.path(), &Setup::new().with_voice());
        let file = folder.path().join("rapport.toml");
        let text = std::fs::read_to_string(&file).expect("a file");
        assert!(text.contains(usual), "{text}");
        std::fs::write(&file, text.replace(usual, &changed)).expect("a file");
        let errors = refused(folder.path()).await;
        let reason = reason(&errors);
        assert!(
            reason.contains(key) && reason.contains(&changed[changed.len() - 6..changed.len() - 1]),
            "{errors}"
        );
        assert!(
            !folder.path().join("data").exists(),
            "{key}: the data folder was made"
        );
    }
}

#[tokio::test]
async fn a_data_folder_that_another_hub_writes_to_is_left_alone() {
    let mut hub = Hub::start(&Setup::new()).await;
    let other = tempfile::tempdir().expect("a folder");
    std::fs::copy(
        hub.folder().join("rapport.toml"),
        other.path().join("rapport.toml"),
    )
    .expect("a copy");
    let events = hub.log().first("policy.set.v1", |_| true).await.position();
    let errors = refused(other.path()).await;
    let reason = reason(&errors);
    assert!(
        reason.contains("in use") && reason.contains("data"),
        "{errors}"
    );
    assert!(hub.is_running());
    let log = hub.log();
    log.reaches(events).await;
    assert_eq!(
        log.all().len(),
        usize::try_from(events).expect("a number"),
        "the other one wrote nothing"
    );
}

#[tokio::test]
async fn a_log_of_a_newer_version_is_refused_and_not_changed() {
    let mut hub = Hub::start(&Setup::new()).await;
    assert!(hub.stop().await.success());
    let log = std::fs::read_dir(hub.data())
        .expect("a folder")
        .flatten()
        .map(|entry| entry.path())
        .find(|path| {
            let bytes = std::fs::read(path).unwrap_or_default();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            bytes.starts_with(b"SQLite format 3") && name.contains("log")
        })
        .expect("the log's file");
    let file = std::fs::OpenOptions::new()
        .write(true)
        .open(&log)
        .expect("the log");
    file.write_all_at(&999_u32.to_be_bytes(), USER_VERSION_AT)
        .expect("written");
    let before = std::fs::read(&log).expect("the log");
    let errors = refused(hub.folder()).await;
    let reason = reason(&errors);
    assert!(
        reason.contains("newer") && reason.contains("999"),
        "{errors}"
    );
    assert_eq!(
        std::fs::read(&log).expect("the log"),
        before,
        "the file was changed"
    );
    let data = hub.data().display().to_string();
    let (status, _, said) = run(&["log", "tail", "--data", &data], hub.folder()).await;
    assert!(!status.success() && said.contains("newer"), "{said}");
}

#[tokio::test]
async fn the_interface_names_the_wrong_field_as_problem_json() {
    let hub = Hub::start(&Setup::new().agent("anna", "")).await;
    let finance = hub.api().as_department("finance");
    let good = json!({
        "customer": { "phone": "+4917012345" }, "purpose": "survey", "class": "service", "talking_point": "Ask.", "value": 1,
        "expires_at": "2099-01-01T00:00:00Z", "channels": ["voice"],
    });
    let before = hub.log().first("policy.set.v1", |_| true).await.position();
    for (field, wrong) in [
        ("class", json!("urgent")),
        ("value", json!(-1)),
        ("expires_at", json!("yesterday")),
        ("channels", json!(["telepathy"])),
        ("customer", json!({ "phone": "call me" })),
        ("purpose", json!(7)),
    ] {
        let mut wish = good.clone();
        wish[field] = wrong;
        let answer = finance.post("/wishes", wish).await;
        assert_eq!(answer.status, 422, "{field}: {}", answer.body);
        assert_eq!(
            answer.headers["content-type"], "application/problem+json",
            "{field}"
        );
        let named = answer.body["field"].as_str().unwrap_or_default();
        assert!(named.starts_with(field), "{field}: {}", answer.body);
        assert!(
            ["title", "detail"]
                .iter()
                .all(|name| answer.body[name].is_string()),
            "{}",
            answer.body
        );
        assert_eq!(answer.body["status"], 422);
    }
    let mut unknown = good.clone();
    unknown["prise"] = json!(1);
    let answer = finance.post("/wishes", unknown).await;
    assert!(
        answer.status >= 400 && answer.body.to_string().contains("prise"),
        "{}",
        answer.body
    );
    assert_eq!(
        hub.log()
            .those(|event| event.position() > before && event.kind().starts_with("outreach"))
            .len(),
        0
    );

    let nobody = hub.api();
    assert_eq!(nobody.get("/me").await.status, 401);
    assert_eq!(nobody.post("/wishes", good.clone()).await.status, 401);
    let wrong = nobody
        .post(
            "/login",
            json!({ "tenant": "acme", "user": "anna", "password": "wrong wrong" }),
        )
        .await;
    let unknown = nobody
        .post(
            "/login",
            json!({ "tenant": "acme", "user": "nobody", "password": "wrong wrong" }),
        )
        .await;
    assert_eq!(
        (wrong.status, wrong.body),
        (unknown.status, unknown.body),
        "nobody learns who exists"
    );
    let queue = json!({ "display_name": "Wide", "target_seconds": 0 });
    let answer = hub
        .api()
        .as_department("operations")
        .request(Method::PUT, "/setup/queues/wide", Some(queue.clone()))
        .await;
    assert_eq!(
        (answer.status, &answer.body["field"]),
        (422, &json!("target_seconds")),
        "{}",
        answer.body
    );
    assert_eq!(
        finance
            .request(Method::PUT, "/setup/queues/wide", Some(queue))
            .await
            .status,
        403
    );
}
