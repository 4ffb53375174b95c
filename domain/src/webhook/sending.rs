//! When a delivery is sent, and what an answer means: a machine without sockets and clocks. The moment and the jitter are
//! handed in.
//!
//! Deliveries go one at a time, in the order of the log. An endpoint that cannot be reached holds the line up, and nothing
//! is lost by waiting. One that answers and refuses a single delivery is not held up by it: the delivery steps aside and is
//! tried again on its own. So the order holds between deliveries that were taken at once; a receiver that needs more
//! compares positions.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::event::Position;
use crate::time::Timestamp;
use crate::webhook::{DeadReason, Suspension};

/// Deliveries of one endpoint that may be aside; then a refused one holds the line up.
pub const ASIDE_MOST: usize = 100;
/// The pause after the first failure; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause that we choose ourselves.
const LONGEST_PAUSE: Duration = Duration::from_secs(3_600);
/// The longest pause that an endpoint may ask for.
const LONGEST_ASKED: Duration = Duration::from_secs(24 * 3_600);

/// What came of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was taken (2xx).
    Taken,
    /// The endpoint wants no more, for ever (410).
    Gone,
    /// The endpoint answered and did not take this delivery.
    Refused {
        /// How.
        status: u16,
    },
    /// The endpoint takes nothing now (429, 503 and the like), and perhaps says how long.
    Busy {
        /// How.
        status: u16,
        /// For so long at least.
        after: Option<Duration>,
    },
    /// Nobody answered in time, or the answer was none.
    Unreachable,
}

/// A delivery that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// Its event's place in the log.
    pub position: Position,
    /// From when on its time runs.
    pub since: Timestamp,
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Send the delivery at the head of the line.
    Head,
    /// Send this delivery, which was set aside.
    Aside(Position),
    /// Give the delivery at the head up without another attempt: the endpoint is down, and its time is over.
    GiveUpHead(DeadReason),
    /// Nothing before this moment.
    Wait(Timestamp),
    /// Nothing at all until there is another delivery.
    Idle,
}

/// What follows from an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It was taken.
    Done,
    /// It stays where it is and is tried again.
    Again,
    /// It steps aside.
    Aside {
        /// What was answered.
        status: u16,
    },
    /// It had its time.
    GiveUp(DeadReason),
    /// Nothing is sent any more.
    Suspend(Suspension),
}

#[derive(Clone, Copy, Debug)]
struct Pause {
    failures: u32,
    until: Timestamp,
}

/// The attempts at one endpoint, since this process looks after it.
#[derive(Clone, Debug)]
pub struct Sending {
    /// A delivery that is not taken within this time is given up.
    give_up_after: Duration,
    /// While the endpoint takes nothing.
    down: Option<Pause>,
    /// Deliveries that were refused.
    refused: BTreeMap<Position, Pause>,
}

impl Sending {
    /// Nothing was tried yet.
    #[must_use]
    pub const fn new(give_up_after: Duration) -> Self {
        Self {
            give_up_after,
            down: None,
            refused: BTreeMap::new(),
        }
    }

    /// Whether the endpoint takes nothing at present, and when it is tried again.
    #[must_use]
    pub fn down_until(&self) -> Option<Timestamp> {
        self.down.map(|down| down.until)
    }

    fn too_old(&self, due: Due, now: Timestamp) -> bool {
        now.since(due.since) > self.give_up_after
    }

    /// What to do now: `head` is the delivery at the head of the line, `aside` what was set aside.
    #[must_use]
    pub fn next(&self, head: Option<Due>, aside: &[Due], now: Timestamp) -> Next {
        if let Some(down) = self.down
            && down.until > now
        {
            return match head {
                Some(head) if self.too_old(head, now) => Next::GiveUpHead(DeadReason::Unreachable),
                _ if head.is_none() && aside.is_empty() => Next::Idle,
                _ => Next::Wait(down.until),
            };
        }
        let when = |due: &Due| self.refused.get(&due.position).map_or(now, |p| p.until);
        let first = aside
            .iter()
            .map(|due| (when(due), due.position))
            .min()
            .filter(|(until, _)| *until <= now);
        if let Some((_, position)) = first {
            return Next::Aside(position);
        }
        let later = aside.iter().map(when).min();
        match head {
            Some(head) => match self.refused.get(&head.position) {
                // Refused, and no room aside: the line waits for it.
                Some(pause) if pause.until > now => {
                    Next::Wait(later.map_or(pause.until, |later| later.min(pause.until)))
                }
                _ => Next::Head,
            },
            None => later.map_or(Next::Idle, Next::Wait),
        }
    }

    /// What an answer means. `aside` is how many deliveries are set aside, `in_line` whether this one stands in line; `jitter`
    /// is any number from 0 to 999, so that many senders do not come back at the same moment.
    pub fn answered(
        &mut self,
        due: Due,
        answer: Answer,
        in_line: bool,
        aside: usize,
        now: Timestamp,
        jitter: u16,
    ) -> Step {
        match answer {
            Answer::Taken => {
                self.down = None;
                self.refused.remove(&due.position);
                Step::Done
            }
            Answer::Gone => Step::Suspend(Suspension::Gone),
            Answer::Refused { status } => {
                self.down = None;
                if self.too_old(due, now) {
                    self.refused.remove(&due.position);
                    return Step::GiveUp(DeadReason::Refused { status });
                }
                let failures = self.refused.get(&due.position).map_or(0, |p| p.failures) + 1;
                let until = now + pause(failures, jitter);
                self.refused.insert(due.position, Pause { failures, until });
                if in_line && aside < ASIDE_MOST {
                    Step::Aside { status }
                } else {
                    Step::Again
                }
            }
            Answer::Busy { after, .. } => self.fell_silent(due, after, now, jitter),
            Answer::Unreachable => self.fell_silent(due, None, now, jitter),
        }
    }

    fn fell_silent(
        &mut self,
        due: Due,
        asked: Option<Duration>,
        now: Timestamp,
        jitter: u16,
    ) -> Step {
        let failures = self.down.map_or(0, |down| down.failures) + 1;
        let asked = asked.unwrap_or_default().min(LONGEST_ASKED);
        let until = now + pause(failures, jitter).max(asked);
        self.down = Some(Pause { failures, until });
        if self.too_old(due, now) {
            self.refused.remove(&due.position);
            return Step::GiveUp(DeadReason::Unreachable);
        }
        Step::Again
    }
}

/// Between half and all of a pause that doubles with every failure.
fn pause(failures: u32, jitter: u16) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(12));
    let whole = doubled.min(LONGEST_PAUSE);
    whole / 2 + whole / 2 * u32::from(jitter.min(999)) / 999
}
