//! One connection's conversation as a state machine: frames, answers and time go in; frames, questions to the desk and
//! the end of the connection come out. It knows no socket and no clock.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rapport_domain::event::Revision;
use rapport_domain::id::{InteractionId, MessageId};
use rapport_domain::port::chat::{Acknowledged, ChatError, Conversation, Visitor};
use rapport_domain::private::Private;

use crate::config::Limits;
use crate::frames::{ClientFrame, Code, Hello, ServerFrame};
use crate::limits::Bucket;
use crate::session::open::{Open, Pull};
use crate::token::Token;

mod open;
#[cfg(test)]
mod reconnecting;
#[cfg(test)]
mod rules;

/// Bad frames before the connection ends.
const MAX_STRIKES: u8 = 3;
/// Frames in a row beyond the limits before the connection ends.
const MAX_EXCESS: u8 = 50;
/// Unanswered pings before the connection ends.
const MAX_MISSED: u8 = 2;

/// What all sessions share.
pub(crate) struct Rules {
    pub(crate) public_origins: Vec<String>,
    pub(crate) limits: Limits,
}

/// What the shell must do next.
pub(crate) enum Output {
    Send(ServerFrame),
    Ask(Ask),
    /// This visitor has a new conversation: wake their other tabs.
    Ring,
    Close(Ending),
}

/// A question to the desk. At most one `Say` or `Leave` and one `Resume` are open at a time.
pub(crate) enum Ask {
    /// Is this site known, and which pages may show it? With `mint`, make a token too.
    Admit {
        site: String,
        mint: bool,
    },
    Resume {
        visitor: Visitor,
        epoch: Option<InteractionId>,
        after: Option<Revision>,
    },
    Say {
        visitor: Visitor,
        cid: MessageId,
        text: Private<String>,
    },
    Leave {
        visitor: Visitor,
    },
}

/// The desk's answers.
pub(crate) enum Answer {
    /// `origins` is `None` for an unknown site; `token` is there when one was asked for and could be made.
    Admitted {
        origins: Option<Vec<String>>,
        token: Option<Token>,
    },
    Resumed(Result<Option<Conversation>, ChatError>),
    Said(Result<Acknowledged, ChatError>),
    Left(Result<(), ChatError>),
}

/// Why a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// 1008: a rule was broken.
    Barred,
    /// 1013: come back later.
    TryAgain,
    /// Pings went unanswered: nobody is there to read a close frame.
    Silent,
}

enum Phase {
    Greeting {
        until: Instant,
    },
    Admitting(Hello),
    Joining {
        visitor: Visitor,
        held: Held,
        token: Option<Token>,
    },
    Open(Box<Open>),
    Over,
}

/// The conversation a client said it holds, and its last line there.
type Held = Option<(InteractionId, Option<Revision>)>;

pub(crate) struct Session {
    rules: Arc<Rules>,
    origin: Option<Box<str>>,
    phase: Phase,
    out: VecDeque<Output>,
    messages: Bucket,
    bytes: Bucket,
    next_ping: Instant,
    missed: u8,
    strikes: u8,
    excess: u8,
}

impl Session {
    /// A connection that was just upgraded, with the `Origin` its page had.
    pub(crate) fn new(rules: Arc<Rules>, origin: Option<&str>, now: Instant) -> Self {
        let limits = &rules.limits;
        Self {
            origin: origin.map(Box::from),
            phase: Phase::Greeting {
                until: now + limits.hello_within,
            },
            out: VecDeque::new(),
            messages: Bucket::full(limits.messages, now),
            bytes: Bucket::full(limits.bytes, now),
            next_ping: now + limits.heartbeat,
            missed: 0,
            strikes: 0,
            excess: 0,
            rules,
        }
    }

    /// What is to be done next, oldest first.
    pub(crate) fn poll(&mut self) -> Option<Output> {
        let next = self.out.pop_front();
        if self.out.is_empty() && self.out.capacity() > 8 {
            self.out = VecDeque::new(); // a long history once read shall not cost memory for the rest of the day
        }
        next
    }

