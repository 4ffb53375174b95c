//! What may happen in the outreach to one customer.

use std::collections::BTreeMap;

use crate::aggregate::Aggregate;
use crate::event::Revision;
use crate::id::{AgentId, CustomerId, InteractionId, WishId};
use crate::outreach::book::MOST_PENDING;
use crate::outreach::coordinate::{Candidate, fill, in_order, note_factors, rank, scores};
use crate::outreach::gate::{Gates, Verdict};
use crate::outreach::{
    CustomerFacts, Fact, Outcome, Outreach, Plan, Reason, Receipt, Status, Withdrawal,
};
use crate::policy::Policy;
use crate::private::Private;
use crate::time::Timestamp;

/// What an agent notes about a wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    /// What came of it.
    pub outcome: Outcome,
    /// With [`Outcome::Later`]: when the customer wants to hear of it again.
    pub not_before: Option<Timestamp>,
    /// In the agent's words, for the department.
    pub note: Option<Private<String>>,
}

impl From<Outcome> for Noted {
    fn from(outcome: Outcome) -> Self {
        Self {
            outcome,
            not_before: None,
            note: None,
        }
    }
}

/// Why a request is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// No such wish was filed for this customer.
    #[error("there is no such wish for this customer")]
    UnknownWish,
    /// The wish is not on the agenda of that contact.
    #[error("the wish is not on the agenda of this contact")]
    NotOnAgenda,
    /// The plan was changed, withdrawn, or another contact is in flight.
    #[error("the plan is not due")]
    NotDue,
    /// The window has no future.
    #[error("`expires_at` must lie in the future and after `not_before`")]
    EmptyWindow,
    /// The time that goes with `later` is none.
    #[error("`not_before` goes with `later`, and must lie ahead and before the wish expires")]
    NoSuchLater,
    /// The wish is on the agenda of a contact in flight, the customer's or ours.
    #[error("the wish is on the agenda of a contact in flight")]
    BeingSaid,
    /// The wish has ended.
    #[error("the wish has ended")]
    Settled,
    /// So many wishes wait for this customer that another one has no chance.
    #[error("{MOST_PENDING} wishes wait for this customer; withdraw one first")]
    BookFull,
    /// The customer was erased.
    #[error("this customer was erased; nothing can be wanted of them")]
    Closed,
    /// The customer is merged into another, or was a moment ago.
    #[error("what is wanted of this customer is moving to another's outreach; try again")]
    HandedOver,
    /// We talk to the customer, or are about to.
    #[error("a contact with this customer is not over; try again when it is")]
    BeingContacted,
}

pub(super) type Decision = Result<Vec<Fact>, Rejection>;

impl Outreach {
    /// The plan's slot has come: the contact becomes work. Every gate is asked again at this moment.
    ///
    /// # Errors
    /// [`Rejection::NotDue`] when there is no plan, its slot has not come, or a gate closed in the meantime: then
    /// [`Outreach::coordinate`] says what becomes of it.
    pub fn start(
        &self,
        plan: &Plan,
        facts: CustomerFacts<'_>,
        policy: &Policy,
        now: Timestamp,
    ) -> Decision {
        let interaction = Self::interaction_of(plan);
        if self.in_flight == Some((plan.id, interaction)) {
            return Ok(vec![]);
        }
        if self.plan.as_ref() != Some(plan) || self.in_flight.is_some() || now < plan.slot {
            return Err(Rejection::NotDue);
        }
        let gates = Gates::new(self, facts, policy, now, now);
        let passes = |wish: &WishId| {
            let verdict = self.wishes.get(wish).map(|state| gates.judge(state));
            matches!(verdict, Some(Verdict::Pass { channels, earliest, .. })
                if channels.contains(&plan.channel) && earliest <= now)
        };
        if !plan.agenda.iter().all(passes) {
            return Err(Rejection::NotDue);
        }
        let said = plan.agenda.iter().filter_map(|wish| self.wishes.get(wish));
        let said: Vec<Candidate<'_>> = said.map(|state| Candidate::here(state, &gates)).collect();
        let chosen: Vec<&Candidate<'_>> = said.iter().collect();
        let mut receipt = self.receipt(&gates, Reason::Bundled, scores(&chosen));
        note_factors(&mut receipt, said.iter());
        Ok(vec![Fact::ContactStarted {
            plan: plan.id,
            interaction,
            receipt,
        }])
    }

