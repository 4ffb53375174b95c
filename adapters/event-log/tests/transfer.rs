//! A log that is moved arrives as it was, or it is said what is wrong: whatever the history, wherever it was
//! interrupted, whichever byte was changed.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests: what goes wrong shall fail the test"
)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use proptest::collection::vec;
use proptest::prelude::*;
use rapport_domain::event::{NewEvent, Position, Recorded, Revision};
use rapport_domain::port::log::{AppendError, Batch, EventLog, Expected};
use rapport_domain::testing::log_contract::{event, stream};
use rapport_domain::testing::{MemoryLog, block_on};
use rapport_event_log::EmbeddedLog;
use rapport_event_log::transfer::{
    Archive, Delivered, Exported, Format, LogSource, Positions, Target, TransferError, check,
    contents, deliver, export,
};
use support::TempLog;

const FORMATS: [Format; 2] = [Format::JsonLines, Format::Segments];

/// A history: for each event its stream and its data.
fn any_history() -> impl Strategy<Value = Vec<(u128, Vec<u8>)>> {
    let data = prop_oneof![
        3 => any::<u32>().prop_map(|number| format!("{{\"b\":{number},\"a\":\"\u{e9}\"}}").into_bytes()),
        1 => vec(any::<u8>(), 0..40),
        1 => Just(b" {\n}".to_vec()),
    ];
    vec((0..4_u128, data), 1..40)
}

/// Appends a history, one event at a time, after what is there already.
fn fill(log: &dyn EventLog, history: &[(u128, Vec<u8>)]) {
    let start = everything(log).len() as u128;
    for (number, (to, data)) in (start..).zip(history) {
        let to = stream(*to);
        let last = block_on(log.read_stream(to, Revision(0), usize::MAX)).unwrap();
        let batch = Batch {
            stream: to,
            expected: Expected::after(last.last().map(|last| last.revision)),
            events: vec![NewEvent {
                data: data.clone(),
                ..event(number)
            }],
        };
        block_on(log.append(batch)).unwrap();
    }
}

fn everything(log: &dyn EventLog) -> Vec<Recorded> {
    block_on(log.read_all(Position::START, usize::MAX)).unwrap()
}

/// All that must survive; positions may differ.
fn kept(log: &dyn EventLog) -> Vec<(String, Revision, NewEvent)> {
    let of = |event: Recorded| (event.stream.to_string(), event.revision, event.event);
    everything(log).into_iter().map(of).collect()
}

fn save(
    log: &dyn EventLog,
    to: &Path,
    format: Format,
    after: Option<u64>,
) -> Result<Exported, TransferError> {
    let after = after.map(Position);
    block_on(export(
        log,
        Positions::Dense,
        to,
        format,
        after,
        &mut |_, _| {},
    ))
}

fn load(from: &Path, to: &Target<'_>) -> Result<Delivered, TransferError> {
    let mut archive = Archive::open(from)?;
    block_on(deliver(&mut archive, to, &mut |_| {}))
}

fn simple(events: u128) -> Vec<(u128, Vec<u8>)> {
    (0..events)
        .map(|number| (number % 3, format!("{{\"n\":{number}}}").into_bytes()))
        .collect()
}

