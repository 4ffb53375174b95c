//! Signs of life: given at a third of the lease, and read back before anybody's silence is judged.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rapport_domain::event::{Category, Position, Stream};
use rapport_domain::id::{NodeId, TenantId};
use rapport_domain::node::{Announcement, Life, Node, NodeFact, Replaced, Role, RoutingFact};
use rapport_domain::port::voice::VoiceCommand;
use tokio::time::Instant;
use uuid::Uuid;

use super::{Claim, Cluster, Stage};
use crate::engine::Engine;
use crate::error::{EngineError, ExecuteError};
use crate::reactor::Cause;
use crate::store::Ctx;

/// Events read at a time.
const PAGE: usize = 512;

/// Nodes belong to no tenant.
fn nobody() -> TenantId {
    TenantId::from_uuid(Uuid::nil())
}

fn of_node(node: NodeId) -> Ctx {
    Ctx::system(nobody(), node.as_uuid(), None)
}

/// How a renewal went.
enum Renewal {
    Done,
    /// The log did not take it; it is tried again soon.
    Failed,
    /// There is nothing more to renew.
    Over,
}

impl Cluster {
    /// The next renewal: its number, and the mark it may publish. While something that is ours by the log is not decided
    /// on, the mark stands still.
    fn next_beat(&self, done: Position, now: Instant) -> (u64, Position) {
        let mut inner = self.lock();
        inner.beat += 1;
        let beat = inner.beat;
        inner.sent.insert(beat, now);
        let complete = inner
            .domains
            .values()
            .all(|domain| domain.owner != Some(self.me) || domain.stage == Stage::Leading);
        if complete && !inner.lapsed(self.lease, now) {
            inner.published = inner.published.max(done);
        }
        (beat, inner.published)
    }

    /// A renewal that was begun at `sent` is in the log. Answers what had to be let go of because it came too late.
    fn renewed(&self, sent: Instant, now: Instant) -> Vec<TenantId> {
        let mut inner = self.lock();
        let late = inner.renewed.is_some() && inner.lapsed(self.lease, now);
        inner.renewed = Some(sent);
        if !late {
            return vec![];
        }
        inner.members.begin_listening(now);
        inner.drop_all()
    }

    /// Nothing is decided here any more. Answers what had to be let go of.
    fn finish(&self) -> Vec<TenantId> {
        let mut inner = self.lock();
        inner.over = true;
        inner.drop_all()
    }

    fn on_started(&self, announcement: &Announcement, now: Instant) -> Seen {
        let mut inner = self.lock();
        let life = announcement.life();
        if life == self.me {
            inner.begun = true;
            inner.members.begin_listening(now);
            return Seen::Change;
        }
        if life.node == self.me.node {
            return if inner.begun {
                Seen::Replaced
            } else {
                Seen::Nothing
            };
        }
        inner.members.announced(announcement, now);
        // Whoever is new knows nobody: all introduce themselves without waiting for their next turn.
        self.newcomer.notify_one();
        Seen::Change
    }

    fn on_renewed(&self, node: &Announcement, beat: u64, reacted: Position, now: Instant) -> Seen {
        let mut inner = self.lock();
        let life = node.life();
        for domain in inner.domains.values_mut() {
            if domain.owner == Some(life) && reacted >= domain.taken {
                domain.mark = domain.mark.max(reacted);
            }
        }
        if life == self.me {
            let Some(sent) = inner.sent.remove(&beat) else {
                return Seen::Nothing;
            };
            inner.sent.retain(|later, _| *later > beat);
            return if inner.members.own_beat(sent, self.lease) {
                Seen::Gone
            } else {
                Seen::Change
            };
        }
        if life.node == self.me.node || !inner.members.renewed(node, now) {
            return Seen::Nothing;
        }
        Seen::Change // what it does, and where it is reached, was not known
    }

    fn on_stopped(&self, node: NodeId, epoch: rapport_domain::id::EpochId) -> Seen {
        if self.lock().members.stopped(node, epoch) {
            Seen::Gone
        } else {
            Seen::Nothing
        }
    }

    /// What is nobody's, or its owner is gone, or it is ours and had to be let go of: all of it counts as asked for now.
    fn claims(&self, tenants: &[TenantId]) -> Vec<Claim> {
        let now = Instant::now();
        let mut inner = self.lock();
        if !self.roles.contains(&Role::Engine) || !inner.begun || inner.lapsed(self.lease, now) {
            return vec![];
        }
        let mut claims = Vec::new();
        for tenant in tenants {
            let domain = inner.domains.entry(*tenant).or_default();
            let (owner, mark, stage) = (domain.owner, domain.mark, domain.stage);
            // An earlier run of this node is over: ours has begun.
            let free = owner.is_none_or(|owner| {
                owner.node == self.me.node || inner.members.is_gone(owner, now)
            });
            if stage == Stage::Following && free {
                if let Some(domain) = inner.domains.get_mut(tenant) {
                    domain.stage = Stage::Taking;
                }
                claims.push(Claim {
                    tenant: *tenant,
                    from: owner,
                    mark,
                });
            }
        }
        claims
    }

