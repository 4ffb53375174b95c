//! What each model answers, and to whom.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use crate::support::{Paper, fed};
use rapport_domain::agent;
use rapport_domain::channel::Channel;
use rapport_domain::event::{Category, Position, Stream};
use rapport_domain::id::{CustomerId, OfferId, TenantId, WishId};
use rapport_domain::interaction::{CloseCause, Fact, OfferEnd};
use rapport_domain::outreach::{self, Wish};
use rapport_domain::port::query::{Wanted, Worklist};
use rapport_read_model::view::WishFilter;
use serde_json::Value;
use uuid::Uuid;

use crate::fixture::*;

/// What stands in quotes in docs/API.md where it describes a view: its fields, and the values it names.
fn documented(view: &str) -> BTreeSet<String> {
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/API.md"))
            .unwrap();
    let begin = text
        .find(&format!("`{view} = {{"))
        .unwrap_or_else(|| panic!("{view} is not documented"));
    let mut depth = 0;
    let (mut names, mut word) = (BTreeSet::new(), None::<String>);
    for c in text[begin..].chars() {
        match (&mut word, c) {
            (Some(name), '"') => {
                names.insert((depth, std::mem::take(name)));
                word = None;
            }
            (Some(name), c) => name.push(c),
            (None, '"') => word = Some(String::new()),
            (None, '{' | '[') => depth += 1,
            (None, '}' | ']') if depth == 1 => break,
            (None, '}' | ']') => depth -= 1,
            _ => {}
        }
    }
    // Values such as "open"|"held" stand at the same depth; the caller takes them away.
    names
        .into_iter()
        .filter(|(depth, _)| *depth == 1)
        .map(|(_, name)| name)
        .collect()
}

fn fields(view: &impl serde::Serialize) -> BTreeSet<String> {
    let Value::Object(fields) = serde_json::to_value(view).unwrap() else {
        panic!("no object")
    };
    fields.keys().cloned().collect()
}

#[test]
fn views_have_the_fields_that_the_api_promises() {
    let (folder, mut paper) = (tempfile::tempdir().unwrap(), Paper::default());
    full(&mut paper);
    let models = fed(folder.path(), &paper.events);
    let words = |all: &[&str]| {
        all.iter()
            .map(|word| (*word).to_owned())
            .collect::<BTreeSet<_>>()
    };
    let wish = models.wish(tenant(), wish_id()).unwrap().unwrap();
    let values = words(&[
        "open",
        "held",
        "planned",
        "in_contact",
        "done",
        "dropped",
        "withdrawn",
    ]);
    assert_eq!(fields(&wish), &documented("WishView") - &values);
    let item = &models
        .timeline(tenant(), customer(), None, 9)
        .unwrap()
        .items[0];
    assert_eq!(fields(item), documented("TimelineItem"));
    let decision = &models
        .decisions(tenant(), customer(), None, 9)
        .unwrap()
        .decisions[0];
    let values = words(&[
        "held",
        "dropped",
        "planned",
        "started",
        "withdrawn",
        "taken_up",
        "wish_withdrawn",
        "text",
    ]);
    // The interface adds the plain words.
    assert_eq!(fields(decision), &documented("Decision") - &values);
    let view = models.customer(tenant(), customer()).unwrap().unwrap();
    assert_eq!(fields(&view), documented("CustomerView"));
    let raised = models.reviews(tenant(), true, Position::START, 9).unwrap();
    assert_eq!(fields(&raised.reviews[0]), documented("ReviewView"));
}

