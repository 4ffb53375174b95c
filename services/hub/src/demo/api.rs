//! The front doors the simulated people use: the HTTP interface and WebSockets, as any client would.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use reqwest::header::{AUTHORIZATION, COOKIE, ORIGIN, RETRY_AFTER, SET_COOKIE};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// Attempts of one request while the hub is busy or cannot be reached.
const ATTEMPTS: u32 = 5;
/// The first pause between them; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(4);
/// A request that takes longer has failed.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The moment has passed (409): somebody else was faster, or the customer left.
    #[error("the moment has passed")]
    TooLate,
    /// The hub refused.
    #[error("answered {0}")]
    Refused(StatusCode),
    /// The hub cannot be reached, or what it says cannot be understood.
    #[error("{0}")]
    Unreachable(String),
}

#[derive(Clone)]
enum Identity {
    Session(String),
    Key(String),
}

/// Somebody who is known to the hub. Clones are the same.
#[derive(Clone)]
pub struct Api {
    client: reqwest::Client,
    hub: SocketAddr,
    identity: Identity,
}

impl Api {
    /// A program with a key.
    pub fn with_key(client: &reqwest::Client, hub: SocketAddr, key: String) -> Self {
        Self {
            client: client.clone(),
            hub,
            identity: Identity::Key(key),
        }
    }

    /// Logs somebody in.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn log_in(
        client: &reqwest::Client,
        hub: SocketAddr,
        user: &str,
        password: &str,
    ) -> Result<Self, Failure> {
        let body = json!({ "tenant": super::cast::TENANT, "user": user, "password": password });
        let request = || {
            client
                .post(format!("http://{hub}/api/v1/login"))
                .header(ORIGIN, origin(hub))
                .json(&body)
        };
        let response = patiently(request).await?;
        let cookies = response
            .headers()
            .get_all(SET_COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok());
        let session = cookies
            .filter_map(|cookie| cookie.split(';').next())
            .find(|pair| pair.starts_with("rapport_session="));
        let session = session
            .ok_or_else(|| Failure::Unreachable("the login gave no session".to_owned()))?
            .to_owned();
        Ok(Self {
            client: client.clone(),
            hub,
            identity: Identity::Session(session),
        })
    }

    /// `POST`s to a path under `/api/v1`; patient while the hub is busy.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.send(Method::POST, path, body).await
    }

    /// `PATCH`es a path under `/api/v1`.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn patch(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.send(Method::PATCH, path, body).await
    }

    async fn send(&self, method: Method, path: &str, body: &Value) -> Result<Value, Failure> {
        let url = format!("http://{}/api/v1{path}", self.hub);
        let request = || {
            let request = self.client.request(method.clone(), &url).json(body);
            match &self.identity {
                Identity::Session(cookie) => request
                    .header(COOKIE, cookie)
                    .header(ORIGIN, origin(self.hub)),
                Identity::Key(key) => request.header(AUTHORIZATION, format!("Bearer {key}")),
            }
        };
        let text = patiently(request)
            .await?
            .text()
            .await
            .map_err(unreachable)?;
        if text.is_empty() {
            Ok(Value::Null)
        } else {
            serde_json::from_str(&text).map_err(unreachable)
        }
    }

    /// Opens a live socket under `/api/v1`.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn live(&self, path: &str) -> Result<Socket, Failure> {
        let cookie = match &self.identity {
            Identity::Session(cookie) => Some(("cookie", cookie.clone())),
            Identity::Key(key) => Some(("authorization", format!("Bearer {key}"))),
        };
        let headers = cookie.into_iter().chain([("origin", origin(self.hub))]);
        Socket::open(&format!("ws://{}/api/v1{path}", self.hub), headers).await
    }
}

/// The origin of the hub's own pages.
#[must_use]
pub fn origin(hub: SocketAddr) -> String {
    format!("http://{hub}")
}

fn unreachable(why: impl ToString) -> Failure {
    Failure::Unreachable(why.to_string())
}

/// Sends a request until it is answered for good: a busy hub (429, 503) and a broken connection are given time.
async fn patiently(
    request: impl Fn() -> reqwest::RequestBuilder,
) -> Result<reqwest::Response, Failure> {
    let mut pause = FIRST_PAUSE;
    let mut attempt = 1;
    loop {
        let failure = match request().timeout(ANSWER_WITHIN).send().await {
            Ok(response) if response.status().is_success() => return Ok(response),
            Ok(response) if response.status() == StatusCode::CONFLICT => {
                return Err(Failure::TooLate);
            }
            Ok(response) => {
                let status = response.status();
                if !matches!(
                    status,
                    StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
                ) {
                    return Err(Failure::Refused(status));
                }
                let asked = response
                    .headers()
                    .get(RETRY_AFTER)
                    .and_then(|value| value.to_str().ok()?.parse().ok());
                pause = pause.max(asked.map(Duration::from_secs).unwrap_or_default());
                Failure::Refused(status)
            }
            // The URL of an error names a contact.
            Err(error) => unreachable(error.without_url()),
        };
        if attempt == ATTEMPTS {
            return Err(failure);
        }
        attempt += 1;
        tokio::time::sleep(pause.min(LONGEST_PAUSE)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// A WebSocket of JSON frames.
pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// Opens a socket.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn open(
        url: &str,
        headers: impl IntoIterator<Item = (&'static str, String)>,
    ) -> Result<Self, Failure> {
        let mut request = url.into_client_request().map_err(unreachable)?;
        for (name, value) in headers {
            request
                .headers_mut()
                .insert(name, HeaderValue::from_str(&value).map_err(unreachable)?);
        }
        let opened =
            tokio::time::timeout(ANSWER_WITHIN, tokio_tungstenite::connect_async(request)).await;
        match opened.map_err(|_| unreachable("no answer"))? {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(tungstenite::Error::Http(response)) => Err(Failure::Refused(
                StatusCode::from_u16(response.status().as_u16()).unwrap_or_default(),
            )),
            Err(error) => Err(unreachable(error)),
        }
    }

    /// Sends a frame.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn send(&mut self, frame: &Value) -> Result<(), Failure> {
        self.0
            .send(Message::text(frame.to_string()))
            .await
            .map_err(unreachable)
    }

    /// The next frame; `None` when the hub closed the socket. May be given up and asked again without losing a frame.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn next(&mut self) -> Result<Option<Value>, Failure> {
        loop {
            match self.0.next().await {
                None | Some(Ok(Message::Close(_))) => return Ok(None),
                Some(Ok(Message::Text(text))) => {
                    return serde_json::from_str(&text).map(Some).map_err(unreachable);
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(unreachable(error)),
            }
        }
    }

    /// Says goodbye.
    pub async fn close(mut self) {
        let _gone_either_way =
            tokio::time::timeout(Duration::from_secs(1), self.0.close(None)).await;
    }
}
