//! The keys in use, kept in memory for a while.

use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rapport_domain::id::CustomerId;

use super::cipher::Cipher;

/// Keys of each of two generations: when the younger is full it becomes the older one, and what nobody has asked for
/// since is dropped. At about 1 KiB a key, 16 MiB at the most.
const GENERATION: usize = 8_192;

/// What is known of a customer's key.
#[derive(Clone)]
pub(super) enum Held {
    /// Ready for use.
    Key(Arc<Cipher>),
    /// Destroyed, for good.
    Gone,
}

#[derive(Default)]
struct Generations {
    epoch: u64,
    young: HashMap<CustomerId, Held>,
    old: HashMap<CustomerId, Held>,
}

/// The keys in memory.
#[derive(Default)]
pub(super) struct Ring(Mutex<Generations>);

/// When a key was asked for: what was learned before somebody was forgotten is not kept after.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Epoch(u64);

impl Ring {
    /// To be taken before the store of keys is asked.
    pub fn epoch(&self) -> Epoch {
        Epoch(self.lock().epoch)
    }

    pub fn get(&self, customer: CustomerId) -> Option<Held> {
        let mut lock = self.lock();
        if let Some(held) = lock.young.get(&customer) {
            return Some(held.clone());
        }
        let held = lock.old.remove(&customer)?;
        lock.add(customer, held.clone());
        Some(held)
    }

    pub fn put(&self, asked: Epoch, customer: CustomerId, held: Held) {
        let mut lock = self.lock();
        if lock.epoch == asked.0 {
            lock.add(customer, held);
        }
    }

    pub fn forget(&self, customer: CustomerId) {
        let mut lock = self.lock();
        lock.epoch += 1;
        lock.young.remove(&customer);
        lock.old.remove(&customer);
    }

    fn lock(&self) -> MutexGuard<'_, Generations> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generations {
    fn add(&mut self, customer: CustomerId, held: Held) {
        if self.young.len() >= GENERATION {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(customer, held);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rapport_domain::testing::keys_contract::customer;

    #[test]
    fn what_was_asked_for_before_somebody_was_forgotten_is_not_kept() {
        let ring = Ring::default();
        let asked = ring.epoch();
        ring.forget(customer(1));
        ring.put(asked, customer(1), Held::Gone);
        assert!(ring.get(customer(1)).is_none());
        ring.put(ring.epoch(), customer(1), Held::Gone);
        assert!(ring.get(customer(1)).is_some());
    }

    #[test]
    fn keys_in_use_stay_and_the_others_go() {
        let ring = Ring::default();
        for number in 0..3 * GENERATION as u128 {
            ring.put(ring.epoch(), customer(number), Held::Gone);
            assert!(ring.get(customer(0)).is_some(), "{number}");
        }
        assert!(ring.get(customer(1)).is_none());
        let lock = ring.lock();
        assert!(lock.young.len() + lock.old.len() <= 2 * GENERATION);
    }
}
