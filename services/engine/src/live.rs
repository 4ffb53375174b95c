//! What changed, for whoever watches: the desk of an agent, the wallboard. Watchers that fall behind take a new
//! snapshot; nothing waits for them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use rapport_domain::event::Position;
use rapport_domain::id::{AgentId, InteractionId, QueueId, TenantId};
use serde::Serialize;
use tokio::sync::broadcast;

use crate::views::{Me, MessageView, Work};

/// Changes that are remembered for those who come back after a short absence.
const REMEMBERED: usize = 4_096;

/// Something watchers may want to know.
#[derive(Clone, Debug)]
pub struct Change {
    /// The event behind it; what is shown includes this event, and perhaps later ones.
    pub position: Position,
    /// Whose.
    pub tenant: TenantId,
    /// What.
    pub what: ChangeKind,
}

/// The kinds of changes.
#[derive(Clone, Debug)]
pub enum ChangeKind {
    /// Something at one agent's desk.
    Desk {
        /// Whose desk.
        agent: AgentId,
        /// What the desk is told.
        frame: Box<DeskFrame>,
    },
    /// A waiting line.
    Queue(QueueId),
    /// An agent's state or work.
    Agent(AgentId),
}

/// What the desk is told.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum DeskFrame {
    /// A contact is new or changed.
    Work {
        /// The contact as it is now.
        item: Work,
    },
    /// Somebody wrote.
    Message {
        /// Where.
        interaction: InteractionId,
        /// What.
        message: MessageView,
    },
    /// The agent has this contact no longer.
    Gone {
        /// Which.
        interaction: InteractionId,
    },
    /// Presence or definition changed.
    Me {
        /// As it is now.
        me: Me,
    },
}

pub(crate) struct Live {
    sender: broadcast::Sender<Arc<Change>>,
    past: Mutex<Past>,
}

struct Past {
    changes: VecDeque<Arc<Change>>,
    /// Everything after this position is remembered.
    complete_after: Position,
}

impl Live {
    /// Nothing before `from` is remembered.
    pub fn new(from: Position) -> Self {
        let past = Past {
            changes: VecDeque::new(),
            complete_after: from,
        };
        Self {
            sender: broadcast::channel(REMEMBERED).0,
            past: Mutex::new(past),
        }
    }

    /// What was appended up to here was not published: whoever saw less must take a snapshot.
    pub fn complete_from(&self, position: Position) {
        let mut past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        past.complete_after = past.complete_after.max(position);
    }

    /// Drops what is remembered: it may show somebody who was erased. Watchers who come back take a snapshot.
    pub fn forget(&self) {
        let mut past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        let last = past.changes.iter().map(|change| change.position).max();
        past.complete_after = past.complete_after.max(last.unwrap_or_default());
        past.changes.clear();
    }

    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Change>> {
        self.sender.subscribe()
    }

    pub fn publish(&self, position: Position, tenant: TenantId, what: ChangeKind) {
        let change = Arc::new(Change {
            position,
            tenant,
            what,
        });
        {
            let mut past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
            if past.changes.len() == REMEMBERED
                && let Some(oldest) = past.changes.pop_front()
            {
                past.complete_after = past.complete_after.max(oldest.position);
            }
            past.changes.push_back(change.clone());
        }
        let _nobody_watches = self.sender.send(change);
    }

    /// What a watcher may have missed who has last seen `position`, when all of it is remembered. Changes are published
    /// side by side and so not strictly in the order of events: everything from the first change of that position on is
    /// repeated, which does no harm, because each change shows a thing as it is.
    pub fn after(&self, position: Position) -> Option<Vec<Arc<Change>>> {
        let past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seen) = past
            .changes
            .iter()
            .position(|change| change.position == position)
        {
            return Some(past.changes.iter().skip(seen).cloned().collect());
        }
        (position >= past.complete_after).then(|| {
            past.changes
                .iter()
                .filter(|change| change.position > position)
                .cloned()
                .collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn publish(live: &Live, position: u64) {
        let what = ChangeKind::Queue(QueueId::named(TenantId::named("t"), "q"));
        live.publish(Position(position), TenantId::named("t"), what);
    }

    fn positions(changes: Option<Vec<Arc<Change>>>) -> Option<Vec<u64>> {
        changes.map(|changes| changes.iter().map(|change| change.position.0).collect())
    }

    #[test]
    fn what_was_published_late_is_not_missed() {
        let live = Live::new(Position(5));
        [7, 9, 8]
            .into_iter()
            .for_each(|position| publish(&live, position));
        assert_eq!(positions(live.after(Position(9))), Some(vec![9, 8]));
        assert_eq!(positions(live.after(Position(5))), Some(vec![7, 9, 8]));
    }

    #[test]
    fn after_forgetting_whoever_was_away_takes_a_snapshot() {
        let live = Live::new(Position(5));
        [7, 8]
            .into_iter()
            .for_each(|position| publish(&live, position));
        live.forget();
        assert_eq!(positions(live.after(Position(7))), None);
        assert_eq!(positions(live.after(Position(8))), Some(vec![]));
    }

    #[test]
    fn whoever_was_away_too_long_takes_a_snapshot() {
        let live = Live::new(Position(5));
        assert_eq!(positions(live.after(Position(4))), None);
        (0..REMEMBERED as u64 + 10).for_each(|n| publish(&live, 100 + n));
        assert_eq!(positions(live.after(Position(50))), None);
    }
}
