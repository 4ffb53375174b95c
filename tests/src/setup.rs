//! Configuration files for tests. Every port of a hub is 0: it says itself where it listens.

use std::fmt::Write as _;
use std::path::Path;

/// The tenant of every test.
pub const TENANT: &str = "acme";
/// The password of every agent.
pub const PASSWORD: &str = "a password for tests";
/// The secret of every phone that registers; without spaces, which end a setting of baresip.
pub const PHONE_SECRET: &str = "phone-for-tests";
/// What wraps the keys of personal data that several hubs share.
const KEYS_SECRET: &str = "a-secret-of-tests-with-32-letters-or-more";
/// The number that leads to the queue `service`.
pub const HOTLINE: &str = "4930100";
/// The site key that leads to the queue `service`.
pub const SITE: &str = "acme-shop";
/// What customers see when the hub calls.
pub const CALLER_ID: &str = "4930199";

/// The key of the HTTP interface of a department, or of `operations`, which is an admin.
#[must_use]
pub fn key(name: &str) -> String {
    format!("{name}-key-for-tests")
}

/// What a hub is told at its start.
#[derive(Clone, Debug)]
pub struct Setup {
    top: String,
    voice: String,
    trunks: String,
    service: String,
    outreach: String,
    policy: String,
    agents: String,
    doors: String,
    public_chat: Option<String>,
    outbound: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self::new()
    }
}

impl Setup {
    /// Chat and HTTP, queues `service` and `outreach`, nobody to serve them.
    #[must_use]
    pub fn new() -> Self {
        Self {
            top: String::new(),
            voice: String::new(),
            trunks: String::new(),
            service: "offer_seconds = 20\nwrap_up_seconds = 120\n".to_owned(),
            outreach: "offer_seconds = 20\nwrap_up_seconds = 120\n".to_owned(),
            policy: "gather_seconds = 2\n".to_owned(),
            agents: String::new(),
            doors: String::new(),
            public_chat: None,
            outbound: false,
        }
    }

    /// Telephony, with any port of this host as the trunk `carrier`.
    #[must_use]
    pub fn with_voice(mut self) -> Self {
        let media = crate::ports::media();
        self.voice = format!("[voice]\nbind = \"127.0.0.1:0\"\nrtp_ports = \"{media}\"\n");
        self.trunks = "[[voice.trunk]]\nname = \"carrier\"\naddress = \"127.0.0.1\"\n".to_owned();
        self
    }

    /// Further keys of `[voice]`.
    #[must_use]
    pub fn voice(mut self, keys: &str) -> Self {
        let _ = writeln!(self.voice, "{keys}"); // into a String: does not fail
        self
    }

    /// A trunk at this port of this host, on which customers are called.
    #[must_use]
    pub fn outbound_trunk(mut self, port: u16) -> Self {
        let _ = writeln!(
            self.trunks,
            "[[voice.trunk]]\nname = \"outside\"\naddress = \"127.0.0.1:{port}\""
        );
        self.outbound = true;
        self
    }

    /// Keys of the queue `service` instead of the usual ones.
    #[must_use]
    pub fn service(mut self, keys: &str) -> Self {
        keys.clone_into(&mut self.service);
        self
    }

    /// Keys of the contact policy instead of the usual ones; it has no quiet hours.
    #[must_use]
    pub fn policy(mut self, keys: &str) -> Self {
        keys.clone_into(&mut self.policy);
        self
    }

    /// An agent with skill 5 in everything, and further keys.
    #[must_use]
    pub fn agent(mut self, name: &str, keys: &str) -> Self {
        let display = format!("{}{}", name[..1].to_uppercase(), &name[1..]);
        let _ = writeln!(
            self.agents,
            "[[tenant.agent]]\nname = \"{name}\"\ndisplay_name = \"{display}\"\npassword = \"{PASSWORD}\"\n{keys}"
        );
        self
    }

