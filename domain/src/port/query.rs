//! What the engine asks of read models: what to load when a node starts, and how far a reactor has come. Calls block.

use uuid::Uuid;

use crate::channel::Channel;
use crate::event::{Position, Revision, Stream};
use crate::id::{AgentId, CustomerId, InteractionId, TenantId};
use crate::time::Timestamp;

/// A read model could not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("read model {model}: {reason}")]
pub struct QueryError {
    /// Which one.
    pub model: &'static str,
    /// What went wrong; never data.
    pub reason: String,
}

/// A customer whose outreach is not settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PendingOutreach {
    /// Whose customer.
    pub tenant: TenantId,
    /// Who.
    pub customer: CustomerId,
    /// When the coordinator must look again; none while a contact is in flight and nothing else waits.
    pub next_deadline: Option<Timestamp>,
    /// Whether an outreach contact is in flight.
    pub in_flight: bool,
}

/// What a starting node must load. The answers are as old as the model's checkpoint: a caller that must not miss
/// anything first waits until the checkpoint has reached the head of the log.
pub trait Worklist: Send + Sync {
    /// How far the answers go.
    ///
    /// # Errors
    /// [`QueryError`] when the file cannot be read.
    fn seen(&self) -> Result<Position, QueryError>;

    /// Interactions that are not over, of every tenant, oldest first.
    ///
    /// # Errors
    /// [`QueryError`] when the file cannot be read.
    fn open_interactions(&self) -> Result<Vec<(TenantId, InteractionId)>, QueryError>;

    /// Every stream of tenants, policies, queues and agents, oldest first.
    ///
    /// # Errors
    /// [`QueryError`] when the file cannot be read.
    fn setup_streams(&self) -> Result<Vec<Stream>, QueryError>;

    /// For every agent the revisions, in order, of the events that make up their present state, the last event among them:
    /// without the others the same state is folded, however long the stream is.
    ///
    /// # Errors
    /// [`QueryError`] when the file cannot be read.
    fn agent_events(&self) -> Result<Vec<(AgentId, Vec<Revision>)>, QueryError>;

    /// Customers with a wish that is not settled or a contact in flight.
    ///
    /// # Errors
    /// [`QueryError`] when the file cannot be read.
    fn pending_outreach(&self) -> Result<Vec<PendingOutreach>, QueryError>;

    /// The last interaction begun with this contact point (see [`crate::contact_point::ContactPoint::key`]) on a
    /// channel, over or not.
    ///
    /// # Errors
    /// [`QueryError`] when the file cannot be read.
    fn latest_interaction(
        &self,
        tenant: TenantId,
        contact_point: Uuid,
        channel: Channel,
    ) -> Result<Option<InteractionId>, QueryError>;
}

/// Whom departments want something of: what a look back at a tenant's outreach goes through.
pub trait Wanted: Send + Sync {
    /// How many customers have a wish that was worth saying at this moment or later.
    ///
    /// # Errors
    /// [`QueryError`] when the file cannot be read.
    fn count(&self, tenant: TenantId, since: Timestamp) -> Result<u64, QueryError>;

    /// These customers in the order of their ids, after one of them.
    ///
    /// # Errors
    /// [`QueryError`] when the file cannot be read.
    fn page(
        &self,
        tenant: TenantId,
        since: Timestamp,
        after: Option<CustomerId>,
        limit: usize,
    ) -> Result<Vec<CustomerId>, QueryError>;
}

/// How far each reactor has come. A reactor acts, then saves: after a crash it acts again on what it did not save, and
/// derived ids make that harmless.
pub trait Checkpoints: Send + Sync {
    /// The position saved last under this name; [`Position::START`] when there is none.
    ///
    /// # Errors
    /// [`QueryError`] when the file cannot be read.
    fn load(&self, name: &str) -> Result<Position, QueryError>;

    /// Remembers a position. It survives a crash of the program; after a power cut an older one may come back.
    ///
    /// # Errors
    /// [`QueryError`] when the file cannot be written; the old position stays.
    fn save(&self, name: &str, position: Position) -> Result<(), QueryError>;
}
