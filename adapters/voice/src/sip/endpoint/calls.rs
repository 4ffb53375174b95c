//! Calls: what the owner can do with them, and the 200 that is repeated until it is acknowledged.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::dialog::{Dialog, Reach};
use super::timers::{Alarm, TimerKey};
use super::{ALLOW, CallEnd, CallId, ClientKey, Endpoint, Event, ServerKey};
use crate::sip::message::{Headers, Method, Uri};
use crate::sip::transaction::{Bytes, T1, T1X64, T2};

/// What a new call needs.
#[derive(Clone, Debug)]
pub struct Invite {
    /// The request URI and To.
    pub target: Uri,
    /// Where the INVITE is sent.
    pub to: SocketAddr,
    /// User part of From.
    pub from_user: String,
    /// The offer.
    pub sdp: Vec<u8>,
    /// Where later requests of the call go.
    pub reach: Reach,
}

/// How far a call is.
pub(super) enum CallState {
    /// Incoming, not answered.
    Offered { transaction: ServerKey },
    /// Outgoing, not answered.
    Dialling {
        transaction: ClientKey,
        ringing: bool,
    },
    /// Answered.
    Confirmed { transaction: Option<ClientKey> },
    /// The owner hung up before the peer acknowledged our 200: BYE follows the ACK.
    Leaving,
}

/// A 2xx of ours that awaits its ACK.
pub(super) struct Unacknowledged {
    pub cseq: u32,
    pub bytes: Bytes,
    pub to: SocketAddr,
    interval: Duration,
    again: Instant,
    until: Instant,
    /// The 2xx carried our offer; the ACK carries the answer.
    pub offered: bool,
}

/// A change of session by the peer that the owner has not answered yet.
pub(super) struct PendingOffer {
    pub transaction: ServerKey,
    pub cseq: u32,
    pub invite: bool,
    pub empty: bool,
}

pub(super) struct Call {
    pub dialog: Dialog,
    pub state: CallState,
    pub unacknowledged: Option<Unacknowledged>,
    pub pending_offer: Option<PendingOffer>,
    /// Our ACK to the peer's 200, for its repetitions.
    pub ack: Option<(Bytes, SocketAddr)>,
    /// The INVITE that opened an incoming call had no body.
    pub offerless: bool,
    pub alarm: Alarm,
}

impl Call {
    pub(super) fn new(dialog: Dialog, state: CallState) -> Self {
        Self {
            dialog,
            state,
            unacknowledged: None,
            pending_offer: None,
            ack: None,
            offerless: false,
            alarm: Alarm::default(),
        }
    }

    pub(super) const fn is_offered(&self) -> bool {
        matches!(self.state, CallState::Offered { .. })
    }
}

/// Finds a call by what requests inside it carry.
pub(super) fn dialog_name(call_id: &str, local_tag: &str) -> String {
    format!("{call_id}\n{local_tag}")
}

/// Finds an unanswered incoming call by what its INVITE carries.
pub(super) fn offered_name(call_id: &str, from_tag: &str) -> String {
    format!("{call_id}\nfrom\n{from_tag}")
}

impl Endpoint {
    pub(super) fn add_call(&mut self, id: CallId, call: Call) {
        self.dialogs.insert(
            dialog_name(&call.dialog.call_id, &call.dialog.local_tag),
            id,
        );
        self.calls.insert(id, call);
    }

    pub(super) fn forget_call(&mut self, id: CallId) -> Option<Call> {
        let call = self.calls.remove(&id)?;
        self.dialogs
            .remove(&dialog_name(&call.dialog.call_id, &call.dialog.local_tag));
        self.dialogs
            .remove(&offered_name(&call.dialog.call_id, &call.dialog.remote_tag));
        Some(call)
    }

    /// Dials. `Ringing`, `Answered` or `Ended` follow.
    pub fn invite(&mut self, invite: Invite, now: Instant) -> CallId {
        let id = CallId(self.fresh_id());
        let (branch, call_id, tag) = (
            self.tokens.branch(),
            self.tokens.token(),
            self.tokens.token(),
        );
        let from = format!("<{}>;tag={tag}", self.own_uri(&invite.from_user));
        let to = format!("<{}>", invite.target);
        let headers = self
            .request_headers(&branch)
            .with("From", from.clone())
            .with("To", to.clone())
            .with("Call-ID", call_id.clone())
            .with("CSeq", "1 INVITE")
            .with("Contact", self.contact())
            .with("Allow", ALLOW)
            .with("User-Agent", self.identity.product)
            .with("Content-Type", "application/sdp");
        let request = super::Request {
            method: Method::Invite,
            uri: invite.target.clone(),
            headers,
            body: invite.sdp,
        };
        let transaction = self.start_dial(id, request, branch, invite.to, now);
        let dialog = Dialog {
            call_id,
            local: from,
            remote: to,
            local_tag: tag,
            remote_tag: String::new(),
            local_cseq: 1,
            remote_cseq: None,
            routes: Vec::new(),
            target: invite.target,
            flow: invite.to,
            reach: invite.reach,
        };
        self.add_call(
            id,
            Call::new(
                dialog,
                CallState::Dialling {
                    transaction,
                    ringing: false,
                },
            ),
        );
        id
    }

    /// 180 to an incoming call. Without effect in any other state.
    pub fn ring(&mut self, id: CallId, now: Instant) {
        if let Some(CallState::Offered { transaction }) =
            self.calls.get(&id).map(|call| &call.state)
        {
            let (transaction, contact) = (transaction.clone(), self.contact());
            self.respond(
                &transaction,
                180,
                &Headers::new().with("Contact", contact),
                Vec::new(),
                now,
            );
        }
    }

