//! Sealing on the way: logs from before personal data was sealed hold it in plain.

use std::collections::HashMap;
use std::sync::Arc;

use rapport_domain::event::{Category, Position, Recorded, Revision, Stream};
use rapport_domain::id::CustomerId;
use rapport_domain::port::BoxFuture;
use rapport_domain::port::keys::Keys;
use rapport_domain::port::log::{AppendError, Appended, Batch, EventLog, ReadError};
use rapport_domain::registry::personal;
use serde::Deserialize;
use uuid::Uuid;

use super::{Place, Source, TransferError};
use crate::SealedLog;

/// How an interaction's first event names its customer.
#[derive(Deserialize)]
struct Started {
    customer: CustomerId,
}

const STARTED: &str = "interaction.started";

/// A source whose personal values are sealed as they pass. What is sealed already passes as it is. The same event is
/// sealed into the same bytes, so an interrupted transfer goes on and both sides compare as ever.
///
/// Whose values they are was not written down then: the streams of customers and of the outreach to them say it by their
/// name, those of interactions in their first event. Events with personal values get it into their envelope. A source
/// that begins in the middle of a log may lack the first event of an interaction; its personal values are refused.
pub struct Sealing<'a> {
    source: &'a mut dyn Source,
    sealed: SealedLog,
    /// By interaction.
    customers: HashMap<Uuid, CustomerId>,
}

impl<'a> Sealing<'a> {
    /// Seals with these keys, which are made for customers who have none.
    pub fn new(source: &'a mut dyn Source, keys: Arc<dyn Keys>) -> Self {
        Self {
            source,
            sealed: SealedLog::new(Arc::new(Nowhere), keys),
            customers: HashMap::new(),
        }
    }

    async fn seal(&mut self, recorded: Recorded) -> Result<Recorded, TransferError> {
        let Recorded {
            stream, mut event, ..
        } = recorded;
        if stream.category == Category::Interaction
            && event.kind == STARTED
            && let Ok(Started { customer }) = serde_json::from_slice(&event.data)
        {
            self.customers.insert(stream.id, customer);
        }
        let personal = !personal::paths(&event.kind, event.version).is_empty();
        if personal && event.meta.subject.is_none() {
            event.meta.subject =
                personal::named_by(stream).or_else(|| self.customers.get(&stream.id).copied());
        }
        let event = self.sealed.seal(stream, event).await?;
        Ok(Recorded { event, ..recorded })
    }
}

impl Source for Sealing<'_> {
    fn begins_after(&self) -> Option<Place> {
        self.source.begins_after()
    }

    fn next(&mut self) -> BoxFuture<'_, Result<Vec<Recorded>, TransferError>> {
        Box::pin(async move {
            let mut page = Vec::new();
            for recorded in self.source.next().await? {
                page.push(self.seal(recorded).await?);
            }
            Ok(page)
        })
    }
}

/// Below the sealing, where nothing is ever appended or read.
struct Nowhere;

impl EventLog for Nowhere {
    fn append(&self, _: Batch) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(std::future::ready(Err(AppendError::Closed)))
    }

    fn read_stream(
        &self,
        _: Stream,
        _: Revision,
        _: usize,
    ) -> BoxFuture<'_, Result<Vec<Recorded>, ReadError>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    fn read_all(&self, _: Position, _: usize) -> BoxFuture<'_, Result<Vec<Recorded>, ReadError>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    fn head(&self) -> Position {
        Position::START
    }

    fn wait_past(&self, _: Position) -> BoxFuture<'_, Position> {
        Box::pin(std::future::pending())
    }
}
