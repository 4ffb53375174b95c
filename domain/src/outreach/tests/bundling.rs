//! Priority, and what shares a contact.

use super::*;
use crate::policy::Adjustment;

fn factors(story: &Story, n: u128) -> Factors {
    let state = &story.it().wishes[&wish_id(n)];
    Factors::of(state, story.known(), &story.policy.rules, story.now)
}

#[test]
fn priority_is_propensity_times_weight_times_value_times_lever_times_urgency() {
    let adjust = |percent, department: Option<&str>, tier: Option<&str>| Adjustment {
        percent,
        department: department.map(str::to_owned),
        tier: tier.map(str::to_owned),
        ..Adjustment::default()
    };
    let mut story = Story::new().with(|_, rules| {
        rules.weights = vec![
            adjust(30, Some("finance"), None),
            adjust(25, Some("finance"), Some("gold")),
            adjust(500, Some("marketing"), None),
        ];
        rules.levers = vec![adjust(-10, None, Some("gold"))];
    });
    story.tier = Some("gold");
    let story = story.file(Wish {
        propensity: 700,
        value: 40,
        ..finance()
    });
    // A quarter of the week has passed.
    let story = story.at(MORNING + 42 * HOUR);
    let factors = factors(&story, 1);
    assert_eq!(factors.to_string(), "0.700 x 1.55 x 40 x 0.90 x 1.250");
    assert_eq!(
        factors.priority(),
        48_825,
        "0.7 x 1.55 x 40 x 0.9 x 1.25 = 48.825"
    );
}

#[test]
fn the_largest_numbers_do_not_overflow() {
    let lever = Adjustment {
        percent: 1_000,
        class: Some(WishClass::Service),
        ..Adjustment::default()
    };
    let story = Story::new().with(|_, rules| {
        (rules.weights, rules.levers) = (vec![lever.clone(); 500], vec![lever; 500]);
    });
    let story = story.file(Wish {
        value: u32::MAX,
        ..finance()
    });
    let story = story.at(MORNING + 7 * 24 * HOUR);
    let (value, all) = (u128::from(u32::MAX), 100 * 100 * 2_000_u128);
    assert_eq!(u128::from(factors(&story, 1).priority()), value * all);
}

#[test]
fn a_likely_wish_goes_before_a_dearer_unlikely_one() {
    let story = Story::new().with(|_, rules| rules.max_agenda = 1);
    let unlikely = Wish {
        propensity: 100,
        ..finance()
    };
    let story = story.file(unlikely).file(service());
    assert_eq!(story.plan().agenda, [wish_id(3)]);
    assert_eq!(*story.status(1), held(Reason::AgendaFull, None));
}

#[test]
fn a_contact_carries_what_is_worth_most_within_its_seconds() {
    let takes = |n, value, expected_seconds| Wish {
        expected_seconds,
        ..wish(n, "sales", WishClass::Service, value)
    };
    let story = Story::new()
        .file(takes(1, 100, 120))
        .file(takes(2, 50, 170))
        .file(takes(3, 30, 90))
        .file(takes(4, 30, 90));
    assert_eq!(
        story.plan().agenda,
        [wish_id(1), wish_id(3), wish_id(4)],
        "60 is more than 50, and both fit into 300 seconds"
    );
    assert_eq!(*story.status(2), held(Reason::AgendaFull, None));
    let short = story.withdrawn(4);
    assert_eq!(short.plan().agenda, [wish_id(1), wish_id(2)]);
    assert_eq!(*short.status(3), held(Reason::AgendaTime, None));
}

#[test]
fn a_topic_longer_than_the_agenda_is_said_alone() {
    let long = Wish {
        expected_seconds: 900,
        ..finance()
    };
    let story = Story::new().file(long).file(service());
    assert_eq!(story.plan().agenda, [wish_id(1)]);
    assert_eq!(*story.status(3), held(Reason::AgendaTime, None));
}

