//! The rules of what may become known of a customer.

#![allow(
    clippy::unwrap_used,
    reason = "tests, helpers of tests included, may panic"
)]

use std::time::Duration;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::aggregate::{Aggregate, Folded};
use crate::channel::Channel;
use crate::contact_point::{ContactPoint, Kind};
use crate::event::{Actor, Position, Revision};
use crate::id::ComplaintId;
use crate::outreach::WishClass::{Mandatory, Marketing, Service};
use crate::private::Private;
use crate::time::{Timestamp, Zone};

const NOW: Timestamp = Timestamp::from_millis(1_795_262_400_000);

fn later(seconds: u64) -> Timestamp {
    NOW + Duration::from_secs(seconds)
}

fn phone(text: &str) -> ContactPoint {
    ContactPoint::parse(Kind::Phone, text).unwrap()
}

fn private(text: &str) -> Private<String> {
    Private::new(text.to_owned())
}

fn known(facts: &[Fact]) -> Customer {
    let mut folded = Folded::<Customer>::default();
    for (revision, fact) in facts.iter().enumerate() {
        folded.take(fact, NOW, Revision(revision as u64));
    }
    Customer::clone(&folded.state.unwrap())
}

fn anybody() -> Customer {
    known(&Customer::create(phone("+4930123456"), false, None))
}

fn then(mut customer: Customer, decided: Result<Vec<Fact>, Rejection>, at: Timestamp) -> Customer {
    for fact in decided.unwrap() {
        customer.apply(&fact, at, Revision(9));
    }
    customer
}

fn says(customer: Customer, purpose: &str, given: bool, at: Timestamp) -> Customer {
    let statement = Statement::new(purpose, Channel::Voice, given, "call");
    let decided = customer.state_consent(statement, at);
    then(customer, decided, at)
}

#[test]
fn a_refusal_for_the_purpose_goes_before_a_general_yes() {
    let customer = says(anybody(), "promotion", false, NOW);
    let customer = says(customer, ANY, true, later(1));
    let consent = |purpose, channel| customer.consent_at(purpose, Marketing, channel, later(2));
    assert_eq!(consent("promotion", Channel::Voice), Some(false));
    assert_eq!(consent("survey", Channel::Voice), Some(true));
    assert_eq!(consent("survey", Channel::Chat), None);
}

#[test]
fn an_agreement_does_not_survive_a_later_wider_refusal_but_can_be_given_anew() {
    let customer = says(anybody(), "promotion", true, NOW);
    let customer = says(customer, SELLING, false, later(1));
    let consent = |customer: &Customer, class| {
        customer.consent_at("promotion", class, Channel::Voice, later(9))
    };
    assert_eq!(consent(&customer, Marketing), Some(false));
    assert_eq!(consent(&customer, Service), Some(true), "it is not sold");
    let customer = says(customer, "promotion", true, later(2));
    assert_eq!(consent(&customer, Marketing), Some(true));
}

#[test]
fn an_agreement_ends_when_it_expires_and_a_refusal_does_not() {
    let mut statement = Statement::new("promotion", Channel::Voice, true, "form");
    statement.expires_at = Some(later(60));
    let customer = anybody();
    let decided = customer.state_consent(statement.clone(), NOW);
    let customer = then(customer, decided, NOW);
    let at = |moment| customer.consent_at("promotion", Marketing, Channel::Voice, moment);
    assert_eq!((at(later(59)), at(later(60))), (Some(true), None));
    let late = customer.state_consent(statement.clone(), later(60));
    assert_eq!(late, Err(Rejection::AgreementOver));
    statement.given = false;
    let refusal = customer.state_consent(statement, NOW);
    assert_eq!(refusal, Err(Rejection::RefusalExpires));
}

#[test]
fn the_same_statement_again_changes_nothing_and_another_evidence_is_kept() {
    let customer = says(anybody(), "promotion", true, NOW);
    let again = Statement::new("promotion", Channel::Voice, true, "call");
    assert_eq!(customer.state_consent(again.clone(), later(5)), Ok(vec![]));
    let other = Statement::new("promotion", Channel::Voice, true, "form 7");
    assert_eq!(
        customer.state_consent(other.clone(), later(5)),
        Ok(vec![Fact::ConsentChanged(other)])
    );
    let early = Statement {
        stated_at: Some(later(6)),
        ..again
    };
    assert_eq!(
        customer.state_consent(early, later(5)),
        Err(Rejection::NotSaidYet)
    );
}

