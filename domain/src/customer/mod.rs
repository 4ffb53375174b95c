//! A person or organisation known to a tenant, and who claimed which number or address.

mod blocks;
mod claim;
mod complaint;
mod consent;
mod decide;
mod department;
mod fact;
mod merge;
#[cfg(test)]
mod merge_tests;
pub mod opt_out;
mod proof;
mod qualification;
mod review;
mod source;
mod state;
#[cfg(test)]
mod tests;

pub use blocks::{Blocks, Scope};
pub use claim::{Claim, ClaimFact, Listing};
pub use complaint::{Complaint, Complaints, MOST_COMPLAINTS};
pub use consent::{ANY, Answer, Consents, InForce, MOST_STATEMENTS, SELLING, Statement};
pub use decide::Rejection;
pub use department::{
    Decimal, DepartmentFact, FactValue, KnownFact, KnownFacts, MOST_FACTS, NotAValue, ValueKind,
};
pub use fact::{DoNotContact, ErasureGround, Fact, KnownContactPoint};
pub use merge::{
    Absorbed, Absorption, Linked, Links, MOST_ENDED, MOST_MERGED, MergeGround, ReleaseReason,
};
pub use proof::{Proven, Standing, proof};
pub use qualification::{Admission, Qualification};
pub use review::{Doubt, Judgement, MOST_REVIEWS, Review, Reviews, pair};
pub use source::{NotASource, Source};
pub use state::Customer;
