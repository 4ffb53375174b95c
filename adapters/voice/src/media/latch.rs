//! Symmetric RTP: from where packets of a leg are taken, and to where ours go.
//!
//! The address in the peer's SDP counts first. A peer behind an address translator sends from elsewhere; it is
//! followed only to a place that the signalling knows (another port of the address in the SDP, or any port of the
//! address the SIP messages of the call come from), only after a probation, and only once for each time the
//! signalling names an address. So nobody who guesses a port can take over or disturb a call, not even one whose
//! peer has not spoken yet.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// Packets in sequence from one unexpected source before it is believed.
const PROBATION_PACKETS: u32 = 5;
/// And over at least this long, so that a burst cannot win before the expected source has begun. Four packets
/// after the first at the usual 20 ms, less some jitter.
const PROBATION_TIME: Duration = Duration::from_millis(70);
/// A gap in sequence numbers up to this many is loss; more, or backwards, is a new attempt.
const PROBATION_GAP: u16 = 3;
/// A longer pause between two packets starts the probation anew: a stream of speech has no such pauses, somebody who
/// tries now and then has.
const PROBATION_PAUSE: Duration = Duration::from_millis(200);

#[derive(Debug)]
struct Candidate {
    from: SocketAddr,
    ssrc: u32,
    sequence: u16,
    since: Instant,
    last: Instant,
    packets: u32,
}

/// Where a leg's packets come from.
#[derive(Debug, Default)]
pub(super) struct Latch {
    signalled: Option<SocketAddr>,
    /// Where the SIP messages of the call come from.
    flow: Option<IpAddr>,
    current: Option<SocketAddr>,
    /// No packet of `current` has come since the signalling last spoke: another source may still prove itself.
    open: bool,
    candidate: Option<Candidate>,
}

impl Latch {
    /// The signalling named the peer's address, and came from `flow`. A new one takes effect at once; the same one
    /// again (a session refresh) keeps sending to where the peer is, but lets it prove a new place if the old one has
    /// gone quiet.
    pub fn signal(&mut self, address: SocketAddr, flow: Option<IpAddr>) {
        if self.signalled != Some(address) {
            self.signalled = Some(address);
            self.current = Some(address);
        }
        self.flow = flow;
        self.open = true;
        self.candidate = None;
    }

    /// Where our packets go; none before the signalling has named an address.
    pub const fn destination(&self) -> Option<SocketAddr> {
        self.current
    }

    /// Whether a well-formed packet from there is the peer's.
    pub fn admits(&mut self, from: SocketAddr, ssrc: u32, sequence: u16, now: Instant) -> bool {
        if self.current == Some(from) {
            self.open = false;
            self.candidate = None;
            return true;
        }
        let signalled = self.signalled.map(|address| address.ip());
        if !self.open || ![signalled, self.flow].contains(&Some(from.ip())) {
            return false;
        }
        if self.proves_itself(from, ssrc, sequence, now) {
            self.current = Some(from);
            self.open = false;
            self.candidate = None;
            return true;
        }
        false
    }

