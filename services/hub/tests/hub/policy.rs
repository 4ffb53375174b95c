//! The contact policy over HTTP: who may what, and what is refused how.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Person, Running};

const POLICY: &str = "/api/v1/policy";
const PROPOSALS: &str = "/api/v1/policy/proposals";

/// Sue, and Tom whom the operator's program appoints; both supervisors.
async fn two_supervisors(hub: &Running) -> (Person, Person) {
    let tom = json!({ "role": "supervisor", "password": "tom-password" });
    let (status, body) = hub
        .program("acme-operations-key")
        .send(Method::PUT, "/api/v1/setup/agents/tom", Some(tom))
        .await;
    assert_eq!(status, 200, "{body}");
    let sue = hub.logged_in("acme", "sue", "sue-password").await;
    (sue, hub.logged_in("acme", "tom", "tom-password").await)
}

async fn rules(person: &Person) -> Value {
    person.get(POLICY).await.1["in_force"]["rules"].clone()
}

fn with(mut rules: Value, key: &str, value: Value) -> Value {
    rules[key] = value;
    rules
}

fn code(body: &Value) -> &str {
    let kind = body["type"].as_str().unwrap_or_default();
    kind.strip_prefix("urn:rapport:problem:").unwrap_or(kind)
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_are_proposed_by_one_and_released_by_another() {
    let hub = Running::start().await;
    let (sue, tom) = two_supervisors(&hub).await;
    let draft = with(rules(&sue).await, "contacts_per_day", json!(2));
    let body =
        json!({ "key": "0193f5a0-0000-7000-8000-000000000001", "rules": draft, "comment": "more" });
    let (status, made) = sue.post(PROPOSALS, body.clone()).await;
    assert_eq!((status, &made["version"]), (201, &json!(1)), "{made}");
    let (status, again) = sue.post(PROPOSALS, body).await;
    assert_eq!(
        (status, &again["id"]),
        (200, &made["id"]),
        "the same again is nothing new"
    );
    let at = format!("{PROPOSALS}/{}", made["id"].as_str().unwrap());
    let release = format!("{at}/release");

    let (status, refused) = sue.post(&release, json!({})).await;
    assert_eq!((status, code(&refused)), (403, "four_eyes"), "{refused}");
    let shown = sue.get(POLICY).await.1;
    assert_eq!(shown["proposals"][0]["hindrance"], "four_eyes");
    assert_eq!(
        tom.get(POLICY).await.1["proposals"][0]["hindrance"],
        Value::Null
    );
    let program = hub.program("acme-operations-key");
    assert_eq!(
        program.post(&release, json!({})).await.0,
        403,
        "programs release nothing"
    );

    let (status, done) = tom.post(&release, json!({})).await;
    assert_eq!((status, &done["version"]), (200, &json!(2)), "{done}");
    let shown = tom.get(POLICY).await.1;
    assert_eq!(shown["in_force"]["rules"], draft);
    let origin = &shown["in_force"]["origin"];
    assert_eq!(
        (&origin["kind"], &origin["comment"]),
        (&json!("released"), &json!("more"))
    );
    assert_eq!(
        (&origin["by"]["you"], &origin["proposed_by"]["you"]),
        (&json!(true), &json!(false))
    );
    let versions: Vec<_> = shown["versions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v["version"].clone())
        .collect();
    assert_eq!(versions, [2, 1]);
    // Set-up shows the same.
    assert_eq!(
        tom.get("/api/v1/setup").await.1["policy"]["contacts_per_day"],
        2
    );

    // And back, which takes two again.
    let (_, back) = tom
        .post(
            PROPOSALS,
            json!({ "from_version": 1, "comment": "as before" }),
        )
        .await;
    let at = format!("{PROPOSALS}/{}", back["id"].as_str().unwrap());
    assert_eq!(tom.post(&format!("{at}/release"), json!({})).await.0, 403);
    assert_eq!(sue.post(&format!("{at}/release"), json!({})).await.0, 200);
    let (_, first) = tom.get(&format!("{POLICY}?limit=1")).await;
    assert_eq!(
        (&first["in_force"]["version"], &first["next"]),
        (&json!(3), &json!(3))
    );
    let (_, older) = tom.get(&format!("{POLICY}?limit=5&before=3")).await;
    assert_eq!(
        (older["versions"].as_array().unwrap().len(), &older["next"]),
        (2, &Value::Null)
    );
    hub.hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_proposal_is_named() {
    let hub = Running::start().await;
    let (sue, tom) = two_supervisors(&hub).await;
    let known = rules(&sue).await;
    for (body, field) in [
        (
            json!({ "rules": with(known.clone(), "contacts_per_day", json!(0)), "comment": "x" }),
            "rules.contacts_per_day",
        ),
        (
            json!({ "rules": with(known.clone(), "quiet_from", json!("25:00")), "comment": "x" }),
            "rules.quiet_from",
        ),
        (
            json!({ "rules": with(known.clone(), "contacts_a_day", json!(1)), "comment": "x" }),
            "rules.contacts_a_day",
        ),
        (
            json!({ "rules": with(known.clone(), "queue", json!("nowhere")), "comment": "x" }),
            "rules.queue",
        ),
        (
            json!({ "rules": with(known.clone(), "max_agenda", json!(5)), "comment": " " }),
            "comment",
        ),
        (json!({ "from_version": 9, "comment": "x" }), "from_version"),
        (json!({ "comment": "x" }), "rules"),
        (
            json!({ "rules": known.clone(), "from_version": 1, "comment": "x" }),
            "rules",
        ),
        (json!({ "rules": known.clone() }), "comment"),
    ] {
        let (status, refused) = sue.post(PROPOSALS, body.clone()).await;
        assert_eq!(
            (status, &refused["field"]),
            (422, &json!(field)),
            "{body} {refused}"
        );
    }
    let (status, same) = sue
        .post(PROPOSALS, json!({ "rules": known, "comment": "x" }))
        .await;
    assert_eq!((status, code(&same)), (409, "no_change"));
    assert_eq!(
        sue.get(POLICY).await.1["proposals"],
        json!([]),
        "nothing was stored"
    );

    let (_, made) = sue
        .post(
            PROPOSALS,
            json!({ "rules": with(rules(&sue).await, "max_agenda", json!(5)), "comment": "x" }),
        )
        .await;
    let at = format!("{PROPOSALS}/{}", made["id"].as_str().unwrap());
    let stranger = hub.program("other-operations-key");
    assert_eq!(
        stranger.send(Method::DELETE, &at, None).await.0,
        409,
        "a tenant without a policy has no proposals"
    );
    assert_eq!(sue.send(Method::DELETE, &at, None).await.0, 200);
    assert_eq!(
        sue.send(Method::DELETE, &at, None).await.0,
        200,
        "again is harmless"
    );
    let (status, gone) = tom.post(&format!("{at}/release"), json!({})).await;
    assert_eq!((status, code(&gone)), (409, "withdrawn"));
    let nobody = format!("{PROPOSALS}/0193f5a0-0000-7000-8000-000000000009/release");
    assert_eq!(tom.post(&nobody, json!({})).await.0, 404);
    hub.hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn four_eyes_cannot_be_walked_around_at_the_desk() {
    let hub = Running::start().await;
    let (sue, _) = two_supervisors(&hub).await;
    let put = |path: &'static str, body: Value| sue.send(Method::PUT, path, Some(body));
    let known = rules(&sue).await;
    let (status, refused) = put(
        "/api/v1/setup/policy",
        with(known.clone(), "max_agenda", json!(5)),
    )
    .await;
    assert_eq!((status, code(&refused)), (403, "four_eyes"));
    let double = json!({ "role": "supervisor", "password": "sues-double" });
    let (status, refused) = put("/api/v1/setup/agents/double", double).await;
    assert_eq!(
        (status, &refused["field"]),
        (403, &json!("role")),
        "nobody appoints a second self"
    );
    let (status, refused) = put("/api/v1/setup/agents/anna", json!({ "role": "supervisor" })).await;
    assert_eq!(
        (status, &refused["field"]),
        (403, &json!("role")),
        "nor makes one of an agent"
    );
    let taken = json!({ "role": "supervisor", "password": "sue-knows-it" });
    let (status, refused) = put("/api/v1/setup/agents/tom", taken).await;
    assert_eq!(
        (status, &refused["field"]),
        (403, &json!("password")),
        "nor takes another's password"
    );
    // Their own password, and agents, stay theirs to set.
    let own = json!({ "role": "supervisor", "password": "sue-password-2" });
    let (status, body) = put("/api/v1/setup/agents/sue", own).await;
    assert_eq!(status, 200, "{body}");
    // The operator's program says the rules as the file does.
    let program = hub.program("acme-operations-key");
    let (status, body) = program
        .send(
            Method::PUT,
            "/api/v1/setup/policy",
            Some(with(known, "max_agenda", json!(5))),
        )
        .await;
    assert_eq!((status, &body["changed"]), (200, &json!(true)), "{body}");
    let shown = program.get(POLICY).await.1;
    assert_eq!(
        (
            &shown["in_force"]["origin"]["kind"],
            &shown["in_force"]["version"]
        ),
        (&json!("program"), &json!(2))
    );
    hub.hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_and_departments_see_nothing_of_the_policy() {
    let hub = Running::start().await;
    let anna = hub.logged_in("acme", "anna", "anna-password").await;
    let finance = hub.program("acme-finance-key");
    for person in [&anna, &finance] {
        assert_eq!(person.get(POLICY).await.0, 403);
        assert_eq!(
            person
                .post(PROPOSALS, json!({ "from_version": 1, "comment": "x" }))
                .await
                .0,
            403
        );
        assert_eq!(
            person
                .post("/api/v1/policy/dry-runs", json!({ "from_version": 1 }))
                .await
                .0,
            403
        );
    }
    assert_eq!(hub.person().get(POLICY).await.0, 401);
    hub.hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_is_asked_for_followed_and_given_up() {
    let hub = Running::start().await;
    let (sue, tom) = two_supervisors(&hub).await;
    let runs = "/api/v1/policy/dry-runs";
    for (body, field) in [
        (json!({ "from_version": 1, "days": 0 }), "days"),
        (json!({ "from_version": 1, "days": 32 }), "days"),
        (json!({ "from_version": 7 }), "from_version"),
        (
            json!({ "proposal": "0193f5a0-0000-7000-8000-000000000001" }),
            "proposal",
        ),
        (json!({}), "rules"),
        (
            json!({ "rules": with(rules(&sue).await, "max_attempts", json!(0)) }),
            "rules.max_attempts",
        ),
    ] {
        let (status, refused) = sue.post(runs, body.clone()).await;
        assert_eq!(
            (status, &refused["field"]),
            (422, &json!(field)),
            "{body} {refused}"
        );
    }
    let draft = with(rules(&sue).await, "contacts_per_day", json!(2));
    let (status, asked) = sue.post(runs, json!({ "rules": draft, "days": 3 })).await;
    assert_eq!(status, 202, "{asked}");
    let at = format!("{runs}/{}", asked["id"].as_str().unwrap());
    let done = loop {
        let (status, run) = tom.get(&at).await;
        assert_eq!(status, 200);
        if run["state"] != "running" {
            break run;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert_eq!(
        (&done["state"], &done["rules"]),
        (&json!("done"), &draft),
        "{done}"
    );
    assert_eq!(done["report"]["contacts"], 0);
    assert_eq!(hub.program("other-operations-key").get(&at).await.0, 404);
    assert_eq!(sue.send(Method::DELETE, &at, None).await.0, 204);
    let nobody = format!("{runs}/0193f5a0-0000-7000-8000-000000000009");
    assert_eq!(sue.send(Method::DELETE, &nobody, None).await.0, 404);
    hub.hub.stop().await;
}
