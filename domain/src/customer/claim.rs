//! Who a number or address belongs to. The stream of a contact point has a name that follows from its value, so
//! of two claims at the same moment exactly one is the first event.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::aggregate::{self, Aggregate};
use crate::customer::{Blocks, Scope, Source};
use crate::event::{Category, Revision};
use crate::id::CustomerId;
use crate::time::Timestamp;

/// What can happen to a contact point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum ClaimFact {
    /// It belongs to this customer from now on.
    #[serde(rename = "contact_point.claimed.v1")]
    Claimed {
        /// Whose.
        customer: CustomerId,
    },
    /// It belongs to nobody: whoever is reached there next is somebody new.
    #[serde(rename = "contact_point.released.v1")]
    Released {
        /// Whose it was.
        customer: CustomerId,
    },
    /// It is on the tenant's do-not-contact list, whoever it belongs to, now or later.
    #[serde(rename = "contact_point.do_not_contact_listed.v1")]
    Listed(Listing),
    /// It is on that list no longer.
    #[serde(rename = "contact_point.do_not_contact_unlisted.v1")]
    Unlisted {
        /// What for.
        scope: Scope,
    },
}

/// An entry of the do-not-contact list. It stands in the stream of the contact point, whose name is all the list knows
/// of the number or address: an entry holds nothing personal, and outlives the customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// What for.
    pub scope: Scope,
    /// Until when; none: until it is taken off.
    pub until: Option<Timestamp>,
    /// Who or what told us, such as a public register.
    pub source: Option<Source>,
}

impl aggregate::Fact for ClaimFact {
    const CATEGORY: Category = Category::ContactPoint;
}

/// Whose a contact point is, and whether it is on the do-not-contact list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claim {
    /// The customer; none while it was never claimed, and once it was released.
    pub customer: Option<CustomerId>,
    /// The list's entries.
    pub listed: Blocks,
}

impl Claim {
    /// It is put on the do-not-contact list. The same entry again changes nothing; another end replaces it.
    #[must_use]
    pub fn list(&self, entry: Listing, now: Timestamp) -> Vec<ClaimFact> {
        if self.listed.active(entry.scope, now) == Some(entry.until) {
            vec![]
        } else {
            vec![ClaimFact::Listed(entry)]
        }
    }

    /// It is taken off the list.
    #[must_use]
    pub fn unlist(&self, scope: Scope, now: Timestamp) -> Vec<ClaimFact> {
        if self.listed.active(scope, now).is_some() {
            vec![ClaimFact::Unlisted { scope }]
        } else {
            vec![]
        }
    }

    /// A customer's claim on it ends; somebody else's stays.
    #[must_use]
    pub fn release(&self, customer: CustomerId) -> Vec<ClaimFact> {
        if self.customer == Some(customer) {
            vec![ClaimFact::Released { customer }]
        } else {
            vec![]
        }
    }

    /// Whoever is reached here is `fresh`, in place of nobody or of a customer who was erased.
    #[must_use]
    pub fn hand_over(&self, erased: Option<CustomerId>, fresh: CustomerId) -> Vec<ClaimFact> {
        let claimed = ClaimFact::Claimed { customer: fresh };
        match self.customer {
            None => vec![claimed],
            Some(customer) if erased == Some(customer) => {
                vec![ClaimFact::Released { customer }, claimed]
            }
            Some(_) => vec![],
        }
    }
}

impl Aggregate for Claim {
    type Fact = ClaimFact;

    fn begin(fact: &ClaimFact, _: Timestamp) -> Option<Self> {
        let mut begun = Self::default();
        begun.take(fact);
        Some(begun)
    }

    fn apply(&mut self, fact: &ClaimFact, _: Timestamp, _: Revision) {
        self.take(fact);
    }

    fn subject(&self, _: Uuid) -> Option<CustomerId> {
        None
    }
}

impl Claim {
    fn take(&mut self, fact: &ClaimFact) {
        match fact {
            ClaimFact::Claimed { customer } => self.customer = Some(*customer),
            ClaimFact::Released { .. } => self.customer = None,
            ClaimFact::Listed(entry) => self.listed.set(entry.scope, entry.until),
            ClaimFact::Unlisted { scope } => self.listed.lift(*scope),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const ANNA: CustomerId = CustomerId::from_uuid(Uuid::from_u128(1));
    const BORIS: CustomerId = CustomerId::from_uuid(Uuid::from_u128(2));

    fn claimed(customer: CustomerId) -> Claim {
        Claim {
            customer: Some(customer),
            ..Claim::default()
        }
    }

    #[test]
    fn a_claim_ends_for_its_owner_only_and_only_once() {
        assert_eq!(claimed(ANNA).release(BORIS), vec![]);
        let mut claim = claimed(ANNA);
        for fact in claim.release(ANNA) {
            claim.apply(&fact, Timestamp::default(), Revision(1));
        }
        assert_eq!(claim.customer, None);
        assert_eq!(claim.release(ANNA), vec![]);
    }

    #[test]
    fn a_number_passes_on_from_nobody_and_from_an_erased_customer_but_from_no_other() {
        let claims = ClaimFact::Claimed { customer: BORIS };
        let free = Claim::default();
        assert_eq!(free.hand_over(None, BORIS), vec![claims.clone()]);
        assert_eq!(
            claimed(ANNA).hand_over(Some(ANNA), BORIS),
            vec![ClaimFact::Released { customer: ANNA }, claims]
        );
        assert_eq!(claimed(ANNA).hand_over(None, BORIS), vec![]);
    }

    #[test]
    fn a_number_nobody_knows_yet_can_be_listed_and_stays_listed_whoever_it_belongs_to() {
        let entry = Listing {
            scope: Scope::All,
            until: None,
            source: None,
        };
        let now = Timestamp::default();
        let listed = Claim::default().list(entry.clone(), now);
        let mut claim = Claim::begin(&listed[0], now).unwrap();
        assert_eq!((claim.customer, claim.list(entry, now)), (None, vec![]));
        for fact in claim.hand_over(None, ANNA) {
            claim.apply(&fact, now, Revision(1));
        }
        for fact in claim.release(ANNA) {
            claim.apply(&fact, now, Revision(2));
        }
        assert!(claim.listed.active(Scope::All, now).is_some());
        for fact in claim.unlist(Scope::All, now) {
            claim.apply(&fact, now, Revision(3));
        }
        assert_eq!(claim, Claim::default());
    }
}
