//! The key that wraps the keys, so that a copy of their store alone opens nothing.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use aws_lc_rs::rand;
use rapport_domain::id::CustomerId;
use rapport_domain::port::keys::{CustomerKey, KEY_BYTES};

use super::KeysOpenError;

const PLAIN: u8 = 1;
const WRAPPED: u8 = 2;
const TAG: usize = 16;

/// Bytes of a wrapped key: form, nonce, key, tag.
pub(super) const WRAPPED_BYTES: usize = 1 + NONCE_LEN + KEY_BYTES + TAG;

/// The key that wraps all others, made from the secret of the configuration (HKDF-SHA-256, RFC 5869). The secret must be
/// random: nothing slows down guessing.
pub struct MasterKey(LessSafeKey);

/// A stored key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unwrapping {
    /// It is wrapped and no master key was given.
    NoMaster,
    /// It was wrapped by another master key, or for another customer, or it is damaged.
    Wrong,
}

/// The cipher or the source of random bytes failed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failed;

impl MasterKey {
    /// The fewest characters of a secret.
    pub const LEAST: usize = 32;

    /// The master key of a secret.
    ///
    /// # Errors
    /// [`KeysOpenError::WeakMaster`] when it is too short to be random.
    pub fn new(secret: &str) -> Result<Self, KeysOpenError> {
        let secret = secret.trim();
        if secret.chars().count() < Self::LEAST {
            return Err(KeysOpenError::WeakMaster);
        }
        let mut bytes = [0; KEY_BYTES];
        Salt::new(HKDF_SHA256, b"rapport/keys")
            .extract(secret.as_bytes())
            .expand(&[b"master"], HKDF_SHA256)
            .and_then(|key| key.fill(&mut bytes))
            .and_then(|()| UnboundKey::new(&AES_256_GCM, &bytes))
            .map(|key| Self(LessSafeKey::new(key)))
            .map_err(|_| KeysOpenError::Cipher)
    }

    fn seal(&self, about: &[u8], text: &[u8]) -> Result<Vec<u8>, Failed> {
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce).map_err(|_| Failed)?;
        let mut sealed = text.to_vec();
        self.0
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(about),
                &mut sealed,
            )
            .map_err(|_| Failed)?;
        Ok([&[WRAPPED], &nonce[..], &sealed].concat())
    }

    fn open(&self, about: &[u8], stored: &[u8]) -> Result<Vec<u8>, Unwrapping> {
        let (nonce, sealed) = stored
            .strip_prefix(&[WRAPPED])
            .and_then(<[u8]>::split_first_chunk::<NONCE_LEN>)
            .ok_or(Unwrapping::Wrong)?;
        let mut text = sealed.to_vec();
        let length = self
            .0
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(about),
                &mut text,
            )
            .map_err(|_| Unwrapping::Wrong)?
            .len();
        text.truncate(length);
        Ok(text)
    }

    /// Something by which this master key is told from others.
    pub(super) fn proof(&self) -> Result<Vec<u8>, Failed> {
        self.seal(PROOF, PROOF)
    }

    /// Whether the proof was made with this master key.
    pub(super) fn made(&self, proof: &[u8]) -> bool {
        self.open(PROOF, proof).is_ok_and(|text| text == PROOF)
    }
}

const PROOF: &[u8] = b"rapport/keys/proof";

/// A new random key.
pub(super) fn fresh() -> Result<CustomerKey, Failed> {
    let mut bytes = [0; KEY_BYTES];
    rand::fill(&mut bytes).map_err(|_| Failed)?;
    Ok(CustomerKey::new(bytes))
}

/// As a key is stored: wrapped when there is a master key.
pub(super) fn stored(
    master: Option<&MasterKey>,
    customer: CustomerId,
    key: &CustomerKey,
) -> Result<Vec<u8>, Failed> {
    match master {
        None => Ok([&[PLAIN], &key.expose()[..]].concat()),
        Some(master) => master.seal(customer.as_uuid().as_bytes(), key.expose()),
    }
}

/// The key that is stored so.
pub(super) fn read(
    master: Option<&MasterKey>,
    customer: CustomerId,
    stored: &[u8],
) -> Result<CustomerKey, Unwrapping> {
    let bytes = match (stored.split_first(), master) {
        (Some((&PLAIN, key)), _) => key.to_vec(),
        (Some((&WRAPPED, _)), None) => return Err(Unwrapping::NoMaster),
        (Some((&WRAPPED, _)), Some(master)) => {
            master.open(customer.as_uuid().as_bytes(), stored)?
        }
        _ => return Err(Unwrapping::Wrong),
    };
    let bytes = <[u8; KEY_BYTES]>::try_from(bytes).map_err(|_| Unwrapping::Wrong)?;
    Ok(CustomerKey::new(bytes))
}

pub(super) fn is_plain(stored: &[u8]) -> bool {
    stored.first() == Some(&PLAIN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rapport_domain::testing::keys_contract::customer;

    fn master(secret: char) -> MasterKey {
        MasterKey::new(&secret.to_string().repeat(MasterKey::LEAST)).unwrap()
    }

    #[test]
    fn a_wrapped_key_opens_for_its_customer_with_its_master_only() {
        let (one, key) = (master('a'), fresh().unwrap());
        let wrapped = stored(Some(&one), customer(1), &key).unwrap();
        assert_eq!(wrapped.len(), WRAPPED_BYTES);
        assert!(
            !wrapped
                .windows(8)
                .any(|part| key.expose().windows(8).any(|of| of == part))
        );
        assert_eq!(read(Some(&one), customer(1), &wrapped), Ok(key));
        assert_eq!(read(None, customer(1), &wrapped), Err(Unwrapping::NoMaster));
        assert_eq!(
            read(Some(&one), customer(2), &wrapped),
            Err(Unwrapping::Wrong)
        );
        assert_eq!(
            read(Some(&master('b')), customer(1), &wrapped),
            Err(Unwrapping::Wrong)
        );
        assert!(one.made(&one.proof().unwrap()) && !master('b').made(&one.proof().unwrap()));
    }

    #[test]
    fn a_short_secret_is_refused() {
        assert!(MasterKey::new("guess me").is_err());
    }
}
