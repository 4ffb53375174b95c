//! When deliveries are sent, set aside and given up; and that no delivery is lost by it, whatever an endpoint answers.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::Value;
use uuid::Uuid;

use crate::aggregate::{Aggregate, Folded, encode};
use crate::channel::Channel;
use crate::event::{Actor, Category, Meta, NewEvent, Position, Recorded, Revision, Stream};
use crate::id::{CustomerId, EventId, InteractionId, PlanId, TenantId, WishId};
use crate::outreach::{self, Outcome, Outreach, Reason, Receipt, Wish, WishClass};
use crate::private::Private;
use crate::time::Timestamp;
use crate::webhook::*;

const DAY: Duration = Duration::from_secs(86_400);

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(1_795_262_400_000) + Duration::from_secs(seconds)
}

fn due(position: u64) -> Due {
    Due {
        position: Position(position),
        since: at(0),
    }
}

fn place(position: u64) -> Place {
    Place {
        position: Position(position),
        customer: CustomerId::from_uuid(Uuid::from_u128(1)),
        revision: Revision(position),
    }
}

fn line(facts: &[Fact]) -> Line {
    let mut folded = Folded::<Line>::default();
    let opened = Line::open(None, "crm", "finance", Position(10));
    for (revision, fact) in (0..).zip(opened.iter().chain(facts)) {
        folded.take(fact, at(0), Revision(revision));
    }
    Line::clone(&folded.state.unwrap())
}

#[test]
fn an_endpoint_that_cannot_be_reached_holds_the_line_up_for_longer_each_time() {
    let mut sending = Sending::new(DAY);
    let mut now = at(0);
    let mut pauses = vec![];
    for _ in 0..20 {
        assert_eq!(sending.next(Some(due(1)), &[], now), Next::Head);
        let step = sending.answered(due(1), Answer::Unreachable, true, 0, now, 999);
        assert_eq!(step, Step::Again);
        let Next::Wait(until) = sending.next(Some(due(1)), &[], now) else {
            panic!("it does not wait")
        };
        pauses.push(until.since(now).as_secs());
        now = until;
    }
    assert_eq!(pauses[..5], [1, 2, 4, 8, 16]);
    assert_eq!(pauses[15], 3_600, "an hour at the most");
}

#[test]
fn jitter_takes_at_most_half_of_a_pause() {
    for jitter in [0, 500, 999, 5_000] {
        let mut sending = Sending::new(DAY);
        sending.answered(due(1), Answer::Unreachable, true, 0, at(0), jitter);
        let pause = sending.down_until().unwrap().since(at(0));
        assert!((500..=1_000).contains(&pause.as_millis()), "{pause:?}");
    }
}

#[test]
fn an_endpoint_that_asks_for_a_pause_gets_it_within_reason() {
    for (asked, given) in [(120, 120), (0, 1), (10 * 86_400, 86_400)] {
        let mut sending = Sending::new(DAY);
        let answer = Answer::Busy {
            status: 429,
            after: Some(Duration::from_secs(asked)),
        };
        sending.answered(due(1), answer, true, 0, at(0), 999);
        assert_eq!(sending.down_until(), Some(at(given)));
    }
}

#[test]
fn a_refused_delivery_steps_aside_and_those_behind_it_go_on() {
    let mut sending = Sending::new(DAY);
    let refused = Answer::Refused { status: 500 };
    let step = sending.answered(due(1), refused, true, 0, at(0), 999);
    assert_eq!(step, Step::Aside { status: 500 });
    assert_eq!(sending.next(Some(due(2)), &[due(1)], at(0)), Next::Head);
    assert_eq!(sending.next(None, &[due(1)], at(0)), Next::Wait(at(1)));
    let again = sending.next(Some(due(2)), &[due(1)], at(1));
    assert_eq!(again, Next::Aside(Position(1)), "its turn has come");
}

#[test]
fn with_no_room_aside_a_refused_delivery_holds_the_line_up() {
    let mut sending = Sending::new(DAY);
    let refused = Answer::Refused { status: 500 };
    let step = sending.answered(due(1), refused, true, ASIDE_MOST, at(0), 999);
    assert_eq!(step, Step::Again);
    assert_eq!(sending.next(Some(due(1)), &[], at(0)), Next::Wait(at(1)));
    assert_eq!(sending.next(Some(due(1)), &[], at(1)), Next::Head);
}

