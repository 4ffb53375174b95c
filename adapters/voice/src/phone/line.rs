//! The phone's task.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rapport_domain::private::Private;
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, oneshot};

use super::sound::Streams;
use super::{Answering, Command, PhoneCall, PhoneEnd, PhoneEvent, SoftphoneConfig};
use crate::counters::Counters;
use crate::sdp::{self, Description, Local};
use crate::sip::digest::Credentials;
use crate::sip::endpoint::{
    Ask, AskId, CallEnd, CallId, Endpoint, Event, Identity, Invite, Output, Reach,
};
use crate::sip::message::{Headers, MAX_DATAGRAM, Method, NameAddr, Uri, parse};
use crate::sip::tokens::Tokens;

/// Packet interval.
const FRAME: Duration = Duration::from_millis(20);
/// After a failed registration.
const RETRY: Duration = Duration::from_secs(30);
/// How long `stop` waits for peers.
const FAREWELL: Duration = Duration::from_secs(2);
/// Datagrams read before others get their turn.
const BATCH: usize = 256;

struct Call {
    id: PhoneCall,
    local: Local,
    offer: Option<Description>,
    answer_at: Option<Instant>,
}

struct Registration {
    at: SocketAddr,
    call_id: String,
    cseq: u32,
    asked: Option<AskId>,
    /// The registrar may know us: there is something to take back.
    registered: bool,
    next: Option<Instant>,
}

pub(super) struct Line {
    config: SoftphoneConfig,
    endpoint: Endpoint,
    sip: Arc<UdpSocket>,
    rtp: Arc<UdpSocket>,
    rtp_local: SocketAddr,
    events: mpsc::Sender<PhoneEvent>,
    told: Vec<PhoneEvent>,
    last_call: Arc<AtomicU64>,
    calls: HashMap<CallId, Call>,
    ids: HashMap<PhoneCall, CallId>,
    answers: BTreeSet<(Instant, CallId)>,
    streams: Streams,
    registration: Option<Registration>,
    stopping: Option<(oneshot::Sender<()>, Instant)>,
}

