//! What must hold whatever agents, customers and clocks do.

use proptest::prelude::*;

use super::*;
use crate::aggregate;

#[derive(Clone, Debug)]
enum Attempt {
    Offer(u128, u128),
    Accept(u128),
    EndOffer(u128, OfferEnd),
    Dial(u128),
    NotReached(u128),
    Connect,
    Receive(u128),
    Send(u128, u128),
    Leave,
    End(u128),
    Fail,
    WrapUp(u128),
    WrapUpOver,
    Withdraw,
    Restart,
    Wait(u64),
}

fn any_attempt() -> impl Strategy<Value = Attempt> {
    let why = prop_oneof![
        Just(OfferEnd::Declined),
        Just(OfferEnd::Expired),
        Just(OfferEnd::Unreachable),
        Just(OfferEnd::Withdrawn)
    ];
    prop_oneof![
        4 => (0..4_u128, 1..3_u128).prop_map(|(offer, agent)| Attempt::Offer(offer, agent)),
        4 => (1..3_u128).prop_map(Attempt::Accept),
        2 => (0..4_u128, why).prop_map(|(offer, why)| Attempt::EndOffer(offer, why)),
        1 => (1..3_u128).prop_map(Attempt::Dial),
        1 => (1..3_u128).prop_map(Attempt::NotReached),
        1 => Just(Attempt::Connect),
        3 => (0..6_u128).prop_map(Attempt::Receive),
        3 => (1..3_u128, 6..12_u128).prop_map(|(agent, message)| Attempt::Send(agent, message)),
        1 => Just(Attempt::Leave),
        1 => (1..3_u128).prop_map(Attempt::End),
        1 => Just(Attempt::Fail),
        1 => (1..3_u128).prop_map(Attempt::WrapUp),
        2 => Just(Attempt::WrapUpOver),
        1 => Just(Attempt::Withdraw),
        1 => Just(Attempt::Restart),
        3 => (1..25_u64).prop_map(Attempt::Wait),
    ]
}

fn decide(story: &Story, attempt: &Attempt) -> Result<Vec<Fact>, Rejection> {
    let (it, now) = (story.it(), story.now);
    match *attempt {
        Attempt::Offer(o, a) => it.offer(
            offer(o),
            agent(a),
            now + Duration::from_secs(20),
            receipt(),
            Some((leg(o), None)),
        ),
        Attempt::Accept(a) => it.accept(agent(a), now),
        Attempt::EndOffer(o, why) => it.end_offer(offer(o), why, now),
        Attempt::Dial(l) => it.request_dial(leg(l), None),
        Attempt::NotReached(l) => it.not_reached(leg(l), DialOutcome::Busy, CLOSING, now),
        Attempt::Connect => it.connect(),
        Attempt::Receive(m) => it.receive(message(m), text("m")),
        Attempt::Send(a, m) => it.send(agent(a), message(m), text("m")),
        Attempt::Leave => it.customer_left(CLOSING, now),
        Attempt::End(a) => it.end(agent(a), CLOSING, now),
        Attempt::Fail => it.fail(CLOSING, now),
        Attempt::WrapUp(a) => it.wrap_up(agent(a), Some("solved".into()), None, &[]),
        Attempt::WrapUpOver => it.wrap_up_over(now),
        Attempt::Withdraw => it.withdraw(),
        Attempt::Restart => it.hub_restarted(),
        Attempt::Wait(_) => Ok(vec![]),
    }
}

fn play(attempts: &[Attempt]) -> (Story, Vec<MessageId>) {
    let mut story = Story::of(Channel::Voice, Direction::Outbound);
    let mut acknowledged = vec![];
    for attempt in attempts {
        if let Attempt::Wait(seconds) = attempt {
            story.now = story.now + Duration::from_secs(*seconds);
        }
        if let Ok(facts) = decide(&story, attempt) {
            story = story.then(facts);
            if let Attempt::Receive(m) | Attempt::Send(_, m) = attempt {
                acknowledged.push(message(*m));
            }
        }
    }
    (story, acknowledged)
}

