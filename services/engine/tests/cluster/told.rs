//! A department's system that hears from whichever node decides: it refuses, falls silent, and notes what it took.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rapport_domain::aggregate::{Folded, decode};
use rapport_domain::event::{Category, Recorded};
use rapport_domain::id::WebhookId;
use rapport_domain::outreach::{self, Outreach};
use rapport_domain::port::BoxFuture;
use rapport_domain::port::webhook::WebhookSender;
use rapport_domain::time::Timestamp;
use rapport_domain::webhook::{Answer, Delivery, Endpoint, WishEvent, delivery};
use tokio::sync::watch;
use uuid::Uuid;

use crate::nodes::{Dice, Gate, Node, pass};
use crate::support::tenant;

/// Hears of everything that becomes of the shop's wishes.
fn shop() -> Endpoint {
    Endpoint {
        tenant: tenant(),
        name: "shop-crm".to_owned(),
        department: "shop".to_owned(),
        events: vec![
            WishEvent::Planned,
            WishEvent::Held,
            WishEvent::Later,
            WishEvent::Done,
            WishEvent::Dropped,
        ],
        give_up_after: Duration::from_secs(86_400),
    }
}

/// What was taken, in order.
#[derive(Default)]
pub struct Taken(Mutex<Vec<String>>);

/// The way of one node to it.
struct Way {
    taken: Arc<Taken>,
    gate: watch::Receiver<Gate>,
    dice: Dice,
}

impl WebhookSender for Way {
    fn deliver<'a>(
        &'a self,
        _: WebhookId,
        delivery: &'a Delivery,
        _: Timestamp,
    ) -> BoxFuture<'a, Answer> {
        Box::pin(async move {
            tokio::time::sleep(self.dice.millis(1, 40)).await;
            pass(&self.gate).await;
            if self.dice.percent(10) {
                return Answer::Unreachable;
            }
            if self.dice.percent(10) {
                return Answer::Refused { status: 500 };
            }
            self.taken.0.lock().unwrap().push(delivery.id.clone());
            // It has it; whether the node ever hears so is another matter.
            tokio::time::sleep(self.dice.millis(1, 40)).await;
            pass(&self.gate).await;
            Answer::Taken
        })
    }
}

/// The node tells the shop from now on, when that is its to do.
pub fn attach(node: &Node, taken: &Arc<Taken>, dice: Dice) {
    let way: Arc<dyn WebhookSender> = Arc::new(Way {
        taken: taken.clone(),
        gate: node.gate.subscribe(),
        dice,
    });
    node.engine.attach_webhooks(vec![shop()], &way);
}

/// What the shop is to hear, by the log.
fn news(events: &[Recorded]) -> BTreeSet<String> {
    let mut states: BTreeMap<Uuid, Folded<Outreach>> = BTreeMap::new();
    let outreach = || {
        let of_outreach = |e: &&Recorded| e.stream.category == Category::Outreach;
        events.iter().filter(of_outreach)
    };
    for recorded in outreach() {
        let state = states.entry(recorded.stream.id).or_default();
        state.take_recorded(recorded).unwrap();
    }
    let told = |recorded: &Recorded| {
        let event = &recorded.event;
        let fact: outreach::Fact = decode(&event.kind, event.version, &event.data).ok()?;
        let state = states[&recorded.stream.id].state.as_deref()?;
        Some(delivery(&shop(), recorded, &fact, state)?.id)
    };
    outreach().filter_map(told).collect()
}

impl Taken {
    /// Whether everything the log says was taken.
    pub fn has_all(&self, events: &[Recorded]) -> bool {
        let taken: BTreeSet<String> = self.0.lock().unwrap().iter().cloned().collect();
        news(events).is_subset(&taken)
    }

    /// Nothing was taken that the log does not say; and how much came more than once.
    pub fn check(&self, events: &[Recorded]) -> Result<usize, String> {
        let news = news(events);
        let all = self.0.lock().unwrap();
        if let Some(invented) = all.iter().find(|id| !news.contains(*id)) {
            return Err(format!("the shop was told of {invented}, which is not so"));
        }
        Ok(all.len() - news.len())
    }
}
