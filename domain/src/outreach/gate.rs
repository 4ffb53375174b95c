//! The gates: may this wish be said, by which channels, and not before when? Each answer carries its reason.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use crate::channel::Channel;
use crate::customer::Customer;
use crate::id::InteractionId;
use crate::outreach::{Ledger, Outcome, Outreach, Reason, Status, Wish, WishClass, WishState};
use crate::policy::Policy;
use crate::time::{Timestamp, Zone};

/// What the gates must know of the customer.
#[derive(Clone, Copy, Debug)]
pub struct CustomerFacts<'a> {
    /// The customer.
    pub customer: &'a Customer,
    /// Their clock, or the tenant's when theirs is unknown.
    pub zone: Zone,
    /// Whether they complained and it is not settled.
    pub open_complaint: bool,
    /// Their value tier, when they have one.
    pub tier: Option<&'a str>,
    /// By which channels the hub can carry out a planned contact.
    pub carried: &'a [Channel],
}

/// Channels by which the hub can carry out a planned contact.
const CARRIED: &[Channel] = &[Channel::Voice];

impl<'a> CustomerFacts<'a> {
    /// What the customer's own history says.
    #[must_use]
    pub fn of(customer: &'a Customer, zone: Zone) -> Self {
        Self {
            customer,
            zone,
            open_complaint: customer.has_open_complaint(),
            tier: customer.value_tier(),
            carried: CARRIED,
        }
    }
}

/// What the gates say of one wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// May be said.
    Pass {
        /// How, the best first; never empty.
        channels: Vec<Channel>,
        /// Not before.
        earliest: Timestamp,
        /// What moved `earliest`, if anything did.
        because: Option<Reason>,
    },
    /// Not now.
    Hold {
        /// Look again then; none: when something happens.
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

/// When a contact may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    /// From then on, and what moved it.
    Open(Timestamp, Option<Reason>),
    /// Look again then.
    Closed(Timestamp, Reason),
}

/// One look at the gates of a customer.
pub(super) struct Gates<'a> {
    outreach: &'a Outreach,
    pub facts: CustomerFacts<'a>,
    pub policy: &'a Policy,
    pub now: Timestamp,
    /// When a contact could be made if nothing stood in the way.
    slot: Timestamp,
    /// The contacts that we made with the person, as whoever they were known then.
    pub ledger: Cow<'a, Ledger>,
    /// When each purpose was declined last.
    refused: BTreeMap<&'a str, Timestamp>,
}

impl<'a> Gates<'a> {
    pub fn new(
        outreach: &'a Outreach,
        facts: CustomerFacts<'a>,
        policy: &'a Policy,
        now: Timestamp,
        slot: Timestamp,
    ) -> Self {
        let mut refused = outreach.declined();
        for (purpose, at) in &facts.customer.declined {
            let last = refused.entry(purpose.as_str()).or_insert(*at);
            *last = (*at).max(*last);
        }
        Self {
            outreach,
            facts,
            policy,
            now,
            slot,
            ledger: outreach.ledger.with(&facts.customer.contacted),
            refused,
        }
    }

    /// By which channels a wish may be said at all: the gates that no waiting opens.
    fn sayable(&self, state: &WishState) -> Result<Vec<Channel>, Reason> {
        let (wish, rules, customer) = (&state.wish, &self.policy.rules, self.facts.customer);
        if self.now >= wish.expires_at {
            return Err(Reason::Expired);
        }
        if self.is_left_alone(wish) == Some(None) {
            return Err(Reason::DoNotContact);
        }
        if state.attempts >= rules.max_attempts {
            return Err(Reason::AttemptsExhausted);
        }
        let mut channels = wish.channels.clone();
        // What is sent must be written.
        channels.retain(|channel| {
            self.facts.carried.contains(channel) && (is_live(*channel) || wish.message.is_some())
        });
        if channels.is_empty() {
            return Err(Reason::NoContactPoint);
        }
        let needed = rules.consent_needed.contains(&wish.class);
        channels.retain(|channel| {
            match customer.consent_at(&wish.purpose, wish.class, *channel, self.now) {
                Some(said) => said || wish.class == WishClass::Mandatory,
                None => !needed,
            }
        });
        if channels.is_empty() {
            return Err(Reason::NoConsent);
        }
        channels.retain(|channel| customer.reach(*channel, wish.class, self.now).is_some());
        if channels.is_empty() {
            return Err(Reason::NoContactPoint);
        }
        Ok(channels)
    }

    /// Whether the customer wants no contact about this, and until when: for good when there is no moment.
    fn is_left_alone(&self, wish: &Wish) -> Option<Option<Timestamp>> {
        let customer = self.facts.customer;
        let forbidden = !customer.may_be_contacted(wish.class, self.now);
        forbidden.then(|| customer.do_not_contact.lifted_at(wish.class, self.now))
    }

    /// What forbids the topic itself for now, whoever begins the contact.
    pub fn silenced(&self, state: &WishState) -> Option<(Option<Timestamp>, Reason)> {
        let (wish, rules) = (&state.wish, &self.policy.rules);
        // A customer who wants to be left alone for a time is asked after it.
        if let Some(until) = self.is_left_alone(wish) {
            return Some((until, Reason::DoNotContact));
        }
        if self.facts.open_complaint && rules.complaint_holds.contains(&wish.class) {
            return Some((None, Reason::OpenComplaint));
        }
        let silence = Duration::from_secs(86_400) * rules.refusal_silence_days;
        let refused = self.refused.get(wish.purpose.as_str());
        let until = refused.map(|at| *at + silence);
        let until =
            until.filter(|until| self.now < *until && wish.class != WishClass::Mandatory)?;
        Some((Some(until), Reason::RefusedPurpose))
    }

