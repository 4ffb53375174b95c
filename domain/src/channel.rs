//! The ways to talk to a customer.

use serde::{Deserialize, Serialize};

/// A channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// Telephone.
    Voice,
    /// Web chat.
    Chat,
    /// Text messages.
    Sms,
    /// E-mail.
    Email,
}

impl Channel {
    /// The name in the API, the log and the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Voice => "voice",
            Self::Chat => "chat",
            Self::Sms => "sms",
            Self::Email => "email",
        }
    }
}

/// Who reached out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The customer contacted us.
    Inbound,
    /// We contacted the customer.
    Outbound,
}
