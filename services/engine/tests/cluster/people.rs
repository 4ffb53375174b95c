//! Agents at their desks and visitors who write. Each of them goes to another node when one does not answer.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rapport_domain::agent::{self, Presence};
use rapport_domain::aggregate::decode;
use rapport_domain::channel::Channel;
use rapport_domain::contact_point::{ContactPoint, Kind};
use rapport_domain::event::{Category, Position, Recorded};
use rapport_domain::id::{AgentId, InteractionId, MessageId};
use rapport_domain::interaction::Fact;
use rapport_domain::outreach::WishClass;
use rapport_domain::port::chat::{ChatDesk, Visitor};
use rapport_domain::port::log::EventLog;
use rapport_domain::private::Private;
use rapport_domain::testing::MemoryLog;
use rapport_engine::{CommandError, CustomerRef, Engine, WishDraft};
use uuid::Uuid;

use crate::nodes::{Dice, Node};
use crate::support::tenant;

/// Who does not get an answer within this time asks somebody else.
const PATIENCE: Duration = Duration::from_secs(3);

/// The nodes as people find them: a node that is started again takes the place of the one before.
pub type Nodes = Arc<Mutex<Vec<Arc<Node>>>>;

fn some_engine(nodes: &Nodes, dice: &Dice) -> Arc<Engine> {
    let nodes = nodes.lock().unwrap();
    let nth = usize::try_from(dice.below(nodes.len() as u64)).unwrap();
    nodes[nth].engine.clone()
}

/// Asks one node after the other until one answers.
async fn ask<T, F>(
    nodes: &Nodes,
    dice: &Dice,
    what: impl Fn(Arc<Engine>) -> F,
) -> Result<T, CommandError>
where
    F: Future<Output = Result<T, CommandError>>,
{
    loop {
        let asked = tokio::time::timeout(PATIENCE, what(some_engine(nodes, dice))).await;
        match asked {
            Ok(Err(CommandError::Unavailable(_) | CommandError::Busy)) | Err(_) => {}
            Ok(answer) => return answer,
        }
        tokio::time::sleep(dice.millis(50, 200)).await;
    }
}

/// What was acknowledged to visitors.
#[derive(Default)]
pub struct Acknowledged(pub Mutex<Vec<(MessageId, InteractionId)>>);

/// A visitor writes a few messages, each until it is acknowledged.
pub async fn visits(name: String, nodes: Nodes, dice: Dice, acknowledged: Arc<Acknowledged>) {
    for _ in 0..1 + dice.below(3) {
        let message = MessageId::from_uuid(Uuid::now_v7());
        loop {
            let visitor = || Visitor {
                site_key: "shop-key".into(),
                visitor: Private::new(name.clone()),
            };
            let engine = some_engine(&nodes, &dice);
            let said = async {
                engine.resume(visitor(), None, None).await?;
                engine
                    .say(visitor(), message, Private::new("hello".into()))
                    .await
            };
            if let Ok(Ok(said)) = tokio::time::timeout(PATIENCE, said).await {
                acknowledged
                    .0
                    .lock()
                    .unwrap()
                    .push((message, said.interaction));
                break;
            }
            tokio::time::sleep(dice.millis(100, 500)).await;
        }
        tokio::time::sleep(dice.millis(500, 4_000)).await;
    }
}

/// A visitor writes the first message; answers the conversation.
pub async fn says(name: &str, engine: &Arc<Engine>) -> InteractionId {
    let visitor = Visitor {
        site_key: "shop-key".into(),
        visitor: Private::new(name.to_owned()),
    };
    let message = MessageId::from_uuid(Uuid::now_v7());
    let said = engine.say(visitor, message, Private::new("hello".into()));
    said.await.unwrap().interaction
}

/// All agents: they see at their desks what the log says and do what is theirs to do.
pub async fn desks(log: MemoryLog, nodes: Nodes, dice: Dice) {
    let mut seen = Position::START;
    loop {
        log.wait_past(seen).await;
        for recorded in log.read_all(seen, 512).await.unwrap() {
            seen = recorded.position;
            let (nodes, dice) = (nodes.clone(), dice.clone());
            match recorded.stream.category {
                Category::Interaction => {
                    let log = log.clone();
                    tokio::spawn(async move { contact(recorded, log, nodes, dice).await });
                }
                Category::Agent => {
                    tokio::spawn(async move { presence(recorded, nodes, dice).await });
                }
                _ => {}
            }
        }
    }
}

