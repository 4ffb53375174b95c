//! Deadlines. Each fires once at or after its moment; what it means is decided by the state then, so a stale one does
//! no harm.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rapport_domain::id::{AgentId, CustomerId, InteractionId, OfferId, TenantId};
use rapport_domain::time::Timestamp;
use tokio::sync::Notify;

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Due {
    /// An offer runs out.
    Offer {
        tenant: TenantId,
        interaction: InteractionId,
        offer: OfferId,
    },
    /// Capacity set aside for an offer that never came about.
    Reservation {
        tenant: TenantId,
        agent: AgentId,
        offer: OfferId,
    },
    /// Wrap-up runs out.
    WrapUp {
        tenant: TenantId,
        interaction: InteractionId,
    },
    /// A slot, a hold or an expiry in the outreach to a customer.
    Outreach {
        tenant: TenantId,
        customer: CustomerId,
    },
    /// An erasure that could not be finished.
    Erasure {
        tenant: TenantId,
        customer: CustomerId,
    },
    /// The floor wants to look again.
    Floor { tenant: TenantId },
}

#[derive(Default)]
pub(crate) struct Timers {
    inner: Mutex<Inner>,
    earlier: Notify,
}

#[derive(Default)]
struct Inner {
    order: BTreeSet<(Timestamp, Due)>,
    known: HashMap<Due, Timestamp>,
}

/// The longest sleep; a wall clock that is set is noticed at the latest then.
const LONGEST: Duration = Duration::from_secs(60);

impl Timers {
    /// Asks for `due` at a moment; an earlier request for the same thing stays, a later one is brought forward.
    pub fn set(&self, due: Due, at: Timestamp) {
        let mut inner = self.lock();
        match inner.known.get(&due).copied() {
            Some(known) if known <= at => return,
            Some(known) => {
                inner.order.remove(&(known, due));
            }
            None => {}
        }
        inner.known.insert(due, at);
        inner.order.insert((at, due));
        if inner.order.first() == Some(&(at, due)) {
            self.earlier.notify_one();
        }
    }

    /// Takes what is due now.
    pub fn take(&self, now: Timestamp) -> Vec<Due> {
        let mut inner = self.lock();
        let mut due = Vec::new();
        while let Some((at, what)) = inner.order.first().copied() {
            if at > now {
                break;
            }
            inner.order.pop_first();
            inner.known.remove(&what);
            due.push(what);
        }
        due
    }

    /// Resolves when something may be due.
    pub async fn wait(&self, now: Timestamp) {
        let next = self.lock().order.first().map(|(at, _)| *at);
        let sleep = next.map_or(LONGEST, |at| at.since(now).min(LONGEST));
        tokio::select! {
            () = tokio::time::sleep(sleep) => {}
            () = self.earlier.notified() => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_brought_forward_fires_once() {
        let timers = Timers::default();
        let due = Due::Floor {
            tenant: TenantId::named("t"),
        };
        timers.set(due, Timestamp::from_millis(20));
        timers.set(due, Timestamp::from_millis(10));
        timers.set(due, Timestamp::from_millis(30));
        assert_eq!(timers.take(Timestamp::from_millis(15)), vec![due]);
        assert_eq!(timers.take(Timestamp::from_millis(60)), vec![]);
    }
}
