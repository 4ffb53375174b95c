//! Two customers turn out to be one person, or two after all: what is wanted of them is wanted in one place.

use super::*;
use crate::id::MergeId;

const OTHER: CustomerId = CustomerId::from_uuid(uuid::Uuid::from_u128(77));

const MERGE: MergeId = MergeId::from_uuid(uuid::Uuid::from_u128(78));

impl Story {
    fn handed_over(self) -> Self {
        let facts = self.it().hand_over(OTHER, MERGE, 7).unwrap();
        self.then(facts)
    }

    fn taken_over(self, from: &Story) -> Self {
        let wishes: Vec<Wish> = from.it().moved_to(OTHER).cloned().collect();
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
        let facts = self.it().take_back(OTHER, MERGE, ended);
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
    let late = anew.it().take_back(OTHER, MERGE, |_| false);
    assert_eq!(late, vec![], "somebody late undoes no other merging");
}

#[test]
fn contacts_with_one_count_for_the_other() {
    let mut story = Story::new().with(|_, rules| rules.contacts_per_day = 1);
    story.customer.contacted = vec![MORNING];
    let story = story.file(finance());
    let Status::Held { reason, .. } = story.status(1) else {
        panic!("{:?}", story.status(1))
    };
    assert_eq!(*reason, Reason::DailyCap);
}
