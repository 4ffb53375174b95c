use std::time::Duration;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::aggregate::Aggregate;
use crate::channel::Channel;
use crate::contact_point::{ContactPoint, Kind as PointKind};
use crate::customer::{ANY, KnownContactPoint, Statement};
use crate::event::Revision;
use crate::id::{AgentId, InteractionId, MergeId, QueueId, TenantId, WishId};
use crate::outreach::{CustomerFacts, Fact, Outcome, Reason, Wish, WishClass};
use crate::policy::{ContactPolicy, Origin};

/// Monday, 2026-11-23, ten in the morning in Shanghai.
const MONDAY: Timestamp = Timestamp::from_millis(1_795_399_200_000);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

fn rules() -> ContactPolicy {
    serde_json::from_value(serde_json::json!({
        "quiet_from": 1260, "quiet_until": 480, "gather_seconds": 600, "max_agenda": 3, "contacts_per_day": 3,
        "retry_seconds": 7_200, "max_attempts": 3, "consent_needed": [],
        "queue": QueueId::named(TenantId::named("t"), "outreach"),
    }))
    .unwrap()
}

fn version(rules: ContactPolicy) -> Version {
    Version {
        policy: Policy { rules, version: 1 },
        since: Timestamp::default(),
        origin: Origin::Set(None),
    }
}

fn who() -> CustomerId {
    CustomerId::from_uuid(Uuid::from_u128(1))
}

fn other() -> CustomerId {
    CustomerId::from_uuid(Uuid::from_u128(78))
}

fn merge() -> MergeId {
    MergeId::from_uuid(Uuid::from_u128(79))
}

fn wish(n: u128, class: WishClass, until: Timestamp) -> Wish {
    // What is left out is as it was before there was more to say of a wish.
    serde_json::from_value(serde_json::json!({
        "id": Uuid::from_u128(n), "department": format!("department {n}"), "purpose": "purpose", "class": class,
        "talking_point": "something", "value": 10, "not_before": null, "expires_at": until, "channels": ["voice"],
        "script": null,
    }))
    .unwrap()
}

/// Days that are lived in earnest: what is decided is written down.
struct Days {
    policy: Policy,
    zone: Zone,
    state: Outreach,
    customer: Option<Customer>,
    log: Vec<Entry>,
    now: Timestamp,
}

impl Days {
    fn under(rules: ContactPolicy) -> Self {
        let mut days = Self {
            policy: Policy { rules, version: 1 },
            zone: Zone::parse("Asia/Shanghai").unwrap(),
            state: Outreach::default(),
            customer: None,
            log: vec![],
            now: MONDAY,
        };
        days.learns(customer::Fact::Created {});
        days.learns(customer::Fact::ContactPointAdded(KnownContactPoint::new(
            ContactPoint::parse(PointKind::Phone, "+8613800138000").unwrap(),
            true,
        )));
        days
    }

    fn learns(&mut self, fact: customer::Fact) {
        simulate::learn(&mut self.customer, &fact, self.now);
        let (at, said) = (self.now, Said::Customer(fact));
        self.log.push(Entry { at, said });
    }

    fn write(&mut self, facts: Vec<Fact>) {
        for fact in facts {
            self.state.apply(&fact, self.now, Revision::FIRST);
            let (at, said) = (self.now, Said::Outreach(fact));
            self.log.push(Entry { at, said });
        }
    }

