//! The facts of an interaction. The names in the log are written by hand and stay.

use serde::{Deserialize, Serialize};

use crate::acd::Receipt;
use crate::aggregate;
use crate::channel::{Channel, Direction};
use crate::contact_point::ContactPoint;
use crate::event::Category;
use crate::id::{AccessPointId, AgentId, CustomerId, LegId, MessageId, OfferId, PlanId, QueueId};
use crate::node::Life;
use crate::private::Private;
use crate::time::Timestamp;

/// What can happen in an interaction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum Fact {
    /// The first ring or message, or the moment a planned contact became work.
    #[serde(rename = "interaction.started.v1")]
    Started {
        /// Whose contact it is.
        customer: CustomerId,
        /// How.
        channel: Channel,
        /// Who reached out.
        direction: Direction,
        /// What the customer reached; none on an outbound contact.
        access_point: Option<AccessPointId>,
        /// The number or address at the customer's end.
        contact_point: ContactPoint,
        /// The plan an outbound contact carries out.
        plan: Option<PlanId>,
        /// The run of the node that holds the customer's line; none where one node has the log for itself, and on an
        /// outbound contact.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        node: Option<Life>,
    },
    /// It joined the end of a line.
    #[serde(rename = "interaction.queued.v1")]
    Queued {
        /// Which line.
        queue: QueueId,
        /// Higher goes first within the line; ordinary is 0.
        priority: i32,
    },
    /// The ACD proposed it to an agent.
    #[serde(rename = "interaction.offered.v1")]
    Offered {
        /// The proposal.
        offer: OfferId,
        /// To whom.
        agent: AgentId,
        /// When it runs out.
        until: Timestamp,
        /// Why this agent: candidates, scores, rule version.
        receipt: Receipt,
    },
    /// The proposal ended without acceptance; the contact is back at the head of its line.
    #[serde(rename = "interaction.offer_ended.v1")]
    OfferEnded {
        /// The proposal.
        offer: OfferId,
        /// To whom it was.
        agent: AgentId,
        /// Why.
        why: OfferEnd,
    },
    /// An agent was reserved for this offer by a node that went silent before it made the offer. Another node decides now,
    /// and sees to it that this one cannot be made late.
    #[serde(rename = "interaction.offer_voided.v1")]
    OfferVoided {
        /// The proposal that never was.
        offer: OfferId,
    },
    /// The agent took it.
    #[serde(rename = "interaction.offer_accepted.v1")]
    OfferAccepted {
        /// The proposal.
        offer: OfferId,
        /// Who.
        agent: AgentId,
    },
    /// The hub is about to dial somebody; what came of it follows as `dial_ended` or `connected`.
    #[serde(rename = "interaction.dial_requested.v1")]
    DialRequested {
        /// The leg's name.
        leg: LegId,
        /// Whom.
        party: DialParty,
        /// The run of the node that dials; none where one node has the log for itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        node: Option<Life>,
    },
    /// A dial came to nothing.
    #[serde(rename = "interaction.dial_ended.v1")]
    DialEnded {
        /// The leg's name.
        leg: LegId,
        /// Whom.
        party: DialParty,
        /// What came of it.
        outcome: DialOutcome,
    },
    /// Customer and agent can hear each other.
    #[serde(rename = "interaction.connected.v1")]
    Connected {},
    /// The customer wrote.
    #[serde(rename = "interaction.message_received.v1")]
    MessageReceived {
        /// The id their widget gave it.
        message: MessageId,
        /// What they wrote.
        text: Private<String>,
    },
    /// An agent wrote.
    #[serde(rename = "interaction.message_sent.v1")]
    MessageSent {
        /// The id the desk gave it.
        message: MessageId,
        /// Who wrote.
        agent: AgentId,
        /// What they wrote.
        text: Private<String>,
    },
    /// The customer gave up before an agent took it.
    #[serde(rename = "interaction.abandoned.v1")]
    Abandoned {},
    /// The conversation is over; wrap-up begins.
    #[serde(rename = "interaction.ended.v1")]
    Ended {
        /// Who ended it.
        by: EndedBy,
        /// When wrap-up ends by itself.
        wrap_up_until: Timestamp,
    },
    /// The outcome code and a note, set in wrap-up.
    #[serde(rename = "interaction.disposition_set.v1")]
    DispositionSet {
        /// Who set it.
        agent: AgentId,
        /// One of the queue's codes.
        disposition: String,
        /// What the next colleague should know.
        note: Option<Private<String>>,
    },
    /// All is said and noted.
    #[serde(rename = "interaction.closed.v1")]
    Closed {
        /// Why now.
        cause: CloseCause,
    },
}

impl aggregate::Fact for Fact {
    const CATEGORY: Category = Category::Interaction;
}

/// Why an offer ended without acceptance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OfferEnd {
    /// The agent said no.
    Declined,
    /// The agent did not answer in time.
    Expired,
    /// The agent's phone could not be reached.
    Unreachable,
    /// The agent was no longer free, or went away, before the offer arrived.
    Withdrawn,
}

/// Whom the hub dials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DialParty {
    /// The agent's phone.
    Agent,
    /// The customer.
    Customer,
}

/// What came of a dial that did not connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DialOutcome {
    /// It rang and nobody answered.
    NoAnswer,
    /// Busy.
    Busy,
    /// Refused by the person.
    Declined,
    /// No route, no registration, no response.
    Unreachable,
    /// The hub gave up first.
    Cancelled,
    /// The hub stopped before it heard; the phone may have rung. It is never dialled again on this account.
    Unknown,
}

/// Who ended the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedBy {
    /// The customer.
    Customer,
    /// The agent.
    Agent,
    /// The customer could not be reached.
    NotReached,
    /// The line broke.
    Failure,
}

/// Why an interaction was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CloseCause {
    /// The agent finished wrap-up.
    WrappedUp,
    /// Wrap-up ran out, or the queue has none.
    WrapUpOver,
    /// The customer gave up waiting.
    Abandoned,
    /// The plan behind an outbound contact was withdrawn.
    PlanWithdrawn,
    /// The hub stopped in the middle of a call and lost it.
    HubRestarted,
}
