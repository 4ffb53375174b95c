//! Bringing deliveries to departments' systems.

use crate::id::WebhookId;
use crate::port::BoxFuture;
use crate::time::Timestamp;
use crate::webhook::{Answer, Delivery};

/// Knows where endpoints are and how deliveries to them are signed. One call is one attempt, bounded in time; when it is
/// tried again is not decided here.
pub trait WebhookSender: Send + Sync {
    /// Attempts to hand a delivery over; `at` is what the receiver is told as the moment of the attempt. An endpoint it does
    /// not know is [`Answer::Unreachable`].
    fn deliver<'a>(
        &'a self,
        endpoint: WebhookId,
        delivery: &'a Delivery,
        at: Timestamp,
    ) -> BoxFuture<'a, Answer>;
}
