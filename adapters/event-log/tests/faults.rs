//! Disks and folders that are not as they should be: each is told in words that name the thing and the fix, and afterwards
//! the log opens with everything that was acknowledged.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests: what goes wrong shall fail the test"
)]

use std::env;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rapport_domain::event::{NewEvent, Position, Recorded, Revision};
use rapport_domain::port::log::{AppendError, Appended, Batch, EventLog, Expected};
use rapport_domain::testing::block_on;
use rapport_domain::testing::log_contract::{event, stream};
use rapport_domain::time::Timestamp;
use rapport_event_log::verify::{Quiet, What};
use rapport_event_log::{EmbeddedLog, Mark};

/// Set in a child: the test runs itself again, with the folder in here.
const CHILD: &str = "RAPPORT_TEST_FAULTS_FOLDER";

fn batch(number: u128, bytes: usize) -> Batch {
    Batch {
        stream: stream(number),
        expected: Expected::NoStream,
        events: vec![NewEvent {
            data: vec![b'x'; bytes],
            ..event(number)
        }],
    }
}

fn append(log: &EmbeddedLog, number: u128, bytes: usize) -> Result<Appended, AppendError> {
    block_on(log.append(batch(number, bytes)))
}

fn everything(log: &EmbeddedLog) -> Vec<Recorded> {
    block_on(log.read_all(Position::START, usize::MAX)).unwrap()
}

fn refused(folder: &Path) -> String {
    match EmbeddedLog::open(folder) {
        Ok(_) => panic!("it opened"),
        Err(error) => error.to_string(),
    }
}

fn is_intact(folder: &Path) {
    let verified = EmbeddedLog::verify(folder, &[], &mut Quiet).unwrap();
    assert_eq!(verified.faults, []);
}

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Runs a test again in a child whose `folder` is a file system of its own of `size`, which nobody else sees; `false` when
/// this machine lets us have none, in a user namespace or as root.
fn on_a_small_file_system(test: &str, folder: &Path, size: &str) -> bool {
    let script = format!(
        "mount -t tmpfs -o size={size} rapport-test \"$1\" || exit 77; exec \"$2\" \"$3\" --exact --nocapture"
    );
    for namespace in ["-rm", "-m"] {
        let output = Command::new("unshare")
            .args([namespace, "sh", "-c", &script, "sh"])
            .arg(folder)
            .arg(env::current_exe().unwrap())
            .arg(test)
            .env(CHILD, folder)
            .output();
        let Ok(output) = output else { continue };
        let text = said(&output);
        if output.status.code() == Some(77) || text.contains("unshare failed") {
            continue;
        }
        assert!(
            output.status.success() && text.contains("it went through"),
            "{text}"
        );
        return true;
    }
    false
}

fn fill(filler: &Path, leave: usize) {
    let mut size = 64 << 20;
    while fs::write(filler, vec![0; size]).is_err() {
        size -= size / 16;
    }
    // What is left beside it goes, too; then so much is given back.
    fill_the_rest(filler);
    let file = fs::File::options().write(true).open(filler).unwrap();
    file.set_len((file.metadata().unwrap().len() as usize - leave) as u64)
        .unwrap();
}

/// Takes what is free, in further files beside this one.
fn fill_the_rest(filler: &Path) {
    let mut next = 0;
    for step in [64 << 10, 4 << 10] {
        loop {
            let file = filler.with_extension(next.to_string());
            next += 1;
            if !file.exists() && fs::write(file, vec![0; step]).is_err() {
                break;
            }
        }
    }
}

fn a_full_disk(folder: &Path) {
    let (data, filler) = (folder.join("data"), folder.join("filler"));
    let log = EmbeddedLog::open(&data).unwrap();
    append(&log, 1, 1_000).unwrap();
    fill(&filler, 300_000);
    let mut number = 1;
    let why = loop {
        number += 1;
        match append(&log, number, 20_000) {
            Ok(_) => {}
            Err(AppendError::Unknown(why)) => break why,
            Err(other) => panic!("{other}"),
        }
    };
    for told in [
        data.join("log.db").to_str().unwrap(),
        "the disk is full: free space",
    ] {
        assert!(why.contains(told), "{why}");
    }
    assert_eq!(
        everything(&log).len() as u128,
        number - 1,
        "all that was acknowledged"
    );
    assert_eq!(log.head(), Position(number as u64 - 1));
    // Somebody frees space: the hub goes on by itself.
    fs::remove_file(&filler).unwrap();
    append(&log, number, 20_000).unwrap();
    append(&log, number, 20_000).expect("a retry of the retry");
    let expected = everything(&log);
    assert_eq!(expected.len() as u128, number);

    // Full when it is closed, and when it starts.
    fill(&filler, 0);
    drop(log);
    match EmbeddedLog::open(&data) {
        Ok(log) => assert_eq!(everything(&log), expected),
        Err(error) => {
            let text = error.to_string();
            assert!(text.contains("the disk is full: free space"), "{text}");
        }
    }
    // Closing gives back what the write-ahead log took.
    fill_the_rest(&filler);
    let text = refused(&folder.join("another"));
    assert!(
        text.contains("another") && text.contains("the disk is full: free space"),
        "{text}"
    );
    fs::remove_file(&filler).unwrap();
    let log = EmbeddedLog::open(&data).unwrap();
    assert_eq!(everything(&log), expected);
    append(&log, number + 1, 20_000).unwrap();
    drop(log);
    is_intact(&data);
    println!("it went through");
}

