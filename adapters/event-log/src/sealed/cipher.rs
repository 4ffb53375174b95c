//! One event's data with its personal values sealed, and back.
//!
//! Sealed data is the data as it was, with `null` in the place of each personal value and one field before all others:
//! `"$sealed"`, the base64 (RFC 4648, section 4, without padding) of
//!
//! | bytes | what |
//! |---|---|
//! | 1 | format, 1 |
//! | 1.. | how many values, then the bytes before each from the end of the one before; LEB128 |
//! | 12 | nonce |
//! | the rest | AES-256-GCM (NIST SP 800-38D) of the JSON array of the values, with its tag |
//!
//! The places are readable without the key, so that a destroyed key leaves an event whose other values are in place.
//! They, the event's id, its type and its subject are associated data: a sealed value opens nowhere else.
//!
//! The nonce is not random but the start of a keyed hash of event and values: the same event is sealed into the same
//! bytes, by which a log tells a retry, and other values under the same id get another nonce. It is made with a key of its
//! own, because a hash without one would confirm guesses of the values after their key is destroyed.

use std::ops::Range;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use rapport_domain::event::NewEvent;
use rapport_domain::id::CustomerId;
use rapport_domain::port::keys::CustomerKey;
use rapport_domain::private::FORGOTTEN;

use super::splice::{self, Unreadable};

/// How sealed data begins. Facts written by this program begin so in no other case.
pub(super) const PREFIX: &[u8] = b"{\"$sealed\":\"";

const FORMAT: u8 = 1;
const NULL: &[u8] = b"null";

/// Why sealed data was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// Its form is none that this program knows.
    Form,
    /// It was changed, moved from another event, or sealed with another key.
    Seal,
}

impl From<Unreadable> for Broken {
    fn from(Unreadable: Unreadable) -> Self {
        Self::Form
    }
}

/// The cipher failed for a reason that has nothing to do with the data.
#[derive(Clone, Copy, Debug)]
pub(super) struct CipherFailed;

/// A customer's key, ready for use.
pub(super) struct Cipher {
    sealing: LessSafeKey,
    key: CustomerKey,
}

impl Cipher {
    pub fn new(key: CustomerKey) -> Result<Self, CipherFailed> {
        let bytes = derived(&key, b"rapport/event/seal");
        let unbound = UnboundKey::new(&AES_256_GCM, bytes.as_ref()).map_err(|_| CipherFailed)?;
        Ok(Self {
            sealing: LessSafeKey::new(unbound),
            key,
        })
    }

    /// The event's data with the values at these places sealed; there is at least one.
    pub fn seal(
        &self,
        event: &NewEvent,
        subject: CustomerId,
        spans: &[Range<usize>],
    ) -> Result<Vec<u8>, CipherFailed> {
        let clear = replaced(&event.data, spans, NULL);
        let mut header = vec![FORMAT];
        put_number(&mut header, spans.len());
        let mut end = 0;
        for span in spans {
            put_number(&mut header, span.start - end);
            end = span.end;
        }
        let mut values = vec![b'['];
        for (place, span) in spans.iter().enumerate() {
            if place > 0 {
                values.push(b',');
            }
            values.extend_from_slice(&event.data[span.clone()]);
        }
        values.push(b']');
        let about = about(event, subject, &header);
        let nonce = self.nonce(&about, &values);
        self.sealing
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(&about),
                &mut values,
            )
            .map_err(|_| CipherFailed)?;
        header.extend_from_slice(&nonce);
        header.extend_from_slice(&values);
        let mut sealed = Vec::with_capacity(PREFIX.len() + header.len() * 4 / 3 + clear.len() + 8);
        sealed.extend_from_slice(PREFIX);
        sealed.extend_from_slice(STANDARD_NO_PAD.encode(&header).as_bytes());
        sealed.extend_from_slice(b"\",");
        sealed.extend_from_slice(&clear[1..]);
        Ok(sealed)
    }

    /// The data as it was before it was sealed.
    pub fn open(&self, event: &NewEvent, subject: CustomerId) -> Result<Vec<u8>, Broken> {
        let Parts {
            clear,
            places,
            mut sealed,
            header,
        } = Parts::of(&event.data)?;
        let about = about(event, subject, &sealed[..header]);
        let (front, values) = sealed
            .split_at_mut_checked(header + NONCE_LEN)
            .ok_or(Broken::Form)?;
        let nonce = Nonce::try_assume_unique_for_key(&front[header..]).map_err(|_| Broken::Form)?;
        let values = self
            .sealing
            .open_in_place(nonce, Aad::from(&about), values)
            .map_err(|_| Broken::Seal)?;
        let values = splice::elements(values)?;
        if values.len() != places.len() {
            return Err(Broken::Form);
        }
        filled(&clear, &places, |place| values[place])
    }

    fn nonce(&self, about: &[u8], values: &[u8]) -> [u8; NONCE_LEN] {
        let key = derived(&self.key, b"rapport/event/nonce");
        let mut hash = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key.as_ref()));
        hash.update(&(about.len() as u64).to_be_bytes());
        hash.update(about);
        hash.update(values);
        let hash = hash.sign();
        let mut nonce = [0; NONCE_LEN];
        nonce.copy_from_slice(&hash.as_ref()[..NONCE_LEN]);
        nonce
    }
}

