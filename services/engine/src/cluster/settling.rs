//! What was left half done by a node that is gone: calls without a line, agents reserved for offers that were never made.

use std::sync::Arc;

use rapport_domain::acd::{Input, Media, WorkItem};
use rapport_domain::agent::{Agent, Reservation, ReservationEnd};
use rapport_domain::channel::{Channel, Direction};
use rapport_domain::id::{AgentId, InteractionId, OfferId, TenantId};
use rapport_domain::interaction::{Interaction, Phase, Rejection};
use rapport_domain::node::Life;
use rapport_domain::time::Timestamp;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::offers::Wanted;
use crate::reactor::Cause;
use crate::recovery::Open;
use crate::store::Ctx;
use crate::timers::Due;

impl Engine {
    /// Everything of a tenant that is not over, oldest first.
    async fn open_of(&self, tenant: TenantId) -> Result<Vec<Open>, EngineError> {
        self.worklist_is_current().await?;
        let worklist = self.worklist.clone();
        let known = tokio::task::spawn_blocking(move || worklist.open_interactions())
            .await
            .map_err(|error| EngineError::ReadModel(error.to_string()))?
            .map_err(|error| EngineError::ReadModel(error.to_string()))?;
        let theirs = known.into_iter().filter(|(of, _)| *of == tenant);
        self.load_open(theirs.collect()).await
    }

    /// Settles the calls of a tenant whose node is gone.
    pub(super) async fn settle_calls_of(&self, tenant: TenantId) -> Result<(), EngineError> {
        let mut lost = self.open_of(tenant).await?;
        lost.retain(|open| open.state.channel == Channel::Voice && self.is_homeless(&open.state));
        self.settle(&lost).await;
        Ok(())
    }

    /// As [`Engine::settle_calls_of`], once somebody has left.
    pub(super) async fn settle_homeless(&self, tenant: TenantId) {
        if let Err(error) = self.settle_calls_of(tenant).await {
            self.failed("settle the calls of a node that is gone", &error);
        }
    }

    /// Whether the node that held the lines of a contact is gone.
    fn is_homeless(&self, contact: &Interaction) -> bool {
        let (Some(cluster), Some(home)) = (&self.cluster, contact.home) else {
            return false;
        };
        cluster.is_gone(home)
    }

    /// A call came in at a node that is gone already, by the word of the log: nobody else will look at it again.
    pub(crate) async fn settle_if_homeless(&self, tenant: TenantId, id: InteractionId) {
        if let Some(state) = self.store.known::<Interaction>(tenant, id.as_uuid()).await
            && state.channel == Channel::Voice
            && self.is_homeless(&state)
        {
            self.settle(&[Open { tenant, id, state }]).await;
        }
    }

    /// At a start, calls of earlier runs of this node have no line any more. Those of other nodes are left to their owners.
    pub(crate) fn is_ours_to_settle(&self, contact: &Interaction) -> bool {
        let Some(cluster) = &self.cluster else {
            return true;
        };
        contact.channel == Channel::Voice
            && contact
                .home
                .is_none_or(|home| home.node == cluster.me.node && home != cluster.me)
    }

    /// Tells a new floor of everything that is so, and sets the timers. Answers the offers that follow.
    pub(super) async fn seed_domain(&self, tenant: TenantId) -> Result<Vec<Wanted>, EngineError> {
        let open = self.open_of(tenant).await?;
        let mut inputs = self.queue_inputs(tenant).await;
        // Whoever waits first, then whoever could serve: the first offer goes to the most urgent contact.
        for Open { id, .. } in &open {
            self.seed_interaction(tenant, *id, &mut inputs).await?;
        }
        self.agent_inputs(tenant, &mut inputs).await?;
        let offers = self.decide(tenant, inputs);
        let worklist = self.worklist.clone();
        let pending = tokio::task::spawn_blocking(move || worklist.pending_outreach())
            .await
            .map_err(|error| EngineError::ReadModel(error.to_string()))?
            .map_err(|error| EngineError::ReadModel(error.to_string()))?;
        for pending in pending.into_iter().filter(|one| one.tenant == tenant) {
            self.seed_pending(pending).await;
        }
        Ok(offers)
    }

