//! Appending one by one, deleting.

use std::future::pending;

use tonic::{Request, Status, Streaming};

use super::{Node, common, errors, insists, stream_name, uuid, wire};
use crate::conduct::Fate;
use crate::log::{Appended, Expected, Proposed, Refusal};
use crate::shared::now;
use crate::socket::Scissors;
use wire::append_req::options::ExpectedStreamRevision;
use wire::append_req::{Content, ProposedMessage};
use wire::append_resp::success::{CurrentRevisionOption, PositionOption};
use wire::append_resp::wrong_expected_version as wrong;
use wire::append_resp::{Position, Result as Outcome, Success, WrongExpectedVersion};

/// Ends the connection a request came by; the answer is never awaited.
pub(super) async fn cut<T>(scissors: Option<Scissors>) -> T {
    if let Some(Scissors(cut)) = scissors {
        cut.cancel();
    }
    pending().await
}

/// Reads what the protocol keeps in a map.
pub(super) fn proposed(
    id: Option<common::Uuid>,
    properties: &std::collections::HashMap<String, String>,
    data: bytes::Bytes,
    metadata: bytes::Bytes,
) -> Result<Proposed, Status> {
    let property = |name: &'static str| {
        properties
            .get(name)
            .ok_or_else(|| errors::missing_property(name))
    };
    Ok(Proposed {
        kind: property("type")?.clone(),
        json: property("content-type")? == "application/json",
        id: uuid(id)?,
        data,
        metadata,
    })
}

impl Node {
    pub(super) async fn append_one(
        &self,
        request: Request<Streaming<wire::AppendReq>>,
    ) -> Result<wire::AppendResp, Status> {
        let insists = insists(request.metadata());
        let scissors = request.extensions().get::<Scissors>().cloned();
        let mut messages = request.into_inner();
        let first = messages.message().await?.and_then(|first| first.content);
        let Some(Content::Options(options)) = first else {
            return Err(Status::invalid_argument("the options have to come first"));
        };
        let stream = stream_name(options.stream_identifier)?;
        let expected = match options.expected_stream_revision {
            Some(ExpectedStreamRevision::Revision(revision)) => Expected::Exact(revision),
            Some(ExpectedStreamRevision::NoStream(())) => Expected::NoStream,
            Some(ExpectedStreamRevision::Any(())) => Expected::Any,
            Some(ExpectedStreamRevision::StreamExists(())) => Expected::Exists,
            None => return Err(Status::invalid_argument("nothing is expected")),
        };
        let mut events = Vec::new();
        let mut size = 0;
        while let Some(message) = messages.message().await? {
            let Some(Content::ProposedMessage(event)) = message.content else {
                return Err(Status::invalid_argument("an event was due"));
            };
            let ProposedMessage {
                id,
                metadata,
                custom_metadata,
                data,
            } = event;
            let event = proposed(id, &metadata, data, custom_metadata)?;
            size += event.size();
            if size > self.shared.most {
                return Err(errors::too_large(self.shared.most));
            }
            events.push(event);
        }
        let fate = self.shared.fate();
        self.check_leader(insists)?;
        let result = match fate {
            Fate::ReadOnly => return Err(errors::no_leader()),
            Fate::CutBefore => return cut(scissors).await,
            Fate::FalseConflict => Err(Refusal::Conflict(self.shared.log().last(&stream))),
            Fate::Normal | Fate::CutAfter | Fate::Swallow => self
                .shared
                .write(|log| log.append(&stream, expected, events, now())),
        };
        match fate {
            Fate::CutAfter => return cut(scissors).await,
            Fate::Swallow => return pending().await,
            _ => {}
        }
        self.shared.pace().await;
        let outcome = match result {
            Ok(appended) => Outcome::Success(success(appended)),
            Err(Refusal::Conflict(current)) => {
                self.shared.count(|seen| seen.conflicts += 1);
                Outcome::WrongExpectedVersion(conflict(expected, current))
            }
            Err(Refusal::Deleted) => return Err(errors::stream_deleted(&stream)),
        };
        Ok(wire::AppendResp {
            result: Some(outcome),
        })
    }

