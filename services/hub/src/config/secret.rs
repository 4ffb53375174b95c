//! Values that must not be seen, and their digests.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::Environment;
use super::file::Secret;
use super::problem::Problems;

/// The value: as written, or that of the environment variable.
pub fn resolve(
    secret: &Secret,
    path: &str,
    environment: Environment<'_>,
    problems: &mut Problems,
) -> Option<String> {
    match secret {
        Secret::Literal(text) => Some(text.clone()),
        Secret::Environment { env } => {
            let value = environment(env);
            if value.is_none() {
                let what =
                    format!("is to come from the environment variable {env}, which is not set");
                problems.add(
                    path,
                    what,
                    format!("set {env}, or write the value into the file"),
                );
            }
            value
        }
    }
}

/// SHA-256 in lower-case hexadecimal.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes in lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing into a String does not fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}
