//! The secret by which a browser is recognised.

use std::fmt::Write as _;

use rapport_domain::port::chat::Visitor;
use rapport_domain::private::Private;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// 256 random bits in hexadecimal. Known to one browser; it has no `Debug`, so it cannot slip into a log line.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Token(String);

impl Token {
    /// A token nobody can guess.
    pub(crate) fn fresh() -> Result<Self, getrandom::Error> {
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(hex(&bytes)))
    }

    /// Whether it has the shape that [`Token::fresh`] gives.
    pub(crate) fn is_well_formed(&self) -> bool {
        self.0.len() == 64
            && self
                .0
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    }

    /// The visitor this token stands for on this site: 128 bits of SHA-256. One token on two sites is two visitors.
    pub(crate) fn visitor(&self, site_key: &str) -> Visitor {
        // The token's length is fixed, so token and site key cannot run into each other.
        let digest = Sha256::new()
            .chain_update(&self.0)
            .chain_update(site_key)
            .finalize();
        Visitor {
            site_key: site_key.to_owned(),
            visitor: Private::new(hex(&digest[..16])),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}"); // writing to a String does not fail
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_token_is_well_formed_and_like_no_other() {
        let (a, b) = (Token::fresh().unwrap(), Token::fresh().unwrap());
        assert!(a.is_well_formed() && b.is_well_formed());
        assert!(a != b);
        assert!(!Token("short".to_owned()).is_well_formed());
    }

    #[test]
    fn one_token_is_one_visitor_per_site_and_never_appears_in_the_name() {
        let token = Token::fresh().unwrap();
        let (shop, blog) = (token.visitor("shop"), token.visitor("blog"));
        assert_eq!(shop, token.visitor("shop"));
        assert_ne!(shop.visitor, blog.visitor);
        assert_eq!(shop.visitor.expose().len(), 32);
        assert!(!token.0.contains(shop.visitor.expose().as_str()));
    }
}
