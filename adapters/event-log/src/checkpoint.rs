//! Moving committed pages from the write-ahead log into the database, beside the writer instead of inside its commits.
//!
//! While events keep coming, a checkpoint made beside the writer never reaches the end of the write-ahead log: the
//! writer is ahead of it. So this thread does the bulk of the copying and the sync, and then asks the writer for the
//! few pages that came meanwhile; after that the writer starts the write-ahead log from its beginning. It is
//! overwritten in place and never truncated while the log is open: a sync of it then changes no file size.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::Connection;

use crate::file;

/// At this many pages (of 8 KiB) in the write-ahead log a checkpoint is made. It bounds what a start after a crash has
/// to read.
const PAGES: u64 = 1_024;

/// When the disk moves pages more slowly than they come, the writer waits for a whole checkpoint at this many pages:
/// appends then take as long as the disk does, and the write-ahead log stays at some 24 MiB.
const MOST_PAGES: u64 = 3 * PAGES;

/// Without a commit for this long the log is at rest, and everything is moved over.
const REST: Duration = Duration::from_millis(500);

#[derive(Default)]
struct Shared {
    /// Commits so far, to see whether the log is at rest.
    commits: AtomicU64,
    /// The thread knows that there is something to move.
    dirty: AtomicBool,
    /// The writer is asked to move the last few pages.
    finish: AtomicBool,
    /// Held during a checkpoint: the database itself lets nobody wait for one.
    under_way: Mutex<()>,
}

/// The writer's end.
pub(crate) struct Checkpointer {
    shared: Arc<Shared>,
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    pages_before: u64,
    next_at: u64,
    wait_at: u64,
}

impl Checkpointer {
    pub(crate) fn start(file: &Path) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let (wake, woken) = sync_channel(1);
        let thread = {
            let (shared, file) = (Arc::clone(&shared), file.to_owned());
            thread::Builder::new()
                .name("log-checkpoint".to_owned())
                .spawn(move || run(&shared, &woken, &file))?
        };
        Ok(Self {
            shared,
            wake: Some(wake),
            thread: Some(thread),
            pages_before: 0,
            next_at: PAGES,
            wait_at: MOST_PAGES,
        })
    }

    /// After a commit, when the write-ahead log holds `pages`. Costs nothing unless there is something to do.
    pub(crate) fn committed(&mut self, pages: u64, connection: &Connection) {
        self.shared.commits.fetch_add(1, Ordering::Relaxed);
        if pages < self.pages_before {
            (self.next_at, self.wait_at) = (PAGES, MOST_PAGES); // it began anew
        }
        self.pages_before = pages;
        let due = pages >= self.next_at;
        if due {
            // When a long read keeps the write-ahead log from beginning anew, the next try comes as much later.
            self.next_at = pages + PAGES;
        }
        if (!self.shared.dirty.swap(true, Ordering::AcqRel) || due)
            && let Some(wake) = &self.wake
        {
            // Full means that it is being woken already.
            let _ = wake.try_send(());
        }
        let asked = self.shared.finish.swap(false, Ordering::AcqRel);
        let wait = pages >= self.wait_at;
        if wait {
            self.wait_at = pages + MOST_PAGES;
        } else if !asked {
            return;
        }
        let moved = {
            let _alone = self
                .shared
                .under_way
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            passive(connection)
        };
        if let Err(error) = moved {
            tracing::warn!(%error, "cannot finish a checkpoint of the log");
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        drop(self.wake.take());
        if self
            .thread
            .take()
            .is_some_and(|thread| thread.join().is_err())
        {
            tracing::error!("the checkpoint thread of the log panicked");
        }
    }
}

fn run(shared: &Shared, woken: &Receiver<()>, file: &Path) {
    // Opened when first needed; a failed one is made anew at the next wake-up.
    let mut connection: Option<Connection> = None;
    while woken.recv().is_ok() {
        let mut seen = shared.commits.load(Ordering::Relaxed);
        loop {
            let at_rest = match woken.recv_timeout(REST) {
                Ok(()) => false,
                Err(RecvTimeoutError::Timeout) => {
                    let now = shared.commits.load(Ordering::Relaxed);
                    if std::mem::replace(&mut seen, now) != now {
                        continue;
                    }
                    true
                }
                Err(RecvTimeoutError::Disconnected) => return,
            };
            if at_rest {
                // Before the work: a commit from here on wakes us again.
                shared.dirty.store(false, Ordering::Release);
            }
            let made = {
                let _alone = shared
                    .under_way
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                checkpoint(&mut connection, file)
            };
            match made {
                Ok(complete) => shared
                    .finish
                    .store(!complete && !at_rest, Ordering::Release),
                Err(error) => {
                    connection = None;
                    tracing::warn!(
                        error,
                        "cannot make a checkpoint of the log; trying again later"
                    );
                }
            }
            if at_rest {
                break;
            }
        }
    }
}

fn checkpoint(connection: &mut Option<Connection>, file: &Path) -> Result<bool, String> {
    let open = match connection.take() {
        Some(open) => open,
        None => file::open_writing(file).map_err(|error| error.to_string())?,
    };
    passive(connection.insert(open)).map_err(|error| error.to_string())
}

/// Moves what can be moved without waiting for anybody; whether that was everything.
fn passive(connection: &Connection) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")?
        .query_row([], |row| {
            let (busy, in_log, moved): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(busy == 0 && in_log == moved)
        })
}

/// At the end: moves everything and empties the write-ahead log, so that the next start has nothing to recover.
pub(crate) fn last(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}
