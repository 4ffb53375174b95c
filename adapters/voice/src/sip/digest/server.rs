//! The side that challenges. Nothing is kept for a challenge; only nonces that proved a password are remembered.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use rapport_domain::private::Private;
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::{Algorithm, digest_fields};
use crate::sip::message::{Headers, Request};
use crate::sip::tokens::{Tokens, hex};

/// How long a nonce is good for.
const NONCE_LIFE: Duration = Duration::from_secs(30 * 60);
/// Nonces in use at a time; when more are, the oldest are asked to authenticate anew.
const MAX_NONCES: usize = 8_192;
/// How far behind the highest counter a request may come: phones send in parallel and UDP reorders.
const NC_WINDOW: u32 = 64;

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

/// Who may register. Asked on the signalling thread: must answer from memory.
pub trait PhoneBook: Send + Sync {
    /// The credential of this user, `None` when there is no such phone.
    fn credential(&self, user: &str) -> Option<Credential>;
}

/// Why a request is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No credentials for our realm: challenge.
    Missing,
    /// Right password, but the nonce is too old, unknown or its counter was used: challenge with `stale=true`.
    Stale,
    /// Wrong user, password or form: challenge, and count it.
    Wrong,
}

struct Uses {
    highest: u32,
    /// Bit n: `highest - n` was used.
    seen: u64,
}

/// Issues challenges and checks what comes back.
pub struct Authenticator {
    realm: String,
    algorithms: Vec<Algorithm>,
    secret: [u8; 16],
    dummy: String,
    started: Instant,
    uses: HashMap<String, Uses>,
    by_age: BTreeMap<(u64, u64), String>,
    remembered: u64,
    /// Nonces issued up to this millisecond and not remembered are stale, for they may have been forgotten.
    forgotten_until: Option<u64>,
}

impl Authenticator {
    /// An authenticator for one realm. Challenges are written in the order of `algorithms`.
    #[must_use]
    pub fn new(realm: &str, algorithms: Vec<Algorithm>, tokens: &mut Tokens, now: Instant) -> Self {
        Self {
            realm: realm.to_owned(),
            algorithms,
            secret: tokens.bytes(),
            dummy: tokens.token(),
            started: now,
            uses: HashMap::new(),
            by_age: BTreeMap::new(),
            remembered: 0,
            forgotten_until: None,
        }
    }

    /// One challenge header per algorithm, under `name` (`WWW-Authenticate` or `Proxy-Authenticate`).
    #[must_use]
    pub fn challenge(&self, name: &str, stale: bool, tokens: &mut Tokens, now: Instant) -> Headers {
        let mut headers = Headers::new();
        let nonce = self.nonce(self.millis(now), &tokens.token());
        for algorithm in &self.algorithms {
            let stale = if stale { ", stale=true" } else { "" };
            headers.push(
                name,
                format!(
                    "Digest realm=\"{}\", nonce=\"{nonce}\", algorithm={}, qop=\"auth\"{stale}",
                    super::quote(&self.realm),
                    algorithm.name()
                ),
            );
        }
        headers
    }

    /// Checks the credentials under `name` (`Authorization` or `Proxy-Authorization`) and answers with the user.
    ///
    /// # Errors
    /// [`Failure`]; an unknown user costs and yields the same as a wrong password.
    pub fn check(
        &mut self,
        request: &Request,
        name: &str,
        phones: &dyn PhoneBook,
        now: Instant,
    ) -> Result<String, Failure> {
        let ours = |fields: &super::Params| {
            fields.get("realm") == Some(&self.realm)
                && Algorithm::named(fields.get("algorithm"))
                    .is_some_and(|known| self.algorithms.contains(&known))
        };
        let fields = request
            .headers
            .all(name)
            .filter_map(digest_fields)
            .find(ours)
            .ok_or(Failure::Missing)?;
        let algorithm = Algorithm::named(fields.get("algorithm")).ok_or(Failure::Wrong)?;
        let field = |name: &str| fields.get(name).unwrap_or("");
        let (user, nonce, nc_text) = (field("username"), field("nonce"), field("nc"));

        let known = phones.credential(user);
        let exists = known.is_some();
        let ha1 = match known {
            Some(Credential::Password(password)) => {
                Some(algorithm.ha1(user, &self.realm, password.expose()))
            }
            Some(Credential::Ha1 { md5, sha256 }) => {
                let kept = if algorithm == Algorithm::Md5 {
                    md5
                } else {
                    sha256
                };
                kept.map(|kept| kept.expose().to_ascii_lowercase())
            }
            None => None,
        };
        // The same work for nobody: a password that cannot be right.
        let (ha1, possible) = match ha1 {
            Some(ha1) => (ha1, exists),
            None => (algorithm.ha1(user, &self.realm, &self.dummy), false),
        };
        let method = request.method.as_str();
        let expected =
            algorithm.response(&ha1, nonce, nc_text, field("cnonce"), method, field("uri"));
        let given = field("response").to_ascii_lowercase();
        let same = bool::from(expected.as_bytes().ct_eq(given.as_bytes()));
        let counter = parse_nc(nc_text).filter(|_| field("qop").eq_ignore_ascii_case("auth"));
        match counter {
            Some(counter) if same && possible => {
                if self.take(nonce, counter, now) {
                    Ok(user.to_owned())
                } else {
                    Err(Failure::Stale)
                }
            }
            _ => Err(Failure::Wrong),
        }
    }

