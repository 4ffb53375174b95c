//! Requests inside a call.

use std::net::SocketAddr;
use std::time::Instant;

use super::calls::{CallState, PendingOffer, dialog_name};
use super::server::session_fault;
use super::{ALLOW, CallEnd, CallId, Endpoint, Event, ServerKey};
use crate::sip::message::{Basics, Headers, Method, Request};
use crate::sip::transaction::Kind;

impl Endpoint {
    fn find_call(&self, basics: &Basics) -> Option<CallId> {
        let id = *self
            .dialogs
            .get(&dialog_name(&basics.call_id, basics.to.tag()?))?;
        let known = &self.calls.get(&id)?.dialog.remote_tag;
        // A dial that nobody answered yet does not know the peer's tag.
        (known.is_empty() || known == basics.from.tag().unwrap_or("")).then_some(id)
    }

    /// Whether a message belongs to a call: it carries our tag, which nobody can guess.
    #[must_use]
    pub fn is_inside_call(&self, basics: &Basics) -> bool {
        self.find_call(basics).is_some()
    }

    pub(super) fn on_in_dialog(
        &mut self,
        request: Request,
        basics: &Basics,
        key: ServerKey,
        source: SocketAddr,
        now: Instant,
    ) {
        let none = Headers::new();
        let Some(id) = self.find_call(basics) else {
            return self.reply(&request, source, 481, &none);
        };
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let number = basics.cseq.number;
        if call.dialog.remote_cseq.is_some_and(|last| number <= last) {
            return self.reply(&request, source, 500, &none);
        }
        call.dialog.remote_cseq = Some(number);
        call.dialog.refresh(&request, source);
        match request.method {
            Method::Bye => self.on_bye(id, &request, key, source, now),
            Method::Invite | Method::Update => {
                self.on_change(id, request, basics, key, source, now)
            }
            Method::Info | Method::Options => {
                self.answer_plain(&request, key, source, 200, now);
            }
            _ => self.reply(&request, source, 405, &Headers::new().with("Allow", ALLOW)),
        }
    }

    fn answer_plain(
        &mut self,
        request: &Request,
        key: ServerKey,
        source: SocketAddr,
        status: u16,
        now: Instant,
    ) {
        self.open_server(key.clone(), request, source, Kind::Other);
        self.respond(
            &key,
            status,
            &Headers::new().with("Allow", ALLOW),
            Vec::new(),
            now,
        );
    }

    fn on_bye(
        &mut self,
        id: CallId,
        request: &Request,
        key: ServerKey,
        source: SocketAddr,
        now: Instant,
    ) {
        self.answer_plain(request, key, source, 200, now);
        let Some(call) = self.forget_call(id) else {
            return;
        };
        if let Some(pending) = call.pending_offer {
            self.respond(&pending.transaction, 487, &Headers::new(), Vec::new(), now);
        }
        let why = match call.state {
            CallState::Leaving => return, // the owner knows of its end
            CallState::Confirmed { .. } => CallEnd::PeerHungUp,
            CallState::Offered { transaction } => {
                self.respond(&transaction, 487, &Headers::new(), Vec::new(), now);
                CallEnd::CallerGaveUp
            }
            // It answered and hung up, but its 200 was lost.
            CallState::Dialling { transaction, .. } => {
                self.cancel(&transaction, now);
                CallEnd::PeerHungUp
            }
        };
        self.tell(Event::Ended { call: id, why });
    }

    /// A re-INVITE or UPDATE.
    fn on_change(
        &mut self,
        id: CallId,
        request: Request,
        basics: &Basics,
        key: ServerKey,
        source: SocketAddr,
        now: Instant,
    ) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let invite = request.method == Method::Invite;
        let refusal = match call.state {
            CallState::Leaving => Some(481),
            CallState::Offered { .. } | CallState::Dialling { .. } => Some(491),
            CallState::Confirmed { .. } if call.pending_offer.is_some() => Some(491),
            CallState::Confirmed { .. } if invite && call.unacknowledged.is_some() => Some(491),
            CallState::Confirmed { .. } => session_fault(&request),
        };
        // An INVITE's refusal is repeated until acknowledged, so it needs a transaction.
        let kind = if invite { Kind::Invite } else { Kind::Other };
        if let Some(status) = refusal {
            self.open_server(key.clone(), &request, source, kind);
            self.respond(&key, status, &Headers::new(), Vec::new(), now);
            return;
        }
        if !invite && request.body.is_empty() {
            self.open_server(key.clone(), &request, source, kind);
            let extra = Headers::new()
                .with("Contact", self.contact())
                .with("Allow", ALLOW);
            self.respond(&key, 200, &extra, Vec::new(), now);
            return;
        }
        call.pending_offer = Some(PendingOffer {
            transaction: key.clone(),
            cseq: basics.cseq.number,
            invite,
            empty: request.body.is_empty(),
        });
        self.open_server(key, &request, source, kind);
        self.tell(Event::Offer {
            call: id,
            sdp: request.body,
        });
    }

    /// The ACK of a 2xx.
    pub(super) fn on_dialog_ack(
        &mut self,
        ack: Request,
        basics: &Basics,
        source: SocketAddr,
        now: Instant,
    ) {
        let Some(id) = self.find_call(basics) else {
            return;
        };
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let Some(waiting) = call
            .unacknowledged
            .take_if(|waiting| waiting.cseq == basics.cseq.number)
        else {
            return;
        };
        call.dialog.flow = source;
        if matches!(call.state, CallState::Leaving) {
            return self.bye(id, now);
        }
        self.tell(Event::Acked {
            call: id,
            answer: waiting.offered.then_some(ack.body),
        });
    }
}
