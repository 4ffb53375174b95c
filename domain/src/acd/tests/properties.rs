//! What must hold on any history.

use std::time::Duration;

use proptest::prelude::*;

use super::model::Model;
use super::world::{agent, at, item, level, queue, seconds, skilled, widened};
use crate::acd::{AgentRule, Choice, Floor, Input, Media, OfferEnd, Output, QueueRule, WorkItem};
use crate::id::InteractionId;
use crate::time::Timestamp;

/// Something that may happen; numbers pick one of what is there at that moment.
#[derive(Clone, Debug)]
enum Step {
    Queue {
        line: u8,
        media: Media,
        priority: i32,
        age: u64,
        keeper: Option<(u8, u64)>,
        weight: u32,
    },
    Change {
        pick: usize,
        priority: i32,
    },
    Withdraw {
        pick: usize,
    },
    /// Another Floor offered it.
    Elsewhere {
        pick: usize,
        who: u8,
    },
    Accept {
        pick: usize,
    },
    End {
        pick: usize,
        requeue: bool,
    },
    Release {
        pick: usize,
    },
    Availability {
        who: u8,
        routable: bool,
    },
    Redefine {
        who: u8,
        variant: u8,
    },
    Reserve {
        count: u32,
    },
    Wait {
        millis: u64,
    },
}

fn any_media() -> impl Strategy<Value = Media> {
    prop_oneof![3 => Just(Media::Voice), 3 => Just(Media::Chat), 1 => Just(Media::Sms), 1 => Just(Media::Email)]
}

fn any_step() -> impl Strategy<Value = Step> {
    let keeper = prop::option::weighted(0.2, (0..AGENTS, 0..60_u64));
    let queue = (
        0..QUEUES,
        any_media(),
        -1..=1,
        0..40_u64,
        keeper,
        1..300_u32,
    );
    prop_oneof![
        8 => queue.prop_map(|(line, media, priority, age, keeper, weight)| {
            Step::Queue { line, media, priority, age, keeper, weight }
        }),
        1 => (any::<usize>(), -1..=1).prop_map(|(pick, priority)| Step::Change { pick, priority }),
        1 => any::<usize>().prop_map(|pick| Step::Withdraw { pick }),
        1 => (any::<usize>(), 0..AGENTS).prop_map(|(pick, who)| Step::Elsewhere { pick, who }),
        6 => any::<usize>().prop_map(|pick| Step::Accept { pick }),
        3 => (any::<usize>(), prop::bool::weighted(0.8)).prop_map(|(pick, requeue)| Step::End { pick, requeue }),
        5 => any::<usize>().prop_map(|pick| Step::Release { pick }),
        2 => (0..AGENTS, prop::bool::weighted(0.7)).prop_map(|(who, routable)| Step::Availability { who, routable }),
        1 => (0..AGENTS, 0..4_u8).prop_map(|(who, variant)| Step::Redefine { who, variant }),
        1 => (0..3_u32).prop_map(|count| Step::Reserve { count }),
        5 => (1..30_000_u64).prop_map(|millis| Step::Wait { millis }),
    ]
}

const AGENTS: u8 = 5;
const QUEUES: u8 = 5;

fn rules() -> Vec<QueueRule> {
    let needs = |id: u8, skill: &str| QueueRule {
        required: vec![level(skill, 2)],
        ..QueueRule::new(queue(id))
    };
    vec![
        QueueRule {
            floor_after: 2,
            ..QueueRule::new(queue(0))
        },
        QueueRule {
            choice: Choice::BestSkill,
            target: seconds(30),
            ..needs(1, "de")
        },
        QueueRule {
            widen: vec![widened(10, vec![level("de", 1)]), widened(25, vec![])],
            choice: Choice::LeastOccupied,
            ..needs(2, "en")
        },
        QueueRule {
            outbound: true,
            ..QueueRule::new(queue(3))
        },
        QueueRule {
            outbound: true,
            widen: vec![widened(15, vec![])],
            ..needs(4, "de")
        },
    ]
}

