//! Bringing items and agents together. Every look is at heads of lines and first ready agents; what is passed over is
//! only what this agent refused, or agents who are drained for a call.

use std::collections::{BTreeMap, BTreeSet};

use super::Output;
use super::floor::Floor;
use super::line::{Item, Ix, LineKey, Phase, Spot};
use super::offering::Found;
use super::receipt::Reason;
use super::roster::Membership;
use super::rules::Media;
use super::score::Urgency;

impl Floor {
    /// Looks at everything an input has set in motion until nothing is left to offer.
    pub(super) fn settle(&mut self, outputs: &mut Vec<Output>) {
        loop {
            if let Some(agent) = self.stir.agents.pop_first() {
                self.serve_agent(agent, outputs);
            } else if !self.stir.items.is_empty() {
                let items = std::mem::take(&mut self.stir.items);
                self.serve_items(&items, outputs);
            } else if !self.stir.lanes.is_empty() {
                let lanes = std::mem::take(&mut self.stir.lanes);
                self.serve_lanes(&lanes, outputs);
            } else if std::mem::take(&mut self.stir.outbound) {
                self.serve_outbound(outputs);
            } else {
                return;
            }
        }
    }

    /// An agent may have got room: offers the most urgent of the inbound items open to this agent.
    fn serve_agent(&mut self, agent: Ix, outputs: &mut Vec<Output>) {
        if !self.agents[agent].may_be_asked() {
            return;
        }
        let mut media: Vec<Media> = Media::ALL
            .into_iter()
            .filter(|media| self.agents[agent].fits(*media))
            .collect();
        media.retain(|media| !self.drains(agent, *media));
        let inbound = self.agents[agent]
            .memberships
            .iter()
            .filter(|membership| !membership.outbound);
        let heads = inbound.filter_map(|membership| self.head_for(agent, membership, &media));
        let mut heads: Vec<(Urgency, Ix)> = heads
            .filter_map(|item| Some((self.urgency(item)?, item)))
            .collect();
        heads.sort_unstable();
        let Some((urgency, item)) = heads.first().copied() else {
            return;
        };
        let reason = match self.items[item].as_ref().map(|item| item.phase) {
            Some(Phase::Waiting(Spot::Kept(_))) => Reason::Preferred,
            _ if urgency.past_floor() => Reason::PastFloor,
            _ => Reason::MostUrgent,
        };
        let queue = self.items[item].as_ref().map_or(0, |item| item.queue);
        let tier = self.agents[agent]
            .membership(queue)
            .map_or(0, |membership| membership.tier);
        let found = Found {
            agent,
            others: Vec::new(),
            tier,
            count: 1,
        };
        self.offer(item, &found, &heads, reason, outputs);
    }

    /// The item of this queue that goes first among those the agent may be asked to take.
    fn head_for(&self, agent: Ix, membership: &Membership, media: &[Media]) -> Option<Ix> {
        let queue = &self.queues[membership.queue];
        let mut first: Option<(LineKey, Ix)> = None;
        for &media in media {
            let lane = queue.lane(media);
            if lane.order.is_empty() {
                continue;
            }
            let open = lane.open.iter().skip(membership.tier);
            let heads = open.filter_map(|line| {
                line.iter()
                    .find(|(_, item)| !self.passes_over(agent, **item))
            });
            let from = (membership.queue, media, LineKey::FIRST, 0);
            let kept = self.agents[agent].kept.range(from..).next();
            let kept =
                kept.filter(|(queue, kind, _, _)| (*queue, *kind) == (membership.queue, media));
            let all = heads
                .map(|(key, item)| (*key, *item))
                .chain(kept.map(|(_, _, key, item)| (*key, *item)));
            first = first.into_iter().chain(all).min();
        }
        first.map(|(_, item)| item)
    }

    fn serve_items(&mut self, items: &BTreeSet<Ix>, outputs: &mut Vec<Output>) {
        // Several at once, or others for whom an agent has just been let go, compete: the order of urgency decides.
        let compete = items.len() > 1 || !self.stir.lanes.is_empty();
        for &ix in items {
            let Some(item) = self.items[ix].as_ref() else {
                continue;
            };
            match item.phase {
                Phase::Offered { .. } => {}
                Phase::Waiting(Spot::Kept(keeper)) => {
                    self.serve_kept(ix, keeper, outputs);
                }
                // A spare agent may be one for other outbound work too.
                Phase::Waiting(Spot::Open(_)) if self.queues[item.queue].outbound() => {
                    self.stir.outbound = true
                }
                Phase::Waiting(Spot::Open(reach)) if self.stands_behind(item, reach) => {}
                Phase::Waiting(Spot::Open(_)) if compete => {
                    self.stir.lanes.insert((item.queue, item.work.media));
                }
                Phase::Waiting(Spot::Open(_)) => {
                    if let Some(found) = self.find_agent(ix) {
                        self.offer_alone(ix, &found, Reason::BestAgent, outputs);
                    }
                }
            }
        }
    }