    /// When [`Session::on_tick`] wants to be called.
    pub(crate) fn deadline(&self) -> Instant {
        match &self.phase {
            Phase::Greeting { until } => *until,
            Phase::Open(open) => match open.pull {
                Pull::Due { at } => at.min(self.next_ping),
                Pull::Resting | Pull::Asked { .. } => self.next_ping,
            },
            Phase::Admitting(_) | Phase::Joining { .. } | Phase::Over => self.next_ping,
        }
    }

    /// The conversation and place whose change [`Session::on_changed`] wants to hear of.
    pub(crate) fn watching(&self) -> Option<(InteractionId, Revision)> {
        match &self.phase {
            Phase::Open(open) => match (open.pull, open.followed) {
                // A conversation has its first fact from the start, so "after the first" misses nothing.
                (Pull::Resting, Some(f)) if !f.closed => {
                    Some((f.epoch, f.after.unwrap_or(Revision::FIRST)))
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// Anything at all came from the client, so it lives.
    pub(crate) fn on_heard(&mut self, now: Instant) {
        self.missed = 0;
        self.next_ping = now + self.rules.limits.heartbeat;
    }

    /// A text frame came. `address_allows` says whether its address is within its limits.
    pub(crate) fn on_text(&mut self, text: &str, address_allows: bool, now: Instant) {
        self.on_heard(now);
        let (messages, bytes) = (self.rules.limits.messages, self.rules.limits.bytes);
        let size = u32::try_from(text.len()).unwrap_or(u32::MAX);
        let within = self.messages.take(messages, 1, now)
            && self.bytes.take(bytes, size, now)
            && address_allows;
        if within {
            self.excess = 0;
        } else {
            self.excess = self.excess.saturating_add(1);
            if self.excess >= MAX_EXCESS {
                return self.end(Ending::Barred);
            }
        }
        let Ok(frame) = serde_json::from_str::<ClientFrame>(text) else {
            return self.strike(Code::BadFrame, "not a frame of rapport.chat.v1");
        };
        match frame {
            ClientFrame::Pong => {}
            ClientFrame::Say { cid, .. } if !within => {
                self.refuse(
                    Some(cid),
                    Code::SlowDown,
                    "too many messages; wait a moment",
                );
            }
            _ if !within => self.refuse(None, Code::SlowDown, "too many frames; wait a moment"),
            ClientFrame::Hello(hello) => self.hello(hello),
            ClientFrame::Say { cid, text } => self.say(cid, &text),
            ClientFrame::Leave => self.leave(),
            ClientFrame::Typing => {}
        }
    }

    /// The desk answered.
    pub(crate) fn on_answer(&mut self, answer: Answer, now: Instant) {
        match answer {
            Answer::Admitted { origins, token } => self.admitted(origins, token),
            Answer::Resumed(result) => self.resumed(result, now),
            Answer::Said(result) => self.said(result),
            Answer::Left(result) => self.left(result),
        }
    }

    /// The watched conversation changed, or may have.
    pub(crate) fn on_changed(&mut self, now: Instant) {
        let Phase::Open(open) = &mut self.phase else {
            return;
        };
        if open.barren == 0 {
            self.pull();
        } else {
            // The desk may wake us for facts that are no lines; such wakes must not turn into a busy loop.
            open.pull = Pull::Due {
                at: now
                    + pause(
                        Duration::from_millis(50),
                        open.barren,
                        Duration::from_secs(2),
                    ),
            };
        }
    }

    /// Another tab of this visitor started a conversation.
    pub(crate) fn on_ring(&mut self) {
        self.pull();
    }

    /// Time passed.
    pub(crate) fn on_tick(&mut self, now: Instant) {
        match &self.phase {
            Phase::Greeting { until } if *until <= now => return self.end(Ending::Barred),
            Phase::Open(open) if matches!(open.pull, Pull::Due { at } if at <= now) => self.pull(),
            _ => {}
        }
        if self.next_ping <= now && !matches!(self.phase, Phase::Over) {
            if self.missed >= MAX_MISSED {
                return self.end(Ending::Silent);
            }
            self.missed += 1;
            self.next_ping = now + self.rules.limits.heartbeat;
            self.send(ServerFrame::Ping);
        }
    }

    fn hello(&mut self, hello: Hello) {
        match mem::replace(&mut self.phase, Phase::Over) {
            Phase::Greeting { .. } => {
                if hello
                    .token
                    .as_ref()
                    .is_some_and(|token| !token.is_well_formed())
                {
                    self.refuse(
                        None,
                        Code::BadToken,
                        "no token of ours; forget it and say hello without one",
                    );
                    return self.end(Ending::Barred);
                }
                self.out.push_back(Output::Ask(Ask::Admit {
                    site: hello.site.clone(),
                    mint: hello.token.is_none(),
                }));
                self.phase = Phase::Admitting(hello);
            }
            phase => {
                self.phase = phase;
                self.strike(Code::BadFrame, "hello is said once");
            }
        }
    }

    fn admitted(&mut self, origins: Option<Vec<String>>, fresh: Option<Token>) {
        let Phase::Admitting(hello) = mem::replace(&mut self.phase, Phase::Over) else {
            return;
        };
        let Some(origins) = origins else {
            self.refuse(None, Code::UnknownSite, "unknown site key");
            return self.end(Ending::Barred);
        };
        if !self.origin_is_allowed(&origins) {
            self.refuse(
                None,
                Code::Origin,
                "this page may not show this site's chat",
            );
            return self.end(Ending::Barred);
        }
        let Some(token) = hello.token.as_ref().or(fresh.as_ref()) else {
            self.refuse(None, Code::Unavailable, "no token could be made");
            return self.end(Ending::TryAgain);
        };
        let visitor = token.visitor(&hello.site);
        let held = hello.epoch.map(|epoch| (epoch, hello.after));
        let after = held.and_then(|(_, after)| after);
        self.out.push_back(Output::Ask(Ask::Resume {
            visitor: visitor.clone(),
            epoch: hello.epoch,
            after,
        }));
        self.phase = Phase::Joining {
            visitor,
            held,
            token: fresh,
        };
    }

    fn origin_is_allowed(&self, of_site: &[String]) -> bool {
        if of_site.iter().any(|allowed| allowed == "*") {
            return true;
        }
        let Some(origin) = self.origin.as_deref().filter(|origin| *origin != "null") else {
            return false;
        };
        let ours = &self.rules.public_origins;
        ours.iter()
            .chain(of_site)
            .any(|allowed| allowed.trim_end_matches('/').eq_ignore_ascii_case(origin))
    }

    fn resumed(&mut self, result: Result<Option<Conversation>, ChatError>, now: Instant) {
        match mem::replace(&mut self.phase, Phase::Over) {
            Phase::Joining {
                visitor,
                held,
                token,
            } => match result {
                Ok(conversation) => self.welcome(visitor, held, token, conversation),
                Err(error) => {
                    let (code, message) = explain(&error);
                    self.refuse(None, code, message);
                    self.end(if code.may_be_retried() {
                        Ending::TryAgain
                    } else {
                        Ending::Barred
                    });
                }
            },
            Phase::Open(open) => {
                self.phase = Phase::Open(open);
                self.pulled(result, now);
            }
            phase @ (Phase::Greeting { .. } | Phase::Admitting(_) | Phase::Over) => {
                self.phase = phase
            }
        }
    }

    fn strike(&mut self, code: Code, message: &'static str) {
        self.refuse(None, code, message);
        self.strikes += 1;
        if self.strikes >= MAX_STRIKES {
            self.end(Ending::Barred);
        }
    }

    fn refuse(&mut self, cid: Option<MessageId>, code: Code, message: &'static str) {
        self.send(ServerFrame::Refused {
            cid,
            code,
            message,
            retry: code.may_be_retried(),
        });
    }

    fn send(&mut self, frame: ServerFrame) {
        self.out.push_back(Output::Send(frame));
    }

    fn end(&mut self, why: Ending) {
        self.out.push_back(Output::Close(why));
        self.phase = Phase::Over;
    }
}

/// The desk's reason in the words of the protocol.
fn explain(error: &ChatError) -> (Code, &'static str) {
    match error {
        ChatError::UnknownSite => (Code::UnknownSite, "unknown site key"),
        ChatError::BadText(why) => (Code::BadText, why),
        ChatError::Busy => (Code::Busy, "busy, try again"),
        ChatError::Unavailable => (Code::Unavailable, "temporarily unavailable"),
    }
}

/// A pause that doubles with every attempt up to a longest one.
fn pause(first: Duration, attempt: u32, longest: Duration) -> Duration {
    first.saturating_mul(1 << attempt.min(16)).min(longest)
}
