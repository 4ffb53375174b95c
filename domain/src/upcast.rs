//! Old versions of facts, read as the present one.
//!
//! A field that is added with a default needs nothing of this: the version stays, and what was stored before is read
//! with the default. Whatever changes the meaning of what is stored, or renames it, is a new version `vN+1`; the fact
//! loses `vN`, and one [`Upcaster`] from `vN` to `vN+1` is added. Chains are followed to their end, from JSON to JSON,
//! in [`crate::aggregate::decode`] and nowhere else, so every reader is above it: states, reactions, read models,
//! commands of an operator. What is stored is never rewritten.

use serde_json::Value;

use crate::aggregate::DecodeError;

/// One step: from one version of one type to the one after it.
#[derive(Clone, Copy, Debug)]
pub struct Upcaster {
    /// Type without version, as it is stored.
    pub kind: &'static str,
    /// Version, as it is stored.
    pub version: u16,
    /// The type it becomes: usually the same.
    pub to_kind: &'static str,
    /// The version it becomes.
    pub to_version: u16,
    /// What becomes of the data.
    ///
    /// # Errors
    /// What is missing or wrong, in words that quote no data.
    pub lift: fn(Value) -> Result<Value, String>,
}

/// Where a chain of steps that begins at a stored type ends; the type itself when there is no step. `None` when the
/// table leads in a circle, which a test over every table excludes.
#[must_use]
pub fn target<'a>(
    table: &'static [Upcaster],
    mut kind: &'a str,
    mut version: u16,
) -> Option<(&'a str, u16)> {
    for _ in 0..=table.len() {
        match step(table, kind, version) {
            None => return Some((kind, version)),
            Some(next) => (kind, version) = (next.to_kind, next.to_version),
        }
    }
    None
}

/// The step for a stored type, when it is an old one.
#[must_use]
pub fn step(table: &'static [Upcaster], kind: &str, version: u16) -> Option<&'static Upcaster> {
    table
        .iter()
        .find(|upcaster| upcaster.version == version && upcaster.kind == kind)
}

/// Lifts stored data to the present version, step by step.
///
/// # Errors
/// [`DecodeError`] in the name of what is stored, when a step finds other data than its version has.
pub fn upcast(
    table: &'static [Upcaster],
    kind: &str,
    version: u16,
    mut data: Value,
) -> Result<(String, u16, Value), DecodeError> {
    let wrong = |reason: String| DecodeError {
        kind: kind.to_owned(),
        version,
        reason,
    };
    let (mut at, mut of) = (kind.to_owned(), version);
    for _ in 0..=table.len() {
        let Some(next) = step(table, &at, of) else {
            return Ok((at, of, data));
        };
        data = (next.lift)(data).map_err(wrong)?;
        (at, of) = (next.to_kind.to_owned(), next.to_version);
    }
    Err(wrong("its upcasters lead in a circle".to_owned()))
}
