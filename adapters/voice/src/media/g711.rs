//! ITU-T G.711: the two telephone codings of one sample in one byte, and the tables between them.

use super::Codec;

/// Samples a second of both laws, which is also the RTP clock rate of both (RFC 3551 section 4.5.14).
pub(super) const SAMPLE_RATE: u32 = 8000;

/// The byte that means "no sound" in µ-law.
const PCMU_SILENCE: u8 = 0xFF;
/// The byte that means "no sound" in A-law.
const PCMA_SILENCE: u8 = 0xD5;

static PCMU_TO_PCMA: [u8; 256] = table(Codec::Pcmu, Codec::Pcma);
static PCMA_TO_PCMU: [u8; 256] = table(Codec::Pcma, Codec::Pcmu);

const fn table(from: Codec, to: Codec) -> [u8; 256] {
    let mut out = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        out[byte] = encode(to, decode(from, byte as u8));
        byte += 1;
    }
    out
}

/// The coded byte for a 16-bit linear sample.
pub(super) const fn encode(codec: Codec, sample: i16) -> u8 {
    match codec {
        Codec::Pcmu => encode_pcmu(sample),
        Codec::Pcma => encode_pcma(sample),
    }
}

/// The 16-bit linear sample that a coded byte stands for.
pub(super) const fn decode(codec: Codec, byte: u8) -> i16 {
    match codec {
        Codec::Pcmu => decode_pcmu(byte),
        Codec::Pcma => decode_pcma(byte),
    }
}

/// The byte that means "no sound".
pub(super) const fn silence(codec: Codec) -> u8 {
    match codec {
        Codec::Pcmu => PCMU_SILENCE,
        Codec::Pcma => PCMA_SILENCE,
    }
}

/// Turns a payload of one law into the other where it stands. Costs one look-up a byte; nothing when both are equal.
pub(super) fn transcode(payload: &mut [u8], from: Codec, to: Codec) {
    let table = match (from, to) {
        (Codec::Pcmu, Codec::Pcma) => &PCMU_TO_PCMA,
        (Codec::Pcma, Codec::Pcmu) => &PCMA_TO_PCMU,
        (Codec::Pcmu, Codec::Pcmu) | (Codec::Pcma, Codec::Pcma) => return,
    };
    for byte in payload {
        *byte = table[usize::from(*byte)];
    }
}

/// µ-law works on 14-bit magnitudes with a bias of 33, so that every segment starts at a power of two.
const PCMU_BIAS: u16 = 33;

const fn encode_pcmu(sample: i16) -> u8 {
    let magnitude = sample.unsigned_abs() >> 2;
    let limited = if magnitude > 8158 { 8158 } else { magnitude };
    let biased = limited + PCMU_BIAS;
    let segment = biased.ilog2() - 5;
    let step = (biased >> (segment + 1)) & 0x0F;
    let sign = if sample < 0 { 0x80 } else { 0 };
    !(sign | (segment as u8) << 4 | step as u8)
}

const fn decode_pcmu(byte: u8) -> i16 {
    let bits = !byte;
    let segment = (bits >> 4) & 7;
    let step = (bits & 0x0F) as i16;
    let magnitude = (((step * 2) + PCMU_BIAS as i16) << segment) - PCMU_BIAS as i16;
    if bits & 0x80 == 0 {
        magnitude << 2
    } else {
        -(magnitude << 2)
    }
}

const fn encode_pcma(sample: i16) -> u8 {
    // 13-bit magnitudes; the first two segments are linear and share one step size.
    let (sign, magnitude) = if sample < 0 {
        (0, !sample >> 3)
    } else {
        (0x80, sample >> 3)
    };
    let coded = if magnitude < 32 {
        (magnitude >> 1) as u8
    } else {
        let segment = magnitude.ilog2() - 4;
        (segment as u8) << 4 | ((magnitude >> segment) & 0x0F) as u8
    };
    (sign | coded) ^ 0x55
}

const fn decode_pcma(byte: u8) -> i16 {
    let bits = byte ^ 0x55;
    let segment = (bits >> 4) & 7;
    let step = (bits & 0x0F) as i16;
    let magnitude = if segment == 0 {
        step * 2 + 1
    } else {
        (step * 2 + 33) << (segment as u32 - 1)
    };
    if bits & 0x80 == 0 {
        -(magnitude << 3)
    } else {
        magnitude << 3
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BOTH: [Codec; 2] = [Codec::Pcmu, Codec::Pcma];

    #[test]
    fn a_decoded_byte_encodes_to_itself_but_for_the_negative_zero_of_pcmu() {
        for codec in BOTH {
            for byte in 0..=255 {
                let again = encode(codec, decode(codec, byte));
                if codec == Codec::Pcmu && byte == 0x7F {
                    assert_eq!(again, 0xFF);
                } else {
                    assert_eq!(again, byte, "{codec:?}");
                }
            }
        }
    }

    #[test]
    fn known_points_of_the_recommendation_hold() {
        assert_eq!(decode(Codec::Pcmu, 0x80), 8031 * 4);
        assert_eq!(decode(Codec::Pcmu, 0x00), -8031 * 4);
        assert_eq!(decode(Codec::Pcmu, PCMU_SILENCE), 0);
        assert_eq!(decode(Codec::Pcma, 0xAA), 4032 * 8);
        assert_eq!(decode(Codec::Pcma, PCMA_SILENCE), 8);
        assert_eq!(encode(Codec::Pcma, 0), PCMA_SILENCE);
        assert_eq!(encode(Codec::Pcmu, 0), PCMU_SILENCE);
    }

    #[test]
    fn silence_of_one_law_is_the_smallest_step_of_the_other() {
        let mut payload = [PCMU_SILENCE; 2];
        transcode(&mut payload, Codec::Pcmu, Codec::Pcma);
        assert_eq!(payload, [PCMA_SILENCE; 2]);
        // A-law has no zero: its quietest sample is one step up, here as in the tables of the recommendation.
        transcode(&mut payload, Codec::Pcma, Codec::Pcmu);
        assert_eq!(payload, [0xFE; 2]);
    }

    #[test]
    fn there_and_back_through_the_other_law_stays_within_one_step() {
        for byte in 0..=255u8 {
            let mut payload = [byte];
            transcode(&mut payload, Codec::Pcmu, Codec::Pcma);
            transcode(&mut payload, Codec::Pcma, Codec::Pcmu);
            let (was, is) = (decode(Codec::Pcmu, byte), decode(Codec::Pcmu, payload[0]));
            let error = (i32::from(was) - i32::from(is)).abs();
            assert!(
                error <= 16 + i32::from(was).abs() / 14,
                "{byte:#x}: {was} became {is}"
            );
        }
    }

    proptest! {
        #[test]
        fn coding_errs_by_a_sixteenth_of_the_sample_at_most(sample: i16) {
            for codec in BOTH {
                let error = (i32::from(decode(codec, encode(codec, sample))) - i32::from(sample)).abs();
                prop_assert!(error <= 16 + i32::from(sample).abs() / 16, "{codec:?} {error}");
            }
        }
    }
}
