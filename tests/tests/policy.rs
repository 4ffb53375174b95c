//! Contact rules over the life of a hub: proposed by one, released by another, kept over kills and starts, tried out on the
//! days that were.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rapport_tests::api::Api;
use rapport_tests::hub::{Hub, configure};
use rapport_tests::setup::Setup;
use reqwest::Method;
use serde_json::{Value, json};

fn setup(policy: &str) -> Setup {
    Setup::new()
        .agent("sue", "role = \"supervisor\"")
        .agent("tom", "role = \"supervisor\"")
        .agent("anna", "")
        .policy(policy)
}

const FIRST: &str = "gather_seconds = 1\ncontacts_per_day = 3\nconsent_needed = []\n";

fn tomorrow() -> u64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock");
    u64::try_from((now + Duration::from_secs(86_400)).as_millis()).expect("a moment")
}

async fn in_force(api: &Api) -> Value {
    api.get("/policy").await.ok()["in_force"].clone()
}

async fn proposal(api: &Api, changes: Value, comment: &str) -> String {
    let mut rules = in_force(api).await["rules"].clone();
    for (key, value) in changes.as_object().expect("an object") {
        rules[key] = value.clone();
    }
    let body = json!({ "rules": rules, "comment": comment });
    let made = api.post("/policy/proposals", body).await.ok();
    made["id"].as_str().expect("an id").to_owned()
}

async fn released(api: &Api, id: &str) -> (u16, Value) {
    let answer = api.press(&format!("/policy/proposals/{id}/release")).await;
    (answer.status, answer.body)
}

#[tokio::test]
async fn released_rules_outlive_kills_and_the_same_file_and_a_changed_file_speaks() {
    let mut hub = Hub::start(&setup(FIRST)).await;
    let sue = hub.api().as_agent("sue").await;
    let tom = hub.api().as_agent("tom").await;
    let id = proposal(&sue, json!({ "contacts_per_day": 2 }), "less is more").await;
    let (status, refused) = released(&sue, &id).await;
    assert_eq!(
        (status, &refused["type"]),
        (403, &json!("urn:rapport:problem:four_eyes"))
    );

    // What is proposed survives, and so does that it is not in force.
    hub.kill();
    hub.start_again().await;
    let tom = {
        drop(tom);
        hub.api().as_agent("tom").await
    };
    assert_eq!(in_force(&tom).await["version"], 1);
    let (status, done) = released(&tom, &id).await;
    assert_eq!((status, &done["version"]), (200, &json!(2)), "{done}");

    for _ in 0..2 {
        hub.kill();
        hub.start_again().await;
        let tom = hub.api().as_agent("tom").await;
        let now = in_force(&tom).await;
        assert_eq!(
            (&now["version"], &now["rules"]["contacts_per_day"]),
            (&json!(2), &json!(2))
        );
        assert_eq!(now["origin"]["comment"], "less is more");
    }

    hub.kill();
    configure(
        hub.folder(),
        &setup("gather_seconds = 1\ncontacts_per_day = 4\nconsent_needed = []\n"),
    );
    hub.start_again().await;
    let sue = hub.api().as_agent("sue").await;
    let now = in_force(&sue).await;
    assert_eq!(
        (&now["version"], &now["rules"]["contacts_per_day"]),
        (&json!(3), &json!(4))
    );
    assert_eq!(now["origin"]["kind"], "file");

    // The way back is open, and takes two.
    let body = json!({ "from_version": 2, "comment": "the file was wrong" });
    let back = sue.post("/policy/proposals", body).await.ok();
    let tom = hub.api().as_agent("tom").await;
    let (status, _) = released(&tom, back["id"].as_str().expect("an id")).await;
    assert_eq!(status, 200);
    hub.kill();
    hub.start_again().await;
    let tom = hub.api().as_agent("tom").await;
    let now = in_force(&tom).await;
    assert_eq!(
        (&now["version"], &now["rules"]["contacts_per_day"]),
        (&json!(4), &json!(2))
    );
}

