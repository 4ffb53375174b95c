//! How often a password may be tried: by address and by user. A right one costs nothing.

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
const USER: Rate = Rate {
    burst: 10.0,
    refill: Duration::from_secs(6),
};

impl Key {
    const fn rate(&self) -> Rate {
        match self {
            Self::Address(_) | Self::Newcomers => ADDRESS,
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
    ) -> Result<(), u32> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = [
            Key::Address(block(address)),
            Key::User(tenant.to_owned(), user.to_owned()),
        ];
        let keys = keys.map(|key| room(&mut held, key, now));
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
        Ok(())
    }

    /// The password was right: the attempt is not counted.
    pub fn succeeded(&self, address: IpAddr, tenant: &str, user: &str, now: Instant) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        for key in [
            Key::Address(block(address)),
            Key::User(tenant.to_owned(), user.to_owned()),
        ] {
            if held.buckets.contains_key(&key) {
                let bucket = entry(&mut held, &key, now);
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
            attempts.begin(HOME, "t", "anna", now).unwrap();
        }
        assert_eq!(attempts.begin(HOME, "t", "anna", now), Err(6));
        assert_eq!(attempts.begin(HOME, "t", "bo", now), Ok(()));
        assert_eq!(
            attempts.begin(HOME, "t", "anna", now + Duration::from_secs(6)),
            Ok(())
        );
    }

    #[test]
    fn right_passwords_cost_nothing() {
        let attempts = Attempts::default();
        let now = Instant::now();
        for _ in 0..1_000 {
            attempts.begin(HOME, "t", "anna", now).unwrap();
            attempts.succeeded(HOME, "t", "anna", now);
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
        assert!(attempts.held.lock().unwrap().buckets.len() <= MOST + 2);
        assert!(attempts.begin(nth(30_001), "t", "late", now).is_err());
    }
}
