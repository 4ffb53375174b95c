//! The handle a test holds.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::{Builder, Runtime};

use crate::certificate::Certificate;
use crate::conduct::{Conduct, Ending, Mischief, Seen};
use crate::listener::Listener;
use crate::shared::{Credentials, Shared};

/// How a double is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Number of nodes, at least one. The first one leads at the beginning.
    pub nodes: usize,
    /// What every request has to bring; without it anybody may do anything.
    pub credentials: Option<Credentials>,
    /// Whether connections are sealed; see [`Double::authority`].
    pub tls: bool,
    /// Most bytes of one append. The default of servers differs: 1 MiB up to the 24 releases, a whole chunk later.
    pub most: usize,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            nodes: 1,
            credentials: None,
            tls: false,
            most: 1024 * 1024,
        }
    }
}

/// Threads of one double. They are its own: a client that keeps the test's runtime busy shall not make the server slow.
const THREADS: usize = 2;

/// A pretended server, or a cluster of them over one log, on free ports of the loopback address. It runs on threads of its
/// own and ends when it is stopped or dropped.
pub struct Double {
    shared: Arc<Shared>,
    listeners: Mutex<Vec<Listener>>,
    authority: Option<String>,
    /// Always there until the double is dropped.
    runtime: Option<Runtime>,
}

impl Double {
    /// One node, open to anybody.
    ///
    /// # Panics
    /// When no port can be had: a test has nothing to go on with then.
    pub async fn start() -> Double {
        Double::cluster(1).await
    }

    /// So many nodes over one log.
    ///
    /// # Panics
    /// When no port can be had.
    pub async fn cluster(nodes: usize) -> Double {
        let settings = Settings {
            nodes,
            ..Settings::default()
        };
        Double::with(settings).await.expect("ports on loopback")
    }

    /// As the settings say.
    ///
    /// # Errors
    /// When a port cannot be had or a certificate cannot be made.
    pub async fn with(settings: Settings) -> io::Result<Double> {
        let certificate = settings.tls.then(Certificate::make).transpose()?;
        let mut ports = Vec::new();
        for _ in 0..settings.nodes.max(1) {
            ports.push(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?);
        }
        let addresses: io::Result<Vec<SocketAddr>> =
            ports.iter().map(TcpListener::local_addr).collect();
        let shared = Shared::new(addresses?, settings.credentials, settings.most);
        let acceptor = certificate.as_ref().map(|made| made.acceptor.clone());
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("eventstore-double")
            .enable_all()
            .build()?;
        let inside = runtime.enter();
        let listeners: io::Result<Vec<Listener>> = ports
            .into_iter()
            .enumerate()
            .map(|(index, port)| Listener::serve(&shared, index, port, acceptor.clone()))
            .collect();
        drop(inside);
        Ok(Double {
            shared,
            listeners: Mutex::new(listeners?),
            authority: certificate.map(|made| made.authority),
            runtime: Some(runtime),
        })
    }

    fn listeners(&self) -> MutexGuard<'_, Vec<Listener>> {
        self.listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn with_listener<T>(&self, node: usize, act: impl FnOnce(&mut Listener) -> T) -> T {
        let _inside = self.runtime.as_ref().map(Runtime::enter);
        act(&mut self.listeners()[node])
    }

    /// Number of nodes.
    pub fn nodes(&self) -> usize {
        self.shared.members.len()
    }

    /// Where a node listens; it keeps its address when it stops and starts listening.
    ///
    /// # Panics
    /// When there is no such node.
    pub fn address(&self, node: usize) -> SocketAddr {
        self.shared.members[node].address
    }

    /// What a client connects with: all nodes, the credentials and whether it is sealed. (Which authority to trust is to
    /// be added: `&tlsCaFile=…`.)
    pub fn connection_string(&self) -> String {
        let nodes: Vec<String> = self
            .shared
            .members
            .iter()
            .map(|member| member.address.to_string())
            .collect();
        let user = self
            .shared
            .credentials
            .as_ref()
            .map(|who| format!("{}:{}@", who.user, who.password))
            .unwrap_or_default();
        let tls = self.authority.is_some();
        format!("esdb://{user}{}?tls={tls}", nodes.join(","))
    }

