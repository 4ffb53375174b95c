//! The wish book over HTTP: departments file, find, amend and withdraw, and anybody may ask why.

use std::time::{SystemTime, UNIX_EPOCH};

use rapport_tests::api::Api;
use rapport_tests::hub::Hub;
use rapport_tests::setup::Setup;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

/// Milliseconds since 1970, so many hours from now.
fn hours(ahead: u64) -> u64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock")
        .as_millis();
    u64::try_from(now).expect("a moment") + ahead * 3_600_000
}

/// A wish that waits until tomorrow.
async fn filed(finance: &Api) -> Value {
    let wish = json!({
        "key": Uuid::new_v4(), "customer": { "phone": "+4917012345" }, "purpose": "payment_reminder", "class": "service",
        "talking_point": "Invoice 1042 is overdue.", "value": 40, "propensity": 0.7, "expected_seconds": 90,
        "not_before": hours(24), "expires_at": hours(96), "channels": ["voice"], "evidence": "invoice 1042",
    });
    let answer = finance.post("/wishes", wish).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.body
}

fn texts(value: &Value, name: &str) -> Vec<String> {
    let all = value.as_array().into_iter().flatten();
    all.map(|one| one[name].as_str().unwrap_or_default().to_owned())
        .collect()
}

#[tokio::test]
async fn a_department_amends_and_withdraws_its_wish_and_reads_its_history() {
    let hub = Hub::start(&Setup::new().agent("anna", "")).await;
    let finance = hub.api().as_department("finance");
    let wish = filed(&finance).await;
    assert_eq!(
        (&wish["status"], &wish["propensity"]),
        (&json!("held"), &json!(0.7))
    );
    let page = format!("/wishes/{}", wish["id"].as_str().expect("an id"));

    let change = json!({ "propensity": 0.25, "evidence": null, "value": 60 });
    let amended = finance
        .request(Method::PATCH, &page, Some(change))
        .await
        .ok();
    assert_eq!(
        (&amended["propensity"], &amended["value"]),
        (&json!(0.25), &json!(60))
    );
    let read = finance.get(&page).await.ok();
    assert_eq!(read["talking_point"], "Invoice 1042 is overdue.");
    assert_eq!(read["evidence"], Value::Null);
    for (field, wrong) in [
        ("propensity", json!(1.5)),
        ("expires_at", json!(hours(0) - 1)),
        ("channels", json!([])),
        ("purpose", json!("another")),
    ] {
        let body = json!({ field: wrong });
        let answer = finance.request(Method::PATCH, &page, Some(body)).await;
        assert_eq!(
            (answer.status, &answer.body["field"]),
            (422, &json!(field)),
            "{}",
            answer.body
        );
    }

    let marketing = hub.api().as_department("marketing");
    let other = marketing
        .request(Method::PATCH, &page, Some(json!({ "value": 1 })))
        .await;
    assert_eq!(other.status, 404);
    assert_eq!(
        marketing.press(&format!("{page}/withdraw")).await.status,
        404
    );

    let find = |query: &str| format!("/wishes?{query}");
    let held = finance
        .get(&find("status=held&purpose=payment_reminder"))
        .await
        .ok();
    assert_eq!(held["wishes"].as_array().map(Vec::len), Some(1));
    let done = finance.get(&find("status=done")).await.ok();
    assert_eq!(done["wishes"], json!([]));
    assert_eq!(finance.get(&find("status=lost")).await.status, 422);
    assert_eq!(finance.get(&find("department=marketing")).await.status, 403);

    let withdrawn = finance.press(&format!("{page}/withdraw")).await.ok();
    assert_eq!(withdrawn["status"], "withdrawn");
    let again = finance.press(&format!("{page}/withdraw")).await.ok();
    assert_eq!(again["status"], "withdrawn");
    let late = finance
        .request(Method::PATCH, &page, Some(json!({ "value": 1 })))
        .await;
    assert_eq!(late.status, 409, "{}", late.body);

    let history = finance.get(&format!("{page}/history")).await.ok();
    assert_eq!(
        texts(&history["history"], "what"),
        ["filed", "held", "amended", "held", "wish_withdrawn"]
    );
    let customer = wish["customer"].as_str().expect("a customer");
    let operations = hub.api().as_department("operations");
    let decisions = operations
        .get(&format!("/customers/{customer}/decisions"))
        .await
        .ok();
    for decision in decisions["decisions"].as_array().expect("decisions") {
        assert!(
            decision["text"]["en"].is_string() && decision["text"]["zh"].is_string(),
            "{decision}"
        );
    }
}

#[tokio::test]
async fn a_contact_reported_by_another_system_shows_in_the_pressure_on_the_customer() {
    let hub = Hub::start(&Setup::new().agent("anna", "")).await;
    let finance = hub.api().as_department("finance");
    let wish = filed(&finance).await;
    let customer = wish["customer"].as_str().expect("a customer");
    let report = json!({ "key": Uuid::new_v4(), "at": hours(0) - 1_000, "channel": "email" });
    for _ in 0..2 {
        let path = format!("/customers/{customer}/contacts");
        finance.post(&path, report.clone()).await.ok();
    }
    let operations = hub.api().as_department("operations");
    let pressure = operations
        .get(&format!("/customers/{customer}/pressure"))
        .await
        .ok();
    let week = &pressure["windows"][1];
    assert_eq!(
        (&week["days"], &week["contacts"]),
        (&json!(7), &json!(1)),
        "{pressure}"
    );
    assert_eq!(pressure["contacts"][0]["origin"], "elsewhere");
    assert!(pressure["next_allowed"].is_u64());
}

#[tokio::test]
async fn a_policy_whose_rules_cannot_hold_together_is_refused_with_the_rule_named() {
    let hub = Hub::start(&Setup::new().agent("anna", "")).await;
    let operations = hub.api().as_department("operations");
    let known = operations.get("/setup").await.ok()["policy"].clone();
    for (field, change) in [
        (
            "caps[1]",
            json!({ "contacts_per_day": 5, "caps": [{ "contacts": 3, "days": 7 }] }),
        ),
        ("consent_needed", json!({ "consent_needed": ["mandatory"] })),
        (
            "quiet_from",
            json!({ "quiet_from": "00:00", "quiet_until": "23:59" }),
        ),
        ("max_agenda", json!({ "max_agenda": 0 })),
        ("holidays", json!({ "holidays": ["Christmas"] })),
        (
            "weights[1].percent",
            json!({ "weights": [{ "class": "service", "percent": -101 }] }),
        ),
        ("weights[1]", json!({ "weights": [{ "percent": 5 }] })),
    ] {
        let mut policy = known.clone();
        policy.as_object_mut().expect("a policy").remove("version");
        for (name, value) in change.as_object().expect("a change") {
            policy[name] = value.clone();
        }
        let answer = operations
            .request(Method::PUT, "/setup/policy", Some(policy))
            .await;
        assert_eq!(
            (answer.status, &answer.body["field"]),
            (422, &json!(field)),
            "{}",
            answer.body
        );
    }
    assert_eq!(
        operations.get("/setup").await.ok()["policy"],
        known,
        "nothing was stored"
    );
    let mut same = known.clone();
    same.as_object_mut().expect("a policy").remove("version");
    let answer = operations
        .request(Method::PUT, "/setup/policy", Some(same))
        .await
        .ok();
    assert_eq!(answer["changed"], false, "what is shown is what is set");
}
