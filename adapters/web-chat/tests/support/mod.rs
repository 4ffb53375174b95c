//! A desk in memory and a visitor with a real WebSocket.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use rapport_domain::event::Revision;
use rapport_domain::id::{InteractionId, MessageId};
use rapport_domain::port::BoxFuture;
use rapport_domain::port::chat::{
    Acknowledged, ChatDesk, ChatError, Conversation, Line, LineKind, Visitor,
};
use rapport_domain::private::Private;
use rapport_domain::time::Timestamp;
use rapport_web_chat::{SUBPROTOCOL, WebChat, WebChatConfig, WebChatHandle};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use uuid::Uuid;

/// The hub's own page in these tests.
pub const HUB: &str = "https://hub.example";
/// The only site, which allows one page beside the hub's.
pub const SITE: &str = "shop-key";
/// That page.
pub const SHOP: &str = "https://shop.example";

struct Talk {
    interaction: InteractionId,
    lines: Vec<Line>,
    closed: bool,
}

/// What the engine promises of `ChatDesk`, in memory.
pub struct FakeDesk {
    talks: Mutex<HashMap<String, Vec<Talk>>>,
    turn: watch::Sender<u64>,
    /// Refuses everything for now while set.
    pub down: AtomicBool,
}

impl FakeDesk {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            talks: Mutex::default(),
            turn: watch::channel(0).0,
            down: AtomicBool::new(false),
        })
    }

    /// An agent writes into every open conversation.
    pub fn agent_writes(&self, text: &str) {
        let agent = "Anna".to_owned();
        let message = MessageId::from_uuid(Uuid::now_v7());
        self.push_to_all(&LineKind::FromAgent {
            message,
            agent,
            text: Private::new(text.to_owned()),
        });
    }

    /// An agent closes every open conversation.
    pub fn agent_closes(&self) {
        self.push_to_all(&LineKind::Closed);
    }

    /// The texts stored, visitor by visitor.
    pub fn stored(&self) -> Vec<Vec<String>> {
        let text = |line: &Line| match &line.what {
            LineKind::FromVisitor { text, .. } => Some(text.expose().clone()),
            _ => None,
        };
        let talks = self.talks.lock().expect("no panic while held");
        talks
            .values()
            .map(|talks| {
                talks
                    .iter()
                    .flat_map(|t| t.lines.iter().filter_map(text))
                    .collect()
            })
            .collect()
    }

    /// The names of the visitors seen.
    pub fn visitors(&self) -> Vec<String> {
        self.talks
            .lock()
            .expect("no panic while held")
            .keys()
            .cloned()
            .collect()
    }

    fn push_to_all(&self, what: &LineKind) {
        let mut talks = self.talks.lock().expect("no panic while held");
        for talk in talks
            .values_mut()
            .filter_map(|talks| talks.last_mut())
            .filter(|talk| !talk.closed)
        {
            talk.push(what.clone());
        }
        self.turn.send_modify(|turn| *turn += 1);
    }

    fn check(&self, visitor: &Visitor) -> Result<(), ChatError> {
        if self.down.load(Ordering::SeqCst) {
            return Err(ChatError::Unavailable);
        }
        if visitor.site_key == SITE {
            Ok(())
        } else {
            Err(ChatError::UnknownSite)
        }
    }
}

impl Talk {
    fn push(&mut self, what: LineKind) -> Acknowledged {
        self.closed = what == LineKind::Closed;
        let seq = Revision(self.lines.len() as u64 * 2); // with gaps, as the real places have
        self.lines.push(Line {
            seq,
            at: Timestamp::from_millis(1_700_000_000_000),
            what,
        });
        Acknowledged {
            interaction: self.interaction,
            seq,
        }
    }
}

impl ChatDesk for FakeDesk {
    fn allowed_origins(&self, site_key: &str) -> Option<Vec<String>> {
        (site_key == SITE).then(|| vec![SHOP.to_owned()])
    }

