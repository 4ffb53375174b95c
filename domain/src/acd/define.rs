//! Taking declarations into use. They are rare, so they may look at everybody once.

use super::floor::Floor;
use super::line::{Ix, Phase, Queue};
use super::roster::{Agent, Membership};
use super::rules::{AgentRule, Media, QueueRule};
use crate::id::{AgentId, QueueId};

impl Floor {
    /// The queue's index; one that is not declared yet lets its items wait.
    pub(super) fn queue_ix(&mut self, id: QueueId) -> Ix {
        let next = self.queues.len();
        let ix = *self.queue_ids.entry(id).or_insert(next);
        if ix == next {
            self.queues.push(Queue::undefined());
        }
        ix
    }

    /// The agent's index; what is heard of one who is not declared yet is remembered.
    pub(super) fn agent_ix(&mut self, id: AgentId) -> Ix {
        let next = self.agents.len();
        let ix = *self.agent_ids.entry(id).or_insert(next);
        if ix == next {
            self.agents.push(Agent::unknown(id));
        }
        ix
    }

    pub(super) fn define_queue(&mut self, rule: QueueRule) {
        let queue = self.queue_ix(rule.id);
        if self.queues[queue].rule.as_ref() == Some(&rule) {
            return;
        }
        let items: Vec<Ix> = self.queues[queue]
            .by_age
            .iter()
            .map(|(_, _, item)| *item)
            .collect();
        for &item in &items {
            self.leave_line(item);
        }
        let serves = |agent: &Agent| {
            agent
                .rule
                .as_ref()
                .is_some_and(|agent| rule.tier_of(agent).is_some())
        };
        let affected: Vec<Ix> = (0..self.agents.len())
            .filter(|&ix| serves(&self.agents[ix]) || self.agents[ix].membership(queue).is_some())
            .collect();
        for &agent in &affected {
            self.leave_drained(agent);
            self.lift(agent);
        }
        self.queues[queue].define(rule);
        for &agent in &affected {
            self.agents[agent]
                .memberships
                .retain(|membership| membership.queue != queue);
            let new = self.membership_of(agent, queue);
            self.agents[agent].memberships.extend(new);
            self.seat(agent);
        }
        for item in items {
            self.rekey(item);
            if self.items[item]
                .as_ref()
                .is_some_and(|item| matches!(item.phase, Phase::Waiting(_)))
            {
                self.place(item);
            }
        }
        self.stir_everything();
    }

    pub(super) fn define_agent(&mut self, rule: AgentRule) {
        let agent = self.agent_ix(rule.id);
        self.redefine_agent(agent, Some(rule));
    }

    pub(super) fn retire_agent(&mut self, agent: AgentId) {
        let agent = self.agent_ix(agent);
        self.redefine_agent(agent, None);
        self.change_agent(agent, |agent| agent.routable = false);
    }

    fn redefine_agent(&mut self, agent: Ix, rule: Option<AgentRule>) {
        if self.agents[agent].rule == rule {
            return;
        }
        let before = self.agents[agent].memberships.clone();
        self.leave_drained(agent);
        self.lift(agent);
        self.agents[agent].rule = rule;
        let memberships = (0..self.queues.len())
            .filter_map(|queue| self.membership_of(agent, queue))
            .collect();
        self.agents[agent].memberships = memberships;
        self.seat(agent);
        self.no_longer_counts_on(agent);
        for membership in before {
            self.stir
                .items
                .extend(&self.queues[membership.queue].refused);
        }
        self.stir.agents.insert(agent);
    }

    fn membership_of(&self, agent: Ix, queue: Ix) -> Option<Membership> {
        let rule = self.queues[queue].rule.as_ref()?;
        let tier = rule.tier_of(self.agents[agent].rule.as_ref()?)?;
        Some(Membership {
            queue,
            tier,
            outbound: rule.outbound,
        })
    }

    /// After a change that may concern anybody: every line is looked at.
    fn stir_everything(&mut self) {
        for (ix, queue) in self
            .queues
            .iter()
            .enumerate()
            .filter(|(_, queue)| !queue.outbound())
        {
            let open = Media::ALL
                .into_iter()
                .filter(|media| queue.lane(*media).anything_open());
            self.stir.lanes.extend(open.map(|media| (ix, media)));
        }
        let keepers = self
            .agents
            .iter()
            .enumerate()
            .filter(|(_, agent)| !agent.kept.is_empty());
        self.stir.agents.extend(keepers.map(|(ix, _)| ix));
        self.stir.outbound = true;
    }
}
