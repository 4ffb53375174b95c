//! Calls: facts from the voice channel become commands on contacts, and decisions on contacts become commands to the
//! voice channel.

use std::sync::Arc;
use std::time::Duration;

use rapport_domain::agent::{self, Agent, PHONE_UNREACHABLE, Phone, Presence};
use rapport_domain::channel::{Channel, Direction};
use rapport_domain::contact_point::{ContactPoint, Kind};
use rapport_domain::event::Actor;
use rapport_domain::id::{AgentId, InteractionId, LegId, TenantId};
use rapport_domain::interaction::{
    Closing, DialOutcome, DialParty, Fact, Interaction, OfferEnd, Phase, Rejection, Start,
};
use rapport_domain::outreach::Outreach;
use rapport_domain::port::voice::{
    DialTarget, LegEnd, Refusal, Sound, Voice, VoiceCommand, VoiceEvent,
};
use tokio::sync::mpsc;

use crate::calls::LegRole;
use crate::counters::Counters;
use crate::engine::Engine;
use crate::error::ExecuteError;
use crate::store::{Ctx, Executed};

/// How long a customer's phone may ring.
const RING_CUSTOMER: Duration = Duration::from_secs(30);

type Decided = Result<Vec<Fact>, Rejection>;

impl Engine {
    /// Connects the voice channel: its facts are taken from `events` until the channel closes them.
    pub fn attach_voice(
        self: &Arc<Self>,
        voice: Arc<dyn Voice>,
        mut events: mpsc::Receiver<VoiceEvent>,
    ) {
        self.calls.attach(voice);
        let engine = self.clone();
        tokio::spawn(async move {
            let mut going = engine.going.subscribe();
            if going.wait_for(|going| *going).await.is_err() {
                return;
            }
            while let Some(event) = events.recv().await {
                // Facts of one leg stay in order; different legs are worked on side by side.
                let key = match &event {
                    VoiceEvent::Incoming { leg, .. }
                    | VoiceEvent::Ringing { leg }
                    | VoiceEvent::Answered { leg }
                    | VoiceEvent::Ended { leg, .. } => leg.as_uuid(),
                    VoiceEvent::PhoneRegistered { user } | VoiceEvent::PhoneGone { user } => {
                        match engine.directory().phone(user) {
                            Some(entry) => entry.id.as_uuid(),
                            None => continue,
                        }
                    }
                };
                let worker = engine.clone();
                engine
                    .lanes
                    .submit(key, None, async move { worker.heard(event).await })
                    .await;
            }
        });
    }

    async fn heard(&self, event: VoiceEvent) {
        match event {
            VoiceEvent::Incoming {
                leg,
                from_user,
                to_user,
                ..
            } => self.call_came_in(leg, &from_user, &to_user).await,
            VoiceEvent::Answered { leg } => match self.calls.role(leg) {
                Some(role) if role.party == DialParty::Agent => {
                    self.agent_answered(leg, role).await
                }
                Some(role) => self.customer_answered(leg, role).await,
                None => self.command(VoiceCommand::HangUp { leg }),
            },
            VoiceEvent::Ended { leg, why } => match self.calls.remove(leg) {
                Some(role) if role.party == DialParty::Agent => {
                    self.agent_leg_ended(leg, role, why).await
                }
                Some(role) => self.customer_leg_ended(leg, role, why).await,
                None => {}
            },
            VoiceEvent::PhoneRegistered { user } => self.phone_is_back(&user).await,
            VoiceEvent::Ringing { .. } | VoiceEvent::PhoneGone { .. } => {}
        }
    }

    /// Who was set not-ready only because the phone could not be reached is ready again once it can.
    async fn phone_is_back(&self, user: &str) {
        let directory = self.directory();
        let Some((tenant, agent)) = directory.phone(user).map(|entry| (entry.tenant, entry.id))
        else {
            return;
        };
        let unreachable = Presence::NotReady {
            reason: PHONE_UNREACHABLE.to_owned(),
        };
        let ctx = Ctx::system(tenant, agent.as_uuid(), None);
        let back = self
            .store
            .execute::<Agent, agent::Rejection>(agent.as_uuid(), &ctx, |state, _| match state {
                Some(state) if state.presence == unreachable => {
                    state.change_presence(Presence::Ready)
                }
                _ => Ok(vec![]),
            })
            .await;
        self.report("set an agent ready again", back);
    }

