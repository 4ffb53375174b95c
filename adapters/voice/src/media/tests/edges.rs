//! Ports, strangers, silence, and the way out.

use super::*;
use crate::media::NoPorts;
use rapport_domain::port::voice::Sound;

const LONG: Duration = Duration::from_secs(60);

#[test]
fn ports_are_even_run_out_and_are_used_again_after_a_close() {
    let engine = engine(1, 2, LONG);
    let first = engine.media.open(leg("a"), 1).unwrap();
    assert_eq!((first, first % 2), (engine.first_port, 0));
    assert_eq!(engine.media.open(leg("a"), 1), Ok(first), "asked twice");
    engine.media.open(leg("b"), 2).unwrap();
    assert_eq!(engine.media.open(leg("c"), 3), Err(NoPorts));
    engine.media.close(leg("a"));
    assert_eq!(engine.media.leg_stats(leg("a")), None);
    assert_eq!(eventually(|| engine.media.open(leg("c"), 3).ok()), first);
    assert_eq!(engine.media.stats().legs, 2);
}

#[test]
fn a_silent_peer_is_reported_once() {
    let engine = engine(1, 2, Duration::from_millis(160));
    let silent = engine.call("silent", 1, Codec::Pcmu);
    let mut held = engine.call("held", 1, Codec::Pcmu);
    engine.media.set_remote(
        held.leg,
        Remote {
            receive: false,
            ..held.remote()
        },
    );
    assert_eq!(engine.event(), MediaEvent::RtpTimeout { leg: silent.leg });
    // The held leg falls silent later and is the next to be reported: nothing more of the first, and not before.
    engine.media.set_remote(held.leg, held.remote());
    held.say(b"back");
    assert_eq!(engine.event(), MediaEvent::RtpTimeout { leg: held.leg });
}

#[test]
fn a_peer_behind_an_address_translator_is_followed_to_where_it_sends_from() {
    let engine = engine(1, 2, LONG);
    let mut a = engine.call("a", 1, Codec::Pcmu);
    let mut b = engine.call("b", 1, Codec::Pcmu);
    // Its SDP names an address at which nothing listens and from which nothing comes.
    let nowhere = UdpSocket::bind((LOCAL, 0)).unwrap();
    engine.media.set_remote(
        b.leg,
        Remote {
            addr: nowhere.local_addr().unwrap(),
            ..b.remote()
        },
    );
    engine.media.bridge(a.leg, b.leg);
    b.talk_until_heard(&mut a, b"through");
    a.talk_until_heard(&mut b, b"and back");
    let stats = engine.media.leg_stats(b.leg).unwrap();
    assert!(
        stats.foreign >= 4,
        "believed only after its probation: {stats:?}"
    );
}

#[test]
fn what_a_third_address_sends_is_heard_by_nobody() {
    let engine = engine(1, 2, LONG);
    let (mut a, mut b) = (
        engine.call("a", 1, Codec::Pcmu),
        engine.call("b", 1, Codec::Pcmu),
    );
    engine.media.bridge(a.leg, b.leg);
    a.talk_until_heard(&mut b, b"begin");
    let mut stranger = Peer::new(a.leg, a.hub, Codec::Pcmu);
    for _ in 0..50 {
        stranger.say(b"evil");
    }
    eventually(|| (engine.media.leg_stats(a.leg)?.foreign == 50).then_some(()));
    a.say(b"good");
    loop {
        let (_, payload) = b.hear();
        assert_ne!(payload, b"evil");
        if payload == b"good" {
            break;
        }
    }
    b.talk_until_heard(&mut a, b"still to the right place");
}

