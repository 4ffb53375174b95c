//! From what is written to what it means, noting everything that cannot be.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use rapport_domain::node::Role;
use serde_json::{Map, Value};

use super::file::{Chat, File, Http, Node, Voice, lease as usual_lease};
use super::problem::Problems;
use super::schema::is_name;
use super::secret::sha256_hex;
use super::{
    ChatConfig, Config, Environment, HttpConfig, KeysConfig, LogConfig, NodeConfig, VoiceSettings,
    keys, log, tenant,
};

/// Of every tenant, a digest of what the file says of its contact policy: as it is written, without what is left out and may
/// mean something else to another version of the program.
fn policy_texts(file: &Map<String, Value>) -> Vec<Option<String>> {
    let tenants = file.get("tenant").and_then(Value::as_array);
    let policies = tenants
        .into_iter()
        .flatten()
        .map(|tenant| tenant.get("policy"));
    let digest = |policy: &Value| sha256_hex(policy.to_string().as_bytes());
    policies.map(|policy| policy.map(digest)).collect()
}

/// Checks a whole file. `None` when it could not be understood at all; what it says is to be used only when no problem
/// was noted.
pub fn check(
    value: Value,
    environment: Environment<'_>,
    problems: &mut Problems,
) -> Option<Config> {
    let Value::Object(table) = &value else {
        return None;
    };
    keys::FILE.check(table, "", problems);
    let policy_texts = policy_texts(table);
    if !problems.is_empty() {
        return None;
    }
    let file: File = match serde_path_to_error::deserialize(value) {
        Ok(file) => file,
        Err(error) => {
            problems.add(
                error.path().to_string(),
                error.inner().to_string(),
                "see docs/CONFIGURATION.md",
            );
            return None;
        }
    };
    if file.data.trim().is_empty() {
        problems.add("data", "is empty", "name a folder such as \"rapport-data\"");
    }
    let log = log::check(&file.log, file.log_cluster.as_ref(), environment, problems);
    let keys = KeysConfig::check(&file, environment, problems);
    let http = http(&file.http, problems);
    let chat = chat(&file.chat, problems);
    let voice = file
        .voice
        .as_ref()
        .map(|voice| self::voice(voice, problems));
    let trunks: Vec<&str> = file
        .voice
        .iter()
        .flat_map(|v| v.trunk.iter().map(|trunk| trunk.name.as_str()))
        .collect();
    let context = tenant::Context {
        environment,
        realm: voice.as_ref().map(|v| v.realm.as_str()),
        trunks: Some(&trunks),
    };
    unique(
        "tenant",
        file.tenant.iter().map(|t| t.name.as_str()),
        "tenant",
        problems,
    );
    let mut tenants: Vec<_> = file
        .tenant
        .iter()
        .map(|t| tenant::check(t, &context, problems))
        .collect();
    for (tenant, text) in tenants.iter_mut().zip(policy_texts) {
        tenant.declaration.policy_text = text;
    }
    unique_in_hub(&tenants, problems);
    let node = match &file.node {
        Some(node) => Some(self::node(node, problems)),
        // Others may share it: nobody takes the log of a cluster for its own.
        None => matches!(log, LogConfig::Cluster(_)).then(|| NodeConfig {
            name: environment("HOSTNAME").unwrap_or_else(|| "hub".to_owned()),
            roles: Role::ALL.to_vec(),
            sip_advertise: None,
            lease: Duration::from_secs(usual_lease().into()),
        }),
    };
    Some(Config {
        data: PathBuf::from(file.data),
        keys,
        log,
        http,
        chat,
        voice,
        node,
        tenants,
    })
}

fn node(node: &Node, problems: &mut Problems) -> NodeConfig {
    if node.roles.is_empty() {
        let fix = "name at least one of \"edge\", \"engine\" and \"api\"";
        problems.add("node.roles", "is empty", fix);
    }
    NodeConfig {
        name: node.name.clone(),
        roles: node.roles.clone(),
        sip_advertise: node.sip_advertise,
        lease: Duration::from_secs(node.lease_seconds.into()),
    }
}

fn http(http: &Http, problems: &mut Problems) -> HttpConfig {
    let public_origins = origins(&http.public_origins, "http.public_origins", false, problems);
    let mut trusted_proxies = Vec::new();
    for proxy in &http.trusted_proxies {
        match proxy.parse::<IpAddr>() {
            Ok(address) => trusted_proxies.push(address),
            Err(_) => problems.add(
                "http.trusted_proxies",
                format!("holds {proxy:?}"),
                "use IP addresses such as \"127.0.0.1\"",
            ),
        }
    }
    let session = Duration::from_secs(u64::from(http.session_hours) * 3_600);
    HttpConfig {
        bind: http.bind,
        public_origins,
        trusted_proxies,
        session,
    }
}

fn chat(chat: &Chat, problems: &mut Problems) -> ChatConfig {
    if let Some(url) = &chat.public_url {
        let host = url
            .strip_prefix("ws://")
            .or_else(|| url.strip_prefix("wss://"));
        if !host.is_some_and(|rest| {
            !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_graphic() && b != b';')
        }) {
            problems.add(
                "chat.public_url",
                format!("is {url:?}"),
                "use an address such as \"wss://chat.example/\"",
            );
        }
    }
    ChatConfig {
        bind: chat.bind,
        public_url: chat.public_url.clone(),
        max_connections: chat.max_connections,
    }
}

