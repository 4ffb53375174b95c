//! Several hubs over one log: the double of EventStoreDB, a folder of keys that all of them share, and who owns the routing.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::watch;

use crate::double::Double;
use crate::hub::{Addresses, Hub};
use crate::log::{Event, Log};
use crate::setup::Setup;
use crate::wait;

/// How many hubs there are.
pub const HUBS: usize = 3;
/// How long silence may last, in seconds: short, so that tests need not wait long.
pub const LEASE_SECONDS: u64 = 2;

/// Hubs over one log. Dropping it ends all of them.
#[derive(Debug)]
pub struct Cluster {
    /// The hubs.
    pub hubs: Vec<Hub>,
    /// Their log.
    pub log: Log,
    doors: watch::Sender<Vec<Option<Addresses>>>,
    // After the hubs, which want it to the end.
    _double: Double,
    folder: TempDir,
}

impl Cluster {
    /// Starts the hubs, each with a set-up of its own; the first one owns the routing.
    ///
    /// # Panics
    /// When they do not start.
    pub async fn start(setup: impl Fn() -> Setup) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let keys = folder.path().join("keys");
        std::fs::create_dir(&keys).expect("a folder");
        let double = Double::start(1, folder.path()).await;
        let hub = async |nth: usize| {
            let setup = setup().node(&name(nth), double.address(), &keys, LEASE_SECONDS);
            Hub::start(&setup).await
        };
        let first = hub(0).await;
        let log = first.shared_log(folder.path());
        log.first("routing.taken.v1", |_| true).await;
        let (second, third) = tokio::join!(hub(1), hub(2));
        let hubs = vec![first, second, third];
        let doors = hubs.iter().map(|hub| Some(hub.addresses())).collect();
        Self {
            hubs,
            log,
            doors: watch::Sender::new(doors),
            _double: double,
            folder,
        }
    }

    /// The way in, for people who go to another hub when theirs is gone.
    #[must_use]
    pub fn doors(&self) -> Doors {
        Doors(self.doors.subscribe())
    }

    /// Which hub owns the routing, by the log.
    ///
    /// # Panics
    /// When none does.
    #[must_use]
    pub fn owner(&self) -> usize {
        let taken = self.log.look(|all| {
            let taken = |event: &&Event| event.kind() == "routing.taken.v1";
            all.iter().rev().find(taken).cloned()
        });
        self.hub_of(&taken.expect("an owner").data()["by"]["node"])
    }

    /// Waits until another hub than this one has taken the routing after this event, and answers where the log says so.
    ///
    /// # Panics
    /// When none does.
    pub async fn taken_from(&self, owner: usize, after: u64) -> Event {
        let owner = self.node_of(owner); // before the log is looked at: that is done by one at a time
        let other = |event: &Event| {
            event.position() > after && event.data()["by"]["node"] != owner.as_str()
        };
        self.log.first("routing.taken.v1", other).await
    }

    /// Waits until a hub has given a sign of life after this event.
    ///
    /// # Panics
    /// When it does not.
    pub async fn gives_a_sign(&self, hub: usize, after: u64) {
        let of_it = |event: &Event| {
            event.position() > after && event.data()["node"]["name"] == name(hub).as_str()
        };
        self.log.first("node.lease_renewed.v1", of_it).await;
    }

    /// The position of the newest event known.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.log.look(|all| all.last().map_or(0, Event::position))
    }

    /// Kills a hub.
    pub fn kill(&mut self, hub: usize) {
        self.hubs[hub].kill();
        self.door(hub, None);
    }

    /// Starts a hub again, and lets people in.
    pub async fn start_again(&mut self, hub: usize) {
        self.hubs[hub].start_again().await;
        self.door(hub, Some(self.hubs[hub].addresses()));
    }

    /// Stops a hub's processor time. People notice that it does not answer.
    pub fn pause(&mut self, hub: usize) {
        self.hubs[hub].pause();
        self.door(hub, None);
    }

    /// Lets a paused hub go on, and people in.
    pub fn resume(&mut self, hub: usize) {
        self.hubs[hub].resume();
        self.door(hub, Some(self.hubs[hub].addresses()));
    }

    /// A folder for whatever a test writes; it is there as long as the cluster.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What all hubs together have counted under this name.
    #[must_use]
    pub fn counted(&self, name: &str) -> u64 {
        self.hubs.iter().map(|hub| hub.counted(name)).sum()
    }

    /// The log lines of all hubs that say that something went wrong.
    #[must_use]
    pub fn complaints(&self) -> String {
        let mut all = String::new();
        for (nth, hub) in self.hubs.iter().enumerate() {
            let lines = hub.lines();
            let wrong = lines
                .lines()
                .filter(|line| line.contains("ERROR") || line.contains("panicked"));
            for line in wrong {
                let _ = writeln!(all, "{}: {line}", name(nth));
            }
        }
        all
    }

    fn door(&self, hub: usize, at: Option<Addresses>) {
        self.doors.send_modify(|doors| doors[hub] = at);
    }

    /// The hub with this id of a node.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn hub_of(&self, node: &Value) -> usize {
        let found = (0..HUBS).find(|hub| node == self.node_of(*hub).as_str());
        found.unwrap_or_else(|| panic!("no hub is {node}"))
    }

    /// The id of a hub as a node.
    fn node_of(&self, hub: usize) -> String {
        let name = name(hub);
        let started =
            |event: &&Event| event.kind() == "node.started.v1" && event.text("name") == name;
        self.log
            .look(|all| all.iter().find(started).map(|event| event.id().to_owned()))
            .expect("a hub that has started")
    }
}

/// What a hub is called.
fn name(hub: usize) -> String {
    format!("hub-{}", hub + 1)
}

/// The way to the hubs that let people in.
#[derive(Clone, Debug)]
pub struct Doors(watch::Receiver<Vec<Option<Addresses>>>);

impl Doors {
    /// A hub that lets people in: this one when it does, else the next.
    ///
    /// # Panics
    /// When none does for long.
    pub async fn find(&mut self, wanted: usize) -> (usize, Addresses) {
        let open = |doors: &[Option<Addresses>]| {
            (wanted..wanted + HUBS)
                .map(|nth| nth % HUBS)
                .find_map(|nth| doors[nth].map(|at| (nth, at)))
        };
        let found = tokio::time::timeout(
            wait::PATIENCE,
            self.0.wait_for(|doors| open(doors).is_some()),
        );
        let doors = found.await.expect("an open door in time");
        open(&doors.expect("the cluster")).expect("an open door")
    }

    /// Resolves when this hub lets nobody in any more.
    pub async fn is_shut(mut self, hub: usize) {
        // The end of the cluster shuts every door.
        let _ended = self.0.wait_for(|doors| doors[hub].is_none()).await;
    }
}
