//! Which item an agent gets.

use super::world::*;
use crate::acd::{Media, QueueRule, Reason, WorkItem};

#[test]
fn who_came_first_is_served_first() {
    let mut world = service_with(&[]);
    world.call(1);
    world.second = 1;
    world.call(2);
    assert_eq!(world.ready(skilled(ANNA, &[])), [(1, ANNA)]);
}

#[test]
fn of_two_that_came_in_the_same_instant_the_one_told_first_is_served_first() {
    let mut world = service_with(&[]);
    world.call(2);
    world.call(1);
    assert_eq!(world.ready(skilled(ANNA, &[])), [(2, ANNA)]);
}

#[test]
fn higher_priority_goes_first_within_the_queue() {
    let mut world = service_with(&[]);
    world.call(1);
    world.second = 5;
    let urgent = WorkItem {
        priority: 1,
        ..world.work(2, SERVICE, Media::Voice)
    };
    world.feed(crate::acd::Input::ItemQueued(urgent));
    assert_eq!(world.ready(skilled(ANNA, &[])), [(2, ANNA)]);
}

#[test]
fn low_priority_that_passed_the_floor_goes_before_high_priority() {
    let mut world = service_with(&[]);
    world.call(1);
    world.until(119);
    let urgent = WorkItem {
        priority: 1,
        ..world.work(2, SERVICE, Media::Voice)
    };
    world.feed(crate::acd::Input::ItemQueued(urgent));
    world.until(120); // the target is 20 s and the floor 6 times that
    assert_eq!(world.ready(skilled(ANNA, &[])), [(1, ANNA)]);
    assert_eq!(world.last_receipt().reason, Reason::PastFloor);
}

#[test]
fn a_changed_priority_counts_for_an_item_that_already_waits() {
    let mut world = service_with(&[]);
    world.call(1);
    world.call(2);
    let urgent = WorkItem {
        priority: 5,
        ..world.work(2, SERVICE, Media::Voice)
    };
    world.feed(crate::acd::Input::ItemQueued(urgent));
    assert_eq!(world.floor.position(item(2)), Some(1));
    assert_eq!(world.ready(skilled(ANNA, &[])), [(2, ANNA)]);
}

/// Sales answers within 40 s, service within 20 s; both have a caller.
fn two_queues(sales: QueueRule) -> World {
    let mut world = service_with(&[]);
    world.define(QueueRule {
        target: seconds(40),
        ..sales
    });
    world.queued(20, SALES, Media::Voice);
    world.second = 10;
    world.call(10);
    world
}

#[test]
fn across_queues_the_wait_counts_against_the_target() {
    let mut world = two_queues(QueueRule::new(queue(SALES)));
    world.second = 25; // sales: 25 of 40 s; service: 15 of 20 s
    assert_eq!(world.ready(skilled(ANNA, &[])), [(10, ANNA)]);
    let receipt = world.last_receipt();
    assert_eq!(receipt.reason, Reason::MostUrgent);
    assert_eq!(
        receipt.score, 5_625,
        "three quarters of the target, squared, in ten-thousandths"
    );
    assert_eq!(
        receipt
            .heads
            .iter()
            .map(|head| head.item)
            .collect::<Vec<_>>(),
        [item(10), item(20)]
    );
    assert_eq!(receipt.waited, seconds(15));
}

#[test]
fn a_more_valuable_queue_goes_first_at_less_wait() {
    let mut world = two_queues(QueueRule {
        value_weight: 300,
        ..QueueRule::new(queue(SALES))
    });
    world.second = 25;
    assert_eq!(world.ready(skilled(ANNA, &[])), [(20, ANNA)]);
}

#[test]
fn past_the_floor_value_counts_no_longer_and_the_oldest_goes_first() {
    let mut world = two_queues(QueueRule {
        value_weight: 10,
        floor_after: 1,
        ..QueueRule::new(queue(SALES))
    });
    world.until(40);
    assert_eq!(world.ready(skilled(ANNA, &[])), [(20, ANNA)]);
    assert_eq!(world.last_receipt().reason, Reason::PastFloor);
}

#[test]
fn what_is_kept_for_an_agent_goes_to_that_agent_only() {
    let mut world = service_with(&[ANNA, BERND]);
    world.holds(ANNA, 100, Media::Voice);
    let known = WorkItem {
        preferred: Some(agent(ANNA)),
        preferred_until: Some(at(15)),
        ..world.work(1, SERVICE, Media::Voice)
    };
    assert_eq!(world.feed(crate::acd::Input::ItemQueued(known)), []);
    world.second = 10;
    assert_eq!(world.releases(ANNA, 100), [(1, ANNA)]);
    assert_eq!(world.last_receipt().reason, Reason::Preferred);
}

#[test]
fn keeping_ends_with_its_time_and_the_place_in_the_line_is_not_lost() {
    let mut world = service_with(&[ANNA]);
    world.holds(ANNA, 100, Media::Voice);
    let known = WorkItem {
        preferred: Some(agent(ANNA)),
        ..world.work(1, SERVICE, Media::Voice)
    };
    world.feed(crate::acd::Input::ItemQueued(known));
    world.call(2);
    assert_eq!(world.floor.position(item(1)), Some(1));
    assert_eq!(
        world.ready(skilled(BERND, &[])),
        [(2, BERND)],
        "the first is kept for Anna"
    );
    world.call(3);
    world.accepts(BERND, 2);
    world.releases(BERND, 2);
    assert_eq!(
        world.floor.offered_to(item(3)),
        Some((agent(BERND), at(20)))
    );
    assert_eq!(world.ready(skilled(CLARA, &[])), []);
    assert_eq!(
        world.until(20),
        [(1, CLARA)],
        "without a date it is kept until the target has passed"
    );
}

#[test]
fn nothing_is_kept_for_an_agent_who_leaves() {
    let mut world = service_with(&[ANNA, BERND]);
    world.holds(ANNA, 100, Media::Voice);
    let known = WorkItem {
        preferred: Some(agent(ANNA)),
        ..world.work(1, SERVICE, Media::Voice)
    };
    assert_eq!(world.feed(crate::acd::Input::ItemQueued(known)), []);
    assert_eq!(world.routable(ANNA, false), [(1, BERND)]);
}

#[test]
fn an_item_that_came_before_its_queue_was_declared_is_served_when_it_is() {
    let mut world = world();
    world.ready(skilled(ANNA, &[("de", 1)]));
    assert_eq!(world.call(1), []);
    assert_eq!(world.define(needs(SERVICE, "de")), [(1, ANNA)]);
}

#[test]
fn the_wallboard_sees_who_waits_and_how_long() {
    let mut world = service_with(&[ANNA]);
    world.call(1);
    world.second = 7;
    world.call(2);
    world.chat(3);
    let view = world.floor.queue_view(queue(SERVICE), at(10));
    assert_eq!(
        (view.waiting, view.offered, view.longest_wait),
        (3, 1, seconds(10))
    );
    assert_eq!(view.by_media, [2, 1, 0, 0, 0]);
    assert_eq!(world.floor.position(item(2)), Some(2));
    assert_eq!(
        world.floor.position(item(3)),
        Some(1),
        "a chat does not stand behind calls"
    );
    world.accepts(ANNA, 1);
    assert_eq!(world.floor.position(item(2)), Some(1));
    assert_eq!(world.floor.position(item(1)), None);
}
