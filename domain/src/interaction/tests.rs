use std::time::Duration;

use uuid::Uuid;

use super::*;
use crate::acd::{Reason, Receipt};
use crate::aggregate::Folded;
use crate::channel::{Channel, Direction};
use crate::contact_point::{ContactPoint, Kind};
use crate::event::Revision;
use crate::id::{AgentId, CustomerId, LegId, MessageId, OfferId, QueueId, TenantId};
use crate::private::Private;
use crate::time::Timestamp;

mod any_history;

const NOW: Timestamp = Timestamp::from_millis(1_795_262_400_000);
const CLOSING: Closing = Closing {
    wrap_up: Duration::from_secs(30),
};

fn agent(n: u128) -> AgentId {
    AgentId::from_uuid(Uuid::from_u128(n))
}

fn offer(n: u128) -> OfferId {
    OfferId::from_uuid(Uuid::from_u128(n))
}

fn leg(n: u128) -> LegId {
    LegId::from_uuid(Uuid::from_u128(n))
}

fn message(n: u128) -> MessageId {
    MessageId::from_uuid(Uuid::from_u128(n))
}

fn text(text: &str) -> Private<String> {
    Private::new(text.to_owned())
}

fn after(seconds: u64) -> Timestamp {
    NOW + Duration::from_secs(seconds)
}

fn receipt() -> Receipt {
    Receipt {
        rule_version: 1,
        score: 0,
        waited: Duration::ZERO,
        candidates: vec![],
        candidate_count: 1,
        heads: vec![],
        head_count: 1,
        reason: Reason::BestAgent,
    }
}

/// One conversation as the log would hold it: what is decided is applied.
#[derive(Clone)]
struct Story {
    folded: Folded<Interaction>,
    facts: Vec<(Fact, Timestamp)>,
    now: Timestamp,
}

impl Story {
    fn of(channel: Channel, direction: Direction) -> Self {
        let start = Start {
            customer: CustomerId::from_uuid(Uuid::from_u128(1)),
            channel,
            direction,
            access_point: None,
            contact_point: ContactPoint::parse(Kind::Phone, "+4930123456").unwrap(),
            plan: None,
            queue: QueueId::named(TenantId::named("t"), "service"),
            priority: 0,
            node: None,
        };
        let story = Self {
            folded: Folded::default(),
            facts: vec![],
            now: NOW,
        };
        story.then(start.facts())
    }

    fn call() -> Self {
        Self::of(Channel::Voice, Direction::Inbound)
    }

    fn chat() -> Self {
        Self::of(Channel::Chat, Direction::Inbound)
    }

    fn then(mut self, facts: Vec<Fact>) -> Self {
        for fact in facts {
            let revision = Revision(self.facts.len() as u64);
            self.folded.take(&fact, self.now, revision);
            self.facts.push((fact, self.now));
        }
        self
    }

    fn at(mut self, now: Timestamp) -> Self {
        self.now = now;
        self
    }

    fn it(&self) -> &Interaction {
        self.folded.state.as_ref().unwrap()
    }

    fn offered(self) -> Self {
        let phone = (self.it().channel == Channel::Voice).then(|| (leg(1), None));
        let facts = self
            .it()
            .offer(
                offer(1),
                agent(1),
                self.now + Duration::from_secs(20),
                receipt(),
                phone,
            )
            .unwrap();
        self.then(facts)
    }

    fn accepted(self) -> Self {
        let offered = self.offered();
        let facts = offered.it().accept(agent(1), offered.now).unwrap();
        offered.then(facts)
    }

    fn ended(self) -> Self {
        let accepted = self.accepted();
        let facts = accepted.it().end(agent(1), CLOSING, accepted.now).unwrap();
        accepted.then(facts)
    }
}

#[test]
fn an_offer_that_ran_out_cannot_be_accepted() {
    let story = Story::call().offered();
    assert_eq!(
        story.it().accept(agent(1), after(20)),
        Err(Rejection::OfferGone)
    );
    assert!(story.it().accept(agent(1), after(19)).is_ok());
}

