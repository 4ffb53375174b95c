//! What went wrong in the simulation. Nothing is hidden: every error is counted and told at the end.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Kinds of errors told apart; more share one line.
const MOST_KINDS: usize = 100;

/// Errors by what went wrong. Clones share them.
#[derive(Clone, Default)]
pub struct Trouble(Arc<Mutex<BTreeMap<String, u64>>>);

impl Trouble {
    /// Counts an error. The words name no customer.
    pub fn note(&self, what: impl Into<String>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let what = what.into();
        let what = if known.len() >= MOST_KINDS && !known.contains_key(&what) {
            "others".to_owned()
        } else {
            what
        };
        *known.entry(what).or_default() += 1;
    }

    /// All errors.
    #[must_use]
    pub fn all(&self) -> BTreeMap<String, u64> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.all().values().sum()
    }
}
