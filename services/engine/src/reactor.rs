//! Follows the log and does what follows from each event. Reactions are repeated after a crash, so each of them decides
//! on the present state and appends nothing when that has been done already.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rapport_domain::acd::{self, Input};
use rapport_domain::agent::{self, Agent};
use rapport_domain::aggregate::{DecodeError, Fact, decode};
use rapport_domain::customer::{Claim, Customer};
use rapport_domain::event::{Category, Position, Recorded};
use rapport_domain::id::TenantId;
use rapport_domain::interaction::{self, Interaction};
use rapport_domain::node::{Node, NodeFact, Routing, RoutingFact};
use rapport_domain::outreach;
use rapport_domain::policy::PolicyBook;
use rapport_domain::port::log::Subscription;
use rapport_domain::setup::{Queue, Tenant};
use rapport_domain::webhook::Line;

use crate::counters::Counters;
use crate::directory::Directory;
use crate::engine::Engine;
use crate::live::ChangeKind;
use crate::store::Ctx;

/// Events read at a time.
const PAGE: usize = 512;
/// How often, in events, the checkpoint is saved while events come without a pause.
const SAVE_EVERY: usize = 2_000;

/// What a reaction knows of the event that caused it.
#[derive(Clone, Copy)]
pub(crate) struct Cause<'a> {
    pub recorded: &'a Recorded,
    pub tenant: TenantId,
    pub position: Position,
    /// Which of the reactions are done.
    pub side: Side,
}

/// The two sides of a reaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Side {
    /// What every node does: it keeps up, shows, and acts on the channels it holds.
    pub follow: bool,
    /// What leads to further facts: only the node that decides for the tenant does it.
    pub decide: bool,
}

impl Side {
    /// Only what the owner before may have left undone.
    pub const DECIDE: Self = Self {
        follow: false,
        decide: true,
    };
}

