//! Who may be asked for an item, and making the offer with its receipt.

use std::collections::BTreeSet;

use super::floor::Floor;
use super::line::{Ix, Phase, Spot};
use super::receipt::{Candidate, Head, NAMED_IN_RECEIPT, Reason, Receipt};
use super::rules::Media;
use super::score::Urgency;
use super::{ASK_AGAIN_AFTER, OFFER_GRACE, Output};
use crate::time::Timestamp;

/// The agents found for an item: the best, and whom else a receipt names.
pub(super) struct Found {
    pub(super) agent: Ix,
    pub(super) others: Vec<(Ix, usize)>,
    pub(super) tier: usize,
    pub(super) count: usize,
}

impl Floor {
    /// Whether the agent refused this item and is not to be asked again for now.
    pub(super) fn passes_over(&self, agent: Ix, ix: Ix) -> bool {
        let Some(item) = self.items[ix].as_ref() else {
            return true;
        };
        let Some(refusal) = item.refused_by(agent) else {
            return false;
        };
        let Phase::Waiting(Spot::Open(reach)) = item.phase else {
            return true;
        };
        let lane = self.queues[item.queue].lane(item.work.media);
        let present: usize = lane.present.iter().take(reach + 1).sum();
        let refusers = item
            .refusals
            .iter()
            .map(|refusal| &self.agents[refusal.agent])
            .filter(|refuser| {
                let reached = refuser
                    .membership(item.queue)
                    .is_some_and(|membership| membership.tier <= reach);
                reached && refuser.routable && refuser.could_take(item.work.media)
            });
        present > refusers.count() || self.now < refusal.at + ASK_AGAIN_AFTER
    }

    /// A queue in which an inbound call waits that this agent could serve with more room, and the agent's tier there.
    fn call_waits_for(&self, agent: Ix) -> Option<(Ix, usize)> {
        let found = &self.agents[agent];
        let waits = |queue: Ix, tier: usize| self.queues[queue].lane(Media::Voice).waits_for(tier);
        if let Some(known) = found
            .drained_in
            .filter(|(queue, tier)| waits(*queue, *tier))
        {
            return Some(known);
        }
        if !found.could_take(Media::Voice) {
            return None;
        }
        let kept = found
            .kept
            .iter()
            .find(|(_, media, ..)| *media == Media::Voice)
            .map(|(queue, ..)| *queue);
        let mut inbound = found
            .memberships
            .iter()
            .filter(|membership| !membership.outbound);
        let serving = inbound.find(|at| Some(at.queue) == kept || waits(at.queue, at.tier));
        serving.map(|membership| (membership.queue, membership.tier))
    }

    /// Whether the agent gets no such work because a call waits. Enters the agent as drained, so that the end of the
    /// drain is noticed.
    pub(super) fn drains(&mut self, agent: Ix, media: Media) -> bool {
        if !self.agents[agent].blocks_calls(media) {
            return false;
        }
        let waiting = self.call_waits_for(agent);
        if let Some(waiting) = waiting {
            self.enter_drained(agent, waiting);
        }
        waiting.is_some()
    }

    fn enter_drained(&mut self, agent: Ix, waiting: (Ix, usize)) {
        if self.agents[agent].drained_in != Some(waiting) {
            self.leave_drained(agent);
            self.queues[waiting.0].drained.insert(agent);
            self.agents[agent].drained_in = Some(waiting);
        }
    }

    pub(super) fn leave_drained(&mut self, agent: Ix) {
        if let Some((queue, _)) = self.agents[agent].drained_in.take() {
            self.queues[queue].drained.remove(&agent);
        }
    }

