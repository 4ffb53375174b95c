use std::sync::Arc;
use std::thread;

use super::log_contract::{event, stream};
use super::{MemoryLog, block_on};
use crate::event::{Position, Revision};
use crate::port::log::{Batch, EventLog, Expected, Subscription};

mod contract {
    use crate::testing::MemoryLog;

    crate::log_contract_tests!(Box::new(MemoryLog::new()));
}

#[test]
fn a_waiting_thread_is_woken_by_another_threads_append() {
    let log = Arc::new(MemoryLog::new());
    let follower = {
        let log = Arc::clone(&log);
        thread::spawn(move || {
            block_on(async {
                let mut subscription = Subscription::new(&*log, Position::START, 10);
                let mut seen = Vec::new();
                while seen.len() < 200 {
                    seen.extend(subscription.next().await.unwrap());
                }
                seen
            })
        })
    };
    let writers: Vec<_> = (0..2_u128)
        .map(|writer| {
            let log = Arc::clone(&log);
            thread::spawn(move || {
                for number in 0..100_u64 {
                    let expected = Expected::after(number.checked_sub(1).map(Revision));
                    let events = vec![event(writer * 1_000 + u128::from(number))];
                    block_on(log.append(Batch {
                        stream: stream(writer),
                        expected,
                        events,
                    }))
                    .unwrap();
                }
            })
        })
        .collect();
    writers
        .into_iter()
        .for_each(|writer| writer.join().unwrap());
    assert_eq!(follower.join().unwrap(), log.events());
}

#[test]
fn a_wait_that_is_given_up_leaves_no_waker_behind() {
    let log = MemoryLog::new();
    block_on(async {
        let mut wait = log.wait_past(Position::START);
        let polled_once = std::future::poll_fn(|context| {
            std::task::Poll::Ready(wait.as_mut().poll(context).is_pending())
        });
        assert!(polled_once.await);
        assert_eq!(log.waiting(), 1);
    });
    assert_eq!(log.waiting(), 0);
}
