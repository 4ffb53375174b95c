//! Journey 1: a call comes in. SIPp and baresip are trunk and phones; packets of sound are counted where they are heard.

use std::net::UdpSocket;
use std::process::Command;
use std::time::Duration;

use rapport_tests::api::Api;
use rapport_tests::baresip::Baresip;
use rapport_tests::hub::Hub;
use rapport_tests::log::Log;
use rapport_tests::ports;
use rapport_tests::process::Process;
use rapport_tests::rtp::Rtp;
use rapport_tests::setup::{PHONE_SECRET, Setup};
use rapport_tests::sipp::{Plan, Scenario, Sipp};
use rapport_tests::wait;
use serde_json::{Value, json};

const CALLER: &str = "+4917012345";
/// What the caller and the agent say.
const CALLERS_VOICE: u8 = 0x21;
const AGENTS_VOICE: u8 = 0x42;
const SECOND: u64 = 50;

fn calls(hub: &Hub, who: &str, sound: &Rtp) -> Sipp {
    Plan::new(Scenario::Caller, who, sound.port()).start(hub.addresses().sip, hub.folder())
}

/// The one contact at this agent's desk, once it is in this phase.
async fn at_desk(log: &Log, desk: &Api, phase: &str) -> String {
    let kind = match phase {
        "offered" => "interaction.offered.v1",
        "active" => "interaction.offer_accepted.v1",
        other => panic!("no phase {other}"),
    };
    let me = desk.get("/me").await.ok();
    let agent = me["agent"]["id"].clone();
    log.first(kind, |event| event.data()["agent"] == agent)
        .await
        .id()
        .to_owned()
}

#[tokio::test]
async fn a_caller_hears_music_then_the_agent_and_the_call_ends_in_wrap_up() {
    let phone_port = ports::udp();
    let mut hub = Hub::start(&Setup::new().with_voice().agent_at("anna", phone_port)).await;
    let (log, anna) = (hub.log(), hub.api().as_agent("anna").await);
    let (callers_ear, agents_ear) = (Rtp::saying(CALLERS_VOICE), Rtp::saying(AGENTS_VOICE));
    let ringing = Duration::from_millis(300);
    let phone = Plan::new(Scenario::Phone, "anna", agents_ear.port())
        .at(phone_port)
        .pausing(ringing);
    let mut phone = phone.start(hub.addresses().sip, hub.folder());

    let mut caller = calls(&hub, CALLER, &callers_ear);
    let started = log.first("interaction.started.v1", |_| true).await;
    assert_eq!(
        started.data()["contact_point"],
        json!({ "kind": "phone", "value": CALLER })
    );
    caller.receives("SIP/2.0 200").await;
    callers_ear.hears_music(SECOND).await;

    anna.ready().await;
    let ready = log
        .first("agent.presence_changed.v1", |event| {
            event.data()["presence"]["state"] == "ready"
        })
        .await;
    let invite = phone.receives("INVITE").await;
    assert_eq!(invite.user("From"), CALLER, "the agent sees who is calling");
    let at = |text: &Value| clock(text.as_str().expect("a moment"));
    println!(
        "agent ready (durable) -> INVITE at the phone: {:.1} ms",
        (invite.at % 60.0 - at(&ready.0["recorded_at"])) * 1e3
    );

    let call = at_desk(&log, &anna, "active").await;
    assert_eq!(call, started.id());
    log.of(&call, "interaction.connected.v1").await;
    callers_ear.hears(AGENTS_VOICE, 2 * SECOND).await;
    agents_ear.hears(CALLERS_VOICE, 2 * SECOND).await;

    caller.hang_up();
    let ended = log.of(&call, "interaction.ended.v1").await;
    assert_eq!(ended.text("by"), "customer");
    phone.receives("BYE").await;
    caller.succeeds().await;
    phone.succeeds().await;

    let wrong = anna
        .post(
            &format!("/interactions/{call}/wrap-up"),
            json!({ "disposition": "no such code" }),
        )
        .await;
    assert_eq!(
        (wrong.status, &wrong.body["field"]),
        (422, &json!("disposition"))
    );
    let done = json!({ "disposition": "solved", "note": "All is well." });
    anna.post(&format!("/interactions/{call}/wrap-up"), done)
        .await
        .ok();
    assert_eq!(
        log.of(&call, "interaction.disposition_set.v1")
            .await
            .text("disposition"),
        "solved"
    );
    assert_eq!(
        log.of(&call, "interaction.closed.v1").await.text("cause"),
        "wrapped_up"
    );
    let expected = [
        "started",
        "queued",
        "offered",
        "dial_requested",
        "offer_accepted",
        "connected",
        "ended",
        "disposition_set",
        "closed",
    ];
    assert_eq!(
        log.story(&call),
        expected.map(|name| format!("interaction.{name}.v1"))
    );
    assert!(hub.stop().await.success());
}

