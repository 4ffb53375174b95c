//! What reading and following promise.

use super::{all_after, append, events, exact, stream};
use crate::event::{Actor, Position, Recorded, Revision};
use crate::port::BoxFuture;
use crate::port::log::AppendError;
use crate::port::log::{Appended, Batch, EventLog, Expected, Subscription};
use crate::testing::join_all;
use crate::time::Timestamp;

/// Every field comes back as written, the data byte for byte, whatever the bytes are.
pub async fn an_envelope_comes_back_as_it_was_written(log: &dyn EventLog) {
    let mut strange = events(0..4);
    strange[0].data = b"{ \"b\" :1,\n\t\"a\": 1.0e0 , \"a\":2}".to_vec();
    strange[1].data = (0..=255).collect();
    strange[2].data = Vec::new();
    strange[2].version = u16::MAX;
    strange[2].recorded_at = Timestamp::from_micros(-1);
    strange[3].kind = "interaction.名前 ' \" %".to_owned();
    strange[3].meta.actor = Actor::Department("Маркетинг \"B\"".to_owned());
    strange[3].meta.causation = Some(strange[0].id);
    let batch = Batch {
        stream: stream(1),
        expected: Expected::NoStream,
        events: strange.clone(),
    };
    log.append(batch).await.expect("appended");
    let read = log
        .read_stream(stream(1), Revision::FIRST, 10)
        .await
        .expect("readable");
    assert!(read.iter().all(|event| event.stream == stream(1)));
    assert_eq!(
        read.into_iter()
            .map(|event| event.event)
            .collect::<Vec<_>>(),
        strange
    );
}

/// Pages by `after` give every event once, whatever the page size, and an empty page at the end.
pub async fn reading_pages_is_exclusive_and_ends(log: &dyn EventLog) {
    let start = log.head();
    for number in 0..23 {
        append(log, number, Expected::NoStream, [number])
            .await
            .expect("appended");
    }
    for size in [1, 4, 23, 100] {
        let (mut after, mut seen) = (start, Vec::new());
        loop {
            let page = log.read_all(after, size).await.expect("readable");
            let Some(last) = page.last() else { break };
            assert!(page.len() <= size && page[0].position > after);
            after = last.position;
            seen.extend(page.into_iter().map(|event| event.event));
        }
        assert_eq!(seen, events(0..23), "pages of {size}");
        assert_eq!(after, log.head());
    }
    assert_eq!(log.read_all(Position(u64::MAX), 10).await, Ok(vec![]));
    assert_eq!(log.read_all(start, 0).await, Ok(vec![]));
}

/// Whoever waits at the head is woken by the next append; whoever waits behind it does not wait at all.
pub async fn waiting_ends_when_the_head_moves(log: &dyn EventLog) {
    let start = log.head();
    let first = async {
        append(log, 1, Expected::NoStream, [0])
            .await
            .expect("appended")
            .position
    };
    let waits = |position| async move { log.wait_past(position).await };
    let boxed: Vec<BoxFuture<'_, Position>> = vec![
        Box::pin(waits(start)),
        Box::pin(waits(start)),
        Box::pin(first),
    ];
    let heads = join_all(boxed).await;
    assert_eq!(heads, [heads[2]; 3]);
    assert_eq!(log.wait_past(start).await, log.head());
}

/// A subscription that starts in the past and is overtaken by several writers hands out everything once, in order.
pub async fn a_subscription_goes_live_without_loss_or_repeat(log: &dyn EventLog) {
    const WRITERS: u128 = 8;
    const EACH: u64 = 25;
    let total = WRITERS as usize * EACH as usize;
    let start = log.head();
    let write = |writer: u128| async move {
        for revision in 0..EACH {
            let expected = if revision == 0 {
                Expected::NoStream
            } else {
                exact(revision - 1)
            };
            let number = writer * 1_000 + u128::from(revision);
            append(log, writer, expected, [number])
                .await
                .expect("nobody else writes to this stream");
        }
        Vec::new()
    };
    let follow = |page| async move {
        let mut subscription = Subscription::new(log, start, page);
        let mut seen = Vec::new();
        while seen.len() < total {
            seen.extend(subscription.next().await.expect("readable"));
        }
        assert_eq!(
            Some(subscription.position()),
            seen.last().map(|event: &Recorded| event.position)
        );
        seen
    };
    write(0).await;
    let mut running: Vec<BoxFuture<'_, Vec<Recorded>>> =
        vec![Box::pin(follow(7)), Box::pin(follow(100))];
    running.extend((1..WRITERS).map(|writer| Box::pin(write(writer)) as BoxFuture<'_, _>));
    let seen = join_all(running).await;
    let expected = all_after(log, start).await;
    assert_eq!(expected.len(), total);
    assert!(
        expected
            .windows(2)
            .all(|pair| pair[0].position < pair[1].position)
    );
    assert_eq!(seen[0], expected);
    assert_eq!(seen[1], expected);
}

/// Of several writers with the same expectation exactly one wins; the others learn how far the stream is now.
pub async fn of_racing_writers_one_wins(log: &dyn EventLog) {
    let mut expected = Expected::NoStream;
    for round in 0..5_u128 {
        let attempts = (0..16_u128).map(|writer| append(log, 1, expected, [round * 100 + writer]));
        let answers = join_all(attempts).await;
        let won: Vec<Appended> = answers.iter().flatten().copied().collect();
        assert_eq!(won.len(), 1, "{answers:?}");
        let current = Some(won[0].revision);
        assert!(
            answers
                .iter()
                .flat_map(|a| a.as_ref().err())
                .all(|e| *e == AppendError::Conflict { current })
        );
        assert_eq!(won[0].revision, expected.next());
        expected = Expected::Exact(won[0].revision);
    }
}
