//! The part of a session after `welcome`: messages in, one by one; lines out, pulled by place.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rapport_domain::event::Revision;
use rapport_domain::id::{InteractionId, MessageId};
use rapport_domain::port::chat::{Acknowledged, ChatError, Conversation, Line, Visitor};
use rapport_domain::private::Private;

use super::{Ask, Ending, Held, Output, Phase, Session, explain, pause};
use crate::frames::{Code, ServerFrame, clean, weight};
use crate::token::Token;

/// Messages that wait for their turn on one connection.
const MAX_QUEUED: usize = 8;
/// Lines taken from one pull; the rest is pulled again once these are on their way.
const MAX_LINES: usize = 200;
/// Bytes of lines in one `welcome`.
const WELCOME_BYTES: usize = 24 * 1024;

pub(super) struct Open {
    pub(super) visitor: Visitor,
    pub(super) followed: Option<Followed>,
    /// The conversation of the last acknowledged message; the pull that shows it may still be under way.
    spoken_in: Option<InteractionId>,
    queued: VecDeque<(MessageId, Private<String>)>,
    calling: Option<Call>,
    leaving: bool,
    pub(super) pull: Pull,
    /// Pulls in a row that brought nothing.
    pub(super) barren: u32,
}

impl Open {
    /// Whether there is a conversation to leave.
    fn is_talking(&self) -> bool {
        match (self.followed, self.spoken_in) {
            (Some(followed), Some(spoken_in)) if followed.epoch != spoken_in => true,
            (Some(followed), _) => !followed.closed,
            (None, spoken_in) => spoken_in.is_some(),
        }
    }
}

/// What the client has been sent so far.
#[derive(Clone, Copy)]
pub(super) struct Followed {
    pub(super) epoch: InteractionId,
    pub(super) after: Option<Revision>,
    pub(super) closed: bool,
}

/// The command the desk is working on.
#[derive(Clone, Copy)]
enum Call {
    Say(MessageId),
    Leave,
}

#[derive(Clone, Copy)]
pub(super) enum Pull {
    /// Nothing to fetch until something changes.
    Resting,
    /// Asked; `again` when something changed meanwhile.
    Asked { again: bool },
    /// Fetch at this moment.
    Due { at: Instant },
}

/// The lines of a pull that the client does not have, at most [`MAX_LINES`] of them.
struct Page {
    lines: VecDeque<Line>,
    followed: Followed,
    more: bool,
}

impl Page {
    fn of(conversation: Conversation, after: Option<Revision>) -> Self {
        let Conversation {
            interaction,
            lines,
            closed,
        } = conversation;
        let mut fresh = lines.into_iter().filter(|line| Some(line.seq) > after);
        let lines: VecDeque<Line> = fresh.by_ref().take(MAX_LINES).collect();
        let more = fresh.next().is_some();
        let after = lines.back().map(|line| line.seq).or(after);
        Self {
            lines,
            followed: Followed {
                epoch: interaction,
                after,
                closed: closed && !more,
            },
            more,
        }
    }
}

impl Session {
    pub(super) fn welcome(
        &mut self,
        visitor: Visitor,
        held: Held,
        token: Option<Token>,
        conversation: Option<Conversation>,
    ) {
        let over = conversation.as_ref().is_some_and(|c| c.closed);
        let page = conversation.map(|conversation| {
            let after = held
                .filter(|(epoch, _)| *epoch == conversation.interaction)
                .and_then(|(_, after)| after);
            Page::of(conversation, after)
        });
        let followed = page.as_ref().map(|page| page.followed);
        let more = page.as_ref().is_some_and(|page| page.more);
        let mut rest = page.map(|page| page.lines).unwrap_or_default();
        let (mut lines, mut room) = (Vec::new(), WELCOME_BYTES);
        while room > 0
            && let Some(line) = rest.pop_front()
        {
            room = room.saturating_sub(weight(&line));
            lines.push(line.into());
        }
        let epoch = followed.map(|f| f.epoch);
        let heartbeat = self.rules.limits.heartbeat.as_secs().max(1);
        self.send(ServerFrame::Welcome {
            token,
            epoch,
            closed: over,
            lines,
            heartbeat,
        });
        if let Some(epoch) = epoch {
            self.send_lines(epoch, rest);
        }
        self.phase = Phase::Open(Box::new(Open {
            visitor,
            followed,
            spoken_in: None,
            queued: VecDeque::new(),
            calling: None,
            leaving: false,
            pull: Pull::Resting,
            barren: 0,
        }));
        if more {
            self.pull();
        }
    }

    pub(super) fn say(&mut self, cid: MessageId, text: &Private<String>) {
        let Phase::Open(open) = &mut self.phase else {
            return self.too_early();
        };
        if open.queued.len() >= MAX_QUEUED {
            return self.refuse(
                Some(cid),
                Code::Busy,
                "wait for the acknowledgement of earlier messages",
            );
        }
        match clean(text.expose()) {
            Ok(text) => open.queued.push_back((cid, Private::new(text))),
            Err((code, why)) => return self.refuse(Some(cid), code, why),
        }
        self.next_call();
    }

