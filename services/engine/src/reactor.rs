//! Follows the log and does what follows from each event. Reactions are repeated after a crash, so each of them decides
//! on the present state and appends nothing when that has been done already.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rapport_domain::acd::{self, Input, Media, WorkItem};
use rapport_domain::agent::{self, Agent, Presence, ReservationEnd};
use rapport_domain::aggregate::{DecodeError, Fact, decode};
use rapport_domain::channel::Direction;
use rapport_domain::customer::{Claim, Customer};
use rapport_domain::event::{Category, Position, Recorded};
use rapport_domain::id::{AgentId, CustomerId, InteractionId, QueueId, TenantId};
use rapport_domain::interaction::{self, Interaction, OfferEnd};
use rapport_domain::outreach;
use rapport_domain::policy::Policy;
use rapport_domain::port::log::Subscription;
use rapport_domain::setup::{Queue, QueueFact, Tenant};

use crate::counters::Counters;
use crate::directory::Directory;
use crate::engine::Engine;
use crate::floors::{agent_rule, queue_rule};
use crate::live::ChangeKind;
use crate::store::Ctx;
use crate::timers::Due;

/// Events read at a time.
const PAGE: usize = 512;
/// How often, in events, the checkpoint is saved while events come without a pause.
const SAVE_EVERY: usize = 2_000;

/// What a reaction knows of the event that caused it.
#[derive(Clone, Copy)]
struct Cause<'a> {
    recorded: &'a Recorded,
    tenant: TenantId,
    position: Position,
}

