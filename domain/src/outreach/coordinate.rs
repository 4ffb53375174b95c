//! The coordinator: from all wishes that pass the gates, one contact.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use crate::channel::Channel;
use crate::id::{CustomerId, PlanId, WishId};
use crate::outreach::bundle::{self, Topic};
use crate::outreach::gate::{Gates, Opening, Verdict, is_live};
use crate::outreach::priority::Factors;
use crate::outreach::{
    CustomerFacts, Fact, Outreach, Reason, Receipt, Status, WishClass, WishState, Withdrawal,
};
use crate::policy::{ContactPolicy, Policy};
use crate::time::Timestamp;

/// How many wishes are tried as the one that a contact is made for, when none of the first is worth its cost.
const ANCHORS: usize = 8;

/// A wish that passed every gate.
pub(super) struct Candidate<'a> {
    pub state: &'a WishState,
    pub factors: Factors,
    pub priority: u64,
    channels: Vec<Channel>,
    earliest: Timestamp,
    because: Option<Reason>,
}

/// What one contact would be.
struct Bundle<'a, 'b> {
    channel: Channel,
    slot: Timestamp,
    /// The wish it is made for first, then the others by their priority.
    chosen: Vec<&'b Candidate<'a>>,
}

impl<'a> Candidate<'a> {
    /// A wish that may be said on a contact that is there already.
    pub fn here(state: &'a WishState, gates: &Gates<'a>) -> Self {
        let factors = Factors::of(state, gates.facts, &gates.policy.rules, gates.now);
        Self {
            state,
            factors,
            priority: factors.priority(),
            channels: vec![],
            earliest: gates.now,
            because: None,
        }
    }

    pub fn id(&self) -> WishId {
        self.state.wish.id
    }

    fn topic(&self, live: bool) -> Topic {
        let wish = &self.state.wish;
        Topic {
            mandatory: wish.class == WishClass::Mandatory,
            worth: wish.worth(),
            // What is read takes nobody's time.
            seconds: if live { wish.expected_seconds } else { 0 },
        }
    }
}

