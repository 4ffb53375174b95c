//! The HTTP interface, asked over the network.

use crate::support::{Running, read};
use reqwest::Method;
use serde_json::{Value, json};

fn wish() -> Value {
    json!({ "customer": { "phone": "+49 30 123456" }, "purpose": "payment_reminder", "class": "service",
            "talking_point": "Invoice 17 is overdue", "value": 40, "expires_at": "2099-01-01T00:00:00Z",
            "channels": ["voice"] })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_wish_is_refused_by_the_name_of_the_field() {
    let hub = Running::start().await;
    let finance = hub.program("acme-finance-key");
    let wrong = [
        ("expires_at", json!(null)),
        ("expires_at", json!("tomorrow")),
        ("class", json!("urgent")),
        ("value", json!(-1)),
        ("customer", json!({})),
        (
            "customer",
            json!({ "phone": "1234", "email": "a@b.example" }),
        ),
        ("customer.phone", json!({ "phone": "call me" })),
        ("channels", json!("voice")),
    ];
    for (field, value) in wrong {
        let mut body = wish();
        body[field.split('.').next().unwrap()] = value.clone();
        let (status, problem) = finance.post("/api/v1/wishes", body).await;
        assert_eq!(
            (status, &problem["field"]),
            (422, &json!(field)),
            "{value}: {problem}"
        );
    }
    let mut misspelt = wish();
    misspelt["talking_pont"] = json!("x");
    assert_eq!(
        finance.post("/api/v1/wishes", misspelt).await.1["field"],
        "talking_pont"
    );
    hub.hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wish_is_filed_once_and_read_by_those_it_concerns() {
    let hub = Running::start().await;
    let (finance, sales) = (
        hub.program("acme-finance-key"),
        hub.program("acme-sales-key-1"),
    );
    let (ops, other) = (
        hub.program("acme-operations-key"),
        hub.program("other-operations-key"),
    );
    let mut body = wish();
    body["key"] = json!("0199a0d0-0000-7000-8000-000000000001");
    let (status, filed) = finance.post("/api/v1/wishes", body.clone()).await;
    assert_eq!(
        (status, &filed["department"]),
        (201, &json!("finance")),
        "{filed}"
    );
    assert!(filed["position"].is_u64());
    let (status, again) = finance.post("/api/v1/wishes", body.clone()).await;
    assert_eq!((status, &again["id"]), (200, &filed["id"]));
    let (status, another) = sales.post("/api/v1/wishes", body).await;
    assert_eq!(status, 201, "a key is a department's own");
    assert_ne!(another["id"], filed["id"]);
    let path = format!(
        "/api/v1/wishes/{}?min_position={}",
        filed["id"].as_str().unwrap(),
        filed["position"]
    );
    assert_eq!(finance.get(&path).await.1["purpose"], "payment_reminder");
    assert_eq!(ops.get(&path).await.0, 200);
    assert_eq!(sales.get(&path).await.0, 404, "another department's");
    assert_eq!(other.get(&path).await.0, 404, "another tenant's");
    assert_eq!(
        finance.get("/api/v1/wishes").await.1["wishes"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let own = sales
        .get(&format!(
            "/api/v1/wishes?min_position={}",
            another["position"]
        ))
        .await
        .1;
    let own: Vec<&Value> = own["wishes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|wish| &wish["id"])
        .collect();
    assert_eq!(own, [&another["id"]], "their own alone");
    assert_eq!(
        finance.get("/api/v1/wishes?limit=0").await.1["field"],
        "limit"
    );
    hub.hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_is_seen_by_their_own_tenant_only() {
    let hub = Running::start().await;
    let (finance, ops) = (
        hub.program("acme-finance-key"),
        hub.program("acme-operations-key"),
    );
    let other = hub.program("other-operations-key");
    let (_, filed) = finance.post("/api/v1/wishes", wish()).await;
    let customer = filed["customer"].as_str().unwrap();
    let patch = json!({ "name": "Li Wei", "zone": "Asia/Shanghai", "do_not_contact": { "active": true, "reason": "asked" },
                        "consent": [{ "purpose": "*", "channel": "voice", "given": false, "evidence": "call" }] });
    let path = format!("/api/v1/customers/{customer}");
    let (status, answer) = ops.send(Method::PATCH, &path, Some(patch.clone())).await;
    assert_eq!(status, 200, "{answer}");
    let (_, seen) = ops
        .get(&format!("{path}?min_position={}", answer["position"]))
        .await;
    assert_eq!(
        (&seen["name"], &seen["zone"], &seen["do_not_contact"]),
        (&json!("Li Wei"), &json!("Asia/Shanghai"), &json!(true))
    );
    assert_eq!(seen["wishes"][0]["id"], filed["id"]);
    let (_, found) = ops
        .post(
            "/api/v1/customers/search",
            json!({ "phone": "0049 30 123456" }),
        )
        .await;
    assert_eq!(
        found["customers"],
        json!([{ "id": customer, "name": "Li Wei" }])
    );
    let (_, timeline) = ops.get(&format!("{path}/timeline")).await;
    assert_eq!(
        timeline["items"].as_array().unwrap().last().unwrap()["kind"],
        "wish_filed",
        "{timeline}"
    );
    assert_eq!(ops.get(&format!("{path}/decisions")).await.0, 200);

    for path in [
        path.clone(),
        format!("{path}/timeline"),
        format!("{path}/decisions"),
    ] {
        assert_eq!(other.get(&path).await.0, 404, "{path}");
    }
    assert_eq!(other.send(Method::PATCH, &path, Some(patch)).await.0, 404);
    let (_, found) = other
        .post(
            "/api/v1/customers/search",
            json!({ "phone": "+4930123456" }),
        )
        .await;
    assert_eq!(found["customers"], json!([]));
    assert_eq!(
        finance.get(&path).await.0,
        403,
        "a department sees wishes, not customers"
    );
    assert_eq!(ops.get("/api/v1/customers/no-id").await.0, 404);
    hub.hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_error_is_a_problem() {
    let hub = Running::start().await;
    let finance = hub.program("acme-finance-key");
    assert_eq!(finance.get("/api/v1/nothing").await.0, 404);
    assert_eq!(finance.get("/nothing.html").await.0, 404);
    assert_eq!(hub.person().get("/api/v1/wishes").await.0, 401);
    assert_eq!(
        hub.program("no-such-key").get("/api/v1/wishes").await.0,
        401
    );
    let wrong_method = finance
        .request(Method::DELETE, "/api/v1/wishes")
        .send()
        .await
        .unwrap();
    assert_eq!(wrong_method.headers()["allow"], "GET, POST");
    assert_eq!(read(wrong_method).await.0, 405);
    let raw = |kind: &'static str, body: Vec<u8>| {
        finance
            .request(Method::POST, "/api/v1/wishes")
            .header("Content-Type", kind)
            .body(body)
            .send()
    };
    assert_eq!(
        read(raw("application/json", b"{".to_vec()).await.unwrap())
            .await
            .0,
        400
    );
    assert_eq!(
        read(raw("text/plain", b"{}".to_vec()).await.unwrap())
            .await
            .0,
        415
    );
    assert_eq!(
        read(
            raw("application/json", vec![b' '; 65 * 1024])
                .await
                .unwrap()
        )
        .await
        .0,
        413
    );
    hub.hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn set_up_is_changed_by_those_who_may_and_by_the_rules_of_the_file() {
    let hub = Running::start().await;
    let (finance, ops) = (
        hub.program("acme-finance-key"),
        hub.program("acme-operations-key"),
    );
    let anna = hub.logged_in("acme", "anna", "anna-password").await;
    let sue = hub.logged_in("acme", "sue", "sue-password").await;
    assert_eq!(
        (
            finance.get("/api/v1/setup").await.0,
            anna.get("/api/v1/setup").await.0
        ),
        (403, 403)
    );
    let put = |path: &'static str, body: Value| sue.send(Method::PUT, path, Some(body));

    let (status, problem) = put("/api/v1/setup/queues/vip", json!({ "target_second": 5 })).await;
    assert_eq!((status, &problem["field"]), (422, &json!("target_second")));
    assert_eq!(
        put("/api/v1/setup/queues/vip", json!({ "target_seconds": 5 }))
            .await
            .0,
        200
    );
    assert_eq!(
        put("/api/v1/setup/queues/vip", json!({ "target_seconds": 5 }))
            .await
            .1["changed"],
        false
    );
    let point = json!({ "channel": "chat", "address": "vip-shop", "queue": "vip" });
    assert_eq!(
        put("/api/v1/setup/access-points/vip", point.clone())
            .await
            .0,
        200
    );
    assert_eq!(
        put("/api/v1/setup/access-points/twin", point).await.0,
        409,
        "the address is taken"
    );
    let nowhere = json!({ "channel": "chat", "address": "x", "queue": "nowhere" });
    assert_eq!(
        put("/api/v1/setup/access-points/x", nowhere).await.1["field"],
        "queue"
    );
    let (_, setup) = ops.get("/api/v1/setup").await;
    assert_eq!(setup["queues"].as_array().unwrap().len(), 2);
    assert!(
        setup["access_points"]
            .as_array()
            .unwrap()
            .iter()
            .any(|point| point["queue"] == "vip")
    );
    assert!(
        !setup.to_string().contains("argon2"),
        "no hash leaves the hub"
    );
    let delete = |path: &'static str| ops.send(Method::DELETE, path, None);
    assert_eq!(
        delete("/api/v1/setup/queues/vip").await.0,
        409,
        "something leads to it"
    );
    assert_eq!(delete("/api/v1/setup/access-points/vip").await.0, 200);
    assert_eq!(delete("/api/v1/setup/queues/vip").await.0, 200);
    assert_eq!(delete("/api/v1/setup/queues/vip").await.0, 404);
    hub.hub.stop().await;
}
