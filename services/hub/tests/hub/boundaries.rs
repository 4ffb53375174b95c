//! Where one tenant, or one person, ends and another begins.

use std::path::Path;

use rapport_hub::config::Config;
use rapport_hub::wiring::Hub;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Person, Running, config_text, visitor};

async fn put(who: &Person, path: &str, body: Value) -> (u16, Value) {
    who.send(Method::PUT, &format!("/api/v1/setup/{path}"), Some(body))
        .await
}

/// A hub with telephony: acme may use the trunk `carrier`, and nobody the trunk `reserve`.
async fn with_trunks() -> Running {
    let folder = tempfile::tempdir().unwrap();
    let text = config_text(folder.path())
        .replace(
            "[[tenant]]\nname = \"acme\"\n",
            "[[tenant]]\nname = \"acme\"\noutbound_trunk = \"carrier\"\ncaller_id = \"4930100\"\n",
        )
        .replace(
            "[chat]\n",
            "[voice]\nbind = \"127.0.0.1:0\"\nrtp_ports = \"42000-42099\"\n\
             [[voice.trunk]]\nname = \"carrier\"\naddress = \"127.0.0.8:5060\"\n\
             [[voice.trunk]]\nname = \"reserve\"\naddress = \"127.0.0.9:5060\"\n[chat]\n",
        );
    Running::with(folder, &text).await
}

