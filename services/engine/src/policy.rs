//! Other contact rules: proposed, withdrawn, released by another person.

use std::sync::Arc;

use rapport_domain::event::{Actor, Position};
use rapport_domain::id::{AgentId, ProposalId, TenantId};
use rapport_domain::policy::{ContactPolicy, Draft, Fact, PolicyBook, Rejection};

use crate::engine::Engine;
use crate::error::{CommandError, ExecuteError};
use crate::store::{Ctx, Executed};

/// What a request about the policy led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyChange {
    /// Whether anything is new; a repeated request changes nothing.
    pub new: bool,
    /// The version in force.
    pub version: u64,
    /// Where the log is.
    pub position: Position,
}

impl Engine {
    /// Everything about a tenant's contact policy; `None` when it has none.
    ///
    /// # Errors
    /// [`CommandError::Unavailable`] when the log cannot be read.
    pub async fn policy_book(
        &self,
        tenant: TenantId,
    ) -> Result<Option<Arc<PolicyBook>>, CommandError> {
        let id = tenant.as_uuid();
        Ok(self.store.load_of::<PolicyBook>(tenant, id).await?)
    }

    /// Proposes other rules. Nothing changes before somebody else releases them.
    ///
    /// # Errors
    /// [`CommandError`]: no policy is in force, the proposal says something that cannot be, or the log fails.
    pub async fn propose_policy(
        &self,
        tenant: TenantId,
        id: ProposalId,
        draft: Draft,
        comment: String,
        by: Actor,
    ) -> Result<PolicyChange, CommandError> {
        if let Draft::Rules(rules) = &draft {
            self.has_queue(tenant, rules)?;
        }
        let ctx = Ctx::by(tenant, by, tenant.as_uuid());
        let done = self
            .on_policy(&ctx, |book| book.propose(id, &draft, &comment, &ctx.actor))
            .await?;
        changed(&done)
    }

    /// Takes a proposal off the table.
    ///
    /// # Errors
    /// [`CommandError`]: there is no such proposal, it was released, or the log fails.
    pub async fn withdraw_policy(
        &self,
        tenant: TenantId,
        id: ProposalId,
        by: Actor,
    ) -> Result<PolicyChange, CommandError> {
        let ctx = Ctx::by(tenant, by, tenant.as_uuid());
        let done = self
            .on_policy(&ctx, |book| book.withdraw(id, &ctx.actor))
            .await?;
        changed(&done)
    }

    /// Puts the rules of a proposal into force. Whether the agent is a supervisor is the caller's to ask.
    ///
    /// # Errors
    /// [`CommandError`]: it is the agent's own, it is outdated or over, its queue is gone, or the log fails.
    pub async fn release_policy(
        &self,
        tenant: TenantId,
        id: ProposalId,
        by: AgentId,
    ) -> Result<PolicyChange, CommandError> {
        let book = self.policy_book(tenant).await?;
        if let Some(proposal) = book.as_ref().and_then(|book| book.proposal(id)) {
            self.has_queue(tenant, &proposal.rules)?;
        }
        let ctx = Ctx::by(tenant, Actor::Agent(by), tenant.as_uuid());
        let done = self.on_policy(&ctx, |book| book.release(id, by)).await?;
        changed(&done)
    }

    /// Planned calls must have a line to wait in.
    fn has_queue(&self, tenant: TenantId, rules: &ContactPolicy) -> Result<(), CommandError> {
        let directory = self.directory();
        if directory.queues_of(tenant).any(|(id, _)| id == rules.queue) {
            return Ok(());
        }
        Err(CommandError::Rejected {
            code: "queue_gone",
            detail:
                "the queue of these rules is not set up any more; propose rules with another one"
                    .into(),
        })
    }

    async fn on_policy(
        &self,
        ctx: &Ctx,
        decide: impl Fn(&PolicyBook) -> Result<Vec<Fact>, Rejection> + Send + Sync,
    ) -> Result<Executed<PolicyBook>, CommandError> {
        let id = ctx.tenant.as_uuid();
        if self.policy_book(ctx.tenant).await?.is_none() {
            return Err(CommandError::Rejected {
                code: "no_policy",
                detail: "the tenant has no contact policy yet; its first one is set under `tenant.policy`"
                    .into(),
            });
        }
        let done = self
            .store
            .execute::<PolicyBook, Rejection>(id, ctx, |book, _| {
                book.map_or(Err(Rejection::UnknownProposal), &decide)
            })
            .await;
        done.map_err(|error: ExecuteError<Rejection>| error.into())
    }
}

fn changed(done: &Executed<PolicyBook>) -> Result<PolicyChange, CommandError> {
    let book = done
        .state
        .as_ref()
        .ok_or(CommandError::NotFound("policy"))?;
    Ok(PolicyChange {
        new: !done.facts.is_empty(),
        version: book.in_force().policy.version,
        position: done.position,
    })
}
