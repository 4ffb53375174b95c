//! The customer is faster, outcomes, and what becomes of the rest.

use super::*;

#[test]
fn a_customer_who_calls_first_hears_it_then_and_the_plan_is_withdrawn_in_the_same_append() {
    let story = Story::new().file(finance()).file(service());
    let plan = story.plan().id;
    let facts =
        story
            .it()
            .customer_contacted_us(inbound(), false, story.known(), &story.policy, story.now);
    let [
        Fact::PlanWithdrawn {
            plan: withdrawn,
            why,
            ..
        },
        Fact::AgendaTakenUp {
            interaction,
            agenda,
            ..
        },
    ] = &facts[..]
    else {
        panic!("{facts:?}")
    };
    assert_eq!(
        (*withdrawn, *why),
        (
            plan,
            Withdrawal::CustomerContactedUs {
                interaction: inbound()
            }
        )
    );
    assert_eq!(
        (*interaction, agenda.as_slice()),
        (inbound(), &[wish_id(1), wish_id(3)][..])
    );
    let story = story.then(facts);
    assert_eq!(story.it().plan, None);
    let known = story.facts.len();
    assert_eq!(
        story.customer_calls(false).facts.len(),
        known,
        "seen twice is the same as once"
    );
}

#[test]
fn a_contact_that_nobody_has_taken_gives_way_to_the_customers_own() {
    let story = Story::new().file(finance()).started();
    let outbound = story.running();
    let story = story.customer_calls(false);
    assert_eq!(story.it().in_flight, None);
    assert!(!story.it().may_dial(outbound));
    assert_eq!(
        *story.status(1),
        Status::InContact {
            interaction: inbound()
        }
    );
    assert!(
        story.it().ledger.contacts().is_empty(),
        "nobody was contacted"
    );
}

#[test]
fn a_conversation_that_has_begun_goes_on_with_its_agenda() {
    let story = Story::new().file(finance()).started();
    let outbound = story.running();
    let story = story.customer_calls(true);
    assert_eq!(story.running(), outbound);
    assert_eq!(
        *story.status(1),
        Status::InContact {
            interaction: outbound
        }
    );
}

#[test]
fn nobody_is_planned_a_call_while_they_talk_to_us() {
    let story = Story::new()
        .file(finance())
        .customer_calls(false)
        .file(service());
    assert_eq!(*story.status(3), held(Reason::ContactInFlight, None));
    let story = story
        .outcome(1, Outcome::Agreed, inbound())
        .ended(inbound(), true);
    assert_eq!(
        story.plan().agenda,
        [wish_id(3)],
        "and it is not forgotten afterwards"
    );
}

#[test]
fn what_may_not_be_said_is_not_said_when_the_customer_calls_either() {
    let story = Story::new()
        .file(marketing())
        .file(wish(4, "legal", WishClass::Mandatory, 1));
    let story = story
        .with(|customer, _| customer.do_not_contact.set(Scope::All, None))
        .customer_calls(false);
    assert_eq!(
        *story.status(4),
        Status::InContact {
            interaction: inbound()
        }
    );
    assert_eq!(*story.looked_at().status(2), dropped(Reason::DoNotContact));
}

#[test]
fn wishes_that_did_not_fit_the_agenda_follow_when_the_contact_is_over() {
    let story = Story::new().with(|_, rules| (rules.max_agenda, rules.contacts_per_day) = (1, 5));
    let story = story.file(finance()).file(service());
    assert_eq!(*story.status(3), held(Reason::AgendaFull, None));
    let story = story
        .customer_calls(false)
        .outcome(1, Outcome::Agreed, inbound())
        .ended(inbound(), true);
    assert_eq!(story.plan().agenda, [wish_id(3)]);
}

#[test]
fn an_outcome_is_recorded_and_may_be_corrected_on_the_same_contact_only() {
    let story = Story::new().file(finance()).started();
    let on = story.running();
    let story = story
        .outcome(1, Outcome::Declined, on)
        .outcome(1, Outcome::Agreed, on);
    assert_eq!(
        *story.status(1),
        Status::Done {
            outcome: Outcome::Agreed,
            interaction: on
        }
    );
    let again =
        story
            .it()
            .record_outcome(wish_id(1), Outcome::Agreed.into(), on, anna(), story.now);
    assert_eq!(again, Ok(vec![]));
    let elsewhere = story.it().record_outcome(
        wish_id(1),
        Outcome::Agreed.into(),
        inbound(),
        anna(),
        story.now,
    );
    assert_eq!(elsewhere, Err(Rejection::NotOnAgenda));
    let unknown =
        story
            .it()
            .record_outcome(wish_id(8), Outcome::Agreed.into(), on, anna(), story.now);
    assert_eq!(unknown, Err(Rejection::UnknownWish));
}

