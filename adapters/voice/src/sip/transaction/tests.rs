use std::time::Instant;

use super::*;

fn bytes(text: &str) -> Bytes {
    text.as_bytes().into()
}

/// Wakes a client transaction whenever it asks, for a minute; answers with the milliseconds at which it sent and the
/// one at which it gave up.
fn client_schedule(
    kind: Kind,
    carrier: Carrier,
    provisional_after: Option<u64>,
) -> (Vec<u128>, Option<u128>) {
    let start = Instant::now();
    let mut client = ClientTransaction::start(kind, carrier, bytes("request"), start);
    let (mut sent, mut gave_up) = (Vec::new(), None);
    if let Some(after) = provisional_after {
        let at = start + Duration::from_millis(after);
        assert!(client.response(100, at).deliver);
    }
    while let Some(at) = client
        .deadline()
        .filter(|at| *at < start + Duration::from_secs(60))
    {
        let step = client.tick(at);
        let when = at.duration_since(start).as_millis();
        if step.send.is_some() {
            sent.push(when);
        }
        if step.timed_out {
            gave_up = Some(when);
        }
    }
    assert_eq!(client.is_over(), gave_up.is_some());
    (sent, gave_up)
}

#[test]
fn an_unanswered_invite_is_repeated_at_doubling_intervals_and_given_up_after_32_seconds() {
    let expected = vec![500, 1_500, 3_500, 7_500, 15_500, 31_500];
    assert_eq!(
        client_schedule(Kind::Invite, Carrier::Datagram, None),
        (expected, Some(32_000))
    );
    assert_eq!(
        client_schedule(Kind::Invite, Carrier::Stream, None),
        (vec![], Some(32_000))
    );
}

#[test]
fn another_unanswered_request_is_repeated_at_intervals_up_to_four_seconds() {
    let expected = vec![
        500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500,
    ];
    assert_eq!(
        client_schedule(Kind::Other, Carrier::Datagram, None),
        (expected, Some(32_000))
    );
}

#[test]
fn a_provisional_response_silences_an_invite_for_good_and_slows_another_request() {
    assert_eq!(
        client_schedule(Kind::Invite, Carrier::Datagram, Some(100)),
        (vec![], None)
    );
    let slow = vec![4_100, 8_100, 12_100, 16_100, 20_100, 24_100, 28_100];
    assert_eq!(
        client_schedule(Kind::Other, Carrier::Datagram, Some(100)),
        (slow, Some(32_000))
    );
}

#[test]
fn a_cancelled_invite_that_stays_unanswered_ends_64_t1_later() {
    let now = Instant::now();
    let mut client =
        ClientTransaction::start(Kind::Invite, Carrier::Datagram, bytes("invite"), now);
    client.response(180, now);
    assert_eq!(client.deadline(), None);
    client.cancelled(now);
    assert!(client.tick(now + T1X64).timed_out);
}

#[test]
fn a_repeated_failure_gets_the_same_ack_and_is_delivered_once() {
    let now = Instant::now();
    let mut client =
        ClientTransaction::start(Kind::Invite, Carrier::Datagram, bytes("invite"), now);
    let step = client.response(486, now);
    assert!(step.deliver && step.acknowledge);
    client.acknowledge(bytes("ack"));
    let again = client.response(486, now);
    assert_eq!(
        again,
        ClientStep {
            send: Some(bytes("ack")),
            ..ClientStep::default()
        }
    );
    assert_eq!(client.response(200, now), ClientStep::default(), "too late");
    client.tick(now + TIMER_D);
    assert!(client.is_over());
}

#[test]
fn every_success_of_an_invite_reaches_its_user_and_of_another_request_only_the_first() {
    let now = Instant::now();
    let mut invite =
        ClientTransaction::start(Kind::Invite, Carrier::Datagram, bytes("invite"), now);
    assert!(invite.response(200, now).deliver && invite.response(200, now).deliver);
    assert!(
        !invite.response(180, now).deliver,
        "a late provisional means nothing"
    );
    let mut bye = ClientTransaction::start(Kind::Other, Carrier::Datagram, bytes("bye"), now);
    assert!(bye.response(200, now).deliver && !bye.response(200, now).deliver);
    assert_eq!(bye.deadline(), Some(now + T4));
}

#[test]
fn a_repeated_request_gets_the_last_response_again() {
    let now = Instant::now();
    let mut server = ServerTransaction::start(Kind::Other, Carrier::Datagram);
    assert_eq!(server.repeated().send, None);
    server.respond(100, bytes("trying"), now);
    assert_eq!(server.repeated().send, Some(bytes("trying")));
    server.respond(200, bytes("ok"), now);
    assert_eq!(server.repeated().send, Some(bytes("ok")));
    assert_eq!(
        server.respond(500, bytes("no"), now).send,
        None,
        "one final response only"
    );
    server.tick(now + T1X64);
    assert!(server.is_over());
}

#[test]
fn a_failed_invite_is_repeated_until_its_ack_and_absorbs_later_ones() {
    let start = Instant::now();
    let mut server = ServerTransaction::start(Kind::Invite, Carrier::Datagram);
    server.respond(486, bytes("busy"), start);
    let mut sent = Vec::new();
    for _ in 0..4 {
        let at = server.deadline().unwrap();
        assert!(server.tick(at).send.is_some());
        sent.push(at.duration_since(start).as_millis());
    }
    assert_eq!(sent, [500, 1_500, 3_500, 7_500]);
    let acked = start + Duration::from_secs(8);
    server.acknowledged(acked);
    assert_eq!(server.deadline(), Some(acked + T4));
    assert_eq!(server.repeated().send, None);
    server.tick(acked + T4);
    assert!(server.is_over());
}

#[test]
fn a_failed_invite_without_an_ack_ends_after_32_seconds() {
    let start = Instant::now();
    let mut server = ServerTransaction::start(Kind::Invite, Carrier::Datagram);
    server.respond(486, bytes("busy"), start);
    while let Some(at) = server.deadline() {
        server.tick(at);
        assert!(at <= start + T1X64);
    }
    assert!(server.is_over());
}

#[test]
fn an_answered_invite_absorbs_repetitions_for_its_user_repeats_the_answer() {
    let now = Instant::now();
    let mut server = ServerTransaction::start(Kind::Invite, Carrier::Datagram);
    assert!(server.is_pending());
    assert!(server.respond(200, bytes("ok"), now).send.is_some());
    assert_eq!(server.repeated().send, None);
    assert_eq!(server.deadline(), Some(now + T1X64));
}
