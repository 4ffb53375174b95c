//! A small contact centre to tell stories in: seconds instead of timestamps, numbers instead of ids.

use std::collections::BTreeMap;
use std::time::Duration;

use uuid::Uuid;

use crate::acd::{
    AgentRule, Floor, Input, Media, OfferEnd, Output, QueueRule, Receipt, SkillLevel, WideningStep,
    WorkItem,
};
use crate::id::{AgentId, InteractionId, QueueId};
use crate::time::Timestamp;

pub const ANNA: u8 = 1;
pub const BERND: u8 = 2;
pub const CLARA: u8 = 3;
pub const SERVICE: u8 = 1;
pub const SALES: u8 = 2;
pub const CAMPAIGN: u8 = 9;

pub fn agent(n: u8) -> AgentId {
    AgentId::from_uuid(Uuid::from_u128(0xa000 + u128::from(n)))
}

pub fn queue(n: u8) -> QueueId {
    QueueId::from_uuid(Uuid::from_u128(0xb000 + u128::from(n)))
}

pub fn item(n: u16) -> InteractionId {
    InteractionId::from_uuid(Uuid::from_u128(0xc000 + u128::from(n)))
}

pub fn at(second: u64) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000) + seconds(second)
}

pub const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// A queue that needs one skill at level 1 or better.
pub fn needs(id: u8, skill: &str) -> QueueRule {
    QueueRule {
        required: vec![level(skill, 1)],
        ..QueueRule::new(queue(id))
    }
}

pub fn level(skill: &str, level: u8) -> SkillLevel {
    SkillLevel {
        skill: skill.to_owned(),
        level,
    }
}

pub fn widened(after: u64, required: Vec<SkillLevel>) -> WideningStep {
    WideningStep {
        after: seconds(after),
        required,
    }
}

pub fn skilled(id: u8, skills: &[(&str, u8)]) -> AgentRule {
    let skills: BTreeMap<_, _> = skills
        .iter()
        .map(|(skill, level)| ((*skill).to_owned(), *level))
        .collect();
    AgentRule {
        skills,
        ..AgentRule::new(agent(id))
    }
}

/// An offer as stories tell it: (item, agent).
pub type Told = (u16, u8);

pub struct World {
    pub floor: Floor,
    pub second: u64,
    pub receipts: Vec<Receipt>,
    pub overdue: Vec<Told>,
}

pub fn world() -> World {
    World {
        floor: Floor::new(),
        second: 0,
        receipts: Vec::new(),
        overdue: Vec::new(),
    }
}

/// One queue without required skills and these agents, all ready.
pub fn service_with(agents: &[u8]) -> World {
    let mut world = world();
    world.feed(Input::QueueDefined(QueueRule::new(queue(SERVICE))));
    for &id in agents {
        world.ready(AgentRule::new(agent(id)));
    }
    world
}

impl World {
    pub fn feed(&mut self, input: Input) -> Vec<Told> {
        let mut offers = Vec::new();
        for output in self.floor.handle(input, at(self.second)) {
            match output {
                Output::Offer {
                    item,
                    agent,
                    receipt,
                    ..
                } => {
                    self.receipts.push(receipt);
                    offers.push((
                        number(item.as_uuid()),
                        u8::try_from(number(agent.as_uuid())).unwrap(),
                    ));
                }
                Output::OfferOverdue { item, agent } => {
                    self.overdue.push((
                        number(item.as_uuid()),
                        u8::try_from(number(agent.as_uuid())).unwrap(),
                    ));
                }
            }
        }
        offers
    }

    pub fn define(&mut self, rule: QueueRule) -> Vec<Told> {
        self.feed(Input::QueueDefined(rule))
    }

    pub fn ready(&mut self, rule: AgentRule) -> Vec<Told> {
        let id = rule.id;
        let mut offers = self.feed(Input::AgentDefined(rule));
        offers.extend(self.feed(Input::AgentAvailability {
            agent: id,
            routable: true,
        }));
        offers
    }

    pub fn routable(&mut self, id: u8, routable: bool) -> Vec<Told> {
        self.feed(Input::AgentAvailability {
            agent: agent(id),
            routable,
        })
    }

    pub fn work(&self, id: u16, line: u8, media: Media) -> WorkItem {
        WorkItem::new(item(id), queue(line), media, at(self.second))
    }

    pub fn queued(&mut self, id: u16, line: u8, media: Media) -> Vec<Told> {
        self.feed(Input::ItemQueued(self.work(id, line, media)))
    }

    pub fn call(&mut self, id: u16) -> Vec<Told> {
        self.queued(id, SERVICE, Media::Voice)
    }

    pub fn chat(&mut self, id: u16) -> Vec<Told> {
        self.queued(id, SERVICE, Media::Chat)
    }

    pub fn accepts(&mut self, id: u8, what: u16) -> Vec<Told> {
        self.feed(Input::OfferAccepted {
            item: item(what),
            agent: agent(id),
        })
    }

    pub fn declines(&mut self, id: u8, what: u16) -> Vec<Told> {
        self.feed(Input::OfferEnded {
            item: item(what),
            agent: agent(id),
            requeue: true,
            why: OfferEnd::Declined,
        })
    }

    pub fn releases(&mut self, id: u8, what: u16) -> Vec<Told> {
        self.feed(Input::AgentReleased {
            agent: agent(id),
            item: item(what),
        })
    }

    pub fn holds(&mut self, id: u8, what: u16, media: Media) -> Vec<Told> {
        self.feed(Input::AgentHolds {
            agent: agent(id),
            item: item(what),
            media,
        })
    }

    pub fn withdrawn(&mut self, what: u16) -> Vec<Told> {
        self.feed(Input::ItemWithdrawn { item: item(what) })
    }

    pub fn reserve(&mut self, count: u32) -> Vec<Told> {
        self.feed(Input::Reserve { count })
    }

    /// Lets time pass, waking the Floor at every deadline on the way as a live loop would.
    pub fn until(&mut self, second: u64) -> Vec<Told> {
        let mut offers = Vec::new();
        while let Some(deadline) = self
            .floor
            .next_deadline()
            .filter(|deadline| *deadline <= at(second))
        {
            self.second = deadline.since(at(0)).as_secs();
            offers.extend(self.feed(Input::Tick));
        }
        self.second = second;
        offers
    }

    pub fn last_receipt(&self) -> &Receipt {
        self.receipts.last().expect("an offer was made")
    }
}

fn number(id: Uuid) -> u16 {
    u16::try_from(id.as_u128() & 0xfff).unwrap()
}
