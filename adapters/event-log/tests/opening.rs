//! Who may open a log, and what those who may not are told.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests: what goes wrong shall fail the test"
)]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rapport_domain::event::{Position, Revision};
use rapport_domain::port::log::{AppendError, Batch, EventLog, Expected, Subscription};
use rapport_domain::testing::log_contract::{event, stream};
use rapport_domain::testing::{block_on, join_all};
use rapport_event_log::{EmbeddedLog, OpenError};

fn batch(number: u128) -> Batch {
    Batch {
        stream: stream(number),
        expected: Expected::NoStream,
        events: vec![event(number)],
    }
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_name() != "log.lock")
        .map(|entry| {
            (
                entry.file_name().into_string().unwrap(),
                fs::read(entry.path()).unwrap(),
            )
        })
        .collect();
    files.sort();
    files
}

#[test]
fn what_was_appended_is_there_after_closing_and_opening() {
    let folder = tempfile::tempdir().unwrap();
    let nested = folder.path().join("data").join("hub");
    let log = EmbeddedLog::open(&nested).unwrap();
    let first = block_on(log.append(batch(1))).unwrap();
    block_on(log.close());
    assert_eq!(block_on(log.append(batch(2))), Err(AppendError::Closed));
    assert_eq!(
        block_on(log.read_all(Position::START, 10)).unwrap().len(),
        1,
        "reads go on"
    );

    let again = EmbeddedLog::open(&nested).unwrap();
    assert_eq!(again.head(), first.position);
    assert_eq!(
        block_on(again.append(batch(1))),
        Ok(first),
        "a retry after a restart"
    );
    let second = block_on(again.append(batch(2))).unwrap();
    assert!(second.position > first.position);
    assert_eq!(again.stats().events, 2);
    assert!(again.stats().bytes > 0);
}

#[test]
fn closing_stores_what_is_queued() {
    let folder = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(folder.path()).unwrap();
    let mut waiting: Vec<_> = (0..200).map(|number| log.append(batch(number))).collect();
    // Polled once each, the appends are in the queue; the close comes behind them.
    let polled = std::future::poll_fn(|context| {
        let answers = waiting
            .iter_mut()
            .map(|append| append.as_mut().poll(context))
            .collect::<Vec<_>>();
        std::task::Poll::Ready(answers)
    });
    let early = block_on(polled);
    block_on(join_all([log.close(), log.close()]));
    let unanswered = waiting
        .into_iter()
        .zip(early)
        .filter(|(_, early)| early.is_pending());
    let late = block_on(join_all(unanswered.map(|(append, _)| append)));
    assert!(late.iter().all(Result::is_ok), "{late:?}");
    drop(log);
    let again = EmbeddedLog::open(folder.path()).unwrap();
    assert_eq!(
        block_on(again.read_all(Position::START, 1_000))
            .unwrap()
            .len(),
        200
    );
}

#[test]
fn a_second_hub_is_told_which_folder_is_in_use_and_by_whom() {
    let folder = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(folder.path()).unwrap();
    let Err(refused) = EmbeddedLog::open(folder.path()) else {
        panic!("two writers")
    };
    let text = refused.to_string();
    let told = format!(
        "data folder {} is in use by another running hub",
        folder.path().display()
    );
    assert!(text.starts_with(&told), "{text}");
    assert!(
        text.contains(&format!("(pid {})", std::process::id())),
        "{text}"
    );
    drop(log);
    EmbeddedLog::open(folder.path()).expect("free again");
}

#[test]
fn a_log_of_a_newer_version_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    drop(EmbeddedLog::open(folder.path()).unwrap());
    let file = folder.path().join("log.db");
    rusqlite::Connection::open(&file)
        .unwrap()
        .execute_batch("PRAGMA user_version = 3")
        .unwrap();
    let before = files(folder.path());
    for opened in [
        EmbeddedLog::open(folder.path()),
        EmbeddedLog::open_read_only(folder.path()),
    ] {
        let Err(error) = opened else {
            panic!("opened a newer log")
        };
        assert!(
            matches!(
                error,
                OpenError::NewerVersion {
                    found: 3,
                    known: 2,
                    ..
                }
            ),
            "{error:?}"
        );
        assert!(error.to_string().contains("newer version"), "{error}");
        assert_eq!(fs::read(&file).unwrap(), before[0].1);
    }
}