    pub(super) fn leave(&mut self) {
        let Phase::Open(open) = &mut self.phase else {
            return self.too_early();
        };
        open.leaving = true;
        self.next_call();
    }

    fn too_early(&mut self) {
        self.refuse(None, Code::HelloFirst, "say hello and wait for the welcome");
        self.end(Ending::Barred);
    }

    /// Puts the next command to the desk: messages in their order, then the leave-taking.
    fn next_call(&mut self) {
        let Phase::Open(open) = &mut self.phase else {
            return;
        };
        if open.calling.is_some() {
            return;
        }
        let visitor = open.visitor.clone();
        if let Some((cid, text)) = open.queued.pop_front() {
            open.calling = Some(Call::Say(cid));
            self.out
                .push_back(Output::Ask(Ask::Say { visitor, cid, text }));
        } else if std::mem::take(&mut open.leaving) && open.is_talking() {
            open.calling = Some(Call::Leave);
            self.out.push_back(Output::Ask(Ask::Leave { visitor }));
        }
    }

    pub(super) fn said(&mut self, result: Result<Acknowledged, ChatError>) {
        let Phase::Open(open) = &mut self.phase else {
            return;
        };
        let Some(Call::Say(cid)) = open.calling.take() else {
            return;
        };
        match result {
            Ok(Acknowledged { interaction, seq }) => {
                open.spoken_in = Some(interaction);
                let started = open.followed.is_none_or(|f| f.epoch != interaction);
                self.send(ServerFrame::Ack {
                    cid,
                    epoch: interaction,
                    seq,
                });
                if started {
                    self.out.push_back(Output::Ring);
                }
                self.pull();
            }
            Err(error) => {
                let (code, why) = explain(&error);
                let behind = if code.may_be_retried() {
                    std::mem::take(&mut open.queued)
                } else {
                    VecDeque::new()
                };
                self.refuse(Some(cid), code, why);
                for (cid, _) in behind {
                    self.refuse(Some(cid), code, "an earlier message was not stored"); // keeps the order
                }
            }
        }
        self.next_call();
    }

    pub(super) fn left(&mut self, result: Result<(), ChatError>) {
        let Phase::Open(open) = &mut self.phase else {
            return;
        };
        open.calling = None;
        match result {
            Ok(()) => self.pull(),
            Err(error) => {
                let (code, why) = explain(&error);
                self.refuse(None, code, why);
            }
        }
        self.next_call();
    }

    /// Asks for the lines that the client does not have; while an answer is awaited, once more after it.
    pub(super) fn pull(&mut self) {
        let Phase::Open(open) = &mut self.phase else {
            return;
        };
        if let Pull::Asked { again } = &mut open.pull {
            *again = true;
            return;
        }
        open.pull = Pull::Asked { again: false };
        let (epoch, after) = (
            open.followed.map(|f| f.epoch),
            open.followed.and_then(|f| f.after),
        );
        self.out.push_back(Output::Ask(Ask::Resume {
            visitor: open.visitor.clone(),
            epoch,
            after,
        }));
    }

    pub(super) fn pulled(&mut self, result: Result<Option<Conversation>, ChatError>, now: Instant) {
        let Phase::Open(open) = &mut self.phase else {
            return;
        };
        let again = matches!(open.pull, Pull::Asked { again: true });
        open.pull = Pull::Resting;
        let conversation = match result {
            Ok(conversation) => conversation,
            Err(_) => {
                // The client keeps what it has and misses nothing: the same place is asked for again.
                let wait = pause(Duration::from_secs(1), open.barren, Duration::from_secs(30));
                open.barren = open.barren.saturating_add(1);
                open.pull = Pull::Due { at: now + wait };
                return;
            }
        };
        let before = open.followed;
        let mut more = false;
        if let Some(conversation) = conversation {
            let same = before.is_some_and(|f| f.epoch == conversation.interaction);
            let after = before.filter(|_| same).and_then(|f| f.after);
            let page = Page::of(conversation, after);
            open.barren = if page.lines.is_empty() && same {
                open.barren.saturating_add(1)
            } else {
                0
            };
            open.followed = Some(page.followed);
            more = page.more;
            if before.is_some() && !same {
                self.send(ServerFrame::Resync {
                    epoch: page.followed.epoch,
                });
            }
            self.send_lines(page.followed.epoch, page.lines);
        }
        if again || more {
            self.pull();
        }
    }

    fn send_lines(&mut self, epoch: InteractionId, lines: VecDeque<Line>) {
        for line in lines {
            self.send(ServerFrame::Line {
                epoch,
                line: line.into(),
            });
        }
    }
}