#[test]
fn what_becomes_known_late_does_not_undo_what_was_said_after_it() {
    let customer = says(anybody(), "promotion", false, later(10));
    let imported = Statement {
        stated_at: Some(later(5)),
        ..Statement::new("promotion", Channel::Voice, true, "old form")
    };
    let decided = customer.state_consent(imported, later(20));
    assert_eq!(decided.as_ref().map(Vec::len), Ok(1), "it is kept");
    let customer = then(customer, decided, later(20));
    let said = customer.consent_at("promotion", Marketing, Channel::Voice, later(20));
    assert_eq!(said, Some(false));
}

#[test]
fn an_opt_out_refuses_what_is_sold_on_its_channel_once() {
    let customer = says(anybody(), "promotion", true, NOW);
    let word = || private("STOP");
    let decided = customer.opt_out(Channel::Voice, word(), later(1), later(2));
    let customer = then(customer, decided, later(2));
    let consent = |class| customer.consent_at("promotion", class, Channel::Voice, later(3));
    assert_eq!(
        (consent(Marketing), consent(Service)),
        (Some(false), Some(true))
    );
    let again = customer.opt_out(Channel::Voice, word(), later(1), later(9));
    assert_eq!(again, Ok(vec![]), "it was seen twice, not written twice");
    let customer = says(customer, SELLING, true, later(5));
    let again = customer.opt_out(Channel::Voice, word(), later(1), later(9));
    assert_eq!(again, Ok(vec![]), "they changed their mind since");
    let anew = customer.opt_out(Channel::Voice, word(), later(6), later(9));
    assert_eq!(anew.map(|facts| facts.len()), Ok(1));
}

fn recorded(given: bool, stated: u64, at: u64, until: Option<u64>) -> Proven {
    Proven {
        statement: Statement {
            expires_at: until.map(later),
            ..Statement::new("promotion", Channel::Voice, given, "call")
        },
        stated_at: later(stated),
        recorded_at: later(at),
        actor: Actor::Operator,
        position: Position(at),
        standing: Standing::InForce,
    }
}

#[test]
fn the_proof_of_a_moment_is_what_was_on_record_then() {
    let history = vec![
        recorded(true, 0, 10, Some(50)),
        recorded(false, 20, 20, None),
        recorded(true, 15, 30, None),
    ];
    let at = |seconds| {
        let proven = proof(history.clone(), later(seconds));
        proven.first().map(|it| (it.position.0, it.standing))
    };
    assert_eq!(at(9), None, "nobody had told us");
    assert_eq!(at(10), Some((10, Standing::InForce)));
    assert_eq!(at(25), Some((20, Standing::InForce)));
    assert_eq!(
        at(60),
        Some((20, Standing::InForce)),
        "said last, told first"
    );
    let only = proof(history[..1].to_vec(), later(50));
    assert_eq!(only[0].standing, Standing::Expired);
}

#[test]
fn a_preferred_number_goes_before_a_verified_one_and_that_before_the_newest() {
    let (old, verified, new) = (
        phone("+4930111111"),
        phone("+4930222222"),
        phone("+4930333333"),
    );
    let customer = known(&Customer::create(old.clone(), false, None));
    let decided = customer.add_contact_point(verified.clone(), true, None);
    let customer = then(customer, decided, NOW);
    let decided = customer.add_contact_point(new.clone(), false, None);
    let customer = then(customer, decided, NOW);
    let reach = |customer: &Customer| customer.reach(Channel::Voice, Service, NOW).cloned();
    assert_eq!(reach(&customer), Some(verified));
    let stranger = phone("+4930999999");
    assert_eq!(
        customer.prefer(None, Some(stranger)),
        Err(Rejection::UnknownContactPoint)
    );
    let decided = customer.prefer(Some(Channel::Voice), Some(old.clone()));
    let customer = then(customer, decided, NOW);
    assert_eq!(reach(&customer), Some(old.clone()));
    assert_eq!(customer.prefer(Some(Channel::Voice), Some(old)), Ok(vec![]));
}

#[test]
fn a_listed_number_reaches_them_for_nothing_the_list_covers_until_the_entry_ends() {
    let number = phone("+4930111111");
    let mut blocks = Blocks::default();
    blocks.set(Scope::Marketing, Some(later(60)));
    let customer = known(&Customer::create(number.clone(), true, None)).listed_as(number, blocks);
    let reached = |class, at| customer.reach(Channel::Voice, class, at).is_some();
    assert!(reached(Mandatory, NOW) && reached(Service, NOW) && !reached(Marketing, NOW));
    assert!(reached(Marketing, later(60)));
}

