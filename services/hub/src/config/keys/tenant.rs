//! The keys of a tenant and of what it declares.

use super::{HOOK, POINTS, POLICY, QUEUE, WEBHOOK, key};
use crate::config::schema::Absent::{Is, Means, Required};
use crate::config::schema::{Kind, Section};

/// `[[tenant]]`.
pub const TENANT: Section = Section {
    name: "[[tenant]]",
    about: "An organisation. What is declared here is compared with the log at start and differences are appended; what the file does not mention stays as it is.",
    keys: &[
        key(
            "name",
            Kind::Name,
            Required,
            "\"acme\"",
            "Its short name, unique in the hub; part of the login.",
        ),
        key(
            "display_name",
            Kind::Text,
            Means("the name"),
            "\"Acme Ltd\"",
            "The name people see.",
        ),
        key(
            "zone",
            Kind::Text,
            Is("\"UTC\""),
            "\"Europe/Berlin\"",
            "The clock of its day, as an IANA time zone.",
        ),
        key(
            "caller_id",
            Kind::Text,
            Is("\"\""),
            "\"+493012345\"",
            "The number customers see when the hub calls them.",
        ),
        key(
            "outbound_trunk",
            Kind::Text,
            Means("customers are not called"),
            "\"carrier\"",
            "The trunk that calls to customers go out on.",
        ),
        key(
            "not_ready_reasons",
            Kind::Texts,
            Is("[\"break\", \"lunch\", \"training\", \"meeting\"]"),
            "[\"break\", \"back_office\"]",
            "Reasons an agent may choose for not being ready.",
        ),
        key(
            "queue",
            Kind::Tables(&QUEUE),
            Means("none"),
            "[{ name = \"service\" }]",
            "Waiting lines.",
        ),
        key(
            "agent",
            Kind::Tables(&AGENT),
            Means("none"),
            "[{ name = \"anna\" }]",
            "People who serve customers.",
        ),
        key(
            "access_point",
            Kind::Tables(&ACCESS_POINT),
            Means("none"),
            "[{ name = \"hotline\", channel = \"voice\", address = \"4930100\", queue = \"service\" }]",
            "Numbers and site keys that customers reach.",
        ),
        key(
            "api_key",
            Kind::Tables(&API_KEY),
            Means("none"),
            "[{ name = \"finance\", key = { env = \"FINANCE_KEY\" } }]",
            "Keys of the HTTP interface.",
        ),
        key(
            "webhook",
            Kind::Tables(&WEBHOOK),
            Means("none"),
            "[{ name = \"finance-crm\", department = \"finance\", url = \"https://crm.example/rapport\", secret = { env = \"FINANCE_WEBHOOK\" } }]",
            "Where departments are told what becomes of their wishes.",
        ),
        key(
            "hook",
            Kind::Tables(&HOOK),
            Means("none"),
            "[{ department = \"finance\", secret = { env = \"FINANCE_HOOK\" } }]",
            "Which departments' systems may send signed requests.",
        ),
        key(
            "policy",
            Kind::Table(&POLICY),
            Means("no outreach: wishes are filed and wait"),
            "{ queue = \"outreach\" }",
            "When, how often and with whose consent customers are contacted.",
        ),
    ],
};

