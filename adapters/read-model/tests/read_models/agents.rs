//! An agent's stream is as long as their work was; what it leads to stands in a few events of it.

use crate::support::{Paper, fed};
use proptest::prelude::*;
use rapport_domain::agent::{
    Agent, Definition, Fact, Phone, PhoneSecret, Presence, ReservationEnd, Role, Weights,
};
use rapport_domain::aggregate::Folded;
use rapport_domain::channel::Channel;
use rapport_domain::id::{AgentId, EpochId, InteractionId, NodeId, OfferId, TenantId};
use rapport_domain::node::Life;
use rapport_domain::port::query::Worklist as _;
use rapport_domain::time::Timestamp;
use uuid::Uuid;

fn agent(number: u128) -> AgentId {
    AgentId::from_uuid(Uuid::from_u128(number))
}

fn life(number: u128) -> Life {
    Life {
        node: NodeId::named(&number.to_string()),
        epoch: EpochId::from_uuid(Uuid::from_u128(number)),
    }
}

fn any_fact() -> impl Strategy<Value = Fact> {
    let offer = |number| OfferId::from_uuid(Uuid::from_u128(number));
    let interaction = |number| InteractionId::from_uuid(Uuid::from_u128(number));
    let channel = prop_oneof![Just(Channel::Voice), Just(Channel::Chat)];
    let defined = |capacity| {
        Fact::Defined(Definition {
            name: "anna".to_owned(),
            display_name: "Anna".to_owned(),
            role: Role::Agent,
            skills: [].into(),
            phone: Phone::None,
            capacity,
            weights: Weights::default(),
        })
    };
    let secret = |number: u32| {
        Fact::PhoneSecretSet(PhoneSecret {
            realm: "rapport".to_owned(),
            ha1_md5: number.to_string(),
            ha1_sha256: number.to_string(),
        })
    };
    let presence = prop_oneof![Just(Presence::Ready), Just(Presence::LoggedOut)];
    let why = ReservationEnd::Withdrawn;
    prop_oneof![
        2 => (1..9_u32).prop_map(defined),
        1 => Just(Fact::Retired {}),
        1 => (0..9_u32).prop_map(|n| Fact::PasswordSet { hash: n.to_string() }),
        1 => (0..9_u32).prop_map(secret),
        3 => presence.prop_map(|presence| Fact::PresenceChanged { presence }),
        5 => (0..4_u128, 0..4_u128, channel.clone()).prop_map(move |(of, on, channel)| Fact::Reserved {
            offer: offer(of),
            interaction: interaction(on),
            channel,
            until: Timestamp::from_millis(9),
        }),
        3 => (0..4_u128).prop_map(move |of| Fact::ReservationEnded { offer: offer(of), why }),
        4 => (0..4_u128, channel).prop_map(move |(on, channel)| Fact::WorkTaken {
            interaction: interaction(on),
            channel,
        }),
        4 => (0..4_u128).prop_map(move |on| Fact::WorkFinished { interaction: interaction(on) }),
        2 => (0..3_u128).prop_map(|n| Fact::PhoneRegistered { at: life(n) }),
        2 => (0..3_u128).prop_map(|n| Fact::PhoneGone { at: life(n) }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_events_that_are_named_lead_to_the_state_that_all_lead_to(
        facts in prop::collection::vec((0..2_u128, any_fact()), 0..80)
    ) {
        let mut paper = Paper::default();
        let tenant = TenantId::named("acme");
        for (at, (of, fact)) in (0..).zip(&facts) {
            let now = Timestamp::from_millis(at);
            paper.append(tenant, agent(*of).as_uuid(), now, std::slice::from_ref(fact));
        }
        let folder = tempfile::tempdir().unwrap();
        let named = fed(folder.path(), &paper.events).agent_events().unwrap();
        for of in 0..2 {
            let (mut all, mut few) = (Folded::<Agent>::default(), Folded::<Agent>::default());
            let revisions = named.iter().find(|(known, _)| *known == agent(of));
            let theirs = paper.events.iter().filter(|one| one.stream.id == agent(of).as_uuid());
            for recorded in theirs {
                all.take_recorded(recorded).unwrap();
                if revisions.is_some_and(|(_, these)| these.contains(&recorded.revision)) {
                    few.take_recorded(recorded).unwrap();
                }
            }
            prop_assert_eq!(&few.state, &all.state);
            prop_assert_eq!(few.revision, all.revision);
        }
    }
}

#[test]
fn work_that_is_done_leaves_nothing_to_read_however_much_it_was() {
    let mut paper = Paper::default();
    let tenant = TenantId::named("acme");
    let mut append = |fact: Fact| {
        paper.append(tenant, agent(1).as_uuid(), Timestamp::default(), &[fact]);
    };
    let hash = "hash".to_owned();
    append(Fact::PasswordSet { hash });
    for number in 0..500 {
        let interaction = InteractionId::from_uuid(Uuid::from_u128(number));
        append(Fact::Reserved {
            offer: OfferId::from_uuid(Uuid::from_u128(number)),
            interaction,
            channel: Channel::Chat,
            until: Timestamp::default(),
        });
        append(Fact::WorkTaken {
            interaction,
            channel: Channel::Chat,
        });
        append(Fact::WorkFinished { interaction });
    }
    let folder = tempfile::tempdir().unwrap();
    let named = fed(folder.path(), &paper.events).agent_events().unwrap();
    assert_eq!(named.len(), 1);
    assert_eq!(named[0].1.len(), 2, "the set-up and the last event");
}
