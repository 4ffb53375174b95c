//! Token buckets, for connections and for addresses.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::config::{Limits, Rate};

/// How much of a rate is left. It starts full.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    level: f64,
    at: Instant,
}

impl Bucket {
    pub(crate) fn full(rate: Rate, now: Instant) -> Self {
        Self {
            level: f64::from(rate.burst),
            at: now,
        }
    }

    /// Takes `amount` when it is there; takes nothing and says `false` when it is not.
    pub(crate) fn take(&mut self, rate: Rate, amount: u32, now: Instant) -> bool {
        self.refill(rate, now);
        let amount = f64::from(amount);
        let enough = self.level >= amount;
        if enough {
            self.level -= amount;
        }
        enough
    }

    fn refill(&mut self, rate: Rate, now: Instant) {
        let gained =
            now.saturating_duration_since(self.at).as_secs_f64() * f64::from(rate.per_second);
        self.level = (self.level + gained).min(f64::from(rate.burst));
        self.at = now;
    }

    fn is_full(&mut self, rate: Rate, now: Instant) -> bool {
        self.refill(rate, now);
        self.level >= f64::from(rate.burst)
    }
}

struct Allowance {
    connects: Bucket,
    messages: Bucket,
    bytes: Bucket,
}

/// What every address has left. Holds at most [`Addresses::CAPACITY`] addresses: those whose buckets are full again say
/// nothing and are forgotten first; when all are in use, newcomers share one allowance.
pub(crate) struct Addresses {
    limits: Limits,
    held: Mutex<HashMap<IpAddr, Allowance>>,
}

impl Addresses {
    const CAPACITY: usize = 32 * 1024;
    /// Where newcomers are counted while the table is full: no client can have the unspecified address.
    const NEWCOMERS: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            held: Mutex::new(HashMap::new()),
        }
    }

    /// Whether this address may open one more connection.
    pub(crate) fn connect(&self, address: IpAddr, now: Instant) -> bool {
        let rate = self.limits.address_connects;
        self.with(address, now, |allowance| {
            allowance.connects.take(rate, 1, now)
        })
    }

    /// Whether this address may send one more frame of this size.
    pub(crate) fn message(&self, address: IpAddr, bytes: u32, now: Instant) -> bool {
        let (messages, volume) = (self.limits.address_messages, self.limits.address_bytes);
        self.with(address, now, |allowance| {
            allowance.messages.take(messages, 1, now) && allowance.bytes.take(volume, bytes, now)
        })
    }

    fn with<T>(&self, address: IpAddr, now: Instant, take: impl FnOnce(&mut Allowance) -> T) -> T {
        let limits = &self.limits;
        let mut held: MutexGuard<'_, _> = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let mut key = block(address);
        if held.len() >= Self::CAPACITY && !held.contains_key(&key) {
            held.retain(|_, a| {
                !(a.connects.is_full(limits.address_connects, now)
                    && a.messages.is_full(limits.address_messages, now)
                    && a.bytes.is_full(limits.address_bytes, now))
            });
            if held.len() >= Self::CAPACITY {
                key = Self::NEWCOMERS;
            }
        }
        take(held.entry(key).or_insert_with(|| Allowance {
            connects: Bucket::full(limits.address_connects, now),
            messages: Bucket::full(limits.address_messages, now),
            bytes: Bucket::full(limits.address_bytes, now),
        }))
    }
}

/// Whoever has one IPv6 address has its whole /64; a mapped IPv4 address is that IPv4 address.
fn block(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const RATE: Rate = Rate {
        per_second: 2,
        burst: 3,
    };

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::full(RATE, start);
        let taken = (0..10).filter(|_| bucket.take(RATE, 1, start)).count();
        assert_eq!(taken, 3);
        let later = start + Duration::from_millis(1_100);
        assert_eq!((0..10).filter(|_| bucket.take(RATE, 1, later)).count(), 2);
        let much_later = start + Duration::from_secs(3_600);
        assert_eq!(
            (0..10).filter(|_| bucket.take(RATE, 1, much_later)).count(),
            3
        );
    }

    #[test]
    fn addresses_have_their_own_allowance_and_one_ipv6_network_shares_one() {
        let now = Instant::now();
        let addresses = Addresses::new(Limits {
            address_connects: RATE,
            ..Limits::default()
        });
        let connects = |text: &str| {
            let address: IpAddr = text.parse().unwrap();
            (0..5).filter(|_| addresses.connect(address, now)).count()
        };
        assert_eq!(connects("192.0.2.1"), 3);
        assert_eq!(connects("192.0.2.2"), 3);
        assert_eq!(connects("::ffff:192.0.2.2"), 0);
        assert_eq!(connects("2001:db8::1"), 3);
        assert_eq!(connects("2001:db8::2"), 0);
        assert_eq!(connects("2001:db8:0:1::2"), 3);
    }

    #[test]
    fn a_full_table_forgets_the_idle_and_never_grows() {
        let now = Instant::now();
        let addresses = Addresses::new(Limits {
            address_connects: RATE,
            ..Limits::default()
        });
        let nth = |n: usize| IpAddr::from((u32::try_from(n).unwrap() + 1).to_be_bytes());
        for n in 0..Addresses::CAPACITY + 10 {
            addresses.connect(nth(n), now);
        }
        let held = |addresses: &Addresses| addresses.held.lock().unwrap().len();
        assert_eq!(held(&addresses), Addresses::CAPACITY + 1);
        assert!(
            !addresses.connect(nth(Addresses::CAPACITY + 20), now),
            "newcomers share one allowance"
        );
        assert!(addresses.connect(nth(Addresses::CAPACITY + 21), now + Duration::from_secs(60)));
        assert_eq!(held(&addresses), 1);
    }
}
