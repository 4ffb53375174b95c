//! The check of the file: everything that the port's promise says, and what the file says of itself.

use std::collections::HashMap;
use std::path::Path;

use rapport_domain::event::{Category, NewEvent, Position, Recorded, Revision, Stream};
use rapport_domain::id::EventId;
use rapport_domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension};
use uuid::Uuid;

use super::in_order::{Chain, Row, rows_after};
use super::{Chained, MOST_FAULTS, PAGE, Verified, Watch, What, look};
use crate::chain::{self, Mark};
use crate::error::{OpenError, why};
use crate::{file, lock, wal};

/// Streams whose last revision is remembered (at most twice as many); for others the index is asked.
const STREAMS: usize = 65_536;

/// See [`crate::EmbeddedLog::verify`].
pub(crate) fn verify(
    dir: &Path,
    noted: &[Mark],
    watch: &mut dyn Watch,
) -> Result<Verified, OpenError> {
    let file = file::path(dir);
    let behind = behind_a_break(dir, &file);
    let connection = file::open_reading(&file)?;
    let format = file::check_format(&connection, &file)?;
    let head = match file::last_position(&connection) {
        Ok(last) => Position(last),
        Err(error) => {
            let mut verified = Verified::new(Position::START);
            verified.fault(None, What::Database(why(&error)));
            return Ok(verified);
        }
    };
    let mut verified = Verified::new(head);
    if let Some(text) = behind {
        verified.fault(None, What::Database(text));
    }
    if let Err(error) = integrity(&connection, &mut verified) {
        verified.fault(None, What::Database(why(&error)));
    }
    let mut pass = Pass {
        connection: &connection,
        verified,
        ends: Ends::default(),
        after: Position::START,
    };
    let chained = format >= file::CHAINED;
    if let Err(error) = pass.run(chained, noted, watch) {
        let position = Some(pass.after).filter(|after| *after > Position::START);
        let text = format!("cannot read on after this event: {}", why(&error));
        pass.verified.fault(position, What::Database(text));
    }
    Ok(pass.verified)
}

/// What stands in the write-ahead log and is not taken, before a hub writes over it.
fn behind_a_break(dir: &Path, file: &Path) -> Option<String> {
    if lock::is_held(dir) {
        return None; // it changes while we look
    }
    match wal::behind(&file::wal_path(file)) {
        Ok(behind) if behind > wal::CUT => Some(format!(
            "the write-ahead log is broken before its end; {behind} transactions behind that place are lost"
        )),
        Ok(_) => None,
        Err(error) => Some(format!("cannot read the write-ahead log: {error}")),
    }
}

/// Pages, indexes (hence the uniqueness of event ids and of a stream's revisions) and constraints.
fn integrity(connection: &Connection, verified: &mut Verified) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(&format!("PRAGMA integrity_check({MOST_FAULTS})"))?;
    let mut lines = statement.query([])?;
    while let Some(line) = lines.next()? {
        let line: String = line.get(0)?;
        if line != "ok" {
            verified.fault(None, What::Database(line));
        }
    }
    Ok(())
}

struct Pass<'a> {
    connection: &'a Connection,
    verified: Verified,
    ends: Ends,
    /// The row looked at last.
    after: Position,
}

