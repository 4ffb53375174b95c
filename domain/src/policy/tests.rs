use std::collections::BTreeMap;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::aggregate::{Aggregate, Folded};
use crate::event::{Actor, Revision};
use crate::id::{AgentId, ProposalId, QueueId, TenantId};
use crate::time::Timestamp;

fn rules(contacts_per_day: u32) -> ContactPolicy {
    serde_json::from_value(serde_json::json!({
        "quiet_from": 1260, "quiet_until": 480, "gather_seconds": 60, "max_agenda": 3,
        "contacts_per_day": contacts_per_day, "retry_seconds": 3_600, "max_attempts": 3, "consent_needed": [],
        "queue": QueueId::named(TenantId::named("t"), "outreach"),
    }))
    .unwrap()
}

fn id(n: u128) -> ProposalId {
    ProposalId::from_uuid(Uuid::from_u128(n))
}

fn person(n: u128) -> AgentId {
    AgentId::from_uuid(Uuid::from_u128(n))
}

const SUE: u128 = 1;
const TOM: u128 = 2;

fn sue() -> Actor {
    Actor::Agent(person(SUE))
}

fn tom() -> Actor {
    Actor::Agent(person(TOM))
}

/// A book as the log would hold it: what is decided is applied.
#[derive(Clone, Default)]
struct Log {
    folded: Folded<PolicyBook>,
    facts: Vec<Fact>,
}

impl Log {
    /// The file says one contact a day.
    fn begun() -> Self {
        Self::default().file(1, "one")
    }

    fn book(&self) -> &PolicyBook {
        self.folded.state.as_ref().unwrap()
    }

    fn then(mut self, facts: Vec<Fact>) -> Self {
        for fact in facts {
            let revision = Revision(self.facts.len() as u64);
            let at = Timestamp::from_millis(1_000 * i64::try_from(revision.0).unwrap());
            self.folded.take(&fact, at, revision);
            self.facts.push(fact);
        }
        self
    }

    fn file(self, contacts_per_day: u32, text: &str) -> Self {
        let known = self.folded.state.clone();
        let facts = PolicyBook::read_file(
            known.as_deref(),
            &rules(contacts_per_day),
            Some(text),
            &Actor::Operator,
        );
        self.then(facts)
    }

    fn proposed(self, n: u128, contacts_per_day: u32, by: &Actor) -> Self {
        let draft = Draft::Rules(rules(contacts_per_day).into());
        let facts = self.book().propose(id(n), &draft, "because", by).unwrap();
        self.then(facts)
    }

    fn released(self, n: u128, by: u128) -> Self {
        let facts = self.book().release(id(n), person(by)).unwrap();
        self.then(facts)
    }

    fn in_force(&self) -> (u64, u32) {
        let policy = &self.book().in_force().policy;
        (policy.version, policy.rules.contacts_per_day)
    }
}

#[test]
fn what_is_proposed_holds_when_somebody_else_has_released_it() {
    let log = Log::begun().proposed(1, 2, &sue());
    assert_eq!(log.in_force(), (1, 1), "a proposal changes nothing");
    assert_eq!(log.clone().released(1, TOM).in_force(), (2, 2));
    assert_eq!(log.book().proposals().count(), 1);
}

#[test]
fn nobody_releases_what_they_proposed() {
    let log = Log::begun().proposed(1, 2, &sue());
    let refused = log.book().release(id(1), person(SUE));
    assert_eq!(refused, Err(Rejection::OwnProposal));
}

#[test]
fn what_a_program_proposed_is_released_by_a_person() {
    let log = Log::begun().proposed(1, 2, &Actor::Department("ops".into()));
    assert_eq!(log.released(1, SUE).in_force(), (2, 2));
}

#[test]
fn a_repeated_request_changes_nothing() {
    let log = Log::begun().proposed(1, 2, &sue());
    let again = |log: &Log| {
        let draft = Draft::Rules(rules(2).into());
        log.book().propose(id(1), &draft, " because ", &sue())
    };
    assert_eq!(again(&log), Ok(vec![]));
    let released = log.clone().released(1, TOM);
    assert_eq!(again(&released), Ok(vec![]));
    assert_eq!(released.book().release(id(1), person(TOM)), Ok(vec![]));
    assert_eq!(
        released.book().release(id(1), person(3)),
        Err(Rejection::Released)
    );
    assert_eq!(
        released.book().withdraw(id(1), &sue()),
        Err(Rejection::Released)
    );
    let facts = log.book().withdraw(id(1), &tom()).unwrap();
    let withdrawn = log.then(facts);
    assert_eq!(withdrawn.book().withdraw(id(1), &sue()), Ok(vec![]));
    assert_eq!(
        withdrawn.book().release(id(1), person(TOM)),
        Err(Rejection::Withdrawn)
    );
    assert_eq!(again(&withdrawn), Err(Rejection::KeyTaken));
}

