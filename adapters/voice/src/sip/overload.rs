//! Admission of new calls. Refusing early and cheaply is what keeps the calls that are served good: under twice the
//! load it can carry, a server that takes everything serves nothing.

use std::time::{Duration, Instant};

/// What the channel takes on.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// New calls a second from one trunk, and how many may come at once.
    pub per_trunk: Rate,
    /// New calls a second from all.
    pub total: Rate,
    /// Legs that exist at a time, both directions, counted when a new call is offered.
    pub max_legs: usize,
    /// Messages waiting in the socket longer than this mean that we are too slow: new calls of phones are refused.
    /// Those of trunks are not, for anybody can keep the socket full; rates and `max_legs` bound them.
    pub max_queue_delay: Duration,
    /// What `Retry-After` says, in seconds.
    pub retry_after: u32,
    /// An offered call that the hub has neither answered nor refused ends after this long.
    pub decide_within: Duration,
    /// Failed authentications of one source before it is turned away, and for how long they count.
    pub auth_failures: usize,
    /// See `auth_failures`.
    pub auth_window: Duration,
    /// Answers a second to sources that are neither a trunk nor a registered phone, all together. What is more gets
    /// none: with forged sources we would send it to others.
    pub strangers: Rate,
    /// Registrations a second with credentials to check, of all phones together. What is more waits for the phone to
    /// repeat it.
    pub registrations: Rate,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            per_trunk: Rate {
                per_second: 200,
                burst: 200,
            },
            total: Rate {
                per_second: 300,
                burst: 300,
            },
            max_legs: 2_000,
            max_queue_delay: Duration::from_millis(200),
            retry_after: 2,
            decide_within: Duration::from_secs(60),
            auth_failures: 10,
            auth_window: Duration::from_secs(60),
            strangers: Rate {
                per_second: 200,
                burst: 400,
            },
            registrations: Rate {
                per_second: 200,
                burst: 400,
            },
        }
    }
}

/// A rate with its burst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Events a second in the long run, at least 1.
    pub per_second: u32,
    /// Events that may come at once after a pause, at least 1.
    pub burst: u32,
}

/// A token bucket.
#[derive(Clone, Debug)]
pub struct Bucket {
    rate: Rate,
    tokens: f64,
    at: Instant,
}

impl Bucket {
    /// A full bucket.
    #[must_use]
    pub fn new(rate: Rate, now: Instant) -> Self {
        Self {
            rate,
            tokens: f64::from(rate.burst.max(1)),
            at: now,
        }
    }

    fn refill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        let gained = passed * f64::from(self.rate.per_second.max(1));
        self.tokens = (self.tokens + gained).min(f64::from(self.rate.burst.max(1)));
        self.at = now.max(self.at);
    }

    /// Takes one token, if there is one.
    pub fn take(&mut self, now: Instant) -> bool {
        let has = self.has(now);
        if has {
            self.tokens -= 1.0;
        }
        has
    }

    fn has(&mut self, now: Instant) -> bool {
        self.refill(now);
        self.tokens >= 1.0
    }
}

/// How busy the channel is at the moment a call is offered.
#[derive(Clone, Copy, Debug, Default)]
pub struct Load {
    /// Legs that exist.
    pub legs: usize,
    /// How long the oldest message may have been waiting in the socket.
    pub queue_delay: Duration,
    /// The hub does not keep up with our events.
    pub events_waiting: bool,
}

/// Why a call is not taken on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overload {
    /// Too many new calls, of this trunk or in total.
    Rate,
    /// Too many legs.
    Legs,
    /// We are behind with reading.
    Delay,
    /// The hub is behind with our events.
    Events,
}

/// The gate for new calls.
pub struct Admission {
    limits: Limits,
    total: Bucket,
    sources: Vec<Bucket>,
}

impl Admission {
    /// A gate with `sources` separate sources (trunks, and one for all phones).
    #[must_use]
    pub fn new(limits: Limits, sources: usize, now: Instant) -> Self {
        let sources = vec![Bucket::new(limits.per_trunk, now); sources];
        Self {
            total: Bucket::new(limits.total, now),
            sources,
            limits,
        }
    }

    /// The limits in force.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Lets a new call in or says why not. A refused call uses up nothing.
    ///
    /// # Errors
    /// [`Overload`].
    pub fn admit(&mut self, source: usize, load: Load, now: Instant) -> Result<(), Overload> {
        if load.legs >= self.limits.max_legs {
            return Err(Overload::Legs);
        }
        if load.queue_delay > self.limits.max_queue_delay {
            return Err(Overload::Delay);
        }
        if load.events_waiting {
            return Err(Overload::Events);
        }
        let Some(bucket) = self.sources.get_mut(source) else {
            return Err(Overload::Rate);
        };
        if !bucket.has(now) || !self.total.has(now) {
            return Err(Overload::Rate);
        }
        bucket.tokens -= 1.0;
        self.total.tokens -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
#[path = "overload_tests.rs"]
mod tests;
