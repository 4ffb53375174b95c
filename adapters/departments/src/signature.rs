//! Signatures as Standard Webhooks has them: `v1,` and the base64 of an HMAC-SHA256 over id, moment and body.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rapport_domain::time::Timestamp;

/// How far the moment of a message may be from ours, before or after.
pub const TOLERANCE: Duration = Duration::from_secs(5 * 60);
/// What a secret's text begins with.
const PREFIX: &str = "whsec_";
/// Bytes a secret has.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// Signatures of one message that are looked at.
const MOST_SIGNATURES: usize = 10;
/// The longest id of a message, in bytes.
const LONGEST_ID: usize = 256;

/// The text is no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a secret is whsec_ and the base64 of 24 to 64 random bytes")]
pub struct NotASecret;

/// What both sides know. It does not print.
#[derive(Clone)]
pub struct Secret(hmac::Key);

impl Secret {
    /// Reads `whsec_…`.
    ///
    /// # Errors
    /// [`NotASecret`].
    pub fn parse(text: &str) -> Result<Self, NotASecret> {
        let encoded = text.strip_prefix(PREFIX).ok_or(NotASecret)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| NotASecret)?;
        if !BYTES.contains(&bytes.len()) {
            return Err(NotASecret);
        }
        Ok(Self(hmac::Key::new(HMAC_SHA256, &bytes)))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

/// What is signed. Ids and moments have no dot, so nothing can be moved from one part to the next.
fn message(id: &str, seconds: i64, body: &[u8]) -> Vec<u8> {
    let mut message = format!("{id}.{seconds}.").into_bytes();
    message.extend_from_slice(body);
    message
}

/// The value of `webhook-signature`: one signature for each secret, so that a receiver may know the old or the new one.
#[must_use]
pub fn sign(secrets: &[Secret], id: &str, at: Timestamp, body: &[u8]) -> String {
    let message = message(id, seconds(at), body);
    let one = |secret: &Secret| format!("v1,{}", STANDARD.encode(hmac::sign(&secret.0, &message)));
    secrets.iter().map(one).collect::<Vec<_>>().join(" ")
}

/// The moment as the headers have it.
pub(crate) fn seconds(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(1_000)
}

/// What a message says of itself.
#[derive(Clone, Copy, Debug)]
pub struct Headers<'a> {
    /// `webhook-id`.
    pub id: &'a str,
    /// `webhook-timestamp`.
    pub timestamp: &'a str,
    /// `webhook-signature`.
    pub signature: &'a str,
}

/// Why a message is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotGenuine {
    /// The id is empty, too long, or holds what none may hold.
    #[error("webhook-id must be 1 to 256 visible characters without a dot")]
    Id,
    /// The moment is no whole number of seconds.
    #[error("webhook-timestamp must be whole seconds since 1970")]
    Timestamp,
    /// The moment is too far away: the message is old, was sent again by somebody, or a clock is wrong.
    #[error("webhook-timestamp is more than five minutes from now")]
    Stale,
    /// No signature is right.
    #[error("no signature fits")]
    Signature,
}

