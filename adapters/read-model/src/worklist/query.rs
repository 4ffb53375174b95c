//! What there is to load.

use rapport_domain::channel::Channel;
use rapport_domain::event::{Category, Revision, Stream};
use rapport_domain::id::{AgentId, CustomerId, InteractionId, TenantId};
use rapport_domain::port::query::PendingOutreach;
use rapport_domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension};
use uuid::Uuid;

use crate::stored::{bytes, uuid};
use crate::view::AgentWork;

pub(crate) fn open_interactions(
    on: &Connection,
) -> rusqlite::Result<Vec<(TenantId, InteractionId)>> {
    let mut query =
        on.prepare_cached("SELECT tenant, id FROM open_interaction ORDER BY position")?;
    let found = query.query_map([], |row| {
        Ok((
            TenantId::from_uuid(uuid(row, 0)?),
            InteractionId::from_uuid(uuid(row, 1)?),
        ))
    })?;
    found.collect()
}

pub(crate) fn setup_streams(on: &Connection) -> rusqlite::Result<Vec<Stream>> {
    let mut query = on.prepare_cached("SELECT category, id FROM setup_stream ORDER BY position")?;
    let found: Vec<(String, Uuid)> = query
        .query_map([], |row| Ok((row.get(0)?, uuid(row, 1)?)))?
        .collect::<Result<_, _>>()?;
    let stream = |(name, id): (String, Uuid)| {
        Category::ALL
            .into_iter()
            .find(|category| category.name() == name)
            .map(|category| Stream::new(category, id))
    };
    Ok(found.into_iter().filter_map(stream).collect())
}

pub(crate) fn pending_outreach(on: &Connection) -> rusqlite::Result<Vec<PendingOutreach>> {
    let sql = "SELECT tenant, customer, min(deadline), max(flying) FROM (
            SELECT tenant, customer, deadline, 0 AS flying FROM wish WHERE status NOT IN ('done', 'dropped')
            UNION ALL
            SELECT tenant, customer, NULL, 1 FROM in_flight
        ) GROUP BY customer ORDER BY customer";
    let mut query = on.prepare_cached(sql)?;
    let found = query.query_map([], |row| {
        Ok(PendingOutreach {
            tenant: TenantId::from_uuid(uuid(row, 0)?),
            customer: CustomerId::from_uuid(uuid(row, 1)?),
            next_deadline: row.get::<_, Option<i64>>(2)?.map(Timestamp::from_micros),
            in_flight: row.get(3)?,
        })
    })?;
    found.collect()
}

pub(crate) fn agent_events(on: &Connection) -> rusqlite::Result<Vec<(AgentId, Vec<Revision>)>> {
    let sql = "SELECT agent, revision FROM agent_event ORDER BY agent, revision";
    let mut query = on.prepare_cached(sql)?;
    let rows = query.query_map([], |row| {
        let revision = Revision(row.get::<_, i64>(1)?.cast_unsigned());
        Ok((AgentId::from_uuid(uuid(row, 0)?), revision))
    })?;
    let mut all: Vec<(AgentId, Vec<Revision>)> = Vec::new();
    for row in rows {
        let (agent, revision) = row?;
        match all.last_mut() {
            Some((last, revisions)) if *last == agent => revisions.push(revision),
            _ => all.push((agent, vec![revision])),
        }
    }
    Ok(all)
}

pub(crate) fn agent_work(on: &Connection) -> rusqlite::Result<Vec<AgentWork>> {
    let mut query =
        on.prepare_cached("SELECT tenant, agent, finished_at FROM agent_work ORDER BY agent")?;
    let found = query.query_map([], |row| {
        Ok(AgentWork {
            tenant: TenantId::from_uuid(uuid(row, 0)?),
            agent: AgentId::from_uuid(uuid(row, 1)?),
            finished_at: Timestamp::from_micros(row.get(2)?),
        })
    })?;
    found.collect()
}

pub(crate) fn latest_interaction(
    on: &Connection,
    tenant: TenantId,
    contact_point: Uuid,
    channel: Channel,
) -> rusqlite::Result<Option<InteractionId>> {
    let sql = "SELECT interaction FROM latest_interaction WHERE contact_point = ?1 AND channel = ?2 AND tenant = ?3";
    let asked = (
        bytes(contact_point),
        channel.name(),
        bytes(tenant.as_uuid()),
    );
    on.prepare_cached(sql)?
        .query_row(asked, |row| uuid(row, 0).map(InteractionId::from_uuid))
        .optional()
}
