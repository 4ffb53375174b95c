//! Journey 3: three departments want something of one customer, and the customer is contacted once.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rapport_tests::api::Api;
use rapport_tests::desk::Desk;
use rapport_tests::hub::Hub;
use rapport_tests::log::{Event, Log};
use rapport_tests::ports;
use rapport_tests::rtp::Rtp;
use rapport_tests::setup::{CALLER_ID, Setup};
use rapport_tests::sipp::{Plan, Scenario, Sipp};
use serde_json::{Value, json};
use uuid::Uuid;

const CUSTOMER: &str = "+8613800138000";
const CUSTOMERS_VOICE: u8 = 0x21;
const AGENTS_VOICE: u8 = 0x42;
const SECOND: u64 = 50;

/// Department, purpose, class and what to say.
const WISHES: [(&str, &str, &str, &str); 3] = [
    (
        "marketing",
        "invitation",
        "marketing",
        "Invite to the autumn tasting.",
    ),
    ("service", "survey", "service", "Ask how the repair went."),
    (
        "finance",
        "payment_reminder",
        "mandatory",
        "Invoice 1042 is overdue since Monday.",
    ),
];

fn tomorrow() -> u128 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock");
    (now + Duration::from_secs(86_400)).as_millis()
}

fn ids(value: &Value) -> Vec<String> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

struct Centre {
    hub: Hub,
    log: Log,
    anna: Api,
    agents_ear: Rtp,
    phone: Sipp,
    trunk: u16,
}

/// A hub with one agent at a phone, and a customer who agreed to hear from marketing.
async fn centre(policy: &str) -> (Centre, String) {
    let (phone_port, trunk) = (ports::udp(), ports::udp());
    let setup = Setup::new()
        .with_voice()
        .outbound_trunk(trunk)
        .agent_at("anna", phone_port)
        .policy(policy);
    let hub = Hub::start(&setup).await;
    let (log, anna, agents_ear) = (
        hub.log(),
        hub.api().as_agent("anna").await,
        Rtp::saying(AGENTS_VOICE),
    );
    let phone = Plan::new(Scenario::Phone, "anna", agents_ear.port())
        .at(phone_port)
        .start(hub.addresses().sip, hub.folder());

    // The customer becomes known with a wish that says nothing about the others.
    let first = file(&hub, WISHES[2]).await;
    let customer = first["customer"].as_str().expect("a customer").to_owned();
    let consent = json!({ "consent": [{ "purpose": "invitation", "channel": "voice", "given": true, "evidence": "form of 2026-11-02" }] });
    hub.api()
        .as_department("operations")
        .request(
            reqwest::Method::PATCH,
            &format!("/customers/{customer}"),
            Some(consent),
        )
        .await
        .ok();
    (
        Centre {
            hub,
            log,
            anna,
            agents_ear,
            phone,
            trunk,
        },
        customer,
    )
}

async fn file(
    hub: &Hub,
    (department, purpose, class, talking_point): (&str, &str, &str, &str),
) -> Value {
    let wish = json!({
        "key": Uuid::new_v4(), "customer": { "phone": CUSTOMER }, "purpose": purpose, "class": class,
        "talking_point": talking_point, "value": 40, "expires_at": u64::try_from(tomorrow()).expect("a moment"), "channels": ["voice"],
    });
    let answer = hub
        .api()
        .as_department(department)
        .post("/wishes", wish.clone())
        .await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let again = hub
        .api()
        .as_department(department)
        .post("/wishes", wish)
        .await;
    assert_eq!(
        (again.status, &again.body["id"]),
        (200, &answer.body["id"]),
        "the same wish again is nothing new"
    );
    answer.body
}

fn agenda(item: &Value) -> Vec<(String, String)> {
    let text = |entry: &Value, name: &str| entry[name].as_str().unwrap_or_default().to_owned();
    let all = item["agenda"].as_array().into_iter().flatten();
    all.map(|entry| (text(entry, "department"), text(entry, "wish")))
        .collect()
}

/// The agenda of a contact, as the desk of its agent shows it.
async fn agenda_at_the_desk(centre: &Centre, call: &str) -> Vec<(String, String)> {
    agenda(
        &Desk::open(centre.hub.addresses().http, &centre.anna)
            .await
            .in_snapshot(call),
    )
}

