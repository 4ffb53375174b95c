//! People who keep hubs busy: visitors who write, agents at desks, departments that wish. Whatever was acknowledged to them
//! is noted: it has to be in the log, once.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::Api;
use crate::chat::Visitor;
use crate::desk::Desk;
use crate::log::Event;
use crate::sipp::Sipp;
use crate::wait::PATIENCE;

/// What was acknowledged, and as which event it has to be in the log.
#[derive(Clone, Debug, Default)]
pub struct Acknowledged(Arc<Mutex<BTreeMap<String, &'static str>>>);

impl Acknowledged {
    /// Notes what was acknowledged under this id.
    pub fn note(&self, id: impl ToString, kind: &'static str) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id.to_string(), kind);
    }

    /// Everything noted so far.
    #[must_use]
    pub fn all(&self) -> BTreeMap<String, &'static str> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// How much of a kind was noted so far.
    #[must_use]
    pub fn count(&self, kind: &str) -> usize {
        self.all().values().filter(|known| **known == kind).count()
    }

    /// Holds when everything noted is among these events, once.
    ///
    /// # Panics
    /// When it is not.
    pub fn are_in(&self, events: &[Event]) {
        let mut times: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for event in events {
            let id = event.data()["message"]
                .as_str()
                .or(event.data()["id"].as_str());
            if let Some(id) = id {
                *times.entry((id, event.kind())).or_default() += 1;
            }
        }
        for (id, kind) in self.all() {
            let found = times.get(&(id.as_str(), kind)).copied().unwrap_or_default();
            assert_eq!(
                found, 1,
                "{kind} {id} was acknowledged and is in the log {found} times"
            );
        }
    }
}

/// Callers whose INVITE was answered with 200.
#[must_use]
pub fn answered(crowd: &Sipp) -> BTreeSet<String> {
    let messages = crowd.messages();
    let ok = messages.iter().filter(|m| {
        !m.sent && m.first_line().starts_with("SIP/2.0 200") && m.header("CSeq").ends_with("INVITE")
    });
    ok.map(|message| message.user("From").to_owned()).collect()
}

/// Holds when the calls of these callers are among these events.
///
/// # Panics
/// When they are not.
pub fn calls_are_in(callers: &BTreeSet<String>, events: &[Event]) {
    let began = events
        .iter()
        .filter(|event| event.kind() == "interaction.started.v1");
    let known: BTreeSet<&str> = began
        .filter_map(|event| event.data()["contact_point"]["value"].as_str())
        .collect();
    let lost: Vec<&String> = callers
        .iter()
        .filter(|caller| !known.contains(caller.as_str()))
        .collect();
    assert!(
        lost.is_empty(),
        "these calls were answered and are not in the log: {lost:?}"
    );
}

/// A visitor, and the message whose fate is not known.
#[derive(Debug, Default)]
pub struct Talker {
    visitor: Visitor,
    unsure: Option<Uuid>,
}

impl Talker {
    /// Comes, or comes back; `None` when there is no hub.
    ///
    /// # Panics
    /// When a message was shown twice.
    pub async fn come(&mut self, chat: SocketAddr) -> Option<()> {
        self.visitor.connect(chat).await.ok()?;
        let repeated = self.visitor.repeated();
        assert!(repeated.is_empty(), "shown twice: {repeated:?}");
        Some(())
    }

    /// Says the message whose fate is not known, or the next one, until it is acknowledged; `None` when the hub is gone.
    pub async fn say(&mut self, acknowledged: &Acknowledged) -> Option<()> {
        let id = *self.unsure.get_or_insert_with(Uuid::new_v4);
        self.visitor.say(id, &format!("message {id}")).await.ok()?;
        acknowledged.note(id, "interaction.message_received.v1");
        self.unsure = None;
        Some(())
    }

    /// Whether everything said was acknowledged.
    #[must_use]
    pub const fn is_sure(&self) -> bool {
        self.unsure.is_none()
    }
}

/// An agent at the desk: accepts, answers, says what departments want said, ends (one chat in three, when not thorough), and is
/// done with it; ready again after a call that was missed. `None` when the hub is gone, or says nothing for [`PATIENCE`].
pub async fn serve(
    agent: &Api,
    http: SocketAddr,
    thoroughly: bool,
    acknowledged: &Acknowledged,
) -> Option<()> {
    let mut desk = Desk::attempt(http, agent).await?;
    let mut waiting = desk.work();
    is_back(agent, desk.me()).await?;
    loop {
        for item in std::mem::take(&mut waiting) {
            serve_one(agent, &item, thoroughly, acknowledged).await?;
        }
        let frame = desk
            .next_within(PATIENCE, |frame| frame["t"] == "work" || frame["t"] == "me")
            .await?;
        if frame["t"] == "work" {
            waiting.push(frame["item"].clone());
        } else {
            is_back(agent, &frame["me"]).await?;
        }
    }
}

/// Whoever was set not ready is ready again.
async fn is_back(agent: &Api, me: &Value) -> Option<()> {
    if me["presence"]["state"] == "not_ready" {
        press(agent, "/me/presence", json!({ "state": "ready" })).await?;
    }
    Some(())
}

/// The status; a refusal is no failure: somebody else may have been faster.
async fn press(agent: &Api, path: &str, body: Value) -> Option<u16> {
    let answer = agent.attempt(Method::POST, path, Some(body)).await.ok()?;
    Some(answer.status)
}

async fn serve_one(
    agent: &Api,
    item: &Value,
    thoroughly: bool,
    acknowledged: &Acknowledged,
) -> Option<()> {
    let id = item["id"].as_str().unwrap_or_default();
    let path = |what: &str| format!("/interactions/{id}/{what}");
    match item["phase"].as_str().unwrap_or_default() {
        "offered" if item["channel"] == "voice" => {} // accepted by answering the phone
        "offered" => drop(press(agent, &path("accept"), json!({})).await?),
        "active" if item["channel"] == "voice" => {
            // A caller hangs up; a call of ours ends when all is said.
            if item["direction"] == "outbound" && !item["connected_at"].is_null() {
                for wish in item["agenda"].as_array().into_iter().flatten() {
                    let said = json!({ "wish": wish["wish"], "outcome": "informed" });
                    press(agent, &path("outcomes"), said).await?;
                }
                press(agent, &path("end"), json!({})).await?;
            }
        }
        "active" => {
            let id = Uuid::new_v4();
            let body = json!({ "message": id, "text": "Let me look." });
            if press(agent, &path("messages"), body).await? == 200 {
                acknowledged.note(id, "interaction.message_sent.v1");
            }
            if thoroughly || id.as_u128().is_multiple_of(3) {
                press(agent, &path("end"), json!({})).await?;
            }
        }
        _ => {
            let disposition = &item["dispositions"][0];
            let body = if disposition.is_null() {
                json!({})
            } else {
                json!({ "disposition": disposition })
            };
            press(agent, &path("wrap-up"), body).await?;
        }
    }
    Some(())
}

/// Whom a wish is for, and its key: the same key again is the same wish.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The key.
    pub key: Uuid,
    /// The customer, as the interface wants it.
    pub customer: Value,
}

impl Wish {
    /// Files it as a department, and answers whether it was taken; `None` when the hub is gone.
    pub async fn file(&self, department: &Api, acknowledged: &Acknowledged) -> Option<bool> {
        let body = json!({
            "key": self.key, "customer": self.customer, "purpose": "survey", "class": "service", "talking_point": "Ask.",
            "value": 1, "expires_at": "2099-01-01T00:00:00Z", "channels": ["voice"],
        });
        let answer = department.attempt(Method::POST, "/wishes", Some(body));
        let answer = answer.await.ok()?;
        // 200: an earlier attempt was taken, and its acknowledgement got lost.
        let taken = matches!(answer.status, 200 | 201);
        if taken {
            acknowledged.note(answer.body["id"].as_str()?, "outreach.wish_filed.v1");
        }
        Some(taken)
    }
}
