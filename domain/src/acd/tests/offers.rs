//! The life of an offer.

use super::world::*;
use crate::acd::{Input, Media, OfferEnd};

#[test]
fn an_offer_reserves_item_and_agent_until_it_is_answered() {
    let mut world = service_with(&[ANNA, BERND]);
    assert_eq!(world.call(1), [(1, ANNA)]);
    assert_eq!(world.floor.offered_to(item(1)), Some((agent(ANNA), at(20))));
    assert_eq!(world.feed(Input::Tick), []);
    assert_eq!(world.call(2), [(2, BERND)]);
    assert_eq!(world.call(3), []);
}

#[test]
fn a_declined_item_goes_back_to_its_old_place_and_to_somebody_else() {
    let mut world = service_with(&[ANNA]);
    world.call(1);
    world.second = 5;
    world.call(2);
    assert_eq!(
        world.declines(ANNA, 1),
        [(2, ANNA)],
        "the decliner gets what comes next"
    );
    assert_eq!(world.floor.position(item(1)), Some(1));
    assert_eq!(world.ready(skilled(BERND, &[])), [(1, BERND)]);
}

#[test]
fn who_declined_is_not_asked_again_while_another_is_at_work() {
    let mut world = service_with(&[ANNA, BERND]);
    world.holds(BERND, 100, Media::Voice);
    assert_eq!(world.call(1), [(1, ANNA)]);
    assert_eq!(world.declines(ANNA, 1), []);
    assert_eq!(world.until(19), [], "Bernd is busy but will be free");
    assert_eq!(world.releases(BERND, 100), [(1, BERND)]);
}

#[test]
fn the_only_one_left_is_asked_again_after_a_pause() {
    let mut world = service_with(&[ANNA]);
    world.call(1);
    assert_eq!(world.declines(ANNA, 1), [], "not in a loop");
    assert_eq!(world.until(2), []);
    assert_eq!(world.until(3), [(1, ANNA)]);
}

#[test]
fn when_the_last_other_agent_leaves_the_decliner_is_asked_again() {
    let mut world = service_with(&[ANNA, BERND]);
    world.holds(BERND, 100, Media::Voice);
    world.call(1);
    world.declines(ANNA, 1);
    world.until(15);
    assert_eq!(world.routable(BERND, false), [(1, ANNA)]);
}

#[test]
fn an_item_kept_for_the_agent_who_declines_it_opens_to_all() {
    let mut world = service_with(&[BERND, ANNA]);
    let known = crate::acd::WorkItem {
        preferred: Some(agent(ANNA)),
        ..world.work(1, SERVICE, Media::Voice)
    };
    assert_eq!(world.feed(Input::ItemQueued(known)), [(1, ANNA)]);
    assert_eq!(world.declines(ANNA, 1), [(1, BERND)]);
}

#[test]
fn an_abandoned_offer_frees_the_agent_at_once() {
    let mut world = service_with(&[ANNA]);
    world.call(1);
    world.call(2);
    assert_eq!(world.withdrawn(1), [(2, ANNA)]);
}

#[test]
fn an_offer_ended_for_good_leaves_nothing_waiting() {
    let mut world = service_with(&[ANNA]);
    world.call(1);
    let ended = Input::OfferEnded {
        item: item(1),
        agent: agent(ANNA),
        requeue: false,
        why: OfferEnd::Failed,
    };
    assert_eq!(world.feed(ended), []);
    assert_eq!(world.floor.queue_view(queue(SERVICE), at(0)).waiting, 0);
    assert_eq!(world.call(2), [(2, ANNA)]);
}

#[test]
fn an_unanswered_offer_is_reported_until_it_is_ended() {
    let mut world = service_with(&[ANNA]);
    world.call(1);
    world.until(21);
    assert_eq!(world.overdue, []);
    world.until(22);
    assert_eq!(world.overdue, [(1, ANNA)]);
    world.until(27);
    assert_eq!(world.overdue, [(1, ANNA), (1, ANNA)]);
    assert_eq!(
        world.floor.offered_to(item(1)).map(|(agent, _)| agent),
        Some(agent(ANNA)),
        "the log decides"
    );
    world.routable(ANNA, false);
    world.declines(ANNA, 1);
    world.until(60);
    assert_eq!(world.overdue.len(), 2);
}

#[test]
fn a_stale_answer_changes_nothing() {
    let mut world = service_with(&[ANNA, BERND]);
    world.call(1);
    world.declines(ANNA, 1);
    assert_eq!(world.declines(ANNA, 1), [], "Bernd has it now");
    assert_eq!(
        world.floor.offered_to(item(1)),
        Some((agent(BERND), at(20)))
    );
}

#[test]
fn repeating_a_fact_changes_nothing() {
    let mut world = service_with(&[ANNA]);
    let work = world.work(1, SERVICE, Media::Voice);
    assert_eq!(world.feed(Input::ItemQueued(work.clone())), [(1, ANNA)]);
    assert_eq!(world.feed(Input::ItemQueued(work)), []);
    assert_eq!(world.floor.queue_view(queue(SERVICE), at(0)).waiting, 1);
    world.accepts(ANNA, 1);
    world.accepts(ANNA, 1);
    world.holds(ANNA, 1, Media::Voice);
    world.releases(ANNA, 1);
    assert_eq!(world.releases(ANNA, 1), []);
    assert_eq!(world.call(2), [(2, ANNA)]);
}

#[test]
fn an_agent_who_retires_gets_nothing_more() {
    let mut world = service_with(&[ANNA]);
    world.feed(Input::AgentRetired(agent(ANNA)));
    assert_eq!(world.call(1), []);
    assert_eq!(
        world.ready(skilled(ANNA, &[])),
        [(1, ANNA)],
        "until declared and ready again"
    );
}

#[test]
fn what_waits_in_a_retired_queue_is_still_served() {
    let mut world = service_with(&[]);
    world.call(1);
    world.feed(Input::QueueRetired(queue(SERVICE)));
    assert_eq!(world.ready(skilled(ANNA, &[])), [(1, ANNA)]);
}

#[test]
fn a_withdrawal_wins_over_a_timer_of_the_same_instant() {
    let mut world = world();
    world.define(crate::acd::QueueRule {
        widen: vec![widened(30, vec![])],
        ..needs(SERVICE, "de")
    });
    world.ready(skilled(ANNA, &[]));
    world.call(1);
    world.second = 30;
    assert_eq!(world.withdrawn(1), []);
}
