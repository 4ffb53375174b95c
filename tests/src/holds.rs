//! What must be true of a log, whoever wrote it and whatever happened to them. Each answers what is wrong, if anything.

use std::collections::{BTreeMap, BTreeSet};

use crate::log::Event;

type Checked = Result<(), String>;

/// What fits into the hands of one agent.
const CAPACITY: u32 = 100;

/// A contact as the facts tell it.
#[derive(Default)]
struct Contact<'a> {
    channel: &'a str,
    offered: Option<(&'a str, &'a str)>,
    taken_by: Option<&'a str>,
    over: bool,
}

const fn weight(channel: &str) -> u32 {
    match channel.as_bytes() {
        b"voice" => CAPACITY,
        _ => CAPACITY / 3,
    }
}

fn of<'a>(events: &'a [Event], category: &str) -> impl Iterator<Item = &'a Event> {
    let prefix = format!("{category}-");
    events
        .iter()
        .filter(move |event| event.stream().starts_with(&prefix))
}

/// The type without its version.
fn kind(event: &Event) -> &str {
    event.kind().rsplit_once(".v").map_or("", |(kind, _)| kind)
}

fn wrong<T>(event: &Event, what: &str) -> Result<T, String> {
    Err(format!(
        "{} at {}: {what}",
        event.stream(),
        event.position()
    ))
}

