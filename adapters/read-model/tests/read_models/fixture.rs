//! One tenant, one customer, one call: the story that the tests tell.

use std::time::Duration;

use crate::support::Paper;
use rapport_domain::acd::{Reason, Receipt};
use rapport_domain::agent;
use rapport_domain::agent::{Definition, Phone, Role, Weights};
use rapport_domain::channel::{Channel, Direction};
use rapport_domain::contact_point::{ContactPoint, Kind};
use rapport_domain::customer::{
    Admission, ClaimFact, Customer, DepartmentFact, DoNotContact, Doubt, Fact as CustomerFact,
    FactValue, Listing, Qualification, Scope, Source, Statement,
};
use rapport_domain::id::{
    AgentId, ComplaintId, CustomerId, InteractionId, OfferId, QueueId, ReviewId, TenantId, WishId,
};
use rapport_domain::interaction::{CloseCause, Fact};
use rapport_domain::outreach::{self, Wish, WishClass};
use rapport_domain::private::Private;
use rapport_domain::setup::{QueueDefinition, QueueFact, TenantDefinition, TenantFact};
use rapport_domain::time::{Timestamp, Zone};
use uuid::Uuid;

/// 2026-11-23, 23:50 in Berlin.
pub const LATE: Timestamp = Timestamp::from_millis(1_795_474_200_000);

pub fn tenant() -> TenantId {
    TenantId::named("acme")
}

pub fn customer() -> CustomerId {
    CustomerId::from_uuid(Uuid::from_u128(1))
}

pub fn anna() -> AgentId {
    AgentId::named(tenant(), "anna")
}

pub fn queue() -> QueueId {
    QueueId::named(tenant(), "service")
}

pub fn wish_id() -> WishId {
    WishId::from_uuid(Uuid::from_u128(50))
}

pub fn call(n: u128) -> InteractionId {
    InteractionId::from_uuid(Uuid::from_u128(1_000 + n))
}

pub fn phone() -> ContactPoint {
    ContactPoint::parse(Kind::Phone, "+4930123456").unwrap()
}

pub fn zone() -> Zone {
    Zone::parse("Europe/Berlin").unwrap()
}

pub fn set_up(paper: &mut Paper) {
    let definition = TenantDefinition {
        name: "acme".into(),
        display_name: "Acme".into(),
        zone: zone(),
        not_ready_reasons: vec![],
        caller_id: "1".into(),
        outbound_trunk: None,
    };
    paper.append(
        tenant(),
        tenant().as_uuid(),
        LATE,
        &[TenantFact::Defined(definition)],
    );
    let line = QueueDefinition {
        display_name: "Service".into(),
        ..QueueDefinition::named("service")
    };
    paper.append(
        tenant(),
        queue().as_uuid(),
        LATE,
        &[QueueFact::Defined(line)],
    );
    let definition = Definition {
        name: "anna".into(),
        display_name: "Anna".into(),
        role: Role::Agent,
        skills: [].into(),
        phone: Phone::None,
        capacity: 100,
        weights: Weights::default(),
    };
    paper.append(
        tenant(),
        anna().as_uuid(),
        LATE,
        &[agent::Fact::Defined(definition)],
    );
}

pub fn begun(channel: Channel) -> Vec<Fact> {
    let started = Fact::Started {
        customer: customer(),
        channel,
        direction: Direction::Inbound,
        access_point: None,
        contact_point: phone(),
        plan: None,
        node: None,
    };
    vec![
        started,
        Fact::Queued {
            queue: queue(),
            priority: 0,
        },
    ]
}

pub fn offer(paper: &mut Paper, n: u128, at: Timestamp) {
    let receipt = Receipt {
        rule_version: 1,
        score: 0,
        waited: Duration::ZERO,
        candidates: vec![],
        candidate_count: 1,
        heads: vec![],
        head_count: 1,
        reason: Reason::BestAgent,
    };
    let offer = OfferId::from_uuid(Uuid::from_u128(n));
    let offered = Fact::Offered {
        offer,
        agent: anna(),
        until: at + Duration::from_secs(20),
        receipt,
    };
    paper.append(tenant(), call(n).as_uuid(), at, &[offered]);
}

