//! What the live sockets have in common: hello, ping, goodbye, and never more than one frame on its way.
//!
//! Changes come from the engine's broadcast, which remembers 4,096 of them. A client that reads slower than they come is
//! not fed from a growing queue: it misses changes and gets a fresh snapshot. One that takes no frame for ten seconds is
//! closed; it comes back and resumes.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web;
use actix_ws::{
    AggregatedMessage, AggregatedMessageStream, CloseCode, CloseReason, MessageStream, Session,
};
use futures_util::StreamExt;
use rapport_domain::event::Position;
use rapport_engine::Change;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, timeout};

use super::app::App;
use super::session::Leash;

const HELLO_WITHIN: Duration = Duration::from_secs(10);
const HEARTBEAT: Duration = Duration::from_secs(25);
/// Silence after which a client is taken for gone: two unanswered pings.
const SILENCE: Duration = Duration::from_secs(60);
const WRITE_WITHIN: Duration = Duration::from_secs(10);
/// The largest frame a client may send, in bytes.
const MOST_BYTES: usize = 4 * 1024;

/// Why a socket ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The client went, or does not read.
    Gone,
    /// The client broke a rule.
    Broken(&'static str),
    /// The session ended.
    LoggedOut,
    /// The hub stops.
    Stopping,
    /// Something here failed; the client comes back.
    Failed,
}

/// What one live socket shows.
pub trait Show {
    /// Whether whoever watches may still do so.
    fn allowed(&self, app: &App) -> bool;
    /// Everything there is to see, as the snapshot frame without its position.
    fn snapshot(&mut self, app: &App) -> impl Future<Output = Result<Value, Ending>>;
    /// The frame for a change; `None` when it concerns others or is shown later, by [`Show::later`].
    fn change(
        &mut self,
        app: &App,
        change: &Change,
    ) -> impl Future<Output = Result<Option<Value>, Ending>>;
    /// When [`Show::later`] wants to be asked; `None`: not before something changes.
    fn due(&self) -> Option<Instant>;
    /// Frames that were put off, with their positions.
    fn later(&mut self, app: &App) -> impl Future<Output = Result<Vec<(Position, Value)>, Ending>>;
}

#[derive(Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
enum ClientFrame {
    Hello {
        #[serde(default)]
        resume: Option<Position>,
    },
    Pong,
}

/// One socket.
struct Line {
    session: Session,
    frames: AggregatedMessageStream,
    heard: Instant,
    leash: Option<Leash>,
}

impl Line {
    async fn send(&mut self, frame: &Value) -> Result<(), Ending> {
        match timeout(WRITE_WITHIN, self.session.text(frame.to_string())).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(Ending::Gone),
        }
    }

    /// The client's next frame that says something.
    async fn read(&mut self) -> Result<ClientFrame, Ending> {
        loop {
            let Some(Ok(message)) = self.frames.next().await else {
                return Err(Ending::Gone);
            };
            self.heard = Instant::now();
            match message {
                AggregatedMessage::Text(text) => {
                    return serde_json::from_str(&text)
                        .map_err(|_| Ending::Broken("unknown frame"));
                }
                AggregatedMessage::Ping(bytes) => {
                    let _gone_is_noticed_by_the_next_read = self.session.pong(&bytes).await;
                }
                AggregatedMessage::Pong(_) => {}
                AggregatedMessage::Binary(_) => return Err(Ending::Broken("text frames only")),
                AggregatedMessage::Close(_) => return Err(Ending::Gone),
            }
        }
    }
}

/// Serves one socket to its end. `leash` is the session's, when there is one: the socket ends with it.
pub async fn serve(
    app: web::Data<App>,
    session: Session,
    frames: MessageStream,
    leash: Option<Leash>,
    mut show: impl Show,
) {
    let frames = frames
        .max_frame_size(MOST_BYTES)
        .aggregate_continuations()
        .max_continuation_size(MOST_BYTES);
    let mut line = Line {
        session,
        frames,
        heard: Instant::now(),
        leash,
    };
    let ending = match converse(&app, &mut line, &mut show).await {
        Err(ending) => ending,
        Ok(never) => match never {},
    };
    let (code, words) = match ending {
        Ending::Gone => (CloseCode::Normal, ""),
        Ending::Broken(words) => (CloseCode::Policy, words),
        Ending::LoggedOut => (CloseCode::Policy, "logged out"),
        Ending::Stopping => (CloseCode::Away, "the hub stops"),
        Ending::Failed => (CloseCode::Again, "try again"),
    };
    let reason = CloseReason {
        code,
        description: Some(words.to_owned()),
    };
    let _gone_either_way = timeout(Duration::from_secs(2), line.session.close(Some(reason))).await;
}

