//! Power is lost at any moment, syncs fail, the disk is full, the process dies: whatever was acknowledged is there when
//! the log is opened again. `RUNS=n` makes n runs of each kind instead of the usual number.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests: what goes wrong shall fail the test"
)]

mod disk;

use std::env;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use disk::{Faults, Mounted, Random};
use rapport_domain::event::{NewEvent, Position, Recorded};
use rapport_domain::port::log::{AppendError, Appended, Batch, EventLog, Expected};
use rapport_domain::testing::block_on;
use rapport_domain::testing::log_contract::{event, stream};
use rapport_event_log::EmbeddedLog;
use rapport_event_log::verify::Quiet;
use tempfile::TempDir;

/// There is one such disk in the process.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn runs(usual: u64) -> u64 {
    env::var("RUNS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(usual)
}

const APPENDERS: u128 = 4;

/// What was acknowledged, and what was handed over without an answer that says so.
#[derive(Default)]
struct Heard {
    acknowledged: Vec<(Batch, Appended)>,
    unanswered: Vec<Batch>,
}

/// Several appenders at once, each with streams of its own, until their disk stops or each has appended `most` batches.
/// One whose outcome is unknown is tried again with the same ids, as the port says.
fn append(log: &EmbeddedLog, seed: u64, most: u64, stopped: &(dyn Fn() -> bool + Sync)) -> Heard {
    let heard = Mutex::new(Heard::default());
    thread::scope(|scope| {
        for appender in 0..APPENDERS {
            let heard = &heard;
            scope.spawn(move || {
                let mut random = Random(seed ^ (appender as u64) << 32);
                // No two lives and no two appenders share ids.
                let mut number = u128::from(seed) << 40 | appender << 32;
                let (mut to, mut expected) = (number, Expected::NoStream);
                for _ in 0..most {
                    let large = random.below(8) == 0;
                    let events = (0..1 + random.below(4)).map(|_| {
                        number += 1;
                        let size = if large { 60_000 } else { 200 };
                        NewEvent {
                            data: vec![number as u8; size + random.below(size as u64) as usize],
                            ..event(number)
                        }
                    });
                    let batch = Batch {
                        stream: stream(to),
                        expected,
                        events: events.collect(),
                    };
                    let mut tries = 0;
                    let answer = loop {
                        let answer = block_on(log.append(batch.clone()));
                        tries += 1;
                        match answer {
                            Err(AppendError::Unknown(_)) if tries < 50 && !stopped() => {}
                            answer => break answer,
                        }
                    };
                    let mut heard = heard.lock().unwrap();
                    match answer {
                        Ok(appended) => {
                            heard.acknowledged.push((batch, appended));
                            (to, expected) = if random.below(3) == 0 {
                                (number, Expected::NoStream)
                            } else {
                                (to, Expected::Exact(appended.revision))
                            };
                        }
                        Err(AppendError::Unknown(_) | AppendError::Closed) => {
                            return heard.unanswered.push(batch);
                        }
                        Err(error) => panic!("{error}"),
                    }
                }
            });
        }
    });
    heard.into_inner().unwrap()
}

/// Why a folder is not what it has to be: not one acknowledged event is missing, and it is intact.
fn what_is_wrong(folder: &Path, acknowledged: &[(Batch, Appended)]) -> Option<String> {
    let log = match EmbeddedLog::open(folder) {
        Ok(log) => log,
        Err(error) => return Some(format!("it does not open: {error}")),
    };
    let all: Vec<Recorded> = match block_on(log.read_all(Position::START, usize::MAX)) {
        Ok(all) => all,
        Err(error) => return Some(error.to_string()),
    };
    for (batch, appended) in acknowledged {
        let last = usize::try_from(appended.position.0).unwrap();
        let stored = all
            .get(last.saturating_sub(batch.events.len())..last)
            .unwrap_or_default();
        let same = stored.len() == batch.events.len()
            && stored
                .iter()
                .zip(&batch.events)
                .all(|(stored, event)| stored.stream == batch.stream && stored.event == *event);
        if !same {
            return Some(format!("{appended:?} was acknowledged and is not there"));
        }
    }
    drop(log);
    match EmbeddedLog::verify(folder, &[], &mut Quiet) {
        Ok(verified) => verified.faults.first().map(ToString::to_string),
        Err(error) => Some(error.to_string()),
    }
}

/// A folder for what the platter holds, and the one before it.
struct Folders(TempDir, u32);

impl Folders {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap(), 0)
    }

    fn present(&self) -> PathBuf {
        let folder = self.0.path().join(self.1.to_string());
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn after(&mut self) -> PathBuf {
        self.1 += 1;
        self.present()
    }
}

/// Figures that show that something was tried at all.
#[derive(Debug, Default)]
struct Tally {
    lives: u64,
    cut: u64,
    acknowledged: u64,
    operations: u64,
    syncs: u64,
    failed: u64,
}

