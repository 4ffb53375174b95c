//! Forgetting a customer, as a sequence of steps that each can be repeated: whoever finds it half done goes on with it.
//!
//! 1. `customer.erased` is appended. From here on nothing is taken in about the customer, whatever happens next.
//! 2. Every contact point is released, while the key still opens where they are: the next contact from there is
//!    somebody new. A claim that a stopped process left behind is handed over when somebody contacts us from there.
//! 3. What departments want of the customer ends (`outreach.closed`).
//! 4. The key is destroyed. What is sealed with it is gone on every node and in every copy of the log.
//! 5. What this node keeps in memory is dropped. Read models drop their rows by the fact, each node its own.
//!
//! Steps 2 to 5 are also what every node does when it reads the fact.

use std::convert::Infallible;
use std::time::Duration;

use rapport_domain::aggregate;
use rapport_domain::channel::Direction;
use rapport_domain::contact_point::ContactPoint;
use rapport_domain::customer::{Claim, Customer, ErasureGround, Fact};
use rapport_domain::event::{Actor, Category, Position, Revision, Stream};
use rapport_domain::id::{CustomerId, InteractionId, TenantId};
use rapport_domain::interaction::{Interaction, Phase};
use rapport_domain::outreach::{Outreach, Reason, Status};

use crate::engine::Engine;
use crate::error::CommandError;
use crate::store::Ctx;
use crate::timers::Due;

/// Events of a customer read at a time.
const PAGE: usize = 512;
/// How soon an erasure is gone on with when the keys or the log could not be reached.
const AGAIN: Duration = Duration::from_secs(5);

/// What an erasure did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// Whether the customer was known until now.
    pub new: bool,
    /// Contact points that belong to nobody now; zero when the key was destroyed before.
    pub released: usize,
    /// Wishes that were given up.
    pub dropped: usize,
    /// A read model that has seen this position holds nothing of the customer any more.
    pub position: Position,
}

impl Erasure {
    /// Of one person who was taken for several.
    fn and(self, other: Self) -> Self {
        Self {
            new: self.new || other.new,
            released: self.released + other.released,
            dropped: self.dropped + other.dropped,
            position: self.position.max(other.position),
        }
    }
}

impl Engine {
    /// Forgets a customer for good, with all who are one person with them. Asked again, it does what is left to do.
    ///
    /// # Errors
    /// [`CommandError::NotFound`] for a customer of nobody or of another tenant. [`CommandError::Rejected`] with
    /// `contact_open` while somebody serves the customer or the customer waits: it names the contact. After
    /// [`CommandError::Unavailable`] the customer may be erased already, and this node goes on by itself; asking again
    /// tells when it is done.
    pub async fn erase_customer(
        &self,
        tenant: TenantId,
        customer: CustomerId,
        ground: ErasureGround,
        actor: Actor,
    ) -> Result<Erasure, CommandError> {
        let known = self.customer(tenant, customer).await?;
        let known = known.ok_or(CommandError::NotFound("customer"))?;
        let one = known.person(customer);
        let person = self.customer(tenant, one).await?;
        let person = person.ok_or(CommandError::NotFound("customer"))?;
        let everybody: Vec<CustomerId> = [one]
            .into_iter()
            .chain(self.merged_into(tenant, one, &person).await?)
            .collect();
        for who in &everybody {
            let known = self.customer(tenant, *who).await?;
            if known.is_some_and(|known| !known.is_erased())
                && let Some(contact) = self.contact_with(tenant, *who).await?
            {
                return Err(CommandError::Rejected {
                    code: "contact_open",
                    detail: format!(
                        "contact {contact} with this customer is not over; end it and finish its wrap-up, then erase"
                    ),
                });
            }
        }
        let mut whole: Option<Erasure> = None;
        for who in everybody {
            let part = self.erase_one(tenant, who, ground, actor.clone()).await?;
            whole = Some(whole.map_or(part, |so_far| so_far.and(part)));
        }
        whole.ok_or(CommandError::NotFound("customer"))
    }

    /// Those whose own history says that they are one person with this one.
    async fn merged_into(
        &self,
        tenant: TenantId,
        one: CustomerId,
        known: &Customer,
    ) -> Result<Vec<CustomerId>, CommandError> {
        let mut members = vec![];
        for member in known.links.absorbed.keys() {
            let theirs = self.customer(tenant, *member).await?;
            if theirs.is_some_and(|theirs| theirs.person(*member) == one) {
                members.push(*member);
            }
        }
        Ok(members)
    }

    /// Those who are one person with a customer who was erased are erased, too.
    async fn erase_the_rest(&self, tenant: TenantId, one: CustomerId) -> Result<(), CommandError> {
        let Some(known) = self
            .customer(tenant, one)
            .await?
            .filter(|known| known.is_erased())
        else {
            return Ok(());
        };
        for member in self.merged_into(tenant, one, &known).await? {
            let theirs = self.customer(tenant, member).await?;
            if theirs.is_some_and(|theirs| !theirs.is_erased()) {
                self.erase_one(tenant, member, ErasureGround::Requested, Actor::System)
                    .await?;
            }
        }
        Ok(())
    }

