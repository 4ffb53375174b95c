//! Where a customer can be reached, normalised so that the same number or address is always the same value.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::id::TenantId;
use crate::private::{FORGOTTEN, Private};

/// The kinds of contact points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A telephone number, E.164 where it can be (`+4930123456`), else the digits a trunk handed over.
    Phone,
    /// An e-mail address, lower case.
    Email,
    /// A browser that chats with us: the random name its token stands for.
    ChatVisitor,
    /// A customer number of another system.
    ExternalId,
}

impl Kind {
    /// The name used in ids, the API and the log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Email => "email",
            Self::ChatVisitor => "chat_visitor",
            Self::ExternalId => "external_id",
        }
    }
}

/// One way to reach a customer: a kind and a normalised value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ContactPoint {
    kind: Kind,
    value: Private<String>,
}

/// The text cannot be a contact point of that kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a {kind}: {reason}", kind = .kind.name())]
pub struct NotAContactPoint {
    /// What it was meant to be.
    pub kind: Kind,
    /// What is wrong, without the value itself.
    pub reason: &'static str,
}

impl ContactPoint {
    /// Reads and normalises. Phone numbers lose spaces, dashes, dots, brackets and a leading `00` becomes `+`;
    /// a number without `+` keeps its digits as they are, because only the trunk knows its numbering plan.
    ///
    /// # Errors
    /// [`NotAContactPoint`] with the reason, never the value.
    pub fn parse(kind: Kind, text: &str) -> Result<Self, NotAContactPoint> {
        let value = match kind {
            Kind::Phone => phone(text),
            Kind::Email => email(text),
            Kind::ChatVisitor | Kind::ExternalId => opaque(text),
        }
        .map_err(|reason| NotAContactPoint { kind, reason })?;
        Ok(Self {
            kind,
            value: Private::new(value),
        })
    }

    /// What kind it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The normalised value: personal data.
    #[must_use]
    pub fn value(&self) -> &str {
        self.value.expose()
    }

    /// Whether its owner was forgotten: then it names nobody, and nobody can be reached by it.
    #[must_use]
    pub fn is_forgotten(&self) -> bool {
        self.value.is_forgotten()
    }

    /// The name of its stream: UUID v5 of tenant, kind and normalised value, so that two claims meet in one place
    /// and the value itself is not in a stream name.
    #[must_use]
    pub fn key(&self, tenant: TenantId) -> Uuid {
        let name = format!("contact-point/{}/{}", self.kind.name(), self.value());
        Uuid::new_v5(&tenant.as_uuid(), name.as_bytes())
    }
}

impl fmt::Display for ContactPoint {
    /// The kind only; the value is personal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} <private>", self.kind.name())
    }
}

fn phone(text: &str) -> Result<String, &'static str> {
    let mut digits: String = text
        .chars()
        .filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')' | '/'))
        .collect();
    if let Some(international) = digits.strip_prefix("00") {
        digits = format!("+{international}");
    }
    let bare = digits.strip_prefix('+').unwrap_or(&digits);
    if bare.is_empty() || !bare.bytes().all(|b| b.is_ascii_digit()) {
        return Err("it may hold digits and a leading + only");
    }
    if !(2..=15).contains(&bare.len()) {
        return Err("it must have 2 to 15 digits (E.164)");
    }
    Ok(digits)
}

fn email(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    let (local, host) = text.rsplit_once('@').ok_or("it has no @")?;
    if local.is_empty() || host.is_empty() || text.len() > 254 {
        return Err("it must look like name@host and have at most 254 bytes");
    }
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err("it holds a space or control character");
    }
    Ok(text.to_lowercase())
}

fn opaque(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    if text.is_empty() || text.len() > 128 || text.chars().any(char::is_control) {
        return Err("it must have 1 to 128 bytes without control characters");
    }
    // Else everybody who was forgotten would be found by it.
    if text == FORGOTTEN {
        return Err("it stands for what was forgotten");
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_number_written_differently_is_one_contact_point() {
        let tenant = TenantId::named("t");
        let keys: Vec<_> = ["+49 30 123-456", "0049(30)123456", "+4930123456"]
            .iter()
            .map(|text| ContactPoint::parse(Kind::Phone, text).unwrap().key(tenant))
            .collect();
        assert!(keys.iter().all(|key| *key == keys[0]));
    }

    #[test]
    fn letters_and_overlong_numbers_are_refused() {
        for text in ["", "+", "12a", "1234567890123456", "sip:alice"] {
            assert!(ContactPoint::parse(Kind::Phone, text).is_err(), "{text}");
        }
    }

    #[test]
    fn mail_addresses_ignore_case() {
        let address = ContactPoint::parse(Kind::Email, " Anna@Example.ORG ").unwrap();
        assert_eq!(address.value(), "anna@example.org");
    }

    #[test]
    fn what_stands_for_a_forgotten_value_is_no_contact_point() {
        for kind in [
            Kind::Phone,
            Kind::Email,
            Kind::ChatVisitor,
            Kind::ExternalId,
        ] {
            assert!(ContactPoint::parse(kind, FORGOTTEN).is_err());
        }
    }

    #[test]
    fn two_tenants_do_not_share_a_contact_point() {
        let point = ContactPoint::parse(Kind::Phone, "+4930123456").unwrap();
        assert_ne!(
            point.key(TenantId::named("a")),
            point.key(TenantId::named("b"))
        );
    }
}
