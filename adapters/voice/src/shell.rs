//! The thread that owns the SIP socket and the clock. It wakes for a datagram, a command or the next deadline, never
//! to look whether there is something to do.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket as StdSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rapport_domain::id::LegId;
use rapport_domain::port::voice::{Voice, VoiceBusy, VoiceCommand, VoiceEvent};
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, oneshot};

use crate::config::{StartError, VoiceConfig};
use crate::counters::Counters;
use crate::legs::{KnownTrunk, Pressure, Settings, Switchboard};
use crate::media::{Media, MediaConfig, MediaEvent, MediaStats};
use crate::sip::digest::PhoneBook;
use crate::sip::endpoint::Identity;
use crate::sip::message::MAX_DATAGRAM;

/// Commands that may wait; beyond it [`Voice::send`] answers [`VoiceBusy`].
const COMMANDS: usize = 1_024;
/// Events that may wait in the channel to the hub. Beyond it they wait here, and are never dropped: legs and
/// registrations, which are bounded, are what they come from.
const EVENTS: usize = 1_024;
/// Events waiting altogether at which new calls and registrations are refused.
const HIGH_WATER: usize = 512;
/// Datagrams read before timers and commands get their turn.
const BATCH: usize = 64;
/// Media notices that may wait. One leg gives at most one, so it holds every leg of the largest port range.
const NOTICES: usize = 32_768;
/// How long a shutdown waits for peers to acknowledge their BYE.
const FAREWELL: Duration = Duration::from_secs(2);
/// What we call ourselves.
const PRODUCT: &str = concat!("rapport/", env!("CARGO_PKG_VERSION"));

/// Starts voice channels.
pub struct VoiceChannel;

/// The way to a running channel: numbers and an orderly end. Dropping it ends the channel: legs are told with one BYE
/// each, nobody waits for the answer.
pub struct VoiceHandle {
    local: SocketAddr,
    counters: Arc<Counters>,
    media: Media,
    stop: mpsc::Sender<oneshot::Sender<()>>,
}

/// A running channel: the way in, what it reports, and its handle.
pub type Started = (Arc<dyn Voice>, mpsc::Receiver<VoiceEvent>, VoiceHandle);

struct Line(mpsc::Sender<VoiceCommand>);

impl Voice for Line {
    fn send(&self, command: VoiceCommand) -> Result<(), VoiceBusy> {
        self.0.try_send(command).map_err(|_| VoiceBusy)
    }
}

impl VoiceChannel {
    /// Binds the SIP port, starts the media engine and the signalling thread. Looks up the trunks' hosts, which may
    /// take as long as the resolver does.
    ///
    /// # Errors
    /// [`StartError`], which names the key to change.
    pub fn start(config: VoiceConfig, phones: Arc<dyn PhoneBook>) -> Result<Started, StartError> {
        let bind = |cause| StartError::Bind {
            address: config.bind,
            cause,
        };
        let socket = StdSocket::bind(config.bind).map_err(bind)?;
        socket.set_nonblocking(true).map_err(bind)?;
        let local = socket.local_addr().map_err(bind)?;
        let address = config.public_ip.unwrap_or_else(|| reachable(local.ip()));
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| StartError::System(io::Error::other(error)))?;
        let trunks = config
            .trunks
            .iter()
            .map(look_up)
            .collect::<Result<Vec<_>, _>>()?;

        let (stopped_in, stopped_out) = mpsc::channel(NOTICES);
        let media = Media::start(
            MediaConfig {
                bind_ip: config.bind.ip(),
                ports: config.rtp_ports.clone(),
                threads: config.media_threads.max(1),
                rtp_timeout: config.rtp_timeout,
            },
            Arc::new(move |event| {
                if let MediaEvent::RtpTimeout { leg } = event {
                    let _ = stopped_in.try_send(leg); // room for every leg there can be
                }
            }),
        )
        .map_err(StartError::Media)?;