#[test]
fn a_customer_is_shown_with_everything_known_of_them() {
    let (folder, mut paper) = (tempfile::tempdir().unwrap(), Paper::default());
    full(&mut paper);
    let models = fed(folder.path(), &paper.events);
    let view = serde_json::to_value(models.customer(tenant(), customer()).unwrap()).unwrap();
    assert_eq!(view["name"], "Li Wei");
    assert_eq!(
        view["contact_points"][0],
        serde_json::json!({"kind": "phone", "value": "+4930123456", "verified": true, "source": null,
            "preferred": true, "listed": [{"scope": "marketing", "until": null, "source": "register",
            "since": LATE.as_millis(), "reason": null}]})
    );
    assert_eq!(
        view["consent"][0],
        serde_json::json!({"purpose": "marketing", "channel": "voice", "given": true, "wording": null,
            "source": null, "stated_at": LATE.as_millis(), "expires_at": null})
    );
    assert_eq!(
        view["facts"][0],
        serde_json::json!({"department": "finance", "key": "balance", "kind": "number", "value": "-20.5",
            "currency": "EUR", "source": null, "as_of": LATE.as_millis(), "recorded_at": LATE.as_millis()})
    );
    assert_eq!(
        view["qualification"],
        serde_json::json!({"admission": "accepted", "segment": null, "tier": "gold", "evidence": "three orders",
            "at": LATE.as_millis(), "by": {"kind": "system"}})
    );
    let complaint = &view["complaints"][0];
    assert_eq!(
        (&complaint["about"], &complaint["closed_at"]),
        (&"late".into(), &serde_json::Value::Null)
    );
    assert_eq!(view["blocks"][0]["until"], LATE.as_millis() + 60_000);
    let at = |seconds| {
        let view = models.customer(tenant(), customer()).unwrap().unwrap();
        view.at(LATE + Duration::from_secs(seconds)).do_not_contact
    };
    assert_eq!((at(59), at(60)), (true, false), "a block ends by itself");
    assert_eq!(
        (&view["zone"], &view["do_not_contact"]),
        (&"Europe/Berlin".into(), &false.into())
    );
    assert_eq!(view["wishes"][0]["status"], "held");
    assert_eq!(view["wishes"][0]["until"], LATE.as_millis() + 60_000);
    let found = models
        .find_customers(tenant(), phone().key(tenant()))
        .unwrap();
    assert_eq!(
        serde_json::to_value(found).unwrap(),
        serde_json::json!([{"id": customer(), "name": "Li Wei"}])
    );
    let counts = models.outcomes(tenant(), Some("finance")).unwrap();
    assert_eq!(
        (counts.len(), counts[0].count, counts[0].status.as_str()),
        (1, 1, "held")
    );
}

#[test]
fn the_timeline_names_people_and_pages_backwards() {
    let (folder, mut paper) = (tempfile::tempdir().unwrap(), Paper::default());
    full(&mut paper);
    let models = fed(folder.path(), &paper.events);
    let page = models.timeline(tenant(), customer(), None, 2).unwrap();
    assert_eq!(page.items[0].kind, "closed");
    let disposition = &page.items[1];
    assert_eq!(
        (disposition.agent.as_deref(), disposition.queue.as_deref()),
        (Some("Anna"), Some("Service"))
    );
    assert_eq!(disposition.outcome.as_deref(), Some("solved"));
    let rest = models.timeline(tenant(), customer(), page.next, 9).unwrap();
    let kinds: Vec<&str> = rest.items.iter().map(|item| item.kind.as_str()).collect();
    assert_eq!(
        kinds,
        [
            "answered",
            "started",
            "wish_filed",
            "complaint_opened",
            "do_not_contact",
            "consent_given"
        ]
    );
    assert_eq!(rest.next, None);
    assert_eq!(
        rest.items[2]
            .text
            .as_ref()
            .map(|text| text.expose().as_str()),
        Some("Invoice 1042")
    );
}

#[test]
fn another_tenant_sees_nothing_of_it() {
    let (folder, mut paper) = (tempfile::tempdir().unwrap(), Paper::default());
    full(&mut paper);
    let models = fed(folder.path(), &paper.events);
    let (other, day) = (TenantId::named("other"), zone().local(LATE).day);
    assert_eq!(models.customer(other, customer()).unwrap(), None);
    assert_eq!(
        models.find_customers(other, phone().key(tenant())).unwrap(),
        vec![]
    );
    assert_eq!(
        models.timeline(other, customer(), None, 9).unwrap().items,
        vec![]
    );
    assert_eq!(
        models
            .decisions(other, customer(), None, 9)
            .unwrap()
            .decisions,
        vec![]
    );
    assert_eq!(models.wish(other, wish_id()).unwrap(), None);
    assert_eq!(
        models
            .wishes(other, &WishFilter::default(), Position::START, 9)
            .unwrap()
            .wishes,
        vec![]
    );
    assert_eq!(
        models
            .wishes(other, &finance(), Position::START, 9)
            .unwrap()
            .wishes,
        vec![]
    );
    assert_eq!(models.outcomes(other, None).unwrap(), vec![]);
    assert_eq!(models.queue_statistics(other, day).unwrap(), vec![]);
    assert_eq!(
        models.quarter_statistics(other, queue(), day).unwrap(),
        vec![]
    );
    assert_eq!(
        models
            .latest_interaction(other, phone().key(tenant()), Channel::Voice)
            .unwrap(),
        None
    );
    // And its owner sees all of it: the questions above were good ones.
    assert!(models.customer(tenant(), customer()).unwrap().is_some());
    assert_eq!(models.queue_statistics(tenant(), day).unwrap().len(), 1);
    assert_eq!(
        models
            .quarter_statistics(tenant(), queue(), day)
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        models
            .latest_interaction(tenant(), phone().key(tenant()), Channel::Voice)
            .unwrap(),
        Some(call(1))
    );
}