    fn decide(
        &mut self,
        decide: impl FnOnce(&Outreach, CustomerFacts<'_>, &Policy, Timestamp) -> Vec<Fact>,
    ) {
        let customer = self.customer.clone().unwrap();
        let facts = CustomerFacts::of(&customer, self.zone);
        let facts = decide(&self.state, facts, &self.policy, self.now);
        self.write(facts);
    }

    /// Everything falls due in its time, and every contact takes five minutes and reaches the customer.
    fn until(&mut self, then: Timestamp) {
        for _ in 0..10_000 {
            let Some(due) = self.state.next_deadline().filter(|due| *due <= then) else {
                break;
            };
            self.now = self.now.max(due);
            let mut started = false;
            self.decide(|state, facts, policy, now| {
                let plan = state.plan.as_ref();
                let begun = plan.and_then(|plan| state.start(plan, facts, policy, now).ok());
                started = begun.is_some();
                begun.unwrap_or_else(|| state.coordinate(who(), facts, policy, now))
            });
            if started {
                self.now = self.now + Duration::from_secs(300);
                self.talk(Outcome::Agreed);
            } else {
                self.now = self.now + Duration::from_secs(1);
            }
        }
        self.now = self.now.max(then);
    }

    fn talk(&mut self, outcome: Outcome) {
        let (_, on) = self.state.in_flight.unwrap();
        let agenda: Vec<WishId> = self
            .state
            .agenda_of(on)
            .iter()
            .map(|state| state.wish.id)
            .collect();
        for wish in agenda {
            let agent = AgentId::from_uuid(Uuid::from_u128(9));
            let facts = self
                .state
                .record_outcome(wish, outcome.into(), on, agent, self.now)
                .unwrap();
            self.write(facts);
        }
        self.decide(|state, facts, policy, now| {
            state.contact_ended(on, true, who(), facts, policy, now)
        });
    }

    fn files(&mut self, n: u128, class: WishClass) {
        let wish = wish(n, class, self.now + 5 * DAY);
        self.decide(|state, facts, policy, now| {
            state.file(wish, who(), facts, policy, now).unwrap()
        });
    }

    /// The customer turns out to be the same as another, whose outreach takes all over; or is another after all.
    fn merges(&mut self) {
        let version = self.policy.version;
        let facts = match self.state.handed_over {
            None => self.state.hand_over(other(), merge(), version),
            Some(_) => Ok(self.state.take_back(other(), merge(), |_| false, &[])),
        };
        self.write(facts.unwrap());
        self.decide(|state, facts, policy, now| state.coordinate(who(), facts, policy, now));
    }

    fn calls_us(&mut self, n: u128) {
        let on = InteractionId::from_uuid(Uuid::from_u128(1_000 + n));
        self.decide(|state, facts, policy, now| {
            state.customer_contacted_us(on, false, facts, policy, now)
        });
        self.now = self.now + Duration::from_secs(120);
        let agenda: Vec<WishId> = self
            .state
            .agenda_of(on)
            .iter()
            .map(|state| state.wish.id)
            .collect();
        for wish in agenda {
            let agent = AgentId::from_uuid(Uuid::from_u128(9));
            let facts = self
                .state
                .record_outcome(wish, Outcome::Informed.into(), on, agent, self.now)
                .unwrap();
            self.write(facts);
        }
        self.decide(|state, facts, policy, now| {
            state.contact_ended(on, true, who(), facts, policy, now)
        });
    }

    fn asked(&self, draft: ContactPolicy) -> Report {
        let versions = [version(self.policy.rules.clone())];
        let draft = Policy {
            rules: draft,
            version: 2,
        };
        let question = Question {
            versions: &versions,
            draft: &draft,
            zone: self.zone,
            from: MONDAY,
            until: self.now,
        };
        let mut report = Report::default();
        replay(question, who(), &self.log, &mut report);
        report
    }
}

/// Three wishes on one day, each said in a contact of its own.
fn three_contacts() -> Days {
    let mut days = Days::under(rules());
    for n in 1..=3 {
        days.files(n, WishClass::Service);
        days.until(days.now + 2 * HOUR);
    }
    days.until(MONDAY + 4 * DAY);
    days
}

fn share(report: &Report, reason: Reason) -> Share {
    let found = report
        .by_reason
        .iter()
        .find(|share| share.reason == Some(reason));
    found.copied().unwrap_or_default()
}

use super::report::Share;

#[test]
fn the_same_rules_change_nothing() {
    let days = three_contacts();
    let report = days.asked(rules());
    assert_eq!((report.contacts, report.reproduced, report.then), (3, 3, 3));
    assert_eq!((report.draft, report.unchanged), (3, 3));
    assert!(
        report.by_reason.is_empty() && report.examples.is_empty(),
        "{report:?}"
    );
}

#[test]
fn a_lower_cap_moves_contacts_to_the_next_days() {
    let report = three_contacts().asked(ContactPolicy {
        contacts_per_day: 1,
        ..rules()
    });
    assert_eq!((report.contacts, report.unchanged), (3, 1));
    let capped = share(&report, Reason::DailyCap);
    assert_eq!(capped.later + capped.joined, 2, "{report:?}");
    assert_eq!(report.draft, 2, "the two that waited are said together");
    let moved = report
        .examples
        .iter()
        .find(|example| example.change.kind == Kind::Later)
        .unwrap();
    assert!(moved.change.to.unwrap().since(moved.change.at) > 12 * HOUR);
    assert_eq!(moved.wishes[0].department, "department 2");
}

#[test]
fn consent_that_nobody_gave_leaves_contacts_unmade() {
    let report = three_contacts().asked(ContactPolicy {
        consent_needed: vec![WishClass::Service],
        ..rules()
    });
    assert_eq!((report.draft, report.of(Kind::NotMade)), (0, 3));
    let stopped = share(&report, Reason::NoConsent);
    assert_eq!((stopped.not_made, stopped.wishes_dropped), (3, 3));
}

#[test]
fn consent_counts_from_the_moment_it_was_given() {
    let mut days = Days::under(rules());
    days.files(1, WishClass::Service);
    days.until(MONDAY + 2 * HOUR);
    let agreed = Statement::new(ANY, Channel::Voice, true, "form");
    days.learns(customer::Fact::ConsentChanged(agreed));
    days.files(2, WishClass::Service);
    days.until(MONDAY + DAY);
    let report = days.asked(ContactPolicy {
        consent_needed: vec![WishClass::Service],
        ..rules()
    });
    assert_eq!(
        (report.unchanged, report.of(Kind::NotMade)),
        (1, 1),
        "{report:?}"
    );
}

#[test]
fn longer_quiet_hours_move_a_contact_by_the_customers_clock() {
    let report = three_contacts().asked(ContactPolicy {
        quiet_until: 11 * 60,
        ..rules()
    });
    let quiet = share(&report, Reason::QuietHours);
    assert_eq!(quiet.later, 1, "the one at ten past ten: {report:?}");
    let example = &report.examples[0].change;
    assert_eq!(example.zone.name(), "Asia/Shanghai");
    assert_eq!(example.to, Some(MONDAY + HOUR));
}

#[test]
fn a_higher_cap_makes_contacts_earlier() {
    let strict = ContactPolicy {
        contacts_per_day: 1,
        ..rules()
    };
    let mut days = Days::under(strict);
    days.files(1, WishClass::Service);
    days.until(MONDAY + 2 * HOUR);
    days.files(2, WishClass::Service);
    days.until(MONDAY + 3 * DAY);
    let report = days.asked(rules());
    let earlier = share(&report, Reason::DailyCap);
    assert_eq!(
        (report.contacts, report.reproduced, earlier.earlier),
        (2, 2, 1),
        "{report:?}"
    );
}

#[test]
fn what_the_customer_heard_on_their_own_call_is_not_said_again() {
    let mut days = Days::under(rules());
    days.files(1, WishClass::Service);
    days.calls_us(1);
    days.until(MONDAY + DAY);
    let report = days.asked(ContactPolicy {
        gather_seconds: 60,
        ..rules()
    });
    assert_eq!(
        (report.contacts, report.then, report.draft),
        (0, 0, 0),
        "{report:?}"
    );
}

#[test]
fn a_customer_whose_contacts_were_before_these_days_counts_by_the_ledger_of_then() {
    let mut days = Days::under(rules());
    days.now = Timestamp::from_millis(MONDAY.as_millis() - 3_600_000);
    days.files(1, WishClass::Service);
    days.until(MONDAY); // made at ten past nine, before the days looked at
    days.files(2, WishClass::Service);
    days.until(MONDAY + DAY);
    let report = days.asked(ContactPolicy {
        contacts_per_day: 1,
        ..rules()
    });
    assert_eq!(
        (report.contacts, share(&report, Reason::DailyCap).later),
        (1, 1),
        "{report:?}"
    );
}

#[test]
fn what_went_to_another_outreach_is_said_in_neither_replay_until_it_comes_back() {
    let mut days = Days::under(rules());
    days.files(1, WishClass::Service);
    days.files(2, WishClass::Service);
    days.merges();
    days.until(MONDAY + DAY);
    let gone = days.asked(rules());
    assert_eq!(
        (gone.contacts, gone.then, gone.draft),
        (0, 0, 0),
        "{gone:?}"
    );
    days.merges();
    days.until(MONDAY + 2 * DAY);
    let back = days.asked(rules());
    let told = (back.contacts, back.reproduced, back.draft, back.unchanged);
    assert_eq!(told, (1, 1, 1, 1), "{back:?}");
}

#[test]
fn what_is_being_said_in_a_replay_when_it_goes_to_another_outreach_is_not_said_again() {
    let mut days = Days::under(rules());
    days.files(1, WishClass::Service);
    days.now = days.now + Duration::from_secs(120);
    days.merges();
    days.until(MONDAY + DAY);
    let report = days.asked(ContactPolicy {
        gather_seconds: 60,
        ..rules()
    });
    assert_eq!((report.contacts, report.then, report.draft), (0, 0, 1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn days_lived_again_under_the_same_rules_are_the_same_days(
        steps in proptest::collection::vec((0..5_u8, 1..20_u64), 1..20)
    ) {
        let mut days = Days::under(ContactPolicy { contacts_per_day: 1, ..rules() });
        for (n, (what, hours)) in (1..).zip(steps) {
            match what {
                0 | 1 if days.state.handed_over.is_some() => {}
                0 => days.files(n, WishClass::Service),
                1 => days.files(n, WishClass::Mandatory),
                2 => days.calls_us(n),
                3 => days.merges(),
                _ => {}
            }
            let then = days.now + u32::try_from(hours).unwrap() * HOUR;
            days.until(then);
        }
        let report = days.asked(days.policy.rules.clone());
        prop_assert_eq!(report.skipped, 0);
        prop_assert_eq!(report.contacts, report.reproduced, "{:?}", report);
        prop_assert_eq!(report.then, report.unchanged);
        prop_assert!(report.examples.is_empty());
    }
}
