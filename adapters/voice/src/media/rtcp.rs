//! RTCP (RFC 3550 section 6): the compound packet that we send now and then, and a strict look at what comes in.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::reception::ReportBlock;
use super::rtp::Malformed;

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const CNAME: u8 = 1;

/// Seconds from the start of NTP time (1900) to that of Unix time (1970).
const NTP_TO_UNIX: u64 = 2_208_988_800;

/// What a sender says of its own stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    /// NTP time, 32.32 bits.
    pub ntp: u64,
    /// The RTP timestamp of that moment.
    pub timestamp: u32,
    pub packets: u32,
    pub octets: u32,
}

/// The time of day as NTP counts it.
pub(super) fn ntp(now: SystemTime) -> u64 {
    let unix = now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let fraction = (u64::from(unix.subsec_nanos()) << 32) / 1_000_000_000;
    (unix.as_secs().wrapping_add(NTP_TO_UNIX) << 32) | fraction
}

/// Writes a compound packet: a sender report, or a receiver report when nothing was sent, and our name.
pub(super) fn write(
    out: &mut Vec<u8>,
    ssrc: u32,
    sent: Option<Sent>,
    heard: Option<ReportBlock>,
    name: &str,
) {
    out.clear();
    let kind = if sent.is_some() {
        SENDER_REPORT
    } else {
        RECEIVER_REPORT
    };
    section(out, u8::from(heard.is_some()), kind, |out| {
        put(out, ssrc);
        if let Some(sent) = sent {
            out.extend_from_slice(&sent.ntp.to_be_bytes());
            put(out, sent.timestamp);
            put(out, sent.packets);
            put(out, sent.octets);
        }
        if let Some(block) = heard {
            put(out, block.ssrc);
            // Cumulative loss is a signed 24-bit number that stops at its ends.
            let lost = block.lost.clamp(-0x80_0000, 0x7F_FFFF) as u32 & 0xFF_FFFF;
            put(out, u32::from(block.fraction_lost) << 24 | lost);
            put(out, block.highest_sequence);
            put(out, block.jitter);
            put(out, block.last_report);
            put(out, block.since_report);
        }
    });
    section(out, 1, SOURCE_DESCRIPTION, |out| {
        put(out, ssrc);
        let name = &name.as_bytes()[..name.len().min(255)];
        out.extend_from_slice(&[CNAME, name.len() as u8]);
        out.extend_from_slice(name);
        // The list ends with a zero, and the section with as many as fill the word.
        out.push(0);
        while out.len() % 4 != 0 {
            out.push(0);
        }
    });
}

fn section(out: &mut Vec<u8>, count: u8, kind: u8, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0x80 | count, kind, 0, 0]);
    body(out);
    let words = ((out.len() - start) / 4 - 1) as u16;
    out[start + 2..start + 4].copy_from_slice(&words.to_be_bytes());
}

fn put(out: &mut Vec<u8>, word: u32) {
    out.extend_from_slice(&word.to_be_bytes());
}

/// Checks a compound packet as a whole; the middle 32 bits of the NTP time if it begins with a sender report.
///
/// # Errors
/// [`Malformed`] unless every section has version 2 and a length that fits, and the first is a report.
pub(super) fn check(packet: &[u8]) -> Result<Option<u32>, Malformed> {
    let mut rest = packet;
    let mut report = None;
    let mut first = true;
    while !rest.is_empty() {
        let [flags, kind, high, low] = *rest.first_chunk().ok_or(Malformed)?;
        let length = 4 * (usize::from(u16::from_be_bytes([high, low])) + 1);
        let (section, after) = rest.split_at_checked(length).ok_or(Malformed)?;
        if flags >> 6 != 2 || !(192..=223).contains(&kind) {
            return Err(Malformed);
        }
        if first {
            let blocks = 24 * usize::from(flags & 0x1F);
            let fits = match kind {
                SENDER_REPORT => section.len() >= 28 + blocks,
                RECEIVER_REPORT => section.len() >= 8 + blocks,
                _ => false,
            };
            if !fits {
                return Err(Malformed);
            }
            if kind == SENDER_REPORT {
                report = section
                    .get(10..14)
                    .and_then(<[u8]>::first_chunk)
                    .map(|b| u32::from_be_bytes(*b));
            }
        }
        first = false;
        rest = after;
    }
    if first { Err(Malformed) } else { Ok(report) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BLOCK: ReportBlock = ReportBlock {
        ssrc: 9,
        fraction_lost: 3,
        lost: -1,
        highest_sequence: 70_000,
        jitter: 5,
        last_report: 6,
        since_report: 7,
    };

    #[test]
    fn a_sender_report_reads_back_field_by_field() {
        let mut out = Vec::new();
        let sent = Sent {
            ntp: 0x0102_0304_0506_0708,
            timestamp: 1600,
            packets: 10,
            octets: 1600,
        };
        write(&mut out, 42, Some(sent), Some(BLOCK), "abc");
        assert_eq!(out[..4], [0x81, 200, 0, 12]);
        assert_eq!(out[4..8], 42u32.to_be_bytes());
        assert_eq!(out[32..36], [3, 0xFF, 0xFF, 0xFF], "fraction and minus one");
        assert_eq!(
            out[52..],
            [
                0x81, 202, 0, 3, 0, 0, 0, 42, 1, 3, b'a', b'b', b'c', 0, 0, 0
            ]
        );
        assert_eq!(check(&out), Ok(Some(0x0304_0506)));
    }

    #[test]
    fn who_sent_nothing_sends_a_receiver_report() {
        let mut out = Vec::new();
        write(&mut out, 42, None, None, "abcd");
        assert_eq!(out[..4], [0x80, 201, 0, 1]);
        assert_eq!(check(&out), Ok(None));
    }

    #[test]
    fn the_unix_epoch_is_seventy_years_into_ntp_time() {
        assert_eq!(
            ntp(UNIX_EPOCH + Duration::from_millis(500)),
            (NTP_TO_UNIX << 32) | 0x8000_0000
        );
    }

    #[test]
    fn sections_that_do_not_fit_are_refused() {
        assert_eq!(check(&[]), Err(Malformed));
        assert_eq!(
            check(&[0x80, 201, 0, 1, 0, 0, 0]),
            Err(Malformed),
            "cut short"
        );
        assert_eq!(
            check(&[0x81, 201, 0, 1, 0, 0, 0, 1]),
            Err(Malformed),
            "a block that is not there"
        );
        assert_eq!(check(&[0x80, 202, 0, 0]), Err(Malformed), "no report first");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..128)) {
            let _ = check(&bytes);
            let mut framed = vec![0x80, 200];
            framed.extend_from_slice(&bytes);
            let _ = check(&framed);
        }

        #[test]
        fn what_is_written_passes_the_check(ssrc: u32, lost: i32, name in "[a-z]{0,300}", sends: bool) {
            let mut out = Vec::new();
            let sent = sends.then_some(Sent { ntp: 1 << 32, timestamp: 1, packets: 1, octets: 1 });
            write(&mut out, ssrc, sent, Some(ReportBlock { lost, ..BLOCK }), &name);
            prop_assert_eq!(out.len() % 4, 0);
            prop_assert_eq!(check(&out), Ok(sends.then_some(0x1_0000)));
        }
    }
}
