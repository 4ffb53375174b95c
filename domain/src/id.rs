//! Names of things. Ids are made at the edge and handed in; a bare [`Uuid`] goes no further than the parser.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Declares one id type per line: a UUID that cannot be mistaken for another thing's.
macro_rules! ids {
    ($($(#[$doc:meta])+ $name:ident;)+) => {$(
        $(#[$doc])+
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Takes a UUID that is known to name this kind of thing.
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID inside, for stream names and storage.
            #[must_use]
            pub const fn as_uuid(&self) -> Uuid {
                self.0
            }

            /// The id that follows from a cause and a purpose (UUID v5): asked twice, it is the same id,
            /// so whatever it names is made once.
            #[must_use]
            pub fn derived(cause: Uuid, purpose: &str) -> Self {
                Self(Uuid::new_v5(&cause, purpose.as_bytes()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    )+};
}

ids! {
    /// Names one fact in the log.
    EventId;
    /// Names one organisation that uses the hub.
    TenantId;
    /// Names one number, address or site key that customers reach.
    AccessPointId;
    /// Names one person or organisation known to a tenant.
    CustomerId;
    /// Names one contact with a customer, from the first ring or message to the end of wrap-up.
    InteractionId;
    /// Names one waiting line.
    QueueId;
    /// Names one person who serves customers.
    AgentId;
    /// Names one proposal of one work item to one agent.
    OfferId;
    /// Names one thing that a department wants of a customer.
    WishId;
    /// Names one planned contact with one customer.
    PlanId;
    /// Names one proposal of other contact rules.
    ProposalId;
    /// Names one question of what other contact rules would have changed.
    DryRunId;
    /// Names one leg of a call: the path between the hub and one SIP peer.
    LegId;
    /// Names one message of a conversation; made by whoever wrote the message, so a resend is recognised.
    MessageId;
    /// Names a request, so that a repeated one changes nothing.
    CommandId;
    /// Names one node of a cluster, whichever process runs it.
    NodeId;
    /// Names one run of a node, from start to end.
    EpochId;
    /// Names one endpoint that a department is told at.
    WebhookId;
    /// Names one complaint of a customer.
    ComplaintId;
    /// Names one merging of two customers.
    MergeId;
    /// Names one doubt whether two customers are one person.
    ReviewId;
}

/// The root from which ids of declared things follow (UUID v5 of their names), so that a declaration read twice
/// means the same thing twice.
pub const RAPPORT: Uuid = Uuid::from_u128(0x8d1f_4a52_6f0b_5a27_9c3e_2f6b_7a10_4e55);

impl TenantId {
    /// The tenant declared under this name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self::derived(RAPPORT, &format!("tenant/{name}"))
    }
}

impl NodeId {
    /// The node that is called so.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self::derived(RAPPORT, &format!("node/{name}"))
    }
}

impl QueueId {
    /// The queue declared under this name by this tenant.
    #[must_use]
    pub fn named(tenant: TenantId, name: &str) -> Self {
        Self::derived(tenant.as_uuid(), &format!("queue/{name}"))
    }
}

impl AgentId {
    /// The agent declared under this name by this tenant.
    #[must_use]
    pub fn named(tenant: TenantId, name: &str) -> Self {
        Self::derived(tenant.as_uuid(), &format!("agent/{name}"))
    }
}

impl AccessPointId {
    /// The access point declared under this name by this tenant.
    #[must_use]
    pub fn named(tenant: TenantId, name: &str) -> Self {
        Self::derived(tenant.as_uuid(), &format!("access-point/{name}"))
    }
}

impl WebhookId {
    /// The endpoint declared under this name by this tenant.
    #[must_use]
    pub fn named(tenant: TenantId, name: &str) -> Self {
        Self::derived(tenant.as_uuid(), &format!("webhook/{name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_derived_id_is_the_same_however_often_it_is_asked_for() {
        let cause = Uuid::from_u128(7);
        assert_eq!(
            PlanId::derived(cause, "plan"),
            PlanId::derived(cause, "plan")
        );
        assert_ne!(
            PlanId::derived(cause, "plan"),
            PlanId::derived(cause, "other")
        );
    }

    #[test]
    fn two_tenants_may_use_the_same_queue_name() {
        let (a, b) = (TenantId::named("a"), TenantId::named("b"));
        assert_ne!(QueueId::named(a, "service"), QueueId::named(b, "service"));
    }
}