impl Line {
    pub(super) fn new(
        config: SoftphoneConfig,
        sip: UdpSocket,
        rtp: UdpSocket,
        events: mpsc::Sender<PhoneEvent>,
        last_call: Arc<AtomicU64>,
    ) -> io::Result<Self> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(io::Error::other)?;
        let secret = config.secret.as_ref().map(|secret| secret.expose().clone());
        let credentials = secret.map(|secret| Credentials::new(&config.user, Private::new(secret)));
        let identity = Identity {
            address: sip.local_addr()?,
            user: config.user.clone(),
            product: "rapport-softphone",
        };
        let mut tokens = Tokens::new(seed);
        let registration = config.registrar.map(|at| Registration {
            at,
            call_id: tokens.token(),
            cseq: 0,
            asked: None,
            registered: false,
            next: Some(Instant::now()),
        });
        Ok(Self {
            endpoint: Endpoint::new(identity, tokens, credentials, Arc::new(Counters::default())),
            rtp_local: rtp.local_addr()?,
            sip: Arc::new(sip),
            rtp: Arc::new(rtp),
            config,
            events,
            told: Vec::new(),
            last_call,
            calls: HashMap::new(),
            ids: HashMap::new(),
            answers: BTreeSet::new(),
            streams: Streams::default(),
            registration,
            stopping: None,
        })
    }

    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        let (sip, rtp) = (self.sip.clone(), self.rtp.clone());
        // Until the reactor has seen the sockets once, they would claim that nothing can be sent.
        let _ = (sip.writable().await, rtp.writable().await);
        let mut buffer = vec![0; MAX_DATAGRAM];
        let mut frames = tokio::time::interval(FRAME);
        loop {
            self.settle(Instant::now());
            for event in std::mem::take(&mut self.told) {
                let _ = self.events.send(event).await; // nobody need listen
            }
            if let Some((_, until)) = &self.stopping
                && (self.endpoint.is_quiet() || Instant::now() >= *until)
            {
                break;
            }
            let wake = self
                .deadline()
                .unwrap_or_else(|| Instant::now() + Duration::from_secs(3_600));
            tokio::select! {
                readable = sip.readable() => if readable.is_ok() { self.read_sip(&mut buffer) },
                readable = rtp.readable() => if readable.is_ok() { self.read_rtp(&mut buffer) },
                command = commands.recv() => match command {
                    Some(command) => self.command(command, Instant::now()),
                    None => {
                        self.farewell(Instant::now());
                        self.settle(Instant::now());
                        return;
                    }
                },
                _ = frames.tick(), if !self.streams.is_empty() => {
                    let rtp = &self.rtp;
                    // A packet the socket will not take is a lost packet, as on any network.
                    self.streams.tick(|packet, to| { let _ = rtp.try_send_to(packet, to); });
                }
                () = tokio::time::sleep_until(wake.into()) => {}
            }
            if self.streams.is_empty() {
                frames.reset();
            }
            self.tick(Instant::now());
        }
        if let Some((done, _)) = self.stopping {
            let _ = done.send(()); // whoever asked may have gone
        }
    }

    fn deadline(&self) -> Option<Instant> {
        let registration = self
            .registration
            .as_ref()
            .and_then(|registration| registration.next);
        let answer = self.answers.first().map(|(at, _)| *at);
        let farewell = self.stopping.as_ref().map(|(_, until)| *until);
        [self.endpoint.deadline(), registration, answer, farewell]
            .into_iter()
            .flatten()
            .min()
    }

    fn tick(&mut self, now: Instant) {
        self.endpoint.tick(now);
        while let Some(&(at, call)) = self.answers.first() {
            if at > now {
                break;
            }
            self.answers.pop_first();
            self.answer(call, now);
        }
        let due = self
            .registration
            .as_ref()
            .is_some_and(|registration| registration.next.is_some_and(|at| at <= now));
        if due {
            self.register(self.config.expires, now);
        }
    }

    fn read_sip(&mut self, buffer: &mut [u8]) {
        for _ in 0..BATCH {
            match self.sip.try_recv_from(buffer) {
                Ok((length, source)) => {
                    let now = Instant::now();
                    if let Ok(parsed) = parse(&buffer[..length]) {
                        self.endpoint.receive(parsed, source, now);
                        self.settle(now);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => {} // an ICMP error of an earlier send
            }
        }
    }

    fn read_rtp(&mut self, buffer: &mut [u8]) {
        for _ in 0..BATCH {
            match self.rtp.try_recv_from(buffer) {
                Ok((length, source)) => self.streams.heard(&buffer[..length], source),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => {} // an ICMP error of an earlier send
            }
        }
    }

    fn register(&mut self, expires: Duration, now: Instant) {
        let address = |at| Uri {
            user: None,
            ..Uri::sip("", at)
        };
        let Some(registration) = &mut self.registration else {
            return;
        };
        registration.cseq += 2; // a challenge takes one more
        registration.next = None;
        let uri = address(registration.at);
        let ask = Ask {
            method: Method::Register,
            about: Uri {
                user: Some(self.config.user.clone()),
                ..uri.clone()
            },
            uri,
            to: registration.at,
            call_id: registration.call_id.clone(),
            cseq: registration.cseq,
            extra: Headers::new().with("Expires", expires.as_secs().to_string()),
        };
        registration.asked = Some(self.endpoint.ask(ask, now));
    }

    fn command(&mut self, command: Command, now: Instant) {
        match command {
            Command::Call {
                id,
                to_uri,
                from_user,
            } => self.dial(id, &to_uri, from_user, now),
            Command::Answer(id) => {
                if let Some(&call) = self.ids.get(&id) {
                    self.answer(call, now);
                }
            }
            Command::Reject(id, status) => {
                let waits = |call: &&CallId| {
                    self.calls
                        .get(call)
                        .is_some_and(|call| call.offer.is_some())
                };
                if let Some(&call) = self.ids.get(&id).filter(waits) {
                    self.endpoint
                        .reject(call, status.clamp(400, 699), &Headers::new(), now);
                    self.end(call, PhoneEnd::ByUs);
                }
            }
            Command::HangUp(id) => {
                if let Some(&call) = self.ids.get(&id) {
                    self.endpoint.hang_up(call, now);
                    self.end(call, PhoneEnd::ByUs);
                }
            }
            Command::Stats(id, answer) => {
                let _ = answer.send(self.streams.stats(id.0)); // whoever asked may have gone
            }
            Command::Stop(done) => {
                self.farewell(now);
                self.stopping = Some((done, now + FAREWELL));
            }
        }
    }

    fn farewell(&mut self, now: Instant) {
        let all: Vec<CallId> = self.calls.keys().copied().collect();
        for call in all {
            self.endpoint.hang_up(call, now);
            self.end(call, PhoneEnd::ByUs);
        }
        if self
            .registration
            .as_ref()
            .is_some_and(|registration| registration.registered)
        {
            self.register(Duration::ZERO, now);
        }
    }

    fn local(&mut self, id: PhoneCall) -> Local {
        Local {
            address: self.rtp_local.ip(),
            port: self.rtp_local.port(),
            session: id.0,
            version: 1,
        }
    }

    fn dial(&mut self, id: PhoneCall, to_uri: &str, from_user: String, now: Instant) {
        let target = Uri::parse(to_uri);
        let to = target
            .as_ref()
            .and_then(Uri::socket_addr)
            .or(self.config.registrar);
        let (Some(target), Some(to)) = (target, to) else {
            let stats = super::RtpStats::default();
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

    fn answer(&mut self, call: CallId, now: Instant) {
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

    fn end(&mut self, call: CallId, why: PhoneEnd) {
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

    fn settle(&mut self, now: Instant) {
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
            Event::Acked { .. } => {} // we answer no INVITE without an offer
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
