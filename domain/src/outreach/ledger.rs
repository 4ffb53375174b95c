//! The pressure ledger: every contact we made with a customer, whoever made it and by whatever channel, and what it
//! leaves open.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use std::time::Duration;
use uuid::Uuid;

use crate::channel::Channel;
use crate::outreach::Reason;
use crate::policy::{Cap, ContactPolicy, MOST_CONTACTS};
use crate::time::{Timestamp, Zone};

/// How many contacts are remembered, the newest. A cap never asks for more than its own number of newest contacts, and no
/// cap may name more than [`MOST_CONTACTS`]: forgetting older ones therefore never lets a contact through.
const REMEMBERED: usize = 128;
const _: () = assert!(REMEMBERED > MOST_CONTACTS as usize);

/// The contacts we made with one customer, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    contacts: Vec<Contact>,
}

/// One contact that we made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// The interaction, or the name that whoever reported it gave it: noted twice, it is one contact.
    pub id: Uuid,
    /// When it began.
    pub at: Timestamp,
    /// How.
    pub channel: Channel,
    /// Who made it.
    pub origin: Origin,
    /// Whether the customer was reached, once it is known. An attempt that reached nobody counts all the same.
    pub reached: Option<bool>,
}

/// Who made a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The coordinator planned it.
    Planned,
    /// An agent reached out on their own.
    Agent,
    /// Another system did and said so.
    Elsewhere,
}

/// How much a customer was contacted, and when the next contact is allowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pressure {
    /// Each cap, and how many contacts there are in its window now.
    pub windows: Vec<Window>,
    /// From when on a contact is allowed by caps, minimum gap, quiet hours and holidays, for what is not mandatory.
    pub next_allowed: Timestamp,
    /// What stands in the way until then.
    pub because: Option<Reason>,
    /// The contacts of the longest window, newest first.
    pub contacts: Vec<Contact>,
}

/// A cap in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Window {
    /// In so many days of the customer's calendar, today included,
    pub days: u32,
    /// there were so many contacts,
    pub contacts: u32,
    /// and there may be so many.
    pub cap: u32,
}

impl Ledger {
    /// The contacts that are remembered, oldest first.
    #[must_use]
    pub fn contacts(&self) -> &[Contact] {
        &self.contacts
    }

    /// Whether this contact is in the book.
    #[must_use]
    pub fn knows(&self, id: Uuid) -> bool {
        self.contacts.iter().any(|contact| contact.id == id)
    }

    /// The same with contacts that were made with the same person as somebody else.
    pub(super) fn with(&self, others: &[Contact]) -> Cow<'_, Self> {
        if others.is_empty() {
            return Cow::Borrowed(self);
        }
        let mut all = self.clone();
        for contact in others {
            all.note(*contact);
        }
        Cow::Owned(all)
    }

    pub(super) fn note(&mut self, contact: Contact) {
        if self.knows(contact.id) {
            return;
        }
        let place = self
            .contacts
            .partition_point(|known| known.at <= contact.at);
        self.contacts.insert(place, contact);
        if self.contacts.len() > REMEMBERED {
            self.contacts.remove(0);
        }
    }

    /// The contact is over.
    pub(super) fn end(&mut self, id: Uuid, reached: bool) {
        if let Some(contact) = self.contacts.iter_mut().find(|contact| contact.id == id) {
            contact.reached = Some(reached);
        }
    }

    /// The contact was called off before it was made.
    pub(super) fn strike(&mut self, id: Uuid) {
        self.contacts.retain(|contact| contact.id != id);
    }

    /// How many contacts fall into the days of a cap that end with the day of `at`.
    #[must_use]
    pub fn count(&self, cap: Cap, zone: Zone, at: Timestamp) -> u32 {
        let first = first_day(cap, zone, at);
        let newest_first = self.contacts.iter().rev();
        let inside = newest_first.take_while(|contact| zone.local(contact.at).day >= first);
        u32::try_from(inside.count()).unwrap_or(u32::MAX)
    }

    /// What forbids a contact at `at`, and until when: the cap or gap that lasts longest.
    #[must_use]
    pub fn closed(
        &self,
        rules: &ContactPolicy,
        zone: Zone,
        at: Timestamp,
    ) -> Option<(Timestamp, Reason)> {
        let caps = rules
            .windows()
            .filter_map(|cap| Some((self.full_until(cap, zone, at)?, reason(cap))));
        let gap = Duration::from_secs(rules.min_gap_seconds.into());
        let gap = self.contacts.last().map(|last| last.at + gap);
        let gap = gap.filter(|until| at < *until);
        caps.chain(gap.map(|until| (until, Reason::MinimumGap)))
            .max_by_key(|(until, _)| *until)
    }

    /// When there is room under a cap again; none when there is room.
    fn full_until(&self, cap: Cap, zone: Zone, at: Timestamp) -> Option<Timestamp> {
        let nth = self.contacts.len().checked_sub(cap.contacts as usize)?;
        // A cap of no contacts at all is refused where policies are set; one that came by another way is never open.
        let Some(oldest) = self.contacts.get(nth) else {
            return Some(Timestamp::from_micros(i64::MAX));
        };
        let day = zone.local(oldest.at).day;
        (day >= first_day(cap, zone, at)).then(|| zone.start_of_day(day.saturating_add(days(cap))))
    }
}

fn days(cap: Cap) -> i32 {
    i32::try_from(cap.days).unwrap_or(i32::MAX)
}

fn first_day(cap: Cap, zone: Zone, at: Timestamp) -> i32 {
    zone.local(at)
        .day
        .saturating_sub(days(cap))
        .saturating_add(1)
}

const fn reason(cap: Cap) -> Reason {
    match cap.days {
        0..=1 => Reason::DailyCap,
        2..=7 => Reason::WeeklyCap,
        _ => Reason::MonthlyCap,
    }
}