fn finance() -> WishFilter {
    WishFilter {
        department: Some("finance".to_owned()),
        ..WishFilter::default()
    }
}

#[test]
fn wishes_come_in_pages_and_by_department_status_purpose_and_customer() {
    let (folder, mut paper) = (tempfile::tempdir().unwrap(), Paper::default());
    for n in 0..7_u128 {
        let department = if n % 2 == 0 { "finance" } else { "marketing" };
        let filed = Wish {
            id: WishId::from_uuid(Uuid::from_u128(n)),
            department: department.into(),
            ..wish()
        };
        paper.append(
            tenant(),
            customer().as_uuid(),
            LATE,
            &[outreach::Fact::WishFiled(filed)],
        );
    }
    let models = fed(folder.path(), &paper.events);
    let (mut seen, mut after) = (vec![], Position::START);
    loop {
        let page = models
            .wishes(tenant(), &WishFilter::default(), after, 3)
            .unwrap();
        seen.extend(page.wishes.iter().map(|wish| wish.id.as_uuid().as_u128()));
        match page.next {
            Some(next) => after = next,
            None => break,
        }
    }
    assert_eq!(seen, [0, 1, 2, 3, 4, 5, 6]);
    let found = |filter: WishFilter| {
        let page = models
            .wishes(tenant(), &filter, Position::START, 9)
            .unwrap();
        assert_eq!(page.next, None);
        page.wishes.len()
    };
    assert_eq!(found(finance()), 4);
    let status = |status: &str| WishFilter {
        status: Some(status.to_owned()),
        ..WishFilter::default()
    };
    assert_eq!((found(status("open")), found(status("held"))), (7, 0));
    let purpose = |purpose: &str| WishFilter {
        purpose: Some(purpose.to_owned()),
        ..finance()
    };
    assert_eq!(found(purpose("payment_reminder")), 4);
    assert_eq!(found(purpose("survey")), 0);
    let of = |customer| WishFilter {
        customer: Some(customer),
        ..finance()
    };
    assert_eq!(found(of(customer())), 4);
    assert_eq!(found(of(CustomerId::from_uuid(Uuid::from_u128(404)))), 0);
}

#[test]
fn service_figures_count_each_contact_where_it_joined_the_line() {
    let (folder, mut paper) = (tempfile::tempdir().unwrap(), Paper::default());
    set_up(&mut paper);
    let after = |seconds| LATE + Duration::from_secs(seconds);
    // Answered in 20 s (the target), and in 21 s after a declined offer; one gave up; one was lost by a restart; the
    // first call of the next day was answered at once.
    begin(&mut paper, 1, LATE);
    accept(&mut paper, 1, after(20));
    begin(&mut paper, 2, LATE);
    offer(&mut paper, 2, after(5));
    let ended = Fact::OfferEnded {
        offer: OfferId::from_uuid(Uuid::from_u128(2)),
        agent: anna(),
        why: OfferEnd::Declined,
    };
    paper.append(tenant(), call(2).as_uuid(), after(6), &[ended]);
    accept(&mut paper, 2, after(21));
    paper.append(
        tenant(),
        call(2).as_uuid(),
        after(700),
        &[Fact::Closed {
            cause: CloseCause::HubRestarted,
        }],
    );
    begin(&mut paper, 3, LATE);
    paper.append(tenant(), call(3).as_uuid(), after(9), &[Fact::Abandoned {}]);
    begin(&mut paper, 4, LATE);
    paper.append(
        tenant(),
        call(4).as_uuid(),
        after(9),
        &[Fact::Closed {
            cause: CloseCause::HubRestarted,
        }],
    );
    begin(&mut paper, 5, after(600));
    accept(&mut paper, 5, after(600));
    let models = fed(folder.path(), &paper.events);
    let day = zone().local(LATE).day;
    let figures = models.queue_statistics(tenant(), day).unwrap()[0].figures;
    assert_eq!(
        (
            figures.offered,
            figures.answered,
            figures.answered_in_target,
            figures.abandoned
        ),
        (4, 2, 1, 1)
    );
    assert_eq!(figures.service_level(), Some(25.0));
    assert_eq!(figures.asa_seconds(), Some(20.5));
    let quarters = models.quarter_statistics(tenant(), queue(), day).unwrap();
    assert_eq!((quarters.len(), quarters[0].quarter), (1, 95));
    let tomorrow = models.queue_statistics(tenant(), day + 1).unwrap()[0].figures;
    assert_eq!(
        (tomorrow.offered, tomorrow.answered_in_target),
        (1, 1),
        "midnight is the tenant's"
    );
}

