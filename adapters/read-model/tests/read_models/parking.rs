//! What cannot be taken in stops its own stream and nothing else.

use std::path::Path;

use rapport_domain::channel::Channel;
use rapport_domain::customer::{ErasureGround, Fact as CustomerFact};
use rapport_domain::event::{Category, Position, Recorded, Stream};
use rapport_domain::interaction::Fact;
use rapport_domain::port::projection::{Projection, Shelf, Tally};
use rapport_read_model::{CUSTOMERS, ReadModels, STATISTICS, TIMELINE};

use crate::fixture::{LATE, begun, call, customer, full, tenant};
use crate::support::{Paper, dump, fed, feed, file};

fn stream(n: u128) -> Stream {
    Stream::new(Category::Interaction, call(n).as_uuid())
}

/// Two contacts; an event of the first cannot be read, and more of both follow.
fn with_poison() -> Paper {
    let mut paper = Paper::default();
    paper.append(tenant(), stream(1).id, LATE, &begun(Channel::Chat));
    paper.append(tenant(), stream(2).id, LATE, &begun(Channel::Chat));
    let kind = "interaction.message_received";
    paper.raw(tenant(), stream(1), LATE, kind, 1, b"{\"text\":5}".to_vec());
    paper.append(tenant(), stream(2).id, LATE, &[Fact::Abandoned {}]);
    paper.append(tenant(), stream(1).id, LATE, &[Fact::Abandoned {}]);
    paper
}

fn kinds(models: &ReadModels) -> Vec<String> {
    let page = models.timeline(tenant(), customer(), None, 99).unwrap();
    page.items.into_iter().map(|item| item.kind).collect()
}

fn timeline(folder: &Path) -> (ReadModels, Box<dyn Projection>) {
    let (models, projections) = ReadModels::open(folder).unwrap();
    let mut projections = projections.into_iter();
    let timeline = projections.find(|projection| projection.name() == TIMELINE);
    (models, timeline.unwrap())
}

fn of(events: &[Recorded], stream: Stream) -> Vec<Recorded> {
    let of = events.iter().filter(|event| event.stream == stream);
    of.cloned().collect()
}

#[test]
fn an_event_that_cannot_be_read_parks_its_stream_and_the_rest_goes_on() {
    let (folder, paper) = (tempfile::tempdir().unwrap(), with_poison());
    let models = fed(folder.path(), &paper.events);
    assert_eq!(kinds(&models), ["abandoned", "started", "started"]);
    assert_eq!(models.seen(TIMELINE), paper.head());
    let tally = models.tally(TIMELINE);
    assert_eq!((tally.parked, tally.held), (1, 2));
    let parked = models.parked(TIMELINE, 9).unwrap();
    let [one] = parked.as_slice() else {
        panic!("{parked:?}")
    };
    assert_eq!((one.stream, one.tenant, one.held), (stream(1), tenant(), 2));
    assert_eq!(one.kind, "interaction.message_received.v1");
    let poison = paper
        .events
        .iter()
        .find(|event| event.event.kind == "interaction.message_received");
    let poison = poison.unwrap();
    assert_eq!(
        (one.position, one.revision),
        (poison.position, poison.revision)
    );
    assert!(!one.reason.contains('5'), "no data: {}", one.reason);
    assert_eq!(
        models.tally(STATISTICS),
        Tally::default(),
        "it does not look at messages"
    );
}

