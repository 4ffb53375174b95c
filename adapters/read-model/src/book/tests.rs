//! Files beside each other, shown with a model that has had two versions: it counts events, the second one in tens.

use rapport_domain::event::{Actor, Category, Meta, NewEvent, Recorded, Revision, Stream};
use rapport_domain::id::{EventId, TenantId};
use rapport_domain::time::Timestamp;
use tempfile::TempDir;
use uuid::Uuid;

use super::*;
use crate::family::Edition;
use crate::file::Schema;
use crate::model::{Failure, Handler};

const SQL: &str = "CREATE TABLE checkpoint (one INTEGER PRIMARY KEY, position INTEGER NOT NULL) STRICT;
    INSERT INTO checkpoint VALUES (1, 0); CREATE TABLE seen (count INTEGER NOT NULL) STRICT; INSERT INTO seen VALUES (0)";

#[derive(Default)]
struct Ones;

#[derive(Default)]
struct Tens;

fn add(on: &Connection, count: i64) -> Result<(), Failure> {
    on.execute("UPDATE seen SET count = count + ?1", [count])?;
    Ok(())
}

impl Handler for Ones {
    const SCHEMA: Schema = Schema {
        name: "probe",
        version: 1,
        sql: SQL,
    };

    fn wants(_: &str) -> bool {
        true
    }

    fn apply(&mut self, on: &Connection, _: &Recorded) -> Result<(), Failure> {
        add(on, 1)
    }
}

impl Handler for Tens {
    const SCHEMA: Schema = Schema {
        name: "probe",
        version: 2,
        sql: SQL,
    };

    fn wants(_: &str) -> bool {
        true
    }

    fn apply(&mut self, on: &Connection, recorded: &Recorded) -> Result<(), Failure> {
        assert!(
            recorded.event.data.is_empty(),
            "a defect of the second version"
        );
        add(on, 10)
    }
}

const BEFORE: Family = Family {
    name: "probe",
    editions: &[Edition::of::<Ones>()],
};
const AFTER: Family = Family {
    name: "probe",
    editions: &[Edition::of::<Ones>(), Edition::of::<Tens>()],
};

fn events(count: u64) -> Vec<Recorded> {
    let event = |n: u64| Recorded {
        stream: Stream::new(Category::Queue, Uuid::from_u128(u128::from(n))),
        revision: Revision::FIRST,
        position: Position(n),
        event: NewEvent {
            id: EventId::from_uuid(Uuid::from_u128(u128::from(n))),
            kind: "queue.defined".to_owned(),
            version: 1,
            recorded_at: Timestamp::default(),
            meta: Meta {
                tenant: TenantId::named("t"),
                actor: Actor::System,
                correlation: Uuid::nil(),
                causation: None,
                subject: None,
            },
            data: vec![],
        },
    };
    (1..=count).map(event).collect()
}

fn seen(book: &Book) -> i64 {
    book.read(|on| on.query_row("SELECT count FROM seen", [], |row| row.get(0)))
        .unwrap()
}

fn names(folder: &TempDir) -> Vec<String> {
    let entries = std::fs::read_dir(folder.path()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".db")).collect();
    names.sort();
    names
}

/// A folder that the first version has kept up to 5 events.
fn kept_before() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (_book, mut feed) = Book::open(BEFORE, folder.path()).unwrap();
    feed.apply(&events(5)).unwrap();
    feed.set_complete().unwrap();
    folder
}

#[test]
fn the_old_version_answers_and_goes_on_until_the_new_one_takes_over() {
    let folder = kept_before();
    let (book, mut old) = Book::open(AFTER, folder.path()).unwrap();
    assert_eq!((book.files().serving.version, book.files().newest), (1, 2));
    let mut new = book.begin(Begin::Anew).unwrap();
    new.apply(&events(3)).unwrap();
    old.apply(&events(6)).unwrap();
    assert_eq!(seen(&book), 6, "the old one goes on");
    new.apply(&events(6)).unwrap();
    new.set_complete().unwrap();
    // Somebody asks while the files are exchanged.
    let asked = book.read(|on| {
        book.take_over().unwrap();
        on.query_row("SELECT count FROM seen", [], |row| row.get::<_, i64>(0))
    });
    assert_eq!(
        asked.unwrap(),
        6,
        "a question that has begun ends where it began"
    );
    assert_eq!(seen(&book), 60);
    assert_eq!(
        names(&folder),
        ["probe.v1.db", "probe.v2.db"],
        "kept for the way back"
    );
    drop((book, old, new));

    // The next start needs the old one no longer.
    let (book, _) = Book::open(AFTER, folder.path()).unwrap();
    assert_eq!(seen(&book), 60);
    assert_eq!(names(&folder), ["probe.v2.db"]);
}

