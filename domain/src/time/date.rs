//! Calendar dates, and when they begin on a wall clock.

use std::fmt;

use chrono::{Datelike, NaiveDate, NaiveTime, TimeZone};
use serde::{Deserialize, Serialize};

use crate::time::{Timestamp, Zone};

/// A calendar date, written `2026-12-25`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Date(NaiveDate);

/// The text is no calendar date.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no date; write year, month and day as in `2026-12-25`")]
pub struct NotADate(pub String);

impl Date {
    /// Reads `2026-12-25`, and nothing else.
    ///
    /// # Errors
    /// [`NotADate`].
    pub fn parse(text: &str) -> Result<Self, NotADate> {
        let shape = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        NaiveDate::parse_from_str(text, "%Y-%m-%d")
            .ok()
            .filter(|_| shape)
            .map(Self)
            .ok_or_else(|| NotADate(text.to_owned()))
    }

    /// The date with this number, as [`LocalTime::day`](crate::time::LocalTime::day) counts; the last one there is when
    /// the number is beyond the calendar.
    #[must_use]
    pub fn of_day(day: i32) -> Self {
        Self(NaiveDate::from_num_days_from_ce_opt(day).unwrap_or(NaiveDate::MAX))
    }

    /// Its number, as [`LocalTime::day`](crate::time::LocalTime::day) counts.
    #[must_use]
    pub fn day(self) -> i32 {
        self.0.num_days_from_ce()
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.format("%Y-%m-%d"))
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Date {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl Zone {
    /// When the day with this number begins on that wall clock: at midnight, or, on a day whose midnight is skipped, at the
    /// first minute there is.
    #[must_use]
    pub fn start_of_day(self, day: i32) -> Timestamp {
        let midnight = Date::of_day(day).0.and_time(NaiveTime::MIN);
        // No zone skips more than a day at once, and it does so in whole minutes.
        let first = (0..=1_440).find_map(|minute| {
            let local = midnight.checked_add_signed(chrono::TimeDelta::minutes(minute))?;
            self.0.from_local_datetime(&local).earliest()
        });
        first.map_or(Timestamp::from_micros(i64::MAX), |moment| {
            Timestamp::from_micros(moment.timestamp_micros())
        })
    }

    /// What the calendar and the clock on the wall show there, as people write it: `2026-11-24 08:00`.
    #[must_use]
    pub fn written(self, at: Timestamp) -> String {
        let local = self.local(at);
        let (hour, minute) = (local.minute / 60, local.minute % 60);
        format!("{} {hour:02}:{minute:02}", Date::of_day(local.day))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_date_is_read_as_it_is_written() {
        let date = Date::parse("2026-12-25").unwrap();
        assert_eq!(date.to_string(), "2026-12-25");
        assert_eq!(Date::of_day(date.day()), date);
        for bad in ["2026-02-30", "25.12.2026", "2026-1-1", "", "+2026-01-1"] {
            assert!(Date::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_day_begins_at_midnight_of_its_own_zone() {
        let zone = Zone::parse("Asia/Shanghai").unwrap();
        let day = Date::parse("2026-11-24").unwrap().day();
        assert_eq!(
            zone.start_of_day(day).to_string(),
            "2026-11-23T16:00:00.000Z"
        );
        assert_eq!(zone.local(zone.start_of_day(day)).day, day);
    }

    #[test]
    fn a_day_whose_midnight_is_skipped_begins_an_hour_later() {
        // Clocks in Cairo went from 2026-04-24 00:00 to 01:00.
        let zone = Zone::parse("Africa/Cairo").unwrap();
        let day = Date::parse("2026-04-24").unwrap().day();
        let begins = zone.local(zone.start_of_day(day));
        assert_eq!((begins.day, begins.minute), (day, 60));
        let before = zone.local(zone.start_of_day(day) - Duration::from_secs(1));
        assert_eq!(before.day, day - 1);
    }
}
