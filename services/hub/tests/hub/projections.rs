//! Read models of a running hub: built anew under load, parked and looked at, and nothing follows from it.

use std::path::Path;

use rapport_domain::event::{Actor, Category, Meta, NewEvent, Stream};
use rapport_domain::id::{EventId, TenantId};
use rapport_domain::port::log::{Batch, EventLog, Expected};
use rapport_domain::time::Timestamp;
use rapport_event_log::EmbeddedLog;
use rapport_hub::office::{Wish, ask};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Running, config_text, read};

const MODELS: [&str; 4] = ["worklist", "customers", "timeline", "statistics"];

fn wish() -> Value {
    json!({ "customer": { "phone": "+49 30 123456" }, "purpose": "payment_reminder", "class": "service",
            "talking_point": "Invoice 17 is overdue", "value": 40, "expires_at": "2099-01-01T00:00:00Z",
            "channels": ["voice"] })
}

async fn asked(data: &Path, wish: Wish) -> Result<Value, String> {
    let data = data.to_owned();
    let answer = tokio::task::spawn_blocking(move || ask(&data, &wish)).await;
    answer.unwrap().unwrap().expect("a hub runs")
}

/// Waits until nothing is built.
async fn quiet(data: &Path) -> Value {
    loop {
        let all = asked(data, Wish::Projections).await.unwrap();
        let models = all["projections"].as_array().unwrap();
        if models.iter().all(|model| model["build"].is_null()) {
            return all;
        }
        tokio::task::yield_now().await;
    }
}

