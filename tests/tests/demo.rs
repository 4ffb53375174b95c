//! `rapport demo`: what it reports is what the log says.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::time::Duration;

use rapport_tests::hub::program;
use rapport_tests::log::Log;
use rapport_tests::process::Process;
use serde_json::Value;

/// Fifteen seconds, and whatever everybody needs to finish.
const LIMIT: Duration = Duration::from_secs(90);

#[tokio::test]
async fn a_short_demonstration_ends_well_and_its_numbers_are_those_of_the_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let mut command = Command::new(program());
    command
        .args([
            "demo", "--for", "15s", "--json", "--ports", "auto", "--data",
        ])
        .arg(&data);
    let mut demo = Process::start("demo", &mut command, folder.path());
    let status = demo.end(LIMIT).await;
    assert!(status.success(), "{status}");
    let report: Value =
        serde_json::from_str(demo.output().trim()).expect("one JSON object and nothing else");
    assert_eq!(report["simulation_errors"], 0, "{report}");

    let log = Log::follow(&data, folder.path());
    let demonstrated = report["events"].as_u64().expect("a number of events");
    assert!(demonstrated > 0);
    log.first("interaction.started.v1", |_| true).await;
    rapport_tests::wait::until("every event that was counted", || async {
        // The set-up that the start declares is not part of the demonstration.
        let setup = |event: &&rapport_tests::log::Event| event.0["actor"]["kind"] == "operator";
        let all = log.all();
        let declared = all.iter().filter(setup).count();
        (u64::try_from(all.len() - declared).expect("a number") >= demonstrated).then_some(())
    })
    .await;

    let mut inbound = BTreeSet::new();
    let mut counted: BTreeMap<&str, u64> = BTreeMap::new();
    let mut plans = BTreeSet::new();
    let all = log.all();
    for event in &all {
        let from_outside = inbound.contains(event.id());
        let name = match event.kind() {
            "interaction.started.v1" if event.text("direction") == "inbound" => {
                inbound.insert(event.id());
                *counted
                    .entry(if event.text("channel") == "voice" {
                        "calls_in"
                    } else {
                        "chats_in"
                    })
                    .or_default() += 1;
                "contacts_in"
            }
            "interaction.started.v1" => "contacts_out",
            "interaction.offer_accepted.v1" if from_outside => "served",
            "interaction.abandoned.v1" if from_outside => "abandoned",
            "interaction.message_received.v1" | "interaction.message_sent.v1" => "messages",
            "outreach.wish_filed.v1" => "wishes_filed",
            "outreach.contact_planned.v1" if plans.insert(event.text("plan")) => "contacts_planned",
            _ => continue,
        };
        *counted.entry(name).or_default() += 1;
    }
    for name in [
        "contacts_in",
        "calls_in",
        "chats_in",
        "served",
        "abandoned",
        "wishes_filed",
        "contacts_planned",
        "contacts_out",
        "messages",
    ] {
        let of_log = counted.get(name).copied().unwrap_or_default();
        assert_eq!(
            report[name].as_u64(),
            Some(of_log),
            "{name}: the report and the log differ: {report}"
        );
    }
    for name in ["calls_in", "chats_in", "served", "wishes_filed"] {
        assert!(
            report[name].as_u64().is_some_and(|number| number > 0),
            "a demonstration without {name}: {report}"
        );
    }
    println!("{report}");
}
