//! What a starting node must load.

mod agents;
mod outreach;
mod query;

use rapport_domain::agent;
use rapport_domain::customer;
use rapport_domain::event::{Category, Recorded, Revision};
use rapport_domain::interaction::Fact;
use rapport_domain::registry::AnyFact;
use rusqlite::Connection;

use crate::file::Schema;
use crate::model::{Failure, Handler};
use crate::stored::{bytes, number};

pub(crate) use query::{
    agent_events, agent_work, latest_interaction, open_interactions, pending_outreach,
    setup_streams,
};

/// The model `worklist`.
#[derive(Default)]
pub(crate) struct Worklist;

impl Handler for Worklist {
    const SCHEMA: Schema = Schema {
        name: "worklist",
        version: 3,
        sql: include_str!("../../../migrations/read-model/worklist.v3.sql"),
    };

    fn wants(kind: &str) -> bool {
        matches!(
            kind,
            "interaction.started"
                | "interaction.abandoned"
                | "interaction.closed"
                | "queue.defined"
                | "tenant.defined"
                | "policy.set"
                | "customer.erased"
        ) || kind.starts_with("outreach.")
            || kind.starts_with("agent.")
    }

    fn apply(&mut self, on: &Connection, recorded: &Recorded) -> Result<(), Failure> {
        let id = bytes(recorded.stream.id);
        let tenant = recorded.event.meta.tenant;
        match recorded.stream.category {
            Category::Queue | Category::Tenant | Category::Policy | Category::Agent => {
                if recorded.revision == Revision::FIRST {
                    let sql = "INSERT INTO setup_stream VALUES (?1, ?2, ?3, ?4)";
                    let category = recorded.stream.category.name();
                    let position = number(recorded.position.0);
                    on.prepare_cached(sql)?.execute((
                        position,
                        bytes(tenant.as_uuid()),
                        category,
                        id,
                    ))?;
                }
                if recorded.stream.category != Category::Agent {
                    return Ok(());
                }
            }
            _ => {}
        }
        match AnyFact::decode(recorded)? {
            AnyFact::Interaction(Fact::Started {
                customer,
                channel,
                contact_point,
                ..
            }) => {
                let sql = "INSERT OR IGNORE INTO open_interaction VALUES (?1, ?2, ?3)";
                let owner = bytes(tenant.as_uuid());
                on.prepare_cached(sql)?
                    .execute((id, owner, number(recorded.position.0)))?;
                let sql = "INSERT OR REPLACE INTO latest_interaction SELECT ?1, ?2, ?3, ?4, ?5
                    WHERE NOT EXISTS (SELECT 1 FROM erased WHERE customer = ?5)";
                on.prepare_cached(sql)?.execute((
                    bytes(contact_point.key(tenant)),
                    channel.name(),
                    owner,
                    id,
                    bytes(customer.as_uuid()),
                ))?;
            }
            AnyFact::Customer(customer::Fact::Erased { .. }) => {
                on.prepare_cached("INSERT OR IGNORE INTO erased VALUES (?1)")?
                    .execute([id])?;
                on.prepare_cached("DELETE FROM latest_interaction WHERE customer = ?1")?
                    .execute([id])?;
            }
            AnyFact::Interaction(Fact::Abandoned {} | Fact::Closed { .. }) => {
                on.prepare_cached("DELETE FROM open_interaction WHERE id = ?1")?
                    .execute([id])?;
            }
            AnyFact::Agent(fact) => {
                agents::apply(on, recorded, &fact)?;
                if !matches!(fact, agent::Fact::WorkFinished { .. }) {
                    return Ok(());
                }
                let sql = "INSERT OR REPLACE INTO agent_work VALUES (?1, ?2, ?3)";
                let at = recorded.event.recorded_at.as_micros();
                on.prepare_cached(sql)?
                    .execute((id, bytes(tenant.as_uuid()), at))?;
            }
            AnyFact::Outreach(fact) => outreach::apply(on, recorded, &fact)?,
            AnyFact::Interaction(_)
            | AnyFact::Customer(_)
            | AnyFact::ContactPoint(_)
            | AnyFact::Queue(_)
            | AnyFact::Tenant(_)
            | AnyFact::Policy(_)
            | AnyFact::Node(_)
            | AnyFact::Routing(_)
            | AnyFact::Webhook(_) => {}
        }
        Ok(())
    }
}
