//! Read models are built beside those that answer, one at a time, and nobody who asks notices.

#![allow(
    clippy::unwrap_used,
    reason = "tests, helpers of tests included, may panic"
)]

mod shelf;

use std::sync::Arc;
use std::time::Duration;

use rapport_domain::event::{Actor, Category, Meta, NewEvent, Position, Revision, Stream};
use rapport_domain::id::{EventId, TenantId};
use rapport_domain::port::log::{Batch, EventLog, Expected};
use rapport_domain::testing::MemoryLog;
use rapport_domain::time::Timestamp;
use rapport_engine::{ProjectionRefusal, Projections, State};
use shelf::Memory;
use tokio::runtime::Handle;
use uuid::Uuid;

const LONG: Duration = Duration::from_secs(60);

async fn append(log: &MemoryLog, stream: u128, data: &[&[u8]]) -> Position {
    let stream = Stream::new(Category::Queue, Uuid::from_u128(stream));
    let known = log
        .read_stream(stream, Revision::FIRST, 10_000)
        .await
        .unwrap();
    let event = |data: &&[u8]| NewEvent {
        id: EventId::from_uuid(Uuid::now_v7()),
        kind: "queue.defined".to_owned(),
        version: 1,
        recorded_at: Timestamp::from_millis(1_000_000),
        meta: Meta {
            tenant: TenantId::named("t"),
            actor: Actor::System,
            correlation: Uuid::nil(),
            causation: None,
            subject: None,
        },
        data: data.to_vec(),
    };
    let batch = Batch {
        stream,
        expected: Expected::after(known.last().map(|last| last.revision)),
        events: data.iter().map(event).collect(),
    };
    log.append(batch).await.unwrap().position
}

fn start(log: &MemoryLog, shelf: &Arc<Memory>) -> Projections {
    Projections::start(
        Arc::new(log.clone()),
        shelf.clone(),
        shelf.feeds(),
        Handle::current(),
    )
}

fn all(log: &MemoryLog) -> Vec<Position> {
    log.events().iter().map(|event| event.position).collect()
}

