//! The hub that a table goes to.

use std::time::Duration;

use reqwest::{Client, Method, Response, StatusCode};
use serde_json::Value;

use super::super::Failure;
use super::table::Wrong;

/// The environment variable with the key of a running hub.
const KEY: &str = "RAPPORT_API_KEY";
/// A request has so long.
const WITHIN: Duration = Duration::from_secs(60);
/// A hub that cannot be reached, or asks for patience, is asked so often: for about two minutes.
const ATTEMPTS: u32 = 12;
/// The longest pause between two of them.
const LONGEST: Duration = Duration::from_secs(15);

/// Why a row did not get there.
#[derive(Debug)]
pub enum Trouble {
    /// The row is wrong.
    Row(Wrong),
    /// The hub cannot be reached, or does not know us.
    Hub(String),
}

/// A running hub.
#[derive(Clone)]
pub struct Hub {
    client: Client,
    base: String,
    key: String,
}

impl Hub {
    /// The hub at an address.
    pub fn new(url: &str) -> Result<Self, Failure> {
        let key = std::env::var(KEY).map_err(|_| {
            Failure::new(format!(
                "give a key of the tenant in the environment variable {KEY}"
            ))
        })?;
        let client = Client::builder().timeout(WITHIN).build();
        Ok(Self {
            client: client.map_err(Failure::new)?,
            base: format!("{}/api/v1", url.trim_end_matches('/')),
            key,
        })
    }

    /// Sends something until it is answered for good.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Result<(StatusCode, Value), Trouble> {
        let mut last = String::new();
        for attempt in 0..ATTEMPTS {
            let request = self
                .client
                .request(method.clone(), format!("{}{path}", self.base))
                .bearer_auth(&self.key)
                .json(body);
            let asked = match request.send().await {
                Ok(response) if is_final(response.status()) => return answer(response).await,
                Ok(response) => {
                    last = format!("the hub answers {}", response.status());
                    pause_of(&response)
                }
                Err(error) => {
                    last = format!("the hub cannot be reached: {}", error.without_url());
                    None
                }
            };
            let usual = Duration::from_millis(200 << attempt.min(8)).min(LONGEST);
            tokio::time::sleep(asked.unwrap_or(usual).min(LONGEST)).await;
        }
        Err(Trouble::Hub(last))
    }
}

fn is_final(status: StatusCode) -> bool {
    !(status.is_server_error()
        || matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT
        ))
}

fn pause_of(response: &Response) -> Option<Duration> {
    let header = response.headers().get(reqwest::header::RETRY_AFTER)?;
    header.to_str().ok()?.parse().ok().map(Duration::from_secs)
}

async fn answer(response: Response) -> Result<(StatusCode, Value), Trouble> {
    let status = response.status();
    let body: Value = response.json().await.unwrap_or_default();
    if status.is_success() {
        return Ok((status, body));
    }
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    match status {
        // Nothing that a row says makes these.
        StatusCode::UNAUTHORIZED | StatusCode::NOT_FOUND if text("type").is_empty() => {
            Err(Trouble::Hub(format!("the hub answers {status}")))
        }
        StatusCode::UNAUTHORIZED => Err(Trouble::Hub(text("detail"))),
        StatusCode::FORBIDDEN => Err(Trouble::Hub(format!("forbidden: {}", text("detail")))),
        _ => Err(Trouble::Row(Wrong::new(&text("field"), text("detail")))),
    }
}
