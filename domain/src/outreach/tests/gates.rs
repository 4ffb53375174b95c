//! When, how often and with whose consent customers are contacted.

use super::*;

#[test]
fn quiet_hours_shift_the_slot_to_the_customers_morning() {
    let evening = MORNING + 11 * HOUR; // 21:00 in Shanghai
    let story = Story::new().at(evening).file(finance());
    assert_eq!(story.plan().slot, MORNING + 22 * HOUR); // 8:00 there
    let Some((Fact::ContactPlanned { receipt, .. }, _)) = story.facts.last() else {
        panic!("{:?}", story.facts)
    };
    assert_eq!(receipt.reason, Reason::QuietHours);
    assert_eq!(receipt.policy_version, 7);
}

#[test]
fn a_plan_that_gathers_into_the_quiet_hours_waits_for_the_morning() {
    let story = Story::new()
        .at(MORNING + 11 * HOUR - 5 * MINUTE)
        .file(finance());
    assert_eq!(story.plan().slot, MORNING + 22 * HOUR);
}

#[test]
fn a_plan_that_is_late_is_not_carried_out_at_night() {
    let story = Story::new().file(finance()).at(MORNING + 12 * HOUR);
    assert_eq!(story.try_start(), Err(Rejection::NotDue));
    assert_eq!(story.looked_at().plan().slot, MORNING + 22 * HOUR);
}

#[test]
fn do_not_contact_drops_all_but_what_the_law_asks_for() {
    let story = Story::new().with(|customer, _| customer.do_not_contact.set(Scope::All, None));
    let story =
        story
            .file(finance())
            .file(marketing())
            .file(wish(4, "legal", WishClass::Mandatory, 1));
    assert_eq!(*story.status(1), dropped(Reason::DoNotContact));
    assert_eq!(*story.status(2), dropped(Reason::DoNotContact));
    assert_eq!(story.plan().agenda, [wish_id(4)]);
}

#[test]
fn do_not_contact_said_after_planning_withdraws_the_plan() {
    let story = Story::new()
        .file(finance())
        .with(|customer, _| customer.do_not_contact.set(Scope::All, None));
    let story = story.at(MORNING + 10 * MINUTE);
    assert_eq!(story.try_start(), Err(Rejection::NotDue));
    let story = story.looked_at();
    assert_eq!(story.it().plan, None);
    assert_eq!(*story.status(1), dropped(Reason::DoNotContact));
}

#[test]
fn marketing_without_a_needed_consent_is_dropped() {
    let needed = |_: &mut Customer, rules: &mut ContactPolicy| {
        rules.consent_needed = vec![WishClass::Marketing]
    };
    let story = Story::new().with(needed).file(marketing()).file(finance());
    assert_eq!(*story.status(2), dropped(Reason::NoConsent));
    assert_eq!(story.plan().agenda, [wish_id(1)]);
    let given = Story::new().with(needed).with(|customer, _| {
        say(customer, "marketing", true);
    });
    assert_eq!(given.file(marketing()).plan().agenda, [wish_id(2)]);
}

#[test]
fn a_refusal_counts_where_no_consent_is_needed() {
    let story = Story::new().with(|customer, _| {
        say(customer, ANY, false);
    });
    assert_eq!(*story.file(finance()).status(1), dropped(Reason::NoConsent));
}

#[test]
fn nobody_is_called_without_a_number() {
    let story = Story::new()
        .with(|customer, _| customer.contact_points.clear())
        .file(finance());
    assert_eq!(*story.status(1), dropped(Reason::NoContactPoint));
}

#[test]
fn a_wish_waits_for_its_window() {
    let tomorrow = MORNING + 24 * HOUR;
    let story = Story::new().file(Wish {
        not_before: Some(tomorrow),
        ..finance()
    });
    assert_eq!(*story.status(1), held(Reason::NotYet, Some(tomorrow)));
    assert_eq!(story.it().next_deadline(), Some(tomorrow));
    assert_eq!(story.at(tomorrow).looked_at().plan().agenda, [wish_id(1)]);
}

