//! Every contact counts, whoever made it.

use super::*;

fn pressure(story: &Story) -> Pressure {
    story.it().pressure(story.known(), &story.policy, story.now)
}

#[test]
fn a_contact_made_elsewhere_counts_and_holds_what_was_planned() {
    let story = Story::new().file(finance());
    let story = story.contacted_elsewhere(70, MORNING);
    let midnight = MORNING + 14 * HOUR;
    assert_eq!(story.it().plan, None);
    assert_eq!(*story.status(1), held(Reason::DailyCap, Some(midnight)));
    let known = story.facts.len();
    assert_eq!(
        story.contacted_elsewhere(70, MORNING).facts.len(),
        known,
        "told twice, it was made once"
    );
}

#[test]
fn the_pressure_says_how_often_and_when_next() {
    let week = Cap {
        contacts: 3,
        days: 7,
    };
    let story = Story::new().with(|_, rules| rules.caps = vec![week]);
    let story = story.contacted_elsewhere(70, MORNING - 48 * HOUR);
    assert_eq!(
        (pressure(&story).next_allowed, pressure(&story).because),
        (MORNING, None)
    );
    let story = story.file(finance()).said(Outcome::Agreed);
    let seen = pressure(&story);
    let window = |days, contacts, cap| Window {
        days,
        contacts,
        cap,
    };
    assert_eq!(seen.windows, [window(1, 1, 1), window(7, 2, 3)]);
    assert_eq!(seen.next_allowed, MORNING + 22 * HOUR, "tomorrow at eight");
    assert_eq!(seen.because, Some(Reason::DailyCap));
    let made: Vec<_> = seen
        .contacts
        .iter()
        .map(|c| (c.origin, c.reached))
        .collect();
    assert_eq!(
        made,
        [
            (Origin::Planned, Some(true)),
            (Origin::Elsewhere, Some(true))
        ]
    );
}

#[test]
fn an_attempt_that_reached_nobody_counts_and_one_that_was_called_off_does_not() {
    let story = Story::new().file(finance()).started();
    let on = story.running();
    let failed = story.clone().ended(on, false);
    assert_eq!(pressure(&failed).windows[0].contacts, 1);
    assert_eq!(pressure(&failed).contacts[0].reached, Some(false));
    let facts = story
        .it()
        .call_off(on, who(), story.known(), &story.policy, story.now);
    assert_eq!(pressure(&story.then(facts)).windows[0].contacts, 0);
}

#[test]
fn what_is_remembered_is_enough_for_the_largest_cap() {
    let most = MOST_CONTACTS;
    let story = Story::new().with(|_, rules| rules.contacts_per_day = most);
    let made = (0..300_u32).fold(story, |story, n| {
        story.contacted_elsewhere(1_000 + u128::from(n), MORNING + n * Duration::from_secs(1))
    });
    assert!(made.it().ledger.contacts().len() < 300, "memory is bounded");
    let made = made.at(MORNING + HOUR).file(finance());
    let midnight = MORNING + 14 * HOUR;
    assert_eq!(*made.status(1), held(Reason::DailyCap, Some(midnight)));
}

#[test]
fn a_contact_told_of_late_takes_its_place_in_time() {
    let story = Story::new()
        .contacted_elsewhere(70, MORNING)
        .contacted_elsewhere(71, MORNING - 24 * HOUR);
    let ids: Vec<u128> = story
        .it()
        .ledger
        .contacts()
        .iter()
        .map(|contact| contact.id.as_u128())
        .collect();
    assert_eq!(ids, [71, 70]);
}
