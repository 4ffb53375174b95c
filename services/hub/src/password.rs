//! Passwords: Argon2id, as PHC strings. Everything here takes tens of milliseconds by intent: call it off the runtime.

use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};
use argon2::{Argon2, Params};

/// The most memory a hash may ask for, in KiB. Whoever sets a hash sets what every login with it costs us.
const MOST_MEMORY: u32 = 65_536;
/// Most passes over that memory.
const MOST_PASSES: u32 = 5;
/// Most lanes.
const MOST_LANES: u32 = 4;

/// The hash, when it is one that [`verify`] works with.
fn usable(text: &str) -> Option<PasswordHash> {
    let hash = PasswordHash::new(text).ok()?;
    let asked = Params::try_from(&hash).ok()?;
    let bounded = asked.m_cost() <= MOST_MEMORY
        && asked.t_cost() <= MOST_PASSES
        && asked.p_cost() <= MOST_LANES;
    (hash.algorithm.as_str() == "argon2id" && hash.hash.is_some() && bounded).then_some(hash)
}

/// Whether a text is an Argon2id hash that [`verify`] works with: at most 64 MiB, five passes and four lanes.
#[must_use]
pub fn is_hash(text: &str) -> bool {
    usable(text).is_some()
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

/// Whether the password is the hashed one. A hash that asks for too much is nobody's: no work is done for it.
#[must_use]
pub fn verify(password: &str, hash: &str) -> bool {
    usable(hash).is_some_and(|hash| {
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

    #[test]
    fn a_hash_that_asks_for_too_much_is_none_and_right_passwords_do_not_open_it() {
        let with = |memory, passes, lanes| {
            let params = Params::new(memory, passes, lanes, None).unwrap();
            Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params)
                .hash_password(b"correct horse")
                .unwrap()
                .to_string()
        };
        let cheap = with(64, 5, 4);
        assert!(is_hash(&cheap) && verify("correct horse", &cheap));
        for costly in [with(64, 6, 1), with(64, 1, 5), with(MOST_MEMORY + 8, 1, 1)] {
            assert!(
                !is_hash(&costly) && !verify("correct horse", &costly),
                "{costly}"
            );
        }
        let huge = cheap.replace("m=64,", "m=4194304,");
        assert!(huge != cheap && !is_hash(&huge) && !verify("correct horse", &huge));
    }
}