#[test]
fn a_forgotten_number_reaches_nobody() {
    let forgotten = r#"{"kind":"phone","value":"⟪forgotten⟫"}"#;
    let customer = known(&Customer::create(
        serde_json::from_str(forgotten).unwrap(),
        true,
        None,
    ));
    assert_eq!(customer.contact_points.len(), 1);
    assert_eq!(customer.reach(Channel::Voice, Mandatory, NOW), None);
}

#[test]
fn a_contact_point_seen_again_changes_nothing() {
    let customer = known(&Customer::create(phone("+4930111111"), true, None));
    assert_eq!(
        customer.add_contact_point(phone("+49 30 111111"), false, None),
        Ok(vec![])
    );
}

#[test]
fn do_not_contact_ends_by_itself_or_by_being_lifted() {
    let pause = DoNotContact {
        scope: Scope::Marketing,
        until: Some(later(60)),
        ..DoNotContact::new(true, "busy")
    };
    let customer = anybody();
    let decided = customer.change_do_not_contact(pause.clone(), NOW);
    let customer = then(customer, decided, NOW);
    assert_eq!(
        customer.change_do_not_contact(pause.clone(), NOW),
        Ok(vec![])
    );
    assert!(customer.may_be_contacted(Service, NOW));
    assert!(!customer.may_be_contacted(Marketing, NOW));
    assert!(customer.may_be_contacted(Marketing, later(60)));
    assert_eq!(
        customer.change_do_not_contact(pause.clone(), later(60)),
        Err(Rejection::BlockOver)
    );
    let lifted = DoNotContact {
        active: false,
        ..pause
    };
    let decided = customer.change_do_not_contact(lifted.clone(), later(1));
    let customer = then(customer, decided, later(1));
    assert!(customer.may_be_contacted(Marketing, later(1)));
    assert_eq!(customer.change_do_not_contact(lifted, later(1)), Ok(vec![]));
}

#[test]
fn a_complaint_is_open_until_service_settles_it() {
    let id = ComplaintId::from_uuid(Uuid::from_u128(7));
    let customer = anybody();
    let decided = customer.complain(id, private("late again"), None);
    let customer = then(customer, decided, NOW);
    assert!(customer.has_open_complaint());
    assert_eq!(
        customer.complain(id, private("late again"), None),
        Ok(vec![])
    );
    let other = ComplaintId::from_uuid(Uuid::from_u128(8));
    assert_eq!(
        customer.settle(other, private("paid back")),
        Err(Rejection::UnknownComplaint)
    );
    let decided = customer.settle(id, private("paid back"));
    let customer = then(customer, decided, later(5));
    assert!(!customer.has_open_complaint());
    assert_eq!(customer.settle(id, private("paid back")), Ok(vec![]));
    let repeated = customer.complain(id, private("late again"), None);
    assert_eq!(repeated, Ok(vec![]), "a repeated request opens nothing");
}

fn qualified(admission: Admission, tier: &str) -> Qualification {
    Qualification {
        admission,
        segment: None,
        tier: Some(tier.to_owned()),
        evidence: private("balance of the last year"),
    }
}

#[test]
fn the_last_decision_on_what_they_are_worth_counts_and_said_again_changes_nothing() {
    let customer = anybody();
    assert_eq!(customer.value_tier(), None);
    let decided = customer.qualify(qualified(Admission::Accepted, "gold"));
    let customer = then(customer, decided, NOW);
    let again = customer.qualify(qualified(Admission::Accepted, "gold"));
    assert_eq!((customer.value_tier(), again), (Some("gold"), Ok(vec![])));
    let refused = customer.qualify(qualified(Admission::Refused, "none"));
    let refused = then(customer.clone(), refused, NOW);
    let one = customer.with([(NOW, &refused)]);
    assert_eq!(
        one.value_tier(),
        Some("none"),
        "whoever refused one refused both"
    );
    let one = anybody().with([(NOW, &customer)]);
    assert_eq!(one.value_tier(), Some("gold"));
}

