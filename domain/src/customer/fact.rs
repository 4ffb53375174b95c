//! The facts of a customer.

use serde::{Deserialize, Serialize};

use crate::aggregate;
use crate::channel::Channel;
use crate::contact_point::ContactPoint;
use crate::customer::{
    Absorption, DepartmentFact, Doubt, Judgement, Qualification, ReleaseReason, Scope, Source,
    Statement,
};
use crate::event::Category;
use crate::id::{ComplaintId, CustomerId, InteractionId, MergeId, ReviewId};
use crate::private::Private;
use crate::time::{Timestamp, Zone};

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
    /// Prefers to be contacted so; what is absent is no longer preferred.
    #[serde(rename = "customer.preference_set.v1")]
    PreferenceSet {
        /// How.
        channel: Option<Channel>,
        /// Where: one of the contact points that are known.
        contact_point: Option<ContactPoint>,
    },
    /// Agreed or refused to be contacted for a purpose on a channel.
    #[serde(rename = "customer.consent_changed.v1")]
    ConsentChanged(Statement),
    /// Wants no outreach, or wants it again.
    #[serde(rename = "customer.do_not_contact_changed.v1")]
    DoNotContactChanged(DoNotContact),
    /// Complained.
    #[serde(rename = "customer.complaint_opened.v1")]
    ComplaintOpened {
        /// Its name.
        complaint: ComplaintId,
        /// What it is about.
        about: Private<String>,
        /// The contact on which it was made.
        interaction: Option<InteractionId>,
    },
    /// A complaint is settled.
    #[serde(rename = "customer.complaint_closed.v1")]
    ComplaintClosed {
        /// Which.
        complaint: ComplaintId,
        /// How.
        resolution: Private<String>,
    },
    /// A department knows something.
    #[serde(rename = "customer.fact_stated.v1")]
    FactStated(DepartmentFact),
    /// Somebody decided whether they are dealt with, and what they are worth; the last decision counts.
    #[serde(rename = "customer.qualified.v1")]
    Qualified(Qualification),
    /// Somebody else is the same person, or is about to be known as such: this one stays.
    #[serde(rename = "customer.absorbed.v1")]
    Absorbed(Absorption),
    /// Is the same person as another, who stays; nothing that is known of either moves.
    #[serde(rename = "customer.merged.v1")]
    Merged {
        /// The one who stays.
        into: CustomerId,
        /// The name of this merging.
        merge: MergeId,
    },
    /// It will not come to a merging.
    #[serde(rename = "customer.merge_refused.v1")]
    MergeRefused {
        /// Which.
        merge: MergeId,
    },
    /// Is another person after all.
    #[serde(rename = "customer.unmerged.v1")]
    Unmerged {
        /// Who was taken for the same.
        from: CustomerId,
        /// The merging that is undone.
        merge: MergeId,
    },
    /// Somebody who was noted as the same person no longer is.
    #[serde(rename = "customer.released.v1")]
    Released {
        /// Who.
        customer: CustomerId,
        /// Why.
        why: ReleaseReason,
    },
    /// May be the same person as another: somebody has to look.
    #[serde(rename = "customer.match_suspected.v1")]
    MatchSuspected {
        /// The doubt.
        review: ReviewId,
        /// The other.
        other: CustomerId,
        /// Why.
        doubt: Doubt,
    },
    /// Somebody looked.
    #[serde(rename = "customer.match_judged.v1")]
    MatchJudged {
        /// The doubt.
        review: ReviewId,
        /// What they decided.
        judgement: Judgement,
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
    /// Who or what told us.
    #[serde(default)]
    pub source: Option<Source>,
}

impl KnownContactPoint {
    /// A contact point that nobody in particular told us of: the customer was there.
    #[must_use]
    pub const fn new(contact_point: ContactPoint, verified: bool) -> Self {
        Self {
            contact_point,
            verified,
            source: None,
        }
    }
}

/// A customer's wish to be left alone, or its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoNotContact {
    /// Whether nobody may reach out.
    pub active: bool,
    /// Why, in somebody's words.
    pub reason: Private<String>,
    /// What for.
    #[serde(default)]
    pub scope: Scope,
    /// Until when; none: until it is lifted.
    #[serde(default)]
    pub until: Option<Timestamp>,
    /// Who or what told us.
    #[serde(default)]
    pub source: Option<Source>,
}

impl DoNotContact {
    /// Of everything, for good, or no more.
    #[must_use]
    pub fn new(active: bool, reason: &str) -> Self {
        Self {
            active,
            reason: Private::new(reason.to_owned()),
            scope: Scope::All,
            until: None,
            source: None,
        }
    }
}
