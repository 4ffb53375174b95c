//! What a server and a network may do to a log: nothing acknowledged is lost, nothing is stored twice, nobody waits for ever.

use std::time::Duration;

use eventstore::{
    AppendToStreamOptions, Client, DeleteStreamOptions, EventData, TombstoneStreamOptions,
};
use rapport_domain::event::{Position, Revision};
use rapport_domain::port::log::{AppendError, EventLog, Expected, Subscription};
use rapport_domain::testing::{block_on, log_contract};
use rapport_event_log::{ClusterConfig, ClusterLog, Credentials};
use rapport_eventstore_double::{Credentials as Wanted, Ending, Mischief, Settings};

use crate::support::{Server, TempCluster, append, batch, everything};

fn bare(server: &Server) -> Client {
    let settings = server
        .double
        .connection_string()
        .parse()
        .expect("an address");
    Client::new(settings).expect("a client")
}

#[test]
fn what_happens_to_one_append_on_the_way_is_not_seen_by_whoever_appends() {
    let cluster = TempCluster::new();
    let server = &cluster.server;
    let mishaps = [
        Mischief::CutBefore(1),
        Mischief::CutAfter(1),
        Mischief::Swallow(1),
        Mischief::FalseConflict(1),
    ];
    let mut next = 0;
    for mishap in mishaps {
        // Three events: a batch is taken whole or not at all.
        for _ in 0..2 {
            server.double.set(mishap);
            let expected = Expected::after(u64::checked_sub(next, 1).map(Revision));
            let numbers = (next..next + 3).map(u128::from);
            let appended = append(&cluster, 1, expected, numbers);
            next += 3;
            assert_eq!(
                appended.map(|a| a.revision),
                Ok(Revision(next - 1)),
                "{mishap:?}"
            );
        }
    }
    assert_eq!(server.double.events() as u64, next);
    let stored = everything(&cluster);
    let revisions: Vec<u64> = stored.iter().map(|event| event.revision.0).collect();
    assert_eq!(revisions, (0..next).collect::<Vec<_>>());
    assert!(cluster.health().resent > 0, "{:?}", cluster.health());
}

#[test]
fn a_change_of_the_leader_is_followed_wherever_it_goes() {
    let cluster = TempCluster::of(3);
    let server = &cluster.server;
    let mut expected = Expected::NoStream;
    for (number, leader) in [1, 2, 0, 1].into_iter().enumerate() {
        let appended = append(&cluster, 1, expected, [number as u128 * 2]).expect("before");
        server.double.lead(leader);
        let appended = append(
            &cluster,
            1,
            Expected::Exact(appended.revision),
            [number as u128 * 2 + 1],
        );
        expected = Expected::Exact(appended.expect("after").revision);
    }
    assert_eq!(server.double.events(), 8);
    assert_eq!(everything(&cluster).len(), 8);
}

#[test]
fn a_cluster_without_a_leader_is_unavailable_and_nothing_is_stored() {
    let server = Server::new(1);
    let log = block_on(ClusterLog::connect(ClusterConfig {
        append_within: Duration::from_millis(500),
        ..server.config()
    }))
    .expect("a connection");
    append(&log, 1, Expected::NoStream, [1]).expect("appended");
    server.double.set(Mischief::ReadOnly);
    let answer = append(&log, 1, Expected::Exact(Revision(0)), [2]);
    assert!(
        matches!(answer, Err(AppendError::Unavailable(_))),
        "{answer:?}"
    );
    assert_eq!(everything(&log).len(), 1, "reading goes on");
    server.double.clear();
    append(&log, 1, Expected::Exact(Revision(0)), [2]).expect("appended");
    assert_eq!(server.double.events(), 2);
}

