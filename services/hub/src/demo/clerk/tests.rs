//! The clerk at work.

use super::*;

const ID: Uuid = Uuid::from_u128(1);

fn item(channel: &str, phase: &str, wishes: u128) -> WorkItem {
    let agenda = (0..wishes)
        .map(|n| AgendaItem {
            wish: Uuid::from_u128(100 + n),
            outcome: None,
        })
        .collect();
    WorkItem {
        id: ID,
        channel: channel.to_owned(),
        direction: "outbound".to_owned(),
        phase: phase.to_owned(),
        connected_at: (phase != "offered").then_some(1),
        agenda,
        dispositions: vec!["reached".to_owned(), "not_reached".to_owned()],
        messages: None,
    }
}

fn from(seed: u64) -> Clerk {
    Clerk::new(Random::new(seed))
}

#[test]
fn every_wish_of_a_call_is_noted_before_the_agent_says_goodbye_and_only_once() {
    let mut clerk = from(1);
    let plan = clerk.sees(&item("voice", "active", 3));
    let last_note = plan
        .iter()
        .filter(|(_, act)| matches!(act, Act::Outcome(..)))
        .map(|(at, _)| *at)
        .max()
        .unwrap();
    let end = plan
        .iter()
        .find(|(_, act)| matches!(act, Act::End(_)))
        .unwrap()
        .0;
    assert_eq!(plan.len(), 4);
    assert!(end > last_note);
    assert!(
        clerk.sees(&item("voice", "active", 3)).is_empty(),
        "seeing it again plans nothing more"
    );
}

#[test]
fn what_was_not_noted_while_talking_is_noted_in_wrap_up() {
    let mut clerk = from(1);
    let plan = clerk.sees(&item("voice", "active", 2));
    let first = plan
        .iter()
        .find(|(_, act)| matches!(act, Act::Outcome(..)))
        .unwrap()
        .1
        .clone();
    clerk.did(&first);
    let plan = clerk.sees(&item("voice", "wrap_up", 2));
    let wanted: Vec<&Act> = plan
        .iter()
        .map(|(_, act)| act)
        .filter(|act| clerk.still_wants(act))
        .collect();
    assert!(
        matches!(wanted[..], [Act::Outcome(..), Act::WrapUp(_, Some(_))]),
        "{wanted:?}"
    );
    assert!(!clerk.still_wants(&first));
}

#[test]
fn nothing_is_noted_of_a_customer_who_was_not_reached() {
    let mut clerk = from(1);
    let unreached = WorkItem {
        connected_at: None,
        ..item("voice", "wrap_up", 2)
    };
    let plan = clerk.sees(&unreached);
    assert!(
        matches!(&plan[..], [(_, Act::WrapUp(_, Some(code)))] if code == "not_reached"),
        "{plan:?}"
    );
}

#[test]
fn each_message_of_the_visitor_is_answered_once() {
    let mut clerk = from(1);
    let mut chat = item("chat", "active", 0);
    let message = |n| Message {
        id: Uuid::from_u128(n),
        from: "customer".to_owned(),
    };
    chat.messages = Some(vec![message(1)]);
    assert!(
        matches!(clerk.sees(&chat)[0].1, Act::Say(..)),
        "the greeting"
    );
    assert!(
        clerk.reads(ID, &message(1)).is_empty(),
        "answered by the greeting"
    );
    assert!(matches!(
        clerk.reads(ID, &message(2))[..],
        [(_, Act::Say(..))]
    ));
    assert!(clerk.reads(ID, &message(2)).is_empty());
    let own = Message {
        from: "agent".to_owned(),
        ..message(3)
    };
    assert!(clerk.reads(ID, &own).is_empty());
}

#[test]
fn an_act_whose_moment_has_passed_is_not_wanted() {
    let mut clerk = from(2);
    let _ = clerk.sees(&item("chat", "offered", 0));
    assert!(clerk.still_wants(&Act::Accept(ID)) && !clerk.is_idle());
    clerk.gone(ID);
    assert!(!clerk.still_wants(&Act::Accept(ID)) && clerk.is_idle());
}

#[test]
fn at_the_end_of_the_day_nobody_gets_ready_again() {
    let mut clerk = from(4);
    let _ = clerk.sees_presence(&Presence {
        state: "ready".to_owned(),
        reason: None,
    });
    let last = clerk.ends_the_day();
    assert!(
        clerk.still_wants(&last)
            && !clerk.still_wants(&Act::Pause("break"))
            && !clerk.still_wants(&Act::Ready)
    );
}

#[test]
fn whoever_missed_an_offer_comes_back_once() {
    let mut clerk = from(3);
    let missed = Presence {
        state: "not_ready".to_owned(),
        reason: Some("missed_offer".to_owned()),
    };
    assert!(matches!(
        clerk.sees_presence(&missed)[..],
        [(_, Act::Ready)]
    ));
    assert!(clerk.sees_presence(&missed).is_empty());
    let ready = Presence {
        state: "ready".to_owned(),
        reason: None,
    };
    let _ = clerk.sees_presence(&ready);
    assert!(matches!(
        clerk.sees_presence(&missed)[..],
        [(_, Act::Ready)]
    ));
}