#[test]
fn a_contact_is_offered_to_one_agent_at_a_time() {
    let story = Story::call().offered();
    let second = story
        .it()
        .offer(offer(2), agent(2), after(20), receipt(), None);
    assert_eq!(second, Err(Rejection::NotWaiting));
    assert_eq!(story.it().accept(agent(2), NOW), Err(Rejection::OfferGone));
}

#[test]
fn a_declined_contact_keeps_its_place_in_the_line() {
    let story = Story::call().at(after(5)).offered().at(after(8));
    let facts = story
        .it()
        .end_offer(offer(1), OfferEnd::Declined, story.now)
        .unwrap();
    assert!(facts.contains(&Fact::DialEnded {
        leg: leg(1),
        party: DialParty::Agent,
        outcome: DialOutcome::Declined
    }));
    let story = story.then(facts);
    assert!(
        matches!(story.it().phase, Phase::Queued { since: NOW, .. }),
        "{:?}",
        story.it().phase
    );
    assert!(story.it().dials.is_empty());
}

#[test]
fn a_timer_ahead_of_the_clock_ends_no_offer() {
    let story = Story::call().offered();
    assert_eq!(
        story.it().end_offer(offer(1), OfferEnd::Expired, after(19)),
        Err(Rejection::OfferGone)
    );
    assert!(
        story
            .it()
            .end_offer(offer(1), OfferEnd::Expired, after(20))
            .is_ok()
    );
}

#[test]
fn a_second_click_on_accept_changes_nothing() {
    let story = Story::chat().accepted();
    assert_eq!(story.it().accept(agent(1), after(99)), Ok(vec![]));
}

#[test]
fn a_caller_who_hangs_up_while_the_agent_rings_has_abandoned() {
    let story = Story::call().offered();
    let story = story
        .clone()
        .then(story.it().customer_left(CLOSING, after(3)).unwrap());
    assert_eq!(
        story.it().phase,
        Phase::Closed {
            cause: CloseCause::Abandoned,
            agent: None
        }
    );
    assert!(
        story.it().dials.is_empty(),
        "the agent's phone stops ringing"
    );
    assert_eq!(
        story.it().accept(agent(1), after(3)),
        Err(Rejection::OfferGone)
    );
}

#[test]
fn a_message_sent_twice_is_one_message() {
    let story = Story::chat();
    let story = story
        .clone()
        .then(story.it().receive(message(1), text("hello")).unwrap());
    assert_eq!(story.it().receive(message(1), text("hello")), Ok(vec![]));
    assert_eq!(story.it().place_of(message(1)), Some(Revision(2)));
    assert_eq!(story.it().messages.len(), 1);
}

#[test]
fn a_message_after_the_end_belongs_to_a_new_contact() {
    let story = Story::chat().ended();
    assert_eq!(
        story.it().receive(message(1), text("one more thing")),
        Err(Rejection::Over)
    );
}

#[test]
fn a_resend_of_a_known_message_is_success_even_after_the_end() {
    let story = Story::chat();
    let story = story
        .clone()
        .then(story.it().receive(message(1), text("hello")).unwrap())
        .ended();
    assert_eq!(story.it().receive(message(1), text("hello")), Ok(vec![]));
}

#[test]
fn only_the_agent_who_has_the_chat_writes_to_the_customer() {
    let story = Story::chat().accepted();
    assert_eq!(
        story.it().send(agent(2), message(1), text("hi")),
        Err(Rejection::NotYours)
    );
    assert!(story.it().send(agent(1), message(1), text("hi")).is_ok());
}

#[test]
fn empty_overlong_and_control_texts_are_refused() {
    for bad in ["", "  \n", "a\u{0}b", &"x".repeat(8 * 1024 + 1)] {
        assert_eq!(
            Story::chat().it().receive(message(1), text(bad)),
            Err(Rejection::BadText)
        );
    }
    assert!(
        Story::chat()
            .it()
            .receive(message(1), text("two\nlines\tof text"))
            .is_ok()
    );
}

#[test]
fn a_queue_without_wrap_up_closes_at_once() {
    let story = Story::chat().accepted();
    let facts = story
        .it()
        .end(
            agent(1),
            Closing {
                wrap_up: Duration::ZERO,
            },
            NOW,
        )
        .unwrap();
    assert!(story.then(facts).it().is_closed());
}

