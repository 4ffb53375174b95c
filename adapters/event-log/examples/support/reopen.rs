//! A large log that is killed with `kill -9` while it is written to, and opened again.

use std::env;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use rapport_domain::event::Position;
use rapport_domain::port::log::{Batch, EventLog, Expected};
use rapport_event_log::EmbeddedLog;
use rapport_event_log::verify::Quiet;
use uuid::Uuid;

use crate::load;
use crate::sealing;
use crate::support::{Budget, Report};

/// Set in the child that fills: where.
pub const FOLDER: &str = "RAPPORT_BENCH_FILL";
/// How many events.
const EVENTS: &str = "RAPPORT_BENCH_FILL_EVENTS";

/// From here on events are a quarter as large, so that the disk holds them, and are not sealed, to save the time.
const LARGE: u64 = 5_000_000;

/// What an event takes on disk at most, to know beforehand whether there is room.
fn bytes(events: u64) -> u64 {
    events * if events >= LARGE { 700 } else { 2_000 }
}

/// Appends until killed, with several writers; says when there are enough.
pub async fn fill(folder: &Path) {
    let embedded = Arc::new(EmbeddedLog::open(folder).expect("a log"));
    let wanted: u64 = env::var(EVENTS)
        .ok()
        .and_then(|text| text.parse().ok())
        .expect("a number of events");
    let large = wanted >= LARGE;
    let log: Arc<dyn EventLog> = if large {
        embedded.clone()
    } else {
        sealing::over(embedded.clone(), folder).await
    };
    for _ in 0..32 {
        let log = Arc::clone(&log);
        tokio::spawn(async move {
            loop {
                let event = || {
                    if large {
                        load::message(load::customer(), 40, 0)
                    } else {
                        load::event()
                    }
                };
                let batch = Batch {
                    stream: load::stream(Uuid::now_v7()),
                    expected: Expected::NoStream,
                    events: (0..25).map(|_| event()).collect(),
                };
                log.append(batch).await.expect("appended");
            }
        });
    }
    embedded.wait_past(Position(wanted)).await;
    println!("filled");
    std::future::pending::<()>().await; // still appending: the kill comes in the middle of it
}

fn room(folder: &Path) -> u64 {
    let path = std::ffi::CString::new(folder.as_os_str().as_encoded_bytes()).expect("a path");
    let mut about = std::mem::MaybeUninit::<libc::statvfs>::zeroed();
    // SAFETY: the path ends with a zero byte, and the structure is plain numbers and zeroed already.
    let about = unsafe {
        libc::statvfs(path.as_ptr(), about.as_mut_ptr());
        about.assume_init()
    };
    about.f_bavail * about.f_frsize
}

/// Fills, kills, opens up to the first event read; then reads all of it.
pub async fn measure(events: u64, report: &mut Report) {
    let folder = tempfile::tempdir().expect("a folder");
    let name = format!("{} M events", events as f64 / 1e6);
    if room(folder.path()) < 2 * bytes(events) {
        return report.leave_out(&name, "the disk has too little room");
    }
    let program = env::current_exe().expect("this program");
    let started = Instant::now();
    let mut child = Command::new(program)
        .env(FOLDER, folder.path())
        .env(EVENTS, events.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a child that fills");
    let said = BufReader::new(child.stdout.take().expect("its output"))
        .lines()
        .next();
    assert!(
        said.is_some_and(|line| line.is_ok_and(|line| line == "filled")),
        "the child ended by itself"
    );
    child.kill().expect("killed");
    child.wait().expect("gone");
    let filled = started.elapsed();

    let asked = Instant::now();
    let log = EmbeddedLog::open(folder.path()).expect("the log");
    let opened = asked.elapsed();
    let first = log.read_all(Position::START, 1).await.expect("read");
    let read = asked.elapsed().as_secs_f64() * 1_000.0;
    assert_eq!(first.len(), 1);
    let stats = log.stats();
    report.add(
        &format!("reopen after kill -9, {name}, until the first read"),
        read,
        "ms",
        Budget::AtMost(50.0),
        &[
            ("open ms", opened.as_secs_f64() * 1_000.0),
            ("events", stats.events as f64),
            ("bytes/event", stats.bytes as f64 / stats.events as f64),
        ],
    );
    report.add(
        &format!("fill, {name}, 32 appenders of 25 events"),
        stats.events as f64 / filled.as_secs_f64(),
        "events/s",
        Budget::None,
        &[],
    );
    let (asked, mut after, mut count) = (Instant::now(), Position::START, 0);
    loop {
        let page = log.read_all(after, 1_000).await.expect("read");
        let Some(last) = page.last() else { break };
        after = last.position;
        count += page.len();
    }
    report.add(
        &format!("read all, {name}, pages of 1,000"),
        count as f64 / asked.elapsed().as_secs_f64(),
        "events/s",
        Budget::None,
        &[],
    );
    let asked = Instant::now();
    let verified = EmbeddedLog::verify(folder.path(), &[], &mut Quiet).expect("readable");
    assert!(verified.is_intact(), "{:?}", verified.faults);
    report.add(
        &format!("verify, {name}"),
        verified.events as f64 / asked.elapsed().as_secs_f64(),
        "events/s",
        Budget::None,
        &[],
    );
}
