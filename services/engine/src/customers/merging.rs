//! Two customers are one person, or two after all. Each is a sequence of appends to several streams; whoever finds one half
//! done goes on with it, so every step may be repeated, by another node, too. What was decided is in the histories of the
//! two, and no step is taken that they do not allow: see [`rapport_domain::customer::Links`].

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;

use rapport_domain::customer::{Absorption, Customer, Fact, MergeGround, Rejection, ReleaseReason};
use rapport_domain::event::{Actor, Position};
use rapport_domain::id::{CustomerId, MergeId, TenantId, WishId};
use rapport_domain::outreach::{self, Outreach, Status, Wish};
use rapport_domain::private::Private;

use crate::engine::Engine;
use crate::error::{CommandError, ExecuteError, Rejected};
use crate::reactor::Cause;
use crate::store::Ctx;

/// Who is merged into whom, and the name of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    pub tenant: TenantId,
    pub survivor: CustomerId,
    pub absorbed: CustomerId,
    pub merge: MergeId,
}

impl Pair {
    pub const fn new(
        tenant: TenantId,
        survivor: CustomerId,
        absorbed: CustomerId,
        merge: MergeId,
    ) -> Self {
        Self {
            tenant,
            survivor,
            absorbed,
            merge,
        }
    }
}

impl Engine {
    /// Merges a customer into another, who stays. Repeated, it changes nothing.
    ///
    /// # Errors
    /// [`CommandError::NotFound`]; [`CommandError::Rejected`] when one of them was erased, is merged otherwise, or is being
    /// contacted.
    pub async fn merge_customers(
        &self,
        tenant: TenantId,
        survivor: CustomerId,
        absorbed: CustomerId,
        ground: MergeGround,
        evidence: Option<String>,
        actor: Actor,
    ) -> Result<Position, CommandError> {
        let kept = self.living(tenant, survivor).await?;
        let known = self.living(tenant, absorbed).await?;
        if kept.links.merged_into.is_some() {
            return Err(ExecuteError::Rejected(Rejection::IsMerged).into());
        }
        let ctx = Ctx::by(tenant, actor, survivor.as_uuid());
        if let Some((into, merge)) = known.links.merged_into
            && into == survivor
        {
            let pair = Pair::new(tenant, survivor, absorbed, merge);
            return self.go_on_merging(pair, &ctx).await;
        }
        // Looked at again when their outreach is closed; here it spares everybody the attempt.
        let theirs = self.outreach_of(tenant, absorbed).await?;
        if theirs.is_some_and(|theirs| theirs.is_being_contacted()) {
            return Err(ExecuteError::Rejected(outreach::Rejection::BeingContacted).into());
        }
        let noted = Absorption {
            customer: absorbed,
            merge: MergeId::from_uuid(self.fresh()),
            ground,
            evidence: evidence.map(Private::new),
        };
        let done = self
            .on_customer(&ctx, survivor, |known, _| {
                known.absorb(survivor, noted.clone())
            })
            .await?;
        let absorbed_by = done.state.as_ref().map(|known| &known.links.absorbed);
        let noted = absorbed_by.and_then(|absorbed_by| absorbed_by.get(&absorbed));
        // Unless somebody else has given it up in the same moment.
        let merge = noted.ok_or(CommandError::Busy)?.merge;
        let pair = Pair::new(tenant, survivor, absorbed, merge);
        self.go_on_merging(pair, &ctx).await
    }

    /// Steps two and later of a merging: the other's outreach is closed, the other is merged, their wishes are taken over. A
    /// merging that cannot be is refused in the other's history first, so that nobody who is late carries it out.
    pub(crate) async fn go_on_merging(
        &self,
        pair: Pair,
        ctx: &Ctx,
    ) -> Result<Position, CommandError> {
        let known = self.fresh_customer(pair.tenant, pair.absorbed).await?;
        let merged = Some((pair.survivor, pair.merge));
        if known.links.merged_into != merged {
            let refusal = if known.links.has_ended(pair.merge) {
                Some(CommandError::from(ExecuteError::Rejected(
                    Rejection::MergeRefused,
                )))
            } else {
                self.close_and_merge(pair, ctx).await?
            };
            if let Some(refusal) = refusal {
                let settled = self
                    .store
                    .execute::<Customer, Infallible>(pair.absorbed.as_uuid(), ctx, |known, _| {
                        Ok(known.map_or_else(Vec::new, |known| known.refuse_merge(pair.merge)))
                    })
                    .await?;
                // Unless somebody else was faster, and it is done.
                if settled
                    .state
                    .is_none_or(|known| known.links.merged_into != merged)
                {
                    self.reopen_outreach(pair, ctx).await?;
                    self.let_go(pair, ReleaseReason::Refused, ctx).await?;
                    return Err(refusal);
                }
            }
        }
        let position = self.adopt_wishes(pair, ctx).await?;
        // Whoever stayed was erased meanwhile: so is the person they are.
        let kept = self.fresh_customer(pair.tenant, pair.survivor).await?;
        if kept.is_erased() {
            let ground = rapport_domain::customer::ErasureGround::Requested;
            self.erase_one(pair.tenant, pair.absorbed, ground, Actor::System)
                .await?;
        }
        Ok(position)
    }

