//! A tenant and what it declares, as the file writes it.

use std::collections::BTreeMap;

use rapport_domain::agent::{Role, Weights};
use rapport_domain::channel::Channel;
use rapport_domain::setup::{AgentChoice, ApiRole};
use serde::Deserialize;

use super::{Hook, Policy, Secret, Webhook};

/// `[[tenant]]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "keys.rs says what each key means, once")]
pub struct Tenant {
    pub name: String,
    #[serde(default)]
    pub display_name: Option<String>,
    #[serde(default = "utc")]
    pub zone: String,
    #[serde(default)]
    pub caller_id: String,
    #[serde(default)]
    pub outbound_trunk: Option<String>,
    #[serde(default = "not_ready_reasons")]
    pub not_ready_reasons: Vec<String>,
    #[serde(default)]
    pub queue: Vec<Queue>,
    #[serde(default)]
    pub agent: Vec<Agent>,
    #[serde(default)]
    pub access_point: Vec<AccessPoint>,
    #[serde(default)]
    pub api_key: Vec<ApiKey>,
    #[serde(default)]
    pub webhook: Vec<Webhook>,
    #[serde(default)]
    pub hook: Vec<Hook>,
    #[serde(default)]
    pub policy: Option<Policy>,
}

fn utc() -> String {
    "UTC".to_owned()
}

fn not_ready_reasons() -> Vec<String> {
    ["break", "lunch", "training", "meeting"]
        .map(str::to_owned)
        .to_vec()
}

/// `[[tenant.queue]]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "keys.rs says what each key means, once")]
pub struct Queue {
    pub name: String,
    #[serde(default)]
    pub display_name: Option<String>,
    #[serde(default)]
    pub skills: BTreeMap<String, u8>,
    #[serde(default)]
    pub widening: Vec<Widening>,
    #[serde(default = "twenty")]
    pub target_seconds: u32,
    #[serde(default = "eighty")]
    pub service_level_percent: u8,
    #[serde(default = "hundred")]
    pub value_weight: u32,
    #[serde(default = "six")]
    pub floor_after: u32,
    #[serde(default)]
    pub choice: AgentChoice,
    #[serde(default = "twenty")]
    pub offer_seconds: u32,
    #[serde(default = "thirty")]
    pub wrap_up_seconds: u32,
    #[serde(default)]
    pub dispositions: Vec<String>,
    #[serde(default)]
    pub outbound: bool,
}

const fn twenty() -> u32 {
    20
}

const fn thirty() -> u32 {
    30
}

const fn eighty() -> u8 {
    80
}

const fn hundred() -> u32 {
    100
}

const fn six() -> u32 {
    6
}

/// `[[tenant.queue.widening]]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "keys.rs says what each key means, once")]
pub struct Widening {
    pub after_seconds: u32,
    #[serde(default)]
    pub skills: BTreeMap<String, u8>,
}

/// `[[tenant.agent]]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "keys.rs says what each key means, once")]
pub struct Agent {
    pub name: String,
    #[serde(default)]
    pub display_name: Option<String>,
    #[serde(default = "agent_role")]
    pub role: Role,
    #[serde(default)]
    pub password: Option<Secret>,
    #[serde(default)]
    pub password_hash: Option<Secret>,
    #[serde(default)]
    pub skills: BTreeMap<String, u8>,
    #[serde(default)]
    pub phone: Option<String>,
    #[serde(default)]
    pub phone_user: Option<String>,
    #[serde(default)]
    pub phone_secret: Option<Secret>,
    #[serde(default = "hundred")]
    pub capacity: u32,
    #[serde(default)]
    pub weights: FileWeights,
}

const fn agent_role() -> Role {
    Role::Agent
}

/// `[tenant.agent.weights]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "keys.rs says what each key means, once")]
pub struct FileWeights {
    pub voice: u32,
    pub chat: u32,
    pub sms: u32,
    pub email: u32,
}

impl Default for FileWeights {
    fn default() -> Self {
        let Weights {
            voice,
            chat,
            sms,
            email,
        } = Weights::default();
        Self {
            voice,
            chat,
            sms,
            email,
        }
    }
}

/// `[[tenant.access_point]]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "keys.rs says what each key means, once")]
pub struct AccessPoint {
    pub name: String,
    pub channel: Channel,
    pub address: String,
    pub queue: String,
    #[serde(default)]
    pub origins: Vec<String>,
}

/// `[[tenant.api_key]]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "keys.rs says what each key means, once")]
pub struct ApiKey {
    pub name: String,
    #[serde(default = "department")]
    pub role: ApiRole,
    #[serde(default)]
    pub key: Option<Secret>,
    #[serde(default)]
    pub sha256: Option<String>,
}

const fn department() -> ApiRole {
    ApiRole::Department
}
