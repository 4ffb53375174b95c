//! The chain of hashes: what is appended is covered, what is changed afterwards is found, and older logs get a chain.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests: what goes wrong shall fail the test"
)]

use std::fs;
use std::path::Path;

use rapport_domain::event::{Position, Recorded, Revision};
use rapport_domain::port::log::{AppendError, Batch, EventLog, Expected};
use rapport_domain::testing::log_contract::{event, stream};
use rapport_domain::testing::{MemoryLog, block_on, join_all};
use rapport_event_log::verify::{Quiet, Verified, Watch, What};
use rapport_event_log::{EmbeddedLog, Mark, OpenError};

/// Five streams of three events in ten transactions, and answers that store nothing in between.
fn fill(log: &dyn EventLog) {
    for number in 0..5_u128 {
        let batch = |expected, ids: std::ops::Range<u128>| Batch {
            stream: stream(number),
            expected,
            events: ids.map(|id| event(number * 10 + id)).collect(),
        };
        let first = block_on(log.append(batch(Expected::NoStream, 0..2))).unwrap();
        let conflict = block_on(log.append(batch(Expected::NoStream, 5..6)));
        assert!(matches!(conflict, Err(AppendError::Conflict { .. })));
        assert_eq!(
            block_on(log.append(batch(Expected::NoStream, 0..2))),
            Ok(first)
        );
        block_on(log.append(batch(Expected::Exact(Revision(1)), 2..3))).unwrap();
    }
}

fn filled(folder: &Path) {
    let log = EmbeddedLog::open(folder).unwrap();
    fill(&log);
    block_on(log.close());
}

fn verify(folder: &Path) -> Verified {
    EmbeddedLog::verify(folder, &[], &mut Quiet).unwrap()
}

fn sql(folder: &Path, statements: &str) {
    rusqlite::Connection::open(folder.join("log.db"))
        .unwrap()
        .execute_batch(statements)
        .unwrap();
}

fn kinds(verified: &Verified) -> Vec<(Option<u64>, &What)> {
    verified
        .faults
        .iter()
        .map(|fault| (fault.position.map(|position| position.0), &fault.what))
        .collect()
}

#[test]
fn every_transaction_adds_a_link_and_answers_that_store_nothing_add_none() {
    let folder = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(folder.path()).unwrap();
    let empty = EmbeddedLog::mark(folder.path()).unwrap().unwrap();
    assert_eq!(empty.position, Position::START);
    fill(&log);
    // Requests of one group share a link, also when one of them is undone in the middle of it.
    let group = [(50, 100), (51, 101), (52, 0), (53, 102)].map(|(to, id)| {
        log.append(Batch {
            stream: stream(to),
            expected: Expected::NoStream,
            events: vec![event(id + 1_000), event(if id == 0 { 0 } else { id })],
        })
    });
    let answers = block_on(join_all(group));
    assert_eq!(
        answers.iter().map(Result::is_ok).collect::<Vec<_>>(),
        [true, true, false, true],
        "{answers:?}"
    );
    // While it is being written to, and after it was closed.
    let running = verify(folder.path());
    block_on(log.close());
    assert_eq!(running, verify(folder.path()));
    assert_eq!(running.faults, []);
    assert_eq!((running.events, running.head), (21, Position(21)));
    let chain = running.chain.unwrap();
    assert_eq!(chain.after, Position::START);
    assert!((11..=14).contains(&chain.links), "{chain:?}");
    assert_eq!(Some(chain.mark), EmbeddedLog::mark(folder.path()).unwrap());
    assert_ne!(chain.mark.hash, empty.hash);
}

#[test]
fn two_logs_with_the_same_events_have_different_chains() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    filled(one.path());
    filled(other.path());
    let [one, other] =
        [one, other].map(|folder| EmbeddedLog::mark(folder.path()).unwrap().unwrap());
    assert_eq!(one.position, other.position);
    assert_ne!(one.hash, other.hash);
}

