//! What must hold whatever departments, customers, clocks and other nodes do.

use proptest::prelude::*;

use super::*;
use crate::aggregate::{self, Aggregate};
use crate::customer::Customer;

#[derive(Clone, Debug)]
enum Step {
    File {
        n: u128,
        class: WishClass,
        value: u32,
        hours: u64,
        delay: u64,
    },
    Look,
    Start,
    CustomerCalls {
        talking: bool,
    },
    Outcome(u128, Outcome),
    End {
        reached: bool,
    },
    InboundOver,
    DoNotContact(bool),
    Erased,
    Consent(bool),
    Wait(u64),
    /// The clock moves to the slot of the plan.
    Slot,
    /// What the node beside this one decides on what it knows.
    Stale(Box<Step>),
    /// The node beside catches up.
    Refresh,
}

fn any_class() -> impl Strategy<Value = WishClass> {
    prop_oneof![
        Just(WishClass::Mandatory),
        Just(WishClass::Service),
        Just(WishClass::Marketing)
    ]
}

fn any_outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        Just(Outcome::Agreed),
        Just(Outcome::Declined),
        Just(Outcome::Informed),
        Just(Outcome::Later)
    ]
}

fn any_request() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (1..60_u128, any_class(), 1..100_u32, 1..200_u64, prop_oneof![4 => Just(0), 1 => 1..30_u64])
            .prop_map(|(n, class, value, hours, delay)| Step::File { n, class, value, hours, delay }),
        3 => Just(Step::Look),
        5 => Just(Step::Start),
        1 => any::<bool>().prop_map(|talking| Step::CustomerCalls { talking }),
        3 => (1..12_u128, any_outcome()).prop_map(|(n, outcome)| Step::Outcome(n, outcome)),
        3 => any::<bool>().prop_map(|reached| Step::End { reached }),
        3 => Just(Step::InboundOver),
    ]
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => any_request(),
        3 => any_request().prop_map(|step| Step::Stale(Box::new(step))),
        2 => Just(Step::Refresh),
        1 => prop::bool::weighted(0.3).prop_map(Step::DoNotContact),
        1 => prop::bool::weighted(0.7).prop_map(Step::Consent),
        1 => prop::bool::weighted(0.1).prop_map(|erased| if erased { Step::Erased } else { Step::Look }),
        4 => prop_oneof![3 => 1..15_u64, 1 => 60..900_u64].prop_map(Step::Wait),
        5 => Just(Step::Slot),
    ]
}

/// What `view` (of any age) would append.
fn decide(view: &Outreach, story: &Story, step: &Step) -> Vec<Fact> {
    let (known, policy, now) = (story.known(), &story.policy, story.now);
    match step {
        Step::File {
            n,
            class,
            value,
            hours,
            delay,
        } => {
            let not_before = (*delay > 0).then(|| now + u32::try_from(*delay).unwrap() * HOUR);
            let expires_at = now + u32::try_from(*hours).unwrap() * HOUR;
            let wish = Wish {
                not_before,
                expires_at,
                ..wish(*n, "marketing", *class, *value)
            };
            view.file(wish, who(), known, policy, now)
                .unwrap_or_default()
        }
        Step::Look => view.coordinate(who(), known, policy, now),
        Step::Start => match &view.plan {
            Some(plan) => view.start(plan, known, policy, now).unwrap_or_default(),
            None => vec![],
        },
        Step::CustomerCalls { talking } => {
            view.customer_contacted_us(inbound(), *talking, known, policy, now)
        }
        Step::Outcome(n, outcome) => {
            let on = view.in_flight.map_or(inbound(), |(_, running)| running);
            let agenda = view.agenda_of(on);
            let Some(said) = agenda.get(usize::try_from(*n).unwrap() % agenda.len().max(1)) else {
                return vec![];
            };
            view.record_outcome(said.wish.id, *outcome, on, anna(), None)
                .unwrap_or_default()
        }
        Step::End { reached } => match view.in_flight {
            Some((_, running)) => view.contact_ended(running, *reached, who(), known, policy, now),
            None => vec![],
        },
        Step::InboundOver => view.contact_ended(inbound(), true, who(), known, policy, now),
        Step::Erased => view.close(policy.version),
        Step::DoNotContact(_)
        | Step::Consent(_)
        | Step::Wait(_)
        | Step::Slot
        | Step::Stale(_)
        | Step::Refresh => vec![],
    }
}

/// The customer as they were when a fact was decided: what a checker may use.
#[derive(Clone)]
struct Appended {
    facts: Vec<Fact>,
    at: Timestamp,
    customer: Customer,
}

