//! Agents as the Floor sees them: what they hold, what still fits, which queues they serve.

use std::collections::{BTreeMap, BTreeSet};

use super::line::{Ix, LineKey, ReadyKey};
use super::rules::{AgentRule, Choice, Media, QueueRule};
use crate::id::{AgentId, InteractionId};
use crate::time::Timestamp;

/// An agent's place among those who serve a queue.
#[derive(Clone, Copy, Debug)]
pub(super) struct Membership {
    pub(super) queue: Ix,
    pub(super) tier: usize,
    pub(super) outbound: bool,
}

/// An entry in a ready set, kept so that it can be taken out again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seat {
    pub(super) queue: Ix,
    pub(super) media: Media,
    pub(super) tier: usize,
    pub(super) key: ReadyKey,
}

/// What an agent currently counts towards.
#[derive(Debug, Default)]
pub(super) struct Seats {
    pub(super) ready: Vec<Seat>,
    /// Lanes in which the agent counts as present.
    pub(super) present: Vec<(Ix, Media, usize)>,
    /// By kind of work: whether taking one more would leave no room for a call.
    pub(super) blocks_calls: [bool; Media::ALL.len()],
    /// Counts as idle, and whether for inbound work too.
    pub(super) idle: Option<Idle>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Idle {
    ForInbound,
    OutboundOnly,
}

#[derive(Debug)]
pub(super) struct Agent {
    pub(super) id: AgentId,
    /// Absent until the agent is defined, and after retiring.
    pub(super) rule: Option<AgentRule>,
    pub(super) routable: bool,
    /// When the load last changed, or the agent became routable: "idle since" for whoever holds nothing.
    pub(super) since: Timestamp,
    pub(super) held: BTreeMap<InteractionId, Media>,
    /// The item being offered. One at a time: a person answers one question at a time.
    pub(super) asked: Option<Ix>,
    pub(super) memberships: Vec<Membership>,
    /// Inbound items kept for this agent, by queue and kind of work.
    pub(super) kept: BTreeSet<(Ix, Media, LineKey, Ix)>,
    /// The same for outbound queues.
    pub(super) kept_outbound: BTreeSet<(Ix, Media, LineKey, Ix)>,
    pub(super) seats: Seats,
    /// The queue in which the agent is entered as drained, and the tier there.
    pub(super) drained_in: Option<(Ix, usize)>,
}

impl Agent {
    pub(super) fn unknown(id: AgentId) -> Self {
        Self {
            id,
            rule: None,
            routable: false,
            since: Timestamp::default(),
            held: BTreeMap::new(),
            asked: None,
            memberships: Vec::new(),
            kept: BTreeSet::new(),
            kept_outbound: BTreeSet::new(),
            seats: Seats::default(),
            drained_in: None,
        }
    }

    /// Budget points taken by work that is held, calls counted or not.
    fn load(&self, rule: &AgentRule, count_voice: bool) -> u32 {
        let counted = self
            .held
            .values()
            .filter(|media| count_voice || **media != Media::Voice);
        counted.fold(0, |sum, media| sum.saturating_add(rule.weights.of(*media)))
    }

    fn on_a_call(&self) -> bool {
        self.held.values().any(|media| *media == Media::Voice)
    }

    /// Routable, known, and thinking about no other offer.
    pub(super) fn may_be_asked(&self) -> bool {
        self.rule.is_some() && self.routable && self.asked.is_none()
    }

    /// Whether one more item of this kind fits beside what is held.
    pub(super) fn fits(&self, media: Media) -> bool {
        let Some(rule) = &self.rule else { return false };
        let second_call = media == Media::Voice && self.on_a_call();
        !second_call
            && self.load(rule, true).saturating_add(rule.weights.of(media)) <= rule.capacity
    }

    /// Whether taking this on top of other work would leave no room for a call. The first piece of work never does:
    /// whoever holds nothing chooses by urgency, and is soon free again.
    fn would_block_calls(&self, media: Media) -> bool {
        let Some(rule) = &self.rule else { return false };
        if media == Media::Voice || self.on_a_call() {
            return false;
        }
        let held = self.load(rule, false);
        let after = held.saturating_add(rule.weights.of(media));
        held > 0 && after.saturating_add(rule.weights.of(Media::Voice)) > rule.capacity
    }

    /// The same, as of when the agent was last seated.
    pub(super) fn blocks_calls(&self, media: Media) -> bool {
        self.seats.blocks_calls[media.slot()]
    }

    /// Whether this kind of work can ever fit.
    pub(super) fn could_take(&self, media: Media) -> bool {
        self.rule
            .as_ref()
            .is_some_and(|rule| rule.weights.of(media) <= rule.capacity)
    }

    pub(super) fn membership(&self, queue: Ix) -> Option<&Membership> {
        self.memberships
            .iter()
            .find(|membership| membership.queue == queue)
    }

    pub(super) fn serves_inbound(&self) -> bool {
        self.memberships
            .iter()
            .any(|membership| !membership.outbound)
    }

    /// What the queue's choice compares, higher is better; for receipts.
    pub(super) fn merit(&self, queue: &QueueRule, now: Timestamp) -> u64 {
        let Some(rule) = &self.rule else { return 0 };
        match queue.choice {
            Choice::LongestIdle if self.held.is_empty() => {
                u64::try_from(now.since(self.since).as_millis()).unwrap_or(u64::MAX)
            }
            Choice::LongestIdle => 0,
            Choice::LeastOccupied => 1_000_u64.saturating_sub(self.occupation(rule)),
            Choice::BestSkill => rule.strength(&queue.required),
        }
    }

    /// Thousandths of the budget in use.
    fn occupation(&self, rule: &AgentRule) -> u64 {
        u64::from(self.load(rule, true)) * 1_000 / u64::from(rule.capacity.max(1))
    }

    /// Everything the agent counts towards in its present state.
    pub(super) fn seats_in<'q>(
        &self,
        this: Ix,
        rule_of: impl Fn(Ix) -> Option<&'q QueueRule>,
    ) -> Seats {
        let mut seats = Seats::default();
        let Some(rule) = self.rule.as_ref().filter(|_| self.routable) else {
            return seats;
        };
        let idle = self.held.is_empty() && self.asked.is_none();
        let serves_inbound = self.serves_inbound();
        if idle && !self.memberships.is_empty() {
            seats.idle = Some(if serves_inbound {
                Idle::ForInbound
            } else {
                Idle::OutboundOnly
            });
        }
        seats.blocks_calls = Media::ALL.map(|media| self.would_block_calls(media));
        let fitting = Media::ALL.map(|media| self.asked.is_none() && self.fits(media));
        for &Membership {
            queue,
            tier,
            outbound,
        } in &self.memberships
        {
            let Some(queue_rule) = rule_of(queue) else {
                continue;
            };
            let rank = match queue_rule.choice {
                Choice::LongestIdle => u64::from(!self.held.is_empty()),
                Choice::LeastOccupied => self.occupation(rule),
                Choice::BestSkill => u64::MAX - rule.strength(&queue_rule.required),
            };
            let key = ReadyKey {
                shared: outbound && serves_inbound,
                rank,
                since: self.since,
                agent: this,
            };
            for media in Media::ALL {
                if self.could_take(media) {
                    seats.present.push((queue, media, tier));
                }
                // Work that we begin goes to agents with empty hands only.
                if fitting[media.slot()] && (idle || !outbound) {
                    seats.ready.push(Seat {
                        queue,
                        media,
                        tier,
                        key,
                    });
                }
            }
        }
        seats
    }
}
