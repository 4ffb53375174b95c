//! Measures how fast read models are rebuilt from the log.
//!
//! `cargo run --release -p rapport-read-model --example bench_rebuild`; `JSON=1` prints objects, `EVENTS=n` sets the
//! length of the log (300,000).

#[path = "../../event-log/examples/support/mod.rs"]
#[allow(dead_code, reason = "shared by benches that each use a part of it")]
mod support;
mod traffic;

use std::env;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use rapport_domain::event::Recorded;
use rapport_domain::port::projection::Projection;
use rapport_read_model::{CUSTOMERS, ReadModels};
use support::{Budget, Report, percentile_ms};
use traffic::Traffic;

/// Events of one transaction.
const PAGE: usize = 10_000;
const BUDGET: Budget = Budget::AtLeast(100_000.0);

fn main() -> ExitCode {
    let wanted = env::var("EVENTS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(300_000);
    let events = Traffic::of("acme", wanted).events;
    let count = events.len() as f64;
    let mut report = Report::default();
    report.add(
        "events of the log",
        count,
        "events",
        Budget::None,
        &traffic::by_category(&events),
    );
    let folder = tempfile::tempdir().expect("a folder");
    for name in ReadModels::names() {
        let mut rebuild = ReadModels::rebuild(folder.path(), name).expect("a new file");
        let begun = Instant::now();
        feed(&mut rebuild, &events);
        let spent = begun.elapsed();
        rebuild.finish().expect("the file takes its place");
        let bytes = size(folder.path(), name);
        report.add(
            &format!("rebuild {name}"),
            count / spent.as_secs_f64(),
            "events/s",
            BUDGET,
            &[
                ("us/event", spent.as_secs_f64() * 1e6 / count),
                ("MB", bytes as f64 / 1e6),
            ],
        );
    }
    let all = tempfile::tempdir().expect("a folder");
    let (models, projections) = ReadModels::open(all.path()).expect("new files");
    let begun = Instant::now();
    thread::scope(|scope| {
        for mut projection in projections {
            let events = &events;
            scope.spawn(move || feed(projection.as_mut(), events));
        }
    });
    let spent = begun.elapsed().as_secs_f64();
    let models_fed = ReadModels::names().len() as f64;
    // Four models share the machine's cores; what the log must deliver is counted once.
    let beside = [("event applications/s", models_fed * count / spent)];
    report.add(
        "rebuild all side by side",
        count / spent,
        "events/s",
        Budget::None,
        &beside,
    );
    reads(&models, &events, &mut report);
    if report.print() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn feed(projection: &mut dyn Projection, events: &[Recorded]) {
    for page in events.chunks(PAGE) {
        projection.apply(page).expect("the page applies");
    }
}

/// How long a desk waits for a customer and their timeline.
fn reads(models: &ReadModels, events: &[Recorded], report: &mut Report) {
    assert_eq!(
        models.seen(CUSTOMERS),
        events.last().expect("events").position
    );
    let created = events
        .iter()
        .filter(|event| event.event.kind == "customer.created");
    let mut spent: Vec<Duration> = created
        .step_by(20)
        .map(|event| {
            let customer = rapport_domain::id::CustomerId::from_uuid(event.stream.id);
            let tenant = event.event.meta.tenant;
            let begun = Instant::now();
            assert!(
                models
                    .customer(tenant, customer)
                    .expect("readable")
                    .is_some()
            );
            assert!(
                !models
                    .timeline(tenant, customer, None, 50)
                    .expect("readable")
                    .items
                    .is_empty()
            );
            begun.elapsed()
        })
        .collect();
    let median = percentile_ms(&mut spent, 0.5);
    report.add(
        "customer and timeline, p99",
        percentile_ms(&mut spent, 0.99),
        "ms",
        Budget::None,
        &[("p50", median)],
    );
}

fn size(folder: &std::path::Path, name: &str) -> u64 {
    let begins = format!("{name}.v");
    let files = std::fs::read_dir(folder.join("read-models"))
        .into_iter()
        .flatten()
        .flatten();
    files
        .filter(|file| {
            let file = file.file_name();
            let file = file.to_string_lossy();
            file.starts_with(&begins) && file.ends_with(".db")
        })
        .filter_map(|file| file.metadata().ok())
        .map(|about| about.len())
        .sum()
}
