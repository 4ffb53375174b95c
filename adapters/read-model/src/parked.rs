//! Streams that a model does not follow any further, because one of their events could not be taken in.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{SystemTime, UNIX_EPOCH};

use rapport_domain::event::{Category, Recorded, Revision, Stream};
use rapport_domain::id::TenantId;
use rapport_domain::port::projection::Parked;
use rapport_domain::time::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, ErrorCode, OptionalExtension, Row};

use crate::model::{Failure, Handler};
use crate::stored::{bytes, number, position, unsigned, uuid};

/// Streams that may be parked in one model. More means that the program or the file is wrong, not the events: the model
/// then stops and says so instead of parking the whole log.
pub(crate) const MOST: usize = 10_000;

/// What SQLite calls a wrong value, as opposed to a file that fails: the same event would be refused again.
pub(crate) fn is_poison(error: &rusqlite::Error) -> bool {
    match error {
        rusqlite::Error::SqliteFailure(code, _) => matches!(
            code.code,
            ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch | ErrorCode::TooBig
        ),
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::ToSqlConversionFailure(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::QueryReturnedNoRows => true,
        _ => false,
    }
}

/// Lets a handler take an event in. A panic is a failure of that event: nobody else's answers stop for it.
pub(crate) fn attempt<H: Handler>(
    handler: &mut H,
    on: &Connection,
    recorded: &Recorded,
) -> Result<(), Failure> {
    catch_unwind(AssertUnwindSafe(|| handler.apply(on, recorded))).unwrap_or(Err(Failure::Panic))
}

/// As [`attempt`], and a failure leaves nothing behind, in the file or beside it.
pub(crate) fn attempt_alone<H: Handler>(
    handler: &mut H,
    on: &Connection,
    recorded: &Recorded,
) -> Result<(), Failure> {
    let say = |sql| on.prepare_cached(sql)?.execute([]).map(drop);
    say("SAVEPOINT event")?;
    let tried = attempt(handler, on, recorded);
    if tried.is_err() {
        handler.forget();
        say("ROLLBACK TO event")?;
    }
    say("RELEASE event")?;
    tried
}

/// What may be said of a failure that is the event's; `None` for one that is the file's.
pub(crate) fn verdict(failure: &Failure) -> Option<String> {
    match failure {
        Failure::Unreadable => Some("its data cannot be read".to_owned()),
        Failure::Panic => Some("the program failed over it, which is a defect".to_owned()),
        Failure::Sql(error) if is_poison(error) => Some(crate::file::reason(error)),
        Failure::Sql(_) | Failure::TooMany => None,
    }
}

/// Notes that an event failed; answers the row that was there before, when the stream was parked already.
pub(crate) fn park(
    on: &Connection,
    failed: &Recorded,
    reason: &str,
    held: u64,
) -> rusqlite::Result<()> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let sql = "INSERT INTO parked VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO UPDATE SET
        revision = excluded.revision, position = excluded.position, kind = excluded.kind, reason = excluded.reason,
        held = excluded.held";
    let event = &failed.event;
    on.prepare_cached(sql)?.execute((
        failed.stream.category.name(),
        bytes(failed.stream.id),
        bytes(event.meta.tenant.as_uuid()),
        number(failed.revision.0),
        number(failed.position.0),
        format!("{}.v{}", event.kind, event.version),
        reason,
        i64::try_from(now.as_micros()).unwrap_or(i64::MAX),
        number(held),
    ))?;
    Ok(())
}

/// Notes that one more event of a parked stream is held back.
pub(crate) fn hold(on: &Connection, stream: Stream) -> rusqlite::Result<()> {
    let sql = "UPDATE parked SET held = held + 1 WHERE category = ?1 AND id = ?2";
    on.prepare_cached(sql)?
        .execute((stream.category.name(), bytes(stream.id)))?;
    Ok(())
}

/// How many events of a stream are held back.
pub(crate) fn held(on: &Connection, stream: Stream) -> rusqlite::Result<u64> {
    let sql = "SELECT held FROM parked WHERE category = ?1 AND id = ?2";
    on.prepare_cached(sql)?
        .query_row((stream.category.name(), bytes(stream.id)), |row| {
            unsigned(row, 0)
        })
}

/// Notes that the held events up to this one were taken in.
pub(crate) fn advance(on: &Connection, done: &Recorded, held: u64) -> rusqlite::Result<()> {
    let sql =
        "UPDATE parked SET revision = ?3, position = ?4, held = ?5 WHERE category = ?1 AND id = ?2";
    on.prepare_cached(sql)?.execute((
        done.stream.category.name(),
        bytes(done.stream.id),
        number(done.revision.next().0),
        number(done.position.0),
        number(held),
    ))?;
    Ok(())
}

/// Follows a stream again from here.
pub(crate) fn unpark(on: &Connection, stream: Stream) -> rusqlite::Result<()> {
    on.prepare_cached("DELETE FROM parked WHERE category = ?1 AND id = ?2")?
        .execute((stream.category.name(), bytes(stream.id)))?;
    Ok(())
}

/// Every parked stream, and how many events are held back in all.
pub(crate) fn streams(on: &Connection) -> rusqlite::Result<(BTreeSet<Stream>, u64)> {
    let mut query = on.prepare_cached("SELECT category, id, held FROM parked")?;
    let rows = query.query_map([], |row| Ok((stream(row, 0)?, unsigned(row, 2)?)))?;
    let (mut streams, mut held) = (BTreeSet::new(), 0);
    for row in rows {
        let (stream, of_it) = row?;
        streams.insert(stream);
        held += of_it;
    }
    Ok((streams, held))
}

/// Parked streams in the order of their failing events.
pub(crate) fn list(on: &Connection, limit: usize) -> rusqlite::Result<Vec<Parked>> {
    let sql =
        "SELECT category, id, tenant, revision, position, kind, reason, since, held FROM parked
        ORDER BY position LIMIT ?1";
    let mut query = on.prepare_cached(sql)?;
    let rows = query.query_map([number(limit as u64)], |row| {
        Ok(Parked {
            stream: stream(row, 0)?,
            tenant: TenantId::from_uuid(uuid(row, 2)?),
            revision: Revision(unsigned(row, 3)?),
            position: position(row, 4)?,
            kind: row.get(5)?,
            reason: row.get(6)?,
            since: Timestamp::from_micros(row.get(7)?),
            held: unsigned(row, 8)?,
        })
    })?;
    rows.collect()
}

/// Where a parked stream is to go on; `None` for one that is not parked.
pub(crate) fn from(on: &Connection, stream: Stream) -> rusqlite::Result<Option<Revision>> {
    let sql = "SELECT revision FROM parked WHERE category = ?1 AND id = ?2";
    on.prepare_cached(sql)?
        .query_row((stream.category.name(), bytes(stream.id)), |row| {
            Ok(Revision(unsigned(row, 0)?))
        })
        .optional()
}

fn stream(row: &Row<'_>, column: usize) -> rusqlite::Result<Stream> {
    let name: String = row.get(column)?;
    let category = Category::ALL.into_iter().find(|known| known.name() == name);
    let unknown =
        || rusqlite::Error::FromSqlConversionFailure(column, Type::Text, "no category".into());
    Ok(Stream::new(
        category.ok_or_else(unknown)?,
        uuid(row, column + 1)?,
    ))
}
