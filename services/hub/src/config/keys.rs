//! Every key of the configuration, described once: `schema.rs` checks files and request bodies with it, and
//! docs/CONFIGURATION.md is made from it.

use super::schema::Absent::{Is, Means, Required};
use super::schema::{Absent, Key, Kind, Section};

const fn key(name: &'static str, kind: Kind, absent: Absent, example: &'static str, meaning: &'static str) -> Key {
    Key { name, kind, absent, example, meaning }
}

const SECONDS: Kind = Kind::Whole(1, 86_400);
const POINTS: Kind = Kind::Whole(1, 10_000);

/// The file.
pub const FILE: Section = Section {
    name: "the file",
    about: "Keys at the top of the file, before any table.",
    keys: &[
        key("data", Kind::Text, Is("\"rapport-data\""), "\"/var/lib/rapport\"",
            "The folder of the event log and the read models, on a local disk; created when missing. A relative path starts at the folder the program runs in."),
        key("log", Kind::Text, Is("\"embedded\""), "\"embedded\"",
            "Which event log. `embedded` is the one in the data folder, the only one so far."),
        key("http", Kind::Table(&HTTP), Means("its defaults"), "{ bind = \"127.0.0.1:8080\" }", "The HTTP interface and the pages."),
        key("chat", Kind::Table(&CHAT), Means("its defaults"), "{ bind = \"127.0.0.1:8081\" }", "Web chat."),
        key("voice", Kind::Table(&VOICE), Means("no telephony"), "{ bind = \"192.0.2.10:5060\", public_ip = \"192.0.2.10\" }", "Telephony."),
        key("tenant", Kind::Tables(&TENANT), Means("no organisation: nobody can log in"), "[{ name = \"acme\" }]", "The organisations that use this hub."),
    ],
};

/// `[http]`.
pub const HTTP: Section = Section {
    name: "[http]",
    about: "The HTTP interface, the live sockets and the pages. TLS is the business of a proxy in front.",
    keys: &[
        key("bind", Kind::Bind, Is("\"127.0.0.1:8080\""), "\"0.0.0.0:8080\"", "Where it listens."),
        key("public_origins", Kind::Texts, Is("[]"), "[\"https://desk.example\"]",
            "What browsers have in their address bar, such as `https://desk.example`. Empty: a request must come from the host it was sent to. With an `https` origin, session cookies are sent over TLS only."),
        key("trusted_proxies", Kind::Texts, Is("[]"), "[\"127.0.0.1\"]",
            "Addresses of proxies whose last `X-Forwarded-For` entry names the client; for web chat too."),
        key("session_hours", Kind::Whole(1, 168), Is("12"), "8", "A login ends after so many hours without a request."),
    ],
};

/// `[chat]`.
pub const CHAT: Section = Section {
    name: "[chat]",
    about: "The listener of the web chat widget.",
    keys: &[
        key("bind", Kind::Bind, Is("\"127.0.0.1:8081\""), "\"0.0.0.0:8081\"", "Where it listens."),
        key("public_url", Kind::Text, Means("`ws://`, the host of the page and the listener's port"), "\"wss://chat.example/\"", "How browsers reach it."),
        key("max_connections", Kind::Whole(1, 1_000_000), Is("15000"), "15000", "Visitors at one time; more are asked to come back later."),
    ],
};

