//! Contact rules that somebody proposes and somebody else releases, and what they would have changed.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use rapport_domain::event::{Actor, Category};
use rapport_domain::id::{AgentId, CustomerId, DryRunId, ProposalId, TenantId};
use rapport_domain::outreach::{Fact, WishClass};
use rapport_domain::policy::{ContactPolicy, Draft, Kind};
use rapport_domain::port::query::{QueryError, Wanted};
use rapport_domain::testing::MemoryLog;
use rapport_domain::time::Timestamp;
use rapport_engine::{CommandError, DryRun, DryRunOrder, DryRunState};
use uuid::Uuid;

use crate::support::{World, declaration, tenant, world};

fn sue() -> AgentId {
    AgentId::named(tenant(), "sue")
}

fn tom() -> AgentId {
    AgentId::named(tenant(), "tom")
}

fn rules() -> ContactPolicy {
    declaration().policy.unwrap()
}

fn stricter() -> ContactPolicy {
    ContactPolicy {
        consent_needed: vec![WishClass::Service],
        ..rules()
    }
}

async fn proposed(world: &World, rules: ContactPolicy) -> ProposalId {
    let id = ProposalId::from_uuid(Uuid::now_v7());
    let (draft, by) = (Draft::Rules(rules.into()), Actor::Agent(sue()));
    let comment = "because".to_owned();
    let done = world
        .engine
        .propose_policy(world.tenant, id, draft, comment, by)
        .await
        .unwrap();
    assert!(done.new);
    id
}

async fn in_force(world: &World) -> (u64, ContactPolicy) {
    let book = world.engine.policy_book(world.tenant).await;
    let policy = book.unwrap().unwrap().in_force().policy.clone();
    (policy.version, policy.rules)
}

/// The hub starts with a file whose policy reads so.
async fn started_with(world: &World, rules: ContactPolicy, text: &str) {
    let file = rapport_engine::TenantDeclaration {
        policy: Some(rules),
        policy_text: Some(text.to_owned()),
        ..declaration()
    };
    world.engine.declare(file, Actor::Operator).await.unwrap();
}

/// Every customer of the log: slow and always right.
struct Everybody(MemoryLog);

impl Everybody {
    fn of(&self, tenant: TenantId) -> BTreeSet<CustomerId> {
        let events = self.0.events();
        let outreach = events.iter().filter(|event| {
            event.stream.category == Category::Outreach && event.event.meta.tenant == tenant
        });
        outreach
            .map(|event| CustomerId::from_uuid(event.stream.id))
            .collect()
    }
}

impl Wanted for Everybody {
    fn count(&self, tenant: TenantId, _: Timestamp) -> Result<u64, QueryError> {
        Ok(self.of(tenant).len() as u64)
    }
    fn page(
        &self,
        tenant: TenantId,
        _: Timestamp,
        after: Option<CustomerId>,
        limit: usize,
    ) -> Result<Vec<CustomerId>, QueryError> {
        let all = self.of(tenant);
        let next = all.into_iter().filter(|one| Some(*one) > after);
        Ok(next.take(limit).collect())
    }
}

/// A read model that answers when it is told to.
struct Patient(Mutex<mpsc::Receiver<()>>);

impl Wanted for Patient {
    fn count(&self, _: TenantId, _: Timestamp) -> Result<u64, QueryError> {
        self.0.lock().unwrap().recv().unwrap();
        Ok(1)
    }
    fn page(
        &self,
        _: TenantId,
        _: Timestamp,
        _: Option<CustomerId>,
        _: usize,
    ) -> Result<Vec<CustomerId>, QueryError> {
        Ok(vec![CustomerId::from_uuid(Uuid::now_v7())])
    }
}

async fn asked(
    world: &World,
    rules: ContactPolicy,
    wanted: Arc<dyn Wanted>,
) -> Result<DryRunId, CommandError> {
    let (days, by) = (7, Actor::Agent(sue()));
    let order = DryRunOrder { rules, days, by };
    world
        .engine
        .start_dry_run(world.tenant, order, wanted)
        .await
}