    /// The domains that are ours and complete.
    pub(super) fn led(&self) -> Vec<TenantId> {
        let inner = self.lock();
        let led = inner
            .domains
            .iter()
            .filter(|(_, domain)| domain.stage == Stage::Leading);
        led.map(|(tenant, _)| *tenant).collect()
    }
}

/// What an event of a node means to this one.
enum Seen {
    Nothing,
    /// Something may be free to take.
    Change,
    /// Somebody is gone.
    Gone,
    /// Another process runs under our name.
    Replaced,
}

/// Taking part.
impl Engine {
    /// The run this engine is, when several share the log.
    pub(crate) fn life(&self) -> Option<Life> {
        self.cluster.as_ref().map(|cluster| cluster.me)
    }

    /// Whether decisions for this tenant are this engine's: always, when it has the log for itself.
    pub(crate) fn decides(&self, tenant: TenantId) -> bool {
        self.cluster
            .as_ref()
            .is_none_or(|cluster| cluster.decides(tenant))
    }

    /// Whether what the floor of this tenant wants is to be carried out here.
    pub(crate) fn leads(&self, tenant: TenantId) -> bool {
        let alone = self.cluster.as_ref();
        self.is_going() && alone.is_none_or(|cluster| cluster.leads(tenant))
    }

    /// Says where other nodes reach this node's telephony. Before [`Engine::open`].
    pub fn reached_at(&self, sip: core::net::SocketAddr) {
        if let Some(cluster) = &self.cluster {
            cluster.reached_at(sip);
        }
    }

    /// What is known of owners and marks from before this process.
    pub(crate) async fn remember_domains(&self) -> Result<(), EngineError> {
        let Some(cluster) = &self.cluster else {
            return Ok(());
        };
        let tenants: Vec<TenantId> = self.directory().tenants().map(|(id, _)| id).collect();
        for tenant in tenants {
            let mark = self
                .checkpoints
                .load(&mark_name(tenant))
                .map_err(|error| EngineError::ReadModel(error.to_string()))?;
            let owner = self.last_taken(tenant).await?;
            cluster.remember(tenant, owner, mark);
        }
        Ok(())
    }

    async fn last_taken(&self, tenant: TenantId) -> Result<Option<(Life, Position)>, EngineError> {
        let stream = Stream::new(Category::Routing, tenant.as_uuid());
        let (mut next, mut last) = (rapport_domain::event::Revision::FIRST, None);
        loop {
            let page = self.log().read_stream(stream, next, PAGE).await?;
            let full = page.len() == PAGE;
            for recorded in &page {
                next = recorded.revision.next();
                if let Ok(RoutingFact::Taken { by, .. }) = crate::reactor::fact(recorded) {
                    last = Some((by, recorded.position));
                }
            }
            if !full {
                return Ok(last);
            }
        }
    }

    pub(crate) fn save_marks(&self) {
        let marks = self.cluster.iter().flat_map(Cluster::marks);
        for (tenant, mark) in marks {
            // An older mark only means that more is looked at again.
            if let Err(error) = self.checkpoints.save(&mark_name(tenant), mark) {
                return tracing::warn!(%error, "the mark of a tenant's routing could not be saved");
            }
        }
    }

    /// Says that this run has begun.
    pub(crate) async fn join(&self) -> Result<(), EngineError> {
        let Some(cluster) = &self.cluster else {
            return Ok(());
        };
        let node = cluster.me.node;
        let started = self
            .store
            .execute::<Node, Infallible>(node.as_uuid(), &of_node(node), |_, _| {
                Ok(vec![NodeFact::Started(cluster.announcement())])
            })
            .await;
        started
            .map(drop)
            .map_err(|error| EngineError::Log(format!("{error:?}")))
    }

    /// Says that this run is over: others need not wait.
    pub(crate) async fn leave(&self) {
        let Some(cluster) = &self.cluster else { return };
        cluster.finish();
        let node = cluster.me.node;
        let stopped = self
            .store
            .execute::<Node, Infallible>(node.as_uuid(), &of_node(node), |known, _| {
                Ok(Node::stop(known, cluster.me.epoch))
            })
            .await;
        if let Err(error) = stopped {
            self.failed("say goodbye to the other nodes", &error);
        }
    }

    /// Renews until the end.
    pub(crate) async fn keep_lease(self: Arc<Self>) {
        while !self.stopping.load(Ordering::Acquire) {
            let Some(cluster) = &self.cluster else { return };
            let pause = match self.renew(cluster).await {
                Renewal::Done => cluster.lease / 3,
                Renewal::Failed => cluster.lease / 12,
                Renewal::Over => return,
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = cluster.newcomer.notified() => {}
                () = self.stop.notified() => return,
            }
        }
    }

