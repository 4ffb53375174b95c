//! What must hold whatever departments, customers, clocks and other nodes do.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::histories::{any_step, play};
use super::*;
use crate::aggregate::{self, Aggregate};

/// Whether a contact may be made under these caps and this gap, counted from scratch.
fn has_room(made: &[Timestamp], rules: &ContactPolicy, at: Timestamp) -> bool {
    let today = zone().local(at).day;
    let gap = Duration::from_secs(rules.min_gap_seconds.into());
    let within = |days: u32| {
        let first = today - i32::try_from(days).unwrap() + 1;
        made.iter()
            .filter(|at| zone().local(**at).day >= first)
            .count()
    };
    made.iter().all(|earlier| *earlier + gap <= at)
        && rules
            .windows()
            .all(|cap| within(cap.days) < cap.contacts as usize)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn at_most_one_outreach_contact_is_in_flight(steps in prop::collection::vec(any_step(), 0..120)) {
        let (_, appends) = play(&steps);
        let mut running = None;
        for fact in appends.iter().flat_map(|append| &append.facts) {
            match fact {
                Fact::ContactStarted { plan, interaction, .. } => {
                    prop_assert_eq!(running, None);
                    running = Some((*plan, *interaction));
                }
                Fact::ContactEnded { interaction, .. } => { running.take_if(|(_, on)| on == interaction); }
                Fact::PlanWithdrawn { plan, .. } => { running.take_if(|(started, _)| started == plan); }
                _ => {}
            }
        }
    }

    #[test]
    fn no_contact_starts_against_quiet_hours_holidays_caps_consent_refusals_or_complaints(
        steps in prop::collection::vec(any_step(), 0..160)
    ) {
        let (story, appends) = play(&steps);
        let rules = &story.policy.rules;
        let silence = Duration::from_secs(86_400) * rules.refusal_silence_days;
        let mut state = Outreach::default();
        // Every contact by its name, and what was said of each wish last.
        let mut made: Vec<(Uuid, Timestamp)> = vec![];
        let mut said: BTreeMap<WishId, (Outcome, Timestamp)> = BTreeMap::new();
        for append in &appends {
            for fact in &append.facts {
                if let Fact::ContactStarted { plan, interaction, .. } = fact {
                    let local = zone().local(append.at);
                    prop_assert!(!rules.is_quiet(local), "at minute {}", local.minute);
                    let known = state.plan.clone().unwrap();
                    prop_assert_eq!(known.id, *plan);
                    prop_assert!(known.agenda.len() <= rules.max_agenda.into() && !known.agenda.is_empty());
                    let wishes: Vec<&Wish> = known.agenda.iter().map(|wish| &state.wishes[wish].wish).collect();
                    let seconds: u32 = wishes.iter().map(|wish| wish.expected_seconds).sum();
                    prop_assert!(seconds <= rules.max_agenda_seconds || wishes.len() == 1);
                    prop_assert!(wishes.iter().all(|wish| wish.bundle) || wishes.len() == 1);
                    let times: Vec<Timestamp> = made.iter().map(|(_, at)| *at).collect();
                    for wish in wishes {
                        prop_assert!(append.at < wish.expires_at && wish.not_before.is_none_or(|from| from <= append.at));
                        if wish.class != WishClass::Mandatory {
                            prop_assert!(append.customer.may_be_contacted(wish.class, append.at));
                            prop_assert!(!rules.is_holiday(local));
                            prop_assert!(has_room(&times, rules, append.at), "{times:?}");
                            let consent = append.customer.consent_at(&wish.purpose, wish.class, Channel::Voice, append.at);
                            prop_assert_ne!(consent, Some(false));
                            prop_assert!(wish.class != WishClass::Marketing || consent == Some(true));
                            prop_assert!(wish.class != WishClass::Marketing || !append.complaint);
                            for (other, (outcome, at)) in &said {
                                let same = state.wishes[other].wish.purpose == wish.purpose;
                                prop_assert!(!same || *outcome != Outcome::Declined || *at + silence <= append.at);
                            }
                        }
                    }
                    made.push((interaction.as_uuid(), append.at));
                }
                match fact {
                    // A contact withdrawn before anybody took it reached nobody.
                    Fact::PlanWithdrawn { plan, .. } => {
                        if let Some((_, running)) = state.in_flight.filter(|(started, _)| started == plan) {
                            made.retain(|(known, _)| *known != running.as_uuid());
                        }
                    }
                    Fact::ContactNoted(contact) if made.iter().all(|(known, _)| *known != contact.id) => {
                        made.push((contact.id, contact.at));
                    }
                    Fact::OutcomeRecorded { wish, outcome, .. } => {
                        said.insert(*wish, (*outcome, append.at));
                    }
                    _ => {}
                }
                state.apply(fact, append.at, Revision::FIRST);
            }
        }
    }

    #[test]
    fn an_agenda_that_customers_hear_on_their_own_call_holds_nothing_they_refused_or_must_not_be_sold(
        steps in prop::collection::vec(any_step(), 0..160)
    ) {
        let (story, appends) = play(&steps);
        let mut state = Outreach::default();
        for append in &appends {
            for fact in &append.facts {
                if let Fact::AgendaTakenUp { agenda, .. } = fact {
                    prop_assert!(agenda.len() <= story.policy.rules.max_agenda.into());
                    for wish in agenda.iter().map(|wish| &state.wishes[wish].wish) {
                        if wish.class != WishClass::Mandatory {
                            prop_assert!(append.customer.may_be_contacted(wish.class, append.at));
                            let consent = append.customer.consent_at(&wish.purpose, wish.class, Channel::Voice, append.at);
                            prop_assert_ne!(consent, Some(false));
                        }
                        prop_assert!(wish.class != WishClass::Marketing || !append.complaint);
                    }
                }
                state.apply(fact, append.at, Revision::FIRST);
            }
        }
    }

    #[test]
    fn every_decision_names_the_rules_it_was_made_under(steps in prop::collection::vec(any_step(), 0..120)) {
        let (_, appends) = play(&steps);
        for fact in appends.iter().flat_map(|append| &append.facts) {
            match fact {
                Fact::WishHeld { receipt, .. }
                | Fact::WishDropped { receipt, .. }
                | Fact::WishWithdrawn { receipt, .. }
                | Fact::ContactPlanned { receipt, .. }
                | Fact::ContactStarted { receipt, .. }
                | Fact::PlanWithdrawn { receipt, .. }
                | Fact::AgendaTakenUp { receipt, .. } => {
                    prop_assert_eq!(receipt.policy_version, 7);
                    let erased = receipt.reason == Reason::CustomerErased;
                    prop_assert!(erased || receipt.inputs.contains_key("customer_zone"));
                    if let Fact::ContactPlanned { agenda, .. } | Fact::AgendaTakenUp { agenda, .. } = fact {
                        prop_assert!(agenda.iter().all(|wish| receipt.scores.contains_key(wish)));
                    }
                }
                Fact::WishFiled(_)
                | Fact::WishAmended(_)
                | Fact::OutcomeRecorded { .. }
                | Fact::ContactEnded { .. }
                | Fact::ContactNoted(_)
                | Fact::WishesMoved { .. }
                | Fact::WishesReturned { .. }
                | Fact::Closed {} => {}
            }
        }
    }

    #[test]
    fn once_the_customer_is_erased_nothing_is_decided_any_more(steps in prop::collection::vec(any_step(), 0..120)) {
        let (story, appends) = play(&steps);
        let facts: Vec<&Fact> = appends.iter().flat_map(|append| &append.facts).collect();
        let closed = facts.iter().position(|fact| **fact == Fact::Closed {});
        prop_assert_eq!(story.it().closed, closed.is_some());
        if let Some(closed) = closed {
            prop_assert_eq!(closed + 1, facts.len(), "{:?}", facts.last());
            prop_assert!(story.it().wishes.values().all(WishState::is_settled));
            prop_assert!(story.it().plan.is_none() && story.it().in_flight.is_none());
        }
    }

    #[test]
    fn every_wish_is_settled_or_looked_at_again(steps in prop::collection::vec(any_step(), 0..120)) {
        let (story, _) = play(&steps);
        let it = story.it();
        for state in it.wishes.values() {
            if state.is_pending() {
                prop_assert!(it.next_deadline().is_some_and(|at| at <= state.wish.expires_at));
            }
            if state.status == Status::Planned {
                prop_assert!(it.plan.as_ref().is_some_and(|plan| plan.agenda.contains(&state.wish.id)));
            }
        }
        if let Some(plan) = &it.plan {
            prop_assert!(plan.agenda.iter().all(|wish| it.wishes[wish].status == Status::Planned));
            prop_assert!(it.in_flight.is_none());
        }
    }

    #[test]
    fn left_alone_the_coordinator_comes_to_rest(steps in prop::collection::vec(any_step(), 0..120)) {
        let (mut story, _) = play(&steps);
        if let Some((_, running)) = story.it().in_flight {
            story = story.ended(running, true);
        }
        story = story.ended(inbound(), true);
        // Every deadline is served as the engine would: start what is due, else look again.
        for _ in 0..2_000 {
            let Some(due) = story.it().next_deadline() else { break };
            story.now = story.now.max(due);
            let started = story.it().plan.as_ref().and_then(|_| story.try_start().ok());
            story = match started {
                Some(facts) => {
                    let story = story.then(facts);
                    let on = story.running();
                    story.ended(on, false)
                }
                None => {
                    let before = story.facts.len();
                    let story = story.looked_at();
                    prop_assert!(story.facts.len() > before, "a deadline came and nothing was decided");
                    story
                }
            };
        }
        prop_assert_eq!(story.it().next_deadline(), None);
        prop_assert!(story.it().wishes.values().all(WishState::is_settled));
    }

    #[test]
    fn what_was_stored_folds_to_the_same_state(steps in prop::collection::vec(any_step(), 0..120)) {
        let (story, _) = play(&steps);
        let mut again = Folded { state: Some(Outreach::default().into()), revision: None };
        for (revision, (fact, at)) in story.facts.iter().enumerate() {
            let stored = aggregate::encode(fact).unwrap();
            let read = aggregate::decode(&stored.kind, stored.version, &stored.data).unwrap();
            again.take(&read, *at, Revision(revision as u64));
        }
        prop_assert_eq!(again.state, story.folded.state);
    }
}

