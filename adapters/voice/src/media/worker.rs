//! A media thread: the sockets and the clock around [`Leg`]s. It owns its legs; nothing on the way of a packet is
//! shared or locked.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant, SystemTime};

use rapport_domain::id::LegId;
use rapport_domain::port::voice::Sound;

use super::MediaEvent;
use super::control::{Command, Control, Lane, Order, QUEUE, Seat};
use super::leg::{Hears, Leg, PLAYED_LEN, Refused};
use super::schedule::Beat;
use super::sys::Poller;

/// Key of the waker; a leg's sockets have twice its place, and one more for RTCP.
const WAKER: u64 = u64::MAX;
/// Room for one datagram. One that fills it was longer, and is no telephone speech.
const DATAGRAM: usize = 2048;
/// With this many legs or more, the thread lets packets gather for [`REST`] after a turn that found few of them:
/// one wake-up then serves many packets. Below, nobody would notice the saving.
const REST_FROM_LEGS: usize = 64;
/// A turn with this many events has found a backlog, and rests not at all.
const BACKLOG: usize = 64;
/// The most that resting delays a packet.
const REST: Duration = Duration::from_millis(1);

/// What a thread is given when it starts.
pub(super) struct Setup {
    pub number: usize,
    pub control: Arc<Control>,
    pub queue: Receiver<Command>,
    pub events: Arc<dyn Fn(MediaEvent) + Send + Sync>,
    pub rtp_timeout: Duration,
    pub poller: Poller,
}

impl Setup {
    /// The poller of the thread, listening to the lane's waker already.
    pub fn poller(lane: &Lane) -> io::Result<Poller> {
        let poller = Poller::new()?;
        poller.add(&lane.waker, WAKER)?;
        Ok(poller)
    }
}

/// The state of a media thread.
pub(super) struct Worker {
    setup: Setup,
    seats: Vec<Option<Seat>>,
    vacant: Vec<usize>,
    places: HashMap<LegId, usize>,
    /// Places of the legs that play; may hold some that have ceased to.
    playing: Vec<usize>,
    beat: Beat,
    /// When to look for silent peers and due reports; none without legs.
    chores_at: Option<Instant>,
    chores_every: Duration,
    report: Vec<u8>,
}

impl Worker {
    pub fn new(setup: Setup) -> Self {
        // Fine enough for the timeout, never busier than needed for reports every five seconds.
        let chores_every =
            (setup.rtp_timeout / 8).clamp(Duration::from_millis(20), Duration::from_secs(1));
        Self {
            setup,
            seats: Vec::new(),
            vacant: Vec::new(),
            places: HashMap::new(),
            playing: Vec::new(),
            beat: Beat::default(),
            chores_at: None,
            chores_every,
            report: Vec::new(),
        }
    }

    /// Works until told to stop.
    pub fn run(mut self) {
        let mut buffer = [0; DATAGRAM];
        while !self.lane().stop.load(Relaxed) {
            let deadline = self.beat.deadline().into_iter().chain(self.chores_at).min();
            let timeout = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            if let Err(error) = self.setup.poller.wait(timeout) {
                tracing::error!(%error, "the media thread cannot wait for packets and ends");
                return;
            }
            let now = Instant::now();
            let found = self.setup.poller.len();
            let mut woken = false;
            for at in 0..found {
                match self.setup.poller.key(at) {
                    WAKER => woken = true,
                    key if key & 1 == 0 => self.on_rtp((key >> 1) as usize, &mut buffer, now),
                    key => self.on_rtcp((key >> 1) as usize, &mut buffer, now),
                }
            }
            // Commands come after the packets: a place in this turn's events never changes its leg.
            if woken {
                self.take_commands(now);
            }
            self.play(now);
            self.do_chores(now);
            if found < BACKLOG && self.places.len() >= REST_FROM_LEGS {
                let until =
                    deadline.map_or(REST, |at| at.saturating_duration_since(Instant::now()));
                std::thread::sleep(REST.min(until));
            }
        }
    }

