//! The stream that one leg hears: one SSRC for the whole call, sequence numbers and timestamps that go on through
//! every change of what feeds it (music, another leg, music again), so the peer's jitter buffer never starts over.

use std::time::{Duration, Instant};

use super::g711::SAMPLE_RATE;

/// A step forward of up to this many sequence numbers is loss; more is a source that started over
/// (the bounds RFC 3550 appendix A.1 proposes).
const MAX_DROPOUT: i32 = 3000;
/// A step back of up to this many is a packet out of order; more is a source that started over.
const MAX_MISORDER: i32 = 100;
/// A timestamp ahead by more than this many seconds of sound does not continue the stream.
const MAX_PAUSE_SECONDS: u32 = 600;
/// Samples of one played frame.
pub(super) const FRAME_SAMPLES: u32 = SAMPLE_RATE / 50;

/// What a packet to be sent carries in its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub marker: bool,
    pub sequence: u16,
    pub timestamp: u32,
}

/// A packet of another stream as far as numbering is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Incoming {
    pub ssrc: u32,
    pub sequence: u16,
    pub timestamp: u32,
    pub marker: bool,
    pub carries: Carries,
}

/// What moves the clock of a stream and what does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carries {
    /// Sound, of this many samples.
    Sound(u32),
    /// A key press: all its packets have the timestamp of its beginning (RFC 4733 section 2.2).
    Press,
}

/// Where the numbers of the other stream stand against ours.
#[derive(Debug)]
struct Relay {
    ssrc: u32,
    newest: u16,
    /// The newest timestamp of sound in the other stream.
    heard: u32,
    /// Added to their timestamps to get ours.
    shift: u32,
    /// By how many sequence numbers the stream has advanced since its numbers were last fitted to ours. Whatever
    /// is older would be numbered into what was sent before.
    advanced: i32,
    /// By how many since its newest sound: presses that came after it do not move its clock.
    since_sound: i32,
    /// The press being relayed, their timestamp and ours, so that it stays one press whatever happens to `shift`.
    press: Option<(u32, u32)>,
}

#[derive(Debug)]
enum Feed {
    Nothing,
    Ticks { last: u64 },
    Relay(Relay),
}

/// The numbering of one leg's outgoing stream.
#[derive(Debug)]
pub(super) struct Outgoing {
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    /// When `timestamp` was reached; none before the first packet.
    reached: Option<Instant>,
    /// How many samples the packet at `timestamp` lasts.
    lasting: u32,
    feed: Feed,
}

impl Outgoing {
    /// A stream yet to begin. Sequence and timestamp should be random (RFC 3550 section 5.1).
    pub const fn new(ssrc: u32, sequence: u16, timestamp: u32) -> Self {
        let feed = Feed::Nothing;
        Self {
            ssrc,
            sequence,
            timestamp,
            reached: None,
            lasting: FRAME_SAMPLES,
            feed,
        }
    }

    /// The source identifier of the stream.
    pub const fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// The timestamp that sound sent now would have, for sender reports; none before the first packet.
    pub fn timestamp_at(&self, now: Instant) -> Option<u32> {
        self.reached.map(|at| {
            self.timestamp
                .wrapping_add(samples(now.saturating_duration_since(at)))
        })
    }

    /// What fed the stream ends or pauses here: the next packet, whatever feeds it, follows the last one without
    /// a gap in the numbers.
    pub fn interrupt(&mut self) {
        self.feed = Feed::Nothing;
    }

    /// The stamp of a played frame. Ticks number the 20 ms grid; a skipped tick is a gap in time, not in sequence.
    pub fn play(&mut self, tick: u64, now: Instant) -> Stamp {
        let (marker, timestamp) = match self.feed {
            Feed::Ticks { last } if last < tick => {
                let passed = u32::try_from(tick - last).unwrap_or(u32::MAX);
                (
                    false,
                    self.timestamp
                        .wrapping_add(passed.wrapping_mul(FRAME_SAMPLES)),
                )
            }
            _ => (true, self.continuing(now)),
        };
        self.feed = Feed::Ticks { last: tick };
        self.sequence = self.sequence.wrapping_add(1);
        self.reach(timestamp, FRAME_SAMPLES, now);
        Stamp {
            marker,
            sequence: self.sequence,
            timestamp,
        }
    }

    /// The stamp under which a packet of another stream goes out; none when it must not: a repetition, or so late
    /// that its number has been used for something else.
    pub fn relay(&mut self, packet: Incoming, now: Instant) -> Option<Stamp> {
        let step = match &self.feed {
            Feed::Relay(relay) if relay.ssrc == packet.ssrc => step(relay.newest, packet.sequence),
            _ => return Some(self.fit(packet, 1, now)),
        };
        if !(-MAX_MISORDER..=MAX_DROPOUT).contains(&step) {
            return Some(self.fit(packet, 1, now));
        }
        if step <= 0 {
            self.late(packet, step, now)
        } else {
            Some(self.forward(packet, step, now))
        }
    }

    /// A packet of the other stream that is not passed on: what follows closes up, so the peer sees no loss.
    pub fn absorb(&mut self, ssrc: u32, sequence: u16) {
        let Feed::Relay(relay) = &mut self.feed else {
            return;
        };
        let step = step(relay.newest, sequence);
        if relay.ssrc == ssrc && (1..=MAX_DROPOUT).contains(&step) {
            relay.newest = sequence;
            relay.advanced = 0;
            relay.since_sound = relay.since_sound.saturating_add(step);
            self.sequence = self.sequence.wrapping_add((step - 1) as u16);
        }
    }

