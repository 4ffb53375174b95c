//! The RTP media engine: relays the sound between two legs, plays to a leg that waits, hears key presses.
//!
//! Few plain threads do it all, each owning its legs: a packet is read, its header rewritten where it stands, and
//! sent; nothing is decoded, and nothing on that way is shared or locked. What the engine decides about a packet
//! is in modules without sockets and clock ([`leg`] and those it uses); `worker` is the shell around them.
//!
//! **Legs and threads.** `group` chooses the thread of a leg, so legs that will be bridged should share it; with
//! one thread all do. Bridging legs of two threads works too: the second leg moves to the first one's thread, which
//! costs a millisecond or so without sound.
//!
//! **Bounds.** Commands wait in one bounded queue of 4,096 for each thread. A call never waits: if the queue is
//! full the command is dropped, counted in [`MediaStats::commands_lost`], and its leg is reported as
//! [`MediaEvent::RtpTimeout`], since its sound is not as it should be; the caller ends the leg. [`Media::close`] is
//! never dropped, and [`Media::open`] says at once that it failed.

mod control;
mod dtmf;
mod g711;
mod latch;
mod leg;
mod music;
mod outgoing;
mod ports;
mod reception;
mod rtcp;
mod rtp;
mod schedule;
mod sound;
mod stats;
mod sys;
mod worker;

#[cfg(test)]
mod tests;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, LazyLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rapport_domain::id::LegId;
use rapport_domain::port::voice::Sound;

use control::{Control, Lane, Order, QUEUE};
use leg::{Leg, Seed};
use ports::Ports;
pub use stats::{LegStats, MediaStats};
use worker::{Setup, Worker};

/// How the engine is set up.
#[derive(Clone, Debug)]
pub struct MediaConfig {
    /// The local address of all sockets.
    pub bind_ip: IpAddr,
    /// The ports that may be used: pairs of an even and the next port, both inside the range.
    pub ports: RangeInclusive<u16>,
    /// Media threads, at least 1. With more than one, each is kept on a core of its own if there are that many.
    pub threads: usize,
    /// A peer of which packets are expected and none came for this long is reported; noticed up to an eighth of it,
    /// or one second, later.
    pub rtp_timeout: Duration,
}

/// A peer's side of the sound, as the signalling agreed on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remote {
    /// Where its SDP wants the packets. A peer that turns out to send from another port of this address, or from
    /// `flow`, is followed after a probation, once for each time [`Media::set_remote`] is called.
    pub addr: SocketAddr,
    /// The address its SIP messages come from: where a peer behind an address translator may send from.
    pub flow: Option<IpAddr>,
    /// What `payload` stands for.
    pub codec: Codec,
    /// The payload type of sound, in both directions.
    pub payload: u8,
    /// The payload type of key presses (RFC 4733) at 8000 Hz, in both directions, if the peer takes them.
    pub telephone_event: Option<u8>,
    /// Packets may be sent to it; false while the peer has put us on hold.
    pub send: bool,
    /// Packets are expected of it; false while it is on hold. What comes nevertheless is not passed on.
    pub receive: bool,
}

/// The codings of sound that are relayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// G.711 µ-law, static payload type 0.
    Pcmu,
    /// G.711 A-law, static payload type 8.
    Pcma,
}

/// What the engine reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaEvent {
    /// No packet came from the peer for the configured time while some were expected, or the leg's sound is lost
    /// for another reason (a command found the queue full). Once for each silence.
    RtpTimeout {
        /// The leg.
        leg: LegId,
    },
    /// The peer pressed a key. Once for each press, at its first packet.
    Dtmf {
        /// The leg.
        leg: LegId,
        /// `0` to `9`, `*`, `#` or `A` to `D`.
        digit: char,
    },
}

/// No port pair is free, or the media thread takes no more legs: the call cannot be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no ports for the sound of another leg")]
pub struct NoPorts;

/// The engine. Clones are the same engine; it ends when the last one is dropped.
#[derive(Clone)]
pub struct Media {
    engine: Arc<Engine>,
}

struct Engine {
    control: Arc<Control>,
    threads: Vec<JoinHandle<()>>,
}

