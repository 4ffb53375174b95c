//! The catalogue itself: a line per fact with its type, its meaning and an example.

/// From one line per fact: an exhaustive match (a fact without a line does not compile), the list of types, and as
/// many examples as there are lines.
macro_rules! catalogue {
    ($module:ident, $fact:ty: $($pattern:pat => $name:literal, $meaning:literal, $example:expr;)+) => {
        pub mod $module {
            use super::*;

            pub const TYPES: &[EventType] = &[$(EventType { name: $name, meaning: $meaning }),+];

            pub const fn of(fact: &$fact) -> EventType {
                match fact {
                    $($pattern => EventType { name: $name, meaning: $meaning },)+
                }
            }

            #[cfg(feature = "testing")]
            pub fn examples() -> Vec<$fact> {
                use super::example::*;
                vec![$($example),+]
            }
        }
    };
}

#[cfg(feature = "testing")]
mod example;

use crate::agent::Fact as Agent;
use crate::customer::{ClaimFact, Fact as Customer};
use crate::interaction::Fact as Interaction;
use crate::node::{NodeFact, RoutingFact};
use crate::outreach::Fact as Outreach;
use crate::policy::Fact as Policy;
use crate::registry::EventType;
use crate::setup::{QueueFact, TenantFact};
use crate::webhook::Fact as Webhook;

catalogue! { interaction, Interaction:
    Interaction::Started { .. } => "interaction.started.v1",
        "The first ring or message, or the moment a planned contact became work.", started();
    Interaction::Queued { .. } => "interaction.queued.v1",
        "It joined the end of a waiting line.", Interaction::Queued { queue: queue_id(), priority: 0 };
    Interaction::Offered { .. } => "interaction.offered.v1",
        "The ACD proposed it to one agent, for a limited time; the receipt says why.", offered();
    Interaction::OfferEnded { .. } => "interaction.offer_ended.v1",
        "The proposal came to nothing; the contact is back at the head of its line.",
        Interaction::OfferEnded { offer: offer(), agent: agent_id(), why: OfferEnd::Expired };
    Interaction::OfferVoided { .. } => "interaction.offer_voided.v1",
        "An offer for which an agent had been reserved was never made, and now never will be.",
        Interaction::OfferVoided { offer: offer() };
    Interaction::OfferAccepted { .. } => "interaction.offer_accepted.v1",
        "The agent took it.", Interaction::OfferAccepted { offer: offer(), agent: agent_id() };
    Interaction::DialRequested { .. } => "interaction.dial_requested.v1",
        "The hub is about to dial somebody.", Interaction::DialRequested { leg: leg(), party: DialParty::Customer, node: None };
    Interaction::DialEnded { .. } => "interaction.dial_ended.v1",
        "A dial came to nothing.",
        Interaction::DialEnded { leg: leg(), party: DialParty::Customer, outcome: DialOutcome::NoAnswer };
    Interaction::Connected {} => "interaction.connected.v1",
        "Customer and agent can hear each other.", Interaction::Connected {};
    Interaction::MessageReceived { .. } => "interaction.message_received.v1",
        "The customer wrote.",
        Interaction::MessageReceived { message: message(), text: Private::new("Where is my parcel?".to_owned()) };
    Interaction::MessageSent { .. } => "interaction.message_sent.v1",
        "An agent wrote.", message_sent();
    Interaction::Abandoned {} => "interaction.abandoned.v1",
        "The customer gave up before an agent took it; the contact is over.", Interaction::Abandoned {};
    Interaction::Ended { .. } => "interaction.ended.v1",
        "The conversation is over and wrap-up begins.",
        Interaction::Ended { by: EndedBy::Customer, wrap_up_until: at(30) };
    Interaction::DispositionSet { .. } => "interaction.disposition_set.v1",
        "The agent set the outcome code and perhaps a note.", disposition_set();
    Interaction::Closed { .. } => "interaction.closed.v1",
        "All is said and noted; nothing follows but a late disposition.",
        Interaction::Closed { cause: CloseCause::WrappedUp };
}

