//! The floors of all tenants. A decision takes microseconds, so one lock guards them all; it is never held across an
//! await.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rapport_domain::acd::{
    AgentRule, Floor, Input, MediaWeights, Output, QueueRule, SkillLevel, WideningStep,
};
use rapport_domain::agent::{Definition, Phone};
use rapport_domain::id::{AgentId, InteractionId, QueueId, TenantId};
use rapport_domain::setup::QueueDefinition;
use rapport_domain::time::Timestamp;

use crate::timers::{Due, Timers};
use crate::views::QueueNow;

#[derive(Default)]
pub(crate) struct Floors {
    floors: Mutex<BTreeMap<TenantId, Floor>>,
}

impl Floors {
    /// Feeds facts in order and answers what the floor wants done; the next look is put among the timers.
    pub fn feed(
        &self,
        tenant: TenantId,
        inputs: impl IntoIterator<Item = Input>,
        now: Timestamp,
        timers: &Timers,
    ) -> Vec<Output> {
        let mut floors = self.lock();
        let floor = floors.entry(tenant).or_default();
        let outputs = inputs
            .into_iter()
            .flat_map(|input| floor.handle(input, now))
            .collect();
        if let Some(at) = floor.next_deadline() {
            timers.set(Due::Floor { tenant }, at);
        }
        outputs
    }

    /// Feeds facts to a floor that others decide on: it knows what waits, and nobody who could serve.
    pub fn follow(
        &self,
        tenant: TenantId,
        inputs: impl IntoIterator<Item = Input>,
        now: Timestamp,
    ) {
        let mut floors = self.lock();
        let floor = floors.entry(tenant).or_default();
        for input in inputs {
            let known = match input {
                Input::ItemQueued(_)
                | Input::ItemWithdrawn { .. }
                | Input::QueueDefined(_)
                | Input::QueueRetired(_) => input,
                Input::OfferAccepted { item, .. } | Input::AgentHolds { item, .. } => {
                    Input::ItemWithdrawn { item }
                }
                _ => continue,
            };
            let _nobody_to_offer_it_to = floor.handle(known, now);
        }
    }

    /// A floor that is decided on no longer: what waits is still shown, and nobody is there to serve.
    pub fn rest(
        &self,
        tenant: TenantId,
        agents: impl IntoIterator<Item = AgentId>,
        now: Timestamp,
    ) {
        let mut floors = self.lock();
        let floor = floors.entry(tenant).or_default();
        for agent in agents {
            let routable = false;
            let _nobody_carries_it_out =
                floor.handle(Input::AgentAvailability { agent, routable }, now);
        }
    }

    /// A floor that knows nothing: it is seeded next.
    pub fn begin_anew(&self, tenant: TenantId) {
        self.lock().insert(tenant, Floor::default());
    }

    /// Whether this offer is one of this floor's own.
    pub fn knows_offer(&self, tenant: TenantId, item: InteractionId, agent: AgentId) -> bool {
        let floors = self.lock();
        let offered = floors.get(&tenant).and_then(|floor| floor.offered_to(item));
        offered.is_some_and(|(asked, _)| asked == agent)
    }

    pub fn queue_now(&self, tenant: TenantId, queue: QueueId, now: Timestamp) -> QueueNow {
        let floors = self.lock();
        let Some(floor) = floors.get(&tenant) else {
            return QueueNow::default();
        };
        let view = floor.queue_view(queue, now);
        let longest_since = (view.waiting > 0).then(|| now - view.longest_wait);
        QueueNow {
            waiting: view.waiting,
            longest_since,
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<TenantId, Floor>> {
        self.floors.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A queue's declaration as the floor understands it.
pub(crate) fn queue_rule(id: QueueId, queue: &QueueDefinition, version: u32) -> QueueRule {
    let levels = |skills: &BTreeMap<String, u8>| -> Vec<SkillLevel> {
        skills
            .iter()
            .map(|(skill, level)| SkillLevel {
                skill: skill.clone(),
                level: *level,
            })
            .collect()
    };
    let seconds = |seconds: u32| Duration::from_secs(seconds.into());
    QueueRule {
        version,
        required: levels(&queue.skills),
        widen: queue
            .widening
            .iter()
            .map(|step| WideningStep {
                after: seconds(step.after_seconds),
                required: levels(&step.skills),
            })
            .collect(),
        target: seconds(queue.target_seconds),
        value_weight: queue.value_weight,
        floor_after: queue.floor_after,
        choice: queue.choice,
        offer_timeout: seconds(queue.offer_seconds),
        outbound: queue.outbound,
        ..QueueRule::new(id)
    }
}

/// An agent's declaration as the floor understands it. Who has no phone gets no calls: a call then weighs more than
/// the whole budget.
pub(crate) fn agent_rule(id: AgentId, agent: &Definition) -> AgentRule {
    let weights = agent.weights;
    let voice = if agent.phone == Phone::None {
        agent.capacity.saturating_add(1)
    } else {
        weights.voice
    };
    AgentRule {
        skills: agent.skills.clone(),
        capacity: agent.capacity,
        weights: MediaWeights {
            voice,
            chat: weights.chat,
            sms: weights.sms,
            email: weights.email,
            task: weights.email,
        },
        ..AgentRule::new(id)
    }
}
