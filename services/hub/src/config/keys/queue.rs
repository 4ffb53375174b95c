//! The keys of a queue.

use super::{POINTS, SECONDS, key};
use crate::config::schema::Absent::{Is, Means, Required};
use crate::config::schema::{Kind, Section};

/// `[[tenant.queue]]`.
pub const QUEUE: Section = Section {
    name: "[[tenant.queue]]",
    about: "A waiting line.",
    keys: &[
        key(
            "name",
            Kind::Name,
            Required,
            "\"service\"",
            "Its name, unique in the tenant.",
        ),
        key(
            "display_name",
            Kind::Text,
            Means("the name"),
            "\"Service\"",
            "The name people see.",
        ),
        key(
            "skills",
            Kind::Skills,
            Means("every agent can serve it"),
            "{ german = 3 }",
            "Skills an agent needs, with the least level.",
        ),
        key(
            "widening",
            Kind::Tables(&WIDENING),
            Means("never relaxed"),
            "[{ after_seconds = 60, skills = { german = 1 } }]",
            "After some waiting, less is asked of agents; in ascending order.",
        ),
        key(
            "target_seconds",
            SECONDS,
            Is("20"),
            "20",
            "Answer within so many seconds: the T of the service level.",
        ),
        key(
            "service_level_percent",
            Kind::Whole(1, 100),
            Is("80"),
            "80",
            "Share of contacts that should be answered in time.",
        ),
        key(
            "value_weight",
            POINTS,
            Is("100"),
            "200",
            "What a contact here is worth beside one elsewhere; 100 is ordinary.",
        ),
        key(
            "floor_after",
            Kind::Whole(1, 1_000),
            Is("6"),
            "4",
            "Contacts that waited this many times the target go before all others.",
        ),
        key(
            "choice",
            Kind::Choice(&["longest_idle", "least_occupied", "best_skill"]),
            Is("\"longest_idle\""),
            "\"best_skill\"",
            "Which of several agents gets the contact.",
        ),
        key(
            "offer_seconds",
            Kind::Whole(3, 600),
            Is("20"),
            "15",
            "An offer runs out after so many seconds, and the agent is set to not ready.",
        ),
        key(
            "wrap_up_seconds",
            Kind::Whole(0, 86_400),
            Is("30"),
            "60",
            "Wrap-up ends by itself after so many seconds; 0: there is none.",
        ),
        key(
            "dispositions",
            Kind::Texts,
            Means("any text"),
            "[\"solved\", \"call_back\"]",
            "Outcome codes an agent may set.",
        ),
        key(
            "outbound",
            Kind::Flag,
            Is("false"),
            "true",
            "Holds planned contacts, which give way to inbound ones.",
        ),
    ],
};

/// `[[tenant.queue.widening]]`.
pub const WIDENING: Section = Section {
    name: "[[tenant.queue.widening]]",
    about: "One step of relaxing what a queue asks of agents.",
    keys: &[
        key(
            "after_seconds",
            SECONDS,
            Required,
            "60",
            "From so many seconds of waiting on.",
        ),
        key(
            "skills",
            Kind::Skills,
            Means("none needed any more"),
            "{ german = 1 }",
            "These skills are enough.",
        ),
    ],
};