/// Contacts are offered to one agent at a time, taken once, and end once; and no agent ever has more than fits.
///
/// # Errors
/// What is wrong.
pub fn contacts(events: &[Event]) -> Checked {
    let mut contacts: BTreeMap<&str, Contact<'_>> = BTreeMap::new();
    let mut hands: BTreeMap<&str, BTreeMap<&str, u32>> = BTreeMap::new();
    for event in of(events, "interaction") {
        let contact = contacts.entry(event.id()).or_default();
        let offer = (event.text("offer"), event.text("agent"));
        match kind(event) {
            "interaction.started" => contact.channel = event.text("channel"),
            "interaction.offered" => {
                if contact.offered.is_some() || contact.taken_by.is_some() || contact.over {
                    return wrong(event, "offered although it does not wait");
                }
                contact.offered = Some(offer);
                let held = hands.entry(offer.1).or_default();
                held.insert(event.id(), weight(contact.channel));
                if held.values().sum::<u32>() > CAPACITY {
                    return wrong(
                        event,
                        &format!("{} is offered more than fits: {held:?}", offer.1),
                    );
                }
            }
            "interaction.offer_ended" => {
                if contact.offered.take() != Some(offer) {
                    return wrong(event, "an offer ended that did not run");
                }
                hands.entry(offer.1).or_default().remove(event.id());
            }
            "interaction.offer_accepted" => {
                if contact.offered.take() != Some(offer) {
                    return wrong(event, "an offer was accepted that did not run");
                }
                contact.taken_by = Some(offer.1);
            }
            "interaction.abandoned" | "interaction.closed" => {
                if contact.over {
                    return wrong(event, "ended twice");
                }
                contact.over = true;
                if let Some(agent) = contact.taken_by {
                    hands.entry(agent).or_default().remove(event.id());
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Contacts that are not over.
#[must_use]
pub fn open(events: &[Event]) -> BTreeSet<&str> {
    let mut open = BTreeSet::new();
    for event in of(events, "interaction") {
        match kind(event) {
            "interaction.started" => drop(open.insert(event.id())),
            "interaction.abandoned" | "interaction.closed" => drop(open.remove(event.id())),
            _ => {}
        }
    }
    open
}

/// What agents have in their hands, and what was set aside for them.
#[derive(Debug, Default)]
pub struct Hands<'a> {
    /// Agent and contact.
    pub work: BTreeSet<(&'a str, &'a str)>,
    /// Agent and offer.
    pub reserved: BTreeSet<(&'a str, &'a str)>,
}

impl Hands<'_> {
    /// Whether there is nothing.
    #[must_use]
    pub fn are_free(&self) -> bool {
        self.work.is_empty() && self.reserved.is_empty()
    }
}

/// Work is noted once and finished once. Answers what is left in anybody's hands.
///
/// # Errors
/// What is wrong.
pub fn agents(events: &[Event]) -> Result<Hands<'_>, String> {
    let (mut hands, mut done) = (Hands::default(), BTreeSet::new());
    // Whoever takes a contact has it instead of the offer.
    let mut offers: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for event in of(events, "agent") {
        let (work, offer) = (
            (event.id(), event.text("interaction")),
            (event.id(), event.text("offer")),
        );
        match kind(event) {
            "agent.reserved" => {
                hands.reserved.insert(offer);
                offers.insert(work, offer.1);
            }
            "agent.reservation_ended" => drop(hands.reserved.remove(&offer)),
            "agent.work_taken" => {
                if done.contains(&work) || !hands.work.insert(work) {
                    return wrong(event, "took a contact twice");
                }
                if let Some(offer) = offers.get(&work) {
                    hands.reserved.remove(&(event.id(), offer));
                }
            }
            "agent.work_finished" => {
                if !hands.work.remove(&work) {
                    return wrong(event, "finished a contact that was not in hand");
                }
                done.insert(work);
            }
            _ => {}
        }
    }
    Ok(hands)
}

/// Where a wish stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish<'a> {
    /// It waits, and was tried so often.
    Waits {
        /// How often.
        tried: u32,
    },
    /// It is being said on this contact.
    On(&'a str),
    /// It was said on this contact.
    Said(&'a str),
    /// It was given up.
    Dropped,
}

/// A customer is contacted by one plan at a time, a wish is said on one contact at a time and ends once. Answers where
/// each wish stands.
///
/// # Errors
/// What is wrong.
pub fn outreach(events: &[Event]) -> Result<BTreeMap<&str, Wish<'_>>, String> {
    let mut wishes: BTreeMap<&str, Wish<'_>> = BTreeMap::new();
    let mut plans: BTreeMap<&str, (&str, Vec<&str>)> = BTreeMap::new();
    let mut running: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    for event in of(events, "outreach") {
        let (customer, on) = (event.id(), event.text("interaction"));
        match kind(event) {
            "outreach.wish_filed" => {
                let known = wishes.insert(event.text("id"), Wish::Waits { tried: 0 });
                if known.is_some() {
                    return wrong(event, "a wish was filed twice");
                }
            }
            "outreach.wish_dropped" => match wishes.insert(event.text("wish"), Wish::Dropped) {
                Some(Wish::Waits { .. }) => {}
                other => return wrong(event, &format!("a wish was dropped that was {other:?}")),
            },
            "outreach.contact_planned" => {
                let agenda = texts(event, "agenda");
                for wish in &agenda {
                    if !matches!(wishes.get(wish), Some(Wish::Waits { .. })) {
                        return wrong(event, &format!("{wish} is planned and does not wait"));
                    }
                }
                plans.insert(customer, (event.text("plan"), agenda));
            }
            "outreach.contact_started" => {
                let Some((plan, agenda)) = plans.remove(customer) else {
                    return wrong(event, "a contact began without a plan");
                };
                if let Some(other) = running.insert(customer, (plan, on)) {
                    return wrong(event, &format!("a contact began while {other:?} ran"));
                }
                for wish in agenda {
                    wishes.insert(wish, Wish::On(on));
                }
            }
            "outreach.agenda_taken_up" => {
                for wish in texts(event, "agenda") {
                    match wishes.insert(wish, Wish::On(on)) {
                        Some(Wish::Waits { .. }) => {}
                        other => {
                            return wrong(event, &format!("{wish} was taken up and was {other:?}"));
                        }
                    }
                }
            }
            "outreach.plan_withdrawn" => {
                let plan = event.text("plan");
                if plans.get(customer).is_some_and(|(known, _)| *known == plan) {
                    plans.remove(customer);
                } else if let Some((known, on)) = running.get(customer).copied()
                    && known == plan
                {
                    running.remove(customer);
                    for wish in wishes.values_mut().filter(|wish| **wish == Wish::On(on)) {
                        *wish = Wish::Waits { tried: 0 };
                    }
                }
            }
            "outreach.outcome_recorded" => {
                let wish = event.text("wish");
                let before = wishes.insert(wish, Wish::Said(on));
                if before != Some(Wish::On(on)) && before != Some(Wish::Said(on)) {
                    return wrong(event, &format!("{wish} was said and was {before:?}"));
                }
            }
            "outreach.contact_ended" => {
                if running
                    .get(customer)
                    .is_some_and(|(_, running)| *running == on)
                {
                    running.remove(customer);
                }
                for wish in texts(event, "returned") {
                    match wishes.insert(wish, Wish::Waits { tried: 1 }) {
                        Some(Wish::On(was)) if was == on => {}
                        other => {
                            return wrong(event, &format!("{wish} came back and was {other:?}"));
                        }
                    }
                }
            }
            _ => {}
        }
    }
    Ok(wishes)
}

fn texts<'a>(event: &'a Event, name: &str) -> Vec<&'a str> {
    let all = event.data()[name].as_array().into_iter().flatten();
    all.filter_map(|text| text.as_str()).collect()
}

/// Nobody's phone is rung twice for one contact, or for a second one before the first is over.
///
/// # Errors
/// What is wrong.
pub fn customers_phones(events: &[Event]) -> Checked {
    let mut customers: BTreeMap<&str, &str> = BTreeMap::new();
    let (mut rung, mut ringing) = (BTreeSet::new(), BTreeMap::new());
    for event in of(events, "interaction") {
        let id = event.id();
        match kind(event) {
            "interaction.started" => drop(customers.insert(id, event.text("customer"))),
            "interaction.dial_requested" if event.text("party") == "customer" => {
                if !rung.insert(id) {
                    return wrong(event, "rang its customer twice");
                }
                let customer = customers.get(id).copied().unwrap_or_default();
                if let Some(other) = ringing.insert(customer, id) {
                    return wrong(event, &format!("rang its customer, and so did {other}"));
                }
            }
            "interaction.ended" | "interaction.closed" | "interaction.abandoned" => {
                ringing.retain(|_, known| *known != id);
            }
            _ => {}
        }
    }
    Ok(())
}
