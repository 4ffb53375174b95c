//! Departments amend and withdraw.

use super::*;

#[test]
fn an_amended_wish_is_decided_on_anew_in_the_same_append() {
    let story = Story::new().file(finance()).file(marketing());
    let tomorrow = MORNING + 24 * HOUR;
    let facts = story
        .amend(1, Some("finance"), |wish| wish.not_before = Some(tomorrow))
        .unwrap();
    assert!(
        matches!(&facts[..], [Fact::WishAmended(_), Fact::WishHeld { .. }, Fact::ContactPlanned { agenda, .. }]
            if agenda[..] == [wish_id(2)]),
        "{facts:?}"
    );
    let story = story.then(facts);
    assert_eq!(*story.status(1), held(Reason::NotYet, Some(tomorrow)));
}

#[test]
fn what_does_not_change_a_wish_is_no_fact() {
    let story = Story::new().file(finance());
    assert_eq!(story.amend(1, None, |wish| wish.value = 50), Ok(vec![]));
}

#[test]
fn whose_wish_it_is_and_what_for_cannot_be_amended() {
    let story = Story::new().file(finance()).amended(1, |wish| {
        wish.department = "marketing".to_owned();
        wish.purpose = "anything".to_owned();
        wish.class = WishClass::Mandatory;
        wish.value = 51;
    });
    let expected = Wish {
        value: 51,
        ..finance()
    };
    assert_eq!(story.it().wishes[&wish_id(1)].wish, expected);
}

#[test]
fn a_wish_may_be_amended_until_the_contact_that_carries_it_is_in_flight() {
    let story = Story::new().file(finance()).started();
    let dearer = |wish: &mut Wish| wish.value = 99;
    assert_eq!(story.amend(1, None, dearer), Err(Rejection::BeingSaid));
    assert_eq!(story.withdraw(1, None), Err(Rejection::BeingSaid));
    let on = story.running();
    let later = story.clone().outcome(1, Outcome::Later, on);
    assert_eq!(later.amend(1, None, dearer), Err(Rejection::BeingSaid));
    assert!(
        later.ended(on, true).amend(1, None, dearer).is_ok(),
        "it waits again"
    );
    let story = story.outcome(1, Outcome::Agreed, on).ended(on, true);
    assert_eq!(story.amend(1, None, dearer), Err(Rejection::Settled));
    assert_eq!(story.withdraw(1, None), Err(Rejection::Settled));
}

#[test]
fn an_amendment_leaves_a_window_that_has_a_future() {
    let story = Story::new().file(finance());
    let closed = story.amend(1, None, |wish| wish.expires_at = MORNING);
    assert_eq!(closed, Err(Rejection::EmptyWindow));
}

#[test]
fn a_department_reaches_its_own_wishes_only() {
    let story = Story::new().file(finance());
    let dearer = |wish: &mut Wish| wish.value = 99;
    let marketing = Some("marketing");
    assert_eq!(
        story.amend(1, marketing, dearer),
        Err(Rejection::UnknownWish)
    );
    assert_eq!(story.withdraw(1, marketing), Err(Rejection::UnknownWish));
    assert_eq!(story.withdraw(8, None), Err(Rejection::UnknownWish));
}

#[test]
fn a_wish_taken_back_leaves_the_plan_and_the_last_one_takes_the_plan_with_it() {
    let story = Story::new().file(finance()).file(service()).withdrawn(1);
    assert_eq!(*story.status(1), Status::Withdrawn);
    assert_eq!(story.plan().agenda, [wish_id(3)]);
    let story = story.withdrawn(3);
    assert_eq!(story.it().plan, None);
    assert_eq!(story.it().next_deadline(), None);
    assert_eq!(story.withdraw(1, None), Ok(vec![]), "once is enough");
}

#[test]
fn the_book_of_one_customer_has_an_end() {
    let many = u128::try_from(MOST_PENDING).unwrap();
    let full = (1..=many).fold(Story::new(), |story, n| {
        story.file(wish(n, "marketing", WishClass::Marketing, 1))
    });
    let one_more = wish(many + 1, "marketing", WishClass::Marketing, 1);
    let file = |story: &Story, wish| {
        story
            .it()
            .file(wish, who(), story.known(), &story.policy, story.now)
    };
    assert_eq!(file(&full, one_more.clone()), Err(Rejection::BookFull));
    assert!(file(&full.withdrawn(7), one_more).is_ok());
}
