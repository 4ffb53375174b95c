//! Tables of departments are imported: what can be read is, what cannot is written down with its reason, nothing comes twice,
//! and nothing in a cell is ever calculated.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rapport_tests::hub::{Hub, program};
use rapport_tests::process::Process;
use rapport_tests::setup::{Setup, key};
use serde_json::{Value, json};

const WITHIN: Duration = Duration::from_secs(60);
const HEAD: &str = "external_id,purpose,class,talking_point,value,expires_at,channels,key";

fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let file = folder.join(name);
    std::fs::write(&file, bytes).expect("a file");
    file
}

/// Runs an import and answers what it printed as JSON, or its error.
async fn import(
    hub: &Hub,
    what: &str,
    who: &str,
    file: &Path,
    more: &[&str],
) -> Result<Value, String> {
    let url = format!("http://{}", hub.addresses().http);
    let file = file.to_str().expect("a path");
    let mut command = Command::new(program());
    command
        .args([what, "import", file, "--json", "--url", &url])
        .args(more)
        .env("RAPPORT_API_KEY", key(who));
    let mut process = Process::start("import", &mut command, hub.folder());
    let status = process.end(WITHIN).await;
    if !status.success() {
        return Err(process.errors());
    }
    Ok(serde_json::from_str(&process.output()).expect("JSON"))
}

async fn customer(hub: &Hub, external_id: &str) -> Option<Value> {
    let admin = hub.api().as_department("operations");
    let found = admin
        .post("/customers/search", json!({ "external_id": external_id }))
        .await
        .ok();
    let id = found["customers"][0]["id"].as_str()?.to_owned();
    Some(admin.get(&format!("/customers/{id}")).await.ok())
}

fn row(id: &str, point: &str, value: &str, key: &str) -> String {
    format!("{id},survey,service,{point},{value},2099-01-01T00:00:00Z,voice,{key}")
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_rows_go_to_a_file_with_their_reasons_and_the_rest_is_imported_once() {
    let hub = Hub::start(&Setup::new()).await;
    let rows = [
        HEAD.to_owned(),
        row(
            "k-1",
            "\"Ask, \"\"please\"\",\nhow it went.\"",
            "5",
            "first",
        ),
        row("k-2", "Ask.", "forty", "second"),
        "k-3,survey,service".to_owned(),
        row(
            "k-4",
            "\"=HYPERLINK(\"\"http://evil.example\"\")\"",
            "5",
            "fourth",
        ),
        row("", "=1+1", "5", "fifth"),
        row("k-6", "Ask.", "5", ""),
    ];
    let table = format!("\u{feff}{}\r\n", rows.join("\r\n"));
    let file = write(hub.folder(), "wishes.csv", table.as_bytes());
    let done = import(&hub, "wishes", "service", &file, &[])
        .await
        .expect("an import");
    let counts = |done: &Value| ["rows", "new", "known", "wrong"].map(|n| done[n].as_u64());
    assert_eq!(
        counts(&done),
        [Some(6), Some(3), Some(0), Some(3)],
        "{done}"
    );
    let errors = done["errors"].as_str().expect("a file").to_owned();
    assert!(errors.ends_with("wishes.csv.errors.csv"));
    let text = std::fs::read_to_string(&errors).expect("the wrong rows");
    let lines: Vec<&str> = text.trim_start_matches('\u{feff}').lines().collect();
    assert_eq!(lines[0], format!("row,reason,{HEAD}"));
    assert!(text.contains("2,value: is no whole number,k-2,"), "{text}");
    assert!(text.contains("has 3 cells, not 8"), "{text}");
    assert!(
        text.contains("'=1+1"),
        "no spreadsheet calculates it: {text}"
    );
    // The formula of the fourth row is a text like any other.
    let known = customer(&hub, "k-4").await.expect("a customer");
    assert_eq!(known["wishes"].as_array().map(Vec::len), Some(1));

    let again = import(&hub, "wishes", "service", &file, &[])
        .await
        .expect("an import");
    assert_eq!(
        counts(&again),
        [Some(6), Some(0), Some(3), Some(3)],
        "nothing is new"
    );
    // The wrong ones, mended, with the columns that were added.
    let mended = text
        .replace("forty", "40")
        .replace(",,survey", ",k-5,survey");
    assert_ne!(mended, text);
    let mended = write(hub.folder(), "mended.csv", mended.as_bytes());
    let done = import(&hub, "wishes", "service", &mended, &[])
        .await
        .expect("an import");
    assert_eq!(
        counts(&done),
        [Some(3), Some(2), Some(0), Some(1)],
        "{done}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn customers_come_in_gbk_with_all_that_is_said_of_them() {
    let hub = Hub::start(&Setup::new()).await;
    // 李伟 in GBK.
    let mut table =
        b"external_id,phone,name,zone,verified,consent_given,consent_evidence\n".to_vec();
    table.extend_from_slice(b"g-1,+8613800138111,");
    table.extend_from_slice(&[0xc0, 0xee, 0xce, 0xb0]);
    table.extend_from_slice(b",Asia/Shanghai,yes,offers/voice,form of 2026-11-02\n");
    table.extend_from_slice(b"g-2,,Nowhere,Mars/Olympus,,,\n");
    table.extend_from_slice(b"g-3,,Somebody,,perhaps,,\n");
    let file = write(hub.folder(), "customers.csv", &table);
    let done = import(&hub, "customers", "operations", &file, &[])
        .await
        .expect("an import");
    assert_eq!(
        (&done["rows"], &done["wrong"]),
        (&json!(3), &json!(2)),
        "{done}"
    );
    let known = customer(&hub, "g-1").await.expect("a customer");
    assert_eq!(
        (&known["name"], &known["zone"]),
        (&json!("李伟"), &json!("Asia/Shanghai"))
    );
    let point = json!({ "kind": "phone", "value": "+8613800138111", "verified": true });
    let points = known["contact_points"].as_array().expect("points");
    let has = |wanted: &Value| {
        points.iter().any(|point| {
            ["kind", "value", "verified"]
                .iter()
                .all(|n| point[n] == wanted[n])
        })
    };
    assert!(has(&point), "{points:?}");
    let consent = &known["consent"][0];
    assert_eq!(
        (&consent["purpose"], &consent["given"]),
        (&json!("offers"), &json!(true))
    );
    let errors = std::fs::read_to_string(done["errors"].as_str().expect("a file"));
    let errors = errors.expect("the wrong rows");
    assert!(errors.contains("zone"), "{errors}");
    assert!(
        errors.contains("verified: is neither yes nor no"),
        "{errors}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_cannot_be_meant_is_refused_before_anything_is_sent() {
    let hub = Hub::start(&Setup::new()).await;
    let refused = async |text: &str, who: &str, words: &str| {
        let file = write(hub.folder(), "table.csv", text.as_bytes());
        let error = import(&hub, "wishes", who, &file, &[])
            .await
            .expect_err("an error");
        assert!(error.contains(words), "{error}");
    };
    refused(
        "external_id,prise\nk-1,5\n",
        "service",
        "the column \"prise\" is not known",
    )
    .await;
    refused("value,value\n1,2\n", "service", "is there twice").await;
    let table = format!("{HEAD}\n{}\n", row("k-1", "Ask.", "5", "a"));
    refused(&table, "nobody", "The key is not known.").await;
    let endless = format!("{HEAD}\nk-1,\"{}", "a".repeat(3 << 20));
    refused(&endless, "service", "is a quote not closed?").await;
    assert!(customer(&hub, "k-1").await.is_none(), "nothing was stored");
}
