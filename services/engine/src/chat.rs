//! Web chat conversations: the engine's side of the chat port.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rapport_domain::aggregate::decode;
use rapport_domain::channel::{Channel, Direction};
use rapport_domain::contact_point::{ContactPoint, Kind};
use rapport_domain::customer::Customer;
use rapport_domain::event::{Actor, Category, Recorded, Revision, Stream};
use rapport_domain::id::{InteractionId, MessageId, TenantId};
use rapport_domain::interaction::{Fact, Interaction, Rejection, Start};
use rapport_domain::port::BoxFuture;
use rapport_domain::port::chat::{
    Acknowledged, ChatDesk, ChatError, Conversation, Line, LineKind, Visitor,
};
use rapport_domain::private::Private;
use tokio::sync::watch;
use uuid::Uuid;

use crate::directory::Directory;
use crate::engine::Engine;
use crate::error::ExecuteError;
use crate::store::Ctx;

/// Visitors whose latest conversation is remembered; others are looked up in the read model.
const REMEMBERED: usize = 100_000;
/// Conversations that somebody waits on before those without a waiter are swept out.
const WATCHED: usize = 20_000;
/// Lines handed over at a time; whoever needs more asks again.
const LINES: usize = 256;
/// Events of a conversation read at a time.
const PAGE: usize = 512;

/// Which conversation a visitor is in, and who waits for news of it.
#[derive(Default)]
pub(crate) struct Conversations {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    latest: HashMap<Uuid, InteractionId>,
    waiting: HashMap<InteractionId, watch::Sender<Revision>>,
}

impl Conversations {
    pub fn begun(
        &self,
        tenant: TenantId,
        channel: Channel,
        point: &ContactPoint,
        id: InteractionId,
    ) {
        if channel == Channel::Chat {
            self.remember(point.key(tenant), id);
        }
    }

    /// Tells whoever waits. Nobody needs to wait for a conversation that is `over`.
    pub fn wake(&self, id: InteractionId, revision: Revision, over: bool) {
        let mut inner = self.lock();
        let Some(sender) = inner.waiting.get(&id) else {
            return;
        };
        sender.send_replace(revision);
        if over || sender.receiver_count() == 0 {
            inner.waiting.remove(&id);
        }
    }

    fn remember(&self, visitor: Uuid, id: InteractionId) {
        let mut inner = self.lock();
        if inner.latest.len() >= REMEMBERED {
            let old: Vec<Uuid> = inner.latest.keys().take(REMEMBERED / 8).copied().collect();
            for visitor in old {
                inner.latest.remove(&visitor);
            }
        }
        inner.latest.insert(visitor, id);
    }

    fn latest(&self, visitor: Uuid) -> Option<InteractionId> {
        self.lock().latest.get(&visitor).copied()
    }

