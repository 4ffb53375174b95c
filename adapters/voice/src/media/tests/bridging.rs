//! Who hears what.

use super::*;
use crate::media::sound::SOUNDS;
use rapport_domain::port::voice::Sound;

const LONG: Duration = Duration::from_secs(60);

/// Each packet follows the one before: same source, next number, later time.
fn assert_one_stream(headers: &[Header]) {
    for pair in headers.windows(2) {
        assert_eq!(pair[1].ssrc, pair[0].ssrc);
        assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
        let ahead = pair[1].timestamp.wrapping_sub(pair[0].timestamp) as i32;
        assert!(ahead > 0, "{pair:?}");
    }
}

#[test]
fn bridged_legs_hear_each_other_packet_for_packet() {
    let engine = engine(1, 4, LONG);
    let (mut a, mut b) = (
        engine.call("a", 1, Codec::Pcmu),
        engine.call("b", 1, Codec::Pcmu),
    );
    engine.media.bridge(a.leg, b.leg);
    a.talk_until_heard(&mut b, b"begin");
    b.talk_until_heard(&mut a, b"begin");
    let (mut to_a, mut to_b) = (Vec::new(), Vec::new());
    for i in 0..200u8 {
        a.say(&[i; 160]);
        b.say(&[!i; 160]);
        to_b.push(b.hear_until(&[i; 160]).pop().unwrap());
        to_a.push(a.hear_until(&[!i; 160]).pop().unwrap());
    }
    for (peer, headers) in [(&a, &to_a), (&b, &to_b)] {
        assert_one_stream(headers);
        assert_ne!(
            headers[0].ssrc, 0xBEEF,
            "our own source, not the other peer's"
        );
        let stats = engine.media.leg_stats(peer.leg).unwrap();
        assert!(
            stats.packets_in >= 200 && stats.packets_out >= 200,
            "{stats:?}"
        );
        assert_eq!(stats.lost, 0);
    }
}

#[test]
fn a_leg_of_each_law_understands_the_other() {
    let engine = engine(1, 4, LONG);
    let (mut a, mut b) = (
        engine.call("a", 1, Codec::Pcmu),
        engine.call("b", 1, Codec::Pcma),
    );
    engine.media.bridge(a.leg, b.leg);
    b.talk_until_heard_as(&mut a, &[0xD5; 4], &[0xFE; 4]);
    a.say(&[0xFF; 160]);
    assert_eq!(b.hear_until(&[0xD5; 160]).last().unwrap().payload_type, 8);
    b.say(&[0xAA; 160]);
    assert_eq!(a.hear_until(&[0x80; 160]).last().unwrap().payload_type, 0);
}

#[test]
fn from_music_to_a_bridge_and_back_is_one_stream_for_the_caller() {
    let engine = engine(1, 4, LONG);
    let mut caller = engine.call("caller", 1, Codec::Pcmu);
    engine.media.play(caller.leg, Sound::QueueMusic);
    let mut headers = Vec::new();
    for i in 0..10 {
        let (header, payload) = caller.hear();
        // A tick that came too late is a gap in time, never in sequence: the timestamp says which frame it must be.
        let began = headers
            .first()
            .map_or(header.timestamp, |first: &Header| first.timestamp);
        let number = header.timestamp.wrapping_sub(began) / 160;
        assert_eq!(
            payload,
            SOUNDS.frame(Sound::QueueMusic, Codec::Pcmu, number.into())
        );
        assert_eq!(header.marker, i == 0);
        headers.push(header);
    }
    let mut agent = engine.call("agent", 1, Codec::Pcmu);
    engine.media.bridge(caller.leg, agent.leg);
    headers.extend(agent.talk_until_heard(&mut caller, b"hello"));
    assert!(
        headers.last().unwrap().marker,
        "the bridge begins with a marker"
    );
    for i in 0..10u8 {
        agent.say(&[i; 160]);
        headers.extend(caller.hear_until(&[i; 160]));
    }
    engine.media.play(caller.leg, Sound::Ringback);
    headers.extend(caller.hear_until(SOUNDS.frame(Sound::Ringback, Codec::Pcmu, 0)));
    assert!(headers.last().unwrap().marker);
    assert_one_stream(&headers);
    agent.hear_until(SOUNDS.frame(Sound::Silence, Codec::Pcmu, 0));
}

