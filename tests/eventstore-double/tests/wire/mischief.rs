//! Each way to misbehave does what it says.

use std::time::{Duration, Instant};

use eventstore::{
    AppendToStreamOptions, Error, ReadStreamOptions, StreamPosition, StreamState,
    SubscribeToAllOptions,
};
use rapport_eventstore_double::{Double, Ending, Mischief};

use crate::{append, client, client_of, event, read};

#[tokio::test]
async fn a_node_that_refuses_is_closed_and_comes_back_at_the_same_address() {
    let double = Double::start().await;
    let address = double.address(0);
    let client = client_of(&double);
    append(
        &client,
        "deal-1",
        StreamState::NoStream,
        vec![event("opened")],
    )
    .await
    .unwrap();
    double.refuse(0).await;
    double.until(|seen| seen.open_connections == 0).await;
    let refused = tokio::net::TcpStream::connect(address).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    double.accept(0).await.unwrap();
    assert_eq!(double.address(0), address);
    let found = read(&client_of(&double), "deal-1").await.unwrap();
    assert_eq!(found.len(), 1, "what was stored is still there");
}

#[tokio::test]
async fn cut_connections_end_and_the_port_stays_open() {
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
    double.cut_connections(0).await.unwrap();
    let seen = double.until(|seen| seen.open_connections == 0).await;
    assert_eq!(seen.connections, 1);
    assert_eq!(read(&client_of(&double), "deal-1").await.unwrap().len(), 1);
    double.refuse(0).await;
    assert!(double.cut_connections(0).await.is_err());
}

