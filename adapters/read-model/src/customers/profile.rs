//! The parts of what is known of one customer.

use rapport_domain::id::{ComplaintId, CustomerId, InteractionId};
use rapport_domain::private::Private;
use rusqlite::{Connection, OptionalExtension, Row};
use uuid::Uuid;

use crate::stored::{maybe_millis, maybe_uuid, millis, uuid};
use crate::view::{
    BlockView, ComplaintView, ConsentView, ContactPointView, FactView, QualificationView,
};

type Key = [u8; 16];

/// The one who stands for a person.
pub(super) fn one_person(on: &Connection, customer: Key) -> rusqlite::Result<Key> {
    let mut query = on.prepare_cached("SELECT survivor FROM link WHERE customer = ?1")?;
    let survivor = query.query_row([customer], |row| row.get(0)).optional()?;
    Ok(survivor.unwrap_or(customer))
}

/// Those who are one person with somebody who stayed.
pub(super) fn merged(on: &Connection, survivor: Key) -> rusqlite::Result<Vec<CustomerId>> {
    let mut query = on
        .prepare_cached("SELECT customer FROM link WHERE survivor = ?1 ORDER BY since, customer")?;
    let members = query.query_map([survivor], |row| Ok(CustomerId::from_uuid(uuid(row, 0)?)))?;
    members.collect()
}

fn private(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Private<String>>> {
    Ok(row.get::<_, Option<String>>(column)?.map(Private::new))
}

fn block(row: &Row<'_>) -> rusqlite::Result<BlockView> {
    Ok(BlockView {
        scope: row.get(0)?,
        until: maybe_millis(row, 1)?,
        source: row.get(2)?,
        since: millis(row, 3)?,
        reason: private(row, 4)?,
    })
}

pub(super) fn contact_points(
    on: &Connection,
    customer: Key,
    preferred: Option<Uuid>,
) -> rusqlite::Result<Vec<ContactPointView>> {
    let sql = "SELECT kind, value, max(verified), source, key FROM contact_point
        WHERE customer IN (SELECT ?1 UNION SELECT customer FROM link WHERE survivor = ?1)
        GROUP BY key ORDER BY min(position)";
    let mut query = on.prepare_cached(sql)?;
    let points = query.query_map([customer], |row| {
        let key = uuid(row, 4)?;
        Ok(ContactPointView {
            kind: row.get(0)?,
            value: Private::new(row.get(1)?),
            verified: row.get(2)?,
            source: row.get(3)?,
            preferred: preferred == Some(key),
            listed: listed(on, key)?,
        })
    })?;
    points.collect()
}

fn listed(on: &Connection, key: Uuid) -> rusqlite::Result<Vec<BlockView>> {
    let sql = "SELECT scope, until, source, at, NULL FROM listed WHERE key = ?1 ORDER BY scope";
    let mut query = on.prepare_cached(sql)?;
    let entries = query.query_map([crate::stored::bytes(key)], block)?;
    entries.collect()
}

pub(super) fn blocks(on: &Connection, customer: Key) -> rusqlite::Result<Vec<BlockView>> {
    let sql = "SELECT scope, until, source, since, reason FROM block
        WHERE customer IN (SELECT ?1 UNION SELECT customer FROM link WHERE survivor = ?1) ORDER BY scope, since";
    let mut query = on.prepare_cached(sql)?;
    let blocks = query.query_map([customer], block)?;
    blocks.collect()
}

pub(super) fn consent(on: &Connection, customer: Key) -> rusqlite::Result<Vec<ConsentView>> {
    // Of one person who was taken for several a refusal goes first, unless they agreed since they are known to be one.
    let sql = "SELECT purpose, channel, given, wording, source, stated_at, expires_at FROM (
            SELECT consent.*, row_number() OVER (PARTITION BY purpose, channel ORDER BY
                given AND NOT (consent.customer = ?1
                    AND stated_at >= (SELECT max(since) FROM link WHERE survivor = ?1)),
                stated_at DESC) AS place
            FROM consent WHERE customer IN (SELECT ?1 UNION SELECT customer FROM link WHERE survivor = ?1)
        ) WHERE place = 1 ORDER BY purpose, channel";
    let mut query = on.prepare_cached(sql)?;
    let said = query.query_map([customer], |row| {
        Ok(ConsentView {
            purpose: row.get(0)?,
            channel: row.get(1)?,
            given: row.get(2)?,
            wording: row.get(3)?,
            source: row.get(4)?,
            stated_at: millis(row, 5)?,
            expires_at: maybe_millis(row, 6)?,
        })
    })?;
    said.collect()
}

pub(super) fn complaints(on: &Connection, customer: Key) -> rusqlite::Result<Vec<ComplaintView>> {
    let sql = "SELECT id, about, interaction, opened_at, closed_at, resolution FROM complaint
        WHERE customer IN (SELECT ?1 UNION SELECT customer FROM link WHERE survivor = ?1) ORDER BY opened_at, id";
    let mut query = on.prepare_cached(sql)?;
    let complaints = query.query_map([customer], |row| {
        Ok(ComplaintView {
            id: ComplaintId::from_uuid(uuid(row, 0)?),
            about: Private::new(row.get(1)?),
            interaction: maybe_uuid(row, 2)?.map(InteractionId::from_uuid),
            opened_at: millis(row, 3)?,
            closed_at: maybe_millis(row, 4)?,
            resolution: private(row, 5)?,
        })
    })?;
    complaints.collect()
}

pub(super) fn facts(on: &Connection, customer: Key) -> rusqlite::Result<Vec<FactView>> {
    // Of one person who was taken for several the newer truth; SQLite takes the other columns from its row.
    let sql =
        "SELECT department, key, kind, value, currency, source, max(as_of), recorded_at FROM fact
        WHERE customer IN (SELECT ?1 UNION SELECT customer FROM link WHERE survivor = ?1)
        GROUP BY department, key ORDER BY department, key";
    let mut query = on.prepare_cached(sql)?;
    let facts = query.query_map([customer], |row| {
        Ok(FactView {
            department: row.get(0)?,
            key: row.get(1)?,
            kind: row.get(2)?,
            value: Private::new(row.get(3)?),
            currency: row.get(4)?,
            source: row.get(5)?,
            as_of: millis(row, 6)?,
            recorded_at: millis(row, 7)?,
        })
    })?;
    facts.collect()
}

/// Of one person who was taken for several a refusal goes first, then the decision on the one who stayed.
pub(super) fn qualification(
    on: &Connection,
    customer: Key,
) -> rusqlite::Result<Option<QualificationView>> {
    let sql = "SELECT admission, segment, tier, evidence, at, by FROM qualification
        WHERE customer IN (SELECT ?1 UNION SELECT customer FROM link WHERE survivor = ?1)
        ORDER BY admission = 'refused' DESC, customer = ?1 DESC LIMIT 1";
    let mut query = on.prepare_cached(sql)?;
    let decided = query.query_row([customer], |row| {
        let by: Option<String> = row.get(5)?;
        Ok(QualificationView {
            admission: row.get(0)?,
            segment: row.get(1)?,
            tier: row.get(2)?,
            evidence: Private::new(row.get(3)?),
            at: millis(row, 4)?,
            by: by.and_then(|by| serde_json::from_str(&by).ok()),
        })
    });
    decided.optional()
}