    /// Answers an incoming call with 200. `reach` says where our later requests go. Without effect in any other
    /// state.
    pub fn answer(&mut self, id: CallId, sdp: Vec<u8>, reach: Reach, now: Instant) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let CallState::Offered { transaction } = &call.state else {
            return;
        };
        let transaction = transaction.clone();
        call.dialog.reach = reach;
        let cseq = call.dialog.remote_cseq.unwrap_or(0);
        let offered = call.offerless;
        let extra = Headers::new()
            .with("Contact", self.contact())
            .with("Allow", ALLOW);
        let sent = self.respond(&transaction, 200, &extra, sdp, now);
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        call.state = CallState::Confirmed { transaction: None };
        let name = offered_name(&call.dialog.call_id, &call.dialog.remote_tag);
        self.dialogs.remove(&name);
        if let Some(bytes) = sent {
            self.await_ack(id, cseq, bytes, offered, now);
        }
    }

    /// Turns an incoming call away. Without effect in any other state.
    pub fn reject(&mut self, id: CallId, status: u16, extra: &Headers, now: Instant) {
        if let Some(CallState::Offered { transaction }) =
            self.calls.get(&id).map(|call| &call.state)
        {
            let transaction = transaction.clone();
            self.forget_call(id);
            self.respond(&transaction, status, extra, Vec::new(), now);
        }
    }

    /// Ends a call in whatever state it is: final response, CANCEL or BYE. The owner hears no more of it.
    pub fn hang_up(&mut self, id: CallId, now: Instant) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        if let Some(pending) = call.pending_offer.take() {
            self.respond(&pending.transaction, 487, &Headers::new(), Vec::new(), now);
        }
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        match &call.state {
            CallState::Offered { .. } => self.reject(id, 480, &Headers::new(), now),
            CallState::Dialling { transaction, .. } => {
                let transaction = transaction.clone();
                self.forget_call(id);
                self.cancel(&transaction, now);
            }
            CallState::Confirmed { .. } if call.unacknowledged.is_some() => {
                // A BYE may not overtake the ACK (RFC 3261 section 15).
                call.state = CallState::Leaving;
            }
            CallState::Confirmed { .. } => self.bye(id, now),
            CallState::Leaving => {}
        }
    }

    /// Answers the peer's change of session. Without effect when none is open.
    pub fn answer_offer(&mut self, id: CallId, sdp: Vec<u8>, now: Instant) {
        let Some(pending) = self
            .calls
            .get_mut(&id)
            .and_then(|call| call.pending_offer.take())
        else {
            return;
        };
        let extra = Headers::new()
            .with("Contact", self.contact())
            .with("Allow", ALLOW);
        let sent = self.respond(&pending.transaction, 200, &extra, sdp, now);
        if let (true, Some(bytes)) = (pending.invite, sent) {
            self.await_ack(id, pending.cseq, bytes, pending.empty, now);
        }
    }

    /// Refuses the peer's change of session; the session stays as it was.
    pub fn reject_offer(&mut self, id: CallId, status: u16, now: Instant) {
        if let Some(pending) = self
            .calls
            .get_mut(&id)
            .and_then(|call| call.pending_offer.take())
        {
            self.respond(
                &pending.transaction,
                status,
                &Headers::new(),
                Vec::new(),
                now,
            );
        }
    }

    /// Repeats a 2xx until its ACK comes, for 64*T1 (RFC 3261 section 13.3.1.4).
    fn await_ack(&mut self, id: CallId, cseq: u32, bytes: Bytes, offered: bool, now: Instant) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let to = call.dialog.flow;
        call.unacknowledged = Some(Unacknowledged {
            cseq,
            bytes,
            to,
            interval: T1,
            again: now + T1,
            until: now + T1X64,
            offered,
        });
        self.schedule_call(id);
    }

    pub(super) fn call_tick(&mut self, id: CallId, now: Instant) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let Some(waiting) = &mut call.unacknowledged else {
            return;
        };
        if waiting.until <= now {
            call.unacknowledged = None;
            let silent = matches!(call.state, CallState::Leaving);
            self.bye(id, now);
            if !silent {
                self.tell(Event::Ended {
                    call: id,
                    why: CallEnd::NeverAcknowledged,
                });
            }
            return;
        }
        if waiting.again <= now {
            waiting.interval = (waiting.interval * 2).min(T2);
            waiting.again = now + waiting.interval;
            let (to, bytes) = (waiting.to, waiting.bytes.clone());
            self.counters.retransmissions.add(1);
            self.send(to, bytes);
        }
        self.schedule_call(id);
    }

    fn schedule_call(&mut self, id: CallId) {
        if let Some(call) = self.calls.get_mut(&id)
            && let Some(waiting) = &call.unacknowledged
        {
            let deadline = waiting.again.min(waiting.until);
            self.timers
                .set(&mut call.alarm, Some(deadline), || TimerKey::Call(id));
        }
    }

    /// Sends BYE and forgets the call.
    pub(super) fn bye(&mut self, id: CallId, now: Instant) {
        let Some(mut call) = self.forget_call(id) else {
            return;
        };
        self.bye_in(&mut call.dialog, now);
    }

    pub(super) fn bye_in(&mut self, dialog: &mut Dialog, now: Instant) {
        let branch = self.tokens.branch();
        dialog.local_cseq += 1;
        let headers = self
            .request_headers(&branch)
            .with("User-Agent", self.identity.product);
        let (request, to) = dialog.request(Method::Bye, dialog.local_cseq, headers);
        self.start_plain(request, branch, to, now);
    }
}
