//! A past for a hub: somebody who said something, and what was counted.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::chat::Visitor;
use crate::hub::Hub;
use crate::log::Log;
use crate::wait;

/// What the customer is called.
pub const NAME: &str = "Ottilie Vandersteen-Quaß";
/// What the customer says.
pub const ASKS: &str =
    "Good evening, the walnut sideboard arrived with a cracked hinge on its left door.";
/// What the agent says.
pub const ANSWERS: &str =
    "I am sorry about the hinge, a carpenter of ours rings you tomorrow before noon.";
/// What the agent notes.
pub const NOTE: &str = "prefers to be rung before noon, wears a hearing aid";

/// A chat with agent Anna from its first word to her note; answers its customer, who is given a name.
///
/// # Panics
/// When the hub does not do as it should.
pub async fn chat(hub: &Hub, log: &Log) -> String {
    let anna = hub.api().as_agent("anna").await;
    anna.ready().await;
    let mut visitor = Visitor::arrive(hub.addresses().chat).await.expect("a hub");
    visitor.say(Uuid::new_v4(), ASKS).await.expect("a hub");
    let contact = visitor.interaction().expect("a conversation").to_owned();
    let path = |what: &str| format!("/interactions/{contact}/{what}");
    log.of(&contact, "interaction.offered.v1").await;
    anna.press(&path("accept")).await.ok();
    let answer = json!({ "message": Uuid::new_v4(), "text": ANSWERS });
    anna.post(&path("messages"), answer).await.ok();
    anna.press(&path("end")).await.ok();
    let noted = json!({ "disposition": "solved", "note": NOTE });
    anna.post(&path("wrap-up"), noted).await.ok();
    log.of(&contact, "interaction.closed.v1").await;
    let started = log.of(&contact, "interaction.started.v1").await;
    let id = started.text("customer").to_owned();
    let operations = hub.api().as_department("operations");
    let page = format!("/customers/{id}");
    let named = operations.request(reqwest::Method::PATCH, &page, Some(json!({ "name": NAME })));
    let position = named.await.ok()["position"].as_u64().expect("a position");
    let page = format!("{page}/timeline?min_position={position}");
    operations.get(&page).await.ok();
    id
}

/// What the wallboard counts today, once it has counted so many contacts.
///
/// # Panics
/// When it does not.
pub async fn figures(hub: &Hub, offered: u64) -> Value {
    let operations = hub.api().as_department("operations");
    wait::until("the wallboard to have counted", || async {
        let board = operations.get("/wallboard").await.ok();
        let queues = board["queues"].as_array().expect("queues");
        let counted = |queue: &Value| -> Value {
            ["name", "offered", "answered", "abandoned", "asa_seconds"]
                .map(|figure| queue[figure].clone())
                .into()
        };
        let all: u64 = queues
            .iter()
            .filter_map(|queue| queue["offered"].as_u64())
            .sum();
        (all == offered).then(|| queues.iter().map(counted).collect())
    })
    .await
}
