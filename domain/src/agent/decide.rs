//! What may happen to an agent.

use crate::agent::fact::{MISSED_OFFER, PHONE_UNREACHABLE};
use crate::agent::{Agent, Definition, Fact, Phone, Presence, ReservationEnd};
use crate::channel::Channel;
use crate::id::{InteractionId, OfferId};
use crate::node::Life;
use crate::time::Timestamp;

/// Why a request is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Nobody is declared under this name (any more).
    #[error("there is no such agent")]
    Unknown,
    /// Not ready, logged out or retired.
    #[error("the agent takes no work now")]
    NotRoutable,
    /// It would exceed the capacity budget, or be a second call.
    #[error("the agent has no room for it")]
    NoRoom,
    /// A call needs a phone.
    #[error("the agent has no phone")]
    NoPhone,
    /// Leaving is possible once the work in hand is done.
    #[error("finish the work in hand before logging out")]
    HasWork,
}

type Decision = Result<Vec<Fact>, Rejection>;

impl Agent {
    /// The set-up declares the agent, perhaps differently.
    #[must_use]
    pub fn define(known: Option<&Self>, definition: &Definition) -> Vec<Fact> {
        match known {
            Some(agent) if !agent.retired && agent.definition == *definition => vec![],
            _ => vec![Fact::Defined(definition.clone())],
        }
    }

    /// The set-up declares the agent no longer.
    #[must_use]
    pub fn retire(&self) -> Vec<Fact> {
        if self.retired {
            return vec![];
        }
        let mut facts = vec![];
        if self.presence != Presence::LoggedOut {
            facts.push(Fact::PresenceChanged {
                presence: Presence::LoggedOut,
            });
        }
        facts.push(Fact::Retired {});
        facts
    }

    /// The agent says what they are ready for.
    ///
    /// # Errors
    /// [`Rejection::HasWork`] when logging out with work in hand, [`Rejection::Unknown`] when retired.
    pub fn change_presence(&self, presence: Presence) -> Decision {
        if self.retired {
            return Err(Rejection::Unknown);
        }
        if presence == self.presence {
            return Ok(vec![]);
        }
        if presence == Presence::LoggedOut && !self.work.is_empty() {
            return Err(Rejection::HasWork);
        }
        Ok(vec![Fact::PresenceChanged { presence }])
    }

    /// Sets capacity aside for an offer: the first of the two appends that make an offer. Reservations for offers that are
    /// `over` by the word of their contacts' own streams give way in the same append, so that nobody waits for them.
    ///
    /// # Errors
    /// [`Rejection`] when the agent takes no work, has no room, or no phone for a call.
    pub fn reserve(
        &self,
        offer: OfferId,
        interaction: InteractionId,
        channel: Channel,
        until: Timestamp,
        over: &[OfferId],
    ) -> Decision {
        if self.reservations.iter().any(|held| held.offer == offer) {
            return Ok(vec![]);
        }
        if !self.is_routable() {
            return Err(Rejection::NotRoutable);
        }
        if channel == Channel::Voice && self.definition.phone == Phone::None {
            return Err(Rejection::NoPhone);
        }
        let mut after = self.clone();
        after
            .reservations
            .retain(|held| !over.contains(&held.offer));
        if !after.has_room_for(channel) {
            return Err(Rejection::NoRoom);
        }
        let ended = self
            .reservations
            .iter()
            .filter(|held| over.contains(&held.offer));
        let mut facts: Vec<Fact> = ended
            .map(|held| Fact::ReservationEnded {
                offer: held.offer,
                why: ReservationEnd::Withdrawn,
            })
            .collect();
        facts.push(Fact::Reserved {
            offer,
            interaction,
            channel,
            until,
        });
        Ok(facts)
    }

    /// An offer came to nothing. Who did not answer is set not-ready with the reason, so that the next caller does not
    /// ring an empty chair.
    #[must_use]
    pub fn end_reservation(&self, offer: OfferId, why: ReservationEnd) -> Vec<Fact> {
        if !self.reservations.iter().any(|held| held.offer == offer) {
            return vec![];
        }
        let mut facts = vec![Fact::ReservationEnded { offer, why }];
        let reason = match why {
            ReservationEnd::Expired => Some(MISSED_OFFER),
            ReservationEnd::Unreachable => Some(PHONE_UNREACHABLE),
            ReservationEnd::Declined | ReservationEnd::Withdrawn => None,
        };
        if let (Some(reason), Presence::Ready) = (reason, &self.presence) {
            facts.push(Fact::PresenceChanged {
                presence: Presence::NotReady {
                    reason: reason.to_owned(),
                },
            });
        }
        facts
    }

    /// The agent has the work now.
    #[must_use]
    pub fn take(&self, interaction: InteractionId, channel: Channel) -> Vec<Fact> {
        if self.work.iter().any(|held| held.interaction == interaction) {
            return vec![];
        }
        vec![Fact::WorkTaken {
            interaction,
            channel,
        }]
    }

    /// The work is done, wrap-up included.
    #[must_use]
    pub fn finish(&self, interaction: InteractionId) -> Vec<Fact> {
        let mut facts: Vec<Fact> = self
            .reservations
            .iter()
            .filter(|held| held.interaction == interaction)
            .map(|held| Fact::ReservationEnded {
                offer: held.offer,
                why: ReservationEnd::Withdrawn,
            })
            .collect();
        if self.work.iter().any(|held| held.interaction == interaction) {
            facts.push(Fact::WorkFinished { interaction });
        }
        facts
    }

    /// The phone registered with a node, or refreshed its registration there.
    #[must_use]
    pub fn phone_registered(&self, at: Life) -> Vec<Fact> {
        match self.phone_at {
            Some(known) if known == at => vec![],
            _ => vec![Fact::PhoneRegistered { at }],
        }
    }

    /// The registration with a node is over. Nothing when the phone has moved to another one.
    #[must_use]
    pub fn phone_gone(&self, at: Life) -> Vec<Fact> {
        match self.phone_at {
            Some(known) if known == at => vec![Fact::PhoneGone { at }],
            _ => vec![],
        }
    }
}