    /// Whether something stands before this item that whoever could take this could take as well. Nobody has, or will
    /// when it is looked at by itself.
    fn stands_behind(&self, item: &Item, reach: usize) -> bool {
        let lines = self.queues[item.queue]
            .lane(item.work.media)
            .open
            .iter()
            .skip(reach);
        let mut heads = lines.filter_map(|line| line.first_key_value());
        heads.any(|(key, head)| {
            *key < item.key
                && self.items[*head]
                    .as_ref()
                    .is_some_and(|head| head.refusals.is_empty())
        })
    }

    fn serve_kept(&mut self, ix: Ix, keeper: Ix, outputs: &mut Vec<Output>) -> bool {
        let Some(item) = self.items[ix].as_ref() else {
            return false;
        };
        let (agent, media) = (&self.agents[keeper], item.work.media);
        let outbound = self.queues[item.queue].outbound();
        let spare = !outbound || (agent.held.is_empty() && self.is_spare(keeper));
        if !agent.may_be_asked() || !agent.fits(media) || !spare {
            return false;
        }
        let tier = agent
            .membership(item.queue)
            .map_or(0, |membership| membership.tier);
        if self.drains(keeper, media) {
            return false;
        }
        let found = Found {
            agent: keeper,
            others: Vec::new(),
            tier,
            count: 1,
        };
        self.offer_alone(ix, &found, Reason::Preferred, outputs)
    }

    /// Serves these lanes until no agent is left for any of them: across queues the most urgent first, within a queue
    /// in its own order.
    fn serve_lanes(&mut self, lanes: &BTreeSet<(Ix, Media)>, outputs: &mut Vec<Output>) {
        let queues: BTreeSet<Ix> = lanes.iter().map(|(queue, _)| *queue).collect();
        let mut heads: BTreeMap<(Urgency, Ix, Ix), Found> = BTreeMap::new();
        for queue in queues {
            heads.extend(self.first_servable(queue, lanes));
        }
        // An offer may take the agent that was found for another head: those found before it are looked at again.
        let mut stale: BTreeSet<Ix> = BTreeSet::new();
        while let Some(((urgency, queue, item), found)) = heads.pop_first() {
            if stale.remove(&queue) {
                heads.extend(self.first_servable(queue, lanes));
                continue;
            }
            let reason = if self.queues[queue].outbound() {
                Reason::SpareAgent
            } else {
                Reason::BestAgent
            };
            self.offer(item, &found, &[(urgency, item)], reason, outputs);
            stale = heads.keys().map(|(_, queue, _)| *queue).collect();
            heads.extend(self.first_servable(queue, lanes));
        }
    }

    /// The first item of these lanes of a queue for which there is an agent.
    fn first_servable(
        &mut self,
        queue: Ix,
        lanes: &BTreeSet<(Ix, Media)>,
    ) -> Option<((Urgency, Ix, Ix), Found)> {
        let mut worth_a_look: Vec<(LineKey, Ix)> = Vec::new();
        for (_, media) in lanes.range((queue, Media::Voice)..=(queue, Media::Task)) {
            for line in &self.queues[queue].lane(*media).open {
                for (key, item) in line {
                    worth_a_look.push((*key, *item));
                    if self.items[*item]
                        .as_ref()
                        .is_none_or(|item| item.refusals.is_empty())
                    {
                        break; // whoever could take something behind it could take this
                    }
                }
            }
        }
        worth_a_look.sort_unstable();
        let (item, found) = worth_a_look
            .into_iter()
            .find_map(|(_, item)| Some((item, self.find_agent(item)?)))?;
        Some(((self.urgency(item)?, queue, item), found))
    }

    /// Whether an agent who serves inbound work may begin something of our own.
    pub(super) fn has_spare(&self) -> bool {
        self.idle_inbound > usize::try_from(self.reserve).unwrap_or(usize::MAX)
    }

    fn is_spare(&self, agent: Ix) -> bool {
        !self.agents[agent].serves_inbound() || self.has_spare()
    }

    /// Begins outbound work while agents are spare; whoever knows the customer first.
    fn serve_outbound(&mut self, outputs: &mut Vec<Output>) {
        if self.idle_outbound_only == 0 && !self.has_spare() {
            return;
        }
        for keeper in self.outbound_keepers.clone() {
            let mut firsts: Vec<(Ix, Media, LineKey, Ix)> = Vec::new();
            for entry in &self.agents[keeper].kept_outbound {
                if firsts
                    .last()
                    .is_none_or(|last| (last.0, last.1) != (entry.0, entry.1))
                {
                    firsts.push(*entry);
                }
            }
            let firsts = firsts.into_iter().map(|(.., item)| item);
            let mut kept: Vec<_> = firsts
                .filter_map(|item| Some((self.urgency(item)?, item)))
                .collect();
            kept.sort_unstable();
            for (_, item) in kept {
                if !self.is_spare(keeper) || self.serve_kept(item, keeper, outputs) {
                    break;
                }
            }
        }
        self.serve_lanes(&self.outbound_lanes.clone(), outputs);
    }
}
