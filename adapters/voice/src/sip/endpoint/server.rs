//! Requests that arrive: transactions, CANCEL, ACK, and what opens a call.

use std::net::SocketAddr;
use std::time::Instant;

use super::calls::{Call, CallState, offered_name};
use super::dialog::{Dialog, Reach};
use super::reply::{note_source, tag_to, template};
use super::timers::{Alarm, TimerKey};
use super::{ALLOW, CallEnd, CallId, Endpoint, Event, ServerKey};
use crate::sip::message::{Basics, Headers, Method, Request, Response};
use crate::sip::transaction::{Carrier, Kind, ServerTransaction};

pub(super) struct ServerEntry {
    machine: ServerTransaction,
    to: SocketAddr,
    template: Headers,
    /// Goes onto To of every response but 100.
    local_tag: String,
    /// The call that an INVITE opened.
    call: Option<CallId>,
    pub(super) alarm: Alarm,
}

/// RFC 3261 section 17.2.3: the branch names the transaction; for peers of RFC 2543 what they have instead.
fn server_key(basics: &Basics, method: &Method) -> ServerKey {
    let sent_by = &basics.via.sent_by;
    ServerKey(match basics.via.branch() {
        Some(branch) => format!("{branch} {sent_by} {method}").into(),
        None => {
            let (call_id, number) = (&basics.call_id, basics.cseq.number);
            format!(
                "{call_id} {number} {} {sent_by} {method}",
                basics.from.tag().unwrap_or("")
            )
            .into()
        }
    })
}

impl Endpoint {
    /// Whether this request was seen already and has a transaction; such a one is not new load.
    #[must_use]
    pub fn knows(&self, basics: &Basics) -> bool {
        self.servers
            .contains_key(&server_key(basics, &basics.cseq.method))
    }

    pub(super) fn on_request(
        &mut self,
        mut request: Request,
        basics: &Basics,
        source: SocketAddr,
        now: Instant,
    ) {
        if request.method == Method::Ack {
            return self.on_ack(request, basics, source, now);
        }
        let key = server_key(basics, &request.method);
        if let Some(entry) = self.servers.get(&key) {
            self.counters.repeated_requests.add(1);
            if let Some(bytes) = entry.machine.repeated().send {
                let to = entry.to;
                self.send(to, bytes);
            }
            return;
        }
        if request.method == Method::Cancel {
            return self.on_cancel(&request, basics, source, now);
        }
        note_source(&mut request, source);
        if basics.to.tag().is_some() && request.method != Method::Register {
            return self.on_in_dialog(request, basics, key, source, now);
        }
        if request.headers.number("Max-Forwards") == Some(0) && request.method != Method::Options {
            return self.reply(&request, source, 483, &Headers::new());
        }
        let required = request.headers.elements("Require");
        if !required.is_empty() {
            let extra = Headers::new().with("Unsupported", required.join(", "));
            return self.reply(&request, source, 420, &extra);
        }
        match request.method {
            Method::Invite => self.on_invite(request, basics, key, source, now),
            Method::Register => {
                self.open_server(key.clone(), &request, source, Kind::Other);
                self.tell(Event::Request {
                    transaction: key,
                    request: Box::new(request),
                    source,
                });
            }
            Method::Options => {
                let extra = Headers::new()
                    .with("Allow", ALLOW)
                    .with("Accept", "application/sdp");
                self.reply(&request, source, 200, &extra);
            }
            Method::Bye | Method::Update | Method::Info => {
                self.reply(&request, source, 481, &Headers::new())
            }
            _ => self.reply(&request, source, 405, &Headers::new().with("Allow", ALLOW)),
        }
    }

    fn on_invite(
        &mut self,
        invite: Request,
        basics: &Basics,
        key: ServerKey,
        source: SocketAddr,
        now: Instant,
    ) {
        if let Some(status) = session_fault(&invite) {
            let extra = Headers::new().with("Accept", "application/sdp");
            return self.reply(&invite, source, status, &extra);
        }
        // The same request on two paths (RFC 3261 section 8.2.2.2).
        let from_tag = basics.from.tag().unwrap_or("");
        let twin = self.dialogs.get(&offered_name(&basics.call_id, from_tag));
        if twin
            .and_then(|call| self.calls.get(call))
            .is_some_and(Call::is_offered)
        {
            return self.reply(&invite, source, 482, &Headers::new());
        }
        let local_tag = self.open_server(key.clone(), &invite, source, Kind::Invite);
        self.respond(&key, 100, &Headers::new(), Vec::new(), now);
        let call = CallId(self.fresh_id());
        if let Some(entry) = self.servers.get_mut(&key) {
            entry.call = Some(call);
        }
        let dialog = Dialog::incoming(&invite, basics, local_tag, source, Reach::Contact);
        self.dialogs
            .insert(offered_name(&basics.call_id, from_tag), call);
        let mut offered = Call::new(dialog, CallState::Offered { transaction: key });
        offered.offerless = invite.body.is_empty();
        self.add_call(call, offered);
        self.tell(Event::Incoming {
            call,
            invite: Box::new(invite),
            source,
        });
    }

