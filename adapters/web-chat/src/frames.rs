//! The frames of `rapport.chat.v1`, as the crate's documentation writes them down.

use rapport_domain::event::Revision;
use rapport_domain::id::{InteractionId, MessageId};
use rapport_domain::port::chat::{Line, LineKind, MAX_TEXT_BYTES};
use rapport_domain::private::Private;
use serde::{Deserialize, Serialize};

use crate::token::Token;

/// What a client sends.
#[derive(Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub(crate) enum ClientFrame {
    Hello(Hello),
    Say {
        cid: MessageId,
        text: Private<String>,
    },
    Typing,
    Leave,
    Pong,
}

/// The first frame of a client.
#[derive(Deserialize)]
pub(crate) struct Hello {
    pub(crate) site: String,
    #[serde(default)]
    pub(crate) token: Option<Token>,
    #[serde(default)]
    pub(crate) epoch: Option<InteractionId>,
    #[serde(default)]
    pub(crate) after: Option<Revision>,
}

/// What the server sends.
#[derive(Serialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub(crate) enum ServerFrame {
    Welcome {
        #[serde(skip_serializing_if = "Option::is_none")]
        token: Option<Token>,
        #[serde(skip_serializing_if = "Option::is_none")]
        epoch: Option<InteractionId>,
        closed: bool,
        lines: Vec<LineFrame>,
        heartbeat: u64,
    },
    Line {
        epoch: InteractionId,
        #[serde(flatten)]
        line: LineFrame,
    },
    Ack {
        cid: MessageId,
        epoch: InteractionId,
        seq: Revision,
    },
    Refused {
        #[serde(skip_serializing_if = "Option::is_none")]
        cid: Option<MessageId>,
        code: Code,
        message: &'static str,
        retry: bool,
    },
    Resync {
        epoch: InteractionId,
    },
    Ping,
}

impl ServerFrame {
    /// The frame as JSON. Every member is a string, a number or a list of those, so this does not fail; were it to, the
    /// client would see a frame that it ignores.
    pub(crate) fn encode(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| "{}".to_owned())
    }
}

/// One line, with only the members its kind has.
#[derive(Serialize)]
pub(crate) struct LineFrame {
    seq: Revision,
    at: i64,
    #[serde(flatten)]
    what: LineBody,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum LineBody {
    Visitor {
        cid: MessageId,
        text: Private<String>,
    },
    Agent {
        id: MessageId,
        agent: String,
        text: Private<String>,
    },
    Waiting,
    Joined {
        agent: String,
    },
    Closed,
}

impl From<Line> for LineFrame {
    fn from(line: Line) -> Self {
        let what = match line.what {
            LineKind::FromVisitor { message, text } => LineBody::Visitor { cid: message, text },
            LineKind::FromAgent {
                message,
                agent,
                text,
            } => LineBody::Agent {
                id: message,
                agent,
                text,
            },
            LineKind::Waiting => LineBody::Waiting,
            LineKind::AgentJoined { agent } => LineBody::Joined { agent },
            LineKind::Closed => LineBody::Closed,
        };
        Self {
            seq: line.seq,
            at: line.at.as_millis(),
            what,
        }
    }
}

/// About how many bytes a line takes in a frame.
pub(crate) fn weight(line: &Line) -> usize {
    const ENVELOPE: usize = 160;
    match &line.what {
        LineKind::FromVisitor { text, .. } => ENVELOPE + text.expose().len(),
        LineKind::FromAgent { text, agent, .. } => ENVELOPE + agent.len() + text.expose().len(),
        LineKind::AgentJoined { agent } => ENVELOPE + agent.len(),
        LineKind::Waiting | LineKind::Closed => ENVELOPE,
    }
}

/// Why something was refused, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Code {
    BadFrame,
    HelloFirst,
    UnknownSite,
    Origin,
    BadToken,
    BadText,
    TooLong,
    SlowDown,
    Busy,
    Unavailable,
}

impl Code {
    /// Whether the same frame may be taken later.
    pub(crate) const fn may_be_retried(self) -> bool {
        matches!(self, Self::SlowDown | Self::Busy | Self::Unavailable)
    }
}

/// A visitor's text made fit to store: line ends are `\n`, other control characters but tab are gone, ends are trimmed.
///
/// # Errors
/// A code and a sentence for developers when nothing is left, or too much.
pub(crate) fn clean(text: &str) -> Result<String, (Code, &'static str)> {
    if text.len() > MAX_TEXT_BYTES {
        return Err((Code::TooLong, "the text is longer than 8 KiB"));
    }
    let unix = text.replace("\r\n", "\n").replace('\r', "\n");
    let kept: String = unix
        .chars()
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
        .collect();
    match kept.trim() {
        "" => Err((Code::BadText, "the text is empty")),
        trimmed => Ok(trimmed.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use rapport_domain::time::Timestamp;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_text_keeps_its_markup_and_loses_its_control_characters() {
        assert_eq!(
            clean(" <script>alert('1')</script>\u{0}\u{7}\r\nnext\tend\u{9b}\n").unwrap(),
            "<script>alert('1')</script>\nnext\tend"
        );
        assert_eq!(clean("你好 😀").unwrap(), "你好 😀");
    }

    #[test]
    fn an_empty_or_overlong_text_is_refused() {
        assert_eq!(clean(" \u{1b}\n").unwrap_err().0, Code::BadText);
        assert_eq!(
            clean(&"a".repeat(MAX_TEXT_BYTES + 1)).unwrap_err().0,
            Code::TooLong
        );
        assert!(clean(&"a".repeat(MAX_TEXT_BYTES)).is_ok());
    }

    #[test]
    fn frames_are_written_as_documented() {
        let id = |n| Uuid::from_u128(n);
        let line = Line {
            seq: Revision(3),
            at: Timestamp::from_millis(1_000),
            what: LineKind::FromAgent {
                message: MessageId::from_uuid(id(1)),
                agent: "Anna".to_owned(),
                text: Private::new("Hi \"you\"".to_owned()),
            },
        };
        let epoch = InteractionId::from_uuid(id(2));
        let frame = ServerFrame::Line {
            epoch,
            line: line.into(),
        };
        assert_eq!(
            frame.encode(),
            "{\"t\":\"line\",\"epoch\":\"00000000-0000-0000-0000-000000000002\",\"seq\":3,\"at\":1000,\"kind\":\"agent\",\
             \"id\":\"00000000-0000-0000-0000-000000000001\",\"agent\":\"Anna\",\"text\":\"Hi \\\"you\\\"\"}"
        );
        let welcome = ServerFrame::Welcome {
            token: None,
            epoch: None,
            closed: false,
            lines: vec![],
            heartbeat: 25,
        };
        assert_eq!(
            welcome.encode(),
            r#"{"t":"welcome","closed":false,"lines":[],"heartbeat":25}"#
        );
        let refused = ServerFrame::Refused {
            cid: None,
            code: Code::SlowDown,
            message: "m",
            retry: true,
        };
        assert_eq!(
            refused.encode(),
            r#"{"t":"refused","code":"slow_down","message":"m","retry":true}"#
        );
    }
}
