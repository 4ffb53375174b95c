//! Single-contact outreach: everything departments want of one customer, gated, bundled and said once.
//!
//! One stream per customer is the single writer of that customer's contacts. Because every decision is an append at an
//! exact revision, two deciders can never both start a contact.

mod coordinate;
mod decide;
mod fact;
mod gate;
mod moving;
mod state;
#[cfg(test)]
mod tests;

pub use decide::Rejection;
pub use fact::{Fact, Outcome, Receipt, Wish, WishClass, Withdrawal};
pub use gate::{CustomerFacts, Reason, Verdict};
pub use state::{Outreach, Plan, Status, WishState};
