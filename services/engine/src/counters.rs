//! What the engine counts for operators. Whole-number counters since start; nothing personal.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])+ $name:ident),+ $(,)?) => {
        /// Counters since start.
        #[derive(Debug, Default)]
        pub struct Counters {
            $($(#[$doc])+ pub $name: AtomicU64,)+
        }

        impl Counters {
            /// Every counter with its name, in a fixed order.
            #[must_use]
            pub fn all(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name.load(Ordering::Relaxed)),)+]
            }
        }
    };
}

counters! {
    /// Contacts that customers began.
    contacts_in,
    /// Contacts an agent took.
    contacts_served,
    /// Contacts whose customer gave up waiting.
    contacts_abandoned,
    /// Contacts we began.
    contacts_out,
    /// Offers made.
    offers,
    /// Offers that ran out.
    offers_expired,
    /// Wishes filed.
    wishes_filed,
    /// Plans made or changed.
    contacts_planned,
    /// Deliveries that departments' systems took.
    webhooks_delivered,
    /// Attempts to deliver that came to nothing.
    webhooks_failed,
    /// Deliveries that had their time and are not tried any more.
    webhooks_given_up,
    /// Calls to numbers that nobody declared.
    unknown_access_point,
    /// Tenants whose routing this node took over.
    takeovers,
    /// Milliseconds from the last sign of an owner before to the first decision here, summed over all take-overs.
    takeover_millis,
    /// Reactions that could not be carried out; each is logged.
    reactions_failed,
    /// Events that could not be read, so that nothing follows from them; each is logged, and counted above too.
    events_passed_over,
}

impl Counters {
    pub(crate) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}