#[test]
fn the_older_program_finds_its_file_and_leaves_the_later_ones_alone() {
    let folder = kept_before();
    let (book, _old) = Book::open(AFTER, folder.path()).unwrap();
    let mut new = book.begin(Begin::Anew).unwrap();
    new.apply(&events(5)).unwrap();
    new.set_complete().unwrap();
    book.take_over().unwrap();
    drop((book, new, _old));
    let (book, _) = Book::open(BEFORE, folder.path()).unwrap();
    assert_eq!(seen(&book), 5);
    assert_eq!(names(&folder), ["probe.v1.db", "probe.v2.db"]);
}

#[test]
fn a_build_that_a_crash_cut_goes_on_where_it_was() {
    let folder = kept_before();
    let (book, _old) = Book::open(AFTER, folder.path()).unwrap();
    let mut new = book.begin(Begin::Anew).unwrap();
    new.apply(&events(3)).unwrap();
    drop((book, _old, new));
    let (book, _old) = Book::open(AFTER, folder.path()).unwrap();
    assert_eq!(seen(&book), 5, "unfinished, it does not answer");
    assert_eq!(book.files().beside.unwrap().name, "probe.v2.db");
    let new = book.begin(Begin::Unfinished).unwrap();
    assert_eq!(new.checkpoint().unwrap(), Position(3));
}

#[test]
fn the_same_version_is_built_anew_under_a_name_of_its_own_and_given_up_without_a_trace() {
    let folder = kept_before();
    let (book, _old) = Book::open(BEFORE, folder.path()).unwrap();
    let mut new = book.begin(Begin::Anew).unwrap();
    new.apply(&events(2)).unwrap();
    assert_eq!(names(&folder), ["probe.v1.1.db", "probe.v1.db"]);
    drop(new);
    book.give_up().unwrap();
    assert_eq!(names(&folder), ["probe.v1.db"]);
    assert_eq!(book.files().beside, None);
    let mut new = book.begin(Begin::Anew).unwrap();
    new.apply(&events(7)).unwrap();
    new.set_complete().unwrap();
    book.take_over().unwrap();
    assert_eq!((seen(&book), book.position()), (7, Position(7)));
    assert!(book.discard().unwrap());
    assert!(!book.discard().unwrap(), "there is none any more");
    assert_eq!(names(&folder), ["probe.v1.1.db"]);
}

#[test]
fn the_way_back_leads_to_the_file_before_and_deletes_the_one_after() {
    let folder = kept_before();
    let (book, old) = Book::open(AFTER, folder.path()).unwrap();
    let mut new = book.begin(Begin::Anew).unwrap();
    new.apply(&events(6)).unwrap();
    new.set_complete().unwrap();
    book.take_over().unwrap();
    drop((old, new));
    assert!(book.begin(Begin::Unfinished).is_err(), "nothing was begun");
    let mut back = book.begin(Begin::Previous).unwrap();
    assert_eq!(back.checkpoint().unwrap(), Position(5));
    back.apply(&events(6)).unwrap();
    book.take_over().unwrap();
    assert_eq!(seen(&book), 6);
    assert_eq!(names(&folder), ["probe.v1.db"]);
    assert!(book.begin(Begin::Previous).is_err(), "it answers");
}

#[test]
fn without_a_file_that_was_complete_the_newest_version_is_filled() {
    let folder = tempfile::tempdir().unwrap();
    let (book, mut feed) = Book::open(BEFORE, folder.path()).unwrap();
    feed.apply(&events(2)).unwrap();
    assert!(!feed.is_complete().unwrap());
    drop((book, feed));
    let (book, feed) = Book::open(AFTER, folder.path()).unwrap();
    assert_eq!(book.files().serving.version, 2);
    assert_eq!(feed.checkpoint().unwrap(), Position::START);
    assert_eq!(
        names(&folder),
        ["probe.v2.db"],
        "the old one was never complete"
    );
}

#[test]
fn a_defect_over_one_event_parks_its_stream_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let (book, mut feed) = Book::open(AFTER, folder.path()).unwrap();
    let mut page = events(9);
    page[3].event.data = b"{}".to_vec();
    feed.apply(&page).unwrap();
    assert_eq!(seen(&book), 80);
    let parked = book.parked(9).unwrap();
    assert_eq!(parked.len(), 1);
    assert_eq!((parked[0].position, parked[0].held), (Position(4), 1));
}
