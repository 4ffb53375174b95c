//! Two customers turn out to be one person, or two after all: what is wanted of them is wanted in one place.

use proptest::prelude::*;

use super::*;
use crate::aggregate::Aggregate;
use crate::customer::{Absorption, Fact as CustomerFact, MergeGround, ReleaseReason};
use crate::id::MergeId;

const OTHER: CustomerId = CustomerId::from_uuid(uuid::Uuid::from_u128(77));

const MERGE: MergeId = MergeId::from_uuid(uuid::Uuid::from_u128(78));

impl Story {
    fn handed_over(self) -> Self {
        let facts = self.it().hand_over(OTHER, MERGE, 7).unwrap();
        self.then(facts)
    }

    fn taken_over(self, from: &Story) -> Self {
        let wishes: Vec<Wish> = from.it().moved_to(OTHER).collect();
        let facts = self.it().take_over(&wishes);
        self.then(facts).looked_at()
    }

    /// The one who stayed gives the wishes of the one who came back, and that one takes them.
    fn taken_back(self, survivor: &mut Story) -> Self {
        let theirs: Vec<WishId> = self.it().wishes.keys().copied().collect();
        let given = survivor.it().give_back(who(), MERGE, &theirs, 7).unwrap();
        *survivor = survivor.clone().then(given).looked_at();
        let there = &survivor.it().wishes;
        let ended = |wish| {
            there
                .get(&wish)
                .is_some_and(|state| state.status != (Status::Moved { to: who() }))
        };
        let amended: Vec<Wish> = survivor.it().moved_to(who()).collect();
        let facts = self.it().take_back(OTHER, MERGE, ended, &amended);
        self.then(facts).looked_at()
    }
}

#[test]
fn an_outreach_that_was_handed_over_contacts_nobody_and_takes_nothing_in() {
    let story = Story::new().file(finance()).file(service());
    let plan = story.plan().clone();
    let story = story.handed_over();
    assert_eq!(
        (&story.it().plan, story.it().next_deadline()),
        (&None, None)
    );
    let moved = Status::Moved { to: OTHER };
    assert_eq!((story.status(1), story.status(3)), (&moved, &moved));
    let story = story.at(plan.slot);
    let (it, known) = (story.it(), story.known());
    assert_eq!(
        it.start(&plan, known, &story.policy, story.now),
        Err(Rejection::NotDue)
    );
    let filed = it.file(marketing(), who(), known, &story.policy, story.now);
    assert_eq!(filed, Err(Rejection::HandedOver));
    assert_eq!(
        it.coordinate(who(), known, &story.policy, story.now),
        vec![]
    );
    let called = it.customer_contacted_us(inbound(), false, known, &story.policy, story.now);
    assert_eq!(called, vec![]);
    assert_eq!(it.hand_over(OTHER, MERGE, 7), Ok(vec![]), "repeated");
    assert_eq!(it.hand_over(who(), MERGE, 7), Err(Rejection::HandedOver));
}

#[test]
fn nothing_is_handed_over_while_a_contact_runs() {
    let story = Story::new().file(finance()).started();
    let refused = Err(Rejection::BeingContacted);
    assert_eq!(story.it().hand_over(OTHER, MERGE, 7), refused);
    let called = Story::new().file(finance()).customer_calls(false);
    assert_eq!(called.it().hand_over(OTHER, MERGE, 7), refused);
}

#[test]
fn the_wishes_of_both_are_said_in_one_contact() {
    let gone = Story::new().file(finance()).handed_over();
    let one = Story::new().file(service()).taken_over(&gone);
    assert_eq!(one.plan().agenda, [wish_id(1), wish_id(3)]);
    let known = one.facts.len();
    assert_eq!(one.taken_over(&gone).facts.len(), known, "taken over once");
}

#[test]
fn a_wish_that_ran_out_on_the_way_is_dropped_where_it_arrives() {
    let gone = Story::new().file(finance()).handed_over();
    let late = finance().expires_at;
    let one = Story::new().at(late).taken_over(&gone);
    assert_eq!(*one.status(1), dropped(Reason::Expired));
}

#[test]
fn taken_apart_each_wants_what_was_wanted_of_them_and_what_ended_has_ended() {
    let gone = Story::new().file(finance()).file(marketing()).handed_over();
    let mut one = Story::new().file(service()).taken_over(&gone);
    one = one.started();
    let on = one.running();
    one = one.outcome(1, Outcome::Agreed, on).ended(on, true);
    let gone = gone.at(one.now).taken_back(&mut one);
    let moved = Status::Moved { to: OTHER };
    assert_eq!(*gone.status(1), moved, "it was settled there");
    assert!(gone.it().wishes[&wish_id(2)].is_pending() && gone.it().handed_over.is_none());
    assert_eq!(*one.status(2), Status::Moved { to: who() });
    assert!(one.it().wishes[&wish_id(3)].is_pending());
    let again = gone.clone().taken_back(&mut one);
    assert_eq!(again.facts.len(), gone.facts.len(), "repeated");
    let other = MergeId::from_uuid(uuid::Uuid::from_u128(79));
    let anew = gone
        .clone()
        .then(gone.it().hand_over(OTHER, other, 7).unwrap());
    let late = anew.it().take_back(OTHER, MERGE, |_| false, &[]);
    assert_eq!(late, vec![], "somebody late undoes no other merging");
}

