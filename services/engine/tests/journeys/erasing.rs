//! Forgetting a customer, as whoever was there sees it.

use std::time::Duration;

use rapport_domain::contact_point::{ContactPoint, Kind};
use rapport_domain::customer::ErasureGround;
use rapport_domain::event::Actor;
use rapport_domain::id::{CustomerId, MessageId};
use rapport_domain::outreach::{Reason, Status, WishClass};
use rapport_domain::port::chat::{ChatDesk, Visitor};
use rapport_domain::private::Private;
use rapport_engine::{CommandError, CustomerChange, CustomerRef, Erasure, WishDraft};
use uuid::Uuid;

use crate::support::{World, world};

const NUMBER: &str = "+493055555";

fn visitor() -> Visitor {
    Visitor {
        site_key: "shop-key".into(),
        visitor: Private::new("browser-1".into()),
    }
}

fn browser() -> ContactPoint {
    ContactPoint::parse(Kind::ChatVisitor, "browser-1").unwrap()
}

async fn erase(world: &World, customer: CustomerId) -> Result<Erasure, CommandError> {
    let ground = ErasureGround::Requested;
    world
        .engine
        .erase_customer(world.tenant, customer, ground, Actor::Operator)
        .await
}

async fn say(world: &World, text: &str) -> rapport_domain::port::chat::Acknowledged {
    let message = MessageId::from_uuid(Uuid::now_v7());
    world
        .engine
        .say(visitor(), message, Private::new(text.into()))
        .await
        .unwrap()
}

fn is(error: &CommandError, word: &str) -> bool {
    matches!(error, CommandError::Rejected { code, .. } if *code == word)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_visitor_who_comes_back_is_somebody_new_with_an_empty_conversation() {
    let world = world().await;
    let said = say(&world, "my name is Li Wei").await;
    let first = world.engine.find_customer(world.tenant, &browser()).await;
    let first = first.unwrap().unwrap();

    let open = erase(&world, first).await.unwrap_err();
    assert!(is(&open, "contact_open"), "{open:?}");
    assert!(
        open.to_string().contains(&said.interaction.to_string()),
        "{open}"
    );
    assert_eq!(
        world.count("customer.erased"),
        0,
        "refused is not half done"
    );

    world.engine.leave(visitor()).await.unwrap();
    let erased = erase(&world, first).await.unwrap();
    assert!(erased.new);
    assert_eq!(erased.released, 1);
    assert_eq!(
        world.engine.find_customer(world.tenant, &browser()).await,
        Ok(None)
    );
    let resumed = world
        .engine
        .resume(visitor(), Some(said.interaction), None)
        .await;
    assert_eq!(resumed.unwrap().map(|old| old.interaction), None);

    let again = say(&world, "hello").await;
    assert_ne!(again.interaction, said.interaction);
    let second = world.engine.find_customer(world.tenant, &browser()).await;
    assert_ne!(second.unwrap(), Some(first));
    let told = world.engine.resume(visitor(), None, None).await.unwrap();
    assert_eq!(told.map(|new| new.interaction), Some(again.interaction));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_wanted_and_nothing_is_taken_in_of_an_erased_customer() {
    let world = world().await;
    let draft = |customer: CustomerRef| WishDraft {
        value: 1,
        not_before: Some(world.engine.now() + Duration::from_secs(600)),
        ..WishDraft::new(
            customer,
            "survey",
            WishClass::Mandatory,
            "Ask.",
            world.engine.now() + Duration::from_secs(3_600),
        )
    };
    let number = ContactPoint::parse(Kind::Phone, NUMBER).unwrap();
    let filed = world
        .engine
        .file_wish(
            world.tenant,
            "finance",
            draft(CustomerRef::Point(number.clone())),
        )
        .await
        .unwrap();
    let customer = filed.customer;
    let erased = erase(&world, customer).await.unwrap();
    assert_eq!((erased.released, erased.dropped), (1, 1));
    let mut outreach = rapport_domain::aggregate::Folded::default();
    for (revision, fact) in world.outreach() {
        outreach.take(&fact, world.engine.now(), revision);
    }
    let outreach: std::sync::Arc<rapport_domain::outreach::Outreach> = outreach.state.unwrap();
    let reason = Reason::CustomerErased;
    assert_eq!(
        outreach.wishes[&filed.wish].status,
        Status::Dropped { reason }
    );

    let by_id = world
        .engine
        .file_wish(world.tenant, "finance", draft(CustomerRef::Id(customer)));
    assert!(is(&by_id.await.unwrap_err(), "customer_erased"));
    let change = CustomerChange {
        name: Some("Li Wei".into()),
        ..CustomerChange::default()
    };
    let named = world
        .engine
        .change_customer(world.tenant, customer, change, Actor::Operator);
    assert!(is(&named.await.unwrap_err(), "customer_erased"));
    let by_number =
        world
            .engine
            .file_wish(world.tenant, "finance", draft(CustomerRef::Point(number)));
    assert_ne!(by_number.await.unwrap().customer, customer);
    let stranger = erase(&world, CustomerId::from_uuid(Uuid::now_v7())).await;
    assert_eq!(stranger, Err(CommandError::NotFound("customer")));
}
