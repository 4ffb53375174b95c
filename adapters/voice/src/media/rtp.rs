//! RTP packets (RFC 3550 section 5.1): reading a header and putting ours in its place.

use std::ops::Range;

/// Octets of a header without contributing sources and extension; every header that we write has this length.
pub(super) const HEADER_LEN: usize = 12;

/// What the header of a received packet says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub marker: bool,
    pub payload_type: u8,
    pub sequence: u16,
    pub timestamp: u32,
    pub ssrc: u32,
    /// Where the payload lies in the packet, without extension and padding. Starts at [`HEADER_LEN`] or later.
    pub payload: Range<usize>,
}

/// Not an RTP packet: wrong version, cut short, lengths that contradict each other, or RTCP on the RTP port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// Reads the header of a packet.
pub(super) fn parse(packet: &[u8]) -> Result<Header, Malformed> {
    let Some((fixed, _)) = packet.split_first_chunk::<HEADER_LEN>() else {
        return Err(Malformed);
    };
    let [first, second, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3] = *fixed;
    // Second octets 192 to 223 are RTCP packet types (RFC 5761 section 4): a peer that multiplexes though we
    // never offered it.
    if first >> 6 != 2 || (192..=223).contains(&second) {
        return Err(Malformed);
    }
    let mut start = HEADER_LEN + 4 * usize::from(first & 0x0F);
    if first & 0x10 != 0 {
        let [_, _, high, low] = *packet
            .get(start..start + 4)
            .and_then(<[u8]>::first_chunk)
            .ok_or(Malformed)?;
        start += 4 + 4 * usize::from(u16::from_be_bytes([high, low]));
    }
    let mut end = packet.len();
    if first & 0x20 != 0 {
        let padding = usize::from(packet[end - 1]);
        if padding == 0 {
            return Err(Malformed);
        }
        end = end.checked_sub(padding).ok_or(Malformed)?;
    }
    if start > end {
        return Err(Malformed);
    }
    Ok(Header {
        marker: second & 0x80 != 0,
        payload_type: second & 0x7F,
        sequence: u16::from_be_bytes([s0, s1]),
        timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
        ssrc: u32::from_be_bytes([c0, c1, c2, c3]),
        payload: start..end,
    })
}

/// Writes a plain header: version 2, no padding, extension or contributing sources.
pub(super) fn write(
    out: &mut [u8; HEADER_LEN],
    marker: bool,
    payload_type: u8,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
) {
    out[0] = 0x80;
    out[1] = u8::from(marker) << 7 | (payload_type & 0x7F);
    out[2..4].copy_from_slice(&sequence.to_be_bytes());
    out[4..8].copy_from_slice(&timestamp.to_be_bytes());
    out[8..12].copy_from_slice(&ssrc.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packet(first: u8, rest: &[u8]) -> Vec<u8> {
        let mut packet = vec![first, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
        packet.extend_from_slice(rest);
        packet
    }

    #[test]
    fn sources_extension_and_padding_are_left_out_of_the_payload() {
        // One contributing source, an extension of one word, two octets of sound, two of padding.
        let bytes = [0, 0, 0, 9, 0xBE, 0xDE, 0, 1, 1, 2, 3, 4, 0xAA, 0xBB, 0, 2];
        let header = parse(&packet(0x80 | 0x20 | 0x10 | 1, &bytes)).unwrap();
        assert_eq!(header.payload, 24..26);
        assert_eq!((header.sequence, header.timestamp, header.ssrc), (1, 2, 3));
    }

    #[test]
    fn contradicting_lengths_are_refused() {
        assert_eq!(parse(&packet(0x80, &[])[..11]), Err(Malformed), "short");
        assert_eq!(parse(&packet(0x40, &[0; 8])), Err(Malformed), "version 1");
        assert_eq!(
            parse(&packet(0x8F, &[0; 8])),
            Err(Malformed),
            "15 sources in 8 octets"
        );
        assert_eq!(
            parse(&packet(0x90, &[0, 0, 0, 9])),
            Err(Malformed),
            "extension beyond the end"
        );
        assert_eq!(
            parse(&packet(0xA0, &[0, 0, 0, 0])),
            Err(Malformed),
            "padding of nothing"
        );
        assert_eq!(
            parse(&packet(0xA0, &[0, 0, 0, 5])),
            Err(Malformed),
            "padding over the header"
        );
        let mut rtcp = packet(0x80, &[0; 16]);
        rtcp[1] = 200;
        assert_eq!(parse(&rtcp), Err(Malformed), "a sender report");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            if let Ok(header) = parse(&bytes) {
                prop_assert!(header.payload.start >= HEADER_LEN);
                prop_assert!(header.payload.start <= header.payload.end);
                prop_assert!(header.payload.end <= bytes.len());
            }
        }

        #[test]
        fn what_is_written_is_read(marker: bool, kind in 0u8..64, sequence: u16, timestamp: u32, ssrc: u32) {
            let mut out = [0; HEADER_LEN];
            write(&mut out, marker, kind, sequence, timestamp, ssrc);
            let read = Header { marker, payload_type: kind, sequence, timestamp, ssrc, payload: 12..12 };
            prop_assert_eq!(parse(&out), Ok(read));
        }
    }
}