/// `[voice]`.
pub const VOICE: Section = Section {
    name: "[voice]",
    about: "SIP and media. Without this table there is no telephony.",
    keys: &[
        key("bind", Kind::Bind, Is("\"127.0.0.1:5060\""), "\"192.0.2.10:5060\"", "Where SIP listens (UDP)."),
        key("public_ip", Kind::Text, Means("the address of `bind`"), "\"192.0.2.10\"",
            "The address that SIP peers are told to send signalling and media to. Needed when `bind` is a wildcard such as `0.0.0.0`."),
        key("rtp_ports", Kind::Text, Is("\"20000-29999\""), "\"20000-20999\"", "First and last UDP port for media; each leg of a call takes two."),
        key("realm", Kind::Text, Is("\"rapport\""), "\"desk.example\"",
            "The realm of phones that register. Changing it needs `phone_secret` of every such agent in the file."),
        key("calls_per_second", Kind::Whole(1, 100_000), Is("300"), "300", "New calls a second from all trunks; above it they are answered 503."),
        key("trunk_calls_per_second", Kind::Whole(1, 100_000), Is("200"), "50", "New calls a second from one trunk; above it they are answered 503."),
        key("max_legs", Kind::Whole(1, 100_000), Is("2000"), "2000", "Legs at one time; above it new calls are answered 503. A call with an agent has two."),
        key("trunk", Kind::Tables(&TRUNK), Means("no calls from or to the outside"), "[{ name = \"carrier\", address = \"192.0.2.20:5060\" }]", "Lines to carriers or exchanges."),
    ],
};

/// `[[voice.trunk]]`.
pub const TRUNK: Section = Section {
    name: "[[voice.trunk]]",
    about: "A line to a carrier or another exchange, known by its address.",
    keys: &[
        key("name", Kind::Name, Required, "\"carrier\"", "Its name, unique in the hub."),
        key("address", Kind::Text, Required, "\"192.0.2.20:5060\"",
            "`host` or `host:port`: calls from there are its calls, calls to customers go there. Without a port, calls from any port of the host are its calls, and 5060 is dialled."),
    ],
};

/// `[[tenant]]`.
pub const TENANT: Section = Section {
    name: "[[tenant]]",
    about: "An organisation. What is declared here is compared with the log at start and differences are appended; what the file does not mention stays as it is.",
    keys: &[
        key("name", Kind::Name, Required, "\"acme\"", "Its short name, unique in the hub; part of the login."),
        key("display_name", Kind::Text, Means("the name"), "\"Acme Ltd\"", "The name people see."),
        key("zone", Kind::Text, Is("\"UTC\""), "\"Europe/Berlin\"", "The clock of its day, as an IANA time zone."),
        key("caller_id", Kind::Text, Is("\"\""), "\"+493012345\"", "The number customers see when the hub calls them."),
        key("outbound_trunk", Kind::Text, Means("customers are not called"), "\"carrier\"", "The trunk that calls to customers go out on."),
        key("not_ready_reasons", Kind::Texts, Is("[\"break\", \"lunch\", \"training\", \"meeting\"]"), "[\"break\", \"back_office\"]", "Reasons an agent may choose for not being ready."),
        key("queue", Kind::Tables(&QUEUE), Means("none"), "[{ name = \"service\" }]", "Waiting lines."),
        key("agent", Kind::Tables(&AGENT), Means("none"), "[{ name = \"anna\" }]", "People who serve customers."),
        key("access_point", Kind::Tables(&ACCESS_POINT), Means("none"), "[{ name = \"hotline\", channel = \"voice\", address = \"4930100\", queue = \"service\" }]", "Numbers and site keys that customers reach."),
        key("api_key", Kind::Tables(&API_KEY), Means("none"), "[{ name = \"finance\", key = { env = \"FINANCE_KEY\" } }]", "Keys of the HTTP interface."),
        key("policy", Kind::Table(&POLICY), Means("no outreach: wishes are filed and wait"), "{ queue = \"outreach\" }", "When, how often and with whose consent customers are contacted."),
    ],
};

