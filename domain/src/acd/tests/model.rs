//! The rules once more, written as slowly and plainly as possible: who may be offered what is asked of every pair.
//! The Floor has to agree with this on any history.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::acd::{
    ASK_AGAIN_AFTER, AgentRule, Input, Media, Output, QueueRule, SkillLevel, WorkItem,
};
use crate::id::{AgentId, InteractionId, QueueId};
use crate::time::Timestamp;

#[derive(Debug)]
pub struct Waiting {
    pub work: WorkItem,
    seq: u64,
    refusals: BTreeMap<AgentId, Timestamp>,
    kept: bool,
}

#[derive(Debug, Default)]
pub struct Worker {
    rule: Option<AgentRule>,
    routable: bool,
    pub held: BTreeMap<InteractionId, Media>,
}

#[derive(Debug, Default)]
pub struct Model {
    now: Timestamp,
    seq: u64,
    queues: BTreeMap<QueueId, QueueRule>,
    pub workers: BTreeMap<AgentId, Worker>,
    pub waiting: BTreeMap<InteractionId, Waiting>,
    pub offered: BTreeMap<InteractionId, AgentId>,
    reserve: usize,
}

impl Model {
    /// Takes an input, then checks every output in turn against the rules.
    pub fn follow(
        &mut self,
        input: &Input,
        now: Timestamp,
        outputs: &[Output],
    ) -> Result<(), String> {
        self.now = now;
        self.take(input.clone());
        self.drop_lost_keepings();
        for output in outputs {
            if let Output::Offer { item, agent, .. } = output {
                self.may_offer(*item, *agent)
                    .map_err(|why| format!("{item} to {agent}: {why}"))?;
                self.check_order(*item, *agent)?;
                self.offered.insert(*item, *agent);
            }
        }
        for item in self
            .waiting
            .keys()
            .filter(|item| !self.offered.contains_key(item))
        {
            if let Some(agent) = self
                .workers
                .keys()
                .find(|agent| self.may_offer(*item, **agent).is_ok())
            {
                return Err(format!("{item} waits although {agent} may take it"));
            }
        }
        Ok(())
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::QueueDefined(rule) => {
                self.queues.insert(rule.id, rule);
            }
            Input::AgentDefined(rule) => {
                let worker = self.workers.entry(rule.id).or_default();
                worker.rule = Some(rule);
            }
            Input::AgentAvailability { agent, routable } => {
                self.workers.entry(agent).or_default().routable = routable;
            }
            Input::AgentHolds { agent, item, media } => {
                self.gone(item);
                self.workers
                    .entry(agent)
                    .or_default()
                    .held
                    .insert(item, media);
            }
            Input::AgentReleased { agent, item } => {
                self.workers.entry(agent).or_default().held.remove(&item);
            }
            Input::ItemQueued(work) => self.queued(work),
            Input::ItemWithdrawn { item } => self.gone(item),
            Input::ItemOffered { item, agent, .. } => {
                if self.waiting.contains_key(&item) {
                    self.offered.insert(item, agent);
                }
            }
            Input::OfferAccepted { item, agent } => {
                let media = self.waiting[&item].work.media;
                self.gone(item);
                self.workers
                    .entry(agent)
                    .or_default()
                    .held
                    .insert(item, media);
            }
            Input::OfferEnded {
                item,
                agent,
                requeue,
                ..
            } => {
                if requeue {
                    self.offered.remove(&item);
                    let now = self.now;
                    let waiting = self.waiting.get_mut(&item).unwrap();
                    waiting.refusals.insert(agent, now);
                    waiting.kept &= waiting.work.preferred != Some(agent);
                } else {
                    self.gone(item);
                }
            }
            Input::Reserve { count } => self.reserve = count as usize,
            Input::Tick | Input::QueueRetired(_) | Input::AgentRetired(_) => {}
        }
    }

    fn queued(&mut self, work: WorkItem) {
        let (seq, refusals) = match self.waiting.remove(&work.id) {
            Some(same) if same.work == work => {
                self.waiting.insert(work.id, same);
                return;
            }
            Some(before) => (before.seq, before.refusals),
            None => (self.seq, BTreeMap::new()),
        };
        self.seq += 1;
        self.offered.remove(&work.id);
        let kept = work.preferred.is_some();
        self.waiting.insert(
            work.id,
            Waiting {
                work,
                seq,
                refusals,
                kept,
            },
        );
    }

    fn gone(&mut self, item: InteractionId) {
        self.waiting.remove(&item);
        self.offered.remove(&item);
    }

    fn drop_lost_keepings(&mut self) {
        let lost: Vec<_> = self
            .waiting
            .values()
            .filter(|w| w.kept && !self.still_kept(w))
            .map(|w| w.work.id)
            .collect();
        for item in lost {
            self.waiting.get_mut(&item).unwrap().kept = false;
        }
    }

    fn still_kept(&self, waiting: &Waiting) -> bool {
        let (work, rule) = (&waiting.work, &self.queues[&waiting.work.queue]);
        if self.offered.contains_key(&work.id) {
            return true; // decided when it comes back
        }
        let until = work.preferred_until.unwrap_or(work.queued_at + rule.target);
        let keeper = work
            .preferred
            .and_then(|agent| self.workers.get(&agent))
            .filter(|worker| worker.routable);
        let able = keeper
            .and_then(|worker| worker.rule.as_ref())
            .is_some_and(|agent| {
                tier(rule, agent).is_some() && agent.weights.of(work.media) <= agent.capacity
            });
        until > self.now && able
    }

    fn reach(&self, waiting: &Waiting) -> usize {
        let waited = self.now.since(waiting.work.queued_at);
        self.queues[&waiting.work.queue]
            .widen
            .iter()
            .filter(|step| step.after <= waited)
            .count()
    }

    /// Whether the item is open to this agent, room or not.
    fn open_to(&self, waiting: &Waiting, id: AgentId) -> bool {
        let Some(agent) = self.workers[&id].rule.as_ref() else {
            return false;
        };
        if agent.weights.of(waiting.work.media) > agent.capacity {
            return false;
        }
        let tier = tier(&self.queues[&waiting.work.queue], agent);
        if waiting.kept {
            return waiting.work.preferred == Some(id) && tier.is_some();
        }
        tier.is_some_and(|tier| tier <= self.reach(waiting))
    }

    /// Every rule about one item and one agent.
    fn may_offer(&self, item: InteractionId, id: AgentId) -> Result<(), &'static str> {
        let waiting = self.waiting.get(&item).ok_or("does not wait")?;
        let worker = &self.workers[&id];
        let agent = worker.rule.as_ref().ok_or("unknown agent")?;
        let (media, rule) = (waiting.work.media, &self.queues[&waiting.work.queue]);
        let load: u32 = worker
            .held
            .values()
            .map(|media| agent.weights.of(*media))
            .sum();
        let on_a_call = worker.held.values().any(|media| *media == Media::Voice);
        let check = |rule: bool, why: &'static str| if rule { Ok(()) } else { Err(why) };
        check(!self.offered.contains_key(&item), "is being offered")?;
        check(worker.routable, "not routable")?;
        check(
            !self.offered.values().any(|asked| *asked == id),
            "agent is being asked",
        )?;
        check(self.open_to(waiting, id), "not open to the agent")?;
        check(load + agent.weights.of(media) <= agent.capacity, "no room")?;
        check(!(on_a_call && media == Media::Voice), "a second call")?;
        if let Some(at) = waiting.refusals.get(&id).filter(|_| !waiting.kept) {
            let others = self.workers.iter().any(|(other, worker)| {
                worker.routable
                    && !waiting.refusals.contains_key(other)
                    && self.open_to(waiting, *other)
            });
            check(!others && self.now >= *at + ASK_AGAIN_AFTER, "refused")?;
        }
        let blocks =
            load + agent.weights.of(media) + agent.weights.of(Media::Voice) > agent.capacity;
        if media != Media::Voice && !on_a_call && load > 0 && blocks {
            let call = self.waiting.values().any(|call| {
                let inbound = !self.queues[&call.work.queue].outbound;
                let open = !self.offered.contains_key(&call.work.id) && self.open_to(call, id);
                call.work.media == Media::Voice && inbound && open
            });
            check(!call, "drained")?;
        }
        if rule.outbound {
            check(worker.held.is_empty(), "outbound needs empty hands")?;
            check(
                !self.serves_inbound(worker) || self.idle_inbound() > self.reserve,
                "reserve",
            )?;
        }
        Ok(())
    }

    fn serves_inbound(&self, worker: &Worker) -> bool {
        let inbound = self.queues.values().filter(|rule| !rule.outbound);
        worker
            .rule
            .as_ref()
            .is_some_and(|agent| inbound.into_iter().any(|rule| tier(rule, agent).is_some()))
    }

    fn idle_inbound(&self) -> usize {
        let idle = self.workers.iter().filter(|(id, worker)| {
            let asked = self.offered.values().any(|asked| asked == *id);
            worker.routable && !asked && worker.held.is_empty() && self.serves_inbound(worker)
        });
        idle.count()
    }

    fn past_floor(&self, waiting: &Waiting) -> bool {
        let rule = &self.queues[&waiting.work.queue];
        rule.floor_after > 0
            && self.now.since(waiting.work.queued_at) >= rule.target * rule.floor_after
    }

    /// Nothing that goes first may be passed over for an agent who could take it.
    fn check_order(&self, item: InteractionId, agent: AgentId) -> Result<(), String> {
        let place = |waiting: &Waiting| {
            let past_floor = self.past_floor(waiting);
            let priority = if past_floor {
                0
            } else {
                -waiting.work.priority
            };
            (!past_floor, priority, waiting.work.queued_at, waiting.seq)
        };
        let chosen = &self.waiting[&item];
        let outbound = |waiting: &Waiting| self.queues[&waiting.work.queue].outbound;
        for (id, other) in self
            .waiting
            .iter()
            .filter(|(id, _)| self.may_offer(**id, agent).is_ok())
        {
            let same_line =
                (other.work.queue, other.work.media) == (chosen.work.queue, chosen.work.media);
            if same_line && place(other) < place(chosen) && other.kept == chosen.kept {
                return Err(format!("{item} overtook {id} of the same line"));
            }
            if !outbound(other) && outbound(chosen) {
                return Err(format!("outbound {item} went before inbound {id}"));
            }
            if outbound(other) == outbound(chosen)
                && self.past_floor(other)
                && !self.past_floor(chosen)
                && !chosen.kept
            {
                return Err(format!("{item} went before {id}, which is past its floor"));
            }
        }
        Ok(())
    }

    /// Whether the item could ever be served by somebody who is at work.
    pub fn anybody_for(&self, item: InteractionId) -> bool {
        let waiting = &self.waiting[&item];
        self.workers
            .values()
            .filter(|worker| worker.routable)
            .any(|worker| {
                let agent = worker.rule.as_ref();
                agent.is_some_and(|agent| {
                    let fits = agent.weights.of(waiting.work.media) <= agent.capacity;
                    fits && tier(&self.queues[&waiting.work.queue], agent).is_some()
                })
            })
    }

    /// Whether somebody with empty hands could take work of this kind at all.
    pub fn is_free_for(&self, agent: AgentId, media: Media) -> bool {
        let worker = &self.workers[&agent];
        let room = |rule: &AgentRule| rule.weights.of(media) <= rule.capacity;
        worker.held.is_empty() && worker.rule.as_ref().is_some_and(room)
    }

    pub fn over_budget(&self) -> Option<AgentId> {
        let over = self.workers.iter().find(|(_, worker)| {
            let Some(agent) = &worker.rule else {
                return false;
            };
            let load: u32 = worker
                .held
                .values()
                .map(|media| agent.weights.of(*media))
                .sum();
            let calls = worker
                .held
                .values()
                .filter(|media| **media == Media::Voice)
                .count();
            load > agent.capacity || calls > 1
        });
        over.map(|(id, _)| *id)
    }
}

fn tier(rule: &QueueRule, agent: &AgentRule) -> Option<usize> {
    let meets = |required: &[SkillLevel]| {
        required
            .iter()
            .all(|need| agent.skills.get(&need.skill).copied().unwrap_or(0) >= need.level)
    };
    let allowed = agent
        .queues
        .as_ref()
        .is_none_or(|only| only.contains(&rule.id));
    let mut steps: Vec<(Duration, &Vec<SkillLevel>)> = vec![(Duration::ZERO, &rule.required)];
    steps.extend(rule.widen.iter().map(|step| (step.after, &step.required)));
    steps
        .iter()
        .position(|(_, required)| meets(required))
        .filter(|_| allowed)
}
