use super::*;
use proptest::prelude::*;
use std::net::{IpAddr, Ipv4Addr};

const A: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 4000);
const B: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)), 6000);
const MS: Duration = Duration::from_millis(1);

fn remote(addr: SocketAddr, codec: Codec) -> Remote {
    let payload = if codec == Codec::Pcmu { 0 } else { 8 };
    Remote {
        addr,
        flow: None,
        codec,
        payload,
        telephone_event: Some(101),
        send: true,
        receive: true,
    }
}

fn leg(ssrc: u32, remote: Remote, now: Instant) -> Leg {
    let mut leg = unknown(ssrc, now);
    leg.set_remote(remote, now);
    leg
}

/// A leg whose peer the signalling has not named yet.
fn unknown(ssrc: u32, now: Instant) -> Leg {
    let id = LegId::derived(rapport_domain::id::RAPPORT, &ssrc.to_string());
    Leg::new(
        id,
        Seed {
            ssrc,
            sequence: 10,
            timestamp: 20,
            name: 0xC0FFEE,
        },
        now,
    )
}

fn packet(kind: u8, sequence: u16, timestamp: u32, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0; HEADER_LEN];
    rtp::write(
        packet.first_chunk_mut().unwrap(),
        false,
        kind,
        sequence,
        timestamp,
        77,
    );
    packet.extend_from_slice(payload);
    packet
}

/// Sends a packet from one leg's peer to the other leg; what would go out.
fn pass(
    from: &mut Leg,
    to: &mut Leg,
    mut bytes: Vec<u8>,
    now: Instant,
) -> Option<(Header, Vec<u8>, SocketAddr)> {
    let source = from.remote.unwrap().addr;
    let taken = from.take(&bytes, source, now).unwrap();
    let (range, address) = to.relay(&mut bytes, &taken, now)?;
    let out = &bytes[range];
    let header = rtp::parse(out).unwrap();
    let payload = out[header.payload.clone()].to_vec();
    Some((header, payload, address))
}

#[test]
fn the_same_law_is_passed_on_untouched_under_our_own_header() {
    let now = Instant::now();
    let (mut a, mut b) = (
        leg(1, remote(A, Codec::Pcma), now),
        leg(2, remote(B, Codec::Pcma), now),
    );
    let payload: Vec<u8> = (0..160).map(|i| i as u8).collect();
    let (header, out, to) = pass(&mut a, &mut b, packet(8, 500, 9000, &payload), now).unwrap();
    assert_eq!(
        (
            header.ssrc,
            header.sequence,
            header.payload_type,
            header.marker
        ),
        (2, 11, 8, true)
    );
    assert_eq!((out, to), (payload, B));
}

#[test]
fn the_other_law_is_recoded_and_its_payload_type_with_it() {
    let now = Instant::now();
    let (mut a, mut b) = (
        leg(1, remote(A, Codec::Pcmu), now),
        leg(2, remote(B, Codec::Pcma), now),
    );
    let (header, out, _) = pass(&mut a, &mut b, packet(0, 1, 1, &[0xFF, 0x80]), now).unwrap();
    assert_eq!((header.payload_type, out), (8, vec![0xD5, 0xAA]));
}

#[test]
fn extensions_and_padding_of_one_call_do_not_reach_the_other() {
    let now = Instant::now();
    let (mut a, mut b) = (
        leg(1, remote(A, Codec::Pcmu), now),
        leg(2, remote(B, Codec::Pcmu), now),
    );
    let mut bytes = packet(0, 1, 1, &[0xBE, 0xDE, 0, 1, 9, 9, 9, 9, 5, 6, 7, 0, 2]);
    bytes[0] |= 0x30;
    let (header, out, _) = pass(&mut a, &mut b, bytes, now).unwrap();
    assert_eq!((header.payload, out), (12..15, vec![5, 6, 7]));
}

#[test]
fn a_key_press_is_reported_once_and_passed_on_under_the_other_number() {
    let now = Instant::now();
    let (mut a, mut b) = (
        leg(1, remote(A, Codec::Pcmu), now),
        leg(2, remote(B, Codec::Pcmu), now),
    );
    b.remote.as_mut().unwrap().telephone_event = Some(96);
    let press = |sequence| packet(101, sequence, 800, &[5, 0x8A, 3, 32]);
    assert_eq!(a.take(&press(1), A, now).unwrap().digit, Some('5'));
    assert_eq!(a.take(&press(2), A, now).unwrap().digit, None);
    let (header, payload, _) = pass(&mut a, &mut b, press(3), now).unwrap();
    assert_eq!((header.payload_type, payload), (96, vec![5, 0x8A, 3, 32]));
}

