//! When, how often and with whose consent customers are contacted.

use super::*;
use crate::aggregate::Aggregate;
use crate::customer::{Admission, Fact as CustomerFact, Qualification};
use crate::id::ComplaintId;

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
fn a_customer_who_wants_to_be_left_alone_for_a_time_hears_of_it_after_that_time_however_the_contact_begins()
 {
    let until = MORNING + 48 * HOUR;
    let story = Story::new()
        .with(|customer, _| customer.do_not_contact.set(Scope::Marketing, Some(until)))
        .file(finance())
        .file(marketing())
        .file(Wish {
            expires_at: until,
            ..wish(5, "marketing", WishClass::Marketing, 30)
        });
    assert_eq!(story.plan().agenda, [wish_id(1)]);
    assert_eq!(*story.status(2), held(Reason::DoNotContact, Some(until)));
    assert_eq!(*story.status(5), dropped(Reason::DoNotContact));
    let calls = story.clone().customer_calls(false);
    let said: Vec<WishId> = calls
        .it()
        .agenda_of(inbound())
        .iter()
        .map(|state| state.wish.id)
        .collect();
    assert_eq!(said, [wish_id(1)], "not on their own call either");
    let after = story.at(until).looked_at();
    assert!(after.plan().agenda.contains(&wish_id(2)));
}

