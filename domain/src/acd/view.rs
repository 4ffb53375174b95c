//! Reading the Floor, for wallboards and for telling customers their place.

use super::floor::Floor;
use super::line::{Phase, Queue, QueueView};
use super::rules::Media;
use crate::id::{AgentId, InteractionId, QueueId};
use crate::time::Timestamp;

impl Floor {
    /// What waits in a queue; empty for one never heard of.
    #[must_use]
    pub fn queue_view(&self, queue: QueueId, now: Timestamp) -> QueueView {
        let Some(queue) = self.queue_ids.get(&queue).map(|ix| &self.queues[*ix]) else {
            return QueueView::default();
        };
        QueueView {
            waiting: queue.by_age.len(),
            offered: queue.offered,
            longest_wait: queue
                .by_age
                .first()
                .map(|(oldest, ..)| now.since(*oldest))
                .unwrap_or_default(),
            by_media: Media::ALL.map(|media| queue.lane(media).order.len()),
            ready_agents: Media::ALL
                .map(|media| ready(queue, media))
                .into_iter()
                .max()
                .unwrap_or(0),
        }
    }

    /// The place of an item, from 1, among those of its kind in its queue that nobody has accepted yet; `None` when it
    /// does not wait. Takes time in proportion to the place.
    #[must_use]
    pub fn position(&self, item: InteractionId) -> Option<usize> {
        let item = self.items[*self.item_ids.get(&item)?].as_ref()?;
        let before = self.queues[item.queue]
            .lane(item.work.media)
            .order
            .range(..item.key)
            .count();
        Some(before + 1)
    }

    /// The agent an item is being offered to, and until when.
    #[must_use]
    pub fn offered_to(&self, item: InteractionId) -> Option<(AgentId, Timestamp)> {
        match self.items[*self.item_ids.get(&item)?].as_ref()?.phase {
            Phase::Offered { agent, until } => Some((self.agents[agent].id, until)),
            Phase::Waiting(_) => None,
        }
    }

    /// Agents with empty hands who serve inbound work: what the reserve is measured against.
    #[must_use]
    pub const fn idle_for_inbound(&self) -> usize {
        self.idle_inbound
    }
}

fn ready(queue: &Queue, media: Media) -> usize {
    queue
        .lane(media)
        .ready
        .iter()
        .map(std::collections::BTreeSet::len)
        .sum()
}