#[tokio::test]
async fn a_follower_refuses_and_names_the_leader() {
    let double = Double::cluster(3).await;
    let client = client_of(&double);
    append(
        &client,
        "deal-1",
        StreamState::NoStream,
        vec![event("opened")],
    )
    .await
    .unwrap();
    double.lead(2);
    let refused = append(&client, "deal-1", StreamState::Any, vec![event("closed")]).await;
    let Err(Error::NotLeaderException(leader)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(leader.port, u32::from(double.address(2).port()));
    // Having heard of the leader, the client goes there.
    append(&client, "deal-1", StreamState::Any, vec![event("closed")])
        .await
        .unwrap();
    assert_eq!(double.events(), 2);
}

#[tokio::test]
async fn a_follower_serves_those_who_do_not_insist() {
    let double = Double::cluster(2).await;
    let follower = double.address(1);
    let client = client(&format!(
        "esdb://{follower}?tls=false&nodePreference=follower"
    ));
    append(
        &client,
        "deal-1",
        StreamState::NoStream,
        vec![event("opened")],
    )
    .await
    .unwrap();
    assert_eq!(read(&client, "deal-1").await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_open_session_of_batches_ends_when_its_node_leads_no_more() {
    let double = Double::cluster(2).await;
    let client = client_of(&double);
    let session = client.batch_append(&Default::default()).await.unwrap();
    session
        .append_to_stream("deal-1", StreamState::NoStream, vec![event("opened")])
        .await
        .unwrap();
    double.lead(1);
    let refused = session
        .append_to_stream("deal-1", StreamState::Any, vec![event("closed")])
        .await;
    assert!(
        matches!(refused, Err(Error::NotLeaderException(_))),
        "{refused:?}"
    );
    assert_eq!(double.events(), 1);
}

#[tokio::test]
async fn a_connection_cut_before_nothing_is_stored_and_after_everything() {
    for (mischief, stored) in [(Mischief::CutBefore(1), 1), (Mischief::CutAfter(1), 2)] {
        for in_batches in [false, true] {
            let double = Double::start().await;
            let client = client_of(&double);
            let session = client.batch_append(&Default::default()).await.unwrap();
            session
                .append_to_stream("deal-1", StreamState::NoStream, vec![event("opened")])
                .await
                .unwrap();
            double.set(mischief);
            let closed = vec![event("closed")];
            let expected = StreamState::StreamRevision(0);
            let failed = if in_batches {
                let result = session.append_to_stream("deal-1", expected, closed.clone());
                result.await.is_err()
            } else {
                append(&client, "deal-1", expected, closed.clone())
                    .await
                    .is_err()
            };
            assert!(failed);
            double.until(|seen| seen.appends == 2).await;
            assert_eq!(double.events(), stored, "{mischief:?}");
            // Once only: the same again on a new connection is stored, or found to be.
            let client = client_of(&double);
            append(&client, "deal-1", expected, closed).await.unwrap();
            assert_eq!(double.events(), 2);
        }
    }
}

#[tokio::test]
async fn a_swallowed_append_is_stored_and_never_answered() {
    let double = Double::start().await;
    let client = client_of(&double);
    double.set(Mischief::Swallow(1));
    let options = AppendToStreamOptions::default()
        .stream_state(StreamState::NoStream)
        .deadline(Duration::from_millis(300));
    let unanswered = client
        .append_to_stream("deal-1", &options, vec![event("opened")])
        .await;
    assert!(unanswered.is_err());
    assert_eq!(double.events(), 1);
}

#[tokio::test]
async fn a_false_conflict_stores_nothing() {
    let double = Double::start().await;
    let client = client_of(&double);
    double.set(Mischief::FalseConflict(1));
    let refused = append(
        &client,
        "deal-1",
        StreamState::NoStream,
        vec![event("opened")],
    )
    .await;
    assert!(
        matches!(refused, Err(Error::WrongExpectedVersion { .. })),
        "{refused:?}"
    );
    assert_eq!(double.events(), 0);
    append(
        &client,
        "deal-1",
        StreamState::NoStream,
        vec![event("opened")],
    )
    .await
    .unwrap();
}

#[tokio::test]
async fn without_a_leader_nothing_is_written_and_everything_read() {
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
    double.set(Mischief::ReadOnly);
    let session = client.batch_append(&Default::default()).await.unwrap();
    let refused = session
        .append_to_stream("deal-1", StreamState::Any, vec![event("closed")])
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("No leader"), "{refused}");
    let refused = append(&client, "deal-1", StreamState::Any, vec![event("closed")]).await;
    assert!(matches!(refused, Err(Error::ServerError(_))), "{refused:?}");
    assert_eq!(read(&client, "deal-1").await.unwrap().len(), 1);
    double.clear();
    append(&client, "deal-1", StreamState::Any, vec![event("closed")])
        .await
        .unwrap();
}

#[tokio::test]
async fn reads_fail_until_it_behaves_again() {
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
    double.set(Mischief::FailReads);
    let refused = read(&client, "deal-1").await;
    assert!(matches!(refused, Err(Error::ServerError(_))), "{refused:?}");
    double.clear();
    assert_eq!(read(&client, "deal-1").await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_delayed_answer_comes_late_and_the_append_is_stored_at_once() {
    let double = Double::start().await;
    let client = client_of(&double);
    let session = client.batch_append(&Default::default()).await.unwrap();
    let append =
        |stream| session.append_to_stream(stream, StreamState::NoStream, vec![event("opened")]);
    append("deal-0").await.unwrap();
    let delay = Duration::from_millis(400);
    double.set(Mischief::Delay(delay));
    let began = Instant::now();
    append("deal-1").await.unwrap();
    // A lower bound only: however slow the machine is, it cannot come earlier.
    assert!(began.elapsed() >= delay);
    double.set(Mischief::Delay(Duration::from_secs(3600)));
    tokio::select! {
        answered = append("deal-2") => panic!("an hour early: {answered:?}"),
        () = double.until_stored(3) => {}
    }
}

#[tokio::test]
async fn a_hanging_server_answers_nothing_until_it_moves_again() {
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
    double.set(Mischief::Hang);
    let options = ReadStreamOptions::default()
        .position(StreamPosition::Start)
        .deadline(Duration::from_millis(200));
    let unanswered = client.read_stream("deal-1", &options).await;
    assert!(unanswered.is_err());
    double.clear();
    assert_eq!(read(&client, "deal-1").await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_subscription_that_fails_says_so() {
    let double = Double::start().await;
    let client = client_of(&double);
    let options = SubscribeToAllOptions::default().position(StreamPosition::End);
    let mut subscription = client.subscribe_to_all(&options).await;
    subscription.next_subscription_event().await.unwrap();
    double.end_subscriptions(Ending::Failed);
    loop {
        match subscription.next_subscription_event().await {
            Ok(_) => {} // what was under way before
            Err(Error::ServerError(text)) => {
                assert!(text.contains("Not Ready"), "{text}");
                break;
            }
            Err(other) => panic!("{other}"),
        }
    }
    double.until(|seen| seen.open_subscriptions == 0).await;
}
