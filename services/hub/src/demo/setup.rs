//! The demonstration's configuration: the same file anybody would write, with ports that are free.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::Path;

use super::accounts::Accounts;
use super::cast::{
    AGENTS, AgentRole, DEPARTMENTS, HOTLINE, OPERATIONS, ORDERS, PERSON, PERSON_SKILLS, PhoneKind,
    SITE, SUPERVISOR, TENANT, YOUR_NUMBER, YOUR_SITE, YOUR_SITE_NAME,
};
use crate::config::{Config, ConfigError};

/// Media ports of one hub.
const RTP_PORTS: u16 = 1_000;

/// Where the hub listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// Desk, wallboard, HTTP interface.
    pub http: u16,
    /// Web chat.
    pub chat: u16,
    /// SIP.
    pub sip: u16,
    /// The first of a thousand for media; those that are taken are passed over.
    pub rtp: u16,
}

/// The ports people remember.
pub const FRIENDLY: Ports = Ports {
    http: 8080,
    chat: 8081,
    sip: 5060,
    rtp: 40_000,
};

impl Ports {
    /// Any free ports, and media ports that another hub on this computer hardly has.
    #[must_use]
    pub fn automatic() -> Self {
        let some = UdpSocket::bind(local(0)).and_then(|socket| socket.local_addr());
        let place = some.map_or(0, |address| address.port()) % 20;
        Self {
            http: 0,
            chat: 0,
            sip: 0,
            rtp: 20_000 + place * RTP_PORTS,
        }
    }