#[test]
fn wrap_up_ends_by_itself_but_not_early() {
    let story = Story::call().ended();
    assert_eq!(
        story.it().wrap_up_over(after(29)),
        Err(Rejection::StillActive)
    );
    let closed = story
        .clone()
        .then(story.it().wrap_up_over(after(30)).unwrap());
    assert_eq!(
        closed.it().phase,
        Phase::Closed {
            cause: CloseCause::WrapUpOver,
            agent: Some(agent(1))
        }
    );
}

#[test]
fn a_disposition_must_be_one_of_the_queue() {
    let story = Story::call().ended();
    let codes = ["solved".to_owned()];
    let wrong = story
        .it()
        .wrap_up(agent(1), Some("other".into()), None, &codes);
    assert_eq!(wrong, Err(Rejection::BadDisposition));
    let closed = story.clone().then(
        story
            .it()
            .wrap_up(agent(1), Some("solved".into()), None, &codes)
            .unwrap(),
    );
    assert_eq!(closed.it().disposition.as_deref(), Some("solved"));
    assert!(closed.it().is_closed());
}

#[test]
fn a_disposition_that_comes_after_wrap_up_ran_out_is_not_lost() {
    let story = Story::call().ended().at(after(31));
    let story = story
        .clone()
        .then(story.it().wrap_up_over(after(31)).unwrap());
    let late = story
        .it()
        .wrap_up(agent(1), Some("solved".into()), Some(text("pays")), &[])
        .unwrap();
    let story = story.then(late);
    assert_eq!(story.it().disposition.as_deref(), Some("solved"));
    assert_eq!(
        story
            .it()
            .wrap_up(agent(1), Some("solved".into()), None, &[]),
        Ok(vec![])
    );
    assert_eq!(
        story
            .it()
            .wrap_up(agent(2), Some("solved".into()), None, &[]),
        Err(Rejection::NotYours)
    );
}

#[test]
fn a_note_without_a_disposition_is_refused_rather_than_lost() {
    let story = Story::call().ended();
    assert_eq!(
        story.it().wrap_up(agent(1), None, Some(text("pays")), &[]),
        Err(Rejection::BadDisposition)
    );
    assert!(
        story
            .it()
            .wrap_up(agent(1), None, Some(text(" ")), &[])
            .is_ok()
    );
}

#[test]
fn the_customer_of_an_outbound_contact_is_dialled_once() {
    let story = Story::of(Channel::Voice, Direction::Outbound);
    assert_eq!(
        story.it().request_dial(leg(2), None),
        Err(Rejection::NotYours)
    );
    let story = story.accepted();
    let story = story
        .clone()
        .then(story.it().request_dial(leg(2), None).unwrap());
    assert_eq!(story.it().request_dial(leg(2), None), Ok(vec![]));
    assert_eq!(
        story.it().request_dial(leg(3), None),
        Ok(vec![]),
        "not under another name either"
    );
}

#[test]
fn an_agent_who_hangs_up_while_it_rings_ends_the_dial_too() {
    let story = Story::of(Channel::Voice, Direction::Outbound).accepted();
    let story = story
        .clone()
        .then(story.it().request_dial(leg(2), None).unwrap());
    let facts = story.it().end(agent(1), CLOSING, NOW).unwrap();
    let cancelled = Fact::DialEnded {
        leg: leg(2),
        party: DialParty::Customer,
        outcome: DialOutcome::Cancelled,
    };
    assert_eq!(facts[0], cancelled);
}

#[test]
fn a_customer_who_does_not_answer_leads_to_wrap_up() {
    let story = Story::of(Channel::Voice, Direction::Outbound).accepted();
    let story = story
        .clone()
        .then(story.it().request_dial(leg(2), None).unwrap());
    let facts = story
        .it()
        .not_reached(leg(2), DialOutcome::NoAnswer, CLOSING, NOW)
        .unwrap();
    let story = story.then(facts);
    let Phase::WrapUp {
        agent: by, until, ..
    } = story.it().phase
    else {
        panic!("{:?}", story.it().phase)
    };
    assert_eq!((by, until), (agent(1), after(30)));
    assert!(
        !story
            .it()
            .dials
            .iter()
            .any(|(_, party)| *party == DialParty::Customer)
    );
}

