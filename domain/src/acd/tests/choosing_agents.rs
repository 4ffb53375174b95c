//! Which agent an item goes to.

use std::collections::BTreeSet;

use super::world::*;
use crate::acd::{AgentRule, Choice, Input, Media, QueueRule, Reason};

#[test]
fn an_agent_without_the_skill_is_not_asked() {
    let mut world = world();
    world.define(needs(SERVICE, "de"));
    world.ready(skilled(ANNA, &[("en", 9)]));
    assert_eq!(world.call(1), []);
    assert_eq!(world.ready(skilled(BERND, &[("de", 1)])), [(1, BERND)]);
}

#[test]
fn a_level_below_the_required_one_is_not_enough() {
    let mut world = world();
    world.define(QueueRule {
        required: vec![level("de", 5)],
        ..QueueRule::new(queue(SERVICE))
    });
    world.ready(skilled(ANNA, &[("de", 4)]));
    assert_eq!(world.call(1), []);
    assert_eq!(
        world.feed(Input::AgentDefined(skilled(ANNA, &[("de", 5)]))),
        [(1, ANNA)]
    );
}

#[test]
fn a_restricted_agent_serves_the_named_queues_only() {
    let mut world = service_with(&[]);
    world.define(QueueRule::new(queue(SALES)));
    let only_sales = AgentRule {
        queues: Some(BTreeSet::from([queue(SALES)])),
        ..AgentRule::new(agent(ANNA))
    };
    world.ready(only_sales);
    assert_eq!(world.call(1), []);
    assert_eq!(world.queued(2, SALES, Media::Voice), [(2, ANNA)]);
}

#[test]
fn each_widening_step_admits_more_agents_when_its_time_comes() {
    let mut world = world();
    world.define(QueueRule {
        required: vec![level("de", 5)],
        widen: vec![widened(60, vec![]), widened(30, vec![level("de", 2)])], // any order
        ..QueueRule::new(queue(SERVICE))
    });
    world.ready(skilled(ANNA, &[]));
    world.ready(skilled(BERND, &[("de", 2)]));
    assert_eq!(world.call(1), []);
    assert_eq!(world.until(29), []);
    assert_eq!(world.until(30), [(1, BERND)]);
    assert_eq!(world.last_receipt().candidates[0].tier, 1);
    world.call(2);
    assert_eq!(world.until(89), []);
    world.accepts(BERND, 1);
    assert_eq!(world.until(90), [(2, ANNA)]);
}

#[test]
fn a_widened_item_goes_to_an_agent_who_cannot_take_the_one_before_it() {
    let mut world = world();
    world.define(QueueRule {
        required: vec![level("de", 1)],
        widen: vec![widened(30, vec![])],
        ..QueueRule::new(queue(SERVICE))
    });
    world.call(1);
    world.second = 25;
    let urgent = crate::acd::WorkItem {
        priority: 9,
        ..world.work(2, SERVICE, Media::Voice)
    };
    world.feed(Input::ItemQueued(urgent));
    world.until(35);
    assert_eq!(world.ready(skilled(ANNA, &[])), [(1, ANNA)]);
}

#[test]
fn the_agent_who_has_been_idle_longest_is_asked() {
    let mut world = service_with(&[]);
    world.ready(AgentRule::new(agent(BERND)));
    world.second = 5;
    world.ready(AgentRule::new(agent(ANNA)));
    world.second = 9;
    assert_eq!(world.call(1), [(1, BERND)]);
    let receipt = world.last_receipt();
    assert_eq!(
        (receipt.reason, receipt.candidate_count),
        (Reason::BestAgent, 2)
    );
    let told: Vec<_> = receipt
        .candidates
        .iter()
        .map(|candidate| (candidate.agent, candidate.score))
        .collect();
    assert_eq!(told, [(agent(BERND), 9_000), (agent(ANNA), 4_000)]);
}

#[test]
fn finishing_work_puts_an_agent_at_the_end_of_the_idle_line() {
    let mut world = service_with(&[ANNA, BERND]);
    assert_eq!(world.call(1), [(1, ANNA)]);
    world.accepts(ANNA, 1);
    world.second = 30;
    world.releases(ANNA, 1);
    assert_eq!(world.call(2), [(2, BERND)]);
}

#[test]
fn declining_does_not_cost_the_place_in_the_idle_line() {
    let mut world = service_with(&[ANNA, BERND]);
    assert_eq!(world.call(1), [(1, ANNA)]);
    assert_eq!(world.declines(ANNA, 1), [(1, BERND)]);
    world.accepts(BERND, 1);
    assert_eq!(world.call(2), [(2, ANNA)]);
}

#[test]
fn the_least_occupied_agent_is_asked_where_the_queue_says_so() {
    let mut world = service_with(&[ANNA, BERND]);
    world.define(QueueRule {
        choice: Choice::LeastOccupied,
        ..QueueRule::new(queue(SERVICE))
    });
    world.holds(ANNA, 100, Media::Email);
    world.holds(BERND, 101, Media::Chat);
    assert_eq!(world.chat(1), [(1, BERND)]);
    assert_eq!(
        world.last_receipt().candidates[0].score,
        670,
        "67 of 100 points are free"
    );
}

#[test]
fn the_best_skilled_agent_is_asked_where_the_queue_says_so() {
    let mut world = world();
    world.define(QueueRule {
        choice: Choice::BestSkill,
        ..needs(SERVICE, "de")
    });
    world.ready(skilled(ANNA, &[("de", 3), ("en", 9)]));
    world.ready(skilled(BERND, &[("de", 7)]));
    assert_eq!(world.call(1), [(1, BERND)]);
}

#[test]
fn a_receipt_names_five_and_counts_the_rest() {
    let mut world = service_with(&[1, 2, 3, 4, 5, 6, 7]);
    world.call(1);
    let receipt = world.last_receipt();
    assert_eq!(
        (
            receipt.candidates.len(),
            receipt.candidate_count,
            receipt.rule_version
        ),
        (5, 7, 1)
    );
    let text = serde_json::to_string(receipt).unwrap();
    assert!(text.contains(r#""reason":"best_agent""#), "{text}");
    assert_eq!(
        serde_json::from_str::<crate::acd::Receipt>(&text).unwrap(),
        *receipt
    );
}
