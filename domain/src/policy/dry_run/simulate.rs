//! One customer's days, lived through under given rules.

use std::collections::BTreeMap;
use std::time::Duration;

use uuid::Uuid;

use crate::aggregate::Aggregate;
use crate::customer::{self, Customer};
use crate::event::Revision;
use crate::id::{AgentId, CustomerId, InteractionId, WishId};
use crate::outreach::{
    CustomerFacts, Fact, Noted, Outcome, Outreach, Reason, Rejection, Status, Wish, WishState,
    Withdrawal,
};
use crate::policy::dry_run::history::{Answer, End, History, How};
use crate::policy::dry_run::{Entry, Question, Said};
use crate::policy::{Policy, Version};
use crate::time::Timestamp;

/// Steps of one customer's days; whoever needs more is left out of the report, and counted.
const MOST_STEPS: usize = 20_000;
/// How soon the coordinator looks again, as in earnest.
const AGAIN: Duration = Duration::from_secs(1);
/// It looks less and less often while nothing changes.
const SELDOM: Duration = Duration::from_secs(3_600);
/// How long a contact takes that was never really made.
const USUAL: Duration = Duration::from_secs(300);

/// Which rules hold.
#[derive(Clone, Copy, Debug)]
pub enum Rules<'a> {
    /// Those that were in force at the moment.
    InForce(&'a [Version]),
    /// These.
    Draft(&'a Policy),
}

impl<'a> Rules<'a> {
    fn at(self, now: Timestamp) -> Option<&'a Policy> {
        match self {
            Self::Draft(policy) => Some(policy),
            Self::InForce(versions) => {
                let begun = versions.partition_point(|version| version.since <= now);
                let version = versions.get(begun.saturating_sub(1));
                version.map(|version| &version.policy)
            }
        }
    }
}

/// A contact made in a replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    pub at: Timestamp,
    pub wishes: Vec<WishId>,
}

/// What came of a replay.
#[derive(Debug)]
pub struct Lived {
    pub contacts: Vec<Made>,
    /// Every reason for which a wish was not said at once.
    pub reasons: Vec<(Timestamp, WishId, Reason)>,
    /// How things stood in the end.
    pub state: Outreach,
}

/// How the contact in flight will end.
struct Ending {
    at: Timestamp,
    interaction: InteractionId,
    how: How,
    outcomes: BTreeMap<WishId, Answer>,
}

pub struct Simulation<'a> {
    rules: Rules<'a>,
    question: Question<'a>,
    customer: CustomerId,
    who: Option<Customer>,
    history: &'a History,
    used: Vec<bool>,
    ending: Option<Ending>,
    lived: Lived,
    not_before: Timestamp,
    pause: Duration,
}

/// A time that has passed in a replay is none.
fn noted((outcome, not_before): Answer, now: Timestamp) -> Noted {
    Noted {
        outcome,
        not_before: not_before.filter(|at| *at > now),
        note: None,
    }
}

pub fn apply(state: &mut Outreach, fact: &Fact, at: Timestamp) {
    state.apply(fact, at, Revision::FIRST);
}

pub fn learn(customer: &mut Option<Customer>, fact: &customer::Fact, at: Timestamp) {
    match customer {
        Some(known) => known.apply(fact, at, Revision::FIRST),
        None => {
            *customer = Customer::begin(fact, at).map(|mut begun| {
                begun.apply(fact, at, Revision::FIRST);
                begun
            });
        }
    }
}

impl<'a> Simulation<'a> {
    pub fn new(
        question: Question<'a>,
        rules: Rules<'a>,
        customer: CustomerId,
        before: &Outreach,
        who: Option<&Customer>,
        history: &'a History,
    ) -> Self {
        Self {
            rules,
            question,
            customer,
            who: who.cloned(),
            history,
            used: vec![false; history.contacts.len()],
            ending: None,
            lived: Lived {
                contacts: vec![],
                reasons: vec![],
                state: before.clone(),
            },
            not_before: question.from,
            pause: AGAIN,
        }
    }

    /// `None` when it did not come to an end within [`MOST_STEPS`].
    pub fn run(mut self, within: &[Entry]) -> Option<Lived> {
        self.look(self.question.from);
        let mut inputs = within.iter().peekable();
        for _ in 0..MOST_STEPS {
            let input = inputs.peek().map(|entry| entry.at);
            let end = self.ending.as_ref().map(|ending| ending.at);
            let due = self.lived.state.next_deadline();
            let due = due.map(|due| due.max(self.not_before));
            let next = input.into_iter().chain(end).chain(due).min();
            let Some(now) = next.filter(|now| *now <= self.question.until) else {
                return Some(self.lived);
            };
            if input == Some(now) {
                if let Some(entry) = inputs.next() {
                    self.take(entry);
                    self.wake(now);
                }
            } else if end == Some(now) {
                self.finish(now);
                self.wake(now);
            } else {
                self.fall_due(now);
            }
        }
        None
    }

