//! Unguessable names: tags, branches, Call-IDs, nonce salts. Seeded once from outside, so the core stays pure and a
//! test can repeat itself.

use std::fmt::Write;

use sha2::{Digest, Sha256};

/// A stream of unguessable tokens: SHA-256 over a secret seed and a counter.
pub struct Tokens {
    seed: [u8; 32],
    counter: u64,
}

impl Tokens {
    /// Starts a stream. Equal seeds give equal streams: seed from the system's random source.
    #[must_use]
    pub const fn new(seed: [u8; 32]) -> Self {
        Self { seed, counter: 0 }
    }

    /// The next 16 bytes.
    pub fn bytes(&mut self) -> [u8; 16] {
        self.counter += 1;
        let hash = Sha256::new()
            .chain_update(self.seed)
            .chain_update(self.counter.to_be_bytes())
            .finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash[..16]);
        bytes
    }

    /// The next token: 20 hexadecimal digits, 80 bits.
    pub fn token(&mut self) -> String {
        hex(&self.bytes()[..10])
    }

    /// A branch with the RFC 3261 cookie.
    pub fn branch(&mut self) -> String {
        format!("z9hG4bK{}", self.token())
    }

    /// A token that depends on `text` alone (and the seed): the To tag of a stateless response must be the same for
    /// every retransmission (RFC 3261 section 8.2.7).
    #[must_use]
    pub fn derived(&self, text: &str) -> String {
        hex(&Sha256::new()
            .chain_update(self.seed)
            .chain_update(text.as_bytes())
            .finalize()[..8])
    }
}

/// Lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}"); // writing to a String does not fail
            text
        })
}