impl Media {
    /// Starts the threads. `events` is called on them: it must return at once and never wait.
    ///
    /// # Errors
    /// When the system gives no threads or descriptors, or the configuration has no port pair or no thread.
    pub fn start(
        config: MediaConfig,
        events: Arc<dyn Fn(MediaEvent) + Send + Sync>,
    ) -> io::Result<Self> {
        let ports = Ports::new(config.bind_ip, &config.ports);
        if config.threads == 0 || ports.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the media engine needs a thread and a pair of ports that begins with an even one",
            ));
        }
        // Composed before the first caller waits for it.
        LazyLock::force(&sound::SOUNDS);
        let mut lanes = Vec::new();
        let mut ends = Vec::new();
        for _ in 0..config.threads {
            let (queue, end) = sync_channel(QUEUE);
            let lane = Lane {
                queue,
                waker: sys::Waker::new()?,
                sweep: AtomicBool::new(false),
                stop: AtomicBool::new(false),
                counts: stats::ThreadCounts::default(),
            };
            ends.push((end, Setup::poller(&lane)?));
            lanes.push(lane);
        }
        let control = Arc::new(Control::new(ports, lanes));
        let cores = thread::available_parallelism()?.get();
        // One thread is better left to the scheduler: it can flee from a core that others keep busy.
        let pinned = config.threads > 1 && config.threads <= cores;
        let mut engine = Engine {
            control: Arc::clone(&control),
            threads: Vec::new(),
        };
        for (number, (queue, poller)) in ends.into_iter().enumerate() {
            let setup = Setup {
                number,
                control: Arc::clone(&control),
                queue,
                events: Arc::clone(&events),
                rtp_timeout: config.rtp_timeout,
                poller,
            };
            let spawned = thread::Builder::new()
                .name(format!("media-{number}"))
                .spawn(move || {
                    sys::go_first();
                    if pinned {
                        sys::pin_to_core(number);
                    }
                    Worker::new(setup).run();
                });
            // Dropping the engine ends the threads that did start.
            engine.threads.push(spawned?);
        }
        Ok(Self {
            engine: Arc::new(engine),
        })
    }

    /// Opens an RTP and RTCP port pair for the leg and returns the RTP port, which is even. Nothing is sent before
    /// [`set_remote`](Self::set_remote). Legs that will be bridged should share `group`. A leg that is already open
    /// keeps its ports.
    ///
    /// # Errors
    /// [`NoPorts`] when the range is used up or the media thread takes no more.
    pub fn open(&self, leg: LegId, group: u64) -> Result<u16, NoPorts> {
        let threads = self.engine.threads.len() as u64;
        let thread = (group % threads) as usize;
        let seed = seed().map_err(|_| NoPorts)?;
        self.engine
            .control
            .open(Leg::new(leg, seed, Instant::now()), thread)
            .ok_or(NoPorts)
    }

    /// Says where the peer is and what was agreed with it; again after every new offer and answer.
    pub fn set_remote(&self, leg: LegId, remote: Remote) {
        self.engine.control.order(leg, Order::Remote(remote));
    }

    /// Plays to the leg from the beginning of `sound` until told otherwise. If it was bridged, the other side hears
    /// silence until it is bridged or played to.
    pub fn play(&self, leg: LegId, sound: Sound) {
        self.engine.control.order(leg, Order::Play(sound));
    }

    /// Connects two legs: the packets of each go to the other. Whoever was bridged to either before hears silence.
    /// Nothing if one of them is not open.
    pub fn bridge(&self, a: LegId, b: LegId) {
        if a != b {
            self.engine.control.order(a, Order::Bridge(b));
        }
    }

    /// Closes the leg's sockets; its ports are free soon after. Whoever was bridged to it hears silence.
    pub fn close(&self, leg: LegId) {
        self.engine.control.close(leg);
    }

    /// What was counted since the start.
    #[must_use]
    pub fn stats(&self) -> MediaStats {
        let control = &self.engine.control;
        let mut sum = MediaStats {
            legs: control.legs(),
            commands_lost: control.commands_lost.load(Relaxed),
            ..MediaStats::default()
        };
        for lane in &control.lanes {
            let counts = &lane.counts;
            sum.packets_in += counts.packets_in.get();
            sum.packets_out += counts.packets_out.get();
            sum.malformed += counts.malformed.get();
            sum.foreign += counts.foreign.get();
            sum.send_failures += counts.send_failures.get();
            sum.rtcp_in += counts.rtcp_in.get();
            sum.rtcp_out += counts.rtcp_out.get();
            sum.rtcp_refused += counts.rtcp_refused.get();
        }
        sum
    }

    /// What was counted on a leg; none when it is not open.
    #[must_use]
    pub fn leg_stats(&self, leg: LegId) -> Option<LegStats> {
        let shared = self.engine.control.leg(leg)?;
        let counts = &shared.counts;
        Some(LegStats {
            packets_in: counts.packets_in.get(),
            packets_out: counts.packets_out.get(),
            lost: counts.lost.get(),
            malformed: counts.malformed.get(),
            foreign: counts.foreign.get(),
        })
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        for lane in &self.control.lanes {
            lane.stop.store(true, Relaxed);
            lane.waker.wake();
        }
        for thread in self.threads.drain(..) {
            // The last clone may have been dropped by an event handler, on the thread itself.
            if thread.thread().id() != thread::current().id() && thread.join().is_err() {
                tracing::error!("a media thread had panicked");
            }
        }
    }
}

fn seed() -> Result<Seed, getrandom::Error> {
    let (a, b) = (getrandom::u64()?, getrandom::u64()?);
    Ok(Seed {
        ssrc: (a >> 32) as u32,
        sequence: a as u16,
        timestamp: (b >> 32) as u32,
        name: a.rotate_left(16) ^ b,
    })
}