#[test]
fn what_is_parked_is_the_same_however_the_events_arrive_and_survives_a_restart() {
    let paper = with_poison();
    let at_once = tempfile::tempdir().unwrap();
    drop(fed(at_once.path(), &paper.events));
    let one_by_one = tempfile::tempdir().unwrap();
    for event in &paper.events {
        let (_models, mut timeline) = timeline(one_by_one.path());
        feed(timeline.as_mut(), std::slice::from_ref(event), 1);
    }
    let without_moments = |folder: &Path| {
        let mut tables = dump(folder, TIMELINE);
        let parked = tables.get_mut("parked").unwrap();
        parked.iter_mut().for_each(|row| drop(row.remove(7)));
        tables
    };
    assert_eq!(
        without_moments(at_once.path()),
        without_moments(one_by_one.path())
    );
    let (models, _) = timeline(one_by_one.path());
    assert_eq!(
        (models.tally(TIMELINE).parked, models.tally(TIMELINE).held),
        (1, 2)
    );
}

#[test]
fn an_event_of_a_later_program_is_passed_over_and_parks_nothing() {
    let (folder, mut paper) = (tempfile::tempdir().unwrap(), Paper::default());
    paper.append(tenant(), stream(1).id, LATE, &begun(Channel::Chat));
    let secret = b"{\"secret\":1}".to_vec();
    paper.raw(
        tenant(),
        stream(1),
        LATE,
        "interaction.message_received",
        2,
        secret.clone(),
    );
    paper.raw(tenant(), stream(1), LATE, "interaction.dreamt", 1, secret);
    paper.append(tenant(), stream(1).id, LATE, &[Fact::Abandoned {}]);
    let models = fed(folder.path(), &paper.events);
    let tally = models.tally(TIMELINE);
    assert_eq!((tally.unknown, tally.parked, tally.held), (2, 0, 0));
    assert_eq!(kinds(&models), ["abandoned", "started"]);
}

#[test]
fn a_value_that_is_refused_leaves_nothing_of_its_event_and_is_taken_in_when_it_can_be() {
    let (folder, mut paper) = (tempfile::tempdir().unwrap(), Paper::default());
    for n in [1, 2] {
        paper.append(tenant(), stream(n).id, LATE, &begun(Channel::Chat));
        paper.append(tenant(), stream(n).id, LATE, &[Fact::Abandoned {}]);
    }
    let (models, mut timeline) = timeline(folder.path());
    let file = rusqlite::Connection::open(file(folder.path(), TIMELINE)).unwrap();
    let refuse = format!(
        "CREATE TRIGGER refuse BEFORE INSERT ON item WHEN hex(new.interaction) = '{}'
         BEGIN SELECT RAISE(ABORT, 'refused'); END",
        stream(1).id.simple().to_string().to_uppercase()
    );
    file.execute_batch(&refuse).unwrap();
    feed(timeline.as_mut(), &paper.events, 100);
    assert_eq!(timeline.tally().parked, 1);
    assert_eq!(kinds(&models), ["abandoned", "started"]);
    let left: i64 = file
        .query_row("SELECT count(*) FROM interaction", [], |row| row.get(0))
        .unwrap();
    assert_eq!(
        left, 1,
        "what the event had written before it failed is gone"
    );

    // Nothing has changed: it stays parked.
    let held = of(&paper.events, stream(1));
    assert!(!timeline.release(stream(1), &held, true).unwrap());
    assert_eq!(timeline.parked(9).unwrap()[0].reason, "refused");

    file.execute_batch("DROP TRIGGER refuse").unwrap();
    assert!(timeline.release(stream(1), &held, true).unwrap());
    let tally = timeline.tally();
    assert_eq!((tally.parked, tally.held), (0, 0));
    let mut all = kinds(&models);
    all.sort_unstable();
    assert_eq!(all, ["abandoned", "abandoned", "started", "started"]);
    let whole = tempfile::tempdir().unwrap();
    drop(fed(whole.path(), &paper.events));
    assert_eq!(dump(folder.path(), TIMELINE), dump(whole.path(), TIMELINE));
}

