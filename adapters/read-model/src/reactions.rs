//! How far the engine's reactors have come.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rapport_domain::event::Position;
use rapport_domain::port::query::QueryError;
use rusqlite::{Connection, OptionalExtension};

use crate::file::{Schema, open_writer, unreadable};
use crate::stored;

pub(crate) const SCHEMA: Schema = Schema {
    name: "reactions",
    version: 1,
    sql: include_str!("../../../migrations/read-model/reactions.v1.sql"),
};

/// A checkpoint per reactor. Losing the file is harmless: reactors begin at the start and find everything done.
pub(crate) struct Reactions {
    connection: Mutex<Connection>,
}

impl Reactions {
    pub(crate) fn open(path: &Path) -> rusqlite::Result<Self> {
        Ok(Self {
            connection: Mutex::new(open_writer(&SCHEMA, path)?),
        })
    }

    pub(crate) fn load(&self, name: &str) -> Result<Position, QueryError> {
        let connection = self
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let stored = connection
            .prepare_cached("SELECT position FROM reactor WHERE name = ?1")
            .and_then(|mut query| {
                query
                    .query_row([name], |row| stored::position(row, 0))
                    .optional()
            });
        stored
            .map(Option::unwrap_or_default)
            .map_err(|error| unreadable(SCHEMA.name, &error))
    }

    pub(crate) fn save(&self, name: &str, position: Position) -> Result<(), QueryError> {
        let connection = self
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let sql = "INSERT INTO reactor VALUES (?1, ?2) ON CONFLICT DO UPDATE SET position = excluded.position";
        let saved = connection
            .prepare_cached(sql)
            .and_then(|mut change| change.execute((name, stored::number(position.0))));
        saved
            .map(drop)
            .map_err(|error| unreadable(SCHEMA.name, &error))
    }
}