    pub(crate) async fn erase_one(
        &self,
        tenant: TenantId,
        customer: CustomerId,
        ground: ErasureGround,
        actor: Actor,
    ) -> Result<Erasure, CommandError> {
        // Before the reaction to the fact destroys the key.
        let points = self.contact_points_in_log(customer).await?;
        let ctx = Ctx::by(tenant, actor, customer.as_uuid());
        let erased = self
            .store
            .execute::<Customer, Infallible>(customer.as_uuid(), &ctx, |known, _| {
                Ok(known.map_or_else(Vec::new, |known| known.erase(ground)))
            })
            .await?;
        let finished = self.go_on_erasing(tenant, customer, &points, &ctx).await;
        let (dropped, position) = finished.inspect_err(|_| self.erase_later(tenant, customer))?;
        Ok(Erasure {
            new: !erased.facts.is_empty(),
            released: points.len(),
            dropped,
            position: position.max(erased.position),
        })
    }

    /// The customer was erased, here or elsewhere: whatever is left to do is done, and tried again when it cannot be.
    pub(crate) async fn finish_erasure(&self, tenant: TenantId, customer: CustomerId, ctx: &Ctx) {
        let finished = match self.contact_points_in_log(customer).await {
            Ok(points) => self.go_on_erasing(tenant, customer, &points, ctx).await,
            Err(error) => Err(error),
        };
        let finished = match finished {
            Ok(_) => Box::pin(self.erase_the_rest(tenant, customer)).await,
            Err(error) => Err(error),
        };
        if let Err(error) = finished {
            self.failed("erase a customer to the end", &error);
            self.erase_later(tenant, customer);
        }
    }

    /// A contact that somebody has, or that the customer waits in. One of ours that nobody has taken yet is none: it is
    /// withdrawn.
    async fn contact_with(
        &self,
        tenant: TenantId,
        customer: CustomerId,
    ) -> Result<Option<InteractionId>, CommandError> {
        let worklist = self.worklist.clone();
        let open = tokio::task::spawn_blocking(move || worklist.open_interactions()).await;
        let open = match open {
            Ok(Ok(open)) => open,
            Ok(Err(error)) => return Err(CommandError::Unavailable(error.to_string())),
            Err(error) => return Err(CommandError::Unavailable(error.to_string())),
        };
        for (_, id) in open.into_iter().filter(|(owner, _)| *owner == tenant) {
            let state = self
                .store
                .load_of::<Interaction>(tenant, id.as_uuid())
                .await?;
            let ours = state.filter(|state| state.customer == customer && !state.is_closed());
            let in_the_way = ours.is_some_and(|state| {
                let waits = matches!(
                    state.phase,
                    Phase::Received | Phase::Queued { .. } | Phase::Offered { .. }
                );
                state.direction == Direction::Inbound || !waits
            });
            if in_the_way {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    fn erase_later(&self, tenant: TenantId, customer: CustomerId) {
        self.timers
            .set(Due::Erasure { tenant, customer }, self.now() + AGAIN);
    }

    /// Steps 2 to 5. Answers how many wishes were given up, and the position of the last step.
    async fn go_on_erasing(
        &self,
        tenant: TenantId,
        customer: CustomerId,
        points: &[ContactPoint],
        ctx: &Ctx,
    ) -> Result<(usize, Position), CommandError> {
        let mut position = Position::START;
        for point in points {
            let done = self
                .store
                .execute::<Claim, Infallible>(point.key(tenant), ctx, |claim, _| {
                    Ok(claim.map_or_else(Vec::new, |claim| claim.release(customer)))
                })
                .await?;
            position = position.max(done.position);
        }
        let rules = self
            .directory()
            .tenant(tenant)
            .and_then(|entry| entry.policy().map(|policy| policy.version));
        let closed = self
            .on_outreach(ctx, customer, |outreach: &Outreach, _| {
                Ok(outreach.close(rules.unwrap_or_default()))
            })
            .await?;
        let given_up = Status::Dropped {
            reason: Reason::CustomerErased,
        };
        let wishes = closed.state.iter().flat_map(|state| state.wishes.values());
        let dropped = wishes.filter(|wish| wish.status == given_up).count();
        self.keys
            .destroy(customer, self.now())
            .await
            .map_err(|error| CommandError::Unavailable(error.to_string()))?;
        self.forget_in_memory(customer);
        Ok((dropped, position.max(closed.position)))
    }

    /// Where the customer could be reached, as long as the key opens it.
    async fn contact_points_in_log(
        &self,
        customer: CustomerId,
    ) -> Result<Vec<ContactPoint>, CommandError> {
        let stream = Stream::new(Category::Customer, customer.as_uuid());
        let mut points: Vec<ContactPoint> = Vec::new();
        let mut next = Revision::FIRST;
        loop {
            let page = self.log().read_stream(stream, next, PAGE).await;
            let page = page.map_err(|error| CommandError::Unavailable(error.to_string()))?;
            for recorded in &page {
                let event = &recorded.event;
                if let Ok(Fact::ContactPointAdded(added)) =
                    aggregate::decode::<Fact>(&event.kind, event.version, &event.data)
                    && !added.contact_point.is_forgotten()
                    && !points.contains(&added.contact_point)
                {
                    points.push(added.contact_point);
                }
                next = recorded.revision.next();
            }
            if page.len() < PAGE {
                return Ok(points);
            }
        }
    }

    /// Drops what this node remembers of the customer: folded states, and what desks were shown lately.
    pub(crate) fn forget_in_memory(&self, customer: CustomerId) {
        self.store.forget_customer(customer);
        self.live.forget();
    }
}