    pub(super) async fn delete_stream(
        &self,
        request: Request<wire::DeleteReq>,
    ) -> Result<wire::DeleteResp, Status> {
        use wire::delete_req::options::ExpectedStreamRevision as Wire;
        let insists = insists(request.metadata());
        let options = request.into_inner().options.unwrap_or_default();
        let expected = match options.expected_stream_revision {
            Some(Wire::Revision(revision)) => Expected::Exact(revision),
            Some(Wire::NoStream(())) => Expected::NoStream,
            Some(Wire::Any(())) => Expected::Any,
            Some(Wire::StreamExists(())) => Expected::Exists,
            None => return Err(Status::invalid_argument("nothing is expected")),
        };
        let stream = stream_name(options.stream_identifier)?;
        let position = self.remove(insists, &stream, expected, false).await?;
        use wire::delete_resp::{Position, PositionOption};
        Ok(wire::DeleteResp {
            position_option: Some(PositionOption::Position(Position {
                commit_position: position,
                prepare_position: position,
            })),
        })
    }

    pub(super) async fn tombstone_stream(
        &self,
        request: Request<wire::TombstoneReq>,
    ) -> Result<wire::TombstoneResp, Status> {
        use wire::tombstone_req::options::ExpectedStreamRevision as Wire;
        let insists = insists(request.metadata());
        let options = request.into_inner().options.unwrap_or_default();
        let expected = match options.expected_stream_revision {
            Some(Wire::Revision(revision)) => Expected::Exact(revision),
            Some(Wire::NoStream(())) => Expected::NoStream,
            Some(Wire::Any(())) => Expected::Any,
            Some(Wire::StreamExists(())) => Expected::Exists,
            None => return Err(Status::invalid_argument("nothing is expected")),
        };
        let stream = stream_name(options.stream_identifier)?;
        let position = self.remove(insists, &stream, expected, true).await?;
        use wire::tombstone_resp::{Position, PositionOption};
        Ok(wire::TombstoneResp {
            position_option: Some(PositionOption::Position(Position {
                commit_position: position,
                prepare_position: position,
            })),
        })
    }

    async fn remove(
        &self,
        insists: bool,
        stream: &str,
        expected: Expected,
        for_good: bool,
    ) -> Result<u64, Status> {
        self.check_leader(insists)?;
        if self.shared.conduct().read_only {
            return Err(errors::no_leader());
        }
        let result = self
            .shared
            .write(|log| log.delete(stream, expected, for_good, now()));
        self.shared.pace().await;
        result.map_err(|refusal| match refusal {
            Refusal::Conflict(current) => errors::wrong_version(stream, expected, current),
            Refusal::Deleted => errors::stream_deleted(stream),
        })
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
            PositionOption::Position(Position {
                commit_position: position,
                prepare_position: position,
            })
        });
    Success {
        current_revision_option: Some(revision),
        position_option: Some(position),
    }
}

/// The server answers twice, for clients of today and for those before 20.6.1.
fn conflict(expected: Expected, current: Option<u64>) -> WrongExpectedVersion {
    use wrong::{
        CurrentRevisionOption, CurrentRevisionOption2060, ExpectedRevisionOption,
        ExpectedRevisionOption2060,
    };
    let (now, before) = match expected {
        Expected::Exact(revision) => (
            ExpectedRevisionOption::ExpectedRevision(revision),
            ExpectedRevisionOption2060::ExpectedRevision2060(revision),
        ),
        Expected::NoStream => (
            ExpectedRevisionOption::ExpectedNoStream(()),
            ExpectedRevisionOption2060::ExpectedRevision2060(u64::MAX),
        ),
        Expected::Any => (
            ExpectedRevisionOption::ExpectedAny(()),
            ExpectedRevisionOption2060::Any2060(()),
        ),
        Expected::Exists => (
            ExpectedRevisionOption::ExpectedStreamExists(()),
            ExpectedRevisionOption2060::StreamExists2060(()),
        ),
    };
    let (current, current_before) = match current {
        Some(revision) => (
            CurrentRevisionOption::CurrentRevision(revision),
            CurrentRevisionOption2060::CurrentRevision2060(revision),
        ),
        None => (
            CurrentRevisionOption::CurrentNoStream(()),
            CurrentRevisionOption2060::NoStream2060(()),
        ),
    };
    WrongExpectedVersion {
        current_revision_option_20_6_0: Some(current_before),
        expected_revision_option_20_6_0: Some(before),
        current_revision_option: Some(current),
        expected_revision_option: Some(now),
    }
}
