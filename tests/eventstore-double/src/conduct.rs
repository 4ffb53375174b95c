//! How the double misbehaves, and what it has seen.

use std::time::Duration;

/// A way to misbehave. It holds on every node until [`crate::Double::clear`], or for as many times as it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mischief {
    /// Every answer is held back by so much; appends take effect at once.
    Delay(Duration),
    /// No answer comes any more, connections stay open; appends take effect.
    Hang,
    /// The connection is cut when the next so many appends arrive, before anything is written.
    CutBefore(usize),
    /// The connection is cut after the next so many appends were written, instead of answering.
    CutAfter(usize),
    /// The next so many appends are written and never answered; the connection stays.
    Swallow(usize),
    /// The next so many appends are answered with a conflict that is none; nothing is written.
    FalseConflict(usize),
    /// Every append and deletion fails: the node is in a cluster without a leader.
    ReadOnly,
    /// Every read and every new subscription fails: the server says that it is not ready.
    FailReads,
}

/// The misbehaviour in force.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conduct {
    pub delay: Duration,
    pub cut_before: usize,
    pub cut_after: usize,
    pub swallow: usize,
    pub false_conflict: usize,
    pub read_only: bool,
    pub fail_reads: bool,
}

/// What shall happen to one append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Normal,
    CutBefore,
    CutAfter,
    Swallow,
    FalseConflict,
    ReadOnly,
}

impl Conduct {
    /// Takes the next append's fate; what was asked for a number of times is used up by it.
    pub fn append(&mut self) -> Fate {
        let use_up = |times: &mut usize| {
            let due = *times > 0;
            *times = times.saturating_sub(1);
            due
        };
        if self.read_only {
            Fate::ReadOnly
        } else if use_up(&mut self.cut_before) {
            Fate::CutBefore
        } else if use_up(&mut self.cut_after) {
            Fate::CutAfter
        } else if use_up(&mut self.swallow) {
            Fate::Swallow
        } else if use_up(&mut self.false_conflict) {
            Fate::FalseConflict
        } else {
            Fate::Normal
        }
    }
}

/// How a running subscription ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// As if the server had nothing more to say: status OK.
    Clean,
    /// With the status of a server that is not ready.
    Failed,
}

/// What the double has met since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Connections taken, all nodes together.
    pub connections: usize,
    /// Of these, still open.
    pub open_connections: usize,
    /// Appends that arrived, whatever became of them; an append of many events is one.
    pub appends: usize,
    /// Of these, those answered with a conflict, true or false.
    pub conflicts: usize,
    /// Sessions for appends in batches that were begun.
    pub batch_sessions: usize,
    /// Reads begun, without subscriptions.
    pub reads: usize,
    /// Subscriptions begun.
    pub subscriptions: usize,
    /// Of these, still open.
    pub open_subscriptions: usize,
    /// Requests refused for want of the right credentials.
    pub denied: usize,
}
