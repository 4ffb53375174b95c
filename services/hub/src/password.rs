//! Passwords: Argon2id, as PHC strings. Everything here takes tens of milliseconds by intent: call it off the runtime.

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};

/// Whether a text is an Argon2id hash that [`verify`] can work with.
#[must_use]
pub fn is_hash(text: &str) -> bool {
    PasswordHash::new(text)
        .is_ok_and(|hash| hash.algorithm.as_str() == "argon2id" && hash.hash.is_some())
}

/// Hashes a password with a fresh salt.
///
/// # Errors
/// What went wrong, when there are no random numbers to be had.
pub fn hash(password: &str) -> Result<String, String> {
    Argon2::default()
        .hash_password(password.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(|error| error.to_string())
}

/// Whether the password is the hashed one.
#[must_use]
pub fn verify(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| {
        Argon2::default()
            .verify_password(password.as_bytes(), &hash)
            .is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_proves_itself_and_no_other_does() {
        let hash = hash("correct horse").unwrap();
        assert!(is_hash(&hash) && verify("correct horse", &hash));
        assert!(!verify("Correct horse", &hash) && !verify("", &hash));
        assert!(!is_hash("correct horse") && !is_hash("$2y$10$abcdefghijklmnopqrstuv"));
    }
}
