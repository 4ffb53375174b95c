//! A customer's timeline, page by page.

use rapport_domain::event::Position;
use rapport_domain::id::{CustomerId, InteractionId, TenantId};
use rapport_domain::private::Private;
use rusqlite::{Connection, OptionalExtension};

use crate::customers::{cut, one_more};
use crate::stored::{bytes, maybe_uuid, millis, number, position};
use crate::view::{TimelineItem, TimelinePage};

/// The one who stands for a person.
fn one_person(on: &Connection, customer: CustomerId) -> rusqlite::Result<[u8; 16]> {
    let customer = bytes(customer.as_uuid());
    let mut query = on.prepare_cached("SELECT survivor FROM link WHERE customer = ?1")?;
    let survivor = query.query_row([customer], |row| row.get(0)).optional()?;
    Ok(survivor.unwrap_or(customer))
}

/// Of one person who was taken for several, all that happened with any of them.
pub(crate) fn timeline(
    on: &Connection,
    tenant: TenantId,
    customer: CustomerId,
    before: Option<Position>,
    limit: usize,
) -> rusqlite::Result<TimelinePage> {
    let sql = "SELECT position, at, interaction, channel, direction, kind, text, agent, queue, department, purpose,
            outcome, reason, (SELECT name FROM called WHERE id = agent), (SELECT name FROM called WHERE id = queue)
        FROM item WHERE customer IN (SELECT ?1 UNION SELECT customer FROM link WHERE survivor = ?1)
            AND +tenant = ?2 AND position < ?3 ORDER BY position DESC LIMIT ?4";
    let one = one_person(on, customer)?;
    let before = before.map_or(i64::MAX, |position| number(position.0));
    let mut query = on.prepare_cached(sql)?;
    let asked = (one, bytes(tenant.as_uuid()), before, one_more(limit));
    let mut items: Vec<TimelineItem> = query
        .query_map(asked, |row| {
            let called = |id, name| {
                Ok::<_, rusqlite::Error>(match row.get::<_, Option<String>>(name)? {
                    Some(name) => Some(name),
                    None => maybe_uuid(row, id)?.map(|id| id.to_string()),
                })
            };
            Ok(TimelineItem {
                position: position(row, 0)?,
                at: millis(row, 1)?,
                interaction: maybe_uuid(row, 2)?.map(InteractionId::from_uuid),
                channel: row.get(3)?,
                direction: row.get(4)?,
                kind: row.get(5)?,
                text: row.get::<_, Option<String>>(6)?.map(Private::new),
                agent: called(7, 13)?,
                queue: called(8, 14)?,
                department: row.get(9)?,
                purpose: row.get(10)?,
                outcome: row.get(11)?,
                reason: row.get(12)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    let next = cut(&mut items, limit)
        .and_then(|()| items.last())
        .map(|item| item.position);
    Ok(TimelinePage { items, next })
}
