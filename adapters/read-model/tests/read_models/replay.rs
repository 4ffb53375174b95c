//! A read model holds exactly the events up to its checkpoint, each once, however they arrived.

use std::time::Duration;

use crate::support::{Paper, dump, fed, feed};
use proptest::prelude::*;
use rapport_domain::aggregate::{Aggregate, Folded};
use rapport_domain::channel::{Channel, Direction};
use rapport_domain::contact_point::{ContactPoint, Kind};
use rapport_domain::customer::{ClaimFact, Customer, ErasureGround};
use rapport_domain::event::Revision;
use rapport_domain::id::{AgentId, CustomerId, InteractionId, QueueId, TenantId, WishId};
use rapport_domain::interaction::{Closing, Interaction, Start};
use rapport_domain::outreach::{CustomerFacts, Noted, Outcome, Outreach, Status, Wish, WishClass};
use rapport_domain::policy::{ContactPolicy, Policy};
use rapport_domain::port::query::Worklist;
use rapport_domain::private::Private;
use rapport_domain::time::{Timestamp, Zone};
use rapport_read_model::ReadModels;
use uuid::Uuid;

const CUSTOMERS: usize = 3;

#[derive(Clone, Debug)]
pub enum Step {
    Erase(usize),
    File(usize, u128, u32),
    Look(usize),
    Start(usize),
    Calls(usize),
    Outcome(usize, u128, Outcome),
    End(usize),
    Leave(usize),
    Amend(usize, u128, u64),
    Withdraw(usize, u128),
    Wait(u64),
}

pub fn any_step() -> impl Strategy<Value = Step> {
    let outcome = prop_oneof![
        Just(Outcome::Agreed),
        Just(Outcome::Later),
        Just(Outcome::NotDiscussed),
        Just(Outcome::Declined)
    ];
    prop_oneof![
        4 => (0..CUSTOMERS, 0..8_u128, 1..90_u32).prop_map(|(who, n, value)| Step::File(who, n, value)),
        2 => (0..CUSTOMERS).prop_map(Step::Look),
        4 => (0..CUSTOMERS).prop_map(Step::Start),
        2 => (0..CUSTOMERS).prop_map(Step::Calls),
        4 => (0..CUSTOMERS, 0..8_u128, outcome).prop_map(|(who, n, outcome)| Step::Outcome(who, n, outcome)),
        3 => (0..CUSTOMERS).prop_map(Step::End),
        2 => (0..CUSTOMERS).prop_map(Step::Leave),
        1 => (0..CUSTOMERS).prop_map(Step::Erase),
        2 => (0..CUSTOMERS, 0..8_u128, 1..96_u64).prop_map(|(who, n, hours)| Step::Amend(who, n, hours)),
        1 => (0..CUSTOMERS, 0..8_u128).prop_map(|(who, n)| Step::Withdraw(who, n)),
        4 => (1..2_000_u64).prop_map(Step::Wait),
    ]
}

/// One customer's side of a history.
pub struct Person {
    pub tenant: TenantId,
    pub id: CustomerId,
    known: Customer,
    outreach: Folded<Outreach>,
    calling: Option<(Uuid, Folded<Interaction>)>,
    last_call: Option<InteractionId>,
    calls: u128,
}

pub struct History {
    pub paper: Paper,
    pub people: Vec<Person>,
    now: Timestamp,
}

pub fn point(n: u128) -> ContactPoint {
    ContactPoint::parse(Kind::Phone, &format!("+493012345{n}")).unwrap()
}

fn rules() -> Policy {
    let rules = ContactPolicy {
        quiet_from: 21 * 60,
        max_agenda: 2,
        contacts_per_day: 2,
        retry_seconds: 600,
        max_attempts: 3,
        consent_needed: vec![],
        ..ContactPolicy::declared(QueueId::named(TenantId::named("a"), "outreach"))
    };
    Policy { rules, version: 1 }
}

fn and<A: Aggregate>(
    paper: &mut Paper,
    tenant: TenantId,
    id: Uuid,
    now: Timestamp,
    it: &mut Folded<A>,
    facts: Vec<A::Fact>,
) {
    for fact in &facts {
        it.take(
            fact,
            now,
            it.revision.map_or(Revision::FIRST, Revision::next),
        );
    }
    paper.append(tenant, id, now, &facts);
}

