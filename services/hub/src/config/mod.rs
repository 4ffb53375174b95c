//! The configuration: one TOML file, checked as a whole before anything is touched.

mod agent;
mod check;
mod describe;
mod document;
mod doors;
mod explain;
mod file;
pub mod keys;
mod log;
mod policy;
mod problem;
pub mod schema;
mod sealing;
mod secret;
mod setup;
mod tenant;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use agent::LEAST_PASSWORD;
pub use describe::described;
pub use document::reference;
pub use doors::{Doors, HookSetup, WebhookSetup};
pub use explain::explain;
pub use log::LogConfig;
pub use problem::{Problem, Problems};
use rapport_domain::node::Role;
pub use sealing::{KeysConfig, KeysPlace};
pub use secret::sha256_hex;
pub use setup::{access_point_from, agent_from, policy_from, policy_keys, queue_from, tenant_from};
pub use tenant::{Password, TenantSetup};

/// Where the file is looked for when nobody says otherwise.
pub const DEFAULT_FILE: &str = "rapport.toml";

/// A configuration that makes sense.
#[derive(Clone, Debug)]
pub struct Config {
    /// The folder of the log and the read models.
    pub data: PathBuf,
    /// The keys of personal data.
    pub keys: KeysConfig,
    /// Where the event log is.
    pub log: LogConfig,
    /// The HTTP interface.
    pub http: HttpConfig,
    /// Web chat.
    pub chat: ChatConfig,
    /// Telephony, when there is any.
    pub voice: Option<VoiceSettings>,
    /// Its place among several nodes, when they share a log.
    pub node: Option<NodeConfig>,
    /// The organisations.
    pub tenants: Vec<TenantSetup>,
}

/// A node among several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeConfig {
    /// Its name, unique in the cluster.
    pub name: String,
    /// What it does.
    pub roles: Vec<Role>,
    /// Where others reach its telephony, when it is not the bound address.
    pub sip_advertise: Option<SocketAddr>,
    /// How long silence may last.
    pub lease: Duration,
}

impl Config {
    /// Whether this hub does a part; one that has the log for itself does all of them.
    #[must_use]
    pub fn has(&self, role: Role) -> bool {
        self.node
            .as_ref()
            .is_none_or(|node| node.roles.contains(&role))
    }
}

/// The HTTP interface.
#[derive(Clone, Debug)]
pub struct HttpConfig {
    /// Where it listens; port 0 takes a free one.
    pub bind: SocketAddr,
    /// What browsers have in their address bar; empty: the host a request was sent to.
    pub public_origins: Vec<String>,
    /// Proxies whose last `X-Forwarded-For` entry names the client.
    pub trusted_proxies: Vec<IpAddr>,
    /// A login ends after so long without a request.
    pub session: Duration,
}

/// Web chat.
#[derive(Clone, Debug)]
pub struct ChatConfig {
    /// Where it listens; port 0 takes a free one.
    pub bind: SocketAddr,
    /// How browsers reach it, when it is not the page's host and the listener's port.
    pub public_url: Option<String>,
    /// Visitors at one time.
    pub max_connections: usize,
}

/// Telephony.
#[derive(Clone, Debug)]
pub struct VoiceSettings {
    /// Where SIP listens; port 0 takes a free one.
    pub bind: SocketAddr,
    /// The address peers are told, when it is not the bound one.
    pub public_ip: Option<IpAddr>,
    /// UDP ports for media.
    pub rtp_ports: RangeInclusive<u16>,
    /// The realm of registering phones.
    pub realm: String,
    /// New calls a second.
    pub calls_per_second: u32,
    /// New calls a second from one trunk.
    pub trunk_calls_per_second: u32,
    /// Legs at one time.
    pub max_legs: usize,
    /// Names and addresses of trunks.
    pub trunks: Vec<(String, String)>,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}: {why}; name a file with --config, or start from rapport.example.toml", file.display())]
    Unreadable {
        /// Which.
        file: PathBuf,
        /// Why.
        why: std::io::Error,
    },
    /// It is no TOML.
    #[error("{} is not TOML: {why}", file.display())]
    Syntax {
        /// Which.
        file: PathBuf,
        /// Where and why.
        why: String,
    },
    /// It says something that cannot be.
    #[error("{} cannot be used; nothing was started or changed. Entries of lists are counted from 1.\n{problems}", file.display())]
    Wrong {
        /// Which.
        file: PathBuf,
        /// All of it.
        problems: Problems,
    },
}

/// Where and why a text is no TOML. The library's own rendering shows the line, which may hold a password.
fn place_and_message(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    match before {
        Some(before) => format!(
            "line {}: {}",
            before.matches('\n').count() + 1,
            error.message()
        ),
        None => error.message().to_owned(),
    }
}

/// Reads values of environment variables; handed in, so that a test needs no environment.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Config {
    /// Reads a file and checks all of it.
    ///
    /// # Errors
    /// [`ConfigError`], with everything that is wrong.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        let unreadable = |why| ConfigError::Unreadable {
            file: file.to_owned(),
            why,
        };
        let text = std::fs::read_to_string(file).map_err(unreadable)?;
        Self::read(&text, file, &|name| std::env::var(name).ok())
    }

    /// Reads the text of a file and checks all of it. `file` is what errors call it.
    ///
    /// # Errors
    /// [`ConfigError`], with everything that is wrong.
    pub fn read(
        text: &str,
        file: &Path,
        environment: Environment<'_>,
    ) -> Result<Self, ConfigError> {
        let syntax = |why: String| ConfigError::Syntax {
            file: file.to_owned(),
            why,
        };
        let table: toml::Table = text
            .parse()
            .map_err(|error: toml::de::Error| syntax(place_and_message(text, &error)))?;
        let value = serde_json::to_value(table).map_err(|error| syntax(error.to_string()))?;
        let mut problems = Problems::default();
        let config = check::check(value, environment, &mut problems);
        match config {
            Some(config) if problems.is_empty() => Ok(config),
            _ => Err(ConfigError::Wrong {
                file: file.to_owned(),
                problems,
            }),
        }
    }
}
