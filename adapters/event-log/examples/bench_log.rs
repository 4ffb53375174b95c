//! Measures the log as the hub has it, sealed, against its budgets, beside the disk, PostgreSQL and UmaDB of the same
//! machine.
//!
//! `make bench-log`, or `cargo run --release -p rapport-event-log --features umadb --example bench_log`; `JSON=1` prints
//! objects, `SECONDS=n` sets the length of a point of load (4), `EVENTS=n,n` how many events there are at the reopening
//! (1,000,000), `ONLY_REOPEN=1` measures nothing else.

#[path = "support/live.rs"]
mod live;
#[path = "support/load.rs"]
mod load;
#[path = "support/postgres.rs"]
mod postgres;
#[path = "support/reopen.rs"]
mod reopen;
#[path = "support/sealing.rs"]
mod sealing;
#[path = "support/mod.rs"]
mod support;
#[cfg(feature = "umadb")]
#[path = "support/umadb.rs"]
mod umadb;

use std::env;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rapport_domain::event::{Recorded, Revision};
use rapport_domain::port::log::{Batch, EventLog, Expected, Subscription};
use rapport_event_log::EmbeddedLog;
use support::{Budget, Report, percentile_ms};
use uuid::Uuid;

const APPENDERS: [usize; 3] = [1, 16, 256];

fn setting(name: &str, otherwise: u64) -> u64 {
    env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(otherwise)
}

fn sizes() -> Vec<u64> {
    env::var("EVENTS").map_or_else(
        |_| vec![1_000_000],
        |text| {
            text.split(',')
                .filter_map(|size| size.parse().ok())
                .collect()
        },
    )
}

#[tokio::main]
async fn main() -> ExitCode {
    if let Some(folder) = env::var_os(reopen::FOLDER) {
        reopen::fill(Path::new(&folder)).await;
        return ExitCode::SUCCESS;
    }
    #[cfg(feature = "umadb")]
    if let Ok(task) = env::var(umadb::CHILD) {
        umadb::child(&task).await;
        return ExitCode::SUCCESS;
    }
    let mut report = Report::default();
    if env::var_os("ONLY_REOPEN").is_none() {
        load_and_compare(&mut report).await;
    }
    for events in sizes() {
        reopen::measure(events, &mut report).await;
    }
    if report.print() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

async fn load_and_compare(report: &mut Report) {
    let span = Duration::from_secs(setting("SECONDS", 4));
    let syncs_before = syncs_per_second();
    let ours = append(span, true, report).await;
    let syncs_after = syncs_per_second();
    for (when, syncs) in [("before", syncs_before), ("after", syncs_after)] {
        let name = format!("1 KB append + fdatasync, {when}");
        report.add(&name, syncs, "syncs/s", Budget::None, &[]);
    }
    let plain = append(span, false, report).await;
    let postgres = append_to_postgres(span, report).await;
    let umadb = append_to_umadb(span, report);
    let syncs = (syncs_before + syncs_after) / 2.0;
    compare(&ours, &[&plain, &postgres, &umadb], syncs, report);
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

async fn append(span: Duration, seal: bool, report: &mut Report) -> Vec<load::Point> {
    let mut points = Vec::new();
    for appenders in APPENDERS {
        let folder = tempfile::tempdir().expect("a folder");
        let embedded = Arc::new(EmbeddedLog::open(folder.path()).expect("a log"));
        let log: Arc<dyn EventLog> = if seal {
            sealing::over(embedded, folder.path()).await
        } else {
            embedded
        };
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
        if seal && appenders == 16 {
            follow(&log, report).await;
            for rate in [200, 2_000] {
                let mut samples = live::latencies(&log, rate, span).await;
                let p99 = percentile_ms(&mut samples, 0.99);
                let p50 = percentile_ms(&mut samples, 0.5);
                report.add(
                    &format!("submit to subscriber at {rate} events/s, p50"),
                    p50,
                    "ms",
                    Budget::None,
                    &[("p99 ms", p99)],
                );
            }
        }
    }
    points
}

/// What a reactor pays at the head: one page of one event, and the way from an append to its follower.
async fn follow(log: &Arc<dyn EventLog>, report: &mut Report) {
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

#[cfg(feature = "umadb")]
fn append_to_umadb(span: Duration, report: &mut Report) -> Vec<load::Point> {
    let points: Result<Vec<_>, String> = APPENDERS
        .into_iter()
        .map(|appenders| umadb::run(appenders, span))
        .collect();
    points.unwrap_or_else(|why| {
        report.leave_out("UmaDB", &why);
        Vec::new()
    })
}

#[cfg(not(feature = "umadb"))]
fn append_to_umadb(_: Duration, report: &mut Report) -> Vec<load::Point> {
    report.leave_out("UmaDB", "built without the feature `umadb`");
    Vec::new()
}

/// `others` are our own log without sealing, PostgreSQL and UmaDB; empty where there is none.
fn compare(ours: &[load::Point], others: &[&Vec<load::Point>; 3], syncs: f64, report: &mut Report) {
    const NAMES: [[&str; 4]; 3] = [
        [
            "unsealed",
            "unsealed p50 ms",
            "unsealed p99 ms",
            "unsealed CPU us",
        ],
        [
            "PostgreSQL",
            "PostgreSQL p50 ms",
            "PostgreSQL p99 ms",
            "PostgreSQL client CPU us",
        ],
        ["UmaDB", "UmaDB p50 ms", "UmaDB p99 ms", "UmaDB CPU us"],
    ];
    for (place, (appenders, point)) in APPENDERS.into_iter().zip(ours).enumerate() {
        let most = appenders == 256;
        let mut beside = vec![
            ("syncs/s", syncs),
            ("p50 ms", point.p50_ms),
            ("CPU us", point.cpu_us),
        ];
        for (names, other) in NAMES.iter().zip(others) {
            if let Some(other) = other.get(place) {
                let figures = [other.per_second, other.p50_ms, other.p99_ms, other.cpu_us];
                beside.extend(names.iter().copied().zip(figures));
            }
        }
        let name = format!("durable append, sealed, {appenders} appenders");
        let budget = |budget| if most { budget } else { Budget::None };
        report.add(
            &name,
            point.per_second,
            "events/s",
            budget(Budget::AtLeast(25_000.0)),
            &beside,
        );
        report.add(
            &format!("{name}, p99"),
            point.p99_ms,
            "ms",
            budget(Budget::AtMost(50.0)),
            &[],
        );
        if let (true, Some(postgres)) = (most, others[1].get(place)) {
            report.add(
                "times PostgreSQL, 256 appenders",
                point.per_second / postgres.per_second,
                "x",
                Budget::AtLeast(3.0),
                &[],
            );
        }
    }
}
