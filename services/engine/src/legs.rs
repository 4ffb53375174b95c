//! The legs of a call: ringing agents, dialling customers, and what the end of each leg means.

use std::time::Duration;

use rapport_domain::agent::Phone;
use rapport_domain::channel::Direction;
use rapport_domain::id::{InteractionId, LegId, TenantId};
use rapport_domain::interaction::{
    Closing, DialOutcome, DialParty, Fact, Interaction, OfferEnd, Phase, Rejection,
};
use rapport_domain::port::voice::{DialTarget, LegEnd, Sound, VoiceCommand};

use crate::calls::LegRole;
use crate::counters::Counters;
use crate::engine::Engine;
use crate::error::ExecuteError;
use crate::store::{Ctx, Executed};

/// How long a customer's phone may ring.
const RING_CUSTOMER: Duration = Duration::from_secs(30);

type Decided = Result<Vec<Fact>, Rejection>;

impl Engine {
    /// Rings the phone of the agent a call is offered to. Done once: the leg is named in the log, and after a restart
    /// there is no call to ring for.
    pub(crate) async fn ring_agent(&self, tenant: TenantId, id: InteractionId, leg: LegId) {
        if !self.is_going() {
            return;
        }
        let Some(known) = self.store.known::<Interaction>(tenant, id.as_uuid()).await else {
            return;
        };
        let Phase::Offered {
            offer,
            agent,
            until,
            ..
        } = known.phase
        else {
            return;
        };
        if !known.dials.contains(&(leg, DialParty::Agent)) || self.calls.role(leg).is_some() {
            return;
        }
        let directory = self.directory();
        let target = match directory.agent(agent).map(|entry| &entry.definition.phone) {
            Some(Phone::Registered { user }) => DialTarget::RegisteredPhone {
                user: user.clone(),
                via: self.phone_node(tenant, agent).await,
            },
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
            // Our own queue is full: that is no fault of the agent's.
            self.calls.remove(leg);
            self.end_offer(tenant, id, offer, OfferEnd::Withdrawn).await;
        }
    }

    /// The agent is on the line: now the customer of a planned contact is dialled, if that is still wanted.
    pub(crate) async fn dial_customer(&self, agent_leg: LegId, role: LegRole, call: &Interaction) {
        let LegRole {
            tenant,
            interaction: id,
            ..
        } = role;
        let wanted = !call.contact_point.is_forgotten()
            && self.is_still_wanted(tenant, call.customer, id).await;
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
        match self
            .on_call(role, |call, _| call.request_dial(leg, self.life()))
            .await
        {
            Ok(requested) if requested.facts.is_empty() => {
                self.calls.remove(leg); // the customer is being dialled already
                return;
            }
            Ok(_) => {}
            Err(error) => {
                self.failed("note a dial", &error);
                self.calls.remove(leg);
                return self.not_reached(role, leg, DialOutcome::Cancelled).await;
            }
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

    pub(crate) async fn agent_leg_ended(&self, leg: LegId, role: LegRole, why: LegEnd) {
        let LegRole {
            tenant,
            interaction: id,
            ..
        } = role;
        let Some(call) = self.store.known::<Interaction>(tenant, id.as_uuid()).await else {
            return;
        };
        if !call.dials.contains(&(leg, DialParty::Agent)) {
            return; // the leg of an offer that is over
        }
        match call.phase {
            Phase::Offered { offer, .. } => {
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

    pub(crate) async fn customer_leg_ended(&self, leg: LegId, role: LegRole, why: LegEnd) {
        let LegRole {
            tenant,
            interaction: id,
            ..
        } = role;
        let Some(call) = self.store.known::<Interaction>(tenant, id.as_uuid()).await else {
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

    pub(crate) async fn not_reached(&self, role: LegRole, leg: LegId, outcome: DialOutcome) {
        let Some(call) = self
            .store
            .known::<Interaction>(role.tenant, role.interaction.as_uuid())
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
        let Some(known) = self.store.known::<Interaction>(tenant, id.as_uuid()).await else {
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

    pub(crate) async fn on_call(
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

    /// Connects customer and agent. When that cannot be asked for, the call is given up: a silent line helps nobody.
    pub(crate) fn bridge(&self, id: InteractionId, a: LegId, b: LegId) {
        if self.calls.send(VoiceCommand::Bridge { a, b }).is_err() {
            Counters::count(&self.counters.reactions_failed);
            self.hang_up_all(id);
        }
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

    pub(crate) fn command(&self, command: VoiceCommand) {
        if self.calls.send(command).is_err() {
            Counters::count(&self.counters.reactions_failed);
            tracing::warn!("the voice channel took no command");
        }
    }
}
