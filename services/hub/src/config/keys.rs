//! Every key of the configuration, described once: `schema.rs` checks files and request bodies with it, and
//! docs/CONFIGURATION.md is made from it.

mod doors;
mod policy;
mod queue;
mod tenant;

pub use doors::{HOOK, WEBHOOK};
pub use policy::{CAPS, COSTS, POLICY, WEIGHTING};
pub use queue::{QUEUE, WIDENING};
pub use tenant::{ACCESS_POINT, AGENT, API_KEY, TENANT, WEIGHTS};

use super::schema::Absent::{Is, Means, Required};
use super::schema::{Absent, Key, Kind, Section};

const fn key(
    name: &'static str,
    kind: Kind,
    absent: Absent,
    example: &'static str,
    meaning: &'static str,
) -> Key {
    Key {
        name,
        kind,
        absent,
        example,
        meaning,
    }
}

const SECONDS: Kind = Kind::Whole(1, 86_400);
const POINTS: Kind = Kind::Whole(1, 10_000);

/// The file.
pub const FILE: Section = Section {
    name: "the file",
    about: "Keys at the top of the file, before any table.",
    keys: &[
        key(
            "data",
            Kind::Text,
            Is("\"rapport-data\""),
            "\"/var/lib/rapport\"",
            "The folder of the event log and the read models, on a local disk; created when missing. A relative path starts at the folder the program runs in.",
        ),
        key(
            "log",
            Kind::Text,
            Is("\"embedded\""),
            "\"embedded\"",
            "Which event log. `embedded` is the one in the data folder; `esdb://host1,host2,host3?tls=true` (or `kurrentdb://`) the one in a cluster of EventStoreDB/KurrentDB, with the parameters of its connection strings.",
        ),
        key(
            "log_cluster",
            Kind::Table(&LOG_CLUSTER),
            Means("nobody has to log in, and the system's certificates are trusted"),
            "{ user = \"rapport\", password = { env = \"LOG_PASSWORD\" } }",
            "How a log in a cluster is reached.",
        ),
        key(
            "keys",
            Kind::Text,
            Is("\"local\""),
            "\"dir:///mnt/shared/keys\"",
            "Where the keys are that personal data is sealed with. `local` is the file `keys.db` in the data folder; `dir:///…` a folder that all nodes share, which must exist. Back it up apart from the log.",
        ),
        key(
            "keys_secret",
            Kind::Secret,
            Means("keys in the data folder are stored as they are"),
            "{ env = \"RAPPORT_KEYS_SECRET\" }",
            "What wraps these keys, so that a copy of them alone opens nothing: at least 32 random characters, kept where neither the keys nor the log are. Needed for a shared folder. Given later, it wraps the keys that are there.",
        ),
        key(
            "http",
            Kind::Table(&HTTP),
            Means("its defaults"),
            "{ bind = \"127.0.0.1:8080\" }",
            "The HTTP interface and the pages.",
        ),
        key(
            "chat",
            Kind::Table(&CHAT),
            Means("its defaults"),
            "{ bind = \"127.0.0.1:8081\" }",
            "Web chat.",
        ),
        key(
            "voice",
            Kind::Table(&VOICE),
            Means("no telephony"),
            "{ bind = \"192.0.2.10:5060\", public_ip = \"192.0.2.10\" }",
            "Telephony.",
        ),
        key(
            "node",
            Kind::Table(&NODE),
            Means(
                "the hub has the log for itself; with the log of a cluster, it is called as `HOSTNAME` says, or `hub`",
            ),
            "{ name = \"hub-1\" }",
            "Its place among several hubs that share one log.",
        ),
        key(
            "tenant",
            Kind::Tables(&TENANT),
            Means("no organisation: nobody can log in"),
            "[{ name = \"acme\" }]",
            "The organisations that use this hub.",
        ),
    ],
};

/// `[log_cluster]`.
pub const LOG_CLUSTER: Section = Section {
    name: "[log_cluster]",
    about: "How the cluster that `log` names is reached. A user or password in `log` itself is refused: addresses are shown.",
    keys: &[
        key(
            "user",
            Kind::Text,
            Means("nobody: the cluster lets everybody in"),
            "\"rapport\"",
            "Who the hub is there. It may read `$all` and write streams.",
        ),
        key(
            "password",
            Kind::Secret,
            Means("an empty one"),
            "{ env = \"LOG_PASSWORD\" }",
            "The user's password.",
        ),
        key(
            "ca_file",
            Kind::Text,
            Means("the certificates the system trusts"),
            "\"/etc/rapport/cluster-ca.pem\"",
            "Certificates (PEM) that sign those of the cluster's nodes.",
        ),
    ],
};

/// `[node]`.
pub const NODE: Section = Section {
    name: "[node]",
    about: "Several hubs that share one log. Each has a name of its own and the same `[[tenant]]` tables. Without this table a hub takes the embedded log for its own.",
    keys: &[
        key(
            "name",
            Kind::Name,
            Required,
            "\"hub-1\"",
            "Its name, unique in the cluster and the same after a restart. A process that starts under the name of another one puts that one out of action.",
        ),
        key(
            "roles",
            Kind::Choices(&["edge", "engine", "api"]),
            Is("[\"edge\", \"engine\", \"api\"]"),
            "[\"edge\"]",
            "What it does. `edge` holds telephony and web chat, `engine` may decide for tenants, `api` serves the interface and the pages. Health and metrics are served by every node.",
        ),
        key(
            "sip_advertise",
            Kind::Bind,
            Means("the address of `voice.bind`"),
            "\"192.0.2.10:5060\"",
            "Where other nodes reach its telephony.",
        ),
        key(
            "lease_seconds",
            Kind::Whole(1, 60),
            Is("6"),
            "10",
            "After so long without a sign of life others take over what a node decided. The same on all nodes.",
        ),
    ],
};

