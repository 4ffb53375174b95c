//! A visitor of the website, at the chat listener. Keeps what it was told, comes back after a break, and counts a message
//! as accepted only when it was acknowledged.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use uuid::Uuid;

use crate::setup::SITE;
use crate::wait::PATIENCE;

/// Between two attempts to say something.
const PAUSE: Duration = Duration::from_millis(100);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// The connection is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

/// A visitor.
#[derive(Debug, Default)]
pub struct Visitor {
    socket: Option<Socket>,
    token: Option<Value>,
    epoch: Option<Value>,
    /// Every line received, in order, with its `seq`.
    pub lines: Vec<Value>,
}

impl Visitor {
    /// Somebody new, connected.
    ///
    /// # Errors
    /// When there is no hub.
    pub async fn arrive(chat: SocketAddr) -> Result<Self, Gone> {
        let mut visitor = Self::default();
        visitor.connect(chat).await?;
        Ok(visitor)
    }

    /// Connects, again perhaps, and resumes after the last line known.
    ///
    /// # Errors
    /// When there is no hub.
    ///
    /// # Panics
    /// When the hub refuses.
    pub async fn connect(&mut self, chat: SocketAddr) -> Result<(), Gone> {
        let mut request = format!("ws://{chat}/")
            .into_client_request()
            .expect("an address");
        let headers = request.headers_mut();
        headers.insert(
            "Sec-WebSocket-Protocol",
            "rapport.chat.v1".parse().expect("a header"),
        );
        headers.insert("Origin", "http://shop.example".parse().expect("a header"));
        let (socket, _) = connect_async(request).await.map_err(|_| Gone)?;
        self.socket = Some(socket);
        let mut hello = json!({ "t": "hello", "site": SITE });
        for (name, value) in [("token", &self.token), ("epoch", &self.epoch)] {
            if let Some(value) = value {
                hello[name] = value.clone();
            }
        }
        let last = self
            .lines
            .iter()
            .rfind(|line| Some(&line["epoch"]) == self.epoch.as_ref());
        if let Some(last) = last {
            hello["after"] = last["seq"].clone();
        }
        self.send(&hello).await?;
        let welcome = self.frame("welcome", |_| true).await?;
        if welcome["token"].is_string() {
            self.token = Some(welcome["token"].clone());
        }
        if welcome["epoch"].is_string() {
            self.epoch = Some(welcome["epoch"].clone());
        }
        for mut line in welcome["lines"].as_array().cloned().unwrap_or_default() {
            line["epoch"] = welcome["epoch"].clone();
            self.lines.push(line);
        }
        Ok(())
    }

    /// The interaction, once there is one.
    #[must_use]
    pub fn interaction(&self) -> Option<&str> {
        self.epoch.as_ref().and_then(Value::as_str)
    }

    /// Messages that were shown twice: there should be none, whatever happened to the connection.
    #[must_use]
    pub fn repeated(&self) -> Vec<String> {
        let mut seen = BTreeSet::new();
        let ids = self
            .lines
            .iter()
            .filter_map(|line| line["cid"].as_str().or(line["id"].as_str()));
        ids.filter(|id| !seen.insert(*id))
            .map(str::to_owned)
            .collect()
    }

    /// Says something under this id and waits for the acknowledgement.
    ///
    /// # Errors
    /// When the connection ends before: then nobody knows whether it was taken.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn say(&mut self, id: Uuid, text: &str) -> Result<(), Gone> {
        loop {
            self.send(&json!({ "t": "say", "cid": id, "text": text }))
                .await?;
            let answer = self
                .answer(|frame| {
                    ["ack", "refused"].iter().any(|t| frame["t"] == *t) && frame["cid"] == json!(id)
                })
                .await?;
            if answer["t"] == "ack" {
                self.epoch = Some(answer["epoch"].clone());
                return Ok(());
            }
            assert_eq!(answer["retry"], true, "refused: {answer}");
            tokio::time::sleep(PAUSE).await; // asked to slow down: the same again, a little later
        }
    }

    /// Waits for a line of this kind that fits.
    ///
    /// # Errors
    /// When the connection ends.
    pub async fn line(&mut self, kind: &str, fits: impl Fn(&Value) -> bool) -> Result<Value, Gone> {
        if let Some(line) = self
            .lines
            .iter()
            .find(|line| line["kind"] == kind && fits(line))
        {
            return Ok(line.clone());
        }
        self.frame("line", |line| line["kind"] == kind && fits(line))
            .await
    }

    /// Ends the conversation.
    ///
    /// # Errors
    /// When the connection ends.
    pub async fn leave(&mut self) -> Result<(), Gone> {
        self.send(&json!({ "t": "leave" })).await
    }

    async fn send(&mut self, frame: &Value) -> Result<(), Gone> {
        let socket = self.socket.as_mut().ok_or(Gone)?;
        socket
            .send(Message::text(frame.to_string()))
            .await
            .map_err(|_| Gone)
    }

    /// The next frame of this type that fits; lines on the way are kept.
    async fn frame(&mut self, t: &str, fits: impl Fn(&Value) -> bool) -> Result<Value, Gone> {
        let answer = self
            .answer(|frame| frame["t"] == "refused" || (frame["t"] == t && fits(frame)))
            .await?;
        assert_eq!(answer["t"], t, "refused: {answer}");
        Ok(answer)
    }

    /// The next frame that fits.
    async fn answer(&mut self, fits: impl Fn(&Value) -> bool) -> Result<Value, Gone> {
        let limit = tokio::time::Instant::now() + PATIENCE;
        loop {
            let socket = self.socket.as_mut().ok_or(Gone)?;
            let next = tokio::time::timeout_at(limit, socket.next()).await;
            let message = next.unwrap_or_else(|_| panic!("waited {PATIENCE:?} in vain: a frame"));
            let Some(Ok(message)) = message else {
                self.socket = None;
                return Err(Gone);
            };
            let Message::Text(text) = message else {
                continue;
            };
            let frame: Value = serde_json::from_str(&text).expect("a frame as JSON");
            if frame["t"] == "ping" {
                self.send(&json!({ "t": "pong" })).await?;
            }
            if frame["t"] == "line" {
                self.lines.push(frame.clone());
            }
            if fits(&frame) {
                return Ok(frame);
            }
        }
    }
}
