//! What customers say, complain about and are known for; and two who turn out to be one.

use std::time::Duration;

use rapport_domain::aggregate::{decode, encode};
use rapport_domain::channel::Channel;
use rapport_domain::contact_point::{ContactPoint, Kind};
use rapport_domain::customer::{
    Absorption, DepartmentFact, Doubt, ErasureGround, Fact, FactValue, Judgement,
    KnownContactPoint, Listing, MergeGround, SELLING, Scope, Statement,
};
use rapport_domain::event::{Actor, Category, Meta, NewEvent, Stream};
use rapport_domain::id::{ComplaintId, CustomerId, EventId, MergeId, MessageId};
use rapport_domain::outreach::{self, Outcome, WishClass};
use rapport_domain::port::chat::{ChatDesk, Visitor};
use rapport_domain::port::log::{Batch, EventLog, Expected};
use rapport_domain::port::voice::{VoiceCommand, VoiceEvent};
use rapport_domain::private::Private;
use rapport_domain::time::Timestamp;
use rapport_engine::{CommandError, CustomerChange, CustomerRef, FiledWish};
use uuid::Uuid;

use crate::support::{World, world};

const ANNA: &str = "+493010001";
const BORIS: &str = "+493010002";

fn phone(number: &str) -> ContactPoint {
    ContactPoint::parse(Kind::Phone, number).unwrap()
}

fn proved(number: &str) -> CustomerChange {
    CustomerChange {
        contact_points: vec![KnownContactPoint::new(phone(number), true)],
        ..CustomerChange::default()
    }
}

async fn file(world: &World, number: &str, purpose: &str) -> FiledWish {
    let draft = world.wish(number, purpose, WishClass::Marketing);
    world
        .engine
        .file_wish(world.tenant, "marketing", draft)
        .await
        .unwrap()
}

async fn change(world: &World, id: CustomerId, change: CustomerChange) -> Result<(), CommandError> {
    world
        .engine
        .change_customer(world.tenant, id, change, Actor::Operator)
        .await
        .map(|_| ())
}

async fn merge(world: &World, one: CustomerId, other: CustomerId) -> Result<(), CommandError> {
    world
        .engine
        .merge_customers(
            world.tenant,
            one,
            other,
            MergeGround::Stated,
            None,
            Actor::Operator,
        )
        .await
        .map(|_| ())
}

fn of(world: &World, customer: CustomerId) -> Vec<Fact> {
    let events = world.log.events();
    let theirs = events
        .iter()
        .filter(|e| e.stream == Stream::new(Category::Customer, customer.as_uuid()));
    theirs
        .map(|e| decode(&e.event.kind, e.event.version, &e.event.data).unwrap())
        .collect()
}

fn outreach_of(world: &World, customer: CustomerId) -> Vec<outreach::Fact> {
    let events = world.log.events();
    let theirs = events
        .iter()
        .filter(|e| e.stream == Stream::new(Category::Outreach, customer.as_uuid()));
    theirs
        .map(|e| decode(&e.event.kind, e.event.version, &e.event.data).unwrap())
        .collect()
}

/// Somebody notes that Boris is Anna, and stops.
async fn begin_merging(world: &World, anna: CustomerId, boris: CustomerId) {
    let noted = Fact::Absorbed(Absorption {
        customer: boris,
        merge: MergeId::from_uuid(Uuid::now_v7()),
        ground: MergeGround::Stated,
        evidence: None,
    });
    let encoded = encode(&noted).unwrap();
    let stream = Stream::new(Category::Customer, anna.as_uuid());
    let last = world
        .log
        .events()
        .iter()
        .rev()
        .find(|e| e.stream == stream)
        .map(|e| e.revision);
    let event = NewEvent {
        id: EventId::from_uuid(Uuid::now_v7()),
        kind: encoded.kind,
        version: encoded.version,
        recorded_at: world.engine.now(),
        meta: Meta {
            tenant: world.tenant,
            actor: Actor::Operator,
            correlation: anna.as_uuid(),
            causation: None,
            subject: Some(anna),
        },
        data: encoded.data,
    };
    let batch = Batch {
        stream,
        expected: Expected::after(last),
        events: vec![event],
    };
    world.log.append(batch).await.unwrap();
}

