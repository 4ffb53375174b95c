//! One event as one line of JSON, from which it comes back byte for byte.
//!
//! The envelope comes first, the data last: as the member `data`, the stored bytes themselves, when they are JSON on one
//! line; otherwise as `data_base64`. So a log is read with any tool for JSON lines, and hashes over stored bytes still hold
//! after an import. Within strings of JSON every quotation mark is escaped, so the first `,"data":` of a line is the member.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rapport_domain::event::{Meta, NewEvent, Position, Recorded, Revision, Stream};
use rapport_domain::id::EventId;
use rapport_domain::time::Timestamp;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

const DATA: &[u8] = b",\"data\":";

#[derive(Serialize)]
struct Written<'a> {
    position: Position,
    stream: String,
    revision: Revision,
    id: EventId,
    #[serde(rename = "type")]
    kind: &'a str,
    version: u16,
    /// Microseconds since 1970, UTC.
    recorded_at: Timestamp,
    meta: &'a Meta,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_base64: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    position: Position,
    stream: String,
    revision: Revision,
    id: EventId,
    #[serde(rename = "type")]
    kind: String,
    version: u16,
    recorded_at: Timestamp,
    meta: Meta,
    data_base64: Option<String>,
}

/// The event as a line, with its line feed at the end.
///
/// # Errors
/// When the envelope cannot be written as JSON.
pub fn encode(recorded: &Recorded) -> Result<Vec<u8>, serde_json::Error> {
    let event = &recorded.event;
    let plain = is_json_on_one_line(&event.data);
    let mut line = serde_json::to_vec(&Written {
        position: recorded.position,
        stream: recorded.stream.to_string(),
        revision: recorded.revision,
        id: event.id,
        kind: &event.kind,
        version: event.version,
        recorded_at: event.recorded_at,
        meta: &event.meta,
        data_base64: (!plain).then(|| STANDARD.encode(&event.data)),
    })?;
    if plain {
        line.pop();
        line.extend_from_slice(DATA);
        line.extend_from_slice(&event.data);
        line.push(b'}');
    }
    line.push(b'\n');
    Ok(line)
}

/// The event of a line, with or without its line feed.
///
/// # Errors
/// What is wrong, without quoting the line.
pub fn decode(line: &[u8]) -> Result<Recorded, String> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let at = line.windows(DATA.len()).position(|window| window == DATA);
    let (envelope, data) = match at {
        None => (serde_json::from_slice::<Read>(line), None),
        Some(at) => {
            let data = line[at + DATA.len()..]
                .strip_suffix(b"}")
                .filter(|data| is_json_on_one_line(data))
                .ok_or("its data is not JSON")?;
            let mut envelope = line[..at].to_vec();
            envelope.push(b'}');
            (serde_json::from_slice(&envelope), Some(data.to_vec()))
        }
    };
    // Only the place goes on: the parser's own words may quote a value.
    let read = envelope.map_err(|error| {
        format!(
            "its envelope cannot be read (column {}, {:?})",
            error.column(),
            error.classify()
        )
    })?;
    let data = match (data, read.data_base64) {
        (Some(data), None) => data,
        (None, Some(text)) => STANDARD
            .decode(text)
            .map_err(|_| "its data is not base64".to_owned())?,
        _ => return Err("it needs either data or data_base64".to_owned()),
    };
    let stream: Stream = read
        .stream
        .parse()
        .map_err(|_| "its stream has no name of a stream".to_owned())?;
    Ok(Recorded {
        stream,
        revision: read.revision,
        position: read.position,
        event: NewEvent {
            id: read.id,
            kind: read.kind,
            version: read.version,
            recorded_at: read.recorded_at,
            meta: read.meta,
            data,
        },
    })
}

/// Whether the bytes can stand in a line as they are and come back the same.
fn is_json_on_one_line(data: &[u8]) -> bool {
    let padded = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_whitespace);
    !data.contains(&b'\n')
        && !data.contains(&b'\r')
        && !padded(data.first())
        && !padded(data.last())
        && std::str::from_utf8(data)
            .is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rapport_domain::testing::log_contract::{event, stream};

    fn with(data: &[u8]) -> Recorded {
        Recorded {
            stream: stream(1),
            revision: Revision(7),
            position: Position(9),
            event: NewEvent {
                kind: "interaction.\"odd\",\"data\":1\n".to_owned(),
                data: data.to_vec(),
                ..event(3)
            },
        }
    }

    #[test]
    fn every_kind_of_data_comes_back_byte_for_byte_on_one_line() {
        let inputs: [&[u8]; 12] = [
            b"",
            b"{}",
            b" {}",
            b"{\"b\":1,\"a\": 2.50}",
            b"{\n}",
            b"{\"a\":1}\r",
            b"no json",
            b"\xff\xfe",
            b"\"\xff\"",
            b"{\"t\":\"\\u00e9 \xc3\xa9 ,\\\"data\\\":\"}",
            b"1e400",
            b"{\"a\":{\"b\":1},\"data\":[{\"data\":2}]}",
        ];
        for data in inputs {
            let recorded = with(data);
            let line = encode(&recorded).unwrap();
            assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
            assert_eq!(decode(&line), Ok(recorded), "{data:?}");
        }
    }

    #[test]
    fn json_stands_in_the_line_for_everybody_to_read() {
        let line = encode(&with(b"{\"b\":1}")).unwrap();
        let read: serde_json::Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(read["data"]["b"], 1);
        assert_eq!(read["revision"], 7);
        let line = encode(&with(b"bytes")).unwrap();
        let read: serde_json::Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(read["data_base64"], "Ynl0ZXM=");
    }

    #[test]
    fn what_is_wrong_with_a_line_is_said_without_quoting_it() {
        let line = String::from_utf8(encode(&with(b"{\"secret\":1}")).unwrap()).unwrap();
        for broken in [
            line.replace("\"revision\":7", "\"revision\":\"secret\""),
            line.replace("interaction-", "secret-"),
            line.replace("{\"secret\":1}", "{secret}"),
            line.replace(",\"data\":{\"secret\":1}", ""),
            line.replace("\"version\"", "\"secret\""),
        ] {
            let why = decode(broken.as_bytes()).unwrap_err();
            assert!(!why.contains("secret"), "{why}");
        }
    }
}
