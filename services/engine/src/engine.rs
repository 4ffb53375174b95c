//! The engine: what its parts share, and its life.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use rapport_domain::acd::Input;
use rapport_domain::event::Position;
use rapport_domain::id::{EpochId, QueueId, TenantId};
use rapport_domain::port::Surroundings;
use rapport_domain::port::keys::Keys;
use rapport_domain::port::log::EventLog;
use rapport_domain::port::query::{Checkpoints, Worklist};
use rapport_domain::time::Timestamp;
use tokio::sync::{Notify, broadcast, watch};
use uuid::Uuid;

use crate::calls::Calls;
use crate::chat::Conversations;
use crate::cluster::{Cluster, NodeSettings};
use crate::counters::Counters;
use crate::directory::Directory;
use crate::dry_runs::DryRuns;
use crate::error::EngineError;
use crate::floors::Floors;
use crate::lanes::Lanes;
use crate::live::{Change, Live};
use crate::store::{Ctx, Store};
use crate::timers::{Due, Timers};
use crate::views::QueueNow;
use crate::webhooks::Webhooks;

/// What the engine is given.
pub struct Parts {
    /// The book of facts.
    pub log: Arc<dyn EventLog>,
    /// Clock and ids.
    pub surroundings: Arc<dyn Surroundings>,
    /// What is open, caught up with the log.
    pub worklist: Arc<dyn Worklist>,
    /// How far reactions have come.
    pub checkpoints: Arc<dyn Checkpoints>,
    /// How this process takes part, when several share the log; `None` when it has the log for itself.
    pub node: Option<NodeSettings>,
    /// The keys that the personal data in the log is sealed with.
    pub keys: Arc<dyn Keys>,
}

/// Name of the reactions' checkpoint.
pub(crate) const REACTIONS: &str = "reactions";

/// Carries out commands, follows the log, routes, coordinates.
pub struct Engine {
    /// Itself, for work that outlives the call that began it.
    pub(crate) me: Weak<Self>,
    pub(crate) store: Store,
    pub(crate) worklist: Arc<dyn Worklist>,
    pub(crate) checkpoints: Arc<dyn Checkpoints>,
    pub(crate) keys: Arc<dyn Keys>,
    pub(crate) directory: RwLock<Arc<Directory>>,
    pub(crate) floors: Floors,
    pub(crate) timers: Timers,
    pub(crate) lanes: Lanes,
    pub(crate) live: Live,
    pub(crate) calls: Calls,
    pub(crate) conversations: Conversations,
    pub(crate) counters: Counters,
    pub(crate) dry_runs: DryRuns,
    pub(crate) webhooks: Webhooks,
    /// The other nodes, when there may be some.
    pub(crate) cluster: Option<Cluster>,
    /// The last event that was followed, its jobs done or not.
    pub(crate) followed: watch::Sender<Position>,
    /// Whether reactions reach the outside: off while history is caught up with.
    pub(crate) going: watch::Sender<bool>,
    /// How far history has been caught up with before [`Engine::open`].
    reacted: Mutex<Position>,
    pub(crate) stopping: AtomicBool,
    pub(crate) stop: Notify,
}

impl Engine {
    /// Loads set-up and open work and closes calls that a crash cut. Nothing is routed before [`Engine::open`]. The read
    /// model behind [`Parts::worklist`] must have caught up with the log.
    ///
    /// # Errors
    /// [`EngineError`] when the log or the read model cannot be read.
    pub async fn start(parts: Parts) -> Result<Arc<Self>, EngineError> {
        let head = parts.log.head();
        let epoch = EpochId::from_uuid(parts.surroundings.fresh());
        let engine = Arc::new_cyclic(|me| Self {
            me: me.clone(),
            store: Store::new(parts.log, parts.surroundings, parts.node.is_some()),
            worklist: parts.worklist,
            checkpoints: parts.checkpoints,
            keys: parts.keys,
            directory: RwLock::new(Arc::new(Directory::default())),
            floors: Floors::default(),
            timers: Timers::default(),
            lanes: Lanes::start(),
            live: Live::new(head),
            calls: Calls::default(),
            conversations: Conversations::default(),
            counters: Counters::default(),
            dry_runs: DryRuns::default(),
            webhooks: Webhooks::default(),
            cluster: parts.node.map(|node| Cluster::new(node, epoch)),
            followed: watch::Sender::new(Position::START),
            going: watch::Sender::new(false),
            reacted: Mutex::new(Position::START),
            stopping: AtomicBool::new(false),
            stop: Notify::new(),
        });
        let position = Box::pin(engine.recover()).await?;
        engine.caught_up(position);
        Ok(engine)
    }

    /// Opens for business: seeds the floor from the present and goes live. Declare set-up and attach the voice channel
    /// before, let customers in after.
    ///
    /// # Errors
    /// [`EngineError`] when the log or the read model cannot be read.
    pub async fn open(self: &Arc<Self>) -> Result<(), EngineError> {
        let from = *self.reacted.lock().unwrap_or_else(PoisonError::into_inner);
        let position = Box::pin(self.catch_up(from)).await?;
        self.lanes.done_until(position);
        self.live.complete_from(position);
        let offers = match &self.cluster {
            None => Box::pin(self.seed()).await?,
            // What is ours to decide is seeded when it has been taken.
            Some(_) => {
                self.worklist_is_current().await?;
                Box::pin(self.seed_lines()).await?;
                self.join().await?;
                vec![]
            }
        };
        self.going.send_replace(true);
        tokio::spawn(self.clone().follow(position));
        tokio::spawn(self.clone().watch_the_clock());
        if self.cluster.is_some() {
            tokio::spawn(self.clone().keep_lease());
        }
        for (tenant, outputs) in offers {
            let engine = self.clone();
            tokio::spawn(async move { engine.carry_out(tenant, outputs).await });
        }
        Ok(())
    }

