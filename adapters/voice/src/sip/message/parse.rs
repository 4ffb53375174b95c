//! Reading messages from datagrams. Lenient where the meaning is clear, never panicking, bounded in everything.

use super::basics::{Basics, Via};
use super::{Headers, Message, Method, Params, Request, Response, Uri};

/// The largest datagram that is read, in bytes.
pub const MAX_DATAGRAM: usize = 65_535;
/// The largest number of header fields in a message.
pub const MAX_HEADERS: usize = 128;
/// The longest header field (folded lines joined), in bytes.
pub const MAX_HEADER_LINE: usize = 8_192;

/// What is wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Nothing but line breaks: a keep-alive (RFC 5626 section 3.5.1), to be ignored.
    #[error("empty datagram")]
    KeepAlive,
    /// Over [`MAX_DATAGRAM`].
    #[error("message too large")]
    TooLarge,
    /// The first line is neither a request nor a status line.
    #[error("start line")]
    StartLine,
    /// Not SIP/2.0.
    #[error("SIP version")]
    Version,
    /// The request URI cannot be read.
    #[error("request URI")]
    RequestUri,
    /// A header field without a colon or with an empty or odd name.
    #[error("header field")]
    HeaderField,
    /// More than [`MAX_HEADERS`], or one longer than [`MAX_HEADER_LINE`].
    #[error("too many or too long header fields")]
    HeaderLimit,
    /// A control character in the head.
    #[error("control character")]
    ControlCharacter,
    /// No empty line after the headers.
    #[error("message ends inside its headers")]
    NoEmptyLine,
    /// Not a number, contradictory, or more than arrived.
    #[error("Content-Length")]
    ContentLength,
    /// Missing or unreadable.
    #[error("Via")]
    Via,
    /// Missing or unreadable.
    #[error("From")]
    From,
    /// Missing or unreadable.
    #[error("To")]
    To,
    /// Missing or empty.
    #[error("Call-ID")]
    CallId,
    /// Missing, unreadable or naming another method.
    #[error("CSeq")]
    CSeq,
}

impl Fault {
    /// The status that tells a peer.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Version => 505,
            _ => 400,
        }
    }
}

/// A message that cannot be served.
#[derive(Debug)]
pub struct Malformed {
    /// What is wrong with it.
    pub fault: Fault,
    /// The request, when enough of it could be read to answer it (a Via and the headers a response copies).
    pub request: Option<Box<Request>>,
}

impl From<Fault> for Malformed {
    fn from(fault: Fault) -> Self {
        Self {
            fault,
            request: None,
        }
    }
}

/// A message and its mandatory headers.
#[derive(Clone)]
pub struct Parsed {
    /// The message.
    pub message: Message,
    /// Its mandatory headers.
    pub basics: Basics,
}

/// Reads one datagram.
///
/// # Errors
/// [`Malformed`], with the request when it can be answered.
pub fn parse(datagram: &[u8]) -> Result<Parsed, Malformed> {
    if datagram.len() > MAX_DATAGRAM {
        return Err(Fault::TooLarge.into());
    }
    let start = datagram
        .iter()
        .position(|b| !matches!(b, b'\r' | b'\n' | 0))
        .ok_or(Fault::KeepAlive)?;
    let datagram = &datagram[start..];
    let (head, body) = split_head(datagram).ok_or(Fault::NoEmptyLine)?;
    let head = String::from_utf8_lossy(head);
    let mut lines = head
        .split('\n')
        .map(|line| line.strip_suffix('\r').unwrap_or(line));
    let start_line = StartLine::parse(lines.next().unwrap_or(""))?;
    let headers = read_headers(lines);
    let (headers, mut fault) = match headers {
        Ok(headers) => (headers, None),
        Err((fault, headers)) => (headers, Some(fault)),
    };
    let body = match read_body(&headers, body) {
        Ok(body) => body.to_vec(),
        Err(wrong) => {
            fault = fault.or(Some(wrong));
            Vec::new()
        }
    };
    let basics = Basics::of(&headers);
    let mut headers = headers;
    headers.remove("Content-Length");
    match start_line {
        StartLine::Status { status, reason } => {
            let response = Response {
                status,
                reason,
                headers,
                body,
            };
            match (fault, basics) {
                (Some(fault), _) | (None, Err(fault)) => Err(fault.into()),
                (None, Ok(basics)) => Ok(Parsed {
                    message: Message::Response(response),
                    basics,
                }),
            }
        }
        StartLine::Request {
            method,
            uri,
            supported,
        } => {
            let fault = if supported {
                fault
            } else {
                Some(Fault::Version)
            };
            let fault = if uri.is_none() {
                fault.or(Some(Fault::RequestUri))
            } else {
                fault
            };
            let blank = || Uri {
                scheme: super::Scheme::Sip,
                user: None,
                host: "invalid".into(),
                port: None,
                params: Params::default(),
                headers: String::new(),
            };
            let request = Request {
                method,
                uri: uri.unwrap_or_else(blank),
                headers,
                body,
            };
            let fault = match (&fault, &basics) {
                (None, Ok(basics)) if basics.cseq.method != request.method => Some(Fault::CSeq),
                (None, Err(missing)) => Some(*missing),
                _ => fault,
            };
            match (fault, basics) {
                (None, Ok(basics)) => Ok(Parsed {
                    message: Message::Request(request),
                    basics,
                }),
                (fault, _) => Err(Malformed {
                    fault: fault.unwrap_or(Fault::HeaderField),
                    request: answerable(&request).then(|| Box::new(request)),
                }),
            }
        }
    }
}

