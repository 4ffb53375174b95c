//! One leg without its sockets: packets, commands and the time go in; what to send, and to where, comes out.

use std::net::SocketAddr;
use std::ops::Range;
use std::time::{Duration, Instant, SystemTime};

use rapport_domain::id::LegId;
use rapport_domain::port::voice::Sound;

use super::dtmf::Presses;
use super::latch::Latch;
use super::outgoing::{Carries, Incoming, Outgoing};
use super::reception::Reception;
use super::rtcp::{self, Sent};
use super::rtp::{self, HEADER_LEN, Header};
use super::sound::{FRAME_LEN, SOUNDS};
use super::{Codec, Remote, g711};

/// Between two reports on one leg (RFC 3550 section 6.2 recommends five seconds as the least).
const REPORT_INTERVAL: Duration = Duration::from_secs(5);

/// Octets of a played packet.
pub(super) const PLAYED_LEN: usize = HEADER_LEN + FRAME_LEN;

/// What a leg hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hears {
    /// Nothing is sent.
    Nothing,
    /// A loop, begun at this tick (none: at the next one).
    Sound { sound: Sound, since: Option<u64> },
    /// The leg at this place of the same thread.
    Leg(usize),
}

/// Why a received packet goes no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// It is no RTP or RTCP packet.
    Malformed,
    /// It does not come from where the peer is.
    Foreign,
}

/// A packet taken from the peer.
#[derive(Debug)]
pub(super) struct Taken {
    header: Header,
    content: Content,
    /// The digit, if this packet is the first of a key press.
    pub digit: Option<char>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Sound(Codec),
    Press,
    /// Comfort noise, empty keep-alives, payloads never agreed on, anything while we asked for nothing.
    Other,
}

/// The random numbers of a leg: whoever does not see the stream cannot guess them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seed {
    pub ssrc: u32,
    pub sequence: u16,
    pub timestamp: u32,
    pub name: u64,
}

/// The state of one leg.
#[derive(Debug)]
pub(super) struct Leg {
    pub id: LegId,
    pub hears: Hears,
    remote: Option<Remote>,
    latch: Latch,
    out: Outgoing,
    reception: Reception,
    presses: Presses,
    /// The last packet, or since when packets are expected.
    heard_at: Instant,
    silence_told: bool,
    name: String,
    report_at: Instant,
    report_to: Option<SocketAddr>,
    packets: u32,
    octets: u32,
    packets_reported: u32,
}

impl Leg {
    pub fn new(id: LegId, seed: Seed, now: Instant) -> Self {
        // Spread over the interval, so that calls answered together do not report together.
        let first_report = REPORT_INTERVAL / 2 + Duration::from_millis(u64::from(seed.ssrc % 2500));
        Self {
            id,
            hears: Hears::Nothing,
            remote: None,
            latch: Latch::default(),
            out: Outgoing::new(seed.ssrc, seed.sequence, seed.timestamp),
            reception: Reception::new(now),
            presses: Presses::default(),
            heard_at: now,
            silence_told: false,
            name: format!("{:016x}", seed.name),
            report_at: now + first_report,
            report_to: None,
            packets: 0,
            octets: 0,
            packets_reported: 0,
        }
    }

    /// What the signalling agreed with the peer.
    pub fn set_remote(&mut self, remote: Remote, now: Instant) {
        if self.remote.is_none_or(|r| r.addr != remote.addr) {
            self.report_to = None;
        }
        self.latch.signal(remote.addr, remote.flow);
        self.heard_at = now;
        self.silence_told = false;
        if !remote.send || !reachable(&remote.addr) {
            self.out.interrupt();
        }
        self.remote = Some(remote);
    }

    /// Changes what the leg hears; the numbers of its stream go on.
    pub fn hear(&mut self, hears: Hears) {
        self.hears = hears;
        self.out.interrupt();
    }

    /// Leaves its thread: a bridge ends, and a loop goes on by the ticks of the next thread.
    pub fn leave(&mut self) {
        match &mut self.hears {
            Hears::Nothing => {}
            Hears::Sound { since, .. } => *since = None,
            Hears::Leg(_) => self.hears = Hears::Nothing,
        }
        self.out.interrupt();
    }

    /// Whether the 20 ms beat is wanted for this leg.
    pub fn plays(&self) -> bool {
        matches!(self.hears, Hears::Sound { .. }) && self.destination().is_some()
    }

    /// Packets lost on the way from the peer, an estimate.
    pub fn lost(&self) -> u64 {
        self.reception.lost()
    }

    /// Takes a packet that came to the RTP port.
    pub fn take(
        &mut self,
        packet: &[u8],
        from: SocketAddr,
        now: Instant,
    ) -> Result<Taken, Refused> {
        let header = rtp::parse(packet).map_err(|_| Refused::Malformed)?;
        let Some(remote) = &self.remote else {
            return Err(Refused::Foreign);
        };
        if !self.latch.admits(from, header.ssrc, header.sequence, now) {
            return Err(Refused::Foreign);
        }
        self.heard_at = now;
        self.silence_told = false;
        self.reception
            .note(header.ssrc, header.sequence, header.timestamp, now);
        let content = content(remote, &header);
        let digit = match content {
            Content::Press => self.presses.take(
                header.ssrc,
                header.timestamp,
                &packet[header.payload.clone()],
            ),
            Content::Sound(_) | Content::Other => None,
        };
        Ok(Taken {
            header,
            content,
            digit,
        })
    }

