//! `rapport demo`: a hub on this computer with simulated customers, agents and departments, all of whom come in by the
//! front doors: SIP and RTP, the chat WebSocket, the HTTP interface and the live sockets.
//!
//! What people intend ([`habits`], [`clerk`]) is decided without sockets or clocks; the other modules carry it out. The
//! numbers reported at the end are counted from the log ([`tally`]).

mod accounts;
mod agenda;
mod api;
mod carrier;
mod cast;
mod clerk;
mod desk;
mod habits;
mod offices;
mod play;
mod random;
mod setup;
mod show;
mod stage;
mod tally;
mod trouble;
mod visitors;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use rapport_domain::event::Position;
use rapport_domain::port::log::EventLog;
use serde::Serialize;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::wiring::{Addresses, Hub};
use accounts::Accounts;
use play::{Phones, Play};
use setup::{FRIENDLY, Ports, World};
use show::Show;
use tally::{Counts, Tally};
use trouble::Trouble;

/// Events read at a time.
const PAGE: usize = 2_048;
/// How often the counts are brought up to date.
const COUNT_EVERY: Duration = Duration::from_millis(500);
/// How long everybody may take to finish what they have, once it is time to go.
const CLOSE_WITHIN: Duration = Duration::from_secs(30);
/// The exit code of a program that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// Which ports a demonstration takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PortChoice {
    /// 8080 (HTTP), 8081 (chat) and 5060 (SIP); a free one in place of each that is taken
    Usual,
    /// Any free ones
    Auto,
}

/// How a demonstration is to be.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// End by itself after so long, such as 60s or 5m; without it, Ctrl-C ends it
    #[arg(long = "for", value_name = "TIME", value_parser = span)]
    length: Option<Duration>,
    /// The data folder; a demonstration goes on with what is there
    #[arg(long, value_name = "DIR", default_value = "rapport-data")]
    data: PathBuf,
    /// Print one JSON object with the counts at the end, and nothing else, to standard output
    #[arg(long)]
    json: bool,
    /// Which ports to listen on
    #[arg(long, value_enum, default_value = "usual")]
    ports: PortChoice,
    /// What people intend follows from this number
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// What is reported at the end.
#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    counts: Counts,
    seconds: u64,
    seed: u64,
    simulation_errors: u64,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    errors: BTreeMap<String, u64>,
    addresses: Addresses,
}

/// Runs a demonstration to its end.
///
/// # Errors
/// One line that says why it could not begin, or what went wrong with its hub.
pub async fn run(options: Options) -> Result<(), String> {
    let (mut interrupt, mut terminate) =
        (on(SignalKind::interrupt())?, on(SignalKind::terminate())?);
    let show = Show::new();
    show.step("Preparing accounts …");
    make_folder(&options.data).map_err(|error| {
        format!(
            "--data: cannot make the folder {}: {error}",
            options.data.display()
        )
    })?;
    let accounts = Accounts::of(&options.data)
        .map_err(|error| format!("--data: the demonstration's secret cannot be had: {error}"))?;
    let ports = choose_ports(options.ports, &show);
    show.step("Plugging in telephones …");
    let phones = Phones::plug_in()
        .await
        .map_err(|error| format!("no telephone can be plugged in: {error}"))?;
    let world = World {
        accounts: &accounts,
        ports,
        carrier: phones.carrier(),
        fixed: &|name| phones.fixed(name),
    };
    let config = setup::config(&world, &options.data).map_err(|error| error.to_string())?;
    show.step("Starting the hub …");
    let hub = Box::pin(Hub::start(config))
        .await
        .map_err(|error| error.to_string())?;
    let log = hub.engine().log().clone();
    let mut counted = Counted {
        tally: Tally::default(),
        after: log.head(),
        log,
    };

    show.step("Agents log in …");
    let trouble = Trouble::default();
    let play = tokio::select! {
        play = Box::pin(Play::begin(hub.addresses(), &accounts, phones, options.seed, &trouble)) => play,
        _ = interrupt.recv() => std::process::exit(INTERRUPTED),
    };
    let data = options.data.display().to_string();
    let words = show::welcome(&hub.addresses(), &accounts, &data, options.seed);
    if options.json {
        show.say(&words)
    } else {
        show.say_to_reader(&words)
    }

    let began = tokio::time::Instant::now();
    let end = async {
        match options.length {
            Some(length) => tokio::time::sleep(length).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(end);
    let mut ticks = tokio::time::interval(COUNT_EVERY);
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                counted.catch_up().await?;
                show.live(&counted.tally.counts(), counted.tally.now());
            }
            () = &mut end => break,
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
        }
    }
    let seconds = began.elapsed().as_secs();
    show.step("Everybody finishes and goes home … (Ctrl-C again ends at once)");
    let closing = async {
        play.close(&mut counted, CLOSE_WITHIN).await?;
        counted.catch_up().await?;
        let addresses = hub.addresses();
        hub.stop().await;
        Ok::<_, String>(addresses)
    };
    let addresses = tokio::select! {
        addresses = closing => addresses?,
        _ = interrupt.recv() => std::process::exit(INTERRUPTED),
    };
    show.done();
    if counted.tally.unreadable() > 0 {
        trouble.note("events of the log were not understood");
    }
    let report = Report {
        counts: counted.tally.counts(),
        seconds,
        seed: options.seed,
        simulation_errors: trouble.count(),
        errors: trouble.all(),
        addresses,
    };
    finish(&report, options.json)
}

