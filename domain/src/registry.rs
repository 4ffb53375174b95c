//! Every fact there is: its type in the log, what it means, and one example of it.
//!
//! A new fact does not compile until it stands in the catalogue; the tests then ask for its golden file and for
//! docs/EVENTS.md.

mod catalogue;
pub mod personal;

use serde::Serialize;

use crate::aggregate::{self, DecodeError, Encoded, Fact};
use crate::customer::ClaimFact;
use crate::event::{Category, Recorded};
use crate::node::{NodeFact, RoutingFact};
use crate::setup::{QueueFact, TenantFact};
use crate::upcast::{self, Upcaster};
use crate::{agent, customer, interaction, outreach, policy, webhook};

/// A fact of any category.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum AnyFact {
    /// Of an interaction.
    Interaction(interaction::Fact),
    /// Of a customer.
    Customer(customer::Fact),
    /// Of a contact point.
    ContactPoint(ClaimFact),
    /// Of the outreach to a customer.
    Outreach(outreach::Fact),
    /// Of an agent.
    Agent(agent::Fact),
    /// Of a waiting line.
    Queue(QueueFact),
    /// Of a tenant's set-up.
    Tenant(TenantFact),
    /// Of a contact policy.
    Policy(policy::Fact),
    /// Of a node.
    Node(NodeFact),
    /// Of the routing of a tenant's contacts.
    Routing(RoutingFact),
    /// Of an endpoint that a department is told at.
    Webhook(webhook::Fact),
}

/// One type of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventType {
    /// Type with version, such as `interaction.offer_accepted.v1`.
    pub name: &'static str,
    /// What an event of this type says, in a sentence.
    pub meaning: &'static str,
}

impl AnyFact {
    /// Reads a stored event by the category of its stream.
    ///
    /// # Errors
    /// [`DecodeError`] when the type is unknown to that category or the data does not fit it. Its text may quote the
    /// data: it is not for logs.
    pub fn decode(recorded: &Recorded) -> Result<Self, DecodeError> {
        let event = &recorded.event;
        Self::read(
            recorded.stream.category,
            &event.kind,
            event.version,
            &event.data,
        )
    }

    /// Reads stored data by its category, type and version; versions that are no longer written are lifted.
    ///
    /// # Errors
    /// As [`AnyFact::decode`].
    pub fn read(
        category: Category,
        kind: &str,
        version: u16,
        data: &[u8],
    ) -> Result<Self, DecodeError> {
        Ok(match category {
            Category::Interaction => Self::Interaction(aggregate::decode(kind, version, data)?),
            Category::Customer => Self::Customer(aggregate::decode(kind, version, data)?),
            Category::ContactPoint => Self::ContactPoint(aggregate::decode(kind, version, data)?),
            Category::Outreach => Self::Outreach(aggregate::decode(kind, version, data)?),
            Category::Agent => Self::Agent(aggregate::decode(kind, version, data)?),
            Category::Queue => Self::Queue(aggregate::decode(kind, version, data)?),
            Category::Tenant => Self::Tenant(aggregate::decode(kind, version, data)?),
            Category::Policy => Self::Policy(aggregate::decode(kind, version, data)?),
            Category::Node => Self::Node(aggregate::decode(kind, version, data)?),
            Category::Routing => Self::Routing(aggregate::decode(kind, version, data)?),
            Category::Webhook => Self::Webhook(aggregate::decode(kind, version, data)?),
        })
    }

    /// The stored form.
    ///
    /// # Errors
    /// As [`aggregate::encode`].
    pub fn encode(&self) -> Result<Encoded, DecodeError> {
        match self {
            Self::Interaction(fact) => aggregate::encode(fact),
            Self::Customer(fact) => aggregate::encode(fact),
            Self::ContactPoint(fact) => aggregate::encode(fact),
            Self::Outreach(fact) => aggregate::encode(fact),
            Self::Agent(fact) => aggregate::encode(fact),
            Self::Queue(fact) => aggregate::encode(fact),
            Self::Tenant(fact) => aggregate::encode(fact),
            Self::Policy(fact) => aggregate::encode(fact),
            Self::Node(fact) => aggregate::encode(fact),
            Self::Routing(fact) => aggregate::encode(fact),
            Self::Webhook(fact) => aggregate::encode(fact),
        }
    }

    /// The category whose streams hold it.
    #[must_use]
    pub const fn category(&self) -> Category {
        match self {
            Self::Interaction(_) => Category::Interaction,
            Self::Customer(_) => Category::Customer,
            Self::ContactPoint(_) => Category::ContactPoint,
            Self::Outreach(_) => Category::Outreach,
            Self::Agent(_) => Category::Agent,
            Self::Queue(_) => Category::Queue,
            Self::Tenant(_) => Category::Tenant,
            Self::Policy(_) => Category::Policy,
            Self::Node(_) => Category::Node,
            Self::Routing(_) => Category::Routing,
            Self::Webhook(_) => Category::Webhook,
        }
    }