#[test]
fn a_peer_that_takes_no_key_presses_sees_neither_them_nor_a_gap() {
    let now = Instant::now();
    let (mut a, mut b) = (
        leg(1, remote(A, Codec::Pcmu), now),
        leg(2, remote(B, Codec::Pcmu), now),
    );
    b.remote.as_mut().unwrap().telephone_event = None;
    let (before, ..) = pass(&mut a, &mut b, packet(0, 1, 0, &[1; 160]), now).unwrap();
    assert_eq!(
        pass(&mut a, &mut b, packet(101, 2, 160, &[5, 0x8A, 3, 32]), now),
        None
    );
    let (after, ..) = pass(&mut a, &mut b, packet(0, 3, 320, &[1; 160]), now).unwrap();
    assert_eq!(after.sequence, before.sequence + 1);
}

#[test]
fn who_has_put_us_on_hold_is_sent_nothing_and_sees_no_gap_afterwards() {
    let now = Instant::now();
    let (mut a, mut b) = (
        leg(1, remote(A, Codec::Pcmu), now),
        leg(2, remote(B, Codec::Pcmu), now),
    );
    let (before, ..) = pass(&mut a, &mut b, packet(0, 1, 0, &[1; 160]), now).unwrap();
    b.set_remote(
        Remote {
            send: false,
            ..remote(B, Codec::Pcmu)
        },
        now,
    );
    for i in 2..50 {
        assert_eq!(
            pass(
                &mut a,
                &mut b,
                packet(0, i, 160 * u32::from(i), &[1; 160]),
                now
            ),
            None
        );
    }
    b.set_remote(remote(B, Codec::Pcmu), now);
    let (after, ..) = pass(
        &mut a,
        &mut b,
        packet(0, 50, 8000, &[1; 160]),
        now + 980 * MS,
    )
    .unwrap();
    assert_eq!((after.sequence, after.marker), (before.sequence + 1, true));
    assert_eq!(after.timestamp.wrapping_sub(before.timestamp), 980 * 8);
    b.set_remote(
        Remote {
            addr: "0.0.0.0:6000".parse().unwrap(),
            ..remote(B, Codec::Pcmu)
        },
        now,
    );
    assert_eq!(
        pass(&mut a, &mut b, packet(0, 51, 8160, &[1; 160]), now),
        None,
        "hold in the old style"
    );
}

#[test]
fn what_a_held_peer_sends_nevertheless_is_not_passed_on() {
    let now = Instant::now();
    let (mut a, mut b) = (
        leg(1, remote(A, Codec::Pcmu), now),
        leg(2, remote(B, Codec::Pcmu), now),
    );
    a.set_remote(
        Remote {
            receive: false,
            ..remote(A, Codec::Pcmu)
        },
        now,
    );
    assert_eq!(pass(&mut a, &mut b, packet(0, 1, 0, &[1; 160]), now), None);
}

#[test]
fn a_loop_plays_from_its_beginning_in_the_law_of_the_peer() {
    let now = Instant::now();
    for codec in [Codec::Pcmu, Codec::Pcma] {
        let mut a = leg(1, remote(A, codec), now);
        a.hear(Hears::Sound {
            sound: Sound::QueueMusic,
            since: None,
        });
        assert!(a.plays());
        for i in 0..3 {
            let mut out = [0; PLAYED_LEN];
            assert_eq!(a.play(70 + i, &mut out, now + 20 * MS * i as u32), Some(A));
            let header = rtp::parse(&out).unwrap();
            assert_eq!((header.sequence, header.marker), (11 + i as u16, i == 0));
            assert_eq!(
                out[HEADER_LEN..],
                *SOUNDS.frame(Sound::QueueMusic, codec, i)
            );
        }
    }
}