    fn millis(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.started).as_millis()).unwrap_or(u64::MAX)
    }

    /// Time, salt and a keyed hash over both: nobody else can make one, and it tells its age.
    fn nonce(&self, issued: u64, salt: &str) -> String {
        let text = format!("{issued:012x}{salt}");
        format!("{text}{}", hex(&self.seal(&text)))
    }

    fn seal(&self, text: &str) -> [u8; 16] {
        let mut sealed = [0; 16];
        // HMAC takes keys of any length.
        if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.secret) {
            mac.update(self.realm.as_bytes());
            mac.update(text.as_bytes());
            sealed.copy_from_slice(&mac.finalize().into_bytes()[..16]);
        }
        sealed
    }

    /// When a nonce of ours was issued.
    fn issued(&self, nonce: &str) -> Option<u64> {
        let at = nonce.len().checked_sub(32)?;
        let (text, seal) = (nonce.get(..at)?, nonce.get(at..)?);
        if !bool::from(hex(&self.seal(text)).as_bytes().ct_eq(seal.as_bytes())) {
            return None;
        }
        u64::from_str_radix(text.get(..12)?, 16).ok()
    }

    /// Uses up one counter of a nonce; false when it is spent, too old or not ours.
    fn take(&mut self, nonce: &str, counter: u32, now: Instant) -> bool {
        let now = self.millis(now);
        let life = u64::try_from(NONCE_LIFE.as_millis()).unwrap_or(u64::MAX);
        let Some(issued) = self
            .issued(nonce)
            .filter(|issued| now.saturating_sub(*issued) < life)
        else {
            return false;
        };
        if counter == 0 {
            return false;
        }
        if let Some(uses) = self.uses.get_mut(nonce) {
            return uses.take(counter);
        }
        if self.forgotten_until.is_some_and(|until| issued <= until) {
            return false;
        }
        self.forget_old(now.saturating_sub(life));
        self.remembered += 1;
        self.uses.insert(
            nonce.to_owned(),
            Uses {
                highest: counter,
                seen: 1,
            },
        );
        self.by_age
            .insert((issued, self.remembered), nonce.to_owned());
        true
    }

    fn forget_old(&mut self, expired: u64) {
        while let Some(oldest) = self.by_age.first_entry() {
            let issued = oldest.key().0;
            if issued > expired && self.uses.len() < MAX_NONCES {
                break;
            }
            self.uses.remove(&oldest.remove());
            self.forgotten_until = self.forgotten_until.max(Some(issued));
        }
    }
}

impl Uses {
    fn take(&mut self, counter: u32) -> bool {
        if counter > self.highest {
            let ahead = counter - self.highest;
            self.seen = if ahead < NC_WINDOW {
                self.seen << ahead | 1
            } else {
                1
            };
            self.highest = counter;
            return true;
        }
        let behind = self.highest - counter;
        let bit = if behind < NC_WINDOW {
            1_u64 << behind
        } else {
            return false;
        };
        let fresh = self.seen & bit == 0;
        self.seen |= bit;
        fresh
    }
}

/// Eight hexadecimal digits (RFC 7616 section 3.4).
fn parse_nc(text: &str) -> Option<u32> {
    let proper = text.len() == 8 && text.bytes().all(|b| b.is_ascii_hexdigit());
    proper.then(|| u32::from_str_radix(text, 16).ok()).flatten()
}
