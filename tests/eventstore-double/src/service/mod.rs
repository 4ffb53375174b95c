//! The services of one node.
#![allow(
    clippy::result_large_err,
    reason = "every call of the protocol fails with a status, whose size is tonic's"
)]

mod append;
mod batch;
mod errors;
mod filter;
mod node;
mod read;
mod subscribe;

use std::pin::Pin;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures_util::Stream;
use tokio::sync::mpsc;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status, Streaming};
use uuid::Uuid;

use crate::protocol::event_store::client as common;
use crate::protocol::event_store::client::streams as wire;
use crate::protocol::event_store::client::streams::streams_server::Streams;
use crate::shared::Shared;

/// A node answers for itself from what all nodes share.
#[derive(Clone)]
pub(crate) struct Node {
    pub shared: Arc<Shared>,
    pub index: usize,
}

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// The receiving end of a channel as a stream of answers.
fn answers<T: Send + 'static>(mut channel: mpsc::Receiver<Result<T, Status>>) -> Answers<T> {
    Box::pin(futures_util::stream::poll_fn(move |context| {
        channel.poll_recv(context)
    }))
}

/// Who may do what: wrong credentials are refused everywhere, missing ones where events are read or written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs {
    Nothing,
    User,
}

impl Node {
    fn admit(&self, headers: &MetadataMap, needs: Needs) -> Result<(), Status> {
        let Some(wanted) = &self.shared.credentials else {
            return Ok(());
        };
        let pair = format!("{}:{}", wanted.user, wanted.password);
        let expected = format!("Basic {}", BASE64_STANDARD.encode(pair));
        let refusal = match headers.get("authorization") {
            Some(given) if given.as_bytes() == expected.as_bytes() => return Ok(()),
            Some(_) => Status::unauthenticated("wrong user or password"),
            None if needs == Needs::Nothing => return Ok(()),
            None => errors::access_denied(),
        };
        self.shared.count(|seen| seen.denied += 1);
        Err(refusal)
    }

    /// A follower serves those who do not insist on the leader: it reads its own copy and hands writes on.
    fn check_leader(&self, insists: bool) -> Result<(), Status> {
        if insists && self.index != self.shared.leader() {
            return Err(errors::not_leader(&self.shared));
        }
        Ok(())
    }
}

fn insists(headers: &MetadataMap) -> bool {
    headers
        .get("requires-leader")
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

fn stream_name(identifier: Option<common::StreamIdentifier>) -> Result<String, Status> {
    let missing = || Status::invalid_argument("a stream has to be named");
    let name = identifier.ok_or_else(missing)?.stream_name;
    if name.is_empty() {
        return Err(missing());
    }
    String::from_utf8(name.to_vec())
        .map_err(|_| Status::invalid_argument("the stream's name is no text"))
}

fn uuid(value: Option<common::Uuid>) -> Result<Uuid, Status> {
    use common::uuid::Value;
    match value.and_then(|value| value.value) {
        Some(Value::String(text)) => text
            .parse()
            .map_err(|_| Status::invalid_argument(format!("\"{text}\" is no UUID"))),
        Some(Value::Structured(halves)) => {
            let [high, low] = [halves.most_significant_bits, halves.least_significant_bits];
            Ok(Uuid::from_u64_pair(
                high.cast_unsigned(),
                low.cast_unsigned(),
            ))
        }
        None => Err(Status::invalid_argument("a UUID is missing")),
    }
}

/// A UUID as the client asked to get it.
fn wire_uuid(id: Uuid, as_text: bool) -> common::Uuid {
    use common::uuid::{Structured, Value};
    let (high, low) = id.as_u64_pair();
    let value = if as_text {
        Value::String(id.to_string())
    } else {
        Value::Structured(Structured {
            most_significant_bits: high.cast_signed(),
            least_significant_bits: low.cast_signed(),
        })
    };
    common::Uuid { value: Some(value) }
}

#[tonic::async_trait]
impl Streams for Node {
    type ReadStream = Answers<wire::ReadResp>;
    type BatchAppendStream = Answers<wire::BatchAppendResp>;

    async fn read(
        &self,
        request: Request<wire::ReadReq>,
    ) -> Result<Response<Self::ReadStream>, Status> {
        self.admit(request.metadata(), Needs::User)?;
        self.begin_read(request).await.map(Response::new)
    }

    async fn append(
        &self,
        request: Request<Streaming<wire::AppendReq>>,
    ) -> Result<Response<wire::AppendResp>, Status> {
        self.admit(request.metadata(), Needs::User)?;
        self.append_one(request).await.map(Response::new)
    }

    async fn delete(
        &self,
        request: Request<wire::DeleteReq>,
    ) -> Result<Response<wire::DeleteResp>, Status> {
        self.admit(request.metadata(), Needs::User)?;
        self.delete_stream(request).await.map(Response::new)
    }

    async fn tombstone(
        &self,
        request: Request<wire::TombstoneReq>,
    ) -> Result<Response<wire::TombstoneResp>, Status> {
        self.admit(request.metadata(), Needs::User)?;
        self.tombstone_stream(request).await.map(Response::new)
    }

    async fn batch_append(
        &self,
        request: Request<Streaming<wire::BatchAppendReq>>,
    ) -> Result<Response<Self::BatchAppendStream>, Status> {
        self.admit(request.metadata(), Needs::User)?;
        Ok(Response::new(self.batch_session(request)))
    }
}
