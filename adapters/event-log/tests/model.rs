//! Whatever is appended in whatever order, the embedded log answers as the in-memory log does.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests: what goes wrong shall fail the test"
)]

mod support;

use std::collections::HashMap;

use proptest::collection::vec;
use proptest::prelude::*;
use rapport_domain::event::{NewEvent, Position, Recorded, Revision};
use rapport_domain::port::log::{AppendError, Appended, Batch, EventLog, Expected};
use rapport_domain::testing::log_contract::{event, stream};
use rapport_domain::testing::{MemoryLog, block_on, join_all};

/// Few streams, few ids and small revisions, so that conflicts, retries and reused ids are common.
fn any_batch() -> impl Strategy<Value = Batch> {
    let expected = prop_oneof![
        2 => Just(Expected::NoStream),
        5 => (0..8_u64).prop_map(|revision| Expected::Exact(Revision(revision))),
    ];
    let any_event = (0..40_u128, prop::bool::weighted(0.05)).prop_map(|(number, other)| {
        let plain = event(number);
        if other {
            NewEvent {
                data: b"other".to_vec(),
                ..plain
            }
        } else {
            plain
        }
    });
    (0..3_u128, expected, vec(any_event, 0..4)).prop_map(|(to, expected, events)| Batch {
        stream: stream(to),
        expected,
        events,
    })
}

/// Groups of batches that are handed over at the same time, some of them again later: the retries.
fn any_history() -> impl Strategy<Value = Vec<Vec<Batch>>> {
    vec(
        (
            vec(any_batch(), 1..6),
            prop::option::weighted(0.4, any::<prop::sample::Index>()),
        ),
        1..12,
    )
    .prop_map(|groups| {
        let mut history: Vec<Vec<Batch>> = Vec::new();
        for (mut group, again) in groups {
            if let (Some(index), false) = (again, history.is_empty()) {
                group.push(index.get(&history)[0].clone());
            }
            history.push(group);
        }
        history
    })
}

/// Positions are opaque: what is compared is the how-manieth event it is.
fn ranks(events: &[Recorded]) -> HashMap<Position, usize> {
    events
        .iter()
        .enumerate()
        .map(|(rank, event)| (event.position, rank))
        .collect()
}

fn comparable(
    answer: &Result<Appended, AppendError>,
    ranks: &HashMap<Position, usize>,
) -> Result<(Revision, usize), AppendError> {
    match answer {
        Ok(appended) => Ok((appended.revision, ranks[&appended.position])),
        Err(error) => Err(error.clone()),
    }
}

fn everything(log: &dyn EventLog) -> Vec<Recorded> {
    block_on(log.read_all(Position::START, usize::MAX)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_history_gets_the_answers_of_the_in_memory_log(history in any_history()) {
        let (embedded, memory) = (support::TempLog::new(), MemoryLog::new());
        let (mut of_embedded, mut of_memory) = (Vec::new(), Vec::new());
        for group in history {
            // Polled in this order, the appends of a group queue up in this order and share commits.
            of_embedded.extend(block_on(join_all(group.iter().cloned().map(|batch| embedded.append(batch)))));
            of_memory.extend(block_on(join_all(group.into_iter().map(|batch| memory.append(batch)))));
        }
        let (stored, model) = (everything(&*embedded), everything(&memory));
        let envelopes = |events: &[Recorded]| -> Vec<_> {
            events.iter().map(|event| (event.stream, event.revision, event.event.clone())).collect()
        };
        prop_assert_eq!(envelopes(&stored), envelopes(&model));
        let (stored, model) = (ranks(&stored), ranks(&model));
        let answers = |given: &[_], ranks| given.iter().map(|one| comparable(one, ranks)).collect::<Vec<_>>();
        prop_assert_eq!(answers(&of_embedded, &stored), answers(&of_memory, &model));
    }
}
