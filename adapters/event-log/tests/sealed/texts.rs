//! What is sealed comes back byte for byte and is not in what is stored.

use proptest::prelude::*;
use rapport_domain::event::{Position, Revision};
use rapport_domain::port::log::{AppendError, EventLog, Expected};
use rapport_domain::registry::{self, personal};
use rapport_domain::testing::block_on;
use rapport_event_log::SealedLog;

use super::{about, batch, customer, in_memory, message, stream};

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn read(log: &SealedLog) -> Vec<Vec<u8>> {
    let page = block_on(log.read_all(Position::START, 5_000)).expect("readable");
    page.into_iter().map(|one| one.event.data).collect()
}

proptest! {
    #[test]
    fn any_text_comes_back_is_not_in_what_is_stored_and_can_be_sent_again(
        text in prop_oneof![".{6,80}", "[\\PC\\n\\t\"\\\\]{6,400}", "[0-9+]{6,15}"],
        spaced in any::<bool>(),
    ) {
        let (log, below, _) = in_memory();
        let mut event = message(1, &text);
        if spaced {
            // Not as facts are written, yet it is to come back as it was.
            event.data = format!("{{ \"text\" : {} ,\n\"message\":null}} ", serde_json::json!(text)).into_bytes();
        }
        let first = block_on(log.append(batch(Expected::NoStream, vec![event.clone()])));
        prop_assert!(first.is_ok(), "{:?}", first);
        prop_assert_eq!(read(&log), vec![event.data.clone()]);
        let again = block_on(log.append(batch(Expected::NoStream, vec![event])));
        prop_assert_eq!(again, first);
        let stored = below.events().remove(0).event.data;
        let written = serde_json::json!(text).to_string();
        prop_assert!(!contains(&stored, &written.as_bytes()[1..written.len() - 1]));
        prop_assert!(serde_json::from_slice::<serde_json::Value>(&stored).is_ok());
    }
}

#[test]
fn every_fact_comes_back_as_it_was_and_hides_what_is_personal() {
    let (log, below, _) = in_memory();
    let mut expected = Vec::new();
    let mut sealed = 0;
    for (number, fact) in (0..).zip(registry::examples()) {
        let encoded = fact.encode().expect("written");
        let text = String::from_utf8(encoded.data).expect("JSON");
        let event = about(Some(customer()), number + 1, &encoded.kind, &text);
        let before = Expected::after((number > 0).then(|| Revision(number as u64 - 1)));
        block_on(log.append(batch(before, vec![event.clone()]))).expect("appended");
        let stored = below.events().pop().expect("stored").event.data;
        let mut data: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        for path in personal::paths(&encoded.kind, encoded.version) {
            let value = path.iter().fold(&mut data, |inner, key| &mut inner[*key]);
            let private = value.as_str().expect("a text").as_bytes().to_vec();
            assert!(!contains(&stored, &private), "{}", encoded.kind);
            *value = serde_json::Value::Null;
            sealed += 1;
        }
        // What is left readable is the fact as it was.
        let mut left: serde_json::Value = serde_json::from_slice(&stored).expect("JSON");
        if let Some(fields) = left.as_object_mut() {
            fields.remove("$sealed");
        }
        assert_eq!(left, data);
        expected.push(event.data);
    }
    assert!(sealed >= 10);
    assert_eq!(read(&log), expected);
}

#[test]
fn a_large_page_is_opened_beside_the_runtime() {
    let (log, _, _) = in_memory();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let events: Vec<_> = (1..=1_000).map(|number| message(number, "hello")).collect();
        let data: Vec<_> = events.iter().map(|event| event.data.clone()).collect();
        log.append(batch(Expected::NoStream, events))
            .await
            .expect("appended");
        let page = log
            .read_stream(stream(), Revision::FIRST, 1_000)
            .await
            .expect("readable");
        let read: Vec<_> = page.into_iter().map(|one| one.event.data).collect();
        assert_eq!(read, data);
    });
}

#[test]
fn the_same_words_look_different_in_every_event() {
    let (log, below, _) = in_memory();
    let events = vec![message(1, "the same"), message(2, "the same")];
    block_on(log.append(batch(Expected::NoStream, events))).expect("appended");
    let stored: Vec<_> = below
        .events()
        .into_iter()
        .map(|one| one.event.data)
        .collect();
    assert_ne!(stored[0][12..60], stored[1][12..60]);
}

#[test]
fn other_words_under_the_same_id_are_not_taken_for_a_retry() {
    let (log, _, _) = in_memory();
    block_on(log.append(batch(Expected::NoStream, vec![message(1, "yes")]))).expect("appended");
    let other = block_on(log.append(batch(Expected::NoStream, vec![message(1, "no!")])));
    assert!(matches!(other, Err(AppendError::Refused(_))), "{other:?}");
}