    async fn renew(&self, cluster: &Cluster) -> Renewal {
        let (sent, announcement) = (Instant::now(), cluster.announcement());
        let (beat, reacted) = cluster.next_beat(self.lanes.done(), sent);
        let node = cluster.me.node;
        let renewed = self
            .store
            .execute::<Node, Replaced>(node.as_uuid(), &of_node(node), |known, _| {
                Node::renew(known, &announcement, beat, reacted)
            })
            .await;
        match renewed {
            Ok(_) => {
                let late = cluster.renewed(sent, Instant::now());
                if !late.is_empty() {
                    tracing::warn!(
                        tenants = late.len(),
                        "this node was silent for longer than its lease and let go of what it decided"
                    );
                }
                self.rest(&late);
                Renewal::Done
            }
            Err(ExecuteError::Rejected(Replaced)) => {
                self.give_up(cluster);
                Renewal::Over
            }
            Err(error) => {
                self.failed("renew the lease of this node", &error);
                Renewal::Failed
            }
        }
    }

    /// Another process has taken this node's name: nothing is decided or let in here any more.
    fn give_up(&self, cluster: &Cluster) {
        let (leaving, held) = (cluster.lock().over, cluster.finish());
        self.rest(&held);
        if !leaving {
            self.going.send_replace(false);
            tracing::error!(
                "another process runs under this node's name; this one does nothing any more, stop it"
            );
        }
    }

    /// Floors that were ours show what waits, and decide nothing.
    fn rest(&self, tenants: &[TenantId]) {
        let directory = self.directory();
        for tenant in tenants {
            let agents = directory.agents_of(*tenant).map(|(agent, _)| agent);
            self.floors.rest(*tenant, agents, self.now());
        }
    }

    /// What a node says of itself.
    pub(crate) fn react_to_node(self: &Arc<Self>, cause: Cause<'_>, fact: &NodeFact) {
        let Some(cluster) = &self.cluster else { return };
        let (now, node) = (Instant::now(), NodeId::from_uuid(cause.recorded.stream.id));
        let seen = match fact {
            NodeFact::Started(announcement) => cluster.on_started(announcement, now),
            NodeFact::LeaseRenewed {
                node,
                beat,
                reacted,
            } => cluster.on_renewed(node, *beat, *reacted, now),
            NodeFact::Stopped { epoch } => cluster.on_stopped(node, *epoch),
        };
        if !self.is_going() {
            return;
        }
        match seen {
            Seen::Nothing => {}
            Seen::Change => self.look_around(cluster, matches!(fact, NodeFact::Started(_))),
            Seen::Gone => self.look_around(cluster, true),
            Seen::Replaced => self.give_up(cluster),
        }
    }

    /// Takes what is free, and settles calls whose node is gone.
    fn look_around(self: &Arc<Self>, cluster: &Cluster, somebody_left: bool) {
        self.tell_peers(cluster);
        if somebody_left {
            for tenant in cluster.led() {
                let engine = self.clone();
                tokio::spawn(async move { engine.settle_homeless(tenant).await });
            }
        }
        let tenants: Vec<TenantId> = self.directory().tenants().map(|(id, _)| id).collect();
        for claim in cluster.claims(&tenants) {
            let engine = self.clone();
            tokio::spawn(async move { engine.take(claim).await });
        }
    }

    /// Whom the voice channel may trust: said again only when it changed.
    fn tell_peers(&self, cluster: &Cluster) {
        if let Some(peers) = cluster.new_peers().filter(|_| self.calls.is_attached())
            && self.calls.send(VoiceCommand::Peers(peers.clone())).is_ok()
        {
            cluster.peers_told(peers);
        }
    }

    /// Who owns the routing of a tenant now.
    pub(crate) async fn react_to_routing(self: &Arc<Self>, cause: Cause<'_>, fact: &RoutingFact) {
        let Some(cluster) = &self.cluster else { return };
        let RoutingFact::Taken { by, from } = *fact;
        let held = cluster.on_taken(cause.tenant, by, from, cause.position);
        if held && by != cluster.me {
            self.rest(&[cause.tenant]);
        }
        if by == cluster.me && self.is_going() {
            // Large and rare: boxed, so that every other reaction stays small.
            Box::pin(self.take_over(cause.tenant)).await;
        }
    }

    /// As long as a wait for the log to be followed may take.
    pub(crate) async fn has_followed(&self) {
        const AT_MOST: Duration = Duration::from_secs(2);
        if self.cluster.is_some() {
            let (head, mut followed) = (self.log().head(), self.followed.subscribe());
            let there = followed.wait_for(|position| *position >= head);
            let _late_is_answered_from_what_is_known = tokio::time::timeout(AT_MOST, there).await;
        }
    }

    /// A contact that has just begun names the run that holds it: that run was alive.
    pub(crate) fn saw(&self, home: Option<Life>) {
        if let (Some(cluster), Some(home)) = (&self.cluster, home) {
            cluster.sign_of(home);
        }
    }
}

/// The name under which a tenant's mark is kept.
fn mark_name(tenant: TenantId) -> String {
    format!("routing/{tenant}")
}
