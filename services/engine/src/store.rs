//! Load, decide, append; on a conflict look again, a bounded number of times.

use std::sync::Arc;
use std::time::Duration;

use rapport_domain::agent::Agent;
use rapport_domain::aggregate::{self, Aggregate, Fact as _};
use rapport_domain::customer::{Claim, Customer};
use rapport_domain::event::{Actor, Meta, NewEvent, Position, Recorded, Revision, Stream};
use rapport_domain::id::{CustomerId, EventId, TenantId};
use rapport_domain::interaction::Interaction;
use rapport_domain::node::{Node, Routing};
use rapport_domain::outreach::Outreach;
use rapport_domain::policy::PolicyBook;
use rapport_domain::port::Surroundings;
use rapport_domain::port::log::{AppendError, Appended, Batch, EventLog, Expected};
use rapport_domain::setup::{Queue, Tenant};
use rapport_domain::time::Timestamp;
use rapport_domain::webhook::Line;
use uuid::Uuid;

use crate::cache::{Cache, Loaded};
use crate::error::ExecuteError;

/// How often a decision is taken anew because somebody else wrote first.
const ATTEMPTS: usize = 16;
/// How often an append whose outcome is unknown is sent again, with the same ids.
const RESENDS: u32 = 5;
/// Events read at a time.
const PAGE: usize = 512;

/// On whose behalf something is written, and what it belongs to.
#[derive(Clone, Debug)]
pub(crate) struct Ctx {
    pub tenant: TenantId,
    pub actor: Actor,
    pub correlation: Uuid,
    pub causation: Option<EventId>,
}

impl Ctx {
    /// The hub itself acts, because of an event or a timer.
    pub fn system(tenant: TenantId, correlation: Uuid, causation: Option<EventId>) -> Self {
        Self {
            tenant,
            actor: Actor::System,
            correlation,
            causation,
        }
    }

    /// Somebody acts.
    pub fn by(tenant: TenantId, actor: Actor, correlation: Uuid) -> Self {
        Self {
            tenant,
            actor,
            correlation,
            causation: None,
        }
    }
}

/// What a decision led to.
pub(crate) struct Executed<A: Aggregate> {
    /// The facts that were appended; empty when nothing had to change.
    pub facts: Vec<A::Fact>,
    /// The state after them.
    pub state: Option<Arc<A>>,
    /// The revision of the state.
    pub revision: Option<Revision>,
    /// The position to wait for in order to read them back.
    pub position: Position,
}

/// The aggregates that are kept in memory.
#[derive(Default)]
struct Caches {
    interactions: Cache<Interaction>,
    agents: Cache<Agent>,
    customers: Cache<Customer>,
    claims: Cache<Claim>,
    outreach: Cache<Outreach>,
    queues: Cache<Queue>,
    tenants: Cache<Tenant>,
    policies: Cache<PolicyBook>,
    nodes: Cache<Node>,
    routings: Cache<Routing>,
    webhooks: Cache<Line>,
}

/// Says where states of a kind are kept.
pub(crate) trait Kept: Aggregate {
    #[allow(
        private_interfaces,
        reason = "the trait is for this module's caches only"
    )]
    fn cache(caches: &Caches) -> &Cache<Self>;
}

macro_rules! kept {
    ($($aggregate:ty => $field:ident),+ $(,)?) => {$(
        impl Kept for $aggregate {
            #[allow(private_interfaces, reason = "the trait is for this module's caches only")]
            fn cache(caches: &Caches) -> &Cache<Self> {
                &caches.$field
            }
        }
    )+};
}

kept! {
    Interaction => interactions,
    Agent => agents,
    Customer => customers,
    Claim => claims,
    Outreach => outreach,
    Queue => queues,
    Tenant => tenants,
    PolicyBook => policies,
    Node => nodes,
    Routing => routings,
    Line => webhooks,
}

/// The way to the log.
pub(crate) struct Store {
    pub log: Arc<dyn EventLog>,
    pub surroundings: Arc<dyn Surroundings>,
    /// Whether others append too: a state in memory may then be behind the log without our knowing.
    shared: bool,
    caches: Caches,
}

impl Store {
    pub fn new(log: Arc<dyn EventLog>, surroundings: Arc<dyn Surroundings>, shared: bool) -> Self {
        Self {
            log,
            surroundings,
            shared,
            caches: Caches::default(),
        }
    }

    pub fn now(&self) -> Timestamp {
        self.surroundings.now()
    }

