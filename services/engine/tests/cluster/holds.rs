//! What must be true of a log that several nodes wrote, whatever happened to them.

use std::collections::{BTreeMap, BTreeSet};

use rapport_domain::agent;
use rapport_domain::aggregate::decode;
use rapport_domain::channel::Channel;
use rapport_domain::event::{Category, Recorded};
use rapport_domain::id::{AgentId, InteractionId, LegId, OfferId};
use rapport_domain::interaction::{DialParty, Fact, OfferEnd};
use rapport_domain::outreach;
use rapport_domain::time::Zone;
use uuid::Uuid;

use crate::people::Acknowledged;
use crate::phones::Exchange;

type Checked = Result<(), String>;

/// A contact as the facts tell it.
#[derive(Default)]
struct Told {
    channel: Option<Channel>,
    offered: Option<(OfferId, AgentId)>,
    accepted: Option<AgentId>,
    ends: usize,
    messages: usize,
}

fn fact(recorded: &Recorded) -> Option<Fact> {
    let event = &recorded.event;
    decode(&event.kind, event.version, &event.data).ok()
}

fn weight(channel: Option<Channel>) -> u32 {
    match channel {
        Some(Channel::Voice) => 100,
        _ => 33,
    }
}

/// Contacts are offered to one agent at a time, taken once, and end once; and no agent ever has more than fits.
pub fn contacts(events: &[Recorded]) -> Checked {
    let mut contacts: BTreeMap<InteractionId, Told> = BTreeMap::new();
    let mut hands: BTreeMap<AgentId, BTreeMap<InteractionId, u32>> = BTreeMap::new();
    for recorded in events {
        let id = InteractionId::from_uuid(recorded.stream.id);
        if recorded.stream.category != Category::Interaction {
            continue;
        }
        let told = contacts.entry(id).or_default();
        let wrong = |what: &str| Err(format!("{id} at {}: {what}", recorded.position));
        match fact(recorded) {
            Some(Fact::Started { channel, .. }) => told.channel = Some(channel),
            Some(Fact::Offered { offer, agent, .. }) => {
                if told.offered.is_some() || told.accepted.is_some() || told.ends > 0 {
                    return wrong("offered although it does not wait");
                }
                told.offered = Some((offer, agent));
                let held = hands.entry(agent).or_default();
                held.insert(id, weight(told.channel));
                if held.values().sum::<u32>() > 100 {
                    return wrong(&format!("{agent} is offered more than fits: {held:?}"));
                }
            }
            Some(Fact::OfferEnded { offer, agent, .. }) => {
                if told.offered.take() != Some((offer, agent)) {
                    return wrong("an offer ended that did not run");
                }
                hands.entry(agent).or_default().remove(&id);
            }
            Some(Fact::OfferAccepted { offer, agent }) => {
                if told.offered.take() != Some((offer, agent)) {
                    return wrong("an offer was accepted that did not run");
                }
                told.accepted = Some(agent);
            }
            Some(Fact::MessageReceived { .. }) => told.messages += 1,
            Some(Fact::Abandoned {} | Fact::Closed { .. }) => {
                told.ends += 1;
                if told.ends > 1 {
                    return wrong("ended twice");
                }
                if let Some(agent) = told.accepted {
                    hands.entry(agent).or_default().remove(&id);
                }
            }
            _ => {}
        }
    }
    match contacts.iter().find(|(_, told)| told.ends == 0) {
        Some((id, _)) => Err(format!("{id} never ended")),
        None => Ok(()),
    }
}

/// Work is noted once and finished once, and nothing is left in anybody's hands.
pub fn agents(events: &[Recorded]) -> Checked {
    let mut held: BTreeMap<AgentId, BTreeSet<InteractionId>> = BTreeMap::new();
    let mut reserved: BTreeMap<AgentId, BTreeSet<OfferId>> = BTreeMap::new();
    let mut done = BTreeSet::new();
    for recorded in events
        .iter()
        .filter(|e| e.stream.category == Category::Agent)
    {
        let id = AgentId::from_uuid(recorded.stream.id);
        let event = &recorded.event;
        let (held, reserved) = (held.entry(id).or_default(), reserved.entry(id).or_default());
        match decode(&event.kind, event.version, &event.data) {
            Ok(agent::Fact::Reserved { offer, .. }) => {
                reserved.insert(offer);
            }
            Ok(agent::Fact::ReservationEnded { offer, .. }) => {
                reserved.remove(&offer);
            }
            Ok(agent::Fact::WorkTaken { interaction, .. })
                if done.contains(&(id, interaction)) || !held.insert(interaction) =>
            {
                return Err(format!("{id} took {interaction} twice"));
            }
            Ok(agent::Fact::WorkFinished { interaction }) => {
                held.remove(&interaction);
                done.insert((id, interaction));
            }
            _ => {}
        }
    }
    match held.iter().find(|(_, held)| !held.is_empty()) {
        Some((id, held)) => Err(format!("{id} still has {held:?}")),
        None => Ok(()),
    }
}

