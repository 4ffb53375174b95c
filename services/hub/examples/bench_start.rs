//! Measures how soon a hub serves that has a long history: from the start of the process to the line that says it is ready.
//!
//! `cargo build --release -p rapport && cargo run --release -p rapport --example bench_start`; `EVENTS=n,n` sets the length
//! of the log (1,000,000), `JSON=1` prints objects. The history is a day's traffic many times over, sealed, of one tenant for
//! each million events.

mod history;
#[path = "../../../adapters/event-log/examples/support/mod.rs"]
#[allow(dead_code, reason = "shared by benches that each use a part of it")]
mod support;
#[path = "../../../adapters/read-model/examples/traffic/mod.rs"]
#[allow(dead_code, reason = "shared by benches that each use a part of it")]
mod traffic;

use std::env;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use support::{Budget, Report};

/// Starts of each kind; the slowest counts.
const STARTS: usize = 3;
/// A hub that has just started has settled after this.
const SETTLED: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let sizes = env::var("EVENTS").unwrap_or_else(|_| "1000000".to_owned());
    let mut report = Report::default();
    for size in sizes.split(',') {
        let wanted = size.trim().parse().expect("EVENTS=n or EVENTS=n,n");
        measure(wanted, &mut report);
    }
    if report.print() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// A hub on a log of so many events.
fn measure(wanted: usize, report: &mut Report) {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (events, filled) = runtime.block_on(history::fill(&data, wanted, true));
    let config = folder.path().join("rapport.toml");
    let text = format!(
        "data = {:?}\n[http]\nbind = \"127.0.0.1:0\"\n[chat]\nbind = \"127.0.0.1:0\"\n",
        data.display().to_string()
    );
    fs::write(&config, text).expect("a configuration");

    let what = |how: &str| format!("start with {:.1} M events, {how}", events as f64 / 1e6);
    let (first, hub) = started(&config);
    report.add(
        &what("first, read models built"),
        events as f64 / first.as_secs_f64(),
        "events/s",
        Budget::None,
        &[("s", first.as_secs_f64()), ("fill events/s", filled)],
    );
    stop(hub);
    let mut slowest = Duration::ZERO;
    for _ in 0..STARTS {
        let (spent, hub) = started(&config);
        slowest = slowest.max(spent);
        stop(hub);
    }
    report.add(
        &what("slowest of 3"),
        slowest.as_secs_f64() * 1e3,
        "ms",
        Budget::AtMost(1_000.0),
        &[],
    );
    let mut killed = Duration::ZERO;
    for _ in 0..STARTS {
        let (_, mut hub) = started(&config);
        hub.kill().expect("kill -9");
        hub.wait().expect("it is gone");
        let (spent, hub) = started(&config);
        killed = killed.max(spent);
        stop(hub);
    }
    report.add(
        &what("after kill -9"),
        killed.as_secs_f64() * 1e3,
        "ms",
        Budget::AtMost(1_000.0),
        &[],
    );
    let (_, hub) = started(&config);
    std::thread::sleep(SETTLED);
    report.add(
        &what("idle memory"),
        resident_mb(&hub),
        "MB",
        Budget::AtMost(80.0),
        &[],
    );
    stop(hub);
}

fn program() -> PathBuf {
    let here = env::current_exe().expect("this program has a path");
    let built = here
        .parent()
        .and_then(Path::parent)
        .expect("target/release/examples");
    built.join("rapport")
}

/// Starts a hub; how long until it says that it is ready.
fn started(config: &Path) -> (Duration, Child) {
    let begun = Instant::now();
    let mut hub = Command::new(program())
        .args(["serve", "--config"])
        .arg(config)
        .env("RUST_LOG", "error")
        .stdout(Stdio::piped())
        .spawn()
        .expect("`cargo build --release -p rapport` comes first");
    let out = hub.stdout.take().expect("piped");
    let ready = BufReader::new(out)
        .lines()
        .map_while(Result::ok)
        .any(|line| line == "ready");
    assert!(ready, "the hub ended before it was ready");
    (begun.elapsed(), hub)
}

fn stop(mut hub: Child) {
    let ended = Command::new("kill")
        .args(["-TERM", &hub.id().to_string()])
        .status();
    assert!(ended.is_ok_and(|status| status.success()), "kill -TERM");
    let status = hub.wait().expect("it ends");
    assert!(status.success(), "the hub did not stop properly: {status}");
}

fn resident_mb(hub: &Child) -> f64 {
    let status = fs::read_to_string(format!("/proc/{}/status", hub.id())).unwrap_or_default();
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kib.unwrap_or(f64::NAN) / 1_024.0
}
