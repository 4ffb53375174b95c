//! Service figures per queue, day and quarter of an hour.

mod query;

use std::collections::HashMap;

use rapport_domain::event::Recorded;
use rapport_domain::id::{QueueId, TenantId};
use rapport_domain::interaction::Fact;
use rapport_domain::registry::AnyFact;
use rapport_domain::setup::{QueueFact, TenantFact};
use rapport_domain::time::{Timestamp, Zone};
use rusqlite::{Connection, OptionalExtension};

use crate::file::Schema;
use crate::model::{Failure, Handler};
use crate::stored::{bytes, uuid};

pub(crate) use query::{quarters, queues};

/// The model `statistics`.
#[derive(Default)]
pub(crate) struct Statistics {
    zones: HashMap<TenantId, Zone>,
    targets: HashMap<QueueId, i64>,
}

/// A contact that is neither answered nor abandoned.
struct Waiting {
    queue: QueueId,
    since: Timestamp,
    day: i32,
    quarter: u16,
}

impl Handler for Statistics {
    const SCHEMA: Schema = Schema {
        name: "statistics",
        version: 1,
        sql: include_str!("../../../migrations/read-model/statistics.v1.sql"),
    };

    fn wants(kind: &str) -> bool {
        matches!(
            kind,
            "interaction.queued"
                | "interaction.offer_accepted"
                | "interaction.abandoned"
                | "interaction.closed"
                | "queue.defined"
                | "tenant.defined"
        )
    }

    fn apply(&mut self, on: &Connection, recorded: &Recorded) -> Result<(), Failure> {
        let id = recorded.stream.id;
        match AnyFact::decode(recorded)? {
            AnyFact::Interaction(fact) => self.interaction(on, recorded, &fact)?,
            AnyFact::Queue(QueueFact::Defined(definition)) => {
                let sql = "INSERT OR REPLACE INTO queue VALUES (?1, ?2)";
                on.prepare_cached(sql)?
                    .execute((bytes(id), definition.target_seconds))?;
                self.targets.remove(&QueueId::from_uuid(id));
            }
            AnyFact::Tenant(TenantFact::Defined(definition)) => {
                let sql = "INSERT OR REPLACE INTO tenant VALUES (?1, ?2)";
                on.prepare_cached(sql)?
                    .execute((bytes(id), definition.zone.name()))?;
                self.zones.remove(&TenantId::from_uuid(id));
            }
            AnyFact::Queue(_)
            | AnyFact::Tenant(_)
            | AnyFact::Customer(_)
            | AnyFact::ContactPoint(_)
            | AnyFact::Outreach(_)
            | AnyFact::Agent(_)
            | AnyFact::Policy(_)
            | AnyFact::Node(_)
            | AnyFact::Routing(_)
            | AnyFact::Webhook(_) => {}
        }
        Ok(())
    }
}

