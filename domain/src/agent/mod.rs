//! One person who serves customers: definition, presence and the work they hold.

mod decide;
mod fact;
mod state;
#[cfg(test)]
mod tests;

pub use decide::Rejection;
pub use fact::{Definition, Fact, Phone, Presence, ReservationEnd, Role, Weights};
pub use state::{Agent, Held, Reservation};
