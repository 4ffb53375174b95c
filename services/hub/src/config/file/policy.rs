//! `[tenant.policy]` as the file writes it.

use std::collections::{BTreeMap, BTreeSet};

use rapport_domain::channel::Channel;
use rapport_domain::outreach::WishClass;
use rapport_domain::policy::{Adjustment, Cap};
use rapport_domain::time::Date;
use serde::Deserialize;

/// `[tenant.policy]`. What is left out is as in
/// [`ContactPolicy::declared`](rapport_domain::policy::ContactPolicy::declared).
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "keys.rs says what each key means, once")]
pub struct Policy {
    pub queue: String,
    #[serde(default = "evening")]
    pub quiet_from: String,
    #[serde(default = "morning")]
    pub quiet_until: String,
    #[serde(default = "minute")]
    pub gather_seconds: u32,
    #[serde(default = "three")]
    pub max_agenda: u8,
    #[serde(default = "five_minutes")]
    pub max_agenda_seconds: u32,
    #[serde(default = "once")]
    pub contacts_per_day: u32,
    #[serde(default)]
    pub caps: Option<Vec<Cap>>,
    #[serde(default)]
    pub min_gap_seconds: u32,
    #[serde(default = "four_hours")]
    pub retry_seconds: u32,
    #[serde(default = "five")]
    pub max_attempts: u32,
    #[serde(default = "a_month")]
    pub refusal_silence_days: u32,
    #[serde(default)]
    pub holidays: BTreeSet<Date>,
    #[serde(default = "marketing")]
    pub consent_needed: Vec<WishClass>,
    #[serde(default = "marketing")]
    pub complaint_holds: Vec<WishClass>,
    #[serde(default)]
    pub purposes: BTreeSet<String>,
    #[serde(default)]
    pub weights: Vec<Adjustment>,
    #[serde(default)]
    pub levers: Vec<Adjustment>,
    #[serde(default)]
    pub costs: Costs,
}

/// `[tenant.policy.costs]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "keys.rs says what each key means, once")]
pub struct Costs {
    #[serde(default)]
    pub voice: u32,
    #[serde(default)]
    pub chat: u32,
    #[serde(default)]
    pub sms: u32,
    #[serde(default)]
    pub email: u32,
}

impl Costs {
    /// The channels that cost something.
    #[must_use]
    pub fn by_channel(&self) -> BTreeMap<Channel, u32> {
        [
            (Channel::Voice, self.voice),
            (Channel::Chat, self.chat),
            (Channel::Sms, self.sms),
            (Channel::Email, self.email),
        ]
        .into_iter()
        .filter(|(_, cost)| *cost > 0)
        .collect()
    }
}

fn evening() -> String {
    "20:00".to_owned()
}

fn morning() -> String {
    "08:00".to_owned()
}

const fn minute() -> u32 {
    60
}

const fn three() -> u8 {
    3
}

const fn five_minutes() -> u32 {
    300
}

const fn once() -> u32 {
    1
}

const fn four_hours() -> u32 {
    14_400
}

const fn five() -> u32 {
    5
}

const fn a_month() -> u32 {
    30
}

fn marketing() -> Vec<WishClass> {
    vec![WishClass::Marketing]
}
