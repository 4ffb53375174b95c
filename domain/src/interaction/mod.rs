//! One contact with a customer, from the first ring or message to the end of wrap-up.

mod decide;
mod fact;
mod state;
#[cfg(test)]
mod tests;

pub use decide::{Closing, MAX_CONVERSATION_BYTES, MAX_MESSAGES, Rejection, Start, check_text};
pub use fact::{CloseCause, DialOutcome, DialParty, EndedBy, Fact, OfferEnd};
pub use state::{Interaction, Message, Phase};
