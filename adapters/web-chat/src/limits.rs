//! Token buckets, for connections and for addresses.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

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

/// Room is made at most this often: looking through all of them is not for every newcomer of a flood.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Held {
    allowances: HashMap<IpAddr, Allowance>,
    swept: Option<Instant>,
}

/// What every address has left. Holds at most [`Addresses::CAPACITY`] addresses: those whose buckets are full again say
/// nothing and are forgotten first; when all are in use, newcomers share one allowance.
pub(crate) struct Addresses {
    limits: Limits,
    held: Mutex<Held>,
    /// Connections open now, by address; no more entries than connections.
    open: Mutex<HashMap<IpAddr, u32>>,
}

/// A connection's place among those of its address, given back when it is dropped.
pub(crate) struct Place {
    addresses: Arc<Addresses>,
    key: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.addresses.open();
        if let Some(count) = open.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.key);
            }
        }
    }
}

impl Addresses {
    const CAPACITY: usize = 32 * 1024;
    /// Where newcomers are counted while the table is full: no client can have the unspecified address.
    const NEWCOMERS: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            held: Mutex::default(),
            open: Mutex::default(),
        }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<IpAddr, u32>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for one more open connection of this address; `None` when it has as many as it may.
    pub(crate) fn place(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let key = block(address);
        let mut open = self.open();
        let count = open.entry(key).or_insert(0);
        if *count >= self.limits.address_open {
            return None;
        }
        *count += 1;
        drop(open);
        Some(Place {
            addresses: Arc::clone(self),
            key,
        })
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
        let mut guard = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let Held { allowances, swept } = &mut *guard;
        let mut key = block(address);
        if allowances.len() >= Self::CAPACITY && !allowances.contains_key(&key) {
            if swept.is_none_or(|at| now.saturating_duration_since(at) >= SWEEP_EVERY) {
                *swept = Some(now);
                allowances.retain(|_, a| {
                    !(a.connects.is_full(limits.address_connects, now)
                        && a.messages.is_full(limits.address_messages, now)
                        && a.bytes.is_full(limits.address_bytes, now))
                });
            }
            if allowances.len() >= Self::CAPACITY {
                key = Self::NEWCOMERS;
            }
        }
        take(allowances.entry(key).or_insert_with(|| Allowance {
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
        let held = |addresses: &Addresses| addresses.held.lock().unwrap().allowances.len();
        assert_eq!(held(&addresses), Addresses::CAPACITY + 1);
        assert!(
            !addresses.connect(nth(Addresses::CAPACITY + 20), now),
            "newcomers share one allowance"
        );
        assert!(addresses.connect(nth(Addresses::CAPACITY + 21), now + Duration::from_secs(60)));
        assert_eq!(held(&addresses), 1);
    }

    #[test]
    fn a_full_table_is_looked_through_once_a_second_and_not_for_every_newcomer() {
        let now = Instant::now();
        let slow = Rate {
            per_second: 1,
            burst: 1,
        };
        let addresses = Addresses::new(Limits {
            address_connects: slow,
            ..Limits::default()
        });
        let nth = |n: usize| IpAddr::from((u32::try_from(n).unwrap() + 1).to_be_bytes());
        for n in 0..Addresses::CAPACITY {
            addresses.connect(nth(n), now);
        }
        // The first newcomer's look finds everybody in use; a moment later all could be forgotten, and are not yet.
        let soon = now + Duration::from_millis(500);
        addresses.connect(nth(Addresses::CAPACITY), soon);
        let full_again = now + Duration::from_millis(1_100);
        addresses.connect(nth(Addresses::CAPACITY + 1), full_again);
        let held = || addresses.held.lock().unwrap().allowances.len();
        assert_eq!(held(), Addresses::CAPACITY + 1);
        addresses.connect(nth(Addresses::CAPACITY + 2), soon + SWEEP_EVERY);
        assert!(held() <= 2, "{}", held());
    }

    #[test]
    fn an_address_has_so_many_places_and_gets_them_back() {
        let addresses = Arc::new(Addresses::new(Limits {
            address_open: 2,
            ..Limits::default()
        }));
        let (one, two): (IpAddr, IpAddr) = (
            "2001:db8::1".parse().unwrap(),
            "2001:db8::2".parse().unwrap(),
        );
        let first = addresses.place(one).unwrap();
        let second = addresses.place(two).unwrap();
        assert!(addresses.place(one).is_none(), "one network, one count");
        assert!(addresses.place("192.0.2.1".parse().unwrap()).is_some());
        drop(first);
        let third = addresses.place(one).unwrap();
        assert!(addresses.place(two).is_none());
        drop((second, third));
        assert!(addresses.open().is_empty());
    }
}