async fn over(world: &World, id: DryRunId) -> DryRun {
    world
        .until("the end of the dry run", |world| {
            let run = world.engine.dry_run(world.tenant, id);
            run.filter(|run| run.state != DryRunState::Running)
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn released_rules_decide_and_every_decision_names_their_version() {
    let world = world().await;
    let id = proposed(&world, stricter()).await;
    let own = world.engine.release_policy(world.tenant, id, sue()).await;
    assert!(
        matches!(
            own,
            Err(CommandError::Rejected {
                code: "four_eyes",
                ..
            })
        ),
        "{own:?}"
    );
    assert_eq!(in_force(&world).await, (1, rules()));
    let done = world.engine.release_policy(world.tenant, id, tom()).await;
    assert_eq!(
        done.as_ref().map(|done| (done.new, done.version)),
        Ok((true, 2))
    );
    let again = world.engine.release_policy(world.tenant, id, tom()).await;
    assert_eq!(again.map(|done| (done.new, done.version)), Ok((false, 2)));

    let position = done.unwrap().position;
    world
        .until("the release to be followed", |world| {
            (world.engine.reacted_to() >= position).then_some(())
        })
        .await;
    let wish = world.wish("+493055555", "survey", WishClass::Service);
    world
        .engine
        .file_wish(world.tenant, "service", wish)
        .await
        .unwrap();
    let dropped = world
        .outreach()
        .into_iter()
        .find_map(|(_, fact)| match fact {
            Fact::WishDropped { receipt, .. } => Some(receipt.policy_version),
            _ => None,
        });
    assert_eq!(dropped, Some(2), "nobody consented, as the new rules ask");
}

#[tokio::test(flavor = "multi_thread")]
async fn starts_with_the_same_file_leave_what_was_released_and_a_changed_file_speaks() {
    let world = world().await;
    started_with(&world, rules(), "first").await;
    let id = proposed(&world, stricter()).await;
    world
        .engine
        .release_policy(world.tenant, id, tom())
        .await
        .unwrap();
    for _ in 0..3 {
        started_with(&world, rules(), "first").await;
        assert_eq!(in_force(&world).await, (2, stricter()));
    }
    let changed = ContactPolicy {
        max_agenda: 7,
        ..rules()
    };
    started_with(&world, changed.clone(), "second").await;
    assert_eq!(in_force(&world).await, (3, changed));
    // A newer program may read more out of the same text; that is no reason to undo anything.
    let id = proposed(&world, stricter()).await;
    world
        .engine
        .release_policy(world.tenant, id, tom())
        .await
        .unwrap();
    started_with(&world, rules(), "second").await;
    assert_eq!(in_force(&world).await, (4, stricter()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_tells_which_contacts_other_rules_would_not_have_made_and_writes_nothing() {
    let world = world().await;
    for number in ["+493055555", "+493066666"] {
        let wish = world.wish(number, "survey", WishClass::Service);
        world
            .engine
            .file_wish(world.tenant, "service", wish)
            .await
            .unwrap();
    }
    let kind = "outreach.contact_started";
    world
        .until("both contacts", |world| {
            (world.count(kind) == 2).then_some(())
        })
        .await;
    // What was just decided lies before the moment of the question.
    tokio::time::sleep(Duration::from_millis(5)).await;
    let written = |world: &World| {
        let events = world.log.events();
        let decided = [Category::Outreach, Category::Policy, Category::Customer];
        events
            .iter()
            .filter(|e| decided.contains(&e.stream.category))
            .count()
    };
    let before = written(&world);
    let everybody = Arc::new(Everybody(world.log.clone()));
    let id = asked(&world, stricter(), everybody.clone()).await.unwrap();
    let run = over(&world, id).await;
    assert_eq!((run.done, run.total, run.base), (2, 2, 1));
    let DryRunState::Done(report) = run.state else {
        panic!("{:?}", run.state);
    };
    assert_eq!(
        (report.contacts, report.reproduced, report.draft),
        (2, 2, 0),
        "{report:?}"
    );
    assert_eq!(report.of(Kind::NotMade), 2);

    let id = asked(&world, rules(), everybody).await.unwrap();
    let DryRunState::Done(report) = over(&world, id).await.state else {
        panic!("no answer");
    };
    assert_eq!(
        (report.unchanged, report.examples.len()),
        (2, 0),
        "{report:?}"
    );
    assert_eq!(written(&world), before);
    let elsewhere = TenantId::named("other");
    assert!(
        world.engine.dry_run(elsewhere, id).is_none(),
        "another tenant's"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_asks_one_question_at_a_time_and_may_give_it_up() {
    let world = world().await;
    let (go, wait) = mpsc::channel();
    let patient = Arc::new(Patient(Mutex::new(wait)));
    let id = asked(&world, stricter(), patient.clone()).await.unwrap();
    let second = asked(&world, stricter(), patient.clone())
        .await
        .unwrap_err();
    assert!(
        matches!(
            second,
            CommandError::Rejected {
                code: "dry_run_running",
                ..
            }
        ),
        "{second:?}"
    );
    assert!(world.engine.cancel_dry_run(world.tenant, id));
    go.send(()).unwrap();
    assert_eq!(over(&world, id).await.state, DryRunState::Cancelled);
    let third = asked(&world, stricter(), Arc::new(Everybody(world.log.clone()))).await;
    over(&world, third.unwrap()).await;
}