#[test]
fn a_proposal_that_was_compared_with_other_rules_is_not_released() {
    let log = Log::begun()
        .proposed(1, 2, &sue())
        .proposed(2, 3, &sue())
        .released(1, TOM);
    assert_eq!(
        log.book().release(id(2), person(TOM)),
        Err(Rejection::Outdated)
    );
}

#[test]
fn a_proposal_says_something_new_and_why() {
    let log = Log::begun();
    let propose = |rules: ContactPolicy, comment| {
        log.book()
            .propose(id(1), &Draft::Rules(rules.into()), comment, &sue())
    };
    assert_eq!(propose(rules(1), "because"), Err(Rejection::NoChange));
    assert_eq!(propose(rules(2), "  "), Err(Rejection::BadComment));
    assert_eq!(
        propose(rules(2), &"x".repeat(1_001)),
        Err(Rejection::BadComment)
    );
    let refused = log
        .book()
        .propose(id(1), &Draft::Version(2), "because", &sue());
    assert_eq!(refused, Err(Rejection::UnknownVersion));
}

#[test]
fn only_so_many_proposals_are_open_at_one_time() {
    let open = |log: Log, n: u32| log.proposed(n.into(), 2 + n, &sue());
    let log = (0..u32::try_from(MOST_OPEN).unwrap()).fold(Log::begun(), open);
    let refused = log
        .book()
        .propose(id(99), &Draft::Rules(rules(99).into()), "because", &sue());
    assert_eq!(refused, Err(Rejection::TooMany));
}

#[test]
fn earlier_rules_come_back_as_a_version_of_their_own() {
    let log = Log::begun().proposed(1, 2, &sue()).released(1, TOM);
    let facts = log
        .book()
        .propose(id(2), &Draft::Version(1), "it was better before", &tom())
        .unwrap();
    let back = log.then(facts).released(2, SUE);
    assert_eq!(back.in_force(), (3, 1));
    let kept: Vec<_> = back
        .book()
        .versions()
        .iter()
        .map(|version| version.policy.rules.clone())
        .collect();
    assert_eq!(
        kept,
        [rules(1), rules(2), rules(1)],
        "every version keeps its text"
    );
}

#[test]
fn a_start_with_an_unchanged_file_does_not_undo_what_was_released() {
    let log = Log::begun().proposed(1, 2, &sue()).released(1, TOM);
    let started = log.file(1, "one");
    assert_eq!(started.in_force(), (2, 2));
    let changed = started.file(3, "three");
    assert_eq!(changed.in_force(), (3, 3), "a changed file speaks");
    let again = changed.proposed(2, 1, &sue()).released(2, TOM);
    assert_eq!(again.file(3, "three").in_force(), (4, 1));
}

#[test]
fn a_file_that_says_what_was_released_is_remembered_without_a_version() {
    let log = Log::begun().proposed(1, 2, &sue()).released(1, TOM);
    let written_back = log.file(2, "two");
    assert_eq!(written_back.in_force(), (2, 2));
    let later = written_back.proposed(2, 3, &sue()).released(2, TOM);
    assert_eq!(later.file(2, "two").in_force(), (3, 3));
}

#[test]
fn a_file_of_which_earlier_days_kept_no_text_is_compared_by_its_rules() {
    let earlier = Fact::Set(Setting {
        rules: rules(1),
        by: None,
        text: None,
    });
    let log = Log::default().then(vec![earlier]);
    assert_eq!(log.clone().file(1, "one").facts.len(), 1);
    assert_eq!(log.file(2, "two").in_force(), (2, 2));
}

#[test]
fn a_program_says_the_rules_as_the_file_does_and_the_file_does_not_undo_them() {
    let log = Log::begun();
    let facts = PolicyBook::set(
        Some(log.book()),
        &rules(4),
        &Actor::Department("ops".into()),
    );
    let log = log.then(facts).file(1, "one");
    assert_eq!(log.in_force(), (2, 4));
}

