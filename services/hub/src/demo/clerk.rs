//! How a simulated agent works: what is on the desk goes in, what to do and after how long comes out. No socket, no clock.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use serde::Deserialize;
use uuid::Uuid;

use super::cast::{GREETINGS, REPLIES};
use super::random::Random;

/// Messages after which the agent ends a chat that does not end by itself.
const MOST_REPLIES: usize = 8;

/// A contact as the desk shows it; only what a clerk looks at.
#[derive(Clone, Debug, Deserialize)]
pub struct WorkItem {
    /// Its interaction.
    pub id: Uuid,
    /// `voice` or `chat`.
    pub channel: String,
    /// `inbound` or `outbound`.
    pub direction: String,
    /// `offered`, `active` or `wrap_up`.
    pub phase: String,
    /// When the two could talk.
    pub connected_at: Option<i64>,
    /// What departments want said.
    pub agenda: Vec<AgendaItem>,
    /// Codes of the queue.
    pub dispositions: Vec<String>,
    /// What was written, when that changed.
    pub messages: Option<Vec<Message>>,
}

/// A line of the agenda.
#[derive(Clone, Debug, Deserialize)]
pub struct AgendaItem {
    /// The wish.
    pub wish: Uuid,
    /// What came of it.
    pub outcome: Option<String>,
}

/// A written message.
#[derive(Clone, Debug, Deserialize)]
pub struct Message {
    /// Its id.
    pub id: Uuid,
    /// `customer` or `agent`.
    pub from: String,
}

/// Presence as the desk shows it.
#[derive(Clone, Debug, Deserialize)]
pub struct Presence {
    /// `ready`, `not_ready` or `logged_out`.
    pub state: String,
    /// Why not ready.
    #[serde(default)]
    pub reason: Option<String>,
}

