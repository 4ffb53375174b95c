//! Who a contact point belongs to, and what may be changed about a customer.

use std::convert::Infallible;
use std::sync::Arc;

use rapport_domain::channel::Channel;
use rapport_domain::contact_point::ContactPoint;
use rapport_domain::customer::{Claim, ClaimFact, Customer};
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
    /// The customer who has this contact point; a new one is made when nobody has. The claim is the first event of the
    /// contact point's stream, so two callers at the same moment end up with the same customer. Also answers whether
    /// the customer is new.
    pub(crate) async fn identify(
        &self,
        tenant: TenantId,
        point: &ContactPoint,
        verified: bool,
        actor: Actor,
    ) -> Result<(CustomerId, bool), ExecuteError<Infallible>> {
        let fresh = CustomerId::from_uuid(self.fresh());
        let ctx = Ctx::by(tenant, actor, fresh.as_uuid());
        let claimed = self
            .store
            .execute::<Claim, Infallible>(point.key(tenant), &ctx, |claim, _| {
                Ok(if claim.is_some() {
                    vec![]
                } else {
                    vec![ClaimFact::Claimed { customer: fresh }]
                })
            })
            .await?;
        let customer = claimed.state.map_or(fresh, |claim| claim.customer);
        // Also mends a claim whose customer was not written because the process stopped in between.
        let created = self
            .store
            .execute::<Customer, Infallible>(customer.as_uuid(), &ctx, |known, _| {
                Ok(match known {
                    Some(known) => known.add_contact_point(point.clone(), verified),
                    None => Customer::create(point.clone(), verified),
                })
            })
            .await?;
        Ok((customer, !created.facts.is_empty()))
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
        Ok(claim.map(|claim| claim.customer))
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

    /// The customer a request names.
    pub(crate) async fn resolve(
        &self,
        tenant: TenantId,
        named: &CustomerRef,
        actor: Actor,
    ) -> Result<CustomerId, CommandError> {
        match named {
            CustomerRef::Id(id) => {
                self.customer(tenant, *id)
                    .await?
                    .ok_or(CommandError::NotFound("customer"))?;
                Ok(*id)
            }
            CustomerRef::Point(point) => Ok(self.identify(tenant, point, false, actor).await?.0),
        }
    }

    /// Changes what is known of a customer. Their outreach is looked at again: a refusal withdraws what it forbids.
    ///
    /// # Errors
    /// [`CommandError::NotFound`] for a customer of nobody or of another tenant, [`CommandError::Invalid`] for a contact
    /// point that another customer has.
    pub async fn change_customer(
        &self,
        tenant: TenantId,
        id: CustomerId,
        change: CustomerChange,
        actor: Actor,
    ) -> Result<Position, CommandError> {
        let ctx = Ctx::by(tenant, actor, id.as_uuid());
        self.customer(tenant, id)
            .await?
            .ok_or(CommandError::NotFound("customer"))?;
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
                    Ok(if claim.is_some() {
                        vec![]
                    } else {
                        vec![ClaimFact::Claimed { customer: id }]
                    })
                })
                .await?;
            if claimed.state.is_some_and(|claim| claim.customer != id) {
                return Err(taken(point));
            }
        }
        let changed = self
            .store
            .execute::<Customer, Infallible>(id.as_uuid(), &ctx, |known, _| {
                let Some(known) = known else {
                    return Ok(vec![]);
                };
                let mut facts = vec![];
                facts.extend(
                    change
                        .name
                        .iter()
                        .flat_map(|name| known.rename(Private::new(name.clone()))),
                );
                facts.extend(change.zone.iter().flat_map(|zone| known.set_zone(*zone)));
                if let Some((active, reason)) = &change.do_not_contact {
                    facts.extend(known.change_do_not_contact(*active, reason.clone()));
                }
                for (purpose, channel, given, evidence) in &change.consent {
                    facts.extend(known.change_consent(
                        purpose.clone(),
                        *channel,
                        *given,
                        evidence.clone(),
                    ));
                }
                for (point, verified) in &change.contact_points {
                    facts.extend(known.add_contact_point(point.clone(), *verified));
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
