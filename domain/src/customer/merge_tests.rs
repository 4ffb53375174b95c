//! Merging loses nothing and can be undone, and no race makes a chain or a circle of it.

#![allow(
    clippy::unwrap_used,
    reason = "tests, helpers of tests included, may panic"
)]

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::aggregate::Aggregate;
use crate::channel::Channel;
use crate::contact_point::{ContactPoint, Kind};
use crate::event::Revision;
use crate::id::{CustomerId, MergeId};
use crate::outreach::WishClass::{Marketing, Service};
use crate::time::Timestamp;

const ANNA: CustomerId = CustomerId::from_uuid(Uuid::from_u128(1));
const BORIS: CustomerId = CustomerId::from_uuid(Uuid::from_u128(2));
const MERGE: MergeId = MergeId::from_uuid(Uuid::from_u128(3));

fn at(seconds: u64) -> Timestamp {
    Timestamp::default() + Duration::from_secs(seconds)
}

fn somebody(number: &str) -> Customer {
    let point = ContactPoint::parse(Kind::Phone, number).unwrap();
    let facts = Customer::create(point, true, None);
    let mut customer = Customer::begin(&facts[0], at(0)).unwrap();
    take(&mut customer, facts, at(0));
    customer
}

fn take(customer: &mut Customer, facts: Vec<Fact>, now: Timestamp) {
    for fact in facts {
        customer.apply(&fact, now, Revision::FIRST);
    }
}

fn says(customer: &mut Customer, purpose: &str, given: bool, now: Timestamp) {
    let said = Statement::new(purpose, Channel::Voice, given, "call");
    let facts = customer.state_consent(said, now).unwrap();
    take(customer, facts, now);
}

fn noted(other: CustomerId, merge: MergeId) -> Absorption {
    Absorption {
        customer: other,
        merge,
        ground: MergeGround::Stated,
        evidence: None,
    }
}

/// Boris turns out to be Anna.
fn merge(anna: &mut Customer, boris: &mut Customer, now: Timestamp) {
    let facts = anna.absorb(ANNA, noted(BORIS, MERGE)).unwrap();
    take(anna, facts, now);
    let facts = boris.merge_into(ANNA, MERGE).unwrap();
    take(boris, facts, now);
}

fn unmerge(anna: &mut Customer, boris: &mut Customer, now: Timestamp) {
    let facts = boris.unmerge(ANNA, anna, now).unwrap();
    take(boris, facts, now);
    let facts = anna.release(BORIS, MERGE, ReleaseReason::Unmerged);
    take(anna, facts, now);
}

/// What is left when the memory of the merging is left out.
fn without_links(customer: &Customer) -> Customer {
    Customer {
        links: Links::default(),
        ..customer.clone()
    }
}

#[test]
fn of_two_statements_the_stricter_counts_until_the_person_agrees_anew() {
    let (mut anna, mut boris) = (somebody("+4930111"), somebody("+4930222"));
    says(&mut anna, "promotion", true, at(1));
    says(&mut boris, SELLING, false, at(0));
    merge(&mut anna, &mut boris, at(5));
    let consent = |anna: &Customer, class| {
        let one = anna.with([(at(5), &boris)]);
        one.consent_at("promotion", class, Channel::Voice, at(9))
    };
    assert_eq!(consent(&anna, Marketing), Some(false));
    assert_eq!(consent(&anna, Service), Some(true));
    let anew = Statement::new("promotion", Channel::Voice, true, "form 7");
    let facts = anna.state_consent(anew, at(6)).unwrap();
    take(&mut anna, facts, at(6));
    assert_eq!(consent(&anna, Marketing), Some(true));
}

#[test]
fn one_person_has_the_numbers_blocks_complaints_and_facts_of_both() {
    let (anna, mut boris) = (somebody("+4930111"), somebody("+4930222"));
    let wish = DoNotContact::new(true, "asked");
    let facts = boris.change_do_not_contact(wish, at(1)).unwrap();
    take(&mut boris, facts, at(1));
    let one = anna.with([(at(5), &boris)]);
    assert_eq!(one.contact_points.len(), 2);
    let own = one.reach(Channel::Voice, Service, at(5)).unwrap();
    assert_eq!(own.value(), "+4930111", "their own number goes first");
    assert!(!one.may_be_contacted(Service, at(5)));
}