#[test]
fn a_delivery_has_its_time_and_is_given_up_then() {
    let late = at(86_401);
    let mut sending = Sending::new(DAY);
    let step = sending.answered(due(1), Answer::Refused { status: 400 }, false, 1, late, 0);
    assert_eq!(step, Step::GiveUp(DeadReason::Refused { status: 400 }));
    let step = sending.answered(due(2), Answer::Unreachable, true, 0, late, 0);
    assert_eq!(step, Step::GiveUp(DeadReason::Unreachable));
    // The endpoint has just shown that it is down: the next old one is not tried, and a younger one waits.
    let next = sending.next(Some(due(3)), &[], late);
    assert_eq!(next, Next::GiveUpHead(DeadReason::Unreachable));
    let young = Due {
        position: Position(4),
        since: late,
    };
    assert!(matches!(
        sending.next(Some(young), &[], late),
        Next::Wait(_)
    ));
}

#[test]
fn an_old_delivery_is_sent_all_the_same_while_the_endpoint_takes_letters() {
    let sending = Sending::new(DAY);
    assert_eq!(sending.next(Some(due(1)), &[], at(900_000)), Next::Head);
}

#[test]
fn an_endpoint_that_says_gone_is_sent_nothing_until_somebody_asks() {
    let mut sending = Sending::new(DAY);
    let step = sending.answered(due(11), Answer::Gone, true, 0, at(0), 0);
    assert_eq!(step, Step::Suspend(Suspension::Gone));
    let gone = line(&Line::suspend(Some(&line(&[])), 0, Suspension::Gone).unwrap());
    assert_eq!(gone.suspended, Some(Suspension::Gone));
    let progress = Line::progress(Some(&gone), 0, Position(20), 1);
    assert_eq!(progress, Err(Outdated));
    let mut facts = Line::suspend(Some(&line(&[])), 0, Suspension::Gone).unwrap();
    facts.extend(Line::replay(Some(&gone), None).unwrap());
    let back = line(&facts);
    assert_eq!((back.suspended, back.mark), (None, Position(10)));
}

#[test]
fn a_replay_ends_what_was_begun_before_it() {
    let replayed = line(&Line::replay(Some(&line(&[])), Some(Position(3))).unwrap());
    assert_eq!((replayed.mark, replayed.round), (Position(3), 1));
    let late = Line::progress(Some(&replayed), 0, Position(30), 1);
    assert_eq!(late, Err(Outdated), "it would pass over what was asked for");
    assert_eq!(Line::replay(None, None), Err(Outdated));
}

#[test]
fn what_a_replay_reaches_again_waits_aside_no_more() {
    let known = line(&[]);
    let mut facts = Line::set_aside(Some(&known), 0, place(12), 500, 1).unwrap();
    let known = line(&facts);
    assert_eq!((known.mark, known.delivered), (Position(12), 1));
    let event = EventId::from_uuid(Uuid::from_u128(5));
    let why = DeadReason::Unreachable;
    facts.extend(Line::give_up(Some(&known), 0, place(14), event, why, 0).unwrap());
    assert_eq!(line(&facts).dead.len(), 1);
    facts.extend(Line::replay(Some(&line(&facts)), Some(Position(11))).unwrap());
    let replayed = line(&facts);
    assert!(replayed.aside.is_empty() && replayed.dead.is_empty());
    assert_eq!(replayed.mark, Position(11));
}

#[test]
fn only_the_latest_dead_letters_are_kept_in_sight() {
    let event = EventId::from_uuid(Uuid::from_u128(5));
    let mut known = line(&[]);
    for position in 11..=11 + DEAD_SHOWN as u64 {
        let why = DeadReason::Unreachable;
        for fact in Line::give_up(Some(&known), 0, place(position), event, why, 0).unwrap() {
            known.apply(&fact, at(1), Revision(1));
        }
    }
    assert_eq!(known.dead.len(), DEAD_SHOWN);
    assert_eq!(known.dead[0].place.position, Position(12));
    assert_eq!(known.given_up, DEAD_SHOWN as u64 + 1);
}

