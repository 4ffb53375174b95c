//! What the hub asks of legs.

use std::net::SocketAddr;
use std::time::Instant;

use rapport_domain::id::LegId;
use rapport_domain::port::voice::{DialTarget, LegEnd, Refusal, Sound, VoiceCommand, VoiceEvent};

use super::{Dial, Engine, Leg, Phase, Switchboard};
use crate::media::Codec;
use crate::sdp;
use crate::sip::endpoint::{CallId, Invite, Reach};
use crate::sip::message::{Headers, Params, Scheme, Uri};

impl<E: Engine> Switchboard<E> {
    /// Follows a command. One for a leg that is over, or in a state in which it means nothing, does nothing.
    pub fn command(&mut self, command: VoiceCommand, now: Instant) {
        match command {
            VoiceCommand::Answer { leg, sound } => self.answer(leg, sound, now),
            VoiceCommand::Refuse { leg, reason } => self.refuse(leg, reason, now),
            VoiceCommand::Dial {
                leg,
                target,
                from_user,
                ring_for,
                sound,
            } => {
                self.counters.dials.add(1);
                let until = now + ring_for;
                self.dial(leg, target, from_user, until, sound, now);
            }
            VoiceCommand::Bridge { a, b } => {
                if a != b && self.has_media(a) && self.has_media(b) {
                    self.engine.bridge(a, b);
                }
            }
            VoiceCommand::Play { leg, sound } => {
                match self.legs.get_mut(&leg).map(|leg| &mut leg.phase) {
                    Some(Phase::Dialling { sound: first }) => *first = sound,
                    Some(Phase::Talking | Phase::AwaitingAck { .. }) => {
                        self.engine.play(leg, sound)
                    }
                    _ => {}
                }
            }
            VoiceCommand::HangUp { leg } => self.end(leg, LegEnd::HungUp, now),
            VoiceCommand::Peers(peers) => self.peers = peers.into_iter().collect(),
        }
        self.settle(now);
    }

    fn has_media(&self, leg: LegId) -> bool {
        self.legs
            .get(&leg)
            .is_some_and(|leg| matches!(leg.phase, Phase::Talking | Phase::AwaitingAck { .. }))
    }

    fn answer(&mut self, id: LegId, sound: Sound, now: Instant) {
        let Some(Leg {
            call: Some(call),
            phase: Phase::Offered { .. },
            reach,
            ..
        }) = self.legs.get(&id)
        else {
            return;
        };
        let (call, reach) = (*call, *reach);
        self.clear_deadline(id);
        let Ok(port) = self.engine.open(id) else {
            self.counters.no_ports.add(1);
            self.refuse_call(call, 503, now);
            return self.end(id, LegEnd::Failed, now);
        };
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        leg.media = true;
        leg.local.port = port;
        let waits = Phase::AwaitingAck { audio: None };
        let body = match std::mem::replace(&mut leg.phase, waits) {
            Phase::Offered { offer: Some(offer) } => {
                let body = sdp::answer(&leg.local, &offer);
                leg.phase = Phase::AwaitingAck {
                    audio: Some(offer.audio),
                };
                body
            }
            _ => sdp::offer(&leg.local, leg.codec),
        };
        // Heard from the ACK on.
        self.engine.play(id, sound);
        if !leg.from_user.is_empty() {
            self.callers.insert(leg.from_user.clone(), id);
        }
        self.endpoint.answer(call, body, reach, now);
    }

    fn refuse(&mut self, id: LegId, reason: Refusal, now: Instant) {
        let Some(Leg {
            call: Some(call),
            phase: Phase::Offered { .. },
            ..
        }) = self.legs.get(&id)
        else {
            return;
        };
        let status = match reason {
            Refusal::UnknownAccessPoint => 404,
            Refusal::Closed => 480,
            Refusal::Overloaded => 503,
        };
        self.refuse_call(*call, status, now);
        self.end(id, LegEnd::HungUp, now);
    }

    pub(super) fn refuse_call(&mut self, call: CallId, status: u16, now: Instant) {
        let extra = match status {
            503 => Headers::new().with(
                "Retry-After",
                self.admission.limits().retry_after.to_string(),
            ),
            _ => Headers::new(),
        };
        self.endpoint.reject(call, status, &extra, now);
    }

