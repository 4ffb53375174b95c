//! What is sent to a cluster and what comes back, in words of our own.

use std::time::Duration;

use uuid::Uuid;

/// An event as the client sends it.
#[derive(Clone, Debug)]
pub(crate) struct Proposed {
    pub(crate) id: Uuid,
    pub(crate) kind: String,
    pub(crate) metadata: Vec<u8>,
    pub(crate) data: Vec<u8>,
}

/// What a server said of an append it took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Written {
    pub(crate) revision: Option<u64>,
    pub(crate) position: Option<u64>,
}

/// Why a question was not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nobody knows what became of it, and the connection is to be looked at.
    Lost(String),
    /// As [`Fault::Lost`]: nobody answered for so long.
    Late(Duration),
    /// It went down with its session; whether it was stored only reading can tell.
    Unclear(String),
    /// The server answered that it does not do it now: a conflict, for one, which a session tells in words alone.
    Declined(String),
    /// The server cannot do this.
    Unsupported,
    /// Wrong user or password, or not allowed.
    Denied,
    /// The stream was deleted for good.
    Deleted,
    /// More than the server takes.
    TooLarge(String),
}

impl Fault {
    /// In words for a log line or an operator.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Lost(why) | Self::Unclear(why) | Self::Declined(why) | Self::TooLarge(why) => {
                why.clone()
            }
            Self::Late(within) => format!("no answer within {} ms", within.as_millis()),
            Self::Unsupported => "the server does not support this".to_owned(),
            Self::Denied => "the cluster refuses the user or the password".to_owned(),
            Self::Deleted => "the stream was deleted for good".to_owned(),
        }
    }
}
