//! Three nodes in one process over one log. A node can be paused, as SIGSTOP does it, and killed.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rapport_domain::event::{Actor, Position, Recorded, Revision, Stream};
use rapport_domain::node::Role;
use rapport_domain::port::BoxFuture;
use rapport_domain::port::Surroundings;
use rapport_domain::port::log::{AppendError, Appended, Batch, EventLog, ReadError};
use rapport_domain::port::voice::{Voice, VoiceBusy, VoiceCommand, VoiceEvent};
use rapport_domain::testing::{MemoryKeys, MemoryLog};
use rapport_domain::time::Timestamp;
use rapport_engine::{Engine, NodeSettings, Parts, TenantDeclaration};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use uuid::Uuid;

use crate::support::{Marks, Scan};

/// How long silence may last.
pub const LEASE: Duration = Duration::from_secs(6);

/// Numbers that look random and follow from a seed (SplitMix64, Steele and others, OOPSLA 2014).
#[derive(Clone)]
pub struct Dice(Arc<Mutex<u64>>);

impl Dice {
    pub fn of(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(seed)))
    }

    pub fn below(&self, most: u64) -> u64 {
        let mut state = self.0.lock().unwrap();
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % most.max(1)
    }

    pub fn millis(&self, least: u64, most: u64) -> Duration {
        Duration::from_millis(least + self.below(most - least))
    }

    pub fn percent(&self, chance: u64) -> bool {
        self.below(100) < chance
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    Open,
    /// Nothing goes in or out; all of it goes on afterwards.
    Paused,
    Dead,
}

/// Resolves once the node moves.
pub async fn pass(gate: &watch::Receiver<Gate>) {
    let mut gate = gate.clone();
    loop {
        let now = *gate.borrow_and_update();
        match now {
            Gate::Open => return,
            Gate::Dead => pending().await,
            Gate::Paused => {
                if gate.changed().await.is_err() {
                    pending::<()>().await;
                }
            }
        }
    }
}

/// The log as one node reaches it: an append that was on its way when the node was paused arrives when it goes on.
struct Gated {
    log: MemoryLog,
    gate: watch::Receiver<Gate>,
    dice: Dice,
}

impl EventLog for Gated {
    fn append(&self, batch: Batch) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(async move {
            tokio::time::sleep(self.dice.millis(1, 5)).await;
            pass(&self.gate).await;
            let answer = self.log.append(batch).await;
            tokio::time::sleep(self.dice.millis(1, 4)).await;
            pass(&self.gate).await;
            answer
        })
    }
    fn read_stream(
        &self,
        stream: Stream,
        from: Revision,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Recorded>, ReadError>> {
        Box::pin(async move {
            pass(&self.gate).await;
            self.log.read_stream(stream, from, limit).await
        })
    }
    fn read_all(
        &self,
        after: Position,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Recorded>, ReadError>> {
        Box::pin(async move {
            // Readers are behind by a little, each by its own.
            tokio::time::sleep(self.dice.millis(0, 8)).await;
            pass(&self.gate).await;
            self.log.read_all(after, limit).await
        })
    }
    fn head(&self) -> Position {
        self.log.head()
    }
    fn wait_past(&self, position: Position) -> BoxFuture<'_, Position> {
        Box::pin(async move {
            let head = self.log.wait_past(position).await;
            pass(&self.gate).await;
            head
        })
    }
}

/// One clock for everybody, the runtime's.
#[derive(Clone)]
pub struct Clock(pub Instant);

/// A Monday morning.
const MORNING: Timestamp = Timestamp::from_millis(1_767_603_600_000);

impl Surroundings for Clock {
    fn now(&self) -> Timestamp {
        MORNING + self.0.elapsed()
    }
    fn fresh(&self) -> Uuid {
        Uuid::now_v7()
    }
}

/// Hands commands to whoever plays the telephone network.
struct Wire(mpsc::UnboundedSender<VoiceCommand>);

impl Voice for Wire {
    fn send(&self, command: VoiceCommand) -> Result<(), VoiceBusy> {
        self.0.send(command).map_err(|_| VoiceBusy)
    }
}

/// One run of one node.
pub struct Node {
    pub index: usize,
    pub engine: Arc<Engine>,
    pub gate: watch::Sender<Gate>,
    pub events: mpsc::Sender<VoiceEvent>,
    pub commands: Mutex<Option<mpsc::UnboundedReceiver<VoiceCommand>>>,
}

pub fn name_of(index: usize) -> String {
    format!("hub-{index}")
}

pub fn sip_of(index: usize) -> SocketAddr {
    format!("10.0.0.{}:5060", index + 1).parse().unwrap()
}

impl Node {
    pub async fn start(
        index: usize,
        roles: Vec<Role>,
        log: &MemoryLog,
        marks: &Arc<Marks>,
        clock: &Clock,
        dice: &Dice,
        declaration: TenantDeclaration,
    ) -> Self {
        let (gate, seen) = watch::channel(Gate::Open);
        let gated = Gated {
            log: log.clone(),
            gate: seen,
            dice: dice.clone(),
        };
        let edge = roles.contains(&Role::Edge);
        let parts = Parts {
            log: Arc::new(gated),
            surroundings: Arc::new(clock.clone()),
            worklist: Arc::new(Scan(log.clone())),
            checkpoints: marks.clone(),
            keys: Arc::new(MemoryKeys::new()),
            node: Some(NodeSettings {
                name: name_of(index),
                roles,
                lease: LEASE,
            }),
        };
        let engine = Engine::start(parts).await.unwrap();
        engine.declare(declaration, Actor::Operator).await.unwrap();
        let (sender, commands) = mpsc::unbounded_channel();
        let (events, heard) = mpsc::channel(64);
        if edge {
            engine.attach_voice(Arc::new(Wire(sender)), heard);
            engine.reached_at(sip_of(index));
        }
        engine.open().await.unwrap();
        Self {
            index,
            engine,
            gate,
            events,
            commands: Mutex::new(Some(commands)),
        }
    }

    pub fn is_open(&self) -> bool {
        *self.gate.borrow() == Gate::Open
    }
}