#[test]
fn a_long_stream_is_released_in_parts_and_stays_at_the_event_that_still_fails() {
    let (folder, mut paper) = (tempfile::tempdir().unwrap(), Paper::default());
    paper.append(tenant(), stream(1).id, LATE, &begun(Channel::Chat));
    let kind = "interaction.message_received";
    let good = |n: u128| {
        let id = uuid::Uuid::from_u128(n);
        format!("{{\"message\":\"{id}\",\"text\":\"x\"}}").into_bytes()
    };
    for n in 1..6 {
        paper.raw(tenant(), stream(1), LATE, kind, 1, good(n));
    }
    let mut wrong = paper.events.clone();
    for (place, event) in wrong.iter_mut().enumerate() {
        if event.event.kind == kind && place % 3 == 0 {
            event.event.data = b"{}".to_vec();
        }
    }
    let (_models, mut timeline) = timeline(folder.path());
    feed(timeline.as_mut(), &wrong, 100);
    let first = timeline.parked(1).unwrap().remove(0);
    let rest = of(&paper.events, stream(1));
    let rest: Vec<Recorded> = rest
        .into_iter()
        .filter(|event| event.revision >= first.revision)
        .collect();
    assert_eq!(first.held, rest.len() as u64);
    // The first part is mended, of the second an event is still wrong.
    assert!(timeline.release(stream(1), &rest[..1], false).unwrap());
    assert_eq!(timeline.parked(1).unwrap()[0].held, first.held - 1);
    let still: Vec<Recorded> = of(&wrong, stream(1))
        .into_iter()
        .filter(|event| event.revision > first.revision)
        .collect();
    let fails = still
        .iter()
        .find(|event| event.event.data == b"{}")
        .unwrap();
    assert!(!timeline.release(stream(1), &still, true).unwrap());
    assert_eq!(timeline.parked(1).unwrap()[0].revision, fails.revision);
    assert!(timeline.release(stream(1), &rest, true).unwrap());
    assert_eq!(timeline.tally(), Tally::default());
    let whole = tempfile::tempdir().unwrap();
    drop(fed(whole.path(), &paper.events));
    assert_eq!(dump(folder.path(), TIMELINE), dump(whole.path(), TIMELINE));
}

#[test]
fn a_file_that_fails_is_not_the_events_fault() {
    let (folder, paper) = (tempfile::tempdir().unwrap(), with_poison());
    let (_models, mut timeline) = timeline(folder.path());
    let file = rusqlite::Connection::open(file(folder.path(), TIMELINE)).unwrap();
    file.execute_batch("ALTER TABLE item RENAME TO gone")
        .unwrap();
    assert!(timeline.apply(&paper.events).is_err());
    assert_eq!(timeline.tally(), Tally::default(), "nothing is parked");
    assert_eq!(timeline.checkpoint().unwrap(), Position::START);
    file.execute_batch("ALTER TABLE gone RENAME TO item")
        .unwrap();
    timeline.apply(&paper.events).unwrap();
    assert_eq!(timeline.tally().parked, 1);
}

#[test]
fn forgetting_does_not_wait_for_a_repair() {
    let (folder, mut paper) = (tempfile::tempdir().unwrap(), Paper::default());
    full(&mut paper);
    let before = fed(folder.path(), &paper.events);
    let known = before.customer(tenant(), customer()).unwrap().unwrap();
    assert!(!known.contact_points.is_empty());
    drop(before);
    let of_customer = Stream::new(Category::Customer, customer().as_uuid());
    let unreadable = b"{\"name\":5}".to_vec();
    paper.raw(tenant(), of_customer, LATE, "customer.named", 1, unreadable);
    let erased = CustomerFact::Erased {
        ground: ErasureGround::Requested,
    };
    paper.append(tenant(), of_customer.id, LATE, &[erased]);
    let after = fed(folder.path(), &paper.events);
    assert_eq!(
        (after.tally(CUSTOMERS).parked, after.tally(CUSTOMERS).held),
        (1, 2)
    );
    let left = after.customer(tenant(), customer()).unwrap();
    assert!(left.is_none_or(|left| left.name.is_none() && left.contact_points.is_empty()));
}