#[test]
fn what_is_known_of_a_customer_speaks_for_itself_at_the_gates() {
    let mut customer = reachable();
    let opened = CustomerFact::ComplaintOpened {
        complaint: ComplaintId::from_uuid(Uuid::from_u128(1)),
        about: Private::new("the bill".to_owned()),
        interaction: None,
    };
    let decided = Qualification {
        admission: Admission::Accepted,
        segment: None,
        tier: Some("gold".to_owned()),
        evidence: Private::new("a review".to_owned()),
    };
    for fact in [opened, CustomerFact::Qualified(decided)] {
        customer.apply(&fact, MORNING, Revision::FIRST);
    }
    let known = CustomerFacts::of(&customer, zone());
    assert_eq!((known.open_complaint, known.tier), (true, Some("gold")));
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
    assert_eq!(
        *story.status(3),
        held(Reason::DailyCap, Some(MORNING + 38 * HOUR))
    );
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

#[test]
fn the_weekly_and_the_monthly_cap_count_days_of_the_customers_calendar() {
    let cap = |contacts, days| Cap { contacts, days };
    let story = Story::new().with(|_, rules| rules.caps = vec![cap(2, 7), cap(3, 30)]);
    let long = |n| Wish {
        expires_at: MORNING + 60 * 24 * HOUR,
        ..wish(n, "service", WishClass::Service, 10)
    };
    // Monday and Tuesday; the third contact waits until next Monday.
    let story = story.file(long(1)).said(Outcome::Agreed);
    let story = story
        .at(MORNING + 24 * HOUR)
        .file(long(2))
        .said(Outcome::Agreed);
    let story = story.at(MORNING + 48 * HOUR).file(long(3));
    let next_monday = MORNING + (7 * 24 - 10) * HOUR; // its midnight in Shanghai
    assert_eq!(*story.status(3), held(Reason::WeeklyCap, Some(next_monday)));
    let story = story.at(next_monday).looked_at().said(Outcome::Agreed);
    // Three within thirty days: the fourth waits until the first is thirty days old.
    let story = story.at(MORNING + 10 * 24 * HOUR).file(long(4));
    let day_31 = MORNING + (30 * 24 - 10) * HOUR;
    assert_eq!(*story.status(4), held(Reason::MonthlyCap, Some(day_31)));
    assert_eq!(story.at(day_31).looked_at().plan().agenda, [wish_id(4)]);
}

#[test]
fn contacts_keep_the_minimum_gap() {
    let story = Story::new().with(|_, rules| {
        (rules.contacts_per_day, rules.min_gap_seconds) = (10, 2 * 3_600);
    });
    let story = story.file(finance()).said(Outcome::Agreed);
    let began = story.now;
    let story = story.file(service());
    assert_eq!(
        *story.status(3),
        held(Reason::MinimumGap, Some(began + 2 * HOUR))
    );
    let notice = story
        .clone()
        .file(wish(4, "legal", WishClass::Mandatory, 1));
    assert_eq!(notice.plan().agenda, [wish_id(4)], "the law does not wait");
    let story = story.at(began + 2 * HOUR).looked_at();
    assert_eq!(story.plan().agenda, [wish_id(3)]);
}

#[test]
fn what_was_declined_is_not_brought_up_again_for_the_days_of_the_policy() {
    let story = Story::new().with(|_, rules| rules.contacts_per_day = 10);
    let story = story.file(marketing()).said(Outcome::Declined);
    let refused_at = story.now;
    let again = |n, days: u32| Wish {
        expires_at: MORNING + days * 24 * HOUR,
        ..wish(n, "marketing", WishClass::Marketing, 20)
    };
    let story = story
        .file(again(10, 60))
        .file(again(11, 20))
        .file(finance());
    let until = refused_at + 30 * 24 * HOUR;
    assert_eq!(*story.status(10), held(Reason::RefusedPurpose, Some(until)));
    assert_eq!(
        *story.status(11),
        dropped(Reason::RefusedPurpose),
        "its window closes before"
    );
    assert_eq!(story.plan().agenda, [wish_id(1)], "other purposes go on");
    let story = story.customer_calls(false);
    assert_eq!(
        *story.status(1),
        Status::InContact {
            interaction: inbound()
        }
    );
    assert_eq!(
        *story.status(10),
        held(Reason::RefusedPurpose, Some(until)),
        "nor is it said when they call"
    );
}

#[test]
fn a_refusal_that_is_corrected_silences_nothing() {
    let story = Story::new()
        .with(|_, rules| rules.contacts_per_day = 10)
        .file(marketing())
        .started();
    let on = story.running();
    let story = story
        .outcome(2, Outcome::Declined, on)
        .outcome(2, Outcome::Agreed, on)
        .ended(on, true)
        .file(wish(10, "marketing", WishClass::Marketing, 20));
    assert_eq!(story.plan().agenda, [wish_id(10)]);
}

#[test]
fn a_refusal_does_not_silence_what_the_law_asks_for() {
    let legal = |n| wish(n, "legal", WishClass::Mandatory, 1);
    let story = Story::new().file(legal(4)).said(Outcome::Declined);
    assert_eq!(story.file(legal(5)).plan().agenda, [wish_id(5)]);
}

#[test]
fn nobody_is_contacted_on_a_holiday_unless_the_law_asks_for_it() {
    let holidays = |_: &mut Customer, rules: &mut ContactPolicy| {
        rules.holidays = ["2026-11-23", "2026-11-24"]
            .map(|day| Date::parse(day).unwrap())
            .into();
    };
    let story = Story::new().with(holidays).file(finance());
    let wednesday = MORNING + (48 - 2) * HOUR; // 8:00 in Shanghai
    assert_eq!(story.plan().slot, wednesday);
    let Some((Fact::ContactPlanned { receipt, .. }, _)) = story.facts.last() else {
        panic!("{:?}", story.facts)
    };
    assert_eq!(receipt.reason, Reason::Holiday);
    let notice = Wish {
        expires_at: MORNING + 12 * HOUR,
        ..wish(4, "legal", WishClass::Mandatory, 1)
    };
    let story = story.file(notice);
    assert_eq!(story.plan().agenda, [wish_id(4)], "it cannot wait");
    assert_eq!(*story.status(1), held(Reason::OtherSlot, None));
    assert!(story.plan().slot <= MORNING + 10 * MINUTE);
}

#[test]
fn a_holiday_declared_after_planning_holds_a_contact_back() {
    let story = Story::new().file(finance()).started();
    let on = story.running();
    let may = |story: &Story| {
        story
            .it()
            .may_dial_now(on, story.known(), &story.policy, story.now)
    };
    assert!(may(&story));
    let story = story.with(|_, rules| {
        rules.holidays = [Date::parse("2026-11-23").unwrap()].into();
    });
    assert!(!may(&story));
}

#[test]
fn nothing_is_sold_to_a_customer_with_an_open_complaint() {
    let mut story = Story::new();
    story.complaint = true;
    let mut story = story.file(marketing()).file(service());
    assert_eq!(*story.status(2), held(Reason::OpenComplaint, None));
    assert_eq!(story.plan().agenda, [wish_id(3)]);
    let on_their_call = story.clone().customer_calls(false);
    assert_eq!(*on_their_call.status(2), held(Reason::OpenComplaint, None));
    story.complaint = false;
    assert_eq!(story.looked_at().plan().agenda, [wish_id(3), wish_id(2)]);
}
