use std::collections::BTreeMap;
use std::time::Duration;

use uuid::Uuid;

use super::*;
use crate::aggregate::Folded;
use crate::channel::Channel;
use crate::contact_point::{ContactPoint, Kind};
use crate::customer::{Customer, KnownContactPoint};
use crate::event::Revision;
use crate::id::{AgentId, CustomerId, InteractionId, QueueId, TenantId, WishId};
use crate::policy::{ContactPolicy, Policy};
use crate::private::Private;
use crate::time::{Timestamp, Zone};

mod any_history;

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
        value,
        not_before: None,
        expires_at: MORNING + 7 * 24 * HOUR,
        channels: vec![Channel::Voice],
        script: None,
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
        contact_points: vec![KnownContactPoint {
            contact_point,
            verified: true,
        }],
        ..Customer::default()
    }
}

fn rules() -> Policy {
    let rules = ContactPolicy {
        quiet_from: 21 * 60,
        quiet_until: 8 * 60,
        gather_seconds: 600,
        max_agenda: 3,
        contacts_per_day: 1,
        retry_seconds: 4 * 3_600,
        max_attempts: 3,
        consent_needed: vec![],
        queue: QueueId::named(TenantId::named("t"), "outreach"),
    };
    Policy { rules, version: 7 }
}

/// The outreach to one customer as the log would hold it: what is decided is applied.
#[derive(Clone)]
struct Story {
    folded: Folded<Outreach>,
    facts: Vec<(Fact, Timestamp)>,
    customer: Customer,
    policy: Policy,
    now: Timestamp,
}

impl Story {
    fn new() -> Self {
        let folded = Folded {
            state: Some(Outreach::default()),
            revision: None,
        };
        Self {
            folded,
            facts: vec![],
            customer: reachable(),
            policy: rules(),
            now: MORNING,
        }
    }

    fn it(&self) -> &Outreach {
        self.folded.state.as_ref().unwrap()
    }

