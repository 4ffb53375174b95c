//! What is due when: a bounded list of intentions in the order of time.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

/// Intentions one person can have; more are a fault of the simulation and the latest are forgotten.
const MOST: usize = 4_096;

/// Intentions by their time.
pub struct Agenda<T> {
    due: BTreeMap<(Instant, u64), T>,
    last: u64,
}

impl<T> Default for Agenda<T> {
    fn default() -> Self {
        Self {
            due: BTreeMap::new(),
            last: 0,
        }
    }
}

impl<T> Agenda<T> {
    /// Notes something for later.
    pub fn after(&mut self, pause: Duration, what: T) {
        if self.due.len() < MOST {
            self.last += 1;
            self.due.insert((Instant::now() + pause, self.last), what);
        }
    }

    /// Notes all of this for later.
    pub fn extend(&mut self, plan: impl IntoIterator<Item = (Duration, T)>) {
        for (pause, what) in plan {
            self.after(pause, what);
        }
    }

    /// Waits until something is due. May be given up at any time without losing anything.
    pub async fn next(&mut self) -> T {
        loop {
            match self.due.first_key_value() {
                Some((&(at, _), _)) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
            if let Some((_, what)) = self.due.pop_first() {
                return what;
            }
        }
    }
}
