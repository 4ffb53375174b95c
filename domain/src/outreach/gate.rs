//! The gates: may this wish be said, by which channel, and not before when? Each answer carries its reason.

use serde::{Deserialize, Serialize};

use crate::channel::Channel;
use crate::customer::Customer;
use crate::id::InteractionId;
use crate::outreach::{Outreach, Status, WishClass, WishState};
use crate::policy::Policy;
use crate::time::{Timestamp, Zone};
use std::time::Duration;

/// Why the coordinator decided as it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The wish passed every gate and is part of the contact.
    Bundled,
    /// The wish passed every gate; more valuable ones fill the agenda.
    AgendaFull,
    /// Its window has not begun.
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
    /// The customer's quiet hours.
    QuietHours,
    /// An attempt was made a short while ago.
    RetryLater,
    /// Tried often enough.
    AttemptsExhausted,
    /// The customer contacted us first.
    CustomerContactedUs,
    /// No wish is left that may be said.
    NothingToSay,
    /// The customer was erased.
    CustomerErased,
}

/// What the gates must know of the customer.
#[derive(Clone, Copy, Debug)]
pub struct CustomerFacts<'a> {
    /// The customer.
    pub customer: &'a Customer,
    /// Their clock, or the tenant's when theirs is unknown.
    pub zone: Zone,
}

/// What the gates say of one wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// May be said.
    Pass {
        /// How.
        channel: Channel,
        /// Not before.
        earliest: Timestamp,
        /// What moved `earliest`, if anything did.
        because: Option<Reason>,
    },
    /// Not now.
    Hold {
        /// Look again then; none: when the running contact ends.
        until: Option<Timestamp>,
        /// Why.
        reason: Reason,
    },
    /// Never.
    Drop {
        /// Why.
        reason: Reason,
    },
}

/// Channels by which the hub can carry out a planned contact.
const CARRIED: [Channel; 1] = [Channel::Voice];

impl Outreach {
    /// Whether a wish may be said at all, and how: the gates that no waiting opens.
    ///
    /// # Errors
    /// The reason why it may never be said.
    pub fn sayable(
        &self,
        state: &WishState,
        facts: CustomerFacts<'_>,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<Channel, Reason> {
        let (wish, rules) = (&state.wish, &policy.rules);
        if now >= wish.expires_at {
            return Err(Reason::Expired);
        }
        if !facts.customer.may_be_contacted(wish.class, now) {
            return Err(Reason::DoNotContact);
        }
        if state.attempts >= rules.max_attempts {
            return Err(Reason::AttemptsExhausted);
        }
        let consent_needed = rules.consent_needed.contains(&wish.class);
        let consented = |channel: &&Channel| {
            let customer = facts.customer;
            match customer.consent_at(&wish.purpose, wish.class, **channel, now) {
                Some(said) => said || wish.class == WishClass::Mandatory,
                None => !consent_needed,
            }
        };
        let mut carried = wish
            .channels
            .iter()
            .filter(|channel| CARRIED.contains(channel))
            .peekable();
        carried.peek().ok_or(Reason::NoContactPoint)?;
        let mut allowed = carried.filter(consented).peekable();
        allowed.peek().ok_or(Reason::NoConsent)?;
        let reached =
            allowed.find(|channel| facts.customer.reach(**channel, wish.class, now).is_some());
        reached.copied().ok_or(Reason::NoContactPoint)
    }

    /// Whether the customer may be dialled for this contact at this very moment: it is the one in flight, it is not the
    /// customer's quiet hours, and there is still something that may be said.
    #[must_use]
    pub fn may_dial_now(
        &self,
        interaction: InteractionId,
        facts: CustomerFacts<'_>,
        policy: &Policy,
        now: Timestamp,
    ) -> bool {
        let being_said = |state: &&WishState| state.status == Status::InContact { interaction };
        self.may_dial(interaction)
            && !policy.rules.is_quiet(facts.zone.local(now))
            && self
                .wishes
                .values()
                .filter(being_said)
                .any(|state| self.sayable(state, facts, policy, now).is_ok())
    }

    /// Puts one wish through the gates. `earliest_slot` is when a contact could be made if nothing stood in the way.
    #[must_use]
    pub fn judge(
        &self,
        state: &WishState,
        facts: CustomerFacts<'_>,
        policy: &Policy,
        now: Timestamp,
        earliest_slot: Timestamp,
    ) -> Verdict {
        let (wish, rules) = (&state.wish, &policy.rules);
        let hold = |until, reason| Verdict::Hold { until, reason };
        let channel = match self.sayable(state, facts, policy, now) {
            Ok(channel) => channel,
            Err(reason) => {
                // A customer who wants to be left alone for a time is asked after it.
                let lifted = facts.customer.do_not_contact.lifted_at(wish.class, now);
                return match lifted.filter(|moment| *moment < wish.expires_at) {
                    Some(moment) if reason == Reason::DoNotContact => hold(Some(moment), reason),
                    _ => Verdict::Drop { reason },
                };
            }
        };
        if let Some(not_before) = wish.not_before.filter(|moment| now < *moment) {
            return hold(Some(not_before), Reason::NotYet);
        }
        if self.is_being_contacted() {
            return hold(None, Reason::ContactInFlight);
        }
        // Whoever could not be reached is not tried again soon, whoever wants what of them.
        let tried = state.retry_at.max(self.unreached_at);
        let retry = tried.map(|at| at + Duration::from_secs(rules.retry_seconds.into()));
        if let Some(retry) = retry.filter(|retry| now < *retry) {
            return hold(Some(retry), Reason::RetryLater);
        }
        // Gathering must not outlast the wish.
        let earliest_slot = if earliest_slot >= wish.expires_at {
            now
        } else {
            earliest_slot
        };
        let today = facts.zone.local(earliest_slot).day;
        let contacts_today = self
            .contacts
            .iter()
            .chain(&facts.customer.contacted)
            .filter(|at| facts.zone.local(**at).day == today)
            .count();
        if wish.class != WishClass::Mandatory && contacts_today >= rules.contacts_per_day as usize {
            // A whole minute later, because the minute that has begun counts as midnight still.
            let tomorrow = facts
                .zone
                .next_at_minute(earliest_slot + Duration::from_secs(60), 0);
            return hold(Some(tomorrow), Reason::DailyCap);
        }
        let mut earliest = earliest_slot;
        let mut because = None;
        if rules.is_quiet(facts.zone.local(earliest)) {
            earliest = facts.zone.next_at_minute(earliest, rules.quiet_until);
            because = Some(Reason::QuietHours);
        }
        if earliest >= wish.expires_at {
            return Verdict::Drop {
                reason: Reason::Expired,
            };
        }
        Verdict::Pass {
            channel,
            earliest,
            because,
        }
    }
}
