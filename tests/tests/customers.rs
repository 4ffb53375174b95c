//! What customers say counts from then on and can be proved; what departments know is shown; and two who are one person are
//! contacted as one, until somebody takes them apart.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rapport_tests::api::{Answer, Api};
use rapport_tests::chat::Visitor;
use rapport_tests::hub::Hub;
use rapport_tests::setup::Setup;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

const ANNA: &str = "+8613800138001";
const BORIS: &str = "+8613800138002";

fn millis(ahead: u64) -> u64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock");
    u64::try_from((now + Duration::from_secs(ahead)).as_millis())
        .expect("before the year 500,000,000")
}

struct Centre {
    hub: Hub,
    operations: Api,
}

impl Centre {
    async fn open() -> Self {
        // What is sold needs no consent beforehand, so that what stops it is what the customer says.
        let policy = "gather_seconds = 2\nconsent_needed = []\n";
        let hub = Hub::start(&Setup::new().policy(policy).agent("anna", "")).await;
        let operations = hub.api().as_department("operations");
        Self { hub, operations }
    }

    async fn wish(&self, department: &str, number: &str, purpose: &str) -> Value {
        let wish = json!({ "customer": { "phone": number }, "purpose": purpose, "class": "marketing",
            "talking_point": "Say it.", "value": 10, "not_before": millis(3_600), "expires_at": millis(86_400),
            "channels": ["voice"] });
        let program = self.hub.api().as_department(department);
        program.post("/wishes", wish).await.ok()
    }

    async fn put(&self, who: &Api, path: &str, body: Value) -> Answer {
        who.request(Method::PUT, path, Some(body)).await
    }

    async fn patch(&self, id: &str, body: Value) -> Answer {
        let path = format!("/customers/{id}");
        self.operations
            .request(Method::PATCH, &path, Some(body))
            .await
    }

    /// The customer as they stand once a command is followed.
    async fn seen(&self, id: &str, after: &Value) -> Value {
        let path = format!("/customers/{id}?min_position={}", after["position"]);
        self.operations.get(&path).await.ok()
    }