    /// The interaction that carries out a plan: its id follows from the plan's, so it is begun once.
    #[must_use]
    pub fn interaction_of(plan: &Plan) -> InteractionId {
        InteractionId::derived(plan.id.as_uuid(), "interaction")
    }

    /// Whether the customer may be dialled for this contact now: it is the one in flight.
    #[must_use]
    pub fn may_dial(&self, interaction: InteractionId) -> bool {
        self.in_flight
            .is_some_and(|(_, running)| running == interaction)
    }

    /// A contact that became work and may not be made any more (see [`Outreach::may_dial_now`]) is called off; its wishes
    /// wait again or are dropped, and nobody was contacted.
    #[must_use]
    pub fn call_off(
        &self,
        interaction: InteractionId,
        customer: CustomerId,
        facts: CustomerFacts<'_>,
        policy: &Policy,
        now: Timestamp,
    ) -> Vec<Fact> {
        let Some((plan, _)) = self
            .in_flight
            .filter(|(_, running)| *running == interaction)
        else {
            return vec![];
        };
        let gates = Gates::new(self, facts, policy, now, now);
        let receipt = self.receipt(&gates, Reason::NothingToSay, BTreeMap::new());
        let withdrawn = Fact::PlanWithdrawn {
            plan,
            why: Withdrawal::NothingToSay,
            receipt,
        };
        self.then_coordinate(vec![withdrawn], customer, facts, policy, now)
    }

    /// The customer contacts us first. What waits to be said is said there, and the plan, even one that already became
    /// work, is withdrawn in the same append. `talking` is true once an agent has taken the outbound contact: then it
    /// goes on, with its agenda.
    #[must_use]
    pub fn customer_contacted_us(
        &self,
        interaction: InteractionId,
        talking: bool,
        facts: CustomerFacts<'_>,
        policy: &Policy,
        now: Timestamp,
    ) -> Vec<Fact> {
        let taken = |status: &Status| *status == Status::InContact { interaction };
        if self.wishes.values().any(|state| taken(&state.status)) {
            return vec![]; // this contact has its agenda
        }
        let running = self.in_flight.filter(|_| !talking);
        let gates = Gates::new(self, facts, policy, now, now);
        let mut candidates: Vec<_> = self
            .wishes
            .values()
            .filter(|state| {
                let in_running = running
                    .is_some_and(|(_, on)| state.status == Status::InContact { interaction: on });
                state.is_pending() || in_running
            })
            .filter(|state| {
                now < state.wish.expires_at && state.wish.not_before.is_none_or(|from| from <= now)
            })
            .filter(|state| match gates.judge(state) {
                // What may not be said at all is not said here either. Quiet hours and caps are about disturbing.
                Verdict::Drop { reason } => reason == Reason::Expired,
                Verdict::Pass { .. } | Verdict::Hold { .. } => gates.silenced(state).is_none(),
            })
            .map(|state| Candidate::here(state, &gates))
            .collect();
        rank(&mut candidates);
        let all: Vec<&Candidate<'_>> = candidates.iter().collect();
        let chosen = all
            .first()
            .map(|anchor| fill(anchor, &all, &policy.rules, true))
            .unwrap_or_default();
        let (agenda, scores) = (in_order(&chosen), scores(&chosen));
        let mut decisions = vec![];
        let planned = self
            .plan
            .as_ref()
            .map(|plan| plan.id)
            .or(running.map(|(plan, _)| plan));
        if let Some(plan) = planned {
            let receipt = self.receipt(&gates, Reason::CustomerContactedUs, scores.clone());
            decisions.push(Fact::PlanWithdrawn {
                plan,
                why: Withdrawal::CustomerContactedUs { interaction },
                receipt,
            });
        }
        if !agenda.is_empty() {
            let mut receipt = self.receipt(&gates, Reason::CustomerContactedUs, scores);
            note_factors(&mut receipt, chosen.iter().copied());
            decisions.push(Fact::AgendaTakenUp {
                interaction,
                agenda,
                receipt,
            });
        }
        decisions
    }

