//! Simulated visitors of the site: each one speaks the widget's protocol, `rapport.chat.v1`, over a WebSocket.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::api::{Failure, Socket, origin};
use super::habits::{Public, Visitor};
use super::stage::{Stage, Stages, closing};
use super::trouble::Trouble;

/// Visitors at one time; beyond it nobody new comes for a while.
const MOST_VISITORS: usize = 16;
/// Tokens of earlier visitors that are kept.
const MOST_TOKENS: usize = 32;
/// A message or a goodbye that is not acknowledged within this time is an error.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(5);
/// No visit takes longer.
const LONGEST_VISIT: Duration = Duration::from_secs(150);

/// The site's public.
pub struct Site {
    /// Where the hub's chat listens.
    pub chat: SocketAddr,
    /// Where its pages are.
    pub pages: SocketAddr,
    /// What visitors intend.
    pub public: Public,
    /// Errors.
    pub trouble: Trouble,
}

/// Tokens by site, of visitors who are not there now.
type Tokens = Arc<Mutex<Vec<(&'static str, String)>>>;

impl Site {
    /// Sends visitors until the stage closes, and sees them out.
    pub async fn run(mut self, mut stages: Stages) {
        let tokens = Tokens::default();
        let room = Arc::new(Semaphore::new(MOST_VISITORS));
        let mut visits = JoinSet::new();
        let mut number = 0_u64;
        loop {
            tokio::select! {
                () = tokio::time::sleep(self.public.next_chat()) => {}
                () = closing(&mut stages) => break,
            }
            while visits.try_join_next().is_some() {}
            let Ok(seat) = room.clone().try_acquire_owned() else {
                continue;
            };
            let visitor = self.public.visitor();
            number += 1;
            let mut visit = Visit {
                chat: self.chat,
                origin: origin(self.pages),
                typing: (0..=visitor.lines.len())
                    .map(|_| self.public.typing())
                    .collect(),
                token: visitor
                    .returns
                    .then(|| take_token(&tokens, visitor.site))
                    .flatten(),
                visitor,
                number,
                epoch: None,
                after: 0,
                stages: stages.clone(),
            };
            let (trouble, tokens) = (self.trouble.clone(), tokens.clone());
            visits.spawn(async move {
                match tokio::time::timeout(LONGEST_VISIT, Box::pin(visit.talk())).await {
                    Ok(Ok(())) => {}
                    Ok(Err(Wrong(what))) => trouble.note(format!("visitor: {what}")),
                    Err(_) => trouble.note("visitor: a chat did not come to an end"),
                }
                keep_token(&tokens, &visit);
                drop(seat);
            });
        }
        while visits.join_next().await.is_some() {}
    }
}

fn take_token(tokens: &Tokens, site: &str) -> Option<String> {
    let mut kept = tokens.lock().unwrap_or_else(PoisonError::into_inner);
    let place = kept.iter().position(|(of, _)| *of == site)?;
    Some(kept.swap_remove(place).1)
}

fn keep_token(tokens: &Tokens, visit: &Visit) {
    let mut kept = tokens.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(token) = visit.token.clone().filter(|_| kept.len() < MOST_TOKENS) {
        kept.push((visit.visitor.site, token));
    }
}

/// What went wrong in a visit.
struct Wrong(String);

impl From<Failure> for Wrong {
    fn from(failure: Failure) -> Self {
        Self(failure.to_string())
    }
}

#[derive(Deserialize)]
struct Line {
    seq: u64,
    kind: String,
}

#[derive(Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
enum Frame {
    Welcome {
        #[serde(default)]
        token: Option<String>,
        #[serde(default)]
        epoch: Option<Uuid>,
        closed: bool,
        lines: Vec<Line>,
    },
    Line {
        epoch: Uuid,
        #[serde(flatten)]
        line: Line,
    },
    Ack {
        cid: Uuid,
        epoch: Uuid,
    },
    Refused {
        code: String,
        retry: bool,
    },
    Resync {
        epoch: Uuid,
    },
    Ping,
}

struct Visit {
    chat: SocketAddr,
    origin: String,
    visitor: Visitor,
    typing: Vec<Duration>,
    token: Option<String>,
    number: u64,
    epoch: Option<Uuid>,
    after: u64,
    stages: Stages,
}

/// Where a conversation is.
#[derive(Default)]
struct Progress {
    said: usize,
    unanswered: bool,
    unacknowledged: Option<(Uuid, &'static str, Instant)>,
    speaks_at: Option<Instant>,
    met: bool,
    leaving: Option<Instant>,
    closed: bool,
}

impl Visit {
    async fn connect(&mut self, progress: &mut Progress) -> Result<Socket, Wrong> {
        let headers = [
            ("origin", self.origin.clone()),
            (
                "sec-websocket-protocol",
                rapport_web_chat::SUBPROTOCOL.to_owned(),
            ),
        ];
        let mut socket = Socket::open(&format!("ws://{}/", self.chat), headers).await?;
        let mut hello = json!({ "t": "hello", "site": self.visitor.site });
        if let Some(token) = &self.token {
            hello["token"] = json!(token);
        }
        if let Some(epoch) = self.epoch {
            hello["epoch"] = json!(epoch);
            hello["after"] = json!(self.after);
        }
        socket.send(&hello).await?;
        let within = Instant::now() + ACKNOWLEDGED_WITHIN;
        let frame = timeout_at(within, socket.next())
            .await
            .map_err(|_| Wrong("no welcome came".to_owned()))??;
        match frame.map(read).transpose()? {
            Some(Frame::Welcome {
                token,
                epoch,
                closed,
                lines,
            }) => {
                if token.is_some() == self.token.is_some() {
                    return Err(Wrong(
                        "a token has to come exactly when there was none".to_owned(),
                    ));
                }
                self.token = token.or(self.token.take());
                // A conversation that goes on is ours; one that is closed is history.
                let ours = epoch.is_some() && (epoch == self.epoch || !closed);
                if ours {
                    if epoch == self.epoch && lines.iter().any(|line| line.seq <= self.after) {
                        return Err(Wrong("a line came twice after resuming".to_owned()));
                    }
                    self.epoch = epoch;
                    self.after = lines
                        .iter()
                        .map(|line| line.seq)
                        .max()
                        .unwrap_or(self.after)
                        .max(self.after);
                }
                // What was missed while the connection was down.
                let any = |kind: &str| ours && lines.iter().any(|line| line.kind == kind);
                progress.met |= any("joined");
                if any("agent") {
                    self.was_answered(progress);
                }
                progress.closed = ours && closed;
                Ok(socket)
            }
            Some(Frame::Refused { code, .. }) => Err(Wrong(format!("hello was refused: {code}"))),
            Some(_) => Err(Wrong("something else came instead of a welcome".to_owned())),
            None => Err(Wrong(
                "the hub closed the connection instead of a welcome".to_owned(),
            )),
        }
    }

    async fn talk(&mut self) -> Result<(), Wrong> {
        let began = Instant::now();
        let mut progress = Progress::default();
        let mut socket = self.connect(&mut progress).await?;
        progress.speaks_at = Some(began);
        let mut dropped = !self.visitor.drops;
        let mut stages = self.stages.clone();
        while !progress.closed {
            if !dropped
                && progress.said == 1
                && progress.unacknowledged.is_none()
                && progress.leaving.is_none()
            {
                // The network fails, without a goodbye; the page comes back and asks for what it missed.
                dropped = true;
                drop(socket);
                tokio::time::sleep(Duration::from_millis(300)).await;
                socket = self.connect(&mut progress).await?;
                continue;
            }
            let gives_up = began + self.visitor.patience;
            let overdue = progress
                .unacknowledged
                .map(|(.., at)| at + ACKNOWLEDGED_WITHIN);
            let leaves_at = if progress.leaving.is_some() || progress.met {
                None
            } else {
                Some(gives_up)
            };
            tokio::select! {
                frame = socket.next() => match frame? {
                    Some(frame) => self.read(read(frame)?, &mut progress, &mut socket).await?,
                    None => return Err(Wrong("the hub closed the connection".to_owned())),
                },
                () = at(progress.speaks_at) => self.speak(&mut progress, &mut socket).await?,
                () = at(overdue) => return Err(Wrong("a message was not acknowledged in time".to_owned())),
                () = at(progress.leaving.map(|since| since + ACKNOWLEDGED_WITHIN)) => {
                    return Err(Wrong("leaving a chat was not confirmed in time".to_owned()));
                }
                () = at(leaves_at) => leave(&mut progress, &mut socket).await?,
                () = closing(&mut stages), if progress.leaving.is_none() => {
                    if progress.said == 0 {
                        break; // nobody knows of us yet
                    }
                    leave(&mut progress, &mut socket).await?;
                    if *stages.borrow() == Stage::Over {
                        break;
                    }
                }
            }
        }
        socket.close().await;
        Ok(())
    }

    async fn speak(&mut self, progress: &mut Progress, socket: &mut Socket) -> Result<(), Wrong> {
        progress.speaks_at = None;
        if let Some((cid, text, at)) = &mut progress.unacknowledged {
            // The same message again, under the same id: it is stored once.
            *at = Instant::now();
            return Ok(socket
                .send(&json!({ "t": "say", "cid": cid, "text": text }))
                .await?);
        }
        let Some(text) = self.visitor.lines.get(progress.said).copied() else {
            return leave(progress, socket).await;
        };
        // Unique among the visits of this run, and not to be guessed from outside the browser it stands for.
        let cid = Uuid::now_v7();
        tracing::trace!(
            visit = self.number,
            line = progress.said,
            "a visitor writes"
        );
        progress.said += 1;
        progress.unanswered = true;
        progress.unacknowledged = Some((cid, text, Instant::now()));
        Ok(socket
            .send(&json!({ "t": "say", "cid": cid, "text": text }))
            .await?)
    }

    async fn read(
        &mut self,
        frame: Frame,
        progress: &mut Progress,
        socket: &mut Socket,
    ) -> Result<(), Wrong> {
        match frame {
            Frame::Ping => socket.send(&json!({ "t": "pong" })).await?,
            Frame::Ack { cid, epoch } => {
                progress.unacknowledged.take_if(|(mine, ..)| *mine == cid);
                self.enters(epoch);
            }
            Frame::Resync { epoch } => self.enters(epoch),
            Frame::Refused { code, retry: true } if progress.unacknowledged.is_some() => {
                tracing::debug!(code, "a visitor was asked to try again");
                progress.speaks_at = Some(Instant::now() + Duration::from_secs(1));
            }
            Frame::Refused { code, .. } => return Err(Wrong(format!("refused: {code}"))),
            Frame::Line { epoch, line } => {
                self.enters(epoch);
                if line.seq <= self.after {
                    return Err(Wrong("a line came twice or out of order".to_owned()));
                }
                self.after = line.seq;
                match line.kind.as_str() {
                    "agent" => self.was_answered(progress),
                    "joined" => progress.met = true,
                    "closed" => progress.closed = true,
                    _ => {}
                }
            }
            Frame::Welcome { .. } => return Err(Wrong("a second welcome came".to_owned())),
        }
        Ok(())
    }

    fn enters(&mut self, epoch: Uuid) {
        if self.epoch != Some(epoch) {
            self.epoch = Some(epoch);
            self.after = 0;
        }
    }

    fn was_answered(&self, progress: &mut Progress) {
        progress.met = true;
        if std::mem::take(&mut progress.unanswered) {
            let pause = self
                .typing
                .get(progress.said)
                .copied()
                .unwrap_or(Duration::from_secs(1));
            progress.speaks_at = Some(Instant::now() + pause);
        }
    }
}

async fn leave(progress: &mut Progress, socket: &mut Socket) -> Result<(), Wrong> {
    progress.leaving = Some(Instant::now());
    progress.speaks_at = None;
    Ok(socket.send(&json!({ "t": "leave" })).await?)
}

fn read(frame: Value) -> Result<Frame, Wrong> {
    serde_json::from_value(frame)
        .map_err(|error| Wrong(format!("a frame was not understood: {error}")))
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
