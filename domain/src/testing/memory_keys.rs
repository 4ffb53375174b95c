//! Keys without a disk, for tests.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::id::{CustomerId, TenantId};
use crate::port::BoxFuture;
use crate::port::keys::{CustomerKey, KEY_BYTES, KeyError, KeyState, Keys};
use crate::time::Timestamp;

/// [`Keys`] that are forgotten when the last clone is dropped. They follow from a counter: no two are equal, and
/// anybody can guess them. Clones share the keys, as nodes share a key store.
#[derive(Clone, Default)]
pub struct MemoryKeys {
    states: Arc<Mutex<HashMap<CustomerId, KeyState>>>,
    made: Arc<AtomicU64>,
    unreachable: Arc<AtomicBool>,
}

impl MemoryKeys {
    /// No keys yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on every question fails, or none does.
    pub fn set_unreachable(&self, unreachable: bool) {
        self.unreachable.store(unreachable, Ordering::SeqCst);
    }

    fn with<T>(
        &self,
        work: impl FnOnce(&mut HashMap<CustomerId, KeyState>) -> T,
    ) -> Result<T, KeyError> {
        if self.unreachable.load(Ordering::SeqCst) {
            return Err(KeyError("the store is out of reach".to_owned()));
        }
        Ok(work(
            &mut self.states.lock().unwrap_or_else(PoisonError::into_inner),
        ))
    }

    fn fresh(&self) -> CustomerKey {
        let number = self.made.fetch_add(1, Ordering::SeqCst) + 1;
        let mut bytes = [0xa5; KEY_BYTES];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        CustomerKey::new(bytes)
    }
}

impl Keys for MemoryKeys {
    fn key_for_sealing(
        &self,
        _: TenantId,
        customer: CustomerId,
    ) -> BoxFuture<'_, Result<KeyState, KeyError>> {
        Box::pin(async move {
            self.with(|states| {
                states
                    .entry(customer)
                    .or_insert_with(|| KeyState::Present(self.fresh()))
                    .clone()
            })
        })
    }

    fn keys_for_opening(
        &self,
        customers: Vec<CustomerId>,
    ) -> BoxFuture<'_, Result<Vec<KeyState>, KeyError>> {
        Box::pin(async move {
            self.with(|states| {
                customers
                    .iter()
                    .map(|customer| states.get(customer).cloned().unwrap_or(KeyState::Absent))
                    .collect()
            })
        })
    }

    fn destroy(&self, customer: CustomerId, at: Timestamp) -> BoxFuture<'_, Result<(), KeyError>> {
        Box::pin(async move {
            self.with(|states| {
                let state = states.entry(customer).or_insert(KeyState::Absent);
                if !matches!(state, KeyState::Destroyed { .. }) {
                    *state = KeyState::Destroyed { at };
                }
            })
        })
    }
}