impl History {
    pub fn of(steps: &[Step]) -> Self {
        let mut history = Self {
            paper: Paper::default(),
            people: vec![],
            now: Timestamp::from_millis(1_795_435_200_000),
        };
        for n in 0..CUSTOMERS as u128 {
            let tenant = TenantId::named(if n == 0 { "a" } else { "b" });
            let id = CustomerId::from_uuid(Uuid::from_u128(100 + n));
            let now = history.now;
            history.paper.append(
                tenant,
                point(n).key(tenant),
                now,
                &[ClaimFact::Claimed { customer: id }],
            );
            let mut known = Folded::<Customer>::default();
            let created = Customer::create(point(n), true, None);
            and(
                &mut history.paper,
                tenant,
                id.as_uuid(),
                now,
                &mut known,
                created,
            );
            let outreach = Folded {
                state: Some(Outreach::default().into()),
                revision: None,
            };
            let (known, calling) = (Customer::clone(&known.state.unwrap()), None);
            history.people.push(Person {
                tenant,
                id,
                known,
                outreach,
                calling,
                last_call: None,
                calls: 0,
            });
        }
        for step in steps {
            history.step(step);
        }
        history
    }

    fn step(&mut self, step: &Step) {
        let (now, rules) = (self.now, rules());
        let who = match step {
            Step::Wait(seconds) => {
                self.now = self.now + Duration::from_secs(*seconds * 10);
                return;
            }
            Step::File(who, ..) | Step::Outcome(who, ..) | Step::Amend(who, ..) => *who,
            Step::Erase(who)
            | Step::Look(who)
            | Step::Start(who)
            | Step::Calls(who)
            | Step::End(who)
            | Step::Withdraw(who, _)
            | Step::Leave(who) => *who,
        };
        let person = &mut self.people[who];
        let it = person.outreach.state.clone().unwrap();
        let known = person.known.clone();
        let facts = CustomerFacts::of(&known, Zone::UTC);
        let decided = match step {
            Step::Erase(_) => {
                let facts = person.known.erase(ErasureGround::Requested);
                for fact in &facts {
                    person.known.apply(fact, now, Revision::FIRST);
                }
                let key = point(who as u128).key(person.tenant);
                let released = ClaimFact::Released {
                    customer: person.id,
                };
                if !facts.is_empty() {
                    let id = person.id.as_uuid();
                    self.paper.append(person.tenant, id, now, &facts);
                    self.paper.append(person.tenant, key, now, &[released]);
                }
                it.close(rules.version)
            }
            Step::File(_, n, value) => {
                let wish = Wish {
                    id: WishId::from_uuid(Uuid::from_u128(1_000 * (who as u128 + 1) + n)),
                    department: if n % 2 == 0 { "finance" } else { "marketing" }.to_owned(),
                    purpose: "purpose".to_owned(),
                    class: if n % 2 == 0 {
                        WishClass::Service
                    } else {
                        WishClass::Marketing
                    },
                    talking_point: Private::new(format!("point for {who}")),
                    message: None,
                    value: *value,
                    propensity: 900,
                    expected_seconds: 60,
                    not_before: (n % 3 == 0).then(|| now + Duration::from_secs(900)),
                    expires_at: now + Duration::from_secs(3 * 86_400),
                    channels: vec![Channel::Voice],
                    script: None,
                    evidence: None,
                    bundle: true,
                };
                it.file(wish, person.id, facts, &rules, now)
                    .unwrap_or_default()
            }
            Step::Amend(_, n, hours) => {
                let wish = WishId::from_uuid(Uuid::from_u128(1_000 * (who as u128 + 1) + n));
                let later = |wish: &mut Wish| {
                    wish.expires_at = now + Duration::from_secs(*hours * 3_600);
                };
                it.amend(wish, None, later, person.id, facts, &rules, now)
                    .unwrap_or_default()
            }
            Step::Withdraw(_, n) => {
                let wish = WishId::from_uuid(Uuid::from_u128(1_000 * (who as u128 + 1) + n));
                it.withdraw(wish, None, person.id, facts, &rules, now)
                    .unwrap_or_default()
            }
            Step::Look(_) => it.coordinate(person.id, facts, &rules, now),
            Step::Start(_) => {
                let due = it
                    .plan
                    .as_ref()
                    .map(|plan| it.start(plan, facts, &rules, now));
                due.and_then(Result::ok).unwrap_or_default()
            }
            Step::Outcome(_, n, outcome) => {
                let wish = WishId::from_uuid(Uuid::from_u128(1_000 * (who as u128 + 1) + n));
                let on = it
                    .in_flight
                    .map(|(_, on)| on)
                    .or(person.last_call)
                    .unwrap_or(InteractionId::from_uuid(Uuid::nil()));
                let anna = AgentId::named(person.tenant, "anna");
                let noted = Noted {
                    note: Some(Private::new(format!("note of {who}"))),
                    ..(*outcome).into()
                };
                it.record_outcome(wish, noted, on, anna, now)
                    .unwrap_or_default()
            }
            Step::End(_) => match it.in_flight.map(|(_, on)| on).or(person.last_call) {
                Some(on) => it.contact_ended(on, true, person.id, facts, &rules, now),
                None => vec![],
            },
            Step::Calls(_) => {
                person.calls += 1;
                let id = Uuid::from_u128(10_000 * (who as u128 + 1) + person.calls);
                person.last_call = Some(InteractionId::from_uuid(id));
                let start = Start {
                    customer: person.id,
                    channel: Channel::Voice,
                    direction: Direction::Inbound,
                    access_point: None,
                    contact_point: point(who as u128),
                    plan: None,
                    queue: QueueId::named(person.tenant, "service"),
                    priority: 0,
                    node: None,
                };
                let mut call = Folded::default();
                and(
                    &mut self.paper,
                    person.tenant,
                    id,
                    now,
                    &mut call,
                    start.facts(),
                );
                person.calling = Some((id, call));
                it.customer_contacted_us(InteractionId::from_uuid(id), false, facts, &rules, now)
            }
            Step::Leave(_) => {
                if let Some((id, mut call)) = person.calling.take() {
                    let closing = Closing {
                        wrap_up: Duration::ZERO,
                    };
                    let left = call
                        .state
                        .as_ref()
                        .unwrap()
                        .customer_left(closing, now)
                        .unwrap();
                    and(&mut self.paper, person.tenant, id, now, &mut call, left);
                }
                vec![]
            }
            Step::Wait(_) => vec![],
        };
        and(
            &mut self.paper,
            person.tenant,
            person.id.as_uuid(),
            now,
            &mut person.outreach,
            decided,
        );
    }
}

