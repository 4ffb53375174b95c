//! The writer: one thread, one connection, one transaction per group of requests.

use std::path::{Path, PathBuf};

use rapport_domain::event::Position;
use rapport_domain::port::log::{AppendError, Appended, Batch};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot, watch};

use crate::checkpoint::{self, Checkpointer};
use crate::error::{OpenError, why};
use crate::lock::FolderLock;
use crate::store::Store;

/// A group takes further requests until it holds this many events or bytes; the request that crosses the line is the
/// last one. More would only make everybody wait longer for the same sync.
const GROUP_EVENTS: usize = 1_024;
const GROUP_BYTES: usize = 1 << 20;

pub(crate) type Answer = Result<Appended, AppendError>;

/// A batch on its way to the writer, checked and with its envelopes encoded.
pub(crate) struct Request {
    pub(crate) batch: Batch,
    /// The `meta` column of each event.
    pub(crate) metas: Vec<Vec<u8>>,
    pub(crate) bytes: usize,
    pub(crate) reply: oneshot::Sender<Answer>,
    /// The part of the queue's memory that it takes; of requests that go together the first holds it for all.
    pub(crate) room: Option<OwnedSemaphorePermit>,
}

pub(crate) enum Message {
    Append(Request),
    /// All of them or none, in one commit of their own.
    Together(Vec<Request>),
    /// Take nothing more and end when everything queued is stored.
    Close,
}

/// What the writer's thread owns.
pub(crate) struct Writer {
    file: PathBuf,
    /// `None` after a failed commit, until the next group opens it again.
    store: Option<Store>,
    queue: mpsc::Receiver<Message>,
    /// Taken from the queue while a group was gathered that it cannot be part of.
    held: Option<Message>,
    publish: watch::Sender<Position>,
    checkpointer: Checkpointer,
    _lock: FolderLock,
}

impl Writer {
    pub(crate) fn open(
        file: &Path,
        lock: FolderLock,
        queue: mpsc::Receiver<Message>,
    ) -> Result<(Self, watch::Receiver<Position>), OpenError> {
        let store = Store::open(file)?;
        let (publish, head) = watch::channel(store.head());
        let checkpointer = Checkpointer::start(file).map_err(OpenError::io(file))?;
        let file = file.to_owned();
        Ok((
            Self {
                file,
                store: Some(store),
                queue,
                held: None,
                publish,
                checkpointer,
                _lock: lock,
            },
            head,
        ))
    }

    /// Writes until the queue is closed and empty.
    pub(crate) fn run(mut self) {
        while let Some(message) = self.held.take().or_else(|| self.queue.blocking_recv()) {
            match message {
                Message::Together(group) => self.write(group, true),
                other => {
                    let group = self.gather(other);
                    if !group.is_empty() {
                        self.write(group, false);
                    }
                }
            }
        }
        let Self {
            store,
            checkpointer,
            _lock: lock,
            publish,
            ..
        } = self;
        drop(checkpointer);
        if let Some(store) = store
            && let Err(error) = checkpoint::last(store.connection())
        {
            tracing::warn!(%error, "cannot empty the write-ahead log; the next start will");
        }
        drop(lock);
        drop(publish); // which tells `close` that it is done
    }

    /// Everything that has queued up, within the limits of a group.
    fn gather(&mut self, first: Message) -> Vec<Request> {
        let (mut group, mut events, mut bytes) = (Vec::new(), 0, 0);
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Append(request) => {
                    events += request.batch.events.len();
                    bytes += request.bytes;
                    group.push(request);
                }
                Message::Close => self.queue.close(),
                Message::Together(_) => {
                    self.held = Some(message);
                    break;
                }
            }
            let full = events >= GROUP_EVENTS || bytes >= GROUP_BYTES;
            next = if full {
                None
            } else {
                self.queue.try_recv().ok()
            };
        }
        group
    }

    fn write(&mut self, group: Vec<Request>, together: bool) {
        let written = match self.open_store() {
            Ok(mut store) => match store.commit(&group, together) {
                Ok(answers) => Ok((store, answers)),
                Err(error) => {
                    store.abandon();
                    Err(format!(
                        "cannot write {}: {}",
                        self.file.display(),
                        why(&error)
                    ))
                }
            },
            Err(error) => Err(error.to_string()),
        };
        match written {
            Ok((store, answers)) => {
                self.publish_head(&store);
                group
                    .into_iter()
                    .zip(answers)
                    .for_each(|(request, given)| answer(request, given));
                self.checkpointer
                    .committed(store.pages(), store.connection());
                self.store = Some(store);
            }
            // The connection was dropped with all it believed: what is on disk decides when it is opened again (see
            // `wal` for what that takes), and only the callers can tell whether their events are still wanted.
            Err(why) => {
                tracing::error!(
                    why,
                    requests = group.len(),
                    "a group of appends has an unknown outcome"
                );
                group
                    .into_iter()
                    .for_each(|request| answer(request, Err(AppendError::Unknown(why.clone()))));
                if let Ok(store) = self.open_store() {
                    self.publish_head(&store);
                    self.store = Some(store);
                }
            }
        }
    }

    /// The store, opened again when the last group failed.
    fn open_store(&mut self) -> Result<Store, OpenError> {
        self.store
            .take()
            .map_or_else(|| Store::open(&self.file), Ok)
    }

    fn publish_head(&self, store: &Store) {
        let head = store.head();
        self.publish
            .send_if_modified(|published| std::mem::replace(published, head) != head);
    }
}

fn answer(request: Request, given: Answer) {
    drop(request.room);
    // A caller that stopped waiting has its events stored all the same.
    drop(request.reply.send(given));
}
