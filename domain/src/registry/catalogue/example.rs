//! What the examples are made of: one small story with fixed ids.

use std::collections::BTreeMap;
use std::time::Duration;

use uuid::Uuid;

use crate::acd::{Candidate, Head, Reason as OfferReason, Receipt as OfferReceipt};
use crate::agent::{Definition, Phone, PhoneSecret, Role, Weights};
use crate::contact_point::{ContactPoint, Kind};
use crate::customer::{
    Absorption, Admission, DepartmentFact, DoNotContact, FactValue, KnownContactPoint, Listing,
    Qualification, Source, Statement,
};
pub use crate::customer::{Doubt, ErasureGround, Judgement, ReleaseReason, Scope};
use crate::event::Revision;
pub use crate::id::AgentId;
use crate::id::{
    AccessPointId, ComplaintId, CustomerId, EpochId, EventId, InteractionId, LegId, MergeId,
    MessageId, OfferId, PlanId, ProposalId, QueueId, ReviewId, TenantId, WishId,
};
use crate::node::{Announcement, Life, Role as NodeRole};
use crate::outreach::{Contact, Origin, Receipt, Wish, WishClass};
use crate::policy::{Adjustment, Cap, ContactPolicy, Proposal, Setting};
use crate::setup::{
    AccessPoint, AgentChoice, ApiKey, ApiRole, QueueDefinition, TenantDefinition, Widening,
};
use crate::time::{Date, Timestamp, Zone};
use crate::webhook::Place;

pub use crate::agent::{Presence, ReservationEnd};
pub use crate::channel::{Channel, Direction};
pub use crate::event::{Actor, Position};
pub use crate::interaction::{CloseCause, DialOutcome, DialParty, EndedBy, OfferEnd};
pub use crate::outreach::{Outcome, Reason, Withdrawal};
pub use crate::private::Private;
pub use crate::webhook::{DeadReason, Suspension};

use super::{Customer, Interaction, Outreach};

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

pub fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(1_795_262_400_000) + Duration::from_secs(seconds)
}

pub fn tenant_id() -> TenantId {
    TenantId::named("acme")
}

pub fn customer_id() -> CustomerId {
    CustomerId::from_uuid(id(1))
}

pub fn interaction_id() -> InteractionId {
    InteractionId::from_uuid(id(2))
}

pub fn offer() -> OfferId {
    OfferId::from_uuid(id(3))
}

pub fn wish_id() -> WishId {
    WishId::from_uuid(id(4))
}

pub fn event_id() -> EventId {
    EventId::from_uuid(id(9))
}

pub fn place() -> Place {
    Place {
        position: Position(4_711),
        customer: customer_id(),
        revision: Revision(12),
    }
}

pub fn plan() -> PlanId {
    PlanId::from_uuid(id(5))
}

pub fn leg() -> LegId {
    LegId::from_uuid(id(6))
}

pub fn message() -> MessageId {
    MessageId::from_uuid(id(7))
}

pub fn queue_id() -> QueueId {
    QueueId::named(tenant_id(), "service")
}

pub fn agent_id() -> AgentId {
    AgentId::named(tenant_id(), "anna")
}

pub fn access_point_id() -> AccessPointId {
    AccessPointId::named(tenant_id(), "hotline")
}

pub fn zone() -> Zone {
    Zone::parse("Asia/Shanghai").unwrap_or(Zone::UTC)
}

fn phone() -> Option<ContactPoint> {
    ContactPoint::parse(Kind::Phone, "+8613800138000").ok()
}

pub fn started() -> Interaction {
    Interaction::Started {
        customer: customer_id(),
        channel: Channel::Voice,
        direction: Direction::Inbound,
        access_point: Some(access_point_id()),
        contact_point: phone().expect("a telephone number"),
        plan: None,
        node: None,
    }
}

pub fn epoch() -> EpochId {
    EpochId::from_uuid(id(8))
}

pub fn announcement() -> Announcement {
    Announcement {
        name: "hub-1".to_owned(),
        epoch: epoch(),
        roles: NodeRole::ALL.to_vec(),
        sip: "192.0.2.1:5060".parse().ok(),
    }
}

pub fn life() -> Life {
    announcement().life()
}