#[tokio::test]
async fn three_wishes_become_one_call_and_every_department_gets_its_own_outcome() {
    let (centre, customer) = centre("gather_seconds = 2\ncontacts_per_day = 1\n").await;
    for wish in [WISHES[0], WISHES[1]] {
        file(&centre.hub, wish).await;
    }
    let customers_ear = Rtp::saying(CUSTOMERS_VOICE);
    let customers_phone =
        Plan::new(Scenario::Phone, "customer", customers_ear.port()).at(centre.trunk);
    let mut customers_phone =
        customers_phone.start(centre.hub.addresses().sip, centre.hub.folder());
    let wished = centre
        .log
        .several(3, "outreach.wish_filed.v1", |_| true)
        .await;
    centre
        .log
        .first("outreach.contact_planned.v1", |event| {
            ids(&event.data()["agenda"]).len() == 3
        })
        .await;

    centre.anna.ready().await;
    let started = centre
        .log
        .first("outreach.contact_started.v1", |_| true)
        .await;
    let call = started.text("interaction").to_owned();
    let to_agent = centre.phone.receives("INVITE").await;
    let to_customer = customers_phone.receives("INVITE").await;
    assert!(
        to_agent.at <= to_customer.at,
        "nobody is called before an agent is there"
    );
    assert_eq!(to_customer.user("From"), CALLER_ID);
    assert!(
        to_customer.user("To").ends_with("8613800138000"),
        "{}",
        to_customer.header("To")
    );
    centre.log.of(&call, "interaction.connected.v1").await;
    customers_ear.hears(AGENTS_VOICE, SECOND).await;
    centre.agents_ear.hears(CUSTOMERS_VOICE, SECOND).await;

    // Mandatory first, then service, then marketing.
    let agenda = agenda_at_the_desk(&centre, &call).await;
    assert_eq!(
        agenda
            .iter()
            .map(|(department, _)| department.as_str())
            .collect::<Vec<_>>(),
        ["finance", "service", "marketing"]
    );
    for ((_, wish), outcome) in agenda.iter().zip(["agreed", "informed", "declined"]) {
        let body = json!({ "wish": wish, "outcome": outcome, "note": format!("said {outcome}") });
        centre
            .anna
            .post(&format!("/interactions/{call}/outcomes"), body)
            .await
            .ok();
    }
    centre.phone.hang_up();
    customers_phone.receives("BYE").await;
    customers_phone.succeeds().await;
    assert_eq!(
        centre
            .log
            .of(&call, "interaction.ended.v1")
            .await
            .text("by"),
        "agent"
    );
    centre
        .anna
        .post(&format!("/interactions/{call}/wrap-up"), json!({}))
        .await
        .ok();
    let closed = centre.log.of(&call, "interaction.closed.v1").await;
    let ended = centre
        .log
        .first("outreach.contact_ended.v1", |event| {
            event.text("interaction") == call
        })
        .await;
    assert_eq!(
        (&ended.data()["reached"], &ended.data()["returned"]),
        (&json!(true), &json!([]))
    );

    for ((department, wish), outcome) in agenda.iter().zip(["agreed", "informed", "declined"]) {
        let own = centre.hub.api().as_department(department);
        let seen = own
            .sees(&format!("/wishes/{wish}"), "the outcome", |wish| {
                wish["status"] == "done"
            })
            .await;
        assert_eq!(
            (&seen["outcome"], &seen["note"]),
            (&json!(outcome), &json!(format!("said {outcome}")))
        );
        let other = if department == "finance" {
            "marketing"
        } else {
            "finance"
        };
        assert_eq!(
            centre
                .hub
                .api()
                .as_department(other)
                .get(&format!("/wishes/{wish}"))
                .await
                .status,
            404
        );
    }
    let calls = centre
        .log
        .those(|event| event.kind() == "interaction.started.v1");
    assert_eq!(
        (calls.len(), calls[0].text("direction")),
        (1, "outbound"),
        "one company, one call"
    );
    assert_eq!(wished.len(), 3);
    receipts(
        &centre,
        &customer,
        &["planned", "started"],
        closed.position(),
    )
    .await;
    assert_eq!(
        centre.log.count("interaction.dial_requested.v1"),
        2,
        "the agent and the customer, once each"
    );
}

