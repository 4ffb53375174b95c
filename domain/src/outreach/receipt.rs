//! What a receipt says the decision looked at.

use std::collections::BTreeMap;

use crate::id::WishId;
use crate::outreach::gate::Gates;
use crate::outreach::{Outreach, Reason, Receipt, WishState};

impl Outreach {
    /// A receipt with what every decision looks at.
    pub(super) fn receipt(
        &self,
        gates: &Gates<'_>,
        reason: Reason,
        scores: BTreeMap<WishId, u64>,
    ) -> Receipt {
        let (facts, now) = (gates.facts, gates.now);
        let pending = self.wishes.values().filter(|state| state.is_pending());
        let mut inputs = BTreeMap::new();
        let mut note = |name: &str, value: String| inputs.insert(name.to_owned(), value);
        note("pending_wishes", pending.count().to_string());
        note("contact_in_flight", self.is_being_contacted().to_string());
        note("do_not_contact", facts.customer.do_not_contact.to_string());
        note("open_complaint", facts.open_complaint.to_string());
        note("customer_zone", facts.zone.name().to_owned());
        note("customer_time", facts.zone.written(now));
        for cap in gates.policy.rules.windows() {
            let made = gates.ledger.count(cap, facts.zone, now);
            let name = format!("contacts_in_{}_days", cap.days);
            note(&name, format!("{made} of {}", cap.contacts));
        }
        if let Some(last) = gates.ledger.contacts().last() {
            note("last_contact", facts.zone.written(last.at));
        }
        if let Some(tier) = facts.tier {
            note("tier", tier.to_owned());
        }
        Receipt {
            policy_version: gates.policy.version,
            reason,
            inputs,
            scores,
        }
    }

    /// The same with what a decision on one wish looks at.
    pub(super) fn receipt_of(
        &self,
        state: &WishState,
        gates: &Gates<'_>,
        reason: Reason,
        scores: BTreeMap<WishId, u64>,
    ) -> Receipt {
        let (facts, wish) = (gates.facts, &state.wish);
        let mut receipt = self.receipt(gates, reason, scores);
        let mut note = |name: &str, value: String| receipt.inputs.insert(name.to_owned(), value);
        note("purpose", wish.purpose.clone());
        note("class", wish.class.name().to_owned());
        note("attempts", state.attempts.to_string());
        note("window_closes", facts.zone.written(wish.expires_at));
        for channel in &wish.channels {
            let (customer, now) = (facts.customer, gates.now);
            let consent = match customer.consent_at(&wish.purpose, wish.class, *channel, now) {
                Some(true) => "given",
                Some(false) => "refused",
                None => "not_stated",
            };
            note(&format!("consent.{}", channel.name()), consent.to_owned());
            let reached = customer.reach(*channel, wish.class, now).is_some();
            note(
                &format!("reachable.{}", channel.name()),
                reached.to_string(),
            );
        }
        receipt
    }
}
