//! What is true of the outreach to one customer now.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::aggregate::Aggregate;
use crate::channel::Channel;
use crate::event::Revision;
use crate::id::{CustomerId, InteractionId, MergeId, PlanId, WishId};
use crate::outreach::{Contact, Fact, Ledger, Origin, Outcome, Reason, Wish};
use crate::time::Timestamp;

/// Everything departments want of one customer, and the contact that will say it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outreach {
    /// Every wish ever filed.
    pub wishes: BTreeMap<WishId, WishState>,
    /// The plan that has not become a contact yet.
    pub plan: Option<Plan>,
    /// The outreach contact in flight and its plan: never more than one.
    pub in_flight: Option<(PlanId, InteractionId)>,
    /// The contacts that we made.
    pub ledger: Ledger,
    /// When the last outreach contact ended that reached nobody.
    pub unreached_at: Option<Timestamp>,
    /// How many plans were made: the next one's id follows from it.
    pub plans_made: u64,
    /// The customer is merged into another, or is about to be: what is wanted of them is wanted there.
    pub handed_over: Option<(CustomerId, MergeId)>,
    /// The customer was erased: nothing more is wanted of them.
    pub closed: bool,
}

/// One wish and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct WishState {
    /// The wish.
    pub wish: Wish,
    /// When it was filed.
    pub filed_at: Timestamp,
    /// Where it stands.
    pub status: Status,
    /// Contacts made for it that did not settle it.
    pub attempts: u32,
    /// When the last contact ended that did not settle it.
    pub retry_at: Option<Timestamp>,
    /// The customer asked to hear of it then, and has not been contacted for it since.
    pub asked_for: Option<Timestamp>,
    /// When the last outcome was noted.
    pub outcome_at: Option<Timestamp>,
    /// Its place on the last agenda it was on.
    pub place: usize,
}

/// Where a wish stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Filed and not decided on, or open again.
    Open,
    /// Not now.
    Held {
        /// When it is looked at again.
        until: Option<Timestamp>,
        /// Why.
        reason: Reason,
    },
    /// Part of the plan.
    Planned,
    /// Being said.
    InContact {
        /// On which contact.
        interaction: InteractionId,
    },
    /// Said.
    Done {
        /// What came of it.
        outcome: Outcome,
        /// On which contact.
        interaction: InteractionId,
    },
    /// The department does not want it any more.
    Withdrawn,
    /// Pursued in the outreach to another customer, who is the same person, or is not after all.
    Moved {
        /// Whose.
        to: CustomerId,
    },
    /// Given up.
    Dropped {
        /// Why.
        reason: Reason,
    },
}

/// One planned contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its name.
    pub id: PlanId,
    /// How.
    pub channel: Channel,
    /// Not before.
    pub slot: Timestamp,
    /// What will be said, in order.
    pub agenda: Vec<WishId>,
}

impl WishState {
    /// Whether it waits to be said.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        matches!(
            self.status,
            Status::Open | Status::Held { .. } | Status::Planned
        )
    }

    /// Whether a contact is or was to say it and has not settled it: it waits again when that contact is over.
    #[must_use]
    pub fn is_unsettled_on(&self, interaction: InteractionId) -> bool {
        match self.status {
            Status::InContact { interaction: on } => on == interaction,
            Status::Done {
                outcome,
                interaction: on,
            } => on == interaction && !outcome.settles(),
            _ => false,
        }
    }

    /// Whether nothing follows here any more: dropped, withdrawn, moved, or said with an outcome that ends it.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        match self.status {
            Status::Dropped { .. } | Status::Withdrawn | Status::Moved { .. } => true,
            Status::Done { outcome, .. } => outcome.settles(),
            Status::Open | Status::Held { .. } | Status::Planned | Status::InContact { .. } => {
                false
            }
        }
    }
}

impl Outreach {
    /// What is being said, or was, on a contact, in the order of its agenda.
    #[must_use]
    pub fn agenda_of(&self, interaction: InteractionId) -> Vec<&WishState> {
        let here = |state: &&WishState| match state.status {
            Status::InContact { interaction: on }
            | Status::Done {
                interaction: on, ..
            } => on == interaction,
            _ => false,
        };
        let mut agenda: Vec<&WishState> = self.wishes.values().filter(here).collect();
        agenda.sort_by_key(|state| (state.place, state.wish.id));
        agenda
    }

    /// Whether we are talking to the customer about a wish, on a contact of ours or of theirs, or are about to.
    #[must_use]
    pub fn is_being_contacted(&self) -> bool {
        let being_said = |state: &WishState| matches!(state.status, Status::InContact { .. });
        self.in_flight.is_some() || self.wishes.values().any(being_said)
    }

