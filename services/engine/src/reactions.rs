//! What follows from each fact, one kind of stream after the other.

use std::sync::Arc;

use rapport_domain::acd::{self, Input, Media, WorkItem};
use rapport_domain::agent::{self, Presence, ReservationEnd};
use rapport_domain::channel::{Channel, Direction};
use rapport_domain::customer::opt_out::is_opt_out;
use rapport_domain::id::{AgentId, CustomerId, InteractionId, QueueId};
use rapport_domain::interaction::{self, DialParty, Interaction, OfferEnd};
use rapport_domain::outreach::{self, Contact, Origin};
use rapport_domain::setup::QueueFact;

use crate::customers::{COMPLAINT, Pair};
use crate::engine::Engine;
use crate::floors::{agent_rule, queue_rule};
use crate::live::ChangeKind;
use crate::reactor::Cause;
use crate::timers::Due;

impl Engine {
    pub(crate) async fn react_to_interaction(
        self: &Arc<Self>,
        cause: Cause<'_>,
        fact: interaction::Fact,
    ) {
        use interaction::Fact as F;
        let id = InteractionId::from_uuid(cause.recorded.stream.id);
        let at = cause.recorded.event.recorded_at;
        if cause.side.follow && crate::chat::is_visible(&fact) {
            let over = matches!(fact, F::Ended { .. } | F::Abandoned {});
            self.conversations.wake(id, cause.recorded.revision, over);
        }
        match fact {
            F::Started {
                customer,
                channel,
                direction,
                contact_point,
                node,
                plan,
                ..
            } => {
                if cause.side.follow {
                    self.saw(node);
                    self.conversations
                        .begun(cause.tenant, channel, &contact_point, id);
                }
                match direction {
                    Direction::Inbound => {
                        self.count(cause, |counters| &counters.contacts_in);
                        self.decide_then(
                            cause,
                            customer.as_uuid(),
                            move |engine, tenant, _| async move {
                                engine.customer_contacted_us(tenant, customer, id).await;
                            },
                        )
                        .await;
                        if node.is_some() {
                            self.decide_then(
                                cause,
                                id.as_uuid(),
                                move |engine, tenant, _| async move {
                                    engine.settle_if_homeless(tenant, id).await;
                                },
                            )
                            .await;
                        }
                    }
                    Direction::Outbound => {
                        self.count(cause, |counters| &counters.contacts_out);
                        if plan.is_none() {
                            let contact = Contact {
                                id: id.as_uuid(),
                                at,
                                channel,
                                origin: Origin::Agent,
                                reached: None,
                            };
                            Box::pin(self.unplanned(cause, customer, contact)).await;
                        }
                    }
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
                if cause.side.decide {
                    let due = Due::Offer {
                        tenant: cause.tenant,
                        interaction: id,
                        offer,
                    };
                    self.timers.set(due, until);
                    self.offered_elsewhere(cause, id, agent, until).await;
                }
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
                self.decide_then(
                    cause,
                    agent.as_uuid(),
                    move |engine, tenant, _| async move {
                        if !engine
                            .end_reservation(tenant, agent, offer, reservation)
                            .await
                        {
                            engine.tell_availability(tenant, agent).await;
                        }
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
                self.count(cause, |counters| &counters.contacts_served);
                self.tell_floor(cause, vec![Input::OfferAccepted { item: id, agent }])
                    .await;
                let known = self
                    .store
                    .load_of::<Interaction>(cause.tenant, id.as_uuid())
                    .await;
                if let Some(queue) = known.ok().flatten().and_then(|known| known.queue) {
                    self.watchers(cause, ChangeKind::Queue(queue));
                }
                self.decide_then(
                    cause,
                    agent.as_uuid(),
                    move |engine, tenant, _| async move {
                        engine.give_work(tenant, agent, id).await;
                    },
                )
                .await;
                self.show(cause, id, agent, true).await;
            }
            F::MessageReceived { message, text } => {
                // The widest of the channels' lists; the contact's own is asked when it is known.
                if is_opt_out(text.expose(), Channel::Sms) {
                    self.decide_then(cause, id.as_uuid(), move |engine, tenant, ctx| async move {
                        engine.opted_out(tenant, id, &text, at, &ctx).await;
                    })
                    .await;
                }
                self.show_message(cause, id, message).await;
            }
            F::MessageSent { message, .. } => self.show_message(cause, id, message).await,
            F::OfferVoided { .. } => {}
            F::DialRequested {
                leg,
                party: DialParty::Agent,
                node,
            } if node == self.life() => {
                self.then(cause, id.as_uuid(), move |engine, tenant, _| async move {
                    engine.ring_agent(tenant, id, leg).await;
                })
                .await;
            }
            F::DispositionSet {
                disposition, note, ..
            } => {
                if disposition == COMPLAINT {
                    self.decide_then(cause, id.as_uuid(), move |engine, tenant, ctx| async move {
                        engine.complained(tenant, id, note, &ctx).await;
                    })
                    .await;
                }
                self.show_holder(cause, id, false).await;
            }
            F::DialRequested { .. } | F::DialEnded { .. } | F::Connected {} => {
                self.show_holder(cause, id, false).await;
            }
            F::Abandoned {} => {
                self.count(cause, |counters| &counters.contacts_abandoned);
                self.tell_floor(cause, vec![Input::ItemWithdrawn { item: id }])
                    .await;
                self.over(cause, id).await;
            }
            F::Ended { wrap_up_until, .. } => {
                if cause.side.decide {
                    let due = Due::WrapUp {
                        tenant: cause.tenant,
                        interaction: id,
                    };
                    self.timers.set(due, wrap_up_until);
                }
                self.then(cause, id.as_uuid(), move |engine, _, _| async move {
                    engine.hang_up_all(id)
                })
                .await;
                self.show_holder(cause, id, false).await;
            }
            F::Closed { .. } => self.over(cause, id).await,
        }
    }

    /// Somebody reached out on their own: it counts like any other contact.
    async fn unplanned(self: &Arc<Self>, cause: Cause<'_>, customer: CustomerId, contact: Contact) {
        let key = customer.as_uuid();
        self.decide_then(cause, key, move |engine, tenant, ctx| async move {
            engine.count_contact(tenant, customer, contact, &ctx).await;
        })
        .await;
    }

    /// A contact is over: legs, agent, line and outreach are freed.
    pub(crate) async fn over(self: &Arc<Self>, cause: Cause<'_>, id: InteractionId) {
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
        self.decide_then(
            cause,
            customer.as_uuid(),
            move |engine, tenant, _| async move {
                engine.contact_ended(tenant, customer, id, reached).await;
            },
        )
        .await;
        if let Some(agent) = known.agent() {
            self.decide_then(
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

    pub(crate) async fn react_to_agent(self: &Arc<Self>, cause: Cause<'_>, fact: agent::Fact) {
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
                if cause.side.decide {
                    self.watch_reservation(cause.tenant, id, *offer, *until);
                }
                vec![]
            }
            F::PasswordSet { .. }
            | F::PhoneSecretSet(_)
            | F::ReservationEnded { .. }
            | F::WorkTaken { .. }
            | F::PhoneRegistered { .. }
            | F::PhoneGone { .. } => vec![],
        };
        self.tell_floor(cause, inputs).await;
        if matches!(fact, F::Defined(_) | F::PresenceChanged { .. }) {
            self.show_me(cause, id).await;
        }
        self.watchers(cause, ChangeKind::Agent(id));
    }

    /// A customer was erased, perhaps on another node, perhaps by one that stopped half-way.
    pub(crate) async fn react_to_erasure(self: &Arc<Self>, cause: Cause<'_>) {
        let customer = CustomerId::from_uuid(cause.recorded.stream.id);
        self.forget_in_memory(customer);
        self.then(
            cause,
            customer.as_uuid(),
            move |engine, tenant, ctx| async move {
                engine.finish_erasure(tenant, customer, &ctx).await;
            },
        )
        .await;
    }

    pub(crate) async fn react_to_queue(self: &Arc<Self>, cause: Cause<'_>, fact: QueueFact) {
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

    pub(crate) async fn react_to_outreach(
        self: &Arc<Self>,
        cause: Cause<'_>,
        fact: outreach::Fact,
    ) {
        use outreach::Fact as F;
        let customer = CustomerId::from_uuid(cause.recorded.stream.id);
        match fact {
            F::WishFiled(_) => self.count(cause, |counters| &counters.wishes_filed),
            F::WishAmended(_)
            | F::WishWithdrawn { .. }
            | F::WishHeld { .. }
            | F::WishDropped { .. }
            | F::ContactNoted(_)
            | F::Closed {} => {}
            F::WishesReturned { .. } => {
                self.decide_then(
                    cause,
                    customer.as_uuid(),
                    move |engine, tenant, ctx| async move {
                        engine.adopt_again(tenant, customer, &ctx).await;
                    },
                )
                .await;
            }
            F::WishesMoved {
                to, merge, closing, ..
            } => {
                let (survivor, absorbed) = if closing {
                    (to, customer)
                } else {
                    (customer, to)
                };
                let pair = Pair::new(cause.tenant, survivor, absorbed, merge);
                self.decide_then(
                    cause,
                    survivor.as_uuid(),
                    move |engine, _, ctx| async move { engine.carry_on(pair, closing, &ctx).await },
                )
                .await;
            }
            F::ContactPlanned { .. } => self.count(cause, |counters| &counters.contacts_planned),
            F::ContactEnded { .. } => {}
            F::ContactStarted {
                plan, interaction, ..
            } => {
                self.decide_then(
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
                self.decide_then(
                    cause,
                    customer.as_uuid(),
                    move |engine, tenant, ctx| async move {
                        engine.withdraw_contact(tenant, plan, &ctx).await;
                    },
                )
                .await;
                // The lines of a contact that an agent had taken may be here, whoever decides.
                self.then(
                    cause,
                    customer.as_uuid(),
                    move |engine, tenant, _| async move {
                        engine.stop_dialling(tenant, plan).await;
                    },
                )
                .await;
            }
            F::AgendaTakenUp { interaction, .. } => {
                // By a node that was paused meanwhile, or whose last word it was: the contact may have been over already.
                self.decide_then(
                    cause,
                    customer.as_uuid(),
                    move |engine, tenant, _| async move {
                        engine.end_if_over(tenant, customer, interaction).await;
                    },
                )
                .await;
                self.show_holder(cause, interaction, false).await;
                return;
            }
            F::OutcomeRecorded { interaction, .. } => {
                self.show_holder(cause, interaction, false).await;
                return;
            }
        }
        self.decide_then(
            cause,
            customer.as_uuid(),
            move |engine, tenant, _| async move {
                engine.watch_outreach(tenant, customer).await;
            },
        )
        .await;
    }
}