pub fn offered() -> Interaction {
    let receipt = OfferReceipt {
        rule_version: 1,
        score: 2_500,
        waited: Duration::from_secs(10),
        candidates: vec![Candidate {
            agent: agent_id(),
            score: 61_000,
            tier: 0,
        }],
        candidate_count: 1,
        heads: vec![Head {
            item: interaction_id(),
            queue: queue_id(),
            score: 2_500,
        }],
        head_count: 1,
        reason: OfferReason::BestAgent,
    };
    Interaction::Offered {
        offer: offer(),
        agent: agent_id(),
        until: at(20),
        receipt,
    }
}

pub fn message_sent() -> Interaction {
    let text = Private::new("It arrives tomorrow.".to_owned());
    Interaction::MessageSent {
        message: message(),
        agent: agent_id(),
        text,
    }
}

pub fn disposition_set() -> Interaction {
    let note = Some(Private::new("Will pay on Friday.".to_owned()));
    Interaction::DispositionSet {
        agent: agent_id(),
        disposition: "solved".to_owned(),
        note,
    }
}

pub fn contact_point_added() -> Customer {
    let contact_point = phone().expect("a telephone number");
    Customer::ContactPointAdded(KnownContactPoint {
        contact_point,
        verified: true,
        source: source("web_form"),
    })
}

fn source(name: &str) -> Option<Source> {
    Source::parse(name).ok()
}

pub fn consent_changed() -> Customer {
    Customer::ConsentChanged(Statement {
        purpose: "marketing".to_owned(),
        channel: Channel::Voice,
        given: true,
        evidence: Private::new("web form of 2026-11-02".to_owned()),
        wording: Some("newsletter 2026-03: I agree to be called about offers.".to_owned()),
        source: source("web_form"),
        stated_at: Some(at(0)),
        expires_at: Some(at(365 * 86_400)),
    })
}

pub fn preference_set() -> Customer {
    Customer::PreferenceSet {
        channel: Some(Channel::Voice),
        contact_point: phone(),
    }
}

pub fn do_not_contact_changed() -> Customer {
    Customer::DoNotContactChanged(DoNotContact {
        active: true,
        reason: Private::new("asked on the phone".to_owned()),
        scope: Scope::Marketing,
        until: Some(at(30 * 86_400)),
        source: source("call"),
    })
}

pub fn merge() -> MergeId {
    MergeId::from_uuid(id(10))
}

pub fn review() -> ReviewId {
    ReviewId::from_uuid(id(11))
}

pub fn other_customer_id() -> CustomerId {
    CustomerId::from_uuid(id(12))
}

pub fn absorbed() -> Customer {
    Customer::Absorbed(Absorption {
        customer: other_customer_id(),
        merge: merge(),
        ground: crate::customer::MergeGround::Review { review: review() },
        evidence: Some(Private::new("same voice, same birthday".to_owned())),
    })
}

pub fn complaint() -> ComplaintId {
    ComplaintId::from_uuid(id(9))
}

pub fn fact_stated() -> Customer {
    Customer::FactStated(DepartmentFact {
        department: "finance".to_owned(),
        key: "balance".to_owned(),
        value: FactValue::number("-1200.50", Some("EUR")).expect("an amount of money"),
        source: source("ledger"),
        as_of: at(0),
    })
}

pub fn qualified() -> Customer {
    Customer::Qualified(Qualification {
        admission: Admission::Accepted,
        segment: Some("small_business".to_owned()),
        tier: Some("gold".to_owned()),
        evidence: Private::new("three orders in a year, paid in time".to_owned()),
    })
}

pub fn listing() -> Listing {
    Listing {
        scope: Scope::Marketing,
        until: Some(at(365 * 86_400)),
        source: source("national_register"),
    }
}

pub fn wish() -> Wish {
    Wish {
        id: wish_id(),
        department: "finance".to_owned(),
        purpose: "payment_reminder".to_owned(),
        class: WishClass::Service,
        talking_point: Private::new("Invoice 1042 is overdue.".to_owned()),
        message: Some(Private::new("Your invoice 1042 is overdue.".to_owned())),
        value: 40,
        propensity: 700,
        expected_seconds: 90,
        not_before: None,
        expires_at: at(7 * 86_400),
        channels: vec![Channel::Voice],
        script: Some(Private::new("Offer to pay in two parts.".to_owned())),
        evidence: Some(Private::new("invoice 1042".to_owned())),
        bundle: true,
    }
}

