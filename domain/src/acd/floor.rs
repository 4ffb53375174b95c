//! The Floor's state and its one entrance.

use std::collections::{BTreeMap, BTreeSet};

use super::line::{Item, Ix, Phase, Queue, QueueIds};
use super::roster::{Agent, Idle};
use super::rules::Media;
use super::{Input, OVERDUE_REPEAT, Output};
use crate::id::{AgentId, InteractionId};
use crate::time::Timestamp;

/// One tenant's routing: who waits, who could serve, and who is asked next.
///
/// Holds what it is told and nothing else; it grows with queues, agents, and items that wait or are held.
#[derive(Debug, Default)]
pub struct Floor {
    /// The latest moment heard of. A clock that jumps back does not make anybody younger.
    pub(super) now: Timestamp,
    pub(super) queues: Vec<Queue>,
    pub(super) queue_ids: QueueIds,
    pub(super) agents: Vec<Agent>,
    pub(super) agent_ids: BTreeMap<AgentId, Ix>,
    pub(super) items: Vec<Option<Item>>,
    pub(super) vacant: Vec<Ix>,
    pub(super) item_ids: BTreeMap<InteractionId, Ix>,
    pub(super) next_seq: u64,
    /// When which item has to be looked at again.
    pub(super) timers: BTreeSet<(Timestamp, Ix)>,
    pub(super) reserve: u32,
    /// Agents with empty hands who serve inbound work.
    pub(super) idle_inbound: usize,
    /// Agents with empty hands who serve outbound work only.
    pub(super) idle_outbound_only: usize,
    /// Lanes of outbound queues in which something is open.
    pub(super) outbound_lanes: BTreeSet<(Ix, Media)>,
    /// Idle agents for whom outbound work is kept.
    pub(super) outbound_keepers: BTreeSet<Ix>,
    pub(super) stir: Stir,
}

/// What an input has set in motion and `settle` has still to look at.
#[derive(Debug, Default)]
pub(super) struct Stir {
    /// Agents who may have got room.
    pub(super) agents: BTreeSet<Ix>,
    /// Items that may have found somebody.
    pub(super) items: BTreeSet<Ix>,
    /// Lanes for which several agents may have got room at once.
    pub(super) lanes: BTreeSet<(Ix, Media)>,
    /// Whether outbound work may have become possible.
    pub(super) outbound: bool,
}

impl Floor {
    /// A Floor that knows nobody and nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a fact and says what follows from it, and from the time that has passed.
    pub fn handle(&mut self, input: Input, now: Timestamp) -> Vec<Output> {
        self.now = self.now.max(now);
        let mut outputs = Vec::new();
        // The fact first: a timer must not offer what has just been withdrawn.
        self.take(input);
        self.wake_due(&mut outputs);
        self.settle(&mut outputs);
        outputs
    }

    /// When `handle(Input::Tick, ..)` is due next: a widening step, a floor, the end of a keeping, or an offer without
    /// an answer.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.timers.first().map(|(at, _)| *at)
    }

    fn wake_due(&mut self, outputs: &mut Vec<Output>) {
        while let Some(&(at, item)) = self.timers.first() {
            if at > self.now {
                return;
            }
            self.set_wake(item, None);
            let Some(found) = self.items[item].as_ref() else {
                continue;
            };
            match found.phase {
                Phase::Waiting(_) => self.refresh(item),
                Phase::Offered { agent, .. } => {
                    let (item_id, agent) = (found.work.id, self.agents[agent].id);
                    outputs.push(Output::OfferOverdue {
                        item: item_id,
                        agent,
                    });
                    self.set_wake(item, Some(self.now + OVERDUE_REPEAT));
                }
            }
        }
    }

    /// Changes an agent and everything the agent counts towards.
    pub(super) fn change_agent(&mut self, agent: Ix, change: impl FnOnce(&mut Agent)) {
        self.lift(agent);
        change(&mut self.agents[agent]);
        self.seat(agent);
    }

    /// Takes an agent out of every set and count.
    pub(super) fn lift(&mut self, agent: Ix) {
        let seats = std::mem::take(&mut self.agents[agent].seats);
        for seat in &seats.ready {
            self.queues[seat.queue].lane_mut(seat.media).ready[seat.tier].remove(&seat.key);
        }
        for &(queue, media, tier) in &seats.present {
            self.queues[queue].lane_mut(media).present[tier] -= 1;
        }
        match seats.idle {
            Some(Idle::ForInbound) => self.idle_inbound -= 1,
            Some(Idle::OutboundOnly) => self.idle_outbound_only -= 1,
            None => {}
        }
        self.outbound_keepers.remove(&agent);
    }

    /// Puts a lifted agent where the present state belongs.
    pub(super) fn seat(&mut self, agent: Ix) {
        let queues = &self.queues;
        let seats = self.agents[agent].seats_in(agent, |queue| queues[queue].rule.as_ref());
        for seat in &seats.ready {
            self.queues[seat.queue].lane_mut(seat.media).ready[seat.tier].insert(seat.key);
        }
        for &(queue, media, tier) in &seats.present {
            self.queues[queue].lane_mut(media).present[tier] += 1;
        }
        match seats.idle {
            Some(Idle::ForInbound) => self.idle_inbound += 1,
            Some(Idle::OutboundOnly) => self.idle_outbound_only += 1,
            None => {}
        }
        if seats.idle.is_some() {
            self.stir.outbound = true;
            if !self.agents[agent].kept_outbound.is_empty() {
                self.outbound_keepers.insert(agent);
            }
        }
        self.agents[agent].seats = seats;
    }
}