#[test]
fn a_server_that_says_nothing_more_leaves_the_outcome_unknown_and_a_retry_settles_it() {
    let server = Server::new(1);
    let log = block_on(ClusterLog::connect(ClusterConfig {
        append_within: Duration::from_millis(600),
        read_within: Duration::from_millis(600),
        answer_within: Duration::from_millis(300),
        ..server.config()
    }))
    .expect("a connection");
    append(&log, 1, Expected::NoStream, [1]).expect("appended");
    server.double.set(Mischief::Hang);
    let answer = append(&log, 1, Expected::Exact(Revision(0)), [2]);
    assert!(matches!(answer, Err(AppendError::Unknown(_))), "{answer:?}");
    let read = block_on(log.read_stream(log_contract::stream(1), Revision::FIRST, 10));
    assert!(read.is_err(), "{read:?}");
    server.double.clear();
    let again = append(&log, 1, Expected::Exact(Revision(0)), [2]);
    assert_eq!(again.map(|a| a.revision), Ok(Revision(1)));
    assert_eq!(server.double.events(), 2);
}

#[test]
fn answers_that_come_late_are_waited_for() {
    let cluster = TempCluster::new();
    cluster
        .server
        .double
        .set(Mischief::Delay(Duration::from_millis(150)));
    for number in 0..3 {
        let expected = Expected::after(u64::checked_sub(number, 1).map(Revision));
        append(&cluster, 1, expected, [u128::from(number)]).expect("appended");
    }
    assert_eq!(everything(&cluster).len(), 3);
    assert_eq!(cluster.server.double.events(), 3);
    assert_eq!(cluster.health().resent, 0);
}

#[test]
fn readers_go_on_after_an_outage_where_they_were() {
    let server = Server::new(1);
    let (ours, other) = (server.connect(), server.connect());
    let mut reader = Subscription::new(&ours, Position::START, 2);
    let mut seen = Vec::new();
    for round in 0..3_u128 {
        for number in 0..5 {
            let number = round * 10 + number;
            append(&other, number, Expected::NoStream, [number]).expect("appended");
        }
        while seen.len() < 5 * (round as usize + 1) {
            seen.extend(block_on(reader.next()).expect("readable"));
        }
        match round {
            0 => server
                .run(server.double.cut_connections(0))
                .expect("the port again"),
            1 => server.double.end_subscriptions(Ending::Failed),
            _ => {}
        }
    }
    assert_eq!(seen, everything(&other));
}

#[test]
fn what_others_keep_in_the_cluster_is_passed_over() {
    let server = Server::new(1);
    let log = server.connect();
    server.run(async {
        let client = bare(&server);
        let options = AppendToStreamOptions::default();
        let foreign = |kind: &str| EventData::json(kind, &7).expect("JSON");
        for stream in [
            "planet-1",
            "customer-not-ours",
            "customer-00000000-0000-0000-0000-000000000001",
        ] {
            for _ in 0..4 {
                let many = vec![foreign("planet.seen"); 400];
                client
                    .append_to_stream(stream, &options, many)
                    .await
                    .expect("appended");
            }
        }
    });
    let first = append(&log, 1, Expected::NoStream, [1]).expect("appended");
    let second = append(&log, 2, Expected::NoStream, [2]).expect("appended");
    for limit in [1, 2, 100] {
        let page = block_on(log.read_all(Position::START, limit)).expect("readable");
        assert_eq!(page.len(), limit.min(2));
        assert_eq!(page[0].position, first.position);
    }
    let rest = block_on(log.read_all(first.position, 100)).expect("readable");
    assert_eq!(
        rest.iter().map(|event| event.position).collect::<Vec<_>>(),
        [second.position]
    );
    assert_eq!(server.connect().head(), second.position);
    let foreign = log_contract::stream(0);
    assert_eq!(
        block_on(log.read_stream(foreign, Revision::FIRST, 10)),
        Ok(vec![])
    );
}

