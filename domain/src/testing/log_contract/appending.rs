//! What appending promises.

use std::collections::HashSet;

use uuid::Uuid;

use super::{all_after, append, events, exact, stream};
use crate::event::{Actor, Revision};
use crate::id::{AgentId, EventId};
use crate::port::log::{AppendError, Batch, EventLog, Expected, MAX_BATCH_EVENTS, MAX_EVENT_BYTES};
use crate::testing::join_all;
use crate::time::Timestamp;

/// A stream's revisions are 0, 1, 2, … over batches of any size, and the answer names the last one.
pub async fn revisions_of_a_stream_are_dense_from_zero(log: &dyn EventLog) {
    assert_eq!(
        append(log, 1, Expected::NoStream, 0..3)
            .await
            .map(|a| a.revision),
        Ok(Revision(2))
    );
    assert_eq!(
        append(log, 1, exact(2), 3..4).await.map(|a| a.revision),
        Ok(Revision(3))
    );
    assert_eq!(
        append(log, 1, exact(3), 4..9).await.map(|a| a.revision),
        Ok(Revision(8))
    );
    let read = log
        .read_stream(stream(1), Revision::FIRST, 100)
        .await
        .expect("readable");
    let revisions: Vec<u64> = read.iter().map(|event| event.revision.0).collect();
    assert_eq!(revisions, (0..9).collect::<Vec<_>>());
    assert_eq!(
        read.into_iter()
            .map(|event| event.event)
            .collect::<Vec<_>>(),
        events(0..9)
    );
    let from_seven = log
        .read_stream(stream(1), Revision(7), 1)
        .await
        .expect("readable");
    assert_eq!(
        from_seven
            .iter()
            .map(|event| event.revision.0)
            .collect::<Vec<_>>(),
        [7]
    );
    assert_eq!(
        log.read_stream(stream(1), Revision(9), 100).await,
        Ok(vec![])
    );
    assert_eq!(
        log.read_stream(stream(1), Revision(u64::MAX), 100).await,
        Ok(vec![])
    );
    assert_eq!(
        log.read_stream(stream(2), Revision::FIRST, 100).await,
        Ok(vec![])
    );
}

/// Positions grow from event to event over all streams, in the order of the appends; the head is the last one.
pub async fn positions_order_all_streams(log: &dyn EventLog) {
    let start = log.head();
    let mut last = start;
    for round in 0..5_u64 {
        for to in 0..3_u64 {
            let expected = if round == 0 {
                Expected::NoStream
            } else {
                exact(round - 1)
            };
            let number = u128::from(round * 3 + to);
            let appended = append(log, u128::from(to), expected, [number])
                .await
                .expect("appended");
            assert!(
                appended.position > last,
                "{appended:?} is not after {last:?}"
            );
            last = appended.position;
            assert!(
                log.head() >= last,
                "an answered append lies behind the head"
            );
        }
    }
    let read = all_after(log, start).await;
    assert!(
        read.windows(2)
            .all(|pair| pair[0].position < pair[1].position)
    );
    assert_eq!(
        read.iter()
            .map(|event| event.event.clone())
            .collect::<Vec<_>>(),
        events(0..15)
    );
    assert_eq!(
        (log.head(), read.last().map(|event| event.position)),
        (last, Some(last))
    );
}

/// `NoStream` holds only while the stream has no event.
pub async fn no_stream_is_refused_once_the_stream_exists(log: &dyn EventLog) {
    append(log, 1, Expected::NoStream, 0..2)
        .await
        .expect("the first append");
    let second = append(log, 1, Expected::NoStream, [7]).await;
    assert_eq!(
        second,
        Err(AppendError::Conflict {
            current: Some(Revision(1))
        })
    );
}

/// An expectation that does not hold stores nothing and is told what would have held.
pub async fn a_wrong_revision_conflicts_and_names_the_current_one(log: &dyn EventLog) {
    assert_eq!(
        append(log, 1, exact(0), [1]).await,
        Err(AppendError::Conflict { current: None })
    );
    append(log, 1, Expected::NoStream, 0..3)
        .await
        .expect("the first append");
    let head = log.head();
    for wrong in [0, 1, 3, 1 << 40, u64::MAX] {
        let answer = append(log, 1, exact(wrong), [9]).await;
        assert_eq!(
            answer,
            Err(AppendError::Conflict {
                current: Some(Revision(2))
            }),
            "expected {wrong}"
        );
    }
    assert_eq!(log.head(), head);
    assert_eq!(
        append(log, 1, exact(2), [9]).await.map(|a| a.revision),
        Ok(Revision(3))
    );
}

/// The same ids at the same expectation again: the answer of the first time, and not one event more.
pub async fn an_identical_retry_succeeds_and_stores_nothing(log: &dyn EventLog) {
    let start = log.head();
    let first = append(log, 1, Expected::NoStream, 0..3)
        .await
        .expect("the first append");
    assert_eq!(append(log, 1, Expected::NoStream, 0..3).await, Ok(first));
    let mut later = Batch {
        stream: stream(1),
        expected: Expected::NoStream,
        events: events(0..3),
    };
    for event in &mut later.events {
        event.recorded_at = Timestamp::from_millis(1_795_262_500_000);
    }
    assert_eq!(
        log.append(later).await,
        Ok(first),
        "a retry may be stamped later"
    );
    let read = all_after(log, start).await;
    assert_eq!(
        read.into_iter()
            .map(|event| event.event)
            .collect::<Vec<_>>(),
        events(0..3)
    );
}

