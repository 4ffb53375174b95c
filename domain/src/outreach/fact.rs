//! The facts of outreach to one customer.

use serde::{Deserialize, Serialize};

use crate::aggregate;
use crate::channel::Channel;
use crate::event::Category;
use crate::id::{AgentId, CustomerId, InteractionId, MergeId, PlanId, WishId};
use crate::outreach::{Contact, Outcome, Receipt, Wish};
use crate::private::Private;
use crate::time::Timestamp;

/// What can happen in the outreach to one customer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum Fact {
    /// A department wants something of the customer.
    #[serde(rename = "outreach.wish_filed.v1")]
    WishFiled(Wish),
    /// The department wants it otherwise; the whole wish each time.
    #[serde(rename = "outreach.wish_amended.v1")]
    WishAmended(Wish),
    /// The department does not want it any more.
    #[serde(rename = "outreach.wish_withdrawn.v1")]
    WishWithdrawn {
        /// Which.
        wish: WishId,
        /// Where it stood under which rules.
        receipt: Receipt,
    },
    /// Not now.
    #[serde(rename = "outreach.wish_held.v1")]
    WishHeld {
        /// Which.
        wish: WishId,
        /// When it is looked at again; none while it waits for another contact to end.
        until: Option<Timestamp>,
        /// Why.
        receipt: Receipt,
    },
    /// Never.
    #[serde(rename = "outreach.wish_dropped.v1")]
    WishDropped {
        /// Which.
        wish: WishId,
        /// Why.
        receipt: Receipt,
    },
    /// One contact will carry these wishes; said again, it replaces what the plan was.
    #[serde(rename = "outreach.contact_planned.v1")]
    ContactPlanned {
        /// The plan.
        plan: PlanId,
        /// How.
        channel: Channel,
        /// Not before.
        slot: Timestamp,
        /// What will be said, in order.
        agenda: Vec<WishId>,
        /// Why so.
        receipt: Receipt,
    },
    /// The contact became work for an agent: it is in flight.
    #[serde(rename = "outreach.contact_started.v1")]
    ContactStarted {
        /// The plan.
        plan: PlanId,
        /// The interaction that carries it out.
        interaction: InteractionId,
        /// What the gates saw when they were asked for the last time.
        receipt: Receipt,
    },
    /// The plan will not be carried out.
    #[serde(rename = "outreach.plan_withdrawn.v1")]
    PlanWithdrawn {
        /// The plan.
        plan: PlanId,
        /// Why.
        why: Withdrawal,
        /// Under which rules.
        receipt: Receipt,
    },
    /// The customer contacted us: what we wanted is said there.
    #[serde(rename = "outreach.agenda_taken_up.v1")]
    AgendaTakenUp {
        /// On which contact.
        interaction: InteractionId,
        /// What will be said, in order.
        agenda: Vec<WishId>,
        /// Why so.
        receipt: Receipt,
    },
    /// What the customer said to one wish.
    #[serde(rename = "outreach.outcome_recorded.v1")]
    OutcomeRecorded {
        /// Which.
        wish: WishId,
        /// What came of it.
        outcome: Outcome,
        /// With [`Outcome::Later`]: when the customer wants to be asked again.
        #[serde(default)]
        not_before: Option<Timestamp>,
        /// On which contact.
        interaction: InteractionId,
        /// Who noted it.
        agent: AgentId,
        /// In the agent's words, for the department.
        note: Option<Private<String>>,
    },
    /// The contact is over; wishes without an outcome are open again.
    #[serde(rename = "outreach.contact_ended.v1")]
    ContactEnded {
        /// Which.
        interaction: InteractionId,
        /// Whether the customer was reached.
        reached: bool,
        /// Wishes that are open again.
        returned: Vec<WishId>,
    },
    /// A contact was made that no plan led to: it counts like any other.
    #[serde(rename = "outreach.contact_noted.v1")]
    ContactNoted(Contact),
    /// Wishes are pursued in the outreach to another customer.
    #[serde(rename = "outreach.wishes_moved.v1")]
    WishesMoved {
        /// Whose.
        to: CustomerId,
        /// Because of which merging.
        merge: MergeId,
        /// Which.
        wishes: Vec<WishId>,
        /// Whether nothing is wanted here any more: the customer is merged into the other.
        closing: bool,
    },
    /// The customer is one by themselves again.
    #[serde(rename = "outreach.wishes_returned.v1")]
    WishesReturned {
        /// In whose outreach they were pursued.
        from: CustomerId,
        /// Because of which merging.
        merge: MergeId,
        /// Those that wait here again.
        wishes: Vec<WishId>,
    },
    /// Nothing is wanted of the customer any more: they were erased.
    #[serde(rename = "outreach.closed.v1")]
    Closed {},
}

impl aggregate::Fact for Fact {
    const CATEGORY: Category = Category::Outreach;
}

/// Why a plan is not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Withdrawal {
    /// The customer was faster.
    CustomerContactedUs {
        /// On this contact.
        interaction: InteractionId,
    },
    /// No wish is left that may be said.
    NothingToSay,
    /// The customer was erased.
    CustomerErased,
}
