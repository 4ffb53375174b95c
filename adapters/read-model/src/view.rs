//! What the read models answer: the JSON of docs/API.md. Moments are milliseconds since 1970.

use std::collections::BTreeMap;

use rapport_domain::channel::Channel;
use rapport_domain::event::Position;
use rapport_domain::id::{AgentId, CustomerId, InteractionId, PlanId, QueueId, TenantId, WishId};
use rapport_domain::private::Private;
use rapport_domain::time::Timestamp;
use serde::Serialize;

/// One customer, with everything departments want of them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CustomerView {
    /// Their id.
    pub id: CustomerId,
    /// What they are called.
    pub name: Option<Private<String>>,
    /// Where they can be reached, oldest first.
    pub contact_points: Vec<ContactPointView>,
    /// The IANA name of the clock they live by.
    pub zone: Option<String>,
    /// Whether they want no outreach.
    pub do_not_contact: bool,
    /// What they agreed to or refused, by purpose and channel.
    pub consent: Vec<ConsentView>,
    /// What departments want or wanted of them, in the order of filing.
    pub wishes: Vec<WishView>,
    /// Since when they are erased: no name, contact point, consent or text is left then.
    pub erased_at: Option<i64>,
}

/// One way to reach a customer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ContactPointView {
    /// `phone`, `email`, `chat_visitor` or `external_id`.
    pub kind: String,
    /// The normalised number or address.
    pub value: Private<String>,
    /// Proved to be theirs, not only claimed.
    pub verified: bool,
}

/// One statement of a customer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ConsentView {
    /// What for; `*` means any.
    pub purpose: String,
    /// On which channel.
    pub channel: String,
    /// Agreed or refused.
    pub given: bool,
}

/// A customer as a search finds them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CustomerName {
    /// Their id.
    pub id: CustomerId,
    /// What they are called.
    pub name: Option<Private<String>>,
}

/// One wish and where it stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WishView {
    /// Its id.
    pub id: WishId,
    /// Of whom.
    pub customer: CustomerId,
    /// Who wants it.
    pub department: String,
    /// What for.
    pub purpose: String,
    /// `mandatory`, `service` or `marketing`.
    pub class: String,
    /// What it is worth.
    pub value: u32,
    /// When it was filed.
    pub filed_at: i64,
    /// Pointless from then on.
    pub expires_at: i64,
    /// `open`, `held`, `planned`, `in_contact`, `done`, `dropped` or `withdrawn`.
    pub status: String,
    /// Why it is held or was dropped.
    pub reason: Option<String>,
    /// When a held wish is looked at again.
    pub until: Option<i64>,
    /// The plan it is part of.
    pub plan: Option<PlanId>,
    /// When that plan is due.
    pub slot: Option<i64>,
    /// The contact on which it is or was said.
    pub interaction: Option<InteractionId>,
    /// `agreed`, `declined`, `informed`, `later`, `wrong_person` or `not_discussed`: what was noted last.
    pub outcome: Option<String>,
    /// In the agent's words.
    pub note: Option<Private<String>>,
    /// When the outcome was noted.
    pub outcome_at: Option<i64>,
    /// Contacts that did not settle it.
    pub attempts: u32,
    /// How likely it succeeds, from 0 to 1 in thousandths.
    pub propensity: f64,
    /// How long it takes to say.
    pub expected_seconds: u32,
    /// Whether it may share a contact with others.
    pub bundle: bool,
    /// Allowed channels, the best first.
    pub channels: Vec<Channel>,
    /// When the department amended it last.
    pub amended_at: Option<i64>,
    /// Not before, as the department wants it.
    pub not_before: Option<i64>,
    /// With the outcome `later`: when the customer wants to hear of it.
    pub asked_for: Option<i64>,
}

/// Which wishes are asked for: those that fit all that is stated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WishFilter {
    /// Of this department.
    pub department: Option<String>,
    /// As in [`WishView::status`].
    pub status: Option<String>,
    /// For this purpose.
    pub purpose: Option<String>,
    /// Of this customer.
    pub customer: Option<CustomerId>,
}

/// A page of wishes in the order of filing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WishPage {
    /// The wishes.
    pub wishes: Vec<WishView>,
    /// What to ask for next; none at the end.
    pub next: Option<Position>,
}

/// How a department's wishes stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OutcomeCount {
    /// Whose wishes.
    pub department: String,
    /// As in [`WishView::status`].
    pub status: String,
    /// As in [`WishView::outcome`].
    pub outcome: Option<String>,
    /// How many.
    pub count: u64,
}

