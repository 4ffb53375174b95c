//! The desk's live socket.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::api::Api;
use crate::wait::PATIENCE;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// What a desk knew when it was opened.
#[derive(Debug)]
pub struct Desk {
    snapshot: Value,
    socket: Socket,
}

impl Desk {
    /// Opens the desk of whoever is logged in.
    ///
    /// # Panics
    /// When the hub refuses, or sends no snapshot.
    pub async fn open(http: SocketAddr, who: &Api) -> Self {
        Self::attempt(http, who).await.expect("a desk")
    }

    /// Opens the desk of a hub that may be gone: then there is none.
    ///
    /// # Panics
    /// When the hub breaks the protocol.
    pub async fn attempt(http: SocketAddr, who: &Api) -> Option<Self> {
        let mut request = format!("ws://{http}/api/v1/desk/live")
            .into_client_request()
            .expect("an address");
        let headers = request.headers_mut();
        headers.insert("Cookie", who.cookie().parse().expect("a header"));
        headers.insert(
            "Origin",
            format!("http://{http}").parse().expect("a header"),
        );
        let (mut socket, _) = connect_async(request).await.ok()?;
        let hello = Message::text(json!({ "t": "hello", "resume": null }).to_string());
        socket.send(hello).await.ok()?;
        let snapshot = next(&mut socket, |frame| frame["t"] == "snapshot").await?;
        Some(Self { snapshot, socket })
    }

    /// Everything of the snapshot.
    #[must_use]
    pub fn work(&self) -> Vec<Value> {
        self.snapshot["work"]
            .as_array()
            .cloned()
            .unwrap_or_default()
    }

    /// A contact of the snapshot.
    ///
    /// # Panics
    /// When it is not there.
    #[must_use]
    pub fn in_snapshot(&self, interaction: &str) -> Value {
        let work = self.snapshot["work"].as_array().expect("work");
        let found = work.iter().find(|item| item["id"] == interaction);
        found
            .unwrap_or_else(|| panic!("{interaction} is not at the desk: {:#?}", self.snapshot))
            .clone()
    }

    /// Waits for a frame that fits.
    ///
    /// # Panics
    /// When it does not come.
    pub async fn hears(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        self.next(fits).await.expect("an open socket")
    }

    /// The next frame that fits; `None` when the hub is gone.
    ///
    /// # Panics
    /// When nothing comes for too long.
    pub async fn next(&mut self, fits: impl Fn(&Value) -> bool) -> Option<Value> {
        next(&mut self.socket, fits).await
    }

    /// The next frame that fits; `None` when the hub is gone, or has nothing to say for so long.
    ///
    /// # Panics
    /// When the hub breaks the protocol.
    pub async fn next_within(
        &mut self,
        limit: Duration,
        fits: impl Fn(&Value) -> bool,
    ) -> Option<Value> {
        tokio::time::timeout(limit, heard(&mut self.socket, fits))
            .await
            .ok()?
    }

    /// What the desk was opened with says of whoever sits at it.
    #[must_use]
    pub fn me(&self) -> &Value {
        &self.snapshot["me"]
    }
}

async fn next(socket: &mut Socket, fits: impl Fn(&Value) -> bool) -> Option<Value> {
    tokio::time::timeout(PATIENCE, heard(socket, fits))
        .await
        .expect("the frame in time")
}

async fn heard(socket: &mut Socket, fits: impl Fn(&Value) -> bool) -> Option<Value> {
    loop {
        let Some(Ok(message)) = socket.next().await else {
            return None;
        };
        let Message::Text(text) = message else {
            continue;
        };
        let frame: Value = serde_json::from_str(&text).expect("a frame as JSON");
        if fits(&frame) {
            return Some(frame);
        }
    }
}
