//! What happened with a customer, over all channels.

mod customer;
mod query;

use std::collections::HashMap;

use rapport_domain::agent;
use rapport_domain::event::Recorded;
use rapport_domain::id::{AgentId, QueueId, WishId};
use rapport_domain::interaction::Fact;
use rapport_domain::outreach::{self, Withdrawal};
use rapport_domain::registry::AnyFact;
use rapport_domain::setup::QueueFact;
use rusqlite::{Connection, OptionalExtension};
use uuid::Uuid;

use crate::file::Schema;
use crate::model::{Failure, Handler};
use crate::stored::{bytes, direction, number, uuid, word};

pub(crate) use query::timeline;

/// Interactions remembered beside the file; when there are more, all are forgotten and read again as needed.
const REMEMBERED: usize = 20_000;

/// The model `timeline`.
#[derive(Default)]
pub(crate) struct Timeline {
    interactions: HashMap<Uuid, Contact>,
}

/// What every item of an interaction shows.
#[derive(Clone)]
struct Contact {
    customer: Uuid,
    channel: String,
    direction: String,
    queue: Option<Uuid>,
}

/// One row, as far as the event gives it.
#[derive(Default)]
struct Item<'a> {
    kind: &'static str,
    interaction: Option<Uuid>,
    channel: Option<&'a str>,
    direction: Option<&'a str>,
    queue: Option<QueueId>,
    agent: Option<AgentId>,
    department: Option<String>,
    purpose: Option<String>,
    outcome: Option<String>,
    reason: Option<String>,
    text: Option<&'a str>,
}

impl Handler for Timeline {
    const SCHEMA: Schema = Schema {
        name: "timeline",
        version: 3,
        sql: include_str!("../../../migrations/read-model/timeline.v3.sql"),
    };

    fn wants(kind: &str) -> bool {
        matches!(
            kind,
            "interaction.started"
                | "interaction.queued"
                | "interaction.offer_accepted"
                | "interaction.connected"
                | "interaction.message_received"
                | "interaction.message_sent"
                | "interaction.abandoned"
                | "interaction.ended"
                | "interaction.disposition_set"
                | "interaction.closed"
                | "outreach.wish_filed"
                | "outreach.contact_planned"
                | "outreach.plan_withdrawn"
                | "outreach.outcome_recorded"
                | "agent.defined"
                | "queue.defined"
                | "customer.erased"
                | "customer.consent_changed"
                | "customer.do_not_contact_changed"
                | "customer.complaint_opened"
                | "customer.complaint_closed"
                | "customer.merged"
                | "customer.unmerged"
        )
    }

    fn apply(&mut self, on: &Connection, recorded: &Recorded) -> Result<(), Failure> {
        match AnyFact::decode(recorded)? {
            AnyFact::Interaction(fact) => self.interaction(on, recorded, &fact)?,
            AnyFact::Outreach(fact) => self.outreach(on, recorded, &fact)?,
            AnyFact::Agent(agent::Fact::Defined(definition)) => {
                call(on, recorded, &definition.display_name)?
            }
            AnyFact::Queue(QueueFact::Defined(definition)) => {
                call(on, recorded, &definition.display_name)?
            }
            AnyFact::Customer(fact) => customer::apply(on, recorded, &fact)?,
            AnyFact::Agent(_)
            | AnyFact::Queue(_)
            | AnyFact::ContactPoint(_)
            | AnyFact::Tenant(_)
            | AnyFact::Policy(_)
            | AnyFact::Node(_)
            | AnyFact::Routing(_)
            | AnyFact::Webhook(_) => {}
        }
        Ok(())
    }
}

