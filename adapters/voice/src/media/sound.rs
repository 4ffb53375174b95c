//! Everything that can be played, coded once for the whole process: playing costs a copy of 160 bytes.

use std::sync::LazyLock;

use rapport_domain::port::voice::Sound;

use super::outgoing::FRAME_SAMPLES;
use super::{Codec, g711, music};

/// Octets of one frame.
pub(super) const FRAME_LEN: usize = FRAME_SAMPLES as usize;

/// The sounds of the process.
pub(super) static SOUNDS: LazyLock<Sounds> = LazyLock::new(Sounds::make);

/// One sound in both codings, whole frames.
struct Track {
    pcmu: Vec<u8>,
    pcma: Vec<u8>,
}

impl Track {
    fn code(samples: &[i16]) -> Self {
        let coded = |codec| samples.iter().map(|&s| g711::encode(codec, s)).collect();
        Self {
            pcmu: coded(Codec::Pcmu),
            pcma: coded(Codec::Pcma),
        }
    }
}

pub(super) struct Sounds {
    music: Track,
    ringback: Track,
    silence: Track,
}

impl Sounds {
    fn make() -> Self {
        let silence = |codec| vec![g711::silence(codec); FRAME_LEN];
        Self {
            music: Track::code(&music::compose()),
            ringback: Track::code(&music::ringback()),
            silence: Track {
                pcmu: silence(Codec::Pcmu),
                pcma: silence(Codec::Pcma),
            },
        }
    }

    /// A frame of a sound; any number is good, as every sound is a loop.
    pub fn frame(&self, sound: Sound, codec: Codec, number: u64) -> &[u8] {
        let track = match sound {
            Sound::QueueMusic => &self.music,
            Sound::Ringback => &self.ringback,
            Sound::Silence => &self.silence,
        };
        let bytes = match codec {
            Codec::Pcmu => &track.pcmu,
            Codec::Pcma => &track.pcma,
        };
        let frames = bytes.len() / FRAME_LEN;
        let start = (number % frames as u64) as usize * FRAME_LEN;
        &bytes[start..start + FRAME_LEN]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sound_has_whole_frames_for_ever() {
        for sound in [Sound::QueueMusic, Sound::Ringback, Sound::Silence] {
            for codec in [Codec::Pcmu, Codec::Pcma] {
                for number in [0, 1, 799, 800, u64::MAX] {
                    assert_eq!(SOUNDS.frame(sound, codec, number).len(), FRAME_LEN);
                }
            }
        }
        let (first, again) = (0, 250);
        assert_eq!(
            SOUNDS.frame(Sound::Ringback, Codec::Pcma, first),
            SOUNDS.frame(Sound::Ringback, Codec::Pcma, again),
        );
    }
}