/// Seconds of the minute in `2026-11-21T21:00:00.123456Z`.
fn clock(moment: &str) -> f64 {
    let seconds = moment.rsplit(':').next().unwrap_or_default();
    seconds.trim_end_matches('Z').parse().expect("seconds")
}

#[tokio::test]
async fn a_registered_phone_takes_the_call_and_may_end_it() {
    let hub = Hub::start(&Setup::new().with_voice().agent_with_phone("bo")).await;
    let (log, bo) = (hub.log(), hub.api().as_agent("bo").await);
    let mut phone = Baresip::registered("bo", hub.addresses().sip, hub.folder()).await;
    bo.ready().await;

    let callers_ear = Rtp::saying(CALLERS_VOICE);
    let mut caller = calls(&hub, CALLER, &callers_ear);
    let call = log
        .first("interaction.connected.v1", |_| true)
        .await
        .id()
        .to_owned();
    let before = callers_ear.heard();
    wait::until("two seconds of the agent's sound", || async {
        let heard = callers_ear.heard();
        (heard.other + heard.by_sound.values().sum::<u64>()
            >= before.other + before.by_sound.values().sum::<u64>() + 2 * SECOND)
            .then_some(())
    })
    .await;

    phone.hang_up();
    assert_eq!(
        log.of(&call, "interaction.ended.v1").await.text("by"),
        "agent"
    );
    caller.receives("BYE").await;
    caller.succeeds().await;
    let stats = phone.stats().await;
    println!(
        "baresip sent {} and received {} packets",
        stats.sent, stats.received
    );
    assert!(
        stats.sent >= SECOND && stats.received >= SECOND,
        "{stats:?}"
    );

    // Wrap-up is not over: no second call yet, and one as soon as it is.
    let mut second = calls(&hub, "+4917000002", &callers_ear);
    let waiting = log
        .first("interaction.started.v1", |event| event.id() != call)
        .await
        .id()
        .to_owned();
    second.receives("SIP/2.0 200").await;
    assert_eq!(
        log.story(&waiting),
        ["interaction.started.v1", "interaction.queued.v1"]
    );
    bo.post(&format!("/interactions/{call}/wrap-up"), json!({}))
        .await
        .ok();
    log.of(&waiting, "interaction.connected.v1").await;

    // The desk hangs up just as well as the phone.
    bo.press(&format!("/interactions/{waiting}/end")).await.ok();
    assert_eq!(
        log.of(&waiting, "interaction.ended.v1").await.text("by"),
        "agent"
    );
    second.succeeds().await;
}

#[tokio::test]
async fn a_caller_who_hangs_up_while_waiting_is_noted_as_abandoned() {
    let hub = Hub::start(&Setup::new().with_voice()).await;
    let (log, ear) = (hub.log(), Rtp::saying(CALLERS_VOICE));
    let mut caller = calls(&hub, CALLER, &ear);
    let call = log
        .first("interaction.queued.v1", |_| true)
        .await
        .id()
        .to_owned();
    ear.hears_music(5).await;
    caller.hang_up();
    log.of(&call, "interaction.abandoned.v1").await;
    caller.succeeds().await;
    let wall = hub.api().as_department("operations");
    let fits = |wall: &Value| {
        wall["queues"].as_array().is_some_and(|all| {
            all.iter()
                .any(|q| q["name"] == "service" && q["abandoned"] == 1)
        })
    };
    wall.sees("/wallboard", "one abandoned call on the wallboard", fits)
        .await;
}

