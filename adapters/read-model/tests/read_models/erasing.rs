//! Of an erased customer nothing personal is left in any file, and nothing else changes.

use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;
use rapport_domain::channel::{Channel, Direction};
use rapport_domain::contact_point::{ContactPoint, Kind};
use rapport_domain::customer::{
    Admission, ClaimFact, Customer, DepartmentFact, DoNotContact, ErasureGround, Fact, FactValue,
    Qualification, Statement,
};
use rapport_domain::event::Recorded;
use rapport_domain::id::{ComplaintId, CustomerId, MessageId, QueueId, TenantId};
use rapport_domain::interaction::{Fact as InteractionFact, Start};
use rapport_domain::private::Private;
use rapport_domain::time::Timestamp;
use rapport_read_model::{CUSTOMERS, ReadModels, STATISTICS, TIMELINE};
use uuid::Uuid;

use crate::replay::{History, any_step, point};
use crate::support::{Paper, dump, fed, feed};

const NOW: Timestamp = Timestamp::from_millis(1_795_435_200_000);

/// What the log gives back once the keys of these customers are destroyed.
fn sealed(events: &[Recorded], people: &[usize]) -> Vec<Recorded> {
    let mut events = events.to_vec();
    for recorded in &mut events {
        let mut text = String::from_utf8(recorded.event.data.clone()).unwrap();
        for who in people {
            for words in [
                format!("note of {who}"),
                format!("point for {who}"),
                point(*who as u128).value().to_owned(),
            ] {
                text = text.replace(&format!("\"{words}\""), "\"forgotten\"");
            }
        }
        recorded.event.data = text.into_bytes();
    }
    events
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_model_that_saw_the_person_and_one_rebuilt_without_the_keys_hold_the_same(
        steps in prop::collection::vec(any_step(), 0..80), page in 1..9_usize
    ) {
        let history = History::of(&steps);
        let events = &history.paper.events;
        let erased: Vec<usize> = (0..history.people.len())
            .filter(|who| {
                let id = history.people[*who].id.as_uuid();
                events.iter().any(|recorded| recorded.stream.id == id && recorded.event.kind == "customer.erased")
            })
            .collect();
        let folder = tempfile::tempdir().unwrap();
        let (models, mut projections) = ReadModels::open(folder.path()).unwrap();
        for projection in &mut projections {
            feed(projection.as_mut(), events, page);
        }
        drop((models, projections));
        for name in ReadModels::names() {
            let live = dump(folder.path(), name);
            let mut rebuild = ReadModels::rebuild(folder.path(), name).unwrap();
            feed(&mut rebuild, &sealed(events, &erased), 1_000);
            rebuild.finish().unwrap();
            prop_assert_eq!(live, dump(folder.path(), name), "{}", name);
        }
        let contents = contents(folder.path());
        for who in erased {
            for words in [format!("note of {who}"), format!("point for {who}"), point(who as u128).value().to_owned()] {
                prop_assert_eq!(found(&contents, &words), Vec::<String>::new());
            }
        }
    }
}

/// What the files of the read models hold, byte for byte; what is no text in them is no needle either.
fn contents(folder: &Path) -> Vec<(String, String)> {
    let files = std::fs::read_dir(folder.join("read-models")).unwrap();
    files
        .map(|file| {
            let file = file.unwrap().path();
            let bytes = std::fs::read(&file).unwrap();
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            (name, String::from_utf8_lossy(&bytes).into_owned())
        })
        .collect()
}

fn found(contents: &[(String, String)], needle: &str) -> Vec<String> {
    let hold = contents.iter().filter(|(_, text)| text.contains(needle));
    hold.map(|(name, _)| name.clone()).collect()
}

fn tenant() -> TenantId {
    TenantId::named("t")
}

/// Spread over the whole key space, so that pages split in their middle.
fn spread(n: u128) -> CustomerId {
    let n = n.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
    CustomerId::from_uuid(Uuid::from_u128(n))
}

fn number(n: u128) -> String {
    format!("+4977{n:08}")
}

fn words(n: u128, line: u128) -> String {
    let long = (n * 37 + line) as usize % 40 * 10;
    format!("<{n}/{line}:{}>", "words ".repeat(long))
}

fn name(n: u128) -> String {
    format!("<name {n}>")
}

fn meet(paper: &mut Paper, n: u128) {
    let (customer, number) = (spread(n), ContactPoint::parse(Kind::Phone, &number(n)));
    let number = number.unwrap();
    let claimed = ClaimFact::Claimed { customer };
    paper.append(tenant(), number.key(tenant()), NOW, &[claimed]);
    let mut known = Customer::create(number.clone(), true, None);
    let said = |line: u128| Private::new(format!("<{n}/{line}:said>"));
    known.extend([
        Fact::Named {
            name: Private::new(name(n)),
        },
        Fact::ConsentChanged(Statement {
            evidence: said(4),
            ..Statement::new("promotion", Channel::Voice, true, "")
        }),
        Fact::DoNotContactChanged(DoNotContact {
            reason: said(5),
            ..DoNotContact::new(true, "")
        }),
        Fact::ComplaintOpened {
            complaint: ComplaintId::from_uuid(Uuid::from_u128(n)),
            about: said(6),
            interaction: None,
        },
        Fact::ComplaintClosed {
            complaint: ComplaintId::from_uuid(Uuid::from_u128(n)),
            resolution: said(7),
        },
        Fact::FactStated(DepartmentFact {
            department: "service".into(),
            key: "device".into(),
            value: FactValue::words(said(8).expose()).unwrap(),
            source: None,
            as_of: NOW,
        }),
        Fact::Qualified(Qualification {
            admission: Admission::Accepted,
            segment: None,
            tier: None,
            evidence: said(9),
        }),
    ]);
    paper.append(tenant(), customer.as_uuid(), NOW, &known);
    let start = Start {
        customer,
        channel: Channel::Chat,
        direction: Direction::Inbound,
        access_point: None,
        contact_point: number,
        plan: None,
        queue: QueueId::named(tenant(), "service"),
        priority: 0,
        node: None,
    };
    let chat = Uuid::from_u128(spread(n).as_uuid().as_u128() ^ 1);
    paper.append(tenant(), chat, NOW, &start.facts());
    for line in 0..4 {
        let said = InteractionFact::MessageReceived {
            message: MessageId::from_uuid(Uuid::from_u128(n * 10 + line)),
            text: Private::new(words(n, line)),
        };
        paper.append(tenant(), chat, NOW, &[said]);
    }
}

