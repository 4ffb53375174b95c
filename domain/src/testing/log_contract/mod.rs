//! What every [`EventLog`] promises, as one suite that every backend passes.
//!
//! Each promise is a function of a log that nobody else writes to; it may hold events already. A backend's tests call
//! [`log_contract_tests!`](crate::log_contract_tests), which makes one `#[test]` of each, or [`log_contract`] where
//! a runtime of its own must drive them.

mod appending;
mod reading;

use std::sync::Arc;

use uuid::Uuid;

use crate::event::{Actor, Category, Meta, NewEvent, Position, Recorded, Revision, Stream};
use crate::id::{EventId, TenantId};
use crate::port::log::{AppendError, Appended, Batch, EventLog, Expected};
use crate::time::Timestamp;

pub use appending::*;
pub use reading::*;

/// One `#[test]` per promise; the argument is an expression that makes a fresh log (`Arc<dyn EventLog>` or anything
/// that dereferences to one, kept alive until the promise was checked).
#[macro_export]
macro_rules! log_contract_tests {
    ($make:expr) => {
        $crate::log_contract_tests! { $make;
            revisions_of_a_stream_are_dense_from_zero
            positions_order_all_streams
            no_stream_is_refused_once_the_stream_exists
            a_wrong_revision_conflicts_and_names_the_current_one
            an_identical_retry_succeeds_and_stores_nothing
            a_retry_succeeds_after_the_stream_moved_on
            an_event_id_is_stored_once_in_the_whole_log
            a_batch_without_events_or_above_the_limits_is_refused
            a_refused_batch_leaves_nothing_behind
            an_envelope_comes_back_as_it_was_written
            reading_pages_is_exclusive_and_ends
            waiting_ends_when_the_head_moves
            a_subscription_goes_live_without_loss_or_repeat
            of_racing_writers_one_wins
        }
    };
    ($make:expr; $($promise:ident)+) => {
        $(#[test]
        fn $promise() {
            let log = $make;
            $crate::testing::block_on($crate::testing::log_contract::$promise(&*log));
        })+
    };
}

/// Checks every promise, each on a log of its own.
pub async fn log_contract(make: impl Fn() -> Arc<dyn EventLog>) {
    revisions_of_a_stream_are_dense_from_zero(&*make()).await;
    positions_order_all_streams(&*make()).await;
    no_stream_is_refused_once_the_stream_exists(&*make()).await;
    a_wrong_revision_conflicts_and_names_the_current_one(&*make()).await;
    an_identical_retry_succeeds_and_stores_nothing(&*make()).await;
    a_retry_succeeds_after_the_stream_moved_on(&*make()).await;
    an_event_id_is_stored_once_in_the_whole_log(&*make()).await;
    a_batch_without_events_or_above_the_limits_is_refused(&*make()).await;
    a_refused_batch_leaves_nothing_behind(&*make()).await;
    an_envelope_comes_back_as_it_was_written(&*make()).await;
    reading_pages_is_exclusive_and_ends(&*make()).await;
    waiting_ends_when_the_head_moves(&*make()).await;
    a_subscription_goes_live_without_loss_or_repeat(&*make()).await;
    of_racing_writers_one_wins(&*make()).await;
}

/// A stream for tests, one per number.
#[must_use]
pub fn stream(number: u128) -> Stream {
    Stream::new(Category::Interaction, Uuid::from_u128(0x5eed_0000 + number))
}

/// An event for tests whose id and data follow from the number.
#[must_use]
pub fn event(number: u128) -> NewEvent {
    NewEvent {
        id: EventId::derived(Uuid::from_u128(number), "contract"),
        kind: format!("interaction.fact_{}", number % 3),
        version: 1,
        recorded_at: Timestamp::from_millis(1_795_262_400_000),
        meta: Meta {
            tenant: TenantId::named("contract"),
            actor: Actor::System,
            correlation: Uuid::from_u128(number),
            causation: None,
            subject: None,
        },
        data: format!("{{\"number\":{number}}}").into_bytes(),
    }
}

fn events(numbers: impl IntoIterator<Item = u128>) -> Vec<NewEvent> {
    numbers.into_iter().map(event).collect()
}

async fn append(
    log: &dyn EventLog,
    to: u128,
    expected: Expected,
    numbers: impl IntoIterator<Item = u128>,
) -> Result<Appended, AppendError> {
    log.append(Batch {
        stream: stream(to),
        expected,
        events: events(numbers),
    })
    .await
}

async fn all_after(log: &dyn EventLog, start: Position) -> Vec<Recorded> {
    log.read_all(start, usize::MAX)
        .await
        .expect("the log can be read")
}

const fn exact(revision: u64) -> Expected {
    Expected::Exact(Revision(revision))
}