    /// An agent whose phone registers.
    #[must_use]
    pub fn agent_with_phone(self, name: &str) -> Self {
        self.agent(
            name,
            &format!("phone = \"register\"\nphone_secret = \"{PHONE_SECRET}\""),
        )
    }

    /// An agent whose phone is at this port of this host.
    #[must_use]
    pub fn agent_at(self, name: &str, port: u16) -> Self {
        self.agent(name, &format!("phone = \"sip:{name}@127.0.0.1:{port}\""))
    }

    /// Tables of the tenant that are doors to departments' systems.
    #[must_use]
    pub fn doors(mut self, tables: &str) -> Self {
        let _ = writeln!(self.doors, "{tables}"); // into a String: does not fail
        self
    }

    /// Where browsers are told that the chat is.
    #[must_use]
    pub fn public_chat(mut self, url: &str) -> Self {
        self.public_chat = Some(url.to_owned());
        self
    }

    /// A line before everything else.
    #[must_use]
    pub fn top(mut self, line: &str) -> Self {
        let _ = writeln!(self.top, "{line}");
        self
    }

    /// Takes part in a cluster under this name: its log is at the address, its keys are in a folder that all hubs share.
    #[must_use]
    pub fn node(self, name: &str, log: &str, keys: &Path, lease_seconds: u64) -> Self {
        self.top(&format!("log = \"{log}\""))
            .top(&format!("keys = \"dir://{}\"", keys.display()))
            .top(&format!("keys_secret = \"{KEYS_SECRET}\""))
            .top(&format!(
                "node = {{ name = \"{name}\", lease_seconds = {lease_seconds} }}"
            ))
    }

    /// The file.
    #[must_use]
    pub fn file(&self, data: &str) -> String {
        let Self {
            top,
            voice,
            trunks,
            service,
            outreach,
            policy,
            agents,
            doors,
            public_chat,
            outbound,
        } = self;
        let chat = public_chat
            .as_ref()
            .map(|url| format!("public_url = \"{url}\"\n"))
            .unwrap_or_default();
        let trunk = if *outbound {
            "outbound_trunk = \"outside\"\n"
        } else {
            ""
        };
        let keys = ["sales", "marketing", "service", "finance"].map(|name| {
            format!(
                "[[tenant.api_key]]\nname = \"{name}\"\nkey = \"{}\"\n",
                key(name)
            )
        });
        format!(
            "{top}\ndata = \"{data}\"\n[http]\nbind = \"127.0.0.1:0\"\n[chat]\nbind = \"127.0.0.1:0\"\n{chat}{voice}{trunks}\
             [[tenant]]\nname = \"{TENANT}\"\ndisplay_name = \"Acme\"\nzone = \"UTC\"\ncaller_id = \"{CALLER_ID}\"\n{trunk}\
             not_ready_reasons = [\"break\"]\n\
             [[tenant.queue]]\nname = \"service\"\ndisplay_name = \"Service\"\ndispositions = [\"solved\", \"call_back\"]\n{service}\
             [[tenant.queue]]\nname = \"outreach\"\ndisplay_name = \"Outreach\"\noutbound = true\n{outreach}\
             {agents}{doors}\
             [[tenant.access_point]]\nname = \"hotline\"\nchannel = \"voice\"\naddress = \"{HOTLINE}\"\nqueue = \"service\"\n\
             [[tenant.access_point]]\nname = \"website\"\nchannel = \"chat\"\naddress = \"{SITE}\"\nqueue = \"service\"\norigins = [\"*\"]\n\
             [[tenant.api_key]]\nname = \"operations\"\nrole = \"admin\"\nkey = \"{}\"\n{}\
             [tenant.policy]\nqueue = \"outreach\"\nquiet_from = \"00:00\"\nquiet_until = \"00:00\"\n{policy}",
            key("operations"),
            keys.concat(),
        )
    }
}
