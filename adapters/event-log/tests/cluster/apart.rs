//! A log seen through names of its own, so that the contract suite can run on a server that holds events already.

use std::sync::Arc;

use rapport_domain::event::{Position, Recorded, Revision, Stream};
use rapport_domain::id::EventId;
use rapport_domain::port::BoxFuture;
use rapport_domain::port::log::{AppendError, Appended, Batch, EventLog, ReadError};
use uuid::Uuid;

/// Turns every stream's and event's id into another one on the way in, and back on the way out.
pub struct Apart {
    log: Arc<dyn EventLog>,
    salt: u128,
}

impl Apart {
    pub fn new(log: Arc<dyn EventLog>) -> Self {
        let salt = Uuid::now_v7().as_u128();
        Self { log, salt }
    }

    fn other(&self, id: Uuid) -> Uuid {
        Uuid::from_u128(id.as_u128() ^ self.salt)
    }

    fn stream(&self, stream: Stream) -> Stream {
        Stream::new(stream.category, self.other(stream.id))
    }

    fn event(&self, id: EventId) -> EventId {
        EventId::from_uuid(self.other(id.as_uuid()))
    }

    fn back(&self, mut recorded: Recorded) -> Recorded {
        recorded.stream = self.stream(recorded.stream);
        recorded.event.id = self.event(recorded.event.id);
        recorded
    }
}

impl EventLog for Apart {
    fn append(&self, mut batch: Batch) -> BoxFuture<'_, Result<Appended, AppendError>> {
        batch.stream = self.stream(batch.stream);
        for event in &mut batch.events {
            event.id = self.event(event.id);
        }
        self.log.append(batch)
    }

    fn read_stream(
        &self,
        stream: Stream,
        from: Revision,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Recorded>, ReadError>> {
        Box::pin(async move {
            let page = self
                .log
                .read_stream(self.stream(stream), from, limit)
                .await?;
            Ok(page
                .into_iter()
                .map(|recorded| self.back(recorded))
                .collect())
        })
    }

    fn read_all(
        &self,
        after: Position,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Recorded>, ReadError>> {
        Box::pin(async move {
            let page = self.log.read_all(after, limit).await?;
            Ok(page
                .into_iter()
                .map(|recorded| self.back(recorded))
                .collect())
        })
    }

    fn head(&self) -> Position {
        self.log.head()
    }

    fn wait_past(&self, position: Position) -> BoxFuture<'_, Position> {
        self.log.wait_past(position)
    }
}
