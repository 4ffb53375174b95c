//! A person or organisation known to a tenant, and who claimed which number or address.

mod claim;
mod decide;
mod fact;

pub use claim::{Claim, ClaimFact};
pub use decide::{Customer, Rejection};
pub use fact::{ErasureGround, Fact, KnownContactPoint};