    fn proves_itself(&mut self, from: SocketAddr, ssrc: u32, sequence: u16, now: Instant) -> bool {
        if let Some(c) = &mut self.candidate
            && (c.from, c.ssrc) == (from, ssrc)
            && (1..=PROBATION_GAP).contains(&sequence.wrapping_sub(c.sequence))
            && now.saturating_duration_since(c.last) <= PROBATION_PAUSE
        {
            c.sequence = sequence;
            c.last = now;
            c.packets += 1;
            return c.packets >= PROBATION_PACKETS
                && now.saturating_duration_since(c.since) >= PROBATION_TIME;
        }
        // Two sources that alternate unseat each other, and so neither wins.
        self.candidate = Some(Candidate {
            from,
            ssrc,
            sequence,
            since: now,
            last: now,
            packets: 1,
        });
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SDP: SocketAddr = address(1);
    const NAT: SocketAddr = address(2);
    const THIRD: SocketAddr = address(3);
    const FLOW: Option<IpAddr> = Some(NAT.ip());

    const fn address(n: u8) -> SocketAddr {
        SocketAddr::new(
            std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, n)),
            4000,
        )
    }

    /// Feeds packets 20 ms apart, numbered from `first`, and says which were admitted.
    fn stream(
        latch: &mut Latch,
        from: SocketAddr,
        first: u16,
        count: u16,
        at: Instant,
    ) -> Vec<bool> {
        (0..count)
            .map(|i| {
                latch.admits(
                    from,
                    9,
                    first + i,
                    at + Duration::from_millis(20) * u32::from(i),
                )
            })
            .collect()
    }

    #[test]
    fn nothing_is_admitted_before_the_signalling_spoke() {
        let mut latch = Latch::default();
        assert_eq!(stream(&mut latch, NAT, 0, 9, Instant::now()), [false; 9]);
        assert_eq!(latch.destination(), None);
    }

    #[test]
    fn the_signalled_address_is_admitted_at_once_and_then_nobody_else() {
        let mut latch = Latch::default();
        let now = Instant::now();
        latch.signal(SDP, FLOW);
        assert_eq!(stream(&mut latch, SDP, 0, 1, now), [true]);
        assert_eq!(stream(&mut latch, THIRD, 0, 99, now), [false; 99]);
        assert_eq!(latch.destination(), Some(SDP));
    }

    #[test]
    fn another_source_is_followed_after_its_probation_and_stays() {
        let mut latch = Latch::default();
        let now = Instant::now();
        latch.signal(SDP, FLOW);
        assert_eq!(stream(&mut latch, NAT, 65533, 1, now), [false]);
        let rest = (0..5).map(|i: u16| {
            let at = now + Duration::from_millis(20) * (u32::from(i) + 1);
            latch.admits(NAT, 9, 65534u16.wrapping_add(i), at)
        });
        assert_eq!(rest.collect::<Vec<_>>(), [false, false, false, true, true]);
        assert_eq!(latch.destination(), Some(NAT));
        assert_eq!(
            stream(&mut latch, SDP, 0, 9, now),
            [false; 9],
            "not again until signalled"
        );
    }

    #[test]
    fn a_place_the_signalling_does_not_know_never_takes_over_a_peer_that_has_not_spoken() {
        let mut latch = Latch::default();
        let now = Instant::now();
        latch.signal(SDP, FLOW);
        assert_eq!(stream(&mut latch, THIRD, 0, 99, now), [false; 99]);
        assert_eq!(latch.destination(), Some(SDP));
        let known = [SocketAddr::new(SDP.ip(), 9), SocketAddr::new(NAT.ip(), 9)];
        for place in known {
            latch.signal(SDP, FLOW);
            assert!(stream(&mut latch, place, 0, 5, now)[4], "{place}");
        }
        latch.signal(SDP, None);
        assert_eq!(stream(&mut latch, NAT, 0, 99, now), [false; 99]);
    }

    #[test]
    fn a_pause_starts_the_probation_anew() {
        for (pause, admitted) in [(200, true), (201, false)] {
            let mut latch = Latch::default();
            let now = Instant::now();
            latch.signal(SDP, FLOW);
            assert_eq!(stream(&mut latch, NAT, 0, 4, now), [false; 4]);
            let later = now + Duration::from_millis(60 + pause);
            assert_eq!(latch.admits(NAT, 9, 4, later), admitted, "{pause} ms");
        }
    }

    #[test]
    fn a_burst_does_not_pass_the_probation() {
        let mut latch = Latch::default();
        let now = Instant::now();
        latch.signal(SDP, FLOW);
        assert!((0..500).all(|i| !latch.admits(NAT, 9, i, now)));
        assert!(latch.admits(SDP, 1, 7, now));
    }

    #[test]
    fn the_signalled_address_ends_the_probation_of_another() {
        let mut latch = Latch::default();
        let now = Instant::now();
        latch.signal(SDP, FLOW);
        stream(&mut latch, NAT, 0, 4, now);
        assert!(latch.admits(SDP, 1, 7, now));
        assert_eq!(
            stream(&mut latch, NAT, 4, 9, now + Duration::from_secs(1)),
            [false; 9]
        );
    }

    #[test]
    fn a_refresh_keeps_the_latch_but_lets_a_quiet_peer_move() {
        let mut latch = Latch::default();
        let now = Instant::now();
        latch.signal(SDP, FLOW);
        stream(&mut latch, NAT, 0, 5, now);
        latch.signal(SDP, FLOW);
        assert_eq!(latch.destination(), Some(NAT));
        let moved = SocketAddr::new(NAT.ip(), 9);
        assert!(stream(&mut latch, moved, 0, 5, now)[4]);
        assert_eq!(latch.destination(), Some(moved));
    }

    #[test]
    fn a_new_signalled_address_takes_effect_at_once() {
        let mut latch = Latch::default();
        latch.signal(SDP, FLOW);
        assert!(latch.admits(SDP, 1, 1, Instant::now()));
        latch.signal(NAT, FLOW);
        assert_eq!(latch.destination(), Some(NAT));
        assert!(latch.admits(NAT, 1, 2, Instant::now()));
    }

    proptest! {
        #[test]
        fn once_the_expected_source_spoke_no_other_is_ever_admitted(
            packets in proptest::collection::vec((2u8..6, any::<u32>(), any::<u16>(), 0u64..100), 0..200),
        ) {
            let mut latch = Latch::default();
            let mut now = Instant::now();
            latch.signal(SDP, FLOW);
            prop_assert!(latch.admits(SDP, 1, 1, now));
            for (from, ssrc, sequence, gap) in packets {
                now += Duration::from_millis(gap);
                prop_assert!(!latch.admits(address(from), ssrc, sequence, now));
            }
        }
    }
}