    /// Answers why it may not be, if so.
    async fn close_and_merge(
        &self,
        pair: Pair,
        ctx: &Ctx,
    ) -> Result<Option<CommandError>, CommandError> {
        let version = self.policy_version(pair.tenant);
        let closed = self
            .on_outreach(ctx, pair.absorbed, |outreach, _| {
                outreach.hand_over(pair.survivor, pair.merge, version)
            })
            .await;
        if let Err(error) = closed {
            return refused(error).map(Some);
        }
        let merged = self
            .store
            .execute::<Customer, Rejection>(pair.absorbed.as_uuid(), ctx, |known, _| {
                known.map_or(Ok(vec![]), |known| {
                    known.merge_into(pair.survivor, pair.merge)
                })
            })
            .await;
        match merged {
            Ok(_) => Ok(None),
            Err(error) => refused(error).map(Some),
        }
    }

    /// Takes two apart who were merged.
    ///
    /// # Errors
    /// [`CommandError::NotFound`]; [`CommandError::Rejected`] when they are not merged, were erased, or are being
    /// contacted.
    pub async fn unmerge_customer(
        &self,
        tenant: TenantId,
        absorbed: CustomerId,
        actor: Actor,
    ) -> Result<Position, CommandError> {
        self.living(tenant, absorbed).await?;
        let known = self.fresh_customer(tenant, absorbed).await?;
        let Some((survivor, merge)) = known.links.merged_into else {
            return Err(ExecuteError::Rejected(Rejection::IsNotMerged).into());
        };
        let pair = Pair::new(tenant, survivor, absorbed, merge);
        let ctx = Ctx::by(tenant, actor, survivor.as_uuid());
        self.go_on_unmerging(pair, &ctx).await
    }

    /// Every step of taking two apart: the wishes go back, the other is one by themselves, their outreach is opened again, and
    /// the one who stayed forgets them.
    pub(crate) async fn go_on_unmerging(
        &self,
        pair: Pair,
        ctx: &Ctx,
    ) -> Result<Position, CommandError> {
        let known = self.fresh_customer(pair.tenant, pair.absorbed).await?;
        if known.links.merged_into == Some((pair.survivor, pair.merge)) {
            self.return_wishes(pair, ctx).await?;
            let kept = self.fresh_customer(pair.tenant, pair.survivor).await?;
            self.on_customer(ctx, pair.absorbed, |known, now| {
                if known.links.has_ended(pair.merge) {
                    return Ok(vec![]);
                }
                known.unmerge(pair.survivor, &kept, now)
            })
            .await?;
        }
        let known = self.fresh_customer(pair.tenant, pair.absorbed).await?;
        if known.links.has_ended(pair.merge) {
            self.reopen_outreach(pair, ctx).await?;
            self.let_go(pair, ReleaseReason::Unmerged, ctx).await?;
        }
        self.coordinate(pair.tenant, pair.survivor).await;
        self.coordinate(pair.tenant, pair.absorbed).await;
        Ok(self.log().head())
    }

    /// What a fact about a merging asks for, whoever appended it.
    pub(crate) async fn react_to_merging(self: &Arc<Self>, cause: Cause<'_>, fact: Fact) {
        let (this, tenant) = (
            CustomerId::from_uuid(cause.recorded.stream.id),
            cause.tenant,
        );
        let (pair, merging) = match fact {
            Fact::Absorbed(noted) => (Pair::new(tenant, this, noted.customer, noted.merge), true),
            Fact::Unmerged { from, merge } => (Pair::new(tenant, from, this, merge), false),
            _ => return,
        };
        self.decide_then(
            cause,
            pair.survivor.as_uuid(),
            move |engine, _, ctx| async move { engine.carry_on(pair, merging, &ctx).await },
        )
        .await;
    }

    /// A customer's outreach is open again. Those who were merged into them meanwhile found it closed: what was wanted of them is
    /// taken over now.
    pub(crate) async fn adopt_again(&self, tenant: TenantId, one: CustomerId, ctx: &Ctx) {
        let Ok(known) = self.fresh_customer(tenant, one).await else {
            return;
        };
        for (member, noted) in &known.links.absorbed {
            let pair = Pair::new(tenant, one, *member, noted.merge);
            self.carry_on(pair, true, ctx).await;
        }
    }

