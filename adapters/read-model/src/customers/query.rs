//! Questions about customers. Every one names the tenant and sees nothing of others.

use rapport_domain::event::Position;
use rapport_domain::id::{CustomerId, InteractionId, PlanId, ReviewId, TenantId, WishId};
use rapport_domain::private::Private;
use rapport_domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, ToSql};
use uuid::Uuid;

use super::profile;
use crate::stored::{
    bytes, json, maybe_millis, maybe_uuid, millis, number, position, unsigned, uuid,
};
use crate::view::{
    CustomerName, CustomerView, DecidedWish, Decision, DecisionPage, OutcomeCount, ReviewPage,
    ReviewView, WishFilter, WishPage, WishView,
};

const WISH: &str =
    "SELECT id, customer, department, purpose, class, value, filed_at, expires_at, status, reason,
    until, plan, slot, interaction, outcome, note, outcome_at, attempts, propensity, expected_seconds,
    bundle, channels, amended_at, not_before, asked_for, position FROM wish";

fn wish_view(row: &Row<'_>) -> rusqlite::Result<WishView> {
    Ok(WishView {
        id: WishId::from_uuid(uuid(row, 0)?),
        customer: CustomerId::from_uuid(uuid(row, 1)?),
        department: row.get(2)?,
        purpose: row.get(3)?,
        class: row.get(4)?,
        value: row.get(5)?,
        filed_at: millis(row, 6)?,
        expires_at: millis(row, 7)?,
        status: row.get(8)?,
        reason: row.get(9)?,
        until: maybe_millis(row, 10)?,
        plan: maybe_uuid(row, 11)?.map(PlanId::from_uuid),
        slot: maybe_millis(row, 12)?,
        interaction: maybe_uuid(row, 13)?.map(InteractionId::from_uuid),
        outcome: row.get(14)?,
        note: row.get::<_, Option<String>>(15)?.map(Private::new),
        outcome_at: maybe_millis(row, 16)?,
        attempts: row.get(17)?,
        propensity: f64::from(row.get::<_, u16>(18)?) / 1_000.0,
        expected_seconds: row.get(19)?,
        bundle: row.get(20)?,
        channels: json(row, 21)?,
        amended_at: maybe_millis(row, 22)?,
        not_before: maybe_millis(row, 23)?,
        asked_for: maybe_millis(row, 24)?,
    })
}

pub(crate) fn customer(
    on: &Connection,
    tenant: TenantId,
    id: CustomerId,
) -> rusqlite::Result<Option<CustomerView>> {
    let tenant = bytes(tenant.as_uuid());
    let key = profile::one_person(on, bytes(id.as_uuid()))?;
    let id = CustomerId::from_uuid(Uuid::from_bytes(key));
    let sql = "SELECT name, zone, preferred_channel, preferred_point, erased_at FROM customer
        WHERE id = ?1 AND tenant = ?2";
    let known = on.prepare_cached(sql)?.query_row((key, tenant), |row| {
        Ok((
            row.get::<_, Option<String>>(0)?,
            row.get(1)?,
            row.get(2)?,
            maybe_uuid(row, 3)?,
            maybe_millis(row, 4)?,
        ))
    });
    let Some((name, zone, preferred_channel, preferred_point, erased_at)) = known.optional()?
    else {
        return Ok(None);
    };
    // `+` keeps the planner from walking all wishes of the tenant because they come in the right order.
    let sql = format!(
        "{WISH} WHERE customer IN (SELECT ?1 UNION SELECT customer FROM link WHERE survivor = ?1)
        AND +tenant = ?2 ORDER BY position"
    );
    let wishes = on
        .prepare_cached(&sql)?
        .query_map((key, tenant), wish_view)?
        .collect::<Result<_, _>>()?;
    let name = name.map(Private::new);
    let blocks = profile::blocks(on, key)?;
    Ok(Some(CustomerView {
        id,
        merged: profile::merged(on, key)?,
        name,
        contact_points: profile::contact_points(on, key, preferred_point)?,
        zone,
        preferred_channel,
        do_not_contact: blocks
            .iter()
            .any(|block| block.scope == "all" && block.until.is_none()),
        blocks,
        consent: profile::consent(on, key)?,
        complaints: profile::complaints(on, key)?,
        facts: profile::facts(on, key)?,
        qualification: profile::qualification(on, key)?,
        wishes,
        erased_at,
    }))
}

/// Whom a contact point leads to: its owner first, then others who gave it; of those who are one person, the one who
/// stayed.
pub(crate) fn find_customers(
    on: &Connection,
    tenant: TenantId,
    key: Uuid,
) -> rusqlite::Result<Vec<CustomerName>> {
    let sql = "SELECT customer.id, customer.name FROM (
            SELECT customer, 0 AS place, position FROM claim WHERE key = ?1 AND tenant = ?2
            UNION ALL
            SELECT customer, 1 AS place, position FROM contact_point WHERE key = ?1
        ) AS found LEFT JOIN link ON link.customer = found.customer
        JOIN customer ON customer.id = coalesce(link.survivor, found.customer) AND customer.tenant = ?2
        GROUP BY customer.id ORDER BY min(found.place), min(found.position)";
    let mut query = on.prepare_cached(sql)?;
    let found = query.query_map((bytes(key), bytes(tenant.as_uuid())), |row| {
        let name = row.get::<_, Option<String>>(1)?.map(Private::new);
        Ok(CustomerName {
            id: CustomerId::from_uuid(uuid(row, 0)?),
            name,
        })
    })?;
    found.collect()
}

