//! What must hold of the log and of the world outside, however often a hub died.

use std::collections::{BTreeMap, BTreeSet};

use rapport_domain::agent::Agent;
use rapport_domain::aggregate::decode;
use rapport_domain::event::Category;
use rapport_domain::id::{AgentId, LegId};
use rapport_domain::interaction::{DialParty, Fact};
use rapport_domain::outreach::Outreach;
use rapport_domain::testing::MemoryLog;

use crate::outside::{Outside, contacts, customers, folded};
use crate::support::tenant;

type Holds = Result<(), String>;

/// No contact, wish, reservation or work is left in the middle.
pub fn nothing_is_open(log: &MemoryLog) -> Holds {
    for id in contacts(log) {
        let last = facts_of(log, id.as_uuid()).pop();
        if !matches!(last, Some(Fact::Closed { .. } | Fact::Abandoned {})) {
            return Err(format!("contact {id} is open after {last:?}"));
        }
    }
    for customer in customers(log) {
        let outreach = folded::<Outreach>(log, Category::Outreach, customer.as_uuid());
        let open = outreach.is_some_and(|outreach| {
            outreach.in_flight.is_some() || outreach.wishes.values().any(|wish| wish.is_pending())
        });
        if open {
            return Err(format!("customer {customer} is still wanted"));
        }
    }
    let anna = AgentId::named(tenant(), "anna");
    let agent = folded::<Agent>(log, Category::Agent, anna.as_uuid());
    match agent {
        Some(agent) if agent.work.is_empty() && agent.reservations.is_empty() => Ok(()),
        agent => Err(format!("the agent is not free: {agent:?}")),
    }
}

/// Everything else, at the end of a story.
pub fn check(log: &MemoryLog, outside: &Outside) -> Holds {
    for id in contacts(log) {
        ends_once(&facts_of(log, id.as_uuid()))
            .map_err(|wrong| format!("contact {id}: {wrong}"))?;
    }
    effects_are_requested_once(log, outside)?;
    one_contact_in_flight(log)?;
    acknowledged_is_kept(log, outside)
}

/// One offer at a time, one end, and an outcome for every dial.
fn ends_once(facts: &[Fact]) -> Holds {
    let (mut offered, mut over) = (None, false);
    let mut dials: BTreeMap<LegId, DialParty> = BTreeMap::new();
    for fact in facts {
        if over {
            return Err(format!("{fact:?} after the end"));
        }
        match fact {
            Fact::Offered { offer, .. } => {
                if let Some(first) = offered.replace(*offer) {
                    return Err(format!("offered twice at a time: {first:?}, {offer:?}"));
                }
            }
            Fact::OfferEnded { offer, .. } | Fact::OfferAccepted { offer, .. } => {
                if offered.take() != Some(*offer) {
                    return Err("the end of an offer that did not run".into());
                }
                if matches!(fact, Fact::OfferAccepted { .. }) {
                    dials.retain(|_, party| *party != DialParty::Agent);
                }
            }
            Fact::DialRequested { leg, party, .. } => {
                if dials.values().any(|other| other == party) {
                    return Err(format!("{party:?} is dialled twice at a time"));
                }
                dials.insert(*leg, *party);
            }
            Fact::DialEnded { leg, .. } => {
                dials.remove(leg);
            }
            Fact::Connected {} => dials.retain(|_, party| *party != DialParty::Customer),
            Fact::Closed { .. } | Fact::Abandoned {} => over = true,
            _ => {}
        }
    }
    match dials.first_key_value() {
        Some((leg, party)) => Err(format!(
            "nothing is said of what came of dialling {party:?} on {leg}"
        )),
        None => Ok(()),
    }
}

