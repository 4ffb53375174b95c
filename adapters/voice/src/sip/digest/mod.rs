//! Digest authentication (RFC 7616, in SIP RFC 8760): MD5 and SHA-256, `qop=auth` only.

mod client;
mod credential;
mod server;

use md5::Md5;
use sha2::{Digest, Sha256};

pub use client::Credentials;
pub use credential::{Credential, Fingerprint, PhoneBook, Proven};
pub use server::{Authenticator, Failure};

use super::message::{Params, split_commas, unquote};
use super::tokens::hex;

/// A hash that a challenge may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// What every phone speaks.
    Md5,
    /// RFC 8760.
    Sha256,
}

impl Algorithm {
    /// The name in headers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
        }
    }

    /// The algorithm of this name; MD5 when the parameter is missing.
    fn named(name: Option<&str>) -> Option<Self> {
        match name {
            None => Some(Self::Md5),
            Some(name) if name.eq_ignore_ascii_case("MD5") => Some(Self::Md5),
            Some(name) if name.eq_ignore_ascii_case("SHA-256") => Some(Self::Sha256),
            Some(_) => None,
        }
    }

    fn hash(self, text: &str) -> String {
        match self {
            Self::Md5 => hex(&Md5::digest(text.as_bytes())),
            Self::Sha256 => hex(&Sha256::digest(text.as_bytes())),
        }
    }

    /// HA1: the hash of user, realm and password, which is all a server needs to keep.
    #[must_use]
    pub fn ha1(self, user: &str, realm: &str, password: &str) -> String {
        self.hash(&format!("{user}:{realm}:{password}"))
    }

    /// The `response` value for `qop=auth` (RFC 7616 section 3.4.1). `nc` is the text as sent.
    fn response(
        self,
        ha1: &str,
        nonce: &str,
        nc: &str,
        cnonce: &str,
        method: &str,
        uri: &str,
    ) -> String {
        let ha2 = self.hash(&format!("{method}:{uri}"));
        self.hash(&format!("{ha1}:{nonce}:{nc}:{cnonce}:auth:{ha2}"))
    }
}

/// The fields of a `Digest ...` header value; `None` for another scheme.
fn digest_fields(value: &str) -> Option<Params> {
    let (scheme, fields) = value.trim().split_once(char::is_whitespace)?;
    if !scheme.eq_ignore_ascii_case("Digest") {
        return None;
    }
    let mut params = Params::default();
    for field in split_commas(fields) {
        if let Some((name, value)) = field.split_once('=') {
            params.set(name.trim(), unquote(value.trim()));
        }
    }
    Some(params)
}

fn quote(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests;