pub fn contact() -> Contact {
    Contact {
        id: id(11),
        at: at(0),
        channel: Channel::Sms,
        origin: Origin::Elsewhere,
        reached: Some(true),
    }
}

pub fn receipt(reason: Reason) -> Receipt {
    Receipt {
        policy_version: 1,
        reason,
        inputs: BTreeMap::from([("pending_wishes".to_owned(), "1".to_owned())]),
        scores: BTreeMap::from([(wish_id(), 40_000)]),
    }
}

pub fn contact_planned() -> Outreach {
    Outreach::ContactPlanned {
        plan: plan(),
        channel: Channel::Voice,
        slot: at(600),
        agenda: vec![wish_id()],
        receipt: receipt(Reason::Bundled),
    }
}

pub fn plan_withdrawn() -> Outreach {
    Outreach::PlanWithdrawn {
        plan: plan(),
        why: Withdrawal::CustomerContactedUs {
            interaction: interaction_id(),
        },
        receipt: receipt(Reason::CustomerContactedUs),
    }
}

pub fn outcome_recorded() -> Outreach {
    Outreach::OutcomeRecorded {
        wish: wish_id(),
        outcome: Outcome::Later,
        not_before: Some(at(86_400)),
        interaction: interaction_id(),
        agent: agent_id(),
        note: Some(Private::new("Pays on Friday.".to_owned())),
    }
}

pub fn definition() -> Definition {
    Definition {
        name: "anna".to_owned(),
        display_name: "Anna".to_owned(),
        role: Role::Agent,
        skills: BTreeMap::from([("german".to_owned(), 8)]),
        phone: Phone::Registered {
            user: "anna".to_owned(),
        },
        capacity: 100,
        weights: Weights::default(),
    }
}

pub fn phone_secret() -> PhoneSecret {
    PhoneSecret {
        realm: "acme".to_owned(),
        ha1_md5: "0".repeat(32),
        ha1_sha256: "0".repeat(64),
    }
}

pub fn queue() -> QueueDefinition {
    QueueDefinition {
        display_name: "Service".to_owned(),
        skills: BTreeMap::from([("german".to_owned(), 5)]),
        widening: vec![Widening {
            after_seconds: 60,
            skills: BTreeMap::new(),
        }],
        choice: AgentChoice::LongestIdle,
        dispositions: vec!["solved".to_owned()],
        ..QueueDefinition::named("service")
    }
}

pub fn tenant() -> TenantDefinition {
    TenantDefinition {
        name: "acme".to_owned(),
        display_name: "Acme".to_owned(),
        zone: zone(),
        not_ready_reasons: vec!["break".to_owned()],
        caller_id: "4930123456".to_owned(),
        outbound_trunk: Some("carrier".to_owned()),
    }
}

pub fn access_point() -> AccessPoint {
    AccessPoint {
        name: "hotline".to_owned(),
        channel: Channel::Voice,
        address: "4930123456".to_owned(),
        queue: queue_id(),
        origins: vec![],
    }
}

pub fn api_key() -> ApiKey {
    ApiKey {
        name: "finance".to_owned(),
        role: ApiRole::Department,
        sha256: "0".repeat(64),
    }
}

pub fn setting() -> Setting {
    Setting {
        rules: rules(),
        by: Some(Actor::Operator),
        text: Some("0".repeat(64)),
    }
}

pub fn proposal_id() -> ProposalId {
    ProposalId::from_uuid(id(12))
}

pub fn proposal() -> Proposal {
    Proposal {
        proposal: proposal_id(),
        rules: ContactPolicy {
            contacts_per_day: 2,
            ..rules()
        },
        base: 3,
        from_version: Some(1),
        comment: "Two contacts a day until the recall is over.".to_owned(),
        by: Actor::Agent(agent_id()),
    }
}

pub fn rules() -> ContactPolicy {
    ContactPolicy {
        quiet_from: 21 * 60,
        gather_seconds: 600,
        caps: vec![Cap {
            contacts: 3,
            days: 7,
        }],
        min_gap_seconds: 3_600,
        max_attempts: 3,
        holidays: Date::parse("2026-12-25").into_iter().collect(),
        purposes: ["payment_reminder".to_owned()].into(),
        weights: vec![Adjustment {
            department: Some("finance".to_owned()),
            percent: 55,
            ..Adjustment::default()
        }],
        costs: [(Channel::Voice, 5)].into(),
        ..ContactPolicy::declared(queue_id())
    }
}
