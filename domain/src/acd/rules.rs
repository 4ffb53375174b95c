//! What a tenant declares for routing: what queues ask of agents, what agents can do and how much of it at once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::channel::Channel;
use crate::id::{AgentId, InteractionId, QueueId};
use crate::time::Timestamp;

pub use crate::setup::AgentChoice as Choice;

/// The kind of work an item is, as far as an agent's capacity is concerned. A call is [`Media::Voice`] in both
/// directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Media {
    /// A call, inbound or outbound.
    Voice,
    /// A web chat.
    Chat,
    /// A conversation by text messages.
    Sms,
    /// An e-mail.
    Email,
    /// Anything else a person has to do.
    Task,
}

impl Media {
    /// All of them, in the order of their declaration.
    pub const ALL: [Self; 5] = [Self::Voice, Self::Chat, Self::Sms, Self::Email, Self::Task];

    pub(super) const fn slot(self) -> usize {
        self as usize
    }
}

impl From<Channel> for Media {
    fn from(channel: Channel) -> Self {
        match channel {
            Channel::Voice => Self::Voice,
            Channel::Chat => Self::Chat,
            Channel::Sms => Self::Sms,
            Channel::Email => Self::Email,
        }
    }
}

/// One skill and the least level of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkillLevel {
    /// The skill's name.
    pub skill: String,
    /// The least level that is enough.
    pub level: u8,
}

/// From `after` on, whoever meets `required` may be asked too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WideningStep {
    /// How long an item has waited when the step takes effect.
    pub after: Duration,
    /// What is enough from then on. Whoever was good enough before stays so.
    pub required: Vec<SkillLevel>,
}

/// What a queue asks of agents and how urgent its items become.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueRule {
    /// The queue.
    pub id: QueueId,
    /// The version of this rule, for the receipts; whoever declares it counts.
    pub version: u32,
    /// Every one of these is needed; nobody is turned away when it is empty.
    pub required: Vec<SkillLevel>,
    /// What becomes enough in time.
    pub widen: Vec<WideningStep>,
    /// T: the wait within which an item should be answered. Less than a millisecond counts as one.
    pub target: Duration,
    /// What an item here is worth beside one elsewhere, in percent: 100 counts once.
    pub value_weight: u32,
    /// k: an item that has waited k times the target goes before everything that has not. 0 means never.
    pub floor_after: u32,
    /// Which of several agents is asked.
    pub choice: Choice,
    /// How long an agent may think about an offer.
    pub offer_timeout: Duration,
    /// Holds work that we begin: it gives way to customers who contact us.
    pub outbound: bool,
}

impl QueueRule {
    /// A queue that asks for no skills: answer within 20 s, floor after 6 times that, longest idle agent first.
    #[must_use]
    pub const fn new(id: QueueId) -> Self {
        Self {
            id,
            version: 1,
            required: Vec::new(),
            widen: Vec::new(),
            target: Duration::from_secs(20),
            value_weight: 100,
            floor_after: 6,
            choice: Choice::LongestIdle,
            offer_timeout: Duration::from_secs(20),
            outbound: false,
        }
    }

    /// How many degrees of fitness there are: those who meet the rule itself, and one for each widening step.
    pub(super) fn tiers(&self) -> usize {
        self.widen.len() + 1
    }

    /// The first requirement this agent meets: 0 for the rule itself, n for the n-th widening step. `None` when the
    /// agent never qualifies.
    pub(super) fn tier_of(&self, agent: &AgentRule) -> Option<usize> {
        if agent
            .queues
            .as_ref()
            .is_some_and(|only| !only.contains(&self.id))
        {
            return None;
        }
        let steps = self.widen.iter().map(|step| &step.required);
        std::iter::once(&self.required)
            .chain(steps)
            .position(|required| agent.meets(required))
    }

