//! Taking a tenant's routing over: what its last owner may have left undone is done, then the floor is built anew.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rapport_domain::event::Position;
use rapport_domain::id::TenantId;
use rapport_domain::node::{Life, Routing};
use tokio::time::Instant;

use super::{Claim, Cluster, Stage};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::offers::Wanted;
use crate::reactor::{Cause, Side};
use crate::store::Ctx;

/// Events read at a time.
const PAGE: usize = 512;
/// Pause before a take-over that failed is tried again.
const PAUSE: Duration = Duration::from_millis(100);

/// What a take-over begins with.
struct Inheritance {
    /// Everything up to here was decided on before.
    from: Position,
    /// Where the log says that the domain is ours.
    until: Position,
    /// The last sign of the owner before.
    last_sign: Instant,
}

impl Cluster {
    /// The log says who owns a domain. Answers whether it was held here until now.
    pub(super) fn on_taken(
        &self,
        tenant: TenantId,
        by: Life,
        from: Position,
        position: Position,
    ) -> bool {
        let now = Instant::now();
        let mut inner = self.lock();
        let before = inner.domains.get(&tenant).and_then(|domain| domain.owner);
        if by != self.me {
            inner.members.sign_of(by, now);
        }
        let last_sign = before.and_then(|before| inner.members.heard(before));
        let domain = inner.domains.entry(tenant).or_default();
        let held = domain.is_held();
        (domain.owner, domain.taken) = (Some(by), position);
        domain.mark = domain.mark.max(from);
        domain.last_sign = last_sign.unwrap_or(now);
        domain.stage = Stage::Following;
        held
    }

    fn begin_settling(&self, tenant: TenantId) -> Option<Inheritance> {
        let mut inner = self.lock();
        if inner.lapsed(self.lease, Instant::now()) {
            return None;
        }
        let me = self.me;
        let domain = inner.domains.get_mut(&tenant)?;
        (domain.owner == Some(me)).then(|| {
            domain.stage = Stage::Settling;
            Inheritance {
                from: domain.mark,
                until: domain.taken,
                last_sign: domain.last_sign,
            }
        })
    }

    /// Answers whether the domain is still ours.
    fn end_settling(&self, tenant: TenantId) -> bool {
        let mut inner = self.lock();
        let lapsed = inner.lapsed(self.lease, Instant::now());
        let domain = inner.domains.get_mut(&tenant);
        match domain.filter(|domain| domain.stage == Stage::Settling) {
            Some(domain) if !lapsed => {
                domain.stage = Stage::Leading;
                true
            }
            Some(domain) => {
                domain.stage = Stage::Following;
                false
            }
            None => false,
        }
    }

    fn not_taken(&self, tenant: TenantId) {
        if let Some(domain) = self.lock().domains.get_mut(&tenant)
            && domain.stage == Stage::Taking
        {
            domain.stage = Stage::Following;
        }
    }
}

impl Engine {
    /// Asks for a domain. Of several that ask, the log lets one have it; the reaction to that takes over.
    pub(super) async fn take(&self, claim: Claim) {
        let Some(cluster) = &self.cluster else { return };
        let ctx = Ctx::system(claim.tenant, claim.tenant.as_uuid(), None);
        let taken = self
            .store
            .execute::<Routing, Infallible>(claim.tenant.as_uuid(), &ctx, |known, _| {
                Ok(Routing::take(known, claim.from, cluster.me, claim.mark))
            })
            .await;
        match taken {
            Ok(done) if !done.facts.is_empty() => {}
            Ok(_) => cluster.not_taken(claim.tenant),
            Err(error) => {
                cluster.not_taken(claim.tenant);
                self.failed("take over the routing of a tenant", &error);
            }
        }
    }

    /// The domain is ours from the event in hand on. Runs in the reactor, before the next event, so that what comes after
    /// finds a floor that is complete.
    pub(super) async fn take_over(self: &Arc<Self>, tenant: TenantId) {
        let Some(cluster) = &self.cluster else { return };
        let Some(inheritance) = cluster.begin_settling(tenant) else {
            return;
        };
        let offers = loop {
            match self.settle_inheritance(tenant, &inheritance).await {
                Ok(offers) => break offers,
                Err(error) => {
                    self.failed("take over the routing of a tenant", &error);
                    tokio::time::sleep(PAUSE).await;
                    if !cluster.decides(tenant) || self.stopping.load(Ordering::Acquire) {
                        cluster.end_settling(tenant);
                        return;
                    }
                }
            }
        };
        if !cluster.end_settling(tenant) {
            return;
        }
        let silence = inheritance.last_sign.elapsed();
        let millis = u64::try_from(silence.as_millis()).unwrap_or(u64::MAX);
        self.counters.takeovers.fetch_add(1, Ordering::Relaxed);
        self.counters
            .takeover_millis
            .fetch_add(millis, Ordering::Relaxed);
        tracing::info!(%tenant, millis, "took over the routing of a tenant");
        if !offers.is_empty() {
            let engine = self.clone();
            tokio::spawn(async move { engine.carry_out(tenant, offers).await });
        }
    }

    async fn settle_inheritance(
        self: &Arc<Self>,
        tenant: TenantId,
        inheritance: &Inheritance,
    ) -> Result<Vec<Wanted>, EngineError> {
        let mut after = inheritance.from;
        while after < inheritance.until {
            let page = self.log().read_all(after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.position;
            let theirs = page.iter().filter(|recorded| {
                recorded.event.meta.tenant == tenant && recorded.position <= inheritance.until
            });
            for recorded in theirs {
                let cause = Cause {
                    recorded,
                    tenant,
                    position: recorded.position,
                    side: Side::DECIDE,
                };
                // What is not understood was counted and reported when it was followed.
                let _known_to_be_odd = self.decide_again(cause).await;
            }
        }
        self.settle_calls_of(tenant).await?;
        self.floors.begin_anew(tenant);
        self.seed_domain(tenant).await
    }
}