/// `[[tenant.queue]]`.
pub const QUEUE: Section = Section {
    name: "[[tenant.queue]]",
    about: "A waiting line.",
    keys: &[
        key("name", Kind::Name, Required, "\"service\"", "Its name, unique in the tenant."),
        key("display_name", Kind::Text, Means("the name"), "\"Service\"", "The name people see."),
        key("skills", Kind::Skills, Means("every agent can serve it"), "{ german = 3 }", "Skills an agent needs, with the least level."),
        key("widening", Kind::Tables(&WIDENING), Means("never relaxed"), "[{ after_seconds = 60, skills = { german = 1 } }]", "After some waiting, less is asked of agents; in ascending order."),
        key("target_seconds", SECONDS, Is("20"), "20", "Answer within so many seconds: the T of the service level."),
        key("service_level_percent", Kind::Whole(1, 100), Is("80"), "80", "Share of contacts that should be answered in time."),
        key("value_weight", POINTS, Is("100"), "200", "What a contact here is worth beside one elsewhere; 100 is ordinary."),
        key("floor_after", Kind::Whole(1, 1_000), Is("6"), "4", "Contacts that waited this many times the target go before all others."),
        key("choice", Kind::Choice(&["longest_idle", "least_occupied", "best_skill"]), Is("\"longest_idle\""), "\"best_skill\"", "Which of several agents gets the contact."),
        key("offer_seconds", Kind::Whole(3, 600), Is("20"), "15", "An offer runs out after so many seconds, and the agent is set to not ready."),
        key("wrap_up_seconds", Kind::Whole(0, 86_400), Is("30"), "60", "Wrap-up ends by itself after so many seconds; 0: there is none."),
        key("dispositions", Kind::Texts, Means("any text"), "[\"solved\", \"call_back\"]", "Outcome codes an agent may set."),
        key("outbound", Kind::Flag, Is("false"), "true", "Holds planned contacts, which give way to inbound ones."),
    ],
};

/// `[[tenant.queue.widening]]`.
pub const WIDENING: Section = Section {
    name: "[[tenant.queue.widening]]",
    about: "One step of relaxing what a queue asks of agents.",
    keys: &[
        key("after_seconds", SECONDS, Required, "60", "From so many seconds of waiting on."),
        key("skills", Kind::Skills, Means("none needed any more"), "{ german = 1 }", "These skills are enough."),
    ],
};

/// `[[tenant.agent]]`.
pub const AGENT: Section = Section {
    name: "[[tenant.agent]]",
    about: "A person who serves customers. `rapport user add` prints such a table with a hashed password.",
    keys: &[
        key("name", Kind::Name, Required, "\"anna\"", "The name to log in with, unique in the tenant."),
        key("display_name", Kind::Text, Means("the name"), "\"Anna\"", "The name customers and colleagues see."),
        key("role", Kind::Choice(&["agent", "supervisor"]), Is("\"agent\""), "\"supervisor\"", "A supervisor also changes set-up."),
        key("password", Kind::Secret, Means("the one known already, or no login"), "{ env = \"ANNA_PASSWORD\" }", "At least 8 letters. Only its Argon2id hash is stored."),
        key("password_hash", Kind::Secret, Means("see `password`"), "\"$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$aGFzaA\"", "The password's Argon2id hash (PHC string) instead of the password."),
        key("skills", Kind::Skills, Means("none"), "{ german = 5 }", "Skills and levels."),
        key("phone", Kind::Text, Means("no phone, and no calls"), "\"register\"", "Where calls ring: `register` for a SIP phone that registers with the hub, or a fixed address such as `sip:anna@192.0.2.30:5060`."),
        key("phone_user", Kind::Text, Means("the name"), "\"201\"", "The user a registering phone logs in as, unique in the hub."),
        key("phone_secret", Kind::Secret, Means("the one known already"), "{ env = \"ANNA_PHONE\" }", "What a registering phone logs in with. Only digests are stored."),
        key("capacity", POINTS, Is("100"), "100", "Points the agent has for work at one time; a call takes all of them unless `weights` say otherwise."),
        key("weights", Kind::Table(&WEIGHTS), Means("its defaults"), "{ chat = 25 }", "Points one contact takes, by channel."),
    ],
};