impl Engine {
    /// Follows the log for ever.
    pub(crate) async fn follow(self: Arc<Self>, from: Position) {
        let log = self.log().clone();
        let mut subscription = Subscription::new(&*log, from, PAGE);
        let mut unsaved = 0;
        while !self.stopping.load(Ordering::Acquire) {
            let page = tokio::select! {
                page = subscription.next() => page,
                () = self.stop.notified() => return,
            };
            match page {
                Ok(page) => {
                    unsaved += page.len();
                    self.react_to(&page).await;
                    if unsaved >= SAVE_EVERY || self.log().head() == subscription.position() {
                        unsaved = 0;
                        let engine = self.clone();
                        tokio::task::spawn_blocking(move || engine.save_checkpoint());
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "the log cannot be followed; trying again");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        }
    }

    /// Reacts to a page of events, in order.
    pub(crate) async fn react_to(self: &Arc<Self>, page: &[Recorded]) {
        self.take_set_up(page);
        for recorded in page {
            let tenant = recorded.event.meta.tenant;
            let cause = Cause {
                recorded,
                tenant,
                position: recorded.position,
                side: Side {
                    follow: true,
                    decide: self.decides(tenant),
                },
            };
            self.lanes.begin(cause.position);
            if let Err(error) = self.react(cause).await {
                Counters::count(&self.counters.reactions_failed);
                Counters::count(&self.counters.events_passed_over);
                tracing::error!(position = %cause.position, kind = %error.kind, version = error.version, "an event was not understood and is passed over");
            }
            self.lanes.sealed(cause.position);
        }
        if let Some(last) = page.last() {
            self.followed.send_replace(last.position);
        }
    }

    pub(crate) fn take_set_up(&self, page: &[Recorded]) {
        if !page.iter().any(Directory::concerns) {
            return;
        }
        let mut directory = Directory::clone(&self.directory());
        page.iter()
            .filter(|recorded| Directory::concerns(recorded))
            .for_each(|recorded| directory.take(recorded));
        *self
            .directory
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(directory);
    }

    pub(crate) async fn react(self: &Arc<Self>, cause: Cause<'_>) -> Result<(), DecodeError> {
        let recorded = cause.recorded;
        match recorded.stream.category {
            Category::Interaction => {
                let fact: interaction::Fact = fact(recorded)?;
                self.store.observe::<Interaction>(recorded, &fact);
                self.react_to_interaction(cause, fact).await;
            }
            Category::Agent => {
                let fact: agent::Fact = fact(recorded)?;
                self.store.observe::<Agent>(recorded, &fact);
                self.react_to_agent(cause, fact).await;
            }
            Category::Outreach => {
                let fact: outreach::Fact = fact(recorded)?;
                self.store.observe::<outreach::Outreach>(recorded, &fact);
                self.react_to_outreach(cause, fact).await;
            }
            Category::Queue => {
                self.store.outdate::<Queue>(recorded);
                self.react_to_queue(cause, fact(recorded)?).await;
            }
            Category::Customer => {
                self.store.outdate::<Customer>(recorded);
                match recorded.event.kind.as_str() {
                    "customer.erased" => self.react_to_erasure(cause).await,
                    "customer.absorbed" | "customer.unmerged" => {
                        self.react_to_merging(cause, fact(recorded)?).await;
                    }
                    _ => {}
                }
            }
            Category::ContactPoint => self.store.outdate::<Claim>(recorded),
            Category::Tenant => self.store.outdate::<Tenant>(recorded),
            Category::Policy => self.store.outdate::<PolicyBook>(recorded),
            Category::Node => {
                let fact: NodeFact = fact(recorded)?;
                self.store.observe::<Node>(recorded, &fact);
                self.react_to_node(cause, &fact);
            }
            Category::Routing => {
                let fact: RoutingFact = fact(recorded)?;
                self.store.observe::<Routing>(recorded, &fact);
                self.react_to_routing(cause, &fact).await;
            }
            Category::Webhook => {
                self.store.outdate::<Line>(recorded);
                self.webhooks.moved();
            }
        }
        Ok(())
    }

    /// What the owner of a domain does about an event, without following it.
    pub(crate) async fn decide_again(
        self: &Arc<Self>,
        cause: Cause<'_>,
    ) -> Result<(), DecodeError> {
        let recorded = cause.recorded;
        match recorded.stream.category {
            Category::Interaction => self.react_to_interaction(cause, fact(recorded)?).await,
            Category::Agent => self.react_to_agent(cause, fact(recorded)?).await,
            Category::Outreach => self.react_to_outreach(cause, fact(recorded)?).await,
            Category::Customer
                if matches!(
                    recorded.event.kind.as_str(),
                    "customer.absorbed" | "customer.unmerged"
                ) =>
            {
                self.react_to_merging(cause, fact(recorded)?).await;
            }
            _ => {}
        }
        Ok(())
    }

    /// Runs what every node does, after all earlier reactions of the same key.
    pub(crate) async fn then<F, W>(self: &Arc<Self>, cause: Cause<'_>, key: uuid::Uuid, work: W)
    where
        F: Future<Output = ()> + Send + 'static,
        W: FnOnce(Arc<Self>, TenantId, Ctx) -> F,
    {
        if cause.side.follow {
            let job = work(self.clone(), cause.tenant, cause.ctx());
            self.lanes.submit(key, Some(cause.position), job).await;
        }
    }

    /// Runs what only the node does that decides for the tenant, after all earlier reactions of the same key.
    pub(crate) async fn decide_then<F, W>(
        self: &Arc<Self>,
        cause: Cause<'_>,
        key: uuid::Uuid,
        work: W,
    ) where
        F: Future<Output = ()> + Send + 'static,
        W: FnOnce(Arc<Self>, TenantId, Ctx) -> F,
    {
        if !cause.side.decide {
            return;
        }
        let (engine, tenant) = (self.clone(), cause.tenant);
        // On the heap: what may follow from an event is large, and whoever awaits this would be as large.
        let work = Box::pin(work(self.clone(), tenant, cause.ctx()));
        let job = async move {
            // It may have waited: whoever takes over goes on before it.
            if engine.decides(tenant) {
                work.await;
            }
        };
        if cause.side.follow {
            self.lanes.submit(key, Some(cause.position), job).await;
        } else {
            self.lanes.run(key, job).await;
        }
    }

    /// Feeds the floor in the order of events and has its wishes carried out beside.
    pub(crate) async fn tell_floor(self: &Arc<Self>, cause: Cause<'_>, inputs: Vec<Input>) {
        if !self.is_going() || inputs.is_empty() || !cause.side.follow {
            return;
        }
        if !self.leads(cause.tenant) {
            return self.floors.follow(cause.tenant, inputs, self.now());
        }
        for wanted in self.decide(cause.tenant, inputs) {
            let (acd::Output::Offer { item, .. } | acd::Output::OfferOverdue { item, .. }) =
                &wanted.output;
            self.then(cause, item.as_uuid(), move |engine, tenant, _| async move {
                engine.carry_out(tenant, vec![wanted]).await;
            })
            .await;
        }
    }

    pub(crate) fn watchers(&self, cause: Cause<'_>, what: ChangeKind) {
        if self.is_going() && cause.side.follow {
            self.live.publish(cause.position, cause.tenant, what);
        }
    }

    /// Counts what happened, on the node that decides: summed over all nodes it is counted once.
    pub(crate) fn count(
        &self,
        cause: Cause<'_>,
        which: impl Fn(&Counters) -> &std::sync::atomic::AtomicU64,
    ) {
        if self.is_going()
            && cause.side
                == (Side {
                    follow: true,
                    decide: true,
                })
        {
            Counters::count(which(&self.counters));
        }
    }
}

impl Cause<'_> {
    fn ctx(self) -> Ctx {
        let event = &self.recorded.event;
        Ctx::system(self.tenant, event.meta.correlation, Some(event.id))
    }
}

pub(crate) fn fact<F: Fact>(recorded: &Recorded) -> Result<F, DecodeError> {
    decode(
        &recorded.event.kind,
        recorded.event.version,
        &recorded.event.data,
    )
}