    /// Takes in what set-up has been declared since the start, while not open yet, so that the directory has it.
    ///
    /// # Errors
    /// [`EngineError`] when the log cannot be read.
    pub(crate) async fn refresh(self: &Arc<Self>) -> Result<(), EngineError> {
        let from = *self.reacted.lock().unwrap_or_else(PoisonError::into_inner);
        let position = Box::pin(self.catch_up(from)).await?;
        self.caught_up(position);
        Ok(())
    }

    fn caught_up(&self, position: Position) {
        *self.reacted.lock().unwrap_or_else(PoisonError::into_inner) = position;
    }

    /// All set-up as it is now.
    ///
    /// Set-up that has just been changed appears once its event has been followed.
    #[must_use]
    pub fn directory(&self) -> Arc<Directory> {
        self.directory
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The book of facts.
    #[must_use]
    pub fn log(&self) -> &Arc<dyn EventLog> {
        &self.store.log
    }

    /// What time it is.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.store.now()
    }

    /// An id nobody has used before.
    #[must_use]
    pub fn fresh(&self) -> Uuid {
        self.store.surroundings.fresh()
    }

    /// What the engine counts.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Everything up to here has been reacted to and published: the position of a snapshot taken after asking.
    #[must_use]
    pub fn reacted_to(&self) -> Position {
        self.lanes.done()
    }

    /// A waiting line at this moment.
    #[must_use]
    pub fn queue_now(&self, tenant: TenantId, queue: QueueId) -> QueueNow {
        self.floors.queue_now(tenant, queue, self.now())
    }

    /// Changes from now on. A receiver that lags must take a new snapshot.
    #[must_use]
    pub fn changes(&self) -> broadcast::Receiver<Arc<Change>> {
        self.live.subscribe()
    }

    /// Changes after a position, when all of them are still remembered.
    #[must_use]
    pub fn changes_after(&self, position: Position) -> Option<Vec<Arc<Change>>> {
        self.live.after(position)
    }

    /// Stops following the log once what has begun is done, and notes how far reactions came. Adapters must have
    /// stopped before.
    pub async fn drain(&self) {
        self.stopping.store(true, Ordering::Release);
        self.stop.notify_waiters();
        self.lanes.idle().await;
        self.save_checkpoint();
    }

    pub(crate) fn save_checkpoint(&self) {
        let done = self.lanes.done();
        self.save_marks();
        if done > Position::START
            && let Err(error) = self.checkpoints.save(REACTIONS, done)
        {
            tracing::warn!(%error, "the reactions' checkpoint could not be saved; they will be repeated after a restart");
        }
    }

    pub(crate) fn is_going(&self) -> bool {
        *self.going.borrow()
    }

    async fn watch_the_clock(self: Arc<Self>) {
        while !self.stopping.load(Ordering::Acquire) {
            tokio::select! {
                () = self.timers.wait(self.now()) => {}
                () = self.stop.notified() => return,
            }
            for due in self.timers.take(self.now()) {
                let engine = self.clone();
                let key = due.key();
                self.lanes
                    .submit(key, None, async move { engine.fire(due).await })
                    .await;
            }
        }
    }

    async fn fire(&self, due: Due) {
        if !self.decides(due.tenant()) {
            return; // whoever decides has set it too
        }
        match due {
            Due::Offer {
                tenant,
                interaction,
                offer,
            } => self.offer_ran_out(tenant, interaction, offer).await,
            Due::Reservation {
                tenant,
                agent,
                offer,
            } => self.reservation_ran_out(tenant, agent, offer).await,
            Due::WrapUp {
                tenant,
                interaction,
            } => self.wrap_up_ran_out(tenant, interaction).await,
            Due::Outreach { tenant, customer } => self.outreach_is_due(tenant, customer).await,
            Due::Erasure { tenant, customer } => {
                let ctx = Ctx::system(tenant, customer.as_uuid(), None);
                self.finish_erasure(tenant, customer, &ctx).await;
            }
            Due::Floor { tenant } => self.feed(tenant, [Input::Tick]).await,
        }
    }
}

impl Due {
    const fn tenant(self) -> TenantId {
        match self {
            Self::Offer { tenant, .. }
            | Self::Reservation { tenant, .. }
            | Self::WrapUp { tenant, .. }
            | Self::Outreach { tenant, .. }
            | Self::Erasure { tenant, .. }
            | Self::Floor { tenant } => tenant,
        }
    }

    fn key(self) -> Uuid {
        match self {
            Self::Offer { interaction, .. } | Self::WrapUp { interaction, .. } => {
                interaction.as_uuid()
            }
            Self::Reservation { agent, .. } => agent.as_uuid(),
            Self::Outreach { customer, .. } | Self::Erasure { customer, .. } => customer.as_uuid(),
            Self::Floor { tenant } => tenant.as_uuid(),
        }
    }
}
