//! Personal data: names, addresses, bodies. The type keeps it out of logs; whoever needs it must ask by name.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A value that belongs to a person. It prints as `<private>`; [`Private::expose`] is the only way to read it, so
/// every place that does can be found.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Private<T>(T);

impl<T> Private<T> {
    /// Marks a value as personal.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// Reads the value, for the person it belongs to or an agent who serves them.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

/// What stands in the place of a personal value once its owner is forgotten. Nothing else is left of it.
pub const FORGOTTEN: &str = "⟪forgotten⟫";

impl Private<String> {
    /// Whether the value is gone because its owner was forgotten.
    #[must_use]
    pub fn is_forgotten(&self) -> bool {
        self.0 == FORGOTTEN
    }
}

impl<T> fmt::Debug for Private<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<private>")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn personal_data_does_not_reach_a_log_line() {
        assert_eq!(format!("{:?}", Private::new("+493012345")), "<private>");
    }

    #[test]
    fn only_what_stands_for_a_forgotten_value_is_forgotten() {
        assert!(Private::new(FORGOTTEN.to_owned()).is_forgotten());
        assert!(!Private::new("forgotten".to_owned()).is_forgotten());
    }
}
