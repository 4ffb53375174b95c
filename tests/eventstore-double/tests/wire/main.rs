//! The double, met by the real client and by a foreign one.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod foreign_client;
mod mischief;
mod program;
mod rules;
mod sealed;

use eventstore::{
    AppendToStreamOptions, Client, Error, EventData, ReadAllOptions, ReadStreamOptions,
    ResolvedEvent, StreamPosition, StreamState, WriteResult,
};
use rapport_eventstore_double::Double;
use uuid::Uuid;

/// A client of its own for whatever a connection string names.
fn client(connection_string: &str) -> Client {
    Client::new(connection_string.parse().unwrap()).unwrap()
}

fn client_of(double: &Double) -> Client {
    client(&double.connection_string())
}

fn event(kind: &str) -> EventData {
    EventData::json(kind, &serde_json::json!({ "kind": kind }))
        .unwrap()
        .id(Uuid::new_v4())
}

async fn append(
    client: &Client,
    stream: &str,
    expected: StreamState,
    events: Vec<EventData>,
) -> Result<WriteResult, Error> {
    let options = AppendToStreamOptions::default().stream_state(expected);
    client.append_to_stream(stream, &options, events).await
}

/// Type and revision of what a stream holds.
async fn read(client: &Client, stream: &str) -> Result<Vec<(String, u64)>, Error> {
    let options = ReadStreamOptions::default().position(StreamPosition::Start);
    let mut found = client.read_stream(stream, &options).await?;
    let mut events = Vec::new();
    while let Some(event) = found.next().await? {
        let event = event.get_original_event();
        events.push((event.event_type.clone(), event.revision));
    }
    Ok(events)
}

/// Everything in the log, the server's own events included.
async fn read_all(client: &Client, options: ReadAllOptions) -> Result<Vec<ResolvedEvent>, Error> {
    let mut found = client.read_all(&options).await?;
    let mut events = Vec::new();
    while let Some(event) = found.next().await? {
        events.push(event);
    }
    Ok(events)
}