#[test]
fn one_contact_in_flight_holds_every_other_wish() {
    let story = Story::new().file(finance()).started().file(service());
    assert_eq!(*story.status(3), held(Reason::ContactInFlight, None));
    assert_eq!(story.it().plan, None);
}

#[test]
fn a_started_contact_is_not_started_again() {
    let story = Story::new().file(finance());
    let plan = story.plan().clone();
    let story = story.started();
    assert_eq!(
        story
            .it()
            .start(&plan, story.known(), &story.policy, story.now),
        Ok(vec![])
    );
    assert!(story.it().may_dial(Outreach::interaction_of(&plan)));
}

#[test]
fn the_daily_cap_holds_until_the_customers_next_day() {
    let story = Story::new().file(finance()).started();
    let on = story.running();
    let story = story
        .outcome(1, Outcome::Agreed, on)
        .ended(on, true)
        .file(service());
    let midnight = MORNING + 14 * HOUR; // in Shanghai
    assert_eq!(*story.status(3), held(Reason::DailyCap, Some(midnight)));
    let story = story.at(midnight).looked_at();
    assert_eq!(
        story.plan().slot,
        MORNING + 22 * HOUR,
        "and then for the morning"
    );
}

#[test]
fn the_daily_cap_reached_in_the_first_minute_of_the_day_holds_for_the_whole_day() {
    let story = Story::new()
        .with(|_, rules| (rules.quiet_from, rules.quiet_until, rules.gather_seconds) = (0, 0, 0));
    let story = story
        .at(MORNING + 14 * HOUR + Duration::from_secs(10))
        .file(finance())
        .started();
    let on = story.running();
    let story = story
        .outcome(1, Outcome::Agreed, on)
        .ended(on, true)
        .file(service());
    let Status::Held {
        until: Some(until),
        reason: Reason::DailyCap,
    } = *story.status(3)
    else {
        panic!()
    };
    assert!(until >= MORNING + 38 * HOUR, "{until}");
}

#[test]
fn what_the_law_asks_for_ignores_the_cap_but_counts() {
    let story = Story::new()
        .file(wish(4, "legal", WishClass::Mandatory, 1))
        .started();
    let on = story.running();
    let story = story.outcome(4, Outcome::Informed, on).ended(on, true);
    let story = story
        .file(wish(5, "legal", WishClass::Mandatory, 1))
        .file(finance());
    assert_eq!(story.plan().agenda, [wish_id(5)]);
    assert!(matches!(
        story.status(1),
        Status::Held {
            reason: Reason::DailyCap,
            ..
        }
    ));
}

#[test]
fn an_attempt_that_reached_nobody_is_repeated_later_and_then_given_up() {
    let mut story = Story::new()
        .with(|_, rules| (rules.contacts_per_day, rules.max_attempts) = (10, 2))
        .file(finance())
        .started();
    let on = story.running();
    story = story.ended(on, false);
    let retry = story.now + 4 * HOUR;
    assert_eq!(*story.status(1), held(Reason::RetryLater, Some(retry)));
    story = story.at(retry).looked_at().started();
    let on = story.running();
    story = story.ended(on, false);
    assert_eq!(*story.status(1), dropped(Reason::AttemptsExhausted));
    assert_eq!(story.it().next_deadline(), None);
}

#[test]
fn a_wish_whose_window_closed_is_dropped() {
    let story = Story::new().file(Wish {
        expires_at: MORNING + HOUR,
        ..finance()
    });
    let story = story.at(MORNING + HOUR);
    assert_eq!(story.it().next_deadline(), Some(MORNING + 10 * MINUTE));
    let story = story.looked_at();
    assert_eq!(*story.status(1), dropped(Reason::Expired));
    assert_eq!(story.it().plan, None);
}
