//! Sessions of appends in batches: many in flight, answered in the order they arrived.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::Duration;

use prost::Message as _;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tonic::{Request, Status, Streaming};
use uuid::Uuid;

use super::append::proposed;
use super::{Answers, Node, answers, common, errors, insists, stream_name, uuid, wire};
use crate::conduct::Fate;
use crate::log::{Appended, Expected, Proposed, Refusal};
use crate::protocol::google::rpc;
use crate::shared::now;
use crate::socket::Scissors;
use wire::batch_append_req::options::{DeadlineOption, ExpectedStreamPosition};
use wire::batch_append_resp::success::{CurrentRevisionOption, PositionOption};
use wire::batch_append_resp::{Result as Outcome, Success};
use wire::{BatchAppendReq, BatchAppendResp};

/// Answers under way in one session; a client that reads none makes the session wait.
const ANSWERS: usize = 1_024;

/// An append that is not complete yet.
struct Pending {
    stream: String,
    expected: Expected,
    events: Vec<Proposed>,
    size: usize,
}

/// What one session needs while it lasts.
struct Session {
    node: Node,
    insists: bool,
    scissors: Option<Scissors>,
    pending: HashMap<Uuid, Pending>,
    answers: mpsc::Sender<(Instant, Result<BatchAppendResp, Status>)>,
}

/// The session is over.
struct Over;

impl Node {
    pub(super) fn batch_session(
        &self,
        request: Request<Streaming<BatchAppendReq>>,
    ) -> Answers<BatchAppendResp> {
        self.shared.count(|seen| seen.batch_sessions += 1);
        let (queue, due) = mpsc::channel(ANSWERS);
        let session = Session {
            node: self.clone(),
            insists: insists(request.metadata()),
            scissors: request.extensions().get::<Scissors>().cloned(),
            pending: HashMap::new(),
            answers: queue,
        };
        tokio::spawn(session.serve(request.into_inner()));
        let (sender, receiver) = mpsc::channel(ANSWERS);
        tokio::spawn(deliver(self.clone(), due, sender));
        answers(receiver)
    }
}

/// Holds answers back as long as the misbehaviour in force says, and keeps their order.
async fn deliver(
    node: Node,
    mut due: mpsc::Receiver<(Instant, Result<BatchAppendResp, Status>)>,
    sender: mpsc::Sender<Result<BatchAppendResp, Status>>,
) {
    loop {
        let next = tokio::select! {
            next = due.recv() => next,
            () = sender.closed() => None,
        };
        let Some((when, answer)) = next else {
            return;
        };
        if when > Instant::now() {
            tokio::time::sleep_until(when).await;
        }
        node.shared.until_moving().await;
        if sender.send(answer).await.is_err() {
            return; // the client has gone
        }
    }
}

impl Session {
    async fn serve(mut self, mut requests: Streaming<BatchAppendReq>) {
        loop {
            let request = tokio::select! {
                request = requests.message() => request,
                () = self.answers.closed() => return,
            };
            // A client that ends its side, or breaks off, wants no more answers than those under way.
            let Ok(Some(request)) = request else {
                return;
            };
            if self.take(request).await.is_err() {
                return;
            }
        }
    }

    async fn take(&mut self, request: BatchAppendReq) -> Result<(), Over> {
        let correlation = request.correlation_id.clone();
        let stream = request
            .options
            .as_ref()
            .and_then(|options| options.stream_identifier.clone());
        let refused = match self.collect(request) {
            Ok(Some((name, write))) => return self.append(correlation, name, write).await,
            Ok(None) => return Ok(()),
            Err(refused) => refused,
        };
        self.answer(correlation, stream, Outcome::Error(refused))
            .await
    }

