//! A backup is restored as it was made or not at all, and whoever looks through a log finds what cannot be read.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests: what goes wrong shall fail the test"
)]

use std::fs;
use std::path::Path;

use rapport_domain::event::{NewEvent, Position, Recorded, Revision, Stream};
use rapport_domain::port::BoxFuture;
use rapport_domain::port::log::{AppendError, Appended, Batch, EventLog, Expected, ReadError};
use rapport_domain::testing::log_contract::{event, stream};
use rapport_domain::testing::{MemoryLog, block_on};
use rapport_domain::time::Timestamp;
use rapport_event_log::inspect::{Facts, streams_agree};
use rapport_event_log::transfer::{Kept, KeptError};
use rapport_event_log::verify::verify;
use tempfile::TempDir;

const MADE: Timestamp = Timestamp::from_millis(1_795_262_400_000);

/// A folder that was kept: `log.db` and one in a folder within.
fn kept() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    Kept::begin(folder.path()).unwrap();
    fs::write(folder.path().join("log.db"), "the log").unwrap();
    fs::create_dir(folder.path().join("read-models")).unwrap();
    fs::write(folder.path().join("read-models/a.db"), "a model").unwrap();
    Kept::complete(folder.path(), MADE).unwrap();
    folder
}

fn restore(from: &Path, to: &Path) -> Result<(), KeptError> {
    Kept::open(from)?.restore(from, to, Path::new("log.db"), &mut |_| {})
}