#[test]
fn what_is_to_be_heard_is_kept_until_the_peer_is_known_and_then_begins_at_once() {
    let now = Instant::now();
    let mut a = unknown(1, now);
    a.hear(Hears::Sound {
        sound: Sound::QueueMusic,
        since: None,
    });
    let mut out = [0; PLAYED_LEN];
    assert!(!a.plays() && a.play(7, &mut out, now).is_none());
    let early = a.take(&packet(0, 1, 1, &[1]), A, now);
    assert_eq!(early.err(), Some(Refused::Foreign));
    a.set_remote(remote(A, Codec::Pcmu), now);
    assert!(a.plays());
    assert_eq!(a.play(8, &mut out, now), Some(A));
    assert_eq!(
        out[HEADER_LEN..],
        *SOUNDS.frame(Sound::QueueMusic, Codec::Pcmu, 0)
    );
}

#[test]
fn silence_of_the_peer_is_told_once_for_each_silence_and_only_if_packets_are_expected() {
    let now = Instant::now();
    let timeout = Duration::from_secs(10);
    let mut a = leg(1, remote(A, Codec::Pcmu), now);
    assert!(!a.fell_silent(now + timeout - MS, timeout));
    assert!(a.fell_silent(now + timeout, timeout));
    assert!(!a.fell_silent(now + timeout * 2, timeout));
    a.take(&packet(0, 1, 1, &[1]), A, now + timeout * 2)
        .unwrap();
    assert!(!a.fell_silent(now + timeout * 2, timeout));
    assert!(
        a.fell_silent(now + timeout * 3, timeout),
        "again after packets came again"
    );
    a.set_remote(
        Remote {
            receive: false,
            ..remote(A, Codec::Pcmu)
        },
        now,
    );
    assert!(!a.fell_silent(now + timeout * 9, timeout));
}

#[test]
fn every_five_seconds_a_report_tells_what_was_sent_and_heard() {
    let now = Instant::now();
    let (mut a, mut b) = (
        leg(1, remote(A, Codec::Pcmu), now),
        leg(2, remote(B, Codec::Pcmu), now),
    );
    let mut out = Vec::new();
    assert_eq!(
        a.report(&mut out, now, SystemTime::UNIX_EPOCH),
        None,
        "not yet due"
    );
    let due = now + REPORT_INTERVAL;
    assert_eq!(
        a.report(&mut out, due, SystemTime::UNIX_EPOCH),
        None,
        "nothing to say"
    );
    pass(&mut a, &mut b, packet(0, 1, 0, &[1; 160]), due).unwrap();
    let due = due + REPORT_INTERVAL;
    assert_eq!(
        a.report(&mut out, due, SystemTime::UNIX_EPOCH),
        Some(SocketAddr::new(A.ip(), 4001))
    );
    assert_eq!(
        (out[0], out[1]),
        (0x81, 201),
        "heard one source, sent nothing"
    );
    assert_eq!(
        b.report(&mut out, due, SystemTime::UNIX_EPOCH),
        Some(SocketAddr::new(B.ip(), 6001))
    );
    assert_eq!((out[0], out[1]), (0x80, 200), "sent, heard nobody");
    assert_eq!(
        out[20..28],
        [0, 0, 0, 1, 0, 0, 0, 160],
        "one packet of 160 octets"
    );
    assert_eq!(b.report(&mut out, due + MS, SystemTime::UNIX_EPOCH), None);
}

#[test]
fn rtcp_of_strangers_is_refused() {
    let now = Instant::now();
    let mut a = leg(1, remote(A, Codec::Pcmu), now);
    let receiver_report = [0x80, 201, 0, 1, 0, 0, 0, 77];
    assert_eq!(a.take_rtcp(&receiver_report, B, now), Err(Refused::Foreign));
    assert_eq!(a.take_rtcp(&receiver_report, A, now), Ok(()));
    assert_eq!(
        a.take_rtcp(&receiver_report[..7], A, now),
        Err(Refused::Malformed)
    );
}

proptest! {
    #[test]
    fn any_datagrams_are_harmless(
        datagrams in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 1..50),
    ) {
        let now = Instant::now();
        let (mut a, mut b) = (leg(1, remote(A, Codec::Pcmu), now), leg(2, remote(B, Codec::Pcma), now));
        for (i, mut bytes) in datagrams.into_iter().enumerate() {
            let now = now + 20 * MS * i as u32;
            let _ = a.take_rtcp(&bytes, A, now);
            if let Some(first) = bytes.first_mut() {
                *first = 0x80 | (*first & 0x3F);
            }
            if let Ok(taken) = a.take(&bytes, A, now)
                && let Some((range, _)) = b.relay(&mut bytes, &taken, now)
            {
                prop_assert_eq!(rtp::parse(&bytes[range]).unwrap().ssrc, 2);
            }
        }
    }
}
