//! What is true of an agent now.

use uuid::Uuid;

use crate::agent::{Definition, Fact, PhoneSecret, Presence};
use crate::aggregate::Aggregate;
use crate::channel::Channel;
use crate::event::Revision;
use crate::id::{CustomerId, InteractionId, OfferId};
use crate::node::Life;
use crate::time::Timestamp;

/// One agent.
#[derive(Clone, Debug, PartialEq)]
pub struct Agent {
    /// Who they are.
    pub definition: Definition,
    /// Whether the definition has been withdrawn.
    pub retired: bool,
    /// PHC string of the password, when one is set.
    pub password: Option<String>,
    /// What proves that a phone is theirs.
    pub phone_secret: Option<PhoneSecret>,
    /// What they are ready for.
    pub presence: Presence,
    /// Since when.
    pub presence_since: Timestamp,
    /// Capacity set aside for running offers.
    pub reservations: Vec<Reservation>,
    /// Work they have, wrap-up included.
    pub work: Vec<Held>,
    /// The run of the node that their phone is registered with, when several nodes share the log.
    pub phone_at: Option<Life>,
}

/// Capacity set aside for an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// The offer.
    pub offer: OfferId,
    /// Of what.
    pub interaction: InteractionId,
    /// Its channel.
    pub channel: Channel,
    /// When it runs out.
    pub until: Timestamp,
}

/// A piece of work an agent has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// What.
    pub interaction: InteractionId,
    /// Its channel.
    pub channel: Channel,
}

impl Agent {
    /// Points of the budget in use: work and reservations.
    #[must_use]
    pub fn in_use(&self) -> u32 {
        self.channels()
            .map(|channel| self.definition.weights.of(channel))
            .sum()
    }

    /// Whether a contact of this channel fits: within the budget, and never a second call.
    #[must_use]
    pub fn has_room_for(&self, channel: Channel) -> bool {
        let second_call =
            channel == Channel::Voice && self.channels().any(|held| held == Channel::Voice);
        !second_call
            && self.in_use() + self.definition.weights.of(channel) <= self.definition.capacity
    }

    /// Whether new work may be offered.
    #[must_use]
    pub fn is_routable(&self) -> bool {
        !self.retired && self.presence == Presence::Ready
    }

    fn channels(&self) -> impl Iterator<Item = Channel> + '_ {
        self.work
            .iter()
            .map(|held| held.channel)
            .chain(self.reservations.iter().map(|held| held.channel))
    }
}

impl Aggregate for Agent {
    type Fact = Fact;

    fn begin(fact: &Fact, at: Timestamp) -> Option<Self> {
        let Fact::Defined(definition) = fact else {
            return None;
        };
        Some(Self {
            definition: definition.clone(),
            retired: false,
            password: None,
            phone_secret: None,
            presence: Presence::LoggedOut,
            presence_since: at,
            reservations: Vec::new(),
            work: Vec::new(),
            phone_at: None,
        })
    }

    fn apply(&mut self, fact: &Fact, at: Timestamp, _: Revision) {
        match fact {
            Fact::Defined(definition) => {
                self.definition = definition.clone();
                self.retired = false;
            }
            Fact::Retired {} => self.retired = true,
            Fact::PasswordSet { hash } => self.password = Some(hash.clone()),
            Fact::PhoneSecretSet(secret) => self.phone_secret = Some(secret.clone()),
            Fact::PresenceChanged { presence } => {
                self.presence = presence.clone();
                self.presence_since = at;
            }
            Fact::Reserved {
                offer,
                interaction,
                channel,
                until,
            } => self.reservations.push(Reservation {
                offer: *offer,
                interaction: *interaction,
                channel: *channel,
                until: *until,
            }),
            Fact::ReservationEnded { offer, .. } => {
                self.reservations.retain(|held| held.offer != *offer)
            }
            Fact::WorkTaken {
                interaction,
                channel,
            } => {
                self.reservations
                    .retain(|held| held.interaction != *interaction);
                self.work.push(Held {
                    interaction: *interaction,
                    channel: *channel,
                });
            }
            Fact::WorkFinished { interaction } => {
                self.work.retain(|held| held.interaction != *interaction)
            }
            Fact::PhoneRegistered { at } => self.phone_at = Some(*at),
            Fact::PhoneGone { at } => {
                self.phone_at.take_if(|known| known == at);
            }
        }
    }

    fn subject(&self, _: Uuid) -> Option<CustomerId> {
        None
    }
}
