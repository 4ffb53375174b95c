//! Moments and local clocks. The domain never asks what time it is: `now` is always handed in.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use chrono::{Datelike, TimeZone, Timelike};
use serde::{Deserialize, Serialize};

mod date;

pub use date::{Date, NotADate};

/// A moment: microseconds since 1970-01-01T00:00:00Z.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Later than anything: stands for "never".
    pub const MAX: Self = Self(i64::MAX);

    /// Takes microseconds since the epoch.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the epoch.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Takes milliseconds since the epoch, the unit that browsers use.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis * 1_000)
    }

    /// Milliseconds since the epoch, the unit that browsers use.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// How long ago `earlier` was; zero when it lies ahead (a clock may have jumped back).
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;
    fn add(self, span: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)),
        )
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;
    fn sub(self, span: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)),
        )
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with milliseconds, as the API and the log tail print it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match chrono::DateTime::from_timestamp_micros(self.0) {
            Some(moment) => write!(f, "{}", moment.format("%Y-%m-%dT%H:%M:%S%.3fZ")),
            None => write!(f, "{} us", self.0),
        }
    }
}

/// A named time zone of the IANA database, such as `Asia/Shanghai`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Zone(chrono_tz::Tz);

/// The text is no name of the IANA time zone database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time zone; use a name such as `Europe/Berlin` or `Asia/Shanghai`")]
pub struct NotAZone(pub String);

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Self = Self(chrono_tz::Tz::UTC);

    /// Reads an IANA name.
    ///
    /// # Errors
    /// [`NotAZone`] when the database has no such name.
    pub fn parse(name: &str) -> Result<Self, NotAZone> {
        name.parse()
            .map(Self)
            .map_err(|_| NotAZone(name.to_owned()))
    }

    /// The IANA name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// What the clock on the wall shows there at this moment.
    #[must_use]
    pub fn local(self, at: Timestamp) -> LocalTime {
        let moment = chrono::DateTime::from_timestamp_micros(at.0).unwrap_or_default();
        let local = self.0.from_utc_datetime(&moment.naive_utc());
        LocalTime {
            day: local.num_days_from_ce(),
            weekday: u8::try_from(local.weekday().num_days_from_monday()).unwrap_or(0),
            minute: u16::try_from(local.hour() * 60 + local.minute()).unwrap_or(0),
        }
    }

    /// The first moment at or after `at` whose minute of the day is `minute` on that wall clock. On the two days a
    /// year when that minute is skipped or repeated, the earliest valid moment is taken.
    #[must_use]
    pub fn next_at_minute(self, at: Timestamp, minute: u16) -> Timestamp {
        // A zone's offset changes in whole minutes at the most, so stepping by minutes finds it exactly; the first
        // guess makes the loop short on every ordinary day.
        let now = self.local(at).minute;
        let ahead = (u64::from(minute) + 1_440 - u64::from(now)) % 1_440;
        if ahead == 0 {
            return at;
        }
        let whole_minute = Timestamp(at.0.div_euclid(60_000_000) * 60_000_000);
        let guess = whole_minute + Duration::from_secs(ahead * 60);
        (0..=180)
            .flat_map(|step| {
                [
                    guess - Duration::from_secs(step * 60),
                    guess + Duration::from_secs(step * 60),
                ]
            })
            .find(|moment| *moment >= at && self.local(*moment).minute == minute)
            .unwrap_or(guess)
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Zone {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::parse(&name).map_err(serde::de::Error::custom)
    }
}

/// A reading of a wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalTime {
    /// Days since 0001-01-01; two moments share it when they fall on one calendar day.
    pub day: i32,
    /// 0 is Monday, 6 is Sunday.
    pub weekday: u8,
    /// Minutes since midnight, 0..=1439.
    pub minute: u16,
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON_UTC: Timestamp = Timestamp::from_millis(1_795_262_400_000); // 2026-11-21T12:00:00Z, a Saturday

    #[test]
    fn a_moment_prints_as_rfc_3339() {
        assert_eq!(NOON_UTC.to_string(), "2026-11-21T12:00:00.000Z");
    }

    #[test]
    fn the_wall_clock_follows_the_zone() {
        let local = Zone::parse("Asia/Shanghai").unwrap().local(NOON_UTC);
        assert_eq!((local.weekday, local.minute), (5, 20 * 60));
    }

    #[test]
    fn the_next_eight_in_the_morning_is_found_across_midnight() {
        let zone = Zone::parse("Asia/Shanghai").unwrap();
        let next = zone.next_at_minute(NOON_UTC, 8 * 60);
        assert_eq!(next.to_string(), "2026-11-22T00:00:00.000Z");
    }

    #[test]
    fn a_clock_that_jumps_back_gives_no_negative_span() {
        assert_eq!(
            NOON_UTC.since(NOON_UTC + Duration::from_secs(1)),
            Duration::ZERO
        );
    }
}
