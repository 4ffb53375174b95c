//! The side that challenges. Nothing is kept for a challenge; only nonces that proved a password are remembered.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::credential::{Credential, PhoneBook, Proven};
use super::{Algorithm, digest_fields};
use crate::sip::message::{Headers, Method, Request, Uri};
use crate::sip::tokens::{Tokens, hex};

/// How long a nonce is good for.
const NONCE_LIFE: Duration = Duration::from_secs(30 * 60);
/// Nonces in use at a time; when more are, the oldest are asked to authenticate anew.
const MAX_NONCES: usize = 8_192;
/// How far behind the highest counter a request may come: phones send in parallel and UDP reorders.
const NC_WINDOW: u32 = 64;

/// Why a request is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No credentials for our realm: challenge.
    Missing,
    /// The nonce is not ours, too old, was given to another address, or its counter was used: challenge with
    /// `stale=true`. Says nothing of the password, which was not even looked at: else whoever makes up nonces could
    /// try passwords uncounted, and whoever forges its source could have others shut out.
    Stale,
    /// Wrong user, password or form, under a fresh nonce that this very source was given: challenge, and count it.
    /// Whoever has the nonce has read our answer, so the source is not forged.
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

    /// One challenge header per algorithm, under `name` (`WWW-Authenticate` or `Proxy-Authenticate`), that only
    /// `source` can answer.
    #[must_use]
    pub fn challenge(
        &self,
        name: &str,
        stale: bool,
        source: IpAddr,
        tokens: &mut Tokens,
        now: Instant,
    ) -> Headers {
        let mut headers = Headers::new();
        let nonce = self.nonce(self.millis(now), &tokens.token(), source);
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

    /// Whether a request answers a challenge that this source was given and that is still good: the source is not
    /// forged. Costs one keyed hash and keeps nothing.
    #[must_use]
    pub fn recognises(&self, request: &Request, name: &str, source: IpAddr, now: Instant) -> bool {
        self.fields(request, name).is_some_and(|fields| {
            self.fresh(fields.get("nonce").unwrap_or(""), source, now)
                .is_some()
        })
    }

    /// The credentials for our realm in an algorithm we asked for.
    fn fields(&self, request: &Request, name: &str) -> Option<super::Params> {
        let ours = |fields: &super::Params| {
            fields.get("realm") == Some(&self.realm)
                && Algorithm::named(fields.get("algorithm"))
                    .is_some_and(|known| self.algorithms.contains(&known))
        };
        request
            .headers
            .all(name)
            .filter_map(digest_fields)
            .find(ours)
    }

    /// Checks the credentials under `name` (`Authorization` or `Proxy-Authorization`) and answers with the user.
    ///
    /// # Errors
    /// [`Failure`]; an unknown user costs and yields the same as a wrong password.
    pub fn check(
        &mut self,
        request: &Request,
        name: &str,
        source: IpAddr,
        phones: &dyn PhoneBook,
        now: Instant,
    ) -> Result<Proven, Failure> {
        let fields = self.fields(request, name).ok_or(Failure::Missing)?;
        let algorithm = Algorithm::named(fields.get("algorithm")).ok_or(Failure::Wrong)?;
        let field = |name: &str| fields.get(name).unwrap_or("");
        let (user, nonce, nc_text) = (field("username"), field("nonce"), field("nc"));

        let issued = self.fresh(nonce, source, now).ok_or(Failure::Stale)?;

        let known = phones.credential(user);
        let ha1 = match &known {
            Some(Credential::Password(password)) => {
                Some(algorithm.ha1(user, &self.realm, password.expose()))
            }
            Some(Credential::Ha1 { md5, sha256 }) => {
                let kept = if algorithm == Algorithm::Md5 {
                    md5
                } else {
                    sha256
                };
                kept.as_ref().map(|kept| kept.expose().to_ascii_lowercase())
            }
            None => None,
        };
        // The same work for nobody: a password that cannot be right.
        let (ha1, known) = match ha1 {
            Some(ha1) => (ha1, known),
            None => (algorithm.ha1(user, &self.realm, &self.dummy), None),
        };
        let method = request.method.as_str();
        let expected =
            algorithm.response(&ha1, nonce, nc_text, field("cnonce"), method, field("uri"));
        let given = field("response").to_ascii_lowercase();
        let same = bool::from(expected.as_bytes().ct_eq(given.as_bytes()));
        let counter = parse_nc(nc_text).filter(|_| field("qop").eq_ignore_ascii_case("auth"));
        match (counter, known) {
            (Some(counter), Some(known)) if same && concerns(field("uri"), request) => {
                if self.take(nonce, issued, counter, now) {
                    Ok(Proven {
                        user: user.to_owned(),
                        fingerprint: known.fingerprint(),
                    })
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

    /// Time, salt and a keyed hash over both and the address it is given to: nobody else can make one or use it, and
    /// it tells its age.
    fn nonce(&self, issued: u64, salt: &str, source: IpAddr) -> String {
        let text = format!("{issued:012x}{salt}");
        format!("{text}{}", hex(&self.seal(&text, source)))
    }

    fn seal(&self, text: &str, source: IpAddr) -> [u8; 16] {
        let mut sealed = [0; 16];
        // HMAC takes keys of any length.
        if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.secret) {
            mac.update(self.realm.as_bytes());
            // Addresses of both families have one length here, so nothing runs into the text.
            let source = match source {
                IpAddr::V4(source) => source.to_ipv6_mapped(),
                IpAddr::V6(source) => source,
            };
            mac.update(&source.octets());
            mac.update(text.as_bytes());
            sealed.copy_from_slice(&mac.finalize().into_bytes()[..16]);
        }
        sealed
    }

    /// When a nonce of ours was given to this source, unless that is too long ago.
    fn fresh(&self, nonce: &str, source: IpAddr, now: Instant) -> Option<u64> {
        let issued = self.issued(nonce, source)?;
        let life = u64::try_from(NONCE_LIFE.as_millis()).unwrap_or(u64::MAX);
        (self.millis(now).saturating_sub(issued) < life).then_some(issued)
    }

    fn issued(&self, nonce: &str, source: IpAddr) -> Option<u64> {
        let at = nonce.len().checked_sub(32)?;
        let (text, seal) = (nonce.get(..at)?, nonce.get(at..)?);
        if !bool::from(
            hex(&self.seal(text, source))
                .as_bytes()
                .ct_eq(seal.as_bytes()),
        ) {
            return None;
        }
        u64::from_str_radix(text.get(..12)?, 16).ok()
    }

    /// Uses up one counter of a fresh nonce; false when it is spent.
    fn take(&mut self, nonce: &str, issued: u64, counter: u32, now: Instant) -> bool {
        let now = self.millis(now);
        let life = u64::try_from(NONCE_LIFE.as_millis()).unwrap_or(u64::MAX);
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

/// Whether credentials for `uri` are meant for this request: an answer to one challenge may not be used for another
/// request. Phones write ports and parameters of the two differently, some name the server alone, and some leave the
/// user of a REGISTER out of one of them, so only what is called counts, as far as it is named.
fn concerns(uri: &str, request: &Request) -> bool {
    let Some(uri) = Uri::parse(uri) else {
        return false;
    };
    let any_user = request.method == Method::Register || uri.user.is_none();
    uri.host.eq_ignore_ascii_case(&request.uri.host)
        && (any_user || uri.user_name() == request.uri.user_name())
}

/// Eight hexadecimal digits (RFC 7616 section 3.4).
fn parse_nc(text: &str) -> Option<u32> {
    let proper = text.len() == 8 && text.bytes().all(|b| b.is_ascii_hexdigit());
    proper.then(|| u32::from_str_radix(text, 16).ok()).flatten()
}