/// Every file of an archive.
fn files_of(archive: &Path) -> Vec<PathBuf> {
    if archive.is_file() {
        return vec![archive.to_owned()];
    }
    let entries = fs::read_dir(archive).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_history_that_is_exported_and_imported_is_the_same_history(history in any_history()) {
        let (from, folder) = (TempLog::new(), tempfile::tempdir().unwrap());
        fill(&*from, &history);
        for format in FORMATS {
            let archive = folder.path().join(format!("{format:?}"));
            let exported = save(&*from, &archive, format, None).unwrap();
            prop_assert_eq!(exported.extent.events, history.len() as u64);

            let (embedded, memory) = (TempLog::new(), MemoryLog::new());
            for target in [Target::Embedded(&embedded), Target::Any(&memory)] {
                let first = load(&archive, &target).unwrap();
                prop_assert_eq!((first.found, first.appended), (0, history.len() as u64));
                let second = load(&archive, &target).unwrap();
                prop_assert_eq!((second.found, second.appended, second.more), (history.len() as u64, 0, false));
            }
            prop_assert_eq!(kept(&*embedded), kept(&*from));
            prop_assert_eq!(kept(&memory), kept(&*from));
            prop_assert_eq!(everything(&*embedded), everything(&*from), "and the embedded log gives the same positions");
        }
    }

    #[test]
    fn an_import_goes_on_wherever_it_was_interrupted(history in any_history(), cut in any::<prop::sample::Index>()) {
        let (from, folder) = (TempLog::new(), tempfile::tempdir().unwrap());
        fill(&*from, &history);
        let archive = folder.path().join("log.jsonl");
        save(&*from, &archive, Format::JsonLines, None).unwrap();
        let begun = TempLog::new();
        let held = cut.index(history.len());
        fill(&*begun, &history[..held]);
        let rest = load(&archive, &Target::Embedded(&begun)).unwrap();
        prop_assert_eq!((rest.found, rest.appended), (held as u64, (history.len() - held) as u64));
        prop_assert_eq!(everything(&*begun), everything(&*from));
    }

    #[test]
    fn an_archive_cut_anywhere_is_not_imported_and_its_export_goes_on(cut in any::<prop::sample::Index>(), which in any::<prop::sample::Index>()) {
        let (from, folder) = (TempLog::new(), tempfile::tempdir().unwrap());
        fill(&*from, &simple(20));
        for format in FORMATS {
            let archive = folder.path().join(format!("{format:?}"));
            save(&*from, &archive, format, None).unwrap();
            let files = files_of(&archive);
            let whole: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
            let number = which.index(files.len());
            fs::write(&files[number], &whole[number][..cut.index(whole[number].len())]).unwrap();

            let into = TempLog::new();
            prop_assert!(load(&archive, &Target::Embedded(&into)).is_err());
            prop_assert_eq!(into.head(), Position::START, "nothing of it was used");
            match save(&*from, &archive, format, None) {
                Ok(_) => {
                    let again: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
                    prop_assert_eq!(again, whole, "as if it had not been interrupted");
                }
                Err(error) => {
                    prop_assert_eq!(format, Format::Segments, "{}", error);
                    let clear = matches!(error, TransferError::Damaged { .. } | TransferError::NotAnArchive { .. });
                    prop_assert!(clear, "{}", error);
                }
            }
        }
    }

    #[test]
    fn a_flipped_bit_anywhere_is_found_before_anything_is_used(at in any::<prop::sample::Index>(), bit in 0..8_u8, which in any::<prop::sample::Index>()) {
        let (from, folder) = (TempLog::new(), tempfile::tempdir().unwrap());
        fill(&*from, &simple(20));
        for format in FORMATS {
            let archive = folder.path().join(format!("{format:?}"));
            save(&*from, &archive, format, None).unwrap();
            let files = files_of(&archive);
            let file = &files[which.index(files.len())];
            let mut bytes = fs::read(file).unwrap();
            let place = at.index(bytes.len());
            bytes[place] ^= 1 << bit;
            fs::write(file, &bytes).unwrap();
            let into = TempLog::new();
            match load(&archive, &Target::Embedded(&into)) {
                Err(_) => prop_assert_eq!(into.head(), Position::START, "nothing of it was used"),
                // In white space of the manifest, or in a name's letter case of a hexadecimal digit.
                Ok(_) => prop_assert_eq!(everything(&*into), everything(&*from)),
            }
        }
    }
}