    /// Fits the numbers of the other stream to ours, so that this packet is the next.
    fn fit(&mut self, packet: Incoming, step: u16, now: Instant) -> Stamp {
        let timestamp = self.continuing(now);
        self.sequence = self.sequence.wrapping_add(step);
        let (press, lasting) = match packet.carries {
            Carries::Sound(lasting) => (None, lasting),
            Carries::Press => (Some((packet.timestamp, timestamp)), 1),
        };
        self.feed = Feed::Relay(Relay {
            ssrc: packet.ssrc,
            newest: packet.sequence,
            heard: packet.timestamp,
            shift: timestamp.wrapping_sub(packet.timestamp),
            advanced: 0,
            since_sound: 0,
            press,
        });
        self.reach(timestamp, lasting, now);
        Stamp {
            marker: true,
            sequence: self.sequence,
            timestamp,
        }
    }

    fn late(&mut self, packet: Incoming, step: i32, now: Instant) -> Option<Stamp> {
        let Feed::Relay(relay) = &mut self.feed else {
            return None;
        };
        if step == 0 || -step >= relay.advanced {
            return None;
        }
        let mut timestamp = packet.timestamp.wrapping_add(relay.shift);
        match packet.carries {
            Carries::Press => {
                if let Some((_, ours)) = relay.press.filter(|press| press.0 == packet.timestamp) {
                    timestamp = ours;
                }
            }
            // Overtaken by presses alone, it is the newest sound there is: the clock goes on with it or it is junk.
            Carries::Sound(lasting) if -step < relay.since_sound => {
                if !continues(relay.heard, packet.timestamp) {
                    return None;
                }
                relay.heard = packet.timestamp;
                relay.since_sound = -step;
                self.reach(timestamp, lasting, now);
            }
            Carries::Sound(_) => {}
        }
        let sequence = self.sequence.wrapping_add(step as u16);
        Some(Stamp {
            marker: packet.marker,
            sequence,
            timestamp,
        })
    }

    fn forward(&mut self, packet: Incoming, step: i32, now: Instant) -> Stamp {
        let next = self.continuing(now);
        let Feed::Relay(relay) = &mut self.feed else {
            return self.fit(packet, 1, now);
        };
        let ahead = packet.timestamp.wrapping_sub(relay.heard);
        let (timestamp, lasting) = match packet.carries {
            Carries::Sound(lasting) => {
                if !continues(relay.heard, packet.timestamp) {
                    // Their clock jumped or stood still; ours must not. A press under way keeps its timestamp.
                    let press = relay.press;
                    let stamp = self.fit(packet, step as u16, now);
                    if let Feed::Relay(relay) = &mut self.feed {
                        relay.press = press;
                    }
                    return stamp;
                }
                relay.heard = packet.timestamp;
                relay.since_sound = -step; // 0 once this step is added below
                (packet.timestamp.wrapping_add(relay.shift), lasting)
            }
            Carries::Press => {
                let near = (ahead as i32).unsigned_abs() <= MAX_PAUSE_SECONDS * SAMPLE_RATE;
                let begun = relay.press.filter(|press| press.0 == packet.timestamp);
                let (_, ours) = *relay.press.insert(begun.unwrap_or_else(|| {
                    let ours = if near {
                        packet.timestamp.wrapping_add(relay.shift)
                    } else {
                        next
                    };
                    (packet.timestamp, ours)
                }));
                (ours, 1)
            }
        };
        relay.newest = packet.sequence;
        relay.advanced = relay.advanced.saturating_add(step);
        relay.since_sound = relay.since_sound.saturating_add(step);
        self.sequence = self.sequence.wrapping_add(step as u16);
        self.reach(timestamp, lasting, now);
        Stamp {
            marker: packet.marker,
            sequence: self.sequence,
            timestamp,
        }
    }

    /// The first timestamp that does not overlap what was sent: by the clock, and after the last packet's sound.
    fn continuing(&self, now: Instant) -> u32 {
        let passed = self
            .reached
            .map_or(0, |at| samples(now.saturating_duration_since(at)));
        self.timestamp.wrapping_add(passed.max(self.lasting))
    }

    fn reach(&mut self, timestamp: u32, lasting: u32, now: Instant) {
        let ahead = timestamp.wrapping_sub(self.timestamp) as i32;
        if ahead > 0 || self.reached.is_none() {
            self.timestamp = timestamp;
            self.lasting = lasting.max(1);
            self.reached = Some(now);
        }
    }
}

/// Whether a timestamp of sound continues the clock that stood at `heard`.
const fn continues(heard: u32, timestamp: u32) -> bool {
    let ahead = timestamp.wrapping_sub(heard);
    ahead != 0 && ahead <= MAX_PAUSE_SECONDS * SAMPLE_RATE
}

/// From one sequence number to another the short way round.
const fn step(from: u16, to: u16) -> i32 {
    to.wrapping_sub(from) as i16 as i32
}

/// Samples in a time; wraps as timestamps do.
fn samples(time: Duration) -> u32 {
    (time.as_micros() * u128::from(SAMPLE_RATE) / 1_000_000) as u32
}

#[cfg(test)]
#[path = "tests/outgoing.rs"]
mod tests;
