//! What simulated customers intend: who calls when, how patient they are, how calls to them end. No socket, no clock.

use std::collections::BTreeSet;
use std::time::Duration;

use super::cast::{CHATS, CUSTOMERS, HOTLINE, ORDERS, SITE, YOUR_SITE, number_of};
use super::random::Random;

/// Calls of customers come on average so far apart.
const BETWEEN_CALLS: Duration = Duration::from_millis(3_600);
/// Chats come on average so far apart.
const BETWEEN_CHATS: Duration = Duration::from_millis(3_800);
/// Rounds of wishes come so far apart, in milliseconds.
const BETWEEN_ROUNDS: (u64, u64) = (4_000, 7_000);

/// A call that somebody is about to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Whose number is shown.
    pub from: String,
    /// Whom they call.
    pub to: &'static str,
    /// How long they wait for somebody to talk to.
    pub patience: Duration,
    /// How long they talk.
    pub talk: Duration,
}

/// What becomes of a call to a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reception {
    /// Answers after so long and talks at most so long.
    Answers {
        /// Ringing.
        after: Duration,
        /// Talking.
        talk: Duration,
    },
    /// The carrier says so after so long: 486 busy, 408 nobody answers.
    Refuses {
        /// When.
        after: Duration,
        /// How.
        status: u16,
    },
}

/// A visitor of the site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visitor {
    /// The site's key.
    pub site: &'static str,
    /// What they say, line by line.
    pub lines: &'static [&'static str],
    /// How long they wait for somebody.
    pub patience: Duration,
    /// Whether their network fails once, after the first line.
    pub drops: bool,
    /// Whether it is somebody who was here before, if there is one.
    pub returns: bool,
}

/// The public.
pub struct Public {
    random: Random,
    calling: BTreeSet<String>,
}

impl Public {
    /// Nobody calls yet.
    #[must_use]
    pub fn new(random: Random) -> Self {
        Self {
            random,
            calling: BTreeSet::new(),
        }
    }

    /// When the next customer calls.
    pub fn next_call(&mut self) -> Duration {
        self.random.pause(BETWEEN_CALLS)
    }

    /// When the next visitor writes.
    pub fn next_chat(&mut self) -> Duration {
        self.random.pause(BETWEEN_CHATS)
    }

    /// Who calls now. A number calls once at a time.
    pub fn caller(&mut self) -> Caller {
        let known = self
            .random
            .below(u64::try_from(CUSTOMERS.len()).unwrap_or(1));
        let known = number_of(usize::try_from(known).unwrap_or(0));
        let from = if self.random.chance(25) || self.calling.contains(&known) {
            format!("+8613900{:06}", self.random.below(1_000_000))
        } else {
            known
        };
        self.calls(from)
    }

    /// This customer calls, unless they are on the phone: somebody who may just be about to be called.
    pub fn may_call(&mut self, number: &str) -> Option<Caller> {
        (!self.calling.contains(number)).then(|| self.calls(number.to_owned()))
    }

    fn calls(&mut self, from: String) -> Caller {
        self.calling.insert(from.clone());
        let to = if self.random.chance(65) {
            HOTLINE
        } else {
            ORDERS
        };
        let patience = if self.random.chance(20) {
            self.random.millis(1_000, 5_000)
        } else {
            self.random.millis(20_000, 45_000)
        };
        let talk = (Duration::from_secs(5) + self.random.pause(Duration::from_millis(3_500)))
            .min(Duration::from_secs(20));
        Caller {
            from,
            to,
            patience,
            talk,
        }
    }

    /// A call is over: the number may call again.
    pub fn hung_up(&mut self, number: &str) {
        self.calling.remove(number);
    }

    /// A customer is called. When it is `late`, everybody is brief.
    pub fn is_called(&mut self, late: bool) -> Reception {
        if late {
            return Reception::Answers {
                after: self.random.millis(300, 900),
                talk: self.random.millis(4_000, 6_000),
            };
        }
        match self.random.below(100) {
            0..=81 => Reception::Answers {
                after: self.random.millis(800, 3_500),
                talk: self.random.millis(14_000, 25_000),
            },
            82..=90 => Reception::Refuses {
                after: self.random.millis(300, 900),
                status: 486,
            },
            _ => Reception::Refuses {
                after: self.random.millis(5_000, 8_000),
                status: 408,
            },
        }
    }