#[tokio::test]
async fn who_does_not_answer_is_set_not_ready_and_the_next_agent_gets_the_caller_first() {
    let (annas, bos) = (ports::udp(), ports::udp());
    let setup = Setup::new()
        .with_voice()
        .agent_at("anna", annas)
        .agent_at("bo", bos);
    let hub = Hub::start(&setup.service("offer_seconds = 3\nwrap_up_seconds = 120\n")).await;
    let (log, sip) = (hub.log(), hub.addresses().sip);
    let (anna, bo) = (
        hub.api().as_agent("anna").await,
        hub.api().as_agent("bo").await,
    );
    let mut silent = Plan::new(Scenario::SilentPhone, "anna", 9)
        .at(annas)
        .start(sip, hub.folder());
    let (ear, second_ear, bos_ear) = (
        Rtp::saying(CALLERS_VOICE),
        Rtp::saying(0x33),
        Rtp::saying(AGENTS_VOICE),
    );
    let _bos_phone = Plan::new(Scenario::Phone, "bo", bos_ear.port())
        .at(bos)
        .start(sip, hub.folder());

    let _caller = calls(&hub, CALLER, &ear);
    let first = log
        .first("interaction.queued.v1", |_| true)
        .await
        .id()
        .to_owned();
    let _second = calls(&hub, "+4917000002", &second_ear);
    log.first("interaction.queued.v1", |event| event.id() != first)
        .await;

    anna.ready().await;
    let missed = log.of(&first, "interaction.offer_ended.v1").await;
    assert_eq!(missed.text("why"), "expired");
    silent.receives("CANCEL").await;
    silent.succeeds().await;
    let away =
        |event: &rapport_tests::log::Event| event.data()["presence"]["reason"] == "missed_offer";
    log.first("agent.presence_changed.v1", away).await;
    assert_eq!(
        anna.presence().await,
        json!({ "state": "not_ready", "reason": "missed_offer" })
    );

    bo.ready().await;
    let served = log.first("interaction.connected.v1", |_| true).await;
    assert_eq!(
        served.id(),
        first,
        "the caller kept the place at the head of the line"
    );
    ear.hears(AGENTS_VOICE, SECOND).await;
}

#[tokio::test]
async fn a_number_that_nobody_has_is_refused_with_404() {
    let hub = Hub::start(&Setup::new().with_voice()).await;
    let plan = Plan::new(Scenario::Caller, CALLER, 9).calling("4930999");
    let mut caller = plan.start(hub.addresses().sip, hub.folder());
    caller.receives("SIP/2.0 404").await;
    caller.succeeds().await;
    assert_eq!(hub.log().count("interaction.started.v1"), 0);
}

async fn register(hub: &Hub, user: &str, secret: &str, turn: usize) -> String {
    let (sip, port) = (hub.addresses().sip, ports::udp());
    let mut command = Command::new("sipsak");
    command.args([
        "-U",
        "-v",
        "-v",
        "-v",
        "-u",
        user,
        "-a",
        secret,
        "-x",
        "60",
        "-l",
        &port.to_string(),
    ]);
    command.args([
        "-C",
        &format!("sip:{user}@127.0.0.1:{port}"),
        "-s",
        &format!("sip:{user}@{sip}"),
    ]);
    let mut sipsak = Process::start(&format!("sipsak-{user}-{turn}"), &mut command, hub.folder());
    sipsak.end(wait::PATIENCE).await;
    sipsak.output() + &sipsak.errors()
}

#[tokio::test]
async fn a_wrong_phone_password_is_refused_and_guessing_is_slowed_down() {
    let hub = Hub::start(&Setup::new().with_voice().agent_with_phone("bo")).await;
    let registered = |answer: &str| answer.contains("completed successful");
    let right = register(&hub, "bo", PHONE_SECRET, 0).await;
    assert!(registered(&right), "{right}");

    let mut turned_away = 0;
    for turn in 1..=14 {
        let answer = register(&hub, "bo", "wrong-secret", turn).await;
        assert!(!registered(&answer), "{answer}");
        assert!(
            answer.contains(" 401 ") || answer.contains(" 403 "),
            "{answer}"
        );
        turned_away += usize::from(answer.contains(" 403 "));
    }
    assert!(turned_away > 0, "fourteen guesses and none was turned away");
    let stranger = register(&hub, "nobody", "whatever", 0).await;
    assert!(!registered(&stranger), "{stranger}");
}