/// Whoever did not hear the answer may ask again, whatever others appended meanwhile.
pub async fn a_retry_succeeds_after_the_stream_moved_on(log: &dyn EventLog) {
    let start = log.head();
    let first = append(log, 1, Expected::NoStream, 0..2)
        .await
        .expect("the first append");
    let second = append(log, 1, exact(1), 2..4)
        .await
        .expect("the second append");
    append(log, 1, exact(3), 4..6)
        .await
        .expect("the third append");
    append(log, 2, Expected::NoStream, 6..8)
        .await
        .expect("another stream");
    assert_eq!(append(log, 1, exact(1), 2..4).await, Ok(second));
    assert_eq!(append(log, 1, Expected::NoStream, 0..2).await, Ok(first));
    assert_eq!(all_after(log, start).await.len(), 8);
}

/// An id names one fact at one place: elsewhere, or with another fact, it is refused for good.
pub async fn an_event_id_is_stored_once_in_the_whole_log(log: &dyn EventLog) {
    let start = log.head();
    append(log, 1, Expected::NoStream, 0..3)
        .await
        .expect("the first append");
    let mut other_data = events([1]);
    other_data[0].data = b"{}".to_vec();
    let mut other_kind = events([1]);
    other_kind[0].kind = "interaction.other".to_owned();
    let mut other_actor = events([1]);
    other_actor[0].meta.actor = Actor::Agent(AgentId::from_uuid(Uuid::from_u128(1)));
    let attempts = [
        ("another stream", 2, Expected::NoStream, events([1])),
        ("the same stream, later", 1, exact(2), events([1])),
        ("behind a new event", 1, exact(2), events([50, 1])),
        ("the same place, other data", 1, exact(0), other_data),
        ("the same place, other type", 1, exact(0), other_kind),
        ("the same place, other actor", 1, exact(0), other_actor),
        (
            "a retry with one event more",
            1,
            Expected::NoStream,
            events(0..4),
        ),
        (
            "a retry in another order",
            1,
            Expected::NoStream,
            events([1, 0]),
        ),
        (
            "twice in one batch",
            3,
            Expected::NoStream,
            events([60, 60]),
        ),
    ];
    for (what, to, expected, events) in attempts {
        let answer = log
            .append(Batch {
                stream: stream(to),
                expected,
                events,
            })
            .await;
        assert!(
            matches!(answer, Err(AppendError::Refused(_))),
            "{what}: {answer:?}"
        );
    }
    let part = append(log, 1, exact(0), 1..3)
        .await
        .expect("the tail of a batch at its own place is stored");
    assert_eq!(part.revision, Revision(2));
    assert_eq!(all_after(log, start).await.len(), 3);
    assert_eq!(
        append(log, 1, exact(2), [50]).await.map(|a| a.revision),
        Ok(Revision(3))
    );
}

/// The limits of the port hold, and what lies just within them is taken.
pub async fn a_batch_without_events_or_above_the_limits_is_refused(log: &dyn EventLog) {
    let most = MAX_BATCH_EVENTS as u128;
    let start = log.head();
    let empty = append(log, 1, Expected::NoStream, []).await;
    assert!(matches!(empty, Err(AppendError::Refused(_))), "{empty:?}");
    let too_many = append(log, 1, Expected::NoStream, 0..=most).await;
    assert!(
        matches!(too_many, Err(AppendError::Refused(_))),
        "{too_many:?}"
    );
    let mut large = events([0]);
    large[0].data = vec![b' '; MAX_EVENT_BYTES + 1];
    let too_large = log
        .append(Batch {
            stream: stream(1),
            expected: Expected::NoStream,
            events: large.clone(),
        })
        .await;
    assert!(
        matches!(too_large, Err(AppendError::Refused(_))),
        "{too_large:?}"
    );
    assert_eq!(all_after(log, start).await, []);

    large[0].data.pop();
    let largest = log
        .append(Batch {
            stream: stream(1),
            expected: Expected::NoStream,
            events: large,
        })
        .await;
    assert_eq!(largest.map(|a| a.revision), Ok(Revision::FIRST));
    let longest = append(log, 2, Expected::NoStream, 1..=most).await;
    assert_eq!(
        longest.map(|a| a.revision.0 + 1),
        Ok(MAX_BATCH_EVENTS as u64)
    );
}

/// All or none: a batch that fails at its last event has stored no other, and others go on.
pub async fn a_refused_batch_leaves_nothing_behind(log: &dyn EventLog) {
    let start = log.head();
    append(log, 1, Expected::NoStream, [0])
        .await
        .expect("the first append");
    let batches: [(u128, Expected, &[u128]); 4] = [
        (2, Expected::NoStream, &[10, 11]),
        (3, Expected::NoStream, &[12, 13, 0]),
        (1, exact(0), &[14]),
        (3, Expected::NoStream, &[15]),
    ];
    let answers = join_all(
        batches.map(|(to, expected, numbers)| append(log, to, expected, numbers.iter().copied())),
    )
    .await;
    assert!(
        matches!(answers[1], Err(AppendError::Refused(_))),
        "{answers:?}"
    );
    assert!(
        [0, 2, 3].iter().all(|&at: &usize| answers[at].is_ok()),
        "{answers:?}"
    );
    let stored: HashSet<EventId> = all_after(log, start)
        .await
        .into_iter()
        .map(|event| event.event.id)
        .collect();
    assert_eq!(
        stored,
        events([0, 10, 11, 14, 15])
            .into_iter()
            .map(|event| event.id)
            .collect()
    );
    let third = log
        .read_stream(stream(3), Revision::FIRST, 10)
        .await
        .expect("readable");
    assert_eq!(
        third
            .into_iter()
            .map(|event| event.event)
            .collect::<Vec<_>>(),
        events([15])
    );
}