/// `[http]`.
pub const HTTP: Section = Section {
    name: "[http]",
    about: "The HTTP interface, the live sockets and the pages. TLS is the business of a proxy in front.",
    keys: &[
        key(
            "bind",
            Kind::Bind,
            Is("\"127.0.0.1:8080\""),
            "\"0.0.0.0:8080\"",
            "Where it listens.",
        ),
        key(
            "public_origins",
            Kind::Texts,
            Is("[]"),
            "[\"https://desk.example\"]",
            "What browsers have in their address bar, such as `https://desk.example`. Empty: a request must come from the host it was sent to. With an `https` origin, session cookies are sent over TLS only.",
        ),
        key(
            "trusted_proxies",
            Kind::Texts,
            Is("[]"),
            "[\"127.0.0.1\"]",
            "Addresses of proxies whose last `X-Forwarded-For` entry names the client; for web chat too.",
        ),
        key(
            "session_hours",
            Kind::Whole(1, 168),
            Is("12"),
            "8",
            "A login ends after so many hours without a request, and after a day in any case. An open page alone is no request.",
        ),
    ],
};

/// `[chat]`.
pub const CHAT: Section = Section {
    name: "[chat]",
    about: "The listener of the web chat widget.",
    keys: &[
        key(
            "bind",
            Kind::Bind,
            Is("\"127.0.0.1:8081\""),
            "\"0.0.0.0:8081\"",
            "Where it listens.",
        ),
        key(
            "public_url",
            Kind::Text,
            Means("`ws://`, the host of the page and the listener's port"),
            "\"wss://chat.example/\"",
            "How browsers reach it.",
        ),
        key(
            "max_connections",
            Kind::Whole(1, 1_000_000),
            Is("15000"),
            "15000",
            "Visitors at one time; more are asked to come back later.",
        ),
    ],
};

/// `[voice]`.
pub const VOICE: Section = Section {
    name: "[voice]",
    about: "SIP and media. Without this table there is no telephony.",
    keys: &[
        key(
            "bind",
            Kind::Bind,
            Is("\"127.0.0.1:5060\""),
            "\"192.0.2.10:5060\"",
            "Where SIP listens (UDP).",
        ),
        key(
            "public_ip",
            Kind::Text,
            Means("the address of `bind`"),
            "\"192.0.2.10\"",
            "The address that SIP peers are told to send signalling and media to. Needed when `bind` is a wildcard such as `0.0.0.0`.",
        ),
        key(
            "rtp_ports",
            Kind::Text,
            Is("\"20000-29999\""),
            "\"20000-20999\"",
            "First and last UDP port for media; each leg of a call takes two.",
        ),
        key(
            "realm",
            Kind::Text,
            Is("\"rapport\""),
            "\"desk.example\"",
            "The realm of phones that register. Changing it needs `phone_secret` of every such agent in the file.",
        ),
        key(
            "calls_per_second",
            Kind::Whole(1, 100_000),
            Is("300"),
            "300",
            "New calls a second from all trunks; above it they are answered 503.",
        ),
        key(
            "trunk_calls_per_second",
            Kind::Whole(1, 100_000),
            Is("200"),
            "50",
            "New calls a second from one trunk; above it they are answered 503.",
        ),
        key(
            "max_legs",
            Kind::Whole(1, 100_000),
            Is("2000"),
            "2000",
            "Legs at one time; above it new calls are answered 503. A call with an agent has two.",
        ),
        key(
            "trunk",
            Kind::Tables(&TRUNK),
            Means("no calls from or to the outside"),
            "[{ name = \"carrier\", address = \"192.0.2.20:5060\" }]",
            "Lines to carriers or exchanges.",
        ),
    ],
};

/// `[[voice.trunk]]`.
pub const TRUNK: Section = Section {
    name: "[[voice.trunk]]",
    about: "A line to a carrier or another exchange, known by its address.",
    keys: &[
        key(
            "name",
            Kind::Name,
            Required,
            "\"carrier\"",
            "Its name, unique in the hub.",
        ),
        key(
            "address",
            Kind::Text,
            Required,
            "\"192.0.2.20:5060\"",
            "`host` or `host:port`: calls from there are its calls, calls to customers go there. Without a port, calls from any port of the host are its calls, and 5060 is dialled.",
        ),
    ],
};

/// Every section, in the order of the reference.
pub const ALL: [&Section; 20] = [
    &FILE,
    &LOG_CLUSTER,
    &HTTP,
    &CHAT,
    &NODE,
    &VOICE,
    &TRUNK,
    &TENANT,
    &QUEUE,
    &WIDENING,
    &AGENT,
    &WEIGHTS,
    &ACCESS_POINT,
    &API_KEY,
    &WEBHOOK,
    &HOOK,
    &POLICY,
    &CAPS,
    &WEIGHTING,
    &COSTS,
];