/// A broken request is answered when a response can be routed and recognised; an ACK never is.
fn answerable(request: &Request) -> bool {
    request.method != Method::Ack
        && request
            .headers
            .elements("Via")
            .first()
            .and_then(|via| Via::parse(via))
            .is_some()
        && ["From", "To", "Call-ID", "CSeq"]
            .iter()
            .all(|name| request.headers.get(name).is_some())
}

enum StartLine {
    Request {
        method: Method,
        uri: Option<Uri>,
        supported: bool,
    },
    Status {
        status: u16,
        reason: String,
    },
}

impl StartLine {
    fn parse(line: &str) -> Result<Self, Fault> {
        if line.bytes().any(|b| b < 0x20 && b != b'\t') {
            return Err(Fault::ControlCharacter);
        }
        let (first, rest) = line.split_once(' ').ok_or(Fault::StartLine)?;
        if first.len() >= 4 && first.as_bytes()[..4].eq_ignore_ascii_case(b"SIP/") {
            if !first.eq_ignore_ascii_case("SIP/2.0") {
                return Err(Fault::Version);
            }
            let (status, reason) = rest.split_once(' ').unwrap_or((rest, ""));
            let status = status
                .parse()
                .ok()
                .filter(|status| (100..700).contains(status))
                .ok_or(Fault::StartLine)?;
            return Ok(Self::Status {
                status,
                reason: reason.trim().to_owned(),
            });
        }
        if !is_token(first) {
            return Err(Fault::StartLine);
        }
        let (uri, version) = rest.trim().rsplit_once(' ').ok_or(Fault::StartLine)?;
        if version.len() < 4 || !version.as_bytes()[..4].eq_ignore_ascii_case(b"SIP/") {
            return Err(Fault::StartLine);
        }
        Ok(Self::Request {
            method: Method::from_name(first),
            uri: Uri::parse(uri),
            supported: version.eq_ignore_ascii_case("SIP/2.0"),
        })
    }
}

/// The head without its closing empty line, and what follows it. Bare line feeds are accepted.
fn split_head(datagram: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut at = 0;
    while let Some(next) = datagram[at..].iter().position(|&b| b == b'\n') {
        let line_end = at + next;
        let after = &datagram[line_end + 1..];
        if after.starts_with(b"\r\n") {
            return Some((&datagram[..line_end], &after[2..]));
        }
        if after.starts_with(b"\n") {
            return Some((&datagram[..line_end], &after[1..]));
        }
        at = line_end + 1;
    }
    None
}

/// Reads header lines; on a fault what could be read comes with it, for the answer.
fn read_headers<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Headers, (Fault, Headers)> {
    let (mut headers, mut fault) = (Headers::new(), None);
    let mut joined: Option<String> = None;
    for line in lines.map(Some).chain([None]) {
        if let (Some(line), Some(open)) = (line, joined.as_mut())
            && line.starts_with([' ', '\t'])
        {
            if open.len() + line.len() > MAX_HEADER_LINE {
                return Err((Fault::HeaderLimit, headers));
            }
            open.push(' ');
            open.push_str(line.trim());
            continue;
        }
        if let Some(done) = joined.take() {
            if headers.len() == MAX_HEADERS || done.len() > MAX_HEADER_LINE {
                return Err((Fault::HeaderLimit, headers));
            }
            match read_field(&done) {
                Ok((name, value)) => headers.push(name, value),
                Err(wrong) => fault = fault.or(Some(wrong)),
            }
        }
        joined = line.map(str::to_owned);
    }
    match fault {
        None => Ok(headers),
        Some(fault) => Err((fault, headers)),
    }
}

fn read_field(line: &str) -> Result<(&str, &str), Fault> {
    let (name, value) = line.split_once(':').ok_or(Fault::HeaderField)?;
    let name = name.trim_end();
    if !is_token(name) {
        return Err(Fault::HeaderField);
    }
    if value.bytes().any(|b| (b < 0x20 && b != b'\t') || b == 0x7f) {
        return Err(Fault::ControlCharacter);
    }
    Ok((name, value.trim()))
}

fn read_body<'a>(headers: &Headers, rest: &'a [u8]) -> Result<&'a [u8], Fault> {
    let mut wanted: Option<usize> = None;
    for value in headers.all("Content-Length") {
        let length = value.parse().map_err(|_| Fault::ContentLength)?;
        if wanted.is_some_and(|other| other != length) {
            return Err(Fault::ContentLength);
        }
        wanted = Some(length);
    }
    // On UDP a body may go without a length (RFC 3261 section 18.3); surplus bytes are cut off.
    rest.get(..wanted.unwrap_or(rest.len()))
        .ok_or(Fault::ContentLength)
}

/// RFC 3261 section 25.1 `token`.
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&b))
}