    fn wake(&mut self, now: Timestamp) {
        (self.not_before, self.pause) = (now, AGAIN);
    }

    /// Decides on the present state and lives with what was decided. Answers whether anything was.
    fn decide<R>(
        &mut self,
        now: Timestamp,
        decide: impl FnOnce(&Outreach, CustomerFacts<'_>, &Policy) -> Result<Vec<Fact>, R>,
    ) -> bool {
        let (Some(policy), Some(customer)) = (self.rules.at(now), &self.who) else {
            return false;
        };
        let zone = customer.zone.unwrap_or(self.question.zone);
        let Ok(facts) = decide(&self.lived.state, CustomerFacts::of(customer, zone), policy) else {
            return false;
        };
        for fact in &facts {
            self.note(fact, now);
            apply(&mut self.lived.state, fact, now);
        }
        !facts.is_empty()
    }

    fn note(&mut self, fact: &Fact, now: Timestamp) {
        let reasons = &mut self.lived.reasons;
        match fact {
            Fact::WishHeld { wish, receipt, .. } | Fact::WishDropped { wish, receipt } => {
                reasons.push((now, *wish, receipt.reason));
            }
            Fact::ContactPlanned {
                agenda, receipt, ..
            } if receipt.reason != Reason::Bundled => {
                reasons.extend(agenda.iter().map(|wish| (now, *wish, receipt.reason)));
            }
            Fact::ContactStarted { interaction, .. } => {
                let plan = self.lived.state.plan.as_ref();
                let wishes = plan.map_or_else(Vec::new, |plan| plan.agenda.clone());
                self.begin(now, *interaction, wishes);
            }
            Fact::PlanWithdrawn { plan, .. } => {
                let running = self.lived.state.in_flight;
                if running.is_some_and(|(running, _)| running == *plan)
                    && self.ending.take().is_some()
                {
                    self.lived.contacts.pop(); // nobody was contacted
                }
            }
            _ => {}
        }
    }

    /// A contact begins. It will end as the first real one did that said one of its wishes; one that was never made is
    /// thought to reach the customer, who takes note.
    fn begin(&mut self, now: Timestamp, interaction: InteractionId, wishes: Vec<WishId>) {
        let history = self.history;
        let alike = history
            .contacts
            .iter()
            .zip(&mut self.used)
            .find(|(real, used)| !**used && real.wishes.iter().any(|wish| wishes.contains(wish)));
        let (end, real) = match alike {
            Some((real, used)) => {
                *used = true;
                (real.end, Some(real))
            }
            None => {
                let (after, how) = (USUAL, How::Reached);
                (Some(End { after, how }), None)
            }
        };
        let said = |wish: &WishId| match real {
            Some(real) if real.wishes.contains(wish) => real.outcomes.get(wish).copied(),
            _ => Some(history.said_to(*wish).unwrap_or((Outcome::Informed, None))),
        };
        let outcomes = wishes.iter().filter_map(|wish| Some((*wish, said(wish)?)));
        self.ending = end.map(|end| Ending {
            at: now + end.after,
            interaction,
            how: end.how,
            outcomes: outcomes.collect(),
        });
        self.lived.contacts.push(Made { at: now, wishes });
    }

    fn finish(&mut self, now: Timestamp) {
        let Some(ending) = self.ending.take() else {
            return;
        };
        let (customer, on) = (self.customer, ending.interaction);
        match ending.how {
            // Called off by rules: whether they say so is asked anew. Withdrawn for the customer: that is an entry of its own.
            How::CalledOff | How::CustomerWasFaster => {
                let off = self.decide::<Rejection>(now, |state, facts, policy| {
                    Ok(state.call_off(on, customer, facts, policy, now))
                });
                if off {
                    self.lived.contacts.pop();
                }
            }
            How::Reached | How::Unreached => {
                let agent = self.history.agent;
                let agent = agent.unwrap_or_else(|| AgentId::from_uuid(Uuid::nil()));
                if ending.how == How::Reached {
                    for (wish, answer) in ending.outcomes {
                        self.decide(now, |state, _, _| {
                            state.record_outcome(wish, noted(answer, now), on, agent, now)
                        });
                    }
                }
                let reached = ending.how == How::Reached;
                self.decide::<Rejection>(now, |state, facts, policy| {
                    Ok(state.contact_ended(on, reached, customer, facts, policy, now))
                });
            }
        }
    }

    /// A slot, a hold or an expiry has come.
    fn fall_due(&mut self, now: Timestamp) {
        let started = self.decide(now, |state, facts, policy| {
            let plan = state.plan.as_ref().ok_or(Rejection::NotDue)?;
            state.start(plan, facts, policy, now)
        });
        if started || self.look(now) {
            (self.not_before, self.pause) = (now + AGAIN, AGAIN);
        } else {
            self.pause = (self.pause * 2).min(SELDOM);
            self.not_before = now + self.pause;
        }
    }

    fn look(&mut self, now: Timestamp) -> bool {
        let customer = self.customer;
        self.decide::<Rejection>(now, |state, facts, policy| {
            Ok(state.coordinate(customer, facts, policy, now))
        })
    }

    /// Something that happened, whatever the rules.
    fn take(&mut self, entry: &Entry) {
        let now = entry.at;
        match &entry.said {
            Said::Customer(fact) => {
                learn(&mut self.who, fact, now);
                self.look(now);
            }
            Said::Outreach(fact) => self.take_outreach(fact, now),
        }
    }

    fn take_outreach(&mut self, fact: &Fact, now: Timestamp) {
        let (customer, history) = (self.customer, self.history);
        match fact {
            // Decisions are taken anew.
            Fact::WishHeld { .. }
            | Fact::WishDropped { .. }
            | Fact::ContactPlanned { .. }
            | Fact::ContactStarted { .. } => {}
            Fact::PlanWithdrawn { why, .. } => match why {
                Withdrawal::CustomerContactedUs { interaction } => {
                    self.customer_contacts_us(*interaction, now);
                }
                Withdrawal::NothingToSay | Withdrawal::CustomerErased => {}
            },
            Fact::AgendaTakenUp { interaction, .. } => {
                self.customer_contacts_us(*interaction, now);
            }
            Fact::WishFiled(wish) => self.file(wish, now),
            // What is said by now, or was given up, is not changed any more.
            Fact::WishAmended(Wish { id, .. }) | Fact::WishWithdrawn { wish: id, .. } => {
                let known = self.lived.state.wishes.get(id);
                if known.is_some_and(WishState::is_pending) {
                    apply(&mut self.lived.state, fact, now);
                    self.look(now);
                }
            }
            Fact::WishesMoved { .. } | Fact::WishesReturned { .. } => self.move_wishes(fact, now),
            Fact::ContactNoted(_) => {
                apply(&mut self.lived.state, fact, now);
                self.look(now);
            }
            Fact::OutcomeRecorded {
                wish,
                outcome,
                not_before,
                interaction,
                agent,
                ..
            } => {
                if !history.began(*interaction) {
                    self.decide(now, |state, _, _| {
                        let answer = noted((*outcome, *not_before), now);
                        state.record_outcome(*wish, answer, *interaction, *agent, now)
                    });
                }
            }
            Fact::ContactEnded {
                interaction,
                reached,
                ..
            } => {
                if !history.began(*interaction) {
                    self.decide::<Rejection>(now, |state, facts, policy| {
                        Ok(state.contact_ended(
                            *interaction,
                            *reached,
                            customer,
                            facts,
                            policy,
                            now,
                        ))
                    });
                }
            }
            Fact::Closed {} => {
                self.ending = None;
                self.decide::<Rejection>(now, |state, _, policy| Ok(state.close(policy.version)));
            }
        }
    }

    fn file(&mut self, wish: &Wish, now: Timestamp) {
        let known = self.lived.state.wishes.get(&wish.id);
        // One that was moved away before comes back in this way.
        if known.is_none_or(|known| matches!(known.status, Status::Moved { .. })) {
            apply(&mut self.lived.state, &Fact::WishFiled(wish.clone()), now);
            self.look(now);
        }
    }

    /// Wishes go to another customer's outreach or come back, whatever the rules: those that have not ended in this replay.
    /// One that is being said is not said again here.
    fn move_wishes(&mut self, fact: &Fact, now: Timestamp) {
        let known = &self.lived.state.wishes;
        let mut fact = fact.clone();
        match &mut fact {
            Fact::WishesMoved {
                wishes, closing, ..
            } => {
                if *closing {
                    *wishes = known.keys().copied().collect();
                }
                wishes.retain(|wish| known.get(wish).is_some_and(|state| !state.is_settled()));
            }
            Fact::WishesReturned { wishes, .. } => wishes.retain(|wish| {
                let state = known.get(wish);
                state.is_some_and(|state| matches!(state.status, Status::Moved { .. }))
            }),
            _ => return,
        }
        apply(&mut self.lived.state, &fact, now);
        self.look(now);
    }

    fn customer_contacts_us(&mut self, on: InteractionId, now: Timestamp) {
        // Whether an agent had taken our own contact by then is not told by these facts; that both meet is rare.
        self.decide::<Rejection>(now, |state, facts, policy| {
            Ok(state.customer_contacted_us(on, false, facts, policy, now))
        });
    }
}