/// Nobody is dialled whom the log does not name, and no leg is dialled by two hubs, or twice.
fn effects_are_requested_once(log: &MemoryLog, outside: &Outside) -> Holds {
    let mut requested = BTreeSet::new();
    for id in contacts(log) {
        for fact in facts_of(log, id.as_uuid()) {
            if let Fact::DialRequested { leg, .. } = fact
                && !requested.insert(leg)
            {
                return Err(format!("leg {leg} was requested twice"));
            }
        }
    }
    let mut dialled = BTreeSet::new();
    for (leg, _) in &outside.dialled {
        if !requested.contains(leg) {
            return Err(format!("leg {leg} was dialled without a request on disk"));
        }
        if !dialled.insert(*leg) {
            return Err(format!("leg {leg} was dialled twice"));
        }
    }
    Ok(())
}

fn one_contact_in_flight(log: &MemoryLog) -> Holds {
    use rapport_domain::outreach::Fact as F;
    for customer in customers(log) {
        let mut flying = None;
        for recorded in log
            .events()
            .iter()
            .filter(|e| e.stream.id == customer.as_uuid())
        {
            if recorded.stream.category != Category::Outreach {
                continue;
            }
            let event = &recorded.event;
            match decode(&event.kind, event.version, &event.data)
                .map_err(|error| error.to_string())?
            {
                F::ContactStarted {
                    plan, interaction, ..
                } => {
                    if let Some((first, _)) = flying.replace((plan, interaction)) {
                        return Err(format!(
                            "{plan:?} was started while {first:?} was in flight"
                        ));
                    }
                }
                F::ContactEnded { interaction, .. } => {
                    flying.take_if(|(_, on)| *on == interaction);
                }
                F::PlanWithdrawn { plan, .. } => {
                    flying.take_if(|(flying, _)| *flying == plan);
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// What somebody was told is taken, is in the log, once.
fn acknowledged_is_kept(log: &MemoryLog, outside: &Outside) -> Holds {
    let mut received = Vec::new();
    for id in contacts(log) {
        for fact in facts_of(log, id.as_uuid()) {
            if let Fact::MessageReceived { message, .. } = fact {
                received.push(message);
            }
        }
    }
    let once: BTreeSet<_> = received.iter().copied().collect();
    if once.len() != received.len() || !outside.acknowledged.is_subset(&once) {
        return Err(format!(
            "messages {received:?}, acknowledged {:?}",
            outside.acknowledged
        ));
    }
    let count = |kind: &str| log.events().iter().filter(|e| e.event.kind == kind).count();
    let callbacks = count("outreach.wish_filed") - outside.taken.len();
    // Whoever was answered and cut off is owed one callback; who was not answered may have begun a call that was cut.
    let cut = contacts(log)
        .into_iter()
        .filter(|id| {
            let facts = facts_of(log, id.as_uuid());
            let inbound = facts.iter().any(|fact| {
                matches!(
                    fact,
                    Fact::Started {
                        direction: rapport_domain::channel::Direction::Inbound,
                        ..
                    }
                )
            });
            let cut = facts.iter().any(|fact| {
                matches!(
                    fact,
                    Fact::Closed {
                        cause: rapport_domain::interaction::CloseCause::HubRestarted
                    }
                )
            });
            inbound && cut
        })
        .count();
    if callbacks != cut {
        return Err(format!(
            "{cut} callers were cut off and {callbacks} callbacks are owed"
        ));
    }
    let answered = contacts(log)
        .iter()
        .filter(|id| {
            outside.answered.iter().any(|leg| {
                rapport_domain::id::InteractionId::derived(leg.as_uuid(), "interaction") == **id
            })
        })
        .count();
    if answered != outside.answered.len() {
        return Err("a call that was answered is not in the log".into());
    }
    Ok(())
}

fn facts_of(log: &MemoryLog, interaction: uuid::Uuid) -> Vec<Fact> {
    let events = log.events();
    let own = events
        .iter()
        .filter(|e| e.stream.category == Category::Interaction && e.stream.id == interaction);
    own.map(|e| decode(&e.event.kind, e.event.version, &e.event.data).unwrap())
        .collect()
}