    /// The state of one thing, from memory or folded from its stream.
    pub async fn load<A: Kept>(
        &self,
        id: Uuid,
    ) -> Result<Arc<Loaded<A>>, ExecuteError<std::convert::Infallible>> {
        match A::cache(&self.caches).get(id) {
            Some(known) => Ok(known),
            None => self.read(id, Loaded::default()).await,
        }
    }

    /// As [`Store::load`], but not older than `revision`.
    pub async fn load_at<A: Kept>(
        &self,
        id: Uuid,
        revision: Revision,
    ) -> Result<Arc<Loaded<A>>, ExecuteError<std::convert::Infallible>> {
        let known = self.load::<A>(id).await?;
        if known.folded.revision >= Some(revision) {
            return Ok(known);
        }
        self.read(id, Loaded::clone(&known)).await
    }

    /// As [`Store::load`], for a tenant: the state of another tenant's thing is `None`.
    pub async fn load_of<A: Kept>(
        &self,
        tenant: TenantId,
        id: Uuid,
    ) -> Result<Option<Arc<A>>, ExecuteError<std::convert::Infallible>> {
        let loaded = self.load::<A>(id).await?;
        Ok(loaded
            .folded
            .state
            .clone()
            .filter(|_| loaded.tenant == Some(tenant)))
    }

    /// As [`Store::load_of`], for reactions that have nothing to do when there is no such thing, or it cannot be read now.
    pub async fn known<A: Kept>(&self, tenant: TenantId, id: Uuid) -> Option<Arc<A>> {
        self.load_of::<A>(tenant, id).await.ok().flatten()
    }

    /// Takes in what others have appended to one thing's stream. One that cannot be read now stays as it is known.
    pub async fn renewed<A: Kept>(&self, id: Uuid) {
        let known = A::cache(&self.caches).get(id);
        let from = known.map(|known| Loaded::clone(&known)).unwrap_or_default();
        let _unread = self.read::<A, std::convert::Infallible>(id, from).await;
    }

    async fn read<A: Kept, R>(
        &self,
        id: Uuid,
        from: Loaded<A>,
    ) -> Result<Arc<Loaded<A>>, ExecuteError<R>> {
        let stream = Stream::new(A::Fact::CATEGORY, id);
        let mut loaded = from;
        loop {
            let next = loaded
                .folded
                .revision
                .map_or(Revision::FIRST, Revision::next);
            let page = self.log.read_stream(stream, next, PAGE).await?;
            for recorded in &page {
                loaded.tenant = Some(recorded.event.meta.tenant);
                loaded
                    .folded
                    .take_recorded(recorded)
                    .map_err(|e| ExecuteError::Unavailable(e.to_string()))?;
            }
            if page.len() < PAGE {
                break;
            }
        }
        let loaded = Arc::new(loaded);
        if loaded.folded.revision.is_some() {
            A::cache(&self.caches).put(id, loaded.clone());
        }
        Ok(loaded)
    }

    /// Keeps the state that follows from these events, the last of which is the last one of the stream.
    pub fn begin_with<A: Kept>(&self, id: Uuid, events: &[Recorded]) {
        let mut loaded = Loaded::<A>::default();
        for recorded in events {
            loaded.tenant = Some(recorded.event.meta.tenant);
            if loaded.folded.take_recorded(recorded).is_err() {
                return; // whoever needs it reads it, and says so
            }
        }
        if loaded.folded.revision.is_some() {
            A::cache(&self.caches).put(id, Arc::new(loaded));
        }
    }

    /// Takes in an event that the reactor has read, so that whatever reacts to it sees a state that includes it: the log
    /// shows an event to its readers before it tells the writer.
    pub fn observe<A: Kept>(&self, recorded: &Recorded, fact: &A::Fact) {
        A::cache(&self.caches).observe(recorded, fact);
    }

    /// As [`Store::observe`], for streams whose facts the reactor does not decode.
    pub fn outdate<A: Kept>(&self, recorded: &Recorded) {
        A::cache(&self.caches).forget_older(recorded.stream.id, recorded.revision);
    }

    /// Drops every state that holds something of a customer.
    pub fn forget_customer(&self, customer: CustomerId) {
        let Caches {
            interactions,
            customers,
            outreach,
            claims,
            ..
        } = &self.caches;
        interactions.forget_where(|interaction| interaction.customer == customer);
        customers.forget(customer.as_uuid());
        outreach.forget(customer.as_uuid());
        claims.forget_where(|claim| claim.customer == Some(customer));
    }

