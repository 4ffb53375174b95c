//! What callers and media threads share: which leg is where, which ports are free, and the way to each thread.
//!
//! Everything here is about commands. No lock is ever taken for a packet.

use std::collections::HashMap;
use std::sync::atomic::{
    AtomicBool, AtomicU64,
    Ordering::{AcqRel, Relaxed},
};
use std::sync::mpsc::{SyncSender, TrySendError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rapport_domain::id::LegId;
use rapport_domain::port::voice::Sound;

use super::Remote;
use super::leg::Leg;
use super::ports::{Pair, Ports};
use super::stats::{LegCounts, ThreadCounts};
use super::sys::Waker;

/// Commands that may wait for one thread. It empties the queue at every turn, so this many within about a
/// millisecond would fill it.
pub(super) const QUEUE: usize = 4096;
/// Commands that may wait for a leg while it moves to another thread.
const PENDING: usize = 16;

/// A leg with its sockets; owned by one thread at a time.
#[derive(Debug)]
pub(super) struct Seat {
    pub leg: Leg,
    pub pair: Pair,
    pub shared: Arc<LegShared>,
    /// Whether it stands in the list of those that play.
    pub listed: bool,
}

/// What is known of a leg without asking its thread.
#[derive(Debug, Default)]
pub(super) struct LegShared {
    pub counts: LegCounts,
    /// A command for it was lost: to be reported as failed.
    pub failed: AtomicBool,
    /// It was closed while the queue was full.
    pub closed: AtomicBool,
}

/// What is asked of a leg.
#[derive(Clone, Copy, Debug)]
pub(super) enum Order {
    Remote(Remote),
    Play(Sound),
    Bridge(LegId),
}

/// What is asked of a thread.
#[derive(Debug)]
pub(super) enum Command {
    /// Here is a leg, new or from another thread.
    Seat(Box<Seat>),
    Order(LegId, Order),
    /// Hand the leg over to that thread.
    Move(LegId, usize),
    Close(LegId),
}

/// The way to one thread.
pub(super) struct Lane {
    pub queue: SyncSender<Command>,
    pub waker: Waker,
    /// Some leg's `failed` or `closed` is set.
    pub sweep: AtomicBool,
    pub stop: AtomicBool,
    pub counts: ThreadCounts,
}

impl Lane {
    fn push(&self, command: Command) -> Result<(), Command> {
        let pushed = self.queue.try_send(command);
        self.waker.wake();
        pushed
            .map_err(|(TrySendError::Full(command) | TrySendError::Disconnected(command))| command)
    }

    fn sweep(&self) {
        self.sweep.store(true, std::sync::atomic::Ordering::Release);
        self.waker.wake();
    }

    /// Whether a sweep was asked for since the last time.
    pub fn take_sweep(&self) -> bool {
        self.sweep.swap(false, AcqRel)
    }
}

#[derive(Debug)]
struct Entry {
    thread: usize,
    port: u16,
    /// Orders that wait while the leg moves to another thread; none when it is settled.
    moving: Option<Vec<Order>>,
    shared: Arc<LegShared>,
}

#[derive(Debug)]
struct Registry {
    legs: HashMap<LegId, Entry>,
    ports: Ports,
}

pub(super) struct Control {
    registry: Mutex<Registry>,
    pub lanes: Vec<Lane>,
    pub commands_lost: AtomicU64,
}

impl Control {
    pub fn new(ports: Ports, lanes: Vec<Lane>) -> Self {
        let registry = Mutex::new(Registry {
            legs: HashMap::new(),
            ports,
        });
        Self {
            registry,
            lanes,
            commands_lost: AtomicU64::new(0),
        }
    }

    /// Opens a leg on a thread; its port, or none when there is no free pair or the thread takes no more. A leg
    /// that is already open keeps its port.
    pub fn open(&self, leg: Leg, thread: usize) -> Option<u16> {
        let mut registry = self.lock();
        let id = leg.id;
        if let Some(entry) = registry.legs.get(&id) {
            return Some(entry.port);
        }
        let pair = registry.ports.open()?;
        let port = pair.port;
        let shared = Arc::<LegShared>::default();
        let seat = Seat {
            leg,
            pair,
            shared: Arc::clone(&shared),
            listed: false,
        };
        if let Err(refused) = self.lanes[thread].push(Command::Seat(Box::new(seat))) {
            drop(refused);
            registry.ports.give_back(port);
            self.commands_lost.fetch_add(1, Relaxed);
            return None;
        }
        registry.legs.insert(
            id,
            Entry {
                thread,
                port,
                moving: None,
                shared,
            },
        );
        Some(port)
    }

    /// Hands an order to the thread of the leg. Nothing for a leg that is not open.
    pub fn order(&self, leg: LegId, order: Order) {
        self.dispatch(&mut self.lock(), leg, order);
    }

    /// Closes a leg. Never lost: with a full queue a flag does it.
    pub fn close(&self, leg: LegId) {
        let mut registry = self.lock();
        let Some(entry) = registry.legs.remove(&leg) else {
            return;
        };
        if entry.moving.is_some() {
            // Whoever is about to pass it on finds it gone from the registry.
            return;
        }
        let lane = &self.lanes[entry.thread];
        if lane.push(Command::Close(leg)).is_err() {
            entry.shared.closed.store(true, Relaxed);
            lane.sweep();
        }
    }

    /// The counters of an open leg.
    pub fn leg(&self, leg: LegId) -> Option<Arc<LegShared>> {
        self.lock().legs.get(&leg).map(|e| Arc::clone(&e.shared))
    }

    /// How many legs are open.
    pub fn legs(&self) -> usize {
        self.lock().legs.len()
    }

    /// A media thread has closed the sockets of a pair.
    pub fn give_back(&self, port: u16) {
        self.lock().ports.give_back(port);
    }

    /// A media thread passes a leg on to another. Comes back when it must stay: the other's queue is full.
    pub fn pass_on(&self, seat: Box<Seat>, from: usize, to: usize) -> Result<(), Box<Seat>> {
        let mut registry = self.lock();
        let id = seat.leg.id;
        let port = seat.pair.port;
        let Some(entry) = registry.legs.get_mut(&id) else {
            drop(seat);
            registry.ports.give_back(port);
            return Ok(());
        };
        let waiting = entry.moving.take().unwrap_or_default();
        entry.thread = to;
        let refused = match self.lanes[to].push(Command::Seat(seat)) {
            Err(Command::Seat(seat)) => Some(seat),
            _ => None,
        };
        if let Some(seat) = refused {
            // What waited is lost with the move; the leg is reported as failed, and only its end is to come.
            entry.thread = from;
            self.fail(entry);
            return Err(seat);
        }
        for order in waiting {
            self.dispatch(&mut registry, id, order);
        }
        Ok(())
    }

    fn dispatch(&self, registry: &mut Registry, leg: LegId, order: Order) {
        let Some(entry) = registry.legs.get_mut(&leg) else {
            return;
        };
        let thread = entry.thread;
        if let Some(waiting) = &mut entry.moving {
            if waiting.len() < PENDING {
                waiting.push(order);
            } else {
                self.fail(entry);
            }
            return;
        }
        if let Order::Bridge(other) = order {
            let Some(with) = registry.legs.get_mut(&other) else {
                return;
            };
            if with.moving.is_some() {
                return self.dispatch(registry, other, Order::Bridge(leg));
            }
            if with.thread != thread {
                if self.lanes[with.thread]
                    .push(Command::Move(other, thread))
                    .is_ok()
                {
                    with.moving = Some(vec![Order::Bridge(leg)]);
                } else {
                    self.fail(with);
                }
                return;
            }
        }
        if self.lanes[thread].push(Command::Order(leg, order)).is_err()
            && let Some(entry) = registry.legs.get(&leg)
        {
            self.fail(entry);
        }
    }

    /// The leg missed a command: its thread will report it.
    fn fail(&self, entry: &Entry) {
        self.commands_lost.fetch_add(1, Relaxed);
        entry.shared.failed.store(true, Relaxed);
        self.lanes[entry.thread].sweep();
    }

    fn lock(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
