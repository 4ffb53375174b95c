//! What can happen to an endpoint.

use serde::{Deserialize, Serialize};

use crate::aggregate;
use crate::event::{Category, Position, Revision};
use crate::id::{CustomerId, EventId};

/// Where the event is that a delivery follows from: in the log, and in the stream of its customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// Its place in the log.
    pub position: Position,
    /// Whose outreach it is an event of.
    pub customer: CustomerId,
    /// Its place there.
    pub revision: Revision,
}

/// Why a delivery will not be sent any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum DeadReason {
    /// The endpoint answered, and refused it to the end of its time.
    Refused {
        /// The last status.
        status: u16,
    },
    /// The endpoint could not be reached, or took nothing, to the end of its time.
    Unreachable,
}

/// Why nothing is sent to an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Suspension {
    /// It answered 410: it wants no more.
    Gone,
}

/// What can happen to an endpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum Fact {
    /// It was declared for the first time: events after the position are for it.
    #[serde(rename = "webhook.opened.v1")]
    Opened {
        /// Its name in the tenant.
        name: String,
        /// Whose wishes it hears of.
        department: String,
        /// Events after this are for it.
        from: Position,
    },
    /// Nothing up to the position is in line any more: it was taken, set aside or given up.
    #[serde(rename = "webhook.progressed.v1")]
    Progressed {
        /// Up to and including this.
        until: Position,
        /// Deliveries it took since the last time this was said.
        delivered: u64,
    },
    /// It answered and refused this delivery, which is tried again later; those behind it go on.
    #[serde(rename = "webhook.set_aside.v1")]
    SetAside {
        /// The event.
        place: Place,
        /// What it answered.
        status: u16,
    },
    /// It took a delivery that had been set aside.
    #[serde(rename = "webhook.settled.v1")]
    Settled {
        /// The event.
        position: Position,
    },
    /// A delivery will not be sent any more, unless somebody asks for it.
    #[serde(rename = "webhook.given_up.v1")]
    GivenUp {
        /// The event.
        place: Place,
        /// The event's own id.
        event: EventId,
        /// Why.
        why: DeadReason,
    },
    /// Nothing is sent to it from now on; what happens meanwhile waits.
    #[serde(rename = "webhook.suspended.v1")]
    Suspended {
        /// Why.
        why: Suspension,
    },
    /// Somebody wants it to be sent to again, from a position on, or from where it stands.
    #[serde(rename = "webhook.replayed.v1")]
    Replayed {
        /// Events after this are sent again; none: it goes on where it stands.
        from: Option<Position>,
    },
}

impl aggregate::Fact for Fact {
    const CATEGORY: Category = Category::Webhook;
}