    /// What it is called in the log and what it says.
    #[must_use]
    pub const fn event_type(&self) -> EventType {
        match self {
            Self::Interaction(fact) => catalogue::interaction::of(fact),
            Self::Customer(fact) => catalogue::customer::of(fact),
            Self::ContactPoint(fact) => catalogue::contact_point::of(fact),
            Self::Outreach(fact) => catalogue::outreach::of(fact),
            Self::Agent(fact) => catalogue::agent::of(fact),
            Self::Queue(fact) => catalogue::queue::of(fact),
            Self::Tenant(fact) => catalogue::tenant::of(fact),
            Self::Policy(fact) => catalogue::policy::of(fact),
            Self::Node(fact) => catalogue::node::of(fact),
            Self::Routing(fact) => catalogue::routing::of(fact),
            Self::Webhook(fact) => catalogue::webhook::of(fact),
        }
    }
}

/// The types of events that streams of a category hold, in the order in which they usually happen.
#[must_use]
pub const fn types(category: Category) -> &'static [EventType] {
    match category {
        Category::Interaction => catalogue::interaction::TYPES,
        Category::Customer => catalogue::customer::TYPES,
        Category::ContactPoint => catalogue::contact_point::TYPES,
        Category::Outreach => catalogue::outreach::TYPES,
        Category::Agent => catalogue::agent::TYPES,
        Category::Queue => catalogue::queue::TYPES,
        Category::Tenant => catalogue::tenant::TYPES,
        Category::Policy => catalogue::policy::TYPES,
        Category::Node => catalogue::node::TYPES,
        Category::Routing => catalogue::routing::TYPES,
        Category::Webhook => catalogue::webhook::TYPES,
    }
}

/// How streams of a category are read whose events have versions that are no longer written.
#[must_use]
pub const fn upcasters(category: Category) -> &'static [Upcaster] {
    match category {
        Category::Interaction => <interaction::Fact as Fact>::UPCASTERS,
        Category::Customer => <customer::Fact as Fact>::UPCASTERS,
        Category::ContactPoint => <ClaimFact as Fact>::UPCASTERS,
        Category::Outreach => <outreach::Fact as Fact>::UPCASTERS,
        Category::Agent => <agent::Fact as Fact>::UPCASTERS,
        Category::Queue => <QueueFact as Fact>::UPCASTERS,
        Category::Tenant => <TenantFact as Fact>::UPCASTERS,
        Category::Policy => <policy::Fact as Fact>::UPCASTERS,
        Category::Node => <NodeFact as Fact>::UPCASTERS,
        Category::Routing => <RoutingFact as Fact>::UPCASTERS,
        Category::Webhook => <webhook::Fact as Fact>::UPCASTERS,
    }
}

/// What a stored type is called today: the end of its chain of upcasters, and itself where there is none.
#[must_use]
pub fn kind_today(category: Category, kind: &str, version: u16) -> &str {
    upcast::target(upcasters(category), kind, version).map_or(kind, |(kind, _)| kind)
}

/// Whether this program knows the type, of today or of before: an event it does not know was written by a later one.
#[must_use]
pub fn is_known(category: Category, kind: &str, version: u16) -> bool {
    upcast::target(upcasters(category), kind, version)
        .is_some_and(|(kind, version)| is_written(category, kind, version))
}

/// Whether this program writes the type.
fn is_written(category: Category, kind: &str, version: u16) -> bool {
    types(category).iter().any(|known| {
        known
            .name
            .strip_prefix(kind)
            .and_then(|rest| rest.strip_prefix(".v"))
            .is_some_and(|rest| {
                // Compared as text so that nothing is made for the many events a reader skips.
                rest.parse::<u16>() == Ok(version)
            })
    })
}

/// One example of every fact, in the order of the documentation.
#[cfg(feature = "testing")]
#[must_use]
pub fn examples() -> Vec<AnyFact> {
    let mut all = vec![];
    all.extend(
        catalogue::interaction::examples()
            .into_iter()
            .map(AnyFact::Interaction),
    );
    all.extend(
        catalogue::customer::examples()
            .into_iter()
            .map(AnyFact::Customer),
    );
    all.extend(
        catalogue::contact_point::examples()
            .into_iter()
            .map(AnyFact::ContactPoint),
    );
    all.extend(
        catalogue::outreach::examples()
            .into_iter()
            .map(AnyFact::Outreach),
    );
    all.extend(catalogue::agent::examples().into_iter().map(AnyFact::Agent));
    all.extend(catalogue::queue::examples().into_iter().map(AnyFact::Queue));
    all.extend(
        catalogue::tenant::examples()
            .into_iter()
            .map(AnyFact::Tenant),
    );
    all.extend(
        catalogue::policy::examples()
            .into_iter()
            .map(AnyFact::Policy),
    );
    all.extend(catalogue::node::examples().into_iter().map(AnyFact::Node));
    all.extend(
        catalogue::routing::examples()
            .into_iter()
            .map(AnyFact::Routing),
    );
    all.extend(
        catalogue::webhook::examples()
            .into_iter()
            .map(AnyFact::Webhook),
    );
    all
}
