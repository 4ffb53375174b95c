//! How things are written in the files: ids as 16 bytes, moments as microseconds, words as text.

use rapport_domain::channel::Direction;
use rapport_domain::event::Position;
use rapport_domain::time::Timestamp;
use rusqlite::Row;
use rusqlite::types::Type;
use serde::Serialize;
use uuid::Uuid;

/// The bytes of an id.
pub(crate) fn bytes(id: Uuid) -> [u8; 16] {
    *id.as_bytes()
}

/// The word that an enum has in the log and the API.
pub(crate) fn word<T: Serialize>(value: &T) -> Option<String> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => Some(word),
        _ => None,
    }
}

pub(crate) const fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::Inbound => "inbound",
        Direction::Outbound => "outbound",
    }
}

/// Positions and counts are far below 2^63; a larger one is not a position.
pub(crate) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(crate) fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(u64::try_from(row.get::<_, i64>(column)?).unwrap_or(0))
}

pub(crate) fn position(row: &Row<'_>, column: usize) -> rusqlite::Result<Position> {
    unsigned(row, column).map(Position)
}

pub(crate) fn uuid(row: &Row<'_>, column: usize) -> rusqlite::Result<Uuid> {
    row.get::<_, [u8; 16]>(column).map(Uuid::from_bytes)
}

pub(crate) fn maybe_uuid(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Uuid>> {
    Ok(row
        .get::<_, Option<[u8; 16]>>(column)?
        .map(Uuid::from_bytes))
}

/// Milliseconds, as the API counts.
pub(crate) fn millis(row: &Row<'_>, column: usize) -> rusqlite::Result<i64> {
    Ok(Timestamp::from_micros(row.get(column)?).as_millis())
}

pub(crate) fn maybe_millis(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<i64>> {
    Ok(row
        .get::<_, Option<i64>>(column)?
        .map(|micros| Timestamp::from_micros(micros).as_millis()))
}

pub(crate) fn json<T: serde::de::DeserializeOwned>(
    row: &Row<'_>,
    column: usize,
) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
    })
}
