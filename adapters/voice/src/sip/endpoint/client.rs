//! Requests we send, and the responses to them.

use std::net::SocketAddr;
use std::time::Instant;

use super::dialling::failure_ack;
use super::dialog::Reach;
use super::timers::{Alarm, TimerKey};
use super::{AskId, CallEnd, CallId, ClientKey, Endpoint, Event};
use crate::sip::message::{Basics, Headers, Method, Request, Response, Uri};
use crate::sip::transaction::{Bytes, Carrier, ClientTransaction, Kind};

/// A request outside of calls.
#[derive(Clone, Debug)]
pub struct Ask {
    /// REGISTER or OPTIONS.
    pub method: Method,
    /// Request URI.
    pub uri: Uri,
    /// Whose: From and To.
    pub about: Uri,
    /// Where it goes.
    pub to: SocketAddr,
    /// Names the series of requests.
    pub call_id: String,
    /// Its place in the series; must grow.
    pub cseq: u32,
    /// Further headers.
    pub extra: Headers,
}

pub(super) enum Owner {
    Dial {
        call: CallId,
        cancel: Cancel,
        killed: Vec<String>,
        reach: Reach,
    },
    Ask {
        ask: AskId,
        cseq: u32,
    },
    /// BYE and CANCEL: whatever comes back changes nothing.
    Nobody,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Cancel {
    No,
    /// As soon as a provisional response shows that there is something to cancel (RFC 3261 section 9.1).
    Wanted,
    Sent,
}

pub(super) struct ClientEntry {
    pub(super) machine: ClientTransaction,
    pub(super) request: Request,
    pub(super) to: SocketAddr,
    pub(super) owner: Owner,
    /// Credentials were sent already; a second challenge is a refusal.
    pub(super) authenticated: bool,
    pub(super) alarm: Alarm,
}

impl ClientEntry {
    pub(super) fn is_pending(&self) -> bool {
        self.machine.is_pending()
    }
}

fn client_key(branch: &str, method: &Method) -> ClientKey {
    ClientKey(format!("{branch} {method}").into())
}

impl Endpoint {
    pub(super) fn start_dial(
        &mut self,
        call: CallId,
        request: Request,
        branch: String,
        to: SocketAddr,
        now: Instant,
    ) -> ClientKey {
        let owner = Owner::Dial {
            call,
            cancel: Cancel::No,
            killed: Vec::new(),
            reach: Reach::Contact,
        };
        self.start(request, &branch, to, owner, false, now)
    }

    pub(super) fn start_plain(
        &mut self,
        request: Request,
        branch: String,
        to: SocketAddr,
        now: Instant,
    ) {
        self.start(request, &branch, to, Owner::Nobody, false, now);
    }

    pub(super) fn start(
        &mut self,
        request: Request,
        branch: &str,
        to: SocketAddr,
        owner: Owner,
        authenticated: bool,
        now: Instant,
    ) -> ClientKey {
        let kind = if request.method == Method::Invite {
            Kind::Invite
        } else {
            Kind::Other
        };
        let key = client_key(branch, &request.method);
        let bytes: Bytes = request.to_bytes().into();
        self.send(to, bytes.clone());
        let machine = ClientTransaction::start(kind, Carrier::Datagram, bytes, now);
        let entry = ClientEntry {
            machine,
            request,
            to,
            owner,
            authenticated,
            alarm: Alarm::default(),
        };
        self.clients.insert(key.clone(), entry);
        self.schedule_client(&key);
        key
    }

    /// Sends a request outside of calls; `Answer` follows. With credentials a challenge is answered once.
    pub fn ask(&mut self, ask: Ask, now: Instant) -> AskId {
        let id = AskId(self.fresh_id());
        let (branch, tag) = (self.tokens.branch(), self.tokens.token());
        let mut headers = self
            .request_headers(&branch)
            .with("From", format!("<{}>;tag={tag}", ask.about))
            .with("To", format!("<{}>", ask.about))
            .with("Call-ID", ask.call_id)
            .with("CSeq", format!("{} {}", ask.cseq, ask.method))
            .with("Contact", self.contact())
            .with("User-Agent", self.identity.product);
        for header in ask.extra.iter() {
            headers.push(&header.name, header.value.clone());
        }
        let mut request = Request {
            method: ask.method,
            uri: ask.uri,
            headers,
            body: Vec::new(),
        };
        // A challenge we answered before usually still holds.
        let tokens = &mut self.tokens;
        let known = self
            .credentials
            .as_mut()
            .and_then(|known| known.again(&request, || tokens.token()));
        if let Some((name, value)) = known {
            request.headers.push(name, value);
        }
        self.start(
            request,
            &branch,
            ask.to,
            Owner::Ask {
                ask: id,
                cseq: ask.cseq,
            },
            false,
            now,
        );
        id
    }