/// A key for one use: HKDF-Expand (RFC 5869, section 2.3) of one block; the customer's key is random already.
fn derived(key: &CustomerKey, purpose: &[u8]) -> hmac::Tag {
    let mut hash = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key.expose()));
    hash.update(purpose);
    hash.update(&[1]);
    hash.sign()
}

/// Plain data with the personal values at these places forgotten.
pub(super) fn forgotten(data: &[u8], spans: &[Range<usize>]) -> Vec<u8> {
    replaced(data, spans, placeholder().as_bytes())
}

/// Sealed data whose key is destroyed: what can still be read, the rest forgotten.
pub(super) fn forget_sealed(data: &[u8]) -> Result<Vec<u8>, Broken> {
    let parts = Parts::of(data)?;
    let placeholder = placeholder();
    filled(&parts.clear, &parts.places, |_| placeholder.as_bytes())
}

fn placeholder() -> String {
    format!("\"{FORGOTTEN}\"")
}

/// What sealed data consists of.
struct Parts {
    /// The data without its sealed field: null in the place of each value.
    clear: Vec<u8>,
    /// Where in it those are.
    places: Vec<usize>,
    /// The sealed field, decoded.
    sealed: Vec<u8>,
    /// The bytes of it before the nonce.
    header: usize,
}

impl Parts {
    fn of(data: &[u8]) -> Result<Self, Broken> {
        let rest = data.strip_prefix(PREFIX).ok_or(Broken::Form)?;
        let end = rest
            .iter()
            .position(|byte| *byte == b'"')
            .ok_or(Broken::Form)?;
        let sealed = STANDARD_NO_PAD
            .decode(&rest[..end])
            .map_err(|_| Broken::Form)?;
        let fields = rest[end..].strip_prefix(b"\",").ok_or(Broken::Form)?;
        let mut clear = Vec::with_capacity(fields.len() + 1);
        clear.push(b'{');
        clear.extend_from_slice(fields);

        let mut numbers = sealed.as_slice();
        if numbers.split_off_first() != Some(&FORMAT) {
            return Err(Broken::Form);
        }
        let count = take_number(&mut numbers)?;
        let mut places = Vec::new();
        let mut at = 0_usize;
        for _ in 0..count {
            let place = at
                .checked_add(take_number(&mut numbers)?)
                .filter(|place| {
                    clear
                        .get(*place..)
                        .is_some_and(|rest| rest.starts_with(NULL))
                })
                .ok_or(Broken::Form)?;
            places.push(place);
            at = place + NULL.len();
        }
        let header = sealed.len() - numbers.len();
        Ok(Self {
            clear,
            places,
            sealed,
            header,
        })
    }
}

fn about(event: &NewEvent, subject: CustomerId, header: &[u8]) -> Vec<u8> {
    let mut about = Vec::with_capacity(header.len() + event.kind.len() + 40);
    about.extend_from_slice(event.id.as_uuid().as_bytes());
    about.extend_from_slice(subject.as_uuid().as_bytes());
    about.extend_from_slice(&event.version.to_be_bytes());
    about.extend_from_slice(&(event.kind.len() as u32).to_be_bytes());
    about.extend_from_slice(event.kind.as_bytes());
    about.extend_from_slice(header);
    about
}

/// The data with something else in each of these places.
fn replaced(data: &[u8], spans: &[Range<usize>], by: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(data.len() + spans.len() * by.len());
    let mut at = 0;
    for span in spans {
        text.extend_from_slice(&data[at..span.start]);
        text.extend_from_slice(by);
        at = span.end;
    }
    text.extend_from_slice(&data[at..]);
    text
}

/// The clear data with a value in each place of a null.
fn filled<'a>(
    clear: &[u8],
    places: &[usize],
    value: impl Fn(usize) -> &'a [u8],
) -> Result<Vec<u8>, Broken> {
    let more: usize = (0..places.len()).map(|place| value(place).len()).sum();
    let mut text = Vec::with_capacity(clear.len() + more);
    let mut at = 0;
    for (number, place) in places.iter().enumerate() {
        text.extend_from_slice(clear.get(at..*place).ok_or(Broken::Form)?);
        text.extend_from_slice(value(number));
        at = place + NULL.len();
    }
    text.extend_from_slice(clear.get(at..).ok_or(Broken::Form)?);
    Ok(text)
}

/// LEB128.
fn put_number(to: &mut Vec<u8>, number: usize) {
    let mut left = number;
    while left >= 0x80 {
        to.push((left & 0x7f) as u8 | 0x80);
        left >>= 7;
    }
    to.push(left as u8);
}

fn take_number(from: &mut &[u8]) -> Result<usize, Broken> {
    let mut number = 0_usize;
    // Data is at most a mebibyte long, so four groups of seven bits hold every place.
    for shift in [0, 7, 14, 21] {
        let byte = *from.split_off_first().ok_or(Broken::Form)?;
        number |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(Broken::Form)
}
