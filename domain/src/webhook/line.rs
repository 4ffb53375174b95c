//! How far an endpoint has come, by the log.

use std::collections::{BTreeMap, VecDeque};

use uuid::Uuid;

use crate::aggregate::Aggregate;
use crate::event::{Position, Revision};
use crate::id::{CustomerId, EventId};
use crate::time::Timestamp;
use crate::webhook::{DeadReason, Fact, Place, Suspension};

/// Dead letters that are shown, the latest; all of them are in the log.
pub const DEAD_SHOWN: usize = 100;

/// What somebody decided on is not so any more: a replay was asked for meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the endpoint was replayed, suspended or never opened; look again")]
pub struct Outdated;

/// A delivery that will not be sent any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The event it follows from.
    pub place: Place,
    /// The event's id.
    pub event: EventId,
    /// Why.
    pub why: DeadReason,
    /// Since when.
    pub at: Timestamp,
}

/// One endpoint: what it was told, what waits, what was given up.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Its name in the tenant.
    pub name: String,
    /// Whose wishes it hears of.
    pub department: String,
    /// Nothing up to here is in line.
    pub mark: Position,
    /// Deliveries that were refused and are tried again on their own, with the moment of the first refusal.
    pub aside: BTreeMap<Position, (Place, Timestamp)>,
    /// The latest dead letters, oldest first.
    pub dead: VecDeque<DeadLetter>,
    /// Deliveries given up, all in all.
    pub given_up: u64,
    /// Deliveries taken, all in all.
    pub delivered: u64,
    /// Why nothing is sent, when nothing is.
    pub suspended: Option<Suspension>,
    /// How often it was replayed: whoever began before decides no more.
    pub round: u64,
    /// When the round began: no delivery is too old before it had its time from here on.
    pub since: Timestamp,
}

impl Line {
    /// The endpoint is declared: a new one hears of what happens from now on.
    #[must_use]
    pub fn open(known: Option<&Self>, name: &str, department: &str, from: Position) -> Vec<Fact> {
        match known {
            Some(_) => vec![],
            None => vec![Fact::Opened {
                name: name.to_owned(),
                department: department.to_owned(),
                from,
            }],
        }
    }

    fn in_round(known: Option<&Self>, round: u64) -> Result<&Self, Outdated> {
        let line = known.filter(|line| line.round == round && line.suspended.is_none());
        line.ok_or(Outdated)
    }

    /// Everything up to `until` is done. What is said already is not said again.
    ///
    /// # Errors
    /// [`Outdated`] when the round is over.
    pub fn progress(
        known: Option<&Self>,
        round: u64,
        until: Position,
        delivered: u64,
    ) -> Result<Vec<Fact>, Outdated> {
        let line = Self::in_round(known, round)?;
        if until <= line.mark {
            return Ok(vec![]);
        }
        Ok(vec![Fact::Progressed { until, delivered }])
    }

    /// The delivery at the head of the line was refused: those behind it go on. `delivered` before it since the last word.
    ///
    /// # Errors
    /// [`Outdated`] when the round is over.
    pub fn set_aside(
        known: Option<&Self>,
        round: u64,
        place: Place,
        status: u16,
        delivered: u64,
    ) -> Result<Vec<Fact>, Outdated> {
        let line = Self::in_round(known, round)?;
        if place.position <= line.mark {
            return Ok(vec![]);
        }
        let set_aside = Fact::SetAside { place, status };
        let progressed = Fact::Progressed {
            until: place.position,
            delivered,
        };
        Ok(vec![set_aside, progressed])
    }

    /// A delivery that had been set aside was taken.
    ///
    /// # Errors
    /// [`Outdated`] when the round is over.
    pub fn settle(
        known: Option<&Self>,
        round: u64,
        position: Position,
    ) -> Result<Vec<Fact>, Outdated> {
        let line = Self::in_round(known, round)?;
        let waits = line.aside.contains_key(&position);
        Ok(Vec::from_iter(waits.then_some(Fact::Settled { position })))
    }

    /// A delivery had its time. `delivered` before it since the last word, when it stood in line.
    ///
    /// # Errors
    /// [`Outdated`] when the round is over.
    pub fn give_up(
        known: Option<&Self>,
        round: u64,
        place: Place,
        event: EventId,
        why: DeadReason,
        delivered: u64,
    ) -> Result<Vec<Fact>, Outdated> {
        let line = Self::in_round(known, round)?;
        let given_up = Fact::GivenUp { place, event, why };
        if line.aside.contains_key(&place.position) {
            return Ok(vec![given_up]);
        }
        if place.position <= line.mark {
            return Ok(vec![]);
        }
        let progressed = Fact::Progressed {
            until: place.position,
            delivered,
        };
        Ok(vec![given_up, progressed])
    }

    /// The endpoint wants no more.
    ///
    /// # Errors
    /// [`Outdated`] when the round is over.
    pub fn suspend(
        known: Option<&Self>,
        round: u64,
        why: Suspension,
    ) -> Result<Vec<Fact>, Outdated> {
        Self::in_round(known, round)?;
        Ok(vec![Fact::Suspended { why }])
    }

    /// Somebody wants it to be sent to again.
    ///
    /// # Errors
    /// [`Outdated`] when it was never opened.
    pub fn replay(known: Option<&Self>, from: Option<Position>) -> Result<Vec<Fact>, Outdated> {
        known.ok_or(Outdated)?;
        Ok(vec![Fact::Replayed { from }])
    }
}

impl Aggregate for Line {
    type Fact = Fact;

    fn begin(fact: &Fact, at: Timestamp) -> Option<Self> {
        let Fact::Opened {
            name,
            department,
            from,
        } = fact
        else {
            return None;
        };
        Some(Self {
            name: name.clone(),
            department: department.clone(),
            mark: *from,
            aside: BTreeMap::new(),
            dead: VecDeque::new(),
            given_up: 0,
            delivered: 0,
            suspended: None,
            round: 0,
            since: at,
        })
    }

    fn apply(&mut self, fact: &Fact, at: Timestamp, _: Revision) {
        match *fact {
            Fact::Opened { .. } => {}
            Fact::Progressed { until, delivered } => {
                self.mark = self.mark.max(until);
                self.delivered += delivered;
            }
            Fact::SetAside { place, .. } => {
                self.aside.insert(place.position, (place, at));
            }
            Fact::Settled { position } => {
                self.aside.remove(&position);
                self.delivered += 1;
            }
            Fact::GivenUp { place, event, why } => {
                self.aside.remove(&place.position);
                self.given_up += 1;
                if self.dead.len() == DEAD_SHOWN {
                    self.dead.pop_front();
                }
                self.dead.push_back(DeadLetter {
                    place,
                    event,
                    why,
                    at,
                });
            }
            Fact::Suspended { why } => self.suspended = Some(why),
            Fact::Replayed { from } => {
                self.suspended = None;
                self.round += 1;
                self.since = at;
                if let Some(from) = from {
                    // What is reached again in line needs no place beside it, and is not dead any more.
                    self.mark = from;
                    self.aside.retain(|position, _| *position <= from);
                    self.dead.retain(|dead| dead.place.position <= from);
                }
            }
        }
    }

    fn subject(&self, _: Uuid) -> Option<CustomerId> {
        None
    }
}
