//! What a customer said of being contacted, and what they complained about.

use rapport_domain::customer::Fact;
use rapport_domain::event::{Actor, Recorded};
use rusqlite::Connection;
use uuid::Uuid;

use super::{Item, add};
use crate::stored::bytes;

pub(super) fn apply(on: &Connection, recorded: &Recorded, fact: &Fact) -> rusqlite::Result<()> {
    let customer = recorded.stream.id;
    let (agent, department) = match &recorded.event.meta.actor {
        Actor::Agent(agent) => (Some(*agent), None),
        Actor::Department(name) => (None, Some(name.clone())),
        Actor::System | Actor::Customer(_) | Actor::Operator => (None, None),
    };
    let item = Item {
        agent,
        department,
        ..Item::default()
    };
    let item = match fact {
        Fact::ConsentChanged(statement) => Item {
            kind: if statement.given {
                "consent_given"
            } else {
                "consent_refused"
            },
            channel: Some(statement.channel.name()),
            purpose: Some(statement.purpose.clone()),
            text: Some(statement.evidence.expose()),
            ..item
        },
        Fact::DoNotContactChanged(wish) => Item {
            kind: if wish.active {
                "do_not_contact"
            } else {
                "do_not_contact_lifted"
            },
            outcome: Some(wish.scope.name().to_owned()),
            text: Some(wish.reason.expose()),
            ..item
        },
        Fact::ComplaintOpened {
            about, interaction, ..
        } => Item {
            kind: "complaint_opened",
            interaction: interaction.map(|id| id.as_uuid()),
            text: Some(about.expose()),
            ..item
        },
        Fact::ComplaintClosed { resolution, .. } => Item {
            kind: "complaint_closed",
            text: Some(resolution.expose()),
            ..item
        },
        Fact::Merged { into, .. } => {
            on.prepare_cached("INSERT OR REPLACE INTO link VALUES (?1, ?2)")?
                .execute((bytes(customer), bytes(into.as_uuid())))?;
            Item {
                kind: "merged",
                ..item
            }
        }
        Fact::Unmerged { .. } => {
            on.prepare_cached("DELETE FROM link WHERE customer = ?1")?
                .execute([bytes(customer)])?;
            Item {
                kind: "unmerged",
                ..item
            }
        }
        Fact::Erased { .. } => return forget(on, customer),
        Fact::Created {}
        | Fact::ContactPointAdded(_)
        | Fact::Named { .. }
        | Fact::ZoneSet { .. }
        | Fact::PreferenceSet { .. }
        | Fact::Absorbed(_)
        | Fact::MergeRefused { .. }
        | Fact::Released { .. }
        | Fact::MatchSuspected { .. }
        | Fact::MatchJudged { .. }
        | Fact::FactStated(_)
        | Fact::Qualified(_) => return Ok(()),
    };
    add(on, recorded, customer, item)
}

/// What was written, noted or to be said goes; that it happened stays.
fn forget(on: &Connection, customer: Uuid) -> rusqlite::Result<()> {
    on.prepare_cached("INSERT OR IGNORE INTO erased VALUES (?1)")?
        .execute([bytes(customer)])?;
    on.prepare_cached("UPDATE item SET text = NULL WHERE customer = ?1")?
        .execute([bytes(customer)])?;
    Ok(())
}
