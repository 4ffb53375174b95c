//! What a dry run answers: figures, and a few examples.

use serde::{Serialize, Serializer};

use crate::id::CustomerId;
use crate::outreach::Reason;
use crate::time::{Timestamp, Zone};

/// Examples of each kind.
const EXAMPLES: usize = 6;

/// What would have become of a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It would not have been made within these days.
    NotMade,
    /// It would have been made later.
    Later,
    /// It would have been made earlier.
    Earlier,
    /// Another contact with the same customer would have said it.
    Joined,
    /// It would have been made with fewer wishes.
    FewerWishes,
    /// It was not made, and would have been.
    Added,
}

/// A contact that would have been another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// With whom.
    pub customer: CustomerId,
    /// The customer's clock.
    pub zone: Zone,
    /// When it was made, or would have been added.
    #[serde(serialize_with = "millis")]
    pub at: Timestamp,
    /// What would have become of it.
    pub kind: Kind,
    /// The gate that makes the difference; none when only the gathering of wishes does.
    pub reason: Option<Reason>,
    /// When it would have been made.
    #[serde(serialize_with = "maybe_millis")]
    pub to: Option<Timestamp>,
}

/// A change with what was to be said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Example {
    /// What would have changed.
    #[serde(flatten)]
    pub change: Change,
    /// What was to be said.
    pub wishes: Vec<SaidWish>,
}

/// Whose wish, and what for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SaidWish {
    /// Who wanted it.
    pub department: String,
    /// What for.
    pub purpose: String,
}

/// How often one gate made the difference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Share {
    /// The gate; none: only the gathering of wishes.
    pub reason: Option<Reason>,
    /// Contacts not made.
    pub not_made: u64,
    /// Contacts made later.
    pub later: u64,
    /// Contacts made earlier.
    pub earlier: u64,
    /// Contacts that became part of another one.
    pub joined: u64,
    /// Contacts with fewer wishes.
    pub fewer_wishes: u64,
    /// Contacts that were not made in earnest.
    pub added: u64,
    /// Wishes that were said and would wait at the end of these days.
    pub wishes_held: u64,
    /// Wishes that were said and would have been dropped.
    pub wishes_dropped: u64,
}

/// The answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Customers who were looked at.
    pub customers: u64,
    /// Customers whose days took too many steps and are missing in what follows.
    pub skipped: u64,
    /// Contacts that were really made.
    pub contacts: u64,
    /// How many of them the replay under the rules of the day made at the same moment: how far it may be trusted.
    pub reproduced: u64,
    /// Contacts of the replay under the rules of the day.
    pub then: u64,
    /// Contacts of the replay under the draft.
    pub draft: u64,
    /// Contacts that would have been the same.
    pub unchanged: u64,
    /// What makes the difference.
    pub by_reason: Vec<Share>,
    /// Some of the contacts that would have been others.
    pub examples: Vec<Example>,
}

impl Report {
    fn share(&mut self, reason: Option<Reason>) -> &mut Share {
        let place = self
            .by_reason
            .iter()
            .position(|share| share.reason == reason);
        let place = place.unwrap_or_else(|| {
            self.by_reason.push(Share {
                reason,
                ..Share::default()
            });
            self.by_reason.len() - 1
        });
        &mut self.by_reason[place]
    }

    pub(super) fn count(&mut self, kind: Kind, reason: Option<Reason>) {
        let share = self.share(reason);
        let count = match kind {
            Kind::NotMade => &mut share.not_made,
            Kind::Later => &mut share.later,
            Kind::Earlier => &mut share.earlier,
            Kind::Joined => &mut share.joined,
            Kind::FewerWishes => &mut share.fewer_wishes,
            Kind::Added => &mut share.added,
        };
        *count += 1;
    }

    pub(super) fn held(&mut self, reason: Reason) {
        self.share(Some(reason)).wishes_held += 1;
    }

    pub(super) fn dropped(&mut self, reason: Reason) {
        self.share(Some(reason)).wishes_dropped += 1;
    }

    pub(super) fn show(&mut self, example: Example) {
        let shown = self.examples.iter();
        let alike = shown.filter(|known| known.change.kind == example.change.kind);
        if alike.count() < EXAMPLES {
            self.examples.push(example);
        }
    }

    /// How many contacts would have been others in this way.
    #[must_use]
    pub fn of(&self, kind: Kind) -> u64 {
        let one = |share: &Share| match kind {
            Kind::NotMade => share.not_made,
            Kind::Later => share.later,
            Kind::Earlier => share.earlier,
            Kind::Joined => share.joined,
            Kind::FewerWishes => share.fewer_wishes,
            Kind::Added => share.added,
        };
        self.by_reason.iter().map(one).sum()
    }
}

fn millis<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_i64(at.as_millis())
}

#[allow(clippy::ref_option, reason = "the signature is serde's")]
fn maybe_millis<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    at.map(Timestamp::as_millis).serialize(serializer)
}
