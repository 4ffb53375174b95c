//! Two customers turn out to be one person. Merging links their histories and moves no event; taking the link away gives
//! both back as they were.
//!
//! It takes an append to each of two streams, and every pair of appends can be raced. What keeps groups flat: the one who
//! stays notes the other *before* the other is merged, and forgets them *after* they are taken apart
//! ([`Customer::absorb`], [`Customer::merge_into`], [`Customer::unmerge`], [`Customer::release`]). Whoever has somebody
//! noted cannot be merged, and whoever is merged can note nobody: so there is no chain and no circle, whoever races.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::channel::Channel;
use crate::customer::{
    Admission, Consents, Customer, DoNotContact, Fact, Qualification, Rejection, Statement,
};
use crate::id::{CustomerId, MergeId, ReviewId};
use crate::outreach::WishClass;
use crate::private::Private;
use crate::time::Timestamp;

/// Most customers that are merged into one.
pub const MOST_MERGED: usize = 16;
/// Mergings of one customer that were refused or undone; whoever had so many cannot be merged any more.
pub const MOST_ENDED: usize = 64;

/// On what ground two customers are taken for one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum MergeGround {
    /// Both proved that the same number or address is theirs.
    VerifiedContactPoint,
    /// Somebody decided a doubt.
    Review {
        /// Which.
        review: ReviewId,
    },
    /// Somebody said so.
    Stated,
}

/// Why a merged customer is no longer noted by the one who stayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseReason {
    /// They were taken apart again.
    Unmerged,
    /// It never came to the merging: one of them was being contacted, erased, or merged otherwise.
    Refused,
}

/// The one who stays notes the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absorption {
    /// The other.
    pub customer: CustomerId,
    /// The name of this merging.
    pub merge: MergeId,
    /// On what ground.
    pub ground: MergeGround,
    /// In somebody's words.
    pub evidence: Option<Private<String>>,
}

/// A customer who is noted by the one who stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Absorbed {
    /// The name of the merging.
    pub merge: MergeId,
    /// Since when.
    pub since: Timestamp,
}

/// Whom a customer is merged with, as their own history says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Links {
    /// Those who are merged into this one, or are about to be.
    pub absorbed: BTreeMap<CustomerId, Absorbed>,
    /// The one this one is merged into.
    pub merged_into: Option<(CustomerId, MergeId)>,
    /// Mergings that were refused or undone, and will not happen again: whoever still carries one out finds out here.
    ended: BTreeSet<MergeId>,
}

impl Links {
    /// Whether a merging was refused or undone.
    #[must_use]
    pub fn has_ended(&self, merge: MergeId) -> bool {
        self.ended.contains(&merge)
    }

    pub(super) fn take(&mut self, fact: &Fact, at: Timestamp) {
        match fact {
            Fact::Absorbed(noted) => {
                let absorbed = Absorbed {
                    merge: noted.merge,
                    since: at,
                };
                self.absorbed.insert(noted.customer, absorbed);
            }
            Fact::Merged { into, merge } => self.merged_into = Some((*into, *merge)),
            Fact::MergeRefused { merge } => {
                self.ended.insert(*merge);
            }
            Fact::Unmerged { merge, .. } => {
                self.merged_into = None;
                self.ended.insert(*merge);
            }
            Fact::Released { customer, .. } => {
                self.absorbed.remove(customer);
            }
            _ => {}
        }
    }
}

/// Of two decisions the one of the customer who stays, unless the other refuses them.
fn stricter(own: Option<Qualification>, theirs: Option<&Qualification>) -> Option<Qualification> {
    let refuses = theirs.is_some_and(|theirs| theirs.admission == Admission::Refused);
    if refuses || own.is_none() {
        theirs.cloned().or(own)
    } else {
        own
    }
}

/// What is known of a customer who is merged into another, as far as gates ask for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Linked {
    /// Since when.
    since: Timestamp,
    /// What they said of being contacted.
    consent: Consents,
}

impl Customer {
    /// The one who stays notes the other: the first step of a merging. `me` is this customer.
    ///
    /// # Errors
    /// [`Rejection::Erased`]; [`Rejection::SamePerson`]; [`Rejection::IsMerged`]; [`Rejection::TooMany`].
    pub fn absorb(&self, me: CustomerId, other: Absorption) -> Result<Vec<Fact>, Rejection> {
        if self.is_erased() {
            return Err(Rejection::Erased);
        }
        if other.customer == me {
            return Err(Rejection::SamePerson);
        }
        if self.links.merged_into.is_some() {
            return Err(Rejection::IsMerged);
        }
        if self.links.absorbed.contains_key(&other.customer) {
            return Ok(vec![]);
        }
        if self.links.absorbed.len() >= MOST_MERGED {
            return Err(Rejection::TooMany);
        }
        Ok(vec![Fact::Absorbed(other)])
    }

    /// This one is merged into the one who noted them before.
    ///
    /// # Errors
    /// [`Rejection::Erased`]; [`Rejection::IsMerged`]; [`Rejection::HasMerged`]; [`Rejection::MergeRefused`];
    /// [`Rejection::TooMany`].
    pub fn merge_into(&self, into: CustomerId, merge: MergeId) -> Result<Vec<Fact>, Rejection> {
        if self.is_erased() {
            return Err(Rejection::Erased);
        }
        if self.links.has_ended(merge) {
            return Err(Rejection::MergeRefused);
        }
        match self.links.merged_into {
            Some(known) if known == (into, merge) => Ok(vec![]),
            Some(_) => Err(Rejection::IsMerged),
            None if !self.links.absorbed.is_empty() => Err(Rejection::HasMerged),
            None if self.links.ended.len() >= MOST_ENDED => Err(Rejection::TooMany),
            None => Ok(vec![Fact::Merged { into, merge }]),
        }
    }