    /// How many widening steps have taken effect after this wait.
    pub(super) fn reach_after(&self, waited: Duration) -> usize {
        self.widen
            .iter()
            .take_while(|step| step.after <= waited)
            .count()
    }

    /// The wait after which nothing younger may go first.
    pub(super) fn floor(&self) -> Option<Duration> {
        (self.floor_after > 0).then(|| self.target().saturating_mul(self.floor_after))
    }

    /// The target, never zero.
    pub(super) fn target(&self) -> Duration {
        self.target.max(Duration::from_millis(1))
    }
}

/// Points of the capacity budget that one item takes, by kind of work. 0 counts as 1: nothing is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaWeights {
    /// A call.
    pub voice: u32,
    /// A web chat.
    pub chat: u32,
    /// A text-message conversation.
    pub sms: u32,
    /// An e-mail.
    pub email: u32,
    /// A task.
    pub task: u32,
}

impl Default for MediaWeights {
    /// One call, or three chats or text conversations, or two e-mails or tasks fill a budget of 100.
    fn default() -> Self {
        Self {
            voice: 100,
            chat: 33,
            sms: 33,
            email: 50,
            task: 50,
        }
    }
}

impl MediaWeights {
    /// The points one item of this kind takes; at least 1.
    #[must_use]
    pub fn of(&self, media: Media) -> u32 {
        let points = match media {
            Media::Voice => self.voice,
            Media::Chat => self.chat,
            Media::Sms => self.sms,
            Media::Email => self.email,
            Media::Task => self.task,
        };
        points.max(1)
    }
}

/// What an agent can do, and how much of it at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentRule {
    /// The agent.
    pub id: AgentId,
    /// Level by skill.
    pub skills: BTreeMap<String, u8>,
    /// Budget points; all work held at one time fits into it.
    pub capacity: u32,
    /// What each kind of work takes of the budget.
    pub weights: MediaWeights,
    /// When set, work comes from these queues only, whatever the skills.
    pub queues: Option<BTreeSet<QueueId>>,
}

impl AgentRule {
    /// An agent without skills: 100 points, ordinary weights, any queue.
    #[must_use]
    pub fn new(id: AgentId) -> Self {
        Self {
            id,
            skills: BTreeMap::new(),
            capacity: 100,
            weights: MediaWeights::default(),
            queues: None,
        }
    }

    fn meets(&self, required: &[SkillLevel]) -> bool {
        required.iter().all(|need| {
            self.skills
                .get(&need.skill)
                .is_some_and(|level| *level >= need.level)
        })
    }

    /// The sum of the levels in the required skills: what "best skill" compares.
    pub(super) fn strength(&self, required: &[SkillLevel]) -> u64 {
        required
            .iter()
            .map(|need| u64::from(self.skills.get(&need.skill).copied().unwrap_or(0)))
            .sum()
    }
}

/// Something that waits for an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkItem {
    /// The interaction, callback or planned contact.
    pub id: InteractionId,
    /// Where it waits.
    pub queue: QueueId,
    /// The kind of work.
    pub media: Media,
    /// Since when it waits. A transferred item may keep its first moment.
    pub queued_at: Timestamp,
    /// Higher goes first within the queue; 0 is ordinary.
    pub priority: i32,
    /// The agent who knows the customer.
    pub preferred: Option<AgentId>,
    /// Until when it is kept for that agent; when absent, until the queue's target has passed.
    pub preferred_until: Option<Timestamp>,
    /// What this customer and reason are worth, in percent: 100 counts once.
    pub value_weight: u32,
}

impl WorkItem {
    /// An ordinary item: priority 0, worth 100 percent, for anybody.
    #[must_use]
    pub const fn new(
        id: InteractionId,
        queue: QueueId,
        media: Media,
        queued_at: Timestamp,
    ) -> Self {
        Self {
            id,
            queue,
            media,
            queued_at,
            priority: 0,
            preferred: None,
            preferred_until: None,
            value_weight: 100,
        }
    }
}
