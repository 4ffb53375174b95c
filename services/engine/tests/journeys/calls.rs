//! Calls, inbound and planned.

use crate::support::{World, world};
use rapport_domain::agent::Presence;
use rapport_domain::customer::DoNotContact;
use rapport_domain::event::Actor;
use rapport_domain::id::InteractionId;
use rapport_domain::outreach::{Fact, Outcome, WishClass, Withdrawal};
use rapport_domain::port::voice::{DialTarget, LegEnd, Refusal, Sound, VoiceCommand, VoiceEvent};
use rapport_engine::CustomerChange;
use uuid::Uuid;

fn leg_of(dial: &VoiceCommand) -> rapport_domain::id::LegId {
    match dial {
        VoiceCommand::Dial { leg, .. } => *leg,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_answered_offered_bridged_ended_and_wrapped_up() {
    let world = world().await;
    let caller = world.call_from("+4917012345").await;
    let answer = VoiceCommand::Answer {
        leg: caller,
        sound: Sound::QueueMusic,
    };
    world
        .until("the answer", |world| {
            world.voice.all().contains(&answer).then_some(())
        })
        .await;
    assert!(
        world.has("interaction.queued").is_some(),
        "answered before it was on disk"
    );
    world.ready().await;
    let dial = world.dialled(0).await;
    let VoiceCommand::Dial {
        target, from_user, ..
    } = &dial
    else {
        panic!()
    };
    assert_eq!(
        *target,
        DialTarget::Address {
            uri: "sip:anna@127.0.0.1:5999".into()
        }
    );
    assert_eq!(from_user, "+4917012345");
    let agent = leg_of(&dial);
    world
        .peer
        .send(VoiceEvent::Answered { leg: agent })
        .await
        .unwrap();
    let bridge = VoiceCommand::Bridge {
        a: caller,
        b: agent,
    };
    world
        .until("the bridge", |world| {
            world.voice.all().contains(&bridge).then_some(())
        })
        .await;
    world
        .peer
        .send(VoiceEvent::Ended {
            leg: caller,
            why: LegEnd::PeerHungUp,
        })
        .await
        .unwrap();
    let id = world
        .until("wrap-up", |world| world.has("interaction.ended"))
        .await;
    let hang_up = VoiceCommand::HangUp { leg: agent };
    world
        .until("the agent's leg to end", |world| {
            world.voice.all().contains(&hang_up).then_some(())
        })
        .await;
    let code = Some("solved".to_owned());
    world
        .engine
        .wrap_up(world.tenant, world.anna, id, code, None)
        .await
        .unwrap();
    world
        .until("the agent to be free", |world| {
            world.has("agent.work_finished")
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_hangs_up_while_waiting_is_recorded_as_abandoned() {
    let world = world().await;
    let caller = world.call_from("+4917012345").await;
    world
        .until("the queue", |world| world.has("interaction.queued"))
        .await;
    world
        .peer
        .send(VoiceEvent::Ended {
            leg: caller,
            why: LegEnd::PeerHungUp,
        })
        .await
        .unwrap();
    world
        .until("abandonment", |world| world.has("interaction.abandoned"))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_who_does_not_answer_is_set_not_ready_and_the_caller_waits_on() {
    let world = world().await;
    world.ready().await;
    world.call_from("+4917012345").await;
    let dial = world.dialled(0).await;
    world
        .peer
        .send(VoiceEvent::Ended {
            leg: leg_of(&dial),
            why: LegEnd::NoAnswer,
        })
        .await
        .unwrap();
    world
        .until("not ready", |world| {
            let events = world.log.events();
            let last = events
                .iter()
                .rev()
                .find(|e| e.event.kind == "agent.presence_changed")?;
            String::from_utf8_lossy(&last.event.data)
                .contains("missed_offer")
                .then_some(())
        })
        .await;
    world
        .engine
        .change_presence(world.tenant, world.anna, Presence::Ready)
        .await
        .unwrap();
    world.dialled(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_nobody_declared_is_refused_and_counted() {
    let world = world().await;
    let leg = rapport_domain::id::LegId::from_uuid(Uuid::now_v7());
    let (trunk, from_user, to_user) = ("carrier".into(), "1".into(), "999".into());
    world
        .peer
        .send(VoiceEvent::Incoming {
            leg,
            trunk,
            from_user,
            to_user,
        })
        .await
        .unwrap();
    let refuse = VoiceCommand::Refuse {
        leg,
        reason: Refusal::UnknownAccessPoint,
    };
    world
        .until("the refusal", |world| {
            world.voice.all().contains(&refuse).then_some(())
        })
        .await;
    assert_eq!(
        world
            .engine
            .counters()
            .unknown_access_point
            .load(std::sync::atomic::Ordering::Relaxed),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orderly_stop_owes_waiting_callers_a_callback() {
    let world = world().await;
    let caller = world.call_from("+4917012345").await;
    world
        .until("the call", |world| world.has("interaction.queued"))
        .await;
    world.engine.stop_calls().await;
    world
        .peer
        .send(VoiceEvent::Ended {
            leg: caller,
            why: LegEnd::HungUp,
        })
        .await
        .unwrap();
    world
        .until("the callback", |world| {
            world.outreach().into_iter().find(
                |(_, fact)| matches!(fact, Fact::WishFiled(wish) if wish.purpose == "callback"),
            )
        })
        .await;
    world.engine.drain().await;
    assert_eq!(world.count("interaction.abandoned"), 0);
    assert_eq!(world.count("interaction.closed"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn three_departments_end_up_in_one_call_with_an_agenda_of_three() {
    let world = world().await;
    let wishes = [
        ("finance", "payment_reminder", WishClass::Mandatory),
        ("marketing", "invitation", WishClass::Marketing),
        ("service", "survey", WishClass::Service),
    ];
    let mut filed = Vec::new();
    for (department, purpose, class) in wishes {
        let draft = world.wish("+4917055555", purpose, class);
        filed.push(
            world
                .engine
                .file_wish(world.tenant, department, draft)
                .await
                .unwrap(),
        );
    }
    world.ready().await;
    let dial = world.dialled(0).await;
    let agent = leg_of(&dial);
    world
        .peer
        .send(VoiceEvent::Answered { leg: agent })
        .await
        .unwrap();
    let dial = world.dialled(1).await;
    let VoiceCommand::Dial {
        target, from_user, ..
    } = &dial
    else {
        panic!()
    };
    assert_eq!(
        *target,
        DialTarget::Trunk {
            trunk: "carrier".into(),
            number: "+4917055555".into()
        }
    );
    assert_eq!(from_user, "4930000");
    let customer = leg_of(&dial);
    world
        .peer
        .send(VoiceEvent::Answered { leg: customer })
        .await
        .unwrap();
    let bridge = VoiceCommand::Bridge {
        a: customer,
        b: agent,
    };
    world
        .until("the bridge", |world| {
            world.voice.all().contains(&bridge).then_some(())
        })
        .await;
    let work = world
        .engine
        .work_of(world.tenant, world.anna)
        .await
        .unwrap();
    let purposes: Vec<&str> = work[0]
        .agenda
        .iter()
        .map(|item| item.purpose.as_str())
        .collect();
    assert_eq!(purposes, ["payment_reminder", "survey", "invitation"]);
    for wish in &filed {
        let (tenant, id) = (world.tenant, work[0].id);
        world
            .engine
            .record_outcome(tenant, world.anna, id, wish.wish, Outcome::Agreed.into())
            .await
            .unwrap();
    }
    world
        .peer
        .send(VoiceEvent::Ended {
            leg: customer,
            why: LegEnd::PeerHungUp,
        })
        .await
        .unwrap();
    world
        .until("the end", |world| world.has("interaction.ended"))
        .await;
    world
        .engine
        .wrap_up(world.tenant, world.anna, work[0].id, None, None)
        .await
        .unwrap();
    world
        .until("the contact's end", |world| {
            world.has("outreach.contact_ended")
        })
        .await;
    assert_eq!(world.count("outreach.contact_started"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_who_calls_first_gets_the_agenda_and_the_planned_call_is_withdrawn() {
    let world = world().await;
    let draft = world.wish("+4917066666", "invitation", WishClass::Marketing);
    world
        .engine
        .file_wish(world.tenant, "marketing", draft)
        .await
        .unwrap();
    world.call_from("+4917066666").await;
    world
        .until("the agenda", |world| world.has("outreach.agenda_taken_up"))
        .await;
    let facts = world.outreach();
    let withdrawn = facts.iter().position(|(_, fact)| {
        matches!(
            fact,
            Fact::PlanWithdrawn {
                why: Withdrawal::CustomerContactedUs { .. },
                ..
            }
        )
    });
    let taken = facts
        .iter()
        .position(|(_, fact)| matches!(fact, Fact::AgendaTakenUp { .. }));
    assert_eq!(withdrawn.map(|at| at + 1), taken, "one append: {facts:?}");
    world.ready().await;
    world.dialled(0).await;
    let work = world
        .engine
        .work_of(world.tenant, world.anna)
        .await
        .unwrap();
    assert_eq!(work[0].agenda.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_phone_of_an_offer_that_is_over_takes_nothing() {
    let world = world().await;
    world.ready().await;
    world.call_from("+4917012345").await;
    let dial = world.dialled(0).await;
    let id = world.has("interaction.offered").unwrap();
    world
        .engine
        .decline(world.tenant, world.anna, id)
        .await
        .unwrap();
    world.dialled(1).await; // asked again, being the only one
    world
        .peer
        .send(VoiceEvent::Answered { leg: leg_of(&dial) })
        .await
        .unwrap();
    let hang_up = VoiceCommand::HangUp { leg: leg_of(&dial) };
    world
        .until("the old leg to be hung up twice", |world| {
            (world
                .voice
                .all()
                .iter()
                .filter(|command| **command == hang_up)
                .count()
                >= 2)
                .then_some(())
        })
        .await;
    assert_eq!(world.count("interaction.offer_accepted"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_who_refuses_meanwhile_is_not_dialled() {
    let world = world().await;
    let draft = world.wish("+4917077777", "invitation", WishClass::Marketing);
    let filed = world
        .engine
        .file_wish(world.tenant, "marketing", draft)
        .await
        .unwrap();
    world
        .until("the contact in line", |world| {
            world.has("interaction.queued")
        })
        .await;
    let change = CustomerChange {
        do_not_contact: Some(DoNotContact::new(true, "asked us")),
        ..CustomerChange::default()
    };
    world
        .engine
        .change_customer(world.tenant, filed.customer, change, Actor::Operator)
        .await
        .unwrap();
    world.ready().await;
    world
        .until("the withdrawal", |world| world.has("interaction.closed"))
        .await;
    world
        .until("the drop", |world| world.has("outreach.wish_dropped"))
        .await;
    assert!(
        !world
            .voice
            .all()
            .iter()
            .any(|command| matches!(command, VoiceCommand::Dial { .. }))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_is_free_again_after_a_call_that_was_over_as_it_was_taken() {
    let world = world().await;
    world.ready().await;
    for number in ["+4917011111", "+4917022222"] {
        let taken = world
            .voice
            .all()
            .iter()
            .filter(|command| matches!(command, VoiceCommand::Dial { .. }))
            .count();
        let caller = world.call_from(number).await;
        let agent = leg_of(&world.dialled(taken).await);
        world
            .peer
            .send(VoiceEvent::Answered { leg: agent })
            .await
            .unwrap();
        world
            .peer
            .send(VoiceEvent::Ended {
                leg: caller,
                why: LegEnd::PeerHungUp,
            })
            .await
            .unwrap();
        let id = InteractionId::derived(caller.as_uuid(), "interaction");
        let over = |world: &World| {
            let events = world.log.events();
            events
                .iter()
                .any(|e| {
                    e.stream.id == id.as_uuid()
                        && matches!(
                            e.event.kind.as_str(),
                            "interaction.ended" | "interaction.abandoned"
                        )
                })
                .then_some(())
        };
        world.until("the end", over).await;
        let _abandoned_needs_none = world
            .engine
            .wrap_up(world.tenant, world.anna, id, None, None)
            .await;
    }
}
