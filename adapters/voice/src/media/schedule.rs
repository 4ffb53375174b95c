//! The beat of everything that is played: every 20 ms while something plays, and never otherwise.

use std::time::{Duration, Instant};

/// The length of one frame of sound.
pub(super) const FRAME: Duration = Duration::from_millis(20);

/// Ticks on a fixed grid: a late tick does not make the next one late, and ticks that were missed are skipped
/// rather than made up for by a burst. Numbers only ever grow.
#[derive(Debug, Default)]
pub(super) struct Beat {
    /// When the next tick is due; none while stopped.
    next: Option<Instant>,
    number: u64,
}

impl Beat {
    /// Starts, with the first tick due now. Nothing when it runs already.
    pub fn start(&mut self, now: Instant) {
        self.next.get_or_insert(now);
    }

    /// Stops; the next start begins a new grid, and the numbers go on.
    pub fn stop(&mut self) {
        self.next = None;
    }

    /// When to look again; none while stopped.
    pub fn deadline(&self) -> Option<Instant> {
        self.next
    }

    /// The number of the tick that is due, once for each; skipped ticks leave a gap in the numbers.
    pub fn due(&mut self, now: Instant) -> Option<u64> {
        let next = self.next.filter(|&next| next <= now)?;
        let skipped = (now - next).as_nanos() / FRAME.as_nanos();
        let skipped = u32::try_from(skipped).unwrap_or(u32::MAX - 1);
        let tick = self.number + u64::from(skipped);
        self.number = tick + 1;
        self.next = Some(next + FRAME * (skipped + 1));
        Some(tick)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_is_due_while_nothing_plays() {
        let (mut beat, now) = (Beat::default(), Instant::now());
        assert_eq!((beat.deadline(), beat.due(now)), (None, None));
        beat.start(now);
        assert_eq!(beat.due(now), Some(0));
        beat.stop();
        assert_eq!((beat.deadline(), beat.due(now + FRAME)), (None, None));
        beat.start(now + FRAME);
        assert_eq!(beat.due(now + FRAME), Some(1), "numbers are not used again");
    }

    #[test]
    fn a_late_tick_does_not_make_the_next_one_late() {
        let (mut beat, start) = (Beat::default(), Instant::now());
        beat.start(start);
        assert_eq!(beat.due(start + Duration::from_millis(7)), Some(0));
        assert_eq!(beat.deadline(), Some(start + FRAME));
        assert_eq!(beat.due(start + Duration::from_millis(19)), None);
        assert_eq!(beat.due(start + FRAME), Some(1));
    }

    proptest! {
        #[test]
        fn however_late_it_is_asked_the_number_is_that_of_the_time(gaps in proptest::collection::vec(0u64..200, 1..100)) {
            let (mut beat, start) = (Beat::default(), Instant::now());
            beat.start(start);
            let mut now = start;
            for gap in gaps {
                now += Duration::from_millis(gap);
                if let Some(tick) = beat.due(now) {
                    prop_assert_eq!(u128::from(tick), (now - start).as_millis() / 20);
                }
                let next = beat.deadline().unwrap();
                prop_assert!(next > now && next <= now + FRAME);
            }
        }
    }
}
