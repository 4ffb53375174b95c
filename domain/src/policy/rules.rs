//! The rules of a contact policy, as a tenant states them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::channel::Channel;
use crate::id::QueueId;
use crate::outreach::WishClass;
use crate::time::{Date, LocalTime};

mod check;

pub use check::{Fault, MOST_CONTACTS};

/// The rules. A rule that came later has a default that means what the policy meant without it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactPolicy {
    /// Minute of the customer's day from which nobody is contacted, 0..=1439. Equal to `quiet_until`: no quiet hours.
    pub quiet_from: u16,
    /// Minute of the customer's day from which contacts are allowed again.
    pub quiet_until: u16,
    /// Wishes are gathered for so many seconds before a contact is made, so that departments end up in one call.
    pub gather_seconds: u32,
    /// Most wishes in one contact.
    pub max_agenda: u8,
    /// Most seconds that the wishes of one call or chat are expected to take together.
    #[serde(default = "a_day")]
    pub max_agenda_seconds: u32,
    /// Most outreach contacts to one customer on one calendar day of theirs. Mandatory wishes are exempt but counted.
    pub contacts_per_day: u32,
    /// The same over several calendar days.
    #[serde(default)]
    pub caps: Vec<Cap>,
    /// Seconds from the beginning of one contact to the next. Mandatory wishes are exempt.
    #[serde(default)]
    pub min_gap_seconds: u32,
    /// After an attempt that reached nobody, wait so many seconds.
    pub retry_seconds: u32,
    /// After so many attempts a wish is dropped.
    pub max_attempts: u32,
    /// A purpose that the customer declined is not brought up again for so many days. Mandatory wishes are exempt.
    #[serde(default)]
    pub refusal_silence_days: u32,
    /// Dates of the customer's calendar on which only mandatory wishes are said.
    #[serde(default)]
    pub holidays: BTreeSet<Date>,
    /// Classes of wishes that need the customer's consent beforehand.
    pub consent_needed: Vec<WishClass>,
    /// Classes of wishes that wait while the customer has an open complaint.
    #[serde(default)]
    pub complaint_holds: Vec<WishClass>,
    /// What wishes may be for; empty: anything.
    #[serde(default)]
    pub purposes: BTreeSet<String>,
    /// How much the context counts in the priority of a wish.
    #[serde(default)]
    pub weights: Vec<Adjustment>,
    /// What the tenant adds or takes away by hand.
    #[serde(default)]
    pub levers: Vec<Adjustment>,
    /// What one contact costs, by channel, in the unit of the wishes' values.
    #[serde(default)]
    pub costs: BTreeMap<Channel, u32>,
    /// The line in which planned calls wait for an agent.
    pub queue: QueueId,
}

const fn a_day() -> u32 {
    86_400
}

/// At most so many contacts in so many consecutive days of the customer's calendar, today included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cap {
    /// How many.
    pub contacts: u32,
    /// In how many days.
    pub days: u32,
}

/// Percent that are added to a factor of the priority of every wish that fits; what is left out fits all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Adjustment {
    /// Wishes for this purpose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// Wishes of this department.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<String>,
    /// Wishes of this class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<WishClass>,
    /// Wishes about customers of this value tier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,
    /// How much.
    pub percent: i32,
}

impl ContactPolicy {
    /// The rules of a tenant who states nothing but the line: one contact a day, three in seven days, six in thirty.
    #[must_use]
    pub fn declared(queue: QueueId) -> Self {
        Self {
            quiet_from: 20 * 60,
            quiet_until: 8 * 60,
            gather_seconds: 60,
            max_agenda: 3,
            max_agenda_seconds: 300,
            contacts_per_day: 1,
            caps: Self::declared_caps(1),
            min_gap_seconds: 0,
            retry_seconds: 14_400,
            max_attempts: 5,
            refusal_silence_days: 30,
            holidays: BTreeSet::new(),
            consent_needed: vec![WishClass::Marketing],
            complaint_holds: vec![WishClass::Marketing],
            purposes: BTreeSet::new(),
            weights: vec![],
            levers: vec![],
            costs: BTreeMap::new(),
            queue,
        }
    }

    /// The caps of a tenant who states none: three contacts in seven days and six in thirty, and never fewer than on one
    /// day.
    #[must_use]
    pub fn declared_caps(contacts_per_day: u32) -> Vec<Cap> {
        [(3, 7), (6, 30)]
            .map(|(contacts, days)| Cap {
                contacts: contacts.max(contacts_per_day),
                days,
            })
            .to_vec()
    }

    /// Every cap, that of the single day first.
    pub fn windows(&self) -> impl Iterator<Item = Cap> + '_ {
        let day = Cap {
            contacts: self.contacts_per_day,
            days: 1,
        };
        std::iter::once(day).chain(self.caps.iter().copied())
    }

    /// Whether a wall clock reading falls into the quiet hours, which may span midnight.
    #[must_use]
    pub fn is_quiet(&self, local: LocalTime) -> bool {
        let (from, until, now) = (self.quiet_from, self.quiet_until, local.minute);
        if from <= until {
            from <= now && now < until
        } else {
            now >= from || now < until
        }
    }

    /// Whether a wall clock reading falls on a holiday.
    #[must_use]
    pub fn is_holiday(&self, local: LocalTime) -> bool {
        !self.holidays.is_empty() && self.holidays.contains(&Date::of_day(local.day))
    }

    /// What one contact by this channel costs.
    #[must_use]
    pub fn cost(&self, channel: Channel) -> u32 {
        self.costs.get(&channel).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quiet(from: u16, until: u16) -> ContactPolicy {
        let queue = QueueId::named(crate::id::TenantId::named("t"), "outreach");
        ContactPolicy {
            quiet_from: from,
            quiet_until: until,
            ..ContactPolicy::declared(queue)
        }
    }

    fn at(minute: u16) -> LocalTime {
        LocalTime {
            day: 1,
            weekday: 0,
            minute,
        }
    }

    #[test]
    fn quiet_hours_may_span_midnight() {
        let night = quiet(21 * 60, 8 * 60);
        assert!(night.is_quiet(at(23 * 60)) && night.is_quiet(at(7 * 60)));
        assert!(!night.is_quiet(at(8 * 60)) && !night.is_quiet(at(20 * 60)));
    }

    #[test]
    fn equal_ends_mean_no_quiet_hours() {
        assert!((0..1_440).all(|minute| !quiet(600, 600).is_quiet(at(minute))));
    }
}