    /// Lines of tenants that others route: what waits, and nothing that decides.
    pub(crate) async fn seed_lines(&self) -> Result<(), EngineError> {
        let open = self.open_interactions().await?;
        let tenants: Vec<TenantId> = self.directory().tenants().map(|(id, _)| id).collect();
        for tenant in tenants {
            let mut inputs = self.queue_inputs(tenant).await;
            for Open { id, state, .. } in open.iter().filter(|open| open.tenant == tenant) {
                self.conversations
                    .begun(tenant, state.channel, &state.contact_point, *id);
                inputs.extend(waiting(*id, state).map(Input::ItemQueued));
            }
            self.floors.follow(tenant, inputs, self.now());
        }
        Ok(())
    }

    /// An offer that is under way when a domain changes hands: the floor knows of it, and its end is watched.
    pub(crate) fn seed_offer(
        &self,
        tenant: TenantId,
        id: InteractionId,
        state: &Interaction,
        inputs: &mut Vec<Input>,
    ) {
        let Phase::Offered {
            offer,
            agent,
            until,
            ..
        } = state.phase
        else {
            return;
        };
        inputs.extend(waiting(id, state).map(Input::ItemQueued));
        inputs.push(Input::ItemOffered {
            item: id,
            agent,
            until,
        });
        let due = Due::Offer {
            tenant,
            interaction: id,
            offer,
        };
        self.timers.set(due, until);
    }

    /// An offer that is not one of our floor's: another owner, who did not know yet, was faster.
    pub(crate) async fn offered_elsewhere(
        self: &Arc<Self>,
        cause: Cause<'_>,
        item: InteractionId,
        agent: AgentId,
        until: Timestamp,
    ) {
        if self.cluster.is_some() && !self.floors.knows_offer(cause.tenant, item, agent) {
            self.tell_floor(cause, vec![Input::ItemOffered { item, agent, until }])
                .await;
        }
    }

    /// A reservation that was there before this node began to decide: is there an offer to it?
    pub(crate) async fn seed_reservation(
        &self,
        tenant: TenantId,
        agent: AgentId,
        held: &Reservation,
    ) {
        if self.cluster.is_none() {
            // Offers were settled before: what is left has none.
            self.end_reservation(tenant, agent, held.offer, ReservationEnd::Withdrawn)
                .await;
            return;
        }
        let known = self
            .store
            .known::<Interaction>(tenant, held.interaction.as_uuid())
            .await;
        match known.map(|known| known.phase.clone()) {
            Some(Phase::Offered { offer, .. }) if offer == held.offer => {
                self.watch_reservation(tenant, agent, offer, held.until);
            }
            Some(Phase::Active { agent: with, .. } | Phase::WrapUp { agent: with, .. })
                if with == agent =>
            {
                self.give_work(tenant, agent, held.interaction).await;
            }
            _ => {
                self.withdraw_reservation(tenant, agent, held.interaction, held.offer)
                    .await;
            }
        }
    }

    /// Frees capacity that was set aside for an offer which was not made. Where others may still be about to make it, it is
    /// first made impossible in the contact's own stream: an agent must never have an offer without a reservation.
    pub(crate) async fn withdraw_reservation(
        &self,
        tenant: TenantId,
        agent: AgentId,
        item: InteractionId,
        offer: OfferId,
    ) {
        if self.cluster.is_some() {
            let ctx = Ctx::system(tenant, item.as_uuid(), None);
            let voided = self
                .store
                .execute::<Interaction, Rejection>(item.as_uuid(), &ctx, |state, _| {
                    Ok(state
                        .map(|state| state.void_offer(offer))
                        .unwrap_or_default())
                })
                .await;
            match voided {
                Ok(done) => {
                    let made = |state: &Interaction| matches!(state.phase, Phase::Offered { offer: made, .. } if made == offer);
                    if done.state.as_deref().is_some_and(made) {
                        return; // it was made after all, and has an end of its own
                    }
                }
                Err(error) => {
                    self.failed("void an offer", &error);
                    return self.watch_reservation(tenant, agent, offer, self.now());
                }
            }
        }
        self.end_reservation(tenant, agent, offer, ReservationEnd::Withdrawn)
            .await;
    }

