//! The live sockets.

use crate::support::Running;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_desk_sees_a_snapshot_then_changes_and_resumes_where_it_was() {
    let hub = Running::start().await;
    let anna = hub.logged_in("acme", "anna", "anna-password").await;
    let mut desk = anna
        .socket("/api/v1/desk/live", &hub.origin())
        .await
        .unwrap();
    desk.say(json!({ "t": "hello", "resume": null })).await;
    let snapshot = desk.next().await.unwrap();
    assert_eq!(
        (
            &snapshot["t"],
            &snapshot["work"],
            &snapshot["me"]["agent"]["name"]
        ),
        (&json!("snapshot"), &json!([]), &json!("anna"))
    );
    let seen = snapshot["position"].as_u64().unwrap();

    anna.post("/api/v1/me/presence", json!({ "state": "ready" }))
        .await;
    let ready = desk.wait(|frame| frame["t"] == "me").await;
    assert_eq!(ready["me"]["presence"]["state"], "ready");
    assert!(ready["position"].as_u64().unwrap() > seen);
    drop(desk);

    anna.post(
        "/api/v1/me/presence",
        json!({ "state": "not_ready", "reason": "lunch" }),
    )
    .await;
    let mut desk = anna
        .socket("/api/v1/desk/live", &hub.origin())
        .await
        .unwrap();
    desk.say(json!({ "t": "hello", "resume": ready["position"] }))
        .await;
    assert_eq!(
        desk.next().await.unwrap(),
        json!({ "t": "resumed", "position": ready["position"] })
    );
    let missed = desk
        .wait(|frame| frame["me"]["presence"]["reason"] == "lunch")
        .await;
    assert!(missed["position"].as_u64().unwrap() > ready["position"].as_u64().unwrap());
    hub.hub.stop().await;
    assert_eq!(desk.next().await, None, "a hub that stops says goodbye");
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_are_for_people_who_are_logged_in_on_our_own_pages() {
    let hub = Running::start().await;
    let anna = hub.logged_in("acme", "anna", "anna-password").await;
    for path in ["/api/v1/desk/live", "/api/v1/wallboard/live"] {
        assert!(
            anna.socket(path, "https://evil.example").await.is_err(),
            "{path}"
        );
        assert!(
            hub.person().socket(path, &hub.origin()).await.is_err(),
            "{path}"
        );
        let mut socket = anna.socket(path, &hub.origin()).await.unwrap();
        socket.say(json!({ "t": "pong" })).await;
        assert_eq!(socket.next().await, None, "hello comes first");
    }
    hub.hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wallboard_shows_lines_and_agents_of_one_tenant() {
    let hub = Running::start().await;
    let sue = hub.logged_in("acme", "sue", "sue-password").await;
    let anna = hub.logged_in("acme", "anna", "anna-password").await;
    let mut board = sue
        .socket("/api/v1/wallboard/live", &hub.origin())
        .await
        .unwrap();
    board.say(json!({ "t": "hello", "resume": null })).await;
    let snapshot = board.next().await.unwrap();
    let names = |list: &Value| {
        list.as_array()
            .unwrap()
            .iter()
            .map(|one| one["display_name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (names(&snapshot["queues"]), names(&snapshot["agents"])),
        (
            vec!["service".to_owned()],
            vec!["Anna".to_owned(), "sue".to_owned()]
        )
    );
    assert_eq!(snapshot["queues"][0]["service_level"], Value::Null);
    anna.post("/api/v1/me/presence", json!({ "state": "ready" }))
        .await;
    let line = board
        .wait(|frame| frame["t"] == "agent" && frame["agent"]["state"] == "ready")
        .await;
    assert_eq!(line["agent"]["display_name"], "Anna");
    assert!(line["position"].as_u64().unwrap() > snapshot["position"].as_u64().unwrap());
    assert_eq!(
        sue.get("/api/v1/wallboard").await.1["tenant"]["name"],
        "acme"
    );
    hub.hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_reaches_an_agent_and_the_wallboard_counts_it() {
    let hub = Running::start().await;
    let anna = hub.logged_in("acme", "anna", "anna-password").await;
    let mut desk = anna
        .socket("/api/v1/desk/live", &hub.origin())
        .await
        .unwrap();
    desk.say(json!({ "t": "hello", "resume": null })).await;
    desk.next().await.unwrap();
    anna.post("/api/v1/me/presence", json!({ "state": "ready" }))
        .await;

    let mut visitor =
        crate::support::visitor(hub.hub.addresses().chat, "https://shop.example").await;
    visitor
        .say(json!({ "t": "hello", "site": "acme-shop" }))
        .await;
    visitor.wait(|frame| frame["t"] == "welcome").await;
    let cid = "0199a0d0-0000-7000-8000-00000000000a";
    visitor
        .say(json!({ "t": "say", "cid": cid, "text": "Where is my order?" }))
        .await;
    visitor
        .wait(|frame| frame["t"] == "ack" && frame["cid"] == cid)
        .await;

    let offer = desk
        .wait(|frame| frame["t"] == "work" && frame["item"]["phase"] == "offered")
        .await;
    let interaction = offer["item"]["id"].as_str().unwrap().to_owned();
    assert_eq!(offer["item"]["queue"]["name"], "service");
    assert_eq!(
        anna.send(
            reqwest::Method::POST,
            &format!("/api/v1/interactions/{interaction}/accept"),
            None
        )
        .await
        .0,
        200
    );
    desk.wait(|frame| frame["t"] == "work" && frame["item"]["phase"] == "active")
        .await;
    let answer =
        json!({ "message": "0199a0d0-0000-7000-8000-00000000000b", "text": "On its way." });
    let (status, sent) = anna
        .post(
            &format!("/api/v1/interactions/{interaction}/messages"),
            answer.clone(),
        )
        .await;
    assert_eq!(status, 200);
    let (_, again) = anna
        .post(
            &format!("/api/v1/interactions/{interaction}/messages"),
            answer,
        )
        .await;
    assert_eq!(
        again["seq"], sent["seq"],
        "the same message is the same answer"
    );
    let line = visitor
        .wait(|frame| frame["t"] == "line" && frame["kind"] == "agent")
        .await;
    assert_eq!(
        (&line["text"], &line["agent"]),
        (&json!("On its way."), &json!("Anna"))
    );

    let mut board = anna
        .socket("/api/v1/wallboard/live", &hub.origin())
        .await
        .unwrap();
    board
        .say(json!({ "t": "hello", "resume": sent["position"] }))
        .await;
    board.next().await.unwrap();
    assert_eq!(
        anna.post(
            &format!("/api/v1/interactions/{interaction}/end"),
            json!({})
        )
        .await
        .0,
        200
    );
    let wrap_up = json!({ "disposition": "solved", "note": "all good" });
    let path = format!("/api/v1/interactions/{interaction}/wrap-up");
    let (status, done) = anna.post(&path, wrap_up).await;
    assert_eq!(status, 200, "{done}");
    desk.wait(|frame| frame["t"] == "gone" && frame["interaction"] == interaction.as_str())
        .await;
    let path = format!("/api/v1/wallboard?min_position={}", done["position"]);
    let (_, board) = anna.get(&path).await;
    let queue = &board["queues"][0];
    assert_eq!(
        (
            &queue["offered"],
            &queue["answered"],
            &queue["service_level"]
        ),
        (&json!(1), &json!(1), &json!(100.0)),
        "{queue}"
    );
    hub.hub.stop().await;
}
