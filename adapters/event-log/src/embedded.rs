//! The log as the rest of the program holds it.

use std::fs;
use std::future::pending;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use rapport_domain::event::{Position, Recorded, Revision, Stream};
use rapport_domain::port::BoxFuture;
use rapport_domain::port::log::{AppendError, Appended, Batch, EventLog, ReadError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};

use crate::backup::{self, Backup, BackupError};
use crate::chain::Mark;
use crate::error::OpenError;
use crate::file;
use crate::lock::FolderLock;
use crate::reader::{Read, Readers};
use crate::tail::Tail;
use crate::verify::{self, Verified, Watch};
use crate::writer::{Answer, Message, Request, Writer};

/// Appends that may wait for the writer; further callers wait before the queue.
const QUEUE: usize = 1_024;

/// Memory that the waiting appends may take, in KiB: 64 MiB. A larger batch goes alone.
const QUEUE_KIB: u32 = 64 * 1_024;

/// The log in the file `log.db` of a data folder. See the crate's documentation.
///
/// Works under any async runtime. An append whose caller stops waiting is stored all the same. Dropping the log stores
/// what is queued and joins its threads, which blocks for a few commits; [`EmbeddedLog::close`] does so without blocking.
pub struct EmbeddedLog {
    file: PathBuf,
    head: watch::Receiver<Position>,
    writer: Option<WriterEnd>,
    readers: Readers,
    _tail: Option<Tail>,
}

struct WriterEnd {
    queue: mpsc::Sender<Message>,
    room: Arc<Semaphore>,
    thread: JoinHandle<()>,
}

/// How large the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Events stored.
    pub events: u64,
    /// Bytes on disk, the write-ahead log included.
    pub bytes: u64,
}