/// An event of which nobody can read the data.
async fn poison(data: &Path, category: Category, kind: &str) -> Stream {
    let log = EmbeddedLog::open(data).unwrap();
    let id = Uuid::now_v7();
    let stream = Stream::new(category, id);
    let event = NewEvent {
        id: EventId::from_uuid(Uuid::now_v7()),
        kind: kind.to_owned(),
        version: 1,
        recorded_at: Timestamp::from_millis(1_795_435_200_000),
        meta: Meta {
            tenant: TenantId::named("acme"),
            actor: Actor::System,
            correlation: id,
            causation: None,
            subject: None,
        },
        data: b"{\"never\":\"seen\"}".to_vec(),
    };
    let batch = Batch {
        stream,
        expected: Expected::NoStream,
        events: vec![event],
    };
    log.append(batch).await.unwrap();
    log.close().await;
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_is_always_seen_by_a_read_that_names_its_position_also_while_models_are_built_anew()
{
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let text = config_text(folder.path());
    let hub = Running::with(folder, &text).await;
    let finance = hub.program("acme-finance-key");
    let ops = hub.program("acme-operations-key");
    for n in 0..24 {
        let model = MODELS[n % MODELS.len()].to_owned();
        // Refused while the one before is still being built: then there is one all the same.
        let _either = asked(&data, Wish::Rebuild { name: model }).await;
        let (status, filed) = finance.post("/api/v1/wishes", wish()).await;
        assert_eq!(status, 201, "{filed}");
        let (id, at) = (filed["id"].as_str().unwrap(), &filed["position"]);
        let customer = filed["customer"].as_str().unwrap();
        let path = format!("/api/v1/wishes/{id}?min_position={at}");
        assert_eq!(finance.get(&path).await.1["id"], id);
        let path = format!("/api/v1/customers/{customer}/timeline?min_position={at}");
        let (status, page) = ops.get(&path).await;
        assert_eq!(status, 200, "{page}");
        let filed = page["items"].as_array().unwrap();
        let filed = filed.iter().filter(|item| item["kind"] == "wish_filed");
        assert_eq!(filed.count(), n + 1);
        let path = format!("/api/v1/customers/search?min_position={at}");
        let found = ops.post(&path, json!({ "phone": "+49 30 123456" })).await.1;
        assert_eq!(found["customers"][0]["id"], customer);
    }
    hub.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn building_every_model_anew_appends_nothing_and_answers_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let text = config_text(folder.path());
    let hub = Running::with(folder, &text).await;
    let finance = hub.program("acme-finance-key");
    let ops = hub.program("acme-operations-key");
    let (_, filed) = finance.post("/api/v1/wishes", wish()).await;
    hub.hub.engine().drain().await;
    let paths: Vec<String> = ["", "/timeline", "/decisions"]
        .iter()
        .map(|of| {
            format!(
                "/api/v1/customers/{}{of}",
                filed["customer"].as_str().unwrap()
            )
        })
        .collect();
    let head = hub.hub.engine().log().head();
    let counted = hub.hub.engine().counters().all();
    let mut before = Vec::new();
    for path in &paths {
        before.push(ops.get(&format!("{path}?min_position={head}")).await);
    }
    for name in MODELS {
        asked(
            &data,
            Wish::Rebuild {
                name: name.to_owned(),
            },
        )
        .await
        .unwrap();
    }
    let all = quiet(&data).await;
    for model in all["projections"].as_array().unwrap() {
        assert!(
            model["previous"]["file"].is_string(),
            "it was built anew: {model}"
        );
        assert_eq!(
            (&model["lag_events"], &model["state"]),
            (&json!(0), &json!("serving"))
        );
    }
    for (path, before) in paths.iter().zip(&before) {
        assert_eq!(ops.get(path).await, *before);
    }
    hub.hub.engine().drain().await;
    assert_eq!(hub.hub.engine().log().head(), head, "nothing was appended");
    assert_eq!(
        hub.hub.engine().counters().all(),
        counted,
        "nothing was done"
    );
    // The next start finds the files that were built, and has nothing to react to again.
    let folder = hub.end().await;
    let hub = Running::with(folder, &text).await;
    assert_eq!(hub.hub.engine().log().head(), head);
    let ops = hub.program("acme-operations-key");
    for (path, before) in paths.iter().zip(&before) {
        assert_eq!(ops.get(path).await, *before);
    }
    hub.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_nobody_can_read_is_shown_everywhere_and_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let text = config_text(folder.path());
    let folder = Running::with(folder, &text).await.end().await;
    let stream = poison(&data, Category::Customer, "customer.named").await;
    poison(&data, Category::Interaction, "interaction.started").await;
    let hub = Running::with(folder, &text).await;
    let ops = hub.program("acme-operations-key");
    let finance = hub.program("acme-finance-key");
    assert_eq!(finance.post("/api/v1/wishes", wish()).await.0, 201);

    let (status, health) = ops.get("/health").await;
    assert_eq!((status, &health["status"]), (200, &json!("ok")));
    assert_eq!(health["parked_streams"]["customers"], 1);
    let metrics = hub
        .raw("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await;
    for line in [
        "rapport_projection_parked_streams{projection=\"customers\"} 1",
        "rapport_projection_held_events{projection=\"timeline\"} 1",
        "rapport_projection_lag_seconds{projection=\"customers\"} 0",
        "rapport_projection_lag_estimated{projection=\"customers\"} 0",
        "rapport_engine_events_passed_over_total 1",
    ] {
        assert!(metrics.contains(line), "{line} is missing in {metrics}");
    }
    let (_, shown) = ops.get("/api/v1/projections").await;
    let customers = |all: &Value| {
        let models = all["projections"].as_array().unwrap();
        models
            .iter()
            .find(|model| model["name"] == "customers")
            .unwrap()
            .clone()
    };
    assert_eq!(customers(&shown)["parked_streams"], 1);
    assert!(
        customers(&shown)["parked"].is_null(),
        "streams are the operator's to see"
    );
    assert_eq!(finance.get("/api/v1/projections").await.0, 403);
    let all = asked(&data, Wish::Projections).await.unwrap();
    let parked = &customers(&all)["parked"][0];
    assert_eq!(parked["stream"], stream.to_string());
    assert_eq!(parked["type"], "customer.named.v1");
    assert!(!all.to_string().contains("seen\""), "no data of the event");
    let name = || "customers".to_owned();
    let done = asked(&data, Wish::Retry { name: name() }).await.unwrap();
    assert_eq!(done, json!({ "released": 0, "parked": 1 }));
    asked(&data, Wish::Rebuild { name: name() }).await.unwrap();
    assert_eq!(
        customers(&quiet(&data).await)["parked_streams"],
        1,
        "still poison"
    );
    hub.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_that_does_not_come_is_not_waited_for_for_ever() {
    let hub = Running::start().await;
    let ops = hub.program("acme-operations-key");
    let request = ops.request(
        reqwest::Method::GET,
        "/api/v1/wishes?min_position=999999999",
    );
    let answer = request.send().await.unwrap();
    assert_eq!(answer.headers()["retry-after"], "1");
    let (status, problem) = read(answer).await;
    assert_eq!(status, 503);
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("customers") && detail.contains("999999999"),
        "{detail}"
    );
    hub.end().await;
}
