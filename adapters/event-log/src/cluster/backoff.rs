//! How long to wait before the next attempt.

use std::time::Duration;

/// The first wait.
const FIRST: Duration = Duration::from_millis(100);

/// Waits that double from a tenth of a second up to a bound. A part of each, chosen by whoever waits, is left out, so that
/// hubs that lost the same node do not come back in the same moment.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    next: Duration,
    longest: Duration,
}

impl Backoff {
    /// Starts at a tenth of a second, or at the bound when that is less.
    pub(crate) fn new(longest: Duration) -> Self {
        Self {
            next: FIRST.min(longest),
            longest,
        }
    }

    /// The next wait; `chance` is any number, and takes away up to half.
    pub(crate) fn wait(&mut self, chance: u16) -> Duration {
        let full = self.next;
        self.next = (full * 2).min(self.longest);
        full - full.mul_f64(f64::from(chance) / f64::from(u16::MAX) / 2.0)
    }

    /// The last attempt went well.
    pub(crate) fn reset(&mut self) {
        self.next = FIRST.min(self.longest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_bound_and_start_over_after_a_success() {
        let mut backoff = Backoff::new(Duration::from_millis(500));
        let waits: Vec<u128> = (0..5).map(|_| backoff.wait(0).as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 500, 500]);
        backoff.reset();
        assert_eq!(backoff.wait(0), FIRST);
        assert_eq!(
            Backoff::new(Duration::from_millis(7)).wait(0).as_millis(),
            7
        );
    }

    #[test]
    fn chance_takes_away_at_most_half() {
        let mut backoff = Backoff::new(FIRST);
        assert_eq!(backoff.wait(u16::MAX), FIRST / 2);
        let between = backoff.wait(u16::MAX / 2);
        assert!(FIRST / 2 < between && between < FIRST, "{between:?}");
    }
}
