//! A hub in this process, on free ports and a folder of its own, and somebody who talks to it.

use std::net::SocketAddr;
use std::path::Path;

use futures_util::{SinkExt, StreamExt};
use rapport_hub::config::Config;
use rapport_hub::wiring::Hub;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Two tenants with the same names inside.
pub const TENANTS: &str = r#"
[[tenant]]
name = "acme"
not_ready_reasons = ["break", "lunch"]
[[tenant.queue]]
name = "service"
[[tenant.agent]]
name = "anna"
display_name = "Anna"
password = "anna-password"
[[tenant.agent]]
name = "sue"
role = "supervisor"
password = "sue-password"
[[tenant.access_point]]
name = "web"
channel = "chat"
address = "acme-shop"
queue = "service"
origins = ["https://shop.example"]
[[tenant.api_key]]
name = "finance"
key = "acme-finance-key"
[[tenant.api_key]]
name = "sales"
key = "acme-sales-key-1"
[[tenant.api_key]]
name = "ops"
role = "admin"
key = "acme-operations-key"
[tenant.policy]
queue = "service"

[[tenant]]
name = "other"
[[tenant.queue]]
name = "service"
[[tenant.agent]]
name = "anna"
password = "other-password"
[[tenant.api_key]]
name = "ops"
role = "admin"
key = "other-operations-key"
"#;

/// A configuration text on free ports with its data in `folder`.
pub fn config_text(folder: &Path) -> String {
    format!(
        "data = {:?}\n[http]\nbind = \"127.0.0.1:0\"\n[chat]\nbind = \"127.0.0.1:0\"\n{TENANTS}",
        folder.join("data").display().to_string()
    )
}

/// A running hub.
pub struct Running {
    pub hub: Hub,
    pub http: SocketAddr,
    folder: TempDir,
}

impl Running {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = config_text(folder.path());
        Self::with(folder, &text).await
    }

    /// With this configuration, whose data is in `folder`.
    pub async fn with(folder: TempDir, text: &str) -> Self {
        let config = Config::read(text, Path::new("test.toml"), &|_| None).unwrap();
        let hub = Box::pin(Hub::start(config)).await.unwrap();
        Self {
            http: hub.addresses().http,
            hub,
            folder,
        }
    }

    /// Stops it and gives its folder, for the next one.
    pub async fn end(self) -> TempDir {
        self.hub.stop().await;
        self.folder
    }

    /// What is answered to bytes as they are, until the hub hangs up.
    pub async fn raw(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.http).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.http)
    }

    pub fn origin(&self) -> String {
        format!("http://{}", self.http)
    }

    /// Somebody with a cookie jar of their own.
    pub fn person(&self) -> Person {
        let client = reqwest::Client::builder()
            .cookie_store(true)
            .no_proxy()
            .build()
            .unwrap();
        Person {
            client,
            base: self.origin(),
            key: None,
            cookie: None,
        }
    }

    /// A program with an API key.
    pub fn program(&self, key: &str) -> Person {
        Person {
            key: Some(key.to_owned()),
            ..self.person()
        }
    }

    /// Somebody who is logged in.
    pub async fn logged_in(&self, tenant: &str, user: &str, password: &str) -> Person {
        let mut person = self.person();
        let login = json!({ "tenant": tenant, "user": user, "password": password });
        let response = person
            .request(Method::POST, "/api/v1/login")
            .json(&login)
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let cookie = response.headers()["set-cookie"]
            .to_str()
            .unwrap()
            .split(';')
            .next()
            .unwrap()
            .to_owned();
        person.cookie = Some(cookie);
        person
    }
}

/// A client.
pub struct Person {
    pub client: reqwest::Client,
    base: String,
    key: Option<String>,
    pub cookie: Option<String>,
}

impl Person {
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self
            .client
            .request(method, format!("{}{path}", self.base))
            .header("Origin", &self.base);
        match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    /// Status and JSON of an answer; `null` when it has no body.
    pub async fn send(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let request = self.request(method, path);
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        read(request.send().await.unwrap()).await
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        self.send(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.send(Method::POST, path, Some(body)).await
    }

    /// A live socket with this person's cookie.
    pub async fn socket(&self, path: &str, origin: &str) -> Result<Socket, Error> {
        let mut request = format!("ws{}{path}", self.base.trim_start_matches("http"))
            .into_client_request()
            .unwrap();
        request
            .headers_mut()
            .insert("Origin", origin.parse().unwrap());
        if let Some(cookie) = &self.cookie {
            request
                .headers_mut()
                .insert("Cookie", cookie.parse().unwrap());
        }
        connect_async(request)
            .await
            .map(|(stream, _)| Socket(stream))
    }
}

/// Status and JSON; what is an error must be a problem.
pub async fn read(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let kind = response
        .headers()
        .get("content-type")
        .map(|kind| kind.to_str().unwrap().to_owned());
    assert!(response.headers().contains_key("x-request-id"));
    let text = response.text().await.unwrap();
    let body: Value = if text.is_empty() {
        Value::Null
    } else {
        serde_json::from_str(&text).unwrap()
    };
    if status >= 400 {
        assert_eq!(kind.as_deref(), Some("application/problem+json"), "{text}");
        assert_eq!(body["status"], status);
        assert!(
            body["type"].is_string() && body["title"].is_string() && body["detail"].is_string(),
            "{text}"
        );
    }
    (status, body)
}

/// A live socket.
pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    pub async fn say(&mut self, frame: Value) {
        self.0.send(Message::text(frame.to_string())).await.unwrap();
    }

    /// The next frame; `None` when the server closed.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            match self.0.next().await? {
                Ok(Message::Text(text)) => return Some(serde_json::from_str(&text).unwrap()),
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// The next frame of which something holds; others are passed over.
    pub async fn wait(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        let search = async {
            loop {
                let frame = self.next().await.expect("the socket is open");
                if wanted(&frame) {
                    return frame;
                }
            }
        };
        let waited = tokio::time::timeout(std::time::Duration::from_secs(20), search).await;
        waited.expect("the frame comes")
    }
}

/// A visitor's browser on a page of this origin.
pub async fn visitor(chat: SocketAddr, origin: &str) -> Socket {
    let mut request = format!("ws://{chat}/").into_client_request().unwrap();
    request
        .headers_mut()
        .insert("Origin", origin.parse().unwrap());
    request
        .headers_mut()
        .insert("Sec-WebSocket-Protocol", "rapport.chat.v1".parse().unwrap());
    Socket(connect_async(request).await.unwrap().0)
}
