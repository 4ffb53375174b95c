//! Tabs of one visitor on this node: when one starts a conversation, the others look again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rapport_domain::port::chat::Visitor;
use rapport_domain::private::Private;
use tokio::sync::Notify;

/// Who is connected, by visitor. One entry per visitor, gone with the last connection.
#[derive(Default)]
pub(crate) struct Siblings {
    tabs: Mutex<HashMap<Private<String>, Arc<Bell>>>,
}

/// Rings are counted, so one who was busy at the moment still hears it.
#[derive(Default)]
struct Bell {
    rings: AtomicU64,
    waiting: Notify,
}

/// A connection's place among its visitor's connections.
pub(crate) struct Place {
    siblings: Arc<Siblings>,
    visitor: Private<String>,
    bell: Arc<Bell>,
    heard: u64,
}

impl Siblings {
    pub(crate) fn join(self: &Arc<Self>, visitor: &Visitor) -> Place {
        let bell = Arc::clone(self.lock().entry(visitor.visitor.clone()).or_default());
        let heard = bell.rings.load(Ordering::SeqCst);
        Place {
            siblings: Arc::clone(self),
            visitor: visitor.visitor.clone(),
            bell,
            heard,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Private<String>, Arc<Bell>>> {
        self.tabs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Tells the others.
    pub(crate) fn ring(&mut self) {
        let before = self.bell.rings.fetch_add(1, Ordering::SeqCst);
        if before == self.heard {
            self.heard = before + 1; // nobody else rang meanwhile: this is our own ring
        }
        self.bell.waiting.notify_waiters();
    }

    /// Resolves once somebody rang since the last time.
    pub(crate) async fn rung(&mut self) {
        loop {
            let next = self.bell.waiting.notified();
            let rings = self.bell.rings.load(Ordering::SeqCst);
            if rings != self.heard {
                self.heard = rings;
                return;
            }
            next.await;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut tabs = self.siblings.lock();
        // Under the lock nobody joins: the table's reference and ours are the last ones.
        if Arc::strong_count(&self.bell) <= 2 {
            tabs.remove(&self.visitor);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visitor_is_forgotten_with_the_last_tab() {
        let siblings = Arc::new(Siblings::default());
        let visitor = Visitor {
            site_key: "shop".to_owned(),
            visitor: Private::new("v".to_owned()),
        };
        let (first, second) = (siblings.join(&visitor), siblings.join(&visitor));
        drop(first);
        assert_eq!(siblings.lock().len(), 1);
        drop(second);
        assert_eq!(siblings.lock().len(), 0);
    }
}
