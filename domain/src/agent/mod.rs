//! One person who serves customers: definition, presence and the work they hold.

mod decide;
mod fact;
mod state;
#[cfg(test)]
mod tests;

pub use decide::Rejection;
pub use fact::{
    Definition, Fact, MISSED_OFFER, PHONE_UNREACHABLE, Phone, PhoneSecret, Presence,
    ReservationEnd, Role, Weights,
};
pub use state::{Agent, Held, Reservation};
