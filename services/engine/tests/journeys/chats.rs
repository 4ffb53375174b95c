//! Chats, alone and beside calls; and what is left of both after a crash.

use crate::support::{World, world, world_on};
use rapport_domain::id::{InteractionId, MessageId};
use rapport_domain::outreach::Fact;
use rapport_domain::port::chat::{ChatDesk, LineKind, Visitor};
use rapport_domain::port::voice::VoiceCommand;
use rapport_domain::private::Private;
use rapport_domain::testing::MemoryLog;
use uuid::Uuid;

fn visitor(name: &str) -> Visitor {
    Visitor {
        site_key: "shop-key".into(),
        visitor: Private::new(name.into()),
    }
}

async fn say(world: &World, name: &str, text: &str) -> rapport_domain::port::chat::Acknowledged {
    let message = MessageId::from_uuid(Uuid::now_v7());
    world
        .engine
        .say(visitor(name), message, Private::new(text.into()))
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_is_stored_offered_accepted_answered_and_closed() {
    let world = world().await;
    world.ready().await;
    let said = say(&world, "v1", "hello").await;
    let id = said.interaction;
    world
        .until("the offer", |world| world.has("interaction.offered"))
        .await;
    world
        .engine
        .accept(world.tenant, world.anna, id)
        .await
        .unwrap();
    let changed = world.engine.changed(id, said.seq);
    let message = MessageId::from_uuid(Uuid::now_v7());
    world
        .engine
        .send_message(world.tenant, world.anna, id, message, "hi!".into())
        .await
        .unwrap();
    tokio::time::timeout(std::time::Duration::from_secs(5), changed)
        .await
        .expect("the visitor is woken");
    let conversation = world
        .engine
        .resume(visitor("v1"), Some(id), Some(said.seq))
        .await
        .unwrap()
        .unwrap();
    assert!(conversation.lines.iter().any(
        |line| matches!(&line.what, LineKind::FromAgent { text, .. } if text.expose() == "hi!")
    ));
    let work = world
        .engine
        .work_of(world.tenant, world.anna)
        .await
        .unwrap();
    assert_eq!(work.len(), 1);
    assert_eq!(work[0].messages.as_ref().unwrap().len(), 2);
    world
        .engine
        .end(world.tenant, world.anna, id)
        .await
        .unwrap();
    world
        .engine
        .wrap_up(world.tenant, world.anna, id, None, None)
        .await
        .unwrap();
    let next = say(&world, "v1", "one more thing").await;
    assert_ne!(
        next.interaction, id,
        "the next message begins a new conversation"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_message_again_is_answered_with_the_same_place() {
    let world = world().await;
    let message = MessageId::from_uuid(Uuid::now_v7());
    let first = world
        .engine
        .say(visitor("v1"), message, Private::new("hello".into()))
        .await
        .unwrap();
    let again = world
        .engine
        .say(visitor("v1"), message, Private::new("hello".into()))
        .await
        .unwrap();
    assert_eq!(first, again);
    assert_eq!(world.count("interaction.message_received"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_with_chats_is_not_offered_a_call() {
    let world = world().await;
    world.ready().await;
    for name in ["v1", "v2", "v3"] {
        let said = say(&world, name, "hello").await;
        world
            .until("the offer", |world| {
                let offered = world.log.events();
                offered
                    .iter()
                    .any(|e| {
                        e.event.kind == "interaction.offered"
                            && e.stream.id == said.interaction.as_uuid()
                    })
                    .then_some(())
            })
            .await;
        world
            .engine
            .accept(world.tenant, world.anna, said.interaction)
            .await
            .unwrap();
    }
    world.call_from("+4917012345").await;
    world
        .until("the call in line", |world| {
            (world.count("interaction.queued") == 4).then_some(())
        })
        .await;
    world.engine.drain().await;
    assert!(
        !world
            .voice
            .all()
            .iter()
            .any(|command| matches!(command, VoiceCommand::Dial { .. }))
    );
}

#[test]
fn after_a_crash_calls_are_closed_callbacks_are_owed_and_chats_wait_in_order() {
    let first_life = tokio::runtime::Runtime::new().unwrap();
    let (log, first, second) = first_life.block_on(before_the_crash());
    first_life.shutdown_background(); // no drain: nothing is told that it ends
    tokio::runtime::Runtime::new()
        .unwrap()
        .block_on(after_the_crash(log, first, second));
}

async fn before_the_crash() -> (MemoryLog, InteractionId, InteractionId) {
    let world = world().await;
    world.call_from("+4917012345").await;
    world
        .until("the call", |world| world.has("interaction.queued"))
        .await;
    let first = say(&world, "v1", "first").await.interaction;
    let second = say(&world, "v2", "second").await.interaction;
    (world.log.clone(), first, second)
}

async fn after_the_crash(log: MemoryLog, first: InteractionId, second: InteractionId) {
    let world = world_on(log).await;
    let closed = world.has("interaction.closed").unwrap();
    let cause = world
        .log
        .events()
        .iter()
        .rev()
        .find(|e| e.stream.id == closed.as_uuid())
        .cloned()
        .unwrap();
    assert!(String::from_utf8_lossy(&cause.event.data).contains("hub_restarted"));
    let callback = world
        .outreach()
        .into_iter()
        .any(|(_, fact)| matches!(fact, Fact::WishFiled(wish) if wish.purpose == "callback"));
    assert!(callback);
    world.ready().await;
    let offered = |world: &World| -> Vec<Uuid> {
        let events = world.log.events();
        events
            .iter()
            .filter(|e| e.event.kind == "interaction.offered")
            .map(|e| e.stream.id)
            .collect()
    };
    world
        .until("the first chat", |world| {
            offered(world).contains(&first.as_uuid()).then_some(())
        })
        .await;
    assert!(
        !offered(&world).contains(&second.as_uuid()),
        "the line kept its order"
    );
    world
        .engine
        .accept(world.tenant, world.anna, first)
        .await
        .unwrap();
    world
        .until("the second chat", |world| {
            offered(world).contains(&second.as_uuid()).then_some(())
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_declines_is_offered_the_next_contact_at_once() {
    let world = world().await;
    let first = say(&world, "v1", "first").await.interaction;
    let second = say(&world, "v2", "second").await.interaction;
    world.ready().await;
    let offered = |world: &World, id: InteractionId| {
        let events = world.log.events();
        let last = events
            .iter()
            .rev()
            .find(|e| e.event.kind == "interaction.offered")?;
        (last.stream.id == id.as_uuid()).then_some(())
    };
    world
        .until("the first offer", |world| offered(world, first))
        .await;
    let declined = std::time::Instant::now();
    world
        .engine
        .decline(world.tenant, world.anna, first)
        .await
        .unwrap();
    world
        .until("the second offer", |world| offered(world, second))
        .await;
    assert!(
        declined.elapsed() < rapport_domain::acd::ASK_AGAIN_AFTER,
        "it took {:?}",
        declined.elapsed()
    );
}