fn variant(who: u8, variant: u8) -> AgentRule {
    match variant {
        0 => skilled(who, &[("de", 3), ("en", 2)]),
        1 => AgentRule {
            capacity: 200,
            ..skilled(who, &[("de", 1)])
        },
        2 => AgentRule {
            queues: Some([queue(3), queue(4), queue(2)].into()),
            ..skilled(who, &[("en", 5)])
        },
        _ => AgentRule {
            capacity: 66,
            ..skilled(who, &[("de", 2)])
        }, // no call ever fits
    }
}

/// A Floor and the plain model beside it; every output is checked as it comes.
struct Run {
    floor: Floor,
    model: Model,
    now: Timestamp,
    items: u16,
    outputs: Vec<Output>,
    reserve: u32,
}

impl Run {
    fn start() -> Result<Self, TestCaseError> {
        let (floor, model) = (Floor::new(), Model::default());
        let mut run = Self {
            floor,
            model,
            now: at(0),
            items: 0,
            outputs: Vec::new(),
            reserve: 0,
        };
        for rule in rules() {
            run.feed(Input::QueueDefined(rule))?;
        }
        for who in 0..AGENTS {
            run.feed(Input::AgentDefined(variant(who, who % 4)))?;
            run.feed(Input::AgentAvailability {
                agent: agent(who),
                routable: who != 1,
            })?;
        }
        Ok(run)
    }

    fn feed(&mut self, input: Input) -> Result<(), TestCaseError> {
        let outputs = self.floor.handle(input.clone(), self.now);
        let followed = self.model.follow(&input, self.now, &outputs);
        self.outputs.extend(outputs);
        followed.map_err(|why| TestCaseError::fail(format!("after {input:?}: {why}")))
    }

    fn held(&self) -> Vec<(crate::id::AgentId, InteractionId)> {
        let held = self.model.workers.iter();
        held.flat_map(|(id, worker)| worker.held.keys().map(|item| (*id, *item)))
            .collect()
    }

    fn step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        let picked_offer = |pick: usize| {
            nth(
                self.model
                    .offered
                    .iter()
                    .map(|(item, agent)| (*item, *agent)),
                pick,
            )
        };
        let input = match *step {
            Step::Queue {
                line,
                media,
                priority,
                age,
                keeper,
                weight,
            } => {
                self.items += 1;
                let work = WorkItem::new(
                    item(self.items),
                    queue(line),
                    media,
                    self.now - seconds(age),
                );
                Some(Input::ItemQueued(WorkItem {
                    priority,
                    value_weight: weight,
                    preferred: keeper.map(|(who, _)| agent(who)),
                    preferred_until: keeper
                        .filter(|(_, s)| *s > 5)
                        .map(|(_, s)| self.now + seconds(s)),
                    ..work
                }))
            }
            Step::Change { pick, priority } => {
                nth(self.model.waiting.values(), pick).map(|waiting| {
                    Input::ItemQueued(WorkItem {
                        priority,
                        ..waiting.work.clone()
                    })
                })
            }
            Step::Withdraw { pick } => nth(self.model.waiting.keys(), pick)
                .map(|item| Input::ItemWithdrawn { item: *item }),
            Step::Elsewhere { pick, who } => {
                let (agent, until) = (agent(who), self.now + seconds(20));
                let asked = self.model.offered.values().any(|asked| *asked == agent);
                nth(self.model.waiting.values(), pick)
                    .filter(|waiting| !asked && self.model.is_free_for(agent, waiting.work.media))
                    .map(|waiting| waiting.work.id)
                    .map(|item| Input::ItemOffered { item, agent, until })
            }
            Step::Accept { pick } => {
                picked_offer(pick).map(|(item, agent)| Input::OfferAccepted { item, agent })
            }
            Step::End { pick, requeue } => {
                picked_offer(pick).map(|(item, agent)| Input::OfferEnded {
                    item,
                    agent,
                    requeue,
                    why: OfferEnd::Declined,
                })
            }
            Step::Release { pick } => nth(self.held().into_iter(), pick)
                .map(|(agent, item)| Input::AgentReleased { agent, item }),
            Step::Availability { who, routable } => Some(Input::AgentAvailability {
                agent: agent(who),
                routable,
            }),
            Step::Redefine { who, variant: to } => {
                // A smaller budget than what is held would be over the budget without any offer being at fault.
                let free = self.model.workers[&agent(who)].held.is_empty();
                let asked = self
                    .model
                    .offered
                    .values()
                    .any(|asked| *asked == agent(who));
                (free && !asked).then(|| Input::AgentDefined(variant(who, to)))
            }
            Step::Reserve { count } => {
                self.reserve = count;
                Some(Input::Reserve { count })
            }
            Step::Wait { millis } => {
                self.now = self.now + Duration::from_millis(millis);
                Some(Input::Tick)
            }
        };
        input.map_or(Ok(()), |input| self.feed(input))
    }

    /// Everybody comes to work, takes every offer and finishes it at once, until nothing more is offered.
    fn wind_up(&mut self) -> Result<(), TestCaseError> {
        self.feed(Input::Reserve { count: 0 })?;
        for who in 0..AGENTS {
            self.feed(Input::AgentAvailability {
                agent: agent(who),
                routable: true,
            })?;
        }
        for _ in 0..2_000 {
            if let Some((item, agent)) = self
                .model
                .offered
                .iter()
                .next()
                .map(|(item, agent)| (*item, *agent))
            {
                self.feed(Input::OfferAccepted { item, agent })?;
            } else if let Some((agent, item)) = self.held().pop() {
                self.feed(Input::AgentReleased { agent, item })?;
            } else if let Some(deadline) = self.floor.next_deadline() {
                self.now = self.now.max(deadline);
                self.feed(Input::Tick)?;
            } else {
                return Ok(());
            }
        }
        Err(TestCaseError::fail("never comes to rest"))
    }
}