    /// Who visits the site now.
    pub fn visitor(&mut self) -> Visitor {
        let patience = if self.random.chance(15) {
            self.random.millis(1_500, 5_000)
        } else {
            self.random.millis(40_000, 60_000)
        };
        Visitor {
            site: if self.random.chance(12) {
                YOUR_SITE
            } else {
                SITE
            },
            lines: self.random.pick(&CHATS).copied().unwrap_or(&[]),
            patience,
            drops: self.random.chance(15),
            returns: self.random.chance(30),
        }
    }

    /// How long a visitor thinks and types.
    pub fn typing(&mut self) -> Duration {
        self.random.millis(1_000, 3_000)
    }
}

/// One wish to file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filing {
    /// Which department.
    pub department: usize,
    /// Which of its matters.
    pub matter: usize,
    /// How long after the one before.
    pub after: Duration,
}

/// Departments that want something of the same customer at about the same time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Round {
    /// Which customer.
    pub customer: usize,
    /// Whether that customer happens to call while the contact is planned, and how soon.
    pub calls_after: Option<Duration>,
    /// Who wants something.
    pub filings: Vec<Filing>,
}

/// The departments' intentions.
pub struct Offices {
    random: Random,
    next: usize,
}

impl Offices {
    /// Nothing is filed yet.
    #[must_use]
    pub fn new(mut random: Random) -> Self {
        let next =
            usize::try_from(random.below(u64::try_from(CUSTOMERS.len()).unwrap_or(1))).unwrap_or(0);
        Self { random, next }
    }

    /// When the next round begins.
    pub fn next_round(&mut self) -> Duration {
        self.random.millis(BETWEEN_ROUNDS.0, BETWEEN_ROUNDS.1)
    }

    /// The next round: customers take turns; two or three of the departments want something.
    pub fn round(&mut self) -> Round {
        let customer = self.next;
        // Seven and the number of customers have no common divisor: everybody gets a turn.
        self.next = (self.next + 7) % CUSTOMERS.len();
        let silent = self.random.chance(40).then(|| self.random.below(3));
        // Marketing files last: a customer nobody knows yet has not agreed to anything.
        let departments = [0_u64, 2, 1].into_iter().filter(|one| Some(*one) != silent);
        let filings = departments
            .filter_map(|one| {
                let department = usize::try_from(one).ok()?;
                let matters = super::cast::DEPARTMENTS.get(department)?.matters.len();
                let matter =
                    usize::try_from(self.random.below(u64::try_from(matters).ok()?)).ok()?;
                Some(Filing {
                    department,
                    matter,
                    after: self.random.millis(100, 1_400),
                })
            })
            .collect();
        let calls_after = self
            .random
            .chance(35)
            .then(|| self.random.millis(500, 4_000));
        Round {
            customer,
            calls_after,
            filings,
        }
    }

    /// Whether this customer once agreed to invitations; most did.
    #[must_use]
    pub const fn agreed_to_invitations(customer: usize) -> bool {
        customer % 5 != 4
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_calls_once_at_a_time() {
        let mut public = Public::new(Random::new(1));
        let mut on_the_phone = BTreeSet::new();
        for _ in 0..60 {
            let caller = public.caller();
            assert!(
                on_the_phone.insert(caller.from.clone()),
                "{} calls twice",
                caller.from
            );
            assert_eq!(public.may_call(&caller.from), None);
        }
        let first = on_the_phone.pop_first().unwrap();
        public.hung_up(&first);
        assert!(public.may_call(&first).is_some());
    }

    #[test]
    fn every_customer_gets_a_turn_and_rounds_hold_two_or_three_departments() {
        let mut offices = Offices::new(Random::new(5));
        let rounds: Vec<Round> = (0..CUSTOMERS.len()).map(|_| offices.round()).collect();
        let customers: BTreeSet<usize> = rounds.iter().map(|round| round.customer).collect();
        assert_eq!(customers.len(), CUSTOMERS.len());
        assert!(
            rounds
                .iter()
                .all(|round| (2..=3).contains(&round.filings.len()))
        );
        assert!(rounds.iter().any(|round| round.filings.len() == 3));
        // All of a round fits into the time that wishes are gathered for.
        let longest = |round: &Round| {
            round
                .filings
                .iter()
                .map(|filing| filing.after)
                .sum::<Duration>()
        };
        assert!(
            rounds
                .iter()
                .all(|round| longest(round) < Duration::from_secs(8))
        );
    }

    #[test]
    fn most_customers_are_patient_and_some_are_not() {
        let mut public = Public::new(Random::new(9));
        let impatient = (0..1_000)
            .filter(|_| public.caller().patience < Duration::from_secs(10))
            .count();
        assert!((140..260).contains(&impatient), "{impatient}");
    }
}
