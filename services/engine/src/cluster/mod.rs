//! Several engines over one log: who is there, who decides for which tenant, and when this one must not.
//!
//! Nothing here makes a decision safe: that is done by the revisions of the streams decided on. It makes decisions rare
//! to be refused, and sees to it that somebody decides.

mod lease;
mod members;
mod settling;
mod takeover;

use core::net::SocketAddr; // a plain value: `core` has no sockets
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rapport_domain::event::Position;
use rapport_domain::id::{EpochId, NodeId, TenantId};
use rapport_domain::node::{Announcement, Life, Role};
use tokio::sync::Notify;
use tokio::time::Instant;

use members::Members;

/// How a process takes part in a cluster.
#[derive(Clone, Debug)]
pub struct NodeSettings {
    /// Its name, unique in the cluster and the same after a restart.
    pub name: String,
    /// What it does.
    pub roles: Vec<Role>,
    /// How long silence may last before others take over, at least a second.
    pub lease: Duration,
}

/// How far this node is with a tenant's routing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Others decide, or nobody does.
    Following,
    /// Taking was asked for and has not been read back.
    Taking,
    /// It is ours, and what the owner before left undone is being done.
    Settling,
    /// It is ours: the floor decides.
    Leading,
}

/// The routing of one tenant's contacts.
struct Domain {
    /// The owner by the log.
    owner: Option<Life>,
    /// Where the log says so.
    taken: Position,
    /// By the word of its owners, everything up to here has been decided on.
    mark: Position,
    /// When the owner before was heard last.
    last_sign: Instant,
    stage: Stage,
}

impl Default for Domain {
    fn default() -> Self {
        Self {
            owner: None,
            taken: Position::START,
            mark: Position::START,
            last_sign: Instant::now(),
            stage: Stage::Following,
        }
    }
}

impl Domain {
    fn is_held(&self) -> bool {
        matches!(self.stage, Stage::Settling | Stage::Leading)
    }
}

/// A domain that nobody holds, and from whom it is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub tenant: TenantId,
    pub from: Option<Life>,
    pub mark: Position,
}

/// What this node knows of the cluster, and where it stands in it.
pub(crate) struct Cluster {
    name: String,
    roles: Vec<Role>,
    /// This run of this node.
    pub me: Life,
    /// How long silence may last.
    pub lease: Duration,
    /// A node has begun a run and has not heard of us.
    newcomer: Notify,
    inner: Mutex<Inner>,
}

struct Inner {
    /// Where other nodes reach our telephony.
    sip: Option<SocketAddr>,
    /// Our own start has been read back: from here on another start of this node means us.
    begun: bool,
    /// Another process runs under our name, or we have said goodbye: nothing is decided any more.
    over: bool,
    /// When the last renewal that succeeded was begun.
    renewed: Option<Instant>,
    beat: u64,
    /// When which of our renewals was begun, those not read back yet.
    sent: BTreeMap<u64, Instant>,
    published: Position,
    members: Members,
    domains: BTreeMap<TenantId, Domain>,
    /// The peers that the voice channel knows of.
    peers: Vec<SocketAddr>,
}

impl Inner {
    fn lapsed(&self, lease: Duration, now: Instant) -> bool {
        self.over
            || self
                .renewed
                .is_none_or(|at| now.saturating_duration_since(at) > lease)
    }

    /// Lets go of every domain; answers which were held.
    fn drop_all(&mut self) -> Vec<TenantId> {
        let held = self
            .domains
            .iter_mut()
            .filter(|(_, domain)| domain.is_held());
        held.map(|(tenant, domain)| {
            domain.stage = Stage::Following;
            *tenant
        })
        .collect()
    }
}

impl Cluster {
    pub fn new(settings: NodeSettings, epoch: EpochId) -> Self {
        Self {
            me: Life {
                node: NodeId::named(&settings.name),
                epoch,
            },
            name: settings.name,
            roles: settings.roles,
            lease: settings.lease.max(Duration::from_secs(1)),
            newcomer: Notify::new(),
            inner: Mutex::new(Inner {
                sip: None,
                begun: false,
                over: false,
                renewed: None,
                beat: 0,
                sent: BTreeMap::new(),
                published: Position::START,
                members: Members::default(),
                domains: BTreeMap::new(),
                peers: Vec::new(),
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn reached_at(&self, sip: SocketAddr) {
        self.lock().sip = Some(sip);
    }

    pub fn announcement(&self) -> Announcement {
        Announcement {
            name: self.name.clone(),
            epoch: self.me.epoch,
            roles: self.roles.clone(),
            sip: self.lock().sip,
        }
    }

    /// Whether decisions for this tenant are ours at this moment.
    pub fn decides(&self, tenant: TenantId) -> bool {
        let inner = self.lock();
        !inner.lapsed(self.lease, Instant::now())
            && inner.domains.get(&tenant).is_some_and(Domain::is_held)
    }

    /// Whether the floor of this tenant is ours and complete.
    pub fn leads(&self, tenant: TenantId) -> bool {
        let inner = self.lock();
        !inner.lapsed(self.lease, Instant::now())
            && inner
                .domains
                .get(&tenant)
                .is_some_and(|domain| domain.stage == Stage::Leading)
    }

    /// Whether a run is over, or silent for too long. One never heard of gets the benefit of the doubt.
    pub fn is_gone(&self, life: Life) -> bool {
        life != self.me && self.lock().members.is_gone(life, Instant::now())
    }

    /// Something was done by this run: it is alive.
    pub fn sign_of(&self, life: Life) {
        if life != self.me {
            self.lock().members.sign_of(life, Instant::now());
        }
    }

    /// Where other nodes reach the telephony of a run that is there.
    pub fn sip_of(&self, life: Life) -> Option<SocketAddr> {
        let inner = self.lock();
        if life == self.me {
            return inner.sip;
        }
        inner.members.announcement(life).and_then(|node| node.sip)
    }

    /// Runs that are there and have telephony, in a fixed order.
    pub fn with_telephony(&self) -> Vec<Life> {
        let inner = self.lock();
        let mut lives = inner.members.with_telephony();
        if inner.sip.is_some() {
            lives.push(self.me);
        }
        lives.sort_unstable();
        lives
    }

    /// The telephony of all other nodes, when it is not what was said last.
    pub fn new_peers(&self) -> Option<Vec<SocketAddr>> {
        let inner = self.lock();
        let peers = inner.members.addresses();
        (peers != inner.peers).then_some(peers)
    }

    pub fn peers_told(&self, peers: Vec<SocketAddr>) {
        self.lock().peers = peers;
    }

    /// What the owners have decided on, for each tenant: what a checkpoint remembers.
    pub fn marks(&self) -> Vec<(TenantId, Position)> {
        let inner = self.lock();
        let marks = inner
            .domains
            .iter()
            .map(|(tenant, domain)| (*tenant, domain.mark));
        marks.collect()
    }

    /// What is known of a domain from before this process.
    pub fn remember(&self, tenant: TenantId, owner: Option<(Life, Position)>, mark: Position) {
        let mut inner = self.lock();
        if let Some((owner, _)) = owner
            && owner != self.me
        {
            inner.members.mentioned(owner, Instant::now());
        }
        let domain = inner.domains.entry(tenant).or_default();
        domain.mark = domain.mark.max(mark);
        if let Some((owner, taken)) = owner
            && taken >= domain.taken
        {
            (domain.owner, domain.taken) = (Some(owner), taken);
        }
    }
}
