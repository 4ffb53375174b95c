//! One budget for all kinds of work, and calls that are not starved by chats.

use super::world::*;
use crate::acd::{AgentRule, Input, Media, MediaWeights};

#[test]
fn three_chats_fill_a_budget_and_the_fourth_waits() {
    let mut world = service_with(&[ANNA]);
    for chat in 1..=3 {
        assert_eq!(world.chat(chat), [(chat, ANNA)]);
        world.accepts(ANNA, chat);
    }
    assert_eq!(world.chat(4), []);
    assert_eq!(world.releases(ANNA, 2), [(4, ANNA)]);
}

#[test]
fn an_agent_thinks_about_one_offer_at_a_time() {
    let mut world = service_with(&[ANNA]);
    assert_eq!(world.chat(1), [(1, ANNA)]);
    assert_eq!(world.chat(2), []);
    assert_eq!(world.accepts(ANNA, 1), [(2, ANNA)]);
}

#[test]
fn a_call_never_meets_a_second_one_however_large_the_budget() {
    let mut world = service_with(&[]);
    world.ready(AgentRule {
        capacity: 1_000,
        ..AgentRule::new(agent(ANNA))
    });
    assert_eq!(world.call(1), [(1, ANNA)]);
    world.accepts(ANNA, 1);
    assert_eq!(world.call(2), []);
    assert_eq!(
        world.chat(3),
        [(3, ANNA)],
        "a chat beside a call fits this budget"
    );
    world.accepts(ANNA, 3);
    assert_eq!(world.releases(ANNA, 1), [(2, ANNA)]);
}

#[test]
fn a_call_is_not_offered_beside_a_chat_that_leaves_no_room() {
    let mut world = service_with(&[ANNA]);
    world.chat(1);
    world.accepts(ANNA, 1);
    assert_eq!(world.call(2), []);
    assert_eq!(world.releases(ANNA, 1), [(2, ANNA)]);
}

#[test]
fn while_a_call_waits_an_agent_with_a_chat_is_drained() {
    let mut world = service_with(&[ANNA]);
    world.chat(1);
    world.accepts(ANNA, 1);
    world.chat(2);
    world.accepts(ANNA, 2);
    assert_eq!(world.call(3), []);
    assert_eq!(
        world.chat(4),
        [],
        "a further chat would keep the call waiting"
    );
    assert_eq!(world.releases(ANNA, 1), [], "and so would it now");
    world.second = 1;
    assert_eq!(world.releases(ANNA, 2), [(3, ANNA)]);
}

#[test]
fn draining_ends_when_the_last_call_has_gone() {
    let mut world = service_with(&[ANNA]);
    world.chat(1);
    world.accepts(ANNA, 1);
    world.call(2);
    world.call(3);
    assert_eq!(world.chat(4), []);
    assert_eq!(world.withdrawn(2), []);
    assert_eq!(world.withdrawn(3), [(4, ANNA)]);
}

#[test]
fn a_call_the_agent_cannot_serve_drains_nobody() {
    let mut world = service_with(&[ANNA]);
    world.define(needs(SALES, "sales"));
    world.chat(1);
    world.accepts(ANNA, 1);
    assert_eq!(world.queued(2, SALES, Media::Voice), []);
    assert_eq!(world.chat(3), [(3, ANNA)]);
}

#[test]
fn an_agent_whose_budget_leaves_room_for_a_call_is_not_drained() {
    let mut world = service_with(&[]);
    world.ready(AgentRule {
        capacity: 166,
        ..AgentRule::new(agent(ANNA))
    });
    world.holds(ANNA, 100, Media::Voice);
    world.holds(ANNA, 101, Media::Chat);
    world.call(1);
    assert_eq!(
        world.chat(2),
        [(2, ANNA)],
        "two chats and a call fit 166 points"
    );
}

#[test]
fn with_empty_hands_the_most_urgent_goes_first_so_calls_do_not_starve_mail() {
    let mut world = service_with(&[]);
    world.queued(1, SERVICE, Media::Email);
    world.second = 5;
    world.call(2);
    assert_eq!(world.ready(AgentRule::new(agent(ANNA))), [(1, ANNA)]);
    world.queued(3, SERVICE, Media::Email);
    assert_eq!(world.accepts(ANNA, 1), [], "drained for the call");
    assert_eq!(world.releases(ANNA, 1), [(2, ANNA)]);
}

#[test]
fn weights_are_the_agents_own() {
    let mut world = service_with(&[]);
    let weights = MediaWeights {
        chat: 50,
        ..MediaWeights::default()
    };
    world.ready(AgentRule {
        weights,
        ..AgentRule::new(agent(ANNA))
    });
    world.holds(ANNA, 100, Media::Chat);
    assert_eq!(world.chat(1), [(1, ANNA)]);
    world.accepts(ANNA, 1);
    assert_eq!(world.chat(2), []);
}

#[test]
fn wrap_up_takes_the_room_of_the_call_until_it_is_released() {
    let mut world = service_with(&[ANNA]);
    world.call(1);
    world.accepts(ANNA, 1);
    assert_eq!(
        world.feed(Input::ItemWithdrawn { item: item(1) }),
        [],
        "the customer hung up; wrap-up goes on"
    );
    assert_eq!(world.call(2), []);
    assert_eq!(world.releases(ANNA, 1), [(2, ANNA)]);
}

#[test]
fn work_taken_without_an_offer_counts_and_waits_no_longer() {
    let mut world = service_with(&[ANNA, BERND]);
    assert_eq!(world.call(1), [(1, ANNA)]);
    assert_eq!(
        world.holds(BERND, 1, Media::Voice),
        [],
        "Bernd picked the call himself"
    );
    assert_eq!(world.floor.position(item(1)), None);
    assert_eq!(world.call(2), [(2, ANNA)]);
    world.accepts(ANNA, 2);
    assert_eq!(world.call(3), []);
}