catalogue! { customer, Customer:
    Customer::Created {} => "customer.created.v1",
        "A person or organisation was heard of for the first time.", Customer::Created {};
    Customer::ContactPointAdded(_) => "customer.contact_point_added.v1",
        "The customer can also be reached here; said again, it became verified.", contact_point_added();
    Customer::Named { .. } => "customer.named.v1",
        "The customer is called so.", Customer::Named { name: Private::new("Li Wei".to_owned()) };
    Customer::ZoneSet { .. } => "customer.zone_set.v1",
        "The customer lives by this clock.", Customer::ZoneSet { zone: zone() };
    Customer::PreferenceSet { .. } => "customer.preference_set.v1",
        "The customer likes to be contacted so; what is absent is no longer preferred.", preference_set();
    Customer::ConsentChanged(_) => "customer.consent_changed.v1",
        "The customer agreed to or refused contacts for a purpose on a channel.", consent_changed();
    Customer::DoNotContactChanged(_) => "customer.do_not_contact_changed.v1",
        "The customer wants no outreach, at all or about what is sold, for good or for a time; or wants it again.",
        do_not_contact_changed();
    Customer::ComplaintOpened { .. } => "customer.complaint_opened.v1",
        "The customer complained.",
        Customer::ComplaintOpened {
            complaint: complaint(),
            about: Private::new("The second delivery was late, too.".to_owned()),
            interaction: Some(interaction_id()),
        };
    Customer::ComplaintClosed { .. } => "customer.complaint_closed.v1",
        "Service settled a complaint.",
        Customer::ComplaintClosed {
            complaint: complaint(),
            resolution: Private::new("Shipping was paid back.".to_owned()),
        };
    Customer::FactStated(_) => "customer.fact_stated.v1",
        "A department knows something of the customer; the newest truth under a key counts.", fact_stated();
    Customer::Qualified(_) => "customer.qualified.v1",
        "Somebody decided whether the customer is dealt with, and what they are worth; the last decision counts.",
        qualified();
    Customer::Absorbed(_) => "customer.absorbed.v1",
        "Another customer is the same person, or is about to be merged; this one stays.", absorbed();
    Customer::Merged { .. } => "customer.merged.v1",
        "The customer is the same person as another, who stays; nothing that is known of either moves.",
        Customer::Merged { into: customer_id(), merge: merge() };
    Customer::MergeRefused { .. } => "customer.merge_refused.v1",
        "It will not come to this merging.", Customer::MergeRefused { merge: merge() };
    Customer::Unmerged { .. } => "customer.unmerged.v1",
        "The customer is another person after all.", Customer::Unmerged { from: customer_id(), merge: merge() };
    Customer::Released { .. } => "customer.released.v1",
        "Somebody who was noted as the same person no longer is.",
        Customer::Released { customer: other_customer_id(), why: ReleaseReason::Unmerged };
    Customer::MatchSuspected { .. } => "customer.match_suspected.v1",
        "The customer may be the same person as another; somebody has to look.",
        Customer::MatchSuspected {
            review: review(),
            other: other_customer_id(),
            doubt: Doubt::ClaimedContactPoint,
        };
    Customer::MatchJudged { .. } => "customer.match_judged.v1",
        "Somebody looked and decided whether the two are one person.",
        Customer::MatchJudged { review: review(), judgement: Judgement::Different };
    Customer::Erased { .. } => "customer.erased.v1",
        "The customer was erased: the key of all that is personal is destroyed, the history stays.",
        Customer::Erased { ground: ErasureGround::Requested };
}

catalogue! { contact_point, ClaimFact:
    ClaimFact::Claimed { .. } => "contact_point.claimed.v1",
        "The number or address belongs to this customer from now on.", ClaimFact::Claimed { customer: customer_id() };
    ClaimFact::Released { .. } => "contact_point.released.v1",
        "The number or address belongs to nobody; whoever is reached there next is somebody new.",
        ClaimFact::Released { customer: customer_id() };
    ClaimFact::Listed(_) => "contact_point.do_not_contact_listed.v1",
        "The number or address is on the tenant's do-not-contact list, whoever it belongs to.",
        ClaimFact::Listed(listing());
    ClaimFact::Unlisted { .. } => "contact_point.do_not_contact_unlisted.v1",
        "The number or address is on that list no longer.", ClaimFact::Unlisted { scope: Scope::Marketing };
}

