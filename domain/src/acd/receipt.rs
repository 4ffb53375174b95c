//! Why an offer was made: stored with it, so that every decision can be explained later.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::{AgentId, InteractionId, QueueId};

/// How many agents and how many items a receipt names at the most; beyond that it counts.
pub const NAMED_IN_RECEIPT: usize = 5;

/// What was compared when an offer was made, and what decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The version of the queue's rule that was followed.
    pub rule_version: u32,
    /// How urgent the item was: queue weight in percent x item weight in percent x (wait / target) squared, so
    /// 10,000 is an ordinary item that has waited exactly its target. Saturates.
    pub score: u64,
    /// How long it had waited.
    pub waited: Duration,
    /// The agents who could have been asked, the chosen one first; at most [`NAMED_IN_RECEIPT`].
    pub candidates: Vec<Candidate>,
    /// How many agents had room for it at that moment, named or not.
    pub candidate_count: u32,
    /// The items that could have been offered instead, the chosen one first; at most [`NAMED_IN_RECEIPT`].
    pub heads: Vec<Head>,
    /// How many waiting lines were compared.
    pub head_count: u32,
    /// What decided.
    pub reason: Reason,
}

/// An agent who could have been asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Who.
    pub agent: AgentId,
    /// What the queue's choice compares, higher is better: idle milliseconds, free budget in thousandths, or the sum
    /// of levels in the required skills.
    pub score: u64,
    /// 0 when the agent meets the queue's own requirement, n when only its n-th widening step.
    pub tier: u8,
}

/// The first item of a line that could have been offered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Which.
    pub item: InteractionId,
    /// Where it waits.
    pub queue: QueueId,
    /// As in [`Receipt::score`].
    pub score: u64,
}

/// What decided an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The agent got room, and of all lines this item was the most urgent.
    MostUrgent,
    /// The agent got room, and this item had passed its queue's hard floor.
    PastFloor,
    /// The item came, came back or could be widened, and of all agents with room this one was the best choice.
    BestAgent,
    /// The item was kept for this agent, who knows the customer.
    Preferred,
    /// Work that we begin, while more agents are idle than the reserve asks for.
    SpareAgent,
}

impl Reason {
    /// The name in the log, the API and on the desk.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::MostUrgent => "most_urgent",
            Self::PastFloor => "past_floor",
            Self::BestAgent => "best_agent",
            Self::Preferred => "preferred",
            Self::SpareAgent => "spare_agent",
        }
    }
}