#[test]
fn what_was_refused_while_two_were_one_is_refused_for_both() {
    let (mut anna, mut boris) = (somebody("+4930111"), somebody("+4930222"));
    says(&mut anna, "survey", false, at(1));
    merge(&mut anna, &mut boris, at(5));
    says(&mut anna, SELLING, false, at(6));
    let facts = anna
        .change_do_not_contact(DoNotContact::new(true, "asked"), at(7))
        .unwrap();
    take(&mut anna, facts, at(7));
    unmerge(&mut anna, &mut boris, at(9));
    let consent = |purpose| boris.consent_at(purpose, Marketing, Channel::Voice, at(9));
    assert_eq!(consent("promotion"), Some(false));
    assert!(!boris.may_be_contacted(Service, at(9)));
    let before = boris.consent.on("survey", Channel::Voice);
    assert_eq!(before, None, "that was said before they were one");
}

#[test]
fn nobody_is_merged_with_themselves_or_with_somebody_who_is_merged() {
    let (mut anna, mut boris) = (somebody("+4930111"), somebody("+4930222"));
    assert_eq!(
        anna.absorb(ANNA, noted(ANNA, MERGE)),
        Err(Rejection::SamePerson)
    );
    merge(&mut anna, &mut boris, at(5));
    let third = CustomerId::from_uuid(Uuid::from_u128(9));
    assert_eq!(
        boris.absorb(BORIS, noted(third, MERGE)),
        Err(Rejection::IsMerged)
    );
    assert_eq!(anna.merge_into(third, MERGE), Err(Rejection::HasMerged));
    assert_eq!(boris.merge_into(ANNA, MERGE), Ok(vec![]), "said again");
}

#[test]
fn a_doubt_is_raised_once_and_stays_decided() {
    let mut anna = somebody("+4930111");
    let (low, high, review) = pair(BORIS, ANNA);
    assert_eq!((low, high, pair(ANNA, BORIS).2), (ANNA, BORIS, review));
    let raised = anna.suspect(low, high, Doubt::ClaimedContactPoint).unwrap();
    take(&mut anna, raised, at(1));
    assert_eq!(anna.suspect(low, high, Doubt::Stated), Ok(vec![]));
    let judged = anna.judge(review, Judgement::Different).unwrap();
    take(&mut anna, judged, at(2));
    assert_eq!(anna.judge(review, Judgement::Different), Ok(vec![]));
    assert_eq!(anna.judge(review, Judgement::Merge), Err(Rejection::Judged));
    assert_eq!(anna.suspect(low, high, Doubt::Stated), Ok(vec![]));
    let unknown = pair(BORIS, CustomerId::from_uuid(Uuid::from_u128(9))).2;
    assert_eq!(
        anna.judge(unknown, Judgement::Different),
        Err(Rejection::UnknownReview)
    );
}

/// A step of somebody who merges or takes apart. Each looks at one customer and appends to one; anything may happen in
/// between, and every step may be repeated by somebody who is late.
#[derive(Clone, Debug)]
enum Step {
    Absorb(usize, usize),
    MergeInto(usize),
    Refuse(usize),
    Unmerge(usize),
    Release(usize),
}

fn any_step() -> impl Strategy<Value = Step> {
    let who = 0..4_usize;
    prop_oneof![
        (who.clone(), who.clone()).prop_map(|(one, other)| Step::Absorb(one, other)),
        (0..64_usize).prop_map(Step::MergeInto),
        (0..64_usize).prop_map(Step::Refuse),
        who.prop_map(Step::Unmerge),
        (0..64_usize).prop_map(Step::Release),
    ]
}

fn id(place: usize) -> CustomerId {
    CustomerId::from_uuid(Uuid::from_u128(place as u128 + 1))
}

