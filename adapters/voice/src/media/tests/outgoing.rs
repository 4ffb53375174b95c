use super::*;
use proptest::prelude::*;

const MS: Duration = Duration::from_millis(1);

fn sound(ssrc: u32, sequence: u16, timestamp: u32) -> Incoming {
    Incoming {
        ssrc,
        sequence,
        timestamp,
        marker: false,
        carries: Carries::Sound(160),
    }
}

fn press(sequence: u16, timestamp: u32) -> Incoming {
    Incoming {
        ssrc: 1,
        sequence,
        timestamp,
        marker: false,
        carries: Carries::Press,
    }
}

#[test]
fn music_bridge_and_music_again_are_one_stream() {
    let (mut out, mut now) = (Outgoing::new(7, 65530, 0xFFFF_FF00), Instant::now());
    let mut stamps = Vec::new();
    for tick in 0..5 {
        stamps.push(out.play(tick, now));
        now += 20 * MS;
    }
    for i in 0..5 {
        stamps.extend(out.relay(sound(1, 900 + i, 160 * u32::from(i)), now));
        now += 20 * MS;
    }
    for tick in 10..15 {
        stamps.push(out.play(tick, now));
        now += 20 * MS;
    }
    assert_eq!(stamps.len(), 15);
    for pair in stamps.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
        assert_eq!(pair[1].timestamp, pair[0].timestamp.wrapping_add(160));
    }
    let marked: Vec<_> = (0..15).filter(|&i| stamps[i].marker).collect();
    assert_eq!(
        marked,
        [0, 5, 10],
        "the marker stands at each switch and nowhere else"
    );
}

#[test]
fn a_pause_between_two_feeds_is_a_gap_in_time_only() {
    let (mut out, now) = (Outgoing::new(7, 0, 0), Instant::now());
    let before = out.play(0, now);
    let after = out.relay(sound(1, 5, 5), now + 500 * MS).unwrap();
    assert_eq!(after.sequence, before.sequence + 1);
    assert_eq!(after.timestamp, before.timestamp + 4000);
}

#[test]
fn after_hold_the_numbers_go_on_where_they_stopped() {
    let (mut out, now) = (Outgoing::new(7, 0, 0), Instant::now());
    let before = out.relay(sound(1, 5, 0), now).unwrap();
    out.interrupt();
    let after = out
        .relay(sound(1, 1505, 240_000), now + 30_000 * MS)
        .unwrap();
    assert_eq!((after.sequence, after.marker), (before.sequence + 1, true));
    assert_eq!(after.timestamp, before.timestamp + 240_000);
}

#[test]
fn packets_out_of_order_keep_their_places_unless_older_than_the_switch() {
    let (mut out, now) = (Outgoing::new(7, 0, 0), Instant::now());
    out.play(0, now);
    let first = out.relay(sound(1, 100, 16_000), now + 20 * MS).unwrap();
    assert_eq!(
        out.relay(sound(1, 99, 15_840), now + 20 * MS),
        None,
        "its number went to music"
    );
    let third = out.relay(sound(1, 102, 16_320), now + 60 * MS).unwrap();
    let second = out.relay(sound(1, 101, 16_160), now + 61 * MS).unwrap();
    assert_eq!(
        (second.sequence, third.sequence),
        (first.sequence + 1, first.sequence + 2)
    );
    assert_eq!(second.timestamp, first.timestamp + 160);
    assert_eq!(
        out.relay(sound(1, 102, 16_320), now + 62 * MS),
        None,
        "a repetition"
    );
}

#[test]
fn a_source_that_starts_over_is_fitted_on() {
    let (mut out, now) = (Outgoing::new(7, 0, 0), Instant::now());
    let a = out.relay(sound(1, 100, 16_000), now).unwrap();
    let b = out
        .relay(sound(1, 40_000, 999_999_999), now + 20 * MS)
        .unwrap();
    let c = out.relay(sound(2, 3, 77), now + 40 * MS).unwrap();
    assert_eq!((b.sequence, c.sequence), (a.sequence + 1, a.sequence + 2));
    assert_eq!(
        (b.timestamp, c.timestamp),
        (a.timestamp + 160, a.timestamp + 320)
    );
    assert!(b.marker && c.marker);
}

#[test]
fn a_clock_that_jumps_back_does_not_move_ours_back() {
    let (mut out, now) = (Outgoing::new(7, 0, 0), Instant::now());
    let a = out.relay(sound(1, 100, 16_000), now).unwrap();
    let b = out.relay(sound(1, 101, 8), now + 20 * MS).unwrap();
    assert_eq!(
        (b.sequence, b.timestamp),
        (a.sequence + 1, a.timestamp + 160)
    );
}

#[test]
fn every_packet_of_a_press_has_the_same_timestamp_even_when_sound_goes_on_beside_it() {
    let (mut out, now) = (Outgoing::new(7, 0, 0), Instant::now());
    out.relay(sound(1, 1, 800), now);
    let start = out.relay(press(2, 960), now + 20 * MS).unwrap();
    out.relay(sound(1, 3, 960), now + 20 * MS);
    out.relay(sound(1, 4, 1120), now + 40 * MS);
    let jump = out.relay(sound(1, 5, 50), now + 60 * MS).unwrap();
    let end = out.relay(press(6, 960), now + 80 * MS).unwrap();
    assert_eq!(end.timestamp, start.timestamp);
    assert_eq!(end.sequence, start.sequence + 4);
    let after = out.relay(sound(1, 7, 210), now + 100 * MS).unwrap();
    assert_eq!(after.timestamp, jump.timestamp + 160);
}