proptest! {
    #[test]
    fn no_acknowledged_message_is_lost_or_stored_twice(attempts in prop::collection::vec(any_attempt(), 0..60)) {
        let (story, acknowledged) = play(&attempts);
        for id in acknowledged {
            let stored = story.it().messages.iter().filter(|message| message.id == id).count();
            prop_assert_eq!(stored, 1);
            prop_assert!(story.it().place_of(id).is_some());
        }
    }

    #[test]
    fn one_offer_runs_at_a_time_and_a_contact_ends_exactly_once(attempts in prop::collection::vec(any_attempt(), 0..60)) {
        let (story, _) = play(&attempts);
        let (mut running, mut accepted, mut ends) = (None, 0, 0);
        for (fact, _) in &story.facts {
            match fact {
                Fact::Offered { offer, .. } => {
                    prop_assert_eq!(running, None);
                    prop_assert_eq!(ends + accepted, 0);
                    running = Some(*offer);
                }
                Fact::OfferEnded { offer, .. } => prop_assert_eq!(running.take(), Some(*offer)),
                Fact::OfferAccepted { offer, .. } => {
                    prop_assert_eq!(running.take(), Some(*offer));
                    accepted += 1;
                }
                Fact::Abandoned {} | Fact::Closed { .. } => {
                    prop_assert_eq!(running, None);
                    ends += 1;
                }
                _ => {}
            }
        }
        prop_assert!(accepted <= 1 && ends <= 1);
        prop_assert_eq!(ends == 1, story.it().is_closed());
    }

    #[test]
    fn a_dial_that_ended_was_requested_and_ends_once(attempts in prop::collection::vec(any_attempt(), 0..60)) {
        let (story, _) = play(&attempts);
        let mut ringing = vec![];
        for (fact, _) in &story.facts {
            match fact {
                Fact::DialRequested { leg, party, .. } => {
                    let second = ringing.iter().any(|(_, known)| known == party);
                    prop_assert!(*party == DialParty::Agent || !second, "the customer is rung twice");
                    ringing.push((*leg, *party));
                }
                Fact::DialEnded { party: DialParty::Agent, leg, .. } => {
                    let known = ringing.iter().position(|(known, _)| known == leg);
                    prop_assert!(known.is_some());
                    ringing.extract_if(.., |(known, _)| known == leg).for_each(drop);
                }
                _ => {}
            }
        }
    }

    #[test]
    fn every_state_with_an_end_reaches_it_by_time_alone(attempts in prop::collection::vec(any_attempt(), 0..60)) {
        let (story, _) = play(&attempts);
        match story.it().phase {
            Phase::Offered { offer, until, .. } => {
                let facts = story.it().end_offer(offer, OfferEnd::Expired, until).unwrap();
                let waiting = matches!(story.then(facts).it().phase, Phase::Queued { .. });
                prop_assert!(waiting);
            }
            Phase::WrapUp { until, .. } => {
                let facts = story.it().wrap_up_over(until).unwrap();
                prop_assert!(story.then(facts).it().is_closed());
            }
            Phase::Received | Phase::Queued { .. } | Phase::Active { .. } | Phase::Closed { .. } => {}
        }
    }

    #[test]
    fn what_was_stored_folds_to_the_same_state(attempts in prop::collection::vec(any_attempt(), 0..60)) {
        let (story, _) = play(&attempts);
        let mut again = Folded::<Interaction>::default();
        for (revision, (fact, at)) in story.facts.iter().enumerate() {
            let stored = aggregate::encode(fact).unwrap();
            let read = aggregate::decode(&stored.kind, stored.version, &stored.data).unwrap();
            again.take(&read, *at, Revision(revision as u64));
        }
        prop_assert_eq!(again.state, story.folded.state);
    }

    #[test]
    fn asking_twice_is_the_same_as_asking_once(attempts in prop::collection::vec(any_attempt(), 1..60)) {
        let (story, _) = play(&attempts);
        for attempt in &attempts {
            if let Ok(facts) = decide(&story, attempt) {
                let after = story.clone().then(facts);
                let again = decide(&after, attempt).unwrap_or_default();
                prop_assert_eq!(again, vec![], "{:?}", attempt);
            }
        }
    }
}