proptest! {
    #[test]
    fn no_race_makes_a_chain_or_a_circle(steps in proptest::collection::vec(any_step(), 1..60)) {
        let mut everybody: Vec<Customer> =
            (0..4).map(|n| somebody(&format!("+493011{n}"))).collect();
        // Whoever carries out a merging knows it from the note: survivor, absorbed, its name.
        let mut begun: Vec<(usize, usize, MergeId)> = vec![];
        let mut undone: Vec<MergeId> = vec![];
        for (n, step) in steps.into_iter().enumerate() {
            let now = at(n as u64);
            let chosen = |n: usize, begun: &[(usize, usize, MergeId)]| {
                (!begun.is_empty()).then(|| begun[n % begun.len()])
            };
            match step {
                Step::Absorb(one, other) => {
                    let merge = MergeId::from_uuid(Uuid::from_u128(100 + n as u128));
                    let facts = everybody[one].absorb(id(one), noted(id(other), merge));
                    if let Ok(facts) = facts && !facts.is_empty() {
                        take(&mut everybody[one], facts, now);
                        begun.push((one, other, merge));
                    }
                }
                Step::MergeInto(n) => {
                    let Some((one, other, merge)) = chosen(n, &begun) else { continue };
                    if let Ok(facts) = everybody[other].merge_into(id(one), merge) {
                        take(&mut everybody[other], facts, now);
                    }
                }
                Step::Refuse(n) => {
                    let Some((_, other, merge)) = chosen(n, &begun) else { continue };
                    let facts = everybody[other].refuse_merge(merge);
                    take(&mut everybody[other], facts, now);
                }
                Step::Unmerge(other) => {
                    let Some((from, merge)) = everybody[other].links.merged_into else { continue };
                    let survivor = (0..4).find(|n| id(*n) == from).unwrap();
                    let facts = everybody[other].unmerge(from, &everybody[survivor], now).unwrap();
                    take(&mut everybody[other], facts, now);
                    undone.push(merge);
                }
                Step::Release(n) => {
                    let Some((one, other, merge)) = chosen(n, &begun) else { continue };
                    // Only once the other's own history says that it is over.
                    if everybody[other].links.has_ended(merge) {
                        let facts = everybody[one].release(id(other), merge, ReleaseReason::Refused);
                        take(&mut everybody[one], facts, now);
                    }
                }
            }
            for merged in &everybody {
                let Some((into, merge)) = merged.links.merged_into else { continue };
                let survivor = &everybody[(0..4).find(|n| id(*n) == into).unwrap()];
                prop_assert_eq!(survivor.links.merged_into, None, "a chain");
                prop_assert!(merged.links.absorbed.is_empty());
                let noted = survivor.links.absorbed.values().any(|noted| noted.merge == merge);
                prop_assert!(noted && !undone.contains(&merge));
            }
        }
    }

    /// Both are as before, but for what became known of one of them in the meantime.
    #[test]
    fn taking_apart_gives_both_back_as_they_were(
        before in proptest::collection::vec((any::<bool>(), 0..3_usize, any::<bool>()), 0..8),
        agreed in proptest::collection::vec(0..3_usize, 0..4),
    ) {
        let mut two: BTreeMap<bool, Customer> =
            [(false, somebody("+4930111")), (true, somebody("+4930222"))].into();
        for (n, (who, purpose, given)) in before.into_iter().enumerate() {
            let purpose = ["promotion", SELLING, ANY][purpose];
            says(two.get_mut(&who).unwrap(), purpose, given, at(n as u64));
        }
        let (mut anna, mut boris) = (two[&false].clone(), two[&true].clone());
        merge(&mut anna, &mut boris, at(20));
        let one = anna.with([(at(20), &boris)]);
        for class in [Service, Marketing] {
            let said = |who: &Customer| who.consent_at("promotion", class, Channel::Voice, at(21));
            let (both, refused) = (said(&one), Some(false));
            prop_assert_eq!(both == refused, said(&anna) == refused || said(&boris) == refused);
            prop_assert_eq!(both.is_none(), said(&anna).is_none() && said(&boris).is_none());
        }
        for purpose in agreed {
            says(&mut anna, ["promotion", SELLING, ANY][purpose], true, at(30));
        }
        let meanwhile = without_links(&anna);
        unmerge(&mut anna, &mut boris, at(40));
        prop_assert_eq!(without_links(&boris), two[&true].clone());
        prop_assert_eq!(without_links(&anna), meanwhile);
        prop_assert!(anna.links.absorbed.is_empty() && boris.links.merged_into.is_none());
    }
}
