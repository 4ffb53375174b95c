//! Departments' systems: they hear what becomes of their wishes, and send wishes, signed so that a foreign package of
//! Standard Webhooks agrees. Nothing is missed, whatever they answer and whenever the hub is killed.

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use rapport_tests::api::Answer;
use rapport_tests::hub::Hub;
use rapport_tests::office::{Office, SECRET, signed_by_the_package};
use rapport_tests::setup::Setup;
use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

fn webhook(office: &Office, keys: &str) -> String {
    format!(
        "[[tenant.webhook]]\nname = \"crm\"\ndepartment = \"finance\"\nurl = \"{}\"\nsecret = \"{SECRET}\"\n{keys}\n",
        office.url()
    )
}

/// A hub that tells an office of everything.
async fn centre() -> (Hub, Office, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let office = Office::start(folder.path()).await;
    let events = "events = [\"planned\", \"held\", \"later\", \"done\", \"dropped\"]";
    let hook = format!("[[tenant.hook]]\ndepartment = \"finance\"\nsecret = \"{SECRET}\"\n");
    let setup = Setup::new()
        .policy("gather_seconds = 3600\n")
        .doors(&webhook(&office, events))
        .doors(&hook);
    let hub = Hub::start(&setup).await;
    // From its opening on it hears of what happens.
    state(&hub, "idle").await;
    (hub, office, folder)
}

async fn state(hub: &Hub, state: &str) -> Value {
    let admin = hub.api().as_department("operations");
    let what = format!("the webhook is {state}");
    let all = admin
        .sees("/webhooks", &what, |all| {
            all["webhooks"][0]["state"] == state
        })
        .await;
    all["webhooks"][0].clone()
}

fn wish(phone: &str) -> Value {
    json!({
        "customer": { "phone": phone }, "purpose": "payment_reminder", "class": "service",
        "talking_point": "Invoice 1042 is overdue.", "value": 40, "expires_at": "2099-01-01T00:00:00Z", "channels": ["voice"],
    })
}

async fn file(hub: &Hub, department: &str, phone: &str) -> Value {
    let finance = hub.api().as_department(department);
    let answer = finance.post("/wishes", wish(phone)).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.body
}

fn told(request: &Value) -> Value {
    serde_json::from_str(request["text"].as_str().expect("a body")).expect("JSON")
}

