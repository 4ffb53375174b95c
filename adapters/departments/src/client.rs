//! One bounded attempt to hand a delivery over.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rapport_domain::id::WebhookId;
use rapport_domain::port::BoxFuture;
use rapport_domain::port::webhook::WebhookSender;
use rapport_domain::time::Timestamp;
use rapport_domain::webhook::{Answer, Delivery};
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};

use crate::address::{Address, Guard};
use crate::signature::{Secret, seconds, sign};

/// A connection has to be there within this time.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// An attempt has this long, from the look-up of the name to the end of the answer.
const ATTEMPT_WITHIN: Duration = Duration::from_secs(15);
/// So much of an answer's body is read, so that the connection can be used again; what it says is of no interest.
const MOST_BODY: usize = 16 * 1024;

/// Where an endpoint is, and what its deliveries are signed with.
#[derive(Clone, Debug)]
pub struct Target {
    /// Where.
    pub address: Address,
    /// With what; several while one takes the place of another.
    pub secrets: Vec<Secret>,
}

/// Hands deliveries over by HTTP, signed.
pub struct WebhookClient {
    targets: BTreeMap<WebhookId, Target>,
    public: Client,
    private: Client,
}

/// An HTTP client for going to departments' systems: bounded in time, without redirects, proxies and cookies.
pub(crate) fn client(private: bool) -> Result<Client, reqwest::Error> {
    // Others in this process may bring another provider along; without one that is installed nobody could choose.
    let _had_one = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Client::builder()
        .connect_timeout(CONNECT_WITHIN)
        .timeout(ATTEMPT_WITHIN)
        .redirect(Policy::none())
        .no_proxy()
        .dns_resolver(Arc::new(Guard { private }))
        .user_agent(concat!("rapport/", env!("CARGO_PKG_VERSION")))
        .build()
}

impl WebhookClient {
    /// Goes to these endpoints.
    ///
    /// # Errors
    /// When the system's certificates cannot be loaded.
    pub fn new(targets: BTreeMap<WebhookId, Target>) -> Result<Self, reqwest::Error> {
        Ok(Self {
            targets,
            public: client(false)?,
            private: client(true)?,
        })
    }

    async fn attempt(&self, target: &Target, delivery: &Delivery, at: Timestamp) -> Answer {
        let client = if target.address.may_be_private() {
            &self.private
        } else {
            &self.public
        };
        let sent = client
            .post(target.address.url().clone())
            .header(CONTENT_TYPE, "application/cloudevents+json")
            .header("webhook-id", &delivery.id)
            .header("webhook-timestamp", seconds(at))
            .header(
                "webhook-signature",
                sign(&target.secrets, &delivery.id, at, &delivery.body),
            )
            .body(delivery.body.clone())
            .send()
            .await;
        match sent {
            Ok(response) => {
                let answer = meaning(&response, at);
                read_to_end(response).await;
                answer
            }
            Err(error) => {
                // The address may hold what is nobody's business.
                let error = error.without_url();
                tracing::debug!(%error, "an attempt to hand a delivery over failed");
                Answer::Unreachable
            }
        }
    }
}

fn meaning(response: &Response, now: Timestamp) -> Answer {
    let status = response.status().as_u16();
    match status {
        200..=299 => Answer::Taken,
        410 => Answer::Gone,
        408 | 425 | 429 | 502..=504 => Answer::Busy {
            status,
            after: response
                .headers()
                .get(RETRY_AFTER)
                .and_then(|value| pause(value.to_str().ok()?, now)),
        },
        _ => Answer::Refused { status },
    }
}

/// Reads `Retry-After`: seconds, or a date.
fn pause(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(Duration::from_secs(seconds.into()));
    }
    let moment = chrono::DateTime::parse_from_rfc2822(text).ok()?;
    Some(Timestamp::from_micros(moment.timestamp_micros()).since(now))
}

/// What was answered is known by now; an answer that goes on for ever is cut off.
async fn read_to_end(mut response: Response) {
    let mut read = 0;
    while let Ok(Some(part)) = response.chunk().await {
        read += part.len();
        if read > MOST_BODY {
            return;
        }
    }
}

impl WebhookSender for WebhookClient {
    fn deliver<'a>(
        &'a self,
        endpoint: WebhookId,
        delivery: &'a Delivery,
        at: Timestamp,
    ) -> BoxFuture<'a, Answer> {
        Box::pin(async move {
            match self.targets.get(&endpoint) {
                Some(target) => self.attempt(target, delivery, at).await,
                None => Answer::Unreachable,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_asked_for_in_seconds_or_by_a_date() {
        let now = Timestamp::from_millis(1_445_412_420_000);
        assert_eq!(pause("120", now), Some(Duration::from_secs(120)));
        let date = pause("Wed, 21 Oct 2015 07:28:00 GMT", now);
        assert_eq!(date, Some(Duration::from_secs(60)));
        let past = pause("Wed, 21 Oct 2015 07:20:00 GMT", now);
        assert_eq!(past, Some(Duration::ZERO));
        for nonsense in ["", "soon", "-5", "1.5"] {
            assert_eq!(pause(nonsense, now), None, "{nonsense}");
        }
    }
}