    /// The same ports, with a free one (0) in place of each that is taken; names those.
    #[must_use]
    pub fn free(self) -> (Self, Vec<(&'static str, u16)>) {
        let mut taken = Vec::new();
        let mut choose = |name, port, free: bool| {
            if free {
                return port;
            }
            taken.push((name, port));
            0
        };
        let ports = Self {
            http: choose(
                "HTTP",
                self.http,
                TcpListener::bind(local(self.http)).is_ok(),
            ),
            chat: choose(
                "chat",
                self.chat,
                TcpListener::bind(local(self.chat)).is_ok(),
            ),
            sip: choose("SIP", self.sip, UdpSocket::bind(local(self.sip)).is_ok()),
            rtp: self.rtp,
        };
        (ports, taken)
    }
}

/// A port of this computer.
#[must_use]
pub const fn local(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

/// What the configuration must know of those outside the hub.
pub struct World<'a> {
    /// Passwords and keys.
    pub accounts: &'a Accounts,
    /// Where the hub is to listen.
    pub ports: Ports,
    /// Where the simulated carrier is.
    pub carrier: SocketAddr,
    /// Where the phone with a fixed address of this agent is.
    pub fixed: &'a dyn Fn(&str) -> Option<SocketAddr>,
}

/// The configuration of the demonstration, checked as any file is.
///
/// # Errors
/// [`ConfigError`], which would be a fault of the demonstration.
pub fn config(world: &World<'_>, data: &Path) -> Result<Config, ConfigError> {
    let mut config = Config::read(
        &document(world),
        Path::new("the demonstration's configuration"),
        &|_| None,
    )?;
    data.clone_into(&mut config.data);
    Ok(config)
}

fn document(world: &World<'_>) -> String {
    let Ports {
        http,
        chat,
        sip,
        rtp,
    } = world.ports;
    let last_rtp = rtp + (RTP_PORTS - 1);
    let carrier = world.carrier;
    let mut text = format!(
        r#"
[http]
bind = "127.0.0.1:{http}"
[chat]
bind = "127.0.0.1:{chat}"
[voice]
bind = "127.0.0.1:{sip}"
rtp_ports = "{rtp}-{last_rtp}"
realm = "rapport-demo"
[[voice.trunk]]
name = "carrier"
address = "{carrier}"
# Any softphone on this computer may call in without registering.
[[voice.trunk]]
name = "this-computer"
address = "127.0.0.1"

[[tenant]]
name = "{TENANT}"
display_name = "Harbour Tea 海港茶庄"
zone = "Asia/Shanghai"
caller_id = "{HOTLINE}"
outbound_trunk = "carrier"
not_ready_reasons = ["break", "lunch", "training", "end_of_day"]

[[tenant.queue]]
name = "service"
display_name = "Service 客服"
skills = {{ service = 1 }}
target_seconds = 10
offer_seconds = 8
wrap_up_seconds = 15
dispositions = ["solved", "call_back", "complaint"]
[[tenant.queue]]
name = "sales"
display_name = "Orders 订购"
skills = {{ sales = 3 }}
widening = [{{ after_seconds = 8, skills = {{ sales = 1 }} }}]
target_seconds = 10
value_weight = 150
offer_seconds = 8
wrap_up_seconds = 15
dispositions = ["sold", "quote", "no_interest"]
[[tenant.queue]]
name = "web"
display_name = "Web chat 在线咨询"
skills = {{ webchat = 1 }}
choice = "best_skill"
target_seconds = 15
offer_seconds = 10
wrap_up_seconds = 15
dispositions = ["solved", "order", "follow_up"]
[[tenant.queue]]
name = "outreach"
display_name = "Outreach 外呼"
skills = {{ outreach = 1 }}
outbound = true
offer_seconds = 8
wrap_up_seconds = 15
dispositions = ["reached", "not_reached", "call_back"]
# The person's own line: they come first, and somebody else answers when they do not.
[[tenant.queue]]
name = "yours"
display_name = "Your line 您的专线"
skills = {{ guide = 1 }}
choice = "best_skill"
target_seconds = 20
offer_seconds = 20
wrap_up_seconds = 60
dispositions = ["solved", "call_back", "complaint"]

[[tenant.access_point]]
name = "hotline"
channel = "voice"
address = "{HOTLINE}"
queue = "service"
[[tenant.access_point]]
name = "orders"
channel = "voice"
address = "{ORDERS}"
queue = "sales"
[[tenant.access_point]]
name = "your-number"
channel = "voice"
address = "{YOUR_NUMBER}"
queue = "yours"
[[tenant.access_point]]
name = "website"
channel = "chat"
address = "{SITE}"
queue = "web"
[[tenant.access_point]]
name = "{YOUR_SITE_NAME}"
channel = "chat"
address = "{YOUR_SITE}"
queue = "yours"

[tenant.policy]
queue = "outreach"
quiet_from = "00:00"
quiet_until = "00:00"
gather_seconds = 8
max_agenda = 3
contacts_per_day = 100
retry_seconds = 20
max_attempts = 3
refusal_silence_days = 0
consent_needed = ["marketing"]
"#
    );
    for agent in &AGENTS {
        add_agent(&mut text, world, agent);
    }
    let (you, lin) = (
        world.accounts.password(PERSON),
        world.accounts.password(SUPERVISOR),
    );
    let secret = world.accounts.phone(PERSON);
    // Writing into a String does not fail.
    let _ = write!(
        text,
        "[[tenant.agent]]\nname = \"{PERSON}\"\ndisplay_name = \"You 您\"\npassword = \"{you}\"\nskills = {{ {PERSON_SKILLS} }}\n\
         phone = \"register\"\nphone_secret = \"{secret}\"\n\
         [[tenant.agent]]\nname = \"{SUPERVISOR}\"\ndisplay_name = \"林珊 Lin Shan\"\nrole = \"supervisor\"\npassword = \"{lin}\"\n"
    );
    for (name, role) in DEPARTMENTS
        .iter()
        .map(|known| (known.name, "department"))
        .chain([(OPERATIONS, "admin")])
    {
        let key = world.accounts.key(name);
        let _ = write!(
            text,
            "[[tenant.api_key]]\nname = \"{name}\"\nrole = \"{role}\"\nkey = \"{key}\"\n"
        );
    }
    text
}

fn add_agent(text: &mut String, world: &World<'_>, agent: &AgentRole) {
    let AgentRole {
        name,
        display_name,
        skills,
        phone,
    } = agent;
    let password = world.accounts.password(name);
    // Writing into a String does not fail.
    let _ = write!(
        text,
        "[[tenant.agent]]\nname = \"{name}\"\ndisplay_name = \"{display_name}\"\npassword = \"{password}\"\nskills = {{ {skills} }}\n"
    );
    let _ = match (phone, (world.fixed)(name)) {
        (PhoneKind::Registers, _) => {
            writeln!(
                text,
                "phone = \"register\"\nphone_secret = \"{}\"",
                world.accounts.phone(name)
            )
        }
        (PhoneKind::Fixed, Some(address)) => writeln!(text, "phone = \"sip:{name}@{address}\""),
        (PhoneKind::Fixed | PhoneKind::None, _) => Ok(()),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_is_one_the_hub_takes_without_a_warning() {
        let folder = tempfile::tempdir().unwrap();
        let accounts = Accounts::of(folder.path()).unwrap();
        let fixed = |_: &str| Some(local(5072));
        let world = World {
            accounts: &accounts,
            ports: Ports::automatic(),
            carrier: local(5070),
            fixed: &fixed,
        };
        let config = config(&world, folder.path()).unwrap_or_else(|error| panic!("{error}"));
        let text = crate::config::explain(&config);
        assert!(!text.contains("Warning"), "{text}");
        assert_eq!(config.data, folder.path());
    }

    #[test]
    fn a_taken_port_is_replaced_and_named() {
        let taken = TcpListener::bind(local(0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let (ports, named) = Ports {
            http: port,
            chat: 0,
            sip: 0,
            rtp: 40_000,
        }
        .free();
        assert_eq!((ports.http, named), (0, vec![("HTTP", port)]));
    }
}
