//! Our envelope in the words of EventStoreDB/KurrentDB, and back.
//!
//! | ours | theirs |
//! |---|---|
//! | stream | stream name, `category-uuid` |
//! | event id | event id |
//! | kind | event type |
//! | data | data, byte for byte |
//! | correlation, causation | `$correlationId`, `$causationId` of the metadata: reserved names that its own tools follow |
//! | version, time, tenant, actor, subject | `schemaVersion`, `recordedAt` (microseconds), `tenant`, `actor`, `subject` of the metadata |
//! | position | commit position |

use rapport_domain::event::{
    Actor, Category, Meta, NewEvent, Position, Recorded, Revision, Stream,
};
use rapport_domain::id::{CustomerId, EventId, TenantId};
use rapport_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The metadata, as JSON beside each event.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    #[serde(rename = "$correlationId")]
    correlation: Uuid,
    #[serde(
        rename = "$causationId",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    causation: Option<EventId>,
    tenant: TenantId,
    actor: Actor,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<CustomerId>,
    recorded_at: i64,
    schema_version: u16,
}

/// An event as a cluster gives it back.
#[derive(Clone, Debug)]
pub(crate) struct Raw {
    pub(crate) stream: String,
    pub(crate) revision: u64,
    pub(crate) position: u64,
    pub(crate) id: Uuid,
    pub(crate) kind: String,
    pub(crate) metadata: Vec<u8>,
    pub(crate) data: Vec<u8>,
}

/// The beginnings of our streams' names.
pub(crate) fn prefixes() -> impl Iterator<Item = String> {
    Category::ALL
        .into_iter()
        .map(|category| format!("{}-", category.name()))
}

/// The metadata of an event, written.
pub(crate) fn metadata(event: &NewEvent) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&Metadata {
        correlation: event.meta.correlation,
        causation: event.meta.causation,
        tenant: event.meta.tenant,
        actor: event.meta.actor.clone(),
        subject: event.meta.subject,
        recorded_at: event.recorded_at.as_micros(),
        schema_version: event.version,
    })
}

impl Raw {
    /// Whether the event stands in one of our streams: others' are passed over.
    pub(crate) fn stream(&self) -> Option<Stream> {
        let stream: Stream = self.stream.parse().ok()?;
        // `Uuid` reads several spellings; ours is one, and another one is another stream.
        (stream.to_string() == self.stream).then_some(stream)
    }

    /// Our event; `None` when it is somebody else's.
    pub(crate) fn recorded(self) -> Option<Recorded> {
        let stream = self.stream()?;
        let metadata: Metadata = serde_json::from_slice(&self.metadata).ok()?;
        Some(Recorded {
            stream,
            revision: Revision(self.revision),
            position: Position(self.position),
            event: NewEvent {
                id: EventId::from_uuid(self.id),
                kind: self.kind,
                version: metadata.schema_version,
                recorded_at: Timestamp::from_micros(metadata.recorded_at),
                meta: Meta {
                    tenant: metadata.tenant,
                    actor: metadata.actor,
                    correlation: metadata.correlation,
                    causation: metadata.causation,
                    subject: metadata.subject,
                },
                data: self.data,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn event() -> NewEvent {
        NewEvent {
            id: EventId::from_uuid(Uuid::from_u128(7)),
            kind: "interaction.started".to_owned(),
            version: 3,
            recorded_at: Timestamp::from_micros(-5),
            meta: Meta {
                tenant: TenantId::named("acme"),
                actor: Actor::Department("Billing".to_owned()),
                correlation: Uuid::from_u128(8),
                causation: Some(EventId::from_uuid(Uuid::from_u128(9))),
                subject: Some(CustomerId::from_uuid(Uuid::from_u128(10))),
            },
            data: b"{}".to_vec(),
        }
    }

    fn raw(stream: &str, event: &NewEvent) -> Raw {
        Raw {
            stream: stream.to_owned(),
            revision: 4,
            position: 1_000,
            id: event.id.as_uuid(),
            kind: event.kind.clone(),
            metadata: metadata(event).expect("metadata is written"),
            data: event.data.clone(),
        }
    }

    #[test]
    fn the_envelope_comes_back_and_links_have_the_reserved_names() {
        let stream = Stream::new(Category::Outreach, Uuid::from_u128(1));
        let mut event = event();
        for (causation, subject) in [(None, None), (event.meta.causation, event.meta.subject)] {
            event.meta.causation = causation;
            event.meta.subject = subject;
            let back = raw(&stream.to_string(), &event).recorded().expect("ours");
            assert_eq!((back.stream, &back.event), (stream, &event));
            assert_eq!(
                (back.revision, back.position),
                (Revision(4), Position(1_000))
            );
        }
        let written: Value =
            serde_json::from_slice(&metadata(&event).expect("written")).expect("JSON");
        assert_eq!(written["$correlationId"], json!(Uuid::from_u128(8)));
        assert_eq!(written["$causationId"], json!(Uuid::from_u128(9)));
        assert_eq!(written["recordedAt"], json!(-5));
        assert_eq!(written["schemaVersion"], json!(3));
    }

    #[test]
    fn what_others_wrote_is_not_ours() {
        let ours = Stream::new(Category::Customer, Uuid::from_u128(1)).to_string();
        let others = [
            "$stats-127.0.0.1:2113".to_owned(),
            "$$customer-00000000-0000-0000-0000-000000000001".to_owned(),
            "planet-00000000-0000-0000-0000-000000000001".to_owned(),
            "customer-00000000000000000000000000000001".to_owned(),
            ours.to_uppercase(),
        ];
        for other in others {
            assert!(raw(&other, &event()).recorded().is_none(), "{other}");
        }
        let mut foreign = raw(&ours, &event());
        foreign.metadata = b"{\"theirs\":true}".to_vec();
        assert!(foreign.recorded().is_none());
        assert!(raw(&ours, &event()).recorded().is_some());
    }
}
