//! The side that answers.

use std::time::{Duration, Instant};

use super::{Bytes, Carrier, Kind, T1, T1X64, T2, T4};

/// What a step of a server transaction asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ServerStep {
    /// Send these bytes to where the request came from.
    pub send: Option<Bytes>,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    /// No final response yet; `last` is the latest provisional one.
    Proceeding {
        last: Option<Bytes>,
    },
    /// A final response (not a 2xx to INVITE) was sent and is repeated on request, for INVITE also by timer G until
    /// the ACK comes or timer H ends it; timer J otherwise.
    Completed {
        last: Bytes,
        again: Option<(Instant, Duration)>,
        until: Instant,
    },
    /// The ACK came; further ones are absorbed (timer I).
    Confirmed {
        until: Instant,
    },
    /// A 2xx to INVITE was sent. Its user repeats it; repeated requests are absorbed (RFC 6026, timer L).
    Accepted {
        until: Instant,
    },
    Over,
}

/// A server transaction (RFC 3261 section 17.2).
#[derive(Debug)]
pub struct ServerTransaction {
    kind: Kind,
    carrier: Carrier,
    state: State,
}

impl ServerTransaction {
    /// Starts one for a request that just arrived.
    #[must_use]
    pub const fn start(kind: Kind, carrier: Carrier) -> Self {
        Self {
            kind,
            carrier,
            state: State::Proceeding { last: None },
        }
    }

    /// The user answers; the caller sends `bytes` when this returns it. A second final response is not sent.
    pub fn respond(&mut self, status: u16, bytes: Bytes, now: Instant) -> ServerStep {
        let State::Proceeding { last } = &mut self.state else {
            return ServerStep::default();
        };
        let datagram = self.carrier == Carrier::Datagram;
        if status < 200 {
            *last = Some(bytes.clone());
        } else if self.kind == Kind::Invite && status < 300 {
            self.state = State::Accepted { until: now + T1X64 };
        } else {
            let again = (self.kind == Kind::Invite && datagram).then(|| (now + T1, T1));
            let keep = self.kind == Kind::Invite || datagram;
            let until = if keep { now + T1X64 } else { now };
            self.state = State::Completed {
                last: bytes.clone(),
                again,
                until,
            };
        }
        ServerStep { send: Some(bytes) }
    }

    /// The same request arrived again.
    #[must_use]
    pub fn repeated(&self) -> ServerStep {
        let send = match &self.state {
            State::Proceeding { last } => last.clone(),
            State::Completed { last, .. } => Some(last.clone()),
            State::Confirmed { .. } | State::Accepted { .. } | State::Over => None,
        };
        ServerStep { send }
    }

    /// The ACK of a failed INVITE arrived.
    pub fn acknowledged(&mut self, now: Instant) {
        if self.kind == Kind::Invite && matches!(self.state, State::Completed { .. }) {
            let wait = if self.carrier == Carrier::Datagram {
                T4
            } else {
                Duration::ZERO
            };
            self.state = State::Confirmed { until: now + wait };
        }
    }

    /// The time has come that [`Self::deadline`] named.
    pub fn tick(&mut self, now: Instant) -> ServerStep {
        match &mut self.state {
            State::Completed { until, .. }
            | State::Confirmed { until }
            | State::Accepted { until }
                if *until <= now =>
            {
                self.state = State::Over;
                ServerStep::default()
            }
            State::Completed {
                last,
                again: Some((again, interval)),
                ..
            } if *again <= now => {
                *interval = (*interval * 2).min(T2);
                *again = now + *interval;
                ServerStep {
                    send: Some(last.clone()),
                }
            }
            _ => ServerStep::default(),
        }
    }

    /// When to be woken next.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Completed {
                again: Some((again, _)),
                until,
                ..
            } => Some((*again).min(*until)),
            State::Completed { until, .. }
            | State::Confirmed { until }
            | State::Accepted { until } => Some(*until),
            State::Proceeding { .. } | State::Over => None,
        }
    }

    /// Whether a final response is still owed.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        matches!(self.state, State::Proceeding { .. })
    }

    /// Whether it can be forgotten.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.state == State::Over
    }
}
