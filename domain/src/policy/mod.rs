//! The contact policy of a tenant: when, how often and with whose consent customers are contacted. Versioned: every
//! decision names the version it was made under. Rules come into force through the configuration file, or by a proposal
//! that another person releases.

mod book;
mod dry_run;
mod fact;
mod rules;
#[cfg(test)]
mod tests;

pub use book::{Draft, MOST_COMMENT, MOST_OPEN, Origin, PolicyBook, Rejection, Version};
pub use dry_run::{Change, Entry, Example, Kind, Question, Report, Said, SaidWish, replay};
pub use fact::{Fact, Proposal, Setting};
pub use rules::{Adjustment, Cap, ContactPolicy, Fault, MOST_CONTACTS};

/// The rules and their version: what decisions look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The rules.
    pub rules: ContactPolicy,
    /// 1 for the first, then one more for every change.
    pub version: u64,
}
