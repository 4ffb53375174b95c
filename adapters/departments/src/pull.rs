//! Facts that a department's system is asked for on a schedule: when it is asked, and what an answer means. A machine
//! without socket and clock; [`crate::source`] does the asking.
//!
//! An answer is taken as a whole or not at all. While the system answers rubbish, or nothing, what it said last stays, and
//! how old that is can be seen.

use std::time::Duration;

use rapport_domain::time::Timestamp;

/// The longest pause after failures, unless the schedule itself is slower.
const LONGEST_PAUSE: Duration = Duration::from_secs(3_600);

/// What came of asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It answered, and the answer can be read.
    Fresh {
        /// How it calls this answer, when it does.
        tag: Option<String>,
    },
    /// It says that nothing has changed since the answer before.
    Unchanged,
    /// It answered something that cannot be used.
    Rubbish(String),
    /// It did not answer in time, or with an error.
    Unreachable(String),
}

/// One system that is asked again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pull {
    every: Duration,
    due: Timestamp,
    failures: u32,
    good: Option<Timestamp>,
    tag: Option<String>,
    trouble: Option<String>,
}

impl Pull {
    /// A system that is asked for the first time within a tenth of its interval, so that many of them do not come together.
    #[must_use]
    pub fn new(every: Duration, now: Timestamp, jitter: u16) -> Self {
        Self {
            every,
            due: now + share(every / 10, jitter),
            failures: 0,
            good: None,
            tag: None,
            trouble: None,
        }
    }

    /// When it is asked next.
    #[must_use]
    pub const fn due(&self) -> Timestamp {
        self.due
    }

    /// How the last good answer was called: asked with it, a system may say that nothing has changed.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// How old what it said last is; `None` before its first good answer.
    #[must_use]
    pub fn age(&self, now: Timestamp) -> Option<Duration> {
        self.good.map(|good| now.since(good))
    }

    /// Why nothing newer is there, while nothing is.
    #[must_use]
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Attempts in a row that came to nothing.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// It was asked. A good answer is noted with the moment at which it was asked for; `jitter` is any number from 0 to 999.
    pub fn answered(&mut self, answer: Asked, asked: Timestamp, now: Timestamp, jitter: u16) {
        match answer {
            Asked::Fresh { tag } => self.went_well(tag, asked),
            Asked::Unchanged => {
                let tag = self.tag.take();
                self.went_well(tag, asked);
            }
            Asked::Rubbish(why) | Asked::Unreachable(why) => {
                self.failures = self.failures.saturating_add(1);
                self.trouble = Some(why);
            }
        }
        let pause = self.pause();
        self.due = now + pause + share(pause / 10, jitter);
    }

    fn went_well(&mut self, tag: Option<String>, asked: Timestamp) {
        (self.good, self.tag) = (Some(asked), tag);
        (self.failures, self.trouble) = (0, None);
    }

    /// The interval, and after failures twice as long each time.
    fn pause(&self) -> Duration {
        let doubled = self.every.saturating_mul(1 << self.failures.min(16));
        doubled.min(LONGEST_PAUSE.max(self.every))
    }
}

fn share(whole: Duration, jitter: u16) -> Duration {
    whole * u32::from(jitter.min(999)) / 999
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn at(minutes: u64) -> Timestamp {
        Timestamp::from_millis(1_795_262_400_000) + MINUTE * u32::try_from(minutes).unwrap_or(0)
    }

    fn fresh(tag: &str) -> Asked {
        Asked::Fresh {
            tag: Some(tag.to_owned()),
        }
    }

    #[test]
    fn rubbish_for_hours_leaves_the_last_good_answer_and_says_how_old_it_is() {
        let mut pull = Pull::new(MINUTE * 5, at(0), 0);
        assert_eq!(pull.age(at(0)), None);
        pull.answered(fresh("a"), at(0), at(0), 0);
        assert_eq!(pull.due(), at(5));
        let mut now = pull.due();
        for _ in 0..10 {
            pull.answered(Asked::Rubbish("is no JSON".to_owned()), now, now, 0);
            now = pull.due();
        }
        assert_eq!(pull.age(now), Some(now.since(at(0))));
        assert!(now.since(at(0)) > MINUTE * 60 * 5);
        assert_eq!(
            (pull.trouble(), pull.tag()),
            (Some("is no JSON"), Some("a"))
        );
        pull.answered(fresh("b"), now, now, 0);
        assert_eq!((pull.trouble(), pull.failures()), (None, 0));
        assert_eq!(
            (pull.age(now), pull.tag()),
            (Some(Duration::ZERO), Some("b"))
        );
        assert_eq!(pull.due(), now + MINUTE * 5);
    }

    #[test]
    fn pauses_double_to_an_hour_and_never_fall_below_the_schedule() {
        for (every, pauses) in [(5, [10, 20, 40, 60, 60]), (120, [120; 5])] {
            let mut pull = Pull::new(MINUTE * every, at(0), 0);
            for pause in pauses {
                pull.answered(Asked::Unreachable("no answer".to_owned()), at(0), at(0), 0);
                assert_eq!(pull.due(), at(pause));
            }
        }
    }

    #[test]
    fn a_system_that_says_unchanged_is_as_good_as_one_that_answers() {
        let mut pull = Pull::new(MINUTE, at(0), 0);
        pull.answered(fresh("a"), at(0), at(0), 0);
        pull.answered(Asked::Unchanged, at(9), at(9), 0);
        assert_eq!((pull.age(at(10)), pull.tag()), (Some(MINUTE), Some("a")));
    }

    #[test]
    fn jitter_adds_a_tenth_at_most() {
        for jitter in [0, 999, u16::MAX] {
            let first = Pull::new(MINUTE * 10, at(0), jitter);
            assert!(first.due() >= at(0) && first.due() <= at(1));
            let mut pull = Pull::new(MINUTE * 10, at(0), 0);
            pull.answered(fresh("a"), at(0), at(0), jitter);
            assert!(pull.due() >= at(10) && pull.due() <= at(11));
        }
    }
}