#[test]
fn a_disk_that_is_full_refuses_with_a_reason_and_loses_nothing() {
    if let Some(folder) = env::var_os(CHILD) {
        return a_full_disk(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    if !on_a_small_file_system(
        "a_disk_that_is_full_refuses_with_a_reason_and_loses_nothing",
        folder.path(),
        "16m",
    ) {
        println!(
            "skipped: no file system can be mounted here; tests/crash.rs plays a full disk with a limit of file sizes \
             and tests/power_loss with writes that fail"
        );
    }
}

fn a_read_only_file_system(folder: &Path) {
    let data = folder.join("data");
    let log = EmbeddedLog::open(&data).unwrap();
    append(&log, 1, 1_000).unwrap();
    let expected = everything(&log);
    drop(log);
    let mount = |options: &str| {
        let mounted = Command::new("mount")
            .args(["-o", options])
            .arg(folder)
            .status()
            .unwrap();
        assert!(mounted.success());
    };
    mount("remount,ro");
    let text = refused(&data);
    for told in [data.to_str().unwrap(), "mounted read-only", "read-write"] {
        assert!(text.contains(told), "{text}");
    }
    let text = refused(&folder.join("another"));
    assert!(text.contains("mounted read-only"), "{text}");
    mount("remount,rw");
    let log = EmbeddedLog::open(&data).unwrap();
    assert_eq!(everything(&log), expected);
    append(&log, 2, 1_000).unwrap();
    println!("it went through");
}

#[test]
fn a_file_system_that_is_read_only_is_named() {
    if let Some(folder) = env::var_os(CHILD) {
        return a_read_only_file_system(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    if !on_a_small_file_system(
        "a_file_system_that_is_read_only_is_named",
        folder.path(),
        "16m",
    ) {
        println!("skipped: no file system can be mounted here");
    }
}

/// As another user than the one the folder belongs to.
fn as_somebody_else(folder: &Path) {
    // SAFETY: the calls take numbers and change this process alone, which is a child of its own.
    let changed = unsafe { libc::setgid(65_534) == 0 && libc::setuid(65_534) == 0 };
    assert!(changed);
    let text = refused(folder);
    for told in [
        folder.to_str().unwrap(),
        "belongs to user 0 and this program runs as user 65534",
        "chown -R 65534",
    ] {
        assert!(text.contains(told), "{text}");
    }
    println!("it went through");
}

#[test]
fn a_folder_of_somebody_else_is_named_with_both_users() {
    if let Some(folder) = env::var_os(CHILD) {
        return as_somebody_else(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let log = EmbeddedLog::open(&data).unwrap();
    append(&log, 1, 10).unwrap();
    drop(log);
    // SAFETY: the call takes nothing and only asks.
    if unsafe { libc::geteuid() } == 0 {
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let child = Command::new(env::current_exe().unwrap())
            .args([
                "a_folder_of_somebody_else_is_named_with_both_users",
                "--exact",
                "--nocapture",
            ])
            .env(CHILD, &data)
            .output()
            .unwrap();
        assert!(said(&child).contains("it went through"), "{}", said(&child));
    } else {
        // Only root can give folders away; one that we may not enter answers the same.
        fs::set_permissions(&data, Permissions::from_mode(0o500)).unwrap();
        fs::set_permissions(data.join("log.lock"), Permissions::from_mode(0o400)).unwrap();
        let text = refused(&data);
        assert!(text.contains("belongs to user"), "{text}");
        fs::set_permissions(data.join("log.lock"), Permissions::from_mode(0o600)).unwrap();
        fs::set_permissions(&data, Permissions::from_mode(0o700)).unwrap();
    }
    let log = EmbeddedLog::open(&data).unwrap();
    assert_eq!(everything(&log).len(), 1);
}

#[test]
fn a_clock_that_jumps_back_changes_nothing_but_the_times() {
    let folder = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(folder.path()).unwrap();
    let times = [5_000, 4_000, 9_000, -1_000, 0, i64::MIN, i64::MAX];
    let mut expected = Expected::NoStream;
    for (number, at) in (1..).zip(times) {
        let recorded_at = Timestamp::from_micros(at);
        let appended = block_on(log.append(Batch {
            stream: stream(1),
            expected,
            events: vec![NewEvent {
                recorded_at,
                ..event(number)
            }],
        }))
        .unwrap();
        expected = Expected::Exact(appended.revision);
        assert_eq!(u128::from(appended.position.0), number);
    }
    let stored: Vec<i64> = everything(&log)
        .iter()
        .map(|event| event.event.recorded_at.as_micros())
        .collect();
    assert_eq!(stored, times, "in the order in which they were appended");
    let in_stream = block_on(log.read_stream(stream(1), Revision::FIRST, 100)).unwrap();
    assert_eq!(in_stream, everything(&log));
    drop(log);
    assert_eq!(
        EmbeddedLog::open(folder.path()).unwrap().head(),
        Position(7)
    );
    is_intact(folder.path());
}

/// A log whose last appends are in the write-ahead log alone, with its length after each of them.
fn with_a_long_tail(folder: &Path) -> (Vec<u8>, Vec<u8>, Vec<u64>, Mark) {
    let log = EmbeddedLog::open(folder).unwrap();
    append(&log, 1_000, 10).unwrap();
    // A read that lasts: what comes after its beginning cannot be moved into the database.
    let reader = rusqlite::Connection::open(folder.join("log.db")).unwrap();
    reader.execute_batch("BEGIN").unwrap();
    reader
        .query_row("SELECT count(*) FROM events", [], |_| Ok(()))
        .unwrap();
    let wal = folder.join("log.db-wal");
    let lengths = (0..30).map(|number| {
        append(&log, number, 10 + 700 * number as usize).unwrap();
        fs::metadata(&wal).unwrap().len()
    });
    let lengths: Vec<u64> = lengths.collect();
    let mark = EmbeddedLog::mark(folder).unwrap().unwrap();
    let database = fs::read(folder.join("log.db")).unwrap();
    (database, fs::read(wal).unwrap(), lengths, mark)
}

/// The folder after a crash that left these files.
fn left_behind(home: &Path, name: &str, database: &[u8], wal: &[u8]) -> PathBuf {
    let folder = home.join(name);
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("log.db"), database).unwrap();
    fs::write(folder.join("log.db-wal"), wal).unwrap();
    folder
}

#[test]
fn a_torn_tail_costs_what_was_torn_and_nothing_before_it() {
    let home = tempfile::tempdir().unwrap();
    let (database, wal, lengths, _) = with_a_long_tail(&home.path().join("data"));
    let mut cuts: Vec<u64> = lengths.clone();
    cuts.extend(
        (0..40).map(|step| lengths[0] + step * (wal.len() as u64 - lengths[0]) / 40 + step % 7),
    );
    for (number, cut) in cuts.into_iter().enumerate() {
        let torn = &wal[..usize::try_from(cut).unwrap().min(wal.len())];
        // Cut off, or the disk has something else from there on.
        let mut garbled = wal.clone();
        garbled[torn.len()..].fill(0xa5);
        for (kind, wal) in [("cut", torn), ("garbled", &garbled)] {
            let folder = left_behind(home.path(), &format!("{kind}-{number}"), &database, wal);
            let kept = lengths.iter().filter(|end| **end <= cut).count() as u64;
            let log = EmbeddedLog::open(&folder).unwrap();
            assert_eq!(log.head(), Position(1 + kept), "{kind} at {cut}");
            assert_eq!(everything(&log).len() as u64, 1 + kept);
            append(&log, 5_000, 10).unwrap();
            drop(log);
            is_intact(&folder);
        }
    }
}

#[test]
fn a_synced_place_that_went_bad_is_found_by_a_check_and_by_a_noted_hash() {
    let home = tempfile::tempdir().unwrap();
    let (database, wal, lengths, mark) = with_a_long_tail(&home.path().join("data"));
    // One bit in the tenth of thirty transactions: the database takes it for the end.
    let mut bad = wal;
    let place = usize::try_from(lengths[9]).unwrap() + 5_000;
    bad[place] ^= 0x10;
    let folder = left_behind(home.path(), "bad", &database, &bad);
    let verify = |noted: &[Mark]| {
        EmbeddedLog::verify(&folder, noted, &mut Quiet)
            .unwrap()
            .faults
    };
    let faults = verify(&[mark]);
    assert!(
        matches!(&faults[0].what, What::Database(text) if text.contains("broken before its end; 20 transactions")),
        "{faults:?}"
    );
    assert_eq!(
        faults.last().map(|fault| &fault.what),
        Some(&What::NotAsNoted)
    );
    // Once a hub went on from there, only the noted hash can tell.
    let log = EmbeddedLog::open(&folder).unwrap();
    assert_eq!(log.head(), Position(11), "what was before the bad place");
    drop(log);
    assert_eq!(verify(&[]), []);
    let faults = verify(&[mark]);
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].what, What::NotAsNoted);
    assert!(faults[0].to_string().contains("rewritten or cut"));
}
