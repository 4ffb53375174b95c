//! What the server promises.

use eventstore::{
    CurrentRevision, DeleteStreamOptions, Error, Position, ReadAllOptions, StreamPosition,
    StreamState, SubscribeToAllOptions, SubscribeToStreamOptions, SubscriptionEvent,
    SubscriptionFilter, TombstoneStreamOptions,
};
use rapport_eventstore_double::{Credentials, Double, Settings};

use crate::{append, client, client_of, event, read, read_all};

#[tokio::test]
async fn what_was_appended_is_read_in_both_directions_with_positions_that_are_not_dense() {
    let double = Double::start().await;
    let client = client_of(&double);
    let events = vec![event("opened"), event("moved"), event("closed")];
    let stored = append(&client, "deal-1", StreamState::NoStream, events)
        .await
        .unwrap();
    assert_eq!(stored.next_expected_version, 2);
    let names = |found: &[(&str, u64)]| -> Vec<(String, u64)> {
        found.iter().map(|(k, n)| ((*k).to_owned(), *n)).collect()
    };
    let expected = names(&[("opened", 0), ("moved", 1), ("closed", 2)]);
    assert_eq!(read(&client, "deal-1").await.unwrap(), expected);

    let all = ReadAllOptions::default().position(StreamPosition::Start);
    let found = read_all(&client, all).await.unwrap();
    let places: Vec<u64> = found
        .iter()
        .map(|event| event.get_original_event().position.commit)
        .collect();
    assert_eq!(places.last(), Some(&stored.position.commit));
    assert!(
        places.windows(2).all(|pair| pair[1] > pair[0] + 1),
        "{places:?}"
    );
    let back = ReadAllOptions::default()
        .position(StreamPosition::End)
        .backwards()
        .max_count(1);
    let found = read_all(&client, back).await.unwrap();
    assert_eq!(found[0].get_original_event().event_type, "closed");
    assert_eq!(double.events(), 3);
}

#[tokio::test]
async fn everything_holds_events_of_the_server_too() {
    let double = Double::start().await;
    let client = client_of(&double);
    let all = ReadAllOptions::default().position(StreamPosition::Start);
    let found = read_all(&client, all).await.unwrap();
    assert!(!found.is_empty());
    assert!(
        found
            .iter()
            .all(|event| event.get_original_stream_id().starts_with('$'))
    );
    assert_eq!(double.events(), 0);
}

