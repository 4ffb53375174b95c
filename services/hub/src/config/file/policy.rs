//! `[tenant.policy]` as the file writes it.

use rapport_domain::channel::Channel;
use rapport_domain::outreach::WishClass;
use rapport_domain::policy::{Adjustment, Cap};
use rapport_domain::time::Date;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// `[tenant.policy]`. What is left out is as in
/// [`ContactPolicy::declared`](rapport_domain::policy::ContactPolicy::declared).
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "keys.rs says what each key means, once")]
pub struct Policy {
    pub queue: String,
    pub quiet_from: Option<String>,
    pub quiet_until: Option<String>,
    pub gather_seconds: Option<u32>,
    pub max_agenda: Option<u8>,
    pub max_agenda_seconds: Option<u32>,
    pub contacts_per_day: Option<u32>,
    pub caps: Option<Vec<Cap>>,
    pub min_gap_seconds: Option<u32>,
    pub retry_seconds: Option<u32>,
    pub max_attempts: Option<u32>,
    pub refusal_silence_days: Option<u32>,
    #[serde(default)]
    pub holidays: BTreeSet<Date>,
    pub consent_needed: Option<Vec<WishClass>>,
    pub complaint_holds: Option<Vec<WishClass>>,
    #[serde(default)]
    pub purposes: BTreeSet<String>,
    #[serde(default)]
    pub weights: Vec<Adjustment>,
    #[serde(default)]
    pub levers: Vec<Adjustment>,
    #[serde(default)]
    pub costs: BTreeMap<Channel, u32>,
}
