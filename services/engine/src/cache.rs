//! Folded states kept in memory. The log stays the truth: a state that is behind is found out by the conflict that its
//! append meets, and read again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rapport_domain::aggregate::{Aggregate, Folded};
use rapport_domain::event::{Recorded, Revision};
use rapport_domain::id::TenantId;
use uuid::Uuid;

const SHARDS: usize = 16;

/// States per kind of thing that are kept at the most; beyond that some are dropped and read again when needed.
const CAPACITY: usize = 200_000;

/// A state and whose it is.
#[derive(Clone, Debug)]
pub(crate) struct Loaded<A> {
    /// The tenant of the stream; none while it is empty.
    pub tenant: Option<TenantId>,
    /// The state.
    pub folded: Folded<A>,
}

impl<A> Default for Loaded<A> {
    fn default() -> Self {
        Self {
            tenant: None,
            folded: Folded::default(),
        }
    }
}

type Shard<A> = HashMap<Uuid, Arc<Loaded<A>>>;

pub(crate) struct Cache<A> {
    shards: [Mutex<Shard<A>>; SHARDS],
}

impl<A: Aggregate> Default for Cache<A> {
    fn default() -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::new(HashMap::new())),
        }
    }
}

impl<A: Aggregate> Cache<A> {
    pub fn get(&self, id: Uuid) -> Option<Arc<Loaded<A>>> {
        self.shard(id).get(&id).cloned()
    }

    /// Keeps a state that the log vouches for, unless a newer one is known.
    pub fn put(&self, id: Uuid, loaded: Arc<Loaded<A>>) {
        let mut shard = self.shard(id);
        if shard.len() >= CAPACITY / SHARDS {
            let old: Vec<Uuid> = shard.keys().take(shard.len() / 8).copied().collect();
            for id in old {
                shard.remove(&id);
            }
        }
        let known = shard.entry(id).or_insert_with(|| loaded.clone());
        if known.folded.revision < loaded.folded.revision {
            *known = loaded;
        }
    }

    /// Takes in an event that was read from the log, when the state is kept and exactly before it; a state that is
    /// further behind is forgotten.
    pub fn observe(&self, recorded: &Recorded, fact: &A::Fact) {
        let (id, revision) = (recorded.stream.id, recorded.revision);
        let mut shard = self.shard(id);
        let Some(known) = shard.get_mut(&id) else {
            return;
        };
        match known.folded.revision {
            Some(last) if last >= revision => {}
            Some(last) if last.next() == revision => {
                Arc::make_mut(known)
                    .folded
                    .take(fact, recorded.event.recorded_at, revision);
            }
            _ => {
                shard.remove(&id);
            }
        }
    }

    /// Forgets a state that is older than a revision known to exist.
    pub fn forget_older(&self, id: Uuid, revision: Revision) {
        let mut shard = self.shard(id);
        if shard
            .get(&id)
            .is_some_and(|known| known.folded.revision < Some(revision))
        {
            shard.remove(&id);
        }
    }

    pub fn forget(&self, id: Uuid) {
        self.shard(id).remove(&id);
    }

    /// Forgets every state of which this holds.
    pub fn forget_where(&self, holds: impl Fn(&A) -> bool) {
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.retain(|_, known| !known.folded.state.as_deref().is_some_and(&holds));
        }
    }

    fn shard(&self, id: Uuid) -> MutexGuard<'_, Shard<A>> {
        let index = usize::from(id.as_bytes()[15]) % SHARDS;
        self.shards[index]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