#[tokio::test]
async fn a_conflict_names_the_stream_s_revision_and_a_repetition_is_no_conflict() {
    let double = Double::start().await;
    let client = client_of(&double);
    let first = event("opened");
    let once = append(
        &client,
        "deal-1",
        StreamState::NoStream,
        vec![first.clone()],
    )
    .await
    .unwrap();
    let again = append(
        &client,
        "deal-1",
        StreamState::NoStream,
        vec![first.clone()],
    )
    .await
    .unwrap();
    assert_eq!(once.position, again.position);
    let refused = append(
        &client,
        "deal-1",
        StreamState::NoStream,
        vec![event("opened")],
    )
    .await;
    let Err(Error::WrongExpectedVersion { expected, current }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(expected, StreamState::NoStream);
    assert_eq!(current, CurrentRevision::Current(0));
    let half_new = vec![first, event("closed")];
    let refused = append(&client, "deal-1", StreamState::NoStream, half_new).await;
    assert!(matches!(refused, Err(Error::WrongExpectedVersion { .. })));
    let refused = append(
        &client,
        "none-1",
        StreamState::StreamRevision(4),
        vec![event("x")],
    )
    .await;
    let Err(Error::WrongExpectedVersion { current, .. }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(current, CurrentRevision::NoStream);
    assert_eq!(double.seen().conflicts, 3);
}

#[tokio::test]
async fn a_session_of_batches_stores_and_is_answered_with_conflicts() {
    let double = Double::start().await;
    let client = client_of(&double);
    let session = client.batch_append(&Default::default()).await.unwrap();
    let stored = session
        .append_to_stream("deal-1", StreamState::NoStream, vec![event("opened")])
        .await
        .unwrap();
    assert_eq!(stored.current_revision(), Some(0));
    assert!(stored.current_position().is_some());
    let refused = session
        .append_to_stream("deal-1", StreamState::NoStream, vec![event("opened")])
        .await
        .unwrap_err();
    assert!(
        refused.to_string().contains("WrongExpectedVersion"),
        "{refused}"
    );
    assert_eq!(double.events(), 1);
}

#[tokio::test]
async fn an_append_larger_than_the_server_takes_is_refused() {
    let settings = Settings {
        most: 1_000,
        ..Settings::default()
    };
    let double = Double::with(settings).await.unwrap();
    let client = client_of(&double);
    let large = eventstore::EventData::binary("large", vec![7; 1_001].into());
    let refused = append(&client, "deal-1", StreamState::Any, vec![large.clone()]).await;
    assert!(matches!(refused, Err(Error::Grpc { .. })), "{refused:?}");
    let session = client.batch_append(&Default::default()).await.unwrap();
    let refused = session
        .append_to_stream("deal-1", StreamState::Any, vec![large])
        .await
        .unwrap_err();
    assert!(
        refused.to_string().contains("MaximumAppendSizeExceeded"),
        "{refused}"
    );
    assert_eq!(double.events(), 0);
}

#[tokio::test]
async fn a_subscription_catches_up_says_so_and_goes_on() {
    let double = Double::start().await;
    let client = client_of(&double);
    append(
        &client,
        "deal-1",
        StreamState::NoStream,
        vec![event("opened")],
    )
    .await
    .unwrap();
    let options = SubscribeToAllOptions::default()
        .position(StreamPosition::Start)
        .filter(SubscriptionFilter::on_event_type().exclude_system_events());
    let mut of_all = client.subscribe_to_all(&options).await;
    let mut met = Vec::new();
    loop {
        let next = of_all.next_subscription_event().await.unwrap();
        let name = match &next {
            SubscriptionEvent::Confirmed(_) => "confirmed",
            SubscriptionEvent::EventAppeared(_) => "event",
            SubscriptionEvent::Checkpoint(_) => "checkpoint",
            SubscriptionEvent::CaughtUp(_) => "caught up",
            _ => "other",
        };
        met.push(name);
        if name == "caught up" {
            break;
        }
    }
    assert_eq!(met, ["confirmed", "event", "checkpoint", "caught up"]);
    append(&client, "deal-1", StreamState::Any, vec![event("closed")])
        .await
        .unwrap();
    let live = of_all.next().await.unwrap();
    assert_eq!(live.get_original_event().event_type, "closed");

    let options = SubscribeToStreamOptions::default().start_from(StreamPosition::Position(0));
    let mut after_first = client.subscribe_to_stream("deal-1", &options).await;
    let found = after_first.next().await.unwrap();
    assert_eq!(
        found.get_original_event().revision,
        1,
        "a subscription begins after its place"
    );
    assert_eq!(double.seen().open_subscriptions, 2);
    drop((of_all, after_first));
    double.until(|seen| seen.open_subscriptions == 0).await;
}

#[tokio::test]
async fn filters_go_by_prefix_and_pattern_of_stream_and_type() {
    let double = Double::start().await;
    let client = client_of(&double);
    for (stream, kind) in [
        ("a-1", "x.opened"),
        ("b-1", "x.closed"),
        ("a-2", "y.opened"),
    ] {
        append(&client, stream, StreamState::NoStream, vec![event(kind)])
            .await
            .unwrap();
    }
    let filters = [
        (
            SubscriptionFilter::on_stream_name().add_prefix("a-"),
            vec!["a-1", "a-2"],
        ),
        (
            SubscriptionFilter::on_event_type().add_prefix("x."),
            vec!["a-1", "b-1"],
        ),
        (
            SubscriptionFilter::on_event_type().regex("opened$"),
            vec!["a-1", "a-2"],
        ),
        (
            SubscriptionFilter::on_stream_name().regex("^(?!a).-1$"),
            vec!["b-1"],
        ),
    ];
    for (filter, expected) in filters {
        let all = ReadAllOptions::default()
            .position(StreamPosition::Start)
            .filter(filter);
        let found = read_all(&client, all).await.unwrap();
        let names: Vec<&str> = found.iter().map(|e| e.get_original_stream_id()).collect();
        assert_eq!(names, expected);
    }
}

#[tokio::test]
async fn a_position_nobody_was_given_is_refused() {
    let double = Double::start().await;
    let client = client_of(&double);
    let events = vec![event("opened"), event("closed")];
    let stored = append(&client, "deal-1", StreamState::NoStream, events)
        .await
        .unwrap();
    let made_up = Position {
        commit: stored.position.commit - 1,
        prepare: stored.position.prepare - 1,
    };
    let all = ReadAllOptions::default().position(StreamPosition::Position(made_up));
    assert!(read_all(&client, all).await.is_err());
    let all = ReadAllOptions::default().position(StreamPosition::Position(stored.position));
    let found = read_all(&client, all).await.unwrap();
    assert_eq!(found.len(), 1, "a read begins with its position");
}

#[tokio::test]
async fn a_deleted_stream_may_be_written_again_and_one_with_a_tombstone_never() {
    let double = Double::start().await;
    let client = client_of(&double);
    let missing = read(&client, "deal-1").await;
    assert!(
        matches!(missing, Err(Error::ResourceNotFound)),
        "{missing:?}"
    );
    append(
        &client,
        "deal-1",
        StreamState::NoStream,
        vec![event("opened")],
    )
    .await
    .unwrap();
    let last = DeleteStreamOptions::default().stream_state(StreamState::StreamRevision(0));
    client.delete_stream("deal-1", &last).await.unwrap();
    let deleted = read(&client, "deal-1").await;
    assert!(
        matches!(deleted, Err(Error::ResourceNotFound)),
        "{deleted:?}"
    );
    append(
        &client,
        "deal-1",
        StreamState::NoStream,
        vec![event("reopened")],
    )
    .await
    .unwrap();
    let found = read(&client, "deal-1").await.unwrap();
    assert_eq!(found, [("reopened".to_owned(), 1)]);
    client
        .tombstone_stream("deal-1", &TombstoneStreamOptions::default())
        .await
        .unwrap();
    let gone = read(&client, "deal-1").await;
    assert!(matches!(gone, Err(Error::ResourceDeleted)), "{gone:?}");
    let refused = append(&client, "deal-1", StreamState::Any, vec![event("again")]).await;
    assert!(
        matches!(refused, Err(Error::ResourceDeleted)),
        "{refused:?}"
    );
}

#[tokio::test]
async fn nobody_without_the_right_credentials_reads_or_writes() {
    let settings = Settings {
        credentials: Some(Credentials {
            user: "hub".into(),
            password: "s3cret".into(),
        }),
        ..Settings::default()
    };
    let double = Double::with(settings).await.unwrap();
    let right = client_of(&double);
    append(
        &right,
        "deal-1",
        StreamState::NoStream,
        vec![event("opened")],
    )
    .await
    .unwrap();
    let nobody = client(&double.connection_string().replace("hub:s3cret@", ""));
    let refused = append(&nobody, "deal-1", StreamState::Any, vec![event("closed")]).await;
    assert!(matches!(refused, Err(Error::AccessDenied)), "{refused:?}");
    let wrong = client(&double.connection_string().replace("s3cret", "guess"));
    assert!(read(&wrong, "deal-1").await.is_err());
    assert_eq!(double.events(), 1);
    assert!(double.seen().denied >= 2);
}