/// Something an agent does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Takes a chat.
    Accept(Uuid),
    /// Writes.
    Say(Uuid, &'static str),
    /// Notes what came of a wish.
    Outcome(Uuid, Uuid, &'static str),
    /// Ends the conversation.
    End(Uuid),
    /// Is done with it, with a code.
    WrapUp(Uuid, Option<String>),
    /// Takes work again.
    Ready,
    /// Takes none for a while.
    Pause(&'static str),
}

/// What to do after how long.
pub type Plan = Vec<(Duration, Act)>;

#[derive(Default)]
struct Case {
    phase: String,
    chat: bool,
    accepting: bool,
    greeted: bool,
    talking: bool,
    ending: bool,
    seen: BTreeSet<Uuid>,
    planned: BTreeSet<Uuid>,
    recorded: BTreeSet<Uuid>,
}

/// One simulated agent.
pub struct Clerk {
    random: Random,
    cases: HashMap<Uuid, Case>,
    state: String,
    returning: bool,
    leaving: bool,
}

impl Clerk {
    /// Somebody at an empty desk.
    #[must_use]
    pub fn new(random: Random) -> Self {
        Self {
            random,
            cases: HashMap::new(),
            state: String::new(),
            returning: false,
            leaving: false,
        }
    }

    /// The phone rings: after how long it is picked up; `None` when this one is missed.
    pub fn rings(&mut self) -> Option<Duration> {
        (!self.random.chance(4)).then(|| self.random.millis(1_000, 3_000))
    }

    /// After how long the agent wants a break.
    pub fn next_break(&mut self) -> (Duration, Act) {
        let reason = if self.random.chance(80) {
            "break"
        } else {
            "training"
        };
        (
            Duration::from_secs(15) + self.random.pause(Duration::from_secs(70)),
            Act::Pause(reason),
        )
    }

    /// It is time to go: takes nothing new and finishes what is there.
    pub fn ends_the_day(&mut self) -> Act {
        self.leaving = true;
        Act::Pause("end_of_day")
    }

    /// Whether nothing is left on the desk.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.cases.is_empty()
    }

    /// Whether something must still be said or noted; the moment may have passed since it was planned.
    #[must_use]
    pub fn still_wants(&self, act: &Act) -> bool {
        let phase = |id: &Uuid| self.cases.get(id).map(|case| case.phase.as_str());
        match act {
            Act::Accept(id) => phase(id) == Some("offered"),
            Act::Say(id, _) | Act::End(id) => phase(id) == Some("active"),
            Act::Outcome(id, wish, _) => self
                .cases
                .get(id)
                .is_some_and(|case| !case.recorded.contains(wish)),
            Act::WrapUp(id, _) => phase(id) == Some("wrap_up"),
            Act::Ready => self.state != "ready" && !self.leaving,
            Act::Pause(reason) => {
                self.state == "ready" && (!self.leaving || *reason == "end_of_day")
            }
        }
    }

    /// The act was done.
    pub fn did(&mut self, act: &Act) {
        if let Act::Outcome(id, wish, _) = act
            && let Some(case) = self.cases.get_mut(id)
        {
            case.recorded.insert(*wish);
        }
    }

    /// Presence, as the desk says it is.
    pub fn sees_presence(&mut self, presence: &Presence) -> Plan {
        self.state.clone_from(&presence.state);
        if presence.state == "ready" {
            self.returning = false;
            return vec![];
        }
        if std::mem::replace(&mut self.returning, true) {
            return vec![];
        }
        let (from, to) = match presence.reason.as_deref() {
            Some("break" | "training") => (6_000, 14_000),
            Some(_) => (2_500, 6_000),
            None => (100, 1_500), // the day begins
        };
        vec![(self.random.millis(from, to), Act::Ready)]
    }

    /// Everything on the desk, after connecting.
    pub fn sees_all(&mut self, work: &[WorkItem]) -> Plan {
        let there: BTreeSet<Uuid> = work.iter().map(|item| item.id).collect();
        self.cases.retain(|id, _| there.contains(id));
        work.iter().flat_map(|item| self.sees(item)).collect()
    }

    /// A contact is no longer on the desk.
    pub fn gone(&mut self, id: Uuid) {
        self.cases.remove(&id);
    }

    /// A contact is new on the desk, or changed.
    pub fn sees(&mut self, item: &WorkItem) -> Plan {
        let case = self.cases.entry(item.id).or_default();
        let new_phase = case.phase != item.phase;
        case.phase.clone_from(&item.phase);
        case.chat = item.channel == "chat";
        case.recorded.extend(
            item.agenda
                .iter()
                .filter(|one| one.outcome.is_some())
                .map(|one| one.wish),
        );
        match (item.phase.as_str(), case.chat) {
            ("offered", true) => {
                if std::mem::replace(&mut case.accepting, true) && !new_phase {
                    return vec![];
                }
                let missed = self.random.chance(4);
                let after = self.random.millis(700, 2_500);
                if missed {
                    vec![]
                } else {
                    vec![(after, Act::Accept(item.id))]
                }
            }
            ("active", true) => self.chats(item),
            ("active", false) if item.connected_at.is_some() => self.talks(item),
            ("wrap_up", _) if new_phase => self.wraps_up(item),
            ("offered" | "active" | "wrap_up", _) => vec![],
            _ => vec![],
        }
    }

    /// A message came or went.
    pub fn reads(&mut self, interaction: Uuid, message: &Message) -> Plan {
        let Some(case) = self.cases.get_mut(&interaction) else {
            return vec![];
        };
        if message.from != "customer"
            || !case.seen.insert(message.id)
            || !case.greeted
            || case.phase != "active"
        {
            return vec![];
        }
        if case.seen.len() > MOST_REPLIES {
            return vec![(self.random.millis(1_000, 2_000), Act::End(interaction))];
        }
        let text = self.random.pick(&REPLIES).copied().unwrap_or_default();
        vec![(
            self.random.millis(1_000, 3_000),
            Act::Say(interaction, text),
        )]
    }

    fn chats(&mut self, item: &WorkItem) -> Plan {
        let mut plan = vec![];
        let written: Vec<Message> = item.messages.clone().unwrap_or_default();
        let case = self.cases.entry(item.id).or_default();
        if !std::mem::replace(&mut case.greeted, true) {
            // What was written while waiting is answered by the greeting.
            case.seen.extend(written.iter().map(|message| message.id));
            let text = self.random.pick(&GREETINGS).copied().unwrap_or_default();
            plan.push((self.random.millis(800, 2_000), Act::Say(item.id, text)));
            plan.push((self.random.millis(60_000, 75_000), Act::End(item.id)));
        } else {
            for message in &written {
                plan.extend(self.reads(item.id, message));
            }
        }
        plan.extend(self.goes_through_agenda(item, 4_000, 2_000));
        plan
    }

    fn talks(&mut self, item: &WorkItem) -> Plan {
        let mut plan = self.goes_through_agenda(item, 2_500, 2_000);
        let said = plan
            .iter()
            .map(|(after, _)| *after)
            .max()
            .unwrap_or_default();
        let Some(case) = self.cases.get_mut(&item.id) else {
            return plan;
        };
        if !std::mem::replace(&mut case.talking, true) {
            let outbound = item.direction == "outbound";
            // In most calls the customer says goodbye; the agent waits for that, with patience.
            let (from, to) = if outbound || self.random.chance(25) {
                (7_000, 13_000)
            } else {
                (26_000, 34_000)
            };
            let after = self
                .random
                .millis(from, to)
                .max(said + Duration::from_secs(2));
            plan.push((after, Act::End(item.id)));
        }
        plan
    }

    /// Plans each wish of the agenda that is new, one after the other.
    fn goes_through_agenda(&mut self, item: &WorkItem, first: u64, each: u64) -> Plan {
        let Some(case) = self.cases.get_mut(&item.id) else {
            return vec![];
        };
        let mut plan = vec![];
        let mut after = first;
        for one in item.agenda.iter().filter(|one| one.outcome.is_none()) {
            if case.planned.insert(one.wish) {
                let outcome = outcome(&mut self.random);
                plan.push((
                    self.random.millis(after, after + 1_000),
                    Act::Outcome(item.id, one.wish, outcome),
                ));
                after += each;
            }
        }
        plan
    }

    fn wraps_up(&mut self, item: &WorkItem) -> Plan {
        let Some(case) = self.cases.get_mut(&item.id) else {
            return vec![];
        };
        if std::mem::replace(&mut case.ending, true) {
            return vec![];
        }
        let reached = item.connected_at.is_some() || case.chat;
        let mut plan = vec![];
        let mut after = Duration::from_millis(400);
        if reached {
            for one in item.agenda.iter().filter(|one| one.outcome.is_none()) {
                plan.push((
                    after,
                    Act::Outcome(item.id, one.wish, outcome(&mut self.random)),
                ));
                after += Duration::from_millis(500);
            }
        }
        let code = if reached {
            self.random.pick(&item.dispositions).cloned()
        } else {
            item.dispositions
                .iter()
                .find(|code| *code == "not_reached")
                .or(item.dispositions.first())
                .cloned()
        };
        plan.push((
            after + self.random.millis(800, 3_000),
            Act::WrapUp(item.id, code),
        ));
        plan
    }
}

fn outcome(random: &mut Random) -> &'static str {
    match random.below(10) {
        0..=4 => "agreed",
        5 | 6 => "informed",
        7 | 8 => "declined",
        _ => "later",
    }
}

#[cfg(test)]
mod tests;