fn fact(recorded: &Recorded) -> Option<Fact> {
    let event = &recorded.event;
    decode(&event.kind, event.version, &event.data).ok()
}

/// The channel of a contact and the agent who took it.
async fn about(log: &MemoryLog, id: InteractionId) -> (Option<Channel>, Option<AgentId>) {
    let mut known = (None, None);
    for recorded in log.events().iter().filter(|e| e.stream.id == id.as_uuid()) {
        match fact(recorded) {
            Some(Fact::Started { channel, .. }) => known.0 = Some(channel),
            Some(Fact::OfferAccepted { agent, .. }) => known.1 = Some(agent),
            _ => {}
        }
    }
    known
}

async fn contact(recorded: Recorded, log: MemoryLog, nodes: Nodes, dice: Dice) {
    let id = InteractionId::from_uuid(recorded.stream.id);
    let (channel, taken_by) = about(&log, id).await;
    let t = tenant();
    match fact(&recorded) {
        Some(Fact::Offered { agent, .. }) if channel == Some(Channel::Chat) => {
            tokio::time::sleep(dice.millis(200, 1_500)).await;
            let _gone_by_now = match dice.below(10) {
                0 => {
                    ask(
                        &nodes,
                        &dice,
                        |e| async move { e.decline(t, agent, id).await },
                    )
                    .await
                }
                1 => return, // looks away
                _ => {
                    ask(
                        &nodes,
                        &dice,
                        |e| async move { e.accept(t, agent, id).await },
                    )
                    .await
                }
            };
        }
        Some(Fact::OfferAccepted { agent, .. }) if channel == Some(Channel::Chat) => {
            tokio::time::sleep(dice.millis(500, 3_000)).await;
            let message = MessageId::from_uuid(Uuid::now_v7());
            let _visitor_may_be_gone = ask(&nodes, &dice, |e| async move {
                e.send_message(t, agent, id, message, "at your service".into())
                    .await
            })
            .await;
            tokio::time::sleep(dice.millis(500, 3_000)).await;
            let _ended_otherwise =
                ask(&nodes, &dice, |e| async move { e.end(t, agent, id).await }).await;
        }
        Some(Fact::Ended { .. }) => {
            let Some(agent) = taken_by else { return };
            tokio::time::sleep(dice.millis(300, 2_000)).await;
            let _closed_otherwise = ask(&nodes, &dice, |e| async move {
                e.wrap_up(t, agent, id, None, None).await
            })
            .await;
        }
        _ => {}
    }
}

async fn presence(recorded: Recorded, nodes: Nodes, dice: Dice) {
    let agent = AgentId::from_uuid(recorded.stream.id);
    let event = &recorded.event;
    let Ok(agent::Fact::PresenceChanged {
        presence: Presence::NotReady { .. },
    }) = decode(&event.kind, event.version, &event.data)
    else {
        return;
    };
    tokio::time::sleep(dice.millis(500, 2_000)).await;
    is_ready(agent, &nodes, &dice).await;
}

pub async fn is_ready(agent: AgentId, nodes: &Nodes, dice: &Dice) {
    let ready = ask(nodes, dice, |e| async move {
        e.change_presence(tenant(), agent, Presence::Ready).await
    });
    ready.await.unwrap();
}

/// A department wants something of a customer.
pub async fn wants(number: String, nodes: &Nodes, dice: &Dice) {
    let point = ContactPoint::parse(Kind::Phone, &number).unwrap();
    let key = Uuid::now_v7();
    let filed = ask(nodes, dice, |engine| {
        let draft = WishDraft {
            key: Some(key),
            value: 10,
            ..WishDraft::new(
                CustomerRef::Point(point.clone()),
                "delivery",
                WishClass::Service,
                "It comes tomorrow.",
                engine.now() + Duration::from_secs(3_600),
            )
        };
        async move { engine.file_wish(tenant(), "shop", draft).await }
    });
    filed.await.unwrap();
}
