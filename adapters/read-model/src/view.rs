//! What the read models answer: the JSON of docs/API.md. Moments are milliseconds since 1970.

use std::collections::BTreeMap;

use rapport_domain::channel::Channel;
use rapport_domain::event::{Actor, Position};
use rapport_domain::id::{
    AgentId, ComplaintId, CustomerId, InteractionId, PlanId, QueueId, ReviewId, TenantId, WishId,
};
use rapport_domain::private::Private;
use rapport_domain::time::Timestamp;
use serde::Serialize;

/// One customer, with everything departments want of them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CustomerView {
    /// Their id: that of the one who stayed, when several turned out to be one person.
    pub id: CustomerId,
    /// Those who are one person with them; what is known of them is shown here, too.
    pub merged: Vec<CustomerId>,
    /// What they are called.
    pub name: Option<Private<String>>,
    /// Where they can be reached, oldest first.
    pub contact_points: Vec<ContactPointView>,
    /// The IANA name of the clock they live by.
    pub zone: Option<String>,
    /// How they like to be contacted.
    pub preferred_channel: Option<String>,
    /// Whether they want no outreach at all, now: see [`CustomerView::at`].
    pub do_not_contact: bool,
    /// What they want no outreach for, and until when.
    pub blocks: Vec<BlockView>,
    /// What they agreed to or refused, by purpose and channel.
    pub consent: Vec<ConsentView>,
    /// What they complained about, oldest first.
    pub complaints: Vec<ComplaintView>,
    /// What departments know of them.
    pub facts: Vec<FactView>,
    /// What was decided on dealing with them.
    pub qualification: Option<QualificationView>,
    /// What departments want or wanted of them, in the order of filing.
    pub wishes: Vec<WishView>,
    /// Since when they are erased: no name, contact point, statement, fact or text is left then.
    pub erased_at: Option<i64>,
}

impl CustomerView {
    /// Says whether they want no outreach at that moment: a block may have ended since it was written down. Without this,
    /// only one that never ends counts.
    #[must_use]
    pub fn at(mut self, now: Timestamp) -> Self {
        let over = |until: i64| until <= now.as_millis();
        self.do_not_contact = self
            .blocks
            .iter()
            .any(|block| block.scope == "all" && !block.until.is_some_and(over));
        self
    }
}

/// A block of outreach: a customer's wish to be left alone, or an entry of the do-not-contact list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BlockView {
    /// `all` or `marketing`.
    pub scope: String,
    /// When it ends; none: it stays.
    pub until: Option<i64>,
    /// Who or what told us.
    pub source: Option<String>,
    /// Since when.
    pub since: i64,
    /// Why, in somebody's words; an entry of the list has none.
    pub reason: Option<Private<String>>,
}

/// A complaint.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ComplaintView {
    /// Its id.
    pub id: ComplaintId,
    /// What it is about.
    pub about: Private<String>,
    /// The contact on which it was made.
    pub interaction: Option<InteractionId>,
    /// Since when.
    pub opened_at: i64,
    /// When it was settled; none while it is open.
    pub closed_at: Option<i64>,
    /// How it was settled.
    pub resolution: Option<Private<String>>,
}

/// A decision on dealing with a customer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct QualificationView {
    /// `accepted` or `refused`.
    pub admission: String,
    /// The market segment.
    pub segment: Option<String>,
    /// The value tier.
    pub tier: Option<String>,
    /// What it was decided on.
    pub evidence: Private<String>,
    /// When.
    pub at: i64,
    /// Who decided.
    pub by: Option<Actor>,
}

/// Something a department knows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FactView {
    /// Who knows it.
    pub department: String,
    /// What it is.
    pub key: String,
    /// `number`, `text`, `date` or `flag`.
    pub kind: String,
    /// The value in its normal form, such as `-1200.5`, `2026-11-27` or `true`.
    pub value: Private<String>,
    /// The currency of an amount of money.
    pub currency: Option<String>,
    /// The system it comes from.
    pub source: Option<String>,
    /// As of when it is true.
    pub as_of: i64,
    /// When the hub was told.
    pub recorded_at: i64,
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
    /// Who or what told us.
    pub source: Option<String>,
    /// Where they like to be contacted.
    pub preferred: bool,
    /// What the tenant's do-not-contact list says of it.
    pub listed: Vec<BlockView>,
}

/// One statement of a customer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ConsentView {
    /// What for; `selling` means all that is sold, `*` everything.
    pub purpose: String,
    /// On which channel.
    pub channel: String,
    /// Agreed or refused.
    pub given: bool,
    /// What was asked, or the name of that wording's version.
    pub wording: Option<String>,
    /// Who or what told us.
    pub source: Option<String>,
    /// When it was said.
    pub stated_at: i64,
    /// When an agreement ends or ended.
    pub expires_at: Option<i64>,
}

/// A doubt whether two customers are one person.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReviewView {
    /// Its id.
    pub id: ReviewId,
    /// The two.
    pub customers: [CustomerId; 2],
    /// `claimed_contact_point`, `same_external_id`, `same_name_and_household` or `stated`.
    pub doubt: String,
    /// Since when.
    pub at: i64,
    /// `merge` or `different`; none while it waits.
    pub judgement: Option<String>,
    /// When somebody decided.
    pub judged_at: Option<i64>,
    /// Who decided.
    pub judged_by: Option<Actor>,
}

/// A page of doubts in the order in which they were raised.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReviewPage {
    /// The doubts.
    pub reviews: Vec<ReviewView>,
    /// What to ask for next; none at the end.
    pub next: Option<Position>,
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
