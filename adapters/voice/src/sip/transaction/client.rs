//! The side that asks.

use std::time::{Duration, Instant};

use super::{Bytes, Carrier, Kind, T1, T1X64, T2, T4, TIMER_D};

/// What a step of a client transaction asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ClientStep {
    /// Send these bytes to the destination of the request.
    pub send: Option<Bytes>,
    /// Hand the response to the transaction's user.
    pub deliver: bool,
    /// Acknowledge this failure: the caller builds the ACK and gives it to [`ClientTransaction::acknowledge`].
    pub acknowledge: bool,
    /// No final response came in time: tell the user.
    pub timed_out: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    /// Nothing heard: the request is repeated (timers A and B, E and F).
    Calling {
        interval: Duration,
        again: Option<Instant>,
        until: Instant,
    },
    /// A provisional response came.
    Proceeding {
        again: Option<Instant>,
        until: Option<Instant>,
    },
    /// A final response (not a 2xx to INVITE) came: repetitions are absorbed (timers D and K).
    Completed {
        until: Instant,
    },
    /// A 2xx to INVITE came: each one goes to the user, who acknowledges (RFC 6026, timer M).
    Accepted {
        until: Instant,
    },
    Over,
}

/// A client transaction (RFC 3261 section 17.1).
#[derive(Debug)]
pub struct ClientTransaction {
    kind: Kind,
    carrier: Carrier,
    request: Bytes,
    ack: Option<Bytes>,
    state: State,
}

impl ClientTransaction {
    /// Starts one; the caller sends `request` now.
    #[must_use]
    pub fn start(kind: Kind, carrier: Carrier, request: Bytes, now: Instant) -> Self {
        let again = (carrier == Carrier::Datagram).then(|| now + T1);
        let state = State::Calling {
            interval: T1,
            again,
            until: now + T1X64,
        };
        Self {
            kind,
            carrier,
            request,
            ack: None,
            state,
        }
    }

    /// A response with this status arrived.
    pub fn response(&mut self, status: u16, now: Instant) -> ClientStep {
        let provisional = status < 200;
        match (&mut self.state, self.kind) {
            (State::Calling { again, until, .. }, kind) if provisional => {
                self.state = match kind {
                    Kind::Invite => State::Proceeding {
                        again: None,
                        until: None,
                    },
                    Kind::Other => State::Proceeding {
                        again: again.map(|_| now + T2),
                        until: Some(*until),
                    },
                };
                ClientStep {
                    deliver: true,
                    ..ClientStep::default()
                }
            }
            (State::Proceeding { .. }, _) if provisional => ClientStep {
                deliver: true,
                ..ClientStep::default()
            },
            (State::Calling { .. } | State::Proceeding { .. }, Kind::Invite) if status < 300 => {
                self.state = State::Accepted { until: now + T1X64 };
                ClientStep {
                    deliver: true,
                    ..ClientStep::default()
                }
            }
            (State::Calling { .. } | State::Proceeding { .. }, kind) => {
                let wait = match (kind, self.carrier) {
                    (_, Carrier::Stream) => Duration::ZERO,
                    (Kind::Invite, Carrier::Datagram) => TIMER_D,
                    (Kind::Other, Carrier::Datagram) => T4,
                };
                self.state = State::Completed { until: now + wait };
                ClientStep {
                    deliver: true,
                    acknowledge: kind == Kind::Invite,
                    ..ClientStep::default()
                }
            }
            // The ACK was lost: say it again. The user has the answer already.
            (State::Completed { .. }, Kind::Invite) if status >= 300 => ClientStep {
                send: self.ack.clone(),
                ..ClientStep::default()
            },
            (State::Accepted { .. }, _) if (200..300).contains(&status) => ClientStep {
                deliver: true,
                ..ClientStep::default()
            },
            _ => ClientStep::default(),
        }
    }

    /// Keeps the ACK of a failed INVITE for repetitions of the failure; the caller sends it now.
    pub fn acknowledge(&mut self, ack: Bytes) {
        self.ack = Some(ack);
    }

    /// A CANCEL was sent: an INVITE that stays unanswered ends at the latest 64*T1 from now (RFC 3261 section 9.1).
    pub fn cancelled(&mut self, now: Instant) {
        if let State::Proceeding { until, .. } = &mut self.state {
            *until = Some(now + T1X64);
        }
    }

    /// The time has come that [`Self::deadline`] named.
    pub fn tick(&mut self, now: Instant) -> ClientStep {
        match &mut self.state {
            State::Calling { until, .. }
            | State::Proceeding {
                until: Some(until), ..
            } if *until <= now => {
                self.state = State::Over;
                ClientStep {
                    timed_out: true,
                    ..ClientStep::default()
                }
            }
            State::Calling {
                interval,
                again: Some(again),
                ..
            } if *again <= now => {
                // Timer A doubles without limit, timer E up to T2.
                *interval = match self.kind {
                    Kind::Invite => *interval * 2,
                    Kind::Other => (*interval * 2).min(T2),
                };
                *again = now + *interval;
                ClientStep {
                    send: Some(self.request.clone()),
                    ..ClientStep::default()
                }
            }
            State::Proceeding {
                again: Some(again), ..
            } if *again <= now => {
                *again = now + T2;
                ClientStep {
                    send: Some(self.request.clone()),
                    ..ClientStep::default()
                }
            }
            State::Completed { until } | State::Accepted { until } if *until <= now => {
                self.state = State::Over;
                ClientStep::default()
            }
            _ => ClientStep::default(),
        }
    }

    /// When to be woken next.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Calling { again, until, .. } => {
                Some(again.map_or(until, |again| again.min(until)))
            }
            State::Proceeding { again, until } => match (again, until) {
                (Some(again), Some(until)) => Some(again.min(until)),
                (again, until) => again.or(until),
            },
            State::Completed { until } | State::Accepted { until } => Some(until),
            State::Over => None,
        }
    }

    /// Whether a provisional response came and no final one yet: the moment in which a CANCEL may be sent.
    #[must_use]
    pub fn is_proceeding(&self) -> bool {
        matches!(self.state, State::Proceeding { .. })
    }

    /// Whether a final response is still awaited.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        matches!(self.state, State::Calling { .. } | State::Proceeding { .. })
    }

    /// Whether it can be forgotten.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.state == State::Over
    }
}
