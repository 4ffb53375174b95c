use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::aggregate::Folded;
use crate::channel::Channel;
use crate::event::Revision;
use crate::id::{InteractionId, OfferId};
use crate::time::Timestamp;

const NOW: Timestamp = Timestamp::from_millis(1_000_000);

fn anna() -> Definition {
    Definition {
        name: "anna".into(),
        display_name: "Anna".into(),
        role: Role::Agent,
        skills: BTreeMap::new(),
        phone: Phone::Registered {
            user: "anna".into(),
        },
        capacity: 100,
        weights: Weights::default(),
    }
}

fn offer(n: u128) -> OfferId {
    OfferId::from_uuid(Uuid::from_u128(n))
}

fn item(n: u128) -> InteractionId {
    InteractionId::from_uuid(Uuid::from_u128(n))
}

fn given(facts: impl IntoIterator<Item = Fact>) -> Agent {
    let mut folded = Folded::<Agent>::default();
    let facts = std::iter::once(Fact::Defined(anna())).chain(facts);
    for (revision, fact) in facts.enumerate() {
        folded.take(&fact, NOW, Revision(revision as u64));
    }
    Agent::clone(&folded.state.unwrap())
}

fn ready() -> Fact {
    Fact::PresenceChanged {
        presence: Presence::Ready,
    }
}

fn reserved(n: u128, channel: Channel) -> Fact {
    Fact::Reserved {
        offer: offer(n),
        interaction: item(n),
        channel,
        until: NOW + Duration::from_secs(20),
    }
}

#[test]
fn an_agent_with_three_chats_gets_no_fourth() {
    let chats = (1..=3).map(|n| Fact::WorkTaken {
        interaction: item(n),
        channel: Channel::Chat,
    });
    let agent = given(std::iter::once(ready()).chain(chats));
    assert_eq!(
        agent.reserve(offer(9), item(9), Channel::Chat, NOW, &[]),
        Err(Rejection::NoRoom)
    );
}

#[test]
fn a_call_never_meets_a_second_one_even_when_the_budget_would_allow_it() {
    let roomy = Definition {
        capacity: 1_000,
        ..anna()
    };
    let agent = given([Fact::Defined(roomy), ready(), reserved(1, Channel::Voice)]);
    assert_eq!(
        agent.reserve(offer(2), item(2), Channel::Voice, NOW, &[]),
        Err(Rejection::NoRoom)
    );
    assert!(
        agent
            .reserve(offer(2), item(2), Channel::Chat, NOW, &[])
            .is_ok()
    );
}

#[test]
fn who_misses_an_offer_is_set_not_ready_with_the_reason() {
    let agent = given([ready(), reserved(1, Channel::Voice)]);
    let facts = agent.end_reservation(offer(1), ReservationEnd::Expired);
    let reason = Presence::NotReady {
        reason: "missed_offer".into(),
    };
    assert!(
        facts.contains(&Fact::PresenceChanged { presence: reason }),
        "{facts:?}"
    );
}

#[test]
fn a_reservation_that_ended_twice_ends_once() {
    let agent = given([ready()]);
    assert_eq!(
        agent.end_reservation(offer(1), ReservationEnd::Expired),
        vec![]
    );
}

#[test]
fn nobody_logs_out_with_work_in_hand() {
    let agent = given([
        ready(),
        Fact::WorkTaken {
            interaction: item(1),
            channel: Channel::Chat,
        },
    ]);
    assert_eq!(
        agent.change_presence(Presence::LoggedOut),
        Err(Rejection::HasWork)
    );
}

#[test]
fn an_agent_without_a_phone_is_not_offered_calls() {
    let agent = given([
        Fact::Defined(Definition {
            phone: Phone::None,
            ..anna()
        }),
        ready(),
    ]);
    assert_eq!(
        agent.reserve(offer(1), item(1), Channel::Voice, NOW, &[]),
        Err(Rejection::NoPhone)
    );
}

#[derive(Clone, Debug)]
enum Attempt {
    Reserve(u128, Channel),
    Take(u128),
    End(u128, ReservationEnd),
    Finish(u128),
    Presence(bool),
}

fn any_attempt() -> impl Strategy<Value = Attempt> {
    let channel = prop_oneof![
        Just(Channel::Voice),
        Just(Channel::Chat),
        Just(Channel::Email)
    ];
    prop_oneof![
        (1..6u128, channel).prop_map(|(n, channel)| Attempt::Reserve(n, channel)),
        (1..6u128).prop_map(Attempt::Take),
        (1..6u128).prop_map(|n| Attempt::End(n, ReservationEnd::Expired)),
        (1..6u128).prop_map(|n| Attempt::End(n, ReservationEnd::Declined)),
        (1..6u128).prop_map(Attempt::Finish),
        any::<bool>().prop_map(Attempt::Presence),
    ]
}

proptest! {
    #[test]
    fn no_agent_ever_holds_more_than_their_capacity(attempts in prop::collection::vec(any_attempt(), 0..80)) {
        let mut folded = Folded::<Agent>::default();
        folded.take(&Fact::Defined(anna()), NOW, Revision(0));
        let mut next = Revision(1);
        for attempt in attempts {
            let agent = folded.state.clone().unwrap();
            let facts = match attempt {
                Attempt::Reserve(n, channel) => agent.reserve(offer(n), item(n), channel, NOW, &[]).unwrap_or_default(),
                // Work is taken out of a reservation only: that is the order of the two appends.
                Attempt::Take(n) => agent.reservations.iter().find(|held| held.offer == offer(n))
                    .map(|held| agent.take(held.interaction, held.channel)).unwrap_or_default(),
                Attempt::End(n, why) => agent.end_reservation(offer(n), why),
                Attempt::Finish(n) => agent.finish(item(n)),
                Attempt::Presence(true) => agent.change_presence(Presence::Ready).unwrap_or_default(),
                Attempt::Presence(false) => agent.change_presence(Presence::LoggedOut).unwrap_or_default(),
            };
            for fact in facts {
                folded.take(&fact, NOW, next);
                next = next.next();
            }
            let agent = folded.state.as_ref().unwrap();
            prop_assert!(agent.in_use() <= agent.definition.capacity, "{agent:?}");
            let calls = agent.work.iter().filter(|held| held.channel == Channel::Voice).count();
            prop_assert!(calls <= 1, "{agent:?}");
        }
    }
}

#[test]
fn a_reservation_for_an_offer_that_is_over_gives_way_to_the_next() {
    let agent = given([ready(), reserved(1, Channel::Voice)]);
    assert_eq!(
        agent.reserve(offer(2), item(2), Channel::Voice, NOW, &[]),
        Err(Rejection::NoRoom)
    );
    let facts = agent
        .reserve(offer(2), item(2), Channel::Voice, NOW, &[offer(1)])
        .unwrap();
    assert_eq!(
        facts[0],
        Fact::ReservationEnded {
            offer: offer(1),
            why: ReservationEnd::Withdrawn
        }
    );
    assert_eq!(facts.len(), 2);
}