    fn dial(
        &mut self,
        id: LegId,
        target: DialTarget,
        from_user: String,
        until: Instant,
        sound: Sound,
        now: Instant,
    ) {
        if self.legs.contains_key(&id) {
            return;
        }
        let route = match target {
            DialTarget::RegisteredPhone { user, via: None } => self.phone_route(&user),
            DialTarget::RegisteredPhone {
                user,
                via: Some(peer),
            } => self.peer_route(&user, peer),
            DialTarget::Address { uri } => {
                Uri::parse(&uri).map(|uri| (uri.clone(), uri.socket_addr(), Reach::Contact))
            }
            DialTarget::Trunk { trunk, number } => self.trunk_route(&trunk, &number),
        };
        let Some((uri, to, reach)) = route else {
            self.events.push_back(VoiceEvent::Ended {
                leg: id,
                why: LegEnd::Unreachable,
            });
            return;
        };
        let codec = self
            .callers
            .get(&from_user)
            .and_then(|leg| self.legs.get(leg))
            .map(|leg| leg.codec);
        let lookup = uri.host_port();
        let dial = Dial {
            uri,
            from_user,
            sound,
            reach,
        };
        let leg = Leg {
            call: None,
            phase: Phase::Resolving { dial },
            local: self.local(),
            media: false,
            reach,
            // Only callers are found by their number.
            from_user: String::new(),
            codec: codec.unwrap_or(Codec::Pcmu),
            deadline: None,
        };
        self.add(id, leg, Some(until));
        match to {
            Some(to) => self.place(id, to, now),
            None => self.lookups.push_back((id, lookup)),
        }
    }

    /// To where the user registered last with the secret that is in force today.
    fn phone_route(&mut self, user: &str) -> Option<(Uri, Option<SocketAddr>, Reach)> {
        let known = self.phones.credential(user);
        let today = known.map(|credential| credential.fingerprint());
        if self.registrar.keep_only(user, today) {
            let user = user.to_owned();
            self.events.push_back(VoiceEvent::PhoneGone { user });
            self.counters.phones.set(self.registrar.len() as u64);
        }
        let binding = self.registrar.reach(user)?;
        Some((binding.contact.clone(), Some(binding.source), Reach::Source))
    }

    /// To the node the phone registered with. Everything in the call goes that way: only that node reaches the phone.
    fn peer_route(&self, user: &str, peer: SocketAddr) -> Option<(Uri, Option<SocketAddr>, Reach)> {
        let known = self.peers.contains(&peer);
        known.then(|| (Uri::sip(user, peer), Some(peer), Reach::Source))
    }

    fn trunk_route(&self, trunk: &str, number: &str) -> Option<(Uri, Option<SocketAddr>, Reach)> {
        let trunk = self.trunks.iter().find(|known| known.name == trunk)?;
        let to = SocketAddr::new(*trunk.addresses.first()?, trunk.port.unwrap_or(5060));
        let uri = Uri {
            scheme: Scheme::Sip,
            host: trunk.host.clone(),
            port: trunk.port,
            params: Params::default(),
            ..Uri::sip(number, to)
        };
        Some((uri, Some(to), Reach::Contact))
    }

    /// The look-up of a dial's host is done.
    pub fn resolved(&mut self, id: LegId, address: Option<SocketAddr>, now: Instant) {
        match address {
            Some(address) => self.place(id, address, now),
            None if matches!(
                self.legs.get(&id),
                Some(Leg {
                    phase: Phase::Resolving { .. },
                    ..
                })
            ) =>
            {
                self.end(id, LegEnd::Unreachable, now);
            }
            None => {}
        }
        self.settle(now);
    }

    /// Opens the port and sends the INVITE.
    fn place(&mut self, id: LegId, to: SocketAddr, now: Instant) {
        if !matches!(
            self.legs.get(&id),
            Some(Leg {
                phase: Phase::Resolving { .. },
                ..
            })
        ) {
            return; // it was hung up meanwhile
        }
        let Ok(port) = self.engine.open(id) else {
            self.counters.no_ports.add(1);
            return self.end(id, LegEnd::Failed, now);
        };
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        leg.media = true;
        leg.local.port = port;
        let Phase::Resolving { dial } = std::mem::replace(&mut leg.phase, Phase::Talking) else {
            return;
        };
        leg.phase = Phase::Dialling { sound: dial.sound };
        let invite = Invite {
            target: dial.uri,
            to,
            from_user: dial.from_user,
            sdp: sdp::offer(&leg.local, leg.codec),
            reach: dial.reach,
        };
        let call = self.endpoint.invite(invite, now);
        leg.call = Some(call);
        self.calls.insert(call, id);
    }
}
