//! A long history in a data folder: a day's traffic many times over.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rapport_domain::event::{Category, Recorded};
use rapport_domain::id::{CustomerId, TenantId};
use rapport_domain::port::BoxFuture;
use rapport_domain::port::keys::Keys;
use rapport_event_log::EmbeddedLog;
use rapport_event_log::keys::LocalKeys;
use rapport_event_log::transfer::{Place, Sealing, Source, Target, TransferError, deliver};
use tokio::task::JoinSet;

use crate::traffic::Traffic;

/// Events of one tenant.
const OF_A_TENANT: usize = 1_000_000;
/// Events handed on at a time.
const PAGE: usize = 1_000;
/// Keys that are made at the same time: they share syncs.
const KEYS_AT_ONCE: usize = 4_096;

/// One tenant's traffic after the other's, made as it is asked for.
struct History {
    wanted: usize,
    made: usize,
    page: std::vec::IntoIter<Recorded>,
    /// Where the keys of customers are made before their events pass, many at a time; `None`: nothing is sealed.
    keys: Option<Arc<LocalKeys>>,
    /// How long the making of traffic and keys took, which is not the log's business.
    aside: Duration,
}

impl History {
    async fn go_on(&mut self) {
        let begun = Instant::now();
        let name = format!("tenant-{}", self.made / OF_A_TENANT);
        let events = Traffic::of(&name, OF_A_TENANT.min(self.wanted - self.made)).events;
        self.made += events.len();
        if let Some(keys) = &self.keys {
            make(keys, TenantId::named(&name), &events).await;
        }
        eprintln!("{} of {} events made", self.made, self.wanted);
        self.page = events.into_iter();
        self.aside += begun.elapsed();
    }
}

impl Source for History {
    fn begins_after(&self) -> Option<Place> {
        None
    }

    fn next(&mut self) -> BoxFuture<'_, Result<Vec<Recorded>, TransferError>> {
        Box::pin(async move {
            if self.page.len() == 0 && self.made < self.wanted {
                self.go_on().await;
            }
            Ok(self.page.by_ref().take(PAGE).collect())
        })
    }
}

/// Makes the keys of all customers of these events.
async fn make(keys: &Arc<LocalKeys>, tenant: TenantId, events: &[Recorded]) {
    let customers: Vec<CustomerId> = events
        .iter()
        .filter(|recorded| recorded.stream.category == Category::Customer)
        .map(|recorded| CustomerId::from_uuid(recorded.stream.id))
        .collect();
    for some in customers.chunks(KEYS_AT_ONCE) {
        let mut making = JoinSet::new();
        for customer in some.iter().copied() {
            let keys = keys.clone();
            making.spawn(async move { keys.key_for_sealing(tenant, customer).await.map(drop) });
        }
        for made in making.join_all().await {
            made.expect("a key");
        }
    }
}

/// Fills the log of a new data folder with so many events or a few more; answers how many there are, and how many a second
/// were sealed and stored.
pub async fn fill(data: &Path, wanted: usize, seal: bool) -> (usize, f64) {
    let log = EmbeddedLog::open(data).expect("a new log");
    let keys = seal.then(|| Arc::new(LocalKeys::open(data, None).expect("new keys")));
    let mut history = History {
        wanted,
        made: 0,
        page: Vec::new().into_iter(),
        keys: keys.clone(),
        aside: Duration::ZERO,
    };
    let begun = Instant::now();
    let target = Target::Embedded(&log);
    let delivered = match keys {
        None => deliver(&mut history, &target, &mut |_| {}).await,
        Some(keys) => {
            let mut sealing = Sealing::new(&mut history, keys);
            deliver(&mut sealing, &target, &mut |_| {}).await
        }
    };
    let events = delivered.expect("room on the disk").appended as usize;
    let spent = begun.elapsed() - history.aside;
    log.close().await;
    (events, events as f64 / spent.as_secs_f64())
}
