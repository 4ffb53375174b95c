//! Who a contact point belongs to, and what becomes known of a customer.

mod change;
mod lists;
mod merging;
mod person;
mod reviews;
mod said;

use std::convert::Infallible;
use std::sync::Arc;

use rapport_domain::contact_point::ContactPoint;
use rapport_domain::customer::{Claim, ClaimFact, Customer, Rejection};
use rapport_domain::event::Actor;
use rapport_domain::id::{CustomerId, TenantId};

use crate::engine::Engine;
use crate::error::{CommandError, ExecuteError};
use crate::store::Ctx;

pub use change::CustomerChange;
pub(crate) use merging::Pair;
pub(crate) use said::COMPLAINT;
pub use said::StatedFacts;

/// How a request names a customer.
#[derive(Clone, Debug)]
pub enum CustomerRef {
    /// By id.
    Id(CustomerId),
    /// By a contact point; a customer is made when nobody has it.
    Point(ContactPoint),
}

impl Engine {
    /// The customer who has this contact point, or the one they are merged into; a new one is made when nobody has, or one
    /// who was erased. A claim is an
    /// event of the contact point's stream, so two callers at the same moment end up with the same customer. Also answers
    /// whether the customer is new.
    pub(crate) async fn identify(
        &self,
        tenant: TenantId,
        point: &ContactPoint,
        verified: bool,
        actor: Actor,
    ) -> Result<(CustomerId, bool), ExecuteError<Infallible>> {
        let fresh = CustomerId::from_uuid(self.fresh());
        let ctx = Ctx::by(tenant, actor, fresh.as_uuid());
        let mut erased = None;
        loop {
            let claimed = self
                .store
                .execute::<Claim, Infallible>(point.key(tenant), &ctx, |claim, _| {
                    Ok(claim.map_or_else(
                        || vec![ClaimFact::Claimed { customer: fresh }],
                        |claim| claim.hand_over(erased, fresh),
                    ))
                })
                .await?;
            let customer = claimed.state.and_then(|claim| claim.customer);
            let customer = customer.unwrap_or(fresh);
            // Also mends a claim whose customer was not written because the process stopped in between.
            let created = self
                .store
                .execute::<Customer, Rejection>(customer.as_uuid(), &ctx, |known, _| match known {
                    Some(known) => known.add_contact_point(point.clone(), verified, None),
                    None => Ok(Customer::create(point.clone(), verified, None)),
                })
                .await;
            match created {
                Ok(created) => {
                    let known = created.state.as_deref();
                    let one = known.map_or(customer, |known| known.person(customer));
                    return Ok((one, !created.facts.is_empty()));
                }
                // The claim outlived its customer: it is handed over, which can happen to each claim once.
                Err(ExecuteError::Rejected(Rejection::Erased)) if erased != Some(customer) => {
                    erased = Some(customer);
                }
                // Nothing else stands in the way of a contact point.
                Err(ExecuteError::Rejected(_)) => return Err(ExecuteError::Contended),
                Err(ExecuteError::NotFound) => return Err(ExecuteError::NotFound),
                Err(ExecuteError::Contended) => return Err(ExecuteError::Contended),
                Err(ExecuteError::Unavailable(why)) => return Err(ExecuteError::Unavailable(why)),
            }
        }
    }

    /// The customer who has this contact point, if anybody.
    ///
    /// # Errors
    /// [`CommandError::Unavailable`] when the log cannot be read.
    pub async fn find_customer(
        &self,
        tenant: TenantId,
        point: &ContactPoint,
    ) -> Result<Option<CustomerId>, CommandError> {
        let claim = self
            .store
            .load_of::<Claim>(tenant, point.key(tenant))
            .await?;
        let Some(owner) = claim.and_then(|claim| claim.customer) else {
            return Ok(None);
        };
        let known = self.customer(tenant, owner).await?;
        Ok(match known {
            // A claim that outlived its customer is nobody's.
            Some(known) if known.is_erased() => None,
            Some(known) => Some(known.person(owner)),
            None => Some(owner),
        })
    }

    /// What is known of a customer; nothing about one of another tenant.
    ///
    /// # Errors
    /// [`CommandError::Unavailable`] when the log cannot be read.
    pub async fn customer(
        &self,
        tenant: TenantId,
        id: CustomerId,
    ) -> Result<Option<Arc<Customer>>, CommandError> {
        Ok(self.store.load_of::<Customer>(tenant, id.as_uuid()).await?)
    }

    /// A customer of whom something may become known.
    pub(crate) async fn living(
        &self,
        tenant: TenantId,
        id: CustomerId,
    ) -> Result<Arc<Customer>, CommandError> {
        let known = self.customer(tenant, id).await?;
        let known = known.ok_or(CommandError::NotFound("customer"))?;
        if known.is_erased() {
            return Err(CommandError::erased());
        }
        Ok(known)
    }

    /// The customer a request names: the one who stays of those who are one person.
    pub(crate) async fn resolve(
        &self,
        tenant: TenantId,
        named: &CustomerRef,
        actor: Actor,
    ) -> Result<CustomerId, CommandError> {
        match named {
            CustomerRef::Id(id) => Ok(self.living(tenant, *id).await?.person(*id)),
            CustomerRef::Point(point) => Ok(self.identify(tenant, point, false, actor).await?.0),
        }
    }
}
