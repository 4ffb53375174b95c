//! What happens to the phone's calls and its registration.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::line::{Call, Line};
use super::{Answering, PhoneCall, PhoneEnd, PhoneEvent, RtpStats};
use crate::sdp::{self, Description};
use crate::sip::endpoint::{AskId, CallEnd, CallId, Event, Invite, Output, Reach};
use crate::sip::message::{Headers, NameAddr, Uri};

/// After a failed registration.
const RETRY: Duration = Duration::from_secs(30);

impl Line {
    pub(super) fn dial(&mut self, id: PhoneCall, to_uri: &str, from_user: String, now: Instant) {
        let target = Uri::parse(to_uri);
        let to = target
            .as_ref()
            .and_then(Uri::socket_addr)
            .or(self.config.registrar);
        let (Some(target), Some(to)) = (target, to) else {
            let stats = RtpStats::default();
            return self.told.push(PhoneEvent::Ended {
                id,
                why: PhoneEnd::Failed,
                stats,
            });
        };
        let local = self.local(id);
        let sdp = sdp::offer(&local, self.config.codec);
        let call = self.endpoint.invite(
            Invite {
                target,
                to,
                from_user,
                sdp,
                reach: Reach::Contact,
            },
            now,
        );
        self.ids.insert(id, call);
        self.calls.insert(
            call,
            Call {
                id,
                local,
                offer: None,
                answer_at: None,
            },
        );
    }

    pub(super) fn answer(&mut self, call: CallId, now: Instant) {
        let Some(known) = self.calls.get_mut(&call) else {
            return;
        };
        let Some(offer) = known.offer.take() else {
            return;
        };
        if let Some(at) = known.answer_at.take() {
            self.answers.remove(&(at, call));
        }
        let (id, body) = (known.id, sdp::answer(&known.local, &offer));
        self.endpoint.answer(call, body, Reach::Contact, now);
        self.talk(call, &offer);
        self.told.push(PhoneEvent::Answered { id });
    }

    fn talk(&mut self, call: CallId, description: &Description) {
        if let Some(known) = self.calls.get(&call) {
            let ssrc = u32::try_from(known.id.0 & 0xffff_ffff).unwrap_or(0)
                ^ u32::from(self.rtp_local.port()) << 16;
            self.streams.set(known.id.0, &description.audio, ssrc);
        }
    }

    pub(super) fn end(&mut self, call: CallId, why: PhoneEnd) {
        let Some(known) = self.calls.remove(&call) else {
            return;
        };
        self.ids.remove(&known.id);
        if let Some(at) = known.answer_at {
            self.answers.remove(&(at, call));
        }
        let stats = self.streams.remove(known.id.0);
        self.told.push(PhoneEvent::Ended {
            id: known.id,
            why,
            stats,
        });
    }

    pub(super) fn settle(&mut self, now: Instant) {
        while let Some(output) = self.endpoint.next_output() {
            match output {
                // What the socket will not take is repeated by SIP's timers.
                Output::Send { to, bytes } => drop(self.sip.try_send_to(&bytes, to)),
                Output::Event(event) => self.on_event(event, now),
            }
        }
    }

    fn on_event(&mut self, event: Event, now: Instant) {
        match event {
            Event::Incoming { call, invite, .. } => {
                let from = invite.headers.get("From").and_then(NameAddr::parse);
                self.on_incoming(call, sdp::parse(&invite.body).ok(), from, now);
            }
            Event::Request { transaction, .. } => {
                self.endpoint
                    .respond(&transaction, 405, &Headers::new(), Vec::new(), now);
            }
            Event::Ringing { call } => {
                if let Some(known) = self.calls.get(&call) {
                    self.told.push(PhoneEvent::Ringing { id: known.id });
                }
            }
            Event::Answered { call, sdp } => match sdp::parse(&sdp) {
                Ok(answer) => {
                    self.talk(call, &answer);
                    if let Some(known) = self.calls.get(&call) {
                        self.told.push(PhoneEvent::Answered { id: known.id });
                    }
                }
                Err(_) => {
                    self.endpoint.hang_up(call, now);
                    self.end(call, PhoneEnd::Failed);
                }
            },
            Event::Acked { .. } => {} // the phone trusts whoever it answers
            Event::Offer { call, sdp } => self.on_offer(call, &sdp, now),
            Event::Ended { call, why } => {
                let why = match why {
                    CallEnd::PeerHungUp | CallEnd::CallerGaveUp => PhoneEnd::ByPeer,
                    CallEnd::Rejected(status) => PhoneEnd::Refused(status),
                    CallEnd::NoResponse | CallEnd::NeverAcknowledged => PhoneEnd::Failed,
                };
                self.end(call, why);
            }
            Event::Answer { ask, response } => {
                self.on_registered(ask, response.map(|r| r.status), now)
            }
        }
    }

    fn on_incoming(
        &mut self,
        call: CallId,
        offer: Option<Description>,
        from: Option<NameAddr>,
        now: Instant,
    ) {
        if let Answering::Reject(status) = self.config.answering {
            return self.endpoint.reject(call, status, &Headers::new(), now);
        }
        let Some(offer) = offer else {
            return self.endpoint.reject(call, 488, &Headers::new(), now);
        };
        let id = PhoneCall(self.last_call.fetch_add(1, Ordering::Relaxed) + 1);
        let answer_at = match self.config.answering {
            Answering::After(delay) => Some(now + delay),
            _ => None,
        };
        let local = self.local(id);
        self.ids.insert(id, call);
        self.calls.insert(
            call,
            Call {
                id,
                local,
                offer: Some(offer),
                answer_at,
            },
        );
        if let Some(at) = answer_at {
            self.answers.insert((at, call));
        }
        self.endpoint.ring(call, now);
        let from_user = from.map(|from| from.uri.user_name()).unwrap_or_default();
        self.told.push(PhoneEvent::Incoming { id, from_user });
    }

    fn on_offer(&mut self, call: CallId, body: &[u8], now: Instant) {
        let Some(known) = self.calls.get_mut(&call) else {
            return self.endpoint.reject_offer(call, 481, now);
        };
        known.local.version += 1;
        match sdp::parse(body) {
            Ok(offer) => {
                let answer = sdp::answer(&known.local, &offer);
                self.endpoint.answer_offer(call, answer, now);
                self.talk(call, &offer);
            }
            Err(_) => self.endpoint.reject_offer(call, 488, now),
        }
    }

    fn on_registered(&mut self, ask: AskId, status: Option<u16>, now: Instant) {
        let Some(registration) = &mut self.registration else {
            return;
        };
        if registration.asked != Some(ask) || self.stopping.is_some() {
            return;
        }
        if status == Some(200) {
            registration.registered = true;
            registration.next = Some(now + self.config.expires * 2 / 3);
            self.told.push(PhoneEvent::Registered);
        } else {
            registration.next = Some(now + RETRY);
            self.told.push(PhoneEvent::NotRegistered { status });
        }
    }
}