    /// Goes on with what whoever began it may have stopped in.
    pub(crate) async fn carry_on(&self, pair: Pair, merging: bool, ctx: &Ctx) {
        let done = if merging {
            self.go_on_merging(pair, ctx).await
        } else {
            self.go_on_unmerging(pair, ctx).await
        };
        match done {
            // That it may not be is an answer, and was given to whoever asked.
            Ok(_) | Err(CommandError::Rejected { .. } | CommandError::NotFound(_)) => {}
            Err(error) => self.failed("go on merging customers", &error),
        }
    }

    /// A customer as the log has them now.
    async fn fresh_customer(
        &self,
        tenant: TenantId,
        id: CustomerId,
    ) -> Result<Arc<Customer>, CommandError> {
        self.store.renewed::<Customer>(id.as_uuid()).await;
        let known = self.customer(tenant, id).await?;
        known.ok_or(CommandError::NotFound("customer"))
    }

    fn policy_version(&self, tenant: TenantId) -> u64 {
        self.directory()
            .tenant(tenant)
            .and_then(|entry| entry.policy().map(|policy| policy.version))
            .unwrap_or_default()
    }

    async fn let_go(&self, pair: Pair, why: ReleaseReason, ctx: &Ctx) -> Result<(), CommandError> {
        self.store
            .execute::<Customer, Infallible>(pair.survivor.as_uuid(), ctx, |known, _| {
                Ok(known.map_or_else(Vec::new, |known| {
                    known.release(pair.absorbed, pair.merge, why)
                }))
            })
            .await?;
        Ok(())
    }

    /// What was wanted of the other is wanted of the one who stays.
    async fn adopt_wishes(&self, pair: Pair, ctx: &Ctx) -> Result<Position, CommandError> {
        let wishes = self.moved(pair).await?;
        if !wishes.is_empty() {
            self.on_outreach(ctx, pair.survivor, |outreach, _| {
                Ok(outreach.take_over(&wishes))
            })
            .await?;
        }
        // What the other said of being contacted counts, too.
        self.coordinate(pair.tenant, pair.survivor).await;
        Ok(self.log().head())
    }

    /// The one who stays gives back what was wanted of the other.
    async fn return_wishes(&self, pair: Pair, ctx: &Ctx) -> Result<(), CommandError> {
        let theirs: Vec<WishId> = self.moved(pair).await?.iter().map(|wish| wish.id).collect();
        let version = self.policy_version(pair.tenant);
        if !theirs.is_empty() {
            self.on_outreach(ctx, pair.survivor, |outreach, _| {
                outreach.give_back(pair.absorbed, pair.merge, &theirs, version)
            })
            .await?;
        }
        Ok(())
    }

    /// What the other's outreach handed over to the one who stays.
    async fn moved(&self, pair: Pair) -> Result<Vec<Wish>, CommandError> {
        let theirs = self.outreach_of(pair.tenant, pair.absorbed).await?;
        let moved = theirs
            .iter()
            .flat_map(|outreach| outreach.moved_to(pair.survivor));
        Ok(moved.collect())
    }

    /// The other's outreach is theirs again; what has not ended with the one who stayed is wanted there.
    async fn reopen_outreach(&self, pair: Pair, ctx: &Ctx) -> Result<(), CommandError> {
        let there = self.outreach_of(pair.tenant, pair.survivor).await?;
        let back = Status::Moved { to: pair.absorbed };
        let amended = there
            .iter()
            .flat_map(|outreach| outreach.moved_to(pair.absorbed));
        let amended: Vec<Wish> = amended.collect();
        let there = there.iter().flat_map(|outreach| outreach.wishes.values());
        let ended = there.filter(|state| state.status != back);
        let ended: BTreeSet<WishId> = ended.map(|state| state.wish.id).collect();
        self.on_outreach(ctx, pair.absorbed, |outreach, _| {
            let ended = |wish| ended.contains(&wish);
            Ok(outreach.take_back(pair.survivor, pair.merge, ended, &amended))
        })
        .await?;
        Ok(())
    }

    async fn outreach_of(
        &self,
        tenant: TenantId,
        id: CustomerId,
    ) -> Result<Option<Arc<Outreach>>, CommandError> {
        self.store.renewed::<Outreach>(id.as_uuid()).await;
        Ok(self.store.load_of::<Outreach>(tenant, id.as_uuid()).await?)
    }
}

/// A step that is refused ends the merging; one that failed is tried again.
fn refused<R: Rejected>(error: ExecuteError<R>) -> Result<CommandError, CommandError> {
    match error {
        ExecuteError::Rejected(_) => Ok(CommandError::from(error)),
        failed => Err(CommandError::from(failed)),
    }
}
