//! Journey 2: a message comes in. What people see is tried in a real browser (tests/browser/journeys.mjs); what agents may
//! hold at the same time is tried with visitors and callers.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rapport_tests::chat::Visitor;
use rapport_tests::hub::{Hub, program};
use rapport_tests::log::Event;
use rapport_tests::ports;
use rapport_tests::process::Process;
use rapport_tests::rtp::Rtp;
use rapport_tests::setup::Setup;
use rapport_tests::sipp::{Plan, Scenario};
use serde_json::json;
use uuid::Uuid;

/// A browser on a busy machine.
const BROWSER_WITHIN: Duration = Duration::from_secs(240);

#[tokio::test]
async fn visitors_and_an_agent_talk_in_a_real_browser() {
    let folder = tempfile::tempdir().expect("a folder");
    let browser = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser");
    assert!(
        browser.join("node_modules/playwright-core").is_dir(),
        "`make peers` fetches what tests/browser needs"
    );
    let mut command = Command::new("node");
    command
        .arg("journeys.mjs")
        .current_dir(&browser)
        .env("RAPPORT_BIN", program());
    let mut journeys = Process::start("journeys", &mut command, folder.path());
    let status = journeys.end(BROWSER_WITHIN).await;
    println!("{}", journeys.output());
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn while_a_call_waits_an_agent_finishes_chats_gets_the_call_next_and_more_chats_after_it() {
    let phone = ports::udp();
    let hub = Hub::start(&Setup::new().with_voice().agent_at("anna", phone)).await;
    let (log, anna) = (hub.log(), hub.api().as_agent("anna").await);
    anna.ready().await;
    let (ear, agents_ear) = (Rtp::saying(0x21), Rtp::saying(0x42));
    let plan = Plan::new(Scenario::Phone, "anna", agents_ear.port()).at(phone);
    let _phone = plan.start(hub.addresses().sip, hub.folder());

    let mut visitor = Visitor::arrive(hub.addresses().chat).await.expect("a hub");
    visitor
        .say(Uuid::new_v4(), "The first")
        .await
        .expect("acknowledged");
    let first = visitor.interaction().expect("a conversation").to_owned();
    log.of(&first, "interaction.offered.v1").await;
    anna.press(&format!("/interactions/{first}/accept"))
        .await
        .ok();

    // The call waits for room: 33 of 100 points are taken, and a call needs all of them.
    let mut caller = Plan::new(Scenario::Caller, "+4917012345", ear.port())
        .start(hub.addresses().sip, hub.folder());
    let queued = log
        .first("interaction.started.v1", |event| {
            event.text("channel") == "voice"
        })
        .await;
    let call = queued.id().to_owned();
    log.of(&call, "interaction.queued.v1").await;

    // A second chat would fit, but then the call might wait for ever.
    let mut other = Visitor::arrive(hub.addresses().chat).await.expect("a hub");
    other
        .say(Uuid::new_v4(), "The second")
        .await
        .expect("acknowledged");
    let second = other.interaction().expect("a conversation").to_owned();
    let waiting = ["interaction.started.v1", "interaction.queued.v1"];
    anna.post(
        &format!("/interactions/{first}/messages"),
        json!({ "message": Uuid::new_v4(), "text": "Hello!" }),
    )
    .await
    .ok();
    log.of(&first, "interaction.message_sent.v1").await;
    assert_eq!(
        log.story(&call),
        waiting,
        "a call was offered beyond the budget"
    );
    assert!(
        !log.story(&second)
            .contains(&"interaction.offered.v1".to_owned()),
        "a chat overtook the call"
    );

    anna.press(&format!("/interactions/{first}/end")).await.ok();
    anna.post(
        &format!("/interactions/{first}/wrap-up"),
        json!({ "disposition": "solved" }),
    )
    .await
    .ok();
    visitor
        .line("closed", |_| true)
        .await
        .expect("the end of the conversation");
    let offered = log.of(&call, "interaction.offered.v1").await;
    let done = |event: &Event| {
        event.kind() == "agent.work_finished.v1" && event.position() < offered.position()
    };
    assert_eq!(
        log.those(done).len(),
        1,
        "the call came when the chat was done with"
    );
    log.of(&call, "interaction.connected.v1").await;
    ear.hears(0x42, 20).await;
    assert!(
        !log.story(&second)
            .contains(&"interaction.offered.v1".to_owned()),
        "a chat beside a call is beyond the budget"
    );

    caller.hang_up();
    log.of(&call, "interaction.ended.v1").await;
    anna.post(
        &format!("/interactions/{call}/wrap-up"),
        json!({ "disposition": "solved" }),
    )
    .await
    .ok();
    log.of(&second, "interaction.offered.v1").await;
    caller.succeeds().await;
}
