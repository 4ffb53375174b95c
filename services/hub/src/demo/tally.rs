//! What happened, counted from the log: the demonstration's numbers are the hub's facts, not the simulation's intentions.

use std::collections::{BTreeMap, BTreeSet};

use rapport_domain::channel::{Channel, Direction};
use rapport_domain::event::Recorded;
use rapport_domain::interaction::{Fact as Contact, OfferEnd};
use rapport_domain::outreach::{Fact as Outreach, Withdrawal};
use rapport_domain::registry::AnyFact;
use serde::Serialize;
use uuid::Uuid;

/// Counts since the demonstration began.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Contacts that customers began.
    pub contacts_in: u64,
    /// Those of them that an agent took.
    pub served: u64,
    /// Those of them whose customer gave up.
    pub abandoned: u64,
    /// Wishes that departments filed.
    pub wishes_filed: u64,
    /// Contacts that were planned; a plan that changes is still one.
    pub contacts_planned: u64,
    /// Events of all kinds.
    pub events: u64,
    /// Calls that customers began.
    pub calls_in: u64,
    /// Chats that customers began.
    pub chats_in: u64,
    /// Planned contacts that became a call.
    pub contacts_out: u64,
    /// Those of them in which customer and agent talked.
    pub contacts_out_reached: u64,
    /// Plans withdrawn because the customer contacted us first.
    pub preempted: u64,
    /// Inbound contacts that took up what departments wanted.
    pub agendas_taken_up: u64,
    /// Outcomes noted.
    pub outcomes: u64,
    /// Talks, in and out, by the number of wishes with an outcome.
    pub talks_by_wishes_settled: BTreeMap<usize, u64>,
    /// Offers that an agent let pass.
    pub offers_missed: u64,
    /// Chat messages, both ways.
    pub messages: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Waiting,
    Offered,
    Served,
    WrapUp,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    direction: Direction,
    phase: Phase,
}

/// What is going on right now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Contacts nobody has taken yet, in and out.
    pub waiting: usize,
    /// Those of them that customers began.
    pub customers_waiting: usize,
    /// Those of them that are offered to an agent.
    pub offered: usize,
    /// Contacts that agents hold, without wrap-up.
    pub in_service: usize,
    /// Contacts in wrap-up.
    pub wrap_up: usize,
}

/// Counts events of the log, in order.
#[derive(Debug, Default)]
pub struct Tally {
    counts: Counts,
    open: BTreeMap<Uuid, Open>,
    plans: BTreeSet<Uuid>,
    settled: BTreeMap<Uuid, BTreeSet<Uuid>>,
    unreadable: u64,
}

impl Tally {
    /// Takes one event into account.
    pub fn take(&mut self, recorded: &Recorded) {
        self.counts.events += 1;
        match AnyFact::decode(recorded) {
            Ok(AnyFact::Interaction(fact)) => self.contact(recorded.stream.id, &fact),
            Ok(AnyFact::Outreach(fact)) => self.outreach(&fact),
            Ok(_) => {}
            Err(_) => self.unreadable += 1,
        }
    }

    fn contact(&mut self, id: Uuid, fact: &Contact) {
        let counts = &mut self.counts;
        match fact {
            Contact::Started {
                channel, direction, ..
            } => {
                self.open.insert(
                    id,
                    Open {
                        direction: *direction,
                        phase: Phase::Waiting,
                    },
                );
                match (direction, channel) {
                    (Direction::Outbound, _) => counts.contacts_out += 1,
                    (Direction::Inbound, channel) => {
                        counts.contacts_in += 1;
                        match channel {
                            Channel::Voice => counts.calls_in += 1,
                            Channel::Chat => counts.chats_in += 1,
                            Channel::Sms | Channel::Email => {}
                        }
                    }
                }
            }
            Contact::OfferAccepted { .. } => {
                if let Some(open) = self.open.get_mut(&id) {
                    open.phase = Phase::Served;
                    counts.served += u64::from(open.direction == Direction::Inbound);
                }
            }
            Contact::Offered { .. } => {
                if let Some(open) = self.open.get_mut(&id) {
                    open.phase = Phase::Offered;
                }
            }
            Contact::OfferEnded { why, .. } => {
                counts.offers_missed += u64::from(*why == OfferEnd::Expired);
                if let Some(open) = self.open.get_mut(&id) {
                    open.phase = Phase::Waiting;
                }
            }
            Contact::Connected {} => {
                let outbound = self
                    .open
                    .get(&id)
                    .is_some_and(|open| open.direction == Direction::Outbound);
                counts.contacts_out_reached += u64::from(outbound);
            }
            Contact::Abandoned {} => {
                // What was open before we began to count is not ours.
                let inbound = self
                    .open
                    .remove(&id)
                    .is_some_and(|open| open.direction == Direction::Inbound);
                counts.abandoned += u64::from(inbound);
            }
            Contact::Ended { .. } => {
                if let Some(open) = self.open.get_mut(&id) {
                    open.phase = Phase::WrapUp;
                }
            }
            Contact::Closed { .. } => {
                self.open.remove(&id);
            }
            Contact::MessageReceived { .. } | Contact::MessageSent { .. } => counts.messages += 1,
            Contact::Queued { .. }
            | Contact::OfferVoided { .. }
            | Contact::DialRequested { .. }
            | Contact::DialEnded { .. }
            | Contact::DispositionSet { .. } => {}
        }
    }