#[test]
fn what_was_kept_comes_back_for_nobody_else_to_read() {
    use std::os::unix::fs::PermissionsExt;
    let (from, to) = (kept(), tempfile::tempdir().unwrap());
    let target = to.path().join("new/data");
    restore(from.path(), &target).unwrap();
    assert_eq!(fs::read(target.join("log.db")).unwrap(), b"the log");
    let model = target.join("read-models/a.db");
    assert_eq!(fs::read(&model).unwrap(), b"a model");
    assert_eq!(
        model.metadata().unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert!(!target.join("backup.json").exists());
    let about = Kept::open(from.path()).unwrap();
    assert_eq!((about.made_at, about.files(), about.bytes()), (MADE, 2, 14));
}

#[test]
fn nothing_is_restored_over_anything_and_nothing_is_kept_among_other_things() {
    let (from, to) = (kept(), tempfile::tempdir().unwrap());
    fs::write(to.path().join("mine"), "").unwrap();
    assert!(matches!(
        restore(from.path(), to.path()),
        Err(KeptError::NotEmpty(_))
    ));
    assert!(matches!(
        Kept::begin(from.path()),
        Err(KeptError::NotEmpty(_))
    ));
}

#[test]
fn a_changed_cut_or_missing_file_leaves_a_folder_without_a_log() {
    let changes: [fn(&Path); 4] = [
        |from| fs::write(from.join("log.db"), "the lag").unwrap(),
        |from| fs::write(from.join("log.db"), "the l").unwrap(),
        |from| fs::write(from.join("read-models/a.db"), "b model").unwrap(),
        |from| fs::remove_file(from.join("read-models/a.db")).unwrap(),
    ];
    for change in changes {
        let (from, to) = (kept(), tempfile::tempdir().unwrap());
        change(from.path());
        let refused = restore(from.path(), to.path()).unwrap_err();
        assert!(
            matches!(refused, KeptError::Damaged { .. } | KeptError::Io { .. }),
            "{refused}"
        );
        assert!(!to.path().join("log.db").exists());
    }
}

#[test]
fn an_interrupted_backup_and_a_manifest_that_leads_elsewhere_are_refused() {
    let to = tempfile::tempdir().unwrap();
    let interrupted = kept();
    fs::remove_file(interrupted.path().join("backup.json")).unwrap();
    assert!(matches!(
        restore(interrupted.path(), to.path()),
        Err(KeptError::Incomplete(_))
    ));
    for (what, with) in [
        ("\"log.db\"", "\"../log.db\""),
        ("\"log.db\"", "\"/etc/passwd\""),
        ("\"rapport_backup\": 1", "\"rapport_backup\": 2"),
        ("\"files\"", "\"fails\""),
    ] {
        let from = kept();
        let manifest = from.path().join("backup.json");
        let text = fs::read_to_string(&manifest).unwrap();
        assert!(text.contains(what), "{text}");
        fs::write(&manifest, text.replacen(what, with, 1)).unwrap();
        let refused = restore(from.path(), to.path()).unwrap_err();
        assert!(matches!(refused, KeptError::Damaged { .. }), "{refused}");
    }
    // A backup without a log is none either.
    let empty = tempfile::tempdir().unwrap();
    Kept::complete(empty.path(), MADE).unwrap();
    assert!(matches!(
        restore(empty.path(), to.path()),
        Err(KeptError::Incomplete(_))
    ));
}

fn append(log: &dyn EventLog, to: Stream, revision: u64, number: u128, kind: &str, data: &str) {
    let batch = Batch {
        stream: to,
        expected: Expected::after(revision.checked_sub(1).map(Revision)),
        events: vec![NewEvent {
            kind: kind.to_owned(),
            data: data.as_bytes().to_vec(),
            ..event(number)
        }],
    };
    block_on(log.append(batch)).unwrap();
}

#[test]
fn facts_that_cannot_be_read_are_named_without_their_data_and_later_types_are_counted() {
    let log = MemoryLog::new();
    append(&log, stream(1), 0, 1, "interaction.abandoned", "{}");
    append(
        &log,
        stream(1),
        1,
        2,
        "interaction.started",
        "{\"secret\":1}",
    );
    append(
        &log,
        stream(1),
        2,
        3,
        "interaction.dreamt",
        "{\"secret\":1}",
    );
    let mut facts = Facts::default();
    let verified = block_on(verify(&log, &mut facts)).unwrap();
    assert_eq!((verified.events, facts.unknown), (3, 1));
    let [fault] = &verified.faults[..] else {
        panic!("{:?}", verified.faults);
    };
    assert_eq!(
        fault.position,
        block_on(log.read_all(Position::START, 2))
            .unwrap()
            .last()
            .map(|event| event.position)
    );
    let said = fault.to_string();
    assert!(
        said.contains("interaction.started.v1") && !said.contains("secret"),
        "{said}"
    );
}

/// Shows another event in one stream than in the whole log.
struct Forgetful(MemoryLog);

impl EventLog for Forgetful {
    fn append(&self, batch: Batch) -> BoxFuture<'_, Result<Appended, AppendError>> {
        self.0.append(batch)
    }

    fn read_stream(
        &self,
        of: Stream,
        from: Revision,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Recorded>, ReadError>> {
        Box::pin(async move {
            let mut events = self.0.read_stream(of, from, limit).await?;
            if of == stream(2) {
                events.retain(|event| event.revision != Revision(1));
            }
            Ok(events)
        })
    }

    fn read_all(
        &self,
        after: Position,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Recorded>, ReadError>> {
        self.0.read_all(after, limit)
    }

    fn head(&self) -> Position {
        self.0.head()
    }

    fn wait_past(&self, position: Position) -> BoxFuture<'_, Position> {
        self.0.wait_past(position)
    }
}

#[test]
fn a_stream_that_by_itself_holds_something_else_is_named() {
    let log = Forgetful(MemoryLog::new());
    let mut number = 0;
    for revision in 0..3 {
        for to in 1..4 {
            number += 1;
            append(
                &log,
                stream(to),
                revision,
                number,
                "interaction.abandoned",
                "{}",
            );
        }
    }
    let mut facts = Facts::default().by_streams();
    assert!(block_on(verify(&log, &mut facts)).unwrap().is_intact());
    assert_eq!(
        block_on(streams_agree(&log, &facts)),
        Ok((3, vec![stream(2)]))
    );
    // What was appended since is not held against it.
    append(&log, stream(1), 3, 99, "interaction.abandoned", "{}");
    assert_eq!(block_on(streams_agree(&log.0, &facts)), Ok((3, Vec::new())));
}
