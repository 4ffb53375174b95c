//! The configuration as it is written. `keys.rs` describes the same keys to people; a test holds the two together.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use rapport_domain::agent::{Role, Weights};
use rapport_domain::channel::Channel;
use rapport_domain::outreach::WishClass;
use rapport_domain::setup::{AgentChoice, ApiRole};
use serde::Deserialize;

/// The whole file.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct File {
    /// The folder of the log and the read models.
    pub data: String,
    /// Which log.
    pub log: String,
    /// The HTTP interface and pages.
    pub http: Http,
    /// Web chat.
    pub chat: Chat,
    /// Telephony; none without it.
    pub voice: Option<Voice>,
    /// Organisations.
    pub tenant: Vec<Tenant>,
}

impl Default for File {
    fn default() -> Self {
        Self {
            data: "rapport-data".to_owned(),
            log: "embedded".to_owned(),
            http: Http::default(),
            chat: Chat::default(),
            voice: None,
            tenant: Vec::new(),
        }
    }
}

const fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), port)
}

/// `[http]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs)] // keys.rs says what each key means, once
pub struct Http {
    pub bind: SocketAddr,
    pub public_origins: Vec<String>,
    pub trusted_proxies: Vec<String>,
    pub session_hours: u32,
}

impl Default for Http {
    fn default() -> Self {
        Self { bind: loopback(8080), public_origins: vec![], trusted_proxies: vec![], session_hours: 12 }
    }
}

/// `[chat]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs)] // keys.rs says what each key means, once
pub struct Chat {
    pub bind: SocketAddr,
    pub public_url: Option<String>,
    pub max_connections: usize,
}

impl Default for Chat {
    fn default() -> Self {
        Self { bind: loopback(8081), public_url: None, max_connections: 15_000 }
    }
}

/// `[voice]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // keys.rs says what each key means, once
pub struct Voice {
    #[serde(default = "sip_port")]
    pub bind: SocketAddr,
    #[serde(default)]
    pub public_ip: Option<String>,
    #[serde(default = "rtp_ports")]
    pub rtp_ports: String,
    #[serde(default = "realm")]
    pub realm: String,
    #[serde(default = "all_calls")]
    pub calls_per_second: u32,
    #[serde(default = "trunk_calls")]
    pub trunk_calls_per_second: u32,
    #[serde(default = "legs")]
    pub max_legs: usize,
    #[serde(default)]
    pub trunk: Vec<Trunk>,
}

fn sip_port() -> SocketAddr {
    loopback(5060)
}

fn rtp_ports() -> String {
    "20000-29999".to_owned()
}

fn realm() -> String {
    "rapport".to_owned()
}

const fn all_calls() -> u32 {
    300
}

const fn legs() -> usize {
    2_000
}

/// `[[voice.trunk]]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // keys.rs says what each key means, once
pub struct Trunk {
    pub name: String,
    pub address: String,
}

const fn trunk_calls() -> u32 {
    200
}

/// `[[tenant]]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // keys.rs says what each key means, once
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
    pub policy: Option<Policy>,
}

fn utc() -> String {
    "UTC".to_owned()
}

fn not_ready_reasons() -> Vec<String> {
    ["break", "lunch", "training", "meeting"].map(str::to_owned).to_vec()
}

/// `[[tenant.queue]]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // keys.rs says what each key means, once
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
#[allow(missing_docs)] // keys.rs says what each key means, once
pub struct Widening {
    pub after_seconds: u32,
    #[serde(default)]
    pub skills: BTreeMap<String, u8>,
}

/// `[[tenant.agent]]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // keys.rs says what each key means, once
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
#[allow(missing_docs)] // keys.rs says what each key means, once
pub struct FileWeights {
    pub voice: u32,
    pub chat: u32,
    pub sms: u32,
    pub email: u32,
}

impl Default for FileWeights {
    fn default() -> Self {
        let Weights { voice, chat, sms, email } = Weights::default();
        Self { voice, chat, sms, email }
    }
}

/// `[[tenant.access_point]]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // keys.rs says what each key means, once
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
#[allow(missing_docs)] // keys.rs says what each key means, once
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

/// `[tenant.policy]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // keys.rs says what each key means, once
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
    #[serde(default = "once")]
    pub contacts_per_day: u32,
    #[serde(default = "four_hours")]
    pub retry_seconds: u32,
    #[serde(default = "five")]
    pub max_attempts: u32,
    #[serde(default = "marketing")]
    pub consent_needed: Vec<WishClass>,
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

const fn once() -> u32 {
    1
}

const fn four_hours() -> u32 {
    14_400
}

const fn five() -> u32 {
    5
}

fn marketing() -> Vec<WishClass> {
    vec![WishClass::Marketing]
}

/// A value that must not be seen: given as it is, or by the name of an environment variable.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Secret {
    /// As it is.
    Literal(String),
    /// In this environment variable.
    Environment {
        /// Its name.
        env: String,
    },
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(_) => f.write_str("<secret>"),
            Self::Environment { env } => write!(f, "<secret of ${env}>"),
        }
    }
}

#[cfg(test)]
impl File {
    /// Reads a table that has to be right.
    pub fn deserialize_all(table: toml::Table) -> Self {
        Self::deserialize(toml::Value::Table(table)).unwrap_or_else(|error| panic!("{error}"))
    }
}

/// The fields that serde knows of a section, sorted: it lists them when it meets one it does not know.
#[cfg(test)]
pub fn known_fields(section: &str) -> Vec<String> {
    fn of<T: serde::de::DeserializeOwned + fmt::Debug>() -> Vec<String> {
        let table = toml::Table::from_iter([("no such field".to_owned(), toml::Value::Boolean(true))]);
        let error = T::deserialize(toml::Value::Table(table)).unwrap_err().to_string();
        let (_, listed) = error.split_once("expected").expect("serde lists the fields");
        let mut fields: Vec<String> = listed.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        fields.sort_unstable();
        fields
    }
    match section {
        "the file" => of::<File>(),
        "[http]" => of::<Http>(),
        "[chat]" => of::<Chat>(),
        "[voice]" => of::<Voice>(),
        "[[voice.trunk]]" => of::<Trunk>(),
        "[[tenant]]" => of::<Tenant>(),
        "[[tenant.queue]]" => of::<Queue>(),
        "[[tenant.queue.widening]]" => of::<Widening>(),
        "[[tenant.agent]]" => of::<Agent>(),
        "[tenant.agent.weights]" => of::<FileWeights>(),
        "[[tenant.access_point]]" => of::<AccessPoint>(),
        "[[tenant.api_key]]" => of::<ApiKey>(),
        "[tenant.policy]" => of::<Policy>(),
        other => panic!("{other} is described and not read"),
    }
}
