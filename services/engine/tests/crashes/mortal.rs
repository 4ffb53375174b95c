//! A log and a voice channel of a hub that dies at a chosen step.

use std::future::pending;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rapport_domain::event::{Position, Recorded, Revision, Stream};
use rapport_domain::id::{CustomerId, TenantId};
use rapport_domain::port::BoxFuture;
use rapport_domain::port::Surroundings;
use rapport_domain::port::keys::{KeyError, KeyState, Keys};
use rapport_domain::port::log::{AppendError, Appended, Batch, EventLog, ReadError};
use rapport_domain::port::voice::{Voice, VoiceBusy, VoiceCommand};
use rapport_domain::testing::{MemoryKeys, MemoryLog};
use rapport_domain::time::Timestamp;
use tokio::sync::Notify;
use tokio::time::Instant;
use uuid::Uuid;

/// When the hub dies: before the step takes effect, or after it has, before anybody is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    Before,
    After,
}

/// Counts steps and ends the hub's life at one of them.
pub struct Fuse {
    steps: AtomicUsize,
    at: Option<(usize, Moment)>,
    dead: AtomicBool,
    died: Notify,
}

/// What a step may do.
enum Step {
    Goes,
    LastBreath,
    Dead,
}

impl Fuse {
    pub fn at(step: usize, moment: Moment) -> Self {
        Self::new(Some((step, moment)))
    }

    pub fn never() -> Self {
        Self::new(None)
    }

    fn new(at: Option<(usize, Moment)>) -> Self {
        Self {
            steps: AtomicUsize::new(0),
            at,
            dead: AtomicBool::new(false),
            died: Notify::new(),
        }
    }

    fn step(&self) -> Step {
        let number = self.steps.fetch_add(1, Ordering::SeqCst);
        match self.at {
            _ if self.is_dead() => Step::Dead,
            Some((at, Moment::Before)) if at == number => {
                self.die();
                Step::Dead
            }
            Some((at, Moment::After)) if at == number => Step::LastBreath,
            _ => Step::Goes,
        }
    }

    fn die(&self) {
        self.dead.store(true, Ordering::SeqCst);
        self.died.notify_one();
    }

    pub fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    /// Resolves when the hub has died.
    pub async fn died(&self) {
        if !self.is_dead() {
            self.died.notified().await;
        }
    }
}

/// A log that the dead cannot reach: neither answers nor events come back.
pub struct MortalLog {
    log: MemoryLog,
    fuse: Arc<Fuse>,
}

impl MortalLog {
    pub fn new(log: MemoryLog, fuse: Arc<Fuse>) -> Self {
        Self { log, fuse }
    }
}

impl EventLog for MortalLog {
    fn append(&self, batch: Batch) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(async move {
            match self.fuse.step() {
                Step::Goes => self.log.append(batch).await,
                Step::Dead => pending().await,
                Step::LastBreath => {
                    let _nobody_hears = self.log.append(batch).await;
                    self.fuse.die();
                    pending().await
                }
            }
        })
    }
    fn read_stream(
        &self,
        stream: Stream,
        from: Revision,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Recorded>, ReadError>> {
        Box::pin(async move {
            if self.fuse.is_dead() {
                return pending().await;
            }
            self.log.read_stream(stream, from, limit).await
        })
    }
    fn read_all(
        &self,
        after: Position,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Recorded>, ReadError>> {
        Box::pin(async move {
            if self.fuse.is_dead() {
                return pending().await;
            }
            self.log.read_all(after, limit).await
        })
    }
    fn head(&self) -> Position {
        self.log.head()
    }
    fn wait_past(&self, position: Position) -> BoxFuture<'_, Position> {
        Box::pin(async move {
            let head = self.log.wait_past(position).await;
            if self.fuse.is_dead() {
                return pending().await;
            }
            head
        })
    }
}

/// Keys that the dead cannot reach.
pub struct MortalKeys {
    keys: MemoryKeys,
    fuse: Arc<Fuse>,
}

impl MortalKeys {
    pub fn new(keys: MemoryKeys, fuse: Arc<Fuse>) -> Self {
        Self { keys, fuse }
    }
}

impl Keys for MortalKeys {
    fn key_for_sealing(
        &self,
        tenant: TenantId,
        customer: CustomerId,
    ) -> BoxFuture<'_, Result<KeyState, KeyError>> {
        self.keys.key_for_sealing(tenant, customer)
    }
    fn keys_for_opening(
        &self,
        customers: Vec<CustomerId>,
    ) -> BoxFuture<'_, Result<Vec<KeyState>, KeyError>> {
        self.keys.keys_for_opening(customers)
    }
    fn destroy(&self, customer: CustomerId, at: Timestamp) -> BoxFuture<'_, Result<(), KeyError>> {
        Box::pin(async move {
            match self.fuse.step() {
                Step::Goes => self.keys.destroy(customer, at).await,
                Step::Dead => pending().await,
                Step::LastBreath => {
                    let _nobody_hears = self.keys.destroy(customer, at).await;
                    self.fuse.die();
                    pending().await
                }
            }
        })
    }
}

/// Remembers what a living hub asked of it.
#[derive(Clone)]
pub struct MortalVoice {
    asked: Arc<Mutex<Vec<VoiceCommand>>>,
    fuse: Arc<Fuse>,
}

impl MortalVoice {
    pub fn new(fuse: Arc<Fuse>) -> Self {
        Self {
            asked: Arc::default(),
            fuse,
        }
    }

    /// What was asked since the last time.
    pub fn take(&self) -> Vec<VoiceCommand> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    /// Whether nothing was asked since.
    pub fn is_quiet(&self) -> bool {
        self.asked.lock().unwrap().is_empty()
    }
}

impl Voice for MortalVoice {
    fn send(&self, command: VoiceCommand) -> Result<(), VoiceBusy> {
        let step = self.fuse.step();
        if !matches!(step, Step::Dead) {
            self.asked.lock().unwrap().push(command);
        }
        if matches!(step, Step::LastBreath) {
            self.fuse.die();
        }
        Ok(())
    }
}

/// The runtime's clock, which a test lets run: a day passes in no time. It goes on from one hub's life to the next.
pub struct VirtualTime {
    from: Timestamp,
    began: Instant,
}

impl VirtualTime {
    /// Begins now, in the runtime that this is called on.
    pub fn starting(from: Timestamp) -> Self {
        Self {
            from,
            began: Instant::now(),
        }
    }
}

impl Surroundings for VirtualTime {
    fn now(&self) -> Timestamp {
        self.from + self.began.elapsed()
    }
    fn fresh(&self) -> Uuid {
        Uuid::now_v7()
    }
}
