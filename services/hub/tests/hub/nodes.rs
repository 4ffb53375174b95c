//! Hubs that take part in a cluster: what a node does follows from its roles.

use rapport_domain::event::Position;
use rapport_hub::wiring::Hub;
use serde_json::json;

use crate::support::{Running, config_text, visitor};

async fn kinds(hub: &Hub) -> Vec<String> {
    let log = hub.engine().log().clone();
    let events = log.read_all(Position::START, 4_096).await.unwrap();
    events
        .into_iter()
        .map(|recorded| recorded.event.kind)
        .collect()
}

fn count(kinds: &[String], wanted: &str) -> usize {
    kinds.iter().filter(|kind| *kind == wanted).count()
}

fn named(text: &str, roles: &str) -> String {
    format!("{text}\n[node]\nname = \"hub-1\"\nlease_seconds = 1\nroles = [{roles}]\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_takes_the_tenants_over_serves_them_and_says_goodbye() {
    let folder = tempfile::tempdir().unwrap();
    let text = named(&config_text(folder.path()), "\"edge\", \"engine\", \"api\"");
    let hub = Running::with(folder, &text).await;
    let anna = hub.logged_in("acme", "anna", "anna-password").await;
    let mut desk = anna
        .socket("/api/v1/desk/live", &hub.origin())
        .await
        .unwrap();
    desk.say(json!({ "t": "hello", "resume": null })).await;
    desk.next().await.unwrap();
    anna.post("/api/v1/me/presence", json!({ "state": "ready" }))
        .await;
    let mut visitor = visitor(hub.hub.addresses().chat, "https://shop.example").await;
    visitor
        .say(json!({ "t": "hello", "site": "acme-shop" }))
        .await;
    visitor.wait(|frame| frame["t"] == "welcome").await;
    let cid = "0199a0d0-0000-7000-8000-00000000000b";
    visitor
        .say(json!({ "t": "say", "cid": cid, "text": "Is anybody there?" }))
        .await;
    desk.wait(|frame| frame["t"] == "work" && frame["item"]["phase"] == "offered")
        .await;
    let before = kinds(&hub.hub).await;
    assert_eq!(count(&before, "node.started"), 1);
    assert_eq!(count(&before, "routing.taken"), 2, "both tenants");
    drop((desk, visitor));
    // The next run of the node waits for nobody: the one before has said goodbye.
    let folder = hub.end().await;
    let again = Running::with(folder, &text).await;
    let log = again.hub.engine().log().clone();
    let mut seen = Position::START;
    while count(&kinds(&again.hub).await, "routing.taken") < 4 {
        seen = log.wait_past(seen).await;
    }
    let after = kinds(&again.hub).await;
    assert_eq!(count(&after, "node.stopped"), 1);
    assert_eq!(count(&after, "node.started"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_only_decides_serves_neither_pages_nor_visitors_but_says_how_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let text = named(&config_text(folder.path()), "\"engine\"");
    let hub = Running::with(folder, &text).await;
    let asked = async |path: &str| {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            hub.http
        );
        let answer = hub.raw(&request).await;
        answer.split(' ').nth(1).unwrap().parse::<u16>().unwrap()
    };
    assert_eq!(asked("/health").await, 200);
    assert_eq!(asked("/metrics").await, 200);
    assert_eq!(asked("/api/v1/me").await, 404);
    assert_eq!(asked("/").await, 404);
    assert_eq!(
        hub.hub.addresses().chat.port(),
        0,
        "nobody listens for visitors"
    );
}
