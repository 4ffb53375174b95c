//! The wish book at work: departments change their minds, and every contact counts.

use std::time::Duration;

use rapport_domain::channel::{Channel, Direction};
use rapport_domain::contact_point::{ContactPoint, Kind};
use rapport_domain::event::Actor;
use rapport_domain::id::{CustomerId, InteractionId, QueueId, WishId};
use rapport_domain::interaction::Start;
use rapport_domain::outreach::{Fact, Origin, Reason, WishClass};
use rapport_domain::policy::ContactPolicy;
use rapport_engine::{
    CommandError, ContactReport, CustomerRef, Field, TenantDeclaration, WishChange, WishDraft,
};
use uuid::Uuid;

use crate::support::{World, declaration, tenant, world};

const NUMBER: &str = "+4917077777";

fn finance() -> Actor {
    Actor::Department("finance".to_owned())
}

/// A wish that waits for an hour before anything is planned.
async fn filed(world: &World, purpose: &str) -> (CustomerId, WishId) {
    let draft = WishDraft {
        not_before: Some(world.engine.now() + Duration::from_secs(600)),
        ..world.wish(NUMBER, purpose, WishClass::Service)
    };
    let filed = world
        .engine
        .file_wish(world.tenant, "finance", draft)
        .await
        .unwrap();
    (filed.customer, filed.wish)
}

