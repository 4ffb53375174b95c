//! Whether a customer is dealt with, which market segment they belong to and what they are worth to the company: a
//! decision of somebody who looked.

use serde::{Deserialize, Serialize};

use crate::private::Private;

/// Whether a customer is dealt with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Admission {
    /// As any other.
    Accepted,
    /// Nothing is sold to them: a bad record, no credit.
    Refused,
}

/// The decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Qualification {
    /// Whether they are dealt with.
    pub admission: Admission,
    /// The market segment, by its short name.
    pub segment: Option<String>,
    /// The value tier, by its short name, such as `gold`.
    pub tier: Option<String>,
    /// What it was decided on, in somebody's words. Who decided stands in the envelope.
    pub evidence: Private<String>,
}
