//! The one place where deadlines wait. Entries are not removed when a deadline moves later: they fire, look and are
//! put back. Each machine has at most one live entry, so the heap is bounded by the machines there were in 64*T1.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use super::{CallId, ClientKey, Endpoint, ServerKey};

/// Whose deadline it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TimerKey {
    Server(ServerKey),
    Client(ClientKey),
    Call(CallId),
}

/// Remembers which entry of the heap is the live one of a machine.
#[derive(Debug, Default)]
pub(super) struct Alarm(Option<Instant>);

#[derive(Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, TimerKey)>>,
}

impl Timers {
    pub(super) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Makes sure that the machine is woken no later than its deadline.
    pub(super) fn set(
        &mut self,
        alarm: &mut Alarm,
        deadline: Option<Instant>,
        key: impl FnOnce() -> TimerKey,
    ) {
        let Some(deadline) = deadline else { return };
        if alarm.0.is_none_or(|set| deadline < set) {
            alarm.0 = Some(deadline);
            self.heap.push(Reverse((deadline, key())));
        }
    }

    fn due(&mut self, now: Instant) -> Option<(Instant, TimerKey)> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry)
    }
}

impl Alarm {
    /// Whether the entry that fired is the live one.
    fn fired(&mut self, at: Instant) -> bool {
        let live = self.0 == Some(at);
        if live {
            self.0 = None;
        }
        live
    }
}

impl Endpoint {
    /// Time has passed: repeats and ends whatever is due.
    pub fn tick(&mut self, now: Instant) {
        while let Some((at, key)) = self.timers.due(now) {
            match key {
                TimerKey::Server(key) => {
                    if self
                        .servers
                        .get_mut(&key)
                        .is_some_and(|entry| entry.alarm.fired(at))
                    {
                        self.server_tick(&key, now);
                    }
                }
                TimerKey::Client(key) => {
                    if self
                        .clients
                        .get_mut(&key)
                        .is_some_and(|entry| entry.alarm.fired(at))
                    {
                        self.client_tick(&key, now);
                    }
                }
                TimerKey::Call(call) => {
                    if self
                        .calls
                        .get_mut(&call)
                        .is_some_and(|call| call.alarm.fired(at))
                    {
                        self.call_tick(call, now);
                    }
                }
            }
        }
    }
}
