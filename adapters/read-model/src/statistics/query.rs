//! Figures of a tenant's queues.

use rapport_domain::id::{QueueId, TenantId};
use rusqlite::{Connection, Row};

use crate::stored::{bytes, unsigned, uuid};
use crate::view::{Figures, QuarterStatistics, QueueStatistics};

const SUMS: &str =
    "sum(offered), sum(answered), sum(answered_in_target), sum(abandoned), sum(answer_wait)";

fn figures(row: &Row<'_>) -> rusqlite::Result<Figures> {
    Ok(Figures {
        offered: unsigned(row, 1)?,
        answered: unsigned(row, 2)?,
        answered_in_target: unsigned(row, 3)?,
        abandoned: unsigned(row, 4)?,
        answer_wait_ms: unsigned(row, 5)? / 1_000,
    })
}

pub(crate) fn queues(
    on: &Connection,
    tenant: TenantId,
    day: i32,
) -> rusqlite::Result<Vec<QueueStatistics>> {
    let sql =
        format!("SELECT queue, {SUMS} FROM counter WHERE tenant = ?1 AND day = ?2 GROUP BY queue");
    let mut query = on.prepare_cached(&sql)?;
    let found = query.query_map((bytes(tenant.as_uuid()), day), |row| {
        Ok(QueueStatistics {
            queue: QueueId::from_uuid(uuid(row, 0)?),
            figures: figures(row)?,
        })
    })?;
    found.collect()
}

pub(crate) fn quarters(
    on: &Connection,
    tenant: TenantId,
    queue: QueueId,
    day: i32,
) -> rusqlite::Result<Vec<QuarterStatistics>> {
    let sql = format!(
        "SELECT quarter, {SUMS} FROM counter WHERE tenant = ?1 AND day = ?2 AND queue = ?3 GROUP BY quarter"
    );
    let mut query = on.prepare_cached(&sql)?;
    let found = query.query_map(
        (bytes(tenant.as_uuid()), day, bytes(queue.as_uuid())),
        |row| {
            Ok(QuarterStatistics {
                quarter: row.get(0)?,
                figures: figures(row)?,
            })
        },
    )?;
    found.collect()
}