#[test]
fn whatever_is_changed_in_the_file_is_found_where_it_is() {
    let missing = |from| What::Missing(Position(from));
    let revision = |expected, found| What::Revision {
        stream: stream(1),
        expected: Revision(expected),
        found: Revision(found),
    };
    // Positions 4, 5 and 6 are stream 1: revisions 0 and 1 in one transaction, 2 in the next.
    type Found = Vec<(Option<u64>, What)>;
    let cases: [(&str, Found); 9] = [
        (
            "UPDATE events SET data = x'00' WHERE position = 4",
            vec![(Some(5), What::Hash)],
        ),
        (
            "UPDATE events SET recorded_at = recorded_at + 1 WHERE position = 6",
            vec![(Some(6), What::Hash)],
        ),
        ("UPDATE types SET name = 'other.' || name", {
            (1..=15)
                .filter(|position| position % 3 != 1)
                .map(|position| (Some(position), What::Hash))
                .collect()
        }),
        (
            "DELETE FROM events WHERE position = 5",
            vec![
                (Some(6), missing(5)),
                (Some(6), What::Hash),
                (Some(6), revision(1, 2)),
            ],
        ),
        (
            "DELETE FROM events WHERE position = 15",
            vec![(Some(15), missing(15))],
        ),
        (
            "UPDATE events SET revision = 7 WHERE position = 6",
            vec![(Some(6), What::Hash), (Some(6), revision(2, 7))],
        ),
        (
            "UPDATE links SET hash = zeroblob(32) WHERE last_position = 5",
            { vec![(Some(5), What::Hash), (Some(6), What::Hash)] },
        ),
        (
            "DELETE FROM links WHERE last_position = 5",
            vec![(Some(6), What::Hash)],
        ),
        (
            "DELETE FROM links WHERE last_position = 15",
            vec![(Some(15), What::NoLink)],
        ),
    ];
    for (change, expected) in cases {
        let folder = tempfile::tempdir().unwrap();
        filled(folder.path());
        assert_eq!(verify(folder.path()).faults, []);
        sql(folder.path(), change);
        let found = verify(folder.path());
        let expected: Vec<_> = expected.iter().map(|(at, what)| (*at, what)).collect();
        assert_eq!(kinds(&found), expected, "{change}");
    }
}

#[test]
fn a_log_that_was_cut_with_its_chain_is_found_by_a_hash_noted_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path());
    let noted: Mark = EmbeddedLog::mark(folder.path())
        .unwrap()
        .unwrap()
        .to_string()
        .parse()
        .unwrap();
    let with_note = || EmbeddedLog::verify(folder.path(), &[noted], &mut Quiet).unwrap();
    assert!(with_note().is_intact());
    sql(
        folder.path(),
        "DELETE FROM events WHERE position > 12; DELETE FROM links WHERE last_position > 12",
    );
    assert!(
        verify(folder.path()).is_intact(),
        "by itself it looks like a shorter log"
    );
    assert_eq!(kinds(&with_note()), [(Some(15), &What::NotAsNoted)]);
    // Also when it has grown beyond that place again.
    let log = EmbeddedLog::open(folder.path()).unwrap();
    let again = Batch {
        stream: stream(90),
        expected: Expected::NoStream,
        events: (900..906).map(event).collect(),
    };
    block_on(log.append(again)).unwrap();
    drop(log);
    assert!(verify(folder.path()).is_intact());
    assert_eq!(kinds(&with_note()), [(Some(15), &What::NotAsNoted)]);
}

#[test]
fn a_damaged_index_or_page_is_found() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path());
    sql(
        folder.path(),
        "PRAGMA writable_schema = ON; \
         UPDATE sqlite_schema SET sql = 'CREATE UNIQUE INDEX events_by_id ON events (revision)' \
         WHERE name = 'events_by_id'; PRAGMA writable_schema = RESET",
    );
    let faults = verify(folder.path()).faults;
    assert!(
        faults.iter().any(
            |fault| matches!(&fault.what, What::Database(text) if text.contains("events_by_id"))
        ),
        "{faults:?}"
    );

    let folder = tempfile::tempdir().unwrap();
    filled(folder.path());
    let file = folder.path().join("log.db");
    let mut bytes = fs::read(&file).unwrap();
    let end = bytes.len();
    // The last page, garbled: 8 KiB of nonsense.
    bytes[end - 8_192..].fill(0x5a);
    fs::write(&file, bytes).unwrap();
    let faults = verify(folder.path()).faults;
    assert!(
        faults
            .iter()
            .any(|fault| matches!(fault.what, What::Database(_))),
        "{faults:?}"
    );
}

