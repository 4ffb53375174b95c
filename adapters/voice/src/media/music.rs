//! The queue music: a short piece of our own, made of sums of sines when the program starts.
//!
//! Eight bars of slow broken chords over a soft bass, with a sparse tune above. Every tone that rings past the end
//! rings on into the beginning, so the loop has no seam. All of it lies in the band a telephone carries.

use std::f32::consts::TAU;

use super::g711::SAMPLE_RATE;

/// Seconds of one bar.
const BAR: f32 = 2.0;
/// The loudest sample: about 12 dB below full scale, comfortable beside speech.
const PEAK: f32 = 8200.0;

/// One bar: the bass note, the eighths of the broken chord, and tune notes as (eighth, note). Notes are numbered
/// in semitones with the A of 440 Hz at 69.
struct Bar {
    bass: u8,
    chord: [u8; 8],
    tune: &'static [(u8, u8)],
}

const PIECE: [Bar; 8] = [
    Bar {
        bass: 48,
        chord: [60, 64, 67, 71, 74, 71, 67, 64],
        tune: &[(0, 79), (3, 76), (6, 74)],
    },
    Bar {
        bass: 57,
        chord: [57, 60, 64, 67, 71, 67, 64, 60],
        tune: &[(0, 72), (4, 76)],
    },
    Bar {
        bass: 53,
        chord: [57, 60, 65, 67, 72, 67, 65, 60],
        tune: &[(0, 81), (3, 79), (6, 76)],
    },
    Bar {
        bass: 55,
        chord: [59, 62, 67, 69, 74, 69, 67, 62],
        tune: &[(0, 74)],
    },
    Bar {
        bass: 52,
        chord: [59, 64, 67, 71, 74, 71, 67, 64],
        tune: &[(0, 83), (3, 79), (6, 76)],
    },
    Bar {
        bass: 57,
        chord: [60, 64, 67, 69, 76, 69, 67, 64],
        tune: &[(0, 81), (4, 79)],
    },
    Bar {
        bass: 50,
        chord: [57, 62, 65, 69, 72, 69, 65, 62],
        tune: &[(0, 77), (2, 76), (4, 74)],
    },
    Bar {
        bass: 55,
        chord: [60, 62, 67, 69, 74, 71, 67, 62],
        tune: &[(0, 74), (4, 71)],
    },
];

/// The sound of an instrument.
struct Voice {
    loudness: f32,
    /// Strength of the partials, fundamental first.
    partials: &'static [f32],
    /// Seconds until it is at its loudest.
    attack: f32,
    /// Seconds until it has fallen to about a third.
    decay: f32,
}

const PLUCK: Voice = Voice {
    loudness: 0.30,
    partials: &[1.0, 0.35, 0.12],
    attack: 0.006,
    decay: 0.45,
};
const TUNE: Voice = Voice {
    loudness: 0.42,
    partials: &[1.0, 0.18],
    attack: 0.02,
    decay: 0.7,
};
/// Odd partials falling with the square: nearly a triangle.
const BASS: Voice = Voice {
    loudness: 0.55,
    partials: &[1.0, 0.0, 0.111, 0.0, 0.04],
    attack: 0.03,
    decay: 1.1,
};

/// The piece as 16-bit samples at 8 kHz, a whole number of 20 ms frames.
pub(super) fn compose() -> Vec<i16> {
    let samples = (BAR * SAMPLE_RATE as f32) as usize * PIECE.len();
    let mut mix = vec![0.0; samples];
    for (number, bar) in PIECE.iter().enumerate() {
        let start = number as f32 * BAR;
        let eighth = BAR / 8.0;
        strike(&mut mix, start, bar.bass, &BASS);
        for (i, &note) in bar.chord.iter().enumerate() {
            strike(&mut mix, start + i as f32 * eighth, note, &PLUCK);
        }
        for &(at, note) in bar.tune {
            strike(&mut mix, start + f32::from(at) * eighth, note, &TUNE);
        }
    }
    let loudest = mix
        .iter()
        .fold(f32::MIN_POSITIVE, |peak, s| s.abs().max(peak));
    mix.iter().map(|s| (s * PEAK / loudest) as i16).collect()
}

/// The British and European ringing tone: 425 Hz, one second on, four off (ETSI TR 101 041-2), with ends
/// rounded so that they do not click.
pub(super) fn ringback() -> Vec<i16> {
    let rate = SAMPLE_RATE as usize;
    let edge = rate / 200;
    (0..5 * rate)
        .map(|i| {
            let fade = i.min(rate.saturating_sub(i)).min(edge) as f32 / edge as f32;
            ((425.0 * i as f32 / SAMPLE_RATE as f32 * TAU).sin() * fade * 6000.0) as i16
        })
        .collect()
}

/// Adds one note, letting it ring over the end into the beginning.
fn strike(mix: &mut [f32], start: f32, note: u8, voice: &Voice) {
    let frequency = 440.0 * ((f32::from(note) - 69.0) / 12.0).exp2();
    let rate = SAMPLE_RATE as f32;
    let first = (start * rate) as usize;
    let ring = voice.attack + voice.decay * 5.0;
    for i in 0..(ring * rate) as usize {
        let t = i as f32 / rate;
        // Straight up, falling exponentially, and down to nothing over the whole ring.
        let envelope = (t / voice.attack).min(1.0) * (-t / voice.decay).exp() * (1.0 - t / ring);
        let mut wave = 0.0;
        for (partial, strength) in (1u8..).zip(voice.partials) {
            wave += strength * (TAU * frequency * f32::from(partial) * t).sin();
        }
        mix[(first + i) % mix.len()] += voice.loudness * envelope * wave;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steepest(samples: &[i16]) -> i32 {
        samples
            .windows(2)
            .map(|w| (i32::from(w[1]) - i32::from(w[0])).abs())
            .max()
            .unwrap()
    }

    #[test]
    fn the_music_is_loud_enough_never_clipped_and_always_there() {
        let music = compose();
        assert_eq!(music.len() % 160, 0);
        let peak = music.iter().map(|s| s.unsigned_abs()).max().unwrap();
        assert!((8000..8400).contains(&peak), "{peak}");
        for (i, half_second) in music.chunks(4000).enumerate() {
            let energy: f64 = half_second.iter().map(|&s| f64::from(s).powi(2)).sum();
            let rms = (energy / half_second.len() as f64).sqrt();
            assert!(rms > 500.0, "half second {i} is nearly silent: {rms}");
        }
    }

    #[test]
    fn the_loop_has_no_seam() {
        let music = compose();
        let seam = (i32::from(music[0]) - i32::from(music[music.len() - 1])).abs();
        assert!(seam <= steepest(&music), "{seam}");
    }

    #[test]
    fn ringback_sounds_for_one_second_of_five_and_does_not_click() {
        let tone = ringback();
        assert_eq!(tone.len(), 40_000);
        assert!(tone[8000..].iter().all(|&s| s == 0));
        assert!(tone[1000..1100].iter().any(|&s| s.abs() > 5900));
        let crossings = tone[..8000]
            .windows(2)
            .filter(|w| w[0] < 0 && w[1] >= 0)
            .count();
        assert!((424..=426).contains(&crossings), "{crossings} Hz");
        assert!(i32::from(tone[1].abs()) < steepest(&tone) / 10);
    }
}