    fn news_of(&self, id: InteractionId) -> watch::Receiver<Revision> {
        let mut inner = self.lock();
        if inner.waiting.len() >= WATCHED {
            inner
                .waiting
                .retain(|_, sender| sender.receiver_count() > 0);
        }
        inner
            .waiting
            .entry(id)
            .or_insert_with(|| watch::channel(Revision::FIRST).0)
            .subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a visitor's words go.
#[derive(Clone)]
struct Place {
    tenant: TenantId,
    point: ContactPoint,
    visitor: Uuid,
    start: PlaceStart,
}

#[derive(Clone, Copy)]
struct PlaceStart {
    access_point: rapport_domain::id::AccessPointId,
    queue: rapport_domain::id::QueueId,
}

impl Engine {
    fn place(&self, visitor: &Visitor) -> Result<Place, ChatError> {
        let directory = self.directory();
        let found = directory.access_point(Channel::Chat, &visitor.site_key);
        let (tenant, access_point, definition) = found.ok_or(ChatError::UnknownSite)?;
        let point = ContactPoint::parse(Kind::ChatVisitor, visitor.visitor.expose())
            .map_err(|_| ChatError::BadText("the visitor's name cannot be used"))?;
        let start = PlaceStart {
            access_point,
            queue: definition.queue,
        };
        Ok(Place {
            tenant,
            visitor: point.key(tenant),
            point,
            start,
        })
    }

    /// The visitor's latest conversation, open or over; none when they were erased since.
    async fn latest_conversation(&self, place: &Place) -> Result<Option<InteractionId>, ChatError> {
        let Some(id) = self.last_conversation(place).await? else {
            return Ok(None);
        };
        let unavailable = |_| ChatError::Unavailable;
        let known = self
            .store
            .load_of::<Interaction>(place.tenant, id.as_uuid())
            .await
            .map_err(unavailable)?;
        let Some(known) = known else {
            return Ok(Some(id));
        };
        let who = self
            .store
            .load_of::<Customer>(place.tenant, known.customer.as_uuid())
            .await
            .map_err(unavailable)?;
        Ok((!who.is_some_and(|who| who.is_erased())).then_some(id))
    }

    async fn last_conversation(&self, place: &Place) -> Result<Option<InteractionId>, ChatError> {
        if let Some(known) = self.conversations.latest(place.visitor) {
            return Ok(Some(known));
        }
        let (worklist, tenant, visitor) = (self.worklist.clone(), place.tenant, place.visitor);
        let found = tokio::task::spawn_blocking(move || {
            worklist.latest_interaction(tenant, visitor, Channel::Chat)
        });
        let found = found
            .await
            .map_err(|_| ChatError::Unavailable)?
            .map_err(|_| ChatError::Unavailable)?;
        if let Some(id) = found {
            self.conversations.remember(place.visitor, id);
        }
        Ok(found)
    }

    async fn receive(
        &self,
        place: &Place,
        message: MessageId,
        text: Private<String>,
    ) -> Result<Acknowledged, ChatError> {
        if let Some(id) = self.latest_conversation(place).await? {
            let ctx = Ctx::by(place.tenant, Actor::System, id.as_uuid());
            let received = self
                .store
                .execute::<Interaction, Rejection>(id.as_uuid(), &ctx, |known, _| {
                    known.ok_or(Rejection::Over)?.receive(message, text.clone())
                })
                .await;
            match received {
                Ok(done) => {
                    let place = done.state.and_then(|known| known.place_of(message));
                    return Ok(Acknowledged {
                        interaction: id,
                        seq: place.unwrap_or(Revision::FIRST),
                    });
                }
                Err(ExecuteError::Rejected(Rejection::Over)) => {} // the next conversation begins
                Err(error) => return Err(chat_error(&error)),
            }
        }
        self.begin_conversation(place, message, text).await
    }

    /// The first message begins the conversation: start, line and message in one append.
    async fn begin_conversation(
        &self,
        place: &Place,
        message: MessageId,
        text: Private<String>,
    ) -> Result<Acknowledged, ChatError> {
        let identified = self
            .identify(place.tenant, &place.point, true, Actor::System)
            .await;
        let (customer, _) = identified.map_err(|_| ChatError::Unavailable)?;
        // The id follows from visitor and message: begun twice, it is the same conversation.
        let id = InteractionId::derived(place.visitor, &format!("chat/{message}"));
        let start = Start {
            customer,
            channel: Channel::Chat,
            direction: Direction::Inbound,
            access_point: Some(place.start.access_point),
            contact_point: place.point.clone(),
            plan: None,
            queue: place.start.queue,
            priority: 0,
            node: self.life(),
        };
        let ctx = Ctx::by(place.tenant, Actor::Customer(customer), id.as_uuid());
        let begun = self
            .store
            .execute::<Interaction, Rejection>(id.as_uuid(), &ctx, |known, _| match known {
                Some(known) => known.receive(message, text.clone()),
                None => {
                    rapport_domain::interaction::check_text(text.expose())?;
                    let mut facts = start.clone().facts();
                    facts.push(Fact::MessageReceived {
                        message,
                        text: text.clone(),
                    });
                    Ok(facts)
                }
            })
            .await
            .map_err(|error| chat_error(&error))?;
        self.conversations.remember(place.visitor, id);
        let seq = begun
            .state
            .and_then(|known| known.place_of(message))
            .unwrap_or(Revision::FIRST);
        Ok(Acknowledged {
            interaction: id,
            seq,
        })
    }

    async fn lines(
        &self,
        id: InteractionId,
        after: Option<Revision>,
        most: usize,
    ) -> Result<Vec<Line>, ChatError> {
        let directory = self.directory();
        let stream = Stream::new(Category::Interaction, id.as_uuid());
        let mut next = after.map_or(Revision::FIRST, Revision::next);
        let mut lines = Vec::new();
        loop {
            let page = self
                .log()
                .read_stream(stream, next, PAGE)
                .await
                .map_err(|_| ChatError::Unavailable)?;
            lines.extend(
                page.iter()
                    .filter_map(|recorded| line(&directory, recorded)),
            );
            match page.last() {
                Some(last) if page.len() == PAGE && lines.len() < most => {
                    next = last.revision.next()
                }
                _ => return Ok(lines),
            }
        }
    }
}

/// Whether a visitor sees anything of this fact: what a waiting session is woken for.
pub(crate) fn is_visible(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::Queued { .. }
            | Fact::OfferAccepted { .. }
            | Fact::MessageReceived { .. }
            | Fact::MessageSent { .. }
            | Fact::Ended { .. }
            | Fact::Abandoned {}
    )
}

/// What a visitor may see of an event.
fn line(directory: &Directory, recorded: &Recorded) -> Option<Line> {
    let event = &recorded.event;
    let name = |agent| {
        directory
            .agent(agent)
            .map(|entry| entry.definition.display_name.clone())
            .unwrap_or_default()
    };
    let what = match decode(&event.kind, event.version, &event.data).ok()? {
        Fact::Queued { .. } => LineKind::Waiting,
        Fact::OfferAccepted { agent, .. } => LineKind::AgentJoined { agent: name(agent) },
        Fact::MessageReceived { message, text } => LineKind::FromVisitor { message, text },
        Fact::MessageSent {
            message,
            agent,
            text,
        } => LineKind::FromAgent {
            message,
            agent: name(agent),
            text,
        },
        Fact::Ended { .. } | Fact::Abandoned {} => LineKind::Closed,
        Fact::Started { .. }
        | Fact::Offered { .. }
        | Fact::OfferEnded { .. }
        | Fact::OfferVoided { .. }
        | Fact::DialRequested { .. }
        | Fact::DialEnded { .. }
        | Fact::Connected {}
        | Fact::DispositionSet { .. }
        | Fact::Closed { .. } => return None,
    };
    Some(Line {
        seq: recorded.revision,
        at: event.recorded_at,
        what,
    })
}

fn chat_error(error: &ExecuteError<Rejection>) -> ChatError {
    match error {
        ExecuteError::Rejected(Rejection::BadText) => ChatError::BadText(
            "a message must have 1 to 8192 bytes of text and no control characters",
        ),
        ExecuteError::Rejected(Rejection::Full) => {
            ChatError::BadText("this conversation is full; end it and begin another")
        }
        ExecuteError::Rejected(_) | ExecuteError::Contended => ChatError::Busy,
        ExecuteError::NotFound | ExecuteError::Unavailable(_) => ChatError::Unavailable,
    }
}

/// The chat desk of a running engine.
impl ChatDesk for Engine {
    fn allowed_origins(&self, site_key: &str) -> Option<Vec<String>> {
        self.directory()
            .access_point(Channel::Chat, site_key)
            .map(|(.., definition)| definition.origins.clone())
    }

