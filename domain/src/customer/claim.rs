//! Who a number or address belongs to. The stream of a contact point has a name that follows from its value, so
//! of two claims at the same moment exactly one is the first event.

use serde::{Deserialize, Serialize};

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
}

impl aggregate::Fact for ClaimFact {
    const CATEGORY: Category = Category::ContactPoint;
}

/// Whose a contact point is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The customer.
    pub customer: CustomerId,
}

impl Aggregate for Claim {
    type Fact = ClaimFact;

    fn begin(fact: &ClaimFact, _: Timestamp) -> Option<Self> {
        let ClaimFact::Claimed { customer } = fact;
        Some(Self {
            customer: *customer,
        })
    }

    fn apply(&mut self, fact: &ClaimFact, _: Timestamp, _: Revision) {
        let ClaimFact::Claimed { customer } = fact;
        self.customer = *customer;
    }
}
