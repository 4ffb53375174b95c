//! Nothing that was acknowledged is lost: the process is killed, or the disk fails, and the log is opened again.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests: what goes wrong shall fail the test"
)]

use std::collections::HashMap;
use std::env;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use rapport_domain::event::{NewEvent, Position, Recorded, Revision, Stream};
use rapport_domain::port::log::{AppendError, Batch, EventLog, Expected};
use rapport_domain::testing::log_contract::{event, stream};
use rapport_domain::testing::{block_on, join_all};
use rapport_event_log::EmbeddedLog;

/// Set in the child: the test runs itself again, with the data folder in here.
const CHILD: &str = "RAPPORT_TEST_LOG_FOLDER";

fn run_again(test: &str, folder: &Path) -> Child {
    Command::new(env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(CHILD, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn read_everything(log: &EmbeddedLog) -> Vec<Recorded> {
    let mut all: Vec<Recorded> = Vec::new();
    loop {
        let after = all.last().map_or(Position::START, |event| event.position);
        let page = block_on(log.read_all(after, 1_000)).unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

/// Appends from several threads until killed, and tells of every acknowledgement.
fn append_until_killed(folder: &Path) {
    let log = Arc::new(EmbeddedLog::open(folder).unwrap());
    // Ids and streams of this life are new: they start where the last one ended.
    let base = u128::from(log.head().0) * 1_000_000;
    let writers: Vec<_> = (0..6_u128)
        .map(|writer| {
            let log = Arc::clone(&log);
            thread::spawn(move || {
                let mut number = base + writer * 100_000;
                loop {
                    let to = stream(number);
                    let mut expected = Expected::NoStream;
                    for size in [1, 3, 1, 40] {
                        let events = (0..size).map(|_| {
                            number += 1;
                            NewEvent {
                                data: number.to_string().repeat(30).into_bytes(),
                                ..event(number)
                            }
                        });
                        let events: Vec<NewEvent> = events.collect();
                        let last = events.last().unwrap().id;
                        let appended = block_on(log.append(Batch {
                            stream: to,
                            expected,
                            events,
                        }))
                        .unwrap();
                        println!(
                            "ack {to} {} {} {last}",
                            appended.revision.0, appended.position.0
                        );
                        expected = Expected::Exact(appended.revision);
                    }
                }
            })
        })
        .collect();
    writers
        .into_iter()
        .for_each(|writer| writer.join().unwrap());
}

#[test]
fn every_acknowledged_event_survives_sigkill_at_any_moment() {
    if let Some(folder) = env::var_os(CHILD) {
        return append_until_killed(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged: Vec<String> = Vec::new();
    for life in 0..6_u32 {
        let mut child = run_again(
            "every_acknowledged_event_survives_sigkill_at_any_moment",
            folder.path(),
        );
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let nanos = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .subsec_nanos();
        let moment = 1 + (nanos / 1_000) as usize % 700;
        let mut lines: Vec<String> = output
            .by_ref()
            .lines()
            .map(Result::unwrap)
            .filter(|line| line.starts_with("ack "))
            .take(moment)
            .collect();
        assert_eq!(lines.len(), moment, "the child ended by itself");
        child.kill().unwrap();
        child.wait().unwrap();
        // What it said before it died counts, too; a last line cut off was not said.
        let mut rest = String::new();
        output.read_to_string(&mut rest).unwrap();
        lines.extend(
            rest.split_inclusive('\n')
                .filter(|line| line.ends_with('\n'))
                .map(|line| line.trim().to_owned()),
        );
        acknowledged.append(&mut lines);

        let log = EmbeddedLog::open(folder.path()).unwrap();
        let all = read_everything(&log);
        let mut ends: HashMap<Stream, u64> = HashMap::new();
        for (place, stored) in (1..).zip(&all) {
            assert_eq!(stored.position, Position(place), "a gap in life {life}");
            let next = ends.entry(stored.stream).or_default();
            assert_eq!(
                stored.revision,
                Revision(*next),
                "a gap in {}",
                stored.stream
            );
            *next += 1;
        }
        for (_, end) in ends {
            assert!([1, 4, 5, 45].contains(&end), "half a batch: {end} events");
        }
        for line in &acknowledged {
            let [_, stream, revision, position, id] = line.split(' ').collect::<Vec<_>>()[..]
            else {
                panic!("not an acknowledgement: {line}");
            };
            let stored = &all[position.parse::<usize>().unwrap() - 1];
            let found = (
                stored.stream.to_string(),
                stored.revision.0.to_string(),
                stored.event.id.to_string(),
            );
            assert_eq!(
                found,
                (stream.to_owned(), revision.to_owned(), id.to_owned()),
                "lost: {line}"
            );
        }
    }
    assert!(acknowledged.len() > 6);
}

fn limit_file_size(bytes: libc::rlim_t) {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: both calls get a valid, initialised structure and keep no pointer to it.
    unsafe {
        assert_eq!(libc::getrlimit(libc::RLIMIT_FSIZE, &mut limit), 0);
        limit.rlim_cur = bytes.min(limit.rlim_max);
        assert_eq!(libc::setrlimit(libc::RLIMIT_FSIZE, &limit), 0);
        // Writing beyond the limit shall fail instead of ending the process.
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
    }
}

/// A disk that takes no more is played by the limit of file sizes, which holds for one process: hence a child.
fn append_with_a_disk_that_fails(folder: &Path) {
    let log = EmbeddedLog::open(folder).unwrap();
    let batch = |to: u128, expected, number: u128| {
        let events = vec![NewEvent {
            data: vec![b'x'; 200_000],
            ..event(number)
        }];
        Batch {
            stream: stream(to),
            expected,
            events,
        }
    };
    let first = block_on(log.append(batch(1, Expected::NoStream, 1))).unwrap();
    let second = || batch(1, Expected::Exact(Revision(0)), 2);
    let wal = std::fs::metadata(folder.join("log.db-wal")).unwrap().len();
    for attempt in 0..3_u64 {
        limit_file_size(wal + 10_000 * attempt);
        let failed = block_on(join_all([
            log.append(second()),
            log.append(batch(2, Expected::NoStream, 3)),
        ]));
        for answer in failed {
            assert!(matches!(answer, Err(AppendError::Unknown(_))), "{answer:?}");
        }
        assert_eq!(log.head(), first.position, "nothing was published");
        assert_eq!(read_everything(&log).len(), 1);
    }
    limit_file_size(libc::RLIM_INFINITY);
    let retried = block_on(log.append(second())).unwrap();
    assert_eq!(retried.revision, Revision(1));
    assert!(retried.position > first.position);
    assert_eq!(
        block_on(log.append(second())),
        Ok(retried),
        "a retry of the retry"
    );
    assert_eq!(read_everything(&log).len(), 2);
    println!("done");
}

#[test]
fn after_an_unknown_outcome_a_retry_with_the_same_ids_stores_once() {
    if let Some(folder) = env::var_os(CHILD) {
        return append_with_a_disk_that_fails(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    let child = run_again(
        "after_an_unknown_outcome_a_retry_with_the_same_ids_stores_once",
        folder.path(),
    );
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.lines().any(|line| line.ends_with("done")),
        "{said}"
    );
    let log = EmbeddedLog::open(folder.path()).unwrap();
    assert_eq!(read_everything(&log).len(), 2);
}

#[test]
fn another_process_is_refused_while_the_hub_runs_and_served_when_it_was_killed() {
    const NAME: &str =
        "another_process_is_refused_while_the_hub_runs_and_served_when_it_was_killed";
    if let Some(folder) = env::var_os(CHILD) {
        return append_until_killed(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    let mut child = run_again(NAME, folder.path());
    let mut output = BufReader::new(child.stdout.take().unwrap());
    assert!(
        output
            .by_ref()
            .lines()
            .map(Result::unwrap)
            .any(|line| line.starts_with("ack "))
    );
    let Err(refused) = EmbeddedLog::open(folder.path()) else {
        panic!("two writers")
    };
    assert!(
        refused
            .to_string()
            .contains(&format!("(pid {})", child.id())),
        "{refused}"
    );
    let beside = EmbeddedLog::open_read_only(folder.path()).expect("a reader is welcome");
    assert!(beside.head() > Position::START);
    // The child goes on appending, and only its commits can end this.
    drop(thread::spawn(move || output.bytes().count()));
    let before = beside.head();
    assert!(block_on(beside.wait_past(before)) > before);
    drop(beside);
    child.kill().unwrap();
    child.wait().unwrap();
    EmbeddedLog::open(folder.path()).expect("the kernel gave the lock free");
}