    fn on_cancel(&mut self, cancel: &Request, basics: &Basics, source: SocketAddr, now: Instant) {
        let key = server_key(basics, &Method::Invite);
        let (pending, call) = match self.servers.get(&key) {
            None => return self.reply(cancel, source, 481, &Headers::new()),
            Some(entry) => (entry.machine.is_pending(), entry.call),
        };
        // The CANCEL is answered either way; it changes something only before our final response.
        self.reply(cancel, source, 200, &Headers::new());
        if !pending {
            return;
        }
        self.respond(&key, 487, &Headers::new(), Vec::new(), now);
        if let Some(call) = call.filter(|call| self.calls.get(call).is_some_and(Call::is_offered)) {
            self.forget_call(call);
            self.tell(Event::Ended {
                call,
                why: CallEnd::CallerGaveUp,
            });
        }
    }

    fn on_ack(&mut self, ack: Request, basics: &Basics, source: SocketAddr, now: Instant) {
        let key = server_key(basics, &Method::Invite);
        if let Some(entry) = self.servers.get_mut(&key) {
            entry.machine.acknowledged(now);
            self.schedule_server(&key);
        }
        self.on_dialog_ack(ack, basics, source, now);
    }

    /// Opens a transaction; answers with the To tag of its responses.
    pub(super) fn open_server(
        &mut self,
        key: ServerKey,
        request: &Request,
        to: SocketAddr,
        kind: Kind,
    ) -> String {
        let local_tag = self.tokens.token();
        let entry = ServerEntry {
            machine: ServerTransaction::start(kind, Carrier::Datagram),
            to,
            template: template(request),
            local_tag: local_tag.clone(),
            call: None,
            alarm: Alarm::default(),
        };
        self.servers.insert(key, entry);
        local_tag
    }

    /// Answers a request that has a transaction. Answers with the bytes that were sent; `None` when a final response
    /// went out before or the transaction is gone.
    pub fn respond(
        &mut self,
        key: &ServerKey,
        status: u16,
        extra: &Headers,
        body: Vec<u8>,
        now: Instant,
    ) -> Option<crate::sip::transaction::Bytes> {
        let entry = self.servers.get_mut(key)?;
        let mut headers = entry.template.clone();
        if status > 100 {
            tag_to(&mut headers, &entry.local_tag);
        }
        for header in extra.iter() {
            headers.push(&header.name, header.value.clone());
        }
        headers.push("Server", self.identity.product);
        if !body.is_empty() {
            headers.push("Content-Type", "application/sdp");
        }
        let bytes = Response {
            headers,
            body,
            ..Response::new(status)
        }
        .to_bytes()
        .into();
        let sent = entry.machine.respond(status, bytes, now).send;
        let to = entry.to;
        if let Some(bytes) = &sent {
            self.send(to, bytes.clone());
        }
        self.schedule_server(key);
        sent
    }

    pub(super) fn server_tick(&mut self, key: &ServerKey, now: Instant) {
        let Some(entry) = self.servers.get_mut(key) else {
            return;
        };
        let (step, to, over) = (entry.machine.tick(now), entry.to, entry.machine.is_over());
        if let Some(bytes) = step.send {
            self.counters.retransmissions.add(1);
            self.send(to, bytes);
        }
        if over {
            self.servers.remove(key);
        } else {
            self.schedule_server(key);
        }
    }

    fn schedule_server(&mut self, key: &ServerKey) {
        if let Some(entry) = self.servers.get_mut(key) {
            let deadline = entry.machine.deadline();
            self.timers
                .set(&mut entry.alarm, deadline, || TimerKey::Server(key.clone()));
        }
    }
}

/// A body must be a session description, and plain.
pub(super) fn session_fault(request: &Request) -> Option<u16> {
    if request.body.is_empty() {
        return None;
    }
    let media_type = request
        .headers
        .get("Content-Type")
        .unwrap_or("application/sdp");
    let media_type = media_type.split(';').next().unwrap_or("").trim();
    let encoded = request
        .headers
        .get("Content-Encoding")
        .is_some_and(|e| !e.eq_ignore_ascii_case("identity"));
    (!media_type.eq_ignore_ascii_case("application/sdp") || encoded).then_some(415)
}