#[tokio::test(flavor = "multi_thread")]
async fn trunk_and_caller_id_may_stay_or_go_but_not_change_over_http() {
    let hub = with_trunks().await;
    let (acme, other) = (
        hub.program("acme-operations-key"),
        hub.program("other-operations-key"),
    );
    for (who, field, value) in [
        (&other, "outbound_trunk", "carrier"),
        (&other, "outbound_trunk", "no-such-trunk"),
        (&other, "caller_id", "4930100"),
        (&acme, "outbound_trunk", "reserve"),
        (&acme, "caller_id", "110"),
    ] {
        let (status, problem) = put(who, "tenant", json!({ field: value })).await;
        assert_eq!(
            (status, &problem["field"]),
            (403, &json!(field)),
            "{value}: {problem}"
        );
        let words = problem["detail"].as_str().unwrap();
        assert!(
            !words.contains("carrier") && !words.contains("reserve"),
            "{words}"
        );
    }
    let same =
        json!({ "outbound_trunk": "carrier", "caller_id": "4930100", "display_name": "Acme" });
    assert_eq!(put(&acme, "tenant", same.clone()).await.0, 200);
    assert_eq!(
        put(&acme, "tenant", json!({ "display_name": "Acme" }))
            .await
            .0,
        200
    );
    let (_, setup) = acme.get("/api/v1/setup").await;
    assert_eq!(
        (
            &setup["tenant"]["outbound_trunk"],
            &setup["tenant"]["caller_id"]
        ),
        (&Value::Null, &json!(""))
    );
    assert_eq!(put(&acme, "tenant", same).await.0, 403, "gone is gone");
    hub.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trunk_is_nobodys_phone() {
    let hub = with_trunks().await;
    let ops = hub.program("other-operations-key");
    for phone in ["sip:0190@127.0.0.8", "sip:0190@127.0.0.9:5061"] {
        let (status, problem) = put(&ops, "agents/anna", json!({ "phone": phone })).await;
        assert_eq!(
            (status, &problem["field"]),
            (403, &json!("phone")),
            "{phone}"
        );
    }
    let desk = json!({ "phone": "sip:anna@127.0.0.7:5060" });
    assert_eq!(put(&ops, "agents/anna", desk).await.0, 200);
    hub.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_user_of_another_tenant_is_refused_also_when_no_file_has_both() {
    let phone = "phone = \"register\"\nphone_user = \"desk-1\"\nphone_secret = \"secret-secret\"\n";
    let declare = |text: &str, password: &str| {
        let line = format!("password = \"{password}\"\n");
        text.replace(&line, &format!("{line}{phone}"))
    };
    let folder = tempfile::tempdir().unwrap();
    let text = config_text(folder.path());
    let hub = Running::with(folder, &declare(&text, "anna-password")).await;
    let other = hub.program("other-operations-key");
    let body =
        json!({ "phone": "register", "phone_user": "desk-1", "phone_secret": "another-secret" });
    assert_eq!(put(&other, "agents/anna", body).await.0, 409);
    let folder = hub.end().await;

    let config = Config::read(
        &declare(&text, "other-password"),
        Path::new("test.toml"),
        &|_| None,
    );
    let mut config = config.unwrap();
    config
        .tenants
        .retain(|tenant| tenant.declaration.definition.name == "other");
    let refused = Box::pin(Hub::start(config)).await.err().unwrap();
    assert!(
        refused.to_string().contains("another tenant's already"),
        "{refused}"
    );
    drop(folder);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_user_that_was_passed_on_stays_with_its_new_holder() {
    let hub = Running::start().await;
    let ops = hub.program("acme-operations-key");
    let phone = |user: &str| json!({ "phone": "register", "phone_user": user, "phone_secret": "secret-secret" });
    assert_eq!(put(&ops, "agents/bo", phone("desk-1")).await.0, 200);
    let gone = ops
        .send(Method::DELETE, "/api/v1/setup/agents/bo", None)
        .await;
    assert_eq!(gone.0, 200);
    assert_eq!(put(&ops, "agents/cy", phone("desk-1")).await.0, 200);
    assert_eq!(put(&ops, "agents/bo", phone("desk-2")).await.0, 200);
    let directory = hub.hub.engine().directory();
    let holder = |user: &str| {
        directory
            .phone(user)
            .map(|entry| entry.definition.name.clone())
    };
    assert_eq!(
        (holder("desk-1").as_deref(), holder("desk-2").as_deref()),
        (Some("cy"), Some("bo"))
    );
    hub.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_after_retirement_has_no_password_until_one_is_set() {
    let hub = Running::start().await;
    let ops = hub.program("acme-operations-key");
    let hash = rapport_hub::password::hash("bo-password").unwrap();
    let login = json!({ "tenant": "acme", "user": "bo", "password": "bo-password" });
    let enter = async || hub.person().post("/api/v1/login", login.clone()).await.0;
    let with_hash = json!({ "password_hash": hash });
    assert_eq!(put(&ops, "agents/bo", with_hash.clone()).await.0, 200);
    assert_eq!(enter().await, 200);
    let gone = ops
        .send(Method::DELETE, "/api/v1/setup/agents/bo", None)
        .await;
    assert_eq!(gone.0, 200);
    assert_eq!(put(&ops, "agents/bo", json!({})).await.0, 200);
    assert_eq!(enter().await, 401);
    assert_eq!(put(&ops, "agents/bo", with_hash).await.0, 200);
    assert_eq!(enter().await, 200, "the same hash, given anew");
    hub.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hash_that_costs_too_much_is_refused() {
    let hub = Running::start().await;
    let ops = hub.program("acme-operations-key");
    let costly = "$argon2id$v=19$m=4194304,t=2,p=1$c2FsdHNhbHRzYWx0$\
                  AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let (status, problem) = put(&ops, "agents/anna", json!({ "password_hash": costly })).await;
    assert_eq!(
        (status, &problem["field"]),
        (422, &json!("password_hash")),
        "{problem}"
    );
    hub.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_states_consent_of_the_customer_in_hand_and_of_nobody_else() {
    let hub = Running::start().await;
    let wish = json!({ "customer": { "phone": "+49 30 123456" }, "purpose": "invitation", "class": "service",
                       "talking_point": "Come by", "value": 1, "expires_at": "2099-01-01T00:00:00Z",
                       "channels": ["voice"] });
    let (_, filed) = hub
        .program("acme-finance-key")
        .post("/api/v1/wishes", wish)
        .await;
    let stranger = format!("/api/v1/customers/{}", filed["customer"].as_str().unwrap());
    let anna = hub.logged_in("acme", "anna", "anna-password").await;
    let sue = hub.logged_in("acme", "sue", "sue-password").await;
    let consent = json!({ "consent": [{ "purpose": "*", "channel": "voice", "given": true, "evidence": "said so" }] });
    let stated = [
        consent.clone(),
        json!({ "do_not_contact": { "active": true, "reason": "asked" } }),
        json!({ "contact_points": [{ "kind": "email", "value": "li@shop.example", "verified": true }] }),
    ];
    let patch = async |who: &Person, path: &str, body: &Value| {
        who.send(Method::PATCH, path, Some(body.clone())).await.0
    };
    for body in &stated {
        assert_eq!(patch(&anna, &stranger, body).await, 403, "{body}");
        assert_eq!(patch(&sue, &stranger, body).await, 200, "{body}");
    }
    for body in [
        json!({ "name": "Li Wei" }),
        json!({ "contact_points": [{ "kind": "email", "value": "wei@shop.example" }] }),
    ] {
        assert_eq!(patch(&anna, &stranger, &body).await, 200, "{body}");
    }
    let browser = json!({ "contact_points": [{ "kind": "chat_visitor", "value": "abc" }] });
    let (status, problem) = sue.send(Method::PATCH, &stranger, Some(browser)).await;
    assert_eq!(
        (status, &problem["field"]),
        (422, &json!("contact_points[0].kind"))
    );

    let mut desk = anna
        .socket("/api/v1/desk/live", &hub.origin())
        .await
        .unwrap();
    desk.say(json!({ "t": "hello" })).await;
    anna.post("/api/v1/me/presence", json!({ "state": "ready" }))
        .await;
    let mut visitor = visitor(hub.hub.addresses().chat, "https://shop.example").await;
    visitor
        .say(json!({ "t": "hello", "site": "acme-shop" }))
        .await;
    let cid = "0199a0d0-0000-7000-8000-00000000000a";
    visitor
        .say(json!({ "t": "say", "cid": cid, "text": "Hello" }))
        .await;
    let offer = desk
        .wait(|frame| frame["t"] == "work" && frame["item"]["phase"] == "offered")
        .await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let in_hand = format!(
        "/api/v1/customers/{}",
        text(&offer["item"]["customer"]["id"])
    );
    assert_eq!(
        patch(&anna, &in_hand, &consent).await,
        403,
        "an offer is nobody's contact yet"
    );
    let accept = format!("/api/v1/interactions/{}/accept", text(&offer["item"]["id"]));
    assert_eq!(anna.send(Method::POST, &accept, None).await.0, 200);
    desk.wait(|frame| frame["t"] == "work" && frame["item"]["phase"] == "active")
        .await;
    assert_eq!(patch(&anna, &in_hand, &consent).await, 200);
    assert_eq!(patch(&anna, &stranger, &consent).await, 403);
    hub.end().await;
}
