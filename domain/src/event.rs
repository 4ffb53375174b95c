//! The envelope: what the log stores around every fact, whatever the fact is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::id::{AgentId, CustomerId, EventId, TenantId};
use crate::time::Timestamp;

/// The kinds of streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Category {
    /// One contact with a customer.
    Interaction,
    /// One person or organisation.
    Customer,
    /// One number or address and who claimed it.
    ContactPoint,
    /// Everything departments want of one customer: the single writer of that customer's contacts.
    Outreach,
    /// One agent: definition, presence, work held.
    Agent,
    /// One waiting line's definition.
    Queue,
    /// One organisation: definition, access points, API keys.
    Tenant,
    /// One tenant's contact policy.
    Policy,
    /// One node of a cluster: its starts, its signs of life.
    Node,
    /// Which node routes a tenant's contacts.
    Routing,
    /// One endpoint that a department is told at: how far it has come.
    Webhook,
}

impl Category {
    /// Every category, in the order of the documentation.
    pub const ALL: [Self; 11] = [
        Self::Interaction,
        Self::Customer,
        Self::ContactPoint,
        Self::Outreach,
        Self::Agent,
        Self::Queue,
        Self::Tenant,
        Self::Policy,
        Self::Node,
        Self::Routing,
        Self::Webhook,
    ];

    /// The name in stream names and event types.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Interaction => "interaction",
            Self::Customer => "customer",
            Self::ContactPoint => "contact_point",
            Self::Outreach => "outreach",
            Self::Agent => "agent",
            Self::Queue => "queue",
            Self::Tenant => "tenant",
            Self::Policy => "policy",
            Self::Node => "node",
            Self::Routing => "routing",
            Self::Webhook => "webhook",
        }
    }
}

/// Names a stream: a category and the UUID of the thing whose history it is, written `category-uuid`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Stream {
    /// What kind of thing.
    pub category: Category,
    /// Which one.
    pub id: Uuid,
}

impl Stream {
    /// The stream of one thing.
    #[must_use]
    pub const fn new(category: Category, id: Uuid) -> Self {
        Self { category, id }
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.category.name(), self.id)
    }
}

/// The text is no stream name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a stream name; it must look like `interaction-6f1c…`")]
pub struct NotAStream(pub String);

impl FromStr for Stream {
    type Err = NotAStream;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || NotAStream(text.to_owned());
        let (name, id) = text.split_once('-').ok_or_else(wrong)?;
        let category = Category::ALL
            .into_iter()
            .find(|c| c.name() == name)
            .ok_or_else(wrong)?;
        let id = Uuid::parse_str(id).map_err(|_| wrong())?;
        Ok(Self { category, id })
    }
}

/// The place of an event in its stream: 0, 1, 2, … without gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(pub u64);

impl Revision {
    /// The revision of a stream's first event.
    pub const FIRST: Self = Self(0);

    /// The revision after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// The place of an event in the whole log. Ordered, and opaque: it need not be contiguous, and nothing may add to it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Position(pub u64);

impl Position {
    /// Before the first event.
    pub const START: Self = Self(0);
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Who caused an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "id", rename_all = "snake_case")]
pub enum Actor {
    /// The hub itself: a timer, the ACD, a process manager.
    System,
    /// An agent at the desk.
    Agent(AgentId),
    /// A customer on some channel.
    Customer(CustomerId),
    /// A department through the API, by the name of its key.
    Department(String),
    /// Whoever keeps the hub running: configuration and command line.
    Operator,
}

/// What is known of an event beside the fact itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// Whose data it is.
    pub tenant: TenantId,
    /// Who caused it.
    pub actor: Actor,
    /// The interaction or plan it belongs to.
    pub correlation: Uuid,
    /// The event that made it happen, when one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation: Option<EventId>,
    /// The customer whose personal data the event may hold: the key it is sealed with. None when it holds none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<CustomerId>,
}

/// An event on its way into the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// Its name for ever; the same id appended again to the same place is recognised, not stored twice.
    pub id: EventId,
    /// Type without version, such as `interaction.offer_accepted`.
    pub kind: String,
    /// Version of the type's data, from 1.
    pub version: u16,
    /// When it happened, by the clock of the node that says so.
    pub recorded_at: Timestamp,
    /// Tenant, actor and links.
    pub meta: Meta,
    /// The fact as JSON, stored and returned byte for byte.
    pub data: Vec<u8>,
}

/// An event as the log holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its stream.
    pub stream: Stream,
    /// Its place in the stream.
    pub revision: Revision,
    /// Its place in the log.
    pub position: Position,
    /// What was appended.
    pub event: NewEvent,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_name_reads_back_as_written() {
        for category in Category::ALL {
            let stream = Stream::new(category, Uuid::from_u128(42));
            assert_eq!(stream.to_string().parse(), Ok(stream));
        }
        assert!("interaction".parse::<Stream>().is_err());
        assert!(
            "planet-00000000-0000-0000-0000-000000000001"
                .parse::<Stream>()
                .is_err()
        );
    }
}
