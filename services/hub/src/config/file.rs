//! The configuration as it is written. `keys.rs` describes the same keys to people; a test holds the two together.

mod doors;
mod policy;
mod tenant;

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use rapport_domain::node::Role;
use serde::Deserialize;

pub use doors::{Hook, Webhook};
#[cfg(test)]
use policy::Costs;
pub use policy::Policy;
pub use tenant::{AccessPoint, Agent, ApiKey, FileWeights, Queue, Tenant};

/// The whole file.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct File {
    /// The folder of the log and the read models.
    pub data: String,
    /// Which log.
    pub log: String,
    /// Where the keys of personal data are.
    pub keys: String,
    /// What wraps them.
    pub keys_secret: Option<Secret>,
    /// How a log in a cluster is reached.
    pub log_cluster: Option<LogCluster>,
    /// The HTTP interface and pages.
    pub http: Http,
    /// Web chat.
    pub chat: Chat,
    /// Telephony; none without it.
    pub voice: Option<Voice>,
    /// Its place among several nodes; none when it has the log for itself.
    pub node: Option<Node>,
    /// Organisations.
    pub tenant: Vec<Tenant>,
}

impl Default for File {
    fn default() -> Self {
        Self {
            data: "rapport-data".to_owned(),
            log: "embedded".to_owned(),
            keys: "local".to_owned(),
            keys_secret: None,
            log_cluster: None,
            http: Http::default(),
            chat: Chat::default(),
            voice: None,
            node: None,
            tenant: Vec::new(),
        }
    }
}

const fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), port)
}

/// `[log_cluster]`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "keys.rs says what each key means, once")]
pub struct LogCluster {
    pub user: Option<String>,
    pub password: Option<Secret>,
    pub ca_file: Option<String>,
}

/// `[http]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "keys.rs says what each key means, once")]
pub struct Http {
    pub bind: SocketAddr,
    pub public_origins: Vec<String>,
    pub trusted_proxies: Vec<String>,
    pub session_hours: u32,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            bind: loopback(8080),
            public_origins: vec![],
            trusted_proxies: vec![],
            session_hours: 12,
        }
    }
}

/// `[chat]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "keys.rs says what each key means, once")]
pub struct Chat {
    pub bind: SocketAddr,
    pub public_url: Option<String>,
    pub max_connections: usize,
}

impl Default for Chat {
    fn default() -> Self {
        Self {
            bind: loopback(8081),
            public_url: None,
            max_connections: 15_000,
        }
    }
}

/// `[voice]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "keys.rs says what each key means, once")]
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

/// `[node]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "keys.rs says what each key means, once")]
pub struct Node {
    pub name: String,
    #[serde(default = "every_role")]
    pub roles: Vec<Role>,
    #[serde(default)]
    pub sip_advertise: Option<SocketAddr>,
    #[serde(default = "lease")]
    pub lease_seconds: u32,
}

fn every_role() -> Vec<Role> {
    Role::ALL.to_vec()
}

pub(super) const fn lease() -> u32 {
    6
}

/// `[[voice.trunk]]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "keys.rs says what each key means, once")]
pub struct Trunk {
    pub name: String,
    pub address: String,
}

const fn trunk_calls() -> u32 {
    200
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
        let table =
            toml::Table::from_iter([("no such field".to_owned(), toml::Value::Boolean(true))]);
        let error = T::deserialize(toml::Value::Table(table))
            .unwrap_err()
            .to_string();
        let (_, listed) = error
            .split_once("expected")
            .expect("serde lists the fields");
        let mut fields: Vec<String> = listed
            .split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect();
        fields.sort_unstable();
        fields
    }
    match section {
        "the file" => of::<File>(),
        "[log_cluster]" => of::<LogCluster>(),
        "[http]" => of::<Http>(),
        "[chat]" => of::<Chat>(),
        "[voice]" => of::<Voice>(),
        "[node]" => of::<Node>(),
        "[[voice.trunk]]" => of::<Trunk>(),
        "[[tenant]]" => of::<Tenant>(),
        "[[tenant.queue]]" => of::<Queue>(),
        "[[tenant.queue.widening]]" => of::<tenant::Widening>(),
        "[[tenant.agent]]" => of::<Agent>(),
        "[tenant.agent.weights]" => of::<FileWeights>(),
        "[[tenant.access_point]]" => of::<AccessPoint>(),
        "[[tenant.api_key]]" => of::<ApiKey>(),
        "[[tenant.webhook]]" => of::<Webhook>(),
        "[[tenant.hook]]" => of::<Hook>(),
        "[tenant.policy]" => of::<Policy>(),
        "[[tenant.policy.caps]]" => of::<rapport_domain::policy::Cap>(),
        "[[tenant.policy.weights]]" => of::<rapport_domain::policy::Adjustment>(),
        "[tenant.policy.costs]" => of::<Costs>(),
        other => panic!("{other} is described and not read"),
    }
}