#[test]
fn who_is_left_alone_hears_silence_until_bridged_again() {
    let engine = engine(1, 4, LONG);
    let mut caller = engine.call("caller", 1, Codec::Pcma);
    let mut first = engine.call("first", 1, Codec::Pcma);
    engine.media.bridge(caller.leg, first.leg);
    let mut headers = first.talk_until_heard(&mut caller, b"first");
    engine.media.close(first.leg);
    headers.extend(caller.hear_until(&[0xD5; 160]));
    let mut second = engine.call("second", 1, Codec::Pcma);
    engine.media.bridge(second.leg, caller.leg);
    headers.extend(second.talk_until_heard(&mut caller, b"second"));
    assert_one_stream(&headers);
}

#[test]
fn a_third_leg_takes_the_place_of_the_second() {
    let engine = engine(1, 4, LONG);
    let [mut a, mut b, mut c] = ["a", "b", "c"].map(|name| engine.call(name, 1, Codec::Pcmu));
    engine.media.bridge(a.leg, b.leg);
    b.talk_until_heard(&mut a, b"from b");
    engine.media.bridge(c.leg, a.leg);
    c.talk_until_heard(&mut a, b"from c");
    a.talk_until_heard(&mut c, b"from a");
    b.hear_until(&[0xFF; 160]);
    b.say(b"unheard");
    c.say(b"heard");
    let mut buffer = [0; 2048];
    loop {
        let (length, _) = a.socket.recv_from(&mut buffer).unwrap();
        assert_ne!(&buffer[12..length], b"unheard");
        if &buffer[12..length] == b"heard" {
            break;
        }
    }
}

#[test]
fn legs_of_two_threads_can_be_bridged_and_are_again_with_others() {
    let engine = engine(2, 4, LONG);
    let mut a = engine.call("a", 0, Codec::Pcmu);
    let mut b = engine.call("b", 1, Codec::Pcmu);
    let mut c = engine.call("c", 1, Codec::Pcmu);
    engine.media.play(b.leg, Sound::QueueMusic);
    let mut headers = vec![b.hear().0];
    engine.media.bridge(a.leg, b.leg);
    headers.extend(a.talk_until_heard(&mut b, b"over"));
    b.talk_until_heard(&mut a, b"and back");
    assert!(headers.iter().all(|h| h.ssrc == headers[0].ssrc));
    engine.media.bridge(c.leg, b.leg);
    engine.media.bridge(b.leg, c.leg);
    c.talk_until_heard(&mut b, b"third");
    b.talk_until_heard(&mut c, b"party");
    assert_eq!(engine.media.stats().commands_lost, 0);
}

#[test]
fn a_key_press_reaches_the_hub_once_and_the_other_phone_in_full() {
    let engine = engine(1, 4, LONG);
    let (mut a, mut b) = (
        engine.call("a", 1, Codec::Pcmu),
        engine.call("b", 1, Codec::Pcmu),
    );
    engine.media.set_remote(
        b.leg,
        Remote {
            telephone_event: Some(96),
            ..b.remote()
        },
    );
    engine.media.bridge(a.leg, b.leg);
    a.talk_until_heard(&mut b, b"menu");
    for event in [1, 11] {
        a.press(event);
        let packets: Vec<_> = (0..4)
            .map(|_| {
                loop {
                    let (header, payload) = b.hear();
                    if header.payload_type == 96 {
                        break (header, payload[0]);
                    }
                }
            })
            .collect();
        assert!(
            packets
                .iter()
                .all(|p| (p.0.timestamp, p.1) == (packets[0].0.timestamp, event))
        );
    }
    assert_eq!(
        engine.event(),
        MediaEvent::Dtmf {
            leg: a.leg,
            digit: '1'
        }
    );
    assert_eq!(
        engine.event(),
        MediaEvent::Dtmf {
            leg: a.leg,
            digit: '#'
        }
    );
    assert!(engine.events.try_recv().is_err());
}

#[test]
fn a_bridge_asked_for_before_the_peer_is_known_begins_when_it_is() {
    for threads in [1, 2] {
        let engine = engine(threads, 2, LONG);
        let mut a = engine.call("a", 1, Codec::Pcmu);
        let unknown = leg("b");
        let port = engine.media.open(unknown, 2).unwrap();
        let mut b = Peer::new(unknown, SocketAddr::new(LOCAL, port), Codec::Pcmu);
        engine.media.play(unknown, Sound::QueueMusic);
        engine.media.bridge(a.leg, unknown);
        for _ in 0..20 {
            a.say(b"too early");
        }
        eventually(|| (engine.media.stats().packets_in >= 20).then_some(()));
        assert_eq!(engine.media.stats().packets_out, 0, "to an unknown place");
        engine.media.set_remote(unknown, b.remote());
        a.talk_until_heard(&mut b, b"now");
        b.talk_until_heard(&mut a, b"and back");
    }
}