#[test]
fn a_customer_who_said_later_is_asked_again_later() {
    let story = Story::new()
        .with(|_, rules| rules.contacts_per_day = 5)
        .file(finance())
        .file(service())
        .started();
    let on = story.running();
    let story = story
        .outcome(1, Outcome::Later, on)
        .outcome(3, Outcome::Agreed, on)
        .ended(on, true);
    let retry = story.now + 4 * HOUR;
    assert_eq!(*story.status(1), held(Reason::RetryLater, Some(retry)));
    assert_eq!(
        *story.status(3),
        Status::Done {
            outcome: Outcome::Agreed,
            interaction: on
        }
    );
    assert_eq!(story.at(retry).looked_at().plan().agenda, [wish_id(1)]);
}

#[test]
fn whoever_could_not_be_reached_is_left_alone_for_a_while_whatever_else_is_wanted() {
    let story = Story::new()
        .with(|_, rules| rules.contacts_per_day = 5)
        .file(finance())
        .started();
    let on = story.running();
    let story = story.ended(on, false).file(service());
    let retry = story.now + 4 * HOUR;
    assert_eq!(*story.status(3), held(Reason::RetryLater, Some(retry)));
}

#[test]
fn the_end_of_a_contact_seen_twice_changes_nothing() {
    let story = Story::new().file(finance()).started();
    let on = story.running();
    let story = story.ended(on, false);
    let known = story.facts.len();
    assert_eq!(story.ended(on, false).facts.len(), known);
}

#[test]
fn of_an_erased_customer_nothing_is_wanted_any_more() {
    let story = Story::new().file(finance()).file(service()).started();
    let running = story.running();
    let story = story.file(wish(9, "later", WishClass::Marketing, 1));
    let facts = story.it().close(7);
    assert!(
        matches!(
            &facts[..],
            [
                Fact::PlanWithdrawn {
                    why: Withdrawal::CustomerErased,
                    ..
                },
                ..,
                Fact::Closed {}
            ]
        ),
        "{facts:?}"
    );
    let story = story.then(facts);
    assert!(!story.it().may_dial(running));
    for state in story.it().wishes.values() {
        assert_eq!(
            state.status,
            Status::Dropped {
                reason: Reason::CustomerErased
            }
        );
    }
    assert_eq!(story.it().next_deadline(), None);
    assert_eq!(story.it().close(7), vec![], "once is enough");
    let filed = story.it().file(
        wish(10, "finance", WishClass::Mandatory, 5),
        who(),
        story.known(),
        &story.policy,
        story.now,
    );
    assert_eq!(filed, Err(Rejection::Closed));
    assert_eq!(
        story
            .it()
            .coordinate(who(), story.known(), &story.policy, story.now),
        vec![]
    );
}

#[test]
fn a_customer_who_named_a_time_is_contacted_then_and_not_before() {
    let story = Story::new()
        .with(|_, rules| rules.contacts_per_day = 5)
        .file(finance())
        .started();
    let on = story.running();
    let named = story.now + 2 * HOUR;
    let later = Noted {
        not_before: Some(named),
        ..Outcome::Later.into()
    };
    let story = story.noted(1, later, on).ended(on, true);
    assert_eq!(*story.status(1), held(Reason::NotYet, Some(named)));
    let sooner = story.clone().customer_calls(false);
    assert_eq!(
        *sooner.status(1),
        Status::InContact {
            interaction: inbound()
        },
        "whoever calls before is told then"
    );
    let story = story.at(named).looked_at().started();
    let on = story.running();
    let story = story.ended(on, false);
    let retry = story.now + 4 * HOUR;
    assert_eq!(
        *story.status(1),
        held(Reason::RetryLater, Some(retry)),
        "the promise was kept; from now on it is an attempt like any other"
    );
}

#[test]
fn a_later_time_lies_ahead_and_within_the_window_and_goes_with_later() {
    let story = Story::new().file(finance()).started();
    let on = story.running();
    let noted = |outcome: Outcome, at| {
        let noted = Noted {
            not_before: Some(at),
            ..outcome.into()
        };
        story
            .it()
            .record_outcome(wish_id(1), noted, on, anna(), story.now)
    };
    let wrong = Err(Rejection::NoSuchLater);
    assert_eq!(noted(Outcome::Later, story.now), wrong);
    assert_eq!(noted(Outcome::Later, finance().expires_at), wrong);
    assert_eq!(noted(Outcome::Agreed, story.now + HOUR), wrong);
    assert!(noted(Outcome::Later, story.now + HOUR).is_ok());
}

#[test]
fn what_was_not_discussed_goes_back_into_the_book_and_a_wrong_person_ends_it() {
    let story = Story::new()
        .with(|_, rules| rules.contacts_per_day = 5)
        .file(finance())
        .file(service())
        .started();
    let on = story.running();
    let story = story
        .outcome(1, Outcome::NotDiscussed, on)
        .outcome(3, Outcome::WrongPerson, on)
        .ended(on, true);
    assert!(story.it().wishes[&wish_id(1)].is_pending());
    assert!(story.it().wishes[&wish_id(3)].is_settled());
}