#[test]
fn no_customer_holds_more_statements_or_facts_than_there_is_room_for() {
    let mut customer = anybody();
    for place in 0..MOST_STATEMENTS {
        customer = says(customer, &format!("purpose_{place}"), true, NOW);
    }
    let one_more = Statement::new("one_more", Channel::Voice, true, "call");
    assert_eq!(
        customer.state_consent(one_more, NOW),
        Err(Rejection::TooMany)
    );
    let refused = Statement::new("purpose_7", Channel::Voice, false, "call");
    assert!(
        customer.state_consent(refused, NOW).is_ok(),
        "a change has room"
    );
    let fact = |key: &str, as_of| DepartmentFact {
        department: "service".to_owned(),
        key: key.to_owned(),
        value: FactValue::flag(true),
        source: None,
        as_of,
    };
    for place in 0..MOST_FACTS {
        let decided = customer.state_fact(fact(&format!("device_{place}"), NOW), NOW);
        customer = then(customer, decided, NOW);
    }
    let one_more = customer.state_fact(fact("one_more", NOW), NOW);
    assert_eq!(one_more, Err(Rejection::TooMany));
    let newer = customer.state_fact(fact("device_7", later(1)), later(1));
    assert!(newer.is_ok(), "a newer truth has room");
    let future = customer.state_fact(fact("device_7", later(2)), later(1));
    assert_eq!(future, Err(Rejection::NotTrueYet));
}

#[test]
fn of_an_erased_customer_nothing_is_left_and_nothing_is_taken_in() {
    let id = ComplaintId::from_uuid(Uuid::from_u128(7));
    let customer = says(anybody(), ANY, true, NOW);
    let decided = customer.complain(id, private("late again"), None);
    let customer = then(customer, decided, NOW);
    let erased = customer.erase(ErasureGround::Requested);
    let erased = then(customer, Ok(erased), later(1));
    assert_eq!(
        erased,
        Customer {
            erased_at: Some(later(1)),
            ..Customer::default()
        }
    );
    let fact = DepartmentFact {
        department: "service".to_owned(),
        key: "vip".to_owned(),
        value: FactValue::flag(true),
        source: None,
        as_of: NOW,
    };
    for decided in [
        erased.add_contact_point(phone("+4930111111"), true, None),
        erased.rename(private("Li Wei")),
        erased.set_zone(Zone::UTC),
        erased.prefer(Some(Channel::Chat), None),
        erased.state_consent(Statement::new(ANY, Channel::Voice, true, ""), later(2)),
        erased.change_do_not_contact(DoNotContact::new(true, ""), later(2)),
        erased.complain(id, private("late again"), None),
        erased.settle(id, private("paid back")),
        erased.state_fact(fact, later(2)),
        erased.qualify(qualified(Admission::Accepted, "gold")),
    ] {
        assert_eq!(decided, Err(Rejection::Erased));
    }
    assert_eq!(
        erased.erase(ErasureGround::Mistake),
        vec![],
        "once is enough"
    );
}

/// A purpose, whether it was agreed to, and how long after the first statement it was said.
fn any_statements() -> impl Strategy<Value = Vec<(usize, bool, u64)>> {
    proptest::collection::vec((0..3_usize, any::<bool>(), 0..50_u64), 0..12)
}

proptest! {
    /// Whatever else was said: a refusal of everything that nothing followed refuses every purpose.
    #[test]
    fn the_last_word_when_it_is_a_general_no_is_no(statements in any_statements()) {
        let mut customer = anybody();
        for (purpose, given, after) in statements {
            let statement = Statement {
                stated_at: Some(later(after)),
                ..Statement::new(["promotion", SELLING, ANY][purpose], Channel::Voice, given, "call")
            };
            let decided = customer.state_consent(statement, later(50));
            customer = then(customer, decided, later(50));
        }
        let customer = says(customer, ANY, false, later(51));
        for class in [Mandatory, Service, Marketing] {
            let said = customer.consent_at("promotion", class, Channel::Voice, later(52));
            prop_assert_eq!(said, Some(false));
        }
    }

    /// The order in which statements become known does not matter, only when they were made.
    #[test]
    fn what_counts_does_not_depend_on_the_order_of_arrival(statements in any_statements()) {
        let mut statements = statements;
        statements.sort_by_key(|(_, _, after)| *after);
        statements.dedup_by_key(|(_, _, after)| *after);
        let answers = |order: &[(usize, bool, u64)]| {
            let mut consents = Consents::default();
            for (purpose, given, after) in order {
                let purpose = ["promotion", SELLING, ANY][*purpose];
                let statement = Statement {
                    stated_at: Some(later(*after)),
                    ..Statement::new(purpose, Channel::Voice, *given, "call")
                };
                consents.take(&statement, later(60));
            }
            [Service, Marketing].map(|class| consents.answer("promotion", class, Channel::Voice, later(61)))
        };
        let forward = answers(&statements);
        statements.reverse();
        prop_assert_eq!(answers(&statements), forward);
    }
}
