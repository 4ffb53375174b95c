//! How often a password may be tried: by address, by user from an address, and by user from anywhere. A right one costs
//! nothing. Somebody elsewhere who guesses at a user's password uses up an allowance of their own, so the user can log
//! in as ever; only a guess from many addresses at once holds the user up too.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Keys remembered; beyond it newcomers share one allowance.
const MOST: usize = 20_000;
/// Room is made at most this often.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Address(IpAddr),
    UserFrom(String, String, IpAddr),
    User(String, String),
    Newcomers,
}

#[derive(Clone, Copy)]
struct Rate {
    burst: f64,
    refill: Duration,
}

/// Many people may sit behind one address.
const ADDRESS: Rate = Rate {
    burst: 30.0,
    refill: Duration::from_secs(2),
};
/// A person mistypes a few times; a machine must not be able to guess.
const USER_FROM: Rate = Rate {
    burst: 10.0,
    refill: Duration::from_secs(6),
};
/// From all addresses together.
const USER: Rate = Rate {
    burst: 100.0,
    refill: Duration::from_millis(600),
};

impl Key {
    const fn rate(&self) -> Rate {
        match self {
            Self::Address(_) | Self::Newcomers => ADDRESS,
            Self::UserFrom(..) => USER_FROM,
            Self::User(..) => USER,
        }
    }
}

#[derive(Clone, Copy)]
struct Bucket {
    level: f64,
    at: Instant,
}

/// Failed attempts.
#[derive(Default)]
pub struct Attempts {
    held: Mutex<Held>,
}

/// An attempt that was counted: where.
#[derive(Debug)]
#[must_use = "a right password gives it back"]
pub struct Attempt {
    keys: Vec<Key>,
}

#[derive(Default)]
struct Held {
    buckets: HashMap<Key, Bucket>,
    /// When room was last made: looking through all of them is not for every request of a flood.
    swept: Option<Instant>,
}

impl Attempts {
    /// Counts an attempt before its password is looked at.
    ///
    /// # Errors
    /// Seconds to wait, when there were too many.
    pub fn begin(
        &self,
        address: IpAddr,
        tenant: &str,
        user: &str,
        now: Instant,
    ) -> Result<Attempt, u32> {
        let (tenant, user, address) = (tenant.to_owned(), user.to_owned(), block(address));
        self.count(
            vec![
                Key::Address(address),
                Key::UserFrom(tenant.clone(), user.clone(), address),
                Key::User(tenant, user),
            ],
            now,
        )
    }

    /// Counts an API key that nobody has. Those who have one are not asked.
    ///
    /// # Errors
    /// Seconds to wait, when there were too many.
    pub fn wrong_key(&self, address: IpAddr, now: Instant) -> Result<(), u32> {
        self.count(vec![Key::Address(block(address))], now)
            .map(|_| ())
    }

    fn count(&self, keys: Vec<Key>, now: Instant) -> Result<Attempt, u32> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let mut keys: Vec<Key> = keys
            .into_iter()
            .map(|key| room(&mut held, key, now))
            .collect();
        // Newcomers of several kinds are one.
        keys.dedup();
        for key in &keys {
            let bucket = entry(&mut held, key, now);
            if bucket.level < 1.0 {
                let missing = (1.0 - bucket.level) * key.rate().refill.as_secs_f64();
                // Between one second and the refill of one attempt.
                return Err(missing.ceil().clamp(1.0, 60.0) as u32);
            }
        }
        for key in &keys {
            entry(&mut held, key, now).level -= 1.0;
        }
        Ok(Attempt { keys })
    }

    /// The password was right: the attempt is not counted.
    pub fn succeeded(&self, attempt: &Attempt, now: Instant) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        for key in &attempt.keys {
            if held.buckets.contains_key(key) {
                let bucket = entry(&mut held, key, now);
                bucket.level = (bucket.level + 1.0).min(key.rate().burst);
            }
        }
    }
}