fn voice(voice: &Voice, problems: &mut Problems) -> VoiceSettings {
    let public_ip = voice.public_ip.as_ref().and_then(|text| {
        let address = text.parse::<IpAddr>().ok();
        if address.is_none() {
            problems.add(
                "voice.public_ip",
                format!("is {text:?}"),
                "use an IP address such as \"192.0.2.10\"",
            );
        }
        address
    });
    let rtp_ports = port_range(&voice.rtp_ports);
    if rtp_ports.is_none() {
        let what = format!("is {:?}", voice.rtp_ports);
        problems.add(
            "voice.rtp_ports",
            what,
            "use first and last port, such as \"20000-20999\", from 1024 on, at least four",
        );
    }
    if voice.realm.is_empty()
        || voice.realm.contains(['"', '\\'])
        || !voice.realm.bytes().all(|b| (32..127).contains(&b))
    {
        problems.add(
            "voice.realm",
            format!("is {:?}", voice.realm),
            "use a plain word such as \"rapport\"",
        );
    }
    unique(
        "voice.trunk",
        voice.trunk.iter().map(|trunk| trunk.name.as_str()),
        "trunk",
        problems,
    );
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (place, trunk) in voice.trunk.iter().enumerate() {
        let path = format!("voice.trunk[{}].address", place + 1);
        if !is_host(&trunk.address) {
            problems.add(
                &path,
                format!("is {:?}", trunk.address),
                "use host or host:port, such as \"192.0.2.20:5060\"",
            );
        }
        if let Some(first) = seen.insert(&trunk.address, place + 1) {
            problems.add(
                path,
                format!("is the one of voice.trunk[{first}]"),
                "give every trunk an address of its own",
            );
        }
    }
    VoiceSettings {
        bind: voice.bind,
        public_ip,
        rtp_ports: rtp_ports.unwrap_or(20_000..=29_999),
        realm: voice.realm.clone(),
        calls_per_second: voice.calls_per_second,
        trunk_calls_per_second: voice.trunk_calls_per_second,
        max_legs: voice.max_legs,
        trunks: voice
            .trunk
            .iter()
            .map(|trunk| (trunk.name.clone(), trunk.address.clone()))
            .collect(),
    }
}

fn is_host(text: &str) -> bool {
    if text.parse::<std::net::SocketAddr>().is_ok() || text.parse::<IpAddr>().is_ok() {
        return true;
    }
    let (host, port) = text.split_once(':').unwrap_or((text, "5060"));
    !host.is_empty()
        && host
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
        && port.parse::<u16>().is_ok_and(|port| port > 0)
}

fn port_range(text: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = text.split_once('-')?;
    let (first, last): (u16, u16) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (first >= 1_024 && last >= first.checked_add(3)?).then_some(first..=last)
}

/// Reads origins as a browser writes them: scheme and host, no path, lower case.
pub fn origins(list: &[String], path: &str, any: bool, problems: &mut Problems) -> Vec<String> {
    let mut read = Vec::new();
    for origin in list {
        let trimmed = origin.trim_end_matches('/').to_ascii_lowercase();
        let host = trimmed
            .strip_prefix("http://")
            .or_else(|| trimmed.strip_prefix("https://"));
        let whole = |host: &str| {
            !host.is_empty()
                && host.bytes().all(|b| {
                    b.is_ascii_alphanumeric()
                        || matches!(b, b'-' | b'.' | b':' | b'[' | b']' | b'_')
                })
        };
        if (any && origin == "*") || host.is_some_and(whole) {
            read.push(trimmed);
        } else {
            let star = if any { ", or \"*\"" } else { "" };
            problems.add(
                path,
                format!("holds {origin:?}"),
                format!("use scheme and host such as \"https://shop.example\"{star}"),
            );
        }
    }
    read
}

/// Notes names given twice within one list.
pub fn unique<'a>(
    path: &str,
    names: impl Iterator<Item = &'a str>,
    what: &str,
    problems: &mut Problems,
) {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (place, name) in names.enumerate() {
        if let Some(first) = seen.get(name) {
            let wrong = format!("is {name:?}, the name of entry {first} too");
            problems.add(
                format!("{path}[{}].name", place + 1),
                wrong,
                format!("give every {what} a name of its own"),
            );
        } else if is_name(name) {
            seen.insert(name, place + 1);
        }
    }
}

/// Addresses, API keys and phone users have to be unique in the whole hub.
fn unique_in_hub(tenants: &[tenant::TenantSetup], problems: &mut Problems) {
    let mut seen: BTreeMap<(&str, String), String> = BTreeMap::new();
    for setup in tenants {
        let tenant = &setup.declaration.definition.name;
        let mut take = |kind: &'static str, value: String, path: String, fix: &str| {
            if let Some(first) = seen.get(&(kind, value.clone())) {
                problems.add(path, format!("is used by {first} already"), fix);
            } else {
                seen.insert((kind, value), path);
            }
        };
        for (place, point) in setup.declaration.access_points.iter().enumerate() {
            let path = format!("tenant.{tenant}.access_point[{}].address", place + 1);
            take(
                point.channel.name(),
                point.address.clone(),
                path,
                "one address leads to one access point",
            );
        }
        for (place, key) in setup.declaration.api_keys.iter().flatten().enumerate() {
            let path = format!("tenant.{tenant}.api_key[{}].key", place + 1);
            take(
                "api key",
                key.sha256.clone(),
                path,
                "give every department a key of its own",
            );
        }
        for (place, agent) in setup.declaration.agents.iter().enumerate() {
            if let rapport_domain::agent::Phone::Registered { user } = &agent.definition.phone {
                let path = format!("tenant.{tenant}.agent[{}].phone_user", place + 1);
                take(
                    "phone",
                    user.clone(),
                    path,
                    "set phone_user to a user nobody else has",
                );
            }
        }
    }
}
