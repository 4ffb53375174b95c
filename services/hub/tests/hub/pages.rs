//! The pages and what operators look at.

use reqwest::StatusCode;
use serde_json::json;

use crate::support::Running;

#[tokio::test(flavor = "multi_thread")]
async fn pages_come_with_their_policies_and_are_kept_by_browsers() {
    let hub = Running::start().await;
    let person = hub.person();
    let fetch = |path: &str| person.client.get(hub.url(path)).send();
    let desk = fetch("/").await.unwrap();
    let policy = desk.headers()["content-security-policy"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(
        policy.contains("script-src 'self'") && policy.contains("frame-ancestors 'none'"),
        "{policy}"
    );
    assert_eq!(desk.headers()["content-type"], "text/html; charset=utf-8");
    let tag = desk.headers()["etag"].to_str().unwrap().to_owned();
    let again = person
        .client
        .get(hub.url("/"))
        .header("If-None-Match", tag)
        .send()
        .await
        .unwrap();
    assert_eq!(
        (again.status(), again.text().await.unwrap().as_str()),
        (StatusCode::NOT_MODIFIED, "")
    );

    let html = desk.text().await.unwrap();
    let script = html
        .split('"')
        .find(|part| part.starts_with("/assets/") && part.ends_with(".js"))
        .unwrap();
    let script = fetch(script).await.unwrap();
    assert!(
        script.headers()["cache-control"]
            .to_str()
            .unwrap()
            .contains("immutable")
    );
    assert!(
        script.headers()["content-type"]
            .to_str()
            .unwrap()
            .contains("javascript")
    );

    for (path, ancestors) in [
        (
            "/widget/frame.html?site=acme-shop",
            "frame-ancestors 'self' https://shop.example",
        ),
        ("/widget/frame.html?site=nobody", "frame-ancestors 'self'"),
    ] {
        let frame = fetch(path).await.unwrap();
        let policy = frame.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.ends_with(ancestors), "{policy}");
    }
    for path in [
        "/wallboard",
        "/policy",
        "/wishes",
        "/chat.html",
        "/widget/loader.js",
    ] {
        assert_eq!(
            fetch(path).await.unwrap().status(),
            StatusCode::OK,
            "{path}"
        );
    }
    let (_, config) = person.get("/widget/config.json").await;
    let chat = format!("ws://127.0.0.1:{}/", hub.hub.addresses().chat.port());
    assert_eq!(config, json!({ "chat": chat, "site": "acme-shop" }));
    assert_eq!(
        fetch("/../Cargo.toml").await.unwrap().status(),
        StatusCode::NOT_FOUND
    );
    hub.hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hub_says_how_it_is() {
    let hub = Running::start().await;
    assert_eq!(hub.person().get("/health").await.1["status"], "ok");
    let metrics = hub
        .person()
        .client
        .get(hub.url("/metrics"))
        .send()
        .await
        .unwrap();
    assert!(
        metrics.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("application/openmetrics-text")
    );
    let text = metrics.text().await.unwrap();
    assert!(text.ends_with("# EOF\n"));
    for line in [
        "# TYPE rapport_engine_contacts_in counter",
        "rapport_engine_contacts_in_total 0",
        "rapport_projection_lag_events{projection=\"customers\"}",
        "# TYPE rapport_chat_connections gauge",
    ] {
        assert!(text.contains(line), "{line} is missing in\n{text}");
    }
    hub.hub.stop().await;
}
