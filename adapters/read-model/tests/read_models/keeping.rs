//! What keeps a model alive: failures, readers, waiting, rebuilding.

use std::time::Duration;

use rapport_domain::event::Position;
use rapport_domain::port::query::Checkpoints;
use rapport_read_model::{CUSTOMERS, ReadModels, TIMELINE, backup, discard_strangers};

use crate::fixture::{customer, full, tenant};
use crate::support::{Paper, fed, feed, file};

#[test]
fn a_page_that_fails_leaves_nothing_behind_and_can_come_again() {
    let (folder, mut paper) = (tempfile::tempdir().unwrap(), Paper::default());
    full(&mut paper);
    let (models, mut projections) = ReadModels::open(folder.path()).unwrap();
    let timeline = projections
        .iter_mut()
        .find(|projection| projection.name() == TIMELINE)
        .unwrap();
    let file = rusqlite::Connection::open(file(folder.path(), TIMELINE)).unwrap();
    file.execute_batch("ALTER TABLE item RENAME TO gone")
        .unwrap();
    let error = timeline.apply(&paper.events).unwrap_err();
    assert!(!error.to_string().contains("1042"), "{error}");
    assert_eq!(timeline.checkpoint().unwrap(), Position::START);
    file.execute_batch("ALTER TABLE gone RENAME TO item")
        .unwrap();
    timeline.apply(&paper.events).unwrap();
    assert_eq!(
        models
            .timeline(tenant(), customer(), None, 9)
            .unwrap()
            .items
            .len(),
        8
    );
}

#[test]
fn a_long_read_does_not_hold_up_the_projection() {
    let (folder, mut paper) = (tempfile::tempdir().unwrap(), Paper::default());
    full(&mut paper);
    let (models, mut projections) = ReadModels::open(folder.path()).unwrap();
    let reader = rusqlite::Connection::open(file(folder.path(), CUSTOMERS)).unwrap();
    reader.execute_batch("BEGIN").unwrap();
    let count = |reader: &rusqlite::Connection| {
        reader
            .query_row("SELECT count(*) FROM customer", [], |row| {
                row.get::<_, i64>(0)
            })
            .unwrap()
    };
    assert_eq!(count(&reader), 0);
    for projection in &mut projections {
        feed(projection.as_mut(), &paper.events, 3);
    }
    assert_eq!(count(&reader), 0, "the long read sees what it began with");
    assert!(
        models.customer(tenant(), customer()).unwrap().is_some(),
        "everybody else sees the new state"
    );
}

#[test]
fn who_waits_for_a_position_is_woken_when_it_is_there() {
    let (folder, mut paper) = (tempfile::tempdir().unwrap(), Paper::default());
    full(&mut paper);
    let (models, mut projections) = ReadModels::open(folder.path()).unwrap();
    assert!(!models.wait_for(CUSTOMERS, paper.head(), Duration::ZERO));
    let (waiting, head) = (models.clone(), paper.head());
    let waiter =
        std::thread::spawn(move || waiting.wait_for(CUSTOMERS, head, Duration::from_secs(60)));
    for projection in &mut projections {
        projection.apply(&paper.events).unwrap();
    }
    assert!(waiter.join().unwrap());
}

#[test]
fn reactors_go_on_where_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let (models, _) = ReadModels::open(folder.path()).unwrap();
    assert_eq!(models.load("outreach").unwrap(), Position::START);
    models.save("outreach", Position(41)).unwrap();
    models.save("outreach", Position(42)).unwrap();
    drop(models);
    let (models, _) = ReadModels::open(folder.path()).unwrap();
    assert_eq!(models.load("outreach").unwrap(), Position(42));
    assert_eq!(models.load("dialer").unwrap(), Position::START);
}

#[test]
fn a_model_nobody_knows_cannot_be_rebuilt() {
    let folder = tempfile::tempdir().unwrap();
    let error = ReadModels::rebuild(folder.path(), "reactions")
        .err()
        .unwrap();
    assert!(
        error
            .to_string()
            .contains("customers, timeline, statistics and worklist")
    );
}

#[test]
fn a_rebuild_that_was_given_up_changes_nothing() {
    let (folder, mut paper) = (tempfile::tempdir().unwrap(), Paper::default());
    full(&mut paper);
    drop(fed(folder.path(), &paper.events));
    let mut given_up = ReadModels::rebuild(folder.path(), CUSTOMERS).unwrap();
    feed(&mut given_up, &paper.events[..3], 3);
    drop(given_up);
    let (models, _) = ReadModels::open(folder.path()).unwrap();
    assert_eq!(models.seen(CUSTOMERS), paper.head());
    let mut again = ReadModels::rebuild(folder.path(), CUSTOMERS).unwrap();
    assert_eq!(
        rapport_domain::port::projection::Projection::checkpoint(&again).unwrap(),
        Position::START
    );
    feed(&mut again, &paper.events, 3);
}

#[test]
fn models_of_a_log_that_went_further_or_began_otherwise_are_thrown_away() {
    let (folder, mut paper) = (tempfile::tempdir().unwrap(), Paper::default());
    full(&mut paper);
    let (first, last) = (&paper.events[0], paper.events.last().unwrap());
    let first = Some((first.position, first.event.id));
    let head = last.position;
    let checkpoints = || -> Vec<Position> {
        let (models, _) = ReadModels::open(folder.path()).unwrap();
        ReadModels::names()
            .iter()
            .map(|name| models.seen(name))
            .collect()
    };
    let build = || drop(fed(folder.path(), &paper.events));
    let discard = |first, head| discard_strangers(folder.path(), first, head).unwrap();

    build();
    assert_eq!(discard(first, head), Vec::<String>::new());
    assert_eq!(discard(first, head), Vec::<String>::new());
    assert_eq!(checkpoints(), [head; 4], "they are of this log");

    // An older backup of the log was put in place.
    let earlier = Position(head.0 - 1);
    assert_eq!(discard(first, earlier).len(), 4);
    assert_eq!(checkpoints(), [Position::START; 4]);

    // The same log on an engine that counts otherwise: its head lies far beyond every checkpoint.
    build();
    let moved = first.map(|(_, id)| (Position(42), id));
    assert!(!discard(moved, Position(1_000_000)).is_empty());
    assert_eq!(checkpoints(), [Position::START; 4]);

    // A reactor that would pass over what it has not seen is as wrong as a model.
    build();
    let (models, _) = ReadModels::open(folder.path()).unwrap();
    models.save("offers", Position(head.0 + 5)).unwrap();
    drop(models);
    assert_eq!(discard(moved, head), ["reactions.v1.db"]);

    // No event is left at all.
    assert_eq!(discard(None, Position::START).len(), 4);
}

#[test]
fn a_copy_of_the_models_holds_one_state_of_each_and_nobody_else_may_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, copies) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut paper = Paper::default();
    full(&mut paper);
    let models = fed(folder.path(), &paper.events);
    assert_eq!(backup(folder.path(), copies.path()).unwrap(), 5);
    for file in std::fs::read_dir(copies.path().join("read-models")).unwrap() {
        let mode = file.unwrap().metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
    }
    let (copied, _) = ReadModels::open(copies.path()).unwrap();
    for name in ReadModels::names() {
        assert_eq!(copied.seen(name), models.seen(name), "{name}");
    }
    let of = |models: &ReadModels| {
        let timeline = models.timeline(tenant(), customer(), None, 99).unwrap();
        timeline.items.len()
    };
    assert!(of(&models) > 0);
    assert_eq!(of(&copied), of(&models));
}