fn finish(report: &Report, json: bool) -> Result<(), String> {
    for (what, times) in &report.errors {
        eprintln!("{times} × {what}");
    }
    let mut out = std::io::stdout().lock();
    let written = if json {
        serde_json::to_writer(&mut out, report)
            .map_err(std::io::Error::from)
            .and_then(|()| writeln!(out))
    } else {
        writeln!(
            out,
            "{}",
            show::farewell(&report.counts, report.simulation_errors)
        )
    };
    written
        .and_then(|()| out.flush())
        .map_err(|error| format!("the report cannot be written: {error}"))
}

fn choose_ports(choice: PortChoice, show: &Show) -> Ports {
    if choice == PortChoice::Auto {
        return Ports::automatic();
    }
    let (ports, taken) = FRIENDLY.free();
    for (name, port) in taken {
        show.say(&format!(
            "Port {port} ({name}) is taken; a free one is used."
        ));
    }
    ports
}

fn on(kind: SignalKind) -> Result<Signal, String> {
    signal(kind).map_err(|error| format!("signals cannot be received: {error}"))
}

/// Makes the data folder, for its owner alone.
fn make_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder.create(folder)
}

/// A span such as `90`, `90s`, `5m` or `1h`.
fn span(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no span: use 1s to 24h, such as 60s, 5m or 1h");
    let (digits, unit) = text.split_at(
        text.find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len()),
    );
    let unit = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => return Err(wrong()),
    };
    let seconds = digits
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(unit));
    seconds
        .filter(|seconds| (1..=86_400).contains(seconds))
        .map(Duration::from_secs)
        .ok_or_else(wrong)
}

/// The counts and how far the log has been counted.
struct Counted {
    tally: Tally,
    after: Position,
    log: Arc<dyn EventLog>,
}

impl Counted {
    /// Counts what was appended meanwhile.
    async fn catch_up(&mut self) -> Result<(), String> {
        loop {
            let page = self
                .log
                .read_all(self.after, PAGE)
                .await
                .map_err(|error| format!("the log cannot be read: {error}"))?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            self.after = last.position;
            page.iter().for_each(|recorded| self.tally.take(recorded));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_nonsense_is_refused() {
        assert_eq!(span("60s").unwrap(), Duration::from_secs(60));
        assert_eq!(span("5m").unwrap(), Duration::from_secs(300));
        assert_eq!(span("7").unwrap(), Duration::from_secs(7));
        for wrong in ["", "s", "0s", "5d", "-3s", "99999999999999999999h", "25h"] {
            assert!(span(wrong).is_err(), "{wrong}");
        }
    }
}
