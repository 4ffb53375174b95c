//! The HTTP interface, used as a desk or a department uses it.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, ORIGIN, SET_COOKIE};
use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::setup::{PASSWORD, TENANT, key};
use crate::wait::{self, PATIENCE};

/// What was answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; null when there is none.
    pub body: Value,
}

impl Answer {
    /// The body of a success.
    ///
    /// # Panics
    /// When it is none.
    #[allow(clippy::must_use_candidate, reason = "often only the success matters")]
    pub fn ok(self) -> Value {
        assert!(
            (200..300).contains(&self.status),
            "{} {}",
            self.status,
            self.body
        );
        self.body
    }
}

/// Somebody at the HTTP interface.
#[derive(Clone, Debug)]
pub struct Api {
    client: Client,
    cookie: String,
    base: String,
    key: Option<String>,
}

impl Api {
    /// Somebody unknown, at this address.
    ///
    /// # Panics
    /// When there is no HTTP client.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self::waiting(address, PATIENCE)
    }

    /// Somebody unknown who waits so long for an answer.
    ///
    /// # Panics
    /// When there is no HTTP client.
    #[must_use]
    pub fn waiting(address: SocketAddr, patience: Duration) -> Self {
        let client = Client::builder()
            .cookie_store(true)
            .timeout(patience)
            .build()
            .expect("a client");
        Self {
            client,
            cookie: String::new(),
            base: format!("http://{address}"),
            key: None,
        }
    }

    /// With the key of a department, or of `operations`.
    #[must_use]
    pub fn as_department(mut self, name: &str) -> Self {
        self.key = Some(key(name));
        self
    }

    /// Logs in as an agent.
    ///
    /// # Panics
    /// When that is refused.
    pub async fn as_agent(self, name: &str) -> Self {
        self.log_in(name).await.expect("a hub that answers")
    }

    /// Logs in as an agent at a hub that may be gone.
    ///
    /// # Errors
    /// When there is no answer.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn log_in(mut self, name: &str) -> reqwest::Result<Self> {
        let who = json!({ "tenant": TENANT, "user": name, "password": PASSWORD });
        let answer = self.attempt(Method::POST, "/login", Some(who)).await?;
        let cookie = answer
            .headers
            .get(SET_COOKIE)
            .and_then(|cookie| cookie.to_str().ok())
            .unwrap_or_default();
        cookie
            .split(';')
            .next()
            .unwrap_or_default()
            .clone_into(&mut self.cookie);
        assert_eq!(answer.ok()["agent"]["name"], name);
        Ok(self)
    }

    /// What proves to the live sockets who is asking; empty before the login.
    #[must_use]
    pub fn cookie(&self) -> &str {
        &self.cookie
    }

    /// A request with an answer, whatever it is.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn request(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.attempt(method, path, body)
            .await
            .unwrap_or_else(|error| panic!("{path}: {error:?}"))
    }

    /// A request to a hub that may be gone.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn attempt(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> reqwest::Result<Answer> {
        let path = if path.starts_with("/api/") {
            path.to_owned()
        } else {
            format!("/api/v1{path}")
        };
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.base))
            .header(ORIGIN, &self.base);
        if let Some(key) = &self.key {
            request = request.header(AUTHORIZATION, format!("Bearer {key}"));
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await?;
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok(Answer {
            status,
            headers,
            body,
        })
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> Answer {
        self.request(Method::GET, path, None).await
    }

    /// `POST`.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.request(Method::POST, path, Some(body)).await
    }

    /// `POST` without a body.
    pub async fn press(&self, path: &str) -> Answer {
        self.request(Method::POST, path, None).await
    }

    /// Waits until a `GET` answers something that fits.
    ///
    /// # Panics
    /// When it does not come.
    pub async fn sees(&self, path: &str, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        wait::until(what, || async {
            let answer = self.get(path).await;
            (answer.status == 200 && fits(&answer.body)).then_some(answer.body)
        })
        .await
    }

    /// The agent takes work from now on.
    ///
    /// # Panics
    /// When that is refused.
    pub async fn ready(&self) {
        self.post("/me/presence", json!({ "state": "ready" }))
            .await
            .ok();
    }

    /// What the agent is ready for.
    pub async fn presence(&self) -> Value {
        self.get("/me").await.ok()["presence"].clone()
    }
}
