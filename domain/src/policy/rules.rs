//! The rules of a contact policy, as a tenant states them.

use serde::{Deserialize, Serialize};

use crate::id::QueueId;
use crate::outreach::WishClass;
use crate::time::LocalTime;

/// The rules.
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
    /// Most outreach contacts to one customer on one calendar day of theirs. Mandatory wishes are exempt but counted.
    pub contacts_per_day: u32,
    /// After an attempt that reached nobody, wait so many seconds.
    pub retry_seconds: u32,
    /// After so many attempts a wish is dropped.
    pub max_attempts: u32,
    /// Classes of wishes that need the customer's consent beforehand.
    pub consent_needed: Vec<WishClass>,
    /// The line in which planned calls wait for an agent.
    pub queue: QueueId,
}

impl ContactPolicy {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quiet(from: u16, until: u16) -> ContactPolicy {
        ContactPolicy {
            quiet_from: from,
            quiet_until: until,
            gather_seconds: 0,
            max_agenda: 3,
            contacts_per_day: 1,
            retry_seconds: 60,
            max_attempts: 3,
            consent_needed: vec![],
            queue: QueueId::named(crate::id::TenantId::named("t"), "outreach"),
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
