//! What each input means for the Floor's state. Facts are taken as they are; what contradicts them gives way.

use super::floor::Floor;
use super::line::{Ix, Phase, Refusal};
use super::rules::{Media, WorkItem};
use super::{Input, OfferEnd};
use crate::id::{AgentId, InteractionId};
use crate::time::Timestamp;

impl Floor {
    pub(super) fn take(&mut self, input: Input) {
        match input {
            Input::QueueDefined(rule) => self.define_queue(rule),
            // Retiring is a matter of set-up: whatever waits is served to the end by the rule it came under.
            Input::QueueRetired(_) => {}
            Input::AgentDefined(rule) => self.define_agent(rule),
            Input::AgentRetired(agent) => self.retire_agent(agent),
            Input::AgentAvailability { agent, routable } => {
                self.agent_availability(agent, routable)
            }
            Input::AgentHolds { agent, item, media } => self.agent_holds(agent, item, media),
            Input::AgentReleased { agent, item } => self.agent_released(agent, item),
            Input::ItemQueued(work) => self.item_queued(work),
            Input::ItemWithdrawn { item } => self.item_withdrawn(item),
            Input::ItemOffered { item, agent, until } => self.item_offered(item, agent, until),
            Input::OfferAccepted { item, agent } => self.offer_accepted(item, agent),
            Input::OfferEnded {
                item,
                agent,
                requeue,
                why,
            } => self.offer_ended(item, agent, requeue, why),
            Input::Reserve { count } => {
                self.reserve = count;
                self.stir.outbound = true;
            }
            Input::Tick => {}
        }
    }

    fn agent_availability(&mut self, agent: AgentId, routable: bool) {
        let agent = self.agent_ix(agent);
        if self.agents[agent].routable == routable {
            return;
        }
        let now = self.now;
        self.change_agent(agent, |agent| {
            agent.routable = routable;
            if routable {
                agent.since = now; // a break does not count as waiting for work
            }
        });
        if routable {
            self.stir.agents.insert(agent);
        } else {
            self.no_longer_counts_on(agent);
        }
    }

    /// After an agent left or serves less: what was kept opens up, and who refused may be the only one left.
    pub(super) fn no_longer_counts_on(&mut self, agent: Ix) {
        let kept = self.agents[agent]
            .kept
            .iter()
            .chain(&self.agents[agent].kept_outbound);
        let kept: Vec<Ix> = kept.map(|(_, _, _, item)| *item).collect();
        for item in kept {
            self.refresh(item);
        }
        for membership in &self.agents[agent].memberships {
            self.stir
                .items
                .extend(&self.queues[membership.queue].refused);
        }
    }

    fn agent_holds(&mut self, agent: AgentId, item: InteractionId, media: Media) {
        if let Some(known) = self.item_ids.get(&item).copied() {
            self.take_away(known);
        }
        let agent = self.agent_ix(agent);
        if self.agents[agent].held.get(&item) == Some(&media) {
            return;
        }
        let now = self.now;
        self.change_agent(agent, |agent| {
            agent.held.insert(item, media);
            agent.since = now;
        });
        self.stir.agents.insert(agent);
    }

    fn agent_released(&mut self, agent: AgentId, item: InteractionId) {
        let agent = self.agent_ix(agent);
        if !self.agents[agent].held.contains_key(&item) {
            return;
        }
        let now = self.now;
        self.change_agent(agent, |agent| {
            agent.held.remove(&item);
            agent.since = now;
        });
        self.stir.agents.insert(agent);
    }

    fn item_queued(&mut self, work: WorkItem) {
        let known = self.item_ids.get(&work.id).copied();
        let Some((ix, item)) = known.and_then(|ix| self.items[ix].as_mut().map(|item| (ix, item)))
        else {
            let seq = self.next_seq;
            self.next_seq += 1;
            return self.add_item(work, seq, Vec::new());
        };
        if item.work == work {
            return;
        }
        let (seq, refusals) = (item.key.seq, std::mem::take(&mut item.refusals));
        self.take_away(ix);
        self.add_item(work, seq, refusals);
    }

    fn item_withdrawn(&mut self, item: InteractionId) {
        if let Some(known) = self.item_ids.get(&item).copied() {
            self.take_away(known);
        }
    }

    fn item_offered(&mut self, item: InteractionId, agent: AgentId, until: Timestamp) {
        let Some(ix) = self.item_ids.get(&item).copied() else {
            return;
        };
        let agent = self.agent_ix(agent);
        match self.items[ix].as_ref().map(|item| item.phase) {
            Some(Phase::Offered { agent: asked, .. }) if asked == agent => {}
            Some(Phase::Offered { agent: asked, .. }) => {
                self.no_longer_asked(ix, asked);
                self.reserve(ix, agent, until);
            }
            Some(Phase::Waiting(_)) => {
                self.leave_line(ix);
                self.reserve(ix, agent, until);
            }
            None => {}
        }
    }

    fn offer_accepted(&mut self, item: InteractionId, agent: AgentId) {
        let known = self
            .item_ids
            .get(&item)
            .and_then(|ix| self.items[*ix].as_ref());
        // An acceptance of something unknown comes with the agent's own fact, that the item is held.
        if let Some(media) = known.map(|item| item.work.media) {
            self.agent_holds(agent, item, media);
        }
    }

    fn offer_ended(&mut self, item: InteractionId, agent: AgentId, requeue: bool, _why: OfferEnd) {
        let Some(ix) = self.item_ids.get(&item).copied() else {
            return;
        };
        let agent = self.agent_ix(agent);
        let now = self.now;
        let Some(item) = self.items[ix].as_mut() else {
            return;
        };
        if !matches!(item.phase, Phase::Offered { agent: asked, .. } if asked == agent) {
            return;
        }
        if !requeue {
            return self.take_away(ix);
        }
        item.refusals.retain(|refusal| refusal.agent != agent);
        item.refusals.push(Refusal { agent, at: now });
        item.keeper = item.keeper.filter(|(keeper, _)| *keeper != agent);
        self.no_longer_asked(ix, agent);
        self.rekey(ix);
        self.place(ix);
    }

    /// Ends an item's waiting or its offer, whichever it is in.
    fn take_away(&mut self, ix: Ix) {
        let Some(item) = self.items[ix].as_ref() else {
            return;
        };
        match item.phase {
            Phase::Waiting(_) => self.leave_line(ix),
            Phase::Offered { agent, .. } => self.no_longer_asked(ix, agent),
        }
        self.forget_item(ix);
    }

    fn no_longer_asked(&mut self, item: Ix, agent: Ix) {
        if let Some(item) = self.items[item].as_ref() {
            self.queues[item.queue].offered -= 1;
        }
        self.change_agent(agent, |agent| {
            agent.asked = agent.asked.filter(|asked| *asked != item)
        });
        self.stir.agents.insert(agent);
    }
}