    /// A trunk offers a call. It is answered once its first event is on disk.
    async fn call_came_in(&self, leg: LegId, from: &str, to: &str) {
        let directory = self.directory();
        let Some((tenant, access_point, definition)) = directory.access_point(Channel::Voice, to)
        else {
            Counters::count(&self.counters.unknown_access_point);
            tracing::warn!("a call to a number that no access point has was refused");
            return self.command(VoiceCommand::Refuse {
                leg,
                reason: Refusal::UnknownAccessPoint,
            });
        };
        let id = InteractionId::derived(leg.as_uuid(), "interaction");
        self.calls.add(
            leg,
            LegRole {
                tenant,
                interaction: id,
                party: DialParty::Customer,
            },
        );
        // A withheld number gives a customer of its own, known by this call only.
        let contact_point = ContactPoint::parse(Kind::Phone, from)
            .or_else(|_| ContactPoint::parse(Kind::ExternalId, &format!("withheld-{leg}")));
        let Ok(contact_point) = contact_point else {
            return self.refuse_overloaded(leg);
        };
        let customer = match self
            .identify(tenant, &contact_point, false, Actor::System)
            .await
        {
            Ok((customer, _)) => customer,
            Err(error) => {
                self.failed("identify a caller", &error);
                return self.refuse_overloaded(leg);
            }
        };
        let start = Start {
            customer,
            channel: Channel::Voice,
            direction: Direction::Inbound,
            access_point: Some(access_point),
            contact_point,
            plan: None,
            queue: definition.queue,
            priority: 0,
        };
        let ctx = Ctx::by(tenant, Actor::Customer(customer), id.as_uuid());
        let begun = self
            .store
            .execute::<Interaction, Rejection>(id.as_uuid(), &ctx, |known, _| {
                Ok(if known.is_some() {
                    vec![]
                } else {
                    start.clone().facts()
                })
            })
            .await;
        match begun {
            Ok(_) => self.command(VoiceCommand::Answer {
                leg,
                sound: Sound::QueueMusic,
            }),
            Err(error) => {
                self.failed("begin a call", &error);
                self.refuse_overloaded(leg);
            }
        }
    }

    fn refuse_overloaded(&self, leg: LegId) {
        self.command(VoiceCommand::Refuse {
            leg,
            reason: Refusal::Overloaded,
        });
    }

    /// Rings the phone of the agent a call is offered to. Done once: the leg is named in the log, and after a restart
    /// there is no call to ring for.
    pub(crate) async fn ring_agent(&self, tenant: TenantId, id: InteractionId, agent: AgentId) {
        if !self.is_going() {
            return;
        }
        let Ok(Some(known)) = self
            .store
            .load_of::<Interaction>(tenant, id.as_uuid())
            .await
        else {
            return;
        };
        let Phase::Offered {
            offer,
            agent: to,
            until,
            ..
        } = known.phase
        else {
            return;
        };
        let leg = known
            .dials
            .iter()
            .find(|(_, party)| *party == DialParty::Agent)
            .map(|(leg, _)| *leg);
        let Some(leg) = leg.filter(|leg| to == agent && self.calls.role(*leg).is_none()) else {
            return;
        };
        let directory = self.directory();
        let target = match directory.agent(agent).map(|entry| &entry.definition.phone) {
            Some(Phone::Registered { user }) => DialTarget::RegisteredPhone { user: user.clone() },
            Some(Phone::Address { uri }) => DialTarget::Address { uri: uri.clone() },
            Some(Phone::None) | None => {
                return self
                    .end_offer(tenant, id, offer, OfferEnd::Unreachable)
                    .await;
            }
        };
        self.calls.add(
            leg,
            LegRole {
                tenant,
                interaction: id,
                party: DialParty::Agent,
            },
        );
        let dialled = self.calls.send(VoiceCommand::Dial {
            leg,
            target,
            from_user: known.contact_point.value().to_owned(),
            ring_for: until.since(self.now()),
            sound: Sound::Silence,
        });
        if dialled.is_err() {
            self.calls.remove(leg);
            self.end_offer(tenant, id, offer, OfferEnd::Unreachable)
                .await;
        }
    }

