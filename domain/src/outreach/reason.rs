//! Why the coordinator decided as it did, and the receipt that says so.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::WishId;

/// Why the coordinator decided as it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The wish passed every gate and is part of the contact.
    Bundled,
    /// The wish passed every gate; the agenda has no room for another topic.
    AgendaFull,
    /// The wish passed every gate; the agenda would take too long with it.
    AgendaTime,
    /// The wish passed every gate; it or the most urgent one must be said alone.
    SaidAlone,
    /// The wish passed every gate; the contact goes by a channel that it does not allow.
    OtherChannel,
    /// The wish passed every gate; it may not be said at the time of the contact.
    OtherSlot,
    /// A contact for it would cost more than it is worth.
    NotWorthIt,
    /// Its window has not begun, or the customer asked for a later time.
    NotYet,
    /// Its window is over.
    Expired,
    /// The customer wants no outreach.
    DoNotContact,
    /// The customer refused, or never gave a consent that is needed.
    NoConsent,
    /// No contact point fits an allowed channel.
    NoContactPoint,
    /// Another contact with the customer is in flight.
    ContactInFlight,
    /// The customer was contacted often enough today.
    DailyCap,
    /// The customer was contacted often enough in the last days, seven at the most.
    WeeklyCap,
    /// The customer was contacted often enough in more days than a week.
    MonthlyCap,
    /// The last contact is too short a while ago.
    MinimumGap,
    /// The customer declined this purpose not long ago.
    RefusedPurpose,
    /// The customer has an open complaint.
    OpenComplaint,
    /// The customer's quiet hours.
    QuietHours,
    /// A holiday of the customer's calendar.
    Holiday,
    /// An attempt was made a short while ago.
    RetryLater,
    /// Tried often enough.
    AttemptsExhausted,
    /// The customer contacted us first.
    CustomerContactedUs,
    /// No wish is left that may be said.
    NothingToSay,
    /// The department does not want it any more.
    WithdrawnByDepartment,
    /// The customer was erased.
    CustomerErased,
}

impl Reason {
    /// Every reason there is.
    pub const ALL: [Self; 27] = [
        Self::Bundled,
        Self::AgendaFull,
        Self::AgendaTime,
        Self::SaidAlone,
        Self::OtherChannel,
        Self::OtherSlot,
        Self::NotWorthIt,
        Self::NotYet,
        Self::Expired,
        Self::DoNotContact,
        Self::NoConsent,
        Self::NoContactPoint,
        Self::ContactInFlight,
        Self::DailyCap,
        Self::WeeklyCap,
        Self::MonthlyCap,
        Self::MinimumGap,
        Self::RefusedPurpose,
        Self::OpenComplaint,
        Self::QuietHours,
        Self::Holiday,
        Self::RetryLater,
        Self::AttemptsExhausted,
        Self::CustomerContactedUs,
        Self::NothingToSay,
        Self::WithdrawnByDepartment,
        Self::CustomerErased,
    ];
}

/// Enough to answer "why did we (not) contact this customer?".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Version of the contact policy.
    pub policy_version: u64,
    /// The reason.
    pub reason: Reason,
    /// What the decision looked at, by name.
    pub inputs: BTreeMap<String, String>,
    /// The priority of each wish the decision is about, and of those it lost to.
    pub scores: BTreeMap<WishId, u64>,
}
