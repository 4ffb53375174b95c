use std::time::Duration;

use uuid::Uuid;

use super::*;
use crate::aggregate::Folded;
use crate::channel::Channel;
use crate::contact_point::{ContactPoint, Kind};
use crate::customer::{ANY, Customer, KnownContactPoint, Scope, Statement};
use crate::event::Revision;
use crate::id::{AgentId, CustomerId, InteractionId, QueueId, TenantId, WishId};
use crate::policy::{Cap, ContactPolicy, MOST_CONTACTS, Policy};
use crate::private::Private;
use crate::time::{Date, Timestamp, Zone};

mod any_history;
mod book;
mod bundling;
mod contacts;
mod gates;
mod histories;
mod moving;
mod pressure;

/// Monday, 2026-11-23, ten in the morning in Shanghai.
const MORNING: Timestamp = Timestamp::from_millis(1_795_399_200_000);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

fn zone() -> Zone {
    Zone::parse("Asia/Shanghai").unwrap()
}

fn who() -> CustomerId {
    CustomerId::from_uuid(Uuid::from_u128(1))
}

fn wish_id(n: u128) -> WishId {
    WishId::from_uuid(Uuid::from_u128(n))
}

/// A contact that the customer begins.
fn inbound() -> InteractionId {
    InteractionId::from_uuid(Uuid::from_u128(77))
}

fn anna() -> AgentId {
    AgentId::from_uuid(Uuid::from_u128(9))
}

fn wish(n: u128, department: &str, class: WishClass, value: u32) -> Wish {
    Wish {
        id: wish_id(n),
        department: department.to_owned(),
        purpose: department.to_owned(),
        class,
        talking_point: Private::new("something".to_owned()),
        message: None,
        value,
        propensity: CERTAIN,
        expected_seconds: USUAL_SECONDS,
        not_before: None,
        expires_at: MORNING + 7 * 24 * HOUR,
        channels: vec![Channel::Voice],
        script: None,
        evidence: None,
        bundle: true,
    }
}

fn finance() -> Wish {
    wish(1, "finance", WishClass::Service, 50)
}

fn marketing() -> Wish {
    wish(2, "marketing", WishClass::Marketing, 20)
}

fn service() -> Wish {
    wish(3, "service", WishClass::Service, 10)
}

fn reachable() -> Customer {
    let contact_point = ContactPoint::parse(Kind::Phone, "+8613800138000").unwrap();
    Customer {
        contact_points: vec![KnownContactPoint::new(contact_point, true)],
        ..Customer::default()
    }
}

/// What the customer says of being called, now.
fn say(customer: &mut Customer, purpose: &str, given: bool) {
    let statement = Statement::new(purpose, Channel::Voice, given, "call");
    customer.consent.take(&statement, Timestamp::default());
}

/// One contact a day and no other cap, so that a test says what else it is about.
fn rules() -> Policy {
    let rules = ContactPolicy {
        quiet_from: 21 * 60,
        gather_seconds: 600,
        caps: vec![],
        max_attempts: 3,
        consent_needed: vec![],
        ..ContactPolicy::declared(QueueId::named(TenantId::named("t"), "outreach"))
    };
    Policy { rules, version: 7 }
}

/// The outreach to one customer as the log would hold it: what is decided is applied.
#[derive(Clone)]
struct Story {
    folded: Folded<Outreach>,
    facts: Vec<(Fact, Timestamp)>,
    customer: Customer,
    complaint: bool,
    tier: Option<&'static str>,
    carried: &'static [Channel],
    policy: Policy,
    now: Timestamp,
}

impl Story {
    fn new() -> Self {
        let folded = Folded {
            state: Some(Outreach::default().into()),
            revision: None,
        };
        Self {
            folded,
            facts: vec![],
            customer: reachable(),
            complaint: false,
            tier: None,
            carried: &[Channel::Voice],
            policy: rules(),
            now: MORNING,
        }
    }

    fn it(&self) -> &Outreach {
        self.folded.state.as_ref().unwrap()
    }

