//! Where phones can be reached (RFC 3261 section 10.3). Bindings live in memory: after a restart phones register
//! again.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::digest::{Fingerprint, Proven};
use super::message::{Headers, NameAddr, Request, Uri};

/// Addresses one user may be bound to; a further one replaces the oldest.
const MAX_CONTACTS: usize = 8;
/// Sources whose failures are remembered; beyond it the one longest silent is forgotten.
const MAX_SOURCES: usize = 4_096;

/// Bounds of a registration's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// Shorter wishes are refused with 423.
    pub min: Duration,
    /// Longer wishes are cut.
    pub max: Duration,
    /// Without a wish.
    pub default: Duration,
}

impl Default for Expiry {
    fn default() -> Self {
        Self {
            min: Duration::from_secs(60),
            max: Duration::from_secs(3_600),
            default: Duration::from_secs(600),
        }
    }
}

/// One address a user is bound to.
#[derive(Clone, Debug)]
pub struct Binding {
    /// What it calls itself: the request URI of calls to it.
    pub contact: Uri,
    /// Where its registration came from: where calls to it are sent.
    pub source: SocketAddr,
    /// Of the credential it was registered with.
    fingerprint: Fingerprint,
    expires: Instant,
    call_id: String,
    cseq: u32,
    order: u64,
}

/// What a REGISTER changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It only asked.
    Nothing,
    /// The user can be reached (registered or refreshed).
    Registered,
    /// The user's last binding went.
    Gone,
}

/// A REGISTER that is not followed: the status and what else the response says.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused(pub u16);

/// All bindings.
pub struct Registrar {
    expiry: Expiry,
    users: HashMap<String, Vec<Binding>>,
    by_expiry: BTreeMap<(Instant, u64), String>,
    /// How many bindings came from an address.
    sources: HashMap<SocketAddr, usize>,
    order: u64,
}

impl Registrar {
    /// Nobody is registered.
    #[must_use]
    pub fn new(expiry: Expiry) -> Self {
        Self {
            expiry,
            users: HashMap::new(),
            by_expiry: BTreeMap::new(),
            sources: HashMap::new(),
            order: 0,
        }
    }

    /// Follows a REGISTER of an authenticated user. Answers with the headers of the 200 and what changed.
    ///
    /// # Errors
    /// [`Refused`]: 423 for too short a life, 400 for a contact that cannot be read, 500 for one out of order.
    pub fn register(
        &mut self,
        proven: &Proven,
        request: &Request,
        source: SocketAddr,
        now: Instant,
    ) -> Result<(Headers, Change), Refused> {
        let (user, fingerprint) = (proven.user.as_str(), proven.fingerprint);
        let contacts = request.headers.elements("Contact");
        let header_expires = request.headers.number("Expires");
        let call_id = request.headers.get("Call-ID").unwrap_or("");
        let cseq = request.headers.number("CSeq").unwrap_or(0);
        let known = |user: &Self, name: &str| user.users.contains_key(name);
        let was = known(self, user);
        if contacts.contains(&"*") {
            if contacts.len() != 1 || header_expires != Some(0) {
                return Err(Refused(400));
            }
            self.drop_bindings(user, |_| true);
        } else {
            let mut wishes = Vec::with_capacity(contacts.len());
            for contact in contacts {
                let contact = NameAddr::parse(contact).ok_or(Refused(400))?;
                let own = contact
                    .params
                    .get("expires")
                    .and_then(|expires| expires.parse().ok());
                let life = self.life(own.or(header_expires)).ok_or(Refused(423))?;
                wishes.push((contact.uri, life));
            }
            let behind = self.users.get(user).into_iter().flatten().any(|binding| {
                binding.call_id == call_id
                    && cseq <= binding.cseq
                    && wishes.iter().any(|(uri, _)| *uri == binding.contact)
            });
            if behind {
                return Err(Refused(500));
            }
            for (contact, life) in wishes {
                self.drop_bindings(user, |binding| binding.contact == contact);
                if !life.is_zero() {
                    self.order += 1;
                    let binding = Binding {
                        contact,
                        source,
                        fingerprint,
                        expires: now + life,
                        call_id: call_id.to_owned(),
                        cseq,
                        order: self.order,
                    };
                    self.bind(user, binding);
                }
            }
        }
        let change = match (
            known(self, user),
            was,
            request.headers.get("Contact").is_some(),
        ) {
            (_, _, false) | (false, false, true) => Change::Nothing,
            (true, _, true) => Change::Registered,
            (false, true, true) => Change::Gone,
        };
        Ok((self.answer(user, now), change))
    }

    /// The life a wish gets: zero removes; `None` when it is too short.
    fn life(&self, wish: Option<u32>) -> Option<Duration> {
        match wish.map(|seconds| Duration::from_secs(u64::from(seconds))) {
            None => Some(self.expiry.default),
            Some(Duration::ZERO) => Some(Duration::ZERO),
            Some(wish) if wish < self.expiry.min => None,
            Some(wish) => Some(wish.min(self.expiry.max)),
        }
    }