    fn resume(
        &self,
        visitor: Visitor,
        epoch: Option<InteractionId>,
        after: Option<Revision>,
    ) -> BoxFuture<'_, Result<Option<Conversation>, ChatError>> {
        Box::pin(async move {
            // The conversation may have gone on at another node a moment ago.
            self.has_followed().await;
            let place = self.place(&visitor)?;
            let Some(id) = self.latest_conversation(&place).await? else {
                return Ok(None);
            };
            let after = after.filter(|_| epoch == Some(id));
            let known = self
                .store
                .load_of::<Interaction>(place.tenant, id.as_uuid())
                .await;
            let known = known.map_err(|_| ChatError::Unavailable)?;
            let closed = known.is_none_or(|known| !known.takes_messages());
            Ok(Some(Conversation {
                interaction: id,
                lines: self.lines(id, after, LINES).await?,
                closed,
            }))
        })
    }

    fn say(
        &self,
        visitor: Visitor,
        message: MessageId,
        text: Private<String>,
    ) -> BoxFuture<'_, Result<Acknowledged, ChatError>> {
        Box::pin(async move {
            let place = self.place(&visitor)?;
            // One visitor's messages are taken one after the other, so two tabs cannot begin two conversations.
            let (answer, answered) = tokio::sync::oneshot::channel();
            let engine = self.me.upgrade().ok_or(ChatError::Unavailable)?;
            self.lanes
                .submit(place.visitor, None, async move {
                    let _gone = answer.send(engine.receive(&place, message, text).await);
                })
                .await;
            answered.await.unwrap_or(Err(ChatError::Unavailable))
        })
    }

    fn leave(&self, visitor: Visitor) -> BoxFuture<'_, Result<(), ChatError>> {
        Box::pin(async move {
            let place = self.place(&visitor)?;
            if let Some(id) = self.latest_conversation(&place).await? {
                self.customer_left(place.tenant, id).await;
            }
            Ok(())
        })
    }

    fn changed(&self, interaction: InteractionId, after: Revision) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            // Watch first, look second: what is appended in between is not missed.
            let mut news = self.conversations.news_of(interaction);
            if self
                .lines(interaction, Some(after), 1)
                .await
                .is_ok_and(|lines| !lines.is_empty())
            {
                return;
            }
            let _stopping = news.wait_for(|revision| *revision > after).await;
        })
    }
}
