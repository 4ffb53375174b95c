//! The facts of a customer.

use serde::{Deserialize, Serialize};

use crate::aggregate;
use crate::channel::Channel;
use crate::contact_point::ContactPoint;
use crate::event::Category;
use crate::private::Private;
use crate::time::Zone;

/// What can become known of a customer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum Fact {
    /// First heard of.
    #[serde(rename = "customer.created.v1")]
    Created {},
    /// Can also be reached here.
    #[serde(rename = "customer.contact_point_added.v1")]
    ContactPointAdded(KnownContactPoint),
    /// Is called so.
    #[serde(rename = "customer.named.v1")]
    Named {
        /// The name.
        name: Private<String>,
    },
    /// Lives by this clock.
    #[serde(rename = "customer.zone_set.v1")]
    ZoneSet {
        /// The zone.
        zone: Zone,
    },
    /// Agreed or refused to be contacted for a purpose on a channel.
    #[serde(rename = "customer.consent_changed.v1")]
    ConsentChanged {
        /// What for, such as `marketing`; `*` means any.
        purpose: String,
        /// How.
        channel: Channel,
        /// Agreed or refused.
        given: bool,
        /// Where the statement can be found: a form, a recording, a message.
        evidence: Private<String>,
    },
    /// Wants no outreach at all, or wants it again.
    #[serde(rename = "customer.do_not_contact_changed.v1")]
    DoNotContactChanged {
        /// Whether nobody may reach out.
        active: bool,
        /// Why, in somebody's words.
        reason: Private<String>,
    },
    /// Was erased: the key of all that is personal is destroyed, and nothing more becomes known.
    #[serde(rename = "customer.erased.v1")]
    Erased {
        /// On what ground.
        ground: ErasureGround,
    },
}

impl aggregate::Fact for Fact {
    const CATEGORY: Category = Category::Customer;
}

/// On what ground a customer is erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErasureGround {
    /// The person asked for it.
    Requested,
    /// The time for which the data may be kept is over.
    RetentionOver,
    /// The data should not have been taken in.
    Mistake,
}

/// A contact point and how sure we are of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownContactPoint {
    /// Where.
    pub contact_point: ContactPoint,
    /// Proved to be theirs, not only claimed.
    pub verified: bool,
}
