//! The phone's sound: a tone out, counters in. One socket carries all calls; they are told apart by the address the
//! peer's packets come from.

use std::collections::HashMap;
use std::net::SocketAddr;

use crate::media::Codec;
use crate::sdp::Audio;

/// Samples in a packet of 20 ms.
const SAMPLES: u16 = 160;
/// RTP version 2.
const VERSION: u8 = 0x80;

/// Packets of one call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RtpStats {
    /// Sent.
    pub sent: u64,
    /// Received.
    pub received: u64,
    /// Missing in the sequence of what was received, per source that spoke.
    pub lost: u64,
}

/// Where one source is in its sequence.
#[derive(Clone, Copy)]
struct Sequence {
    ssrc: u32,
    next: u16,
}

struct Stream {
    remote: SocketAddr,
    packet: [u8; 12 + SAMPLES as usize],
    sequence: u16,
    timestamp: u32,
    sending: bool,
    heard: Option<Sequence>,
    stats: RtpStats,
}

/// All streams of a phone.
#[derive(Default)]
pub(super) struct Streams {
    streams: HashMap<u64, Stream>,
    by_remote: HashMap<SocketAddr, u64>,
}

impl Streams {
    /// Starts a call's stream, or moves, holds or resumes it.
    pub(super) fn set(&mut self, id: u64, audio: &Audio, ssrc: u32) {
        let (codec, payload) = audio.codecs[0];
        let stream = self.streams.entry(id).or_insert_with(|| Stream {
            remote: audio.address,
            packet: tone(codec, ssrc),
            sequence: 0,
            timestamp: 0,
            sending: false,
            heard: None,
            stats: RtpStats::default(),
        });
        self.by_remote.remove(&stream.remote);
        stream.remote = audio.address;
        stream.packet[12..].copy_from_slice(&tone(codec, ssrc)[12..]);
        stream.packet[1] = payload;
        stream.sending = audio.direction.receives();
        self.by_remote.insert(audio.address, id);
    }

    pub(super) fn remove(&mut self, id: u64) -> RtpStats {
        let Some(stream) = self.streams.remove(&id) else {
            return RtpStats::default();
        };
        self.by_remote.remove(&stream.remote);
        stream.stats
    }

    pub(super) fn stats(&self, id: u64) -> Option<RtpStats> {
        self.streams.get(&id).map(|stream| stream.stats)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.streams.is_empty()
    }

    /// 20 ms have passed: every stream's next packet.
    pub(super) fn tick(&mut self, mut send: impl FnMut(&[u8], SocketAddr)) {
        for stream in self.streams.values_mut().filter(|stream| stream.sending) {
            stream.packet[2..4].copy_from_slice(&stream.sequence.to_be_bytes());
            stream.packet[4..8].copy_from_slice(&stream.timestamp.to_be_bytes());
            stream.sequence = stream.sequence.wrapping_add(1);
            stream.timestamp = stream.timestamp.wrapping_add(u32::from(SAMPLES));
            stream.stats.sent += 1;
            send(&stream.packet, stream.remote);
        }
    }

    /// A packet came in.
    pub(super) fn heard(&mut self, packet: &[u8], source: SocketAddr) {
        let Some(stream) = self
            .by_remote
            .get(&source)
            .and_then(|id| self.streams.get_mut(id))
        else {
            return;
        };
        let [first, _, high, low, _, _, _, _, a, b, c, d, ..] = *packet else {
            return;
        };
        if first & 0xc0 != VERSION {
            return;
        }
        let (sequence, ssrc) = (
            u16::from_be_bytes([high, low]),
            u32::from_be_bytes([a, b, c, d]),
        );
        stream.stats.received += 1;
        match &mut stream.heard {
            Some(heard) if heard.ssrc == ssrc => {
                let ahead = sequence.wrapping_sub(heard.next);
                if ahead < 0x8000 {
                    stream.stats.lost += u64::from(ahead);
                    heard.next = sequence.wrapping_add(1);
                } else {
                    // Late, and counted as lost when it was passed over.
                    stream.stats.lost = stream.stats.lost.saturating_sub(1);
                }
            }
            heard => {
                *heard = Some(Sequence {
                    ssrc,
                    next: sequence.wrapping_add(1),
                })
            }
        }
    }
}

/// A packet of a 400 Hz tone: eight whole periods, so that packets join without a click.
fn tone(codec: Codec, ssrc: u32) -> [u8; 12 + SAMPLES as usize] {
    let mut packet = [0; 12 + SAMPLES as usize];
    packet[0] = VERSION;
    packet[8..12].copy_from_slice(&ssrc.to_be_bytes());
    for (at, byte) in packet[12..].iter_mut().enumerate() {
        let phase = f64::from(u32::try_from(at % 20).unwrap_or(0)) / 20.0 * std::f64::consts::TAU;
        #[allow(clippy::cast_possible_truncation)] // |sin| <= 1
        let sample = (phase.sin() * 8_000.0) as i16;
        *byte = match codec {
            Codec::Pcmu => mu_law(sample),
            Codec::Pcma => a_law(sample),
        };
    }
    packet
}

/// The segment of a magnitude: the position of its highest bit above `lowest`, and the four bits after it.
fn segment(magnitude: u32, lowest: u32) -> (u32, u32) {
    let exponent = magnitude.checked_ilog2().unwrap_or(0).max(lowest) - lowest;
    (exponent, magnitude >> (exponent + lowest - 4) & 0x0f)
}

/// ITU-T G.711 mu-law.
fn mu_law(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x80 } else { 0 };
    let (exponent, mantissa) = segment((u32::from(sample.unsigned_abs()) + 132).min(32_767), 7);
    !u8::try_from(sign | exponent << 4 | mantissa).unwrap_or(0)
}

/// ITU-T G.711 A-law.
fn a_law(sample: i16) -> u8 {
    let sign = if sample < 0 { 0 } else { 0x80 };
    let magnitude = u32::from(sample.unsigned_abs()).min(32_767);
    let code = if magnitude < 256 {
        magnitude >> 4
    } else {
        let (exponent, mantissa) = segment(magnitude, 7);
        exponent << 4 | mantissa
    };
    u8::try_from(sign | code).unwrap_or(0) ^ 0x55
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_samples_have_their_g711_codes() {
        assert_eq!(
            [0, 8_000, -8_000, 32_767].map(mu_law),
            [0xff, 0xa0, 0x20, 0x80]
        );
        assert_eq!(
            [0, 8_000, -8_000, 32_767].map(a_law),
            [0xd5, 0x8a, 0x0a, 0xaa]
        );
    }

    #[test]
    fn a_gap_counts_as_loss_and_a_late_packet_takes_it_back() {
        let remote: SocketAddr = "127.0.0.1:4000".parse().unwrap();
        let mut streams = Streams::default();
        let audio = Audio {
            address: remote,
            codecs: vec![(Codec::Pcmu, 0)],
            telephone_event: None,
            direction: crate::sdp::Direction::SendRecv,
        };
        streams.set(1, &audio, 7);
        let mut packet = tone(Codec::Pcmu, 9);
        for sequence in [65_534_u16, 65_535, 2, 0] {
            packet[2..4].copy_from_slice(&sequence.to_be_bytes());
            streams.heard(&packet, remote);
        }
        assert_eq!(
            streams.stats(1),
            Some(RtpStats {
                sent: 0,
                received: 4,
                lost: 1
            })
        );
    }
}
