//! Legs: the hub's commands become SIP and media actions, and what peers do becomes events. Without sockets: bytes
//! come in with their source and the time, bytes go out with their destination.

mod commands;
mod events;
mod gate;
mod relay;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rapport_domain::id::LegId;
use rapport_domain::port::voice::{LegEnd, Sound, VoiceEvent};

pub use gate::KnownTrunk;

use crate::counters::Counters;
use crate::media::{Codec, Media, NoPorts, Remote};
use crate::sdp::{Audio, Description, Local};
use crate::sip::digest::{Algorithm, Authenticator, PhoneBook};
use crate::sip::endpoint::{CallId, Endpoint, Identity, Output, Reach};
use crate::sip::overload::{Admission, Bucket, Limits};
use crate::sip::registrar::{Expiry, Guard, Registrar};
use crate::sip::tokens::Tokens;
use crate::sip::transaction::Bytes;

/// What the legs need of the media engine. None of it waits.
pub trait Engine {
    /// Opens the leg's RTP port.
    ///
    /// # Errors
    /// [`NoPorts`] when the range is used up.
    fn open(&self, leg: LegId) -> Result<u16, NoPorts>;
    /// Says where and what to send. Nothing is sent before, but what the leg is to hear may be said.
    fn set_remote(&self, leg: LegId, remote: Remote);
    /// Plays to the leg and parts it from its partner.
    fn play(&self, leg: LegId, sound: Sound);
    /// Connects two legs.
    fn bridge(&self, a: LegId, b: LegId);
    /// Closes the leg's ports.
    fn close(&self, leg: LegId);
}

impl Engine for Media {
    fn open(&self, leg: LegId) -> Result<u16, NoPorts> {
        // One group: any two legs may be bridged, and who with whom is not known when a leg opens.
        Media::open(self, leg, 0)
    }
    fn set_remote(&self, leg: LegId, remote: Remote) {
        Media::set_remote(self, leg, remote);
    }
    fn play(&self, leg: LegId, sound: Sound) {
        Media::play(self, leg, sound);
    }
    fn bridge(&self, a: LegId, b: LegId) {
        Media::bridge(self, a, b);
    }
    fn close(&self, leg: LegId) {
        Media::close(self, leg);
    }
}

/// How far a leg is.
enum Phase {
    /// Incoming; the hub has not decided. Without an offer we make ours in the 200.
    Offered { offer: Option<Description> },
    /// A host name is being looked up.
    Resolving { dial: Dial },
    /// Outgoing, not answered.
    Dialling { sound: Sound },
    /// Answered, not acknowledged. Until the ACK proves that the peer has read our 200, nothing is sent to the
    /// address in its description: an INVITE with a forged source may name a victim there. The engine already knows
    /// what the leg is to hear, sound or partner, and sends it once it is told where to. Without audio our offer was
    /// in the 200, and the ACK brings the answer.
    AwaitingAck { audio: Option<Audio> },
    /// Media runs.
    Talking,
}

/// What a dial needs once its address is known.
struct Dial {
    uri: crate::sip::message::Uri,
    from_user: String,
    sound: Sound,
    reach: Reach,
}

struct Leg {
    call: Option<CallId>,
    phase: Phase,
    local: Local,
    /// Its RTP port is open.
    media: bool,
    reach: Reach,
    from_user: String,
    codec: Codec,
    deadline: Option<Instant>,
}

/// What the board is built from.
pub struct Settings {
    /// How we name ourselves.
    pub identity: Identity,
    /// The address in our session descriptions.
    pub media_address: IpAddr,
    /// We serve this machine alone: peers may name its loopback addresses for their media.
    pub loopback: bool,
    /// Digest realm.
    pub realm: String,
    /// Digest algorithms.
    pub algorithms: Vec<Algorithm>,
    /// Trunks with their addresses.
    pub trunks: Vec<KnownTrunk>,
    /// Admission.
    pub limits: Limits,
    /// Registrations.
    pub expiry: Expiry,
    /// Seed of everything unguessable.
    pub seed: [u8; 32],
}

/// How busy the shell is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pressure {
    /// How long messages may have been waiting in the socket.
    pub queue_delay: Duration,
    /// The hub has more than the high-water mark of our events to read.
    pub events_waiting: bool,
}

/// All legs, phones and trunks.
pub struct Switchboard<E> {
    endpoint: Endpoint,
    engine: E,
    phones: Arc<dyn PhoneBook>,
    authenticator: Authenticator,
    registrar: Registrar,
    guard: Guard,
    admission: Admission,
    strangers: Bucket,
    registrations: Bucket,
    trunks: Vec<KnownTrunk>,
    /// The other nodes.
    peers: BTreeSet<SocketAddr>,
    tokens: Tokens,
    media_address: IpAddr,
    loopback: bool,
    legs: HashMap<LegId, Leg>,
    calls: HashMap<CallId, LegId>,
    /// Who is calling with which codec: a call on to an agent under the same number offers that one first.
    callers: HashMap<String, LegId>,
    deadlines: BTreeSet<(Instant, LegId)>,
    /// Whose phone or trunk the message in hand comes from.
    in_hand: Option<gate::Admitted>,
    sends: VecDeque<(SocketAddr, Bytes)>,
    events: VecDeque<VoiceEvent>,
    lookups: VecDeque<(LegId, String)>,
    counters: Arc<Counters>,
}

