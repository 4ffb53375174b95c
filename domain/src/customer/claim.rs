//! Who a number or address belongs to. The stream of a contact point has a name that follows from its value, so
//! of two claims at the same moment exactly one is the first event.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::aggregate::{self, Aggregate};
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
}

impl aggregate::Fact for ClaimFact {
    const CATEGORY: Category = Category::ContactPoint;
}

/// Whose a contact point is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The customer; none once it was released.
    pub customer: Option<CustomerId>,
}

impl Claim {
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
        let mut begun = Self { customer: None };
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
        self.customer = match fact {
            ClaimFact::Claimed { customer } => Some(*customer),
            ClaimFact::Released { .. } => None,
        };
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
        let free = Claim { customer: None };
        assert_eq!(free.hand_over(None, BORIS), vec![claims.clone()]);
        assert_eq!(
            claimed(ANNA).hand_over(Some(ANNA), BORIS),
            vec![ClaimFact::Released { customer: ANNA }, claims]
        );
        assert_eq!(claimed(ANNA).hand_over(None, BORIS), vec![]);
    }
}
