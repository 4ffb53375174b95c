//! How urgent the head of a line is. Whole numbers only: the same wait gives the same order on every machine.

use std::cmp::Ordering;
use std::time::Duration;

use crate::time::Timestamp;

/// Parts of a target that a wait is measured in.
const FRACTION_BITS: u32 = 10;
/// A wait beyond 65,536 targets counts as that; it keeps the square far from the limits of the number.
const MOST_PARTS: u128 = 1 << (16 + FRACTION_BITS);
/// A weight beyond ten thousand times the ordinary one counts as that, for the same reason.
const MOST_WEIGHT: u128 = 1_000_000;

/// value weight x (wait / target)^2, with both weights in percent. The unit is 2^-20, so that short waits differ.
fn exact_score(queue_weight: u32, item_weight: u32, waited: Duration, target: Duration) -> u128 {
    let target = target.as_micros().max(1);
    let parts = ((waited.as_micros() << FRACTION_BITS) / target).min(MOST_PARTS);
    let weight =
        u128::from(queue_weight).min(MOST_WEIGHT) * u128::from(item_weight).min(MOST_WEIGHT);
    weight * parts * parts
}

/// The place of one head among the heads of other lines; comes first when it compares as less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Urgency {
    past_floor: bool,
    score: u128,
    queued_at: Timestamp,
    seq: u64,
}

impl Urgency {
    pub(super) fn new(
        past_floor: bool,
        weights: (u32, u32),
        (waited, target): (Duration, Duration),
        (queued_at, seq): (Timestamp, u64),
    ) -> Self {
        Self {
            past_floor,
            score: exact_score(weights.0, weights.1, waited, target),
            queued_at,
            seq,
        }
    }

    /// The score as receipts show it: 10,000 is an ordinary item that has waited exactly its target.
    pub(super) fn score(&self) -> u64 {
        u64::try_from(self.score >> (2 * FRACTION_BITS)).unwrap_or(u64::MAX)
    }

    pub(super) const fn past_floor(&self) -> bool {
        self.past_floor
    }
}

impl Ord for Urgency {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_floor = other.past_floor.cmp(&self.past_floor);
        let by_score = if self.past_floor {
            Ordering::Equal
        } else {
            other.score.cmp(&self.score)
        };
        by_floor
            .then(by_score)
            .then(self.queued_at.cmp(&other.queued_at))
            .then(self.seq.cmp(&other.seq))
    }
}

impl PartialOrd for Urgency {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn after(seconds: u32, weight: u32) -> Urgency {
        Urgency::new(
            false,
            (weight, 100),
            (SECOND * seconds, SECOND * 20),
            (Timestamp::default(), 0),
        )
    }

    #[test]
    fn an_ordinary_item_that_has_waited_its_target_scores_ten_thousand() {
        assert_eq!(after(20, 100).score(), 10_000);
    }

    #[test]
    fn twice_the_wait_is_four_times_as_urgent() {
        assert_eq!(after(40, 100).score(), 40_000);
        assert!(after(40, 100) < after(20, 300), "four beats three");
        assert!(after(20, 500) < after(40, 100), "five beats four");
    }

    #[test]
    fn no_wait_and_no_weight_is_too_large_to_compute() {
        let endless = Urgency::new(
            false,
            (u32::MAX, u32::MAX),
            (Duration::from_secs(u64::MAX / 1_000_000), Duration::ZERO),
            (Timestamp::from_micros(i64::MIN), u64::MAX),
        );
        assert!(endless < after(20, 100));
        assert!(endless.score() > 10_000);
    }

    #[test]
    fn waits_that_differ_by_a_tenth_of_a_percent_of_the_target_differ_in_urgency() {
        let short = Urgency::new(
            false,
            (100, 100),
            (SECOND / 50, SECOND * 20),
            (Timestamp::default(), 0),
        );
        let shorter = Urgency::new(
            false,
            (100, 100),
            (Duration::ZERO, SECOND * 20),
            (Timestamp::default(), 0),
        );
        assert!(short < shorter);
    }
}