/// Doubts that wait for somebody, or all, in the order in which they were raised, after a cursor.
pub(crate) fn reviews(
    on: &Connection,
    tenant: TenantId,
    waiting: bool,
    after: Position,
    limit: usize,
) -> rusqlite::Result<ReviewPage> {
    // Two statements, because one with `OR` would not use the index of those that wait.
    let which = if waiting { "AND judgement IS NULL" } else { "" };
    let sql =
        format!("{REVIEW} WHERE tenant = ?1 AND position > ?2 {which} ORDER BY position LIMIT ?3");
    let mut query = on.prepare_cached(&sql)?;
    let asked = (bytes(tenant.as_uuid()), number(after.0), one_more(limit));
    let mut found: Vec<(ReviewView, Position)> = query
        .query_map(asked, |row| Ok((review_view(row)?, position(row, 8)?)))?
        .collect::<Result<_, _>>()?;
    let next = cut(&mut found, limit)
        .and_then(|()| found.last())
        .map(|(_, position)| *position);
    Ok(ReviewPage {
        reviews: found.into_iter().map(|(review, _)| review).collect(),
        next,
    })
}

pub(crate) fn review(
    on: &Connection,
    tenant: TenantId,
    id: ReviewId,
) -> rusqlite::Result<Option<ReviewView>> {
    let sql = format!("{REVIEW} WHERE id = ?1 AND tenant = ?2");
    let asked = (bytes(id.as_uuid()), bytes(tenant.as_uuid()));
    on.prepare_cached(&sql)?
        .query_row(asked, review_view)
        .optional()
}

const REVIEW: &str =
    "SELECT id, customer, other, doubt, at, judgement, judged_at, judged_by, position FROM review";

fn review_view(row: &Row<'_>) -> rusqlite::Result<ReviewView> {
    let by: Option<String> = row.get(7)?;
    Ok(ReviewView {
        id: ReviewId::from_uuid(uuid(row, 0)?),
        customers: [
            CustomerId::from_uuid(uuid(row, 1)?),
            CustomerId::from_uuid(uuid(row, 2)?),
        ],
        doubt: row.get(3)?,
        at: millis(row, 4)?,
        judgement: row.get(5)?,
        judged_at: maybe_millis(row, 6)?,
        judged_by: by.and_then(|by| serde_json::from_str(&by).ok()),
    })
}

pub(crate) fn wish(
    on: &Connection,
    tenant: TenantId,
    id: WishId,
) -> rusqlite::Result<Option<WishView>> {
    let sql = format!("{WISH} WHERE id = ?1 AND tenant = ?2");
    on.prepare_cached(&sql)?
        .query_row((bytes(id.as_uuid()), bytes(tenant.as_uuid())), wish_view)
        .optional()
}

pub(crate) fn wishes(
    on: &Connection,
    tenant: TenantId,
    filter: &WishFilter,
    after: Position,
    limit: usize,
) -> rusqlite::Result<WishPage> {
    // Only what is asked for stands in the statement: `?2 IS NULL OR …` would use no index.
    let (tenant, after, most) = (bytes(tenant.as_uuid()), number(after.0), one_more(limit));
    let one = |customer: CustomerId| profile::one_person(on, bytes(customer.as_uuid()));
    let customer = filter.customer.map(one).transpose()?;
    let mut sql = format!("{WISH} WHERE tenant = :tenant AND position > :after");
    let mut asked: Vec<(&str, &dyn ToSql)> =
        vec![(":tenant", &tenant), (":after", &after), (":most", &most)];
    let texts = [
        (
            ":department",
            &filter.department,
            " AND department = :department",
        ),
        (":status", &filter.status, " AND status = :status"),
        (":purpose", &filter.purpose, " AND purpose = :purpose"),
    ];
    for (name, text, condition) in &texts {
        if let Some(text) = text {
            asked.push((name, text));
            sql.push_str(condition);
        }
    }
    if let Some(customer) = &customer {
        // `+` keeps the planner from walking all wishes of the tenant because they come in the right order.
        asked.push((":customer", customer));
        sql = sql.replace("WHERE tenant", "WHERE +tenant");
        sql.push_str(
            " AND customer IN (SELECT :customer UNION SELECT customer FROM link WHERE survivor = :customer)",
        );
    }
    sql.push_str(" ORDER BY position LIMIT :most");
    let mut query = on.prepare_cached(&sql)?;
    let mut found: Vec<(WishView, Position)> = query
        .query_map(&asked[..], |row| Ok((wish_view(row)?, position(row, 25)?)))?
        .collect::<Result<_, _>>()?;
    let next = cut(&mut found, limit)
        .and_then(|()| found.last())
        .map(|(_, position)| *position);
    Ok(WishPage {
        wishes: found.into_iter().map(|(wish, _)| wish).collect(),
        next,
    })
}