#[tokio::test]
async fn what_a_dry_run_foretold_is_what_the_released_rules_do() {
    let hub = Hub::start(&setup(FIRST)).await;
    let log = hub.log();
    let sue = hub.api().as_agent("sue").await;
    let tom = hub.api().as_agent("tom").await;
    let wish = |phone: &str| {
        json!({ "customer": { "phone": phone }, "purpose": "survey", "class": "service",
                "talking_point": "Ask how it went.", "value": 10, "expires_at": tomorrow(), "channels": ["voice"] })
    };
    let service = hub.api().as_department("service");
    for phone in ["+493055501", "+493055502", "+493055503"] {
        service.post("/wishes", wish(phone)).await.ok();
    }
    log.several(3, "outreach.contact_started.v1", |_| true)
        .await;

    let id = proposal(
        &sue,
        json!({ "consent_needed": ["service"] }),
        "only who agreed",
    )
    .await;
    let asked = tom
        .post("/policy/dry-runs", json!({ "proposal": id }))
        .await
        .ok();
    let run = format!("/policy/dry-runs/{}", asked["id"].as_str().expect("an id"));
    let run = tom
        .sees(&run, "the end of the dry run", |run| run["state"] == "done")
        .await;
    let report = &run["report"];
    assert_eq!(
        (&report["contacts"], &report["reproduced"]),
        (&json!(3), &json!(3)),
        "{report}"
    );
    assert_eq!(
        (&report["draft"], &report["unchanged"]),
        (&json!(0), &json!(0)),
        "{report}"
    );
    let why = &report["by_reason"][0];
    assert_eq!(
        (&why["reason"], &why["not_made"]),
        (&json!("no_consent"), &json!(3)),
        "{report}"
    );
    assert_eq!(report["examples"][0]["wishes"][0]["purpose"], "survey");
    assert!(
        !run.to_string().contains("4930555"),
        "nothing personal is in it"
    );

    assert_eq!(released(&tom, &id).await.0, 200);
    let fourth = service.post("/wishes", wish("+493055504")).await.ok();
    let fourth = fourth["id"].as_str().expect("an id").to_owned();
    let dropped = log
        .first("outreach.wish_dropped.v1", |event| {
            event.text("wish") == fourth
        })
        .await;
    let receipt = &dropped.data()["receipt"];
    assert_eq!(
        (&receipt["reason"], &receipt["policy_version"]),
        (&json!("no_consent"), &json!(2))
    );
}

#[tokio::test]
async fn one_person_alone_changes_no_rules() {
    let hub = Hub::start(&setup(FIRST)).await;
    let sue = hub.api().as_agent("sue").await;
    let rules = in_force(&sue).await["rules"].clone();
    let put = |path: &'static str, body: Value| {
        let sue = sue.clone();
        async move { sue.request(Method::PUT, path, Some(body)).await.status }
    };
    assert_eq!(put("/setup/policy", rules).await, 403);
    let double = json!({ "role": "supervisor", "password": "a password of sue's" });
    assert_eq!(put("/setup/agents/double", double.clone()).await, 403);
    assert_eq!(put("/setup/agents/tom", double).await, 403);
    let id = proposal(&sue, json!({ "max_agenda": 9 }), "mine").await;
    assert_eq!(released(&sue, &id).await.0, 403);
    let program = hub.api().as_department("operations");
    assert_eq!(released(&program, &id).await.0, 403);
    let anna = hub.api().as_agent("anna").await;
    assert_eq!(released(&anna, &id).await.0, 403);
    assert_eq!(in_force(&sue).await["version"], 1);
    let withdrawn = sue
        .request(Method::DELETE, &format!("/policy/proposals/{id}"), None)
        .await;
    assert_eq!(withdrawn.status, 200);
    let tom = hub.api().as_agent("tom").await;
    assert_eq!(released(&tom, &id).await.0, 409);
}
