//! Who a contact point belongs to, and what may be changed about a customer.

use std::convert::Infallible;
use std::sync::Arc;

use rapport_domain::channel::Channel;
use rapport_domain::contact_point::ContactPoint;
use rapport_domain::customer::{Claim, ClaimFact, Customer, Rejection};
use rapport_domain::event::{Actor, Position};
use rapport_domain::id::{CustomerId, TenantId};
use rapport_domain::private::Private;
use rapport_domain::time::Zone;

use crate::engine::Engine;
use crate::error::{CommandError, ExecuteError};
use crate::store::Ctx;

/// How a request names a customer.
#[derive(Clone, Debug)]
pub enum CustomerRef {
    /// By id.
    Id(CustomerId),
    /// By a contact point; a customer is made when nobody has it.
    Point(ContactPoint),
}

/// What to change about a customer; what is absent stays.
#[derive(Clone, Debug, Default)]
pub struct CustomerChange {
    /// What they are called.
    pub name: Option<String>,
    /// The clock they live by.
    pub zone: Option<Zone>,
    /// Whether they want no outreach, and why.
    pub do_not_contact: Option<(bool, String)>,
    /// Statements: purpose, channel, given, evidence.
    pub consent: Vec<(String, Channel, bool, String)>,
    /// Further contact points, and whether they are verified.
    pub contact_points: Vec<(ContactPoint, bool)>,
}

impl Engine {
    /// The customer who has this contact point; a new one is made when nobody has, or one who was erased. A claim is an
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
                    Some(known) => known.add_contact_point(point.clone(), verified),
                    None => Ok(Customer::create(point.clone(), verified)),
                })
                .await;
            match created {
                Ok(created) => return Ok((customer, !created.facts.is_empty())),
                // The claim outlived its customer: it is handed over, which can happen to each claim once.
                Err(ExecuteError::Rejected(Rejection::Erased)) if erased != Some(customer) => {
                    erased = Some(customer);
                }
                Err(ExecuteError::Rejected(Rejection::Erased)) => {
                    return Err(ExecuteError::Contended);
                }
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
        // A claim that outlived its customer is nobody's.
        let known = self.customer(tenant, owner).await?;
        Ok((!known.is_some_and(|known| known.is_erased())).then_some(owner))
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

    /// The customer a request names.
    pub(crate) async fn resolve(
        &self,
        tenant: TenantId,
        named: &CustomerRef,
        actor: Actor,
    ) -> Result<CustomerId, CommandError> {
        match named {
            CustomerRef::Id(id) => {
                self.living(tenant, *id).await?;
                Ok(*id)
            }
            CustomerRef::Point(point) => Ok(self.identify(tenant, point, false, actor).await?.0),
        }
    }

    /// Changes what is known of a customer. Their outreach is looked at again: a refusal withdraws what it forbids.
    ///
    /// # Errors
    /// [`CommandError::NotFound`] for a customer of nobody or of another tenant, [`CommandError::Invalid`] for a contact
    /// point that another customer has, [`CommandError::Rejected`] for one who was erased.
    pub async fn change_customer(
        &self,
        tenant: TenantId,
        id: CustomerId,
        change: CustomerChange,
        actor: Actor,
    ) -> Result<Position, CommandError> {
        let ctx = Ctx::by(tenant, actor, id.as_uuid());
        self.living(tenant, id).await?;
        // All of them are looked at before the first one is taken.
        for (point, _) in &change.contact_points {
            if self
                .find_customer(tenant, point)
                .await?
                .is_some_and(|owner| owner != id)
            {
                return Err(taken(point));
            }
        }
        for (point, _) in &change.contact_points {
            let claimed = self
                .store
                .execute::<Claim, Infallible>(point.key(tenant), &ctx, |claim, _| {
                    Ok(claim.map_or_else(
                        || vec![ClaimFact::Claimed { customer: id }],
                        |claim| claim.hand_over(None, id),
                    ))
                })
                .await?;
            let owner = claimed.state.and_then(|claim| claim.customer);
            if owner.is_some_and(|owner| owner != id) {
                return Err(taken(point));
            }
        }
        let changed = self
            .store
            .execute::<Customer, Rejection>(id.as_uuid(), &ctx, |known, _| {
                let Some(known) = known else {
                    return Ok(vec![]);
                };
                let mut facts = vec![];
                if let Some(name) = &change.name {
                    facts.extend(known.rename(Private::new(name.clone()))?);
                }
                if let Some(zone) = change.zone {
                    facts.extend(known.set_zone(zone)?);
                }
                if let Some((active, reason)) = &change.do_not_contact {
                    facts.extend(
                        known.change_do_not_contact(*active, Private::new(reason.clone()))?,
                    );
                }
                for (purpose, channel, given, evidence) in &change.consent {
                    facts.extend(known.change_consent(
                        purpose.clone(),
                        *channel,
                        *given,
                        Private::new(evidence.clone()),
                    )?);
                }
                for (point, verified) in &change.contact_points {
                    facts.extend(known.add_contact_point(point.clone(), *verified)?);
                }
                Ok(facts)
            })
            .await?;
        let coordinated = self.coordinate(tenant, id).await;
        Ok(coordinated.map_or(changed.position, |position| position.max(changed.position)))
    }
}

fn taken(point: &ContactPoint) -> CommandError {
    let detail = format!("this {} belongs to another customer", point.kind().name());
    CommandError::Invalid {
        field: "contact_points",
        detail,
    }
}