#[test]
fn what_a_department_changed_while_they_were_one_stays_changed_when_they_are_two_again() {
    let gone = Story::new().file(finance()).handed_over();
    let mut one = Story::new().taken_over(&gone);
    let change = |wish: &mut Wish| wish.value = 77;
    let (it, known) = (one.it(), one.known());
    let amended = it.amend(wish_id(1), None, change, OTHER, known, &one.policy, one.now);
    let amended = amended.unwrap();
    one = one.then(amended);
    let (it, known) = (gone.it(), gone.known());
    let here = it.amend(
        wish_id(1),
        None,
        change,
        who(),
        known,
        &gone.policy,
        gone.now,
    );
    assert_eq!(here, Err(Rejection::HandedOver));
    let gone = gone.taken_back(&mut one);
    assert_eq!(gone.it().wishes[&wish_id(1)].wish.value, 77);
    assert_eq!(*gone.status(1), Status::Planned);
}

#[test]
fn who_asked_to_hear_of_it_later_is_not_asked_sooner_as_somebody_else() {
    let story = Story::new().file(finance()).started();
    let (on, later) = (story.running(), story.now + 48 * HOUR);
    let said = Noted {
        not_before: Some(later),
        ..Outcome::Later.into()
    };
    let noted = story
        .it()
        .record_outcome(wish_id(1), said, on, anna(), story.now);
    let gone = story.then(noted.unwrap()).ended(on, true).handed_over();
    let one = Story::new().at(gone.now).taken_over(&gone);
    assert_eq!(*one.status(1), held(Reason::NotYet, Some(later)));
}

#[test]
fn what_one_declined_the_other_is_not_asked_for_the_days_that_the_policy_names() {
    let mut story = Story::new().with(|_, rules| rules.refusal_silence_days = 3);
    let purpose = finance().purpose;
    story.customer.declined = [(purpose, MORNING)].into();
    let until = MORNING + 3 * 24 * HOUR;
    let story = story.file(finance());
    assert_eq!(*story.status(1), held(Reason::RefusedPurpose, Some(until)));
}

#[test]
fn contacts_with_one_count_for_the_other_in_every_window() {
    let mut story = Story::new().with(|_, rules| {
        rules.contacts_per_day = 1;
        rules.caps = vec![Cap {
            contacts: 2,
            days: 7,
        }];
    });
    story.customer.contacted = [30, 20]
        .map(|hours| Contact {
            id: Uuid::from_u128(90 + hours),
            at: MORNING - u32::try_from(hours).unwrap() * HOUR,
            channel: Channel::Voice,
            origin: Origin::Planned,
            reached: Some(true),
        })
        .to_vec();
    let story = story.file(finance());
    let Status::Held { reason, .. } = story.status(1) else {
        panic!("{:?}", story.status(1))
    };
    assert_eq!(*reason, Reason::WeeklyCap);
    let pressure = story.it().pressure(story.known(), &story.policy, story.now);
    assert_eq!(pressure.contacts.len(), 2);
}

#[test]
fn contacts_with_one_count_for_the_other() {
    let mut story = Story::new().with(|_, rules| rules.contacts_per_day = 1);
    story.customer.contacted = vec![Contact {
        id: Uuid::from_u128(90),
        at: MORNING,
        channel: Channel::Voice,
        origin: Origin::Planned,
        reached: Some(true),
    }];
    let story = story.file(finance());
    let Status::Held { reason, .. } = story.status(1) else {
        panic!("{:?}", story.status(1))
    };
    assert_eq!(*reason, Reason::DailyCap);
}

/// A step of somebody who merges two or takes them apart, or of the coordinator of one of them. Each is one append; several
/// who carry out the same merging may do their steps in any order and again.
#[derive(Clone, Copy, Debug)]
enum Step {
    Note,
    HandOver,
    Merge,
    Refuse,
    GiveBack,
    Unmerge,
    TakeBack,
    Release,
    File(bool, u8),
    Start(bool),
    End(bool),
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        Just(Step::Note),
        Just(Step::HandOver),
        Just(Step::Merge),
        Just(Step::Refuse),
        Just(Step::GiveBack),
        Just(Step::Unmerge),
        Just(Step::TakeBack),
        Just(Step::Release),
        (any::<bool>(), 0..9_u8).prop_map(|(who, n)| Step::File(who, n)),
        any::<bool>().prop_map(Step::Start),
        any::<bool>().prop_map(Step::End),
    ]
}