        let counters = Arc::new(Counters::default());
        let settings = Settings {
            identity: Identity {
                address: SocketAddr::new(address, local.port()),
                user: "rapport".to_owned(),
                product: PRODUCT,
            },
            media_address: address,
            loopback: config.bind.ip().is_loopback(),
            realm: config.realm,
            algorithms: config.digest_algorithms,
            trunks,
            limits: config.limits,
            expiry: config.registrations,
            seed,
        };
        let board = Switchboard::new(
            settings,
            media.clone(),
            phones,
            counters.clone(),
            Instant::now(),
        );
        let (commands_in, commands) = mpsc::channel(COMMANDS);
        let (events, events_out) = mpsc::channel(EVENTS);
        let (stop, stops) = mpsc::channel(1);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(StartError::System)?;
        let socket = {
            let _inside = runtime.enter();
            UdpSocket::from_std(socket).map_err(StartError::System)?
        };
        let shell = Shell {
            board,
            socket: Arc::new(socket),
            events,
            waiting: VecDeque::new(),
            behind_since: None,
            counters: counters.clone(),
            buffer: vec![0; MAX_DATAGRAM].into_boxed_slice(),
        };
        std::thread::Builder::new()
            .name("sip".to_owned())
            .spawn(move || runtime.block_on(shell.run(commands, stops, stopped_out)))
            .map_err(StartError::System)?;
        Ok((
            Arc::new(Line(commands_in)),
            events_out,
            VoiceHandle {
                local,
                counters,
                media,
                stop,
            },
        ))
    }
}

impl VoiceHandle {
    /// Where SIP listens, with the port that was found for port 0.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// The numbers of the signalling side.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The numbers of the media side.
    #[must_use]
    pub fn media_stats(&self) -> MediaStats {
        self.media.stats()
    }

    /// Hangs up every leg, waits up to two seconds for the peers to acknowledge, and ends the channel. The events of
    /// the hang-ups are delivered as far as the receiver still reads.
    pub async fn shutdown(self) {
        let (done_in, done) = oneshot::channel();
        if self.stop.send(done_in).await.is_ok() {
            let _ = done.await; // gone either way
        }
    }
}

/// Our own address as peers see it, when bound to all: that of the default route. Asking sends nothing.
fn reachable(bound: IpAddr) -> IpAddr {
    if !bound.is_unspecified() {
        return bound;
    }
    let (any, far, home): (IpAddr, IpAddr, IpAddr) = match bound {
        IpAddr::V4(_) => (
            bound,
            Ipv4Addr::new(192, 0, 2, 1).into(),
            Ipv4Addr::LOCALHOST.into(),
        ),
        IpAddr::V6(_) => (
            bound,
            Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into(),
            Ipv6Addr::LOCALHOST.into(),
        ),
    };
    let seen = StdSocket::bind((any, 0)).and_then(|socket| {
        socket.connect((far, 9))?;
        socket.local_addr()
    });
    seen.map_or(home, |seen| seen.ip())
}

fn look_up(trunk: &crate::config::Trunk) -> Result<KnownTrunk, StartError> {
    let failed = |cause| StartError::Trunk {
        name: trunk.name.clone(),
        address: trunk.address.clone(),
        cause,
    };
    let bad = || {
        failed(io::Error::new(
            io::ErrorKind::InvalidInput,
            "neither host nor host:port",
        ))
    };
    let uri = crate::sip::message::Uri::parse(&format!("sip:{}", trunk.address)).ok_or_else(bad)?;
    if uri.user.is_some() || !uri.params.is_empty() {
        return Err(bad());
    }
    let addresses: Vec<IpAddr> = uri
        .host_port()
        .to_socket_addrs()
        .map_err(failed)?
        .map(|address| address.ip())
        .collect();
    if addresses.is_empty() {
        return Err(failed(io::Error::new(
            io::ErrorKind::NotFound,
            "the host has no address",
        )));
    }
    Ok(KnownTrunk {
        name: trunk.name.clone(),
        host: uri.host,
        addresses,
        port: uri.port,
    })
}

struct Shell {
    board: Switchboard<Media>,
    socket: Arc<UdpSocket>,
    events: mpsc::Sender<VoiceEvent>,
    waiting: VecDeque<VoiceEvent>,
    /// Since when the socket has never been found empty: what is read now may have waited as long.
    behind_since: Option<Instant>,
    counters: Arc<Counters>,
    buffer: Box<[u8]>,
}