/// `[[tenant.agent]]`.
pub const AGENT: Section = Section {
    name: "[[tenant.agent]]",
    about: "A person who serves customers. `rapport user add` prints such a table with a hashed password.",
    keys: &[
        key(
            "name",
            Kind::Name,
            Required,
            "\"anna\"",
            "The name to log in with, unique in the tenant.",
        ),
        key(
            "display_name",
            Kind::Text,
            Means("the name"),
            "\"Anna\"",
            "The name customers and colleagues see.",
        ),
        key(
            "role",
            Kind::Choice(&["agent", "supervisor"]),
            Is("\"agent\""),
            "\"supervisor\"",
            "A supervisor also changes set-up.",
        ),
        key(
            "password",
            Kind::Secret,
            Means("the one known already, or no login"),
            "{ env = \"ANNA_PASSWORD\" }",
            "At least 8 letters. Only its Argon2id hash is stored.",
        ),
        key(
            "password_hash",
            Kind::Secret,
            Means("see `password`"),
            "\"$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$aGFzaA\"",
            "The password's Argon2id hash (PHC string) instead of the password.",
        ),
        key(
            "skills",
            Kind::Skills,
            Means("none"),
            "{ german = 5 }",
            "Skills and levels.",
        ),
        key(
            "phone",
            Kind::Text,
            Means("no phone, and no calls"),
            "\"register\"",
            "Where calls ring: `register` for a SIP phone that registers with the hub, or a fixed address such as `sip:anna@192.0.2.30:5060`.",
        ),
        key(
            "phone_user",
            Kind::Text,
            Means("the name"),
            "\"201\"",
            "The user a registering phone logs in as, unique in the hub.",
        ),
        key(
            "phone_secret",
            Kind::Secret,
            Means("the one known already"),
            "{ env = \"ANNA_PHONE\" }",
            "What a registering phone logs in with. Only digests are stored.",
        ),
        key(
            "capacity",
            POINTS,
            Is("100"),
            "100",
            "Points the agent has for work at one time; a call takes all of them unless `weights` say otherwise.",
        ),
        key(
            "weights",
            Kind::Table(&WEIGHTS),
            Means("its defaults"),
            "{ chat = 25 }",
            "Points one contact takes, by channel.",
        ),
    ],
};

/// `[tenant.agent.weights]`.
pub const WEIGHTS: Section = Section {
    name: "[tenant.agent.weights]",
    about: "Points of the agent's capacity that one contact takes.",
    keys: &[
        key("voice", POINTS, Is("100"), "100", "A call."),
        key("chat", POINTS, Is("33"), "25", "A chat."),
        key(
            "sms",
            POINTS,
            Is("33"),
            "25",
            "A text message conversation.",
        ),
        key("email", POINTS, Is("50"), "50", "A mail."),
    ],
};

/// `[[tenant.access_point]]`.
pub const ACCESS_POINT: Section = Section {
    name: "[[tenant.access_point]]",
    about: "A number or site key that customers reach.",
    keys: &[
        key(
            "name",
            Kind::Name,
            Required,
            "\"hotline\"",
            "Its name, unique in the tenant.",
        ),
        key(
            "channel",
            Kind::Choice(&["voice", "chat"]),
            Required,
            "\"voice\"",
            "How customers reach it.",
        ),
        key(
            "address",
            Kind::Text,
            Required,
            "\"4930100\"",
            "The number called as the trunk hands it over, or the site key of the widget. Unique in the hub for its channel.",
        ),
        key(
            "queue",
            Kind::Text,
            Required,
            "\"service\"",
            "The queue where its contacts wait.",
        ),
        key(
            "origins",
            Kind::Texts,
            Is("[]"),
            "[\"https://shop.example\"]",
            "Pages that may show the widget, such as `https://shop.example`; `*` for any. The hub's own pages always may.",
        ),
    ],
};

/// `[[tenant.api_key]]`.
pub const API_KEY: Section = Section {
    name: "[[tenant.api_key]]",
    about: "A key of the HTTP interface. Give `key` or `sha256`. The file is the whole list: a key that is taken out of it is valid no longer once the hub has started again.",
    keys: &[
        key(
            "name",
            Kind::Name,
            Required,
            "\"finance\"",
            "The department or system that holds it, unique in the tenant.",
        ),
        key(
            "role",
            Kind::Choice(&["department", "admin"]),
            Is("\"department\""),
            "\"admin\"",
            "A department files wishes and reads what came of them; an admin also changes set-up and reads everything of the tenant.",
        ),
        key(
            "key",
            Kind::Secret,
            Means("see `sha256`"),
            "{ env = \"FINANCE_KEY\" }",
            "The key, at least 16 letters. Only its SHA-256 is stored.",
        ),
        key(
            "sha256",
            Kind::Text,
            Means("see `key`"),
            "\"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"",
            "SHA-256 of the key instead of the key, in hexadecimal.",
        ),
    ],
};