    /// Decides on the present state and appends what follows. The decision sees the state only when the stream is
    /// empty or belongs to the tenant; otherwise the thing is not found.
    pub async fn execute<A, R>(
        &self,
        id: Uuid,
        ctx: &Ctx,
        decide: impl Fn(Option<&A>, Timestamp) -> Result<Vec<A::Fact>, R> + Send,
    ) -> Result<Executed<A>, ExecuteError<R>>
    where
        A: Kept,
        R: Send,
    {
        let cache = A::cache(&self.caches);
        let known = cache.get(id);
        // A conflict finds out that a state was behind; a decision that appends nothing meets none. Where others append
        // too, nothing is refused, or taken for done, on a state that was not read for it.
        let mut may_be_old = self.shared && known.is_some();
        let mut loaded = match known {
            Some(known) => known,
            None => self.read(id, Loaded::default()).await?,
        };
        for _ in 0..ATTEMPTS {
            if loaded.tenant.is_some_and(|tenant| tenant != ctx.tenant) {
                return Err(ExecuteError::NotFound);
            }
            let now = self.now();
            let before = loaded.folded.revision;
            let decided = decide(loaded.folded.state.as_deref(), now);
            if std::mem::take(&mut may_be_old)
                && !decided.as_ref().is_ok_and(|facts| !facts.is_empty())
            {
                loaded = self.read(id, Loaded::clone(&loaded)).await?;
                if loaded.folded.revision != before {
                    continue;
                }
            }
            let facts = decided.map_err(ExecuteError::Rejected)?;
            if facts.is_empty() {
                let (state, position) = (loaded.folded.state.clone(), self.log.head());
                return Ok(Executed {
                    facts,
                    state,
                    revision: before,
                    position,
                });
            }
            match self.append::<A, R>(id, ctx, &loaded, &facts, now).await {
                Ok(appended) => {
                    let mut after = Loaded::clone(&loaded);
                    drop(loaded);
                    after.tenant = Some(ctx.tenant);
                    let mut next = before.map_or(Revision::FIRST, Revision::next);
                    for fact in &facts {
                        after.folded.take(fact, now, next);
                        next = next.next();
                    }
                    let (state, revision) = (after.folded.state.clone(), after.folded.revision);
                    cache.put(id, Arc::new(after));
                    return Ok(Executed {
                        facts,
                        state,
                        revision,
                        position: appended.position,
                    });
                }
                Err(Appending::Conflict) => {
                    cache.forget(id);
                    loaded = self.read(id, Loaded::clone(&loaded)).await?;
                }
                Err(Appending::Failed(error)) => return Err(error),
            }
        }
        Err(ExecuteError::Contended)
    }

    async fn append<A: Kept, R>(
        &self,
        id: Uuid,
        ctx: &Ctx,
        loaded: &Loaded<A>,
        facts: &[A::Fact],
        now: Timestamp,
    ) -> Result<Appended, Appending<R>> {
        let failed = |why: String| Appending::Failed(ExecuteError::Unavailable(why));
        let before = loaded.folded.revision;
        // Whose history it is is said by its first fact, which may be among these.
        let subject = match &loaded.folded.state {
            Some(state) => state.subject(id),
            None => facts
                .first()
                .and_then(|fact| A::begin(fact, now))
                .and_then(|begun| begun.subject(id)),
        };
        let mut events = Vec::with_capacity(facts.len());
        for fact in facts {
            let encoded = aggregate::encode(fact).map_err(|error| failed(error.to_string()))?;
            events.push(NewEvent {
                id: EventId::from_uuid(self.surroundings.fresh()),
                kind: encoded.kind,
                version: encoded.version,
                recorded_at: now,
                meta: Meta {
                    tenant: ctx.tenant,
                    actor: ctx.actor.clone(),
                    correlation: ctx.correlation,
                    causation: ctx.causation,
                    subject,
                },
                data: encoded.data,
            });
        }
        let stream = Stream::new(A::Fact::CATEGORY, id);
        let batch = Batch {
            stream,
            expected: Expected::after(before),
            events,
        };
        let mut resends = 0;
        loop {
            match self.log.append(batch.clone()).await {
                Ok(appended) => return Ok(appended),
                Err(AppendError::Conflict { .. }) => return Err(Appending::Conflict),
                Err(AppendError::Unknown(why)) if resends < RESENDS => {
                    resends += 1;
                    tracing::warn!(%stream, why, "append with unknown outcome, sending it again");
                    tokio::time::sleep(Duration::from_millis(20 << resends)).await;
                }
                Err(error) => return Err(Appending::Failed(ExecuteError::from_append(&error))),
            }
        }
    }
}

enum Appending<R> {
    Conflict,
    Failed(ExecuteError<R>),
}