#[test]
fn an_export_run_again_adds_what_the_log_has_gained() {
    let (from, folder) = (TempLog::new(), tempfile::tempdir().unwrap());
    for format in FORMATS {
        let archive = folder.path().join(format!("{format:?}"));
        let before = everything(&*from).len() as u64;
        fill(&*from, &simple(5));
        save(&*from, &archive, format, None).unwrap();
        let unchanged = save(&*from, &archive, format, None).unwrap();
        assert_eq!((unchanged.added, unchanged.extent.events), (0, before + 5));
        fill(&*from, &simple(4));
        let more = save(&*from, &archive, format, None).unwrap();
        assert_eq!((more.added, more.extent.events), (4, before + 9));
        let into = TempLog::new();
        load(&archive, &Target::Embedded(&into)).unwrap();
        assert_eq!(everything(&*into), everything(&*from));
    }
}

#[test]
fn archives_that_follow_each_other_are_imported_in_their_order_only() {
    let (from, folder) = (TempLog::new(), tempfile::tempdir().unwrap());
    fill(&*from, &simple(12));
    let (first, second) = (folder.path().join("1.jsonl"), folder.path().join("2"));
    save(&*from, &second, Format::Segments, Some(7)).unwrap();
    let into = TempLog::new();
    let Err(TransferError::Gap(missing)) = load(&second, &Target::Embedded(&into)) else {
        panic!("a gap was not seen");
    };
    assert_eq!(missing, everything(&*from)[6].event.id);

    let shorter = TempLog::new();
    fill(&*shorter, &simple(7));
    save(&*shorter, &first, Format::JsonLines, None).unwrap();
    load(&first, &Target::Embedded(&into)).unwrap();
    load(&second, &Target::Embedded(&into)).unwrap();
    assert_eq!(everything(&*into), everything(&*from));
    let again = load(&first, &Target::Embedded(&into)).unwrap();
    assert!(again.more && again.appended == 0, "{again:?}");
}

#[test]
fn a_log_with_other_events_is_refused_and_left_alone() {
    let (from, other, folder) = (TempLog::new(), TempLog::new(), tempfile::tempdir().unwrap());
    fill(&*from, &simple(6));
    fill(&*other, &simple(2));
    fill(&*other, &[(1, b"{\"other\":1}".to_vec())]);
    let archive = folder.path().join("log.jsonl");
    save(&*from, &archive, Format::JsonLines, None).unwrap();
    let before = everything(&*other);
    let refused = load(&archive, &Target::Embedded(&other)).unwrap_err();
    assert!(
        matches!(refused, TransferError::Foreign { position, .. } if position == Position(3)),
        "{refused}"
    );
    assert!(!refused.to_string().contains("other\":"), "{refused}");
    assert_eq!(everything(&*other), before);
    // Nor is an archive continued with another log's events.
    for (format, name) in FORMATS.into_iter().zip(["a.jsonl", "b"]) {
        let archive = folder.path().join(name);
        save(&*from, &archive, format, None).unwrap();
        let refused = save(&*other, &archive, format, None).unwrap_err();
        assert!(
            matches!(refused, TransferError::OtherExport { .. }),
            "{refused}"
        );
    }
}

#[test]
fn what_is_no_archive_is_named_and_never_overwritten() {
    let (from, folder) = (TempLog::new(), tempfile::tempdir().unwrap());
    fill(&*from, &simple(2));
    let (file, full) = (folder.path().join("notes.txt"), folder.path().join("full"));
    fs::write(&file, "my notes\n").unwrap();
    fs::create_dir(&full).unwrap();
    fs::write(full.join("photo.jpg"), "…").unwrap();
    for (format, place) in [(Format::JsonLines, &file), (Format::Segments, &full)] {
        let refused = save(&*from, place, format, None).unwrap_err();
        assert!(
            matches!(refused, TransferError::NotAnArchive { .. }),
            "{refused}"
        );
        assert!(Archive::open(place).is_err());
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "my notes\n");
    fs::write(&file, "{\"rapport_export\":2,\"after\":null}\n").unwrap();
    let Err(newer) = Archive::open(&file) else {
        panic!("a later format was read");
    };
    assert!(matches!(
        newer,
        TransferError::NewerVersion { found: 2, .. }
    ));
}

