//! Once a key is destroyed nothing personal can be read or written, and everything else stays.

use rapport_domain::aggregate;
use rapport_domain::event::{Category, Position, Recorded, Revision, Stream};
use rapport_domain::interaction::Fact;
use rapport_domain::port::keys::Keys;
use rapport_domain::port::log::{EventLog, Expected};
use rapport_domain::private::FORGOTTEN;
use rapport_domain::testing::block_on;
use rapport_domain::time::Timestamp;
use rapport_event_log::SealedLog;
use std::sync::Arc;

use super::{about, batch, customer, in_memory, message};

fn texts(log: &SealedLog) -> Vec<String> {
    let page = block_on(log.read_all(Position::START, 100)).expect("readable");
    page.iter().map(text).collect()
}

fn text(recorded: &Recorded) -> String {
    let event = &recorded.event;
    match aggregate::decode(&event.kind, event.version, &event.data).expect("a fact") {
        Fact::MessageReceived { text, .. } => {
            assert_eq!(text.is_forgotten(), text.expose() == FORGOTTEN);
            text.expose().clone()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_was_said_by_somebody_forgotten_reads_as_forgotten() {
    let (log, _, _) = in_memory();
    block_on(log.append(batch(Expected::NoStream, vec![message(1, "secret")]))).expect("appended");
    assert_eq!(texts(&log), ["secret"]);
    block_on(log.destroy(customer(), Timestamp::default())).expect("destroyed");
    assert_eq!(texts(&log), [FORGOTTEN]);
}

#[test]
fn what_is_appended_about_somebody_forgotten_is_stored_without_what_is_personal() {
    let (log, below, keys) = in_memory();
    block_on(keys.destroy(customer(), Timestamp::default())).expect("destroyed");
    let appended = block_on(log.append(batch(Expected::NoStream, vec![message(1, "secret")])));
    assert!(appended.is_ok());
    assert_eq!(texts(&log), [FORGOTTEN]);
    let stored = String::from_utf8(below.events().remove(0).event.data).expect("JSON");
    assert!(
        !stored.contains("secret") && !stored.contains("$sealed"),
        "{stored}"
    );
}

#[test]
fn another_node_forgets_the_key_when_it_reads_that_the_customer_is_forgotten() {
    let (log, below, keys) = in_memory();
    let other = SealedLog::new(Arc::new(below), Arc::new(keys));
    block_on(log.append(batch(Expected::NoStream, vec![message(1, "secret")]))).expect("appended");
    assert_eq!(texts(&other), ["secret"]);
    block_on(log.destroy(customer(), Timestamp::default())).expect("destroyed");
    let mut erased = batch(
        Expected::NoStream,
        vec![about(None, 2, "customer.erased", "{}")],
    );
    erased.stream = Stream::new(Category::Customer, customer().as_uuid());
    let told = block_on(log.append(erased)).expect("appended");
    let before = Position(told.position.0 - 1);
    block_on(other.read_all(before, 10)).expect("readable");
    let again = block_on(other.read_all(Position::START, 1)).expect("readable");
    assert_eq!(text(&again[0]), FORGOTTEN);
}

#[test]
fn values_that_were_not_there_are_not_forgotten() {
    let (log, _, _) = in_memory();
    let data =
        r#"{"agent":"00000000-0000-0000-0000-000000000001","disposition":"solved","note":null}"#;
    let event = about(Some(customer()), 1, "interaction.disposition_set", data);
    block_on(log.append(batch(Expected::NoStream, vec![event]))).expect("appended");
    block_on(log.destroy(customer(), Timestamp::default())).expect("destroyed");
    let page = block_on(log.read_all(Position::START, 1)).expect("readable");
    assert_eq!(page[0].event.data, data.as_bytes());
    assert_eq!(page[0].revision, Revision::FIRST);
}