    /// Which node is to ring an agent: whoever holds the caller's line, and for a planned call whoever holds the agent's
    /// registration. `Err` when nobody can.
    pub(crate) async fn dialler(
        &self,
        tenant: TenantId,
        call: &Interaction,
        item: InteractionId,
        agent: AgentId,
    ) -> Result<Option<Life>, ()> {
        let Some(cluster) = &self.cluster else {
            return if self.calls.is_attached() {
                Ok(None)
            } else {
                Err(())
            };
        };
        let there = |life: &Life| !cluster.is_gone(*life);
        if call.direction == Direction::Inbound {
            return call.home.filter(there).map(Some).ok_or(());
        }
        let able = cluster.with_telephony();
        let state = self.store.known::<Agent>(tenant, agent.as_uuid()).await;
        let registered = state.and_then(|state| state.phone_at);
        if let Some(life) = registered.filter(|life| able.contains(life)) {
            return Ok(Some(life));
        }
        // Any of them will do; the same one for the same call.
        let nth = usize::try_from(item.as_uuid().as_u128() % able.len().max(1) as u128);
        nth.ok()
            .and_then(|nth| able.get(nth).copied())
            .map(Some)
            .ok_or(())
    }

    /// The node through which an agent's registered phone is reached, when that is another one.
    pub(crate) async fn phone_node(
        &self,
        tenant: TenantId,
        agent: AgentId,
    ) -> Option<core::net::SocketAddr> {
        let cluster = self.cluster.as_ref()?;
        let state = self.store.known::<Agent>(tenant, agent.as_uuid()).await?;
        let at = state.phone_at.filter(|at| *at != cluster.me)?;
        cluster.sip_of(at)
    }

    /// A phone registered here, or is registered here no longer: said when that is new.
    pub(crate) async fn phone_is(&self, user: &str, registered: bool) {
        let Some(life) = self.life() else { return };
        let directory = self.directory();
        let Some((tenant, agent)) = directory.phone(user).map(|entry| (entry.tenant, entry.id))
        else {
            return;
        };
        let ctx = Ctx::system(tenant, agent.as_uuid(), None);
        let noted = self
            .store
            .execute::<Agent, rapport_domain::agent::Rejection>(
                agent.as_uuid(),
                &ctx,
                |state, _| {
                    Ok(match state {
                        Some(state) if registered => state.phone_registered(life),
                        Some(state) => state.phone_gone(life),
                        None => vec![],
                    })
                },
            )
            .await;
        self.report("note where a phone is registered", noted);
    }
}

/// A contact nobody has accepted yet, as it stands in line.
pub(crate) fn waiting(id: InteractionId, state: &Interaction) -> Option<WorkItem> {
    match state.phase {
        Phase::Queued {
            queue,
            priority,
            since,
        }
        | Phase::Offered {
            queue,
            priority,
            since,
            ..
        } => Some(WorkItem {
            priority,
            ..WorkItem::new(id, queue, Media::from(state.channel), since)
        }),
        _ => None,
    }
}

/// What keeps a shared log from being trusted blindly.
impl Engine {
    /// The latest state by the log itself where others write too; from memory where nobody else does.
    pub(crate) async fn latest<A: crate::store::Kept>(
        &self,
        tenant: TenantId,
        id: uuid::Uuid,
    ) -> Option<Arc<A>> {
        if self.cluster.is_some() {
            self.store.renewed::<A>(id).await;
        }
        self.store.known::<A>(tenant, id).await
    }
}
