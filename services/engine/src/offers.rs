//! An offer is two appends: the agent's capacity is set aside first, then the contact is offered. Whatever happens
//! between them, an expiry leads on.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use rapport_domain::acd::{self, Input, Output, Receipt};
use rapport_domain::agent::{self, Agent, ReservationEnd};
use rapport_domain::channel::Channel;
use rapport_domain::id::{AgentId, InteractionId, LegId, OfferId, TenantId};
use rapport_domain::interaction::{self, Interaction, OfferEnd, Phase};
use rapport_domain::time::Timestamp;

use crate::counters::Counters;
use crate::engine::Engine;
use crate::error::ExecuteError;
use crate::store::Ctx;
use crate::timers::Due;

/// How long a reservation may outlive its offer before it is taken for an orphan.
const GRACE: Duration = Duration::from_secs(5);

/// How often an agent's stream is looked at anew before work is noted in it.
const LOOKS: u32 = 16;

/// The agent's stream is not as it was when the contact was looked at.
#[derive(Debug)]
struct HasGoneOn;

/// What the floor wants. An offer is named when it is decided, so the names are in the order of the decisions.
pub(crate) struct Wanted {
    pub output: Output,
    offer: OfferId,
}

struct Proposal {
    tenant: TenantId,
    item: InteractionId,
    agent: AgentId,
    offer: OfferId,
    until: Timestamp,
    receipt: Receipt,
}

impl Engine {
    /// Feeds the floor and carries out what it wants, until it wants nothing more.
    pub(crate) async fn feed(&self, tenant: TenantId, inputs: impl IntoIterator<Item = Input>) {
        if !self.is_going() {
            return; // the floor is seeded from the present when history has been caught up with
        }
        if !self.leads(tenant) {
            return self.floors.follow(tenant, inputs, self.now());
        }
        let outputs = self.decide(tenant, inputs);
        self.carry_out(tenant, outputs).await;
    }

    /// Carries out what the floor wants, and what it wants after that.
    pub(crate) async fn carry_out(&self, tenant: TenantId, wanted: Vec<Wanted>) {
        let mut wanted = VecDeque::from(wanted);
        while let Some(Wanted { output, offer }) = wanted.pop_front() {
            let followed_by = match output {
                Output::Offer {
                    item,
                    agent,
                    until,
                    receipt,
                } => {
                    self.propose(Proposal {
                        tenant,
                        item,
                        agent,
                        offer,
                        until,
                        receipt,
                    })
                    .await
                }
                Output::OfferOverdue { item, agent } => {
                    self.reconcile_offer(tenant, item, agent).await
                }
            };
            wanted.extend(self.decide(tenant, followed_by));
        }
    }

    pub(crate) fn decide(
        &self,
        tenant: TenantId,
        inputs: impl IntoIterator<Item = Input>,
    ) -> Vec<Wanted> {
        let outputs = self.floors.feed(tenant, inputs, self.now(), &self.timers);
        let named = |output| Wanted {
            output,
            offer: OfferId::from_uuid(self.fresh()),
        };
        outputs.into_iter().map(named).collect()
    }