impl EmbeddedLog {
    /// Opens the log of a data folder and makes this process its one writer; creates folder and log when there are none.
    /// Both are this user's alone: the folder it creates has mode 0700, the log's files 0600, also when they were there.
    ///
    /// # Errors
    /// [`OpenError`]; the log is then as it was before.
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        file::prepare_folder(dir).map_err(OpenError::io(dir))?;
        let lock = FolderLock::take(dir)?;
        file::create_if_missing(dir)?;
        let file = file::path(dir);
        let (queue, requests) = mpsc::channel(QUEUE);
        let (writer, head) = Writer::open(&file, lock, requests)?;
        let readers = Readers::start(&file).map_err(OpenError::io(&file))?;
        let thread = thread::Builder::new()
            .name("log-write".to_owned())
            .spawn(move || writer.run())
            .map_err(OpenError::io(&file))?;
        let room = Arc::new(Semaphore::new(QUEUE_KIB as usize));
        Ok(Self {
            file,
            head,
            writer: Some(WriterEnd {
                queue,
                room,
                thread,
            }),
            readers,
            _tail: None,
        })
    }

    /// Opens the log of a data folder for reading, also while a hub writes to it. It takes no lock and never holds
    /// up the writer, but needs write permission to the folder for the database's shared index.
    ///
    /// Nothing tells this process of the other's commits, so the file is asked every 50 ms: [`EventLog::head`] and
    /// [`EventLog::wait_past`] are up to that late (the reads themselves are not). Appends are refused.
    ///
    /// # Errors
    /// [`OpenError`], [`OpenError::Missing`] when there is no log.
    pub fn open_read_only(dir: &Path) -> Result<Self, OpenError> {
        let file = file::path(dir);
        let (tail, head) = Tail::start(&file)?;
        let readers = Readers::start(&file).map_err(OpenError::io(&file))?;
        Ok(Self {
            file,
            head,
            writer: None,
            readers,
            _tail: Some(tail),
        })
    }

    /// Takes no more appends, stores those that are queued, moves everything into the database and gives the folder
    /// free. Appends from now on are answered [`AppendError::Closed`]; reads go on until the log is dropped.
    pub async fn close(&self) {
        let Some(writer) = &self.writer else { return };
        // Refused when it was closed before; then, too, the end is waited for: the writer drops the head's sender last.
        drop(writer.queue.send(Message::Close).await);
        drop(self.head.clone().wait_for(|_| false).await);
    }

    /// How many events there are and what they take; asks the file system, not the database.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let size = |path: &Path| fs::metadata(path).map_or(0, |about| about.len());
        Stats {
            events: self.head().0,
            bytes: size(&self.file) + size(&file::wal_path(&self.file)),
        }
    }

    /// The hash over everything up to the head of the log in a folder, also while a hub writes to it. Noted elsewhere and
    /// given to [`EmbeddedLog::verify`] later it shows that nothing up to there was changed or cut off. `None` for a log
    /// of format 1 that no hub has opened since.
    ///
    /// # Errors
    /// [`OpenError`], [`OpenError::Missing`] when there is no log.
    pub fn mark(dir: &Path) -> Result<Option<Mark>, OpenError> {
        backup::mark(dir)
    }

    /// Looks through the log of a folder, also while a hub writes to it, up to the head at the beginning: the database's
    /// own check of pages and indexes (which tells event ids and revisions that come twice), positions without gaps,
    /// revisions dense in every stream, the chain of hashes, the hashes that were `noted`, and whatever `watch` looks for.
    ///
    /// Rows are read in pages of 1,000, each in a read of its own; what is remembered does not grow with the log. Only the
    /// database's own check is one long read, during which a running hub's write-ahead log grows: check a large log's
    /// backup instead. Faults are listed, not returned as an error.
    ///
    /// # Errors
    /// [`OpenError`] when the log cannot be opened at all.
    pub fn verify(
        dir: &Path,
        noted: &[Mark],
        watch: &mut dyn Watch,
    ) -> Result<Verified, OpenError> {
        verify::verify_file(dir, noted, watch)
    }

    /// Copies the log of the folder `from` to the file `log.db` in the folder `to`, also while a hub of this or another
    /// process writes to it. It holds up neither the writer nor, for longer than one page of 2,000 events, its
    /// checkpoints. The copy is everything up to the head at the beginning, its chain of hashes has been computed anew,
    /// and it gets its name when it is complete and synced. `progress` is told events: done, total.
    ///
    /// # Errors
    /// [`BackupError`]; [`BackupError::Exists`] when there is a copy in `to` already.
    pub fn backup(
        from: &Path,
        to: &Path,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Backup, BackupError> {
        backup::backup(from, to, progress)
    }

    /// Puts a backup of the folder `from` into the empty folder `to` (which is created when it is missing), after looking
    /// through all of it as [`EmbeddedLog::verify`] does. Answers what was found; a copy with faults is not restored.
    ///
    /// # Errors
    /// [`BackupError`]; [`BackupError::NotEmpty`] when there is anything in `to`.
    pub fn restore(
        from: &Path,
        to: &Path,
        noted: &[Mark],
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Verified, BackupError> {
        backup::restore(from, to, noted, progress)
    }

    /// Appends batches of any streams in one commit, all or none, at consecutive positions in the order given: what
    /// filling a log from another one needs. At most a few thousand events: nobody else is answered meanwhile.
    ///
    /// # Errors
    /// As [`EventLog::append`], for the first batch that was not taken; then nothing is stored.
    pub async fn append_together(&self, batches: Vec<Batch>) -> Result<(), AppendError> {
        let (writer, mut kib) = (self.writer()?, 0);
        let (mut requests, mut answers) = (Vec::new(), Vec::new());
        for batch in batches {
            let (request, answer) = prepare(batch)?;
            kib += request.bytes / 1_024 + 1;
            requests.push(request);
            answers.push(answer);
        }
        let room = writer.room(kib).await?;
        let Some(first) = requests.first_mut() else {
            return Ok(());
        };
        first.room = Some(room);
        writer.send(Message::Together(requests)).await?;
        for answer in answers {
            received(answer.await)?;
        }
        Ok(())
    }

    fn writer(&self) -> Result<&WriterEnd, AppendError> {
        self.writer
            .as_ref()
            .ok_or_else(|| AppendError::Refused("the log was opened for reading only".to_owned()))
    }

    async fn submit(&self, batch: Batch) -> Result<Appended, AppendError> {
        let (mut request, answer) = prepare(batch)?;
        let writer = self.writer()?;
        request.room = Some(writer.room(request.bytes / 1_024 + 1).await?);
        writer.send(Message::Append(request)).await?;
        received(answer.await)
    }
}

impl WriterEnd {
    /// Waits for a part of the queue's memory. What is larger than all of it goes alone.
    async fn room(&self, kib: usize) -> Result<OwnedSemaphorePermit, AppendError> {
        let kib = u32::try_from(kib).unwrap_or(QUEUE_KIB).min(QUEUE_KIB);
        Arc::clone(&self.room)
            .acquire_many_owned(kib)
            .await
            .map_err(|_| AppendError::Closed)
    }

    async fn send(&self, message: Message) -> Result<(), AppendError> {
        self.queue
            .send(message)
            .await
            .map_err(|_| AppendError::Closed)
    }
}

/// Checks a batch and encodes its envelopes, on the caller's thread rather than the writer's.
fn prepare(batch: Batch) -> Result<(Request, oneshot::Receiver<Answer>), AppendError> {
    batch.check()?;
    let metas = batch
        .events
        .iter()
        .map(|event| serde_json::to_vec(&event.meta))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| {
            AppendError::Refused(format!("its envelope cannot be written: {error}"))
        })?;
    let bytes = batch
        .events
        .iter()
        .zip(&metas)
        .map(|(event, meta)| event.data.len() + meta.len())
        .sum();
    let (reply, answer) = oneshot::channel();
    let request = Request {
        batch,
        metas,
        bytes,
        reply,
        room: None,
    };
    Ok((request, answer))
}

fn received(answer: Result<Answer, oneshot::error::RecvError>) -> Answer {
    answer.unwrap_or_else(|_| Err(AppendError::Unknown("the writer has stopped".to_owned())))
}

impl EventLog for EmbeddedLog {
    fn append(&self, batch: Batch) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(self.submit(batch))
    }

    fn read_stream(
        &self,
        stream: Stream,
        from: Revision,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Recorded>, ReadError>> {
        Box::pin(self.readers.read(Read::Stream {
            stream,
            from,
            limit,
        }))
    }

    fn read_all(
        &self,
        after: Position,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Recorded>, ReadError>> {
        Box::pin(self.readers.read(Read::All { after, limit }))
    }

    fn head(&self) -> Position {
        *self.head.borrow()
    }

    /// The writer numbers events without gaps.
    fn counts_positions(&self) -> bool {
        true
    }

    /// Once the log is closed the head does not move any more, and a wait for it never ends.
    fn wait_past(&self, position: Position) -> BoxFuture<'_, Position> {
        let mut head = self.head.clone();
        Box::pin(async move {
            // Taken out of the guard first, which must not be held while waiting for ever.
            let moved = head
                .wait_for(|head| *head > position)
                .await
                .map(|head| *head);
            match moved {
                Ok(head) => head,
                Err(_) => pending().await,
            }
        })
    }
}

impl Drop for EmbeddedLog {
    fn drop(&mut self) {
        if let Some(WriterEnd {
            queue,
            room,
            thread,
        }) = self.writer.take()
        {
            room.close();
            drop(queue);
            if thread.join().is_err() {
                tracing::error!("the writing thread of the log panicked");
            }
        }
    }
}
