//! The automatic call distributor: decides which waiting item is offered to which agent.
//!
//! [`Floor`] is one tenant's routing. Facts and `now` go in, offers come out; nothing else decides. The same inputs
//! give the same outputs, so one piece of code serves live traffic, tests, replay and simulation.
//!
//! What is promised
//! - An item is offered to one agent at a time, an agent thinks about one offer at a time.
//! - Held work never exceeds the agent's budget through an offer, and a call never meets a second one.
//! - Within a queue, kind of work and priority: first come, first served, among the agents who may take either.
//!   Across queues the most urgent head goes first; what has waited past its queue's floor goes before all else, oldest
//!   first, whatever its priority. So nothing starves.
//! - Nothing waits beside an agent who may take it, except by a rule that is written down here: kept for the agent who
//!   knows the customer, refused a moment ago, drained for a call, or giving way as outbound work.
//! - A decision looks at heads of lines and at the first ready agents only; it never scans what waits.
//!
//! Drain rule: while a call waits that an agent could serve, that agent gets no second piece of other work that would
//! leave no room for a call. The first piece is chosen by urgency, so other work is not starved by calls either.
//!
//! What the Floor does not decide: whether an offer has expired. It only says [`Output::OfferOverdue`] when an answer
//! is late, again and again until the offer is ended; the log has the last word.

mod define;
mod facts;
mod floor;
mod line;
mod matching;
mod offering;
mod placing;
mod receipt;
mod roster;
mod rules;
mod score;
#[cfg(test)]
mod tests;
mod view;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use floor::Floor;
pub use line::QueueView;
pub use receipt::{Candidate, Head, NAMED_IN_RECEIPT, Reason, Receipt};
pub use rules::{
    AgentRule, Choice, Media, MediaWeights, QueueRule, SkillLevel, WideningStep, WorkItem,
};

use crate::id::{AgentId, InteractionId, QueueId};
use crate::time::Timestamp;

/// How long after its expiry an unanswered offer is reported as overdue.
pub const OFFER_GRACE: Duration = Duration::from_secs(2);
/// How often the report is repeated while the offer is still not ended.
pub const OVERDUE_REPEAT: Duration = Duration::from_secs(5);
/// An agent who refused an item and is the only one left is asked again after this; it keeps a lone agent from being
/// rung in a loop.
pub const ASK_AGAIN_AFTER: Duration = Duration::from_secs(3);

/// What the Floor is told. Inputs are facts: they are taken as they are, in any order, and repeating one changes
/// nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// A queue is declared, or declared differently. Items that named it before have been waiting.
    QueueDefined(QueueRule),
    /// A queue is declared no longer. What waits in it is still served by its last rule.
    QueueRetired(QueueId),
    /// An agent is declared, or declared differently.
    AgentDefined(AgentRule),
    /// An agent is declared no longer and gets nothing more; what was being offered must still be ended.
    AgentRetired(AgentId),
    /// Whether an agent may get new work. Feed this before the [`Input::OfferEnded`] of an expired offer when the
    /// expiry makes the agent not ready, or the next item is offered at once.
    AgentAvailability {
        /// Who.
        agent: AgentId,
        /// May get new work.
        routable: bool,
    },
    /// An agent works on an item, however it came about; wrap-up included. It waits no longer.
    AgentHolds {
        /// Who.
        agent: AgentId,
        /// What.
        item: InteractionId,
        /// The kind of work.
        media: Media,
    },
    /// An agent has finished with an item, wrap-up included.
    AgentReleased {
        /// Who.
        agent: AgentId,
        /// What.
        item: InteractionId,
    },
    /// An item waits. Said again with other content, it is changed and keeps its place among equals.
    ItemQueued(WorkItem),
    /// An item waits no longer: abandoned, closed, or taken otherwise.
    ItemWithdrawn {
        /// Which.
        item: InteractionId,
    },
    /// Somebody else's Floor offered a waiting item: it is as if this one had. Changes nothing for an item that is not known.
    ItemOffered {
        /// Which.
        item: InteractionId,
        /// To whom.
        agent: AgentId,
        /// Until when the agent may answer.
        until: Timestamp,
    },
    /// The agent took the offer; from here on the agent holds the item.
    OfferAccepted {
        /// Which.
        item: InteractionId,
        /// Who.
        agent: AgentId,
    },
    /// The offer came to nothing. Stale ends, of offers that are no more, change nothing.
    OfferEnded {
        /// Which.
        item: InteractionId,
        /// Who was asked.
        agent: AgentId,
        /// Whether the item still waits. It goes back to its old place, and this agent is not asked again for it
        /// while anybody else who could take it is at work.
        requeue: bool,
        /// Why; all reasons weigh the same here.
        why: OfferEnd,
    },
    /// How many agents who serve inbound work must stay idle when outbound work begins.
    Reserve {
        /// So many.
        count: u32,
    },
    /// Time has passed.
    Tick,
}

/// Why an offer came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OfferEnd {
    /// The agent said no.
    Declined,
    /// The agent did not answer in time.
    Expired,
    /// The agent could not be reached.
    Failed,
}

/// What the Floor wants done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// Offer this item to this agent. Both are reserved until the answer is fed back.
    Offer {
        /// Which.
        item: InteractionId,
        /// To whom.
        agent: AgentId,
        /// Until when the agent may answer.
        until: Timestamp,
        /// Why.
        receipt: Receipt,
    },
    /// This offer should have been answered or ended by now: end it.
    OfferOverdue {
        /// Which.
        item: InteractionId,
        /// Who was asked.
        agent: AgentId,
    },
}
