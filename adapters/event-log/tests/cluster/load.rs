//! Many writers while everything goes wrong.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rapport_domain::event::{Position, Revision};
use rapport_domain::id::EventId;
use rapport_domain::port::log::{AppendError, Appended, EventLog, Expected, Subscription};
use rapport_domain::testing::block_on;
use rapport_event_log::{ClusterConfig, ClusterLog};
use rapport_eventstore_double::{Ending, Mischief};

use crate::support::{Server, batch, everything};

const WRITERS: u128 = 12;
const EACH: u64 = 25;

/// Retries what a caller would retry: the same batch, until its outcome is known.
fn until_known(
    log: &ClusterLog,
    to: u128,
    expected: Expected,
    numbers: &[u128],
) -> Result<Appended, AppendError> {
    loop {
        match block_on(log.append(batch(to, expected, numbers.iter().copied()))) {
            Err(AppendError::Unknown(_) | AppendError::Unavailable(_)) => {}
            answer => return answer,
        }
    }
}

#[test]
fn under_load_and_every_mischief_nothing_is_lost_doubled_or_out_of_order() {
    let server = Server::new(3);
    let config = || ClusterConfig {
        answer_within: Duration::from_millis(400),
        longest_pause: Duration::from_millis(50),
        ..server.config()
    };
    let hubs = [(); 2].map(|()| block_on(ClusterLog::connect(config())).expect("a connection"));
    let reader = block_on(ClusterLog::connect(config())).expect("a connection");
    let over = AtomicBool::new(false);
    let total = usize::try_from(WRITERS).expect("few") * EACH as usize * 2;

    let (acknowledged, followed) = std::thread::scope(|scope| {
        let following = scope.spawn(|| {
            let mut subscription = Subscription::new(&reader, Position::START, 50);
            let mut seen = Vec::new();
            while seen.len() < total {
                match block_on(subscription.next()) {
                    Ok(page) => seen.extend(page),
                    Err(error) => eprintln!("the reader asks again: {error}"),
                }
            }
            seen
        });
        let mischief = scope.spawn(|| {
            let (mut round, mut appends) = (0_usize, 0);
            while !over.load(Ordering::Acquire) {
                match round % 8 {
                    0 => server.double.set(Mischief::CutBefore(1)),
                    1 => server.double.set(Mischief::CutAfter(2)),
                    2 => server.double.set(Mischief::FalseConflict(3)),
                    3 => server
                        .run(server.double.cut_connections(round % 3))
                        .expect("the port"),
                    4 => server.double.lead(round % 3),
                    5 => server.double.set(Mischief::Swallow(1)),
                    6 => server.double.end_subscriptions(Ending::Clean),
                    _ => server.double.lead((round + 1) % 3),
                }
                round += 1;
                // The next one after some more appends, or when there will be none.
                let due = appends + 15;
                let some = async {
                    let more = server.double.until(|seen| seen.appends >= due);
                    tokio::time::timeout(Duration::from_millis(500), more)
                        .await
                        .ok()
                };
                appends = server.run(some).map_or(due, |seen| seen.appends);
            }
            server.double.clear();
            round
        });
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let log = &hubs[usize::try_from(writer).expect("few") % 2];
                scope.spawn(move || {
                    let mut known: Vec<(EventId, Appended)> = Vec::new();
                    for round in 0..EACH {
                        let expected = Expected::after((round * 2).checked_sub(1).map(Revision));
                        let numbers = [0, 1].map(|at| writer * 1_000 + u128::from(round) * 2 + at);
                        let appended = until_known(log, writer, expected, &numbers)
                            .expect("nobody else writes to this stream");
                        assert_eq!(appended.revision, Revision(round * 2 + 1));
                        known.push((batch(0, expected, [numbers[1]]).events[0].id, appended));
                    }
                    known
                })
            })
            .collect();
        let mut acknowledged = Vec::new();
        for writer in writers {
            acknowledged.extend(writer.join().expect("no panic"));
        }
        over.store(true, Ordering::Release);
        let rounds = mischief.join().expect("no panic");
        assert!(rounds > 8, "only {rounds} kinds of mischief");
        (acknowledged, following.join().expect("no panic"))
    });

    let stored = everything(&hubs[0]);
    assert_eq!(stored.len(), total);
    assert_eq!(server.double.events(), total);
    let places: HashMap<EventId, (Revision, Position)> = stored
        .iter()
        .map(|event| (event.event.id, (event.revision, event.position)))
        .collect();
    assert_eq!(places.len(), total, "an id is there twice");
    for (id, appended) in acknowledged {
        assert_eq!(
            places.get(&id),
            Some(&(appended.revision, appended.position))
        );
    }
    assert_eq!(followed, stored, "a reader has seen something else");
    println!("{:?}", hubs.each_ref().map(ClusterLog::health));
}
