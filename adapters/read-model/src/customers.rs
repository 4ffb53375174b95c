//! Customers, what departments want of them, and every decision with its receipt.

mod outreach;
mod query;

use rapport_domain::customer::{ClaimFact, Fact};
use rapport_domain::event::Recorded;
use rapport_domain::id::TenantId;
use rapport_domain::registry::AnyFact;
use rusqlite::Connection;
use uuid::Uuid;

use crate::file::Schema;
use crate::model::{Failure, Handler};
use crate::stored::{bytes, number};

pub(crate) use query::{
    count_wanted, customer, cut, decisions, find_customers, one_more, outcomes, wanted, wish,
    wishes,
};

/// The model `customers`.
#[derive(Default)]
pub(crate) struct Customers;

impl Handler for Customers {
    const SCHEMA: Schema = Schema {
        name: "customers",
        version: 3,
        sql: include_str!("../../../migrations/read-model/customers.v3.sql"),
    };

    fn wants(kind: &str) -> bool {
        kind.starts_with("outreach.")
            || kind.starts_with("customer.")
            || kind.starts_with("contact_point.")
    }

    fn apply(&mut self, on: &Connection, recorded: &Recorded) -> Result<(), Failure> {
        let tenant = recorded.event.meta.tenant;
        let id = recorded.stream.id;
        match AnyFact::decode(recorded)? {
            AnyFact::Customer(fact) => customer_fact(on, recorded, tenant, id, fact)?,
            AnyFact::ContactPoint(ClaimFact::Claimed { customer }) => {
                let sql = "INSERT INTO claim SELECT ?1, ?2, ?3, ?4
                    WHERE NOT EXISTS (SELECT 1 FROM customer WHERE id = ?3 AND erased_at IS NOT NULL)
                    ON CONFLICT DO UPDATE SET customer = excluded.customer, position = excluded.position";
                let position = number(recorded.position.0);
                let tenant = bytes(tenant.as_uuid());
                on.prepare_cached(sql)?.execute((
                    bytes(id),
                    tenant,
                    bytes(customer.as_uuid()),
                    position,
                ))?;
            }
            AnyFact::ContactPoint(ClaimFact::Released { customer }) => {
                on.prepare_cached("DELETE FROM claim WHERE key = ?1 AND customer = ?2")?
                    .execute((bytes(id), bytes(customer.as_uuid())))?;
            }
            AnyFact::Outreach(fact) => outreach::apply(on, recorded, &fact)?,
            AnyFact::Interaction(_)
            | AnyFact::Agent(_)
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

fn customer_fact(
    on: &Connection,
    recorded: &Recorded,
    tenant: TenantId,
    id: Uuid,
    fact: Fact,
) -> rusqlite::Result<()> {
    let customer = bytes(id);
    match fact {
        Fact::Created {} => {
            let sql = "INSERT OR IGNORE INTO customer (id, tenant) VALUES (?1, ?2)";
            on.prepare_cached(sql)?
                .execute((customer, bytes(tenant.as_uuid())))?;
        }
        Fact::ContactPointAdded(added) => {
            let sql = "INSERT OR REPLACE INTO contact_point VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            let point = &added.contact_point;
            on.prepare_cached(sql)?.execute((
                customer,
                bytes(point.key(tenant)),
                point.kind().name(),
                point.value(),
                added.verified,
                number(recorded.position.0),
            ))?;
        }
        Fact::Named { name } => {
            let sql = "UPDATE customer SET name = ?2 WHERE id = ?1";
            on.prepare_cached(sql)?.execute((customer, name.expose()))?;
        }
        Fact::ZoneSet { zone } => {
            let sql = "UPDATE customer SET zone = ?2 WHERE id = ?1";
            on.prepare_cached(sql)?.execute((customer, zone.name()))?;
        }
        Fact::ConsentChanged {
            purpose,
            channel,
            given,
            ..
        } => {
            let sql = "INSERT OR REPLACE INTO consent VALUES (?1, ?2, ?3, ?4)";
            on.prepare_cached(sql)?
                .execute((customer, purpose, channel.name(), given))?;
        }
        Fact::DoNotContactChanged { active, .. } => {
            let sql = "UPDATE customer SET do_not_contact = ?2 WHERE id = ?1";
            on.prepare_cached(sql)?.execute((customer, active))?;
        }
        Fact::Erased { .. } => forget(on, customer, recorded)?,
    }
    Ok(())
}

/// What is personal goes; that there was somebody, and what departments wanted and got, stays.
fn forget(on: &Connection, customer: [u8; 16], recorded: &Recorded) -> rusqlite::Result<()> {
    let sql = "UPDATE customer SET name = NULL, zone = NULL, do_not_contact = 0, erased_at = ?2 WHERE id = ?1";
    let at = recorded.event.recorded_at.as_micros();
    on.prepare_cached(sql)?.execute((customer, at))?;
    for sql in [
        "DELETE FROM contact_point WHERE customer = ?1",
        "DELETE FROM claim WHERE customer = ?1",
        "DELETE FROM consent WHERE customer = ?1",
        "UPDATE wish SET note = NULL WHERE customer = ?1",
    ] {
        on.prepare_cached(sql)?.execute([customer])?;
    }
    Ok(())
}
