//! The writer's connection: one transaction per group, and what is known without asking.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rapport_domain::event::{Position, Recorded, Revision, Stream};
use rapport_domain::port::log::{AppendError, Appended, Batch};
use rusqlite::config::DbConfig;
use rusqlite::{CachedStatement, Connection, ErrorCode, OptionalExtension, params};

use crate::chain::{self, ChainHash, Columns, Link};
use crate::error::OpenError;
use crate::heads::{Head, Heads};
use crate::writer::{Answer, Request};
use crate::{file, reader, wal};

/// Streams whose ends are remembered (at most twice as many).
const HEADS: usize = 16_384;

/// The connection and what it knows without asking.
pub(crate) struct Store {
    connection: Connection,
    /// The position given out last, always that of the last committed event between groups.
    last: u64,
    /// The hash over everything up to there.
    hash: ChainHash,
    heads: Heads,
    types: HashMap<String, i64>,
    /// Pages in the write-ahead log after the last commit.
    pages: Arc<AtomicU64>,
}

impl Store {
    /// Opens the file and asks for its last position and hash, which are found without reading anything else: that
    /// takes no longer for a large log. What is believed from here on has been synced.
    pub(crate) fn open(file: &Path) -> Result<Self, OpenError> {
        let wal = file::wal_path(file);
        let behind = wal::settle(&wal).map_err(OpenError::io(&wal))?;
        if behind > wal::CUT {
            tracing::error!(
                file = %wal.display(),
                transactions = behind,
                "the write-ahead log is broken before its end and the log goes on from there; compare with a noted hash \
                 (`rapport log verify`) and, if events are missing, restore a backup"
            );
        }
        let mut connection = file::open_writing(file)?;
        let pages = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&pages);
        let count = move |_: &mut rusqlite::hooks::Wal, in_log: std::ffi::c_int| {
            counted.store(u64::try_from(in_log).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        };
        connection
            .wal_hook(Some(count))
            .map_err(OpenError::database(file))?;
        let last = file::last_position(&connection).map_err(OpenError::database(file))?;
        wal::settle_name(&wal).map_err(OpenError::io(&wal))?; // the question has made the file
        let mark = chain::last(&connection).map_err(OpenError::database(file))?;
        if mark.position != Position(last) {
            return Err(OpenError::Damaged {
                file: file.to_owned(),
                why: format!(
                    "its last event is at position {last}, but its chain of hashes ends at {}",
                    mark.position
                ),
            });
        }
        Ok(Self {
            connection,
            last,
            hash: mark.hash,
            heads: Heads::new(HEADS),
            types: HashMap::new(),
            pages,
        })
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The position of the last committed event.
    pub(crate) fn head(&self) -> Position {
        Position(self.last)
    }

    /// Pages in the write-ahead log after the last commit.
    pub(crate) fn pages(&self) -> u64 {
        self.pages.load(Ordering::Relaxed)
    }

    /// Closes the connection after a failure and touches no file by that; a last connection that closes would tidy
    /// up what is better left to the next one that opens.
    pub(crate) fn abandon(self) {
        let kept = self
            .connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
        if let Err(error) = kept {
            tracing::warn!(%error, "closing the log's connection may make a checkpoint");
        }
    }

    /// Stores a group and syncs. An error means that nothing is known of the whole group; the store must be dropped.
    /// Of a group that belongs together nothing is stored unless everything is: all get the first refusal as answer.
    pub(crate) fn commit(
        &mut self,
        group: &[Request],
        together: bool,
    ) -> rusqlite::Result<Vec<Answer>> {
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        let mut work = Work {
            connection: &self.connection,
            insert: self.connection.prepare_cached(INSERT)?,
            heads: &mut self.heads,
            types: &mut self.types,
            changed: HashMap::new(),
            last: self.last,
        };
        let (mut answers, mut link, mut stored) = (
            Vec::with_capacity(group.len()),
            Link::after(&self.hash),
            false,
        );
        for request in group {
            let before = work.last;
            answers.push(work.append(request)?);
            // Not for a conflict, nor for a retry of what was stored before.
            if work.last > before {
                hash(&mut link, before, request);
                stored = true;
            }
        }
        let (changed, last) = work.finish();
        let refused = answers.iter().find_map(|answer| answer.as_ref().err());
        if let Some(refused) = refused.filter(|_| together) {
            self.connection.execute_batch("ROLLBACK")?;
            self.types.clear(); // some may have been this transaction's
            return Ok(vec![Err(refused.clone()); group.len()]);
        }
        let hash = if stored {
            let hash = link.finish();
            self.connection
                .prepare_cached("INSERT INTO links (last_position, hash) VALUES (?1, ?2)")?
                .execute(params![last.cast_signed(), hash.0])?;
            hash
        } else {
            self.hash
        };
        self.connection.execute_batch("COMMIT")?;
        (self.last, self.hash) = (last, hash);
        for (stream, head) in changed {
            self.heads.put(stream, head);
        }
        Ok(answers)
    }
}

/// Adds the events of a request that was stored after position `before` to the link of its transaction.
fn hash(link: &mut Link, before: u64, request: &Request) {
    let Batch {
        stream,
        expected,
        events,
    } = &request.batch;
    let mut revision = expected.next();
    for (position, (event, meta)) in (before + 1..).zip(events.iter().zip(&request.metas)) {
        link.add(&Columns {
            position: position.cast_signed(),
            category: stream.category.name().as_bytes(),
            stream: stream.id.as_bytes(),
            revision: revision.0.cast_signed(),
            id: event.id.as_uuid().as_bytes(),
            kind: event.kind.as_bytes(),
            version: i64::from(event.version),
            recorded_at: event.recorded_at.as_micros(),
            meta,
            data: &event.data,
        });
        revision = revision.next();
    }
}

const INSERT: &str = "INSERT INTO events \
    (position, stream_key, revision, event_id, type_key, version, recorded_at, meta, data) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

/// One transaction under way.
struct Work<'a> {
    connection: &'a Connection,
    insert: CachedStatement<'a>,
    heads: &'a mut Heads,
    types: &'a mut HashMap<String, i64>,
    /// Heads as this transaction moved them; they become true with the commit.
    changed: HashMap<Stream, Head>,
    last: u64,
}

