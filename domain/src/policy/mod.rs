//! The contact policy of a tenant: when, how often and with whose consent customers are contacted. Versioned: every
//! decision names the version it was made under.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::aggregate::{self, Aggregate};
use crate::event::{Category, Revision};
use crate::id::CustomerId;
use crate::time::Timestamp;

mod rules;

pub use rules::{Adjustment, Cap, ContactPolicy, Fault, MOST_CONTACTS};

/// What can happen to a policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum Fact {
    /// These are the rules from now on.
    #[serde(rename = "policy.set.v1")]
    Set(ContactPolicy),
}

impl aggregate::Fact for Fact {
    const CATEGORY: Category = Category::Policy;
}

/// The rules and their version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The rules.
    pub rules: ContactPolicy,
    /// 1 for the first, then one more for every change.
    pub version: u64,
}

impl Aggregate for Policy {
    type Fact = Fact;

    fn begin(fact: &Fact, _: Timestamp) -> Option<Self> {
        let Fact::Set(rules) = fact;
        Some(Self {
            rules: rules.clone(),
            version: 0,
        })
    }

    fn apply(&mut self, fact: &Fact, _: Timestamp, revision: Revision) {
        let Fact::Set(rules) = fact;
        *self = Self {
            rules: rules.clone(),
            version: revision.0 + 1,
        };
    }

    fn subject(&self, _: Uuid) -> Option<CustomerId> {
        None
    }
}
