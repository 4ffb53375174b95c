//! Starting: catch up with reactions, close calls that a crash cut, settle half-made offers, seed floor and timers.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use rapport_domain::acd::{Input, Media, WorkItem};
use rapport_domain::agent::Agent;
use rapport_domain::channel::{Channel, Direction};
use rapport_domain::event::{Category, Position, Recorded, Revision, Stream};
use rapport_domain::id::{AgentId, CustomerId, InteractionId, TenantId};
use rapport_domain::interaction::{Interaction, OfferEnd, Phase, Rejection};
use rapport_domain::port::query::{PendingOutreach, QueryError};
use uuid::Uuid;

use crate::engine::{Engine, REACTIONS};
use crate::error::EngineError;
use crate::floors::{agent_rule, queue_rule};
use crate::offers::Wanted;
use crate::store::Ctx;
use crate::timers::Due;

const PAGE: usize = 512;
/// How long a start waits for the list of open work: pause times tries.
const WORKLIST_PAUSE: Duration = Duration::from_millis(2);
const WORKLIST_TRIES: u32 = 15_000;

/// An interaction that is not over.
pub(crate) struct Open {
    pub tenant: TenantId,
    pub id: InteractionId,
    pub state: Arc<Interaction>,
}

impl Engine {
    /// Answers the position up to which everything has been reacted to and seeded.
    pub(crate) async fn recover(self: &Arc<Self>) -> Result<Position, EngineError> {
        self.load_directory().await?;
        let mark = self
            .checkpoints
            .load(REACTIONS)
            .map_err(|error| EngineError::ReadModel(error.to_string()))?;
        // A log that was put back from a backup may end before the mark.
        let mark = mark.min(self.log().head());
        self.remember_domains().await?;
        let position = self.catch_up(mark).await?;
        self.worklist_is_current().await?;
        let mut open = self.open_interactions().await?;
        open.retain(|open| self.is_ours_to_settle(&open.state));
        self.settle(&open).await;
        // What was just appended is reacted to while nothing reaches the outside yet.
        let position = self.catch_up(position).await?;
        self.save_checkpoint();
        Ok(position)
    }

    /// Reads what was set up. Streams of agents are as long as their work was, so of these only the events are read that
    /// their present state follows from; the states are kept in memory.
    async fn load_directory(&self) -> Result<(), EngineError> {
        let unread = |error: QueryError| EngineError::ReadModel(error.to_string());
        let streams = self.worklist.setup_streams().map_err(unread)?;
        let agents = self.worklist.agent_events().map_err(unread)?;
        let mut agents: HashMap<Uuid, Vec<Revision>> = agents
            .into_iter()
            .map(|(agent, revisions)| (agent.as_uuid(), revisions))
            .collect();
        let mut events: Vec<Recorded> = Vec::new();
        for stream in streams {
            let of_agent = stream.category == Category::Agent;
            let known = agents.remove(&stream.id).filter(|_| of_agent);
            let page = self.essential(stream, &known.unwrap_or_default()).await?;
            if of_agent {
                self.store.begin_with::<Agent>(stream.id, &page);
            }
            events.extend(
                page.into_iter()
                    .filter(crate::directory::Directory::concerns),
            );
        }
        events.sort_by_key(|recorded| recorded.position);
        let mut directory = crate::directory::Directory::default();
        events.iter().for_each(|recorded| directory.take(recorded));
        *self
            .directory
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(directory);
        Ok(())
    }

    /// The events of a stream at these revisions, and all that come after them.
    async fn essential(
        &self,
        stream: Stream,
        revisions: &[Revision],
    ) -> Result<Vec<Recorded>, EngineError> {
        let mut events = Vec::new();
        for run in revisions.chunk_by(|one, other| one.next() == *other) {
            events.extend(self.log().read_stream(stream, run[0], run.len()).await?);
        }
        let mut next = revisions.last().map_or(Revision::FIRST, |last| last.next());
        loop {
            let page = self.log().read_stream(stream, next, PAGE).await?;
            let full = page.len() == PAGE;
            next = page.last().map_or(next, |last| last.revision.next());
            events.extend(page);
            if !full {
                return Ok(events);
            }
        }
    }

    /// Reacts to everything after `position`, and to what those reactions append, until nothing is left.
    pub(crate) async fn catch_up(
        self: &Arc<Self>,
        mut position: Position,
    ) -> Result<Position, EngineError> {
        loop {
            let page = self.log().read_all(position, PAGE).await?;
            match page.last() {
                Some(last) => {
                    position = last.position;
                    self.react_to(&page).await;
                }
                None => {
                    self.lanes.idle().await;
                    if self.log().head() == position {
                        return Ok(position);
                    }
                }
            }
        }
    }