    /// The certificate authority to trust, as PEM, when connections are sealed.
    pub fn authority(&self) -> Option<&str> {
        self.authority.as_deref()
    }

    /// Misbehaves from now on.
    pub fn set(&self, mischief: Mischief) {
        if mischief == Mischief::Hang {
            self.shared.set_hang(true);
            return;
        }
        let mut conduct = self.shared.conduct();
        match mischief {
            Mischief::Delay(delay) => conduct.delay = delay,
            Mischief::CutBefore(times) => conduct.cut_before = times,
            Mischief::CutAfter(times) => conduct.cut_after = times,
            Mischief::Swallow(times) => conduct.swallow = times,
            Mischief::FalseConflict(times) => conduct.false_conflict = times,
            Mischief::ReadOnly => conduct.read_only = true,
            Mischief::FailReads => conduct.fail_reads = true,
            Mischief::Hang => {}
        }
    }

    /// Behaves again. Nodes that refuse connections go on doing so, see [`Double::accept`].
    pub fn clear(&self) {
        *self.shared.conduct() = Conduct::default();
        self.shared.set_hang(false);
    }

    /// Closes a node's port and all its connections: whoever tries is refused by the system.
    ///
    /// # Panics
    /// When there is no such node.
    pub async fn refuse(&self, node: usize) {
        let closed = self.with_listener(node, |listener| listener.refuse());
        // Cannot fail but with the runtime, and then the port is closed as well.
        drop(closed.await);
    }

    /// Opens a node's port again.
    ///
    /// # Errors
    /// When somebody else has taken the port meanwhile.
    ///
    /// # Panics
    /// When there is no such node.
    pub async fn accept(&self, node: usize) -> io::Result<()> {
        self.with_listener(node, Listener::accept)
    }

    /// Closes every connection to a node; new ones are taken.
    ///
    /// # Errors
    /// When the node is one that refuses connections: it has none to be cut.
    ///
    /// # Panics
    /// When there is no such node.
    pub async fn cut_connections(&self, node: usize) -> io::Result<()> {
        self.with_listener(node, |listener| listener.cut())
    }

    /// Makes a node the leader. The others refuse those who insist on the leader, and name it.
    ///
    /// # Panics
    /// When there is no such node.
    pub fn lead(&self, node: usize) {
        assert!(node < self.shared.members.len(), "no node {node}");
        self.shared.lead(node);
    }

    /// The node that leads.
    pub fn leader(&self) -> usize {
        self.shared.leader()
    }

    /// Ends every running subscription; new ones are served.
    pub fn end_subscriptions(&self, ending: Ending) {
        self.shared.end_subscriptions(ending);
    }

    /// Number of stored events, without those the server writes for itself and without metadata and tombstones.
    pub fn events(&self) -> usize {
        self.shared.log().clients()
    }

    /// What was met since the beginning.
    pub fn seen(&self) -> Seen {
        *self.shared.seen.borrow()
    }

    /// Waits until what was seen is so.
    pub async fn until(&self, met: impl FnMut(&Seen) -> bool) -> Seen {
        let mut seen = self.shared.seen.subscribe();
        match seen.wait_for(met).await {
            Ok(seen) => *seen,
            Err(_) => self.seen(), // cannot be: the sender is in `self`
        }
    }

    /// Waits until so many events are stored, counted as [`Self::events`] does. An append is *seen* when it arrives, which
    /// is a moment before.
    pub async fn until_stored(&self, events: usize) {
        let mut head = self.shared.head();
        while self.events() < events {
            if head.changed().await.is_err() {
                return; // cannot be: the sender is in `self`
            }
        }
    }

    /// Closes all ports and connections.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        self.shared.end.cancel();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background(); // waiting is not allowed inside of a test's runtime
        }
    }
}