    fn bind(&mut self, user: &str, binding: Binding) {
        if self.users.get(user).map_or(0, Vec::len) == MAX_CONTACTS {
            let oldest = self.users[user][0].order;
            self.drop_bindings(user, |binding| binding.order == oldest);
        }
        *self.sources.entry(binding.source).or_default() += 1;
        self.by_expiry
            .insert((binding.expires, binding.order), user.to_owned());
        self.users.entry(user.to_owned()).or_default().push(binding);
    }

    fn drop_bindings(&mut self, user: &str, which: impl Fn(&Binding) -> bool) {
        let Some(bindings) = self.users.get_mut(user) else {
            return;
        };
        for binding in bindings.extract_if(.., |binding| which(binding)) {
            self.by_expiry.remove(&(binding.expires, binding.order));
            if let Some(count) = self.sources.get_mut(&binding.source) {
                *count -= 1;
                if *count == 0 {
                    self.sources.remove(&binding.source);
                }
            }
        }
        if bindings.is_empty() {
            self.users.remove(user);
        }
    }

    fn answer(&self, user: &str, now: Instant) -> Headers {
        let mut headers = Headers::new();
        for binding in self.users.get(user).into_iter().flatten() {
            // Rounded up: a phone that refreshes at the last moment is not too late.
            let left = binding
                .expires
                .saturating_duration_since(now)
                .as_millis()
                .div_ceil(1_000);
            headers.push("Contact", format!("<{}>;expires={left}", binding.contact));
        }
        headers
    }

    /// `Min-Expires` for a 423.
    #[must_use]
    pub const fn min_expires(&self) -> u64 {
        self.expiry.min.as_secs()
    }

    /// Drops the bindings of a user that were made with another credential than `today`'s: whoever had the old secret
    /// gets no more calls. True when the user had bindings and none is left.
    pub fn keep_only(&mut self, user: &str, today: Option<Fingerprint>) -> bool {
        let was = self.users.contains_key(user);
        self.drop_bindings(user, |binding| Some(binding.fingerprint) != today);
        was && !self.users.contains_key(user)
    }

    /// Whether anybody's phone registered from exactly this address.
    #[must_use]
    pub fn knows(&self, source: SocketAddr) -> bool {
        self.sources.contains_key(&source)
    }

    /// Where this user registered last.
    #[must_use]
    pub fn reach(&self, user: &str) -> Option<&Binding> {
        self.users.get(user)?.last()
    }

    /// Whether a request from this address may come from this user's phone.
    #[must_use]
    pub fn is_bound(&self, user: &str, source: SocketAddr) -> bool {
        self.users
            .get(user)
            .into_iter()
            .flatten()
            .any(|binding| binding.source == source)
    }

    /// How many users are registered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// Whether nobody is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// When the next binding runs out.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.by_expiry.first_key_value().map(|((at, _), _)| *at)
    }

    /// Drops what has run out; answers with the users who are gone.
    pub fn expire(&mut self, now: Instant) -> Vec<String> {
        let mut gone = Vec::new();
        while let Some(entry) = self.by_expiry.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let user = entry.remove();
            self.drop_bindings(&user, |binding| binding.expires <= now);
            if !self.users.contains_key(&user) {
                gone.push(user);
            }
        }
        gone
    }
}

/// Counts failed authentications per source address and stops guessing.
pub struct Guard {
    limit: usize,
    window: Duration,
    failures: HashMap<IpAddr, VecDeque<Instant>>,
    order: VecDeque<(IpAddr, Instant)>,
}

impl Guard {
    /// After `limit` failures within `window` a source is turned away until the window has passed.
    #[must_use]
    pub fn new(limit: usize, window: Duration) -> Self {
        Self {
            limit: limit.max(1),
            window,
            failures: HashMap::new(),
            order: VecDeque::new(),
        }
    }

    /// Whether this source is turned away now.
    pub fn is_closed(&mut self, source: IpAddr, now: Instant) -> bool {
        self.forget(now);
        self.failures
            .get(&source)
            .is_some_and(|failures| failures.len() >= self.limit)
    }

    /// A failure of this source. While it is closed nothing more is counted, so it opens when the window has passed.
    pub fn failed(&mut self, source: IpAddr, now: Instant) {
        self.forget(now);
        let failures = self.failures.entry(source).or_default();
        if failures.len() < self.limit {
            failures.push_back(now);
            self.order.push_back((source, now));
        }
        while self.failures.len() > MAX_SOURCES {
            let Some((oldest, _)) = self.order.pop_front() else {
                break;
            };
            self.drop_one(oldest);
        }
    }

    fn forget(&mut self, now: Instant) {
        while let Some(&(source, at)) = self.order.front() {
            if now.saturating_duration_since(at) < self.window {
                break;
            }
            self.order.pop_front();
            self.drop_one(source);
        }
    }

    fn drop_one(&mut self, source: IpAddr) {
        if let Some(failures) = self.failures.get_mut(&source) {
            failures.pop_front();
            if failures.is_empty() {
                self.failures.remove(&source);
            }
        }
    }
}

#[cfg(test)]
#[path = "registrar_tests.rs"]
mod tests;