fn nth<T>(mut all: impl Iterator<Item = T> + Clone, pick: usize) -> Option<T> {
    let count = all.clone().count();
    (count > 0).then(|| all.nth(pick % count)).flatten()
}

fn any_history() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(any_step(), 0..120)
}

proptest! {
    #[test]
    fn every_offer_is_allowed_none_overtakes_and_nothing_waits_beside_an_agent_who_may_take_it(
        history in any_history(),
    ) {
        let mut run = Run::start()?;
        for step in &history {
            run.step(step)?;
            prop_assert_eq!(run.model.over_budget(), None);
            let lines = (0..QUEUES).map(|line| run.floor.queue_view(queue(line), run.now));
            let (waiting, offered) = lines.fold((0, 0), |sum, view| (sum.0 + view.waiting, sum.1 + view.offered));
            prop_assert_eq!((waiting, offered), (run.model.waiting.len(), run.model.offered.len()));
        }
    }

    #[test]
    fn nothing_starves_and_nobody_is_stuck_once_everybody_works(history in any_history()) {
        let mut run = Run::start()?;
        for step in &history {
            run.step(step)?;
        }
        run.wind_up()?;
        let stuck: Vec<_> = run.model.waiting.keys().filter(|item| run.model.anybody_for(**item)).collect();
        prop_assert!(stuck.is_empty(), "{stuck:?}");
    }

    #[test]
    fn the_same_history_gives_the_same_offers(history in any_history()) {
        let (mut one, mut two) = (Run::start()?, Run::start()?);
        for step in &history {
            one.step(step)?;
            two.step(step)?;
        }
        prop_assert_eq!(one.outputs, two.outputs);
    }

    #[test]
    fn the_deadline_is_never_in_the_past_and_time_alone_changes_nothing_before_it(history in any_history()) {
        let mut run = Run::start()?;
        for step in &history {
            run.step(step)?;
            if let Some(deadline) = run.floor.next_deadline() {
                prop_assert!(deadline > run.now);
                let just_before = deadline - Duration::from_micros(1);
                prop_assert_eq!(run.floor.handle(Input::Tick, just_before), vec![]);
                run.now = just_before;
                run.feed(Input::Tick)?;
            }
        }
    }
}