/// `[tenant.agent.weights]`.
pub const WEIGHTS: Section = Section {
    name: "[tenant.agent.weights]",
    about: "Points of the agent's capacity that one contact takes.",
    keys: &[
        key("voice", POINTS, Is("100"), "100", "A call."),
        key("chat", POINTS, Is("33"), "25", "A chat."),
        key("sms", POINTS, Is("33"), "25", "A text message conversation."),
        key("email", POINTS, Is("50"), "50", "A mail."),
    ],
};

/// `[[tenant.access_point]]`.
pub const ACCESS_POINT: Section = Section {
    name: "[[tenant.access_point]]",
    about: "A number or site key that customers reach.",
    keys: &[
        key("name", Kind::Name, Required, "\"hotline\"", "Its name, unique in the tenant."),
        key("channel", Kind::Choice(&["voice", "chat"]), Required, "\"voice\"", "How customers reach it."),
        key("address", Kind::Text, Required, "\"4930100\"", "The number called as the trunk hands it over, or the site key of the widget. Unique in the hub for its channel."),
        key("queue", Kind::Text, Required, "\"service\"", "The queue where its contacts wait."),
        key("origins", Kind::Texts, Is("[]"), "[\"https://shop.example\"]", "Pages that may show the widget, such as `https://shop.example`; `*` for any. The hub's own pages always may."),
    ],
};

/// `[[tenant.api_key]]`.
pub const API_KEY: Section = Section {
    name: "[[tenant.api_key]]",
    about: "A key of the HTTP interface. Give `key` or `sha256`.",
    keys: &[
        key("name", Kind::Name, Required, "\"finance\"", "The department or system that holds it, unique in the tenant."),
        key("role", Kind::Choice(&["department", "admin"]), Is("\"department\""), "\"admin\"", "A department files wishes and reads what came of them; an admin also changes set-up and reads everything of the tenant."),
        key("key", Kind::Secret, Means("see `sha256`"), "{ env = \"FINANCE_KEY\" }", "The key, at least 16 letters. Only its SHA-256 is stored."),
        key("sha256", Kind::Text, Means("see `key`"), "\"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"", "SHA-256 of the key instead of the key, in hexadecimal."),
    ],
};

/// `[tenant.policy]`.
pub const POLICY: Section = Section {
    name: "[tenant.policy]",
    about: "The contact policy. Every change is a new version, and every decision names the version it was made under.",
    keys: &[
        key("queue", Kind::Text, Required, "\"outreach\"", "The queue in which planned calls wait for an agent."),
        key("quiet_from", Kind::Clock, Is("\"20:00\""), "\"21:00\"", "From this time of the customer's day nobody is contacted. The same as `quiet_until`: no quiet hours."),
        key("quiet_until", Kind::Clock, Is("\"08:00\""), "\"09:00\"", "From this time of the customer's day contacts are allowed again."),
        key("gather_seconds", Kind::Whole(0, 604_800), Is("60"), "3600", "Wishes are gathered for so long before a contact is made, so that departments end up in one call."),
        key("max_agenda", Kind::Whole(1, 20), Is("3"), "5", "Most wishes in one contact."),
        key("contacts_per_day", Kind::Whole(1, 100), Is("1"), "2", "Most outreach contacts to one customer on one day. Mandatory wishes are exempt but counted."),
        key("retry_seconds", Kind::Whole(1, 2_592_000), Is("14400"), "7200", "After an attempt that reached nobody, wait so long."),
        key("max_attempts", Kind::Whole(1, 100), Is("5"), "3", "After so many attempts a wish is dropped."),
        key("consent_needed", Kind::Choices(&["mandatory", "service", "marketing"]), Is("[\"marketing\"]"), "[\"marketing\", \"service\"]", "Classes of wishes that need the customer's consent beforehand."),
    ],
};

/// Every section, in the order of the reference.
pub const ALL: [&Section; 13] = [
    &FILE, &HTTP, &CHAT, &VOICE, &TRUNK, &TENANT, &QUEUE, &WIDENING, &AGENT, &WEIGHTS, &ACCESS_POINT, &API_KEY, &POLICY,
];