    /// Makes the offer durable. Answers what the floor must be told when it could not be made.
    async fn propose(&self, proposal: Proposal) -> Vec<Input> {
        let Proposal {
            tenant,
            item,
            agent,
            offer,
            until,
            receipt,
        } = proposal;
        let failed = || {
            let why = acd::OfferEnd::Failed;
            vec![Input::OfferEnded {
                item,
                agent,
                requeue: true,
                why,
            }]
        };
        if !self.leads(tenant) {
            return vec![]; // whoever leads now decides
        }
        let known = match self
            .store
            .load_of::<Interaction>(tenant, item.as_uuid())
            .await
        {
            Ok(Some(known)) if matches!(known.phase, Phase::Queued { .. }) => known,
            Ok(Some(known)) if known.is_closed() => return vec![Input::ItemWithdrawn { item }],
            _ => return failed(),
        };
        let channel = known.channel;
        let ctx = Ctx::system(tenant, item.as_uuid(), None);
        let dialler = match channel {
            Channel::Voice => self.dialler(tenant, &known, item, agent).await,
            _ => Ok(None),
        };
        let Ok(dialler) = dialler else {
            return failed(); // nobody can be rung: the call waits
        };
        if let Some(plan) = known.plan
            && !self.is_still_wanted(tenant, known.customer, item).await
        {
            self.withdraw_if_called_off(tenant, known.customer, plan, item, &ctx)
                .await;
            return failed();
        }
        let over = self.offers_over(tenant, agent).await;
        let reserved = self
            .store
            .execute::<Agent, agent::Rejection>(agent.as_uuid(), &ctx, |state, _| {
                state
                    .ok_or(agent::Rejection::Unknown)?
                    .reserve(offer, item, channel, until, &over)
            })
            .await;
        if let Err(error) = reserved {
            // Whatever the reason is, the event behind it reaches the floor by itself.
            tracing::debug!(?error, "an agent could not be reserved");
            return failed();
        }
        if !self.leads(tenant) {
            // We were away between the two appends. The offer was not made, and nobody else could make it.
            self.end_reservation(tenant, agent, offer, ReservationEnd::Withdrawn)
                .await;
            return vec![];
        }
        let dial = (channel == Channel::Voice).then(|| (LegId::from_uuid(self.fresh()), dialler));
        let offered = self
            .store
            .execute::<Interaction, interaction::Rejection>(item.as_uuid(), &ctx, |state, _| {
                let state = state.ok_or(interaction::Rejection::NotWaiting)?;
                state.offer(offer, agent, until, receipt.clone(), dial)
            })
            .await;
        match offered {
            Ok(_) => {
                Counters::count(&self.counters.offers);
                return vec![];
            }
            Err(ExecuteError::Rejected(_) | ExecuteError::NotFound) => {
                self.end_reservation(tenant, agent, offer, ReservationEnd::Withdrawn)
                    .await;
            }
            // It may have been made, or be made yet.
            Err(_) => {
                self.withdraw_reservation(tenant, agent, item, offer).await;
            }
        }
        failed()
    }

    /// Offers for which the agent still has a reservation although, by the word of their contacts, they are over. Their
    /// ends are being written; nobody has to wait for that.
    async fn offers_over(&self, tenant: TenantId, agent: AgentId) -> Vec<OfferId> {
        let Some(state) = self.store.known::<Agent>(tenant, agent.as_uuid()).await else {
            return vec![];
        };
        let mut over = vec![];
        for held in &state.reservations {
            let known = self
                .store
                .load_of::<Interaction>(tenant, held.interaction.as_uuid())
                .await;
            let known = known.ok().flatten();
            let past = known.as_ref().map_or(&[][..], |known| &known.past_offers);
            let is_over = match known.as_ref().map(|known| &known.phase) {
                // An offer that was never made is not over: whoever reserved the agent may be about to make it.
                Some(Phase::Offered { .. } | Phase::Queued { .. }) => past.contains(&held.offer),
                Some(Phase::Closed { agent: by, .. }) => *by != Some(agent),
                // Accepted, and about to become work; or not written yet.
                Some(Phase::Active { .. } | Phase::WrapUp { .. } | Phase::Received) | None => false,
            };
            if is_over {
                over.push(held.offer);
            }
        }
        over
    }