fn receipt(reason: Reason) -> Receipt {
    Receipt {
        policy_version: 1,
        reason,
        inputs: std::collections::BTreeMap::new(),
        scores: std::collections::BTreeMap::new(),
    }
}

fn wish(id: u128, department: &str) -> Wish {
    Wish {
        id: WishId::from_uuid(Uuid::from_u128(id)),
        department: department.to_owned(),
        purpose: "survey".to_owned(),
        class: WishClass::Service,
        talking_point: Private::new("Ask how the repair went.".to_owned()),
        message: None,
        value: 1,
        propensity: 1_000,
        expected_seconds: 60,
        not_before: None,
        expires_at: at(900),
        channels: vec![Channel::Voice],
        script: None,
        evidence: None,
        bundle: true,
    }
}

fn recorded(fact: &outreach::Fact) -> Recorded {
    let encoded = encode(fact).unwrap();
    Recorded {
        stream: Stream::new(Category::Outreach, Uuid::from_u128(1)),
        revision: Revision(7),
        position: Position(77),
        event: NewEvent {
            id: EventId::from_uuid(Uuid::from_u128(99)),
            kind: encoded.kind,
            version: encoded.version,
            recorded_at: at(5),
            meta: Meta {
                tenant: TenantId::named("acme"),
                actor: Actor::System,
                correlation: Uuid::nil(),
                causation: None,
                subject: None,
            },
            data: encoded.data,
        },
    }
}

fn outreach_of(wishes: [Wish; 2]) -> Outreach {
    let mut outreach = Outreach::default();
    for wish in wishes {
        outreach.apply(&outreach::Fact::WishFiled(wish), at(0), Revision(0));
    }
    outreach
}

fn endpoint(events: Vec<WishEvent>) -> Endpoint {
    Endpoint {
        tenant: TenantId::named("acme"),
        name: "crm".to_owned(),
        department: "finance".to_owned(),
        events,
        give_up_after: DAY,
    }
}

#[test]
fn a_delivery_names_the_wishes_of_its_department_alone_and_is_the_same_each_time() {
    let outreach = outreach_of([wish(4, "finance"), wish(5, "service")]);
    let ids = [4, 5].map(|id| WishId::from_uuid(Uuid::from_u128(id)));
    let planned = outreach::Fact::ContactPlanned {
        plan: PlanId::from_uuid(Uuid::from_u128(6)),
        channel: Channel::Voice,
        slot: at(60),
        agenda: ids.to_vec(),
        receipt: receipt(Reason::Bundled),
    };
    let crm = endpoint(vec![WishEvent::Planned]);
    let event = recorded(&planned);
    let first = delivery(&crm, &event, &planned, &outreach).unwrap();
    assert_eq!(
        delivery(&crm, &event, &planned, &outreach),
        Some(first.clone())
    );
    let body: Value = serde_json::from_slice(&first.body).unwrap();
    assert_eq!(body["type"], "rapport.wish.planned");
    assert_eq!(body["id"], first.id);
    assert_eq!(body["data"]["wishes"].as_array().unwrap().len(), 1);
    assert_eq!(body["data"]["wishes"][0]["wish"], ids[0].to_string());
    assert_eq!(body["data"]["position"], 77);
    let text = String::from_utf8(first.body).unwrap();
    assert!(!text.contains("repair"), "nothing personal is in it");
    let other = Endpoint {
        name: "second".to_owned(),
        ..endpoint(vec![WishEvent::Planned])
    };
    let elsewhere = delivery(&other, &event, &planned, &outreach).unwrap();
    assert_ne!(elsewhere.id, first.id, "each endpoint has ids of its own");
}

