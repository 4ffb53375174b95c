//! Asks a department's system for facts, once: bounded in time and size, and read as a whole or not at all.

use std::collections::BTreeMap;
use std::fmt;

use rapport_domain::contact_point::{ContactPoint, Kind};
use rapport_domain::private::Private;
use reqwest::header::{ACCEPT, ETAG, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH};
use reqwest::{Client, Response, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use crate::address::Address;
use crate::client::client;
use crate::pull::Asked;

/// The largest answer that is read, in bytes.
const MOST_BYTES: usize = 8 << 20;
/// Most facts of one customer.
const MOST_FACTS: usize = 100;

/// A header that cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the header {0:?} cannot be sent")]
pub struct NotAHeader(pub String);

/// A department's system.
pub struct Source {
    address: Address,
    headers: HeaderMap,
    client: Client,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An address or a header may hold a key.
        f.write_str("<source>")
    }
}

/// What it says of one customer.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    /// Whom.
    pub customer: ContactPoint,
    /// What, by name. Texts, numbers, and yes or no.
    pub facts: BTreeMap<String, Private<Value>>,
}

#[derive(Deserialize)]
struct Answer {
    customers: Vec<One>,
}

#[derive(Deserialize)]
struct One {
    customer: Whom,
    facts: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Whom {
    #[serde(default)]
    phone: Option<String>,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    external_id: Option<String>,
}

impl Whom {
    fn read(self) -> Option<ContactPoint> {
        let given = [
            (Kind::Phone, self.phone),
            (Kind::Email, self.email),
            (Kind::ExternalId, self.external_id),
        ];
        let mut given = given
            .into_iter()
            .filter_map(|(kind, text)| Some((kind, text?)));
        match (given.next(), given.next()) {
            (Some((kind, text)), None) => ContactPoint::parse(kind, &text).ok(),
            _ => None,
        }
    }
}

/// Reads an answer: `{"customers":[{"customer":{"external_id"},"facts":{name:value}}]}`. What is wrong is said by its place;
/// nothing of it is quoted.
///
/// # Errors
/// What is wrong with it.
pub fn read(bytes: &[u8]) -> Result<Vec<Said>, String> {
    let answer: Answer = serde_json::from_slice(bytes).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let what = match error.classify() {
            serde_json::error::Category::Data => "is not what was asked for",
            _ => "is no JSON",
        };
        format!("{what} (line {line}, column {column})")
    })?;
    let one = |(place, one): (usize, One)| {
        let wrong = |what: &str| format!("customers[{place}] {what}");
        let customer = one
            .customer
            .read()
            .ok_or_else(|| wrong("does not name one customer by phone, email or external_id"))?;
        if one.facts.len() > MOST_FACTS {
            return Err(wrong("has too many facts"));
        }
        if one
            .facts
            .values()
            .any(|value| value.is_array() || value.is_object())
        {
            return Err(wrong("has a fact that is neither text, number, yes nor no"));
        }
        let facts = one.facts.into_iter();
        Ok(Said {
            customer,
            facts: facts
                .map(|(name, value)| (name, Private::new(value)))
                .collect(),
        })
    };
    answer.customers.into_iter().enumerate().map(one).collect()
}

impl Source {
    /// A system at an address, asked with these headers besides.
    ///
    /// # Errors
    /// [`NotAHeader`]; when the system's certificates cannot be loaded, it names no header.
    pub fn new(address: Address, headers: &[(String, String)]) -> Result<Self, NotAHeader> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let wrong = || NotAHeader(name.clone());
            let header: HeaderName = name.parse().map_err(|_| wrong())?;
            let mut value: HeaderValue = value.parse().map_err(|_| wrong())?;
            value.set_sensitive(true);
            map.insert(header, value);
        }
        let client = client(address.may_be_private()).map_err(|_| NotAHeader(String::new()))?;
        Ok(Self {
            address,
            headers: map,
            client,
        })
    }

    /// Asks. With the tag of an answer before, it may say that nothing has changed.
    pub async fn ask(&self, tag: Option<&str>) -> (Asked, Vec<Said>) {
        let mut request = self
            .client
            .get(self.address.url().clone())
            .header(ACCEPT, "application/json")
            .headers(self.headers.clone());
        if let Some(tag) = tag {
            request = request.header(IF_NONE_MATCH, tag);
        }
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => {
                let why = if error.is_timeout() {
                    "did not answer in time"
                } else {
                    "cannot be reached"
                };
                return (Asked::Unreachable(why.to_owned()), vec![]);
            }
        };
        match response.status() {
            StatusCode::NOT_MODIFIED if tag.is_some() => (Asked::Unchanged, vec![]),
            StatusCode::OK => taken(response).await,
            status => {
                let why = format!("answered {}", status.as_u16());
                (Asked::Unreachable(why), vec![])
            }
        }
    }
}

async fn taken(mut response: Response) -> (Asked, Vec<Said>) {
    let tag = response.headers().get(ETAG);
    let tag = tag.and_then(|tag| tag.to_str().ok()).map(str::to_owned);
    let mut bytes = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(part)) if bytes.len() + part.len() > MOST_BYTES => {
                let why = format!("has more than {MOST_BYTES} bytes");
                return (Asked::Rubbish(why), vec![]);
            }
            Ok(Some(part)) => bytes.extend_from_slice(&part),
            Ok(None) => break,
            Err(_) => {
                let why = "broke off in the middle of an answer".to_owned();
                return (Asked::Unreachable(why), vec![]);
            }
        }
    }
    match read(&bytes) {
        Ok(said) => (Asked::Fresh { tag }, said),
        Err(why) => (Asked::Rubbish(why), vec![]),
    }
}