    /// Waits until the read model of open work has seen all that was appended; it follows on a thread of its own.
    pub(crate) async fn worklist_is_current(&self) -> Result<(), EngineError> {
        let head = self.log().head();
        for _ in 0..WORKLIST_TRIES {
            let seen = self
                .worklist
                .seen()
                .map_err(|error| EngineError::ReadModel(error.to_string()))?;
            if seen >= head {
                return Ok(());
            }
            tokio::time::sleep(WORKLIST_PAUSE).await;
        }
        Err(EngineError::ReadModel(
            "the list of open work does not follow the log".to_owned(),
        ))
    }

    /// Everything that is not over, oldest first.
    pub(crate) async fn open_interactions(&self) -> Result<Vec<Open>, EngineError> {
        let known = self
            .worklist
            .open_interactions()
            .map_err(|error| EngineError::ReadModel(error.to_string()))?;
        self.load_open(known).await
    }

    /// The states of these, without those that are over by now.
    pub(crate) async fn load_open(
        &self,
        known: Vec<(TenantId, InteractionId)>,
    ) -> Result<Vec<Open>, EngineError> {
        let mut open = Vec::with_capacity(known.len());
        for (tenant, id) in known {
            let state = self
                .store
                .load_of::<Interaction>(tenant, id.as_uuid())
                .await;
            let state = state.map_err(|error| EngineError::Log(format!("{error:?}")))?;
            if let Some(state) = state.filter(|state| !state.is_closed()) {
                open.push(Open { tenant, id, state });
            }
        }
        Ok(open)
    }

    /// The hub is about to stop: calls are treated as a crash would treat them, so that their callers are owed a callback
    /// and nobody is counted as having given up. Nothing is routed from here on; hang up after this.
    pub async fn stop_calls(&self) {
        self.going.send_replace(false);
        for (tenant, id) in self.calls.contacts() {
            if let Ok(Some(state)) = self
                .store
                .load_of::<Interaction>(tenant, id.as_uuid())
                .await
            {
                self.settle(&[Open { tenant, id, state }]).await;
            }
        }
        self.leave().await;
    }

    /// Settles what a crash left half done. Each step is safe to repeat.
    pub(crate) async fn settle(&self, open: &[Open]) {
        for Open { tenant, id, state } in open {
            match (state.channel, &state.phase) {
                (_, Phase::WrapUp { .. } | Phase::Closed { .. }) => {}
                (Channel::Voice, _) if state.direction == Direction::Outbound && waits(state) => {
                    // A planned call that nobody was dialled for yet simply waits on.
                    self.unoffer(*tenant, *id, state).await;
                }
                (Channel::Voice, _) => {
                    if state.direction == Direction::Inbound {
                        // The wish first: a second crash in between offers it again, under the same id.
                        self.offer_callback(*tenant, *id, state).await;
                    }
                    let ctx = Ctx::system(*tenant, id.as_uuid(), None);
                    let closed = self
                        .store
                        .execute::<Interaction, Rejection>(id.as_uuid(), &ctx, |call, _| {
                            call.ok_or(Rejection::Over)?.hub_restarted()
                        })
                        .await;
                    self.report("close a call that was cut", closed);
                }
                (_, Phase::Offered { .. }) => self.unoffer(*tenant, *id, state).await,
                _ => {}
            }
        }
    }

    async fn unoffer(&self, tenant: TenantId, id: InteractionId, state: &Interaction) {
        if let Phase::Offered { offer, .. } = state.phase {
            self.end_offer(tenant, id, offer, OfferEnd::Withdrawn).await;
        }
    }

    /// Tells the floor of everything that is so, and sets the timers. Answers the offers that follow.
    pub(crate) async fn seed(
        self: &Arc<Self>,
    ) -> Result<Vec<(TenantId, Vec<Wanted>)>, EngineError> {
        self.worklist_is_current().await?;
        let open = self.open_interactions().await?;
        let mut offers = Vec::new();
        let directory = self.directory();
        let tenants: Vec<TenantId> = directory.tenants().map(|(id, _)| id).collect();
        for tenant in tenants {
            let mut inputs = self.queue_inputs(tenant).await;
            // Whoever waits first, then whoever could serve: contacts that began in the same moment may lie in the log in
            // another order, and the first offer goes to who has waited longest.
            for Open { id, .. } in open.iter().filter(|open| open.tenant == tenant) {
                self.seed_interaction(tenant, *id, &mut inputs).await?;
            }
            self.agent_inputs(tenant, &mut inputs).await?;
            offers.push((tenant, self.decide(tenant, inputs)));
        }
        self.seed_outreach().await?;
        Ok(offers)
    }

    /// The lines of a tenant, as the floor is told of them.
    pub(crate) async fn queue_inputs(&self, tenant: TenantId) -> Vec<Input> {
        let directory = self.directory();
        let mut inputs = Vec::new();
        for (id, queue) in directory.all_queues_of(tenant) {
            let version = self
                .store
                .load::<rapport_domain::setup::Queue>(id.as_uuid())
                .await;
            let version = version
                .ok()
                .and_then(|loaded| loaded.folded.revision)
                .map_or(1, |last| last.0 + 1);
            let version = u32::try_from(version).unwrap_or(u32::MAX);
            inputs.push(Input::QueueDefined(queue_rule(
                id,
                &queue.definition,
                version,
            )));
        }
        inputs
    }