catalogue! { outreach, Outreach:
    Outreach::WishFiled(_) => "outreach.wish_filed.v1",
        "A department wants something of the customer.", Outreach::WishFiled(wish());
    Outreach::WishAmended(_) => "outreach.wish_amended.v1",
        "The department wants it otherwise: the whole wish as it is from now on.", Outreach::WishAmended(wish());
    Outreach::WishWithdrawn { .. } => "outreach.wish_withdrawn.v1",
        "The department does not want it any more.",
        Outreach::WishWithdrawn { wish: wish_id(), receipt: receipt(Reason::WithdrawnByDepartment) };
    Outreach::WishHeld { .. } => "outreach.wish_held.v1",
        "The wish is not said now; it is looked at again later.",
        Outreach::WishHeld { wish: wish_id(), until: Some(at(3_600)), receipt: receipt(Reason::DailyCap) };
    Outreach::WishDropped { .. } => "outreach.wish_dropped.v1",
        "The wish will never be said.",
        Outreach::WishDropped { wish: wish_id(), receipt: receipt(Reason::DoNotContact) };
    Outreach::ContactPlanned { .. } => "outreach.contact_planned.v1",
        "One contact will carry these wishes; said again with the same plan, it replaces what the plan was.",
        contact_planned();
    Outreach::ContactStarted { .. } => "outreach.contact_started.v1",
        "The planned contact became work: it is the one in flight.",
        Outreach::ContactStarted { plan: plan(), interaction: interaction_id(), receipt: receipt(Reason::Bundled) };
    Outreach::PlanWithdrawn { .. } => "outreach.plan_withdrawn.v1",
        "The plan will not be carried out.", plan_withdrawn();
    Outreach::AgendaTakenUp { .. } => "outreach.agenda_taken_up.v1",
        "The customer contacted us, and what we wanted is said there.",
        Outreach::AgendaTakenUp {
            interaction: interaction_id(),
            agenda: vec![wish_id()],
            receipt: receipt(Reason::CustomerContactedUs),
        };
    Outreach::OutcomeRecorded { .. } => "outreach.outcome_recorded.v1",
        "What the customer said to one wish; said again on the same contact, it corrects.", outcome_recorded();
    Outreach::ContactEnded { .. } => "outreach.contact_ended.v1",
        "The contact is over; the returned wishes are open again.",
        Outreach::ContactEnded { interaction: interaction_id(), reached: false, returned: vec![wish_id()] };
    Outreach::ContactNoted(_) => "outreach.contact_noted.v1",
        "A contact was made that no plan led to; it counts like any other.", Outreach::ContactNoted(contact());
    Outreach::WishesMoved { .. } => "outreach.wishes_moved.v1",
        "Wishes are pursued in the outreach to another customer, because the two are one person or because they are not; \
         a closing one leaves nothing here and takes nothing in.",
        Outreach::WishesMoved {
            to: other_customer_id(),
            merge: merge(),
            wishes: vec![wish_id()],
            closing: true,
        };
    Outreach::WishesReturned { .. } => "outreach.wishes_returned.v1",
        "The customer is one by themselves again, and these wishes wait here again.",
        Outreach::WishesReturned { from: other_customer_id(), merge: merge(), wishes: vec![wish_id()] };
    Outreach::Closed {} => "outreach.closed.v1",
        "The customer was erased: nothing is wanted of them any more.", Outreach::Closed {};
}

catalogue! { agent, Agent:
    Agent::Defined(_) => "agent.defined.v1",
        "The agent is declared, perhaps differently; the whole definition each time.", Agent::Defined(definition());
    Agent::Retired {} => "agent.retired.v1",
        "The agent is declared no longer.", Agent::Retired {};
    Agent::PasswordSet { .. } => "agent.password_set.v1",
        "The agent has a new password; only its Argon2id hash is kept.",
        Agent::PasswordSet { hash: "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA".to_owned() };
    Agent::PhoneSecretSet(_) => "agent.phone_secret_set.v1",
        "The agent's phone has a new secret; only its digests are kept.", Agent::PhoneSecretSet(phone_secret());
    Agent::PresenceChanged { .. } => "agent.presence_changed.v1",
        "The agent is ready, not ready or gone from now on.",
        Agent::PresenceChanged { presence: Presence::NotReady { reason: "break".to_owned() } };
    Agent::Reserved { .. } => "agent.reserved.v1",
        "Part of the agent's capacity is set aside for an offer, for a limited time.",
        Agent::Reserved { offer: offer(), interaction: interaction_id(), channel: Channel::Voice, until: at(20) };
    Agent::ReservationEnded { .. } => "agent.reservation_ended.v1",
        "The offer came to nothing and the capacity is free again.",
        Agent::ReservationEnded { offer: offer(), why: ReservationEnd::Declined };
    Agent::WorkTaken { .. } => "agent.work_taken.v1",
        "The agent has the work now.",
        Agent::WorkTaken { interaction: interaction_id(), channel: Channel::Voice };
    Agent::WorkFinished { .. } => "agent.work_finished.v1",
        "The agent is done with it, wrap-up included.", Agent::WorkFinished { interaction: interaction_id() };
    Agent::PhoneRegistered { .. } => "agent.phone_registered.v1",
        "The agent's phone can be rung through this node from now on.", Agent::PhoneRegistered { at: life() };
    Agent::PhoneGone { .. } => "agent.phone_gone.v1",
        "The agent's phone is registered with this node no longer.", Agent::PhoneGone { at: life() };
}