#[tokio::test]
async fn nonsense_on_the_wire_does_not_harm_a_running_call() {
    let phone_port = ports::udp();
    let hub = Hub::start(&Setup::new().with_voice().agent_at("anna", phone_port)).await;
    let (log, anna, sip) = (
        hub.log(),
        hub.api().as_agent("anna").await,
        hub.addresses().sip,
    );
    let (ear, agents_ear) = (Rtp::saying(CALLERS_VOICE), Rtp::saying(AGENTS_VOICE));
    let phone = Plan::new(Scenario::Phone, "anna", agents_ear.port())
        .at(phone_port)
        .start(sip, hub.folder());
    anna.ready().await;
    let mut caller = calls(&hub, CALLER, &ear);
    let call = log
        .first("interaction.connected.v1", |_| true)
        .await
        .id()
        .to_owned();
    ear.hears(AGENTS_VOICE, 10).await;

    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let call_id = phone.receives("INVITE").await.header("Call-ID").to_owned();
    let mut nonsense: Vec<Vec<u8>> = vec![
        vec![0; 65_000],
        (0..=255).cycle().take(4_000).collect(),
        b"\r\n\r\n".to_vec(),
        b"INVITE".to_vec(),
        b"INVITE sip:x SIP/2.0\r\n\r\n".to_vec(),
        format!("INVITE sip:{} SIP/2.0\r\n", "x".repeat(60_000)).into_bytes(),
        format!("BYE sip:x@{sip} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1\r\nCall-ID: {call_id}\r\nContent-Length: -1\r\n\r\n").into_bytes(),
        format!("BYE sip:x@{sip} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: {call_id}\r\nCSeq: 9 BYE\r\nContent-Length: 0\r\n\r\n").into_bytes(),
        format!("SIP/2.0 200 OK\r\nCall-ID: {call_id}\r\nCSeq: 99999999999999999999 INVITE\r\n\r\n").into_bytes(),
        "INVITE sip:\u{fffd}@h SIP/2.0\r\nFrom: \"\u{0}\" <sip:>;tag=\r\nContent-Length: 4294967296\r\n\r\n".as_bytes().to_vec(),
    ];
    let whole = format!(
        "INVITE sip:4930100@{sip} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKcut\r\nFrom: <sip:a@b>;tag=1\r\n\
         To: <sip:c@d>\r\nCall-ID: cut\r\nCSeq: 1 INVITE\r\nContent-Type: application/sdp\r\nContent-Length: 900\r\n\r\nv=0\r\n"
    );
    nonsense.extend(
        (0..whole.len())
            .step_by(7)
            .map(|cut| whole.as_bytes()[..cut].to_vec()),
    );
    for datagram in &nonsense {
        socket.send_to(datagram, sip).expect("sent");
    }

    ear.hears(AGENTS_VOICE, SECOND).await;
    agents_ear.hears(CALLERS_VOICE, SECOND).await;
    caller.hang_up();
    assert_eq!(
        log.of(&call, "interaction.ended.v1").await.text("by"),
        "customer"
    );
    caller.succeeds().await;
    let plan = Plan::new(Scenario::Caller, "+4917000002", ear.port());
    plan.start(sip, hub.folder()).receives("SIP/2.0 200").await;
}

#[tokio::test]
async fn more_calls_than_agreed_are_answered_503_with_the_time_to_come_back() {
    let hub = Hub::start(
        &Setup::new()
            .with_voice()
            .voice("calls_per_second = 3\ntrunk_calls_per_second = 3"),
    )
    .await;
    let ear = Rtp::saying(CALLERS_VOICE);
    let plan = Plan::new(Scenario::Crowd, "49170", ear.port())
        .calls(12, 200)
        .pausing(Duration::from_millis(200));
    let mut crowd = plan.start(hub.addresses().sip, hub.folder());
    crowd.succeeds().await;
    let refusal = crowd.receives("SIP/2.0 503").await;
    let seconds: u32 = refusal.header("Retry-After").parse().expect("seconds");
    assert!(seconds >= 1);
    let all = crowd.messages();
    let answered = |status: &str| {
        let of_invites = all.iter().filter(|m| {
            !m.sent && m.header("CSeq").ends_with("INVITE") && m.first_line().starts_with(status)
        });
        of_invites
            .map(|m| m.header("Call-ID").to_owned())
            .collect::<std::collections::BTreeSet<_>>()
            .len()
    };
    let (taken, refused) = (answered("SIP/2.0 200"), answered("SIP/2.0 503"));
    assert_eq!(taken + refused, 12);
    assert!(taken >= 3, "what was agreed is served: {taken}");
    let log = hub.log();
    log.several(taken, "interaction.abandoned.v1", |_| true)
        .await;
    assert_eq!(
        log.count("interaction.started.v1"),
        taken,
        "a refused call leaves nothing behind"
    );
}
