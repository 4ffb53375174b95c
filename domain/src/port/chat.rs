//! The web chat channel, seen from the adapter: it speaks to visitors, the engine keeps their conversations.

use crate::event::Revision;
use crate::id::{InteractionId, MessageId};
use crate::port::BoxFuture;
use crate::private::Private;
use crate::time::Timestamp;

/// Longest text of one message, in bytes of UTF-8.
pub const MAX_TEXT_BYTES: usize = 8 * 1024;

/// Who is at the other end of a widget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visitor {
    /// The site key of the access point, which the page's owner put into the loader's tag.
    pub site_key: String,
    /// The visitor's name for us: derived from the token that only this browser has, never the token itself.
    pub visitor: Private<String>,
}

/// One line of a conversation as a visitor may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its place in the conversation; grows, with gaps where a fact concerns only us.
    pub seq: Revision,
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: LineKind,
}

/// The kinds of lines a visitor sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineKind {
    /// The visitor wrote.
    FromVisitor {
        /// The id the widget gave it.
        message: MessageId,
        /// The text, never markup.
        text: Private<String>,
    },
    /// An agent wrote.
    FromAgent {
        /// The id the desk gave it.
        message: MessageId,
        /// The name the agent shows to customers.
        agent: String,
        /// The text, never markup.
        text: Private<String>,
    },
    /// The conversation waits for an agent.
    Waiting,
    /// An agent took the conversation.
    AgentJoined {
        /// The name the agent shows to customers.
        agent: String,
    },
    /// The conversation is over; the next message starts a new one.
    Closed,
}

/// A conversation that is open, or was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// Its interaction. Also the epoch of `seq`: a new conversation counts anew.
    pub interaction: InteractionId,
    /// The lines asked for, oldest first.
    pub lines: Vec<Line>,
    /// Whether it is over.
    pub closed: bool,
}

/// A message that is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acknowledged {
    /// The conversation it belongs to: a new one when there was none, or the last one is closed.
    pub interaction: InteractionId,
    /// Its place in it.
    pub seq: Revision,
}

/// Why the engine does not take something from a visitor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChatError {
    /// No tenant declared this site key.
    #[error("unknown site key")]
    UnknownSite,
    /// Empty, too long, or not text.
    #[error("{0}")]
    BadText(&'static str),
    /// Too much to do; try again later.
    #[error("busy, try again")]
    Busy,
    /// The log cannot be reached; nothing was acknowledged.
    #[error("temporarily unavailable")]
    Unavailable,
}

/// What the web chat adapter asks of the engine.
pub trait ChatDesk: Send + Sync {
    /// Which pages may show the widget of this site key: origins such as `https://shop.example`, or `*`.
    fn allowed_origins(&self, site_key: &str) -> Option<Vec<String>>;

    /// The visitor's latest conversation with its lines after `after`; `None` when there never was one. When `epoch`
    /// names another conversation than the latest, `after` is ignored and the latest is returned whole.
    fn resume(
        &self,
        visitor: Visitor,
        epoch: Option<InteractionId>,
        after: Option<Revision>,
    ) -> BoxFuture<'_, Result<Option<Conversation>, ChatError>>;

    /// Stores what a visitor wrote. When it answers, the message is on disk; the same `message` id again is answered
    /// with the same place.
    fn say(
        &self,
        visitor: Visitor,
        message: MessageId,
        text: Private<String>,
    ) -> BoxFuture<'_, Result<Acknowledged, ChatError>>;

    /// The visitor ends the conversation.
    fn leave(&self, visitor: Visitor) -> BoxFuture<'_, Result<(), ChatError>>;

    /// Resolves once the conversation has lines after `after`, or may have: what a session waits on.
    fn changed(&self, interaction: InteractionId, after: Revision) -> BoxFuture<'_, ()>;
}
