//! The owner is paused while something it decided is on its way to the log, and goes on when others have decided on.

use std::time::Duration;

use rapport_domain::id::{AgentId, InteractionId};

use crate::nodes::{Gate, LEASE};
use crate::support::tenant;
use crate::{Cluster, at_once, people, taken};

/// The owner reserves emil for a first chat and is paused while the offer is on its way. Answers whether that was hit.
async fn paused_with_an_offer_on_its_way(seed: u64) -> bool {
    let cluster = Cluster::start(seed).await;
    let emil = AgentId::named(tenant(), "emil");
    people::is_ready(emil, &cluster.nodes, &cluster.dice).await;
    let first = cluster.has_owner().await;
    let owner = cluster.nodes.lock().unwrap()[first].clone();
    let other = cluster.nodes.lock().unwrap()[(first + 1) % 3]
        .engine
        .clone();
    let count = |kind: &str| {
        let events = cluster.log.events();
        events.iter().filter(|e| e.event.kind == kind).count()
    };
    let reserved = async {
        cluster.next("agent.reserved").await;
        // It has heard that emil is reserved, and sends the offer.
        tokio::time::sleep(Duration::from_millis(4)).await;
        owner.gate.send_replace(Gate::Paused);
    };
    let ((), first_chat) = tokio::join!(reserved, people::says("first", &other));
    if count("interaction.offered") > 0 {
        return false;
    }
    // The next owner offers it again; emil says no, and takes as many others as fit.
    cluster.next("interaction.offered").await;
    other.decline(tenant(), emil, first_chat).await.unwrap();
    for name in ["second", "third", "fourth"] {
        let offered = cluster.next("interaction.offered");
        let ((), chat) = tokio::join!(offered, people::says(name, &other));
        other.accept(tenant(), emil, chat).await.unwrap();
    }
    assert_eq!(taken(&cluster.log.events()).len(), 2);
    let offers = count("interaction.offered");
    owner.gate.send_replace(Gate::Open);
    tokio::time::sleep(LEASE).await;
    assert_eq!(count("interaction.offered"), offers, "{}", cluster.told());
    assert_eq!(count("interaction.offer_voided"), 1);
    assert_eq!(other.work_of(tenant(), emil).await.unwrap().len(), 3);
    true
}

#[test]
fn an_offer_that_was_on_its_way_when_its_owner_was_paused_is_refused_for_ever() {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap()
    };
    let hit = |seed: &u64| runtime().block_on(paused_with_an_offer_on_its_way(*seed));
    let hits = (0..24).filter(hit).count();
    assert!(hits > 3, "{hits}");
}

/// The owner hears that emil took a chat and is paused while it notes his work. Answers whether that was hit.
async fn paused_with_work_on_its_way(seed: u64) -> bool {
    let cluster = Cluster::start(seed).await;
    let emil = AgentId::named(tenant(), "emil");
    people::is_ready(emil, &cluster.nodes, &cluster.dice).await;
    let first = cluster.has_owner().await;
    let owner = cluster.nodes.lock().unwrap()[first].clone();
    let other = cluster.nodes.lock().unwrap()[(first + 1) % 3]
        .engine
        .clone();
    let count = |kind: &str| {
        let events = cluster.log.events();
        events.iter().filter(|e| e.event.kind == kind).count()
    };
    let offered = cluster.next("interaction.offered");
    let ((), chat) = tokio::join!(offered, people::says("first", &other));
    let accepted = async {
        cluster.next("interaction.offer_accepted").await;
        tokio::time::sleep(Duration::from_millis(4)).await;
        owner.gate.send_replace(Gate::Paused);
    };
    let ((), taken) = tokio::join!(accepted, other.accept(tenant(), emil, chat));
    taken.unwrap();
    if count("agent.work_taken") > 0 {
        return false;
    }
    // The next owner notes it, and emil brings it to its end.
    cluster.next("agent.work_taken").await;
    other.end(tenant(), emil, chat).await.unwrap();
    let finished = cluster.next("agent.work_finished");
    let wrapped_up = other.wrap_up(tenant(), emil, chat, None, None);
    let ((), wrapped_up) = tokio::join!(finished, wrapped_up);
    wrapped_up.unwrap();
    owner.gate.send_replace(Gate::Open);
    tokio::time::sleep(LEASE).await;
    assert_eq!(count("agent.work_taken"), 1, "{}", cluster.told());
    true
}

#[test]
fn work_that_was_on_its_way_when_its_owner_was_paused_is_not_noted_again_once_it_is_done() {
    let hit = |seed: &u64| {
        let mut hit = false;
        at_once(async { hit = paused_with_work_on_its_way(*seed).await });
        hit
    };
    let hits = (0..24).filter(hit).count();
    assert!(hits > 3, "{hits}");
}

/// The owner hears that a customer calls who is to be told something, and is paused while it hands the agenda over; the
/// customer hangs up. Answers whether that was hit.
async fn paused_with_an_agenda_on_its_way(seed: u64) -> bool {
    const CUSTOMER: &str = "+494010000";
    let cluster = Cluster::start(seed).await;
    let first = cluster.has_owner().await;
    let owner = cluster.nodes.lock().unwrap()[first].clone();
    let lines = cluster.lines.lock().unwrap()[(first + 1) % 3].clone();
    let count = |kind: &str| {
        let events = cluster.log.events();
        events.iter().filter(|e| e.event.kind == kind).count()
    };
    people::wants(CUSTOMER.to_owned(), &cluster.nodes, &cluster.dice).await;
    let call = lines.call(CUSTOMER);
    cluster.next("interaction.started").await;
    tokio::time::sleep(cluster.dice.millis(1, 12)).await;
    owner.gate.send_replace(Gate::Paused);
    let abandoned = cluster.next("interaction.abandoned");
    lines.hangs_up(call);
    abandoned.await;
    if count("outreach.agenda_taken_up") > 0 {
        return false;
    }
    cluster.next("routing.taken").await;
    tokio::time::sleep(LEASE).await;
    owner.gate.send_replace(Gate::Open);
    tokio::time::sleep(LEASE).await;
    let taken_up = count("outreach.agenda_taken_up");
    let called = InteractionId::derived(call.as_uuid(), "interaction").to_string();
    let ended = cluster.log.events().into_iter().filter(|e| {
        let data = String::from_utf8_lossy(&e.event.data).into_owned();
        e.event.kind == "outreach.contact_ended" && data.contains(&called)
    });
    assert_eq!(ended.count(), taken_up, "{}", cluster.told());
    taken_up > 0
}

#[test]
fn an_agenda_that_was_on_its_way_when_its_owner_was_paused_is_open_again_when_the_contact_is_over()
{
    let hit = |seed: &u64| {
        let mut hit = false;
        at_once(async { hit = paused_with_an_agenda_on_its_way(*seed).await });
        hit
    };
    let hits = (0..48).filter(hit).count();
    assert!(hits > 3, "{hits}");
}