impl Statistics {
    fn interaction(
        &mut self,
        on: &Connection,
        recorded: &Recorded,
        fact: &Fact,
    ) -> rusqlite::Result<()> {
        let tenant = recorded.event.meta.tenant;
        match fact {
            Fact::Queued { queue, .. } => {
                let local = self.zone(on, tenant)?.local(recorded.event.recorded_at);
                let since = recorded.event.recorded_at;
                let item = Waiting {
                    queue: *queue,
                    since,
                    day: local.day,
                    quarter: local.minute / 15,
                };
                let sql = "INSERT OR REPLACE INTO waiting VALUES (?1, ?2, ?3, ?4, ?5)";
                let (id, line) = (bytes(recorded.stream.id), bytes(queue.as_uuid()));
                on.prepare_cached(sql)?.execute((
                    id,
                    line,
                    since.as_micros(),
                    item.day,
                    item.quarter,
                ))?;
                let sql = "INSERT INTO counter (tenant, day, queue, quarter, offered) VALUES (?1, ?2, ?3, ?4, 1)
                    ON CONFLICT DO UPDATE SET offered = offered + 1";
                on.prepare_cached(sql)?.execute((
                    bytes(tenant.as_uuid()),
                    item.day,
                    line,
                    item.quarter,
                ))?;
            }
            Fact::OfferAccepted { .. } => {
                // Only the first acceptance finds the contact waiting.
                let Some(item) = take(on, recorded)? else {
                    return Ok(());
                };
                let target = self.target(on, item.queue)?;
                let wait = recorded.event.recorded_at.since(item.since);
                let in_target = wait.as_secs_f64() <= target as f64;
                let sql = "UPDATE counter SET answered = answered + 1, answered_in_target = answered_in_target + ?5,
                    answer_wait = answer_wait + ?6 WHERE tenant = ?1 AND day = ?2 AND queue = ?3 AND quarter = ?4";
                on.prepare_cached(sql)?.execute((
                    bytes(tenant.as_uuid()),
                    item.day,
                    bytes(item.queue.as_uuid()),
                    item.quarter,
                    in_target,
                    i64::try_from(wait.as_micros()).unwrap_or(0),
                ))?;
            }
            Fact::Abandoned {} => {
                let Some(item) = take(on, recorded)? else {
                    return Ok(());
                };
                let sql = "UPDATE counter SET abandoned = abandoned + 1
                    WHERE tenant = ?1 AND day = ?2 AND queue = ?3 AND quarter = ?4";
                let queue = bytes(item.queue.as_uuid());
                on.prepare_cached(sql)?.execute((
                    bytes(tenant.as_uuid()),
                    item.day,
                    queue,
                    item.quarter,
                ))?;
            }
            // Lost by us or withdrawn while it waited: neither answered nor abandoned.
            Fact::Closed { .. } => {
                take(on, recorded)?;
            }
            Fact::Started { .. }
            | Fact::Offered { .. }
            | Fact::OfferEnded { .. }
            | Fact::OfferVoided { .. }
            | Fact::DialRequested { .. }
            | Fact::DialEnded { .. }
            | Fact::Connected {}
            | Fact::MessageReceived { .. }
            | Fact::MessageSent { .. }
            | Fact::Ended { .. }
            | Fact::DispositionSet { .. } => {}
        }
        Ok(())
    }

    /// The tenant's clock; UTC for a tenant that was never declared.
    fn zone(&mut self, on: &Connection, tenant: TenantId) -> rusqlite::Result<Zone> {
        if let Some(zone) = self.zones.get(&tenant) {
            return Ok(*zone);
        }
        let mut query = on.prepare_cached("SELECT zone FROM tenant WHERE id = ?1")?;
        let name: Option<String> = query
            .query_row([bytes(tenant.as_uuid())], |row| row.get(0))
            .optional()?;
        let zone = name
            .and_then(|name| Zone::parse(&name).ok())
            .unwrap_or(Zone::UTC);
        self.zones.insert(tenant, zone);
        Ok(zone)
    }

    /// The queue's target in seconds; 0 for a queue that was never declared.
    fn target(&mut self, on: &Connection, queue: QueueId) -> rusqlite::Result<i64> {
        if let Some(target) = self.targets.get(&queue) {
            return Ok(*target);
        }
        let mut query = on.prepare_cached("SELECT target_seconds FROM queue WHERE id = ?1")?;
        let target = query
            .query_row([bytes(queue.as_uuid())], |row| row.get(0))
            .optional()?
            .unwrap_or(0);
        self.targets.insert(queue, target);
        Ok(target)
    }
}

/// The waiting contact, which waits no longer.
fn take(on: &Connection, recorded: &Recorded) -> rusqlite::Result<Option<Waiting>> {
    let sql = "DELETE FROM waiting WHERE interaction = ?1 RETURNING queue, since, day, quarter";
    let mut query = on.prepare_cached(sql)?;
    let mut rows = query.query([bytes(recorded.stream.id)])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let taken = Waiting {
        queue: QueueId::from_uuid(uuid(row, 0)?),
        since: Timestamp::from_micros(row.get(1)?),
        day: row.get(2)?,
        quarter: row.get(3)?,
    };
    while rows.next()?.is_some() {} // a RETURNING statement is done when it has been read to its end
    Ok(Some(taken))
}