async fn told(
    world: &World,
    customer: CustomerId,
    wish: WishId,
) -> Vec<(&'static str, Option<Reason>)> {
    let history = world
        .engine
        .wish_history(world.tenant, customer, wish)
        .await
        .unwrap();
    history
        .iter()
        .map(|entry| (entry.what, entry.reason))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_department_amends_a_wish_and_takes_it_back_and_reads_what_became_of_it() {
    let world = world().await;
    let (customer, wish) = filed(&world, "payment_reminder").await;
    let change = WishChange {
        value: Some(99),
        not_before: Field::Clear,
        evidence: Field::Set("invoice 1042".to_owned()),
        ..WishChange::default()
    };
    world
        .engine
        .amend_wish(
            world.tenant,
            customer,
            wish,
            Some("finance"),
            change,
            finance(),
        )
        .await
        .unwrap();
    let known = world
        .engine
        .wish(world.tenant, customer, wish)
        .await
        .unwrap();
    assert_eq!((known.value, known.not_before), (99, None));
    for _ in 0..2 {
        world
            .engine
            .withdraw_wish(world.tenant, customer, wish, Some("finance"), finance())
            .await
            .unwrap();
    }
    assert_eq!(
        told(&world, customer, wish).await,
        [
            ("filed", None),
            ("held", Some(Reason::NotYet)),
            ("amended", None),
            ("planned", Some(Reason::Bundled)),
            ("wish_withdrawn", Some(Reason::WithdrawnByDepartment)),
        ]
    );
    let last = world
        .outreach()
        .into_iter()
        .next_back()
        .map(|(_, fact)| fact);
    assert!(matches!(last, Some(Fact::PlanWithdrawn { .. })), "{last:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_department_reaches_nobodys_wish_but_its_own() {
    let world = world().await;
    let (customer, wish) = filed(&world, "payment_reminder").await;
    let events = world.log.events().len();
    let marketing = Some("marketing");
    let amended = world
        .engine
        .amend_wish(
            world.tenant,
            customer,
            wish,
            marketing,
            WishChange {
                value: Some(1),
                ..WishChange::default()
            },
            finance(),
        )
        .await;
    assert!(
        matches!(amended, Err(CommandError::NotFound("wish"))),
        "{amended:?}"
    );
    let withdrawn = world
        .engine
        .withdraw_wish(world.tenant, customer, wish, marketing, finance())
        .await;
    assert!(
        matches!(withdrawn, Err(CommandError::NotFound("wish"))),
        "{withdrawn:?}"
    );
    assert_eq!(world.log.events().len(), events);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wish_that_cannot_be_meant_is_refused_by_its_field_and_nothing_is_stored() {
    let world = world().await;
    let declared = TenantDeclaration {
        policy: declaration().policy.map(|rules| ContactPolicy {
            purposes: ["survey".to_owned()].into(),
            ..rules
        }),
        ..declaration()
    };
    world
        .engine
        .declare(declared, Actor::Operator)
        .await
        .unwrap();
    world
        .until("the policy", |world| {
            let directory = world.engine.directory();
            let policy = directory.tenant(world.tenant)?.policy().cloned()?;
            (!policy.rules.purposes.is_empty()).then_some(())
        })
        .await;
    let good = || world.wish(NUMBER, "survey", WishClass::Service);
    let now = world.engine.now();
    let wrong = [
        (
            "purpose",
            WishDraft {
                purpose: "renewal".into(),
                ..good()
            },
        ),
        (
            "talking_point",
            WishDraft {
                talking_point: " ".into(),
                ..good()
            },
        ),
        (
            "evidence",
            WishDraft {
                evidence: Some("x".repeat(1_025)),
                ..good()
            },
        ),
        (
            "propensity",
            WishDraft {
                propensity: 1_001,
                ..good()
            },
        ),
        (
            "expected_seconds",
            WishDraft {
                expected_seconds: 0,
                ..good()
            },
        ),
        (
            "channels",
            WishDraft {
                channels: vec![],
                ..good()
            },
        ),
        (
            "channels",
            WishDraft {
                channels: vec![Channel::Voice, Channel::Voice],
                ..good()
            },
        ),
        (
            "expires_at",
            WishDraft {
                expires_at: now,
                ..good()
            },
        ),
        (
            "not_before",
            WishDraft {
                not_before: Some(good().expires_at + Duration::from_secs(60)),
                ..good()
            },
        ),
    ];
    let events = world.log.events().len();
    for (expected, draft) in wrong {
        let refused = world.engine.file_wish(world.tenant, "finance", draft).await;
        assert!(
            matches!(refused, Err(CommandError::Invalid { field, .. }) if field == expected),
            "{expected}: {refused:?}"
        );
    }
    let nobody = WishDraft {
        customer: CustomerRef::Id(CustomerId::from_uuid(Uuid::from_u128(404))),
        ..good()
    };
    let unknown = world
        .engine
        .file_wish(world.tenant, "finance", nobody)
        .await;
    assert!(
        matches!(unknown, Err(CommandError::NotFound("customer"))),
        "{unknown:?}"
    );
    assert_eq!(world.log.events().len(), events, "not even a customer");
    assert!(
        world
            .engine
            .file_wish(world.tenant, "finance", good())
            .await
            .is_ok()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_made_elsewhere_counts_once_however_often_it_is_reported() {
    let world = world().await;
    let (customer, _) = filed(&world, "survey").await;
    let now = world.engine.now();
    let report = ContactReport {
        key: Uuid::from_u128(7),
        at: now,
        channel: Channel::Email,
        reached: Some(true),
    };
    for _ in 0..2 {
        world
            .engine
            .report_contact(world.tenant, customer, report, finance())
            .await
            .unwrap();
    }
    let pressure = world.engine.pressure(world.tenant, customer).await.unwrap();
    let counted: Vec<u32> = pressure
        .windows
        .iter()
        .map(|window| window.contacts)
        .collect();
    assert_eq!(counted, [1, 1, 1]);
    let ahead = ContactReport {
        key: Uuid::from_u128(8),
        at: now + Duration::from_secs(3_600),
        ..report
    };
    let refused = world
        .engine
        .report_contact(world.tenant, customer, ahead, finance())
        .await;
    assert!(
        matches!(refused, Err(CommandError::Invalid { field: "at", .. })),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_who_reaches_out_without_a_plan_presses_the_customer_like_any_other() {
    let world = world().await;
    let (customer, _) = filed(&world, "survey").await;
    let own = InteractionId::from_uuid(Uuid::from_u128(9));
    let start = Start {
        customer,
        channel: Channel::Voice,
        direction: Direction::Outbound,
        access_point: None,
        contact_point: ContactPoint::parse(Kind::Phone, NUMBER).unwrap(),
        plan: None,
        queue: QueueId::named(tenant(), "outreach"),
        priority: 0,
        node: None,
    };
    world.append(own.as_uuid(), &start.facts()).await;
    world
        .until("the contact in the book", |world| {
            let facts = world.outreach();
            facts.into_iter().find_map(|(_, fact)| match fact {
                Fact::ContactNoted(contact) => Some(contact),
                _ => None,
            })
        })
        .await;
    let pressure = world.engine.pressure(world.tenant, customer).await.unwrap();
    let made: Vec<_> = pressure
        .contacts
        .iter()
        .map(|contact| (contact.id, contact.origin))
        .collect();
    assert_eq!(made, [(own.as_uuid(), Origin::Agent)]);
}