    fn known(&self) -> CustomerFacts<'_> {
        CustomerFacts {
            customer: &self.customer,
            zone: zone(),
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
        let facts = self
            .it()
            .record_outcome(wish_id(n), outcome, on, anna(), None)
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

#[test]
fn quiet_hours_shift_the_slot_to_the_customers_morning() {
    let evening = MORNING + 11 * HOUR; // 21:00 in Shanghai
    let story = Story::new().at(evening).file(finance());
    assert_eq!(story.plan().slot, MORNING + 22 * HOUR); // 8:00 there
    let Some((Fact::ContactPlanned { receipt, .. }, _)) = story.facts.last() else {
        panic!("{:?}", story.facts)
    };
    assert_eq!(receipt.reason, Reason::QuietHours);
    assert_eq!(receipt.policy_version, 7);
}

#[test]
fn a_plan_that_gathers_into_the_quiet_hours_waits_for_the_morning() {
    let story = Story::new()
        .at(MORNING + 11 * HOUR - 5 * MINUTE)
        .file(finance());
    assert_eq!(story.plan().slot, MORNING + 22 * HOUR);
}

#[test]
fn a_plan_that_is_late_is_not_carried_out_at_night() {
    let story = Story::new().file(finance()).at(MORNING + 12 * HOUR);
    assert_eq!(story.try_start(), Err(Rejection::NotDue));
    assert_eq!(story.looked_at().plan().slot, MORNING + 22 * HOUR);
}

#[test]
fn do_not_contact_drops_all_but_what_the_law_asks_for() {
    let story = Story::new().with(|customer, _| customer.do_not_contact = true);
    let story =
        story
            .file(finance())
            .file(marketing())
            .file(wish(4, "legal", WishClass::Mandatory, 1));
    assert_eq!(*story.status(1), dropped(Reason::DoNotContact));
    assert_eq!(*story.status(2), dropped(Reason::DoNotContact));
    assert_eq!(story.plan().agenda, [wish_id(4)]);
}

#[test]
fn do_not_contact_said_after_planning_withdraws_the_plan() {
    let story = Story::new()
        .file(finance())
        .with(|customer, _| customer.do_not_contact = true);
    let story = story.at(MORNING + 10 * MINUTE);
    assert_eq!(story.try_start(), Err(Rejection::NotDue));
    let story = story.looked_at();
    assert_eq!(story.it().plan, None);
    assert_eq!(*story.status(1), dropped(Reason::DoNotContact));
}

#[test]
fn marketing_without_a_needed_consent_is_dropped() {
    let needed = |_: &mut Customer, rules: &mut ContactPolicy| {
        rules.consent_needed = vec![WishClass::Marketing]
    };
    let story = Story::new().with(needed).file(marketing()).file(finance());
    assert_eq!(*story.status(2), dropped(Reason::NoConsent));
    assert_eq!(story.plan().agenda, [wish_id(1)]);
    let given = Story::new().with(needed).with(|customer, _| {
        customer.consent = BTreeMap::from([(("marketing".to_owned(), Channel::Voice), true)]);
    });
    assert_eq!(given.file(marketing()).plan().agenda, [wish_id(2)]);
}

#[test]
fn a_refusal_counts_where_no_consent_is_needed() {
    let story = Story::new().with(|customer, _| {
        customer.consent = BTreeMap::from([(("*".to_owned(), Channel::Voice), false)]);
    });
    assert_eq!(*story.file(finance()).status(1), dropped(Reason::NoConsent));
}

#[test]
fn nobody_is_called_without_a_number() {
    let story = Story::new()
        .with(|customer, _| customer.contact_points.clear())
        .file(finance());
    assert_eq!(*story.status(1), dropped(Reason::NoContactPoint));
}

#[test]
fn a_wish_waits_for_its_window() {
    let tomorrow = MORNING + 24 * HOUR;
    let story = Story::new().file(Wish {
        not_before: Some(tomorrow),
        ..finance()
    });
    assert_eq!(*story.status(1), held(Reason::NotYet, Some(tomorrow)));
    assert_eq!(story.it().next_deadline(), Some(tomorrow));
    assert_eq!(story.at(tomorrow).looked_at().plan().agenda, [wish_id(1)]);
}

#[test]
fn one_contact_in_flight_holds_every_other_wish() {
    let story = Story::new().file(finance()).started().file(service());
    assert_eq!(*story.status(3), held(Reason::ContactInFlight, None));
    assert_eq!(story.it().plan, None);
}

#[test]
fn a_started_contact_is_not_started_again() {
    let story = Story::new().file(finance());
    let plan = story.plan().clone();
    let story = story.started();
    assert_eq!(
        story
            .it()
            .start(&plan, story.known(), &story.policy, story.now),
        Ok(vec![])
    );
    assert!(story.it().may_dial(Outreach::interaction_of(&plan)));
}

#[test]
fn the_daily_cap_holds_until_the_customers_next_day() {
    let story = Story::new().file(finance()).started();
    let on = story.running();
    let story = story
        .outcome(1, Outcome::Agreed, on)
        .ended(on, true)
        .file(service());
    let midnight = MORNING + 14 * HOUR; // in Shanghai
    assert_eq!(*story.status(3), held(Reason::DailyCap, Some(midnight)));
    let story = story.at(midnight).looked_at();
    assert_eq!(
        story.plan().slot,
        MORNING + 22 * HOUR,
        "and then for the morning"
    );
}

#[test]
fn the_daily_cap_reached_in_the_first_minute_of_the_day_holds_for_the_whole_day() {
    let story = Story::new()
        .with(|_, rules| (rules.quiet_from, rules.quiet_until, rules.gather_seconds) = (0, 0, 0));
    let story = story
        .at(MORNING + 14 * HOUR + Duration::from_secs(10))
        .file(finance())
        .started();
    let on = story.running();
    let story = story
        .outcome(1, Outcome::Agreed, on)
        .ended(on, true)
        .file(service());
    let Status::Held {
        until: Some(until),
        reason: Reason::DailyCap,
    } = *story.status(3)
    else {
        panic!()
    };
    assert!(until >= MORNING + 38 * HOUR, "{until}");
}

#[test]
fn what_the_law_asks_for_ignores_the_cap_but_counts() {
    let story = Story::new()
        .file(wish(4, "legal", WishClass::Mandatory, 1))
        .started();
    let on = story.running();
    let story = story.outcome(4, Outcome::Informed, on).ended(on, true);
    let story = story
        .file(wish(5, "legal", WishClass::Mandatory, 1))
        .file(finance());
    assert_eq!(story.plan().agenda, [wish_id(5)]);
    assert!(matches!(
        story.status(1),
        Status::Held {
            reason: Reason::DailyCap,
            ..
        }
    ));
}

#[test]
fn an_attempt_that_reached_nobody_is_repeated_later_and_then_given_up() {
    let mut story = Story::new()
        .with(|_, rules| (rules.contacts_per_day, rules.max_attempts) = (10, 2))
        .file(finance())
        .started();
    let on = story.running();
    story = story.ended(on, false);
    let retry = story.now + 4 * HOUR;
    assert_eq!(*story.status(1), held(Reason::RetryLater, Some(retry)));
    story = story.at(retry).looked_at().started();
    let on = story.running();
    story = story.ended(on, false);
    assert_eq!(*story.status(1), dropped(Reason::AttemptsExhausted));
    assert_eq!(story.it().next_deadline(), None);
}

#[test]
fn a_wish_whose_window_closed_is_dropped() {
    let story = Story::new().file(Wish {
        expires_at: MORNING + HOUR,
        ..finance()
    });
    let story = story.at(MORNING + HOUR);
    assert_eq!(story.it().next_deadline(), Some(MORNING + 10 * MINUTE));
    let story = story.looked_at();
    assert_eq!(*story.status(1), dropped(Reason::Expired));
    assert_eq!(story.it().plan, None);
}

#[test]
fn a_customer_who_calls_first_hears_it_then_and_the_plan_is_withdrawn_in_the_same_append() {
    let story = Story::new().file(finance()).file(service());
    let plan = story.plan().id;
    let facts =
        story
            .it()
            .customer_contacted_us(inbound(), false, story.known(), &story.policy, story.now);
    let [
        Fact::PlanWithdrawn {
            plan: withdrawn,
            why,
            ..
        },
        Fact::AgendaTakenUp {
            interaction,
            agenda,
            ..
        },
    ] = &facts[..]
    else {
        panic!("{facts:?}")
    };
    assert_eq!(
        (*withdrawn, *why),
        (
            plan,
            Withdrawal::CustomerContactedUs {
                interaction: inbound()
            }
        )
    );
    assert_eq!(
        (*interaction, agenda.as_slice()),
        (inbound(), &[wish_id(1), wish_id(3)][..])
    );
    let story = story.then(facts);
    assert_eq!(story.it().plan, None);
    let known = story.facts.len();
    assert_eq!(
        story.customer_calls(false).facts.len(),
        known,
        "seen twice is the same as once"
    );
}

#[test]
fn a_contact_that_nobody_has_taken_gives_way_to_the_customers_own() {
    let story = Story::new().file(finance()).started();
    let outbound = story.running();
    let story = story.customer_calls(false);
    assert_eq!(story.it().in_flight, None);
    assert!(!story.it().may_dial(outbound));
    assert_eq!(
        *story.status(1),
        Status::InContact {
            interaction: inbound()
        }
    );
    assert!(story.it().contacts.is_empty(), "nobody was contacted");
}

#[test]
fn a_conversation_that_has_begun_goes_on_with_its_agenda() {
    let story = Story::new().file(finance()).started();
    let outbound = story.running();
    let story = story.customer_calls(true);
    assert_eq!(story.running(), outbound);
    assert_eq!(
        *story.status(1),
        Status::InContact {
            interaction: outbound
        }
    );
}

#[test]
fn nobody_is_planned_a_call_while_they_talk_to_us() {
    let story = Story::new()
        .file(finance())
        .customer_calls(false)
        .file(service());
    assert_eq!(*story.status(3), held(Reason::ContactInFlight, None));
    let story = story
        .outcome(1, Outcome::Agreed, inbound())
        .ended(inbound(), true);
    assert_eq!(
        story.plan().agenda,
        [wish_id(3)],
        "and it is not forgotten afterwards"
    );
}

#[test]
fn what_may_not_be_said_is_not_said_when_the_customer_calls_either() {
    let story = Story::new()
        .file(marketing())
        .file(wish(4, "legal", WishClass::Mandatory, 1));
    let story = story
        .with(|customer, _| customer.do_not_contact = true)
        .customer_calls(false);
    assert_eq!(
        *story.status(4),
        Status::InContact {
            interaction: inbound()
        }
    );
    assert_eq!(*story.looked_at().status(2), dropped(Reason::DoNotContact));
}

#[test]
fn wishes_that_did_not_fit_the_agenda_follow_when_the_contact_is_over() {
    let story = Story::new().with(|_, rules| (rules.max_agenda, rules.contacts_per_day) = (1, 5));
    let story = story.file(finance()).file(service());
    assert_eq!(*story.status(3), held(Reason::AgendaFull, None));
    let story = story
        .customer_calls(false)
        .outcome(1, Outcome::Agreed, inbound())
        .ended(inbound(), true);
    assert_eq!(story.plan().agenda, [wish_id(3)]);
}

#[test]
fn an_outcome_is_recorded_and_may_be_corrected_on_the_same_contact_only() {
    let story = Story::new().file(finance()).started();
    let on = story.running();
    let story = story
        .outcome(1, Outcome::Declined, on)
        .outcome(1, Outcome::Agreed, on);
    assert_eq!(
        *story.status(1),
        Status::Done {
            outcome: Outcome::Agreed,
            interaction: on
        }
    );
    let again = story
        .it()
        .record_outcome(wish_id(1), Outcome::Agreed, on, anna(), None);
    assert_eq!(again, Ok(vec![]));
    let elsewhere = story
        .it()
        .record_outcome(wish_id(1), Outcome::Agreed, inbound(), anna(), None);
    assert_eq!(elsewhere, Err(Rejection::NotOnAgenda));
    let unknown = story
        .it()
        .record_outcome(wish_id(8), Outcome::Agreed, on, anna(), None);
    assert_eq!(unknown, Err(Rejection::UnknownWish));
}

#[test]
fn a_customer_who_said_later_is_asked_again_later() {
    let story = Story::new()
        .with(|_, rules| rules.contacts_per_day = 5)
        .file(finance())
        .file(service())
        .started();
    let on = story.running();
    let story = story
        .outcome(1, Outcome::Later, on)
        .outcome(3, Outcome::Agreed, on)
        .ended(on, true);
    let retry = story.now + 4 * HOUR;
    assert_eq!(*story.status(1), held(Reason::RetryLater, Some(retry)));
    assert_eq!(
        *story.status(3),
        Status::Done {
            outcome: Outcome::Agreed,
            interaction: on
        }
    );
    assert_eq!(story.at(retry).looked_at().plan().agenda, [wish_id(1)]);
}

#[test]
fn the_end_of_a_contact_seen_twice_changes_nothing() {
    let story = Story::new().file(finance()).started();
    let on = story.running();
    let story = story.ended(on, false);
    let known = story.facts.len();
    assert_eq!(story.ended(on, false).facts.len(), known);
}