#[test]
fn nothing_of_an_erased_customer_is_left_in_rows_free_pages_or_the_journal() {
    const PEOPLE: u128 = 200;
    let (folder, mut paper) = (tempfile::tempdir().unwrap(), Paper::default());
    (0..PEOPLE).for_each(|n| meet(&mut paper, n));
    let (models, mut projections) = ReadModels::open(folder.path()).unwrap();
    for projection in &mut projections {
        feed(projection.as_mut(), &paper.events, 64);
    }
    // A needle of each kind is there before: this test can fail.
    let before = contents(folder.path());
    for words in [number(7), name(7), words(7, 1)[..20].to_owned()] {
        assert_ne!(found(&before, &words), Vec::<String>::new(), "{words}");
    }
    let figures = dump(folder.path(), STATISTICS);
    let known = paper.events.len();
    for n in (0..PEOPLE).filter(|n| n % 3 != 0) {
        let erased = Fact::Erased {
            ground: ErasureGround::Requested,
        };
        paper.append(tenant(), spread(n).as_uuid(), NOW, &[erased]);
    }
    for projection in &mut projections {
        feed(projection.as_mut(), &paper.events[known..], 50);
    }
    let head = paper.head();
    for model in ReadModels::names() {
        assert!(models.wait_for(model, head, Duration::ZERO));
    }
    // The hub still runs: its files are open, nothing was closed or packed.
    let (contents, mut left) = (contents(folder.path()), Vec::new());
    for n in 0..PEOPLE {
        let needles = (0..10)
            .map(|line| format!("<{n}/{line}:"))
            .chain([number(n), name(n)]);
        for needle in needles {
            let found = found(&contents, &needle);
            if n % 3 == 0 {
                assert_ne!(
                    found,
                    Vec::<String>::new(),
                    "{needle} belongs to somebody else"
                );
            } else if !found.is_empty() {
                left.push((needle, found));
            }
        }
    }
    assert_eq!(left, vec![]);
    let mut after = dump(folder.path(), STATISTICS);
    after.insert("checkpoint".to_owned(), figures["checkpoint"].clone());
    assert_eq!(after, figures, "the figures stay what they were");
    let view = models.customer(tenant(), spread(1)).unwrap().unwrap();
    assert!(view.erased_at.is_some() && view.name.is_none() && view.contact_points.is_empty());
    let page = models.timeline(tenant(), spread(1), None, 50).unwrap();
    assert_eq!(page.items.len(), 9, "that they were here stays");
    assert!(view.facts.is_empty() && view.complaints.is_empty() && view.blocks.is_empty());
    assert!(view.consent.is_empty() && view.qualification.is_none());
    assert!(page.items.iter().all(|item| item.text.is_none()));
}

#[test]
fn a_number_that_was_released_leads_to_whoever_claims_it_next() {
    let (folder, mut paper) = (tempfile::tempdir().unwrap(), Paper::default());
    meet(&mut paper, 1);
    let point = ContactPoint::parse(Kind::Phone, &number(1)).unwrap();
    let customer = spread(1);
    let erased = Fact::Erased {
        ground: ErasureGround::Requested,
    };
    paper.append(tenant(), customer.as_uuid(), NOW, &[erased]);
    let released = ClaimFact::Released { customer };
    paper.append(tenant(), point.key(tenant()), NOW, &[released]);
    let models = fed(folder.path(), &paper.events);
    let find = || {
        models
            .find_customers(tenant(), point.key(tenant()))
            .unwrap()
    };
    assert_eq!(find(), vec![]);
    let last = rapport_domain::port::query::Worklist::latest_interaction(
        &models,
        tenant(),
        point.key(tenant()),
        Channel::Chat,
    );
    assert_eq!(last.unwrap(), None);
    drop(models);
    let next = spread(2);
    let claimed = ClaimFact::Claimed { customer: next };
    paper.append(tenant(), point.key(tenant()), NOW, &[claimed]);
    let created = Customer::create(point.clone(), true, None);
    paper.append(tenant(), next.as_uuid(), NOW, &created);
    let models = fed(folder.path(), &paper.events);
    let found = models
        .find_customers(tenant(), point.key(tenant()))
        .unwrap();
    assert_eq!(found.iter().map(|c| c.id).collect::<Vec<_>>(), [next]);
    assert_eq!(models.seen(CUSTOMERS), models.seen(TIMELINE));
}