/// The one who stays and the one who is merged, as customers and with what is wanted of them.
struct Two {
    known: [Customer; 2],
    wanted: [Story; 2],
    /// Whoever merges has seen that the other's outreach is closed for this merging.
    closed: std::collections::BTreeSet<MergeId>,
    begun: Vec<MergeId>,
}

impl Two {
    fn new() -> Self {
        let story = || Story::new().with(|_, rules| rules.contacts_per_day = 99);
        Self {
            known: [reachable(), reachable()],
            wanted: [story(), story()],
            closed: std::collections::BTreeSet::new(),
            begun: vec![],
        }
    }

    fn learn(&mut self, place: usize, facts: Vec<CustomerFact>) {
        for fact in facts {
            self.known[place].apply(&fact, MORNING, Revision::FIRST);
        }
    }

    fn want(&mut self, place: usize, facts: Vec<Fact>) {
        let story = self.wanted[place].clone();
        self.wanted[place] = story.then(facts).looked_at();
    }

    fn step(&mut self, step: Step, merge: MergeId) {
        let ended = self.known[1].links.has_ended(merge);
        match step {
            Step::Note => {
                let fresh = MergeId::from_uuid(uuid::Uuid::from_u128(self.begun.len() as u128));
                let noted = Absorption {
                    customer: who(),
                    merge: fresh,
                    ground: MergeGround::Stated,
                    evidence: None,
                };
                let facts = self.known[0].absorb(OTHER, noted).unwrap_or_default();
                if !facts.is_empty() {
                    self.begun.push(fresh);
                }
                self.learn(0, facts);
            }
            Step::HandOver => {
                if let Ok(facts) = self.wanted[1].it().hand_over(OTHER, merge, 7) {
                    self.closed.insert(merge);
                    self.want(1, facts);
                }
            }
            Step::Merge if self.closed.contains(&merge) => {
                let facts = self.known[1].merge_into(OTHER, merge);
                self.learn(1, facts.unwrap_or_default());
            }
            Step::Refuse => {
                let facts = self.known[1].refuse_merge(merge);
                self.learn(1, facts);
            }
            Step::GiveBack if self.known[1].links.merged_into == Some((OTHER, merge)) => {
                let theirs = self.wanted[1].it().moved_to(OTHER);
                let theirs: Vec<WishId> = theirs.map(|wish| wish.id).collect();
                let facts = self.wanted[0].it().give_back(who(), merge, &theirs, 7);
                self.want(0, facts.unwrap_or_default());
            }
            Step::Unmerge => {
                let facts = self.known[1].unmerge(OTHER, &self.known[0], MORNING);
                self.learn(1, facts.unwrap_or_default());
            }
            Step::TakeBack if ended => {
                let there = self.wanted[0].it().wishes.clone();
                let back = Status::Moved { to: who() };
                let over = |wish| {
                    there
                        .get(&wish)
                        .is_some_and(|state: &WishState| state.status != back)
                };
                let facts = self.wanted[1].it().take_back(OTHER, merge, over, &[]);
                self.want(1, facts);
            }
            Step::Release if ended => {
                let facts = self.known[0].release(who(), merge, ReleaseReason::Refused);
                self.learn(0, facts);
            }
            Step::File(other, n) => {
                let place = usize::from(other);
                let wish = Wish {
                    id: wish_id(u128::from(n) + 100 * place as u128),
                    ..finance()
                };
                let story = &self.wanted[place];
                let facts = story
                    .it()
                    .file(wish, who(), story.known(), &story.policy, story.now);
                self.want(place, facts.unwrap_or_default());
            }
            Step::Start(other) => {
                let place = usize::from(other);
                let Some(plan) = self.wanted[place].it().plan.clone() else {
                    return;
                };
                let story = self.wanted[place].clone().at(plan.slot);
                let facts = story.try_start().unwrap_or_default();
                self.wanted[place] = story.then(facts);
            }
            Step::End(other) => {
                let place = usize::from(other);
                if let Some((_, on)) = self.wanted[place].it().in_flight {
                    self.wanted[place] = self.wanted[place].clone().ended(on, true);
                }
            }
            Step::Merge | Step::GiveBack | Step::TakeBack | Step::Release => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn of_one_person_only_the_one_who_stays_is_ever_contacted(
        steps in prop::collection::vec((any_step(), 0..4_usize), 1..60)
    ) {
        let mut two = Two::new();
        for (step, late) in steps {
            // Most carry out the latest merging, some an older one.
            let place = two.begun.len().saturating_sub(1 + late);
            let merge = two.begun.get(place).copied().unwrap_or(MERGE);
            two.step(step, merge);
            if let Some((into, merge)) = two.known[1].links.merged_into {
                let theirs = two.wanted[1].it();
                prop_assert_eq!(into, OTHER);
                prop_assert_eq!(theirs.handed_over, Some((OTHER, merge)), "their outreach is open");
                prop_assert!(theirs.in_flight.is_none() && theirs.plan.is_none());
                prop_assert!(theirs.wishes.values().all(|state| !state.is_pending()));
            }
        }
    }
}