    /// When the coordinator must look again by itself: a slot, the end of a hold, an expiry.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let slot = self
            .plan
            .as_ref()
            .filter(|_| self.in_flight.is_none())
            .map(|plan| plan.slot);
        let holds = self.wishes.values().filter_map(|state| match state.status {
            Status::Held { until, .. } => until.map(|until| until.min(state.wish.expires_at)),
            Status::Open => Some(state.filed_at),
            _ => None,
        });
        let expiries = self
            .wishes
            .values()
            .filter(|state| state.is_pending())
            .map(|state| state.wish.expires_at);
        slot.into_iter().chain(holds).chain(expiries).min()
    }

    fn set(&mut self, wish: WishId, status: Status) {
        if let Some(state) = self.wishes.get_mut(&wish) {
            state.status = status;
        }
    }

    fn say(&mut self, agenda: &[WishId], interaction: InteractionId) {
        for (place, wish) in agenda.iter().enumerate() {
            if let Some(state) = self.wishes.get_mut(wish) {
                state.place = place;
                state.status = Status::InContact { interaction };
                state.asked_for = None;
            }
        }
    }

    fn unplan(&mut self) {
        if let Some(plan) = self.plan.take() {
            for wish in plan.agenda {
                if self
                    .wishes
                    .get(&wish)
                    .is_some_and(|state| state.status == Status::Planned)
                {
                    self.set(wish, Status::Open);
                }
            }
        }
    }
}

impl Aggregate for Outreach {
    type Fact = Fact;

    fn begin(_: &Fact, _: Timestamp) -> Option<Self> {
        Some(Self::default())
    }

    fn apply(&mut self, fact: &Fact, at: Timestamp, _: Revision) {
        match fact {
            Fact::WishFiled(wish) => {
                let (wish, id) = (wish.clone(), wish.id);
                let state = WishState {
                    wish,
                    filed_at: at,
                    status: Status::Open,
                    attempts: 0,
                    retry_at: None,
                    asked_for: None,
                    outcome_at: None,
                    place: 0,
                };
                self.wishes.insert(id, state);
            }
            Fact::WishAmended(wish) => {
                if let Some(state) = self.wishes.get_mut(&wish.id) {
                    state.wish = wish.clone();
                    if state.status != Status::Planned {
                        state.status = Status::Open;
                    }
                }
            }
            Fact::WishWithdrawn { wish, .. } => self.set(*wish, Status::Withdrawn),
            Fact::WishHeld {
                wish,
                until,
                receipt,
            } => {
                self.set(
                    *wish,
                    Status::Held {
                        until: *until,
                        reason: receipt.reason,
                    },
                );
            }
            Fact::WishDropped { wish, receipt } => self.set(
                *wish,
                Status::Dropped {
                    reason: receipt.reason,
                },
            ),
            Fact::ContactPlanned {
                plan,
                channel,
                slot,
                agenda,
                ..
            } => {
                if self.plan.as_ref().is_none_or(|known| known.id != *plan) {
                    self.plans_made += 1;
                }
                self.unplan();
                for wish in agenda {
                    self.set(*wish, Status::Planned);
                }
                self.plan = Some(Plan {
                    id: *plan,
                    channel: *channel,
                    slot: *slot,
                    agenda: agenda.clone(),
                });
            }
            Fact::ContactStarted {
                plan, interaction, ..
            } => {
                if let Some(known) = self.plan.take() {
                    self.say(&known.agenda, *interaction);
                    self.ledger.note(Contact {
                        id: interaction.as_uuid(),
                        at,
                        channel: known.channel,
                        origin: Origin::Planned,
                        reached: None,
                    });
                }
                self.in_flight = Some((*plan, *interaction));
            }
            Fact::PlanWithdrawn { plan, .. } => {
                if let Some((_, interaction)) =
                    self.in_flight.take_if(|(started, _)| started == plan)
                {
                    for state in self.wishes.values_mut() {
                        if state.is_unsettled_on(interaction) {
                            state.status = Status::Open;
                        }
                    }
                    self.ledger.strike(interaction.as_uuid()); // nobody was contacted
                } else {
                    self.unplan();
                }
            }
            Fact::AgendaTakenUp {
                interaction,
                agenda,
                ..
            } => self.say(agenda, *interaction),
            Fact::OutcomeRecorded {
                wish,
                outcome,
                not_before,
                interaction,
                ..
            } => {
                if let Some(state) = self.wishes.get_mut(wish) {
                    state.status = Status::Done {
                        outcome: *outcome,
                        interaction: *interaction,
                    };
                    state.asked_for = *not_before;
                    state.outcome_at = Some(at);
                }
            }
            Fact::ContactEnded {
                interaction,
                reached,
                returned,
            } => {
                let ours = self
                    .in_flight
                    .take_if(|(_, running)| running == interaction)
                    .is_some();
                if ours && !reached {
                    self.unreached_at = Some(at);
                }
                self.ledger.end(interaction.as_uuid(), *reached);
                for wish in returned {
                    if let Some(state) = self.wishes.get_mut(wish) {
                        state.status = Status::Open;
                        // A customer who gave up waiting for us was not tried.
                        if ours || *reached {
                            state.attempts += 1;
                            state.retry_at = Some(at);
                        }
                    }
                }
            }
            Fact::ContactNoted(contact) => self.ledger.note(*contact),
            Fact::WishesMoved {
                to,
                merge,
                wishes,
                closing,
            } => {
                for wish in wishes {
                    self.set(*wish, Status::Moved { to: *to });
                }
                if *closing {
                    self.handed_over = Some((*to, *merge));
                }
            }
            Fact::WishesReturned { wishes, .. } => {
                for wish in wishes {
                    self.set(*wish, Status::Open);
                }
                self.handed_over = None;
            }
            Fact::Closed {} => self.closed = true,
        }
    }

    fn subject(&self, id: Uuid) -> Option<CustomerId> {
        Some(CustomerId::from_uuid(id))
    }
}
