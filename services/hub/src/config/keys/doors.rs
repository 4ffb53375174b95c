//! The keys of doors to departments' systems.

use super::key;
use crate::config::schema::Absent::{Is, Means, Required};
use crate::config::schema::{Kind, Section};

/// `[[tenant.webhook]]`.
pub const WEBHOOK: Section = Section {
    name: "[[tenant.webhook]]",
    about: "Where a department's system is told what becomes of its wishes: POST requests signed as Standard Webhooks. How far an endpoint has come belongs to its name: under a new name it hears of what happens from then on.",
    keys: &[
        key(
            "name",
            Kind::Name,
            Required,
            "\"finance-crm\"",
            "Its name, unique in the tenant.",
        ),
        key(
            "department",
            Kind::Name,
            Required,
            "\"finance\"",
            "Whose wishes it hears of: the name of an API key.",
        ),
        key(
            "url",
            Kind::Text,
            Required,
            "\"https://crm.example/rapport\"",
            "Where it is: `https`, or plain `http` on this machine. Redirects are not followed.",
        ),
        key(
            "secret",
            Kind::Secret,
            Required,
            "{ env = \"FINANCE_WEBHOOK\" }",
            "What requests are signed with: `whsec_` and the base64 of 24 to 64 random bytes.",
        ),
        key(
            "next_secret",
            Kind::Secret,
            Means("one signature"),
            "{ env = \"FINANCE_WEBHOOK_NEXT\" }",
            "A second secret, while it takes the place of the first: requests carry a signature of each.",
        ),
        key(
            "events",
            Kind::Choices(&["planned", "held", "later", "done", "dropped", "withdrawn"]),
            Is("[\"done\", \"dropped\", \"withdrawn\"]"),
            "[\"planned\", \"done\", \"dropped\"]",
            "What it hears of. `done`, `dropped` and `withdrawn` are the ends of a wish.",
        ),
        key(
            "private",
            Kind::Flag,
            Is("false"),
            "true",
            "It may lie inside a private network, and be plain `http`.",
        ),
        key(
            "give_up_hours",
            Kind::Whole(1, 720),
            Is("72"),
            "24",
            "What it does not take within this time is given up and shown as a dead letter.",
        ),
    ],
};

/// `[[tenant.hook]]`.
pub const HOOK: Section = Section {
    name: "[[tenant.hook]]",
    about: "What a department's system signs requests to `/api/v1/hooks` with, as Standard Webhooks.",
    keys: &[
        key(
            "department",
            Kind::Name,
            Required,
            "\"finance\"",
            "Whose system: the name of an API key.",
        ),
        key(
            "secret",
            Kind::Secret,
            Required,
            "{ env = \"FINANCE_HOOK\" }",
            "`whsec_` and the base64 of 24 to 64 random bytes.",
        ),
        key(
            "next_secret",
            Kind::Secret,
            Means("none"),
            "{ env = \"FINANCE_HOOK_NEXT\" }",
            "A second secret that is taken too, while it takes the place of the first.",
        ),
    ],
};