fn play(steps: &[Step]) -> (Story, Vec<Appended>) {
    let mut story = Story::new().with(|_, rules| {
        (rules.contacts_per_day, rules.retry_seconds) = (1, 3_600);
        rules.consent_needed = vec![WishClass::Marketing];
    });
    say(&mut story.customer, "marketing", true);
    let mut beside = story.folded.clone();
    let mut appends = vec![];
    for step in steps {
        let facts = match step {
            Step::Wait(minutes) => {
                story.now = story.now + u32::try_from(*minutes).unwrap() * MINUTE;
                continue;
            }
            Step::Slot => {
                let slot = story.it().plan.as_ref().map(|plan| plan.slot);
                story.now = story.now.max(slot.unwrap_or(story.now));
                continue;
            }
            Step::DoNotContact(active) => {
                if *active {
                    story.customer.do_not_contact.set(Scope::All, None);
                } else {
                    story.customer.do_not_contact.lift(Scope::All);
                }
                continue;
            }
            Step::Consent(given) => {
                say(&mut story.customer, "marketing", *given);
                continue;
            }
            Step::Refresh => {
                beside = story.folded.clone();
                continue;
            }
            Step::Stale(step) => {
                let facts = decide(beside.state.as_ref().unwrap(), &story, step);
                if beside.revision != story.folded.revision {
                    continue; // the log refuses it: somebody wrote first
                }
                facts
            }
            step => decide(story.it(), &story, step),
        };
        if !facts.is_empty() {
            appends.push(Appended {
                facts: facts.clone(),
                at: story.now,
                customer: story.customer.clone(),
            });
            story = story.then(facts);
        }
    }
    (story, appends)
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
    fn no_contact_starts_against_quiet_hours_caps_consent_or_a_wish_not_to_be_contacted(
        steps in prop::collection::vec(any_step(), 0..120)
    ) {
        let (story, appends) = play(&steps);
        let rules = &story.policy.rules;
        let mut state = Outreach::default();
        let mut started: Vec<(crate::id::PlanId, Timestamp)> = vec![];
        for append in &appends {
            for fact in &append.facts {
                if let Fact::ContactStarted { plan, .. } = fact {
                    let local = zone().local(append.at);
                    prop_assert!(!rules.is_quiet(local), "at minute {}", local.minute);
                    let known = state.plan.clone().unwrap();
                    prop_assert_eq!(known.id, *plan);
                    prop_assert!(known.agenda.len() <= rules.max_agenda.into() && !known.agenda.is_empty());
                    let today = started.iter().filter(|(_, at)| zone().local(*at).day == local.day).count();
                    for wish in known.agenda.iter().map(|wish| &state.wishes[wish].wish) {
                        prop_assert!(append.at < wish.expires_at && wish.not_before.is_none_or(|from| from <= append.at));
                        if wish.class != WishClass::Mandatory {
                            prop_assert!(append.customer.may_be_contacted(wish.class, append.at));
                            prop_assert!(today < rules.contacts_per_day as usize, "{today} today");
                            let said = append.customer.consent_at(&wish.purpose, wish.class, Channel::Voice, append.at);
                            prop_assert_ne!(said, Some(false));
                            prop_assert!(wish.class != WishClass::Marketing || said == Some(true));
                        }
                    }
                    started.push((*plan, append.at));
                }
                // A contact withdrawn before anybody took it reached nobody.
                if let Fact::PlanWithdrawn { plan, .. } = fact {
                    started.retain(|(known, _)| known != plan);
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
                | Fact::OutcomeRecorded { .. }
                | Fact::ContactEnded { .. }
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
        for _ in 0..1_000 {
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
        let settled = |state: &WishState| matches!(state.status, Status::Done { .. } | Status::Dropped { .. });
        prop_assert!(story.it().wishes.values().all(settled));
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
    let histories = prop::collection::vec(any_step(), 0..120);
    let (mut starts, mut reasons) = (0, Vec::new());
    for _ in 0..400 {
        let steps = histories.new_tree(&mut runner).unwrap().current();
        for fact in play(&steps).1.into_iter().flat_map(|append| append.facts) {
            match fact {
                Fact::ContactStarted { .. } => starts += 1,
                Fact::WishHeld { receipt, .. }
                | Fact::WishDropped { receipt, .. }
                | Fact::ContactPlanned { receipt, .. } => reasons.push(receipt.reason),
                _ => {}
            }
        }
    }
    assert!(starts > 200, "{starts} contacts began");
    for reason in [
        Reason::AgendaFull,
        Reason::AttemptsExhausted,
        Reason::ContactInFlight,
        Reason::DailyCap,
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