#[test]
fn what_must_be_said_alone_shares_no_contact() {
    let alone = |wish| Wish {
        bundle: false,
        ..wish
    };
    let leading = Story::new().file(alone(finance())).file(service());
    assert_eq!(leading.plan().agenda, [wish_id(1)]);
    assert_eq!(*leading.status(3), held(Reason::SaidAlone, None));
    let following = Story::new().file(finance()).file(alone(service()));
    assert_eq!(following.plan().agenda, [wish_id(1)]);
    assert_eq!(*following.status(3), held(Reason::SaidAlone, None));
    let on_their_call = following.customer_calls(false);
    assert_eq!(*on_their_call.status(3), held(Reason::SaidAlone, None));
}

#[test]
fn what_the_law_asks_for_shares_the_contact_before_any_offer() {
    let story = Story::new()
        .with(|_, rules| rules.max_agenda = 2)
        .file(finance())
        .file(wish(4, "legal", WishClass::Mandatory, 0))
        .file(marketing());
    assert_eq!(story.plan().agenda, [wish_id(4), wish_id(1)]);
    assert_eq!(*story.status(2), held(Reason::AgendaFull, None));
}

#[test]
fn a_contact_that_costs_more_than_it_is_worth_waits_for_company() {
    let story = Story::new().with(|_, rules| rules.costs = [(Channel::Voice, 25)].into());
    let story = story.file(marketing());
    assert_eq!(*story.status(2), held(Reason::NotWorthIt, None));
    assert_eq!(story.it().plan, None);
    let story = story.file(service());
    assert_eq!(
        story.plan().agenda,
        [wish_id(3), wish_id(2)],
        "10 and 20 pay for 25"
    );
    let notice = Story::new().with(|_, rules| rules.costs = [(Channel::Voice, 25)].into());
    let notice = notice.file(wish(4, "legal", WishClass::Mandatory, 1));
    assert_eq!(
        notice.plan().agenda,
        [wish_id(4)],
        "the law does not reckon"
    );
}

#[test]
fn several_messages_become_one_by_the_channel_of_the_first() {
    let mut story = Story::new();
    story.carried = &[Channel::Voice, Channel::Sms, Channel::Email];
    let written = |n, value, channels: &[Channel]| Wish {
        message: Some(Private::new("something".to_owned())),
        expected_seconds: 600,
        channels: channels.to_vec(),
        ..wish(n, "service", WishClass::Service, value)
    };
    let story = story
        .file(written(1, 50, &[Channel::Sms, Channel::Voice]))
        .file(written(2, 20, &[Channel::Email, Channel::Sms]))
        .file(written(5, 10, &[Channel::Voice]));
    let plan = story.plan();
    assert_eq!(
        (plan.channel, &plan.agenda[..]),
        (Channel::Sms, &[wish_id(1), wish_id(2)][..])
    );
    assert_eq!(*story.status(5), held(Reason::OtherChannel, None));
    let story = story.started();
    assert_eq!(story.it().ledger.contacts()[0].channel, Channel::Sms);
}

#[test]
fn what_is_not_written_is_not_sent() {
    let mut story = Story::new();
    story.carried = &[Channel::Voice, Channel::Sms];
    let story = story.file(Wish {
        channels: vec![Channel::Sms, Channel::Voice],
        ..finance()
    });
    assert_eq!(story.plan().channel, Channel::Voice);
}

#[test]
fn a_hundred_wishes_of_one_customer_are_decided_on_in_a_blink() {
    let story = (0..100_u128).fold(Story::new(), |story, n| {
        story.file(Wish {
            expected_seconds: 31 + u32::try_from(n).unwrap() % 97,
            ..wish(
                n,
                "marketing",
                WishClass::Marketing,
                1 + u32::try_from(n).unwrap() * 7 % 50,
            )
        })
    });
    let decided = || {
        story
            .it()
            .coordinate(who(), story.known(), &story.policy, story.now)
    };
    assert_eq!(decided(), vec![]);
    let begun = std::time::Instant::now();
    let rounds = 20;
    (0..rounds).for_each(|_| assert_eq!(decided(), vec![]));
    // For whoever wants to know; what a machine takes is no matter of right and wrong.
    println!("{:?} for one look at 100 wishes", begun.elapsed() / rounds);
}