/// The wishes that requests name.
fn wishes(requests: &[Value]) -> BTreeSet<String> {
    let bodies: Vec<Value> = requests.iter().map(told).collect();
    let named = |body: &Value| -> Vec<String> {
        let wishes = body["data"]["wishes"].as_array().into_iter().flatten();
        let id = |wish: &Value| wish["wish"].as_str().unwrap_or_default().to_owned();
        wishes.map(id).collect()
    };
    bodies.iter().flat_map(named).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_department_hears_of_its_own_wishes_in_letters_that_a_foreign_package_verifies() {
    let (hub, office, _folder) = centre().await;
    let strangers = file(&hub, "marketing", "+8613800138001").await;
    let ours = file(&hub, "finance", "+8613800138002").await;
    let customer = ours["customer"].as_str().expect("a customer");
    let refuses = json!({ "do_not_contact": { "active": true, "reason": "asked on the phone" } });
    let path = format!("/customers/{customer}");
    let admin = hub.api().as_department("operations");
    admin
        .request(reqwest::Method::PATCH, &path, Some(refuses))
        .await
        .ok();
    let dropped = file(&hub, "finance", "+8613800138002").await;
    let heard = office.has_heard(3).await;
    for request in &heard {
        assert_eq!(request["genuine"], true, "{request}");
        assert_eq!(request["type"], "application/cloudevents+json");
        assert!(
            !request["text"].to_string().contains("Invoice"),
            "nothing personal"
        );
        assert_eq!(told(request)["id"], request["id"]);
    }
    assert_eq!(told(&heard[0])["type"], "rapport.wish.planned");
    assert_eq!(told(&heard[0])["data"]["customer"], customer);
    let known = wishes(&heard);
    assert!(known.contains(ours["id"].as_str().expect("an id")));
    assert!(!known.contains(strangers["id"].as_str().expect("an id")));
    let is_end = |request: &Value| {
        let body = told(request);
        body["type"] == "rapport.wish.dropped" && body["data"]["reason"] == "do_not_contact"
    };
    assert!(heard.iter().any(is_end), "{heard:?}");
    assert!(known.contains(dropped["id"].as_str().expect("an id")));
    let status = state(&hub, "idle").await;
    assert_eq!(status["delivered"], heard.len());
    // A department sees its own endpoints alone.
    let marketing = hub.api().as_department("marketing");
    assert_eq!(marketing.get("/webhooks").await.ok()["webhooks"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_office_that_refuses_or_is_busy_hears_everything_in_the_end_under_the_same_ids() {
    let (hub, office, _folder) = centre().await;
    let busy = json!({ "status": 503, "headers": { "retry-after": "1" } });
    let moved = json!({ "status": 302, "headers": { "location": "/elsewhere" } });
    office.answers(json!([500, busy, moved])).await;
    let mut filed = BTreeSet::new();
    for last in 1..=4 {
        let wish = file(&hub, "finance", &format!("+861380013800{last}")).await;
        filed.insert(wish["id"].as_str().expect("an id").to_owned());
    }
    let heard = office.has_heard(7).await;
    let (taken, refused): (Vec<Value>, Vec<Value>) = heard
        .into_iter()
        .partition(|request| request["status"] == 204);
    assert_eq!(wishes(&taken), filed, "nothing is missing");
    let ids = |requests: &[Value]| -> BTreeSet<String> {
        let ids = requests.iter().map(|request| request["id"].to_string());
        ids.collect()
    };
    assert_eq!(ids(&taken).len(), taken.len(), "nothing came twice");
    assert!(ids(&refused).is_subset(&ids(&taken)), "the same ids again");
    let status = state(&hub, "idle").await;
    assert_eq!(
        (&status["delivered"], &status["aside"]),
        (&json!(4), &json!(0))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_in_flight_when_the_hub_was_killed_comes_again_under_the_same_id() {
    let (mut hub, office, _folder) = centre().await;
    file(&hub, "finance", "+8613800138001").await;
    office.has_heard(1).await;
    state(&hub, "idle").await;
    // It has this one and never says so.
    office.answers(json!([{ "silent": true }])).await;
    let mut filed = BTreeSet::new();
    for last in 2..=4 {
        let wish = file(&hub, "finance", &format!("+861380013800{last}")).await;
        filed.insert(wish["id"].as_str().expect("an id").to_owned());
    }
    let before = office.has_heard(2).await;
    hub.kill();
    hub.start_again().await;
    let heard = office.has_heard(5).await;
    assert_eq!(heard[2]["id"], before[1]["id"], "the same id again");
    assert_eq!(heard[2]["text"], before[1]["text"], "and the same body");
    assert_eq!(wishes(&heard[2..]), filed, "nothing is missing");
    let status = state(&hub, "idle").await;
    assert_eq!(status["delivered"], 4);
    // What was noted as taken is not sent again by another start.
    hub.kill();
    hub.start_again().await;
    state(&hub, "idle").await;
    assert_eq!(office.requests().len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_office_that_is_gone_is_left_alone_until_somebody_asks_for_a_replay() {
    let (hub, office, _folder) = centre().await;
    file(&hub, "finance", "+8613800138001").await;
    office.has_heard(1).await;
    let opened = state(&hub, "idle").await;
    office.answers(json!([410])).await;
    file(&hub, "finance", "+8613800138002").await;
    let gone = state(&hub, "suspended").await;
    assert_eq!(gone["last"]["status"], 410);
    file(&hub, "finance", "+8613800138003").await;
    let admin = hub.api().as_department("operations");
    let ahead = admin
        .post("/webhooks/crm/replay", json!({ "from": 1_000_000_000 }))
        .await;
    assert_eq!((ahead.status, &ahead.body["field"]), (422, &json!("from")));
    let finance = hub.api().as_department("finance");
    let forbidden = finance.post("/webhooks/crm/replay", json!({})).await;
    assert_eq!(forbidden.status, 403);
    let unknown = admin.post("/webhooks/nobody/replay", json!({})).await;
    assert_eq!(unknown.status, 404);
    // It goes on where it stands: the refused one and what came meanwhile.
    admin.post("/webhooks/crm/replay", json!({})).await.ok();
    let heard = office.has_heard(4).await;
    assert_eq!(heard[2]["id"], heard[1]["id"]);
    state(&hub, "idle").await;
    // From a position on, everything after it comes again, under the ids it had.
    let from = opened["position"].as_u64().expect("a position");
    let replay = json!({ "from": from });
    admin.post("/webhooks/crm/replay", replay).await.ok();
    let heard = office.has_heard(6).await;
    assert_eq!(
        (&heard[4]["id"], &heard[5]["id"]),
        (&heard[2]["id"], &heard[3]["id"])
    );
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("a clock").as_secs()
}

/// Sends what the department's system signed.
async fn send(hub: &Hub, id: &str, seconds: u64, signature: &str, body: &str) -> Answer {
    let url = format!("http://{}/api/v1/hooks/acme/finance", hub.addresses().http);
    let request = Client::new()
        .post(url)
        .header("webhook-id", id)
        .header("webhook-timestamp", seconds)
        .header("webhook-signature", signature)
        .body(body.to_owned());
    let response = request.send().await.expect("an answer");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.expect("a body");
    Answer {
        status,
        headers,
        body: serde_json::from_str(&text).unwrap_or(Value::Null),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_department_signs_with_a_foreign_package_is_taken_once() {
    let (hub, office, _folder) = centre().await;
    let mut impossible = wish("+8613800138006");
    impossible["expires_at"] = json!("2001-01-01T00:00:00Z");
    let body = json!({ "wishes": [wish("+8613800138005"), impossible] }).to_string();
    let (id, at) = (format!("msg_{}", Uuid::new_v4().simple()), now());
    let signature = signed_by_the_package(&id, at, &body);
    let first = send(&hub, &id, at, &signature, &body).await;
    assert_eq!(first.status, 200, "{}", first.body);
    let [filed, refused] = [&first.body["wishes"][0], &first.body["wishes"][1]];
    assert_eq!(filed["new"], true);
    assert_eq!(refused["problem"]["field"], "wishes[1].expires_at");
    let again = send(&hub, &id, at, &signature, &body).await;
    assert_eq!(
        (again.status, &again.body["wishes"][0]["id"]),
        (200, &filed["id"])
    );
    assert_eq!(
        again.body["wishes"][0]["new"], false,
        "the same request is nothing new"
    );
    // What became of it is told to the same department.
    let heard = office.has_heard(1).await;
    assert!(wishes(&heard).contains(filed["id"].as_str().expect("an id")));

    let old = at - 600;
    let stale = signed_by_the_package("msg_old", old, &body);
    assert_eq!(send(&hub, "msg_old", old, &stale, &body).await.status, 401);
    let changed = body.replace("40", "90");
    assert_eq!(send(&hub, &id, at, &signature, &changed).await.status, 401);
    assert_eq!(send(&hub, "msg_x", at, &signature, &body).await.status, 401);
    assert_eq!(send(&hub, "", at, &signature, &body).await.status, 400);
    let mut wrong = wish("+8613800138007");
    wrong["value"] = json!("forty");
    let body = json!({ "wishes": [wish("+8613800138008"), wrong] }).to_string();
    let signature = signed_by_the_package("msg_wrong", at, &body);
    let refused = send(&hub, "msg_wrong", at, &signature, &body).await;
    assert_eq!(
        (refused.status, &refused.body["field"]),
        (422, &json!("wishes[1].value"))
    );
    let search = json!({ "phone": "+8613800138008" });
    let admin = hub.api().as_department("operations");
    let found = admin.post("/customers/search", search).await.ok();
    assert_eq!(found["customers"], json!([]), "nothing of it was stored");
}