    /// An agent notes what came of a wish; noting something else on the same contact corrects it. `not_before` goes with
    /// [`Outcome::Later`]: when the customer wants to hear of it again.
    ///
    /// # Errors
    /// [`Rejection::UnknownWish`], [`Rejection::NotOnAgenda`], [`Rejection::NoSuchLater`] when that time is not ahead and
    /// within the wish's window, or [`Rejection::Closed`] once the customer was erased.
    pub fn record_outcome(
        &self,
        wish: WishId,
        outcome: Noted,
        interaction: InteractionId,
        agent: AgentId,
        now: Timestamp,
    ) -> Decision {
        let Noted {
            outcome,
            not_before,
            note,
        } = outcome;
        let state = self.wishes.get(&wish).ok_or(Rejection::UnknownWish)?;
        match state.status {
            Status::Done {
                outcome: known,
                interaction: on,
            } if on == interaction && known == outcome && state.asked_for == not_before => {
                Ok(vec![])
            }
            _ if self.closed => Err(Rejection::Closed),
            Status::InContact { interaction: on }
            | Status::Done {
                interaction: on, ..
            } if on == interaction => {
                let within = |at: Timestamp| {
                    outcome == Outcome::Later && now < at && at < state.wish.expires_at
                };
                if !not_before.is_none_or(within) {
                    return Err(Rejection::NoSuchLater);
                }
                Ok(vec![Fact::OutcomeRecorded {
                    wish,
                    outcome,
                    not_before,
                    interaction,
                    agent,
                    note,
                }])
            }
            _ => Err(Rejection::NotOnAgenda),
        }
    }

    /// A contact is over. Wishes without an outcome, or with `later`, wait again; the coordinator decides on them in
    /// the same append.
    #[must_use]
    pub fn contact_ended(
        &self,
        interaction: InteractionId,
        reached: bool,
        customer: CustomerId,
        facts: CustomerFacts<'_>,
        policy: &Policy,
        now: Timestamp,
    ) -> Vec<Fact> {
        let returned: Vec<WishId> = self
            .wishes
            .values()
            .filter(|state| state.is_unsettled_on(interaction))
            .map(|state| state.wish.id)
            .collect();
        let was_in_flight = self
            .in_flight
            .is_some_and(|(_, running)| running == interaction);
        if returned.is_empty() && !was_in_flight {
            // Wishes may have waited for the end of a contact on which everything was settled.
            return self.coordinate(customer, facts, policy, now);
        }
        let ended = Fact::ContactEnded {
            interaction,
            reached,
            returned,
        };
        self.then_coordinate(vec![ended], customer, facts, policy, now)
    }

    /// The customer was erased: the plan, even one that became work, is withdrawn, and every wish that is not settled is
    /// dropped, with a receipt that says so. Nothing is taken in afterwards; asked again, it changes nothing.
    #[must_use]
    pub fn close(&self, policy_version: u64) -> Vec<Fact> {
        if self.closed {
            return vec![];
        }
        let unsettled: Vec<WishId> = self
            .wishes
            .values()
            .filter(|state| !state.is_settled())
            .map(|state| state.wish.id)
            .collect();
        let receipt = || Receipt {
            policy_version,
            reason: Reason::CustomerErased,
            inputs: BTreeMap::from([("pending_wishes".to_owned(), unsettled.len().to_string())]),
            scores: BTreeMap::new(),
        };
        let planned = self.plan.as_ref().map(|plan| plan.id);
        let running = self.in_flight.map(|(plan, _)| plan);
        let mut facts: Vec<Fact> = [running, planned]
            .into_iter()
            .flatten()
            .map(|plan| Fact::PlanWithdrawn {
                plan,
                why: Withdrawal::CustomerErased,
                receipt: receipt(),
            })
            .collect();
        facts.extend(unsettled.iter().map(|wish| Fact::WishDropped {
            wish: *wish,
            receipt: receipt(),
        }));
        facts.push(Fact::Closed {});
        facts
    }

    /// The facts, and what the coordinator says once they are true.
    pub(super) fn then_coordinate(
        &self,
        mut facts_so_far: Vec<Fact>,
        customer: CustomerId,
        facts: CustomerFacts<'_>,
        policy: &Policy,
        now: Timestamp,
    ) -> Vec<Fact> {
        let mut after = self.clone();
        for fact in &facts_so_far {
            after.apply(fact, now, Revision::FIRST);
        }
        facts_so_far.extend(after.coordinate(customer, facts, policy, now));
        facts_so_far
    }
}