/// The order in which wishes come: by priority, then by id.
pub(super) fn rank(candidates: &mut [Candidate<'_>]) {
    candidates.sort_by_key(|candidate| (Reverse(candidate.priority), candidate.id()));
}

/// The anchor and what comes along with it: at most as many topics and seconds as the policy has, worth most together.
pub(super) fn fill<'a, 'b>(
    anchor: &'b Candidate<'a>,
    others: &[&'b Candidate<'a>],
    rules: &ContactPolicy,
    live: bool,
) -> Vec<&'b Candidate<'a>> {
    let mut chosen = vec![anchor];
    if anchor.state.wish.bundle {
        let others: Vec<_> = others
            .iter()
            .filter(|other| other.state.wish.bundle && other.id() != anchor.id())
            .collect();
        let topics: Vec<Topic> = others.iter().map(|other| other.topic(live)).collect();
        let most = usize::from(rules.max_agenda.saturating_sub(1));
        // Whatever the anchor takes is taken: a long topic is said, alone if need be.
        let left = rules
            .max_agenda_seconds
            .saturating_sub(anchor.topic(live).seconds);
        chosen.extend(
            bundle::choose(&topics, most, left)
                .into_iter()
                .map(|place| *others[place]),
        );
    }
    chosen
}

/// What must be said comes first, then service, then offers; in each class by priority, then by id.
pub(super) fn in_order(chosen: &[&Candidate<'_>]) -> Vec<WishId> {
    let mut agenda = chosen.to_vec();
    agenda.sort_by_key(|one| (one.state.wish.class, Reverse(one.priority), one.id()));
    agenda.into_iter().map(Candidate::id).collect()
}

pub(super) fn scores(candidates: &[&Candidate<'_>]) -> BTreeMap<WishId, u64> {
    candidates
        .iter()
        .map(|one| (one.id(), one.priority))
        .collect()
}

impl<'a, 'b> Bundle<'a, 'b> {
    /// What a contact for this wish would carry.
    fn around(
        anchor: &'b Candidate<'a>,
        passed: &'b [Candidate<'a>],
        gates: &Gates<'a>,
    ) -> Option<Self> {
        let channel = *anchor.channels.first()?;
        let slot = anchor.earliest;
        let others: Vec<_> = passed
            .iter()
            .filter(|other| unfit(other, channel, slot, gates).is_none())
            .collect();
        Some(Self {
            channel,
            slot,
            chosen: fill(anchor, &others, &gates.policy.rules, is_live(channel)),
        })
    }

    /// Whether the contact is worth what it costs, or must be made anyway.
    fn pays(&self, rules: &ContactPolicy) -> bool {
        let wishes = || self.chosen.iter().map(|one| &one.state.wish);
        let worth: u128 = wishes().map(|wish| u128::from(wish.worth())).sum();
        worth >= u128::from(rules.cost(self.channel)) * 1_000
            || wishes().any(|wish| wish.class == WishClass::Mandatory)
    }

    /// Why a wish that passed the gates is not part of it.
    fn without(&self, other: &Candidate<'_>, gates: &Gates<'_>) -> Reason {
        let rules = &gates.policy.rules;
        if let Some(reason) = unfit(other, self.channel, self.slot, gates) {
            return reason;
        }
        let alone = self
            .chosen
            .first()
            .is_some_and(|anchor| !anchor.state.wish.bundle);
        if alone || !other.state.wish.bundle {
            return Reason::SaidAlone;
        }
        if self.chosen.len() < rules.max_agenda.into() {
            Reason::AgendaTime
        } else {
            Reason::AgendaFull
        }
    }
}

/// Why a wish cannot be said by this channel at this slot.
fn unfit(
    other: &Candidate<'_>,
    channel: Channel,
    slot: Timestamp,
    gates: &Gates<'_>,
) -> Option<Reason> {
    if !other.channels.contains(&channel) {
        return Some(Reason::OtherChannel);
    }
    let wish = &other.state.wish;
    let open = matches!(gates.opening(wish.class, slot), Opening::Open(at, _) if at == slot);
    (!open || slot >= wish.expires_at).then_some(Reason::OtherSlot)
}

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
        let slot = self
            .plan
            .as_ref()
            .map_or(gathered, |plan| plan.slot.max(now));
        let gates = Gates::new(self, facts, policy, now, slot);
        let mut decisions = vec![];
        let mut passed = self.judged(&gates, &mut decisions);
        rank(&mut passed);
        let Some(bundle) = best(&passed, &gates) else {
            for one in &passed {
                self.hold(one, Reason::NotWorthIt, &[], &gates, &mut decisions);
            }
            if let Some(plan) = &self.plan {
                let receipt = self.receipt(&gates, Reason::NothingToSay, BTreeMap::new());
                decisions.push(Fact::PlanWithdrawn {
                    plan: plan.id,
                    why: Withdrawal::NothingToSay,
                    receipt,
                });
            }
            return decisions;
        };
        for one in &passed {
            if bundle.chosen.iter().all(|chosen| chosen.id() != one.id()) {
                let reason = bundle.without(one, &gates);
                self.hold(one, reason, &bundle.chosen, &gates, &mut decisions);
            }
        }
        decisions.extend(self.planned(customer, &bundle, &gates));
        decisions
    }

    /// The wishes that pass the gates; what becomes of the others is added to the decisions.
    fn judged<'a>(&'a self, gates: &Gates<'a>, decisions: &mut Vec<Fact>) -> Vec<Candidate<'a>> {
        let mut passed = vec![];
        for state in self.wishes.values().filter(|state| state.is_pending()) {
            let wish = state.wish.id;
            match gates.judge(state) {
                Verdict::Pass {
                    channels,
                    earliest,
                    because,
                } => passed.push(Candidate {
                    channels,
                    earliest,
                    because,
                    ..Candidate::here(state, gates)
                }),
                Verdict::Hold { until, reason } => {
                    if state.status != (Status::Held { until, reason }) {
                        let receipt = self.receipt_of(state, gates, reason, BTreeMap::new());
                        decisions.push(Fact::WishHeld {
                            wish,
                            until,
                            receipt,
                        });
                    }
                }
                Verdict::Drop { reason } => {
                    let receipt = self.receipt_of(state, gates, reason, BTreeMap::new());
                    decisions.push(Fact::WishDropped { wish, receipt });
                }
            }
        }
        passed
    }

    /// A wish that passed the gates waits for another contact than the one that is planned.
    fn hold(
        &self,
        one: &Candidate<'_>,
        reason: Reason,
        winners: &[&Candidate<'_>],
        gates: &Gates<'_>,
        decisions: &mut Vec<Fact>,
    ) {
        let until = None;
        if one.state.status != (Status::Held { until, reason }) {
            let mut scores = scores(winners);
            scores.insert(one.id(), one.priority);
            let mut receipt = self.receipt_of(one.state, gates, reason, scores);
            note_factors(&mut receipt, std::iter::once(one));
            decisions.push(Fact::WishHeld {
                wish: one.id(),
                until,
                receipt,
            });
        }
    }

    /// The plan, when it is not the one there is.
    fn planned(
        &self,
        customer: CustomerId,
        bundle: &Bundle<'_, '_>,
        gates: &Gates<'_>,
    ) -> Option<Fact> {
        let now = gates.now;
        // A slot that has come stays what it was: due is due, and a later look adds nothing.
        let due = self.plan.as_ref().map(|plan| plan.slot);
        let slot = due
            .filter(|due| *due <= now && bundle.slot <= now)
            .unwrap_or(bundle.slot);
        let (agenda, channel) = (in_order(&bundle.chosen), bundle.channel);
        let same = self
            .plan
            .as_ref()
            .is_some_and(|p| p.agenda == agenda && p.channel == channel && p.slot == slot);
        if same {
            return None;
        }
        let next = || PlanId::derived(customer.as_uuid(), &format!("plan/{}", self.plans_made));
        let plan = self.plan.as_ref().map_or_else(next, |plan| plan.id);
        let because = bundle.chosen.iter().find_map(|one| one.because);
        let reason = because.unwrap_or(Reason::Bundled);
        let mut receipt = self.receipt(gates, reason, scores(&bundle.chosen));
        note_factors(&mut receipt, bundle.chosen.iter().copied());
        Some(Fact::ContactPlanned {
            plan,
            channel,
            slot,
            agenda,
            receipt,
        })
    }
}

/// The contact of the wish with the highest priority. Who cannot wait sets the pace: a wish whose window closes before a
/// contact for another could be made goes before it.
fn best<'a, 'b>(passed: &'b [Candidate<'a>], gates: &Gates<'a>) -> Option<Bundle<'a, 'b>> {
    let closes = passed.iter().map(|one| one.state.wish.expires_at).min()?;
    passed
        .iter()
        .filter(|one| one.earliest < closes)
        .take(ANCHORS)
        .filter_map(|anchor| Bundle::around(anchor, passed, gates))
        .find(|bundle| bundle.pays(&gates.policy.rules))
}

/// How each priority came about.
pub(super) fn note_factors<'a: 'b, 'b>(
    receipt: &mut Receipt,
    candidates: impl Iterator<Item = &'b Candidate<'a>>,
) {
    let factors = candidates.map(|one| (format!("factors.{}", one.id()), one.factors.to_string()));
    receipt.inputs.extend(factors);
}
