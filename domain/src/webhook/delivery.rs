//! What a department is told of one event. The same event gives the same delivery, byte for byte, however often it is asked
//! for; it names things by their ids and holds nothing personal.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::event::Recorded;
use crate::id::{EventId, TenantId, WebhookId, WishId};
use crate::outreach::{self, Outcome, Outreach, Wish};
use crate::webhook::Place;

/// What an endpoint may hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WishEvent {
    /// A contact is planned that will carry the wish, or its plan changed.
    Planned,
    /// The wish waits, and until when.
    Held,
    /// It was not settled in a contact: the customer wants to hear of it another time, or could not be asked.
    Later,
    /// The wish was said and is settled.
    Done,
    /// The wish will never be said: it expired, or the customer does not want it.
    Dropped,
    /// The department took it back.
    Withdrawn,
}

impl WishEvent {
    /// The name in the configuration, and in the type of the delivery after `rapport.wish.`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Held => "held",
            Self::Later => "later",
            Self::Done => "done",
            Self::Dropped => "dropped",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// What an endpoint hears that does not say what it wants to hear: the ends of its wishes.
    #[must_use]
    pub fn usual() -> Vec<Self> {
        vec![Self::Done, Self::Dropped, Self::Withdrawn]
    }
}

/// Where deliveries go, without how they get there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Whose.
    pub tenant: TenantId,
    /// Its name in the tenant.
    pub name: String,
    /// Whose wishes it hears of.
    pub department: String,
    /// What it hears of.
    pub events: Vec<WishEvent>,
    /// What it does not take within this time is given up.
    pub give_up_after: Duration,
}

impl Endpoint {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> WebhookId {
        WebhookId::named(self.tenant, &self.name)
    }
}

/// One delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its name for ever: whoever has seen it needs it no more.
    pub id: String,
    /// The event it follows from.
    pub event: EventId,
    /// Where that is.
    pub place: Place,
    /// The body: JSON in the shape of a CloudEvent.
    pub body: Vec<u8>,
}

/// What a fact says of wishes: the kind of news, which wishes, and what all of them share.
fn said_of(fact: &outreach::Fact) -> Option<(WishEvent, Vec<WishId>, Value)> {
    use outreach::Fact;
    match fact {
        Fact::ContactPlanned {
            plan,
            channel,
            slot,
            agenda,
            ..
        } => {
            let said = json!({ "plan": plan, "channel": channel, "slot": slot.as_millis() });
            Some((WishEvent::Planned, agenda.clone(), said))
        }
        Fact::WishHeld {
            wish,
            until,
            receipt,
        } => {
            let until = until.map(|until| until.as_millis());
            let said = json!({ "reason": receipt.reason, "until": until });
            Some((WishEvent::Held, vec![*wish], said))
        }
        Fact::WishDropped { wish, receipt } => {
            let said = json!({ "reason": receipt.reason });
            Some((WishEvent::Dropped, vec![*wish], said))
        }
        Fact::WishWithdrawn { wish, receipt } => {
            let said = json!({ "reason": receipt.reason });
            Some((WishEvent::Withdrawn, vec![*wish], said))
        }
        Fact::OutcomeRecorded {
            wish,
            outcome,
            interaction,
            ..
        } => {
            let news = match outcome {
                Outcome::Later | Outcome::WrongPerson | Outcome::NotDiscussed => WishEvent::Later,
                Outcome::Agreed | Outcome::Declined | Outcome::Informed => WishEvent::Done,
            };
            let said = json!({ "outcome": outcome, "interaction": interaction });
            Some((news, vec![*wish], said))
        }
        // What begins, moves or ends a contact is said of each wish by the facts above; one that is pursued with another
        // customer is the same wish still.
        Fact::WishFiled(_)
        | Fact::WishAmended(_)
        | Fact::ContactNoted(_)
        | Fact::ContactStarted { .. }
        | Fact::PlanWithdrawn { .. }
        | Fact::AgendaTakenUp { .. }
        | Fact::ContactEnded { .. }
        | Fact::WishesMoved { .. }
        | Fact::WishesReturned { .. }
        | Fact::Closed {} => None,
    }
}

/// Whether an event may be news for an endpoint at all.
#[must_use]
pub fn concerns(endpoint: &Endpoint, fact: &outreach::Fact) -> bool {
    said_of(fact).is_some_and(|(news, ..)| endpoint.events.contains(&news))
}

/// What an endpoint is told of an event of a customer's outreach; `outreach` is a state that includes it. `None` when it
/// is no news for this endpoint.
#[must_use]
pub fn delivery(
    endpoint: &Endpoint,
    recorded: &Recorded,
    fact: &outreach::Fact,
    outreach: &Outreach,
) -> Option<Delivery> {
    let (news, wishes, said) = said_of(fact)?;
    if !endpoint.events.contains(&news) {
        return None;
    }
    let ours = |id: &WishId| {
        let known = &outreach.wishes.get(id)?.wish;
        (known.department == endpoint.department).then_some(known)
    };
    let wishes: Vec<Value> = wishes.iter().filter_map(ours).map(of_wish).collect();
    if wishes.is_empty() {
        return None;
    }
    let event = &recorded.event;
    let (customer, webhook) = (recorded.stream.id, endpoint.id());
    let id = format!(
        "msg_{}",
        EventId::derived(event.id.as_uuid(), &format!("webhook/{webhook}"))
    );
    let mut data = said;
    data["customer"] = json!(customer);
    data["wishes"] = Value::Array(wishes);
    data["position"] = json!(recorded.position);
    let body = json!({
        "specversion": "1.0",
        "id": id,
        "source": format!("urn:rapport:tenant:{}", endpoint.tenant),
        "type": format!("rapport.wish.{}", news.name()),
        "subject": format!("customer/{customer}"),
        "time": event.recorded_at.to_string(),
        "datacontenttype": "application/json",
        "data": data,
    });
    Some(Delivery {
        id,
        event: event.id,
        place: Place {
            position: recorded.position,
            customer: crate::id::CustomerId::from_uuid(customer),
            revision: recorded.revision,
        },
        body: body.to_string().into_bytes(),
    })
}

fn of_wish(wish: &Wish) -> Value {
    json!({ "wish": wish.id, "purpose": wish.purpose, "class": wish.class })
}
