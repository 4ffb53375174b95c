//! Reads, on threads of their own: each has a read-only connection, so a long page delays no writer and no runtime.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::{io, str};

use rapport_domain::event::{Category, NewEvent, Position, Recorded, Revision, Stream};
use rapport_domain::id::EventId;
use rapport_domain::port::log::ReadError;
use rapport_domain::time::Timestamp;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, ToSql};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use uuid::Uuid;

use crate::file;

/// A reactor at the head, a projection being rebuilt and a command that loads its stream do not wait for each other.
const THREADS: usize = 3;

/// Reads that may wait at once; further callers wait without taking memory.
const QUEUE: usize = 1_024;

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT e.position, s.category, s.id, e.revision, e.event_id, t.name, e.version, e.recorded_at, ",
            "e.meta, e.data FROM events e CROSS JOIN streams s ON s.key = e.stream_key ",
            "CROSS JOIN types t ON t.key = e.type_key ",
            $rest
        )
    };
}

const ALL_AFTER: &str = select!("WHERE e.position > ?1 ORDER BY e.position LIMIT ?2");
const IN_STREAM: &str = select!(
    "WHERE e.stream_key = (SELECT key FROM streams WHERE category = ?1 AND id = ?2) AND e.revision >= ?3 \
     ORDER BY e.revision LIMIT ?4"
);
const BY_ID: &str = select!("WHERE e.event_id = ?1");

/// What is to be read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Read {
    /// All streams, after a position.
    All { after: Position, limit: usize },
    /// One stream, from a revision on.
    Stream {
        stream: Stream,
        from: Revision,
        limit: usize,
    },
}

type Answer = Result<Vec<Recorded>, ReadError>;

struct Job {
    read: Read,
    reply: oneshot::Sender<Answer>,
    _room: OwnedSemaphorePermit,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    closed: bool,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    work: Condvar,
}

/// The reading threads.
pub(crate) struct Readers {
    shared: Arc<Shared>,
    room: Arc<Semaphore>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    pub(crate) fn start(file: &Path) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let mut readers = Self {
            shared: Arc::clone(&shared),
            room: Arc::new(Semaphore::new(QUEUE)),
            threads: Vec::new(),
        };
        for number in 0..THREADS {
            let (shared, file) = (Arc::clone(&shared), file.to_owned());
            let thread = thread::Builder::new()
                .name(format!("log-read-{number}"))
                .spawn(move || serve(&shared, &file))?;
            readers.threads.push(thread);
        }
        Ok(readers)
    }

    pub(crate) async fn read(&self, read: Read) -> Answer {
        let closed = || ReadError("the log is closed".to_owned());
        let room = Arc::clone(&self.room)
            .acquire_owned()
            .await
            .map_err(|_| closed())?;
        let (reply, answer) = oneshot::channel();
        {
            let mut queue = self
                .shared
                .queue
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            queue.jobs.push_back(Job {
                read,
                reply,
                _room: room,
            });
        }
        self.shared.work.notify_one();
        answer.await.map_err(|_| closed())?
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.shared
            .queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .closed = true;
        self.shared.work.notify_all();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a reading thread of the log panicked");
            }
        }
    }
}

fn serve(shared: &Shared, file: &Path) {
    // Opened at the first read: opening the log waits for no reader, and a failed one is made anew.
    let mut connection: Option<Connection> = None;
    while let Some(job) = next(shared) {
        if job.reply.is_closed() {
            continue; // whoever asked has gone
        }
        let answer = match connection
            .take()
            .map_or_else(|| file::open_reading(file), Ok)
        {
            Err(error) => Err(ReadError(error.to_string())),
            Ok(open) => match execute(&open, job.read) {
                Ok(events) => {
                    connection = Some(open);
                    Ok(events)
                }
                Err(error) => Err(ReadError(error.to_string())),
            },
        };
        // Nobody minds when whoever asked has gone meanwhile.
        drop(job.reply.send(answer));
    }
}

fn next(shared: &Shared) -> Option<Job> {
    let mut queue = shared.queue.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        if let Some(job) = queue.jobs.pop_front() {
            return Some(job);
        }
        if queue.closed {
            return None;
        }
        queue = shared
            .work
            .wait(queue)
            .unwrap_or_else(PoisonError::into_inner);
    }
}

fn execute(connection: &Connection, read: Read) -> rusqlite::Result<Vec<Recorded>> {
    match read {
        Read::All { after, limit } => {
            collect(connection, ALL_AFTER, &[&number(after.0), &count(limit)])
        }
        Read::Stream {
            stream,
            from,
            limit,
        } => {
            let (category, id) = (stream.category.name(), stream.id.into_bytes());
            collect(
                connection,
                IN_STREAM,
                &[&category, &id, &number(from.0), &count(limit)],
            )
        }
    }
}

/// What is stored under an event id.
pub(crate) fn by_id(connection: &Connection, id: EventId) -> rusqlite::Result<Option<Recorded>> {
    collect(connection, BY_ID, &[&id.as_uuid().into_bytes()]).map(|mut events| events.pop())
}

fn collect(
    connection: &Connection,
    sql: &str,
    values: &[&dyn ToSql],
) -> rusqlite::Result<Vec<Recorded>> {
    connection
        .prepare_cached(sql)?
        .query_map(values, recorded)?
        .collect()
}

/// What lies beyond the database's integers lies beyond every event, too.
fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn count(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn recorded(row: &Row<'_>) -> rusqlite::Result<Recorded> {
    let category = text(row, 1)?;
    let category = Category::ALL
        .into_iter()
        .find(|known| known.name() == category)
        .ok_or_else(|| wrong(1, format!("unknown category `{category}`").into()))?;
    Ok(Recorded {
        stream: Stream::new(category, uuid(row, 2)?),
        revision: Revision(row.get::<_, i64>(3)?.cast_unsigned()),
        position: Position(row.get::<_, i64>(0)?.cast_unsigned()),
        event: NewEvent {
            id: EventId::from_uuid(uuid(row, 4)?),
            kind: text(row, 5)?.to_owned(),
            version: row.get(6)?,
            recorded_at: Timestamp::from_micros(row.get(7)?),
            meta: serde_json::from_slice(bytes(row, 8)?).map_err(|error| wrong(8, error.into()))?,
            data: bytes(row, 9)?.to_owned(),
        },
    })
}

fn bytes<'a>(row: &'a Row<'_>, column: usize) -> rusqlite::Result<&'a [u8]> {
    match row.get_ref(column)? {
        ValueRef::Blob(bytes) | ValueRef::Text(bytes) => Ok(bytes),
        _ => Err(wrong(column, "no bytes".into())),
    }
}

fn text<'a>(row: &'a Row<'_>, column: usize) -> rusqlite::Result<&'a str> {
    str::from_utf8(bytes(row, column)?).map_err(|error| wrong(column, error.into()))
}

fn uuid(row: &Row<'_>, column: usize) -> rusqlite::Result<Uuid> {
    Uuid::from_slice(bytes(row, column)?).map_err(|error| wrong(column, error.into()))
}

fn wrong(column: usize, why: Box<dyn std::error::Error + Send + Sync>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Blob, why)
}
