//! Chance for the simulation: the same seed gives the same people the same intentions.

use std::time::Duration;

/// A small generator (SplitMix64). Good enough to be lively; not for secrets.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A generator that always starts the same way from this seed.
    #[cfg(test)]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A generator of its own for somebody: what others draw does not disturb it.
    #[must_use]
    pub fn of(seed: u64, name: &str) -> Self {
        // FNV-1a: names that differ start far apart.
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self(seed.rotate_left(32) ^ hash)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to `end`, without `end`; 0 when `end` is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        // The bias of the remainder is far below what a simulation shows.
        if end == 0 { 0 } else { self.next() % end }
    }

    /// True in so many of a hundred cases.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// A span between the two, evenly spread.
    pub fn between(&mut self, from: Duration, to: Duration) -> Duration {
        let width = u64::try_from(to.saturating_sub(from).as_micros()).unwrap_or(u64::MAX);
        from + Duration::from_micros(self.below(width.saturating_add(1)))
    }

    /// A span between so many milliseconds.
    pub fn millis(&mut self, from: u64, to: u64) -> Duration {
        self.between(Duration::from_millis(from), Duration::from_millis(to))
    }

    /// The pause until the next of events that come independently of each other (a Poisson process), at most five
    /// times the mean.
    pub fn pause(&mut self, mean: Duration) -> Duration {
        // 53 bits fill the fraction of a double.
        #[allow(clippy::cast_precision_loss, reason = "both numbers fit 53 bits")]
        let even = ((self.next() >> 11) as f64 + 1.0) / (1_u64 << 53) as f64;
        mean.mul_f64((-even.ln()).clamp(0.0, 5.0))
    }

    /// One of the list; `None` when it is empty.
    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        let place = self.below(u64::try_from(list.len()).unwrap_or(u64::MAX));
        list.get(usize::try_from(place).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_and_name_draw_the_same_and_others_differ() {
        let draw = |seed, name| {
            let mut random = Random::of(seed, name);
            [random.next(), random.next(), random.next()]
        };
        assert_eq!(draw(1, "anna"), draw(1, "anna"));
        assert_ne!(draw(1, "anna"), draw(1, "bo"));
        assert_ne!(draw(1, "anna"), draw(2, "anna"));
    }

    #[test]
    fn pauses_have_the_mean_that_was_asked_for() {
        let mut random = Random::new(7);
        let total: Duration = (0..10_000)
            .map(|_| random.pause(Duration::from_secs(3)))
            .sum();
        let mean = total.as_secs_f64() / 10_000.0;
        assert!((2.85..3.1).contains(&mean), "{mean}");
    }

    #[test]
    fn draws_stay_within_their_bounds() {
        let mut random = Random::new(3);
        for _ in 0..1_000 {
            assert!((5..=9).contains(&random.millis(5, 9).as_millis()));
            assert!(random.below(3) < 3);
        }
        assert_eq!(random.pick::<u8>(&[]), None);
        assert!((0..1_000).all(|_| !random.chance(0)) && (0..1_000).all(|_| random.chance(100)));
    }
}
