//! What all nodes of a double have in common.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::conduct::{Conduct, Ending, Fate, Seen};
use crate::log::Log;

/// User and password that every request has to bring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The user's name.
    pub user: String,
    /// The password.
    pub password: String,
}

/// A node as the others know it.
pub(crate) struct Member {
    pub id: Uuid,
    pub address: SocketAddr,
    /// Whether it takes connections.
    pub listening: AtomicBool,
}

pub(crate) struct Shared {
    log: Mutex<Log>,
    conduct: Mutex<Conduct>,
    /// Number of records; readers that wait for more look here.
    head: watch::Sender<usize>,
    hang: watch::Sender<bool>,
    endings: watch::Sender<(u64, Ending)>,
    pub seen: watch::Sender<Seen>,
    pub members: Vec<Member>,
    leader: AtomicUsize,
    pub credentials: Option<Credentials>,
    /// Most bytes of one append.
    pub most: usize,
    /// Ends everything.
    pub end: CancellationToken,
}

impl Shared {
    pub fn new(
        addresses: Vec<SocketAddr>,
        credentials: Option<Credentials>,
        most: usize,
    ) -> Arc<Shared> {
        let log = Log::fresh(now());
        let head = watch::Sender::new(log.len());
        let member = |address| Member {
            id: Uuid::new_v4(),
            address,
            listening: AtomicBool::new(true),
        };
        Arc::new(Shared {
            log: Mutex::new(log),
            conduct: Mutex::default(),
            head,
            hang: watch::Sender::new(false),
            endings: watch::Sender::new((0, Ending::Clean)),
            seen: watch::Sender::new(Seen::default()),
            members: addresses.into_iter().map(member).collect(),
            leader: AtomicUsize::new(0),
            credentials,
            most,
            end: CancellationToken::new(),
        })
    }

    pub fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the log and wakes those who wait for more.
    pub fn write<T>(&self, change: impl FnOnce(&mut Log) -> T) -> T {
        let mut log = self.log();
        let result = change(&mut log);
        let head = log.len();
        drop(log);
        self.head.send_if_modified(|known| {
            let more = head > *known;
            *known = head.max(*known);
            more
        });
        result
    }

    pub fn head(&self) -> watch::Receiver<usize> {
        self.head.subscribe()
    }

    pub fn conduct(&self) -> MutexGuard<'_, Conduct> {
        self.conduct.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn fate(&self) -> Fate {
        self.count(|seen| seen.appends += 1);
        self.conduct().append()
    }

    pub fn count(&self, change: impl FnOnce(&mut Seen)) {
        self.seen.send_modify(change);
    }

    pub fn set_hang(&self, hang: bool) {
        self.hang.send_replace(hang);
    }

    /// Holds an answer back for as long as the misbehaviour in force says.
    pub async fn pace(&self) {
        let delay = self.conduct().delay;
        if delay > Duration::ZERO {
            tokio::time::sleep(delay).await;
        }
        self.until_moving().await;
    }

    pub async fn until_moving(&self) {
        // Only fails when the sender is gone, and it is in `self`.
        drop(self.hang.subscribe().wait_for(|hang| !hang).await);
    }

    pub fn endings(&self) -> watch::Receiver<(u64, Ending)> {
        self.endings.subscribe()
    }

    pub fn end_subscriptions(&self, ending: Ending) {
        self.endings.send_modify(|(times, how)| {
            *times += 1;
            *how = ending;
        });
    }

    pub fn leader(&self) -> usize {
        self.leader.load(Ordering::SeqCst)
    }

    pub fn lead(&self, node: usize) {
        self.leader.store(node, Ordering::SeqCst);
    }
}

/// Ticks of 100 ns since 1970, as the server stamps events.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_nanos() / 100).unwrap_or(i64::MAX)
}

/// Counts something open until it is dropped.
pub(crate) struct Gauge {
    shared: Arc<Shared>,
    close: fn(&mut Seen),
}

impl Gauge {
    pub fn connection(shared: &Arc<Shared>) -> Gauge {
        shared.count(|seen| {
            seen.connections += 1;
            seen.open_connections += 1;
        });
        Gauge {
            shared: shared.clone(),
            close: |seen| seen.open_connections -= 1,
        }
    }

    pub fn subscription(shared: &Arc<Shared>) -> Gauge {
        shared.count(|seen| {
            seen.subscriptions += 1;
            seen.open_subscriptions += 1;
        });
        Gauge {
            shared: shared.clone(),
            close: |seen| seen.open_subscriptions -= 1,
        }
    }
}

impl Drop for Gauge {
    fn drop(&mut self) {
        self.shared.count(self.close);
    }
}
