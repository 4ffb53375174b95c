//! Every event in the log has a name, a golden file and a line in docs/EVENTS.md. `UPDATE=1` writes both anew.

#![allow(
    clippy::unwrap_used,
    reason = "tests, helpers of tests included, may panic"
)]

mod golden;

use std::collections::BTreeSet;
use std::path::Path;
use std::{env, fs};

use rapport_domain::event::{
    Actor, Category, Meta, NewEvent, Position, Recorded, Revision, Stream,
};
use rapport_domain::id::{EventId, TenantId};
use rapport_domain::registry::{self, AnyFact};
use rapport_domain::time::Timestamp;
use uuid::Uuid;

fn update() -> bool {
    env::var_os("UPDATE").is_some_and(|wanted| wanted == "1")
}

fn recorded(category: Category, kind: &str, version: u16, data: Vec<u8>) -> Recorded {
    let meta = Meta {
        tenant: TenantId::named("t"),
        actor: Actor::System,
        correlation: Uuid::nil(),
        causation: None,
        subject: None,
    };
    let event = NewEvent {
        id: EventId::from_uuid(Uuid::from_u128(1)),
        kind: kind.to_owned(),
        version,
        recorded_at: Timestamp::default(),
        meta,
        data,
    };
    Recorded {
        stream: Stream::new(category, Uuid::nil()),
        revision: Revision::FIRST,
        position: Position(1),
        event,
    }
}

#[test]
fn upcasters_lead_from_what_nobody_writes_any_more_to_what_is_written() {
    for category in Category::ALL {
        let table = registry::upcasters(category);
        for upcaster in table {
            let (kind, version) = (upcaster.kind, upcaster.version);
            let written = format!("{kind}.v{version}");
            assert!(
                registry::types(category)
                    .iter()
                    .all(|known| known.name != written),
                "{written} is still written: it would be lifted away as soon as it is read"
            );
            assert!(
                registry::is_known(category, kind, version),
                "{written} leads to nothing that is known"
            );
            let same = |other: &&rapport_domain::upcast::Upcaster| {
                (other.kind, other.version) == (kind, version)
            };
            assert_eq!(table.iter().filter(same).count(), 1, "{written} twice");
        }
    }
}

#[test]
fn an_encoded_fact_decodes_to_itself() {
    for fact in registry::examples() {
        let encoded = fact.encode().unwrap();
        let event = recorded(
            fact.category(),
            &encoded.kind,
            encoded.version,
            encoded.data,
        );
        assert_eq!(AnyFact::decode(&event).unwrap(), fact);
    }
}

#[test]
fn every_type_has_a_name_of_its_own_in_its_category() {
    let mut names = BTreeSet::new();
    for fact in registry::examples() {
        let encoded = fact.encode().unwrap();
        let name = format!("{}.v{}", encoded.kind, encoded.version);
        assert_eq!(
            name,
            fact.event_type().name,
            "the catalogue calls it otherwise than the log"
        );
        let parts: Vec<&str> = encoded.kind.split('.').collect();
        assert_eq!(parts.len(), 2, "{name}");
        assert_eq!(parts[0], fact.category().name(), "{name}");
        assert!(
            parts[1].chars().all(|c| c.is_ascii_lowercase() || c == '_'),
            "{name}"
        );
        assert!(encoded.version >= 1, "{name}");
        assert!(names.insert(name.clone()), "{name} twice");
        assert!(registry::is_known(
            fact.category(),
            &encoded.kind,
            encoded.version
        ));
    }
    let listed: usize = Category::ALL
        .into_iter()
        .map(|category| registry::types(category).len())
        .sum();
    assert_eq!(names.len(), listed);
}

#[test]
fn a_type_from_a_later_version_is_not_known() {
    assert!(registry::is_known(
        Category::Interaction,
        "interaction.started",
        1
    ));
    assert!(!registry::is_known(
        Category::Interaction,
        "interaction.started",
        2
    ));
    assert!(!registry::is_known(
        Category::Interaction,
        "interaction.start",
        1
    ));
    assert!(!registry::is_known(
        Category::Customer,
        "interaction.started",
        1
    ));
    let later = recorded(
        Category::Interaction,
        "interaction.started",
        2,
        b"{}".to_vec(),
    );
    assert!(AnyFact::decode(&later).is_err());
}

#[test]
fn the_list_of_events_in_the_documentation_is_complete() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/EVENTS.md");
    let text = documentation();
    if update() {
        fs::write(&path, &text).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == text,
        "docs/EVENTS.md is not what the facts say; UPDATE=1 writes it"
    );
}

fn documentation() -> String {
    let mut text = "# Events\n\nWhat the log can hold. This file is generated from the facts in `domain/src/registry`: \
        `UPDATE=1 cargo test -p rapport-domain --test events`.\n\nStreams are named `category-uuid`. Beside its data, \
        every event carries id, stream, revision, position, type, version, moment, tenant, actor, correlation and \
        causation. Moments are microseconds since 1970-01-01T00:00:00Z, spans are seconds and nanoseconds, ids are \
        UUIDs.\n\nThe tables list what is written today. A field that came later has a default with which older data is \
        read; the version stays. Whatever else changes is a new version, and the old one is lifted to it, from JSON to \
        JSON, below every reader (`domain/src/upcast.rs` · `upcast`). What is stored is never rewritten: `rapport log tail \
        --json` shows it as it was written. `domain/tests/golden` holds every form of every version that was ever \
        written; its `MANIFEST` sees to it that none changes or disappears.\n"
        .to_owned();
    text += "\n## Versions that are read and no longer written\n\n";
    let mut old = Category::ALL
        .into_iter()
        .flat_map(registry::upcasters)
        .peekable();
    if old.peek().is_none() {
        text += "None: every type has had one version.\n";
    } else {
        text += "| stored | is read as |\n|---|---|\n";
    }
    for step in old {
        text += &format!(
            "| `{}` {} | `{}` {} |\n",
            step.kind, step.version, step.to_kind, step.to_version
        );
    }
    let examples = registry::examples();
    for category in Category::ALL {
        text += &format!(
            "\n## {}\n\n| type | version | meaning | data (example) |\n|---|---|---|---|\n",
            category.name()
        );
        for fact in examples.iter().filter(|fact| fact.category() == category) {
            let encoded = fact.encode().unwrap();
            let data = String::from_utf8(encoded.data).unwrap().replace('|', "\\|");
            let meaning = fact.event_type().meaning;
            text += &format!(
                "| `{}` | {} | {meaning} | `{data}` |\n",
                encoded.kind, encoded.version
            );
        }
    }
    text
}