#[test]
fn a_withdrawn_plan_takes_the_contact_back_from_a_ringing_agent_only() {
    let story = Story::of(Channel::Voice, Direction::Outbound).offered();
    let withdrawn = story.clone().then(story.it().withdraw().unwrap());
    assert!(matches!(
        withdrawn.it().phase,
        Phase::Closed {
            cause: CloseCause::PlanWithdrawn,
            ..
        }
    ));
    let talking = Story::of(Channel::Voice, Direction::Outbound).accepted();
    assert_eq!(talking.it().withdraw(), Err(Rejection::StillActive));
}

#[test]
fn a_restart_closes_running_calls_and_leaves_finished_ones() {
    for story in [
        Story::call(),
        Story::call().offered(),
        Story::call().accepted(),
    ] {
        let closed = story.clone().then(story.it().hub_restarted().unwrap());
        assert!(matches!(
            closed.it().phase,
            Phase::Closed {
                cause: CloseCause::HubRestarted,
                ..
            }
        ));
    }
    assert_eq!(
        Story::call().ended().it().hub_restarted(),
        Err(Rejection::Over)
    );
}

#[test]
fn a_conversation_takes_so_many_messages_and_no_more() {
    let mut folded = crate::aggregate::Folded::<Interaction>::default();
    let start = crate::registry::examples()
        .into_iter()
        .find_map(|fact| match fact {
            crate::registry::AnyFact::Interaction(fact @ Fact::Started { .. }) => Some(fact),
            _ => None,
        });
    folded.take(&start.unwrap(), Timestamp::default(), Revision::FIRST);
    for n in 1..=super::MAX_MESSAGES as u64 {
        let message = MessageId::from_uuid(uuid::Uuid::from_u128(n.into()));
        let fact = Fact::MessageReceived {
            message,
            text: Private::new("hello".into()),
        };
        folded.take(&fact, Timestamp::default(), Revision(n));
    }
    let full = folded.state.unwrap();
    let known = MessageId::from_uuid(uuid::Uuid::from_u128(1));
    let more = MessageId::from_uuid(uuid::Uuid::from_u128(u128::MAX));
    assert_eq!(
        full.receive(known, Private::new("hello".into())),
        Ok(vec![]),
        "a resend is still answered"
    );
    assert_eq!(
        full.receive(more, Private::new("hello".into())),
        Err(Rejection::Full)
    );
}

#[test]
fn an_offer_that_was_voided_can_never_be_made_and_one_that_was_made_is_not_voided() {
    let story = Story::call();
    let voided = story.it().void_offer(offer(7));
    assert_eq!(voided, vec![Fact::OfferVoided { offer: offer(7) }]);
    let story = story.then(voided);
    assert_eq!(story.it().void_offer(offer(7)), vec![]);
    let until = NOW + Duration::from_secs(20);
    let late = story.it().offer(offer(7), agent(1), until, receipt(), None);
    assert_eq!(late, Err(Rejection::OfferGone));
    let story = story.offered();
    assert_eq!(story.it().void_offer(offer(1)), vec![]);
    assert_eq!(
        story.it().void_offer(offer(8)),
        vec![Fact::OfferVoided { offer: offer(8) }]
    );
}

#[test]
fn a_contact_is_where_it_came_in_and_a_planned_one_where_it_is_dialled() {
    let at = crate::registry::examples()
        .into_iter()
        .find_map(|fact| match fact {
            crate::registry::AnyFact::Routing(crate::node::RoutingFact::Taken { by, .. }) => {
                Some(by)
            }
            _ => None,
        });
    let story = Story::of(Channel::Voice, Direction::Outbound);
    assert_eq!(story.it().home, None);
    let until = NOW + Duration::from_secs(20);
    let dialled = story
        .it()
        .offer(offer(1), agent(1), until, receipt(), Some((leg(1), at)));
    let story = story.then(dialled.unwrap());
    assert!(at.is_some());
    assert_eq!(story.it().home, at);
    let json = serde_json::to_string(&story.facts.last().unwrap().0).unwrap();
    assert_eq!(
        serde_json::from_str::<Fact>(&json).unwrap(),
        story.facts.last().unwrap().0
    );
}