impl Engine {
    /// Follows the log for ever.
    pub(crate) async fn follow(self: Arc<Self>, from: Position) {
        let log = self.log().clone();
        let mut subscription = Subscription::new(&*log, from, PAGE);
        let mut unsaved = 0;
        while !self.stopping.load(Ordering::Acquire) {
            let page = tokio::select! {
                page = subscription.next() => page,
                () = self.stop.notified() => return,
            };
            match page {
                Ok(page) => {
                    unsaved += page.len();
                    self.react_to(&page).await;
                    if unsaved >= SAVE_EVERY || self.log().head() == subscription.position() {
                        unsaved = 0;
                        let engine = self.clone();
                        tokio::task::spawn_blocking(move || engine.save_checkpoint());
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "the log cannot be followed; trying again");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        }
    }

    /// Reacts to a page of events, in order.
    pub(crate) async fn react_to(self: &Arc<Self>, page: &[Recorded]) {
        self.take_set_up(page);
        for recorded in page {
            let cause = Cause {
                recorded,
                tenant: recorded.event.meta.tenant,
                position: recorded.position,
            };
            self.lanes.begin(cause.position);
            if let Err(error) = self.react(cause).await {
                Counters::count(&self.counters.reactions_failed);
                tracing::error!(position = %cause.position, %error, "an event was not understood and is passed over");
            }
            self.lanes.sealed(cause.position);
        }
    }

    fn take_set_up(&self, page: &[Recorded]) {
        if !page.iter().any(Directory::concerns) {
            return;
        }
        let mut directory = Directory::clone(&self.directory());
        page.iter()
            .filter(|recorded| Directory::concerns(recorded))
            .for_each(|recorded| directory.take(recorded));
        *self
            .directory
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(directory);
    }

    async fn react(self: &Arc<Self>, cause: Cause<'_>) -> Result<(), DecodeError> {
        let recorded = cause.recorded;
        match recorded.stream.category {
            Category::Interaction => {
                let fact: interaction::Fact = fact(recorded)?;
                self.store.observe::<Interaction>(recorded, &fact);
                self.react_to_interaction(cause, fact).await;
            }
            Category::Agent => {
                let fact: agent::Fact = fact(recorded)?;
                self.store.observe::<Agent>(recorded, &fact);
                self.react_to_agent(cause, fact).await;
            }
            Category::Outreach => {
                let fact: outreach::Fact = fact(recorded)?;
                self.store.observe::<outreach::Outreach>(recorded, &fact);
                self.react_to_outreach(cause, fact).await;
            }
            Category::Queue => {
                self.store.outdate::<Queue>(recorded);
                self.react_to_queue(cause, fact(recorded)?).await;
            }
            Category::Customer => self.store.outdate::<Customer>(recorded),
            Category::ContactPoint => self.store.outdate::<Claim>(recorded),
            Category::Tenant => self.store.outdate::<Tenant>(recorded),
            Category::Policy => self.store.outdate::<Policy>(recorded),
        }
        Ok(())
    }

    async fn react_to_interaction(self: &Arc<Self>, cause: Cause<'_>, fact: interaction::Fact) {
        use interaction::Fact as F;
        let id = InteractionId::from_uuid(cause.recorded.stream.id);
        let at = cause.recorded.event.recorded_at;
        if crate::chat::is_visible(&fact) {
            self.conversations.wake(id, cause.recorded.revision);
        }
        match fact {
            F::Started {
                customer,
                channel,
                direction,
                contact_point,
                ..
            } => {
                self.conversations
                    .begun(cause.tenant, channel, &contact_point, id);
                match direction {
                    Direction::Inbound => {
                        self.count(|counters| &counters.contacts_in);
                        self.then(
                            cause,
                            customer.as_uuid(),
                            move |engine, tenant, _| async move {
                                engine.customer_contacted_us(tenant, customer, id).await;
                            },
                        )
                        .await;
                    }
                    Direction::Outbound => self.count(|counters| &counters.contacts_out),
                }
            }
            F::Queued { queue, priority } => {
                let media = match self
                    .store
                    .load_of::<Interaction>(cause.tenant, id.as_uuid())
                    .await
                {
                    Ok(Some(known)) => Media::from(known.channel),
                    _ => return,
                };
                let item = WorkItem {
                    priority,
                    ..WorkItem::new(id, queue, media, at)
                };
                self.tell_floor(cause, vec![Input::ItemQueued(item)]).await;
                self.watchers(cause, ChangeKind::Queue(queue));
            }
            F::Offered {
                offer,
                agent,
                until,
                ..
            } => {
                self.timers.set(
                    Due::Offer {
                        tenant: cause.tenant,
                        interaction: id,
                        offer,
                    },
                    until,
                );
                self.then(cause, id.as_uuid(), move |engine, tenant, _| async move {
                    engine.ring_agent(tenant, id, agent).await;
                })
                .await;
                self.show(cause, id, agent, true).await;
            }
            F::OfferEnded { offer, agent, why } => {
                let (end, reservation) = match why {
                    OfferEnd::Declined => (acd::OfferEnd::Declined, ReservationEnd::Declined),
                    OfferEnd::Expired => (acd::OfferEnd::Expired, ReservationEnd::Expired),
                    OfferEnd::Unreachable => (acd::OfferEnd::Failed, ReservationEnd::Unreachable),
                    OfferEnd::Withdrawn => (acd::OfferEnd::Failed, ReservationEnd::Withdrawn),
                };
                let mut inputs = vec![];
                if matches!(why, OfferEnd::Expired | OfferEnd::Unreachable) {
                    // The agent is about to be set not-ready: the next contact must not go there in between.
                    inputs.push(Input::AgentAvailability {
                        agent,
                        routable: false,
                    });
                }
                inputs.push(Input::OfferEnded {
                    item: id,
                    agent,
                    requeue: true,
                    why: end,
                });
                self.tell_floor(cause, inputs).await;
                self.then(
                    cause,
                    agent.as_uuid(),
                    move |engine, tenant, _| async move {
                        engine
                            .end_reservation(tenant, agent, offer, reservation)
                            .await;
                    },
                )
                .await;
                self.then(cause, id.as_uuid(), move |engine, _, _| async move {
                    engine.hang_up_agent(id)
                })
                .await;
                self.show(cause, id, agent, true).await;
            }
            F::OfferAccepted { agent, .. } => {
                self.count(|counters| &counters.contacts_served);
                self.tell_floor(cause, vec![Input::OfferAccepted { item: id, agent }])
                    .await;
                self.then(
                    cause,
                    agent.as_uuid(),
                    move |engine, tenant, _| async move {
                        engine.give_work(tenant, agent, id).await;
                    },
                )
                .await;
                self.show(cause, id, agent, true).await;
            }
            F::MessageReceived { message, .. } | F::MessageSent { message, .. } => {
                self.show_message(cause, id, message).await;
            }
            F::DialRequested { .. }
            | F::DialEnded { .. }
            | F::Connected {}
            | F::DispositionSet { .. } => {
                self.show_holder(cause, id, false).await;
            }
            F::Abandoned {} => {
                self.count(|counters| &counters.contacts_abandoned);
                self.tell_floor(cause, vec![Input::ItemWithdrawn { item: id }])
                    .await;
                self.over(cause, id).await;
            }
            F::Ended { wrap_up_until, .. } => {
                self.timers.set(
                    Due::WrapUp {
                        tenant: cause.tenant,
                        interaction: id,
                    },
                    wrap_up_until,
                );
                self.then(cause, id.as_uuid(), move |engine, _, _| async move {
                    engine.hang_up_all(id)
                })
                .await;
                self.show_holder(cause, id, false).await;
            }
            F::Closed { .. } => self.over(cause, id).await,
        }
    }

    /// A contact is over: legs, agent, line and outreach are freed.
    async fn over(self: &Arc<Self>, cause: Cause<'_>, id: InteractionId) {
        let known = match self
            .store
            .load_at::<Interaction>(id.as_uuid(), cause.recorded.revision)
            .await
        {
            Ok(loaded) => loaded.folded.state.clone(),
            Err(error) => return self.failed("load a contact that is over", &error),
        };
        let Some(known) = known else { return };
        self.then(cause, id.as_uuid(), move |engine, _, _| async move {
            engine.hang_up_all(id)
        })
        .await;
        let (customer, reached) = (
            known.customer,
            known.connected_at.is_some() || !known.messages.is_empty(),
        );
        self.then(
            cause,
            customer.as_uuid(),
            move |engine, tenant, _| async move {
                engine.contact_ended(tenant, customer, id, reached).await;
            },
        )
        .await;
        if let Some(agent) = known.agent() {
            self.then(
                cause,
                agent.as_uuid(),
                move |engine, tenant, _| async move {
                    engine.finish_work(tenant, agent, id).await;
                },
            )
            .await;
            self.show(cause, id, agent, false).await;
        } else {
            self.tell_floor(cause, vec![Input::ItemWithdrawn { item: id }])
                .await;
        }
        if let Some(queue) = known.queue {
            self.watchers(cause, ChangeKind::Queue(queue));
        }
    }

    async fn react_to_agent(self: &Arc<Self>, cause: Cause<'_>, fact: agent::Fact) {
        use agent::Fact as F;
        let id = AgentId::from_uuid(cause.recorded.stream.id);
        let inputs = match &fact {
            F::Defined(definition) => vec![Input::AgentDefined(agent_rule(id, definition))],
            F::Retired {} => vec![Input::AgentRetired(id)],
            F::PresenceChanged { presence } => {
                vec![Input::AgentAvailability {
                    agent: id,
                    routable: *presence == Presence::Ready,
                }]
            }
            F::WorkFinished { interaction } => vec![Input::AgentReleased {
                agent: id,
                item: *interaction,
            }],
            F::Reserved { offer, until, .. } => {
                self.watch_reservation(cause.tenant, id, *offer, *until);
                vec![]
            }
            F::PasswordSet { .. }
            | F::PhoneSecretSet(_)
            | F::ReservationEnded { .. }
            | F::WorkTaken { .. } => vec![],
        };
        self.tell_floor(cause, inputs).await;
        if matches!(fact, F::Defined(_) | F::PresenceChanged { .. }) {
            self.show_me(cause, id).await;
        }
        self.watchers(cause, ChangeKind::Agent(id));
    }

    async fn react_to_queue(self: &Arc<Self>, cause: Cause<'_>, fact: QueueFact) {
        let id = QueueId::from_uuid(cause.recorded.stream.id);
        let version = u32::try_from(cause.recorded.revision.0 + 1).unwrap_or(u32::MAX);
        let input = match fact {
            QueueFact::Defined(definition) => {
                Input::QueueDefined(queue_rule(id, &definition, version))
            }
            QueueFact::Retired {} => Input::QueueRetired(id),
        };
        self.tell_floor(cause, vec![input]).await;
        self.watchers(cause, ChangeKind::Queue(id));
    }

    async fn react_to_outreach(self: &Arc<Self>, cause: Cause<'_>, fact: outreach::Fact) {
        use outreach::Fact as F;
        let customer = CustomerId::from_uuid(cause.recorded.stream.id);
        match fact {
            F::WishFiled(_) => self.count(|counters| &counters.wishes_filed),
            F::WishHeld { .. } | F::WishDropped { .. } => {}
            F::ContactPlanned { .. } => self.count(|counters| &counters.contacts_planned),
            F::ContactEnded { .. } => {}
            F::ContactStarted {
                plan, interaction, ..
            } => {
                self.then(
                    cause,
                    customer.as_uuid(),
                    move |engine, tenant, ctx| async move {
                        engine
                            .begin_contact(tenant, customer, plan, interaction, &ctx)
                            .await;
                    },
                )
                .await;
                return;
            }
            F::PlanWithdrawn { plan, .. } => {
                self.then(
                    cause,
                    customer.as_uuid(),
                    move |engine, tenant, ctx| async move {
                        engine.withdraw_contact(tenant, plan, &ctx).await;
                    },
                )
                .await;
            }
            F::AgendaTakenUp { interaction, .. } | F::OutcomeRecorded { interaction, .. } => {
                self.show_holder(cause, interaction, false).await;
                return;
            }
        }
        self.then(
            cause,
            customer.as_uuid(),
            move |engine, tenant, _| async move {
                engine.watch_outreach(tenant, customer).await;
            },
        )
        .await;
    }

    /// Runs a reaction after all earlier ones of the same key.
    async fn then<F, W>(self: &Arc<Self>, cause: Cause<'_>, key: uuid::Uuid, work: W)
    where
        F: Future<Output = ()> + Send + 'static,
        W: FnOnce(Arc<Self>, TenantId, Ctx) -> F,
    {
        let meta = &cause.recorded.event.meta;
        let ctx = Ctx::system(
            cause.tenant,
            meta.correlation,
            Some(cause.recorded.event.id),
        );
        let job = work(self.clone(), cause.tenant, ctx);
        self.lanes.submit(key, Some(cause.position), job).await;
    }

    /// Feeds the floor in the order of events and has its wishes carried out beside.
    async fn tell_floor(self: &Arc<Self>, cause: Cause<'_>, inputs: Vec<Input>) {
        if !self.is_going() || inputs.is_empty() {
            return;
        }
        for output in self.decide(cause.tenant, inputs) {
            let (acd::Output::Offer { item, .. } | acd::Output::OfferOverdue { item, .. }) =
                &output;
            self.then(cause, item.as_uuid(), move |engine, tenant, _| async move {
                engine.carry_out(tenant, vec![output]).await;
            })
            .await;
        }
    }

    /// Shows a contact at the desk of an agent who has it, or takes it away there.
    async fn show(
        self: &Arc<Self>,
        cause: Cause<'_>,
        id: InteractionId,
        agent: AgentId,
        with_messages: bool,
    ) {
        let (position, revision) = (cause.position, cause.recorded.revision);
        self.then(
            cause,
            agent.as_uuid(),
            move |engine, tenant, _| async move {
                engine
                    .publish_work(position, tenant, agent, id, Some(revision), with_messages)
                    .await;
            },
        )
        .await;
    }

    /// Shows a contact at the desk of whoever has it.
    async fn show_holder(
        self: &Arc<Self>,
        cause: Cause<'_>,
        id: InteractionId,
        with_messages: bool,
    ) {
        let position = cause.position;
        let known = self
            .store
            .load_of::<Interaction>(cause.tenant, id.as_uuid())
            .await;
        let Some(agent) = known.ok().flatten().and_then(|known| known.agent()) else {
            return;
        };
        self.then(
            cause,
            agent.as_uuid(),
            move |engine, tenant, _| async move {
                engine
                    .publish_work(position, tenant, agent, id, None, with_messages)
                    .await;
            },
        )
        .await;
    }

    async fn show_message(
        self: &Arc<Self>,
        cause: Cause<'_>,
        id: InteractionId,
        message: rapport_domain::id::MessageId,
    ) {
        let (position, revision) = (cause.position, cause.recorded.revision);
        let known = self
            .store
            .load_at::<Interaction>(id.as_uuid(), revision)
            .await;
        let Some(known) = known.ok().and_then(|loaded| loaded.folded.state.clone()) else {
            return;
        };
        let Some(agent) = known.agent() else { return };
        self.then(
            cause,
            agent.as_uuid(),
            move |engine, tenant, _| async move {
                engine.publish_message(position, tenant, agent, id, &known, message);
            },
        )
        .await;
    }

    async fn show_me(self: &Arc<Self>, cause: Cause<'_>, agent: AgentId) {
        let position = cause.position;
        self.then(
            cause,
            agent.as_uuid(),
            move |engine, tenant, _| async move {
                engine.publish_me(position, tenant, agent).await;
            },
        )
        .await;
    }

    fn watchers(&self, cause: Cause<'_>, what: ChangeKind) {
        if self.is_going() {
            self.live.publish(cause.position, cause.tenant, what);
        }
    }

    fn count(&self, which: impl Fn(&Counters) -> &std::sync::atomic::AtomicU64) {
        if self.is_going() {
            Counters::count(which(&self.counters));
        }
    }

    /// The agent has the contact now; the contact's own stream said so first.
    pub(crate) async fn give_work(&self, tenant: TenantId, agent: AgentId, id: InteractionId) {
        let Ok(Some(known)) = self
            .store
            .load_of::<Interaction>(tenant, id.as_uuid())
            .await
        else {
            return;
        };
        if known.is_closed() {
            return; // a repeated reaction: the work is finished
        }
        let ctx = Ctx::system(tenant, id.as_uuid(), None);
        let taken = self
            .store
            .execute::<Agent, agent::Rejection>(agent.as_uuid(), &ctx, |state, _| {
                Ok(state
                    .map(|state| state.take(id, known.channel))
                    .unwrap_or_default())
            })
            .await;
        if let Err(error) = taken {
            self.failed("note an agent's work", &error);
        }
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

fn fact<F: Fact>(recorded: &Recorded) -> Result<F, DecodeError> {
    decode(
        &recorded.event.kind,
        recorded.event.version,
        &recorded.event.data,
    )
}