impl Shell {
    async fn run(
        mut self,
        mut commands: mpsc::Receiver<VoiceCommand>,
        mut stops: mpsc::Receiver<oneshot::Sender<()>>,
        mut stopped: mpsc::Receiver<LegId>,
    ) {
        let (found_in, mut found) = mpsc::channel(COMMANDS);
        let (mut farewell, mut done) = (None, None);
        let (socket, events) = (self.socket.clone(), self.events.clone());
        // Until the reactor has seen the socket once, it would claim that nothing can be sent.
        let _ = socket.writable().await;
        loop {
            self.flush(&found_in);
            if farewell.is_some_and(|until| Instant::now() >= until)
                || done.is_some() && self.board.is_quiet()
            {
                break;
            }
            let deadline = self.board.deadline().into_iter().chain(farewell).min();
            let far = Instant::now() + Duration::from_secs(3_600);
            let wake = tokio::time::sleep_until(deadline.unwrap_or(far).into());
            tokio::select! {
                readable = socket.readable() => if readable.is_ok() { self.read_batch() },
                Some(command) = commands.recv() => {
                    let now = Instant::now();
                    self.board.command(command, now);
                    for _ in 1..BATCH {
                        let Ok(command) = commands.try_recv() else { break };
                        self.board.command(command, now);
                    }
                }
                Some(leg) = stopped.recv() => self.board.rtp_stopped(leg, Instant::now()),
                Some((leg, address)) = found.recv() => self.board.resolved(leg, address, Instant::now()),
                permit = events.reserve(), if !self.waiting.is_empty() => match permit {
                    Ok(permit) => {
                        if let Some(event) = self.waiting.pop_front() {
                            permit.send(event);
                        }
                    }
                    Err(_) => self.waiting.clear(), // nobody listens any more
                },
                () = wake => self.board.tick(Instant::now()),
                stop = stops.recv(), if done.is_none() => {
                    farewell = Some(Instant::now() + FAREWELL);
                    self.board.hang_up_all(Instant::now());
                    match stop {
                        Some(stop) => done = Some(stop),
                        None => break, // the handle was dropped: end without farewell
                    }
                }
            }
            // Timers that fell due while others were served.
            if self.board.deadline().is_some_and(|at| at <= Instant::now()) {
                self.board.tick(Instant::now());
            }
        }
        self.flush(&found_in);
        if let Some(done) = done {
            let _ = done.send(()); // whoever asked may have gone
        }
    }

    fn pressure(&self, now: Instant) -> Pressure {
        let in_channel = EVENTS - self.events.capacity();
        Pressure {
            queue_delay: self
                .behind_since
                .map_or(Duration::ZERO, |since| now.saturating_duration_since(since)),
            events_waiting: self.waiting.len() + in_channel > HIGH_WATER,
        }
    }

    fn read_batch(&mut self) {
        for _ in 0..BATCH {
            match self.socket.try_recv_from(&mut self.buffer) {
                Ok((length, source)) => {
                    let now = Instant::now();
                    self.behind_since.get_or_insert(now);
                    let pressure = self.pressure(now);
                    self.board
                        .receive(&self.buffer[..length], source, pressure, now);
                    self.write();
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.behind_since = None;
                    return;
                }
                // An ICMP error of an earlier send: that peer's timers deal with it.
                Err(_) => {}
            }
        }
    }

    fn write(&mut self) {
        while let Some((to, bytes)) = self.board.next_send() {
            match self.socket.try_send_to(&bytes, to) {
                Ok(_) => self.counters.sent.add(1),
                // A full buffer or an unreachable network: SIP repeats what matters.
                Err(_) => self.counters.send_failures.add(1),
            }
        }
        while let Some(event) = self.board.next_event() {
            self.waiting.push_back(event);
        }
    }

    fn flush(&mut self, found: &mpsc::Sender<(LegId, Option<SocketAddr>)>) {
        self.write();
        while let Some((leg, host)) = self.board.next_lookup() {
            let found = found.clone();
            let v4 = self.socket.local_addr().is_ok_and(|local| local.is_ipv4());
            tokio::spawn(async move {
                let address = tokio::net::lookup_host(host).await;
                let address = address
                    .ok()
                    .and_then(|mut all| all.find(|one| one.is_ipv4() == v4));
                let _ = found.send((leg, address)).await; // the channel has stopped
            });
        }
        while let Some(event) = self.waiting.pop_front() {
            match self.events.try_send(event) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Full(event)) => {
                    self.waiting.push_front(event);
                    break;
                }
                Err(mpsc::error::TrySendError::Closed(_)) => break,
            }
        }
    }
}