fn is(error: &CommandError, word: &str) -> bool {
    matches!(error, CommandError::Rejected { code, .. } if *code == word)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_says_stop_refuses_selling_on_that_channel_with_the_message_as_proof() {
    let world = world().await;
    let visitor = Visitor {
        site_key: "shop-key".into(),
        visitor: Private::new("browser-1".into()),
    };
    for text in ["how do I unsubscribe?", " 退订。"] {
        let message = MessageId::from_uuid(Uuid::now_v7());
        let said = world
            .engine
            .say(visitor.clone(), message, Private::new(text.into()));
        said.await.unwrap();
    }
    let browser = ContactPoint::parse(Kind::ChatVisitor, "browser-1").unwrap();
    let customer = world.engine.find_customer(world.tenant, &browser).await;
    let customer = customer.unwrap().unwrap();
    world
        .until("the refusal", |world| world.has("customer.consent_changed"))
        .await;
    let proof = world
        .engine
        .consent_proof(world.tenant, customer, world.engine.now());
    let proof = proof.await.unwrap();
    let (_, said) = &proof[0];
    assert_eq!(proof.len(), 1, "a question is no opt-out");
    let statement = &said.statement;
    assert_eq!(
        (
            statement.purpose.as_str(),
            statement.channel,
            statement.given
        ),
        (SELLING, Channel::Chat, false)
    );
    assert_eq!(statement.evidence.expose(), " 退订。");
    let before = said.recorded_at - Duration::from_micros(1);
    let proof = world.engine.consent_proof(world.tenant, customer, before);
    assert_eq!(proof.await.unwrap(), vec![], "nobody had said so before");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_on_the_list_is_not_called_for_selling_whoever_it_belongs_to() {
    let world = world().await;
    let entry = Listing {
        scope: Scope::Marketing,
        until: Some(world.engine.now() + Duration::from_secs(7_200)),
        source: None,
    };
    let list = |entry: Listing| {
        let (engine, tenant) = (world.engine.clone(), world.tenant);
        async move {
            engine
                .list_do_not_contact(tenant, &phone(ANNA), entry, Actor::Operator)
                .await
        }
    };
    list(entry.clone()).await.unwrap();
    list(entry.clone()).await.unwrap();
    assert_eq!(world.count("contact_point.do_not_contact_listed"), 1);
    file(&world, ANNA, "invitation").await;
    world
        .until("the drop", |world| world.has("outreach.wish_dropped"))
        .await;
    // A planned one is withdrawn when its number is listed.
    file(&world, BORIS, "invitation").await;
    let point = phone(BORIS);
    let listed =
        world
            .engine
            .list_do_not_contact(world.tenant, &point, entry.clone(), Actor::Operator);
    listed.await.unwrap();
    world
        .until("the withdrawal", |world| {
            (world.count("outreach.wish_dropped") == 2).then_some(())
        })
        .await;
    let over = Listing {
        until: Some(Timestamp::default()),
        ..entry
    };
    assert!(matches!(
        list(over).await,
        Err(CommandError::Invalid { field: "until", .. })
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_department_states_again_is_no_news_and_nothing_is_true_in_the_future() {
    let world = world().await;
    let filed = file(&world, ANNA, "invitation").await;
    let fact = |amount: &str, as_of| DepartmentFact {
        department: "finance".into(),
        key: "balance".into(),
        value: FactValue::number(amount, Some("EUR")).unwrap(),
        source: None,
        as_of,
    };
    let state = |fact: DepartmentFact| {
        let (engine, tenant) = (world.engine.clone(), world.tenant);
        let (customer, actor) = (CustomerRef::Id(filed.customer), Actor::Operator);
        async move {
            engine
                .state_facts(tenant, &customer, vec![fact], actor)
                .await
        }
    };
    let now = world.engine.now();
    assert_eq!(state(fact("-20", now)).await.unwrap().new, 1);
    assert_eq!(state(fact("-20.00", now)).await.unwrap().new, 0);
    let older = now - Duration::from_secs(60);
    assert_eq!(state(fact("99", older)).await.unwrap().new, 0);
    let future = state(fact("0", now + Duration::from_secs(600))).await;
    assert!(matches!(
        future,
        Err(CommandError::Invalid {
            field: "facts.as_of",
            ..
        })
    ));
    assert_eq!(world.count("customer.fact_stated"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_complaint_is_opened_once_and_settled_by_service() {
    let world = world().await;
    let filed = file(&world, ANNA, "invitation").await;
    let complaint = ComplaintId::from_uuid(Uuid::now_v7());
    let (engine, tenant, who) = (&world.engine, world.tenant, filed.customer);
    for _ in 0..2 {
        engine
            .open_complaint(tenant, who, complaint, "late".into(), Actor::Operator)
            .await
            .unwrap();
    }
    let known = engine.customer(tenant, who).await.unwrap().unwrap();
    assert!(known.has_open_complaint());
    engine
        .close_complaint(tenant, who, complaint, "paid".into(), Actor::Operator)
        .await
        .unwrap();
    let known = engine.customer(tenant, who).await.unwrap().unwrap();
    assert!(!known.has_open_complaint());
    assert_eq!(world.count("customer.complaint_opened"), 1);
    let other = ComplaintId::from_uuid(Uuid::now_v7());
    let unknown = engine.close_complaint(tenant, who, other, "?".into(), Actor::Operator);
    assert_eq!(unknown.await, Err(CommandError::NotFound("complaint")));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_are_one_person_get_one_contact_with_everything_and_apart_each_their_own() {
    let world = world().await;
    let (one, other) = (
        file(&world, ANNA, "invitation").await,
        file(&world, BORIS, "survey").await,
    );
    let (anna, boris) = (one.customer, other.customer);
    merge(&world, anna, boris).await.unwrap();
    merge(&world, anna, boris).await.unwrap();
    assert_eq!(world.count("customer.merged"), 1, "once");
    // Whoever is known by the other's number is the same person now.
    let known = world
        .engine
        .find_customer(world.tenant, &phone(BORIS))
        .await;
    assert_eq!(known, Ok(Some(anna)));
    let again = file(&world, BORIS, "renewal").await;
    assert_eq!(again.customer, anna);
    let started = world
        .until("the contact", |world| {
            outreach_of(world, anna)
                .into_iter()
                .find_map(|fact| match fact {
                    outreach::Fact::ContactStarted { receipt, .. } => Some(receipt),
                    _ => None,
                })
        })
        .await;
    assert_eq!(started.scores.len(), 3, "{started:?}");
    // While it runs nothing is taken apart; and nothing is planned twice.
    let apart = world
        .engine
        .unmerge_customer(world.tenant, boris, Actor::Operator);
    assert!(is(&apart.await.unwrap_err(), "contact_open"));
    assert_eq!(world.count("outreach.contact_started"), 1);
    let chain = merge(&world, boris, anna).await.unwrap_err();
    assert!(is(&chain, "customer_merged"), "{chain:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn taken_apart_the_wishes_go_back_to_whom_they_were_filed_for() {
    let world = world().await;
    let tomorrow = world.engine.now() + Duration::from_secs(1_800);
    let mut filed = vec![];
    for (number, purpose) in [(ANNA, "invitation"), (BORIS, "survey")] {
        let mut draft = world.wish(number, purpose, WishClass::Service);
        draft.not_before = Some(tomorrow);
        draft.key = Some(Uuid::from_u128(5));
        let done = world.engine.file_wish(world.tenant, "service", draft).await;
        filed.push(done.unwrap());
    }
    let (anna, boris) = (filed[0].customer, filed[1].customer);
    merge(&world, anna, boris).await.unwrap();
    // The department's key is known, whoever the customer is now.
    let mut draft = world.wish(BORIS, "survey", WishClass::Service);
    draft.key = Some(Uuid::from_u128(5));
    let again = world
        .engine
        .file_wish(world.tenant, "service", draft.clone());
    let again = again.await.unwrap();
    assert_eq!(
        (again.new, again.customer, again.wish),
        (false, anna, filed[1].wish)
    );
    // What is refused while they are one is refused for both.
    let refusal = CustomerChange {
        consent: vec![Statement::new("promotion", Channel::Voice, false, "call")],
        ..CustomerChange::default()
    };
    change(&world, boris, refusal).await.unwrap();
    let unmerge = || {
        world
            .engine
            .unmerge_customer(world.tenant, boris, Actor::Operator)
    };
    unmerge().await.unwrap();
    assert!(is(&unmerge().await.unwrap_err(), "not_merged"));
    let known = world
        .engine
        .find_customer(world.tenant, &phone(BORIS))
        .await;
    assert_eq!(known, Ok(Some(boris)));
    for who in [anna, boris] {
        let refused = of(&world, who).into_iter().any(|fact| {
            matches!(fact, Fact::ConsentChanged(said) if !said.given && said.purpose == "promotion")
        });
        assert!(refused, "{who}");
    }
    let back = world.engine.file_wish(world.tenant, "service", draft);
    let back = back.await.unwrap();
    assert_eq!(
        (back.new, back.customer, back.wish),
        (false, boris, filed[1].wish)
    );
    let last = outreach_of(&world, boris);
    assert!(
        last.iter()
            .any(|fact| matches!(fact, outreach::Fact::WishesReturned { wishes, .. } if wishes.len() == 1)),
        "{last:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merging_that_somebody_began_and_left_is_carried_out() {
    let world = world().await;
    let (anna, boris) = (
        file(&world, ANNA, "invitation").await.customer,
        file(&world, BORIS, "survey").await.customer,
    );
    begin_merging(&world, anna, boris).await;
    world
        .until("the merging", |world| world.has("customer.merged"))
        .await;
    world
        .until("the wish at its new place", |world| {
            outreach_of(world, anna)
                .iter()
                .any(|fact| matches!(fact, outreach::Fact::WishFiled(wish) if wish.purpose == "survey"))
                .then_some(())
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_merged_while_they_are_being_called() {
    let world = world().await;
    let (anna, boris) = (
        file(&world, ANNA, "invitation").await.customer,
        file(&world, BORIS, "survey").await.customer,
    );
    world
        .until("both contacts", |world| {
            (world.count("outreach.contact_started") == 2).then_some(())
        })
        .await;
    let refused = merge(&world, anna, boris).await.unwrap_err();
    assert!(is(&refused, "contact_open"), "{refused:?}");
    assert_eq!(world.count("customer.absorbed"), 0, "nothing is stored");
    // Somebody began it a moment before the contact did.
    begin_merging(&world, anna, boris).await;
    world
        .until("the release", |world| world.has("customer.released"))
        .await;
    assert_eq!(world.count("customer.merge_refused"), 1);
    assert_eq!(world.count("customer.merged"), 0);
    let filed = file(&world, BORIS, "renewal").await;
    assert_eq!(filed.customer, boris, "their outreach is open");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_both_have_proved_makes_them_one_and_a_claim_waits_for_somebody_to_look() {
    let world = world().await;
    let (anna, boris) = (
        file(&world, ANNA, "invitation").await.customer,
        file(&world, BORIS, "survey").await.customer,
    );
    let claimed = CustomerChange {
        contact_points: vec![KnownContactPoint::new(phone(ANNA), false)],
        ..CustomerChange::default()
    };
    let refused = change(&world, boris, claimed.clone()).await.unwrap_err();
    assert!(matches!(
        refused,
        CommandError::Invalid {
            field: "contact_points",
            ..
        }
    ));
    change(&world, boris, claimed).await.unwrap_err();
    assert_eq!(world.count("customer.match_suspected"), 1, "raised once");
    // Only one of them has proved it: still a doubt.
    change(&world, boris, proved(ANNA)).await.unwrap_err();
    assert_eq!(world.count("customer.merged"), 0);
    change(&world, anna, proved(ANNA)).await.unwrap();
    change(&world, boris, proved(ANNA)).await.unwrap();
    let merged = of(&world, boris).into_iter().find_map(|fact| match fact {
        Fact::Merged { into, .. } => Some(into),
        _ => None,
    });
    assert_eq!(merged, Some(anna), "who had it first stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doubt_is_decided_by_somebody_and_stays_decided() {
    let world = world().await;
    let (anna, boris) = (
        file(&world, ANNA, "invitation").await.customer,
        file(&world, BORIS, "survey").await.customer,
    );
    let (engine, tenant) = (&world.engine, world.tenant);
    let raised = engine.suspect_match(tenant, anna, boris, Doubt::Stated, Actor::Operator);
    let (review, _) = raised.await.unwrap();
    let low = anna.min(boris);
    let judge = |judgement, survivor| {
        let evidence = Some("same voice".to_owned());
        engine.judge_match(
            tenant,
            low,
            review,
            judgement,
            survivor,
            evidence,
            Actor::Operator,
        )
    };
    let stranger = CustomerId::from_uuid(Uuid::now_v7());
    let wrong = judge(Judgement::Merge, Some(stranger)).await.unwrap_err();
    assert!(matches!(
        wrong,
        CommandError::Invalid {
            field: "survivor",
            ..
        }
    ));
    judge(Judgement::Merge, Some(boris)).await.unwrap();
    judge(Judgement::Merge, Some(boris)).await.unwrap();
    assert_eq!(world.count("customer.match_judged"), 1);
    assert_eq!(world.count("customer.merged"), 1);
    let otherwise = judge(Judgement::Different, None).await.unwrap_err();
    assert!(is(&otherwise, "already_judged"));
}

#[tokio::test(flavor = "multi_thread")]
async fn erasing_one_person_erases_everybody_they_were_taken_for() {
    let world = world().await;
    let later = world.engine.now() + Duration::from_secs(1_800);
    let mut both = vec![];
    for number in [ANNA, BORIS] {
        let mut draft = world.wish(number, "survey", WishClass::Service);
        draft.not_before = Some(later);
        let filed = world.engine.file_wish(world.tenant, "service", draft).await;
        both.push(filed.unwrap().customer);
    }
    merge(&world, both[0], both[1]).await.unwrap();
    let erased = world
        .engine
        .erase_customer(
            world.tenant,
            both[1],
            ErasureGround::Requested,
            Actor::Operator,
        )
        .await
        .unwrap();
    assert!(erased.new && erased.released == 2, "{erased:?}");
    for who in both {
        let known = world.engine.customer(world.tenant, who).await.unwrap();
        assert!(known.unwrap().is_erased(), "{who}");
    }
    for number in [ANNA, BORIS] {
        let known = world
            .engine
            .find_customer(world.tenant, &phone(number))
            .await;
        assert_eq!(known, Ok(None));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_noted_for_one_counts_where_it_was_asked() {
    let world = world().await;
    let (anna, boris) = (
        file(&world, ANNA, "invitation").await,
        file(&world, BORIS, "survey").await,
    );
    merge(&world, anna.customer, boris.customer).await.unwrap();
    world.ready().await;
    let contact = world
        .until("the offer", |world| world.has("interaction.offered"))
        .await;
    for nth in [0, 1] {
        let VoiceCommand::Dial { leg, .. } = world.dialled(nth).await else {
            panic!("no dial")
        };
        let answered = VoiceEvent::Answered { leg };
        world.peer.send(answered).await.unwrap();
    }
    world
        .until("the talk", |world| world.has("interaction.connected"))
        .await;
    let noted = world.engine.record_outcome(
        world.tenant,
        world.anna,
        contact,
        boris.wish,
        Outcome::Agreed.into(),
    );
    noted.await.unwrap();
    let noted = outreach_of(&world, anna.customer);
    assert!(
        noted.iter().any(|fact| matches!(fact, outreach::Fact::OutcomeRecorded { wish, .. } if *wish == boris.wish)),
        "{noted:#?}"
    );
}
