//! Doubts whether two customers are one person, and who decided them.

use rapport_domain::customer::{Doubt, Judgement, MergeGround, Rejection, pair};
use rapport_domain::event::{Actor, Position};
use rapport_domain::id::{CustomerId, ReviewId, TenantId};

use crate::engine::Engine;
use crate::error::{CommandError, ExecuteError};
use crate::store::Ctx;

impl Engine {
    /// Puts a pair of customers on the review list, unless they are one person already or somebody decided on them before.
    ///
    /// # Errors
    /// [`CommandError::NotFound`]; [`CommandError::Rejected`] for one who was erased or is named twice.
    pub async fn suspect_match(
        &self,
        tenant: TenantId,
        one: CustomerId,
        other: CustomerId,
        doubt: Doubt,
        actor: Actor,
    ) -> Result<(ReviewId, Position), CommandError> {
        let one = self.living(tenant, one).await?.person(one);
        let other = self.living(tenant, other).await?.person(other);
        let (low, high, review) = pair(one, other);
        let ctx = Ctx::by(tenant, actor, review.as_uuid());
        let raised = self
            .on_customer(&ctx, low, |known, _| known.suspect(low, high, doubt))
            .await?;
        Ok((review, raised.position))
    }

    /// Somebody decides a doubt: `low` is the customer in whose history it stands. Two who are one person are merged first,
    /// into `survivor` when one of them is named.
    ///
    /// # Errors
    /// [`CommandError::NotFound`]; [`CommandError::Invalid`] for a survivor who is none of the two;
    /// [`CommandError::Rejected`] when it was decided otherwise, or the two cannot be merged now.
    #[allow(
        clippy::too_many_arguments,
        reason = "each part of the request is named by its type"
    )]
    pub async fn judge_match(
        &self,
        tenant: TenantId,
        low: CustomerId,
        review: ReviewId,
        judgement: Judgement,
        survivor: Option<CustomerId>,
        evidence: Option<String>,
        actor: Actor,
    ) -> Result<Position, CommandError> {
        let known = self.living(tenant, low).await?;
        let doubt = known.reviews.get(review);
        let doubt = doubt.ok_or(CommandError::NotFound("review"))?;
        if doubt.judgement.is_some_and(|known| known != judgement) {
            return Err(ExecuteError::Rejected(Rejection::Judged).into());
        }
        if judgement == Judgement::Merge && doubt.judgement.is_none() {
            let stays = survivor.unwrap_or(low);
            let goes = match stays {
                stays if stays == low => doubt.other,
                stays if stays == doubt.other => low,
                _ => {
                    return Err(CommandError::Invalid {
                        field: "survivor",
                        detail: "name one of the two customers".to_owned(),
                    });
                }
            };
            let ground = MergeGround::Review { review };
            self.merge_customers(tenant, stays, goes, ground, evidence, actor.clone())
                .await?;
        }
        let ctx = Ctx::by(tenant, actor, review.as_uuid());
        let judged = self
            .on_customer(&ctx, low, |known, _| known.judge(review, judgement))
            .await?;
        Ok(judged.position)
    }
}
