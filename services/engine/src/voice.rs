//! Calls: facts from the voice channel become commands on contacts, and decisions on contacts become commands to the
//! voice channel.

use std::sync::Arc;

use rapport_domain::agent::{self, Agent, PHONE_UNREACHABLE, Presence};
use rapport_domain::channel::{Channel, Direction};
use rapport_domain::contact_point::{ContactPoint, Kind};
use rapport_domain::event::Actor;
use rapport_domain::id::{InteractionId, LegId};
use rapport_domain::interaction::{DialParty, Fact, Interaction, Phase, Rejection, Start};
use rapport_domain::port::voice::{Refusal, Sound, Voice, VoiceCommand, VoiceEvent};
use tokio::sync::mpsc;

use crate::calls::LegRole;
use crate::counters::Counters;
use crate::engine::Engine;
use crate::store::{Ctx, Executed};

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
            VoiceEvent::PhoneRegistered { user } => {
                self.phone_is(&user, true).await;
                self.phone_is_back(&user).await;
            }
            VoiceEvent::PhoneGone { user } => self.phone_is(&user, false).await,
            VoiceEvent::Ringing { .. } => {}
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
        if !self.is_going() {
            return self.refuse_overloaded(leg); // the hub is stopping
        }
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
            node: self.life(),
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
                if !call.dials.contains(&(leg, DialParty::Agent)) {
                    return Err(Rejection::OfferGone); // the phone of an offer that is over
                }
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
            (Direction::Inbound, Some(customer)) => self.bridge(id, customer, leg),
            (Direction::Inbound, None) => self.customer_left(tenant, id).await,
            (Direction::Outbound, _) => self.dial_customer(leg, role, &call).await,
        }
    }

    async fn customer_answered(&self, leg: LegId, role: LegRole) {
        match (
            self.on_call(role, |call, _| call.connect()).await,
            self.calls.legs(role.interaction).agent,
        ) {
            (Ok(_), Some(agent)) => self.bridge(role.interaction, leg, agent),
            _ => self.command(VoiceCommand::HangUp { leg }),
        }
    }
}
