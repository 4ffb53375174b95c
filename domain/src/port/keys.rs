//! The keys that personal data is sealed with: one per customer, kept apart from the log, so that destroying one makes
//! everything sealed with it unreadable for good.

use std::fmt;

use crate::id::{CustomerId, TenantId};
use crate::port::BoxFuture;
use crate::time::Timestamp;

/// Bytes of a key: AES-256.
pub const KEY_BYTES: usize = 32;

/// The key of one customer. It prints as `<key>`.
#[derive(Clone, PartialEq, Eq)]
pub struct CustomerKey([u8; KEY_BYTES]);

impl CustomerKey {
    /// A key from its bytes.
    #[must_use]
    pub const fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }

    /// The bytes, for the cipher and the key file only.
    #[must_use]
    pub const fn expose(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }
}

impl fmt::Debug for CustomerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<key>")
    }
}

/// What is known of a customer's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// No key was ever made.
    Absent,
    /// The key.
    Present(CustomerKey),
    /// It was destroyed; none will be made again.
    Destroyed {
        /// When.
        at: Timestamp,
    },
}

/// The keys cannot be read or written now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the keys of personal data: {0}")]
pub struct KeyError(pub String);

/// Keeps one key per customer. Shared by all nodes that share a log; backed up apart from it.
pub trait Keys: Send + Sync {
    /// The customer's key, made and durable before this answers when there was none. Two callers at once get the same
    /// key. Never [`KeyState::Absent`].
    fn key_for_sealing(
        &self,
        tenant: TenantId,
        customer: CustomerId,
    ) -> BoxFuture<'_, Result<KeyState, KeyError>>;

    /// The keys of these customers, in the order asked.
    fn keys_for_opening(
        &self,
        customers: Vec<CustomerId>,
    ) -> BoxFuture<'_, Result<Vec<KeyState>, KeyError>>;

    /// Destroys a key for good, or notes that none may be made. Durable, and no byte of the key is left in the files
    /// of the keys, before this answers. Repeating it is success and keeps the first moment.
    fn destroy(&self, customer: CustomerId, at: Timestamp) -> BoxFuture<'_, Result<(), KeyError>>;
}
