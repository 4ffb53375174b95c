//! A customer becomes known because a department says so.

use rapport_domain::event::Actor;
use rapport_domain::id::{CustomerId, TenantId};

use crate::customers::CustomerRef;
use crate::engine::Engine;
use crate::error::CommandError;

impl Engine {
    /// The customer that is named; a new one is made when nobody has the contact point. Also answers whether it is new.
    ///
    /// # Errors
    /// [`CommandError::NotFound`] for an unknown customer id.
    pub async fn acquaint(
        &self,
        tenant: TenantId,
        named: &CustomerRef,
        actor: Actor,
    ) -> Result<(CustomerId, bool), CommandError> {
        if let CustomerRef::Point(point) = named
            && self.find_customer(tenant, point).await?.is_none()
        {
            return Ok(self.identify(tenant, point, false, actor).await?);
        }
        Ok((self.resolve(tenant, named, actor).await?, false))
    }
}