    /// An offer the floor still waits for: what does the log say of it?
    async fn reconcile_offer(
        &self,
        tenant: TenantId,
        item: InteractionId,
        agent: AgentId,
    ) -> Vec<Input> {
        let ended = Input::OfferEnded {
            item,
            agent,
            requeue: true,
            why: acd::OfferEnd::Failed,
        };
        match self
            .store
            .load_of::<Interaction>(tenant, item.as_uuid())
            .await
        {
            Ok(Some(known)) => match known.phase {
                Phase::Offered {
                    offer, agent: to, ..
                } if to == agent => {
                    self.offer_ran_out(tenant, item, offer).await;
                    vec![]
                }
                Phase::Offered { .. } | Phase::Queued { .. } | Phase::Received => vec![ended],
                Phase::Active { agent: with, .. } if with == agent => {
                    vec![Input::OfferAccepted { item, agent }]
                }
                Phase::Active { .. } | Phase::WrapUp { .. } | Phase::Closed { .. } => {
                    vec![Input::ItemWithdrawn { item }]
                }
            },
            Ok(None) => vec![Input::ItemWithdrawn { item }],
            Err(_) => vec![],
        }
    }

    pub(crate) async fn offer_ran_out(
        &self,
        tenant: TenantId,
        item: InteractionId,
        offer: OfferId,
    ) {
        self.end_offer(tenant, item, offer, OfferEnd::Expired).await;
    }

    /// Ends a running offer; what follows is done by the reactor.
    pub(crate) async fn end_offer(
        &self,
        tenant: TenantId,
        item: InteractionId,
        offer: OfferId,
        why: OfferEnd,
    ) {
        let ctx = Ctx::system(tenant, item.as_uuid(), None);
        let ended = self
            .store
            .execute::<Interaction, interaction::Rejection>(item.as_uuid(), &ctx, |state, now| {
                state
                    .ok_or(interaction::Rejection::OfferGone)?
                    .end_offer(offer, why, now)
            })
            .await;
        match ended {
            Ok(done) if why == OfferEnd::Expired && !done.facts.is_empty() => {
                Counters::count(&self.counters.offers_expired);
            }
            Ok(_) | Err(ExecuteError::Rejected(_) | ExecuteError::NotFound) => {}
            Err(error) => {
                self.failed("end an offer", &error);
                // Ask again soon: no offer may stay without an end.
                self.timers.set(
                    Due::Offer {
                        tenant,
                        interaction: item,
                        offer,
                    },
                    self.now() + GRACE,
                );
            }
        }
    }

    /// Frees the capacity set aside for an offer. Answers whether there was any.
    pub(crate) async fn end_reservation(
        &self,
        tenant: TenantId,
        agent: AgentId,
        offer: OfferId,
        why: ReservationEnd,
    ) -> bool {
        let ctx = Ctx::system(tenant, offer.as_uuid(), None);
        let ended = self
            .store
            .execute::<Agent, agent::Rejection>(agent.as_uuid(), &ctx, |state, _| {
                Ok(state
                    .map(|state| state.end_reservation(offer, why))
                    .unwrap_or_default())
            })
            .await;
        match ended {
            Ok(done) => !done.facts.is_empty(),
            Err(error) => {
                self.failed("end a reservation", &error);
                false
            }
        }
    }

    /// Tells the floor whether the agent may get work, by the agent's own stream: after an offer's end announced a change of
    /// presence that does not come, because somebody else had ended the reservation.
    pub(crate) async fn tell_availability(&self, tenant: TenantId, agent: AgentId) {
        if let Ok(Some(state)) = self.store.load_of::<Agent>(tenant, agent.as_uuid()).await {
            let routable = state.is_routable();
            self.feed(tenant, [Input::AgentAvailability { agent, routable }])
                .await;
        }
    }