/// As many contacts as one customer may have on one day: the policy of [`crate::support::declaration`].
const CONTACTS_PER_DAY: usize = 5;

/// A customer is contacted by one plan at a time and never above the cap, and nobody's phone rings twice for one contact.
pub fn outreach(events: &[Recorded]) -> Checked {
    let mut running: BTreeMap<Uuid, InteractionId> = BTreeMap::new();
    let mut made: BTreeMap<(Uuid, i32), BTreeSet<InteractionId>> = BTreeMap::new();
    for recorded in events
        .iter()
        .filter(|e| e.stream.category == Category::Outreach)
    {
        let (id, event) = (recorded.stream.id, &recorded.event);
        match decode(&event.kind, event.version, &event.data) {
            Ok(outreach::Fact::ContactStarted { interaction, .. }) => {
                if let Some(other) = running.insert(id, interaction) {
                    return Err(format!("{id}: {interaction} began while {other} ran"));
                }
                let day = Zone::UTC.local(event.recorded_at).day;
                let today = made.entry((id, day)).or_default();
                today.insert(interaction);
                if today.len() > CONTACTS_PER_DAY {
                    return Err(format!("{id} was contacted {} times on a day", today.len()));
                }
            }
            Ok(outreach::Fact::ContactEnded { interaction, .. }) => {
                running.retain(|_, known| *known != interaction);
            }
            Ok(outreach::Fact::PlanWithdrawn { plan, .. }) => {
                let interaction = InteractionId::derived(plan.as_uuid(), "interaction");
                running.retain(|_, known| *known != interaction);
                // Called off before it was made.
                made.values_mut().for_each(|today| {
                    today.remove(&interaction);
                });
            }
            _ => {}
        }
    }
    let mut rung = BTreeSet::new();
    for recorded in events {
        if let Some(Fact::DialRequested {
            party: DialParty::Customer,
            ..
        }) = fact(recorded)
            && !rung.insert(recorded.stream.id)
        {
            return Err(format!("{} rang its customer twice", recorded.stream));
        }
    }
    Ok(())
}

/// Everything that was acknowledged is there, once.
pub fn acknowledged(
    events: &[Recorded],
    acknowledged: &Acknowledged,
    exchange: &Exchange,
) -> Checked {
    for (message, on) in acknowledged.0.lock().unwrap().iter() {
        let stored = events.iter().filter(|recorded| {
            matches!(fact(recorded), Some(Fact::MessageReceived { message: known, .. }) if known == *message)
        });
        let on_it: Vec<_> = stored.map(|recorded| recorded.stream.id).collect();
        if on_it != [on.as_uuid()] {
            return Err(format!(
                "{message} was acknowledged on {on} and stands in {on_it:?}"
            ));
        }
    }
    for leg in exchange.answered.lock().unwrap().iter() {
        let id = InteractionId::derived(leg.as_uuid(), "interaction");
        if !events
            .iter()
            .any(|recorded| recorded.stream.id == id.as_uuid())
        {
            return Err(format!(
                "a caller was answered, and the log knows nothing of {id}"
            ));
        }
    }
    Ok(())
}

/// No leg was dialled by two nodes, or twice.
pub fn dials(exchange: &Exchange) -> Checked {
    let mut seen: BTreeSet<LegId> = BTreeSet::new();
    for (leg, node) in exchange.dials.lock().unwrap().iter() {
        if !seen.insert(*leg) {
            return Err(format!("{leg} was dialled again, at node {node}"));
        }
    }
    Ok(())
}

/// How many contacts began, were taken, and were given up: what a counter may say at the most.
pub fn happened(events: &[Recorded]) -> BTreeMap<&'static str, u64> {
    let count = |wanted: &dyn Fn(&Fact) -> bool| {
        let facts = events.iter().filter_map(fact);
        facts.filter(|fact| wanted(fact)).count() as u64
    };
    BTreeMap::from([
        (
            "contacts_served",
            count(&|fact| matches!(fact, Fact::OfferAccepted { .. })),
        ),
        (
            "contacts_abandoned",
            count(&|fact| matches!(fact, Fact::Abandoned {})),
        ),
        (
            "offers",
            count(&|fact| matches!(fact, Fact::Offered { .. })),
        ),
        (
            "offers_expired",
            count(&|fact| {
                matches!(
                    fact,
                    Fact::OfferEnded {
                        why: OfferEnd::Expired,
                        ..
                    }
                )
            }),
        ),
    ])
}
