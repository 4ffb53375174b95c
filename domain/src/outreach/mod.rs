//! Single-contact outreach: everything departments want of one customer, gated, bundled and said once.
//!
//! One stream per customer is the single writer of that customer's contacts. Because every decision is an append at an
//! exact revision, two deciders can never both start a contact.

mod book;
mod bundle;
mod coordinate;
mod decide;
mod fact;
mod gate;
mod ledger;
mod moving;
mod priority;
mod reason;
mod receipt;
mod state;
#[cfg(test)]
mod tests;
mod wish;
mod words;

pub use book::MOST_PENDING;
pub use decide::{Noted, Rejection};
pub use fact::{Fact, Withdrawal};
pub use gate::{CustomerFacts, is_live};
pub use ledger::{Contact, Ledger, Origin, Pressure, Window};
pub use priority::Factors;
pub use reason::{Reason, Receipt};
pub use state::{Outreach, Plan, Status, WishState};
pub use wish::{CERTAIN, Outcome, USUAL_SECONDS, Wish, WishClass};
pub use words::{Decided, Told, Words};
