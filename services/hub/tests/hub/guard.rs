//! What keys, logins and strangers may not do.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::support::{Running, config_text};

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_taken_out_of_the_file_is_valid_no_longer() {
    let hub = Running::start().await;
    let ops = hub.program("acme-operations-key");
    let (status, _) = ops
        .send(
            Method::PUT,
            "/api/v1/setup/queues/second",
            Some(json!({ "display_name": "Second" })),
        )
        .await;
    assert_eq!(status, 200);
    let sales = hub.program("acme-sales-key-1");
    assert_eq!(
        sales.get("/api/v1/wishes").await.0,
        200,
        "set-up over HTTP leaves keys as they are"
    );
    let folder = hub.end().await;

    let text = config_text(folder.path());
    let without = text.replace(
        "[[tenant.api_key]]\nname = \"sales\"\nkey = \"acme-sales-key-1\"\n",
        "",
    );
    assert_ne!(text, without);
    let hub = Running::with(folder, &without).await;
    for (key, status) in [
        ("acme-sales-key-1", 401),
        ("acme-finance-key", 200),
        ("other-operations-key", 200),
    ] {
        assert_eq!(
            hub.program(key).get("/api/v1/wishes").await.0,
            status,
            "{key}"
        );
    }
    hub.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_keys_are_held_up_and_known_ones_are_not() {
    let hub = Running::start().await;
    let stranger = hub.program("nobody-has-this-key");
    let mut statuses = Vec::new();
    for _ in 0..40 {
        statuses.push(stranger.get("/api/v1/wishes").await.0);
    }
    assert!(
        statuses[..30].iter().all(|status| *status == 401) && statuses.contains(&429),
        "{statuses:?}"
    );
    assert_eq!(
        hub.program("acme-finance-key")
            .get("/api/v1/wishes")
            .await
            .0,
        200
    );
    hub.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_closes_the_live_sockets_of_the_login_at_once() {
    let hub = Running::start().await;
    let anna = hub.logged_in("acme", "anna", "anna-password").await;
    let other = hub.logged_in("acme", "anna", "anna-password").await;
    let mut sockets = Vec::new();
    for (who, path) in [
        (&anna, "/api/v1/desk/live"),
        (&anna, "/api/v1/wallboard/live"),
        (&other, "/api/v1/desk/live"),
    ] {
        let mut socket = who.socket(path, &hub.origin()).await.unwrap();
        socket.say(json!({ "t": "hello" })).await;
        socket.wait(|frame| frame["t"] == "snapshot").await;
        sockets.push(socket);
    }
    assert_eq!(anna.send(Method::POST, "/api/v1/logout", None).await.0, 204);
    for socket in &mut sockets[..2] {
        // Sooner than the next ping, which would close them too.
        let end = tokio::time::timeout(Duration::from_secs(10), socket.next()).await;
        assert_eq!(end, Ok(None));
    }
    other
        .post("/api/v1/me/presence", json!({ "state": "ready" }))
        .await;
    sockets[2].wait(|frame| frame["t"] == "me").await;
    hub.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_has_ten_live_sockets_at_most() {
    let hub = Running::start().await;
    let anna = hub.logged_in("acme", "anna", "anna-password").await;
    let mut held = Vec::new();
    for _ in 0..10 {
        held.push(
            anna.socket("/api/v1/desk/live", &hub.origin())
                .await
                .unwrap(),
        );
    }
    match anna.socket("/api/v1/desk/live", &hub.origin()).await {
        Err(tokio_tungstenite::tungstenite::Error::Http(response)) => {
            assert_eq!(response.status().as_u16(), 429);
        }
        other => panic!("429 was expected, not {:?}", other.err()),
    }
    hub.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_come_is_waited_for_no_longer_than_ten_seconds() {
    let hub = Running::start().await;
    let begun = "POST /api/v1/login HTTP/1.1\r\nHost: hub\r\nContent-Type: application/json\r\n\
                 Content-Length: 20\r\n\r\n{";
    let answer = tokio::time::timeout(Duration::from_secs(30), hub.raw(begun)).await;
    let answer = answer.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("urn:rapport:problem:timeout"), "{answer}");
    hub.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_a_client_made_up_gets_into_no_policy() {
    let hub = Running::start().await;
    let chat = hub.hub.addresses().chat.port();
    for (headers, expected) in [
        (
            "Host: hub.example:8080",
            Some(format!("ws://hub.example:{chat}/")),
        ),
        (
            "Host: hub.example\r\nX-Forwarded-Host: evil.example",
            Some(format!("ws://hub.example:{chat}/")),
        ),
        ("Host: evil.example;script-src", None),
        ("Host: *", None),
    ] {
        let answer = hub
            .raw(&format!(
                "GET / HTTP/1.1\r\n{headers}\r\nConnection: close\r\n\r\n"
            ))
            .await;
        let head = answer.split("\r\n\r\n").next().unwrap();
        assert!(!head.contains("evil"), "{head}");
        match expected {
            Some(url) => assert!(
                head.contains(&format!("connect-src 'self' {url};")),
                "{head}"
            ),
            None => assert!(!head.contains("ws://"), "{head}"),
        }
    }
    hub.end().await;
}
