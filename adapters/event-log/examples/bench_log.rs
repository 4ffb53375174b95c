//! Measures the log against its budgets, beside the disk and PostgreSQL of the same machine.
//!
//! `cargo run --release -p rapport-event-log --example bench_log`; `JSON=1` prints objects, `SECONDS=n` sets the length
//! of a point of load (4), `EVENTS=n` how many events there are at the reopening (1,000,000).

#[path = "support/load.rs"]
mod load;
#[path = "support/postgres.rs"]
mod postgres;
#[path = "support/mod.rs"]
mod support;

use std::env;
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rapport_domain::event::{Position, Recorded, Revision};
use rapport_domain::port::log::{Batch, EventLog, Expected, Subscription};
use rapport_event_log::EmbeddedLog;
use support::{Budget, Report, percentile_ms};
use uuid::Uuid;

const FILL: &str = "RAPPORT_BENCH_FILL";
const APPENDERS: [usize; 3] = [1, 16, 256];

fn setting(name: &str, otherwise: u64) -> u64 {
    env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(otherwise)
}

#[tokio::main]
async fn main() -> ExitCode {
    if let Some(folder) = env::var_os(FILL) {
        fill(Path::new(&folder)).await;
        return ExitCode::SUCCESS;
    }
    let span = Duration::from_secs(setting("SECONDS", 4));
    let mut report = Report::default();
    let syncs_before = syncs_per_second();
    let ours = append(span, &mut report).await;
    let syncs_after = syncs_per_second();
    report.add(
        "1 KB append + fdatasync, before",
        syncs_before,
        "syncs/s",
        Budget::None,
        &[],
    );
    report.add(
        "1 KB append + fdatasync, after",
        syncs_after,
        "syncs/s",
        Budget::None,
        &[],
    );
    let theirs = append_to_postgres(span, &mut report).await;
    compare(
        &ours,
        &theirs,
        (syncs_before + syncs_after) / 2.0,
        &mut report,
    );
    reopen(&mut report).await;
    if report.print() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// What the disk itself can do: one appender without a log.
fn syncs_per_second() -> f64 {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("syncs");
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .expect("a file");
    let (started, mut count) = (Instant::now(), 0_u32);
    while started.elapsed() < Duration::from_secs(1) {
        file.write_all(&[b'x'; 1_024])
            .and_then(|()| file.sync_data())
            .expect("a sync");
        count += 1;
    }
    f64::from(count) / started.elapsed().as_secs_f64()
}

async fn append(span: Duration, report: &mut Report) -> Vec<load::Point> {
    let mut points = Vec::new();
    for appenders in APPENDERS {
        let folder = tempfile::tempdir().expect("a folder");
        let log = Arc::new(EmbeddedLog::open(folder.path()).expect("a log"));
        let point = load::run(appenders, span, |_| {
            let log = Arc::clone(&log);
            move |stream, revision: u64| {
                let expected = Expected::after(revision.checked_sub(1).map(Revision));
                let batch = Batch {
                    stream: load::stream(stream),
                    expected,
                    events: vec![load::event()],
                };
                let log = Arc::clone(&log);
                async move {
                    log.append(batch).await.expect("appended");
                }
            }
        });
        points.push(point.await);
        if appenders == 16 {
            follow(&log, report).await;
        }
    }
    points
}

/// What a reactor pays at the head: one page of one event, and the way from an append to its follower.
async fn follow(log: &Arc<EmbeddedLog>, report: &mut Report) {
    let page_start = log.head();
    let (mut pages, mut delivered) = (Vec::new(), Vec::new());
    let mut subscription = Subscription::new(&**log, page_start, 100);
    for _ in 0..1_000 {
        let batch = Batch {
            stream: load::stream(Uuid::now_v7()),
            expected: Expected::NoStream,
            events: vec![load::event()],
        };
        let before = log.head();
        let asked = Instant::now();
        let (appended, seen) = tokio::join!(log.append(batch), subscription.next());
        delivered.push(asked.elapsed());
        assert_eq!(
            appended.expect("appended").position,
            seen.expect("read")[0].position
        );
        let asked = Instant::now();
        let page: Vec<Recorded> = log.read_all(before, 100).await.expect("read");
        pages.push(asked.elapsed());
        assert_eq!(page.len(), 1);
    }
    let p99 = percentile_ms(&mut pages, 0.99);
    let p50 = percentile_ms(&mut pages, 0.5);
    report.add(
        "page at the head, p50",
        p50,
        "ms",
        Budget::None,
        &[("p99 ms", p99)],
    );
    let p99 = percentile_ms(&mut delivered, 0.99);
    let p50 = percentile_ms(&mut delivered, 0.5);
    report.add(
        "append to follower, p50",
        p50,
        "ms",
        Budget::None,
        &[("p99 ms", p99)],
    );
}

async fn append_to_postgres(span: Duration, report: &mut Report) -> Vec<load::Point> {
    let server = match postgres::Postgres::start().await {
        Ok(server) => server,
        Err(why) => {
            report.leave_out("PostgreSQL", &why);
            return Vec::new();
        }
    };
    let mut points = Vec::new();
    for appenders in APPENDERS {
        match server.run(appenders, span).await {
            Ok(point) => points.push(point),
            Err(why) => {
                report.leave_out("PostgreSQL", &why);
                return Vec::new();
            }
        }
    }
    points
}

fn compare(ours: &[load::Point], theirs: &[load::Point], syncs: f64, report: &mut Report) {
    for (place, (appenders, point)) in APPENDERS.into_iter().zip(ours).enumerate() {
        let most = appenders == 256;
        let mut beside = vec![("syncs/s", syncs), ("p50 ms", point.p50_ms)];
        if let Some(other) = theirs.get(place) {
            let figures = [
                ("PostgreSQL", other.per_second),
                ("PostgreSQL p50 ms", other.p50_ms),
                ("PostgreSQL p99 ms", other.p99_ms),
            ];
            beside.extend(figures);
        }
        let name = format!("durable append, {appenders} appenders");
        let budget = if most {
            Budget::AtLeast(25_000.0)
        } else {
            Budget::None
        };
        report.add(&name, point.per_second, "events/s", budget, &beside);
        let budget = if most {
            Budget::AtMost(50.0)
        } else {
            Budget::None
        };
        report.add(&format!("{name}, p99"), point.p99_ms, "ms", budget, &[]);
        if let (true, Some(other)) = (most, theirs.get(place)) {
            let times = point.per_second / other.per_second;
            report.add(
                "times PostgreSQL, 256 appenders",
                times,
                "x",
                Budget::AtLeast(3.0),
                &[],
            );
        }
    }
}

/// Appends until killed, with several writers; says how far it is.
async fn fill(folder: &Path) {
    let log = Arc::new(EmbeddedLog::open(folder).expect("a log"));
    let wanted = setting("EVENTS", 1_000_000);
    for _ in 0..32 {
        let log = Arc::clone(&log);
        tokio::spawn(async move {
            loop {
                let events = (0..25).map(|_| load::event()).collect();
                let stream = load::stream(Uuid::now_v7());
                log.append(Batch {
                    stream,
                    expected: Expected::NoStream,
                    events,
                })
                .await
                .expect("appended");
            }
        });
    }
    log.wait_past(Position(wanted)).await;
    println!("filled");
    std::future::pending::<()>().await; // still appending: the kill comes in the middle of it
}

/// Kills a log that is being written with `kill -9` and opens it again, up to the first event read.
async fn reopen(report: &mut Report) {
    let folder = tempfile::tempdir().expect("a folder");
    let program = env::current_exe().expect("this program");
    let started = Instant::now();
    let mut child = Command::new(program)
        .env(FILL, folder.path())
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
    let bytes = stats.bytes as f64 / stats.events as f64;
    report.add(
        "reopen after kill -9, until the first read",
        read,
        "ms",
        Budget::AtMost(50.0),
        &[
            ("open ms", opened.as_secs_f64() * 1_000.0),
            ("events", stats.events as f64),
            ("bytes/event", bytes),
        ],
    );
    let rate = stats.events as f64 / filled.as_secs_f64();
    report.add(
        "fill, 32 appenders of 25 events",
        rate,
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
    let rate = count as f64 / asked.elapsed().as_secs_f64();
    report.add(
        "read all, pages of 1,000",
        rate,
        "events/s",
        Budget::None,
        &[],
    );
}
