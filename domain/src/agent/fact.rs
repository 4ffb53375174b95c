//! The facts of an agent.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::aggregate;
use crate::channel::Channel;
use crate::event::Category;
use crate::id::{InteractionId, OfferId};
use crate::node::Life;
use crate::time::Timestamp;

/// What can happen to an agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum Fact {
    /// Declared, or declared differently; the whole definition each time.
    #[serde(rename = "agent.defined.v1")]
    Defined(Definition),
    /// No longer declared.
    #[serde(rename = "agent.retired.v1")]
    Retired {},
    /// A new password.
    #[serde(rename = "agent.password_set.v1")]
    PasswordSet {
        /// PHC string of Argon2id; never the password.
        hash: String,
    },
    /// A new secret for the registered phone.
    #[serde(rename = "agent.phone_secret_set.v1")]
    PhoneSecretSet(PhoneSecret),
    /// Presence changed.
    #[serde(rename = "agent.presence_changed.v1")]
    PresenceChanged {
        /// From now on.
        presence: Presence,
    },
    /// Part of the capacity is set aside for an offer.
    #[serde(rename = "agent.reserved.v1")]
    Reserved {
        /// The offer.
        offer: OfferId,
        /// Of what.
        interaction: InteractionId,
        /// Its channel.
        channel: Channel,
        /// When the reservation runs out by itself.
        until: Timestamp,
    },
    /// The offer came to nothing.
    #[serde(rename = "agent.reservation_ended.v1")]
    ReservationEnded {
        /// The offer.
        offer: OfferId,
        /// Why.
        why: ReservationEnd,
    },
    /// The agent has the work now.
    #[serde(rename = "agent.work_taken.v1")]
    WorkTaken {
        /// What.
        interaction: InteractionId,
        /// Its channel.
        channel: Channel,
    },
    /// The work is done, wrap-up included.
    #[serde(rename = "agent.work_finished.v1")]
    WorkFinished {
        /// What.
        interaction: InteractionId,
    },
    /// The registered phone can be rung through this node from now on. Written where several nodes share the log, and only
    /// when the node changes.
    #[serde(rename = "agent.phone_registered.v1")]
    PhoneRegistered {
        /// The run that holds the registration.
        at: Life,
    },
    /// The registration with this node ended or ran out.
    #[serde(rename = "agent.phone_gone.v1")]
    PhoneGone {
        /// The run that held it.
        at: Life,
    },
}

impl aggregate::Fact for Fact {
    const CATEGORY: Category = Category::Agent;
}

/// Who an agent is and what they can do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// The name to log in with, unique in the tenant.
    pub name: String,
    /// The name customers and colleagues see.
    pub display_name: String,
    /// What they may do at the desk.
    pub role: Role,
    /// Skills and levels, 1..=10.
    pub skills: BTreeMap<String, u8>,
    /// Where calls ring.
    pub phone: Phone,
    /// Capacity budget in points, shared by all channels.
    pub capacity: u32,
    /// What one contact of each channel takes of the budget.
    pub weights: Weights,
}

/// What somebody may do at the desk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Serve customers.
    Agent,
    /// Also watch the floor and change set-up.
    Supervisor,
}

/// Where an agent's calls ring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Phone {
    /// No phone: the agent gets no calls.
    None,
    /// A SIP phone that registers with the hub.
    Registered {
        /// The user part of its address of record.
        user: String,
    },
    /// A fixed address that needs no registration.
    Address {
        /// `sip:user@host:port`.
        uri: String,
    },
}

/// What proves that a phone is the agent's: digests of user, realm and secret (RFC 7616, section 3.4.2), never the
/// secret itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhoneSecret {
    /// The realm the digests are made for.
    pub realm: String,
    /// MD5, lower-case hexadecimal.
    pub ha1_md5: String,
    /// SHA-256, lower-case hexadecimal.
    pub ha1_sha256: String,
}

impl std::fmt::Debug for PhoneSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PhoneSecret(realm {:?})", self.realm)
    }
}

/// Points of the capacity budget that one contact takes, by channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weights {
    /// A call, inbound or outbound.
    pub voice: u32,
    /// A chat.
    pub chat: u32,
    /// A text message conversation.
    pub sms: u32,
    /// A mail.
    pub email: u32,
}

impl Default for Weights {
    fn default() -> Self {
        Self {
            voice: 100,
            chat: 33,
            sms: 33,
            email: 50,
        }
    }
}

impl Weights {
    /// What a contact of this channel takes.
    #[must_use]
    pub const fn of(&self, channel: Channel) -> u32 {
        match channel {
            Channel::Voice => self.voice,
            Channel::Chat => self.chat,
            Channel::Sms => self.sms,
            Channel::Email => self.email,
        }
    }
}

/// What an agent is ready for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Presence {
    /// Not at work.
    LoggedOut,
    /// Takes work.
    Ready,
    /// At work, takes no new work.
    NotReady {
        /// One of the tenant's reasons, or `missed_offer`.
        reason: String,
    },
}

/// The reason an agent gets who did not answer an offer in time.
pub const MISSED_OFFER: &str = "missed_offer";
/// The reason an agent gets whose phone could not be reached.
pub const PHONE_UNREACHABLE: &str = "phone_unreachable";

/// Why a reservation ended without work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReservationEnd {
    /// The agent said no.
    Declined,
    /// The agent did not answer in time.
    Expired,
    /// The agent's phone could not be reached.
    Unreachable,
    /// The work was gone: the customer left, or another node was faster.
    Withdrawn,
}
