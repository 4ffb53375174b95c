//! What is known of phones and their passwords.

use rapport_domain::private::Private;
use sha2::{Digest, Sha256};

/// What is known of a phone's password.
#[derive(Clone)]
pub enum Credential {
    /// The password itself.
    Password(Private<String>),
    /// HA1 per algorithm, in lower-case hexadecimal; a missing one means that the algorithm is not accepted.
    Ha1 {
        /// MD5 of `user:realm:password`.
        md5: Option<Private<String>>,
        /// SHA-256 of the same.
        sha256: Option<Private<String>>,
    },
}

/// Names a credential without telling it: two are equal when their credentials are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Credential {
    /// SHA-256 over all that the credential holds.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let (kind, parts) = match self {
            Self::Password(password) => (0, [Some(password), None]),
            Self::Ha1 { md5, sha256 } => (1, [md5.as_ref(), sha256.as_ref()]),
        };
        let mut hash = Sha256::new().chain_update([kind]);
        for part in parts {
            let part = part.map_or("", |part| part.expose());
            // With the length, so that no two credentials run into the same text.
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Fingerprint(hash.finalize().into())
    }
}

/// Somebody who knows the password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// The user.
    pub user: String,
    /// Of the credential that was known of it.
    pub fingerprint: Fingerprint,
}

/// Who may register. Asked on the signalling thread: must answer from memory.
pub trait PhoneBook: Send + Sync {
    /// The credential of this user, `None` when there is no such phone.
    fn credential(&self, user: &str) -> Option<Credential>;
}
