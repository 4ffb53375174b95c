//! The tenant's do-not-contact list: numbers and addresses, known or not.

use std::convert::Infallible;

use rapport_domain::contact_point::ContactPoint;
use rapport_domain::customer::{Blocks, Claim, Listing, Scope};
use rapport_domain::event::{Actor, Position};
use rapport_domain::id::TenantId;

use crate::engine::Engine;
use crate::error::CommandError;
use crate::store::Ctx;

impl Engine {
    /// Puts a number or address on the do-not-contact list, whoever it belongs to. A contact that the entry forbids is
    /// withdrawn.
    ///
    /// # Errors
    /// [`CommandError::Invalid`] for an entry that is over before it begins.
    pub async fn list_do_not_contact(
        &self,
        tenant: TenantId,
        point: &ContactPoint,
        entry: Listing,
        actor: Actor,
    ) -> Result<Position, CommandError> {
        if entry.until.is_some_and(|until| until <= self.now()) {
            return Err(CommandError::Invalid {
                field: "until",
                detail: "it must lie in the future".to_owned(),
            });
        }
        self.on_list(tenant, point, actor, |claim, now| {
            claim.list(entry.clone(), now)
        })
        .await
    }

    /// Takes a number or address off the list.
    ///
    /// # Errors
    /// [`CommandError::Unavailable`] when the log cannot be reached.
    pub async fn unlist_do_not_contact(
        &self,
        tenant: TenantId,
        point: &ContactPoint,
        scope: Scope,
        actor: Actor,
    ) -> Result<Position, CommandError> {
        self.on_list(tenant, point, actor, |claim, now| claim.unlist(scope, now))
            .await
    }

    /// What the list says of a number or address.
    ///
    /// # Errors
    /// [`CommandError::Unavailable`] when the log cannot be read.
    pub async fn do_not_contact_list(
        &self,
        tenant: TenantId,
        point: &ContactPoint,
    ) -> Result<Blocks, CommandError> {
        let key = point.key(tenant);
        if self.cluster.is_some() {
            self.store.renewed::<Claim>(key).await;
        }
        let claim = self.store.load_of::<Claim>(tenant, key).await?;
        Ok(claim.map(|claim| claim.listed.clone()).unwrap_or_default())
    }

    async fn on_list(
        &self,
        tenant: TenantId,
        point: &ContactPoint,
        actor: Actor,
        decide: impl Fn(
            &Claim,
            rapport_domain::time::Timestamp,
        ) -> Vec<rapport_domain::customer::ClaimFact>
        + Send
        + Sync,
    ) -> Result<Position, CommandError> {
        let key = point.key(tenant);
        let ctx = Ctx::by(tenant, actor, key);
        let done = self
            .store
            .execute::<Claim, Infallible>(key, &ctx, |claim, now| {
                Ok(decide(claim.unwrap_or(&Claim::default()), now))
            })
            .await?;
        match self.find_customer(tenant, point).await? {
            Some(owner) => Ok(self.then_coordinate(tenant, owner, done.position).await),
            None => Ok(done.position),
        }
    }
}
