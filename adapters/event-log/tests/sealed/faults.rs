//! Tampering, missing keys, and events that do not say whose they are.

use std::sync::Arc;

use rapport_domain::aggregate;
use rapport_domain::event::{NewEvent, Position};
use rapport_domain::interaction::Fact;
use rapport_domain::port::log::{AppendError, EventLog, Expected, MAX_EVENT_BYTES};
use rapport_domain::testing::{MemoryKeys, MemoryLog, block_on};
use rapport_event_log::SealedLog;

use super::{about, batch, customer, in_memory, message, stream};

/// One event as it is stored, changed by somebody, in a log of its own.
fn changed(change: impl FnOnce(&mut NewEvent)) -> (SealedLog, MemoryLog) {
    let (log, below, keys) = in_memory();
    block_on(log.append(batch(Expected::NoStream, vec![message(1, "secret")]))).expect("appended");
    let mut event = below.events().remove(0).event;
    change(&mut event);
    let copy = MemoryLog::new();
    copy.append_now(stream(), vec![event]).expect("copied");
    (SealedLog::new(Arc::new(copy.clone()), Arc::new(keys)), copy)
}

#[test]
fn a_sealed_event_can_be_moved_to_another_log_as_it_is() {
    let (log, _) = changed(|_| {});
    let page = block_on(log.read_all(Position::START, 10)).expect("readable");
    assert_eq!(page[0].event.data, message(1, "secret").data);
}

#[test]
fn what_was_tampered_with_cannot_be_decoded_and_does_not_stop_the_reader() {
    let tampered: [fn(&mut NewEvent); 6] = [
        |event| event.data[50] = if event.data[50] == b'A' { b'B' } else { b'A' },
        |event| event.data[14] ^= 1,
        |event| event.id = message(9, "").id,
        |event| event.kind = "interaction.message_sent".to_owned(),
        |event| event.meta.subject = None,
        |event| {
            event.data.truncate(40);
        },
    ];
    for (number, change) in tampered.into_iter().enumerate() {
        let (log, below) = changed(change);
        below
            .append_now(
                stream(),
                vec![about(None, 5, "interaction.connected", "{}")],
            )
            .expect("appended");
        let page = block_on(log.read_all(Position::START, 10)).expect("readable");
        let event = &page[0].event;
        let decoded = aggregate::decode::<Fact>(&event.kind, event.version, &event.data);
        let why = decoded.expect_err(&format!("tampered in way {number}"));
        assert!(why.reason.contains("does not open"), "{why}");
        assert_eq!(page[1].event.data, b"{}");
    }
}

#[test]
fn without_the_keys_nothing_is_stored_and_reading_can_be_repeated() {
    let (log, below, keys) = in_memory();
    keys.set_unreachable(true);
    let refused = block_on(log.append(batch(Expected::NoStream, vec![message(1, "secret")])));
    assert!(
        matches!(refused, Err(AppendError::Unavailable(_))),
        "{refused:?}"
    );
    assert!(below.events().is_empty());
    keys.set_unreachable(false);
    block_on(log.append(batch(Expected::NoStream, vec![message(1, "secret")]))).expect("appended");
    let other = SealedLog::new(Arc::new(below), Arc::new(keys.clone()));
    keys.set_unreachable(true);
    assert!(block_on(other.read_all(Position::START, 10)).is_err());
    keys.set_unreachable(false);
    let page = block_on(other.read_all(Position::START, 10)).expect("readable");
    assert_eq!(page[0].event.data, message(1, "secret").data);
}

#[test]
fn a_key_that_is_missing_is_not_taken_for_a_destroyed_one() {
    let (log, below, _) = in_memory();
    block_on(log.append(batch(Expected::NoStream, vec![message(1, "secret")]))).expect("appended");
    block_on(log.check_keys()).expect("the keys belong to the log");
    let other = SealedLog::new(Arc::new(below), Arc::new(MemoryKeys::new()));
    let why = block_on(other.read_all(Position::START, 10)).expect_err("no key");
    assert!(why.0.contains(&customer().to_string()), "{why}");
    assert!(block_on(other.check_keys()).is_err());
    let (empty, _, _) = in_memory();
    block_on(empty.check_keys()).expect("a new log takes any keys");
}

#[test]
fn personal_values_of_nobody_are_refused() {
    let (log, below, _) = in_memory();
    let mut event = message(1, "secret");
    event.meta.subject = None;
    let refused = block_on(log.append(batch(Expected::NoStream, vec![event])));
    assert!(
        matches!(refused, Err(AppendError::Refused(_))),
        "{refused:?}"
    );
    assert!(below.events().is_empty());
}

#[test]
fn data_that_is_not_written_as_facts_are_is_refused() {
    let (log, below, _) = in_memory();
    for data in [
        "\"secret\"",
        "[\"secret\"]",
        "{\"te\\u0078t\":\"secret\"}",
        "{\"text\":\"a\"}{\"text\":\"secret\"}",
        "{\"$sealed\":\"AQ\",\"text\":\"secret\"}",
    ] {
        let event = about(Some(customer()), 1, "interaction.message_received", data);
        let refused = block_on(log.append(batch(Expected::NoStream, vec![event])));
        assert!(
            matches!(refused, Err(AppendError::Refused(_))),
            "{data}: {refused:?}"
        );
    }
    assert!(below.events().is_empty());
}

#[test]
fn an_event_that_is_too_large_once_sealed_is_refused() {
    let (log, below, _) = in_memory();
    let event = message(1, &"x".repeat(MAX_EVENT_BYTES - 100));
    assert!(event.data.len() <= MAX_EVENT_BYTES);
    let refused = block_on(log.append(batch(Expected::NoStream, vec![event])));
    assert!(
        matches!(refused, Err(AppendError::Refused(_))),
        "{refused:?}"
    );
    assert!(below.events().is_empty());
}

#[test]
fn events_from_before_sealing_are_read_as_they_are() {
    let (log, below, _) = in_memory();
    let old = message(1, "in the clear");
    below
        .append_now(stream(), vec![old.clone()])
        .expect("appended");
    let page = block_on(log.read_all(Position::START, 10)).expect("readable");
    assert_eq!(page[0].event, old);
}