    fn on_rtp(&mut self, place: usize, buffer: &mut [u8; DATAGRAM], now: Instant) {
        let lane = &self.setup.control.lanes[self.setup.number];
        let Some(Some(seat)) = self.seats.get_mut(place) else {
            return;
        };
        let Ok((length, from)) = seat.pair.rtp.recv_from(buffer) else {
            return;
        };
        let packet = if length < DATAGRAM {
            &buffer[..length]
        } else {
            &[]
        };
        let taken = match seat.leg.take(packet, from, now) {
            Ok(taken) => taken,
            Err(Refused::Malformed) => {
                seat.shared.counts.malformed.up();
                return lane.counts.malformed.up();
            }
            Err(Refused::Foreign) => {
                seat.shared.counts.foreign.up();
                return lane.counts.foreign.up();
            }
        };
        lane.counts.packets_in.up();
        seat.shared.counts.packets_in.up();
        seat.shared.counts.lost.set(seat.leg.lost());
        if let Some(digit) = taken.digit {
            (self.setup.events)(MediaEvent::Dtmf {
                leg: seat.leg.id,
                digit,
            });
        }
        // Who hears whom is mutual.
        let Hears::Leg(other) = seat.leg.hears else {
            return;
        };
        let Some(Some(other)) = self.seats.get_mut(other) else {
            return;
        };
        if let Some((range, to)) = other.leg.relay(&mut buffer[..length], &taken, now) {
            send(lane, other, &buffer[range], to);
        }
    }

    fn on_rtcp(&mut self, place: usize, buffer: &mut [u8; DATAGRAM], now: Instant) {
        let lane = &self.setup.control.lanes[self.setup.number];
        let Some(Some(seat)) = self.seats.get_mut(place) else {
            return;
        };
        let Ok((length, from)) = seat.pair.rtcp.recv_from(buffer) else {
            return;
        };
        match seat.leg.take_rtcp(&buffer[..length], from, now) {
            Ok(()) => lane.counts.rtcp_in.up(),
            Err(Refused::Malformed | Refused::Foreign) => lane.counts.rtcp_refused.up(),
        }
    }

    fn play(&mut self, now: Instant) {
        let Some(tick) = self.beat.due(now) else {
            return;
        };
        let lane = &self.setup.control.lanes[self.setup.number];
        let mut packet = [0; PLAYED_LEN];
        let seats = &mut self.seats;
        self.playing.retain(|&place| {
            let Some(Some(seat)) = seats.get_mut(place) else {
                return false;
            };
            if let Some(to) = seat.leg.play(tick, &mut packet, now) {
                send(lane, seat, &packet, to);
                return true;
            }
            seat.listed = false;
            false
        });
        if self.playing.is_empty() {
            self.beat.stop();
        }
    }

    fn do_chores(&mut self, now: Instant) {
        if self.chores_at.is_none_or(|at| now < at) {
            return;
        }
        let lane = &self.setup.control.lanes[self.setup.number];
        let wall = SystemTime::now();
        for seat in self.seats.iter_mut().flatten() {
            if seat.leg.fell_silent(now, self.setup.rtp_timeout) {
                (self.setup.events)(MediaEvent::RtpTimeout { leg: seat.leg.id });
            }
            if let Some(to) = seat.leg.report(&mut self.report, now, wall)
                && transmit(&seat.pair.rtcp, &self.report, to)
            {
                lane.counts.rtcp_out.up();
            }
        }
        self.chores_at = (!self.places.is_empty()).then_some(now + self.chores_every);
    }

    fn take_commands(&mut self, now: Instant) {
        // In this order: a flag is set only after its leg was queued, so the sweep below finds the leg.
        self.lane().waker.clear();
        let sweep = self.lane().take_sweep();
        let mut taken = 0;
        while taken < QUEUE {
            let Ok(command) = self.setup.queue.try_recv() else {
                break;
            };
            taken += 1;
            self.obey(command, now);
        }
        if taken == QUEUE {
            self.lane().waker.wake();
        }
        if sweep {
            self.sweep();
        }
    }

    fn obey(&mut self, command: Command, now: Instant) {
        match command {
            Command::Seat(seat) => self.seat(seat, now),
            Command::Close(leg) => {
                if let Some(seat) = self.unseat(leg) {
                    self.close(*seat);
                }
            }
            Command::Move(leg, to) => {
                let Some(seat) = self.unseat(leg) else { return };
                let moved = self.setup.poller.remove(&seat.pair.rtp);
                let moved = moved.and_then(|()| self.setup.poller.remove(&seat.pair.rtcp));
                if let Err(error) = moved {
                    tracing::warn!(%leg, %error, "a leg's sockets could not be taken from their thread");
                }
                let control = Arc::clone(&self.setup.control);
                if let Err(seat) = control.pass_on(seat, self.setup.number, to) {
                    self.seat(seat, now);
                }
            }
            Command::Order(leg, Order::Remote(remote)) => {
                let Some(place) = self.places.get(&leg).copied() else {
                    return;
                };
                if let Some(seat) = &mut self.seats[place] {
                    seat.leg.set_remote(remote, now);
                }
                self.list(place, now);
            }
            Command::Order(leg, Order::Play(sound)) => {
                let Some(place) = self.places.get(&leg).copied() else {
                    return;
                };
                self.part(place, now);
                self.hear(place, Hears::Sound { sound, since: None }, now);
            }
            Command::Order(a, Order::Bridge(b)) => {
                let (Some(&a), Some(&b)) = (self.places.get(&a), self.places.get(&b)) else {
                    return;
                };
                if self.leg(a).is_some_and(|leg| leg.hears == Hears::Leg(b)) {
                    return;
                }
                self.part(a, now);
                self.part(b, now);
                self.hear(a, Hears::Leg(b), now);
                self.hear(b, Hears::Leg(a), now);
            }
        }
    }