    async fn proof(&self, id: &str, at: u64) -> Vec<Value> {
        let path = format!("/customers/{id}/consent?at={at}");
        let body = self.operations.get(&path).await.ok();
        body["consent"].as_array().expect("a list").clone()
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

#[tokio::test]
async fn what_a_customer_said_is_proved_for_any_moment_and_decides_who_is_contacted() {
    let mut centre = Centre::open().await;
    let filed = centre.wish("marketing", ANNA, "promotion").await;
    let id = text(&filed["customer"]).to_owned();
    let before = millis(0);
    tokio::time::sleep(Duration::from_millis(2)).await; // moments are told apart by the millisecond
    let agreed = json!({ "consent": [{ "purpose": "promotion", "channel": "voice", "given": true, "evidence": "form 7",
        "wording": "promotion 2026-11", "source": "web_form", "expires_at": millis(86_400) }] });
    centre.patch(&id, agreed).await.ok();
    assert_eq!(centre.proof(&id, before).await, Vec::<Value>::new());
    let proof = centre.proof(&id, millis(1)).await;
    assert_eq!(proof.len(), 1);
    assert_eq!(
        (
            &proof[0]["given"],
            &proof[0]["standing"],
            &proof[0]["evidence"]
        ),
        (&json!(true), &json!("in_force"), &json!("form 7"))
    );
    assert_eq!(
        (&proof[0]["wording"], &proof[0]["recorded_by"]),
        (
            &json!("promotion 2026-11"),
            &json!({ "kind": "department", "id": "operations" })
        )
    );
    assert_eq!(
        centre.proof(&id, millis(90_000)).await[0]["standing"],
        "expired"
    );

    let waits = centre.seen(&id, &filed).await;
    assert_eq!(
        waits["wishes"][0]["status"], "held",
        "its time has not come"
    );

    // A wider refusal later: what waits is dropped, and the agreement stays on record for the time before.
    let refused = json!({ "consent": [{ "purpose": "selling", "channel": "voice", "given": false, "evidence": "call" }] });
    let position = centre.patch(&id, refused).await.ok();
    let seen = centre.seen(&id, &position).await;
    assert_eq!(
        (&seen["wishes"][0]["status"], &seen["wishes"][0]["reason"]),
        (&json!("dropped"), &json!("no_consent"))
    );
    assert_eq!(centre.proof(&id, millis(1)).await.len(), 2);
    for (body, field) in [
        (
            json!({ "consent": [{ "purpose": "x", "channel": "voice", "given": false, "evidence": "", "expires_at": millis(60) }] }),
            "consent.expires_at",
        ),
        (
            json!({ "consent": [{ "purpose": "x", "channel": "voice", "given": true, "evidence": "", "stated_at": millis(60) }] }),
            "consent.stated_at",
        ),
        (
            json!({ "consent": [{ "purpose": "x", "channel": "voice", "given": true, "evidence": "", "source": "Li Wei" }] }),
            "consent[0].source",
        ),
        (
            json!({ "do_not_contact": { "active": true, "reason": "", "until": 5 } }),
            "do_not_contact.until",
        ),
        (
            json!({ "preference": { "contact_point": { "kind": "phone", "value": BORIS } } }),
            "preference.contact_point",
        ),
    ] {
        let answer = centre.patch(&id, body).await;
        assert_eq!((answer.status, text(&answer.body["field"])), (422, field));
    }

    // A visitor writes that they want to be left alone, and it is on the timeline.
    let mut visitor = Visitor::arrive(centre.hub.addresses().chat)
        .await
        .expect("a hub");
    visitor
        .say(Uuid::new_v4(), "STOP!")
        .await
        .expect("acknowledged");
    let contact = visitor.interaction().expect("a conversation").to_owned();
    let started = centre
        .hub
        .log()
        .of(&contact, "interaction.started.v1")
        .await;
    let who = started.text("customer").to_owned();
    let path = format!("/customers/{who}/timeline");
    let refused = |body: &Value| {
        let items = body["items"].as_array().expect("items");
        items
            .iter()
            .any(|item| item["kind"] == "consent_refused" && item["channel"] == "chat")
    };
    centre.operations.sees(&path, "the refusal", refused).await;

    // It is still so after the hub was killed.
    centre.hub.kill();
    centre.hub.start_again().await;
    centre.operations = centre.hub.api().as_department("operations");
    assert_eq!(centre.proof(&id, millis(1)).await.len(), 2);
    assert_eq!(centre.proof(&who, millis(1)).await[0]["purpose"], "selling");
}

#[tokio::test]
async fn the_list_complaints_and_facts_of_departments_are_taken_in_and_shown() {
    let centre = Centre::open().await;
    let list = json!({ "contact_points": [{ "kind": "phone", "value": ANNA }], "scope": "marketing", "source": "register" });
    centre
        .operations
        .post("/do-not-contact", list.clone())
        .await
        .ok();
    let finance = centre.hub.api().as_department("finance");
    assert_eq!(
        finance.post("/do-not-contact", list.clone()).await.status,
        403
    );
    let asked = json!({ "contact_points": [{ "kind": "phone", "value": ANNA }, { "kind": "phone", "value": BORIS }] });
    let listed = centre
        .operations
        .post("/do-not-contact/check", asked)
        .await
        .ok();
    assert_eq!(
        listed["listed"],
        json!([[{ "scope": "marketing", "until": null }], []])
    );
    let filed = centre.wish("marketing", ANNA, "promotion").await;
    assert_eq!(
        (&filed["status"], &filed["reason"]),
        (&json!("dropped"), &json!("no_contact_point"))
    );
    let id = text(&filed["customer"]).to_owned();
    let path = format!("/customers/{id}/facts");
    let facts = json!({ "facts": [
        { "key": "balance", "value": { "number": "-1200.50", "currency": "EUR" }, "as_of": millis(0), "source": "ledger" },
        { "key": "overdue", "value": { "flag": true }, "as_of": millis(0) },
    ]});
    assert_eq!(
        centre.put(&finance, &path, facts.clone()).await.ok()["new"],
        2
    );
    let again = centre.put(&finance, &path, facts).await.ok();
    assert_eq!(again["new"], 0);
    let theirs = json!({ "department": "sales", "facts": [{ "key": "value", "value": { "text": "high" }, "as_of": 0 }] });
    assert_eq!(
        centre.put(&finance, &path, theirs.clone()).await.status,
        403
    );
    let stated = centre.put(&centre.operations, &path, theirs).await.ok();
    for (fact, field) in [
        (
            json!({ "key": "balance", "value": { "number": "much" }, "as_of": 0 }),
            "facts[0].value",
        ),
        (
            json!({ "key": "balance", "value": { "number": 1, "text": "one" }, "as_of": 0 }),
            "facts[0].value",
        ),
        (
            json!({ "key": "Balance", "value": { "number": 1 }, "as_of": 0 }),
            "facts[0].key",
        ),
        (
            json!({ "key": "balance", "value": { "number": 1 }, "as_of": millis(3_600) }),
            "facts.as_of",
        ),
    ] {
        let answer = centre
            .put(&finance, &path, json!({ "facts": [fact] }))
            .await;
        assert_eq!((answer.status, text(&answer.body["field"])), (422, field));
    }
    let seen = centre.seen(&id, &stated).await;
    let known: Vec<(&str, &str)> = seen["facts"]
        .as_array()
        .expect("facts")
        .iter()
        .map(|fact| (text(&fact["key"]), text(&fact["value"])))
        .collect();
    assert_eq!(
        known,
        [
            ("balance", "-1200.5"),
            ("overdue", "true"),
            ("value", "high")
        ]
    );
    assert_eq!(seen["contact_points"][0]["listed"][0]["source"], "register");

    let path = format!("/customers/{id}/qualification");
    let gold = json!({ "admission": "accepted", "segment": "small_business", "tier": "gold", "evidence": "pays in time" });
    assert_eq!(finance.post(&path, gold.clone()).await.status, 403);
    let decided = centre.operations.post(&path, gold).await.ok();
    let seen = centre.seen(&id, &decided).await;
    assert_eq!(
        (&seen["qualification"]["tier"], &seen["qualification"]["by"]),
        (
            &json!("gold"),
            &json!({ "kind": "department", "id": "operations" })
        )
    );

    let service = centre.hub.api().as_department("service");
    let complaint = json!({ "about": "Late again.", "key": Uuid::new_v4() });
    let path = format!("/customers/{id}/complaints");
    let opened = service.post(&path, complaint.clone()).await.ok();
    assert_eq!(
        service.post(&path, complaint).await.ok()["id"],
        opened["id"]
    );
    let close = format!("{path}/{}/close", text(&opened["id"]));
    let closed = service
        .post(&close, json!({ "resolution": "Paid back." }))
        .await
        .ok();
    let seen = centre.seen(&id, &closed).await;
    assert_eq!(seen["complaints"].as_array().map(Vec::len), Some(1));
    assert_eq!(seen["complaints"][0]["resolution"], "Paid back.");
    let anna = centre.hub.api().as_agent("anna").await;
    let stranger = anna.post(&path, json!({ "about": "?" })).await;
    assert_eq!(stranger.status, 403, "she has no contact with them");
}

#[tokio::test]
async fn two_who_are_one_person_have_one_timeline_and_one_plan_until_they_are_taken_apart() {
    let mut centre = Centre::open().await;
    let one = centre.wish("marketing", ANNA, "promotion").await;
    let other = centre.wish("service", BORIS, "survey").await;
    let (anna, boris) = (
        text(&one["customer"]).to_owned(),
        text(&other["customer"]).to_owned(),
    );
    // Somebody says that Anna's number is Boris's: that is for a person to decide.
    let claim = json!({ "contact_points": [{ "kind": "phone", "value": ANNA }] });
    let refused = centre.patch(&boris, claim).await;
    assert_eq!(
        (refused.status, text(&refused.body["field"])),
        (422, "contact_points")
    );
    let waiting = |body: &Value| body["reviews"].as_array().is_some_and(|all| all.len() == 1);
    let reviews = centre
        .operations
        .sees("/reviews", "the doubt", waiting)
        .await;
    assert_eq!(reviews["reviews"][0]["doubt"], "claimed_contact_point");
    let review = format!("/reviews/{}", text(&reviews["reviews"][0]["id"]));
    let verdict = json!({ "judgement": "merge", "survivor": anna, "evidence": "same voice" });
    let agent = centre.hub.api().as_agent("anna").await;
    assert_eq!(agent.post(&review, verdict.clone()).await.status, 403);
    let merged = centre.operations.post(&review, verdict).await.ok();

    let seen = centre.seen(&boris, &merged).await;
    assert_eq!(
        (text(&seen["id"]), &seen["merged"]),
        (&*anna, &json!([boris]))
    );
    assert_eq!(seen["wishes"].as_array().map(Vec::len), Some(2));
    assert_eq!(seen["contact_points"].as_array().map(Vec::len), Some(2));
    let both = |body: &Value| {
        let items = body["items"].as_array().expect("items");
        items
            .iter()
            .filter(|item| item["kind"] == "wish_filed")
            .count()
            == 2
            && items.iter().any(|item| item["kind"] == "merged")
    };
    let timeline = format!("/customers/{anna}/timeline");
    centre
        .operations
        .sees(&timeline, "one timeline", both)
        .await;
    let more = centre.wish("sales", BORIS, "renewal").await;
    assert_eq!(
        text(&more["customer"]),
        anna,
        "the other's number leads to the one who stayed"
    );

    centre.hub.kill();
    centre.hub.start_again().await;
    centre.operations = centre.hub.api().as_department("operations");
    let apart = centre
        .operations
        .press(&format!("/customers/{boris}/unmerge"))
        .await
        .ok();
    let seen = centre.seen(&boris, &apart).await;
    assert_eq!((text(&seen["id"]), &seen["merged"]), (&*boris, &json!([])));
    let wishes = |view: &Value| -> Vec<String> {
        let wishes = view["wishes"].as_array().expect("wishes");
        let purposes = wishes.iter().map(|wish| text(&wish["purpose"]).to_owned());
        purposes.collect()
    };
    assert_eq!(wishes(&seen), ["survey"]);
    let seen = centre.seen(&anna, &apart).await;
    assert_eq!(wishes(&seen), ["promotion", "renewal"]);
    let twice = centre
        .operations
        .press(&format!("/customers/{boris}/unmerge"))
        .await;
    assert_eq!(
        (twice.status, &twice.body["type"]),
        (409, &json!("urn:rapport:problem:not_merged"))
    );
}