#[test]
fn deleted_streams_are_empty_and_those_deleted_for_good_take_nothing() {
    let cluster = TempCluster::new();
    let (log, server) = (&*cluster, &cluster.server);
    for stream in [1, 2] {
        append(
            log,
            stream,
            Expected::NoStream,
            (0..3).map(|n| stream * 10 + n),
        )
        .expect("appended");
    }
    server.run(async {
        let client = bare(server);
        let name = |number| log_contract::stream(number).to_string();
        let deleted = client
            .delete_stream(name(1), &DeleteStreamOptions::default())
            .await;
        deleted.expect("deleted");
        let gone = client
            .tombstone_stream(name(2), &TombstoneStreamOptions::default())
            .await;
        gone.expect("deleted for good");
    });
    for stream in [1, 2] {
        let read = block_on(log.read_stream(log_contract::stream(stream), Revision::FIRST, 10));
        assert_eq!(read, Ok(vec![]));
    }
    let again = append(log, 1, Expected::NoStream, [50]).expect("it may begin again");
    let read = block_on(log.read_stream(log_contract::stream(1), Revision::FIRST, 10));
    assert_eq!(
        read.expect("readable").last().map(|event| event.revision),
        Some(again.revision)
    );
    let refused = append(log, 2, Expected::Exact(Revision(2)), [51]);
    assert!(
        matches!(refused, Err(AppendError::Refused(_))),
        "{refused:?}"
    );
}

#[test]
fn a_batch_that_the_server_finds_too_large_is_refused() {
    let server = Server::with(Settings {
        most: 10_000,
        ..Settings::default()
    });
    let log = server.connect();
    let mut large = batch(1, Expected::NoStream, [1]);
    large.events[0].data = vec![b' '; 20_000];
    let answer = block_on(log.append(large));
    assert!(matches!(answer, Err(AppendError::Refused(_))), "{answer:?}");
    append(&log, 1, Expected::NoStream, [2]).expect("appended");
}

#[test]
fn an_id_is_told_by_what_another_hub_stored_at_its_place() {
    let server = Server::new(1);
    let first = append(&server.connect(), 1, Expected::NoStream, 0..3).expect("appended");
    // A hub that has seen nothing of it: started anew, or another one.
    let log = server.connect();
    assert_eq!(append(&log, 1, Expected::NoStream, 0..3), Ok(first));
    let mut other = batch(1, Expected::NoStream, 0..3);
    other.events[2].data = b"{}".to_vec();
    let fresh = server.connect();
    let answer = block_on(fresh.append(other));
    assert!(matches!(answer, Err(AppendError::Refused(_))), "{answer:?}");
    let later = append(&server.connect(), 1, Expected::Exact(Revision(2)), [1]);
    assert!(matches!(later, Err(AppendError::Refused(_))), "{later:?}");
    assert_eq!(server.double.events(), 3);
}

#[test]
fn a_closed_log_takes_no_appends_and_can_still_be_read() {
    let cluster = TempCluster::new();
    append(&cluster, 1, Expected::NoStream, [1]).expect("appended");
    block_on(cluster.close());
    assert_eq!(
        append(&cluster, 1, Expected::Exact(Revision(0)), [2]),
        Err(AppendError::Closed)
    );
    assert_eq!(everything(&cluster).len(), 1);
    block_on(cluster.close());
}

#[test]
fn tls_with_its_own_authority_and_a_password_lets_in_and_nothing_else_does() {
    let server = Server::with(Settings {
        nodes: 3,
        credentials: Some(Wanted {
            user: "hub".to_owned(),
            password: "p-w0rd".to_owned(),
        }),
        tls: true,
        ..Settings::default()
    });
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, server.double.authority().expect("it is sealed")).expect("written");
    let address = server.double.connection_string().replace("hub:p-w0rd@", "");
    assert!(!address.contains("p-w0rd"));
    let config = |password: &str, ca: bool| ClusterConfig {
        connection_string: address.clone(),
        credentials: Some(Credentials {
            user: "hub".to_owned(),
            password: password.to_owned(),
        }),
        ca_file: ca.then(|| file.clone()),
        connect_within: Duration::from_secs(if ca { 10 } else { 1 }),
        ..server.config()
    };
    let log = block_on(ClusterLog::connect(config("p-w0rd", true))).expect("let in");
    append(&log, 1, Expected::NoStream, [1]).expect("appended");
    for (wrong, why) in [
        (config("secret-guess", true), "the user or the password"),
        (config("p-w0rd", false), "cannot be reached"),
    ] {
        let error = block_on(ClusterLog::connect(wrong))
            .err()
            .expect("kept out")
            .to_string();
        assert!(
            error.contains(why) && !error.contains("secret-guess"),
            "{error}"
        );
    }
}
