//! One SIP endpoint: matches messages to transactions, dialogs and calls, and keeps their timers. Both the voice
//! channel and the simulated phones are built on it; it decides nothing about who may call whom.
//!
//! Everything is driven by [`Endpoint::receive`], the commands in `calls.rs` and [`Endpoint::tick`]; what they cause
//! is taken from [`Endpoint::next_output`]. Who drives it must drain the outputs after each of them.

mod calls;
mod client;
mod dialling;
mod dialog;
mod in_dialog;
mod reply;
mod server;
mod timers;

pub(crate) use reply::note_source;

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

pub use calls::Invite;
pub use client::Ask;
pub use dialog::Reach;

use self::calls::Call;
use self::client::ClientEntry;
use self::server::ServerEntry;
use self::timers::Timers;
use super::message::{Headers, Message, Parsed, Request, Response, Uri};
use super::tokens::Tokens;
use super::transaction::Bytes;
use crate::counters::Counters;
use crate::sip::digest::Credentials;

/// Methods we serve, as the `Allow` header says them.
pub const ALLOW: &str = "INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE, INFO";

/// Names a call of this endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallId(pub u64);

/// Names a request outside of calls that this endpoint sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AskId(pub u64);

/// Names a server transaction; given to whoever must answer it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServerKey(Arc<str>);

/// Names a client transaction.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct ClientKey(Arc<str>);

/// Why a call ended without our doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallEnd {
    /// BYE.
    PeerHungUp,
    /// CANCEL (or an early BYE) of an unanswered incoming call.
    CallerGaveUp,
    /// A final response of 300 or more to our INVITE.
    Rejected(u16),
    /// No final response in 32 s.
    NoResponse,
    /// Our 200 was never acknowledged.
    NeverAcknowledged,
}

/// What the endpoint tells its owner. For a call that ends by the owner's own command there is no `Ended`.
#[derive(Debug)]
pub enum Event {
    /// A call arrives. 100 was sent; `answer`, `ring` or `reject` follow.
    Incoming {
        /// The new call.
        call: CallId,
        /// The INVITE.
        invite: Box<Request>,
        /// Who sent it.
        source: SocketAddr,
    },
    /// A request outside of any call that the owner must answer with `respond`: REGISTER.
    Request {
        /// Its transaction.
        transaction: ServerKey,
        /// The request.
        request: Box<Request>,
        /// Who sent it.
        source: SocketAddr,
    },
    /// Our call rings (once per call).
    Ringing {
        /// The call.
        call: CallId,
    },
    /// Our call was answered and acknowledged.
    Answered {
        /// The call.
        call: CallId,
        /// The body of the 200: the answer to our offer.
        sdp: Vec<u8>,
    },
    /// Our 200 to an INVITE was acknowledged, which only somebody who read it can do: our tag cannot be guessed.
    Acked {
        /// The call.
        call: CallId,
        /// The answer to our offer, when the 200 carried one: the body of the ACK, empty when it had none.
        answer: Option<Vec<u8>>,
    },
    /// The peer wants to change the session; `answer_offer` or `reject_offer` follows.
    Offer {
        /// The call.
        call: CallId,
        /// The offer; empty when the peer asks for ours.
        sdp: Vec<u8>,
    },
    /// The call is over.
    Ended {
        /// The call.
        call: CallId,
        /// Why.
        why: CallEnd,
    },
    /// The final answer to a request of ours outside of calls; `None` when none came.
    Answer {
        /// The request.
        ask: AskId,
        /// The response.
        response: Option<Box<Response>>,
    },
}

/// What an endpoint wants done.
#[derive(Debug)]
pub enum Output {
    /// Send this datagram.
    Send {
        /// To whom.
        to: SocketAddr,
        /// What.
        bytes: Bytes,
    },
    /// Tell the owner.
    Event(Event),
}

/// How the endpoint names itself.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The address peers reach us at: Via, Contact and From.
    pub address: SocketAddr,
    /// The user part of Contact.
    pub user: String,
    /// `User-Agent` and `Server`.
    pub product: &'static str,
}

/// See the module.
pub struct Endpoint {
    identity: Identity,
    tokens: Tokens,
    credentials: Option<Credentials>,
    servers: HashMap<ServerKey, ServerEntry>,
    clients: HashMap<ClientKey, ClientEntry>,
    calls: HashMap<CallId, Call>,
    dialogs: HashMap<String, CallId>,
    timers: Timers,
    outputs: VecDeque<Output>,
    last_id: u64,
    counters: Arc<Counters>,
}

impl Endpoint {
    /// An endpoint that has heard and said nothing yet.
    #[must_use]
    pub fn new(
        identity: Identity,
        tokens: Tokens,
        credentials: Option<Credentials>,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            identity,
            tokens,
            credentials,
            servers: HashMap::new(),
            clients: HashMap::new(),
            calls: HashMap::new(),
            dialogs: HashMap::new(),
            timers: Timers::default(),
            outputs: VecDeque::new(),
            last_id: 0,
            counters,
        }
    }

    /// A message arrived.
    pub fn receive(&mut self, parsed: Parsed, source: SocketAddr, now: Instant) {
        match parsed.message {
            Message::Request(request) => self.on_request(request, &parsed.basics, source, now),
            Message::Response(response) => self.on_response(response, &parsed.basics, source, now),
        }
    }

    /// The next thing to do, oldest first.
    pub fn next_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Self::tick`] must be called next.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// The calls that exist, in no order.
    pub fn call_ids(&self) -> impl Iterator<Item = CallId> {
        self.calls.keys().copied()
    }

    /// Where the peer's latest message in this call came from; before any came, where ours went.
    #[must_use]
    pub fn flow(&self, call: CallId) -> Option<SocketAddr> {
        self.calls.get(&call).map(|call| call.dialog.flow)
    }

    /// Whether nothing awaits a response from a peer any more.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.calls.is_empty() && !self.clients.values().any(ClientEntry::is_pending)
    }

    /// A fresh unguessable token.
    pub fn token(&mut self) -> String {
        self.tokens.token()
    }

    /// The address peers reach us at.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.identity.address
    }

    /// Our own address of this user.
    #[must_use]
    pub fn own_uri(&self, user: &str) -> Uri {
        Uri::sip(user, self.identity.address)
    }

    fn contact(&self) -> String {
        format!("<{}>", self.own_uri(&self.identity.user))
    }

    fn via(&self, branch: &str) -> String {
        format!(
            "SIP/2.0/UDP {};rport;branch={branch}",
            self.identity.address
        )
    }

    /// The headers that every request of ours starts with.
    fn request_headers(&self, branch: &str) -> Headers {
        Headers::new()
            .with("Via", self.via(branch))
            .with("Max-Forwards", "70")
    }

    const fn fresh_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    fn send(&mut self, to: SocketAddr, bytes: Bytes) {
        self.outputs.push_back(Output::Send { to, bytes });
    }

    fn tell(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }
}

#[cfg(test)]
mod tests;
