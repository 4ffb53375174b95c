//! Doors to departments' systems, as the file writes them.

use rapport_domain::webhook::WishEvent;
use serde::Deserialize;

use super::Secret;

/// `[[tenant.webhook]]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "keys.rs says what each key means, once")]
pub struct Webhook {
    pub name: String,
    pub department: String,
    pub url: String,
    pub secret: Secret,
    #[serde(default)]
    pub next_secret: Option<Secret>,
    #[serde(default = "WishEvent::usual")]
    pub events: Vec<WishEvent>,
    #[serde(default)]
    pub private: bool,
    #[serde(default = "three_days")]
    pub give_up_hours: u32,
}

const fn three_days() -> u32 {
    72
}

/// `[[tenant.hook]]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "keys.rs says what each key means, once")]
pub struct Hook {
    pub department: String,
    pub secret: Secret,
    #[serde(default)]
    pub next_secret: Option<Secret>,
}
