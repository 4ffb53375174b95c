//! Who or what told us something: a system, a form, a list.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The name of a source, such as `web_form`, `crm-import` or `call`. It names no person: it is not sealed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Source(String);

/// The text cannot name a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a source has a name of 1 to 64 of the characters a-z, 0-9, `.`, `_`, `:` and `-`, such as `web_form`"
)]
pub struct NotASource;

impl Source {
    /// Most characters of a name.
    pub const LONGEST: usize = 64;

    /// Reads a name.
    ///
    /// # Errors
    /// [`NotASource`].
    pub fn parse(text: &str) -> Result<Self, NotASource> {
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".:_-".contains(&b);
        if text.is_empty() || text.len() > Self::LONGEST || !text.bytes().all(fits) {
            return Err(NotASource);
        }
        Ok(Self(text.to_owned()))
    }

    /// A message of the customer's.
    #[must_use]
    pub fn message() -> Self {
        Self("message".to_owned())
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_a_short_name_that_cannot_hold_an_address() {
        assert_eq!(
            Source::parse("crm-import.v2").unwrap().name(),
            "crm-import.v2"
        );
        for wrong in ["", "Li Wei", "li@shop.example", &"a".repeat(65)] {
            assert_eq!(Source::parse(wrong), Err(NotASource), "{wrong}");
        }
    }
}
