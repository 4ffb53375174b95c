//! Forgetting a customer on this node: the engine's steps, and that its read models have followed.

use std::time::Duration;

use rapport_domain::customer::ErasureGround;
use rapport_domain::event::{Actor, Position};
use rapport_domain::id::{CustomerId, TenantId};
use rapport_engine::{CommandError, Engine, Projections};
use serde::{Deserialize, Serialize};

/// The answer waits so long for the read models of this node to be clean.
const CLEAN_WITHIN: Duration = Duration::from_secs(20);

/// What was done, as the interface answers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// A read model that has seen this position holds nothing of the customer any more.
    pub position: Position,
    /// Whether the customer was known until now.
    pub new: bool,
    /// Contact points that belong to nobody now; zero when the key was destroyed before.
    pub released: usize,
    /// Wishes of departments that were given up.
    pub dropped: usize,
    /// Whether every read model of this node has followed. One that has not does so by itself.
    pub clean: bool,
}

/// Forgets a customer for good.
///
/// # Errors
/// As [`Engine::erase_customer`].
pub async fn erase(
    engine: &Engine,
    projections: &Projections,
    tenant: TenantId,
    customer: CustomerId,
    ground: ErasureGround,
    actor: Actor,
) -> Result<Erased, CommandError> {
    let done = engine
        .erase_customer(tenant, customer, ground, actor)
        .await?;
    let mut clean = true;
    for name in projections.names() {
        clean &= projections
            .wait_for(name, done.position, CLEAN_WITHIN)
            .await;
    }
    Ok(Erased {
        position: done.position,
        new: done.new,
        released: done.released,
        dropped: done.dropped,
        clean,
    })
}
