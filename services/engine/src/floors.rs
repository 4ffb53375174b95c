//! The floors of all tenants. A decision takes microseconds, so one lock guards them all; it is never held across an
//! await.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rapport_domain::acd::{
    AgentRule, Floor, Input, MediaWeights, Output, QueueRule, SkillLevel, WideningStep,
};
use rapport_domain::agent::{Definition, Phone};
use rapport_domain::id::{AgentId, QueueId, TenantId};
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
