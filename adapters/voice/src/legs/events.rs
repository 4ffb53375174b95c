//! What peers do to legs.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use rapport_domain::id::LegId;
use rapport_domain::port::voice::{LegEnd, VoiceEvent};

use super::gate::{Admitted, caller};
use super::{Engine, Leg, Phase, Switchboard};
use crate::media::{Codec, Remote};
use crate::sdp::{self, Audio};
use crate::sip::digest::Proven;
use crate::sip::endpoint::{CallEnd, CallId, Event, Reach, ServerKey};
use crate::sip::message::{Headers, Request};
use crate::sip::registrar::Change;

/// What the media engine needs to know of a peer.
fn remote(audio: &Audio, flow: Option<SocketAddr>) -> Remote {
    let (codec, payload) = audio.codecs[0];
    Remote {
        addr: audio.address,
        flow: flow.map(|flow| flow.ip()),
        codec,
        payload,
        telephone_event: audio.telephone_event,
        send: audio.direction.receives(),
        receive: audio.direction.sends(),
    }
}

/// Whether sound may be sent to an address that a description names: to one machine, and to ourselves only when all
/// peers are on this machine. Else a description could aim us at a whole network or at what listens here.
fn may_hear(address: IpAddr, loopback: bool) -> bool {
    match address.to_canonical() {
        IpAddr::V4(ip) => {
            let this_network = ip.octets()[0] == 0;
            !(this_network || ip.is_multicast() || ip.is_broadcast())
                && (loopback || !ip.is_loopback())
        }
        IpAddr::V6(ip) => {
            !(ip.is_unspecified() || ip.is_multicast()) && (loopback || !ip.is_loopback())
        }
    }
}

/// The same inside a call, where 0.0.0.0 is the old way to hold (RFC 3264 section 8.4): nothing is sent there.
fn may_stay(audio: &Audio, loopback: bool) -> bool {
    audio.address.ip().is_unspecified() || may_hear(audio.address.ip(), loopback)
}

impl<E: Engine> Switchboard<E> {
    pub(super) fn on_event(&mut self, event: Event, now: Instant) {
        match event {
            Event::Incoming { call, invite, .. } => self.on_incoming(call, &invite, now),
            Event::Request {
                transaction,
                request,
                source,
            } => {
                self.on_register(&transaction, &request, source, now);
            }
            Event::Ringing { call } => {
                if let Some(&leg) = self.calls.get(&call) {
                    self.events.push_back(VoiceEvent::Ringing { leg });
                }
            }
            Event::Answered { call, sdp } => self.on_answered(call, &sdp, now),
            Event::Acked { call, answer } => self.on_acked(call, answer.as_deref(), now),
            Event::Offer { call, sdp } => self.on_offer(call, &sdp, now),
            Event::Ended { call, why } => self.on_ended(call, why),
            Event::Answer { .. } => {} // we send no requests outside of calls
        }
    }

    fn on_incoming(&mut self, call: CallId, invite: &Request, now: Instant) {
        let offer = match (invite.body.is_empty(), sdp::parse(&invite.body)) {
            (true, _) => None,
            (false, Ok(offer)) if may_hear(offer.audio.address.ip(), self.loopback) => Some(offer),
            (false, _) => {
                self.counters.refused_media.add(1);
                return self.endpoint.reject(call, 488, &Headers::new(), now);
            }
        };
        let (trunk, reach, from_user) = match self.in_hand.take() {
            Some(Admitted::Trunk(trunk)) => {
                let trunk = self.trunks[trunk].name.clone();
                (trunk, Reach::Contact, caller(invite))
            }
            // Who proved a password calls as the user it belongs to, whatever From claims.
            Some(Admitted::Phone(Proven { user, .. })) => {
                (format!("phone:{user}"), Reach::Source, user)
            }
            None => return self.endpoint.reject(call, 403, &Headers::new(), now),
        };
        let id =
            LegId::from_uuid(uuid::Builder::from_random_bytes(self.tokens.bytes()).into_uuid());
        let until = now + self.admission.limits().decide_within;
        let codec = offer
            .as_ref()
            .map_or(Codec::Pcmu, |offer| offer.audio.codecs[0].0);
        let leg = Leg {
            call: Some(call),
            phase: Phase::Offered { offer },
            local: self.local(),
            media: false,
            reach,
            from_user: from_user.clone(),
            codec,
            deadline: None,
        };
        self.add(id, leg, Some(until));
        self.events.push_back(VoiceEvent::Incoming {
            leg: id,
            trunk,
            from_user,
            to_user: invite.uri.user_name(),
        });
    }