#[test]
fn a_file_that_is_no_log_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log.db");
    fs::write(
        &file,
        "shopping list: milk, eggs, a very large amount of coffee".repeat(100),
    )
    .unwrap();
    let before = files(folder.path());
    let Err(error) = EmbeddedLog::open(folder.path()) else {
        panic!("opened a shopping list")
    };
    assert!(matches!(error, OpenError::NotALog { .. }), "{error:?}");
    assert_eq!(files(folder.path()), before);

    fs::remove_file(&file).unwrap();
    rusqlite::Connection::open(&file)
        .unwrap()
        .execute_batch("CREATE TABLE cake (id)")
        .unwrap();
    let Err(error) = EmbeddedLog::open(folder.path()) else {
        panic!("opened another database")
    };
    assert!(matches!(error, OpenError::NotALog { .. }), "{error:?}");
}

#[test]
fn a_half_made_log_of_a_crash_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("log.db.creating"), "half").unwrap();
    let log = EmbeddedLog::open(folder.path()).unwrap();
    block_on(log.append(batch(1))).unwrap();
    assert!(!folder.path().join("log.db.creating").exists());
}

#[test]
fn a_reader_beside_the_hub_follows_it_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let Err(error) = EmbeddedLog::open_read_only(folder.path()) else {
        panic!("read nothing")
    };
    assert!(matches!(error, OpenError::Missing { .. }), "{error:?}");

    let log = EmbeddedLog::open(folder.path()).unwrap();
    block_on(log.append(batch(0))).unwrap();
    let beside = EmbeddedLog::open_read_only(folder.path()).unwrap();
    assert_eq!(beside.head(), log.head());
    assert!(matches!(
        block_on(beside.append(batch(9))),
        Err(AppendError::Refused(_))
    ));
    let read = std::thread::spawn(move || {
        let mut seen = Vec::new();
        let mut subscription = Subscription::new(&beside, Position::START, 10);
        while seen.len() < 30 {
            seen.extend(block_on(subscription.next()).unwrap());
        }
        seen
    });
    for number in 1..30 {
        block_on(log.append(batch(number))).unwrap();
    }
    assert_eq!(
        read.join().unwrap(),
        block_on(log.read_all(Position::START, 100)).unwrap()
    );
}

#[test]
fn a_log_that_is_closed_can_be_read_without_a_hub() {
    let folder = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(folder.path()).unwrap();
    block_on(log.append(batch(1))).unwrap();
    drop(log);
    let alone = EmbeddedLog::open_read_only(folder.path()).unwrap();
    assert_eq!(
        block_on(alone.read_stream(stream(1), Revision::FIRST, 10))
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn the_write_ahead_log_stays_bounded_while_events_keep_coming() {
    let folder = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(folder.path()).unwrap();
    let wal = folder.path().join("log.db-wal");
    let mut number = 0;
    // Some 100 MiB: three times what the write-ahead log may hold.
    for to in 0..100_u128 {
        let events = (0..16).map(|_| {
            number += 1;
            rapport_domain::event::NewEvent {
                data: vec![b'x'; 64 * 1_024],
                ..event(number)
            }
        });
        let batch = Batch {
            stream: stream(to),
            expected: Expected::NoStream,
            events: events.collect(),
        };
        block_on(log.append(batch)).unwrap();
    }
    let size = fs::metadata(&wal).unwrap().len();
    assert!(size < 48 << 20, "the write-ahead log has {size} bytes");

    // At rest everything is moved over; that shows as a database that holds the events.
    let file = folder.path().join("log.db");
    let patience = Instant::now() + Duration::from_secs(20);
    while fs::metadata(&file).unwrap().len() < 100 << 20 {
        assert!(Instant::now() < patience, "no checkpoint at rest");
        std::thread::yield_now();
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn what_is_created_is_for_nobody_else_to_read() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("hub").join("data");
    let log = EmbeddedLog::open(&data).unwrap();
    block_on(log.append(batch(1))).unwrap();
    assert_eq!((mode(&data), mode(data.parent().unwrap())), (0o700, 0o700));
    let names: Vec<String> = fs::read_dir(&data)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(names.iter().any(|name| name == "log.db-wal"), "{names:?}");
    for name in names {
        assert_eq!(mode(&data.join(&name)), 0o600, "{name}");
    }
    block_on(log.close());
}

#[test]
fn a_log_that_others_could_read_is_taken_from_them_and_the_folder_stays_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let open = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    let log = EmbeddedLog::open(folder.path()).unwrap();
    block_on(log.append(batch(1))).unwrap();
    block_on(log.close());
    drop(log);
    let file = folder.path().join("log.db");
    open(folder.path(), 0o755);
    open(&file, 0o644);
    let log = EmbeddedLog::open(folder.path()).unwrap();
    block_on(log.append(batch(2))).unwrap();
    assert_eq!((mode(&file), mode(folder.path())), (0o600, 0o755));
    for name in ["log.db-wal", "log.db-shm"] {
        assert_eq!(mode(&folder.path().join(name)), 0o600, "{name}");
    }
    block_on(log.close());
}
