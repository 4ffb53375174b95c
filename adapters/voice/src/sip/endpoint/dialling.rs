//! The life of an INVITE of ours: progress, answer, refusal, challenge, and giving up.

use std::net::SocketAddr;
use std::time::Instant;

use super::calls::CallState;
use super::client::{Cancel, ClientEntry, Owner};
use super::dialog::Dialog;
use super::{CallEnd, CallId, ClientKey, Endpoint, Event};
use crate::sip::message::{Basics, Headers, Method, Request, Response};
use crate::sip::transaction::Bytes;

/// Peers that answer one INVITE are at most counted to this; beyond it they are only acknowledged.
const MAX_FORKS: usize = 8;

impl Endpoint {
    pub(super) fn on_progress(&mut self, id: CallId, status: u16) {
        if let Some(call) = self.calls.get_mut(&id)
            && let CallState::Dialling { ringing, .. } = &mut call.state
            && matches!(status, 180..=183)
            && !std::mem::replace(ringing, true)
        {
            self.tell(Event::Ringing { call: id });
        }
    }

    pub(super) fn end_dial(&mut self, key: &ClientKey, id: CallId, why: CallEnd) {
        let ours = self
            .calls
            .get(&id)
            .is_some_and(|call| matches!(&call.state, CallState::Dialling { transaction, .. } if transaction == key));
        if ours {
            self.forget_call(id);
            self.tell(Event::Ended { call: id, why });
        }
    }

    /// A 2xx to an INVITE: the answer, its repetition, another fork's, or one that comes after we gave up.
    pub(super) fn on_success(
        &mut self,
        key: &ClientKey,
        id: CallId,
        response: &Response,
        basics: &Basics,
        source: SocketAddr,
        now: Instant,
    ) {
        let Some(entry) = self.clients.get(key) else {
            return;
        };
        let Owner::Dial { reach, .. } = &entry.owner else {
            return;
        };
        let mut dialog = Dialog::outgoing(&entry.request, response, basics, source, *reach);
        if let Some(call) = self.calls.get_mut(&id) {
            match &call.state {
                CallState::Dialling { transaction, .. } if transaction == key => {
                    dialog.reach = call.dialog.reach;
                    let (ack, to) = self.ack_in(&dialog);
                    if let Some(call) = self.calls.get_mut(&id) {
                        call.dialog = dialog;
                        call.state = CallState::Confirmed {
                            transaction: Some(key.clone()),
                        };
                        call.ack = Some((ack.clone(), to));
                    }
                    self.send(to, ack);
                    self.tell(Event::Answered {
                        call: id,
                        sdp: response.body.clone(),
                    });
                    return;
                }
                CallState::Confirmed {
                    transaction: Some(transaction),
                } if transaction == key && call.dialog.remote_tag == dialog.remote_tag => {
                    if let Some((ack, to)) = call.ack.clone() {
                        self.send(to, ack);
                    }
                    return;
                }
                _ => {}
            }
        }
        let (ack, to) = self.ack_in(&dialog);
        self.send(to, ack);
        let Some(ClientEntry {
            owner: Owner::Dial { killed, .. },
            ..
        }) = self.clients.get_mut(key)
        else {
            return;
        };
        if killed.len() < MAX_FORKS && !killed.contains(&dialog.remote_tag) {
            killed.push(dialog.remote_tag.clone());
            self.bye_in(&mut dialog, now);
        }
    }

    fn ack_in(&mut self, dialog: &Dialog) -> (Bytes, SocketAddr) {
        let branch = self.tokens.branch();
        let (request, to) = dialog.request(
            Method::Ack,
            dialog.local_cseq,
            self.request_headers(&branch),
        );
        (request.to_bytes().into(), to)
    }

    /// Withdraws a dial: now when the peer has shown life, else as soon as it does.
    pub(super) fn cancel(&mut self, key: &ClientKey, now: Instant) {
        let Some(entry) = self.clients.get_mut(key) else {
            return;
        };
        let Owner::Dial { cancel, .. } = &mut entry.owner else {
            return;
        };
        if *cancel == Cancel::Sent {
            return;
        }
        if !entry.machine.is_proceeding() {
            *cancel = Cancel::Wanted;
            return;
        }
        *cancel = Cancel::Sent;
        entry.machine.cancelled(now);
        let (request, to) = (same_request(&entry.request, Method::Cancel), entry.to);
        let branch = key.0.split(' ').next().unwrap_or("").to_owned();
        self.schedule_client(key);
        self.start_plain(request, branch, to, now);
    }

    /// Repeats a challenged request with credentials, once. False when there are none to give.
    pub(super) fn authenticate(
        &mut self,
        key: &ClientKey,
        response: &Response,
        now: Instant,
    ) -> bool {
        let Some(entry) = self.clients.get_mut(key) else {
            return false;
        };
        let withdrawn = matches!(entry.owner, Owner::Dial { cancel, .. } if cancel != Cancel::No);
        if entry.authenticated || withdrawn {
            return false;
        }
        let Some(credentials) = self.credentials.as_mut() else {
            return false;
        };
        let mut request = entry.request.clone();
        let cseq = match &mut entry.owner {
            Owner::Ask { cseq, .. } => {
                *cseq += 1;
                *cseq
            }
            _ => 2,
        };
        let branch = self.tokens.branch();
        request.headers.remove("Authorization");
        request.headers.remove("Proxy-Authorization");
        request
            .headers
            .set("CSeq", format!("{cseq} {}", request.method));
        let tokens = &mut self.tokens;
        let Some((name, value)) = credentials.answer(response, &request, || tokens.token()) else {
            return false;
        };
        request.headers.push(name, value);
        let owner = std::mem::replace(&mut entry.owner, Owner::Nobody);
        let to = entry.to;
        let via = self.via(&branch);
        request.headers.set("Via", via);
        let dialled = if let Owner::Dial { call, .. } = &owner {
            Some(*call)
        } else {
            None
        };
        let new_key = self.start(request, &branch, to, owner, true, now);
        if let Some(call) = dialled.and_then(|call| self.calls.get_mut(&call)) {
            call.dialog.local_cseq = cseq;
            call.state = CallState::Dialling {
                transaction: new_key,
                ringing: false,
            };
        }
        true
    }
}

/// CANCEL and the ACK of a failure look like the INVITE they belong to, branch included (RFC 3261 sections 9.1,
/// 17.1.1.3).
fn same_request(invite: &Request, method: Method) -> Request {
    let mut headers = Headers::new();
    for name in ["Via", "Max-Forwards", "From", "To", "Call-ID", "Route"] {
        for value in invite.headers.all(name) {
            headers.push(name, value);
        }
    }
    let number = invite
        .headers
        .get("CSeq")
        .and_then(|cseq| cseq.split(' ').next())
        .unwrap_or("1");
    headers.push("CSeq", format!("{number} {method}"));
    Request {
        method,
        uri: invite.uri.clone(),
        headers,
        body: Vec::new(),
    }
}

pub(super) fn failure_ack(invite: &Request, response: &Response) -> Request {
    let mut ack = same_request(invite, Method::Ack);
    if let Some(to) = response.headers.get("To") {
        ack.headers.set("To", to);
    }
    ack
}
