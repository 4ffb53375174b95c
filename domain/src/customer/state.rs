//! What is known of a customer.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::aggregate::Aggregate;
use crate::channel::Channel;
use crate::contact_point::{ContactPoint, Kind};
use crate::customer::{
    Blocks, Complaint, Complaints, Consents, Fact, KnownContactPoint, KnownFacts, Linked, Links,
    Qualification, Reviews, Scope,
};
use crate::event::Revision;
use crate::id::CustomerId;
use crate::outreach::{Contact, WishClass};
use crate::private::Private;
use crate::time::{Timestamp, Zone};

/// One customer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Customer {
    /// What they are called.
    pub name: Option<Private<String>>,
    /// Where they can be reached, oldest first.
    pub contact_points: Vec<KnownContactPoint>,
    /// The clock they live by, when known.
    pub zone: Option<Zone>,
    /// How they like to be contacted.
    pub preferred_channel: Option<Channel>,
    /// Where they like to be contacted.
    pub preferred_point: Option<ContactPoint>,
    /// Statements by purpose and channel.
    pub consent: Consents,
    /// What they want no outreach for.
    pub do_not_contact: Blocks,
    /// What the tenant's do-not-contact list says of their contact points. It is no part of this history: whoever asks
    /// gates reads it from the contact points' own ([`Customer::listed_as`]).
    pub listed: BTreeMap<ContactPoint, Blocks>,
    /// What they complained about.
    pub complaints: Complaints,
    /// What departments know of them.
    pub facts: KnownFacts,
    /// What was decided on dealing with them.
    pub qualification: Option<Qualification>,
    /// Whom they are merged with.
    pub links: Links,
    /// Since when they are merged into another.
    pub merged_at: Option<Timestamp>,
    /// Doubts whether they are one person with another.
    pub reviews: Reviews,
    /// The contacts with those who are one person with them: no part of this history either.
    pub contacted: Vec<Contact>,
    /// When those who are one person with them declined a purpose last: no part of this history either.
    pub declined: BTreeMap<String, Timestamp>,
    /// Those who are one person with them ([`Customer::with`]): no part of this history either.
    pub(crate) linked: Vec<Linked>,
    /// Since when they want no outreach.
    pub(crate) blocked_at: BTreeMap<Scope, Timestamp>,
    /// Since when they are erased; everything else but their links is empty then.
    pub erased_at: Option<Timestamp>,
}

impl Customer {
    /// Whether they were erased.
    #[must_use]
    pub const fn is_erased(&self) -> bool {
        self.erased_at.is_some()
    }

    /// The same customer, with what the tenant's list says of one of their contact points.
    #[must_use]
    pub fn listed_as(mut self, point: ContactPoint, blocks: Blocks) -> Self {
        self.listed.insert(point, blocks);
        self
    }

    /// Whether their wish to be left alone lets a contact about a wish of this class through at that moment.
    #[must_use]
    pub fn may_be_contacted(&self, class: WishClass, at: Timestamp) -> bool {
        !self.do_not_contact.forbid(class, at)
    }

    /// Whether a complaint of theirs is not settled.
    #[must_use]
    pub fn has_open_complaint(&self) -> bool {
        self.complaints.any_open()
    }

    /// What they are worth, by the short name of their tier, once somebody decided.
    #[must_use]
    pub fn value_tier(&self) -> Option<&str> {
        self.qualification.as_ref()?.tier.as_deref()
    }

    /// Where a channel reaches them for a wish of this class: the preferred contact point, else a verified one before a
    /// claimed one, then the newest. None that is on the do-not-contact list at that moment.
    #[must_use]
    pub fn reach(
        &self,
        channel: Channel,
        class: WishClass,
        at: Timestamp,
    ) -> Option<&ContactPoint> {
        let kind = match channel {
            Channel::Voice | Channel::Sms => Kind::Phone,
            Channel::Email => Kind::Email,
            Channel::Chat => Kind::ChatVisitor,
        };
        let listed = |point: &ContactPoint| {
            self.listed
                .get(point)
                .is_some_and(|blocks| blocks.forbid(class, at))
        };
        let fitting = || {
            self.contact_points
                .iter()
                .rev()
                .filter(|known| known.contact_point.kind() == kind)
                .filter(|known| !known.contact_point.is_forgotten())
                .filter(|known| !listed(&known.contact_point))
        };
        fitting()
            .find(|known| self.preferred_point.as_ref() == Some(&known.contact_point))
            .or_else(|| fitting().find(|known| known.verified))
            .or_else(|| fitting().next())
            .map(|known| &known.contact_point)
    }

    /// One of their contact points.
    #[must_use]
    pub fn known_point(&self, point: &ContactPoint) -> Option<&KnownContactPoint> {
        self.contact_points
            .iter()
            .find(|known| known.contact_point == *point)
    }
}

impl Aggregate for Customer {
    type Fact = Fact;

    fn begin(fact: &Fact, _: Timestamp) -> Option<Self> {
        matches!(fact, Fact::Created {}).then(Self::default)
    }

    fn apply(&mut self, fact: &Fact, at: Timestamp, _: Revision) {
        match fact {
            Fact::Created {} => {}
            Fact::ContactPointAdded(added) => {
                self.contact_points
                    .retain(|known| known.contact_point != added.contact_point);
                self.contact_points.push(added.clone());
            }
            Fact::Named { name } => self.name = Some(name.clone()),
            Fact::ZoneSet { zone } => self.zone = Some(*zone),
            Fact::PreferenceSet {
                channel,
                contact_point,
            } => {
                self.preferred_channel = *channel;
                self.preferred_point.clone_from(contact_point);
            }
            Fact::ConsentChanged(statement) => self.consent.take(statement, at),
            Fact::DoNotContactChanged(wish) => {
                if wish.active {
                    self.do_not_contact.set(wish.scope, wish.until);
                    self.blocked_at.insert(wish.scope, at);
                } else {
                    self.do_not_contact.lift(wish.scope);
                    self.blocked_at.remove(&wish.scope);
                }
            }
            Fact::ComplaintOpened {
                complaint,
                about,
                interaction,
            } => {
                let opened = Complaint {
                    about: about.clone(),
                    interaction: *interaction,
                    opened_at: at,
                    closed_at: None,
                };
                self.complaints.open(*complaint, opened);
            }
            Fact::ComplaintClosed { complaint, .. } => self.complaints.close(*complaint, at),
            Fact::FactStated(fact) => self.facts.take(fact, at),
            Fact::Qualified(decided) => self.qualification = Some(decided.clone()),
            Fact::Absorbed(_)
            | Fact::Merged { .. }
            | Fact::MergeRefused { .. }
            | Fact::Unmerged { .. }
            | Fact::Released { .. } => {
                self.links.take(fact, at);
                self.merged_at = self.links.merged_into.and(self.merged_at.or(Some(at)));
            }
            Fact::MatchSuspected { .. } | Fact::MatchJudged { .. } => self.reviews.take(fact),
            Fact::Erased { .. } => {
                *self = Self {
                    links: std::mem::take(&mut self.links),
                    erased_at: Some(at),
                    ..Self::default()
                };
            }
        }
    }

    fn subject(&self, id: Uuid) -> Option<CustomerId> {
        Some(CustomerId::from_uuid(id))
    }
}
