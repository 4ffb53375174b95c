//! A log from before personal values were sealed is sealed on its way into another one.

use std::sync::Arc;

use rapport_domain::event::{Category, Position, Recorded, Stream};
use rapport_domain::port::keys::Keys as _;
use rapport_domain::port::log::{AppendError, Batch, EventLog, Expected};
use rapport_domain::testing::{MemoryKeys, MemoryLog, block_on};
use rapport_domain::time::Timestamp;
use rapport_event_log::SealedLog;
use rapport_event_log::transfer::{
    Delivered, LogSource, Sealing, Target, TransferError, check, deliver,
};
use uuid::Uuid;

use crate::{about, customer};

/// An old log: no event says whose values it holds.
fn old_log() -> MemoryLog {
    let log = MemoryLog::new();
    let started = format!(
        "{{\"channel\":\"chat\",\"customer\":\"{}\",\"contact_point\":{{\"kind\":\"phone\",\"value\":\"+491701\"}}}}",
        customer()
    );
    let of = |category, id| Stream::new(category, id);
    let chat = of(Category::Interaction, Uuid::from_u128(9));
    let anna = of(Category::Customer, customer().as_uuid());
    let plain = [
        (
            anna,
            0,
            "customer.named",
            "{\"name\":\"Anna Adams\"}".to_owned(),
        ),
        (chat, 0, "interaction.started", started),
        (
            chat,
            1,
            "interaction.message_received",
            "{\"message\":1,\"text\":\"I am Anna\"}".to_owned(),
        ),
        (chat, 2, "interaction.abandoned", "{}".to_owned()),
    ];
    for (number, (stream, revision, kind, data)) in (1..).zip(plain) {
        let before = match revision {
            0 => Expected::NoStream,
            later => Expected::Exact(rapport_domain::event::Revision(later - 1)),
        };
        append(&log, stream, before, about(None, number, kind, &data));
    }
    log
}

fn append(
    log: &dyn EventLog,
    stream: Stream,
    expected: Expected,
    event: rapport_domain::event::NewEvent,
) {
    let batch = Batch {
        stream,
        expected,
        events: vec![event],
    };
    block_on(log.append(batch)).expect("appended");
}

fn everything(log: &dyn EventLog) -> Vec<Recorded> {
    block_on(log.read_all(Position::START, 1_000)).expect("read")
}

fn seal_into(
    from: &MemoryLog,
    to: &MemoryLog,
    keys: &MemoryKeys,
) -> Result<Delivered, TransferError> {
    let mut source = LogSource::new(from);
    let mut sealing = Sealing::new(&mut source, Arc::new(keys.clone()));
    block_on(deliver(&mut sealing, &Target::Any(to), &mut |_| {}))
}

#[test]
fn an_old_log_arrives_sealed_reads_as_before_and_a_second_run_changes_nothing() {
    let (from, to, keys) = (old_log(), MemoryLog::new(), MemoryKeys::new());
    let delivered = seal_into(&from, &to, &keys).unwrap();
    assert_eq!((delivered.found, delivered.appended), (0, 4));
    block_on(check(&to, &delivered, &mut |_| {})).unwrap();
    for stored in everything(&to) {
        let data = String::from_utf8(stored.event.data).unwrap();
        assert!(!data.contains("Anna") && !data.contains("4917"), "{data}");
    }
    let sealed = SealedLog::new(Arc::new(to.clone()), Arc::new(keys.clone()));
    let data = |log: &dyn EventLog| -> Vec<_> {
        let of = |one: Recorded| (one.stream, one.revision, one.event.id, one.event.data);
        everything(log).into_iter().map(of).collect()
    };
    assert_eq!(data(&sealed), data(&from));

    let again = seal_into(&from, &to, &keys).unwrap();
    assert_eq!((again.found, again.appended), (4, 0));
    // What is sealed already passes as it is, with other keys, too.
    let copy = MemoryLog::new();
    seal_into(&to, &copy, &MemoryKeys::new()).unwrap();
    assert_eq!(everything(&copy), everything(&to));
}

#[test]
fn values_of_nobody_are_refused_and_what_was_sealed_by_then_is_in_order() {
    let (from, to, keys) = (old_log(), MemoryLog::new(), MemoryKeys::new());
    let orphan = Stream::new(Category::Interaction, Uuid::from_u128(10));
    let text = "{\"message\":1,\"text\":\"Who am I?\"}";
    let event = about(None, 77, "interaction.message_received", text);
    append(&from, orphan, Expected::NoStream, event);
    let refused = seal_into(&from, &to, &keys).unwrap_err();
    assert!(
        matches!(&refused, TransferError::Append(AppendError::Refused(why)) if !why.contains("Who")),
        "{refused}"
    );
    assert!(everything(&to).len() <= 4);
}

#[test]
fn an_old_log_arrives_without_the_values_of_who_was_erased_meanwhile() {
    let (from, to, keys) = (old_log(), MemoryLog::new(), MemoryKeys::new());
    block_on(keys.destroy(customer(), Timestamp::from_millis(1))).expect("destroyed");
    seal_into(&from, &to, &keys).unwrap();
    let stored = everything(&to);
    assert_eq!(stored.len(), 4);
    for one in stored {
        let data = String::from_utf8(one.event.data).unwrap();
        assert!(!data.contains("Anna") && !data.contains("4917"), "{data}");
    }
}