    /// It will not come to this merging, whoever still carries it out. Nothing is refused that has happened, or was refused
    /// before.
    #[must_use]
    pub fn refuse_merge(&self, merge: MergeId) -> Vec<Fact> {
        let happened = self
            .links
            .merged_into
            .is_some_and(|(_, known)| known == merge);
        // Whoever had too many is not merged in any case.
        let settled = self.links.has_ended(merge) || self.links.ended.len() >= MOST_ENDED;
        if happened || settled {
            return vec![];
        }
        vec![Fact::MergeRefused { merge }]
    }

    /// They are two after all. What was refused while they were taken for one may have been refused by either: it stays
    /// refused for both. `survivor` is the state of the one who stayed.
    ///
    /// # Errors
    /// [`Rejection::Erased`]; [`Rejection::IsNotMerged`].
    pub fn unmerge(
        &self,
        from: CustomerId,
        survivor: &Self,
        now: Timestamp,
    ) -> Result<Vec<Fact>, Rejection> {
        if self.is_erased() {
            return Err(Rejection::Erased);
        }
        let merged = self.links.merged_into.filter(|(into, _)| *into == from);
        let (_, merge) = merged.ok_or(Rejection::IsNotMerged)?;
        let since = self.merged_at.unwrap_or(now);
        let said = format!("said while merged with customer {from}");
        let refused = survivor
            .consent
            .iter()
            .filter(|said| !said.statement.given && said.stated_at >= since);
        let refusals = refused.map(|refusal| {
            Fact::ConsentChanged(Statement {
                evidence: Private::new(said.clone()),
                stated_at: Some(refusal.stated_at),
                ..refusal.statement.clone()
            })
        });
        let blocks = survivor.do_not_contact.iter().filter(|(scope, until)| {
            let set = survivor.blocked_at.get(scope);
            set.is_some_and(|at| *at >= since)
                && self.do_not_contact.active(*scope, now) != Some(*until)
        });
        let blocks = blocks.map(|(scope, until)| {
            Fact::DoNotContactChanged(DoNotContact {
                scope,
                until,
                ..DoNotContact::new(true, &said)
            })
        });
        Ok([Fact::Unmerged { from, merge }]
            .into_iter()
            .chain(refusals)
            .chain(blocks)
            .collect())
    }

    /// The one who stayed no longer notes the other: the last step of taking them apart, or of a merging that came to
    /// nothing.
    #[must_use]
    pub fn release(&self, customer: CustomerId, merge: MergeId, why: ReleaseReason) -> Vec<Fact> {
        let noted = self.links.absorbed.get(&customer);
        if noted.is_some_and(|noted| noted.merge == merge) {
            vec![Fact::Released { customer, why }]
        } else {
            vec![]
        }
    }

    /// Who stands for the person: the one they are merged into, or themselves. `me` is this customer.
    #[must_use]
    pub fn person(&self, me: CustomerId) -> CustomerId {
        self.links.merged_into.map_or(me, |(into, _)| into)
    }

    /// One person with those who are merged into them: everything known of either. Where they contradict each other, the
    /// stricter counts, and for facts the newer.
    #[must_use]
    pub fn with<'a>(&self, members: impl IntoIterator<Item = (Timestamp, &'a Self)>) -> Self {
        let mut one = self.clone();
        for (since, member) in members {
            one.name = one.name.or_else(|| member.name.clone());
            one.zone = one.zone.or(member.zone);
            one.preferred_channel = one.preferred_channel.or(member.preferred_channel);
            one.preferred_point = one
                .preferred_point
                .or_else(|| member.preferred_point.clone());
            let theirs = member.contact_points.iter();
            let new = theirs.filter(|known| one.known_point(&known.contact_point).is_none());
            // Their own newest goes before what the other brought along.
            let new: Vec<_> = new.cloned().collect();
            one.contact_points.splice(0..0, new);
            one.qualification = stricter(one.qualification.take(), member.qualification.as_ref());
            one.do_not_contact.join(&member.do_not_contact);
            one.complaints.join(&member.complaints);
            one.facts.join(&member.facts);
            one.linked.push(Linked {
                since,
                consent: member.consent.clone(),
            });
        }
        one
    }

    /// What they said about this purpose on this channel, as it counts at a moment that is not before the last statement;
    /// `None` when they said nothing. Of one person who was taken for several, any refusal counts unless they agreed since
    /// they are known to be one.
    #[must_use]
    pub fn consent_at(
        &self,
        purpose: &str,
        class: WishClass,
        channel: Channel,
        moment: Timestamp,
    ) -> Option<bool> {
        let own = self.consent.answer(purpose, class, channel, moment);
        let mut said = own.map(|answer| answer.given);
        for linked in &self.linked {
            let theirs = linked.consent.answer(purpose, class, channel, moment);
            let outdated = own.is_some_and(|own| own.given && own.stated_at >= linked.since);
            said = match (said, theirs.map(|answer| answer.given)) {
                (Some(false), _) => Some(false),
                (said, Some(false)) if outdated => said,
                (_, Some(false)) => Some(false),
                (said, theirs) => said.or(theirs),
            };
        }
        said
    }
}
