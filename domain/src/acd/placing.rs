//! Where an item stands while it waits, and when it has to be looked at again.

use super::ASK_AGAIN_AFTER;
use super::floor::Floor;
use super::line::{Item, Ix, LineKey, Phase, Refusal, Spot};
use super::rules::{Media, QueueRule, WorkItem};
use super::score::Urgency;
use crate::time::Timestamp;

impl Floor {
    /// Takes in an item that is not known yet and lets it wait.
    pub(super) fn add_item(&mut self, work: WorkItem, seq: u64, refusals: Vec<Refusal>) {
        let queue = self.queue_ix(work.queue);
        let rule = self.queues[queue].rule.as_ref();
        let keeper = work
            .preferred
            .and_then(|agent| self.agent_ids.get(&agent).copied())
            .map(|agent| {
                let target = rule.map(QueueRule::target).unwrap_or_default();
                (
                    agent,
                    work.preferred_until.unwrap_or(work.queued_at + target),
                )
            });
        let key = self.key_of(&work, queue, seq);
        let phase = Phase::Waiting(Spot::Open(0));
        let (id, media, queued_at) = (work.id, work.media, work.queued_at);
        let item = Item {
            work,
            queue,
            key,
            phase,
            keeper,
            refusals,
            wake: None,
        };
        let ix = self.vacant.pop().unwrap_or(self.items.len());
        match self.items.get_mut(ix) {
            Some(place) => *place = Some(item),
            None => self.items.push(Some(item)),
        }
        self.item_ids.insert(id, ix);
        self.queues[queue].by_age.insert((queued_at, seq, ix));
        self.queues[queue].lane_mut(media).order.insert(key);
        self.place(ix);
    }

    /// Forgets an item that neither waits in a line nor is reserved any more.
    pub(super) fn forget_item(&mut self, ix: Ix) {
        self.set_wake(ix, None);
        let Some(item) = self.items[ix].take() else {
            return;
        };
        let queue = &mut self.queues[item.queue];
        queue
            .by_age
            .remove(&(item.work.queued_at, item.key.seq, ix));
        queue.lane_mut(item.work.media).order.remove(&item.key);
        self.item_ids.remove(&item.work.id);
        self.vacant.push(ix);
    }

    /// Lets an item wait where it belongs at this moment, and looks for an agent.
    pub(super) fn place(&mut self, ix: Ix) {
        let spot = self.spot_of(ix);
        let Some(item) = self.items[ix].as_mut() else {
            return;
        };
        if matches!(spot, Spot::Open(_)) {
            item.keeper = None;
        }
        item.phase = Phase::Waiting(spot);
        let (queue, media, key) = (item.queue, item.work.media, item.key);
        let outbound = self.queues[queue].outbound();
        if !item.refusals.is_empty() {
            self.queues[queue].refused.insert(ix);
        }
        match spot {
            Spot::Open(reach) => {
                self.queues[queue].lane_mut(media).open[reach].insert(key, ix);
                if outbound {
                    self.outbound_lanes.insert((queue, media));
                }
            }
            Spot::Kept(agent) if outbound => self.change_agent(agent, |keeper| {
                keeper.kept_outbound.insert((queue, media, key, ix));
            }),
            Spot::Kept(agent) => {
                self.agents[agent].kept.insert((queue, media, key, ix));
            }
        }
        self.set_wake(ix, self.next_look(ix));
        self.stir.items.insert(ix);
    }

    /// Takes a waiting item out of its line. Says whether that left nothing in the line.
    fn unplace(&mut self, ix: Ix) -> bool {
        let Some(item) = self.items[ix].as_ref() else {
            return false;
        };
        let (queue, media, key, phase) = (item.queue, item.work.media, item.key, item.phase);
        self.queues[queue].refused.remove(&ix);
        match phase {
            Phase::Offered { .. } => false,
            Phase::Waiting(Spot::Open(reach)) => {
                let lane = self.queues[queue].lane_mut(media);
                lane.open[reach].remove(&key);
                let (line_empty, lane_empty) = (lane.open[reach].is_empty(), !lane.anything_open());
                if lane_empty {
                    self.outbound_lanes.remove(&(queue, media));
                }
                line_empty
            }
            Phase::Waiting(Spot::Kept(agent)) => {
                let entry = (queue, media, key, ix);
                self.agents[agent].kept.remove(&entry);
                if self.agents[agent].kept_outbound.contains(&entry) {
                    self.change_agent(agent, |keeper| {
                        keeper.kept_outbound.remove(&entry);
                    });
                }
                if media == Media::Voice {
                    self.stir.agents.insert(agent); // may have been drained for this very call
                }
                false
            }
        }
    }