#[test]
fn junk_is_dropped_and_counted() {
    let engine = engine(1, 1, LONG);
    let mut a = engine.call("a", 1, Codec::Pcmu);
    for junk in [
        &b""[..],
        b"short",
        &[0; 172],
        &[0x80; 11],
        &[0x80; 2048],
        &[0x80; 9000],
    ] {
        a.socket.send_to(junk, a.hub).unwrap();
    }
    let rtcp = SocketAddr::new(LOCAL, a.hub.port() + 1);
    a.socket.send_to(b"junk", rtcp).unwrap();
    a.socket
        .send_to(&[0x80, 201, 0, 1, 0, 0, 0, 1], rtcp)
        .unwrap();
    eventually(|| {
        let stats = engine.media.stats();
        let junk = (stats.malformed, stats.rtcp_refused, stats.rtcp_in);
        (junk == (6, 1, 1)).then_some(())
    });
    engine.media.play(a.leg, Sound::Silence);
    assert_eq!(a.hear().1, [0xFF; 160], "and the leg goes on");
}

#[test]
fn music_keeps_the_time_of_the_clock() {
    let engine = engine(1, 1, LONG);
    let mut a = engine.call("a", 1, Codec::Pcmu);
    engine.media.play(a.leg, Sound::QueueMusic);
    let (first, _) = a.hear();
    let began = Instant::now();
    let last = (0..50).map(|_| a.hear().0).last().unwrap();
    let sound = last.timestamp.wrapping_sub(first.timestamp) / 8;
    let clock = began.elapsed().as_millis() as u32;
    assert!(sound >= 1000, "{sound}");
    // A slow machine may make us read late, but never early by more than the tick.
    assert!(clock + 25 >= sound, "{sound} ms of sound in {clock} ms");
}

#[test]
fn the_engine_ends_with_its_last_clone_and_frees_its_ports() {
    let engine = engine(2, 1, LONG);
    let port = engine.media.open(leg("a"), 1).unwrap();
    assert!(UdpSocket::bind((LOCAL, port)).is_err());
    let clone = engine.media.clone();
    drop(engine);
    assert_eq!(clone.stats().legs, 1);
    drop(clone);
    UdpSocket::bind((LOCAL, port)).expect("free again");
}

#[test]
fn an_engine_without_threads_or_ports_does_not_start() {
    for (threads, ports) in [(0, 20_000..=20_001), (1, 20_001..=20_002)] {
        let config = MediaConfig {
            bind_ip: LOCAL,
            ports,
            threads,
            rtp_timeout: LONG,
        };
        let refused = Media::start(config, Arc::new(|_| ()))
            .err()
            .map(|e| e.kind());
        assert_eq!(refused, Some(std::io::ErrorKind::InvalidInput));
    }
}

#[test]
fn a_full_queue_fails_the_leg_but_never_keeps_it_open() {
    let (gate, opened) = mpsc::channel::<()>();
    let (sender, events) = mpsc::channel();
    let opened = Mutex::new(opened);
    let (_, ports) = free_ports(2);
    let config = MediaConfig {
        bind_ip: LOCAL,
        ports,
        threads: 1,
        rtp_timeout: Duration::from_millis(160),
    };
    // The first event stops the media thread until the gate opens.
    let media = Media::start(
        config,
        Arc::new(move |event| {
            sender.send(event).expect("the test reads its events");
            let _ = opened.lock().unwrap().recv();
        }),
    )
    .unwrap();
    let (quiet, other) = (leg("quiet"), leg("other"));
    let port = media.open(quiet, 1).unwrap();
    media.open(other, 1).unwrap();
    let peer = Peer::new(quiet, SocketAddr::new(LOCAL, port), Codec::Pcmu);
    media.set_remote(quiet, peer.remote());
    assert_eq!(
        events.recv_timeout(PATIENCE),
        Ok(MediaEvent::RtpTimeout { leg: quiet })
    );
    while media.stats().commands_lost == 0 {
        media.play(other, Sound::Silence);
    }
    media.close(quiet);
    drop(gate);
    assert_eq!(
        events.recv_timeout(PATIENCE),
        Ok(MediaEvent::RtpTimeout { leg: other })
    );
    assert_eq!(eventually(|| media.open(leg("next"), 1).ok()), port);
}
