//! Waiting lines: what waits in a queue, in which order, and who is ready for it.
//!
//! A queue keeps one line for each kind of work and each widening step in effect, because an agent may have room for
//! one kind and not for another, and may qualify only after a step. Every question on the hot path is then about the
//! first entry of an ordered map.

use std::collections::{BTreeMap, BTreeSet};

use super::rules::{Media, QueueRule, WorkItem};
use crate::id::QueueId;
use crate::time::Timestamp;

/// An index into the Floor's items, agents or queues; never leaves the Floor.
pub(super) type Ix = usize;

/// Orders a line: whoever passed the floor, then higher priority, then first come. `seq` makes it unique.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LineKey {
    rank: i64,
    pub(super) queued_at: Timestamp,
    pub(super) seq: u64,
}

impl LineKey {
    /// Stands before every other key.
    pub(super) const FIRST: Self = Self {
        rank: i64::MIN,
        queued_at: Timestamp::from_micros(i64::MIN),
        seq: 0,
    };

    pub(super) fn new(past_floor: bool, work: &WorkItem, seq: u64) -> Self {
        // Every negated priority is above i64::MIN, so the two classes never mix.
        let rank = if past_floor {
            i64::MIN
        } else {
            -i64::from(work.priority)
        };
        Self {
            rank,
            queued_at: work.queued_at,
            seq,
        }
    }

    pub(super) const fn past_floor(&self) -> bool {
        self.rank == i64::MIN
    }
}

/// Orders the agents who are ready for one kind of work of one queue; the first is asked first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ReadyKey {
    /// In outbound queues, agents who also serve customers who contact us come last.
    pub(super) shared: bool,
    /// What the queue's choice compares; less is better.
    pub(super) rank: u64,
    /// Since when the agent's load is what it is.
    pub(super) since: Timestamp,
    pub(super) agent: Ix,
}

/// Where a waiting item stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spot {
    /// Open to everybody whose tier is at most this.
    Open(usize),
    /// Kept for the agent who knows the customer.
    Kept(Ix),
}

/// What an item is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Waiting(Spot),
    Offered { agent: Ix, until: Timestamp },
}

/// An agent who was asked in vain, and when that ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refusal {
    pub(super) agent: Ix,
    pub(super) at: Timestamp,
}

#[derive(Debug)]
pub(super) struct Item {
    pub(super) work: WorkItem,
    pub(super) queue: Ix,
    pub(super) key: LineKey,
    pub(super) phase: Phase,
    /// The agent it may be kept for; once lost, the right does not come back.
    pub(super) keeper: Option<(Ix, Timestamp)>,
    pub(super) refusals: Vec<Refusal>,
    /// When it has to be looked at again.
    pub(super) wake: Option<Timestamp>,
}

impl Item {
    pub(super) fn refused_by(&self, agent: Ix) -> Option<&Refusal> {
        self.refusals.iter().find(|refusal| refusal.agent == agent)
    }
}

/// One kind of work in one queue.
#[derive(Debug)]
pub(super) struct Lane {
    /// Items open to everybody who qualifies, by the widening step in effect.
    pub(super) open: Vec<BTreeMap<LineKey, Ix>>,
    /// Everything not yet taken, kept and offered items included: the order customers see.
    pub(super) order: BTreeSet<LineKey>,
    /// Agents who may be asked now, by tier.
    pub(super) ready: Vec<BTreeSet<ReadyKey>>,
    /// How many routable agents could ever take this, by tier, whether they have room or not.
    pub(super) present: Vec<usize>,
}

impl Lane {
    fn new(tiers: usize) -> Self {
        Self {
            open: vec![BTreeMap::new(); tiers],
            order: BTreeSet::new(),
            ready: vec![BTreeSet::new(); tiers],
            present: vec![0; tiers],
        }
    }

    /// Whether something waits that an agent of this tier may be asked to take.
    pub(super) fn waits_for(&self, tier: usize) -> bool {
        self.open.iter().skip(tier).any(|line| !line.is_empty())
    }

    pub(super) fn anything_open(&self) -> bool {
        self.waits_for(0)
    }
}

#[derive(Debug)]
pub(super) struct Queue {
    /// Absent until the queue is defined; what comes before waits.
    pub(super) rule: Option<QueueRule>,
    pub(super) lanes: [Lane; Media::ALL.len()],
    /// Everything not yet taken, by moment of queueing.
    pub(super) by_age: BTreeSet<(Timestamp, u64, Ix)>,
    /// Waiting items that somebody was asked to take in vain.
    pub(super) refused: BTreeSet<Ix>,
    /// Agents who got no other work because a call waits here.
    pub(super) drained: BTreeSet<Ix>,
    /// How many items are being offered.
    pub(super) offered: usize,
}

impl Queue {
    pub(super) fn undefined() -> Self {
        Self {
            rule: None,
            lanes: std::array::from_fn(|_| Lane::new(1)),
            by_age: BTreeSet::new(),
            refused: BTreeSet::new(),
            drained: BTreeSet::new(),
            offered: 0,
        }
    }

    /// Takes a rule into use. All lines and ready sets start empty: the caller has emptied them.
    pub(super) fn define(&mut self, mut rule: QueueRule) {
        rule.widen.sort_by_key(|step| step.after);
        self.lanes = std::array::from_fn(|_| Lane::new(rule.tiers()));
        self.rule = Some(rule);
    }

    pub(super) fn lane(&self, media: Media) -> &Lane {
        &self.lanes[media.slot()]
    }

    pub(super) fn lane_mut(&mut self, media: Media) -> &mut Lane {
        &mut self.lanes[media.slot()]
    }

    pub(super) fn outbound(&self) -> bool {
        self.rule.as_ref().is_some_and(|rule| rule.outbound)
    }
}

/// What the wallboard shows of one queue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueView {
    /// Items nobody has accepted yet, those being offered included.
    pub waiting: usize,
    /// How many of them are being offered at this moment.
    pub offered: usize,
    /// The wait of the oldest of them; zero when nothing waits.
    pub longest_wait: std::time::Duration,
    /// Waiting items by kind of work, in the order of [`Media::ALL`].
    pub by_media: [usize; Media::ALL.len()],
    /// Agents who could be asked now, for the kind of work that most of them could take.
    pub ready_agents: usize,
}

/// How the Floor knows a queue from outside.
pub(super) type QueueIds = BTreeMap<QueueId, Ix>;
