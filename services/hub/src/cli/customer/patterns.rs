//! How a known value may be written in a file: the byte strings to look for.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// A value with fewer bytes is found everywhere by chance: it cannot be looked for.
pub const SHORTEST: usize = 5;
/// Longer texts are looked for in pieces of so many characters: a database splits them over pages, and one piece is
/// enough to tell.
const PIECE: usize = 24;
/// A piece of a long text with fewer different characters is a line of dashes, which anybody may have drawn.
const DIFFERENT: usize = 5;
/// Shorter byte strings are not looked for in base64, where chance is greater.
const SHORTEST_IN_BASE64: usize = 9;

/// The pieces of a value that are looked for; none when it is too short or says too little.
pub fn pieces(value: &str) -> Vec<String> {
    let characters: Vec<char> = value.trim().chars().collect();
    if characters.len() <= PIECE {
        let whole: String = characters.into_iter().collect();
        return if whole.len() < SHORTEST {
            vec![]
        } else {
            vec![whole]
        };
    }
    let mut pieces: Vec<&[char]> = characters.chunks_exact(PIECE).collect();
    // The end, too; it may overlap the last piece.
    pieces.push(&characters[characters.len() - PIECE..]);
    pieces
        .into_iter()
        .filter(|piece| piece.iter().collect::<BTreeSet<_>>().len() >= DIFFERENT)
        .map(|piece| piece.iter().collect())
        .collect()
}

/// The ways in which a piece may be written: UTF-8, escaped as JSON, UTF-16, within base64; a number also without its
/// plus. Letters of either case are to be looked for.
pub fn forms(piece: &str) -> BTreeSet<Vec<u8>> {
    let mut forms = BTreeSet::new();
    let digits = piece
        .strip_prefix('+')
        .filter(|rest| rest.len() >= SHORTEST && rest.bytes().all(|byte| byte.is_ascii_digit()));
    for text in [Some(piece), digits].into_iter().flatten() {
        forms.insert(text.as_bytes().to_vec());
        forms.insert(escaped(text, false).into_bytes());
        forms.insert(escaped(text, true).into_bytes());
        forms.insert(text.encode_utf16().flat_map(u16::to_le_bytes).collect());
        forms.insert(text.encode_utf16().flat_map(u16::to_be_bytes).collect());
        if text.len() >= SHORTEST_IN_BASE64 {
            forms.extend((0..3).map(|shift| in_base64(text.as_bytes(), shift)));
        }
    }
    forms
}

/// The inside of the JSON string (RFC 8259, section 7); with `ascii` everything else as `\uXXXX`.
fn escaped(text: &str, ascii: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            plain if !plain.is_control() && (plain.is_ascii() || !ascii) => out.push(plain),
            other => {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    // Writing to a text does not fail.
                    let _written = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out
}

/// What base64 (RFC 4648, section 4) makes of the bytes when `shift` bytes, 0 to 2, stand before them in their group:
/// only the characters that depend on nothing else.
fn in_base64(bytes: &[u8], shift: usize) -> Vec<u8> {
    let mut padded = vec![0; shift];
    padded.extend_from_slice(bytes);
    let whole = STANDARD_NO_PAD.encode(&padded).into_bytes();
    let first = (shift * 8).div_ceil(6);
    let last = padded.len() * 8 / 6;
    whole[first..last].to_vec()
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    fn holds(haystack: &[u8], value: &str) -> bool {
        let forms: Vec<_> = pieces(value)
            .iter()
            .flat_map(|piece| forms(piece))
            .collect();
        forms
            .iter()
            .any(|form| haystack.windows(form.len()).any(|window| window == form))
    }

    #[test]
    fn a_name_is_found_however_it_is_written() {
        let name = "Zoë \"Z\" Żółć";
        let json = serde_json::to_string(name).unwrap();
        assert!(holds(json.as_bytes(), name));
        assert!(holds(
            b"{\"name\":\"Zo\\u00eb \\\"Z\\\" \\u017b\\u00f3\\u0142\\u0107\"}",
            name
        ));
        let wide: Vec<u8> = format!("x{name}y")
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        assert!(holds(&wide, name));
        for before in ["", "a", "ab", "abc"] {
            let armoured = STANDARD.encode(format!("{before}{name} and more"));
            assert!(holds(armoured.as_bytes(), name), "{before}");
        }
        assert!(!holds(b"{\"name\":\"Zo\\u00eb\"}", name));
    }

    #[test]
    fn a_number_is_found_without_its_plus() {
        assert!(holds(b"sip:4930123456@carrier", "+4930123456"));
        assert!(!holds(b"sip:4930123457@carrier", "+4930123456"));
    }

    #[test]
    fn a_piece_of_a_long_text_is_enough() {
        let text =
            "My parcel did not arrive, and the neighbours have not seen it either. What now?";
        for piece in [
            &text.as_bytes()[10..60],
            &text.as_bytes()[text.len() - 26..],
        ] {
            assert!(holds(piece, text));
        }
        assert!(pieces("yes").is_empty(), "found everywhere by chance");
        assert!(pieces(&"-".repeat(500)).is_empty());
    }
}