#[tokio::test]
async fn the_customer_calls_first_and_hears_it_then_and_the_planned_call_is_withdrawn_in_the_same_append()
 {
    let (mut centre, customer) = centre("gather_seconds = 3600\n").await;
    for wish in [WISHES[0], WISHES[1]] {
        file(&centre.hub, wish).await;
    }
    let planned = centre
        .log
        .first("outreach.contact_planned.v1", |event| {
            ids(&event.data()["agenda"]).len() == 3
        })
        .await;
    let ear = Rtp::saying(CUSTOMERS_VOICE);
    let mut caller = Plan::new(Scenario::Caller, CUSTOMER, ear.port())
        .start(centre.hub.addresses().sip, centre.hub.folder());
    centre.anna.ready().await;
    let call = centre
        .log
        .first("interaction.connected.v1", |_| true)
        .await
        .id()
        .to_owned();
    ear.hears(AGENTS_VOICE, SECOND).await;

    let withdrawn = centre
        .log
        .first("outreach.plan_withdrawn.v1", |_| true)
        .await;
    let taken_up = centre
        .log
        .first("outreach.agenda_taken_up.v1", |_| true)
        .await;
    assert_eq!(withdrawn.text("plan"), planned.text("plan"));
    assert_eq!(
        withdrawn.data()["why"],
        json!({ "kind": "customer_contacted_us", "interaction": call })
    );
    assert_eq!(taken_up.text("interaction"), call);
    one_append(&withdrawn, &taken_up);
    let agenda = agenda_at_the_desk(&centre, &call).await;
    assert_eq!(
        agenda.len(),
        3,
        "the agent sees on this call what was planned for another"
    );
    assert_eq!(
        agenda
            .iter()
            .map(|(_, wish)| wish.clone())
            .collect::<Vec<_>>(),
        ids(&taken_up.data()["agenda"])
    );

    let outcome = json!({ "wish": agenda[0].1, "outcome": "agreed" });
    centre
        .anna
        .post(&format!("/interactions/{call}/outcomes"), outcome)
        .await
        .ok();
    caller.hang_up();
    caller.succeeds().await;
    centre.log.of(&call, "interaction.ended.v1").await;
    centre
        .anna
        .post(
            &format!("/interactions/{call}/wrap-up"),
            json!({ "disposition": "solved" }),
        )
        .await
        .ok();
    let ended = centre
        .log
        .first("outreach.contact_ended.v1", |event| {
            event.text("interaction") == call
        })
        .await;
    assert_eq!(
        ids(&ended.data()["returned"]).len(),
        2,
        "what was not said is wanted still"
    );
    receipts(
        &centre,
        &customer,
        &["planned", "withdrawn", "taken_up"],
        ended.position(),
    )
    .await;
    centre.phone.succeeds().await;
    let outbound = centre.log.those(|event| {
        event.kind() == "interaction.started.v1" && event.text("direction") == "outbound"
    });
    assert!(outbound.is_empty(), "nobody was called");
}

/// Two events of one append: neighbours in the stream and in the log, with one moment.
fn one_append(first: &Event, second: &Event) {
    assert_eq!(first.stream(), second.stream());
    assert_eq!(first.revision() + 1, second.revision());
    assert_eq!(first.position() + 1, second.position());
    assert_eq!(first.0["recorded_at"], second.0["recorded_at"]);
}

/// Every decision about the customer can be read, with the rules and the inputs that led to it.
async fn receipts(centre: &Centre, customer: &str, expected: &[&str], position: u64) {
    let path = format!("/customers/{customer}/decisions?min_position={position}");
    let answer = centre
        .hub
        .api()
        .as_department("operations")
        .get(&path)
        .await
        .ok();
    let decisions = answer["decisions"].as_array().expect("decisions");
    for kind in expected {
        let found = decisions
            .iter()
            .find(|decision| decision["decision"] == *kind);
        let found = found.unwrap_or_else(|| panic!("no decision {kind:?} in {decisions:#?}"));
        assert!(
            found["policy_version"]
                .as_u64()
                .is_some_and(|version| version >= 1),
            "{found}"
        );
        assert!(
            found["inputs"]
                .as_object()
                .is_some_and(|inputs| !inputs.is_empty()),
            "{found}"
        );
        assert!(
            found["reason"].is_string() && found["wishes"].is_array(),
            "{found}"
        );
    }
}