pub(crate) fn outcomes(
    on: &Connection,
    tenant: TenantId,
    department: Option<&str>,
) -> rusqlite::Result<Vec<OutcomeCount>> {
    let sql = "SELECT department, status, outcome, count(*) FROM wish
        WHERE tenant = ?1 AND (?2 IS NULL OR department = ?2)
        GROUP BY department, status, outcome ORDER BY department, status, outcome";
    let mut query = on.prepare_cached(sql)?;
    let counts = query.query_map((bytes(tenant.as_uuid()), department), |row| {
        Ok(OutcomeCount {
            department: row.get(0)?,
            status: row.get(1)?,
            outcome: row.get(2)?,
            count: unsigned(row, 3)?,
        })
    })?;
    counts.collect()
}

pub(crate) fn decisions(
    on: &Connection,
    tenant: TenantId,
    customer: CustomerId,
    before: Option<Position>,
    limit: usize,
) -> rusqlite::Result<DecisionPage> {
    let sql = "SELECT position, at, decision, plan, interaction, wishes, slot, until, reason, policy_version, inputs,
        scores FROM decision
        WHERE customer IN (SELECT ?1 UNION SELECT customer FROM link WHERE survivor = ?1)
        AND +tenant = ?2 AND position < ?3 ORDER BY position DESC LIMIT ?4";
    let one = profile::one_person(on, bytes(customer.as_uuid()))?;
    let before = before.map_or(i64::MAX, |position| number(position.0));
    let mut query = on.prepare_cached(sql)?;
    let asked = (one, bytes(tenant.as_uuid()), before, one_more(limit));
    let mut decisions: Vec<Decision> = query
        .query_map(asked, |row| {
            Ok(Decision {
                position: position(row, 0)?,
                at: millis(row, 1)?,
                decision: row.get(2)?,
                plan: maybe_uuid(row, 3)?.map(PlanId::from_uuid),
                interaction: maybe_uuid(row, 4)?.map(InteractionId::from_uuid),
                wishes: decided_wishes(on, json(row, 5)?)?,
                slot: maybe_millis(row, 6)?,
                until: maybe_millis(row, 7)?,
                reason: row.get(8)?,
                policy_version: unsigned(row, 9)?,
                inputs: json(row, 10)?,
                scores: json(row, 11)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    let next = cut(&mut decisions, limit)
        .and_then(|()| decisions.last())
        .map(|decision| decision.position);
    Ok(DecisionPage { decisions, next })
}

fn decided_wishes(on: &Connection, ids: Vec<WishId>) -> rusqlite::Result<Vec<DecidedWish>> {
    let mut query = on.prepare_cached("SELECT department, purpose FROM wish WHERE id = ?1")?;
    let mut named = Vec::with_capacity(ids.len());
    for wish in ids {
        let found = query
            .query_row([bytes(wish.as_uuid())], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        let (department, purpose) = found.unwrap_or_default();
        named.push(DecidedWish {
            wish,
            department,
            purpose,
        });
    }
    Ok(named)
}

pub(crate) fn count_wanted(
    on: &Connection,
    tenant: TenantId,
    since: Timestamp,
) -> rusqlite::Result<u64> {
    let sql = "SELECT count(DISTINCT customer) FROM wish WHERE tenant = ?1 AND expires_at >= ?2";
    let asked = (bytes(tenant.as_uuid()), since.as_micros());
    on.prepare_cached(sql)?
        .query_row(asked, |row| unsigned(row, 0))
}

pub(crate) fn wanted(
    on: &Connection,
    tenant: TenantId,
    since: Timestamp,
    after: Option<CustomerId>,
    limit: usize,
) -> rusqlite::Result<Vec<CustomerId>> {
    // `+` makes the planner go along the index by customer, in which the next page begins where the last one ended.
    let sql = "SELECT DISTINCT customer FROM wish WHERE customer > ?3 AND +tenant = ?1 AND expires_at >= ?2
        ORDER BY customer LIMIT ?4";
    let after = after.map_or_else(Vec::new, |after| after.as_uuid().as_bytes().to_vec());
    let asked = (
        bytes(tenant.as_uuid()),
        since.as_micros(),
        after,
        i64::try_from(limit).unwrap_or(i64::MAX),
    );
    let mut query = on.prepare_cached(sql)?;
    let found = query.query_map(asked, |row| Ok(CustomerId::from_uuid(uuid(row, 0)?)))?;
    found.collect()
}

/// One more row than asked for tells whether there is a next page.
pub(crate) fn one_more(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1)
}

/// Drops the row too many; `None` when there was none.
pub(crate) fn cut<T>(rows: &mut Vec<T>, limit: usize) -> Option<()> {
    (rows.len() > limit).then(|| rows.truncate(limit))
}
