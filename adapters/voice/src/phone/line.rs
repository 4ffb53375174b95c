//! The phone's task.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use rapport_domain::private::Private;
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, oneshot};

use super::sound::Streams;
use super::{Command, PhoneCall, PhoneEnd, PhoneEvent, SoftphoneConfig};
use crate::counters::Counters;
use crate::sdp::{Description, Local};
use crate::sip::digest::Credentials;
use crate::sip::endpoint::{Ask, AskId, CallId, Endpoint, Identity};
use crate::sip::message::{Headers, MAX_DATAGRAM, Method, Uri, parse};
use crate::sip::tokens::Tokens;

/// Packet interval.
const FRAME: Duration = Duration::from_millis(20);
/// How long `stop` waits for peers.
const FAREWELL: Duration = Duration::from_secs(2);
/// Datagrams read before others get their turn.
const BATCH: usize = 256;

pub(super) struct Call {
    pub(super) id: PhoneCall,
    pub(super) local: Local,
    pub(super) offer: Option<Description>,
    pub(super) answer_at: Option<Instant>,
}

pub(super) struct Registration {
    pub(super) at: SocketAddr,
    pub(super) call_id: String,
    pub(super) cseq: u32,
    pub(super) asked: Option<AskId>,
    /// The registrar may know us: there is something to take back.
    pub(super) registered: bool,
    pub(super) next: Option<Instant>,
}

pub(super) struct Line {
    pub(super) config: SoftphoneConfig,
    pub(super) endpoint: Endpoint,
    pub(super) sip: Arc<UdpSocket>,
    pub(super) rtp: Arc<UdpSocket>,
    pub(super) rtp_local: SocketAddr,
    pub(super) events: mpsc::Sender<PhoneEvent>,
    pub(super) told: Vec<PhoneEvent>,
    pub(super) last_call: Arc<AtomicU64>,
    pub(super) calls: HashMap<CallId, Call>,
    pub(super) ids: HashMap<PhoneCall, CallId>,
    pub(super) answers: BTreeSet<(Instant, CallId)>,
    pub(super) streams: Streams,
    pub(super) registration: Option<Registration>,
    pub(super) stopping: Option<(oneshot::Sender<()>, Instant)>,
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

    pub(super) fn local(&mut self, id: PhoneCall) -> Local {
        Local {
            address: self.rtp_local.ip(),
            port: self.rtp_local.port(),
            session: id.0,
            version: 1,
        }
    }
}