    /// Answering the phone accepts the offer.
    async fn agent_answered(&self, leg: LegId, role: LegRole) {
        let LegRole {
            tenant,
            interaction: id,
            ..
        } = role;
        let accepted = self
            .on_call(role, |call, now| {
                let Phase::Offered { agent, .. } = call.phase else {
                    return Err(Rejection::OfferGone);
                };
                let mut facts = call.accept(agent, now)?;
                if call.direction == Direction::Inbound {
                    facts.push(Fact::Connected {});
                }
                Ok(facts)
            })
            .await;
        let call = match accepted {
            Ok(Executed {
                state: Some(call), ..
            }) => call,
            Ok(_) | Err(_) => return self.command(VoiceCommand::HangUp { leg }),
        };
        match (call.direction, self.calls.legs(id).customer) {
            (Direction::Inbound, Some(customer)) => self.command(VoiceCommand::Bridge {
                a: customer,
                b: leg,
            }),
            (Direction::Inbound, None) => self.customer_left(tenant, id).await,
            (Direction::Outbound, _) => self.dial_customer(leg, role, &call).await,
        }
    }

    /// The agent is on the line: now the customer of a planned contact is dialled, if that is still wanted.
    async fn dial_customer(&self, agent_leg: LegId, role: LegRole, call: &Interaction) {
        let LegRole {
            tenant,
            interaction: id,
            ..
        } = role;
        let outreach = self
            .store
            .load_of::<Outreach>(tenant, call.customer.as_uuid())
            .await;
        let wanted = outreach
            .ok()
            .flatten()
            .is_some_and(|outreach| outreach.may_dial(id));
        let directory = self.directory();
        let owner = directory
            .tenant(tenant)
            .map(|entry| &entry.tenant.definition);
        let trunk = owner.and_then(|owner| {
            owner
                .outbound_trunk
                .clone()
                .map(|trunk| (trunk, owner.caller_id.clone()))
        });
        let leg = LegId::from_uuid(self.fresh());
        let Some((trunk, caller_id)) = trunk.filter(|_| wanted) else {
            return self.not_reached(role, leg, DialOutcome::Cancelled).await;
        };
        self.command(VoiceCommand::Play {
            leg: agent_leg,
            sound: Sound::Ringback,
        });
        self.calls.add(
            leg,
            LegRole {
                party: DialParty::Customer,
                ..role
            },
        );
        if let Err(error) = self.on_call(role, |call, _| call.request_dial(leg)).await {
            self.failed("note a dial", &error);
            self.calls.remove(leg);
            return self.not_reached(role, leg, DialOutcome::Cancelled).await;
        }
        let number = call.contact_point.value().to_owned();
        let dial = VoiceCommand::Dial {
            leg,
            target: DialTarget::Trunk { trunk, number },
            from_user: caller_id,
            ring_for: RING_CUSTOMER,
            sound: Sound::Silence,
        };
        if self.calls.send(dial).is_err() {
            self.calls.remove(leg);
            self.not_reached(role, leg, DialOutcome::Unreachable).await;
        }
    }

    async fn customer_answered(&self, leg: LegId, role: LegRole) {
        match (
            self.on_call(role, |call, _| call.connect()).await,
            self.calls.legs(role.interaction).agent,
        ) {
            (Ok(_), Some(agent)) => self.command(VoiceCommand::Bridge { a: leg, b: agent }),
            _ => self.command(VoiceCommand::HangUp { leg }),
        }
    }

    async fn agent_leg_ended(&self, leg: LegId, role: LegRole, why: LegEnd) {
        let LegRole {
            tenant,
            interaction: id,
            ..
        } = role;
        let Ok(Some(call)) = self
            .store
            .load_of::<Interaction>(tenant, id.as_uuid())
            .await
        else {
            return;
        };
        match call.phase {
            Phase::Offered { offer, .. } if call.dials.iter().any(|(known, _)| *known == leg) => {
                let end = match why {
                    LegEnd::NoAnswer => OfferEnd::Expired,
                    LegEnd::Busy | LegEnd::Declined => OfferEnd::Declined,
                    LegEnd::Unreachable | LegEnd::Failed | LegEnd::PeerHungUp => {
                        OfferEnd::Unreachable
                    }
                    LegEnd::HungUp | LegEnd::CallerGaveUp => OfferEnd::Withdrawn,
                };
                self.end_offer(tenant, id, offer, end).await;
            }
            Phase::Active { agent, .. } => {
                let closing = self.closing(&call);
                let failed = why == LegEnd::Failed;
                let ended = self
                    .on_call(role, |call, now| {
                        if failed {
                            call.fail(closing, now)
                        } else {
                            call.end(agent, closing, now)
                        }
                    })
                    .await;
                self.report("end a call", ended);
            }
            _ => {}
        }
    }

