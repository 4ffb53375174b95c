//! `rapport demo` as a script runs it.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn demo(data: &Path, seconds: u64) -> (Output, Value) {
    let output = Command::new(env!("CARGO_BIN_EXE_rapport"))
        .args(["demo", "--json", "--ports", "auto", "--for"])
        .arg(format!("{seconds}s"))
        .arg("--data")
        .arg(data)
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    let report = serde_json::from_slice(&output.stdout);
    let report = report.unwrap_or_else(|error| panic!("no JSON object: {error}\n{words}"));
    (output, report)
}

fn number(report: &Value, key: &str) -> u64 {
    let number = report[key].as_u64();
    number.unwrap_or_else(|| panic!("{key} is missing in {report}"))
}

#[test]
fn a_demonstration_ends_by_itself_with_counts_of_what_happened_and_goes_on_with_its_data() {
    let folder = tempfile::tempdir().unwrap();
    let (output, first) = demo(folder.path(), 12);
    assert!(output.status.success());
    assert_eq!(number(&first, "simulation_errors"), 0, "{first}");
    for key in ["calls_in", "chats_in", "served", "wishes_filed", "messages"] {
        assert!(number(&first, key) > 0, "{key}: {first}");
    }
    // Departments file several wishes for one customer: fewer contacts than wishes.
    let planned = number(&first, "contacts_planned");
    assert!(
        (1..number(&first, "wishes_filed")).contains(&planned),
        "{first}"
    );
    // Nobody is left behind when everybody goes home.
    let ended = number(&first, "served") + number(&first, "abandoned");
    assert_eq!(number(&first, "contacts_in"), ended, "{first}");
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    let password = words.split("user you, password ").nth(1).unwrap();
    let password = password.split_whitespace().next().unwrap();

    let (output, second) = demo(folder.path(), 3);
    assert!(output.status.success());
    assert_eq!(number(&second, "simulation_errors"), 0, "{second}");
    assert!(
        number(&second, "events") < number(&first, "events"),
        "counts begin anew"
    );
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(words.contains(password), "accounts stay what they were");
}

#[test]
fn a_span_that_is_none_is_refused_with_the_right_form() {
    let output = Command::new(env!("CARGO_BIN_EXE_rapport"))
        .args(["demo", "--for", "soon"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("60s"));
}
