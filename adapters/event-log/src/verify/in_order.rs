//! The rows of the file in position order, and the chain of hashes along them: what a check and a backup share.

use std::collections::VecDeque;

use rapport_domain::event::Position;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row as SqlRow, params};

use super::What;
use crate::chain::{ChainHash, Columns, Link, Mark, Origin, mark};

/// Links read at a time.
const LINKS: u32 = 1_000;

/// Left joins: a row whose stream or type is gone is a fault and not a gap.
const ROWS: &str = "SELECT e.position, e.stream_key, e.revision, e.event_id, e.type_key, e.version, e.recorded_at, \
    e.meta, e.data, s.category, s.id, t.name \
    FROM events e LEFT JOIN streams s ON s.key = e.stream_key LEFT JOIN types t ON t.key = e.type_key \
    WHERE e.position > ?1 AND e.position <= ?2 ORDER BY e.position LIMIT ?3";

/// A row of the events table with the names it refers to; nothing is copied.
pub(crate) struct Row<'a> {
    pub(crate) columns: Columns<'a>,
    pub(crate) stream_key: i64,
    pub(crate) type_key: i64,
    pub(crate) has_stream: bool,
    pub(crate) has_type: bool,
}

impl<'a> Row<'a> {
    fn read(row: &'a SqlRow<'_>) -> rusqlite::Result<Self> {
        let bytes = |column: usize| -> rusqlite::Result<&'a [u8]> {
            Ok(match row.get_ref(column)? {
                ValueRef::Blob(bytes) | ValueRef::Text(bytes) => bytes,
                _ => &[],
            })
        };
        let there = |column: usize| -> rusqlite::Result<bool> {
            Ok(!matches!(row.get_ref(column)?, ValueRef::Null))
        };
        Ok(Self {
            columns: Columns {
                position: row.get(0)?,
                revision: row.get(2)?,
                id: bytes(3)?,
                version: row.get(5)?,
                recorded_at: row.get(6)?,
                meta: bytes(7)?,
                data: bytes(8)?,
                category: bytes(9)?,
                stream: bytes(10)?,
                kind: bytes(11)?,
            },
            stream_key: row.get(1)?,
            type_key: row.get(4)?,
            has_stream: there(9)?,
            has_type: there(11)?,
        })
    }

    pub(crate) fn position(&self) -> Position {
        Position(self.columns.position.cast_unsigned())
    }
}

/// Hands over at most `limit` rows after `after` and up to `head`, in order; answers the last one's position. The read
/// ends with the page, so that nobody's checkpoint waits for more than that.
pub(crate) fn rows_after<E: From<rusqlite::Error>>(
    connection: &Connection,
    after: Position,
    head: Position,
    limit: u32,
    mut each: impl FnMut(&Row<'_>) -> Result<(), E>,
) -> Result<Option<Position>, E> {
    let mut statement = connection.prepare_cached(ROWS)?;
    let mut rows = statement.query(params![after.0.cast_signed(), head.0.cast_signed(), limit])?;
    let mut last = None;
    while let Some(row) = rows.next()? {
        let row = Row::read(row)?;
        last = Some(row.position());
        each(&row)?;
    }
    Ok(last)
}

/// Follows the chain while rows go by.
pub(crate) struct Chain<'a> {
    connection: &'a Connection,
    origin: Origin,
    head: Position,
    /// The link of the transaction under way.
    link: Link,
    ahead: VecDeque<Mark>,
    asked_after: Position,
    /// The last link that was passed.
    last: Mark,
    links: u64,
}

impl<'a> Chain<'a> {
    pub(crate) fn begin(connection: &'a Connection, head: Position) -> rusqlite::Result<Self> {
        let origin = Origin::read(connection)?;
        let last = origin.mark();
        Ok(Self {
            connection,
            head,
            link: Link::after(&last.hash),
            ahead: VecDeque::new(),
            // Everything in the table: a link that lies before the chain's beginning belongs nowhere.
            asked_after: Position(origin.after),
            last,
            links: 0,
            origin,
        })
    }

    pub(crate) fn origin(&self) -> Origin {
        self.origin
    }

    pub(crate) fn links(&self) -> u64 {
        self.links
    }

    /// The last link that was passed, as it is stored.
    pub(crate) fn mark(&self) -> Mark {
        self.last
    }

    /// Takes the next row; answers the link that ends with it, as it is stored, and what is wrong at this place.
    pub(crate) fn row(&mut self, row: &Row<'_>) -> rusqlite::Result<(Option<Mark>, Option<What>)> {
        let position = row.position();
        if position.0 <= self.origin.after {
            return Ok((None, None));
        }
        self.look_ahead()?;
        let mut wrong = None;
        while let Some(passed) = self.ahead.front().filter(|next| next.position < position) {
            // The event that this link ends with is not there.
            wrong = Some(What::Hash);
            let passed = *passed;
            self.pass(passed);
            self.look_ahead()?;
        }
        let Some(next) = self.ahead.front().copied() else {
            return Ok((None, Some(What::NoLink)));
        };
        self.link.add(&row.columns);
        if next.position > position {
            return Ok((None, wrong));
        }
        let found = self.pass(next);
        if found != next.hash {
            wrong = Some(What::Hash);
        }
        Ok((Some(next), wrong))
    }

    /// Goes on from the stored hash, so that one fault is one fault; answers the computed one.
    fn pass(&mut self, next: Mark) -> ChainHash {
        self.ahead.pop_front();
        self.last = next;
        self.links += 1;
        std::mem::replace(&mut self.link, Link::after(&next.hash)).finish()
    }

    /// When the chain goes on behind the last event, however far the log has come meanwhile, events were cut off: the
    /// last event and the last link.
    pub(crate) fn left_over(&self) -> rusqlite::Result<Option<(Position, Position)>> {
        let ends = self.connection.query_row(
            "SELECT coalesce((SELECT max(position) FROM events), 0), \
             coalesce((SELECT max(last_position) FROM links), 0)",
            [],
            |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)),
        )?;
        let [event, link] = [ends.0, ends.1].map(|end| Position(end.cast_unsigned()));
        Ok((link > event).then_some((event, link)))
    }

    fn look_ahead(&mut self) -> rusqlite::Result<()> {
        if !self.ahead.is_empty() || self.asked_after >= self.head {
            return Ok(());
        }
        let mut statement = self.connection.prepare_cached(
            "SELECT last_position, hash FROM links WHERE last_position > ?1 AND last_position <= ?2 \
             ORDER BY last_position LIMIT ?3",
        )?;
        let page = params![
            self.asked_after.0.cast_signed(),
            self.head.0.cast_signed(),
            LINKS
        ];
        for link in statement.query_map(page, mark)? {
            self.ahead.push_back(link?);
        }
        self.asked_after = self.ahead.back().map_or(self.head, |last| last.position);
        Ok(())
    }
}