/// Whether a message comes from somebody who knows one of the secrets, and is of now. Takes the same time for every wrong
/// signature.
///
/// # Errors
/// [`NotGenuine`].
pub fn verify(
    secrets: &[Secret],
    headers: Headers<'_>,
    body: &[u8],
    now: Timestamp,
) -> Result<(), NotGenuine> {
    let id = headers.id;
    let plain = |b: u8| b.is_ascii_graphic() && b != b'.';
    if id.is_empty() || id.len() > LONGEST_ID || !id.bytes().all(plain) {
        return Err(NotGenuine::Id);
    }
    let digits = headers.timestamp.bytes().all(|b| b.is_ascii_digit());
    let sent: i64 = headers
        .timestamp
        .parse()
        .ok()
        .filter(|_| digits)
        .ok_or(NotGenuine::Timestamp)?;
    let message = message(id, sent, body);
    let given: Vec<Vec<u8>> = headers
        .signature
        .split(' ')
        .filter_map(|one| STANDARD.decode(one.strip_prefix("v1,")?).ok())
        .take(MOST_SIGNATURES)
        .collect();
    let mut right = false;
    for secret in secrets {
        for signature in &given {
            right |= hmac::verify(&secret.0, &message, signature).is_ok();
        }
    }
    if !right {
        return Err(NotGenuine::Signature);
    }
    // After the signature: who does not know the secret learns nothing of our clock.
    let apart = seconds(now).saturating_sub(sent).unsigned_abs();
    if apart > TOLERANCE.as_secs() {
        return Err(NotGenuine::Stale);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    // The example of the specification's reference libraries.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    fn secret(text: &str) -> Secret {
        Secret::parse(text).unwrap_or_else(|error| panic!("{error}"))
    }

    fn other() -> Secret {
        secret(&format!("whsec_{}", STANDARD.encode([7_u8; 32])))
    }

    fn headers(signature: &str) -> Headers<'_> {
        Headers {
            id: ID,
            timestamp: "1614265330",
            signature,
        }
    }

    #[test]
    fn the_known_example_is_signed_and_verified_as_everybody_does() {
        assert_eq!(
            sign(&[secret(SECRET)], ID, at(1_614_265_330), BODY),
            SIGNATURE
        );
        let now = at(1_614_265_330 + 299);
        assert_eq!(
            verify(&[secret(SECRET)], headers(SIGNATURE), BODY, now),
            Ok(())
        );
    }

    #[test]
    fn while_secrets_change_either_one_is_enough_on_either_side() {
        let now = at(1_614_265_330);
        let both = sign(&[other(), secret(SECRET)], ID, now, BODY);
        assert_eq!(both.split(' ').count(), 2);
        assert_eq!(verify(&[secret(SECRET)], headers(&both), BODY, now), Ok(()));
        let known = [other(), secret(SECRET)];
        assert_eq!(verify(&known, headers(SIGNATURE), BODY, now), Ok(()));
        let foreign = format!("v1a,xyz {SIGNATURE}");
        assert_eq!(
            verify(&[secret(SECRET)], headers(&foreign), BODY, now),
            Ok(())
        );
    }

    #[test]
    fn what_was_changed_old_or_signed_by_somebody_else_is_refused() {
        let (known, now) = ([secret(SECRET)], at(1_614_265_330));
        let wrong = |headers, body: &[u8], now| verify(&known, headers, body, now);
        let good = headers(SIGNATURE);
        assert_eq!(wrong(good, b"{}", now), Err(NotGenuine::Signature));
        assert_eq!(
            verify(&[other()], good, BODY, now),
            Err(NotGenuine::Signature)
        );
        for apart in [301, -301] {
            let then = at(1_614_265_330 + apart);
            assert_eq!(wrong(good, BODY, then), Err(NotGenuine::Stale));
        }
        for signature in ["", "v1,", "v1,AAAA", "v2,g0hM9SsE", "garbage"] {
            let found = wrong(headers(signature), BODY, now);
            assert_eq!(found, Err(NotGenuine::Signature), "{signature}");
        }
        for id in ["", "a.b", "a b", "é"] {
            assert_eq!(
                wrong(Headers { id, ..good }, BODY, now),
                Err(NotGenuine::Id)
            );
        }
        for timestamp in ["", "-1", "+1614265330", "16e9", "99999999999999999999"] {
            let found = wrong(Headers { timestamp, ..good }, BODY, now);
            assert_eq!(found, Err(NotGenuine::Timestamp), "{timestamp}");
        }
    }

    #[test]
    fn a_secret_is_long_enough_and_does_not_print() {
        for text in [
            "",
            "whsec_",
            "whsec_AAAA",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        ] {
            assert!(Secret::parse(text).is_err(), "{text}");
        }
        assert_eq!(format!("{:?}", secret(SECRET)), "<secret>");
    }
}