    /// Makes a packet taken by another leg into one of ours, in place; which part of it to send, and to where.
    pub fn relay(
        &mut self,
        packet: &mut [u8],
        taken: &Taken,
        now: Instant,
    ) -> Option<(Range<usize>, SocketAddr)> {
        let to = self.destination()?;
        let remote = self.remote.as_ref()?;
        let Header {
            marker,
            sequence,
            timestamp,
            ssrc,
            ref payload,
            ..
        } = taken.header;
        let length = payload.len() as u32;
        let (payload_type, carries) = match (taken.content, remote.telephone_event) {
            (Content::Sound(from), _) => {
                g711::transcode(packet.get_mut(payload.clone())?, from, remote.codec);
                (remote.payload, Carries::Sound(length))
            }
            (Content::Press, Some(payload_type)) => (payload_type, Carries::Press),
            (Content::Press, None) | (Content::Other, _) => {
                self.out.absorb(ssrc, sequence);
                return None;
            }
        };
        let stamp = self.out.relay(
            Incoming {
                ssrc,
                sequence,
                timestamp,
                marker,
                carries,
            },
            now,
        )?;
        // The new header goes right before the payload: extensions and sources of one call are not for the other.
        let start = payload.start.checked_sub(HEADER_LEN)?;
        let header = packet.get_mut(start..)?.first_chunk_mut()?;
        rtp::write(
            header,
            stamp.marker,
            payload_type,
            stamp.sequence,
            stamp.timestamp,
            self.out.ssrc(),
        );
        self.count(length);
        Some((start..payload.end, to))
    }

    /// Writes the packet of this tick, if the leg plays; where to send it.
    pub fn play(
        &mut self,
        tick: u64,
        packet: &mut [u8; PLAYED_LEN],
        now: Instant,
    ) -> Option<SocketAddr> {
        // First of all: a sound begins when it can be heard.
        let to = self.destination()?;
        let Hears::Sound {
            sound,
            ref mut since,
        } = self.hears
        else {
            return None;
        };
        let position = tick.saturating_sub(*since.get_or_insert(tick));
        let remote = self.remote.as_ref()?;
        let stamp = self.out.play(tick, now);
        let (header, payload) = packet.split_first_chunk_mut()?;
        rtp::write(
            header,
            stamp.marker,
            remote.payload,
            stamp.sequence,
            stamp.timestamp,
            self.out.ssrc(),
        );
        payload.copy_from_slice(SOUNDS.frame(sound, remote.codec, position));
        self.count(FRAME_LEN as u32);
        Some(to)
    }

    /// Whether the peer has been silent for too long just now; true once for each silence.
    pub fn fell_silent(&mut self, now: Instant, timeout: Duration) -> bool {
        let expected = self.remote.as_ref().is_some_and(|r| r.receive);
        if !expected || self.silence_told || now.saturating_duration_since(self.heard_at) < timeout
        {
            return false;
        }
        self.silence_told = true;
        true
    }

    /// Takes a packet that came to the RTCP port.
    pub fn take_rtcp(
        &mut self,
        packet: &[u8],
        from: SocketAddr,
        now: Instant,
    ) -> Result<(), Refused> {
        let report = rtcp::check(packet).map_err(|_| Refused::Malformed)?;
        if self
            .latch
            .destination()
            .is_none_or(|peer| peer.ip() != from.ip())
        {
            return Err(Refused::Foreign);
        }
        self.report_to.get_or_insert(from);
        if let Some(ntp_middle) = report {
            self.reception.note_report(ntp_middle, now);
        }
        Ok(())
    }

    /// Writes the report that is due, if one is; where to send it.
    pub fn report(
        &mut self,
        out: &mut Vec<u8>,
        now: Instant,
        wall: SystemTime,
    ) -> Option<SocketAddr> {
        if now < self.report_at {
            return None;
        }
        self.report_at = now + REPORT_INTERVAL;
        let peer = self.latch.destination().filter(reachable)?;
        let to = match self.report_to {
            Some(to) => to,
            None => SocketAddr::new(peer.ip(), peer.port().checked_add(1)?),
        };
        let sends = self.packets != self.packets_reported;
        let heard = self.reception.report(now);
        if !sends && heard.is_none() {
            return None;
        }
        self.packets_reported = self.packets;
        let sent = self
            .out
            .timestamp_at(now)
            .filter(|_| sends)
            .map(|timestamp| Sent {
                ntp: rtcp::ntp(wall),
                timestamp,
                packets: self.packets,
                octets: self.octets,
            });
        rtcp::write(out, self.out.ssrc(), sent, heard, &self.name);
        Some(to)
    }

    fn destination(&self) -> Option<SocketAddr> {
        self.remote.as_ref().filter(|r| r.send)?;
        self.latch.destination().filter(reachable)
    }

    const fn count(&mut self, octets: u32) {
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(octets);
    }
}

/// Hold in the old style names the address 0.0.0.0 (RFC 3264 section 8.4), a refused stream port 0.
fn reachable(address: &SocketAddr) -> bool {
    address.port() != 0 && !address.ip().is_unspecified()
}

fn content(remote: &Remote, header: &Header) -> Content {
    if !remote.receive || header.payload.is_empty() {
        return Content::Other;
    }
    match header.payload_type {
        kind if kind == remote.payload => Content::Sound(remote.codec),
        kind if Some(kind) == remote.telephone_event => Content::Press,
        // A peer may send the other law than it receives: the static numbers are clear (RFC 3551 table 4).
        0 => Content::Sound(Codec::Pcmu),
        8 => Content::Sound(Codec::Pcma),
        _ => Content::Other,
    }
}

#[cfg(test)]
#[path = "tests/leg.rs"]
mod tests;