catalogue! { queue, QueueFact:
    QueueFact::Defined(_) => "queue.defined.v1",
        "The waiting line is declared, perhaps differently; the whole definition each time.",
        QueueFact::Defined(queue());
    QueueFact::Retired {} => "queue.retired.v1",
        "The waiting line is declared no longer; contacts in it are still served.", QueueFact::Retired {};
}

catalogue! { tenant, TenantFact:
    TenantFact::Defined(_) => "tenant.defined.v1",
        "The organisation is declared, perhaps differently.", TenantFact::Defined(tenant());
    TenantFact::AccessPointDefined { .. } => "tenant.access_point_defined.v1",
        "A number, address or site key is declared, perhaps differently.",
        TenantFact::AccessPointDefined { id: access_point_id(), definition: access_point() };
    TenantFact::AccessPointRemoved { .. } => "tenant.access_point_removed.v1",
        "An access point is declared no longer.", TenantFact::AccessPointRemoved { id: access_point_id() };
    TenantFact::ApiKeySet(_) => "tenant.api_key_set.v1",
        "A key of the HTTP API is declared or changed; only its hash is kept.", TenantFact::ApiKeySet(api_key());
    TenantFact::ApiKeyRemoved { .. } => "tenant.api_key_removed.v1",
        "A key of the HTTP API is valid no longer.", TenantFact::ApiKeyRemoved { name: "finance".to_owned() };
}

catalogue! { policy, Policy:
    Policy::Set(_) => "policy.set.v1",
        "These are the contact rules from now on, as the configuration file or a program says; other rules are a new version.",
        Policy::Set(setting());
    Policy::Proposed(_) => "policy.proposed.v1",
        "Somebody would like other contact rules; nothing changes yet.", Policy::Proposed(proposal());
    Policy::Withdrawn { .. } => "policy.withdrawn.v1",
        "The proposal is off the table.",
        Policy::Withdrawn { proposal: proposal_id(), by: Actor::Agent(agent_id()) };
    Policy::Released { .. } => "policy.released.v1",
        "Another person put the proposed rules into force; they are a new version.",
        Policy::Released { proposal: proposal_id(), by: AgentId::named(tenant_id(), "sue") };
}

catalogue! { node, NodeFact:
    NodeFact::Started(_) => "node.started.v1",
        "The node began a new run; whatever an earlier run of it held is gone.", NodeFact::Started(announcement());
    NodeFact::LeaseRenewed { .. } => "node.lease_renewed.v1",
        "The node is there, and everything up to the position has been decided on that was its to decide.",
        NodeFact::LeaseRenewed { node: announcement(), beat: 7, reacted: Position(4_711) };
    NodeFact::Stopped { .. } => "node.stopped.v1",
        "The node ended its run in good order.", NodeFact::Stopped { epoch: epoch() };
}

catalogue! { routing, RoutingFact:
    RoutingFact::Taken { .. } => "routing.taken.v1",
        "This run of this node routes the tenant's contacts from now on; events after the position are decided on by it.",
        RoutingFact::Taken { by: life(), from: Position(4_700) };
}

catalogue! { webhook, Webhook:
    Webhook::Opened { .. } => "webhook.opened.v1",
        "The endpoint was declared for the first time; it hears of what happens after the position.",
        Webhook::Opened { name: "finance-crm".to_owned(), department: "finance".to_owned(), from: Position(4_700) };
    Webhook::Progressed { .. } => "webhook.progressed.v1",
        "Nothing up to the position is in line any more: the endpoint took it, or it was set aside or given up.",
        Webhook::Progressed { until: Position(4_711), delivered: 3 };
    Webhook::SetAside { .. } => "webhook.set_aside.v1",
        "The endpoint refused one delivery, which is tried again later; those behind it go on.",
        Webhook::SetAside { place: place(), status: 500 };
    Webhook::Settled { .. } => "webhook.settled.v1",
        "The endpoint took a delivery that had been set aside.", Webhook::Settled { position: Position(4_711) };
    Webhook::GivenUp { .. } => "webhook.given_up.v1",
        "A delivery had its time and is not sent any more, unless somebody asks for it.",
        Webhook::GivenUp { place: place(), event: event_id(), why: DeadReason::Refused { status: 500 } };
    Webhook::Suspended { .. } => "webhook.suspended.v1",
        "Nothing is sent to the endpoint from now on; what happens meanwhile waits.",
        Webhook::Suspended { why: Suspension::Gone };
    Webhook::Replayed { .. } => "webhook.replayed.v1",
        "Somebody wants the endpoint to be sent to again, from a position on or from where it stands.",
        Webhook::Replayed { from: Some(Position(4_700)) };
}