    fn known(&self) -> CustomerFacts<'_> {
        CustomerFacts {
            open_complaint: self.complaint,
            tier: self.tier,
            carried: self.carried,
            ..CustomerFacts::of(&self.customer, zone())
        }
    }

    fn then(mut self, facts: Vec<Fact>) -> Self {
        for fact in facts {
            self.folded
                .take(&fact, self.now, Revision(self.facts.len() as u64));
            self.facts.push((fact, self.now));
        }
        self
    }

    fn at(mut self, now: Timestamp) -> Self {
        self.now = now;
        self
    }

    fn with(mut self, change: impl FnOnce(&mut Customer, &mut ContactPolicy)) -> Self {
        change(&mut self.customer, &mut self.policy.rules);
        self
    }

    fn file(self, wish: Wish) -> Self {
        let facts = self
            .it()
            .file(wish, who(), self.known(), &self.policy, self.now)
            .unwrap();
        self.then(facts)
    }

    fn looked_at(self) -> Self {
        let facts = self
            .it()
            .coordinate(who(), self.known(), &self.policy, self.now);
        self.then(facts)
    }

    fn plan(&self) -> &Plan {
        self.it().plan.as_ref().unwrap()
    }

    fn try_start(&self) -> Result<Vec<Fact>, Rejection> {
        self.it()
            .start(self.plan(), self.known(), &self.policy, self.now)
    }

    /// The slot comes and the contact begins.
    fn started(self) -> Self {
        let slot = self.plan().slot;
        let story = self.at(slot);
        let facts = story.try_start().unwrap();
        story.then(facts)
    }

    fn running(&self) -> InteractionId {
        self.it().in_flight.unwrap().1
    }

    fn outcome(self, n: u128, outcome: Outcome, on: InteractionId) -> Self {
        self.noted(n, outcome.into(), on)
    }

    fn noted(self, n: u128, noted: Noted, on: InteractionId) -> Self {
        let facts = self
            .it()
            .record_outcome(wish_id(n), noted, on, anna(), self.now)
            .unwrap();
        self.then(facts)
    }

    /// The contact that is planned is made and everything on it said.
    fn said(self, outcome: Outcome) -> Self {
        let story = self.started();
        let on = story.running();
        let agenda: Vec<WishId> = story.it().agenda_of(on).iter().map(|s| s.wish.id).collect();
        let said = agenda.into_iter().fold(story, |story, wish| {
            story.outcome(wish.as_uuid().as_u128(), outcome, on)
        });
        said.ended(on, true)
    }

    fn amend(
        &self,
        n: u128,
        of: Option<&str>,
        change: impl FnOnce(&mut Wish),
    ) -> Result<Vec<Fact>, Rejection> {
        self.it().amend(
            wish_id(n),
            of,
            change,
            who(),
            self.known(),
            &self.policy,
            self.now,
        )
    }

    fn amended(self, n: u128, change: impl FnOnce(&mut Wish)) -> Self {
        let facts = self.amend(n, None, change).unwrap();
        self.then(facts)
    }

    fn withdraw(&self, n: u128, of: Option<&str>) -> Result<Vec<Fact>, Rejection> {
        self.it()
            .withdraw(wish_id(n), of, who(), self.known(), &self.policy, self.now)
    }

    fn withdrawn(self, n: u128) -> Self {
        let facts = self.withdraw(n, None).unwrap();
        self.then(facts)
    }

    /// Another system tells of a contact it made.
    fn contacted_elsewhere(self, n: u128, at: Timestamp) -> Self {
        let contact = Contact {
            id: Uuid::from_u128(n),
            at,
            channel: Channel::Sms,
            origin: Origin::Elsewhere,
            reached: Some(true),
        };
        let facts = self
            .it()
            .note_contact(contact, who(), self.known(), &self.policy, self.now)
            .unwrap();
        self.then(facts)
    }

    fn ended(self, on: InteractionId, reached: bool) -> Self {
        let facts =
            self.it()
                .contact_ended(on, reached, who(), self.known(), &self.policy, self.now);
        self.then(facts)
    }

    fn customer_calls(self, talking: bool) -> Self {
        let facts = self.it().customer_contacted_us(
            inbound(),
            talking,
            self.known(),
            &self.policy,
            self.now,
        );
        self.then(facts)
    }

    fn status(&self, n: u128) -> &Status {
        &self.it().wishes[&wish_id(n)].status
    }
}

fn held(reason: Reason, until: Option<Timestamp>) -> Status {
    Status::Held { until, reason }
}

fn dropped(reason: Reason) -> Status {
    Status::Dropped { reason }
}

#[test]
fn three_departments_end_up_in_one_call() {
    let story = Story::new()
        .file(marketing())
        .file(service())
        .file(finance());
    assert_eq!(
        story.plan().agenda,
        [wish_id(1), wish_id(3), wish_id(2)],
        "service before marketing, value first"
    );
    assert_eq!(story.it().plans_made, 1);
    assert!((1..=3).all(|n| *story.status(n) == Status::Planned));
}

#[test]
fn what_must_be_said_by_law_is_said_first() {
    let story = Story::new()
        .file(finance())
        .file(wish(4, "legal", WishClass::Mandatory, 1));
    assert_eq!(story.plan().agenda, [wish_id(4), wish_id(1)]);
}

#[test]
fn a_wish_that_joins_a_plan_does_not_postpone_it() {
    let story = Story::new().file(finance());
    let slot = story.plan().slot;
    assert_eq!(slot, MORNING + 10 * MINUTE);
    assert_eq!(
        story.at(MORNING + 5 * MINUTE).file(service()).plan().slot,
        slot
    );
}

#[test]
fn a_wish_filed_twice_is_one_wish() {
    let story = Story::new().file(finance());
    let known = story.facts.len();
    assert_eq!(story.file(finance()).facts.len(), known);
}

#[test]
fn a_wish_that_can_never_be_said_is_refused() {
    let story = Story::new();
    let late = Wish {
        expires_at: MORNING,
        ..finance()
    };
    let refused = story
        .it()
        .file(late, who(), story.known(), &story.policy, MORNING);
    assert_eq!(refused, Err(Rejection::EmptyWindow));
}

#[test]
fn looking_again_without_a_change_decides_nothing() {
    let story = Story::new().file(finance()).file(marketing());
    for minutes in [0, 5, 10, 30, 300] {
        let again = story.clone().at(MORNING + minutes * MINUTE);
        assert_eq!(
            again.clone().looked_at().facts.len(),
            again.facts.len(),
            "after {minutes} minutes"
        );
    }
}