    /// The agents of a tenant, as the floor is told of them.
    pub(crate) async fn agent_inputs(
        &self,
        tenant: TenantId,
        inputs: &mut Vec<Input>,
    ) -> Result<(), EngineError> {
        let directory = self.directory();
        for (id, agent) in directory.agents_of(tenant) {
            inputs.push(Input::AgentDefined(agent_rule(id, &agent.definition)));
            self.seed_agent(tenant, id, inputs).await?;
        }
        Ok(())
    }

    async fn seed_agent(
        &self,
        tenant: TenantId,
        id: AgentId,
        inputs: &mut Vec<Input>,
    ) -> Result<(), EngineError> {
        let log = |error| EngineError::Log(format!("{error:?}"));
        let Some(agent) = self
            .store
            .load_of::<Agent>(tenant, id.as_uuid())
            .await
            .map_err(log)?
        else {
            return Ok(());
        };
        for held in &agent.reservations {
            self.seed_reservation(tenant, id, held).await;
        }
        for held in &agent.work {
            let known = self
                .store
                .load_of::<Interaction>(tenant, held.interaction.as_uuid())
                .await
                .map_err(log)?;
            if known.is_some_and(|known| known.is_closed()) {
                self.finish_work(tenant, id, held.interaction).await;
            } else {
                inputs.push(Input::AgentHolds {
                    agent: id,
                    item: held.interaction,
                    media: held.channel.into(),
                });
            }
        }
        inputs.push(Input::AgentAvailability {
            agent: id,
            routable: agent.is_routable(),
        });
        Ok(())
    }

    pub(crate) async fn seed_interaction(
        &self,
        tenant: TenantId,
        id: InteractionId,
        inputs: &mut Vec<Input>,
    ) -> Result<(), EngineError> {
        let state = self
            .store
            .load_of::<Interaction>(tenant, id.as_uuid())
            .await;
        let Some(state) = state.map_err(|error| EngineError::Log(format!("{error:?}")))? else {
            return Ok(());
        };
        self.conversations
            .begun(tenant, state.channel, &state.contact_point, id);
        match state.phase {
            Phase::Queued {
                queue,
                priority,
                since,
            } => {
                let item = WorkItem {
                    priority,
                    ..WorkItem::new(id, queue, Media::from(state.channel), since)
                };
                inputs.push(Input::ItemQueued(item));
            }
            Phase::WrapUp { until, .. } => self.timers.set(
                Due::WrapUp {
                    tenant,
                    interaction: id,
                },
                until,
            ),
            Phase::Active { agent, .. } => {
                // The agent's own stream may not know yet.
                self.give_work(tenant, agent, id).await;
                inputs.push(Input::AgentHolds {
                    agent,
                    item: id,
                    media: state.channel.into(),
                });
            }
            Phase::Offered { .. } => self.seed_offer(tenant, id, &state, inputs),
            Phase::Received | Phase::Closed { .. } => {}
        }
        Ok(())
    }

    async fn seed_outreach(&self) -> Result<(), EngineError> {
        let pending = self
            .worklist
            .pending_outreach()
            .map_err(|error| EngineError::ReadModel(error.to_string()))?;
        for pending in pending {
            self.seed_pending(pending).await;
        }
        Ok(())
    }

    /// Whoever only waits for a moment is looked at then; of all others it is found out where they are.
    pub(crate) async fn seed_pending(&self, pending: PendingOutreach) {
        let PendingOutreach {
            tenant,
            customer,
            next_deadline,
            in_flight,
        } = pending;
        match next_deadline {
            Some(at) if !in_flight => self.timers.set(Due::Outreach { tenant, customer }, at),
            _ => self.seed_customer(tenant, customer).await,
        }
    }

    /// Timers for waiting wishes; and a contact in flight whose interaction never began, or is over, is settled.
    pub(crate) async fn seed_customer(&self, tenant: TenantId, customer: CustomerId) {
        use rapport_domain::outreach::Outreach;
        let Some(outreach) = self
            .store
            .known::<Outreach>(tenant, customer.as_uuid())
            .await
        else {
            return;
        };
        if let Some((plan, interaction)) = outreach.in_flight {
            let known = self
                .store
                .known::<Interaction>(tenant, interaction.as_uuid())
                .await;
            let ctx = Ctx::system(tenant, interaction.as_uuid(), None);
            match known {
                None => {
                    self.begin_contact(tenant, customer, plan, interaction, &ctx)
                        .await
                }
                Some(known) if known.is_closed() => {
                    self.contact_ended(tenant, customer, interaction, known.connected_at.is_some())
                        .await;
                }
                Some(_) => {}
            }
        }
        self.watch_outreach(tenant, customer).await;
    }
}

/// Whether nobody has been connected to it yet.
fn waits(state: &Interaction) -> bool {
    matches!(
        state.phase,
        Phase::Received | Phase::Queued { .. } | Phase::Offered { .. }
    )
}
