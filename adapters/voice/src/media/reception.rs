//! What is known of the packets that a leg sends us: how many, how many were lost, how evenly they come
//! (RFC 3550 section 6.4.1 and appendix A).

use std::time::{Duration, Instant};

use super::g711::SAMPLE_RATE;

/// A step beyond this many sequence numbers either way is a source that started over, not loss.
const MAX_STEP: i32 = 3000;

/// What a reception report says of one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ReportBlock {
    pub ssrc: u32,
    /// Share of packets lost since the last report, in 1/256.
    pub fraction_lost: u8,
    /// Packets lost of this source; may be negative when packets came twice. 24 bits on the wire.
    pub lost: i32,
    pub highest_sequence: u32,
    /// Mean deviation of the packets' spacing, in samples.
    pub jitter: u32,
    /// The middle of the NTP time of their last sender report, 0 if none came.
    pub last_report: u32,
    /// Since that report arrived, in 1/65536 s.
    pub since_report: u32,
}

#[derive(Debug)]
struct Source {
    ssrc: u32,
    first: u32,
    highest: u32,
    received: u32,
    /// 16 times the jitter, so that integer smoothing loses nothing.
    jitter: u32,
    transit: u32,
    expected_before: u32,
    received_before: u32,
}

/// Counts the packets of one leg.
#[derive(Debug)]
pub(super) struct Reception {
    epoch: Instant,
    source: Option<Source>,
    /// Lost of sources that came before this one.
    lost_before: u64,
    report: Option<(u32, Instant)>,
}

impl Reception {
    pub const fn new(epoch: Instant) -> Self {
        Self {
            epoch,
            source: None,
            lost_before: 0,
            report: None,
        }
    }

    /// Notes a packet.
    pub fn note(&mut self, ssrc: u32, sequence: u16, timestamp: u32, now: Instant) {
        let micros = now.saturating_duration_since(self.epoch).as_micros();
        let arrival = (micros * u128::from(SAMPLE_RATE) / 1_000_000) as u32;
        let transit = arrival.wrapping_sub(timestamp);
        if let Some(source) = &mut self.source
            && source.ssrc == ssrc
        {
            let step = i32::from(sequence.wrapping_sub(source.highest as u16) as i16);
            if step.abs() <= MAX_STEP {
                if step > 0 {
                    source.highest = source.highest.wrapping_add(step as u32);
                }
                source.received = source.received.wrapping_add(1);
                let moved = (transit.wrapping_sub(source.transit) as i32).unsigned_abs();
                source.transit = transit;
                // A clock that jumped says nothing about the network.
                if moved < SAMPLE_RATE {
                    source.jitter = source.jitter + moved - ((source.jitter + 8) >> 4);
                }
                return;
            }
        }
        self.lost_before = self.lost();
        let first = u32::from(sequence);
        self.source = Some(Source {
            ssrc,
            first,
            highest: first,
            received: 1,
            jitter: 0,
            transit,
            expected_before: 0,
            received_before: 0,
        });
    }

    /// Notes the arrival of the peer's sender report.
    pub const fn note_report(&mut self, ntp_middle: u32, now: Instant) {
        self.report = Some((ntp_middle, now));
    }

    /// Packets that should have come and did not; an estimate while packets may still be under way.
    pub fn lost(&self) -> u64 {
        let here = self
            .source
            .as_ref()
            .map_or(0, |s| u64::try_from(s.lost()).unwrap_or(0));
        self.lost_before + here
    }

    /// The report on the present source, none before the first packet. Begins a new interval.
    pub fn report(&mut self, now: Instant) -> Option<ReportBlock> {
        let source = self.source.as_mut()?;
        let expected = source.expected();
        let expected_now = expected.wrapping_sub(source.expected_before);
        let received_now = source.received.wrapping_sub(source.received_before);
        source.expected_before = expected;
        source.received_before = source.received;
        let lost_now = u64::from(expected_now.saturating_sub(received_now));
        let fraction = (lost_now * 256)
            .checked_div(u64::from(expected_now))
            .unwrap_or(0);
        let (last_report, since_report) = self.report.map_or((0, 0), |(ntp, at)| {
            (ntp, in_65536ths(now.saturating_duration_since(at)))
        });
        Some(ReportBlock {
            ssrc: source.ssrc,
            fraction_lost: u8::try_from(fraction).unwrap_or(u8::MAX),
            lost: source.lost(),
            highest_sequence: source.highest,
            jitter: source.jitter >> 4,
            last_report,
            since_report,
        })
    }
}

impl Source {
    const fn expected(&self) -> u32 {
        self.highest.wrapping_sub(self.first).wrapping_add(1)
    }

    const fn lost(&self) -> i32 {
        self.expected().wrapping_sub(self.received) as i32
    }
}

fn in_65536ths(time: Duration) -> u32 {
    u32::try_from((time.as_micros() << 16) / 1_000_000).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn loss_is_counted_over_the_wrap_and_over_a_new_source() {
        let now = Instant::now();
        let mut reception = Reception::new(now);
        for sequence in [65534, 65535, 1, 2] {
            reception.note(1, sequence, 0, now);
        }
        assert_eq!(reception.lost(), 1);
        for sequence in [7, 9, 11] {
            reception.note(2, sequence, 0, now);
        }
        assert_eq!(reception.lost(), 3);
        assert_eq!(reception.report(now).unwrap().lost, 2);
    }

    #[test]
    fn the_fraction_lost_is_that_since_the_last_report() {
        let now = Instant::now();
        let mut reception = Reception::new(now);
        for sequence in [0, 2] {
            reception.note(1, sequence, 0, now);
        }
        assert_eq!(reception.report(now).unwrap().fraction_lost, 85);
        for sequence in 3..13 {
            reception.note(1, sequence, 0, now);
        }
        assert_eq!(reception.report(now).unwrap().fraction_lost, 0);
    }

    #[test]
    fn evenly_spaced_packets_have_no_jitter_and_uneven_ones_do() {
        let start = Instant::now();
        let (mut even, mut uneven) = (Reception::new(start), Reception::new(start));
        for i in 0..100u16 {
            let (at, stamp) = (
                start + Duration::from_millis(20) * u32::from(i),
                160 * u32::from(i),
            );
            even.note(1, i, stamp, at);
            uneven.note(
                1,
                i,
                stamp,
                at + Duration::from_millis(if i % 2 == 0 { 5 } else { 0 }),
            );
        }
        assert_eq!(even.report(start).unwrap().jitter, 0);
        assert!(
            (35..=45).contains(&uneven.report(start).unwrap().jitter),
            "40 samples are 5 ms"
        );
    }

    #[test]
    fn their_sender_report_is_answered_with_the_time_since() {
        let now = Instant::now();
        let mut reception = Reception::new(now);
        reception.note(1, 0, 0, now);
        reception.note_report(0xABCD, now);
        let block = reception.report(now + Duration::from_millis(1500)).unwrap();
        assert_eq!(
            (block.last_report, block.since_report),
            (0xABCD, 65536 * 3 / 2)
        );
    }

    proptest! {
        #[test]
        fn any_packets_are_counted_without_harm(
            packets in proptest::collection::vec((0u32..3, any::<u16>(), any::<u32>()), 0..300),
        ) {
            let now = Instant::now();
            let mut reception = Reception::new(now);
            let mut before = 0;
            for (ssrc, sequence, timestamp) in packets {
                reception.note(ssrc, sequence, timestamp, now);
                before = before.max(reception.lost());
                let _ = reception.report(now);
            }
            prop_assert!(before <= 300 * 3000);
        }
    }
}
