//! What may be changed about a customer.

use std::convert::Infallible;

use rapport_domain::aggregate::Aggregate;
use rapport_domain::channel::Channel;
use rapport_domain::contact_point::{ContactPoint, Kind};
use rapport_domain::customer::{
    Claim, ClaimFact, Customer, DoNotContact, Doubt, Fact, KnownContactPoint, MergeGround,
    Rejection, Statement,
};
use rapport_domain::event::{Actor, Position, Revision};
use rapport_domain::id::{CustomerId, TenantId};
use rapport_domain::private::Private;
use rapport_domain::time::{Timestamp, Zone};

use crate::engine::Engine;
use crate::error::CommandError;
use crate::store::{Ctx, Executed};

/// What to change about a customer; what is absent stays.
#[derive(Clone, Debug, Default)]
pub struct CustomerChange {
    /// What they are called.
    pub name: Option<String>,
    /// The clock they live by.
    pub zone: Option<Zone>,
    /// A wish to be left alone, or its end.
    pub do_not_contact: Option<DoNotContact>,
    /// What they agreed to or refused.
    pub consent: Vec<Statement>,
    /// Further contact points.
    pub contact_points: Vec<KnownContactPoint>,
    /// How and where they like to be contacted; the place must be one of their contact points, new ones included.
    pub preference: Option<(Option<Channel>, Option<ContactPoint>)>,
}

impl Engine {
    /// Changes what is known of a customer. Their outreach is looked at again: a refusal withdraws what it forbids.
    ///
    /// # Errors
    /// [`CommandError::NotFound`] for a customer of nobody or of another tenant, [`CommandError::Invalid`] for a contact
    /// point that another customer has or a statement that cannot be, [`CommandError::Rejected`] for one who was erased.
    pub async fn change_customer(
        &self,
        tenant: TenantId,
        id: CustomerId,
        change: CustomerChange,
        actor: Actor,
    ) -> Result<Position, CommandError> {
        let id = self.living(tenant, id).await?.person(id);
        let id = self
            .match_points(tenant, id, &change.contact_points, &actor)
            .await?;
        let ctx = Ctx::by(tenant, actor, id.as_uuid());
        self.claim_points(tenant, id, &change.contact_points, &ctx)
            .await?;
        let changed = self
            .on_customer(&ctx, id, |known, now| change.decide(known, now))
            .await?;
        Ok(self.then_coordinate(tenant, id, changed.position).await)
    }

    /// Decides on a customer who is there.
    pub(super) async fn on_customer(
        &self,
        ctx: &Ctx,
        id: CustomerId,
        decide: impl Fn(&Customer, Timestamp) -> Result<Vec<Fact>, Rejection> + Send + Sync,
    ) -> Result<Executed<Customer>, CommandError> {
        let done = self
            .store
            .execute::<Customer, Rejection>(id.as_uuid(), ctx, |known, now| {
                known.map_or(Ok(vec![]), |known| decide(known, now))
            })
            .await?;
        match done.state {
            Some(_) => Ok(done),
            None => Err(CommandError::NotFound("customer")),
        }
    }

    /// What became known may open or close gates. Answers the position of the last step.
    pub(super) async fn then_coordinate(
        &self,
        tenant: TenantId,
        id: CustomerId,
        position: Position,
    ) -> Position {
        let coordinated = self.coordinate(tenant, id).await;
        coordinated.map_or(position, |later| later.max(position))
    }

    /// Looks at every contact point before the first one is taken. What both have proved to be theirs makes two customers one
    /// person, and the one who had it first stays; anything less is a doubt for somebody to look at. Answers on whom the
    /// change goes on.
    async fn match_points(
        &self,
        tenant: TenantId,
        id: CustomerId,
        points: &[KnownContactPoint],
        actor: &Actor,
    ) -> Result<CustomerId, CommandError> {
        let mut id = id;
        for place in points {
            let point = &place.contact_point;
            let owner = self.find_customer(tenant, point).await?;
            let Some(owner) = owner.filter(|owner| *owner != id) else {
                continue;
            };
            let theirs = self.person(tenant, owner).await?;
            let proved = theirs.is_some_and(|theirs| {
                theirs
                    .known_point(point)
                    .is_some_and(|known| known.verified)
            });
            if proved && place.verified {
                let ground = MergeGround::VerifiedContactPoint;
                self.merge_customers(tenant, owner, id, ground, None, actor.clone())
                    .await?;
                id = owner;
            } else {
                let doubt = match point.kind() {
                    Kind::ExternalId => Doubt::SameExternalId,
                    _ => Doubt::ClaimedContactPoint,
                };
                self.suspect_match(tenant, id, owner, doubt, actor.clone())
                    .await?;
                return Err(taken(point));
            }
        }
        Ok(id)
    }

    async fn claim_points(
        &self,
        tenant: TenantId,
        id: CustomerId,
        points: &[KnownContactPoint],
        ctx: &Ctx,
    ) -> Result<(), CommandError> {
        for KnownContactPoint { contact_point, .. } in points {
            let claimed = self
                .store
                .execute::<Claim, Infallible>(contact_point.key(tenant), ctx, |claim, _| {
                    Ok(claim.map_or_else(
                        || vec![ClaimFact::Claimed { customer: id }],
                        |claim| claim.hand_over(None, id),
                    ))
                })
                .await?;
            let Some(owner) = claimed.state.and_then(|claim| claim.customer) else {
                continue;
            };
            // It may be that of somebody who is merged into this one.
            if owner != id && self.find_customer(tenant, contact_point).await? != Some(id) {
                return Err(taken(contact_point));
            }
        }
        Ok(())
    }
}

impl CustomerChange {
    fn decide(&self, known: &Customer, now: Timestamp) -> Result<Vec<Fact>, Rejection> {
        let mut draft = Draft::new(known, now);
        if let Some(name) = &self.name {
            draft.take(|known| known.rename(Private::new(name.clone())))?;
        }
        if let Some(zone) = self.zone {
            draft.take(|known| known.set_zone(zone))?;
        }
        if let Some(wish) = &self.do_not_contact {
            draft.take(|known| known.change_do_not_contact(wish.clone(), now))?;
        }
        for statement in &self.consent {
            draft.take(|known| known.state_consent(statement.clone(), now))?;
        }
        for point in &self.contact_points {
            let KnownContactPoint {
                contact_point,
                verified,
                source,
            } = point.clone();
            draft.take(|known| known.add_contact_point(contact_point, verified, source))?;
        }
        if let Some((channel, point)) = &self.preference {
            draft.take(|known| known.prefer(*channel, point.clone()))?;
        }
        Ok(draft.facts)
    }
}

/// Several decisions for one append, each taken on what the ones before it say.
pub(super) struct Draft {
    customer: Customer,
    now: Timestamp,
    pub facts: Vec<Fact>,
}

impl Draft {
    pub fn new(known: &Customer, now: Timestamp) -> Self {
        Self {
            customer: known.clone(),
            now,
            facts: vec![],
        }
    }

    pub fn take(
        &mut self,
        decide: impl FnOnce(&Customer) -> Result<Vec<Fact>, Rejection>,
    ) -> Result<(), Rejection> {
        for fact in decide(&self.customer)? {
            // No customer's state depends on the place of a fact in its history.
            self.customer.apply(&fact, self.now, Revision::FIRST);
            self.facts.push(fact);
        }
        Ok(())
    }
}

fn taken(point: &ContactPoint) -> CommandError {
    let detail = format!(
        "this {} belongs to another customer; whether the two are one person is on the review list",
        point.kind().name()
    );
    CommandError::Invalid {
        field: "contact_points",
        detail,
    }
}
