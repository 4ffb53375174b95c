//! Following a log that another process writes: nothing wakes us there, so the file is asked.

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rapport_domain::event::Position;
use rusqlite::Connection;
use tokio::sync::watch;

use crate::error::OpenError;
use crate::file;

/// How often the file is asked whether somebody committed; the question costs a few microseconds.
const INTERVAL: Duration = Duration::from_millis(50);

/// Watches the head from outside until dropped.
pub(crate) struct Tail {
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Tail {
    pub(crate) fn start(file: &Path) -> Result<(Self, watch::Receiver<Position>), OpenError> {
        let connection = file::open_reading(file)?;
        let last = file::last_position(&connection).map_err(OpenError::database(file))?;
        let (publish, head) = watch::channel(Position(last));
        let (stop, stopped) = sync_channel(0);
        let thread = thread::Builder::new()
            .name("log-tail".to_owned())
            .spawn(move || follow(&connection, &publish, &stopped))
            .map_err(OpenError::io(file))?;
        Ok((
            Self {
                stop: Some(stop),
                thread: Some(thread),
            },
            head,
        ))
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        drop(self.stop.take());
        if self
            .thread
            .take()
            .is_some_and(|thread| thread.join().is_err())
        {
            tracing::error!("the thread that follows the log panicked");
        }
    }
}

fn follow(connection: &Connection, publish: &watch::Sender<Position>, stopped: &Receiver<()>) {
    let mut seen = None;
    while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(INTERVAL) {
        match look(connection, &mut seen) {
            Ok(None) => {}
            Ok(Some(head)) => {
                publish.send_if_modified(|published| std::mem::replace(published, head) != head);
            }
            Err(error) => tracing::warn!(%error, "cannot look for new events; trying again"),
        }
    }
}

/// The head, when anything was committed since `seen`. The version is read first: a commit between the two questions
/// is then seen at the next look, never missed.
fn look(connection: &Connection, seen: &mut Option<i64>) -> rusqlite::Result<Option<Position>> {
    let version = connection
        .prepare_cached("PRAGMA data_version")?
        .query_row([], |row| row.get(0))?;
    if *seen == Some(version) {
        return Ok(None);
    }
    let head = file::last_position(connection)?;
    *seen = Some(version);
    Ok(Some(Position(head)))
}
