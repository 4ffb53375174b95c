//! Symmetric RTP: from where packets of a leg are taken, and to where ours go.
//!
//! The address in the peer's SDP counts first. A peer behind an address translator sends from elsewhere; it is
//! followed only after a probation, and only once for each time the signalling names an address, so that nobody
//! who guesses a port can take over or disturb a running call.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Packets in sequence from one unexpected source before it is believed.
const PROBATION_PACKETS: u32 = 5;
/// And over at least this long, so that a burst cannot win before the expected source has begun. Four packets
/// after the first at the usual 20 ms, less some jitter.
const PROBATION_TIME: Duration = Duration::from_millis(70);
/// A gap in sequence numbers up to this many is loss; more, or backwards, is a new attempt.
const PROBATION_GAP: u16 = 3;

#[derive(Debug)]
struct Candidate {
    from: SocketAddr,
    ssrc: u32,
    sequence: u16,
    since: Instant,
    packets: u32,
}

/// Where a leg's packets come from.
#[derive(Debug, Default)]
pub(super) struct Latch {
    signalled: Option<SocketAddr>,
    current: Option<SocketAddr>,
    /// No packet of `current` has come since the signalling last spoke: another source may still prove itself.
    open: bool,
    candidate: Option<Candidate>,
}

impl Latch {
    /// The signalling named the peer's address. A new one takes effect at once; the same one again (a session
    /// refresh) keeps sending to where the peer is, but lets it prove a new place if the old one has gone quiet.
    pub fn signal(&mut self, address: SocketAddr) {
        if self.signalled != Some(address) {
            self.signalled = Some(address);
            self.current = Some(address);
        }
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
        if !self.open || self.current.is_none() {
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
        {
            c.sequence = sequence;
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
        latch.signal(SDP);
        assert_eq!(stream(&mut latch, SDP, 0, 1, now), [true]);
        assert_eq!(stream(&mut latch, THIRD, 0, 99, now), [false; 99]);
        assert_eq!(latch.destination(), Some(SDP));
    }

    #[test]
    fn another_source_is_followed_after_its_probation_and_stays() {
        let mut latch = Latch::default();
        let now = Instant::now();
        latch.signal(SDP);
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
    fn a_burst_does_not_pass_the_probation() {
        let mut latch = Latch::default();
        let now = Instant::now();
        latch.signal(SDP);
        assert!((0..500).all(|i| !latch.admits(THIRD, 9, i, now)));
        assert!(latch.admits(SDP, 1, 7, now));
    }

    #[test]
    fn the_signalled_address_ends_the_probation_of_another() {
        let mut latch = Latch::default();
        let now = Instant::now();
        latch.signal(SDP);
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
        latch.signal(SDP);
        stream(&mut latch, NAT, 0, 5, now);
        latch.signal(SDP);
        assert_eq!(latch.destination(), Some(NAT));
        assert!(stream(&mut latch, THIRD, 0, 5, now)[4]);
        assert_eq!(latch.destination(), Some(THIRD));
    }

    #[test]
    fn a_new_signalled_address_takes_effect_at_once() {
        let mut latch = Latch::default();
        latch.signal(SDP);
        assert!(latch.admits(SDP, 1, 1, Instant::now()));
        latch.signal(NAT);
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
            latch.signal(SDP);
            prop_assert!(latch.admits(SDP, 1, 1, now));
            for (from, ssrc, sequence, gap) in packets {
                now += Duration::from_millis(gap);
                prop_assert!(!latch.admits(address(from), ssrc, sequence, now));
            }
        }
    }
}