    fn on_register(
        &mut self,
        transaction: &ServerKey,
        request: &Request,
        source: SocketAddr,
        now: Instant,
    ) {
        let Some(Admitted::Phone(proven)) = self.in_hand.take() else {
            self.endpoint
                .respond(transaction, 403, &Headers::new(), Vec::new(), now);
            return;
        };
        match self.registrar.register(&proven, request, source, now) {
            Ok((headers, change)) => {
                self.endpoint
                    .respond(transaction, 200, &headers, Vec::new(), now);
                let user = proven.user;
                match change {
                    Change::Nothing => {}
                    Change::Registered => {
                        self.counters.registrations.add(1);
                        self.events.push_back(VoiceEvent::PhoneRegistered { user });
                    }
                    Change::Gone => self.events.push_back(VoiceEvent::PhoneGone { user }),
                }
            }
            Err(refused) => {
                let extra = match refused.0 {
                    423 => {
                        Headers::new().with("Min-Expires", self.registrar.min_expires().to_string())
                    }
                    _ => Headers::new(),
                };
                self.endpoint
                    .respond(transaction, refused.0, &extra, Vec::new(), now);
            }
        }
        self.counters.phones.set(self.registrar.len() as u64);
    }

    fn on_answered(&mut self, call: CallId, body: &[u8], now: Instant) {
        let Some(&id) = self.calls.get(&call) else {
            return;
        };
        self.clear_deadline(id);
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        let Phase::Dialling { sound } = leg.phase else {
            return;
        };
        let answer = sdp::parse(body).map(|answer| answer.audio);
        let Some(audio) = answer.ok().filter(|audio| may_stay(audio, self.loopback)) else {
            return self.end(id, LegEnd::Failed, now);
        };
        leg.phase = Phase::Talking;
        leg.codec = audio.codecs[0].0;
        let flow = self.endpoint.flow(call);
        self.engine.set_remote(id, remote(&audio, flow));
        self.engine.play(id, sound);
        self.events.push_back(VoiceEvent::Answered { leg: id });
    }

    /// The peer has read our 200; `answer` is its answer when the 200 carried our offer.
    fn on_acked(&mut self, call: CallId, answer: Option<&[u8]>, now: Instant) {
        let Some(&id) = self.calls.get(&call) else {
            return;
        };
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        let waits = matches!(leg.phase, Phase::AwaitingAck { .. });
        let audio = match (answer, std::mem::replace(&mut leg.phase, Phase::Talking)) {
            (Some(body), _) => sdp::parse(body).ok().map(|answer| answer.audio),
            (None, Phase::AwaitingAck { audio }) => audio,
            // A change of session that is in force since our 200.
            (None, _) => return,
        };
        // Who opens a call names a place; later it may be told to send nowhere.
        let allowed = |audio: &Audio| match waits {
            true => may_hear(audio.address.ip(), self.loopback),
            false => may_stay(audio, self.loopback),
        };
        let Some(audio) = audio.filter(allowed) else {
            return self.end(id, LegEnd::Failed, now);
        };
        leg.codec = audio.codecs[0].0;
        let flow = self.endpoint.flow(call);
        self.engine.set_remote(id, remote(&audio, flow));
    }

    /// The peer moves its media, holds or resumes.
    fn on_offer(&mut self, call: CallId, body: &[u8], now: Instant) {
        let Some(leg) = self.calls.get(&call).and_then(|id| self.legs.get_mut(id)) else {
            return self.endpoint.reject_offer(call, 481, now);
        };
        if body.is_empty() {
            leg.local.version += 1;
            let offer = sdp::offer(&leg.local, leg.codec);
            return self.endpoint.answer_offer(call, offer, now);
        }
        if matches!(leg.phase, Phase::AwaitingAck { audio: None }) {
            return self.endpoint.reject_offer(call, 491, now); // ours is not answered (RFC 3311 section 5.2)
        }
        let offer = sdp::parse(body).ok();
        let Some(offer) = offer.filter(|offer| may_stay(&offer.audio, self.loopback)) else {
            return self.endpoint.reject_offer(call, 488, now);
        };
        leg.local.version += 1;
        leg.codec = offer.audio.codecs[0].0;
        let answer = sdp::answer(&leg.local, &offer);
        if let Phase::AwaitingAck { audio } = &mut leg.phase {
            *audio = Some(offer.audio);
        } else if let Some(&id) = self.calls.get(&call) {
            let flow = self.endpoint.flow(call);
            self.engine.set_remote(id, remote(&offer.audio, flow));
        }
        self.endpoint.answer_offer(call, answer, now);
    }

    fn on_ended(&mut self, call: CallId, why: CallEnd) {
        let Some(&id) = self.calls.get(&call) else {
            return;
        };
        let why = match why {
            CallEnd::PeerHungUp => LegEnd::PeerHungUp,
            CallEnd::CallerGaveUp => LegEnd::CallerGaveUp,
            CallEnd::Rejected(486 | 600) => LegEnd::Busy,
            CallEnd::Rejected(603 | 403) => LegEnd::Declined,
            CallEnd::Rejected(408 | 487) => LegEnd::NoAnswer,
            CallEnd::Rejected(_) | CallEnd::NoResponse => LegEnd::Unreachable,
            CallEnd::NeverAcknowledged => LegEnd::Failed,
        };
        self.close(id, why);
    }
}