    /// Takes a leg in, new or from another thread.
    fn seat(&mut self, mut seat: Box<Seat>, now: Instant) {
        let place = self.vacant.pop().unwrap_or_else(|| {
            self.seats.push(None);
            self.seats.len() - 1
        });
        let id = seat.leg.id;
        seat.listed = false;
        let key = (place as u64) << 1;
        let added = self.setup.poller.add(&seat.pair.rtp, key);
        let added = added.and_then(|()| self.setup.poller.add(&seat.pair.rtcp, key | 1));
        if let Err(error) = added {
            tracing::warn!(leg = %id, %error, "a leg's sockets cannot be watched");
            seat.shared.failed.store(true, Relaxed);
        }
        let flagged = seat.shared.failed.load(Relaxed) || seat.shared.closed.load(Relaxed);
        self.seats[place] = Some(*seat);
        self.places.insert(id, place);
        self.chores_at.get_or_insert(now + self.chores_every);
        self.list(place, now);
        if flagged {
            self.sweep();
        }
    }

    /// Takes a leg out; who was bridged to it hears silence from here on.
    fn unseat(&mut self, leg: LegId) -> Option<Box<Seat>> {
        let place = self.places.remove(&leg)?;
        self.part(place, Instant::now());
        let mut seat = self.seats[place].take()?;
        if seat.listed {
            self.playing.retain(|&p| p != place);
        }
        seat.leg.leave();
        self.vacant.push(place);
        Some(Box::new(seat))
    }

    fn close(&self, seat: Seat) {
        let port = seat.pair.port;
        // The sockets first: the port is free only when they are.
        drop(seat);
        self.setup.control.give_back(port);
    }

    /// Legs of which a command was lost are reported, those to be closed are closed.
    fn sweep(&mut self) {
        let mut closed = Vec::new();
        for seat in self.seats.iter().flatten() {
            if seat.shared.closed.load(Relaxed) {
                closed.push(seat.leg.id);
            } else if seat.shared.failed.swap(false, Relaxed) {
                (self.setup.events)(MediaEvent::RtpTimeout { leg: seat.leg.id });
            }
        }
        for leg in closed {
            if let Some(seat) = self.unseat(leg) {
                self.close(*seat);
            }
        }
    }

    /// Ends the bridge of a leg, if it has one: the other side hears silence until it is told otherwise.
    fn part(&mut self, place: usize, now: Instant) {
        if let Some(Hears::Leg(other)) = self.leg(place).map(|leg| leg.hears) {
            self.hear(
                other,
                Hears::Sound {
                    sound: Sound::Silence,
                    since: None,
                },
                now,
            );
        }
    }

    fn hear(&mut self, place: usize, hears: Hears, now: Instant) {
        if let Some(Some(seat)) = self.seats.get_mut(place) {
            seat.leg.hear(hears);
        }
        self.list(place, now);
    }

    /// Puts a leg that plays on the list, and starts the beat with the first.
    fn list(&mut self, place: usize, now: Instant) {
        if let Some(Some(seat)) = self.seats.get_mut(place)
            && seat.leg.plays()
            && !seat.listed
        {
            seat.listed = true;
            self.playing.push(place);
            self.beat.start(now);
        }
    }

    fn leg(&self, place: usize) -> Option<&Leg> {
        self.seats.get(place)?.as_ref().map(|seat| &seat.leg)
    }

    fn lane(&self) -> &Lane {
        &self.setup.control.lanes[self.setup.number]
    }
}

fn send(lane: &Lane, seat: &Seat, packet: &[u8], to: SocketAddr) {
    if transmit(&seat.pair.rtp, packet, to) {
        lane.counts.packets_out.up();
        seat.shared.counts.packets_out.up();
    } else {
        lane.counts.send_failures.up();
    }
}

fn transmit(socket: &UdpSocket, packet: &[u8], to: SocketAddr) -> bool {
    socket.send_to(packet, to).is_ok()
}
