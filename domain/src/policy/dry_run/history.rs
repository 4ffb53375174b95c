//! What really came of the contacts of these days: a replay that makes the same contact lets it end in the same way.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::id::{AgentId, InteractionId, WishId};
use crate::outreach::{Fact, Outcome, Outreach, Withdrawal};
use crate::policy::dry_run::{Entry, Said, simulate};
use crate::time::Timestamp;

/// What a customer said to a wish, and when they want to hear of it again.
pub type Answer = (Outcome, Option<Timestamp>);

/// A contact that was made.
#[derive(Clone, Debug)]
pub struct Real {
    pub interaction: InteractionId,
    pub at: Timestamp,
    pub wishes: Vec<WishId>,
    pub outcomes: BTreeMap<WishId, Answer>,
    pub end: Option<End>,
}

/// How a contact ended, and how long after its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    pub after: Duration,
    pub how: How,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Reached,
    Unreached,
    /// It was called off before anybody was dialled.
    CalledOff,
    /// The customer contacted us before that.
    CustomerWasFaster,
}

/// The contacts of these days, in their order.
#[derive(Debug, Default)]
pub struct History {
    pub contacts: Vec<Real>,
    /// Who notes outcomes in a replay.
    pub agent: Option<AgentId>,
}

impl History {
    pub fn of(before: &Outreach, within: &[Entry]) -> Self {
        let (mut history, mut state) = (Self::default(), before.clone());
        for entry in within {
            let Said::Outreach(fact) = &entry.said else {
                continue;
            };
            history.take(&state, fact, entry.at);
            simulate::apply(&mut state, fact, entry.at);
        }
        history
    }

    fn take(&mut self, state: &Outreach, fact: &Fact, at: Timestamp) {
        match fact {
            Fact::ContactStarted { interaction, .. } => self.contacts.push(Real {
                interaction: *interaction,
                at,
                wishes: state
                    .plan
                    .as_ref()
                    .map_or_else(Vec::new, |plan| plan.agenda.clone()),
                outcomes: BTreeMap::new(),
                end: None,
            }),
            Fact::OutcomeRecorded {
                wish,
                outcome,
                not_before,
                interaction,
                agent,
                ..
            } => {
                self.agent = Some(*agent);
                if let Some(real) = self.find(*interaction) {
                    real.outcomes.insert(*wish, (*outcome, *not_before));
                }
            }
            Fact::ContactEnded {
                interaction,
                reached,
                ..
            } => {
                let how = if *reached {
                    How::Reached
                } else {
                    How::Unreached
                };
                self.end(*interaction, at, how);
            }
            Fact::PlanWithdrawn { plan, why, .. } => {
                if let Some((running, interaction)) = state.in_flight
                    && running == *plan
                {
                    let how = match why {
                        Withdrawal::CustomerContactedUs { .. } => How::CustomerWasFaster,
                        Withdrawal::NothingToSay | Withdrawal::CustomerErased => How::CalledOff,
                    };
                    self.end(interaction, at, how);
                }
            }
            _ => {}
        }
    }

    fn find(&mut self, interaction: InteractionId) -> Option<&mut Real> {
        self.contacts
            .iter_mut()
            .find(|real| real.interaction == interaction)
    }

    fn end(&mut self, interaction: InteractionId, at: Timestamp, how: How) {
        if let Some(real) = self.find(interaction) {
            let after = at.since(real.at);
            real.end = Some(End { after, how });
        }
    }

    /// Whether a contact of ours began within these days.
    pub fn began(&self, interaction: InteractionId) -> bool {
        self.contacts
            .iter()
            .any(|real| real.interaction == interaction)
    }

    /// The contacts that were made, without those that came to nothing before anybody was dialled.
    pub fn made(&self) -> impl Iterator<Item = &Real> {
        self.contacts.iter().filter(|real| {
            !real
                .end
                .is_some_and(|end| matches!(end.how, How::CalledOff | How::CustomerWasFaster))
        })
    }

    /// What the customer said to a wish, on any contact of these days.
    pub fn said_to(&self, wish: WishId) -> Option<Answer> {
        self.contacts
            .iter()
            .find_map(|real| real.outcomes.get(&wish).copied())
    }
}
