//! Two customers turn out to be one person, or two after all: what departments want moves from one outreach to the other,
//! so that one history alone decides who is contacted when. An outreach that handed everything over contacts nobody and
//! takes nothing in. What moved is decided on where it arrives, by [`Outreach::coordinate`].

use std::collections::BTreeMap;

use crate::id::{CustomerId, MergeId, WishId};
use crate::outreach::decide::{Decision, Rejection};
use crate::outreach::{Fact, Outreach, Reason, Receipt, Status, Wish, WishState, Withdrawal};

impl Outreach {
    /// The customer is merged into another, in whose outreach everything that waits is pursued from now on. Nothing is left
    /// that could contact them from here. Repeated, it changes nothing.
    ///
    /// # Errors
    /// [`Rejection::BeingContacted`] while we talk to them or are about to; [`Rejection::HandedOver`] when that was done for
    /// another merging and not undone yet; [`Rejection::Closed`].
    pub fn hand_over(&self, to: CustomerId, merge: MergeId, policy_version: u64) -> Decision {
        if self.closed {
            return Err(Rejection::Closed);
        }
        match self.handed_over {
            Some(known) if known == (to, merge) => return Ok(vec![]),
            Some(_) => return Err(Rejection::HandedOver),
            None => {}
        }
        self.move_away(to, merge, true, policy_version, |_| true)
    }

    /// Wishes that came from a customer who is another person after all go back there.
    ///
    /// # Errors
    /// [`Rejection::BeingContacted`] while we talk to the one who stayed: perhaps about these; [`Rejection::Closed`].
    pub fn give_back(
        &self,
        to: CustomerId,
        merge: MergeId,
        theirs: &[WishId],
        policy_version: u64,
    ) -> Decision {
        if self.closed {
            return Err(Rejection::Closed);
        }
        let came = |state: &WishState| theirs.contains(&state.wish.id);
        let waits = |state: &WishState| came(state) && state.is_pending();
        if !self.is_being_contacted() && !self.wishes.values().any(waits) {
            return Ok(vec![]);
        }
        self.move_away(to, merge, false, policy_version, came)
    }

    /// The customer is one by themselves again, or the merging came to nothing: what was handed over for it and has not ended
    /// elsewhere is wanted here again, as departments wanted it there in the end (`amended`). Repeated, it changes nothing.
    #[must_use]
    pub fn take_back(
        &self,
        from: CustomerId,
        merge: MergeId,
        ended: impl Fn(WishId) -> bool,
        amended: &[Wish],
    ) -> Vec<Fact> {
        if self.closed || self.handed_over != Some((from, merge)) {
            return vec![];
        }
        let back = self.moved_to(from).filter(|wish| !ended(wish.id));
        let back: Vec<Wish> = back.collect();
        let changed = amended.iter().filter(|there| {
            let here = back.iter().find(|wish| wish.id == there.id);
            here.is_some_and(|here| here != *there)
        });
        let changed = changed.cloned().map(Fact::WishAmended);
        let returned = Fact::WishesReturned {
            from,
            merge,
            wishes: back.iter().map(|wish| wish.id).collect(),
        };
        std::iter::once(returned).chain(changed).collect()
    }

    /// Wishes of a customer who is merged into this one are pursued here. Those that are here already change nothing.
    #[must_use]
    pub fn take_over(&self, wishes: &[Wish]) -> Vec<Fact> {
        if self.closed || self.handed_over.is_some() {
            return vec![];
        }
        let gone = |state: &WishState| matches!(state.status, Status::Moved { .. });
        let new = |wish: &&Wish| self.wishes.get(&wish.id).is_none_or(gone);
        let new = wishes.iter().filter(new).cloned();
        new.map(Fact::WishFiled).collect()
    }

    /// What was handed over to a customer. Who asked to hear of it later is not asked sooner there.
    pub fn moved_to(&self, to: CustomerId) -> impl Iterator<Item = Wish> {
        self.wishes
            .values()
            .filter(move |state| state.status == (Status::Moved { to }))
            .map(|state| {
                let asked_for = state.asked_for.filter(|at| *at < state.wish.expires_at);
                Wish {
                    not_before: state.wish.not_before.max(asked_for),
                    ..state.wish.clone()
                }
            })
    }

    /// The plan is withdrawn, because what it was about may be gone; refused while a contact runs.
    fn move_away(
        &self,
        to: CustomerId,
        merge: MergeId,
        closing: bool,
        policy_version: u64,
        which: impl Fn(&WishState) -> bool,
    ) -> Decision {
        if self.is_being_contacted() {
            return Err(Rejection::BeingContacted);
        }
        let waiting = self.wishes.values().filter(|state| state.is_pending());
        let wishes = waiting.filter(|state| which(state));
        let moved = Fact::WishesMoved {
            to,
            merge,
            wishes: wishes.map(|state| state.wish.id).collect(),
            closing,
        };
        let withdrawn = self.plan.as_ref().map(|plan| Fact::PlanWithdrawn {
            plan: plan.id,
            why: Withdrawal::NothingToSay,
            receipt: Receipt {
                policy_version,
                reason: Reason::NothingToSay,
                inputs: BTreeMap::new(),
                scores: BTreeMap::new(),
            },
        });
        Ok(withdrawn.into_iter().chain([moved]).collect())
    }
}