/// Three lives on one log, each of which ends with a loss of power; the first thing that was wrong.
fn three_lives(
    seed: u64,
    tally: &mut Tally,
    faults: &dyn Fn(&mut Random) -> Faults,
) -> Option<String> {
    let mut random = Random(seed);
    let mut folders = Folders::new();
    let mut acknowledged = Vec::new();
    for life in 0..3 {
        let most = [6, 25, 60][random.below(3) as usize];
        let mounted = Mounted::over(&folders.present(), random.next(), faults(&mut random));
        let stopped = || mounted.used().stopped;
        // The moment may come while it is created, or opened after the last time.
        if let Ok(log) = EmbeddedLog::open(&folders.present()) {
            let id = seed * 4 + life;
            acknowledged.extend(append(&log, id, most, &stopped).acknowledged);
            if random.below(2) == 0 {
                block_on(log.close()); // with its last checkpoint, in the middle of which it may come, too
            }
            mounted.stop();
        }
        let used = mounted.used();
        tally.lives += 1;
        tally.cut += u64::from(used.stopped && used.operations > 0);
        tally.operations += used.operations;
        tally.syncs += used.syncs;
        tally.failed += used.failed;
        mounted.lose_power(&folders.after());
        if let Some(wrong) = what_is_wrong(&folders.present(), &acknowledged) {
            return Some(format!("seed {seed}, life {life}: {wrong}"));
        }
    }
    tally.acknowledged += acknowledged.len() as u64;
    None
}

fn at_any_moment(random: &mut Random) -> Faults {
    let span = [100, 1_000, 5_000][random.below(3) as usize];
    Faults {
        stops_at: Some(1 + random.below(span)),
        ..Faults::default()
    }
}

#[test]
fn every_acknowledged_append_survives_a_loss_of_power_at_any_moment() {
    let _alone = alone();
    let mut tally = Tally::default();
    for seed in 0..runs(100) {
        let wrong = three_lives(seed, &mut tally, &at_any_moment);
        assert_eq!(wrong, None);
    }
    println!("{tally:?}");
    assert!(
        tally.acknowledged > tally.lives && tally.syncs > tally.lives,
        "{tally:?}"
    );
}

#[test]
fn a_disk_that_only_says_that_it_synced_is_found_out() {
    let _alone = alone();
    let lying = |random: &mut Random| Faults {
        lies: true,
        ..at_any_moment(random)
    };
    let found = (0..60).find_map(|seed| three_lives(seed, &mut Tally::default(), &lying));
    assert!(
        found.is_some(),
        "this test would not notice a log that does not sync"
    );
}

#[test]
fn after_a_sync_that_failed_nothing_is_acknowledged_over_a_hole() {
    let _alone = alone();
    let mut tally = Tally::default();
    for seed in 1_000..1_000 + runs(60) {
        let failing = |random: &mut Random| {
            let first = 1 + random.below(30);
            Faults {
                failing_syncs: vec![
                    first,
                    first + 1 + random.below(3),
                    first + 10 + random.below(20),
                ],
                ..at_any_moment(random)
            }
        };
        assert_eq!(three_lives(seed, &mut tally, &failing), None);
    }
    println!("{tally:?}");
    assert!(tally.failed > tally.lives / 4, "{tally:?}");
}

#[test]
fn a_disk_that_was_full_for_a_while_loses_nothing() {
    let _alone = alone();
    let mut tally = Tally::default();
    for seed in 2_000..2_000 + runs(20) {
        let full = |random: &mut Random| Faults {
            room: Some(random.below(1_500_000)),
            ..at_any_moment(random)
        };
        assert_eq!(three_lives(seed, &mut tally, &full), None);
    }
    println!("{tally:?}");
    assert!(tally.failed > tally.lives / 4, "{tally:?}");
}

/// The process dies, is started again and told again what it had not answered; only then is power lost. What the first
/// one had written and not synced must not pass for stored.
#[test]
fn what_a_killed_process_had_not_synced_is_synced_before_a_retry_is_answered() {
    let _alone = alone();
    let mut retried = 0;
    for seed in 3_000..3_000 + runs(60) {
        let mut random = Random(seed);
        let mut folders = Folders::new();
        // Also with a sync that failed last: its successor inherits the operating system's memory.
        let faults = Faults {
            stops_at: Some(60 + random.below(300)),
            failing_syncs: if random.below(2) == 0 {
                (4 + random.below(12)..200).collect()
            } else {
                Vec::new()
            },
            ..Faults::default()
        };
        let mounted = Mounted::over(&folders.present(), random.next(), faults);
        let mut heard = Heard::default();
        if let Ok(log) = EmbeddedLog::open(&folders.present()) {
            heard = append(&log, seed, 25, &|| mounted.used().stopped);
            mounted.stop();
        }
        mounted.start_again(Faults::default());
        let log = EmbeddedLog::open(&folders.present()).unwrap();
        for batch in heard.unanswered {
            let appended = block_on(log.append(batch.clone())).unwrap();
            heard.acknowledged.push((batch, appended));
            retried += 1;
            if random.below(2) == 0 {
                break;
            }
        }
        mounted.stop();
        drop(log);
        mounted.lose_power(&folders.after());
        let wrong = what_is_wrong(&folders.present(), &heard.acknowledged);
        assert_eq!(wrong, None, "seed {seed}");
    }
    assert!(retried > 0, "nothing was cut in the middle");
}