impl<E: Engine> Switchboard<E> {
    /// A board without legs.
    #[must_use]
    pub fn new(
        settings: Settings,
        engine: E,
        phones: Arc<dyn PhoneBook>,
        counters: Arc<Counters>,
        now: Instant,
    ) -> Self {
        let mut tokens = Tokens::new(settings.seed);
        // Two streams of tokens must not repeat each other.
        let mut seed = settings.seed;
        seed[..16].copy_from_slice(&tokens.bytes());
        let authenticator =
            Authenticator::new(&settings.realm, settings.algorithms, &mut tokens, now);
        let guard = Guard::new(settings.limits.auth_failures, settings.limits.auth_window);
        Self {
            endpoint: Endpoint::new(settings.identity, Tokens::new(seed), None, counters.clone()),
            engine,
            phones,
            authenticator,
            registrar: Registrar::new(settings.expiry),
            guard,
            strangers: Bucket::new(settings.limits.strangers, now),
            registrations: Bucket::new(settings.limits.registrations, now),
            admission: Admission::new(settings.limits, settings.trunks.len() + 1, now),
            trunks: settings.trunks,
            peers: BTreeSet::new(),
            tokens,
            media_address: settings.media_address,
            loopback: settings.loopback,
            legs: HashMap::new(),
            calls: HashMap::new(),
            callers: HashMap::new(),
            deadlines: BTreeSet::new(),
            in_hand: None,
            sends: VecDeque::new(),
            events: VecDeque::new(),
            lookups: VecDeque::new(),
            counters,
        }
    }

    /// The next datagram to send.
    pub fn next_send(&mut self) -> Option<(SocketAddr, Bytes)> {
        self.sends.pop_front()
    }

    /// The next event for the hub.
    pub fn next_event(&mut self) -> Option<VoiceEvent> {
        self.events.pop_front()
    }

    /// The next `host:port` to look up; [`Self::resolved`] follows.
    pub fn next_lookup(&mut self) -> Option<(LegId, String)> {
        self.lookups.pop_front()
    }

    /// When [`Self::tick`] must be called next.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let legs = self.deadlines.first().map(|(at, _)| *at);
        [self.endpoint.deadline(), self.registrar.deadline(), legs]
            .into_iter()
            .flatten()
            .min()
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Instant) {
        self.endpoint.tick(now);
        for user in self.registrar.expire(now) {
            self.events.push_back(VoiceEvent::PhoneGone { user });
        }
        while let Some(&(at, id)) = self.deadlines.first() {
            if at > now {
                break;
            }
            self.deadlines.pop_first();
            self.overdue(id, now);
        }
        self.settle(now);
    }

    /// A leg has waited long enough.
    fn overdue(&mut self, id: LegId, now: Instant) {
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        leg.deadline = None;
        let why = match leg.phase {
            Phase::Offered { .. } => {
                if let Some(call) = leg.call {
                    self.refuse_call(call, 503, now);
                }
                LegEnd::Failed
            }
            Phase::Resolving { .. } => LegEnd::Unreachable,
            Phase::Dialling { .. } => LegEnd::NoAnswer,
            Phase::AwaitingAck { .. } | Phase::Talking => return,
        };
        self.end(id, why, now);
    }

    /// Hangs up everything; the hub is told of each end.
    pub fn hang_up_all(&mut self, now: Instant) {
        let all: Vec<LegId> = self.legs.keys().copied().collect();
        for leg in all {
            self.end(leg, LegEnd::HungUp, now);
        }
        self.settle(now);
    }

    /// Whether every leg is over and every peer knows it.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.legs.is_empty() && self.endpoint.is_quiet()
    }

    /// The RTP of a leg has stopped.
    pub fn rtp_stopped(&mut self, leg: LegId, now: Instant) {
        if self.legs.contains_key(&leg) {
            self.counters.rtp_timeouts.add(1);
            self.end(leg, LegEnd::Failed, now);
        }
        self.settle(now);
    }

    /// Ends a leg on our side, whatever its state, and reports it.
    fn end(&mut self, id: LegId, why: LegEnd, now: Instant) {
        if let Some(call) = self.close(id, why) {
            self.endpoint.hang_up(call, now);
        }
    }

    /// Takes a leg out and reports its end; answers with its call.
    fn close(&mut self, id: LegId, why: LegEnd) -> Option<CallId> {
        let leg = self.legs.remove(&id)?;
        if let Some(at) = leg.deadline {
            self.deadlines.remove(&(at, id));
        }
        if leg.media {
            self.engine.close(id);
        }
        if self.callers.get(&leg.from_user) == Some(&id) {
            self.callers.remove(&leg.from_user);
        }
        if let Some(call) = leg.call {
            self.calls.remove(&call);
        }
        self.events.push_back(VoiceEvent::Ended { leg: id, why });
        self.counters.legs.set(self.legs.len() as u64);
        leg.call
    }

    fn add(&mut self, id: LegId, mut leg: Leg, until: Option<Instant>) {
        leg.deadline = until;
        if let Some(until) = until {
            self.deadlines.insert((until, id));
        }
        if let Some(call) = leg.call {
            self.calls.insert(call, id);
        }
        self.legs.insert(id, leg);
        self.counters.legs.set(self.legs.len() as u64);
    }

    fn clear_deadline(&mut self, id: LegId) {
        if let Some(at) = self.legs.get_mut(&id).and_then(|leg| leg.deadline.take()) {
            self.deadlines.remove(&(at, id));
        }
    }

    fn local(&mut self) -> Local {
        let session =
            u64::from_be_bytes(self.tokens.bytes()[..8].try_into().unwrap_or_default()) >> 2;
        Local {
            address: self.media_address,
            port: 0,
            session,
            version: 1,
        }
    }

    /// Follows up on whatever the endpoint has to say.
    fn settle(&mut self, now: Instant) {
        while let Some(output) = self.endpoint.next_output() {
            match output {
                Output::Send { to, bytes } => self.sends.push_back((to, bytes)),
                Output::Event(event) => self.on_event(event, now),
            }
        }
    }
}

#[cfg(test)]
mod tests;