    /// The best agent with room for an open item, by tier and then by the queue's choice.
    pub(super) fn find_agent(&mut self, ix: Ix) -> Option<Found> {
        let item = self.items[ix].as_ref()?;
        let Phase::Waiting(Spot::Open(reach)) = item.phase else {
            return None;
        };
        let (queue, media) = (item.queue, item.work.media);
        let (lane, outbound) = (
            self.queues[queue].lane(media),
            self.queues[queue].outbound(),
        );
        let mut chosen: Vec<(Ix, usize)> = Vec::new();
        let mut drained: Vec<(Ix, (Ix, usize))> = Vec::new();
        'search: for (tier, ready) in lane.ready.iter().enumerate().take(reach + 1) {
            for key in ready {
                if outbound && key.shared && !self.has_spare() {
                    break; // those who serve outbound work only come first, so there are none left
                }
                if self.passes_over(key.agent, ix) {
                    continue;
                }
                if self.agents[key.agent].blocks_calls(media)
                    && let Some(waiting) = self.call_waits_for(key.agent)
                {
                    if self.agents[key.agent].drained_in != Some(waiting) {
                        drained.push((key.agent, waiting));
                    }
                    continue;
                }
                chosen.push((key.agent, tier));
                if chosen.len() == NAMED_IN_RECEIPT {
                    break 'search;
                }
            }
        }
        let count = lane.ready.iter().take(reach + 1).map(BTreeSet::len).sum();
        for (agent, waiting) in drained {
            self.enter_drained(agent, waiting);
        }
        let (agent, tier) = chosen.first().copied()?;
        Some(Found {
            agent,
            tier,
            others: chosen.split_off(1),
            count,
        })
    }

    pub(super) fn offer_alone(
        &mut self,
        item: Ix,
        found: &Found,
        reason: Reason,
        outputs: &mut Vec<Output>,
    ) -> bool {
        let heads: Vec<_> = self
            .urgency(item)
            .map(|urgency| (urgency, item))
            .into_iter()
            .collect();
        self.offer(item, found, &heads, reason, outputs)
    }

    /// Reserves the item and the agent for each other and says so.
    pub(super) fn offer(
        &mut self,
        ix: Ix,
        found: &Found,
        heads: &[(Urgency, Ix)],
        reason: Reason,
        outputs: &mut Vec<Output>,
    ) -> bool {
        let Some(item) = self.items[ix].as_ref() else {
            return false;
        };
        let Some(rule) = self.queues[item.queue].rule.as_ref() else {
            return false;
        };
        let until = self.now + rule.offer_timeout;
        let named = std::iter::once((found.agent, found.tier)).chain(found.others.iter().copied());
        let candidates = named.map(|(agent, tier)| Candidate {
            agent: self.agents[agent].id,
            score: self.agents[agent].merit(rule, self.now),
            tier: u8::try_from(tier).unwrap_or(u8::MAX),
        });
        let compared = heads
            .iter()
            .take(NAMED_IN_RECEIPT)
            .filter_map(|(urgency, head)| {
                let head = self.items[*head].as_ref()?;
                Some(Head {
                    item: head.work.id,
                    queue: head.work.queue,
                    score: urgency.score(),
                })
            });
        let receipt = Receipt {
            rule_version: rule.version,
            score: heads.first().map_or(0, |(urgency, _)| urgency.score()),
            waited: self.now.since(item.work.queued_at),
            candidates: candidates.collect(),
            candidate_count: u32::try_from(found.count).unwrap_or(u32::MAX),
            heads: compared.collect(),
            head_count: u32::try_from(heads.len()).unwrap_or(u32::MAX),
            reason,
        };
        let (item_id, agent_id) = (item.work.id, self.agents[found.agent].id);
        self.leave_line(ix);
        self.reserve(ix, found.agent, until);
        outputs.push(Output::Offer {
            item: item_id,
            agent: agent_id,
            until,
            receipt,
        });
        true
    }

    /// Marks an item that has left its line as being offered to an agent.
    pub(super) fn reserve(&mut self, ix: Ix, agent: Ix, until: Timestamp) {
        if let Some(item) = self.items[ix].as_mut() {
            item.phase = Phase::Offered { agent, until };
            self.queues[item.queue].offered += 1;
        }
        self.change_agent(agent, |agent| agent.asked = Some(ix));
        self.set_wake(ix, Some(until + OFFER_GRACE));
    }
}