pub fn begin(paper: &mut Paper, n: u128, at: Timestamp) {
    paper.append(tenant(), call(n).as_uuid(), at, &begun(Channel::Voice));
}

pub fn accept(paper: &mut Paper, n: u128, at: Timestamp) {
    offer(paper, n, at);
    let offer = OfferId::from_uuid(Uuid::from_u128(n));
    paper.append(
        tenant(),
        call(n).as_uuid(),
        at,
        &[Fact::OfferAccepted {
            offer,
            agent: anna(),
        }],
    );
}

pub fn wish() -> Wish {
    Wish {
        id: wish_id(),
        department: "finance".into(),
        purpose: "payment_reminder".into(),
        class: WishClass::Service,
        talking_point: Private::new("Invoice 1042".into()),
        message: None,
        value: 40,
        propensity: 700,
        expected_seconds: 90,
        not_before: None,
        expires_at: LATE + Duration::from_secs(86_400),
        channels: vec![Channel::Voice],
        script: None,
        evidence: None,
        bundle: true,
    }
}

/// A customer with everything a view can show.
pub fn full(paper: &mut Paper) {
    set_up(paper);
    let id = customer().as_uuid();
    paper.append(
        tenant(),
        phone().key(tenant()),
        LATE,
        &[
            ClaimFact::Claimed {
                customer: customer(),
            },
            ClaimFact::Listed(Listing {
                scope: Scope::Marketing,
                until: None,
                source: Source::parse("register").ok(),
            }),
        ],
    );
    paper.append(tenant(), id, LATE, &Customer::create(phone(), true, None));
    paper.append(
        tenant(),
        id,
        LATE,
        &[
            CustomerFact::Named {
                name: Private::new("Li Wei".into()),
            },
            CustomerFact::ZoneSet { zone: zone() },
            CustomerFact::ConsentChanged(Statement::new("marketing", Channel::Voice, true, "form")),
            CustomerFact::PreferenceSet {
                channel: Some(Channel::Voice),
                contact_point: Some(phone()),
            },
            CustomerFact::DoNotContactChanged(DoNotContact {
                until: Some(LATE + Duration::from_secs(60)),
                ..DoNotContact::new(true, "ill")
            }),
            CustomerFact::ComplaintOpened {
                complaint: ComplaintId::from_uuid(Uuid::from_u128(70)),
                about: Private::new("late".into()),
                interaction: None,
            },
            CustomerFact::FactStated(DepartmentFact {
                department: "finance".into(),
                key: "balance".into(),
                value: FactValue::number("-20.50", Some("EUR")).unwrap(),
                source: None,
                as_of: LATE,
            }),
            CustomerFact::Qualified(Qualification {
                admission: Admission::Accepted,
                segment: None,
                tier: Some("gold".into()),
                evidence: Private::new("three orders".into()),
            }),
            CustomerFact::MatchSuspected {
                review: ReviewId::from_uuid(Uuid::from_u128(71)),
                other: CustomerId::from_uuid(Uuid::from_u128(72)),
                doubt: Doubt::Stated,
            },
        ],
    );
    let held = outreach::Receipt {
        policy_version: 3,
        reason: outreach::Reason::NotYet,
        inputs: [("customer_zone".to_owned(), "Europe/Berlin".to_owned())].into(),
        scores: [(wish_id(), 40_000)].into(),
    };
    let held = outreach::Fact::WishHeld {
        wish: wish_id(),
        until: Some(LATE + Duration::from_secs(60)),
        receipt: held,
    };
    paper.append(
        tenant(),
        id,
        LATE,
        &[outreach::Fact::WishFiled(wish()), held],
    );
    begin(paper, 1, LATE);
    accept(paper, 1, LATE);
    let note = Some(Private::new("pays on Friday".to_owned()));
    let set = Fact::DispositionSet {
        agent: anna(),
        disposition: "solved".into(),
        note,
    };
    paper.append(
        tenant(),
        call(1).as_uuid(),
        LATE,
        &[
            set,
            Fact::Closed {
                cause: CloseCause::WrappedUp,
            },
        ],
    );
}