#[test]
fn the_histories_tried_here_come_to_every_kind_of_decision() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let histories = prop::collection::vec(any_step(), 0..160);
    let (mut starts, mut reasons) = (0, Vec::new());
    for _ in 0..400 {
        let steps = histories.new_tree(&mut runner).unwrap().current();
        for fact in play(&steps).1.into_iter().flat_map(|append| append.facts) {
            match fact {
                Fact::ContactStarted { .. } => starts += 1,
                Fact::WishHeld { receipt, .. }
                | Fact::WishDropped { receipt, .. }
                | Fact::WishWithdrawn { receipt, .. }
                | Fact::ContactPlanned { receipt, .. } => reasons.push(receipt.reason),
                _ => {}
            }
        }
    }
    assert!(starts > 200, "{starts} contacts began");
    for reason in [
        Reason::AgendaFull,
        Reason::AgendaTime,
        Reason::AttemptsExhausted,
        Reason::ContactInFlight,
        Reason::DailyCap,
        Reason::Holiday,
        Reason::MinimumGap,
        Reason::MonthlyCap,
        Reason::NotWorthIt,
        Reason::OpenComplaint,
        Reason::OtherSlot,
        Reason::RefusedPurpose,
        Reason::SaidAlone,
        Reason::WeeklyCap,
        Reason::WithdrawnByDepartment,
        Reason::DoNotContact,
        Reason::Expired,
        Reason::NoConsent,
        Reason::NotYet,
        Reason::QuietHours,
        Reason::RetryLater,
    ] {
        assert!(reasons.contains(&reason), "{reason:?} never happened");
    }
}
