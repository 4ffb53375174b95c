//! Outbound work gives way.

use super::world::*;
use crate::acd::{AgentRule, Input, Media, QueueRule, Reason, WorkItem};

fn blended(agents: &[u8]) -> World {
    let mut world = service_with(agents);
    world.define(QueueRule {
        outbound: true,
        ..QueueRule::new(queue(CAMPAIGN))
    });
    world
}

#[test]
fn outbound_work_starts_only_while_more_agents_are_idle_than_the_reserve() {
    let mut world = blended(&[ANNA, BERND]);
    world.reserve(1);
    assert_eq!(world.queued(1, CAMPAIGN, Media::Voice), [(1, ANNA)]);
    assert_eq!(world.last_receipt().reason, Reason::SpareAgent);
    assert_eq!(
        world.queued(2, CAMPAIGN, Media::Voice),
        [],
        "Bernd is the reserve"
    );
    assert_eq!(
        world.ready(AgentRule::new(agent(CLARA))),
        [(2, BERND)],
        "Clara makes one spare; Bernd idled longer"
    );
}

#[test]
fn a_smaller_reserve_lets_outbound_work_start() {
    let mut world = blended(&[ANNA]);
    world.reserve(1);
    assert_eq!(world.queued(1, CAMPAIGN, Media::Voice), []);
    assert_eq!(world.reserve(0), [(1, ANNA)]);
}

#[test]
fn inbound_goes_before_outbound_however_long_that_has_waited() {
    let mut world = blended(&[]);
    world.queued(1, CAMPAIGN, Media::Voice);
    world.until(3_600);
    world.call(2);
    assert_eq!(world.ready(AgentRule::new(agent(ANNA))), [(2, ANNA)]);
}

#[test]
fn an_agent_with_work_in_hand_begins_nothing_outbound() {
    let mut world = blended(&[ANNA]);
    world.holds(ANNA, 100, Media::Chat);
    assert_eq!(world.queued(1, CAMPAIGN, Media::Sms), []);
    assert_eq!(world.releases(ANNA, 100), [(1, ANNA)]);
}

#[test]
fn who_serves_outbound_only_needs_no_reserve_and_goes_first() {
    let mut world = blended(&[ANNA]);
    world.reserve(1);
    let only = Some([queue(CAMPAIGN)].into());
    world.ready(AgentRule {
        queues: only,
        ..AgentRule::new(agent(BERND))
    });
    assert_eq!(world.queued(1, CAMPAIGN, Media::Voice), [(1, BERND)]);
}

#[test]
fn a_waiting_outbound_call_drains_nobody() {
    let mut world = blended(&[ANNA]);
    world.chat(1);
    world.accepts(ANNA, 1);
    world.queued(2, CAMPAIGN, Media::Voice);
    assert_eq!(world.chat(3), [(3, ANNA)]);
}

#[test]
fn a_promise_kept_for_an_agent_waits_for_the_reserve_too() {
    let mut world = blended(&[ANNA, BERND]);
    world.reserve(2);
    let promise = WorkItem {
        preferred: Some(agent(BERND)),
        preferred_until: Some(at(600)),
        ..world.work(1, CAMPAIGN, Media::Voice)
    };
    assert_eq!(world.feed(Input::ItemQueued(promise)), []);
    assert_eq!(world.reserve(1), [(1, BERND)]);
    assert_eq!(world.last_receipt().reason, Reason::Preferred);
}