impl Timeline {
    fn interaction(
        &mut self,
        on: &Connection,
        recorded: &Recorded,
        fact: &Fact,
    ) -> rusqlite::Result<()> {
        let id = recorded.stream.id;
        if let Fact::Started {
            customer,
            channel,
            direction: who,
            ..
        } = fact
        {
            let contact = Contact {
                customer: customer.as_uuid(),
                channel: channel.name().to_owned(),
                direction: direction(*who).to_owned(),
                queue: None,
            };
            let sql = "INSERT OR IGNORE INTO interaction VALUES (?1, ?2, ?3, ?4, NULL)";
            let row = (
                bytes(id),
                bytes(contact.customer),
                &contact.channel,
                &contact.direction,
            );
            on.prepare_cached(sql)?.execute(row)?;
            self.remember(id, contact);
        }
        let Some(contact) = self.contact(on, id)? else {
            return Ok(());
        };
        if let Fact::Queued { queue, .. } = fact {
            on.prepare_cached("UPDATE interaction SET queue = ?2 WHERE id = ?1")?
                .execute((bytes(id), bytes(queue.as_uuid())))?;
            self.remember(
                id,
                Contact {
                    queue: Some(queue.as_uuid()),
                    ..contact
                },
            );
            return Ok(());
        }
        let item = Item {
            interaction: Some(id),
            channel: Some(&contact.channel),
            direction: Some(&contact.direction),
            queue: contact.queue.map(QueueId::from_uuid),
            ..Item::default()
        };
        let item = match fact {
            Fact::Started { .. } => Item {
                kind: "started",
                ..item
            },
            Fact::OfferAccepted { agent, .. } => Item {
                kind: "answered",
                agent: Some(*agent),
                ..item
            },
            Fact::Connected {} => Item {
                kind: "connected",
                ..item
            },
            Fact::MessageReceived { text, .. } => Item {
                kind: "message_received",
                text: Some(text.expose()),
                ..item
            },
            Fact::MessageSent { text, agent, .. } => Item {
                kind: "message_sent",
                text: Some(text.expose()),
                agent: Some(*agent),
                ..item
            },
            Fact::Abandoned {} => Item {
                kind: "abandoned",
                ..item
            },
            Fact::Ended { by, .. } => Item {
                kind: "ended",
                reason: word(by),
                ..item
            },
            Fact::DispositionSet {
                agent,
                disposition,
                note,
            } => Item {
                kind: "disposition",
                agent: Some(*agent),
                outcome: Some(disposition.clone()),
                text: note.as_ref().map(|note| note.expose().as_str()),
                ..item
            },
            Fact::Closed { cause } => Item {
                kind: "closed",
                reason: word(cause),
                ..item
            },
            Fact::Queued { .. }
            | Fact::Offered { .. }
            | Fact::OfferEnded { .. }
            | Fact::OfferVoided { .. }
            | Fact::DialRequested { .. }
            | Fact::DialEnded { .. } => return Ok(()),
        };
        add(on, recorded, contact.customer, item)
    }

    fn outreach(
        &mut self,
        on: &Connection,
        recorded: &Recorded,
        fact: &outreach::Fact,
    ) -> rusqlite::Result<()> {
        let customer = recorded.stream.id;
        match fact {
            outreach::Fact::WishFiled(wish) => {
                let sql = "INSERT OR IGNORE INTO wish VALUES (?1, ?2, ?3)";
                let new = on.prepare_cached(sql)?.execute((
                    bytes(wish.id.as_uuid()),
                    &wish.department,
                    &wish.purpose,
                ))?;
                // One that moved with a customer who was merged was filed once.
                if new == 0 {
                    return Ok(());
                }
                let item = Item {
                    kind: "wish_filed",
                    department: Some(wish.department.clone()),
                    purpose: Some(wish.purpose.clone()),
                    text: Some(wish.talking_point.expose()),
                    ..Item::default()
                };
                add(on, recorded, customer, item)
            }
            outreach::Fact::ContactPlanned {
                channel,
                agenda,
                receipt,
                ..
            } => {
                let (department, purpose) = named(on, agenda)?;
                let channel = Some(channel.name());
                let reason = word(&receipt.reason);
                add(
                    on,
                    recorded,
                    customer,
                    Item {
                        kind: "planned",
                        channel,
                        department,
                        purpose,
                        reason,
                        ..Item::default()
                    },
                )
            }
            outreach::Fact::PlanWithdrawn { why, receipt, .. } => {
                let interaction = match why {
                    Withdrawal::CustomerContactedUs { interaction } => Some(interaction.as_uuid()),
                    Withdrawal::NothingToSay | Withdrawal::CustomerErased => None,
                };
                let reason = word(&receipt.reason);
                add(
                    on,
                    recorded,
                    customer,
                    Item {
                        kind: "withdrawn",
                        interaction,
                        reason,
                        ..Item::default()
                    },
                )
            }
            outreach::Fact::OutcomeRecorded {
                wish,
                outcome,
                interaction,
                agent,
                note,
                ..
            } => {
                let (department, purpose) = named(on, &[*wish])?;
                let contact = self.contact(on, interaction.as_uuid())?;
                let item = Item {
                    kind: "outcome",
                    interaction: Some(interaction.as_uuid()),
                    channel: contact.as_ref().map(|contact| contact.channel.as_str()),
                    direction: contact.as_ref().map(|contact| contact.direction.as_str()),
                    queue: contact
                        .as_ref()
                        .and_then(|contact| contact.queue)
                        .map(QueueId::from_uuid),
                    agent: Some(*agent),
                    department,
                    purpose,
                    outcome: word(outcome),
                    text: note.as_ref().map(|note| note.expose().as_str()),
                    ..Item::default()
                };
                add(on, recorded, customer, item)
            }
            outreach::Fact::WishAmended(_)
            | outreach::Fact::WishWithdrawn { .. }
            | outreach::Fact::ContactNoted(_)
            | outreach::Fact::WishHeld { .. }
            | outreach::Fact::WishDropped { .. }
            | outreach::Fact::ContactStarted { .. }
            | outreach::Fact::AgendaTakenUp { .. }
            | outreach::Fact::ContactEnded { .. }
            | outreach::Fact::WishesMoved { .. }
            | outreach::Fact::WishesReturned { .. }
            | outreach::Fact::Closed {} => Ok(()),
        }
    }

