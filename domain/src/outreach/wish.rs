//! What departments want of a customer.

use serde::{Deserialize, Serialize};

use crate::channel::Channel;
use crate::id::WishId;
use crate::private::Private;
use crate::time::Timestamp;

/// A propensity of one: certain.
pub const CERTAIN: u16 = 1_000;
/// How long a wish takes to say when nobody stated it, in seconds.
pub const USUAL_SECONDS: u32 = 60;

/// What a department wants of a customer. A field that came later has a default that means what a wish meant without it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// Its name.
    pub id: WishId,
    /// Who wants it.
    pub department: String,
    /// What for, such as `payment_reminder`; consent is asked by purpose.
    pub purpose: String,
    /// How firmly rules apply.
    pub class: WishClass,
    /// What the agent should say.
    pub talking_point: Private<String>,
    /// What it says where it is written and not spoken; a wish without it is not sent as a message.
    #[serde(default)]
    pub message: Option<Private<String>>,
    /// What it is worth to the company when it succeeds, in the tenant's own unit.
    pub value: u32,
    /// How likely it succeeds, in thousandths: 0..=1000.
    #[serde(default = "certain")]
    pub propensity: u16,
    /// How long it takes to say, in seconds.
    #[serde(default = "usual_seconds")]
    pub expected_seconds: u32,
    /// Not before.
    pub not_before: Option<Timestamp>,
    /// Pointless from then on.
    pub expires_at: Timestamp,
    /// Allowed channels, the best first.
    pub channels: Vec<Channel>,
    /// The script for the agent, when there is one.
    pub script: Option<Private<String>>,
    /// Where what the wish rests on can be found: a case, an invoice, a link.
    #[serde(default)]
    pub evidence: Option<Private<String>>,
    /// Whether it may share a contact with others.
    #[serde(default = "yes")]
    pub bundle: bool,
}

const fn certain() -> u16 {
    CERTAIN
}

const fn usual_seconds() -> u32 {
    USUAL_SECONDS
}

const fn yes() -> bool {
    true
}

impl Wish {
    /// What it is worth in expectation, in thousandths of the tenant's unit: value times propensity.
    #[must_use]
    pub fn worth(&self) -> u64 {
        u64::from(self.value) * u64::from(self.propensity)
    }

    /// Whether there is a moment from `now` on at which it may be said.
    #[must_use]
    pub fn has_window(&self, now: Timestamp) -> bool {
        now < self.expires_at && self.not_before.is_none_or(|from| from < self.expires_at)
    }
}

/// How firmly the contact policy applies to a wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WishClass {
    /// Required by law or contract: never capped, still counted, and not stopped by do-not-contact.
    Mandatory,
    /// About something the customer has or asked for.
    Service,
    /// Planned by marketing or sales.
    Marketing,
}

impl WishClass {
    /// The name in the API, the log and the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mandatory => "mandatory",
            Self::Service => "service",
            Self::Marketing => "marketing",
        }
    }
}

/// What came of a wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The customer agreed: it is done.
    #[serde(alias = "done")]
    Agreed,
    /// The customer declined.
    Declined,
    /// It was said; nothing was asked.
    Informed,
    /// The customer wants to be asked again, perhaps at a time they named.
    Later,
    /// Whoever was reached is not the customer.
    WrongPerson,
    /// There was no time or no occasion to say it.
    NotDiscussed,
}

impl Outcome {
    /// Whether the wish ends with it. What does not end goes back into the book when the contact is over.
    #[must_use]
    pub const fn settles(self) -> bool {
        match self {
            Self::Agreed | Self::Declined | Self::Informed | Self::WrongPerson => true,
            Self::Later | Self::NotDiscussed => false,
        }
    }
}