#[derive(Clone, Debug)]
enum Step {
    Propose { n: u128, caps: u32, by: u128 },
    Back { n: u128, version: u64, by: u128 },
    Withdraw { n: u128, by: u128 },
    Release { n: u128, by: u128 },
    Start { caps: u32 },
}

fn any_step() -> impl Strategy<Value = Step> {
    let (n, caps, by) = (0..6_u128, 1..4_u32, 1..4_u128);
    prop_oneof![
        (n.clone(), caps.clone(), by.clone()).prop_map(|(n, caps, by)| Step::Propose {
            n,
            caps,
            by
        }),
        (n.clone(), 1..5_u64, by.clone()).prop_map(|(n, version, by)| Step::Back {
            n,
            version,
            by
        }),
        (n.clone(), by.clone()).prop_map(|(n, by)| Step::Withdraw { n, by }),
        (n, by).prop_map(|(n, by)| Step::Release { n, by }),
        caps.prop_map(|caps| Step::Start { caps }),
    ]
}

proptest! {
    #[test]
    fn rules_in_force_came_from_the_file_or_from_somebody_else_than_who_released_them(
        steps in proptest::collection::vec(any_step(), 0..60)
    ) {
        let mut log = Log::begun();
        for step in steps {
            let before = log.in_force();
            let book = log.book();
            let decided = match step {
                Step::Propose { n, caps, by } =>
                    book.propose(id(n), &Draft::Rules(rules(caps).into()), "because", &Actor::Agent(person(by))),
                Step::Back { n, version, by } =>
                    book.propose(id(n), &Draft::Version(version), "because", &Actor::Agent(person(by))),
                Step::Withdraw { n, by } => book.withdraw(id(n), &Actor::Agent(person(by))),
                Step::Release { n, by } => book.release(id(n), person(by)),
                Step::Start { caps } => {
                    Ok(PolicyBook::read_file(Some(book), &rules(caps), Some(&caps.to_string()), &Actor::Operator))
                }
            };
            let releases = matches!(step, Step::Release { .. });
            let starts = matches!(step, Step::Start { .. });
            log = log.then(decided.unwrap_or_default());
            prop_assert!(log.in_force() == before || releases || starts, "only a release or the file changes rules");
        }
        // What the log says, told anew without the book.
        let mut proposals = BTreeMap::new();
        let mut in_force = None;
        let mut changes = 0;
        for fact in &log.facts {
            match fact {
                Fact::Set(setting) => {
                    prop_assert_eq!(&setting.by, &Some(Actor::Operator));
                    changes += u64::from(in_force.as_ref() != Some(&setting.rules));
                    in_force = Some(setting.rules.clone());
                }
                Fact::Proposed(proposal) => {
                    prop_assert!(proposals.insert(proposal.proposal, proposal.clone()).is_none(), "one id, one proposal");
                }
                Fact::Withdrawn { proposal, .. } => prop_assert!(proposals.remove(proposal).is_some()),
                Fact::Released { proposal, by } => {
                    let proposed = proposals.remove(proposal);
                    prop_assert!(proposed.as_ref().is_some_and(|proposed| proposed.by != Actor::Agent(*by)));
                    in_force = proposed.map(|proposed| proposed.rules);
                    changes += 1;
                }
            }
        }
        let book = log.book();
        prop_assert_eq!(Some(&book.in_force().policy.rules), in_force.as_ref());
        prop_assert_eq!(book.in_force().policy.version, changes);
        let numbers: Vec<u64> = book.versions().iter().map(|version| version.policy.version).collect();
        prop_assert_eq!(numbers, (1..=changes).collect::<Vec<_>>());
        let anew = log.facts.iter().fold(Folded::<PolicyBook>::default(), |mut folded, fact| {
            let revision = folded.revision.map_or(Revision::FIRST, Revision::next);
            let at = Timestamp::from_millis(1_000 * i64::try_from(revision.0).unwrap());
            folded.take(fact, at, revision);
            folded
        });
        prop_assert_eq!(anew.state.as_deref(), Some(book), "told again, it is the same book");
    }
}

#[test]
fn a_history_does_not_begin_with_a_proposal() {
    let proposed = Log::begun().proposed(1, 2, &sue()).facts.pop().unwrap();
    assert!(PolicyBook::begin(&proposed, Timestamp::default()).is_none());
}
