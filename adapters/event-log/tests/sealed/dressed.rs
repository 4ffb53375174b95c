//! The events of the contract, which mean nothing, as messages of a customer on their way through the sealed log.

use std::ops::Deref;
use std::sync::Arc;

use rapport_domain::event::{NewEvent, Position, Recorded, Revision, Stream};
use rapport_domain::port::BoxFuture;
use rapport_domain::port::log::{
    AppendError, Appended, Batch, EventLog, MAX_EVENT_BYTES, ReadError,
};
use rapport_domain::testing::MemoryKeys;
use rapport_event_log::{EmbeddedLog, SealedLog};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A sealed log on disk, kept until it is dropped.
pub struct OnDisk {
    log: Box<dyn EventLog>,
    _folder: TempDir,
}

impl Deref for OnDisk {
    type Target = dyn EventLog;
    fn deref(&self) -> &Self::Target {
        &*self.log
    }
}

pub fn on_disk(dressed: bool) -> OnDisk {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let log = EmbeddedLog::open(folder.path()).expect("a new log");
    let sealed = SealedLog::new(Arc::new(log), Arc::new(MemoryKeys::new()));
    let log: Box<dyn EventLog> = if dressed {
        Box::new(Dressed(sealed))
    } else {
        Box::new(sealed)
    };
    OnDisk {
        log,
        _folder: folder,
    }
}

/// Everything that fits is said in a message.
struct Dressed(SealedLog);

/// The largest events of the contract leave no room for a seal.
const FITS: usize = MAX_EVENT_BYTES / 2;

fn dress(mut event: NewEvent) -> NewEvent {
    if event.data.len() > FITS {
        return event;
    }
    // Any bytes as a text: a character each.
    let said: String = event.data.iter().copied().map(char::from).collect();
    let data = json!({ "kind": event.kind, "subject": event.meta.subject, "text": said });
    event.kind = "interaction.message_received".to_owned();
    event.meta.subject = Some(super::customer());
    event.data = data.to_string().into_bytes();
    event
}

fn undress(mut recorded: Recorded) -> Recorded {
    let event = &mut recorded.event;
    if event.data.len() > FITS {
        return recorded;
    }
    let mut data: Value = serde_json::from_slice(&event.data).expect("opened");
    event.data = data["text"]
        .as_str()
        .expect("a text")
        .chars()
        .map(|one| u8::try_from(one).expect("a byte"))
        .collect();
    event.kind = data["kind"].as_str().expect("a kind").to_owned();
    event.meta.subject = serde_json::from_value(data["subject"].take()).expect("a subject");
    recorded
}

impl EventLog for Dressed {
    fn append(&self, mut batch: Batch) -> BoxFuture<'_, Result<Appended, AppendError>> {
        batch.events = batch.events.into_iter().map(dress).collect();
        self.0.append(batch)
    }

    fn read_stream(
        &self,
        stream: Stream,
        from: Revision,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Recorded>, ReadError>> {
        Box::pin(async move {
            let page = self.0.read_stream(stream, from, limit).await?;
            Ok(page.into_iter().map(undress).collect())
        })
    }

    fn read_all(
        &self,
        after: Position,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Recorded>, ReadError>> {
        Box::pin(async move {
            let page = self.0.read_all(after, limit).await?;
            Ok(page.into_iter().map(undress).collect())
        })
    }

    fn head(&self) -> Position {
        self.0.head()
    }

    fn wait_past(&self, position: Position) -> BoxFuture<'_, Position> {
        self.0.wait_past(position)
    }
}