/// Refuses one event.
struct Picky;

impl Watch for Picky {
    fn event(&mut self, event: &Recorded) -> Result<(), String> {
        if (event.stream, event.revision) == (stream(2), Revision::FIRST) {
            Err("not to my liking".to_owned())
        } else {
            Ok(())
        }
    }
}

#[test]
fn whoever_watches_is_told_of_every_event_and_may_find_faults() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path());
    let found = EmbeddedLog::verify(folder.path(), &[], &mut Picky).unwrap();
    let expected = What::Content("not to my liking".to_owned());
    assert_eq!(kinds(&found), [(Some(7), &expected)]);
    assert_eq!(found.faults[0].to_string(), "position 7: not to my liking");

    // The check for any engine tells the same of another one.
    let memory = MemoryLog::new();
    fill(&memory);
    let found = block_on(rapport_event_log::verify::verify(&memory, &mut Picky)).unwrap();
    assert_eq!((found.events, found.chain), (15, None));
    assert_eq!(found.faults.len(), 1);
    assert_eq!(found.faults[0].what, expected);
}

/// A log as the first versions wrote it.
fn of_format_1(folder: &Path) {
    let file = rusqlite::Connection::open(folder.join("log.db")).unwrap();
    file.execute_batch("PRAGMA page_size = 8192; PRAGMA journal_mode = WAL")
        .unwrap();
    file.execute_batch(include_str!("../../../migrations/log/0001_init.sql"))
        .unwrap();
    file.execute_batch(
        "INSERT INTO streams VALUES (1, 'interaction', x'00000000000000000000000000000001'); \
         INSERT INTO types VALUES (1, 'interaction.started'); \
         INSERT INTO events VALUES \
         (1, 1, 0, x'00000000000000000000000000000001', 1, 1, 5, \
         CAST('{\"tenant\":\"00000000-0000-0000-0000-000000000001\",\"actor\":{\"kind\":\"system\"},\
         \"correlation\":\"00000000-0000-0000-0000-000000000001\"}' AS BLOB), x'7b7d'); \
         PRAGMA application_id = 0x524c6f67; PRAGMA user_version = 1",
    )
    .unwrap();
}

#[test]
fn a_log_of_format_1_gets_a_chain_that_begins_after_what_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    of_format_1(folder.path());
    let before = verify(folder.path());
    assert_eq!(
        (before.events, before.chain, before.faults.len()),
        (1, None, 0),
        "{before:?}"
    );
    assert_eq!(EmbeddedLog::mark(folder.path()).unwrap(), None);

    let log = EmbeddedLog::open(folder.path()).unwrap();
    assert_eq!(log.head(), Position(1));
    block_on(log.append(Batch {
        stream: stream(2),
        expected: Expected::NoStream,
        events: vec![event(2), event(3)],
    }))
    .unwrap();
    drop(log);
    let after = verify(folder.path());
    let chain = after.chain.unwrap();
    assert_eq!((after.events, after.faults.len()), (3, 0), "{after:?}");
    assert_eq!((chain.after, chain.links), (Position(1), 1));
    sql(
        folder.path(),
        "UPDATE events SET data = x'00' WHERE position = 3",
    );
    assert_eq!(kinds(&verify(folder.path())), [(Some(3), &What::Hash)]);
}

#[test]
fn a_hub_does_not_write_on_where_events_and_chain_end_in_different_places() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path());
    sql(folder.path(), "DELETE FROM events WHERE position > 14");
    let Err(error) = EmbeddedLog::open(folder.path()) else {
        panic!("wrote on")
    };
    assert!(matches!(error, OpenError::Damaged { .. }), "{error:?}");
    let text = error.to_string();
    assert!(
        text.contains("position 14")
            && text.contains("ends at 15")
            && text.contains("rapport log verify"),
        "{text}"
    );
}