#[test]
fn absorbed_packets_leave_no_gap() {
    let (mut out, now) = (Outgoing::new(7, 0, 0), Instant::now());
    let a = out.relay(sound(1, 10, 0), now).unwrap();
    out.absorb(1, 11);
    out.absorb(1, 11);
    let b = out.relay(sound(1, 12, 320), now).unwrap();
    assert_eq!(
        (b.sequence, b.timestamp),
        (a.sequence + 1, a.timestamp + 320)
    );
    assert_eq!(
        out.relay(sound(1, 10, 0), now),
        None,
        "older than what was absorbed"
    );
}

#[test]
fn sound_overtaken_by_a_press_moves_the_clock_or_is_dropped() {
    let press = |sequence, timestamp| Incoming {
        carries: Carries::Press,
        ..sound(1, sequence, timestamp)
    };
    for (timestamp, passed_on) in [(480, true), (0, false), (u32::MAX, false)] {
        let now = Instant::now();
        let mut out = Outgoing::new(7, 0, 0);
        let first = out.relay(sound(1, 10, 0), now).unwrap();
        out.relay(press(13, 0), now).unwrap();
        let late = out.relay(sound(1, 12, timestamp), now);
        assert_eq!(late.is_some(), passed_on, "{timestamp}");
        let newest = late.unwrap_or(first);
        // Another source, at the very moment that the late packet stands for.
        let next = out.relay(sound(2, 900, 0), now + 60 * MS).unwrap();
        let ahead = next.timestamp.wrapping_sub(newest.timestamp) as i32;
        assert!(ahead > 0, "{ahead}");
    }
}

/// One thing that happens to a stream.
#[derive(Clone, Debug)]
enum Step {
    Gap(u16),
    Music(u8),
    Other,
    Absorb,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let one = prop_oneof![
        6 => (1u16..2000).prop_map(Step::Gap),
        1 => (1u8..5).prop_map(Step::Music),
        1 => Just(Step::Other),
        1 => Just(Step::Absorb),
    ];
    proptest::collection::vec(one, 1..200)
}

proptest! {
    #[test]
    fn sequence_numbers_advance_by_the_gaps_of_the_input_and_timestamps_never_go_back(
        steps in steps(), sequence: u16, timestamp: u32, mut theirs: u16, mut clock: u32,
    ) {
        let (mut out, mut now, mut tick, mut ssrc) = (Outgoing::new(7, sequence, timestamp), Instant::now(), 0, 1);
        let mut last: Option<Stamp> = None;
        let mut relaying = false;
        for step in steps {
            let (stamps, gap) = match step {
                Step::Gap(gap) => {
                    theirs = theirs.wrapping_add(gap);
                    clock = clock.wrapping_add(160 * u32::from(gap));
                    now += 20 * MS * u32::from(gap);
                    tick += u64::from(gap);
                    let gap = if relaying { gap } else { 1 };
                    relaying = true;
                    (vec![out.relay(sound(ssrc, theirs, clock), now).unwrap()], gap)
                }
                Step::Music(frames) => {
                    relaying = false;
                    let played = (0..frames).map(|_| {
                        now += 20 * MS;
                        tick += 1;
                        out.play(tick, now)
                    });
                    (played.collect(), 1)
                }
                Step::Other => {
                    relaying = false;
                    ssrc += 1;
                    (vec![], 1)
                }
                Step::Absorb => {
                    theirs = theirs.wrapping_add(1);
                    clock = clock.wrapping_add(160);
                    now += 20 * MS;
                    out.absorb(ssrc, theirs);
                    (vec![], 1)
                }
            };
            for stamp in stamps {
                if let Some(last) = last {
                    prop_assert_eq!(stamp.sequence.wrapping_sub(last.sequence), gap);
                    prop_assert!((stamp.timestamp.wrapping_sub(last.timestamp) as i32) > 0);
                }
                last = Some(stamp);
            }
        }
    }

    #[test]
    fn any_input_keeps_new_sound_after_old(
        packets in proptest::collection::vec((0u32..3, any::<u16>(), any::<u32>(), any::<bool>()), 1..200),
    ) {
        let (mut out, mut now) = (Outgoing::new(7, 0, 0), Instant::now());
        let mut newest: Option<Stamp> = None;
        for (ssrc, sequence, timestamp, is_press) in packets {
            now += 20 * MS;
            let carries = if is_press { Carries::Press } else { Carries::Sound(160) };
            let packet = Incoming { ssrc, sequence, timestamp, marker: false, carries };
            if let Some(stamp) = out.relay(packet, now) {
                let ahead = newest.map_or(1, |n| step(n.sequence, stamp.sequence));
                let later = newest.map_or(1, |n| stamp.timestamp.wrapping_sub(n.timestamp) as i32);
                prop_assert_ne!(ahead, 0);
                if ahead > 0 && !is_press {
                    prop_assert!(later > 0, "{later}");
                    newest = Some(stamp);
                }
            }
        }
    }
}