#[test]
fn archives_are_for_nobody_else_to_read() {
    use std::os::unix::fs::PermissionsExt;
    let (from, folder) = (TempLog::new(), tempfile::tempdir().unwrap());
    fill(&*from, &simple(2));
    for format in FORMATS {
        let archive = folder.path().join(format!("{format:?}"));
        save(&*from, &archive, format, None).unwrap();
        for file in files_of(&archive) {
            let mode = file.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{}", file.display());
        }
    }
}

#[test]
fn a_copy_holds_what_its_source_held_and_equal_figures_say_so() {
    let (from, into) = (TempLog::new(), MemoryLog::new());
    fill(&*from, &simple(3_000));
    let mut seen = Vec::new();
    let copied = block_on(deliver(
        &mut LogSource::new(&*from),
        &Target::Any(&into),
        &mut |done| seen.push(done),
    ))
    .unwrap();
    assert_eq!(seen.last(), Some(&3_000));
    assert!(seen.is_sorted());
    let there = block_on(contents(&mut LogSource::new(&into), u64::MAX, &mut |_| {})).unwrap();
    assert_eq!(there, copied.contents);
    assert_eq!(there.streams.len(), 3);
    let compare = |log: &dyn EventLog| block_on(check(log, &copied, &mut |_| {}));
    compare(&into).unwrap();
    let (other, shorter) = (MemoryLog::new(), MemoryLog::new());
    let mut history = simple(3_000);
    fill(&shorter, &history[..2_999]);
    history[1_500].1 = b"{}".to_vec();
    fill(&other, &history);
    for log in [&shorter, &other] {
        let refused = compare(log).unwrap_err();
        assert!(matches!(refused, TransferError::Differs(_)), "{refused}");
    }
}

#[test]
fn appends_that_go_together_are_stored_all_or_none() {
    let log = TempLog::new();
    let batch = |to: u128, number: u128, expected| Batch {
        stream: stream(to),
        expected,
        events: vec![event(number)],
    };
    let together = |batches| block_on(log.append_together(batches));
    together(Vec::new()).unwrap();
    let both = vec![
        batch(1, 1, Expected::NoStream),
        batch(2, 2, Expected::NoStream),
    ];
    together(both.clone()).unwrap();
    together(both).unwrap(); // a retry
    let refused = together(vec![
        batch(3, 3, Expected::NoStream),
        batch(1, 4, Expected::NoStream),
        batch(4, 5, Expected::NoStream),
    ]);
    assert_eq!(
        refused,
        Err(AppendError::Conflict {
            current: Some(Revision(0))
        })
    );
    assert_eq!(everything(&*log).len(), 2);
    together(vec![
        batch(3, 3, Expected::NoStream),
        batch(1, 4, Expected::Exact(Revision(0))),
    ])
    .unwrap();
    let streams: Vec<_> = everything(&*log)
        .iter()
        .map(|event| (event.position.0, event.stream))
        .collect();
    assert_eq!(
        streams,
        [
            (1, stream(1)),
            (2, stream(2)),
            (3, stream(3)),
            (4, stream(1))
        ]
    );
    // The same connection goes on with ordinary appends.
    block_on(log.append(batch(5, 9, Expected::NoStream))).unwrap();
    assert_eq!(log.head(), Position(5));
}

#[test]
fn a_log_is_exported_while_somebody_writes_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(folder.path()).unwrap();
    fill(&log, &simple(10));
    let beside = EmbeddedLog::open_read_only(folder.path()).unwrap();
    let archive = folder.path().join("log.jsonl");
    let exported = save(&beside, &archive, Format::JsonLines, None).unwrap();
    assert_eq!(exported.extent.events, 10);
    let refused = load(&archive, &Target::Embedded(&beside)).unwrap();
    assert_eq!(refused.appended, 0, "it holds all of it already");
}