    fn remember(&mut self, id: Uuid, contact: Contact) {
        if self.interactions.len() >= REMEMBERED {
            self.interactions.clear();
        }
        self.interactions.insert(id, contact);
    }

    fn contact(&mut self, on: &Connection, id: Uuid) -> rusqlite::Result<Option<Contact>> {
        if let Some(known) = self.interactions.get(&id) {
            return Ok(Some(known.clone()));
        }
        let sql = "SELECT customer, channel, direction, queue FROM interaction WHERE id = ?1";
        let stored = on.prepare_cached(sql)?.query_row([bytes(id)], |row| {
            let queue = crate::stored::maybe_uuid(row, 3)?;
            Ok(Contact {
                customer: uuid(row, 0)?,
                channel: row.get(1)?,
                direction: row.get(2)?,
                queue,
            })
        });
        let stored = stored.optional()?;
        if let Some(contact) = &stored {
            self.remember(id, contact.clone());
        }
        Ok(stored)
    }
}

fn call(on: &Connection, recorded: &Recorded, name: &str) -> rusqlite::Result<()> {
    on.prepare_cached("INSERT OR REPLACE INTO called VALUES (?1, ?2)")?
        .execute((bytes(recorded.stream.id), name))?;
    Ok(())
}

/// The departments and purposes of an agenda, each once, in its order.
fn named(on: &Connection, agenda: &[WishId]) -> rusqlite::Result<(Option<String>, Option<String>)> {
    let mut query = on.prepare_cached("SELECT department, purpose FROM wish WHERE id = ?1")?;
    let (mut departments, mut purposes) = (Vec::<String>::new(), Vec::<String>::new());
    for wish in agenda {
        let found = query
            .query_row([bytes(wish.as_uuid())], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        let Some((department, purpose)) = found else {
            continue;
        };
        if !departments.contains(&department) {
            departments.push(department);
        }
        if !purposes.contains(&purpose) {
            purposes.push(purpose);
        }
    }
    let joined = |names: Vec<String>| (!names.is_empty()).then(|| names.join(", "));
    Ok((joined(departments), joined(purposes)))
}

fn add(
    on: &Connection,
    recorded: &Recorded,
    customer: Uuid,
    item: Item<'_>,
) -> rusqlite::Result<()> {
    let sql =
        "INSERT INTO item VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14,
        iif(EXISTS (SELECT 1 FROM erased WHERE customer = ?3), NULL, ?15))";
    on.prepare_cached(sql)?.execute((
        number(recorded.position.0),
        bytes(recorded.event.meta.tenant.as_uuid()),
        bytes(customer),
        recorded.event.recorded_at.as_micros(),
        item.kind,
        item.interaction.map(bytes),
        item.channel,
        item.direction,
        item.queue.map(|queue| bytes(queue.as_uuid())),
        item.agent.map(|agent| bytes(agent.as_uuid())),
        item.department,
        item.purpose,
        item.outcome,
        item.reason,
        item.text,
    ))?;
    Ok(())
}
