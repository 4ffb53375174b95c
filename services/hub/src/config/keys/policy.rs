//! The keys of a contact policy.

use rapport_domain::policy::MOST_CONTACTS;

use super::key;
use crate::config::schema::Absent::{Is, Means, Required};
use crate::config::schema::{Kind, Section};

/// `[tenant.policy]`.
pub const POLICY: Section = Section {
    name: "[tenant.policy]",
    about: "The contact policy. Every change is a new version, and every decision names the version it was made under. At a start the table is taken in when its text is another one than the last time; until then what supervisors have released since stays in force.",
    keys: &[
        key(
            "queue",
            Kind::Text,
            Required,
            "\"outreach\"",
            "The queue in which planned calls wait for an agent.",
        ),
        key(
            "quiet_from",
            Kind::Clock,
            Is("\"20:00\""),
            "\"21:00\"",
            "From this time of the customer's day nobody is contacted. The same as `quiet_until`: no quiet hours.",
        ),
        key(
            "quiet_until",
            Kind::Clock,
            Is("\"08:00\""),
            "\"09:00\"",
            "From this time of the customer's day contacts are allowed again.",
        ),
        key(
            "gather_seconds",
            Kind::Whole(0, 604_800),
            Is("60"),
            "3600",
            "Wishes are gathered for so long before a contact is made, so that departments end up in one call.",
        ),
        key(
            "max_agenda",
            Kind::Whole(1, 20),
            Is("3"),
            "5",
            "Most wishes in one contact.",
        ),
        key(
            "max_agenda_seconds",
            Kind::Whole(10, 3_600),
            Is("300"),
            "240",
            "Most seconds that the wishes of one call or chat are expected to take together. One that takes longer by itself is said alone.",
        ),
        key(
            "contacts_per_day",
            Kind::Whole(1, 100),
            Is("1"),
            "2",
            "Most outreach contacts to one customer on one day of theirs. Mandatory wishes are exempt but counted.",
        ),
        key(
            "caps",
            Kind::Tables(&CAPS),
            Means("3 contacts in 7 days and 6 in 30, and never fewer than `contacts_per_day`"),
            "[{ contacts = 2, days = 7 }]",
            "The same over several days. A longer window that allows fewer contacts than a shorter one is refused.",
        ),
        key(
            "min_gap_seconds",
            Kind::Whole(0, 2_592_000),
            Is("0"),
            "14400",
            "From the beginning of one contact to the next at least so long. Mandatory wishes are exempt.",
        ),
        key(
            "retry_seconds",
            Kind::Whole(1, 2_592_000),
            Is("14400"),
            "7200",
            "After an attempt that reached nobody, wait so long.",
        ),
        key(
            "max_attempts",
            Kind::Whole(1, 100),
            Is("5"),
            "3",
            "After so many attempts a wish is dropped.",
        ),
        key(
            "refusal_silence_days",
            Kind::Whole(0, 3_650),
            Is("30"),
            "90",
            "A purpose that the customer declined is not brought up again for so many days. Mandatory wishes are exempt.",
        ),
        key(
            "holidays",
            Kind::Dates,
            Is("[]"),
            "[\"2026-12-25\", \"2026-12-26\"]",
            "Dates of the customer's calendar on which only mandatory wishes are said.",
        ),
        key(
            "consent_needed",
            Kind::Choices(&["service", "marketing"]),
            Is("[\"marketing\"]"),
            "[\"marketing\", \"service\"]",
            "Classes of wishes that need the customer's consent beforehand; mandatory notices never do.",
        ),
        key(
            "complaint_holds",
            Kind::Choices(&["service", "marketing"]),
            Is("[\"marketing\"]"),
            "[]",
            "Classes of wishes that wait while the customer has an open complaint; mandatory notices never do.",
        ),
        key(
            "purposes",
            Kind::Texts,
            Means("any"),
            "[\"payment_reminder\", \"renewal\"]",
            "What wishes may be for; one for anything else is refused.",
        ),
        key(
            "weights",
            Kind::Tables(&WEIGHTING),
            Means("every wish counts alike"),
            "[{ purpose = \"payment_reminder\", percent = 55 }]",
            "How much the context counts: the percents of all entries that fit a wish are summed and become the factor 1 + sum/100 of its priority.",
        ),
        key(
            "levers",
            Kind::Tables(&WEIGHTING),
            Means("none is pulled"),
            "[{ department = \"marketing\", percent = -20 }]",
            "Another factor of the same kind, for what is changed by hand.",
        ),
        key(
            "costs",
            Kind::Table(&COSTS),
            Means("contacts cost nothing"),
            "{ voice = 5 }",
            "What one contact costs, in the unit of the wishes' values. One that costs more than its wishes are worth, each by its propensity, waits; mandatory wishes are said whatever it costs.",
        ),
    ],
};

/// `[[tenant.policy.caps]]`.
pub const CAPS: Section = Section {
    name: "[[tenant.policy.caps]]",
    about: "At most so many outreach contacts to one customer in so many consecutive days of their calendar, today included. Calls, failed attempts, messages and contacts made elsewhere count; contacts that the customer begins do not.",
    keys: &[
        key(
            "contacts",
            Kind::Whole(1, MOST_CONTACTS as u64),
            Required,
            "3",
            "How many.",
        ),
        key(
            "days",
            Kind::Whole(1, 366),
            Required,
            "7",
            "In how many days.",
        ),
    ],
};

/// `[[tenant.policy.weights]]` and `[[tenant.policy.levers]]`.
pub const WEIGHTING: Section = Section {
    name: "[[tenant.policy.weights]]",
    about: "Which wishes, and how much more or less they count. `levers` have the same keys. At least one of `purpose`, `department`, `class` and `tier` is stated; a wish fits when all that are stated fit.",
    keys: &[
        key(
            "purpose",
            Kind::Text,
            Means("any"),
            "\"renewal\"",
            "Wishes for this purpose.",
        ),
        key(
            "department",
            Kind::Text,
            Means("any"),
            "\"finance\"",
            "Wishes of this department.",
        ),
        key(
            "class",
            Kind::Choice(&["mandatory", "service", "marketing"]),
            Means("any"),
            "\"service\"",
            "Wishes of this class.",
        ),
        key(
            "tier",
            Kind::Text,
            Means("any"),
            "\"gold\"",
            "Wishes about customers of this value tier.",
        ),
        key(
            "percent",
            Kind::Signed(-100, 1_000),
            Required,
            "55",
            "How much is added.",
        ),
    ],
};

const COST: Kind = Kind::Whole(0, 1_000_000_000);

/// `[tenant.policy.costs]`.
pub const COSTS: Section = Section {
    name: "[tenant.policy.costs]",
    about: "What one contact costs by its channel.",
    keys: &[
        key("voice", COST, Is("0"), "5", "A call."),
        key("chat", COST, Is("0"), "3", "A chat."),
        key("sms", COST, Is("0"), "1", "A text message."),
        key("email", COST, Is("0"), "1", "An e-mail."),
    ],
};
