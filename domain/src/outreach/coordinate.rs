//! The coordinator: from all wishes that pass the gates, one contact.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::channel::Channel;
use crate::id::{CustomerId, PlanId, WishId};
use crate::outreach::{
    CustomerFacts, Fact, Outreach, Reason, Receipt, Status, Verdict, WishState, Withdrawal,
};
use crate::policy::Policy;
use crate::time::Timestamp;

impl Outreach {
    /// Looks at every wish that waits and says what changes: holds, drops, and the one plan. Says nothing when
    /// nothing changes, so it may be asked at any time.
    #[must_use]
    pub fn coordinate(
        &self,
        customer: CustomerId,
        facts: CustomerFacts<'_>,
        policy: &Policy,
        now: Timestamp,
    ) -> Vec<Fact> {
        let gathered = now + Duration::from_secs(policy.rules.gather_seconds.into());
        // A plan keeps its slot while wishes join it: gathering counts from the first one.
        let earliest_slot = self
            .plan
            .as_ref()
            .map_or(gathered, |plan| plan.slot.max(now));
        let mut decisions = vec![];
        let mut passed: Vec<(&WishState, Channel, Timestamp, Option<Reason>, u64)> = vec![];
        for state in self.wishes.values().filter(|state| state.is_pending()) {
            match self.judge(state, facts, policy, now, earliest_slot) {
                Verdict::Pass {
                    channel,
                    earliest,
                    because,
                } => {
                    passed.push((state, channel, earliest, because, score(state, now)));
                }
                Verdict::Hold { until, reason } => {
                    if state.status != (Status::Held { until, reason }) {
                        let receipt = self.receipt(policy, facts, reason, BTreeMap::new());
                        decisions.push(Fact::WishHeld {
                            wish: state.wish.id,
                            until,
                            receipt,
                        });
                    }
                }
                Verdict::Drop { reason } => {
                    let receipt = self.receipt(policy, facts, reason, BTreeMap::new());
                    decisions.push(Fact::WishDropped {
                        wish: state.wish.id,
                        receipt,
                    });
                }
            }
        }
        passed.sort_by_key(|(state, .., score)| (std::cmp::Reverse(*score), state.wish.id));
        let scores: BTreeMap<WishId, u64> = passed
            .iter()
            .map(|(state, .., score)| (state.wish.id, *score))
            .collect();
        // The most valuable wish chooses the channel; those that share it come along.
        let Some((_, channel, ..)) = passed.first().copied() else {
            if let Some(plan) = &self.plan {
                let receipt = self.receipt(policy, facts, Reason::NothingToSay, scores);
                decisions.push(Fact::PlanWithdrawn {
                    plan: plan.id,
                    why: Withdrawal::NothingToSay,
                    receipt,
                });
            }
            return decisions;
        };
        let (fitting, other): (Vec<_>, Vec<_>) =
            passed.into_iter().partition(|(_, by, ..)| *by == channel);
        let room = usize::from(policy.rules.max_agenda.max(1)).min(fitting.len());
        let (chosen, left) = fitting.split_at(room);
        for (state, ..) in left.iter().chain(&other) {
            let reason = Reason::AgendaFull;
            if state.status
                != (Status::Held {
                    until: None,
                    reason,
                })
            {
                let receipt = self.receipt(policy, facts, reason, scores.clone());
                decisions.push(Fact::WishHeld {
                    wish: state.wish.id,
                    until: None,
                    receipt,
                });
            }
        }
        let slot = chosen
            .iter()
            .map(|(_, _, earliest, ..)| *earliest)
            .max()
            .unwrap_or(earliest_slot);
        // Whoever cannot wait sets the pace.
        let closes = chosen.iter().map(|(state, ..)| state.wish.expires_at).min();
        let soonest = chosen.iter().map(|(_, _, earliest, ..)| *earliest).min();
        let slot = match (closes, soonest) {
            (Some(closes), Some(soonest)) if slot >= closes => soonest,
            _ => slot,
        };
        // A slot that has come stays what it was: due is due, and a later look adds nothing.
        let slot = self
            .plan
            .as_ref()
            .map(|plan| plan.slot)
            .filter(|due| *due <= now && slot <= now)
            .unwrap_or(slot);
        let reason = chosen
            .iter()
            .find_map(|(_, _, _, because, _)| *because)
            .unwrap_or(Reason::Bundled);
        // What must be said comes first, then service, then offers.
        let mut agenda: Vec<_> = chosen
            .iter()
            .map(|(state, .., score)| (*state, *score))
            .collect();
        agenda.sort_by_key(|(state, score)| {
            (state.wish.class, std::cmp::Reverse(*score), state.wish.id)
        });
        let agenda: Vec<WishId> = agenda.into_iter().map(|(state, _)| state.wish.id).collect();
        let same = self
            .plan
            .as_ref()
            .is_some_and(|p| p.agenda == agenda && p.channel == channel && p.slot == slot);
        if !same {
            let next = || PlanId::derived(customer.as_uuid(), &format!("plan/{}", self.plans_made));
            let plan = self.plan.as_ref().map_or_else(next, |plan| plan.id);
            let receipt = self.receipt(policy, facts, reason, scores);
            decisions.push(Fact::ContactPlanned {
                plan,
                channel,
                slot,
                agenda,
                receipt,
            });
        }
        decisions
    }

    /// A receipt with what every decision looks at.
    pub(super) fn receipt(
        &self,
        policy: &Policy,
        facts: CustomerFacts<'_>,
        reason: Reason,
        scores: BTreeMap<WishId, u64>,
    ) -> Receipt {
        let pending = self
            .wishes
            .values()
            .filter(|state| state.is_pending())
            .count();
        let inputs = BTreeMap::from([
            ("pending_wishes".to_owned(), pending.to_string()),
            (
                "contact_in_flight".to_owned(),
                self.is_being_contacted().to_string(),
            ),
            (
                "do_not_contact".to_owned(),
                facts.customer.do_not_contact.to_string(),
            ),
            ("customer_zone".to_owned(), facts.zone.name().to_owned()),
            (
                "contacts_remembered".to_owned(),
                self.contacts.len().to_string(),
            ),
        ]);
        Receipt {
            policy_version: policy.version,
            reason,
            inputs,
            scores,
        }
    }
}

/// Value times urgency: a wish counts up to twice its value as its window closes. Plain numbers that anyone can
/// check by hand; 1,000 is value 1 without urgency.
pub(super) fn score(state: &WishState, now: Timestamp) -> u64 {
    let window = state.wish.expires_at.since(state.filed_at).as_secs().max(1);
    let left = state.wish.expires_at.since(now).as_secs().min(window);
    let urgency = 1_000 + 1_000 * (window - left) / window;
    u64::from(state.wish.value) * urgency
}
