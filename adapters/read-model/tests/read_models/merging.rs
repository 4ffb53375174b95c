//! Two customers who are one person are shown as one, until they are taken apart.

use std::time::Duration;

use rapport_domain::channel::Channel;
use rapport_domain::contact_point::{ContactPoint, Kind};
use rapport_domain::customer::{Customer, DepartmentFact, Fact, FactValue, Statement};
use rapport_domain::event::Position;
use rapport_domain::id::{CustomerId, MergeId, WishId};
use rapport_domain::outreach::{self, Wish};
use rapport_domain::time::Timestamp;
use rapport_read_model::view::WishFilter;
use uuid::Uuid;

use crate::fixture::*;
use crate::support::{Paper, fed};

const MERGE: MergeId = MergeId::from_uuid(Uuid::from_u128(900));

fn who(n: u128) -> CustomerId {
    CustomerId::from_uuid(Uuid::from_u128(800 + n))
}

fn number(n: u128) -> ContactPoint {
    ContactPoint::parse(Kind::Phone, &format!("+49301000{n}")).unwrap()
}

fn wanted(n: u128) -> Wish {
    Wish {
        id: WishId::from_uuid(Uuid::from_u128(850 + n)),
        ..wish()
    }
}

fn balance(amount: &str, ago: u64) -> Fact {
    Fact::FactStated(DepartmentFact {
        department: "finance".into(),
        key: "balance".into(),
        value: FactValue::number(amount, None).unwrap(),
        source: None,
        as_of: LATE - Duration::from_secs(ago),
    })
}

fn says(given: bool) -> Fact {
    Fact::ConsentChanged(Statement::new("promotion", Channel::Voice, given, "call"))
}

fn known(paper: &mut Paper, n: u128, facts: &[Fact]) {
    let mut all = Customer::create(number(n), true, None);
    all.extend_from_slice(facts);
    paper.append(tenant(), who(n).as_uuid(), LATE, &all);
    let filed = outreach::Fact::WishFiled(wanted(n));
    paper.append(tenant(), who(n).as_uuid(), LATE, &[filed]);
}

/// When somebody noticed.
const MERGED: Timestamp = Timestamp::from_micros(LATE.as_micros() + 1);

/// The second turns out to be the first.
fn merge(paper: &mut Paper) {
    let moved = outreach::Fact::WishesMoved {
        to: who(1),
        merge: MERGE,
        wishes: vec![wanted(2).id],
        closing: true,
    };
    paper.append(tenant(), who(2).as_uuid(), MERGED, &[moved]);
    let merged = Fact::Merged {
        into: who(1),
        merge: MERGE,
    };
    paper.append(tenant(), who(2).as_uuid(), MERGED, &[merged]);
    let filed = outreach::Fact::WishFiled(wanted(2));
    paper.append(tenant(), who(1).as_uuid(), MERGED, &[filed]);
}

fn unmerge(paper: &mut Paper) {
    let back = outreach::Fact::WishesMoved {
        to: who(2),
        merge: MERGE,
        wishes: vec![wanted(2).id],
        closing: false,
    };
    paper.append(tenant(), who(1).as_uuid(), LATE, &[back]);
    let apart = Fact::Unmerged {
        from: who(1),
        merge: MERGE,
    };
    paper.append(tenant(), who(2).as_uuid(), LATE, &[apart]);
    let returned = outreach::Fact::WishesReturned {
        from: who(1),
        merge: MERGE,
        wishes: vec![wanted(2).id],
    };
    paper.append(tenant(), who(2).as_uuid(), LATE, &[returned]);
}

#[test]
fn one_person_has_one_view_one_timeline_and_each_wish_once() {
    let (folder, mut paper) = (tempfile::tempdir().unwrap(), Paper::default());
    known(&mut paper, 1, &[balance("1", 60), says(true)]);
    known(&mut paper, 2, &[balance("2", 5), says(false)]);
    merge(&mut paper);
    let models = fed(folder.path(), &paper.events);
    let one = models.customer(tenant(), who(2)).unwrap().unwrap();
    assert_eq!((one.id, one.merged.as_slice()), (who(1), &[who(2)][..]));
    assert_eq!(models.customer(tenant(), who(1)).unwrap().unwrap(), one);
    assert_eq!(one.contact_points.len(), 2);
    assert_eq!(one.facts[0].value.expose(), "2", "the newer truth");
    assert!(!one.consent[0].given, "the stricter statement");
    let wishes: Vec<_> = one
        .wishes
        .iter()
        .map(|wish| (wish.id, wish.customer))
        .collect();
    assert_eq!(wishes, [(wanted(1).id, who(1)), (wanted(2).id, who(1))]);
    let both = models.timeline(tenant(), who(2), None, 50).unwrap();
    assert_eq!(both, models.timeline(tenant(), who(1), None, 50).unwrap());
    let filed = both.items.iter().filter(|item| item.kind == "wish_filed");
    assert_eq!(filed.count(), 2, "a wish that moves is not filed again");
    let found = models
        .find_customers(tenant(), number(2).key(tenant()))
        .unwrap();
    assert_eq!(found.iter().map(|it| it.id).collect::<Vec<_>>(), [who(1)]);
    let page = models
        .wishes(tenant(), &WishFilter::default(), Position::START, 50)
        .unwrap();
    assert_eq!(page.wishes.len(), 2);
}

#[test]
fn an_agreement_since_they_are_one_goes_before_an_older_refusal_of_the_other() {
    let (folder, mut paper) = (tempfile::tempdir().unwrap(), Paper::default());
    known(&mut paper, 1, &[]);
    known(&mut paper, 2, &[says(false)]);
    merge(&mut paper);
    let later = LATE + Duration::from_secs(1);
    paper.append(tenant(), who(1).as_uuid(), later, &[says(true)]);
    let models = fed(folder.path(), &paper.events);
    let one = models.customer(tenant(), who(1)).unwrap().unwrap();
    assert!(one.consent[0].given);
}

#[test]
fn taken_apart_each_is_shown_as_before() {
    let (folder, mut paper) = (tempfile::tempdir().unwrap(), Paper::default());
    known(&mut paper, 1, &[balance("1", 60), says(true)]);
    known(&mut paper, 2, &[balance("2", 5), says(false)]);
    let apart = tempfile::tempdir().unwrap();
    let before = fed(apart.path(), &paper.events);
    merge(&mut paper);
    unmerge(&mut paper);
    let after = fed(folder.path(), &paper.events);
    for n in [1, 2] {
        let view = after.customer(tenant(), who(n)).unwrap();
        assert_eq!(view, before.customer(tenant(), who(n)).unwrap());
    }
}