    fn outreach(&mut self, fact: &Outreach) {
        let counts = &mut self.counts;
        match fact {
            Outreach::WishFiled(_) => counts.wishes_filed += 1,
            Outreach::ContactPlanned { plan, .. } => {
                counts.contacts_planned += u64::from(self.plans.insert(plan.as_uuid()));
            }
            Outreach::PlanWithdrawn { why, .. } => {
                counts.preempted +=
                    u64::from(matches!(why, Withdrawal::CustomerContactedUs { .. }));
            }
            Outreach::AgendaTakenUp { .. } => counts.agendas_taken_up += 1,
            Outreach::OutcomeRecorded {
                wish, interaction, ..
            } => {
                counts.outcomes += 1;
                self.settled
                    .entry(interaction.as_uuid())
                    .or_default()
                    .insert(wish.as_uuid());
            }
            Outreach::WishAmended(_)
            | Outreach::WishWithdrawn { .. }
            | Outreach::ContactNoted(_)
            | Outreach::WishHeld { .. }
            | Outreach::WishDropped { .. }
            | Outreach::ContactStarted { .. }
            | Outreach::ContactEnded { .. }
            | Outreach::WishesMoved { .. }
            | Outreach::WishesReturned { .. }
            | Outreach::Closed {} => {}
        }
    }

    /// What was counted so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = self.counts.clone();
        for wishes in self.settled.values() {
            *counts
                .talks_by_wishes_settled
                .entry(wishes.len())
                .or_default() += 1;
        }
        counts
    }

    /// What is going on.
    #[must_use]
    pub fn now(&self) -> Now {
        let mut now = Now::default();
        for open in self.open.values() {
            match open.phase {
                Phase::Waiting | Phase::Offered => {
                    now.waiting += 1;
                    now.customers_waiting += usize::from(open.direction == Direction::Inbound);
                    now.offered += usize::from(open.phase == Phase::Offered);
                }
                Phase::Served => now.in_service += 1,
                Phase::WrapUp => now.wrap_up += 1,
            }
        }
        now
    }

    /// Events that are none of the registry: none in a healthy log.
    #[must_use]
    pub const fn unreadable(&self) -> u64 {
        self.unreadable
    }
}

#[cfg(test)]
mod tests {
    use rapport_domain::contact_point::{ContactPoint, Kind};
    use rapport_domain::id::{AgentId, CustomerId, OfferId};
    use rapport_domain::interaction::EndedBy;
    use rapport_domain::time::Timestamp;

    use super::*;

    const fn id(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }

    fn started(direction: Direction) -> Contact {
        Contact::Started {
            customer: CustomerId::from_uuid(id(1)),
            channel: Channel::Voice,
            direction,
            access_point: None,
            contact_point: ContactPoint::parse(Kind::Phone, "+4930").unwrap(),
            plan: None,
            node: None,
        }
    }

    fn accepted() -> Contact {
        Contact::OfferAccepted {
            offer: OfferId::from_uuid(id(3)),
            agent: AgentId::from_uuid(id(2)),
        }
    }

    #[test]
    fn contacts_are_counted_by_what_became_of_them() {
        let mut tally = Tally::default();
        for n in 0..3 {
            tally.contact(id(n), &started(Direction::Inbound));
        }
        tally.contact(id(9), &started(Direction::Outbound));
        tally.contact(id(0), &accepted());
        tally.contact(id(9), &accepted());
        tally.contact(id(9), &Contact::Connected {});
        tally.contact(id(1), &Contact::Abandoned {});
        let counts = tally.counts();
        assert_eq!(
            (counts.contacts_in, counts.served, counts.abandoned),
            (3, 1, 1)
        );
        assert_eq!((counts.contacts_out, counts.contacts_out_reached), (1, 1));
        assert_eq!(
            tally.now(),
            Now {
                waiting: 1,
                customers_waiting: 1,
                offered: 0,
                in_service: 2,
                wrap_up: 0
            }
        );
        tally.contact(
            id(0),
            &Contact::Ended {
                by: EndedBy::Customer,
                wrap_up_until: Timestamp::from_millis(1),
            },
        );
        assert_eq!(tally.now().wrap_up, 1);
    }

    #[test]
    fn what_was_open_before_is_not_counted() {
        let mut tally = Tally::default();
        tally.contact(id(0), &accepted());
        tally.contact(id(1), &Contact::Abandoned {});
        assert_eq!(
            (tally.counts(), tally.now()),
            (Counts::default(), Now::default())
        );
    }
}
