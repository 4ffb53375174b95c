//! The statuses of the server, with the trailers that clients tell them by.

use tonic::metadata::{Ascii, MetadataMap, MetadataValue};
use tonic::{Code, Status};

use crate::log::Expected;
use crate::shared::Shared;

fn with(code: Code, text: String, trailers: &[(&'static str, &str)]) -> Status {
    let mut map = MetadataMap::new();
    for (name, value) in trailers {
        // A name that cannot stand in a header is left out; the text has it.
        if let Ok(value) = MetadataValue::<Ascii>::try_from(*value) {
            map.insert(*name, value);
        }
    }
    Status::with_metadata(code, text, map)
}

pub(crate) fn stream_deleted(stream: &str) -> Status {
    let trailers = [("exception", "stream-deleted"), ("stream-name", stream)];
    let text = format!("Event stream '{stream}' is deleted.");
    with(Code::FailedPrecondition, text, &trailers)
}

pub(crate) fn wrong_version(stream: &str, expected: Expected, current: Option<u64>) -> Status {
    let expected = expected.number().to_string();
    let current = current.map_or("-1".to_owned(), |current| current.to_string());
    let text = format!(
        "Delete failed due to WrongExpectedVersion. Stream: {stream}, Expected version: {expected}, Actual version: {current}"
    );
    let trailers = [
        ("exception", "wrong-expected-version"),
        ("stream-name", stream),
        ("expected-version", &expected),
        ("actual-version", &current),
    ];
    with(Code::FailedPrecondition, text, &trailers)
}

pub(crate) fn access_denied() -> Status {
    let trailers = [("exception", "access-denied")];
    with(Code::PermissionDenied, "Access Denied".into(), &trailers)
}

pub(crate) fn too_large(most: usize) -> Status {
    let most = most.to_string();
    let trailers = [
        ("exception", "maximum-append-size-exceeded"),
        ("maximum-append-size", &most),
    ];
    let text = format!("Maximum Append Size of {most} Exceeded.");
    with(Code::InvalidArgument, text, &trailers)
}

pub(crate) fn missing_property(name: &str) -> Status {
    let trailers = [
        ("exception", "missing-required-metadata-property"),
        ("required-metadata-properties", "type,content-type"),
    ];
    let text = format!("Required Metadata Property '{name}' is missing");
    with(Code::InvalidArgument, text, &trailers)
}

pub(crate) fn not_leader(shared: &Shared) -> Status {
    let leader = shared.members[shared.leader()].address;
    let trailers = [
        ("exception", "not-leader"),
        ("leader-endpoint-host", &leader.ip().to_string()),
        ("leader-endpoint-port", &leader.port().to_string()),
    ];
    with(Code::NotFound, "Leader info available".into(), &trailers)
}

pub(crate) const NO_LEADER: &str = "No leader info available in response";

pub(crate) fn no_leader() -> Status {
    Status::unknown(NO_LEADER)
}

pub(crate) fn not_ready() -> Status {
    Status::unavailable("Server Is Not Ready")
}

pub(crate) fn invalid_position() -> Status {
    Status::invalid_argument("Trying to read from an invalid position.")
}
