//! SIP messages (RFC 3261 section 7): what they are, how they are read and how they are written.

mod basics;
mod header;
mod parse;
mod uri;
mod write;

use std::fmt;

pub use basics::{Basics, CSeq, Via};
pub(in crate::sip) use header::split_commas;
pub use header::{Header, Headers};
pub use parse::{Fault, MAX_DATAGRAM, MAX_HEADER_LINE, MAX_HEADERS, Malformed, Parsed, parse};
pub(in crate::sip) use uri::unquote;
pub use uri::{NameAddr, Params, Scheme, Uri};

/// A request method (RFC 3261 section 27.4 and its extensions). Names are case-sensitive.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Opens or changes a session.
    Invite,
    /// Confirms a final response to an INVITE.
    Ack,
    /// Ends a session.
    Bye,
    /// Withdraws a pending INVITE.
    Cancel,
    /// Asks for capabilities; used as a ping.
    Options,
    /// Binds an address to a user.
    Register,
    /// Changes a session without affecting its dialog's state (RFC 3311).
    Update,
    /// Application data inside a session (RFC 6086).
    Info,
    /// Anything else.
    Other(String),
}

impl Method {
    /// The name as it stands on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Invite => "INVITE",
            Self::Ack => "ACK",
            Self::Bye => "BYE",
            Self::Cancel => "CANCEL",
            Self::Options => "OPTIONS",
            Self::Register => "REGISTER",
            Self::Update => "UPDATE",
            Self::Info => "INFO",
            Self::Other(name) => name,
        }
    }

    /// The method of this name; an unknown one is kept as text.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        match name {
            "INVITE" => Self::Invite,
            "ACK" => Self::Ack,
            "BYE" => Self::Bye,
            "CANCEL" => Self::Cancel,
            "OPTIONS" => Self::Options,
            "REGISTER" => Self::Register,
            "UPDATE" => Self::Update,
            "INFO" => Self::Info,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A SIP request.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// What is asked.
    pub method: Method,
    /// Of whom.
    pub uri: Uri,
    /// Header fields in the order they arrived or will be written. `Content-Length` is written, never stored.
    pub headers: Headers,
    /// The body, at most a datagram.
    pub body: Vec<u8>,
}

/// A SIP response.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// 100 to 699.
    pub status: u16,
    /// The phrase after it; means nothing.
    pub reason: String,
    /// Header fields, as in [`Request::headers`].
    pub headers: Headers,
    /// The body.
    pub body: Vec<u8>,
}

/// Either kind of message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Asks.
    Request(Request),
    /// Answers.
    Response(Response),
}

// Headers and bodies carry numbers, names and credentials: a debug print shows the shape only.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} with {} headers, {} bytes",
            self.method,
            self.headers.len(),
            self.body.len()
        )
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} with {} headers, {} bytes",
            self.status,
            self.headers.len(),
            self.body.len()
        )
    }
}

/// The usual phrase of a status (RFC 3261 section 21).
#[must_use]
pub fn reason_of(status: u16) -> &'static str {
    match status {
        100 => "Trying",
        180 => "Ringing",
        183 => "Session Progress",
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        415 => "Unsupported Media Type",
        420 => "Bad Extension",
        423 => "Interval Too Brief",
        480 => "Temporarily Unavailable",
        481 => "Call/Transaction Does Not Exist",
        482 => "Loop Detected",
        483 => "Too Many Hops",
        486 => "Busy Here",
        487 => "Request Terminated",
        488 => "Not Acceptable Here",
        491 => "Request Pending",
        500 => "Server Internal Error",
        503 => "Service Unavailable",
        505 => "Version Not Supported",
        600 => "Busy Everywhere",
        603 => "Decline",
        _ => match status / 100 {
            1 => "Progress",
            2 => "Success",
            3 => "Redirection",
            4 => "Request Failure",
            5 => "Server Failure",
            _ => "Global Failure",
        },
    }
}

#[cfg(test)]
mod tests;
