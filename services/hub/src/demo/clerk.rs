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
}

impl Clerk {
    /// Somebody at an empty desk.
    #[must_use]
    pub fn new(random: Random) -> Self {
        Self { random, cases: HashMap::new(), state: String::new(), returning: false }
    }

    /// The phone rings: after how long it is picked up; `None` when this one is missed.
    pub fn rings(&mut self) -> Option<Duration> {
        (!self.random.chance(4)).then(|| self.random.millis(1_000, 3_000))
    }

    /// After how long the agent wants a break.
    pub fn next_break(&mut self) -> (Duration, Act) {
        let reason = if self.random.chance(80) { "break" } else { "training" };
        (Duration::from_secs(15) + self.random.pause(Duration::from_secs(70)), Act::Pause(reason))
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
            Act::Outcome(id, wish, _) => self.cases.get(id).is_some_and(|case| !case.recorded.contains(wish)),
            Act::WrapUp(id, _) => phase(id) == Some("wrap_up"),
            Act::Ready => self.state != "ready",
            Act::Pause(_) => self.state == "ready",
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
        case.recorded.extend(item.agenda.iter().filter(|one| one.outcome.is_some()).map(|one| one.wish));
        match (item.phase.as_str(), case.chat) {
            ("offered", true) => {
                if std::mem::replace(&mut case.accepting, true) && !new_phase {
                    return vec![];
                }
                let missed = self.random.chance(4);
                let after = self.random.millis(700, 2_500);
                if missed { vec![] } else { vec![(after, Act::Accept(item.id))] }
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
        let Some(case) = self.cases.get_mut(&interaction) else { return vec![] };
        if message.from != "customer" || !case.seen.insert(message.id) || !case.greeted || case.phase != "active" {
            return vec![];
        }
        if case.seen.len() > MOST_REPLIES {
            return vec![(self.random.millis(1_000, 2_000), Act::End(interaction))];
        }
        let text = self.random.pick(&REPLIES).copied().unwrap_or_default();
        vec![(self.random.millis(1_000, 3_000), Act::Say(interaction, text))]
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
        let said = plan.iter().map(|(after, _)| *after).max().unwrap_or_default();
        let Some(case) = self.cases.get_mut(&item.id) else { return plan };
        if !std::mem::replace(&mut case.talking, true) {
            let outbound = item.direction == "outbound";
            // In most calls the customer says goodbye; the agent waits for that, with patience.
            let (from, to) = if outbound || self.random.chance(25) { (7_000, 13_000) } else { (26_000, 34_000) };
            let after = self.random.millis(from, to).max(said + Duration::from_secs(2));
            plan.push((after, Act::End(item.id)));
        }
        plan
    }

    /// Plans each wish of the agenda that is new, one after the other.
    fn goes_through_agenda(&mut self, item: &WorkItem, first: u64, each: u64) -> Plan {
        let Some(case) = self.cases.get_mut(&item.id) else { return vec![] };
        let mut plan = vec![];
        let mut after = first;
        for one in item.agenda.iter().filter(|one| one.outcome.is_none()) {
            if case.planned.insert(one.wish) {
                let outcome = outcome(&mut self.random);
                plan.push((self.random.millis(after, after + 1_000), Act::Outcome(item.id, one.wish, outcome)));
                after += each;
            }
        }
        plan
    }

    fn wraps_up(&mut self, item: &WorkItem) -> Plan {
        let Some(case) = self.cases.get_mut(&item.id) else { return vec![] };
        if std::mem::replace(&mut case.ending, true) {
            return vec![];
        }
        let reached = item.connected_at.is_some() || case.chat;
        let mut plan = vec![];
        let mut after = Duration::from_millis(400);
        if reached {
            for one in item.agenda.iter().filter(|one| one.outcome.is_none()) {
                plan.push((after, Act::Outcome(item.id, one.wish, outcome(&mut self.random))));
                after += Duration::from_millis(500);
            }
        }
        let code = if reached {
            self.random.pick(&item.dispositions).cloned()
        } else {
            item.dispositions.iter().find(|code| *code == "not_reached").or(item.dispositions.first()).cloned()
        };
        plan.push((after + self.random.millis(800, 3_000), Act::WrapUp(item.id, code)));
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
mod tests {
    use super::*;

    const ID: Uuid = Uuid::from_u128(1);

    fn item(channel: &str, phase: &str, wishes: u128) -> WorkItem {
        let agenda = (0..wishes).map(|n| AgendaItem { wish: Uuid::from_u128(100 + n), outcome: None }).collect();
        WorkItem {
            id: ID,
            channel: channel.to_owned(),
            direction: "outbound".to_owned(),
            phase: phase.to_owned(),
            connected_at: (phase != "offered").then_some(1),
            agenda,
            dispositions: vec!["reached".to_owned(), "not_reached".to_owned()],
            messages: None,
        }
    }

    fn from(seed: u64) -> Clerk {
        Clerk::new(Random::new(seed))
    }

    #[test]
    fn every_wish_of_a_call_is_noted_before_the_agent_says_goodbye_and_only_once() {
        let mut clerk = from(1);
        let plan = clerk.sees(&item("voice", "active", 3));
        let last_note = plan.iter().filter(|(_, act)| matches!(act, Act::Outcome(..))).map(|(at, _)| *at).max().unwrap();
        let end = plan.iter().find(|(_, act)| matches!(act, Act::End(_))).unwrap().0;
        assert_eq!(plan.len(), 4);
        assert!(end > last_note);
        assert!(clerk.sees(&item("voice", "active", 3)).is_empty(), "seeing it again plans nothing more");
    }

    #[test]
    fn what_was_not_noted_while_talking_is_noted_in_wrap_up() {
        let mut clerk = from(1);
        let plan = clerk.sees(&item("voice", "active", 2));
        let first = plan.iter().find(|(_, act)| matches!(act, Act::Outcome(..))).unwrap().1.clone();
        clerk.did(&first);
        let plan = clerk.sees(&item("voice", "wrap_up", 2));
        let wanted: Vec<&Act> = plan.iter().map(|(_, act)| act).filter(|act| clerk.still_wants(act)).collect();
        assert!(matches!(wanted[..], [Act::Outcome(..), Act::WrapUp(_, Some(_))]), "{wanted:?}");
        assert!(!clerk.still_wants(&first));
    }

    #[test]
    fn nothing_is_noted_of_a_customer_who_was_not_reached() {
        let mut clerk = from(1);
        let unreached = WorkItem { connected_at: None, ..item("voice", "wrap_up", 2) };
        let plan = clerk.sees(&unreached);
        assert!(matches!(&plan[..], [(_, Act::WrapUp(_, Some(code)))] if code == "not_reached"), "{plan:?}");
    }

    #[test]
    fn each_message_of_the_visitor_is_answered_once() {
        let mut clerk = from(1);
        let mut chat = item("chat", "active", 0);
        let message = |n| Message { id: Uuid::from_u128(n), from: "customer".to_owned() };
        chat.messages = Some(vec![message(1)]);
        assert!(matches!(clerk.sees(&chat)[0].1, Act::Say(..)), "the greeting");
        assert!(clerk.reads(ID, &message(1)).is_empty(), "answered by the greeting");
        assert!(matches!(clerk.reads(ID, &message(2))[..], [(_, Act::Say(..))]));
        assert!(clerk.reads(ID, &message(2)).is_empty());
        let own = Message { from: "agent".to_owned(), ..message(3) };
        assert!(clerk.reads(ID, &own).is_empty());
    }

    #[test]
    fn an_act_whose_moment_has_passed_is_not_wanted() {
        let mut clerk = from(2);
        let _ = clerk.sees(&item("chat", "offered", 0));
        assert!(clerk.still_wants(&Act::Accept(ID)) && !clerk.is_idle());
        clerk.gone(ID);
        assert!(!clerk.still_wants(&Act::Accept(ID)) && clerk.is_idle());
    }

    #[test]
    fn whoever_missed_an_offer_comes_back_once() {
        let mut clerk = from(3);
        let missed = Presence { state: "not_ready".to_owned(), reason: Some("missed_offer".to_owned()) };
        assert!(matches!(clerk.sees_presence(&missed)[..], [(_, Act::Ready)]));
        assert!(clerk.sees_presence(&missed).is_empty());
        let ready = Presence { state: "ready".to_owned(), reason: None };
        let _ = clerk.sees_presence(&ready);
        assert!(matches!(clerk.sees_presence(&missed)[..], [(_, Act::Ready)]));
    }
}
