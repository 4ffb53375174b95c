//! A copy is made while the log is written, is complete up to a position, and comes back.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests: what goes wrong shall fail the test"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use rapport_domain::event::{Position, Recorded};
use rapport_domain::port::log::{Batch, EventLog, Expected};
use rapport_domain::testing::block_on;
use rapport_domain::testing::log_contract::{event, stream};
use rapport_event_log::verify::Quiet;
use rapport_event_log::{BackupError, EmbeddedLog, copy_database};

fn append(log: &EmbeddedLog, numbers: std::ops::Range<u128>) {
    for number in numbers {
        block_on(log.append(Batch {
            stream: stream(number),
            expected: Expected::NoStream,
            events: (0..20).map(|part| event(number * 100 + part)).collect(),
        }))
        .unwrap();
    }
}

fn everything(log: &EmbeddedLog) -> Vec<Recorded> {
    block_on(log.read_all(Position::START, usize::MAX)).unwrap()
}

#[test]
fn a_backup_of_a_busy_log_is_consistent_at_a_position_and_is_restored_into_an_empty_folder() {
    let home = tempfile::tempdir().unwrap();
    let [data, copy, back] = ["data", "copy", "back"].map(|name| home.path().join(name));
    let log = EmbeddedLog::open(&data).unwrap();
    append(&log, 0..300);
    let (stop, written) = (AtomicBool::new(false), AtomicU64::new(300));
    let backup = thread::scope(|scope| {
        scope.spawn(|| {
            for number in 300.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                append(&log, number..number + 1);
                written.fetch_add(1, Ordering::Relaxed);
            }
        });
        let mut shown = Vec::new();
        let backup = EmbeddedLog::backup(&data, &copy, &mut |done, total| {
            // The writer gets through between two pages.
            let before = written.load(Ordering::Relaxed);
            while written.load(Ordering::Relaxed) == before {
                thread::yield_now();
            }
            shown.push((done, total));
        })
        .unwrap();
        stop.store(true, Ordering::Relaxed);
        assert_eq!(shown.last(), Some(&(backup.position.0, backup.position.0)));
        assert!(shown.len() > 2, "{shown:?}");
        backup
    });
    assert!(
        backup.position < log.head(),
        "events came meanwhile and are not in it"
    );
    assert_eq!(
        backup.bytes,
        fs::metadata(copy.join("log.db")).unwrap().len()
    );
    let names: Vec<_> = fs::read_dir(&copy)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["log.db"], "one file is all of it");
    let mode = fs::metadata(&backup.file).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);

    let verified = EmbeddedLog::verify(
        &copy,
        &backup.mark.into_iter().collect::<Vec<_>>(),
        &mut Quiet,
    )
    .unwrap();
    assert_eq!(verified.faults, []);
    assert_eq!(verified.chain.map(|chain| chain.mark), backup.mark);

    let restored = EmbeddedLog::restore(&copy, &back, &[], &mut |_, _| {}).unwrap();
    assert_eq!(
        (restored.events, restored.head),
        (backup.position.0, backup.position)
    );
    let again = EmbeddedLog::open(&back).unwrap();
    let mut expected = everything(&log);
    expected.truncate(usize::try_from(backup.position.0).unwrap());
    assert_eq!(everything(&again), expected);
    // It goes on where the copy ended, and the chain with it.
    append(&again, 90_000..90_003);
    drop(again);
    let verified = EmbeddedLog::verify(
        &back,
        &backup.mark.into_iter().collect::<Vec<_>>(),
        &mut Quiet,
    )
    .unwrap();
    assert_eq!(
        (verified.faults.len(), verified.events),
        (0, backup.position.0 + 60)
    );
}