impl Work<'_> {
    fn append(&mut self, request: &Request) -> rusqlite::Result<Answer> {
        let batch = &request.batch;
        let head = self.head(&batch.stream)?;
        let current = head.and_then(|head| head.last);
        if current != batch.expected.last() {
            return self.not_stored(batch, current);
        }
        let key = match head {
            Some(head) => head.key,
            None => self.add_stream(&batch.stream)?,
        };
        let before = self.last;
        let mut revision = batch.expected.next();
        for (event, meta) in batch.events.iter().zip(&request.metas) {
            let type_key = self.type_key(&event.kind)?;
            let stored = self.insert.execute(params![
                self.last.cast_signed() + 1,
                key,
                revision.0.cast_signed(),
                event.id.as_uuid().into_bytes(),
                type_key,
                event.version,
                event.recorded_at.as_micros(),
                meta,
                event.data,
            ]);
            match stored {
                Ok(_) => {}
                Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
                    return self.undo(batch, current, before, error);
                }
                Err(error) => return Err(error),
            }
            self.last += 1;
            revision = revision.next();
        }
        let last = Revision(revision.0 - 1);
        self.changed.insert(
            batch.stream,
            Head {
                key,
                last: Some(last),
            },
        );
        Ok(Ok(Appended {
            revision: last,
            position: Position(self.last),
        }))
    }

    /// An event id is taken: only this batch goes, the rest of the group stays.
    fn undo(
        &mut self,
        batch: &Batch,
        current: Option<Revision>,
        before: u64,
        error: rusqlite::Error,
    ) -> rusqlite::Result<Answer> {
        self.connection
            .prepare_cached("DELETE FROM events WHERE position > ?1")?
            .execute([before.cast_signed()])?;
        self.last = before;
        match self.not_stored(batch, current)? {
            Ok(_) | Err(AppendError::Conflict { .. }) => Err(error), // then it was something else
            refused => Ok(refused),
        }
    }

    /// Why a batch whose expectation does not hold, or whose ids are taken, is not stored; or that it was before.
    fn not_stored(&self, batch: &Batch, current: Option<Revision>) -> rusqlite::Result<Answer> {
        let stored = batch
            .events
            .iter()
            .map(|event| reader::by_id(self.connection, event.id))
            .collect::<rusqlite::Result<Vec<Option<Recorded>>>>()?;
        let stored: Vec<Option<&Recorded>> = stored.iter().map(Option::as_ref).collect();
        Ok(batch
            .answer_from(current, &stored)
            .unwrap_or(Err(AppendError::Conflict { current })))
    }

    fn finish(self) -> (HashMap<Stream, Head>, u64) {
        (self.changed, self.last)
    }

    fn head(&mut self, stream: &Stream) -> rusqlite::Result<Option<Head>> {
        if let Some(head) = self
            .changed
            .get(stream)
            .copied()
            .or_else(|| self.heads.get(stream))
        {
            return Ok(Some(head));
        }
        let found = self
            .connection
            .prepare_cached(
                "SELECT key, (SELECT max(revision) FROM events WHERE stream_key = key) \
                 FROM streams WHERE category = ?1 AND id = ?2",
            )?
            .query_row(
                params![stream.category.name(), stream.id.into_bytes()],
                |row| {
                    let last = row
                        .get::<_, Option<i64>>(1)?
                        .map(|last| Revision(last.cast_unsigned()));
                    Ok(Head {
                        key: row.get(0)?,
                        last,
                    })
                },
            )
            .optional()?;
        // Remembered as part of this transaction: it may see rows that are not committed yet.
        if let Some(head) = found {
            self.changed.insert(*stream, head);
        }
        Ok(found)
    }

    fn add_stream(&mut self, stream: &Stream) -> rusqlite::Result<i64> {
        self.connection
            .prepare_cached("INSERT INTO streams (category, id) VALUES (?1, ?2)")?
            .execute(params![stream.category.name(), stream.id.into_bytes()])?;
        let key = self.connection.last_insert_rowid();
        self.changed.insert(*stream, Head { key, last: None });
        Ok(key)
    }

    /// There are as many types as the program has event types, so all of them are remembered. One that is added by a
    /// transaction which fails is forgotten with the whole store.
    fn type_key(&mut self, name: &str) -> rusqlite::Result<i64> {
        if let Some(key) = self.types.get(name) {
            return Ok(*key);
        }
        let found = self
            .connection
            .prepare_cached("SELECT key FROM types WHERE name = ?1")?
            .query_row([name], |row| row.get(0))
            .optional()?;
        let key = match found {
            Some(key) => key,
            None => {
                self.connection
                    .prepare_cached("INSERT INTO types (name) VALUES (?1)")?
                    .execute([name])?;
                self.connection.last_insert_rowid()
            }
        };
        self.types.insert(name.to_owned(), key);
        Ok(key)
    }
}
