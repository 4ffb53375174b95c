//! Measures how fast read models are rebuilt from a log in which personal values are sealed, beside one in which they are
//! not.
//!
//! `cargo run --release -p rapport --example bench_sealed`; `EVENTS=n` sets the length of the logs (300,000), `JSON=1` prints
//! objects.

mod history;
#[path = "../../../adapters/event-log/examples/support/mod.rs"]
#[allow(dead_code, reason = "shared by benches that each use a part of it")]
mod support;
#[path = "../../../adapters/read-model/examples/traffic/mod.rs"]
#[allow(dead_code, reason = "shared by benches that each use a part of it")]
mod traffic;

use std::env;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use rapport_domain::event::Position;
use rapport_domain::port::log::EventLog;
use rapport_domain::port::projection::Projection;
use rapport_event_log::keys::LocalKeys;
use rapport_event_log::{EmbeddedLog, SealedLog};
use rapport_read_model::ReadModels;
use support::{Budget, Report};

/// Events of one transaction, as `rapport projection rebuild` takes them.
const PAGE: usize = 4_096;

#[tokio::main]
async fn main() -> ExitCode {
    let wanted = env::var("EVENTS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(300_000);
    let folder = tempfile::tempdir().expect("a folder");
    let (plain, sealed) = (folder.path().join("plain"), folder.path().join("sealed"));
    let mut report = Report::default();
    for (how, data) in [("unsealed", &plain), ("sealed", &sealed)] {
        let (events, filled) = history::fill(data, wanted, how == "sealed").await;
        let name = format!("{how} log filled, {events} events");
        report.add(&name, filled, "events/s", Budget::None, &[]);
    }
    let (of_plain, of_sealed) = (open(&plain, false), open(&sealed, true));
    for (how, log, budget) in [
        ("unsealed", &of_plain, Budget::None),
        ("sealed", &of_sealed, Budget::AtLeast(100_000.0)),
    ] {
        let rate = read(&**log, &mut |_| {}).await;
        let name = format!("read, {how}");
        report.add(&name, rate, "events/s", Budget::None, &[]);
        for model in ReadModels::names() {
            let data = if how == "sealed" { &sealed } else { &plain };
            let mut rebuild = ReadModels::rebuild(data, model).expect("a new file");
            let mut apply = |page: &[_]| rebuild.apply(page).expect("the page applies");
            let rate = read(&**log, &mut apply).await;
            rebuild.finish().expect("the file takes its place");
            let name = format!("rebuild {model}, {how}");
            report.add(&name, rate, "events/s", budget, &[]);
        }
    }
    if report.print() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn open(data: &Path, sealed: bool) -> Arc<dyn EventLog> {
    let log = Arc::new(EmbeddedLog::open_read_only(data).expect("a log"));
    if sealed {
        let keys = LocalKeys::open_read_only(data, None).expect("its keys");
        Arc::new(SealedLog::new(log, Arc::new(keys)))
    } else {
        log
    }
}

/// Reads the whole log; answers how many events a second were read and dealt with.
async fn read(
    log: &dyn EventLog,
    each: &mut (dyn FnMut(&[rapport_domain::event::Recorded]) + Send),
) -> f64 {
    let (begun, mut after, mut events) = (Instant::now(), Position::START, 0);
    loop {
        let page = log.read_all(after, PAGE).await.expect("readable");
        let Some(last) = page.last() else {
            return events as f64 / begun.elapsed().as_secs_f64();
        };
        after = last.position;
        events += page.len();
        each(&page);
    }
}