    fn resume(
        &self,
        visitor: Visitor,
        epoch: Option<InteractionId>,
        after: Option<Revision>,
    ) -> BoxFuture<'_, Result<Option<Conversation>, ChatError>> {
        Box::pin(async move {
            self.check(&visitor)?;
            let talks = self.talks.lock().expect("no panic while held");
            Ok(talks
                .get(visitor.visitor.expose())
                .and_then(|talks| talks.last())
                .map(|talk| {
                    let after = after.filter(|_| epoch == Some(talk.interaction));
                    let lines = talk
                        .lines
                        .iter()
                        .filter(|line| Some(line.seq) > after)
                        .cloned()
                        .collect();
                    Conversation {
                        interaction: talk.interaction,
                        lines,
                        closed: talk.closed,
                    }
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
            self.check(&visitor)?;
            let mut all = self.talks.lock().expect("no panic while held");
            let talks = all.entry(visitor.visitor.expose().clone()).or_default();
            for talk in talks.iter() {
                let is_it = |line: &&Line| matches!(&line.what, LineKind::FromVisitor { message: m, .. } if *m == message);
                if let Some(line) = talk.lines.iter().find(is_it) {
                    return Ok(Acknowledged {
                        interaction: talk.interaction,
                        seq: line.seq,
                    });
                }
            }
            if talks.last().is_none_or(|talk| talk.closed) {
                let interaction = InteractionId::from_uuid(Uuid::now_v7());
                talks.push(Talk {
                    interaction,
                    lines: Vec::new(),
                    closed: false,
                });
            }
            let talk = talks.last_mut().ok_or(ChatError::Unavailable)?;
            let place = talk.push(LineKind::FromVisitor { message, text });
            self.turn.send_modify(|turn| *turn += 1);
            Ok(place)
        })
    }

    fn leave(&self, visitor: Visitor) -> BoxFuture<'_, Result<(), ChatError>> {
        Box::pin(async move {
            self.check(&visitor)?;
            let mut all = self.talks.lock().expect("no panic while held");
            if let Some(talk) = all
                .get_mut(visitor.visitor.expose())
                .and_then(|talks| talks.last_mut())
            {
                talk.push(LineKind::Closed);
            }
            self.turn.send_modify(|turn| *turn += 1);
            Ok(())
        })
    }

    fn changed(&self, interaction: InteractionId, after: Revision) -> BoxFuture<'_, ()> {
        let mut turn = self.turn.subscribe();
        Box::pin(async move {
            loop {
                let moved = |talk: &Talk| {
                    talk.interaction == interaction
                        && talk.lines.last().map(|l| l.seq) > Some(after)
                };
                let news = self
                    .talks
                    .lock()
                    .expect("no panic while held")
                    .values()
                    .flatten()
                    .any(moved);
                if news || turn.changed().await.is_err() {
                    return;
                }
            }
        })
    }
}

/// A listener on a free port with this desk.
pub async fn listener(
    desk: &Arc<FakeDesk>,
    change: impl FnOnce(&mut WebChatConfig),
) -> WebChatHandle {
    let mut config = WebChatConfig::at(([127, 0, 0, 1], 0).into());
    config.public_origins = vec![HUB.to_owned()];
    change(&mut config);
    WebChat::start(config, Arc::clone(desk) as Arc<dyn ChatDesk>)
        .await
        .expect("a free port")
}

/// A browser's connection.
pub struct Tab(pub WebSocketStream<MaybeTlsStream<TcpStream>>);

/// How long anything may take before the test says that it did not happen.
const PATIENCE: Duration = Duration::from_secs(10);

impl Tab {
    /// Opens a connection from a page of this origin.
    pub async fn open(hub: &WebChatHandle, origin: &str) -> Result<Self, Error> {
        let mut request = format!("ws://{}/", hub.local_addr()).into_client_request()?;
        let headers = request.headers_mut();
        headers.insert("origin", origin.parse().expect("a header value"));
        headers.insert(
            "sec-websocket-protocol",
            SUBPROTOCOL.parse().expect("a header value"),
        );
        let (socket, _) = timeout(PATIENCE, tokio_tungstenite::connect_async(request))
            .await
            .expect("an answer")?;
        Ok(Self(socket))
    }

    /// Opens a connection from the hub's own page and says hello; returns the welcome.
    pub async fn greeted(hub: &WebChatHandle, hello: Value) -> (Self, Value) {
        let mut tab = Self::open(hub, HUB).await.expect("a connection");
        tab.send(hello).await;
        let welcome = tab.frame().await;
        assert_eq!(welcome["t"], "welcome", "{welcome}");
        (tab, welcome)
    }

    pub async fn send(&mut self, frame: Value) {
        self.0
            .send(Message::text(frame.to_string()))
            .await
            .expect("sent");
    }

    pub async fn message(&mut self) -> Message {
        timeout(PATIENCE, self.0.next())
            .await
            .expect("something arrives")
            .expect("not ended")
            .expect("readable")
    }

    pub async fn frame(&mut self) -> Value {
        match self.message().await {
            Message::Text(text) => serde_json::from_str(&text).expect("JSON"),
            other => panic!("a text frame was expected, not {other:?}"),
        }
    }

    /// The next frame of this kind.
    pub async fn next(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.frame().await;
            if frame["t"] == kind {
                return frame;
            }
        }
    }

    /// The code with which the server closes.
    pub async fn closed(&mut self) -> u16 {
        loop {
            if let Message::Close(frame) = self.message().await {
                return frame.expect("a code").code.into();
            }
        }
    }
}