    /// When a contact may be made, from a moment on: the gates that are about disturbing.
    pub fn opening(&self, class: WishClass, from: Timestamp) -> Opening {
        let (rules, zone) = (&self.policy.rules, self.facts.zone);
        let mandatory = class == WishClass::Mandatory;
        let closed = self.ledger.closed(rules, zone, from);
        if let Some((until, reason)) = closed.filter(|_| !mandatory) {
            return Opening::Closed(until, reason);
        }
        let (mut at, mut because) = (from, None);
        // Each turn passes a night or a holiday; whatever is left is met again when the slot comes.
        for _ in 0..=2 * rules.holidays.len() + 1 {
            let local = zone.local(at);
            if !mandatory && rules.is_holiday(local) {
                at = zone.start_of_day(local.day + 1);
                because = Some(Reason::Holiday);
            } else if rules.is_quiet(local) {
                at = zone.next_at_minute(at, rules.quiet_until);
                because = because.or(Some(Reason::QuietHours));
            } else {
                break;
            }
        }
        Opening::Open(at, because)
    }

    /// Puts one wish through the gates.
    pub fn judge(&self, state: &WishState) -> Verdict {
        let (wish, rules) = (&state.wish, &self.policy.rules);
        let hold = |until, reason| Verdict::Hold { until, reason };
        let channels = match self.sayable(state) {
            Ok(channels) => channels,
            Err(reason) => return Verdict::Drop { reason },
        };
        match self.silenced(state) {
            // It can only end unsaid: whoever filed it is told now.
            Some((Some(until), reason)) if until >= wish.expires_at => {
                return Verdict::Drop { reason };
            }
            Some((until, reason)) => return hold(until, reason),
            None => {}
        }
        let not_before = wish.not_before.max(state.asked_for);
        if let Some(not_before) = not_before.filter(|moment| self.now < *moment) {
            return hold(Some(not_before), Reason::NotYet);
        }
        if self.outreach.is_being_contacted() {
            return hold(None, Reason::ContactInFlight);
        }
        // Whoever could not be reached is not tried again soon, whoever wants what of them; who named a time is not asked
        // before it, nor made to wait after it.
        let tried = state.retry_at.filter(|_| state.asked_for.is_none());
        let tried = tried.max(self.outreach.unreached_at);
        let retry = tried.map(|at| at + Duration::from_secs(rules.retry_seconds.into()));
        if let Some(retry) = retry.filter(|retry| self.now < *retry) {
            return hold(Some(retry), Reason::RetryLater);
        }
        // Gathering must not outlast the wish.
        let from = if self.slot >= wish.expires_at {
            self.now
        } else {
            self.slot
        };
        match self.opening(wish.class, from) {
            Opening::Closed(until, reason) => hold(Some(until), reason),
            Opening::Open(earliest, _) if earliest >= wish.expires_at => Verdict::Drop {
                reason: Reason::Expired,
            },
            Opening::Open(earliest, because) => Verdict::Pass {
                channels,
                earliest,
                because,
            },
        }
    }

    /// Whether a contact may be made at this very moment to say this.
    pub fn may_be_made(&self, state: &WishState) -> bool {
        let (rules, local) = (&self.policy.rules, self.facts.zone.local(self.now));
        let mandatory = state.wish.class == WishClass::Mandatory;
        !rules.is_quiet(local)
            && (mandatory || !rules.is_holiday(local))
            && self.sayable(state).is_ok()
            && self.silenced(state).is_none()
    }
}

/// Whether people talk on a channel there and then; on the others a message is sent.
#[must_use]
pub const fn is_live(channel: Channel) -> bool {
    match channel {
        Channel::Voice | Channel::Chat => true,
        Channel::Sms | Channel::Email => false,
    }
}

impl Outreach {
    /// When each purpose was declined last.
    #[must_use]
    pub fn declined(&self) -> BTreeMap<&str, Timestamp> {
        let mut declined = BTreeMap::new();
        for state in self.wishes.values() {
            if let (
                Status::Done {
                    outcome: Outcome::Declined,
                    ..
                },
                Some(at),
            ) = (&state.status, state.outcome_at)
            {
                let last = declined.entry(state.wish.purpose.as_str()).or_insert(at);
                *last = at.max(*last);
            }
        }
        declined
    }

    /// Whether the customer may be dialled for this contact at this very moment: it is the one in flight, neither quiet
    /// hours nor a holiday stand in the way, and there is still something that may be said.
    #[must_use]
    pub fn may_dial_now(
        &self,
        interaction: InteractionId,
        facts: CustomerFacts<'_>,
        policy: &Policy,
        now: Timestamp,
    ) -> bool {
        let being_said = |state: &&WishState| state.status == Status::InContact { interaction };
        let gates = Gates::new(self, facts, policy, now, now);
        self.may_dial(interaction)
            && self
                .wishes
                .values()
                .filter(being_said)
                .any(|state| gates.may_be_made(state))
    }
}