#[test]
fn a_backup_overwrites_nothing_and_nothing_is_restored_over_anything() {
    let home = tempfile::tempdir().unwrap();
    let [data, copy, back] = ["data", "copy", "back"].map(|name| home.path().join(name));
    append(&EmbeddedLog::open(&data).unwrap(), 0..3);
    EmbeddedLog::backup(&data, &copy, &mut |_, _| {}).unwrap();
    let second = EmbeddedLog::backup(&data, &copy, &mut |_, _| {});
    assert!(matches!(second, Err(BackupError::Exists(_))), "{second:?}");

    fs::create_dir(&back).unwrap();
    fs::write(back.join("notes.txt"), "mine").unwrap();
    let refused = EmbeddedLog::restore(&copy, &back, &[], &mut |_, _| {});
    assert!(
        matches!(refused, Err(BackupError::NotEmpty(_))),
        "{refused:?}"
    );
    assert_eq!(fs::read_dir(&back).unwrap().count(), 1);

    let nothing = EmbeddedLog::backup(
        &home.path().join("nowhere"),
        &home.path().join("new"),
        &mut |_, _| {},
    );
    assert!(
        nothing
            .unwrap_err()
            .to_string()
            .contains("there is no log at")
    );
}

#[test]
fn a_log_that_is_not_intact_is_neither_backed_up_nor_restored_and_leaves_nothing_behind() {
    let home = tempfile::tempdir().unwrap();
    let [data, copy, back] = ["data", "copy", "back"].map(|name| home.path().join(name));
    append(&EmbeddedLog::open(&data).unwrap(), 0..3);
    EmbeddedLog::backup(&data, &copy, &mut |_, _| {}).unwrap();
    for folder in [&data, &copy] {
        rusqlite::Connection::open(folder.join("log.db"))
            .unwrap()
            .execute_batch("UPDATE events SET data = x'00' WHERE position = 30")
            .unwrap();
    }
    let another = home.path().join("another");
    let refused = EmbeddedLog::backup(&data, &another, &mut |_, _| {}).unwrap_err();
    assert!(
        matches!(refused, BackupError::Damaged { .. }),
        "{refused:?}"
    );
    assert!(refused.to_string().contains("position 40"), "{refused}");
    assert_eq!(fs::read_dir(&another).unwrap().count(), 0);

    let refused = EmbeddedLog::restore(&copy, &back, &[], &mut |_, _| {}).unwrap_err();
    assert!(
        matches!(refused, BackupError::Damaged { .. }),
        "{refused:?}"
    );
    assert_eq!(fs::read_dir(&back).unwrap().count(), 0);
}

#[test]
fn any_database_is_copied_as_it_is_at_one_moment_while_it_is_written() {
    let home = tempfile::tempdir().unwrap();
    let (from, to) = (home.path().join("model.db"), home.path().join("copy.db"));
    let writer = rusqlite::Connection::open(&from).unwrap();
    writer
        .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE pair (a, b)")
        .unwrap();
    // Pages enough for several steps; a and b always change together.
    let fill = |value: i64| {
        writer
            .execute_batch(&format!(
                "BEGIN; DELETE FROM pair; WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n \
                 WHERE i < 8000) INSERT INTO pair SELECT {value}, printf('%d%1000s', {value}, '') FROM n; COMMIT"
            ))
            .unwrap();
    };
    fill(1);
    let mut steps = 0;
    let bytes = copy_database(&from, &to, &mut |_, _| {
        steps += 1;
        fill(steps + 1);
    })
    .unwrap();
    assert!(steps > 1, "it was copied in one step");
    assert_eq!(bytes, fs::metadata(&to).unwrap().len());
    let copy = rusqlite::Connection::open(&to).unwrap();
    let found: (i64, i64, i64) = copy
        .query_row("SELECT count(*), min(a), max(b + 0) FROM pair", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .unwrap();
    assert_eq!(found, (8_000, 1, 1), "what was there when it began");
    assert_eq!(
        fs::read_dir(home.path())
            .unwrap()
            .filter(|entry| {
                entry
                    .as_ref()
                    .unwrap()
                    .file_name()
                    .to_string_lossy()
                    .starts_with("copy.db")
            })
            .count(),
        1
    );
    assert!(matches!(
        copy_database(&from, &to, &mut |_, _| {}),
        Err(BackupError::Exists(_))
    ));
}
