//! Key presses in RTP (RFC 4733): one press comes as several packets, any of which may be lost.

/// How many presses are remembered to tell a late packet of an old press from a new press.
const REMEMBERED: usize = 8;

/// What one telephone-event packet says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Report {
    event: u8,
    end: bool,
    duration: u16,
}

fn parse(payload: &[u8]) -> Option<Report> {
    let [event, flags, high, low] = *payload.first_chunk()?;
    Some(Report {
        event,
        end: flags & 0x80 != 0,
        duration: u16::from_be_bytes([high, low]),
    })
}

const fn digit(event: u8) -> Option<char> {
    match event {
        0..=9 => Some((b'0' + event) as char),
        10 => Some('*'),
        11 => Some('#'),
        12..=15 => Some((b'A' + event - 12) as char),
        _ => None,
    }
}

/// The presses seen on one leg. A press is known by source and timestamp and is reported at its first packet,
/// whichever that is: start packets, or all but one end packet, may be lost.
#[derive(Debug, Default)]
pub(super) struct Presses {
    seen: [Option<(u32, u32)>; REMEMBERED],
    next: usize,
    last: Option<(u32, u32, Report)>,
}

impl Presses {
    /// Takes one telephone-event payload; the digit when it is the first packet of a press of 0-9, *, # or A-D.
    pub fn take(&mut self, ssrc: u32, timestamp: u32, payload: &[u8]) -> Option<char> {
        let report = parse(payload)?;
        if self.seen.contains(&Some((ssrc, timestamp))) {
            if let Some((s, t, last)) = &mut self.last
                && (*s, *t) == (ssrc, timestamp)
            {
                let end = last.end || report.end;
                *last = Report { end, ..report };
            }
            return None;
        }
        // A key held longer than the duration field can count goes on as a new segment that starts where the
        // former ended (section 2.5.1.3): still the same press.
        let continues = self.last.is_some_and(|(s, t, last)| {
            s == ssrc
                && last.event == report.event
                && !last.end
                && timestamp.wrapping_sub(t) == u32::from(last.duration)
        });
        self.seen[self.next] = Some((ssrc, timestamp));
        self.next = (self.next + 1) % REMEMBERED;
        self.last = Some((ssrc, timestamp, report));
        if continues { None } else { digit(report.event) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const END: u8 = 0x80;

    #[test]
    fn one_press_of_many_packets_is_one_digit() {
        let mut presses = Presses::default();
        assert_eq!(presses.take(1, 800, &[5, 10, 0, 160]), Some('5'));
        assert_eq!(presses.take(1, 800, &[5, 10, 1, 64]), None);
        for _ in 0..3 {
            assert_eq!(presses.take(1, 800, &[5, 10 | END, 1, 224]), None);
        }
    }

    #[test]
    fn a_press_of_which_only_an_end_packet_came_counts() {
        let mut presses = Presses::default();
        assert_eq!(presses.take(1, 800, &[11, END, 1, 224]), Some('#'));
        assert_eq!(presses.take(1, 4000, &[11, END, 1, 224]), Some('#'));
    }

    #[test]
    fn a_late_packet_of_an_earlier_press_is_no_new_press() {
        let mut presses = Presses::default();
        assert_eq!(presses.take(1, 800, &[1, 0, 0, 160]), Some('1'));
        assert_eq!(presses.take(1, 2400, &[2, 0, 0, 160]), Some('2'));
        assert_eq!(presses.take(1, 800, &[1, END, 1, 224]), None);
    }

    #[test]
    fn a_key_held_over_eight_seconds_is_one_press() {
        let mut presses = Presses::default();
        assert_eq!(presses.take(1, 800, &[3, 0, 0, 160]), Some('3'));
        assert_eq!(presses.take(1, 800, &[3, 0, 0xFF, 0xFF]), None);
        assert_eq!(presses.take(1, 800 + 0xFFFF, &[3, 0, 0, 160]), None);
        assert_eq!(
            presses.take(1, 800 + 0x1FFFF, &[3, END, 0, 160]),
            Some('3'),
            "a press of its own"
        );
    }

    #[test]
    fn events_that_are_no_keys_and_cut_packets_are_no_digits() {
        let mut presses = Presses::default();
        assert_eq!(presses.take(1, 800, &[16, 0, 0, 160]), None, "hook flash");
        assert_eq!(presses.take(1, 900, &[1, 0, 0]), None);
    }

    proptest! {
        #[test]
        fn whatever_subset_of_packets_arrives_each_press_counts_once(
            arrived in proptest::collection::vec((0u8..16, 1u8..32), 1..20),
        ) {
            let mut presses = Presses::default();
            let mut heard = String::new();
            let mut meant = String::new();
            for (i, &(event, mask)) in arrived.iter().enumerate() {
                meant.extend(digit(event));
                let timestamp = 1600 * i as u32;
                for packet in (0..5u8).filter(|p| mask & (1 << p) != 0) {
                    let flags = if packet >= 2 { END } else { 0 };
                    let [high, low] = (160 * u16::from(packet.min(2))).to_be_bytes();
                    heard.extend(presses.take(7, timestamp, &[event, flags, high, low]));
                }
            }
            prop_assert_eq!(heard, meant);
        }

        #[test]
        fn any_bytes_are_harmless(bytes in proptest::collection::vec(any::<u8>(), 0..16), ssrc: u32, t: u32) {
            let mut presses = Presses::default();
            presses.take(ssrc, t, &bytes);
            prop_assert_eq!(presses.take(ssrc, t, &bytes), None);
        }
    }
}