impl Pass<'_> {
    fn run(
        &mut self,
        chained: bool,
        noted: &[Mark],
        watch: &mut dyn Watch,
    ) -> rusqlite::Result<()> {
        let head = self.verified.head;
        let mut chain = chained
            .then(|| Chain::begin(self.connection, head))
            .transpose()?;
        let connection = self.connection;
        while self.after < head {
            let page = rows_after(connection, self.after, head, PAGE, |row| {
                self.row(row, chain.as_mut(), watch)
            })?;
            let Some(last) = page else {
                break;
            };
            self.after = last;
            watch.progress(last.0, head.0);
        }
        if let Some(chain) = &chain {
            if let Some((event, link)) = chain.left_over()? {
                self.verified
                    .fault(Some(link), What::Missing(Position(event.0 + 1)));
            }
            self.verified.chain = Some(Chained {
                after: Position(chain.origin().after),
                links: chain.links(),
                mark: chain.mark(),
            });
        }
        for mark in noted {
            if !chained || !self.has(mark)? {
                self.verified.fault(Some(mark.position), What::NotAsNoted);
            }
        }
        Ok(())
    }

    fn has(&self, noted: &Mark) -> rusqlite::Result<bool> {
        let found = self
            .connection
            .prepare_cached("SELECT last_position, hash FROM links WHERE last_position = ?1")?
            .query_row([noted.position.0.cast_signed()], chain::mark)
            .optional()?;
        match found {
            Some(mark) => Ok(mark == *noted),
            None => Ok(chain::Origin::read(self.connection)?.mark() == *noted),
        }
    }

    fn row(
        &mut self,
        row: &Row<'_>,
        chain: Option<&mut Chain<'_>>,
        watch: &mut dyn Watch,
    ) -> rusqlite::Result<()> {
        let position = row.position();
        if position.0 > self.after.0 + 1 {
            let from = Position(self.after.0 + 1);
            self.verified.fault(Some(position), What::Missing(from));
        }
        self.after = position;
        if let Some(chain) = chain
            && let (_, Some(what)) = chain.row(row)?
        {
            self.verified.fault(Some(position), what);
        }
        match recorded(row) {
            Ok(event) => {
                let expected = self.expected(row)?;
                look(&mut self.verified, &event, expected, watch);
            }
            Err(why) => {
                self.verified.events += 1;
                self.verified.fault(Some(position), What::Unreadable(why));
            }
        }
        let last = Revision(row.columns.revision.cast_unsigned());
        self.ends.put(row.stream_key, last);
        Ok(())
    }

    /// The revision that belongs here: after the last one seen of this stream, or, when that was forgotten, after the
    /// one the index has before this.
    fn expected(&mut self, row: &Row<'_>) -> rusqlite::Result<Revision> {
        if let Some(last) = self.ends.get(row.stream_key) {
            return Ok(last.next());
        }
        let last: Option<i64> = self
            .connection
            .prepare_cached(
                "SELECT revision FROM events INDEXED BY events_in_stream \
                 WHERE stream_key = ?1 AND revision < ?2 AND position < ?3 ORDER BY revision DESC LIMIT 1",
            )?
            .query_row(
                [row.stream_key, row.columns.revision, row.columns.position],
                |row| row.get(0),
            )
            .optional()?;
        Ok(last.map_or(Revision::FIRST, |last| {
            Revision(last.cast_unsigned()).next()
        }))
    }
}

/// Where streams ended lately: two generations, as `heads` has them.
#[derive(Default)]
struct Ends {
    young: HashMap<i64, Revision>,
    old: HashMap<i64, Revision>,
}

impl Ends {
    fn get(&self, stream: i64) -> Option<Revision> {
        self.young
            .get(&stream)
            .or_else(|| self.old.get(&stream))
            .copied()
    }

    fn put(&mut self, stream: i64, last: Revision) {
        if self.young.len() >= STREAMS && !self.young.contains_key(&stream) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(stream, last);
    }
}

/// The event of a row, or why it is none.
fn recorded(row: &Row<'_>) -> Result<Recorded, String> {
    if !row.has_stream {
        return Err(format!("there is no stream {}", row.stream_key));
    }
    if !row.has_type {
        return Err(format!("there is no type {}", row.type_key));
    }
    let columns = &row.columns;
    let category = Category::ALL
        .into_iter()
        .find(|known| known.name().as_bytes() == columns.category)
        .ok_or("unknown category")?;
    let uuid = |bytes: &[u8]| Uuid::from_slice(bytes).map_err(|error| error.to_string());
    Ok(Recorded {
        stream: Stream::new(category, uuid(columns.stream)?),
        revision: Revision(columns.revision.cast_unsigned()),
        position: row.position(),
        event: NewEvent {
            id: EventId::from_uuid(uuid(columns.id)?),
            kind: String::from_utf8(columns.kind.to_owned())
                .map_err(|_| "its type is no text".to_owned())?,
            version: columns
                .version
                .try_into()
                .map_err(|_| format!("version {}", columns.version))?,
            recorded_at: Timestamp::from_micros(columns.recorded_at),
            // What stands in it is not repeated in a message.
            meta: serde_json::from_slice(columns.meta)
                .map_err(|error| format!("its envelope is broken at byte {}", error.column()))?,
            data: columns.data.to_owned(),
        },
    })
}