    pub(super) fn on_response(
        &mut self,
        response: Response,
        basics: &Basics,
        source: SocketAddr,
        now: Instant,
    ) {
        let Some(branch) = basics.via.branch() else {
            return;
        };
        let key = client_key(branch, &basics.cseq.method);
        let Some(entry) = self.clients.get_mut(&key) else {
            self.counters.stray_responses.add(1);
            return;
        };
        let step = entry.machine.response(response.status, now);
        let to = entry.to;
        if step.acknowledge {
            let ack: Bytes = failure_ack(&entry.request, &response).to_bytes().into();
            entry.machine.acknowledge(ack.clone());
            self.send(to, ack);
        } else if let Some(bytes) = step.send {
            self.send(to, bytes);
        }
        self.schedule_client(&key);
        if step.deliver {
            self.on_delivered(&key, response, basics, source, now);
        }
    }

    fn on_delivered(
        &mut self,
        key: &ClientKey,
        response: Response,
        basics: &Basics,
        source: SocketAddr,
        now: Instant,
    ) {
        if matches!(response.status, 401 | 407) && self.authenticate(key, &response, now) {
            return;
        }
        let Some(entry) = self.clients.get(key) else {
            return;
        };
        match &entry.owner {
            Owner::Nobody => {}
            Owner::Ask { ask, .. } => {
                if response.status >= 200 {
                    let ask = *ask;
                    self.tell(Event::Answer {
                        ask,
                        response: Some(Box::new(response)),
                    });
                }
            }
            Owner::Dial { call, cancel, .. } => {
                let (call, cancel) = (*call, *cancel);
                match response.status {
                    100..200 => {
                        if cancel == Cancel::Wanted {
                            self.cancel(key, now);
                        } else {
                            self.on_progress(call, response.status);
                        }
                    }
                    200..300 => self.on_success(key, call, &response, basics, source, now),
                    status => self.end_dial(key, call, CallEnd::Rejected(status)),
                }
            }
        }
    }

    pub(super) fn client_tick(&mut self, key: &ClientKey, now: Instant) {
        let Some(entry) = self.clients.get_mut(key) else {
            return;
        };
        let step = entry.machine.tick(now);
        let (to, over) = (entry.to, entry.machine.is_over());
        if let Some(bytes) = step.send {
            self.counters.retransmissions.add(1);
            self.send(to, bytes);
        }
        if step.timed_out {
            match &entry_owner(self, key) {
                Some(OwnerName::Dial(call)) => self.end_dial(key, *call, CallEnd::NoResponse),
                Some(OwnerName::Ask(ask)) => self.tell(Event::Answer {
                    ask: *ask,
                    response: None,
                }),
                None => {}
            }
        }
        if over {
            self.clients.remove(key);
        } else {
            self.schedule_client(key);
        }
    }

    pub(super) fn schedule_client(&mut self, key: &ClientKey) {
        if let Some(entry) = self.clients.get_mut(key) {
            let deadline = entry.machine.deadline();
            self.timers
                .set(&mut entry.alarm, deadline, || TimerKey::Client(key.clone()));
        }
    }
}

enum OwnerName {
    Dial(CallId),
    Ask(AskId),
}

fn entry_owner(endpoint: &Endpoint, key: &ClientKey) -> Option<OwnerName> {
    match &endpoint.clients.get(key)?.owner {
        Owner::Dial { call, .. } => Some(OwnerName::Dial(*call)),
        Owner::Ask { ask, .. } => Some(OwnerName::Ask(*ask)),
        Owner::Nobody => None,
    }
}