/// One decision on the outreach to a customer, with its receipt.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Decision {
    /// Where it stands in the log.
    pub position: Position,
    /// When.
    pub at: i64,
    /// `held`, `dropped`, `planned`, `started`, `withdrawn`, `taken_up` or `wish_withdrawn`.
    pub decision: String,
    /// The plan it is about.
    pub plan: Option<PlanId>,
    /// The contact it is about.
    pub interaction: Option<InteractionId>,
    /// The wishes it is about, in the order of the agenda.
    pub wishes: Vec<DecidedWish>,
    /// When the plan is due.
    pub slot: Option<i64>,
    /// When a held wish is looked at again.
    pub until: Option<i64>,
    /// Why.
    pub reason: String,
    /// Under which version of the contact policy.
    pub policy_version: u64,
    /// What the decision looked at.
    pub inputs: BTreeMap<String, String>,
    /// What each wish scored.
    pub scores: BTreeMap<WishId, u64>,
}

/// A wish as a decision names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DecidedWish {
    /// Which.
    pub wish: WishId,
    /// Who wants it.
    pub department: String,
    /// What for.
    pub purpose: String,
}

/// A page of decisions, newest first.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DecisionPage {
    /// The decisions.
    pub decisions: Vec<Decision>,
    /// What to ask for next; none at the end.
    pub next: Option<Position>,
}

/// Something that happened with a customer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TimelineItem {
    /// Where it stands in the log.
    pub position: Position,
    /// When.
    pub at: i64,
    /// On which contact.
    pub interaction: Option<InteractionId>,
    /// On which channel.
    pub channel: Option<String>,
    /// `inbound` or `outbound`.
    pub direction: Option<String>,
    /// One of the kinds that docs/API.md lists.
    pub kind: String,
    /// What was written, noted, or is to be said.
    pub text: Option<Private<String>>,
    /// The name colleagues see, or the id of an agent nobody declared.
    pub agent: Option<String>,
    /// The name colleagues see, or the id of a queue nobody declared.
    pub queue: Option<String>,
    /// Who wanted it; several are joined by a comma.
    pub department: Option<String>,
    /// What for; several are joined by a comma.
    pub purpose: Option<String>,
    /// What came of it: a disposition or the outcome of a wish.
    pub outcome: Option<String>,
    /// Why, or by whom.
    pub reason: Option<String>,
}

/// A page of a timeline, newest first.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TimelinePage {
    /// What happened.
    pub items: Vec<TimelineItem>,
    /// What to ask for next; none at the end.
    pub next: Option<Position>,
}

/// The figures of one queue on one local day, or in a quarter of an hour of it. A contact counts when it joined the line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Figures {
    /// Contacts that joined the line.
    pub offered: u64,
    /// Of these, taken by an agent.
    pub answered: u64,
    /// Of these, within the target of the queue at that time.
    pub answered_in_target: u64,
    /// Given up by the customer before an agent took them.
    pub abandoned: u64,
    /// How long the answered ones waited, all together, in milliseconds.
    pub answer_wait_ms: u64,
}

impl Figures {
    /// Answered in target of all offered, in percent; none while nothing was offered.
    #[must_use]
    pub fn service_level(&self) -> Option<f64> {
        (self.offered > 0).then(|| self.answered_in_target as f64 * 100.0 / self.offered as f64)
    }

    /// Average speed of answer in seconds; none while nothing was answered.
    #[must_use]
    pub fn asa_seconds(&self) -> Option<f64> {
        (self.answered > 0).then(|| self.answer_wait_ms as f64 / 1_000.0 / self.answered as f64)
    }
}

/// One queue on one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct QueueStatistics {
    /// Which.
    pub queue: QueueId,
    /// Its figures.
    #[serde(flatten)]
    pub figures: Figures,
}

/// One quarter of an hour of a queue's day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct QuarterStatistics {
    /// Which quarter of an hour of the local day, 0..=95. When clocks go back, an hour's quarters count twice.
    pub quarter: u16,
    /// Its figures.
    #[serde(flatten)]
    pub figures: Figures,
}

/// When an agent was last done with a piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgentWork {
    /// Whose agent.
    pub tenant: TenantId,
    /// Who.
    pub agent: AgentId,
    /// When.
    pub finished_at: Timestamp,
}
