//! Complaints of a customer: while one is open, nothing is sold to them.

use std::collections::BTreeMap;

use crate::id::{ComplaintId, InteractionId};
use crate::private::Private;
use crate::time::Timestamp;

/// Most complaints of one customer.
pub const MOST_COMPLAINTS: usize = 500;

/// One complaint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// What it is about, in somebody's words.
    pub about: Private<String>,
    /// The contact on which it was made.
    pub interaction: Option<InteractionId>,
    /// Since when.
    pub opened_at: Timestamp,
    /// When service settled it.
    pub closed_at: Option<Timestamp>,
}

/// All complaints of a customer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Complaints(BTreeMap<ComplaintId, Complaint>);

impl Complaints {
    /// Whether one is not settled.
    #[must_use]
    pub fn any_open(&self) -> bool {
        self.0
            .values()
            .any(|complaint| complaint.closed_at.is_none())
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, id: ComplaintId) -> Option<&Complaint> {
        self.0.get(&id)
    }

    /// How many there are and were.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there never was one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn open(&mut self, id: ComplaintId, complaint: Complaint) {
        self.0.entry(id).or_insert(complaint);
    }

    pub(super) fn close(&mut self, id: ComplaintId, at: Timestamp) {
        if let Some(complaint) = self.0.get_mut(&id) {
            complaint.closed_at.get_or_insert(at);
        }
    }

    /// Those of both.
    pub(super) fn join(&mut self, other: &Self) {
        for (id, complaint) in &other.0 {
            self.open(*id, complaint.clone());
        }
    }
}