/// Nothing: a conversation ends by an [`Ending`] only.
enum Never {}

async fn converse(app: &App, line: &mut Line, show: &mut impl Show) -> Result<Never, Ending> {
    let mut stopping = app.stopping.clone();
    // Before anything is read, so that nothing falls between a snapshot and the first change.
    let mut changes = app.engine.changes();
    let hello = timeout(HELLO_WITHIN, line.read())
        .await
        .map_err(|_| Ending::Broken("hello first"))??;
    let ClientFrame::Hello { resume } = hello else {
        return Err(Ending::Broken("hello first"));
    };
    let shown = match resume.and_then(|from| Some((from, app.engine.changes_after(from)?))) {
        Some((from, past)) => {
            line.send(&json!({ "t": "resumed", "position": from }))
                .await?;
            for change in &past {
                tell(app, line, show, change).await?;
            }
            Shown::these(past)
        }
        None => {
            snapshot(app, line, show).await?;
            Shown::default()
        }
    };
    let mut leash = line.leash.take();
    let mut heartbeat = tokio::time::interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
    loop {
        tokio::select! {
            change = changes.recv() => match change {
                Ok(change) if shown.before(&change) => {}
                Ok(change) => tell(app, line, show, &change).await?,
                Err(RecvError::Lagged(_)) => {
                    changes = app.engine.changes();
                    snapshot(app, line, show).await?;
                }
                Err(RecvError::Closed) => return Err(Ending::Stopping),
            },
            frame = line.read() => match frame? {
                ClientFrame::Pong => {}
                ClientFrame::Hello { .. } => return Err(Ending::Broken("hello once")),
            },
            () = until(show.due()) => {
                for (position, frame) in show.later(app).await? {
                    line.send(&at(position, frame)).await?;
                }
            }
            () = ended(&mut leash) => return Err(Ending::LoggedOut),
            _ = heartbeat.tick() => {
                if line.heard.elapsed() > SILENCE {
                    return Err(Ending::Gone);
                }
                if !show.allowed(app) {
                    return Err(Ending::LoggedOut);
                }
                line.send(&json!({ "t": "ping" })).await?;
            }
            _ = stopping.wait_for(|stopping| *stopping) => return Err(Ending::Stopping),
        }
    }
}

/// Resolves when the session has ended; never when there is none.
async fn ended(leash: &mut Option<Leash>) {
    match leash {
        Some(leash) => leash.ended().await,
        None => std::future::pending().await,
    }
}

/// Resolves at the moment; never when there is none.
async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

async fn snapshot(app: &App, line: &mut Line, show: &mut impl Show) -> Result<(), Ending> {
    // The position first: what is read after it includes it, and later changes come anyway.
    let position = app.engine.reacted_to();
    let frame = show.snapshot(app).await?;
    line.send(&at(position, frame)).await
}

async fn tell(
    app: &App,
    line: &mut Line,
    show: &mut impl Show,
    change: &Change,
) -> Result<(), Ending> {
    match show.change(app, change).await? {
        Some(frame) => line.send(&at(change.position, frame)).await,
        None => Ok(()),
    }
}

fn at(position: Position, mut frame: Value) -> Value {
    frame["position"] = json!(position);
    frame
}

/// Changes told from memory, which the broadcast may bring once more.
#[derive(Default)]
struct Shown {
    changes: HashSet<*const Change>,
    /// Keeps them alive, so that no later change has the address of one of them.
    _held: Vec<Arc<Change>>,
}

impl Shown {
    fn these(changes: Vec<Arc<Change>>) -> Self {
        Self {
            changes: changes.iter().map(Arc::as_ptr).collect(),
            _held: changes,
        }
    }

    fn before(&self, change: &Arc<Change>) -> bool {
        self.changes.contains(&Arc::as_ptr(change))
    }
}
