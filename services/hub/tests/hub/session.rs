//! Logging in, staying in, and what a session may do.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Running, read};

#[tokio::test(flavor = "multi_thread")]
async fn a_login_gives_a_cookie_that_scripts_cannot_read() {
    let hub = Running::start().await;
    let body = json!({ "tenant": "acme", "user": "anna", "password": "anna-password" });
    let response = hub
        .person()
        .client
        .post(hub.url("/api/v1/login"))
        .json(&body)
        .send()
        .await
        .unwrap();
    let cookie = response.headers()["set-cookie"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(
        cookie.starts_with("rapport_session=")
            && cookie.contains("HttpOnly")
            && cookie.contains("SameSite=Lax")
    );
    let (status, me) = read(response).await;
    assert_eq!(status, 200);
    assert_eq!(me["agent"]["name"], "anna");
    assert_eq!(
        (&me["agent"]["role"], &me["tenant"]["name"]),
        (&json!("agent"), &json!("acme"))
    );
    assert_eq!(me["presence"]["state"], "logged_out");
    assert_eq!(me["not_ready_reasons"], json!(["break", "lunch"]));
    hub.hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_login_looks_the_same_and_too_many_are_held_up() {
    let hub = Running::start().await;
    let person = hub.person();
    let attempt = |tenant: &str, user: &str, password: &str| {
        person.post(
            "/api/v1/login",
            json!({ "tenant": tenant, "user": user, "password": password }),
        )
    };
    let wrong = attempt("acme", "anna", "wrong-password").await;
    assert_eq!(wrong.0, 401);
    assert_eq!(attempt("acme", "nobody", "anna-password").await, wrong);
    assert_eq!(attempt("nowhere", "anna", "anna-password").await, wrong);
    assert_eq!(attempt("other", "anna", "anna-password").await, wrong);
    for _ in 0..9 {
        assert_eq!(attempt("acme", "anna", "wrong-password").await.0, 401);
    }
    let body = json!({ "tenant": "acme", "user": "anna", "password": "anna-password" });
    let held_up = person
        .request(Method::POST, "/api/v1/login")
        .json(&body)
        .send()
        .await
        .unwrap();
    assert_eq!(held_up.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(held_up.headers().contains_key("retry-after"));
    assert_eq!(
        attempt("acme", "sue", "sue-password").await.0,
        200,
        "others log in as before"
    );
    hub.hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_works_from_our_own_pages_only_and_ends_with_logout() {
    let hub = Running::start().await;
    let anna = hub.logged_in("acme", "anna", "anna-password").await;
    let presence = json!({ "state": "ready" });
    for origin in [None, Some("https://evil.example"), Some("null")] {
        let request = anna
            .client
            .post(hub.url("/api/v1/me/presence"))
            .json(&presence);
        let request = origin
            .into_iter()
            .fold(request, |request, origin| request.header("Origin", origin));
        assert_eq!(
            read(request.send().await.unwrap()).await.0,
            403,
            "{origin:?}"
        );
    }
    assert_eq!(
        anna.get("/api/v1/me").await.1["presence"]["state"],
        "logged_out"
    );
    let (status, answer) = anna.post("/api/v1/me/presence", presence).await;
    assert_eq!(status, 200);
    assert!(answer["position"].as_u64().unwrap() > 0);
    assert_eq!(anna.get("/api/v1/me").await.1["presence"]["state"], "ready");
    assert_eq!(
        anna.send(Method::POST, "/api/v1/logout", None).await,
        (204, Value::Null)
    );
    assert_eq!(anna.get("/api/v1/me").await.0, 401);
    hub.hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_presence_reason_is_one_of_the_tenant() {
    let hub = Running::start().await;
    let anna = hub.logged_in("acme", "anna", "anna-password").await;
    let (status, problem) = anna
        .post(
            "/api/v1/me/presence",
            json!({ "state": "not_ready", "reason": "nap" }),
        )
        .await;
    assert_eq!((status, &problem["field"]), (422, &json!("reason")));
    assert_eq!(
        anna.post(
            "/api/v1/me/presence",
            json!({ "state": "not_ready", "reason": "lunch" })
        )
        .await
        .0,
        200
    );
    assert_eq!(
        anna.get("/api/v1/me").await.1["presence"],
        json!({ "state": "not_ready", "reason": "lunch" })
    );
    let (status, problem) = anna
        .post("/api/v1/me/presence", json!({ "state": "asleep" }))
        .await;
    assert_eq!((status, &problem["field"]), (422, &json!("state")));
    hub.hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_ends_the_sessions_of_the_old_one() {
    let hub = Running::start().await;
    let anna = hub.logged_in("acme", "anna", "anna-password").await;
    let ops = hub.program("acme-operations-key");
    let body = json!({ "password": "another-password", "display_name": "Anna" });
    assert_eq!(
        ops.send(Method::PUT, "/api/v1/setup/agents/anna", Some(body))
            .await
            .0,
        200
    );
    assert_eq!(anna.get("/api/v1/me").await.0, 401);
    hub.logged_in("acme", "anna", "another-password").await;
    hub.hub.stop().await;
}