    /// A reservation has outlived its offer: the process stopped between the two appends, or the second one failed.
    pub(crate) async fn reservation_ran_out(
        &self,
        tenant: TenantId,
        agent: AgentId,
        offer: OfferId,
    ) {
        let Some(state) = self.store.known::<Agent>(tenant, agent.as_uuid()).await else {
            return;
        };
        let Some(held) = state
            .reservations
            .iter()
            .find(|held| held.offer == offer)
            .copied()
        else {
            return;
        };
        let interaction = self
            .store
            .load_of::<Interaction>(tenant, held.interaction.as_uuid())
            .await;
        let still_offered = interaction
            .ok()
            .flatten()
            .is_some_and(|known| matches!(known.phase, Phase::Offered { offer: running, .. } if running == offer));
        if still_offered {
            self.offer_ran_out(tenant, held.interaction, offer).await;
            self.watch_reservation(tenant, agent, offer, self.now());
        } else {
            self.withdraw_reservation(tenant, agent, held.interaction, offer)
                .await;
        }
    }

    pub(crate) fn watch_reservation(
        &self,
        tenant: TenantId,
        agent: AgentId,
        offer: OfferId,
        until: Timestamp,
    ) {
        self.timers.set(
            Due::Reservation {
                tenant,
                agent,
                offer,
            },
            until + GRACE,
        );
    }

    /// Something that had to follow could not be done. It is counted and logged; a timer or the next start mends it.
    pub(crate) fn failed(&self, what: &'static str, error: &impl std::fmt::Debug) {
        Counters::count(&self.counters.reactions_failed);
        tracing::warn!(?error, "could not {what}");
    }
}

/// The work that follows from an offer.
impl Engine {
    /// The agent has the contact now; the contact's own stream said so first.
    pub(crate) async fn give_work(&self, tenant: TenantId, agent: AgentId, id: InteractionId) {
        // The contact is looked at after the agent: work that somebody else has noted and finished is over in the contact's
        // stream. It holds as long as the agent's stream has not gone on.
        let mut looked: Option<Arc<Agent>> = None;
        for _ in 0..LOOKS {
            let known = self.latest::<Interaction>(tenant, id.as_uuid()).await;
            let Some(known) = known else { return };
            let ctx = Ctx::system(tenant, id.as_uuid(), None);
            let taken = self
                .store
                .execute::<Agent, HasGoneOn>(agent.as_uuid(), &ctx, |state, _| {
                    let Some(state) = state else {
                        return Ok(vec![]);
                    };
                    let is_reserved = state.reservations.iter().any(|held| held.interaction == id);
                    // A contact that is over already is still taken when that was not noted, and finished right after: only
                    // so does the floor hear that the agent is free. Repeated, it changes nothing.
                    if known.is_closed() && !is_reserved {
                        return Ok(vec![]);
                    }
                    let as_looked_at = || looked.as_deref() == Some(state);
                    if self.cluster.is_some() && !is_reserved && !as_looked_at() {
                        return Err(HasGoneOn);
                    }
                    Ok(state.take(id, known.channel))
                })
                .await;
            match taken {
                // Somebody else may have noted its end meanwhile.
                Ok(done) if !done.facts.is_empty() && self.cluster.is_some() => {
                    let now = self.latest::<Interaction>(tenant, id.as_uuid()).await;
                    if now.is_some_and(|now| now.is_closed()) {
                        self.finish_work(tenant, agent, id).await;
                    }
                    return;
                }
                Ok(_) => return,
                Err(ExecuteError::Rejected(HasGoneOn)) => {
                    looked = self.latest::<Agent>(tenant, agent.as_uuid()).await;
                }
                Err(error) => return self.failed("note an agent's work", &error),
            }
        }
        self.failed("note an agent's work", &HasGoneOn);
    }

    /// The agent is done with the contact.
    pub(crate) async fn finish_work(&self, tenant: TenantId, agent: AgentId, id: InteractionId) {
        let ctx = Ctx::system(tenant, id.as_uuid(), None);
        let finished = self
            .store
            .execute::<Agent, agent::Rejection>(agent.as_uuid(), &ctx, |state, _| {
                Ok(state.map(|state| state.finish(id)).unwrap_or_default())
            })
            .await;
        if let Err(error) = finished {
            self.failed("free an agent", &error);
        }
    }
}