    /// Puts the parts of an append together; gives it out when it is complete.
    fn collect(
        &mut self,
        request: BatchAppendReq,
    ) -> Result<Option<(common::StreamIdentifier, Pending)>, rpc::Status> {
        let bad = |status: Status| bad_request(status.message());
        let id = uuid(request.correlation_id).map_err(bad)?;
        if let Some(options) = request.options {
            if expired(options.deadline_option.as_ref()) {
                return Err(timeout());
            }
            let stream = stream_name(options.stream_identifier).map_err(bad)?;
            let expected = match options.expected_stream_position {
                Some(ExpectedStreamPosition::StreamPosition(revision)) => Expected::Exact(revision),
                Some(ExpectedStreamPosition::NoStream(())) => Expected::NoStream,
                Some(ExpectedStreamPosition::Any(())) => Expected::Any,
                Some(ExpectedStreamPosition::StreamExists(())) => Expected::Exists,
                None => return Err(bad_request("nothing is expected")),
            };
            self.pending.entry(id).or_insert(Pending {
                stream,
                expected,
                events: Vec::new(),
                size: 0,
            });
        }
        let Entry::Occupied(mut pending) = self.pending.entry(id) else {
            return Ok(None); // a part of something refused before
        };
        for event in request.proposed_messages {
            let event = proposed(event.id, &event.metadata, event.data, event.custom_metadata)
                .map_err(bad)?;
            let write = pending.get_mut();
            write.size += event.size();
            write.events.push(event);
        }
        let most = self.node.shared.most;
        if pending.get().size > most {
            pending.remove();
            return Err(too_large(most));
        }
        if !request.is_final {
            return Ok(None);
        }
        let write = pending.remove();
        let name = common::StreamIdentifier {
            stream_name: write.stream.clone().into(),
        };
        Ok(Some((name, write)))
    }

    async fn append(
        &mut self,
        correlation: Option<common::Uuid>,
        name: common::StreamIdentifier,
        write: Pending,
    ) -> Result<(), Over> {
        let shared = self.node.shared.clone();
        let fate = shared.fate();
        if let Err(status) = self.node.check_leader(self.insists) {
            // The session ends with it, and everything else under way too.
            return self.send(Err(status)).await.and(Err(Over));
        }
        let Pending {
            stream,
            expected,
            events,
            ..
        } = write;
        let result = match fate {
            Fate::ReadOnly => {
                let refused = rpc::Status {
                    code: 0, // as the server leaves it here
                    message: errors::NO_LEADER.into(),
                    details: Some(any("google.protobuf.Empty", Vec::new())),
                };
                return self
                    .answer(correlation, Some(name), Outcome::Error(refused))
                    .await;
            }
            Fate::CutBefore => return Err(self.cut()),
            Fate::FalseConflict => Err(Refusal::Conflict(shared.log().last(&stream))),
            Fate::Normal | Fate::CutAfter | Fate::Swallow => {
                shared.write(|log| log.append(&stream, expected, events, now()))
            }
        };
        match fate {
            Fate::CutAfter => return Err(self.cut()),
            Fate::Swallow => return Ok(()),
            _ => {}
        }
        let outcome = match result {
            Ok(appended) => Outcome::Success(success(appended)),
            Err(Refusal::Conflict(current)) => {
                shared.count(|seen| seen.conflicts += 1);
                Outcome::Error(conflict(expected, current))
            }
            Err(Refusal::Deleted) => Outcome::Error(deleted(name.clone())),
        };
        self.answer(correlation, Some(name), outcome).await
    }

    fn cut(&self) -> Over {
        if let Some(Scissors(cut)) = &self.scissors {
            cut.cancel();
        }
        Over
    }

    async fn answer(
        &self,
        correlation_id: Option<common::Uuid>,
        stream_identifier: Option<common::StreamIdentifier>,
        outcome: Outcome,
    ) -> Result<(), Over> {
        self.send(Ok(BatchAppendResp {
            correlation_id,
            stream_identifier,
            expected_stream_position: None,
            result: Some(outcome),
        }))
        .await
    }

