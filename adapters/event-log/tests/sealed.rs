//! A log whose personal values are sealed keeps the promises of every log and gives nothing personal away.

#[path = "sealed/dressed.rs"]
mod dressed;
#[path = "sealed/faults.rs"]
mod faults;
#[path = "sealed/forgetting.rs"]
mod forgetting;
#[path = "sealed/moving.rs"]
mod moving;
#[path = "sealed/texts.rs"]
mod texts;

use std::sync::Arc;

use rapport_domain::event::{Actor, Category, Meta, NewEvent, Stream};
use rapport_domain::id::{CustomerId, EventId, TenantId};
use rapport_domain::port::log::{Batch, Expected};
use rapport_domain::testing::{MemoryKeys, MemoryLog};
use rapport_domain::time::Timestamp;
use rapport_event_log::SealedLog;
use uuid::Uuid;

fn customer() -> CustomerId {
    CustomerId::from_uuid(Uuid::from_u128(0xc0ffee))
}

fn stream() -> Stream {
    Stream::new(Category::Interaction, Uuid::from_u128(7))
}

fn about(subject: Option<CustomerId>, number: u128, kind: &str, data: &str) -> NewEvent {
    NewEvent {
        id: EventId::from_uuid(Uuid::from_u128(number)),
        kind: kind.to_owned(),
        version: 1,
        recorded_at: Timestamp::from_millis(1_795_262_400_000),
        meta: Meta {
            tenant: TenantId::named("t"),
            actor: Actor::System,
            correlation: Uuid::nil(),
            causation: None,
            subject,
        },
        data: data.as_bytes().to_vec(),
    }
}

fn message(number: u128, text: &str) -> NewEvent {
    let data = serde_json::json!({ "message": Uuid::from_u128(number), "text": text });
    about(
        Some(customer()),
        number,
        "interaction.message_received",
        &data.to_string(),
    )
}

fn batch(expected: Expected, events: Vec<NewEvent>) -> Batch {
    Batch {
        stream: stream(),
        expected,
        events,
    }
}

/// A sealed log in memory, with what is underneath.
fn in_memory() -> (SealedLog, MemoryLog, MemoryKeys) {
    let (log, keys) = (MemoryLog::new(), MemoryKeys::new());
    let sealed = SealedLog::new(Arc::new(log.clone()), Arc::new(keys.clone()));
    (sealed, log, keys)
}

mod as_any_log_in_memory {
    rapport_domain::log_contract_tests!(std::sync::Arc::new(super::in_memory().0));
}

mod as_any_log_on_disk {
    rapport_domain::log_contract_tests!(super::dressed::on_disk(false));
}

mod with_personal_values_in_every_event {
    rapport_domain::log_contract_tests!(super::dressed::on_disk(true));
}
