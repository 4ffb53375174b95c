//! The wish book of one customer: departments file, amend and withdraw; contacts made elsewhere are entered.

use std::collections::BTreeMap;

use crate::id::{CustomerId, WishId};
use crate::outreach::decide::{Decision, Rejection};
use crate::outreach::gate::{Gates, Opening};
use crate::outreach::{
    Contact, CustomerFacts, Fact, Outreach, Pressure, Reason, Status, Window, Wish, WishClass,
    WishState,
};
use crate::policy::Policy;
use crate::time::{Timestamp, Zone};

/// How many wishes may wait for one customer.
pub const MOST_PENDING: usize = 200;

impl Outreach {
    /// A department files a wish; the coordinator decides on it in the same append. The same id again changes nothing.
    ///
    /// # Errors
    /// [`Rejection::EmptyWindow`] when it could never be said, [`Rejection::BookFull`] when too many wait already,
    /// [`Rejection::HandedOver`] when the customer is merged into another, [`Rejection::Closed`] once they were erased.
    pub fn file(
        &self,
        wish: Wish,
        customer: CustomerId,
        facts: CustomerFacts<'_>,
        policy: &Policy,
        now: Timestamp,
    ) -> Decision {
        if self.closed {
            return Err(Rejection::Closed);
        }
        if self.handed_over.is_some() {
            return Err(Rejection::HandedOver);
        }
        if self.wishes.contains_key(&wish.id) {
            return Ok(vec![]);
        }
        if !wish.has_window(now) {
            return Err(Rejection::EmptyWindow);
        }
        let pending = self.wishes.values().filter(|state| state.is_pending());
        if pending.count() >= MOST_PENDING {
            return Err(Rejection::BookFull);
        }
        Ok(self.then_coordinate(vec![Fact::WishFiled(wish)], customer, facts, policy, now))
    }

    /// The department wants it otherwise: `change` says how. It may as long as the wish waits, planned or not; the
    /// coordinator decides anew in the same append. Who wants it of whom, what for and in which class stay.
    ///
    /// # Errors
    /// [`Rejection::UnknownWish`], also for a wish of another department than `of` (when one is named),
    /// [`Rejection::BeingSaid`] from the moment the contact that carries it is in flight, [`Rejection::Settled`] when it
    /// has ended, [`Rejection::HandedOver`] when it is pursued in the outreach to another customer,
    /// [`Rejection::EmptyWindow`], [`Rejection::Closed`].
    #[allow(
        clippy::too_many_arguments,
        reason = "each is looked at, and none belongs to another"
    )]
    pub fn amend(
        &self,
        wish: WishId,
        of: Option<&str>,
        change: impl FnOnce(&mut Wish),
        customer: CustomerId,
        facts: CustomerFacts<'_>,
        policy: &Policy,
        now: Timestamp,
    ) -> Decision {
        let state = self.owned(wish, of)?;
        if !state.is_pending() {
            return Err(state.rejection());
        }
        let mut amended = state.wish.clone();
        change(&mut amended);
        let known = &state.wish;
        amended.id = known.id;
        amended.department.clone_from(&known.department);
        amended.purpose.clone_from(&known.purpose);
        amended.class = known.class;
        if amended == *known {
            return Ok(vec![]);
        }
        if !amended.has_window(now) {
            return Err(Rejection::EmptyWindow);
        }
        Ok(self.then_coordinate(
            vec![Fact::WishAmended(amended)],
            customer,
            facts,
            policy,
            now,
        ))
    }

    /// The department does not want it any more. Asked again, it changes nothing.
    ///
    /// # Errors
    /// As [`Outreach::amend`].
    pub fn withdraw(
        &self,
        wish: WishId,
        of: Option<&str>,
        customer: CustomerId,
        facts: CustomerFacts<'_>,
        policy: &Policy,
        now: Timestamp,
    ) -> Decision {
        let state = self.owned(wish, of)?;
        if state.status == Status::Withdrawn {
            return Ok(vec![]);
        }
        if !state.is_pending() {
            return Err(state.rejection());
        }
        let gates = Gates::new(self, facts, policy, now, now);
        let reason = Reason::WithdrawnByDepartment;
        let receipt = self.receipt_of(state, &gates, reason, BTreeMap::new());
        let withdrawn = Fact::WishWithdrawn { wish, receipt };
        Ok(self.then_coordinate(vec![withdrawn], customer, facts, policy, now))
    }

    fn owned(&self, wish: WishId, of: Option<&str>) -> Result<&WishState, Rejection> {
        if self.closed {
            return Err(Rejection::Closed);
        }
        let state = self.wishes.get(&wish);
        state
            .filter(|state| of.is_none_or(|department| department == state.wish.department))
            .ok_or(Rejection::UnknownWish)
    }

    /// A contact was made that no plan led to: it counts from now on, and the coordinator looks again in the same append.
    /// Entered twice, it counts once.
    ///
    /// # Errors
    /// [`Rejection::Closed`] once the customer was erased.
    pub fn note_contact(
        &self,
        contact: Contact,
        customer: CustomerId,
        facts: CustomerFacts<'_>,
        policy: &Policy,
        now: Timestamp,
    ) -> Decision {
        if self.closed {
            return Err(Rejection::Closed);
        }
        if self.ledger.knows(contact.id) {
            return Ok(vec![]);
        }
        let noted = Fact::ContactNoted(contact);
        Ok(self.then_coordinate(vec![noted], customer, facts, policy, now))
    }

    /// How much the customer was contacted, and when the next contact is allowed that is not mandatory.
    #[must_use]
    pub fn pressure(&self, facts: CustomerFacts<'_>, policy: &Policy, now: Timestamp) -> Pressure {
        let (zone, rules): (Zone, _) = (facts.zone, &policy.rules);
        let gates = Gates::new(self, facts, policy, now, now);
        let (mut next_allowed, mut because) = (now, None);
        // Caps and nights take turns: a cap ends at midnight, in the quiet hours.
        for _ in 0..=rules.caps.len() + 2 {
            match gates.opening(WishClass::Service, next_allowed) {
                Opening::Open(at, why) => {
                    next_allowed = at;
                    because = because.or(why);
                    break;
                }
                Opening::Closed(until, why) => {
                    next_allowed = until;
                    because = because.or(Some(why));
                }
            }
        }
        let longest = rules.windows().max_by_key(|cap| cap.days);
        let recent = longest.map_or(0, |cap| gates.ledger.count(cap, zone, now));
        let newest_first = gates.ledger.contacts().iter().rev().copied();
        Pressure {
            windows: rules
                .windows()
                .map(|cap| Window {
                    days: cap.days,
                    contacts: gates.ledger.count(cap, zone, now),
                    cap: cap.contacts,
                })
                .collect(),
            next_allowed,
            because,
            contacts: newest_first.take(recent as usize).collect(),
        }
    }
}

impl WishState {
    /// Why a wish that does not wait can be changed no more.
    fn rejection(&self) -> Rejection {
        if matches!(self.status, Status::Moved { .. }) {
            Rejection::HandedOver
        } else if self.is_settled() {
            Rejection::Settled
        } else {
            Rejection::BeingSaid
        }
    }
}