#[test]
fn an_endpoint_hears_only_of_what_it_asked_for() {
    let outreach = outreach_of([wish(4, "finance"), wish(5, "service")]);
    let id = WishId::from_uuid(Uuid::from_u128(4));
    let agent = crate::id::AgentId::from_uuid(Uuid::from_u128(3));
    let said = |outcome| outreach::Fact::OutcomeRecorded {
        wish: id,
        outcome,
        not_before: None,
        interaction: InteractionId::from_uuid(Uuid::from_u128(2)),
        agent,
        note: Some(Private::new("Pays on Friday.".to_owned())),
    };
    let dropped = outreach::Fact::WishDropped {
        wish: id,
        receipt: receipt(Reason::Expired),
    };
    let held = outreach::Fact::WishHeld {
        wish: id,
        until: None,
        receipt: receipt(Reason::DailyCap),
    };
    let crm = endpoint(WishEvent::usual());
    let tells = |fact: &outreach::Fact| delivery(&crm, &recorded(fact), fact, &outreach);
    let done = tells(&said(Outcome::Agreed)).unwrap();
    assert!(!String::from_utf8(done.body).unwrap().contains("Friday"));
    assert!(tells(&dropped).is_some());
    assert!(tells(&said(Outcome::Later)).is_none(), "it is not its end");
    assert!(tells(&held).is_none());
    let strangers = outreach_of([wish(4, "sales"), wish(5, "service")]);
    assert!(delivery(&crm, &recorded(&dropped), &dropped, &strangers).is_none());
}

fn any_answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        6 => Just(Answer::Taken),
        2 => (400..600_u16).prop_map(|status| Answer::Refused { status }),
        2 => Just(Answer::Unreachable),
        1 => (0..100_u64).prop_map(|s| Answer::Busy { status: 429, after: Some(Duration::from_secs(s)) }),
    ]
}

proptest! {
    /// Whatever is answered, and whenever the process dies and another one goes on from the log: every delivery is taken or
    /// given up, none is passed over, and with a receiver that gets well in the end none is given up.
    #[test]
    fn every_delivery_is_taken_or_given_up_whatever_is_answered(
        answers in proptest::collection::vec((any_answer(), 0..1_000_u16, proptest::bool::weighted(0.1)), 0..200),
        deliveries in 1..30_u64,
    ) {
        let mut known = line(&[]);
        let mut sending = Sending::new(DAY * 1_000);
        let (mut taken, mut now, mut head) = (BTreeSet::new(), at(0), 11);
        let mut answers = answers.into_iter();
        let mut unsaved = 0;
        loop {
            let aside: Vec<Due> = known.aside.keys().map(|p| due(p.0)).collect();
            let first = (head < 11 + deliveries).then(|| due(head));
            let next = sending.next(first, &aside, now);
            let (of, in_line) = match next {
                Next::Head => (due(head), true),
                Next::Aside(position) => (due(position.0), false),
                Next::Wait(until) => { prop_assert!(until > now); now = until; continue }
                Next::Idle => break,
                Next::GiveUpHead(_) => unreachable!("nothing is too old here"),
            };
            let (answer, jitter, dies) = answers.next().unwrap_or((Answer::Taken, 0, false));
            if answer == Answer::Taken { taken.insert(of.position); }
            if dies {
                // It was taken or not, and nobody knows: what the log says counts.
                sending = Sending::new(DAY * 1_000);
                (head, unsaved) = (known.mark.0 + 1, 0);
                continue;
            }
            let step = sending.answered(of, answer, in_line, aside.len(), now, jitter);
            let facts = match (step, in_line) {
                (Step::Done, false) => Line::settle(Some(&known), 0, of.position),
                (Step::Done, true) => {
                    head += 1;
                    unsaved += 1;
                    if unsaved < 3 { Ok(vec![]) } else {
                        Line::progress(Some(&known), 0, of.position, std::mem::take(&mut unsaved))
                    }
                }
                (Step::Aside { status }, _) => {
                    head += 1;
                    Line::set_aside(Some(&known), 0, place(of.position.0), status, std::mem::take(&mut unsaved))
                }
                (Step::Again, _) => Ok(vec![]),
                (Step::GiveUp(_) | Step::Suspend(_), _) => unreachable!("nobody is gone or too old"),
            };
            for fact in facts.unwrap() { known.apply(&fact, now, Revision(1)); }
        }
        prop_assert_eq!(taken.len() as u64, deliveries);
        prop_assert!(known.aside.is_empty());
        prop_assert!(known.mark.0 < 11 + deliveries);
    }
}