fn status_word(status: &Status) -> &'static str {
    match status {
        // One that moves is open until it is filed where it goes.
        Status::Open | Status::Moved { .. } => "open",
        Status::Held { .. } => "held",
        Status::Planned => "planned",
        Status::InContact { .. } => "in_contact",
        Status::Done { .. } => "done",
        Status::Dropped { .. } => "dropped",
        Status::Withdrawn => "withdrawn",
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn pages_that_overlap_and_come_again_after_a_crash_leave_the_same_rows(
        steps in prop::collection::vec(any_step(), 0..60), page in 1..9_usize, again in 0..9_usize, crash in 0..40_usize
    ) {
        let events = History::of(&steps).paper.events;
        let (once, pieces) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        drop(fed(once.path(), &events));
        let (_, mut projections) = ReadModels::open(pieces.path()).unwrap();
        let mut begin = 0;
        while begin < events.len() {
            let end = (begin + page).min(events.len());
            let overlapping = &events[begin.saturating_sub(again)..end];
            if begin <= crash && crash < end {
                drop(std::mem::take(&mut projections)); // the process is gone; what was committed is not
                projections = ReadModels::open(pieces.path()).unwrap().1;
            }
            for projection in &mut projections {
                projection.apply(overlapping).unwrap();
            }
            begin = end;
        }
        for name in ReadModels::names() {
            prop_assert_eq!(dump(once.path(), name), dump(pieces.path(), name), "{}", name);
        }
    }

    #[test]
    fn a_rebuilt_model_equals_the_one_it_replaces(steps in prop::collection::vec(any_step(), 0..60), page in 1..9_usize) {
        let events = History::of(&steps).paper.events;
        let folder = tempfile::tempdir().unwrap();
        let (models, mut projections) = ReadModels::open(folder.path()).unwrap();
        for projection in &mut projections {
            feed(projection.as_mut(), &events, page);
        }
        drop((models, projections));
        for name in ReadModels::names() {
            let before = dump(folder.path(), name);
            let mut rebuild = ReadModels::rebuild(folder.path(), name).unwrap();
            feed(&mut rebuild, &events, 1_000);
            rebuild.finish().unwrap();
            prop_assert_eq!(before, dump(folder.path(), name), "{}", name);
        }
    }

    #[test]
    fn what_departments_read_is_what_the_coordinator_knows(steps in prop::collection::vec(any_step(), 0..60)) {
        let history = History::of(&steps);
        let folder = tempfile::tempdir().unwrap();
        let models = fed(folder.path(), &history.paper.events);
        let pending = models.pending_outreach().unwrap();
        for person in &history.people {
            let it = person.outreach.state.as_ref().unwrap();
            for (id, state) in &it.wishes {
                let view = models.wish(person.tenant, *id).unwrap().unwrap();
                prop_assert_eq!(&view.status, status_word(&state.status));
                prop_assert_eq!(view.attempts, state.attempts);
                prop_assert_eq!(view.expires_at, state.wish.expires_at.as_millis());
                prop_assert_eq!(view.filed_at, state.filed_at.as_millis());
                let on = match state.status {
                    Status::InContact { interaction } | Status::Done { interaction, .. } => Some(interaction),
                    _ => None,
                };
                prop_assert_eq!(view.interaction, on);
                let until = match state.status { Status::Held { until, .. } => until, _ => None };
                prop_assert_eq!(view.until, until.map(Timestamp::as_millis));
                let planned = state.status == Status::Planned;
                let plan = it.plan.as_ref().filter(|_| planned);
                if planned {
                    prop_assert_eq!((view.plan, view.slot), (plan.map(|p| p.id), plan.map(|p| p.slot.as_millis())));
                }
            }
            let open = |state: &rapport_domain::outreach::WishState| match state.status {
                Status::Done { outcome, .. } => !outcome.settles(),
                Status::Dropped { .. } | Status::Withdrawn => false,
                _ => true,
            };
            let unsettled = it.in_flight.is_some() || it.wishes.values().any(open);
            let listed = pending.iter().find(|pending| pending.customer == person.id);
            prop_assert_eq!(listed.is_some(), unsettled);
            if let Some(listed) = listed {
                prop_assert_eq!(listed.in_flight, it.in_flight.is_some());
                // What is due is due: since when is nobody's business.
                let due = |at: Option<Timestamp>| at.map(|at| at.max(history.now));
                prop_assert_eq!(due(listed.next_deadline), due(it.next_deadline()));
                prop_assert_eq!(listed.tenant, person.tenant);
            }
            let waiting = person.calling.as_ref().map(|(id, _)| InteractionId::from_uuid(*id));
            let open = models.open_interactions().unwrap();
            prop_assert!(waiting.is_none_or(|id| open.contains(&(person.tenant, id))));
            let n = person.id.as_uuid().as_u128() - 100;
            let last = models.latest_interaction(person.tenant, point(n).key(person.tenant), Channel::Voice).unwrap();
            prop_assert_eq!(last, person.last_call.filter(|_| !person.known.is_erased()));
        }
    }

    #[test]
    fn every_decision_on_a_customer_can_be_read_with_its_receipt(steps in prop::collection::vec(any_step(), 0..60)) {
        let history = History::of(&steps);
        let folder = tempfile::tempdir().unwrap();
        let models = fed(folder.path(), &history.paper.events);
        for person in &history.people {
            let made = history.paper.events.iter().filter(|recorded| {
                recorded.stream.id == person.id.as_uuid() && recorded.event.data.windows(9).any(|w| w == b"\"receipt\"")
            });
            let mut read = vec![];
            let mut before = None;
            loop {
                let page = models.decisions(person.tenant, person.id, before, 3).unwrap();
                prop_assert!(page.decisions.len() <= 3);
                read.extend(page.decisions);
                before = page.next;
                if before.is_none() {
                    break;
                }
            }
            prop_assert_eq!(read.len(), made.count());
            prop_assert!(read.is_sorted_by(|a, b| a.position > b.position), "newest first");
            for decision in &read {
                prop_assert_eq!(decision.policy_version, 1);
                prop_assert!(!decision.inputs.is_empty(), "{:?}", decision);
                prop_assert!(decision.wishes.iter().all(|wish| !wish.department.is_empty()));
                let about_wishes = matches!(decision.decision.as_str(), "held" | "dropped" | "planned" | "started" | "taken_up");
                prop_assert!(!about_wishes || !decision.wishes.is_empty(), "{:?}", decision);
            }
        }
    }
}