    async fn send(&self, answer: Result<BatchAppendResp, Status>) -> Result<(), Over> {
        let when = Instant::now() + self.node.shared.conduct().delay;
        self.answers.send((when, answer)).await.map_err(|_| Over)
    }
}

/// Whether the client's time for the append is over. (Newer clients send how long it may take, some of them by mistake
/// the time since 1970; the server only looks whether there is any.)
fn expired(deadline: Option<&DeadlineOption>) -> bool {
    match deadline {
        Some(DeadlineOption::Deadline(length)) => {
            length.seconds < 0 || (length.seconds == 0 && length.nanos <= 0)
        }
        Some(DeadlineOption::Deadline21100(moment)) => {
            let since = Duration::from_nanos(100 * now().unsigned_abs());
            moment.seconds < i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
        }
        None => false,
    }
}

fn success(appended: Appended) -> Success {
    let revision = appended.revision.map_or(
        CurrentRevisionOption::NoStream(()),
        CurrentRevisionOption::CurrentRevision,
    );
    let position = appended
        .position
        .map_or(PositionOption::NoPosition(()), |position| {
            PositionOption::Position(common::AllStreamPosition {
                commit_position: position,
                prepare_position: position,
            })
        });
    Success {
        current_revision_option: Some(revision),
        position_option: Some(position),
    }
}

fn any(name: &str, value: Vec<u8>) -> prost_types::Any {
    prost_types::Any {
        type_url: format!("type.googleapis.com/{name}"),
        value,
    }
}

fn conflict(expected: Expected, current: Option<u64>) -> rpc::Status {
    use common::wrong_expected_version::{
        CurrentStreamRevisionOption as Current, ExpectedStreamPositionOption as Position,
    };
    let current = current.map_or(Current::CurrentNoStream(()), Current::CurrentStreamRevision);
    let expected = match expected {
        Expected::Exact(revision) => Position::ExpectedStreamPosition(revision),
        Expected::Any => Position::ExpectedAny(()),
        Expected::Exists => Position::ExpectedStreamExists(()),
        Expected::NoStream => Position::ExpectedNoStream(()),
    };
    let details = common::WrongExpectedVersion {
        current_stream_revision_option: Some(current),
        expected_stream_position_option: Some(expected),
    };
    rpc::Status {
        code: rpc::Code::AlreadyExists.into(),
        message: "WrongExpectedVersion".into(),
        details: Some(any(
            "event_store.client.WrongExpectedVersion",
            details.encode_to_vec(),
        )),
    }
}

fn deleted(stream: common::StreamIdentifier) -> rpc::Status {
    let details = common::StreamDeleted {
        stream_identifier: Some(stream),
    };
    rpc::Status {
        code: rpc::Code::NotFound.into(),
        message: "StreamDeleted".into(),
        details: Some(any(
            "event_store.client.StreamDeleted",
            details.encode_to_vec(),
        )),
    }
}

fn timeout() -> rpc::Status {
    rpc::Status {
        code: rpc::Code::DeadlineExceeded.into(),
        message: "Timeout".into(),
        details: Some(any("event_store.client.Timeout", Vec::new())),
    }
}

fn too_large(most: usize) -> rpc::Status {
    let details = common::MaximumAppendSizeExceeded {
        max_append_size: u32::try_from(most).unwrap_or(u32::MAX),
    };
    rpc::Status {
        code: rpc::Code::InvalidArgument.into(),
        message: "MaximumAppendSizeExceeded".into(),
        details: Some(any(
            "event_store.client.MaximumAppendSizeExceeded",
            details.encode_to_vec(),
        )),
    }
}

fn bad_request(why: &str) -> rpc::Status {
    let details = common::BadRequest {
        message: why.into(),
    };
    rpc::Status {
        code: rpc::Code::InvalidArgument.into(),
        message: "BadRequest".into(),
        details: Some(any(
            "event_store.client.BadRequest",
            details.encode_to_vec(),
        )),
    }
}