    async fn customer_leg_ended(&self, leg: LegId, role: LegRole, why: LegEnd) {
        let LegRole {
            tenant,
            interaction: id,
            ..
        } = role;
        let Ok(Some(call)) = self
            .store
            .load_of::<Interaction>(tenant, id.as_uuid())
            .await
        else {
            return;
        };
        let outcome = match why {
            LegEnd::NoAnswer => DialOutcome::NoAnswer,
            LegEnd::Busy => DialOutcome::Busy,
            LegEnd::Declined => DialOutcome::Declined,
            LegEnd::HungUp | LegEnd::CallerGaveUp => DialOutcome::Cancelled,
            LegEnd::Unreachable | LegEnd::Failed | LegEnd::PeerHungUp => DialOutcome::Unreachable,
        };
        match (call.direction, call.connected_at) {
            (Direction::Outbound, None) => self.not_reached(role, leg, outcome).await,
            _ => self.customer_left(tenant, id).await,
        }
    }

    async fn not_reached(&self, role: LegRole, leg: LegId, outcome: DialOutcome) {
        let Ok(Some(call)) = self
            .store
            .load_of::<Interaction>(role.tenant, role.interaction.as_uuid())
            .await
        else {
            return;
        };
        let closing = self.closing(&call);
        let noted = self
            .on_call(role, |call, now| {
                call.not_reached(leg, outcome, closing, now)
            })
            .await;
        self.report("note an unanswered dial", noted);
    }

    /// The customer hung up, left the chat, or is otherwise gone.
    pub(crate) async fn customer_left(&self, tenant: TenantId, id: InteractionId) {
        let Ok(Some(known)) = self
            .store
            .load_of::<Interaction>(tenant, id.as_uuid())
            .await
        else {
            return;
        };
        let closing = self.closing(&known);
        let role = LegRole {
            tenant,
            interaction: id,
            party: DialParty::Customer,
        };
        let left = self
            .on_call(role, |call, now| call.customer_left(closing, now))
            .await;
        self.report("note that a customer left", left);
    }

    /// How wrap-up goes in the queue of a contact.
    pub(crate) fn closing(&self, interaction: &Interaction) -> Closing {
        let directory = self.directory();
        let queue = interaction.queue.and_then(|queue| directory.queue(queue));
        Closing {
            wrap_up: queue
                .map(|queue| queue.definition.wrap_up())
                .unwrap_or_default(),
        }
    }

    pub(crate) fn hang_up_agent(&self, id: InteractionId) {
        if let Some(leg) = self.calls.legs(id).agent {
            self.command(VoiceCommand::HangUp { leg });
        }
    }

    pub(crate) fn hang_up_all(&self, id: InteractionId) {
        let legs = self.calls.legs(id);
        for leg in [legs.agent, legs.customer].into_iter().flatten() {
            self.command(VoiceCommand::HangUp { leg });
        }
    }

    async fn on_call(
        &self,
        role: LegRole,
        decide: impl Fn(&Interaction, rapport_domain::time::Timestamp) -> Decided + Send + Sync,
    ) -> Result<Executed<Interaction>, ExecuteError<Rejection>> {
        let id = role.interaction.as_uuid();
        let ctx = Ctx::system(role.tenant, id, None);
        self.store
            .execute::<Interaction, Rejection>(id, &ctx, |call, now| {
                decide(call.ok_or(Rejection::Over)?, now)
            })
            .await
    }

    /// A rejection means that it happened otherwise already; anything else is a failure.
    pub(crate) fn report<T, R: std::fmt::Debug>(
        &self,
        what: &'static str,
        result: Result<T, ExecuteError<R>>,
    ) {
        match result {
            Ok(_) | Err(ExecuteError::Rejected(_) | ExecuteError::NotFound) => {}
            Err(error) => self.failed(what, &error),
        }
    }

    fn command(&self, command: VoiceCommand) {
        if self.calls.send(command).is_err() {
            Counters::count(&self.counters.reactions_failed);
            tracing::warn!("the voice channel took no command");
        }
    }
}