#[test]
fn a_starting_node_finds_its_set_up_and_what_is_open() {
    let (folder, mut paper) = (tempfile::tempdir().unwrap(), Paper::default());
    full(&mut paper);
    begin(&mut paper, 2, LATE);
    begin(&mut paper, 3, LATE);
    paper.append(tenant(), call(3).as_uuid(), LATE, &[Fact::Abandoned {}]);
    paper.append(
        tenant(),
        anna().as_uuid(),
        LATE,
        &[agent::Fact::WorkFinished {
            interaction: call(1),
        }],
    );
    let models = fed(folder.path(), &paper.events);
    let streams = models.setup_streams().unwrap();
    let expected = [
        Stream::new(Category::Tenant, tenant().as_uuid()),
        Stream::new(Category::Queue, queue().as_uuid()),
        Stream::new(Category::Agent, anna().as_uuid()),
    ];
    assert_eq!(streams, expected);
    assert_eq!(models.open_interactions().unwrap(), [(tenant(), call(2))]);
    let pending = models.pending_outreach().unwrap();
    let pending: Vec<_> = pending
        .iter()
        .map(|one| (one.tenant, one.customer))
        .collect();
    assert_eq!(pending, [(tenant(), customer())]);
    assert_eq!(
        models
            .latest_interaction(tenant(), phone().key(tenant()), Channel::Voice)
            .unwrap(),
        Some(call(3))
    );
    assert_eq!(models.agent_work().unwrap()[0].finished_at, LATE);
    assert_eq!(Worklist::seen(&models).unwrap(), paper.head());
}

#[test]
fn customers_of_whom_something_is_wanted_come_page_by_page_and_without_those_of_others() {
    let folder = tempfile::tempdir().unwrap();
    let mut paper = Paper::default();
    let file = |paper: &mut Paper, whose, customer: u128, n: u128, expires_at| {
        let wish = Wish {
            id: WishId::from_uuid(Uuid::from_u128(n)),
            expires_at,
            ..wish()
        };
        let id = Uuid::from_u128(customer);
        paper.append(whose, id, LATE, &[outreach::Fact::WishFiled(wish)]);
    };
    let (soon, later) = (
        LATE + Duration::from_secs(60),
        LATE + Duration::from_secs(600),
    );
    for (n, customer) in [(1, 30), (2, 10), (3, 20), (4, 10)] {
        file(&mut paper, tenant(), customer, n, later);
    }
    file(&mut paper, tenant(), 40, 5, soon);
    file(&mut paper, TenantId::named("other"), 50, 6, later);
    let models = fed(folder.path(), &paper.events);
    let since = LATE + Duration::from_secs(300);
    assert_eq!(models.count(tenant(), since), Ok(3));
    assert_eq!(models.count(tenant(), LATE), Ok(4));
    let page = |after: Option<u128>| {
        let after = after.map(|id| CustomerId::from_uuid(Uuid::from_u128(id)));
        let page = models.page(tenant(), since, after, 2).unwrap();
        page.into_iter()
            .map(|id| id.as_uuid().as_u128())
            .collect::<Vec<_>>()
    };
    assert_eq!(page(None), [10, 20]);
    assert_eq!(page(Some(20)), [30]);
    assert_eq!(page(Some(30)), Vec::<u128>::new());
}