/// The key itself, or the newcomers' when there is no room for it.
fn room(held: &mut Held, key: Key, now: Instant) -> Key {
    if held.buckets.len() < MOST || held.buckets.contains_key(&key) {
        return key;
    }
    if held
        .swept
        .is_none_or(|swept| now.saturating_duration_since(swept) >= SWEEP_EVERY)
    {
        held.swept = Some(now);
        // A full bucket says nothing and is forgotten.
        held.buckets
            .retain(|key, bucket| refilled(*bucket, key.rate(), now).level < key.rate().burst);
    }
    if held.buckets.len() < MOST {
        key
    } else {
        Key::Newcomers
    }
}

fn entry<'a>(held: &'a mut Held, key: &Key, now: Instant) -> &'a mut Bucket {
    let rate = key.rate();
    let bucket = held.buckets.entry(key.clone()).or_insert(Bucket {
        level: rate.burst,
        at: now,
    });
    *bucket = refilled(*bucket, rate, now);
    bucket
}

fn refilled(bucket: Bucket, rate: Rate, now: Instant) -> Bucket {
    let gained = now.saturating_duration_since(bucket.at).as_secs_f64() / rate.refill.as_secs_f64();
    Bucket {
        level: (bucket.level + gained).min(rate.burst),
        at: now,
    }
}

/// Whoever has one IPv6 address has its whole /64.
fn block(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & !u128::from(u64::MAX)).into()),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    #[test]
    fn ten_wrong_passwords_of_one_user_are_enough_and_others_are_not_hindered() {
        let attempts = Attempts::default();
        let now = Instant::now();
        for _ in 0..10 {
            let _wrong = attempts.begin(HOME, "t", "anna", now).unwrap();
        }
        assert_eq!(attempts.begin(HOME, "t", "anna", now).unwrap_err(), 6);
        assert!(attempts.begin(HOME, "t", "bo", now).is_ok());
        let later = now + Duration::from_secs(6);
        assert!(attempts.begin(HOME, "t", "anna", later).is_ok());
    }

    #[test]
    fn guessing_from_elsewhere_locks_nobody_out_and_guessing_from_everywhere_is_bounded() {
        let attempts = Attempts::default();
        let now = Instant::now();
        let nth = |n: u32| IpAddr::V4(std::net::Ipv4Addr::from(0x0a00_0000 + n));
        for _ in 0..50 {
            let _held_up = attempts.begin(nth(1), "t", "anna", now);
        }
        assert!(attempts.begin(HOME, "t", "anna", now).is_ok());
        let tried = (2..1_000)
            .filter(|n| attempts.begin(nth(*n), "t", "anna", now).is_ok())
            .count();
        assert_eq!(tried, 100 - 10 - 1);
    }

    #[test]
    fn unknown_keys_count_against_the_address() {
        let attempts = Attempts::default();
        let now = Instant::now();
        let tried = (0..100)
            .filter(|_| attempts.wrong_key(HOME, now).is_ok())
            .count();
        assert_eq!(tried, 30);
        assert!(attempts.begin(HOME, "t", "anna", now).is_err());
    }

    #[test]
    fn right_passwords_cost_nothing() {
        let attempts = Attempts::default();
        let now = Instant::now();
        for _ in 0..1_000 {
            let attempt = attempts.begin(HOME, "t", "anna", now).unwrap();
            attempts.succeeded(&attempt, now);
        }
    }

    #[test]
    fn an_address_that_tries_many_users_is_held_up() {
        let attempts = Attempts::default();
        let now = Instant::now();
        let tried = (0..100)
            .filter(|n| attempts.begin(HOME, "t", &n.to_string(), now).is_ok())
            .count();
        assert_eq!(tried, 30);
    }

    #[test]
    fn memory_is_bounded_and_newcomers_share() {
        let attempts = Attempts::default();
        let now = Instant::now();
        let nth = |n: u32| IpAddr::V4(std::net::Ipv4Addr::from(n));
        for n in 0..30_000 {
            let _held_up = attempts.begin(nth(n), "t", &n.to_string(), now);
        }
        assert!(attempts.held.lock().unwrap().buckets.len() <= MOST + 3);
        assert!(attempts.begin(nth(30_001), "t", "late", now).is_err());
    }
}