    /// Takes an item out of its line for good. When that was the last call in it, agents who were drained for it may
    /// have other work again.
    pub(super) fn leave_line(&mut self, ix: Ix) {
        let Some(item) = self.items[ix].as_ref() else {
            return;
        };
        let (queue, media) = (item.queue, item.work.media);
        if self.unplace(ix) && media == Media::Voice {
            self.end_drain(queue);
        }
    }

    /// Lets go everybody who was drained for a call in this queue and no longer is.
    fn end_drain(&mut self, queue: Ix) {
        let lane = self.queues[queue].lane(Media::Voice);
        let drained = self.queues[queue].drained.iter().copied();
        let free: Vec<Ix> = drained
            .filter(|agent| {
                self.agents[*agent]
                    .drained_in
                    .is_none_or(|(_, tier)| !lane.waits_for(tier))
            })
            .collect();
        for agent in free {
            self.leave_drained(agent);
            for membership in self.agents[agent]
                .memberships
                .iter()
                .filter(|membership| !membership.outbound)
            {
                for media in Media::ALL
                    .into_iter()
                    .filter(|media| *media != Media::Voice)
                {
                    if self.queues[membership.queue]
                        .lane(media)
                        .waits_for(membership.tier)
                    {
                        self.stir.lanes.insert((membership.queue, media));
                    }
                }
            }
            if !self.agents[agent].kept.is_empty() {
                self.stir.agents.insert(agent);
            }
        }
    }

    /// Looks at a waiting item again: a widening step, the floor, the end of a keeping or of a pause.
    pub(super) fn refresh(&mut self, ix: Ix) {
        // Moving on only shows the item to more agents, so nobody's drain ends here.
        self.unplace(ix);
        self.rekey(ix);
        self.place(ix);
    }

    /// Brings the order in line with the moment: past the floor or not.
    pub(super) fn rekey(&mut self, ix: Ix) {
        let Some(item) = self.items[ix].as_ref() else {
            return;
        };
        let (queue, media, old) = (item.queue, item.work.media, item.key);
        let key = self.key_of(&item.work, queue, old.seq);
        if let Some(item) = self.items[ix].as_mut() {
            item.key = key;
        }
        let order = &mut self.queues[queue].lane_mut(media).order;
        order.remove(&old);
        order.insert(key);
    }

    fn key_of(&self, work: &WorkItem, queue: Ix, seq: u64) -> LineKey {
        let floor = self.queues[queue].rule.as_ref().and_then(QueueRule::floor);
        let past_floor = floor.is_some_and(|floor| work.queued_at + floor <= self.now);
        LineKey::new(past_floor, work, seq)
    }

    fn spot_of(&self, ix: Ix) -> Spot {
        let Some(item) = self.items[ix].as_ref() else {
            return Spot::Open(0);
        };
        if let Some((keeper, until)) = item.keeper {
            let agent = &self.agents[keeper];
            let able = agent.routable && agent.could_take(item.work.media);
            if until > self.now && able && agent.membership(item.queue).is_some() {
                return Spot::Kept(keeper);
            }
        }
        let waited = self.now.since(item.work.queued_at);
        Spot::Open(
            self.queues[item.queue]
                .rule
                .as_ref()
                .map_or(0, |rule| rule.reach_after(waited)),
        )
    }

    /// The next moment at which time alone changes something for a waiting item.
    fn next_look(&self, ix: Ix) -> Option<Timestamp> {
        let item = self.items[ix].as_ref()?;
        let rule = self.queues[item.queue].rule.as_ref()?;
        let since = item.work.queued_at;
        let steps = rule.widen.iter().map(|step| since + step.after);
        let keeping = item.keeper.map(|(_, until)| until);
        let pauses = item
            .refusals
            .iter()
            .map(|refusal| refusal.at + ASK_AGAIN_AFTER);
        let floor = rule.floor().map(|floor| since + floor);
        steps
            .chain(keeping)
            .chain(pauses)
            .chain(floor)
            .filter(|at| *at > self.now)
            .min()
    }

    pub(super) fn set_wake(&mut self, ix: Ix, wake: Option<Timestamp>) {
        let Some(item) = self.items[ix].as_mut() else {
            return;
        };
        if let Some(old) = std::mem::replace(&mut item.wake, wake) {
            self.timers.remove(&(old, ix));
        }
        if let Some(at) = wake {
            self.timers.insert((at, ix));
        }
    }

    /// How urgent an item of a defined queue is now.
    pub(super) fn urgency(&self, ix: Ix) -> Option<Urgency> {
        let item = self.items[ix].as_ref()?;
        let rule = self.queues[item.queue].rule.as_ref()?;
        Some(Urgency::new(
            item.key.past_floor(),
            (rule.value_weight, item.work.value_weight),
            (self.now.since(item.work.queued_at), rule.target()),
            (item.work.queued_at, item.key.seq),
        ))
    }
}