fn seen(shelf: &Memory, name: &str) -> Vec<Position> {
    shelf.serving(name).0.lock().unwrap().seen.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_version_is_built_beside_and_takes_over_when_it_has_caught_up() {
    let log = MemoryLog::new();
    append(&log, 1, &[b"a", b"b"]).await;
    let shelf = Memory::new(&["lines"], 1, 2, true).held_up(true);
    let projections = start(&log, &shelf);
    shelf.heard("began", "lines").await;
    // The old one answers, and goes on.
    let head = append(&log, 1, &[b"c"]).await;
    assert!(projections.wait_for("lines", head, LONG).await);
    assert_eq!(shelf.serving("lines").0.lock().unwrap().version, 1);
    let status = projections.status().await.remove(0);
    let build = status.build.unwrap();
    assert_eq!((status.state, status.lag_events), (State::Serving, 0));
    assert_eq!(
        (build.mark, build.file.unwrap().version),
        (Position::START, 2)
    );
    assert!(build.lag_events >= 1 && status.lag_estimated);

    shelf.hands.builds.open();
    shelf.heard("took over", "lines").await;
    assert!(
        projections.wait_for("lines", head, Duration::ZERO).await,
        "what was reached stays reached"
    );
    let head = append(&log, 2, &[b"d"]).await;
    assert!(projections.wait_for("lines", head, LONG).await);
    assert_eq!(
        seen(&shelf, "lines"),
        all(&log),
        "every event once, in order"
    );
    let status = projections.status().await.remove(0);
    assert!(status.build.is_none());
    assert_eq!(
        (status.file.version, status.previous.unwrap().version),
        (2, 1)
    );
    projections.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_is_built_at_a_time_and_a_second_wish_for_it_is_refused() {
    let log = MemoryLog::new();
    append(&log, 1, &[b"a"]).await;
    let shelf = Memory::new(&["lines", "people"], 1, 1, true).held_up(true);
    let projections = start(&log, &shelf);
    projections.rebuild("lines").unwrap();
    shelf.heard("began", "lines").await;
    projections.rebuild("people").unwrap();
    assert_eq!(
        projections.rebuild("lines"),
        Err(ProjectionRefusal::Building)
    );
    assert_eq!(
        projections.rebuild("people"),
        Err(ProjectionRefusal::Building)
    );
    assert_eq!(
        projections.rebuild("dreams"),
        Err(ProjectionRefusal::Unknown)
    );
    let people = projections.status().await.remove(1);
    assert!(people.build.unwrap().file.is_none(), "it waits");
    shelf.hands.builds.open();
    shelf.heard("took over", "people").await;
    assert_eq!(
        *shelf.told.borrow(),
        [
            ("began", "lines"),
            ("took over", "lines"),
            ("began", "people"),
            ("took over", "people")
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_fails_hinders_nobody_and_is_given_up_when_it_is_told_to() {
    let log = MemoryLog::new();
    append(&log, 1, &[b"a"]).await;
    let shelf = Memory::new(&["lines"], 1, 1, true);
    *shelf.hands.broken.lock().unwrap() = true;
    let projections = Arc::new(start(&log, &shelf));
    assert_eq!(
        projections.cancel("lines"),
        Err(ProjectionRefusal::NotBuilding)
    );
    projections.rebuild("lines").unwrap();
    shelf.heard("began", "lines").await;
    let head = append(&log, 1, &[b"b"]).await;
    assert!(
        projections.wait_for("lines", head, LONG).await,
        "the one that answers goes on"
    );
    assert_eq!(projections.error("lines"), None);
    let giving_up = projections.clone();
    let given_up = tokio::task::spawn_blocking(move || giving_up.cancel("lines"));
    assert_eq!(given_up.await.unwrap(), Ok(()));
    assert!(shelf.slots.lock().unwrap()["lines"].beside.is_none());
    // There is room for the next one.
    *shelf.hands.broken.lock().unwrap() = false;
    projections.rebuild("lines").unwrap();
    shelf.heard("took over", "lines").await;
    assert_eq!(seen(&shelf, "lines"), all(&log));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_back_catches_up_before_it_answers() {
    let log = MemoryLog::new();
    append(&log, 1, &[b"a"]).await;
    let shelf = Memory::new(&["lines"], 1, 1, true);
    let projections = start(&log, &shelf);
    assert_eq!(
        projections.go_back("lines"),
        Err(ProjectionRefusal::NothingBefore)
    );
    projections.rebuild("lines").unwrap();
    shelf.heard("took over", "lines").await;
    assert_eq!(shelf.serving("lines").0.lock().unwrap().name, "anew");
    let head = append(&log, 1, &[b"b"]).await;
    assert!(projections.wait_for("lines", head, LONG).await);
    shelf.told.send_modify(Vec::clear);
    projections.go_back("lines").unwrap();
    shelf.heard("took over", "lines").await;
    assert_eq!(shelf.serving("lines").0.lock().unwrap().name, "first");
    assert_eq!(seen(&shelf, "lines"), all(&log));
    assert!(
        !projections.discard("lines").unwrap(),
        "the one after is gone"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn models_without_a_file_are_filled_one_after_the_other_and_know_when_they_are_complete() {
    let log = MemoryLog::new();
    let head = append(&log, 1, &[b"a", b"b"]).await;
    let shelf = Memory::new(&["lines", "people"], 1, 1, false);
    let projections = start(&log, &shelf);
    for name in ["lines", "people"] {
        assert!(projections.wait_for(name, head, LONG).await);
        assert_eq!(seen(&shelf, name), all(&log));
    }
    // The next event comes after the moment at which it was complete.
    let head = append(&log, 1, &[b"c"]).await;
    for name in ["lines", "people"] {
        assert!(projections.wait_for(name, head, LONG).await);
        assert!(shelf.serving(name).0.lock().unwrap().complete);
    }
    let states: Vec<State> = projections
        .status()
        .await
        .iter()
        .map(|model| model.state)
        .collect();
    assert_eq!(states, [State::Serving; 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_parked_stream_holds_back_is_taken_in_by_a_retry_and_shown_until_then() {
    let log = MemoryLog::new();
    append(&log, 1, &[b"a", b"poison", b"c"]).await;
    let head = append(&log, 2, &[b"d"]).await;
    let shelf = Memory::new(&["lines"], 1, 1, true);
    let projections = start(&log, &shelf);
    assert!(projections.wait_for("lines", head, LONG).await);
    assert_eq!(seen(&shelf, "lines").len(), 2, "the other stream goes on");
    let head = append(&log, 1, &[b"e"]).await;
    assert!(projections.wait_for("lines", head, LONG).await);
    let parked = projections.parked("lines", 9).unwrap();
    assert_eq!((parked.len(), parked[0].held), (1, 3));

    let done = projections.retry("lines").await.unwrap();
    assert_eq!((done.released, done.parked), (0, 1), "nothing has changed");
    *shelf.hands.cured.lock().unwrap() = true;
    let done = projections.retry("lines").await.unwrap();
    assert_eq!((done.released, done.parked), (1, 0));
    let mut taken = seen(&shelf, "lines");
    taken.sort();
    assert_eq!(taken, all(&log), "every event once");
    let status = projections.status().await.remove(0);
    assert_eq!((status.tally.parked, status.tally.held), (0, 0));
    assert_eq!(status.lag_seconds(Timestamp::default()), Some(0.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_is_behind_says_by_how_much_and_since_when() {
    let log = MemoryLog::new();
    let head = append(&log, 1, &[b"a", b"b"]).await;
    let shelf = Memory::new(&["lines"], 1, 1, true).held_up(false);
    let projections = start(&log, &shelf);
    let behind = projections.status().await.remove(0);
    assert_eq!(behind.mark, Position::START);
    assert!(
        behind.lag_events > 0 && behind.lag_estimated,
        "positions of this log do not count"
    );
    assert_eq!(behind.oldest, Some(Timestamp::from_millis(1_000_000)));
    let an_hour_later = Timestamp::from_millis(1_000_000 + 3_600_000);
    assert_eq!(behind.lag_seconds(an_hour_later), Some(3_600.0));
    assert!(!projections.wait_for("lines", head, Duration::ZERO).await);
    shelf.hands.serving.open();
    assert!(projections.wait_for("lines", head, LONG).await);
}
