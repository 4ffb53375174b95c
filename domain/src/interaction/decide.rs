//! What may happen to an interaction. Deciding is a pure function; a repeated request is harmless.

use std::time::Duration;

use crate::acd::Receipt;
use crate::channel::{Channel, Direction};
use crate::contact_point::ContactPoint;
use crate::event::Revision;
use crate::id::{AccessPointId, AgentId, CustomerId, LegId, MessageId, OfferId, PlanId, QueueId};
use crate::interaction::{
    CloseCause, DialOutcome, DialParty, EndedBy, Fact, Interaction, OfferEnd, Phase,
};
use crate::node::Life;
use crate::port::chat::MAX_TEXT_BYTES;
use crate::private::Private;
use crate::time::Timestamp;

/// Why a request is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The offer ran out, was withdrawn, or went to somebody else.
    #[error("the offer is gone")]
    OfferGone,
    /// It does not wait for an agent (any more).
    #[error("the contact is not waiting")]
    NotWaiting,
    /// Somebody else has it.
    #[error("the contact is not with this agent")]
    NotYours,
    /// It is over.
    #[error("the contact is over")]
    Over,
    /// It is still going on.
    #[error("the contact is still going on; end it first")]
    StillActive,
    /// The text is empty, too long, or holds control characters.
    #[error("the text must have 1 to 8192 bytes and no control characters")]
    BadText,
    /// The conversation has as many messages as one may have.
    #[error("this conversation is full; end it and begin another")]
    Full,
    /// The queue asks for a disposition before closing.
    #[error("the disposition is not one of this queue's codes")]
    BadDisposition,
}

/// What is known when an interaction begins.
#[derive(Clone, Debug)]
pub struct Start {
    /// Whose.
    pub customer: CustomerId,
    /// How.
    pub channel: Channel,
    /// Who reached out.
    pub direction: Direction,
    /// What the customer reached.
    pub access_point: Option<AccessPointId>,
    /// The number or address at the customer's end.
    pub contact_point: ContactPoint,
    /// The plan it carries out.
    pub plan: Option<PlanId>,
    /// The line it joins.
    pub queue: QueueId,
    /// Its priority there.
    pub priority: i32,
    /// The run of the node that holds the customer's line, when several nodes share the log.
    pub node: Option<Life>,
}

impl Start {
    /// Begins and joins its line, in one append.
    #[must_use]
    pub fn facts(self) -> Vec<Fact> {
        vec![
            Fact::Started {
                customer: self.customer,
                channel: self.channel,
                direction: self.direction,
                access_point: self.access_point,
                contact_point: self.contact_point,
                plan: self.plan,
                node: self.node,
            },
            Fact::Queued {
                queue: self.queue,
                priority: self.priority,
            },
        ]
    }
}

/// How wrap-up goes in the queue of an interaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closing {
    /// Longest wrap-up; zero closes at once.
    pub wrap_up: Duration,
}

/// Most messages of one conversation.
pub const MAX_MESSAGES: usize = 2_000;
/// Most bytes of text in one conversation; the message that passes it is the last one.
pub const MAX_CONVERSATION_BYTES: usize = 1 << 20;

type Decision = Result<Vec<Fact>, Rejection>;

impl Interaction {
    /// The ACD proposes it to an agent; a call also starts ringing the agent's phone on a leg, which a node may be named
    /// for.
    ///
    /// # Errors
    /// [`Rejection::NotWaiting`] when it is not waiting in a line, [`Rejection::OfferGone`] for an offer that is over or
    /// was voided.
    pub fn offer(
        &self,
        offer: OfferId,
        agent: AgentId,
        until: Timestamp,
        receipt: Receipt,
        dial: Option<(LegId, Option<Life>)>,
    ) -> Decision {
        match self.phase {
            Phase::Queued { .. } if self.past_offers.contains(&offer) => Err(Rejection::OfferGone),
            Phase::Queued { .. } => {
                let mut facts = vec![Fact::Offered {
                    offer,
                    agent,
                    until,
                    receipt,
                }];
                facts.extend(dial.map(|(leg, node)| Fact::DialRequested {
                    leg,
                    party: DialParty::Agent,
                    node,
                }));
                Ok(facts)
            }
            Phase::Offered { offer: same, .. } if same == offer => Ok(vec![]),
            _ => Err(Rejection::NotWaiting),
        }
    }

    /// An agent is reserved for an offer, and the node that wanted to make it is silent: from here on it cannot be made.
    /// Nothing when it was made, is over, or has no chance to be made any more.
    #[must_use]
    pub fn void_offer(&self, offer: OfferId) -> Vec<Fact> {
        match self.phase {
            Phase::Offered { offer: made, .. } if made == offer => vec![],
            Phase::Received | Phase::Queued { .. } | Phase::Offered { .. }
                if !self.past_offers.contains(&offer) =>
            {
                vec![Fact::OfferVoided { offer }]
            }
            _ => vec![],
        }
    }

    /// The agent takes it. A call is taken by answering the phone.
    ///
    /// # Errors
    /// [`Rejection::OfferGone`] when this agent has no running offer of it.
    pub fn accept(&self, agent: AgentId, now: Timestamp) -> Decision {
        match self.phase {
            Phase::Offered {
                offer,
                agent: to,
                until,
                ..
            } if to == agent && now < until => Ok(vec![Fact::OfferAccepted { offer, agent }]),
            Phase::Active { agent: with, .. } if with == agent => Ok(vec![]), // a repeated click: nothing new
            _ => Err(Rejection::OfferGone),
        }
    }

    /// The running offer comes to nothing: declined, expired, unreachable or withdrawn.
    ///
    /// # Errors
    /// [`Rejection::OfferGone`] when another offer runs, or it was accepted.
    pub fn end_offer(&self, offer: OfferId, why: OfferEnd, now: Timestamp) -> Decision {
        match self.phase {
            Phase::Offered {
                offer: running,
                agent,
                until,
                ..
            } if running == offer => {
                if why == OfferEnd::Expired && now < until {
                    return Err(Rejection::OfferGone); // a timer that ran ahead of a clock set back
                }
                let mut facts = vec![Fact::OfferEnded { offer, agent, why }];
                let outcome = match why {
                    OfferEnd::Declined => DialOutcome::Declined,
                    OfferEnd::Expired => DialOutcome::NoAnswer,
                    OfferEnd::Unreachable => DialOutcome::Unreachable,
                    OfferEnd::Withdrawn => DialOutcome::Cancelled,
                };
                facts.extend(self.end_dials(DialParty::Agent, outcome));
                Ok(facts)
            }
            Phase::Queued { .. } => Ok(vec![]),
            _ => Err(Rejection::OfferGone),
        }
    }

    /// The hub is about to dial the customer of an outbound contact that an agent has taken.
    ///
    /// # Errors
    /// [`Rejection::NotYours`] unless an agent has it.
    pub fn request_dial(&self, leg: LegId, node: Option<Life>) -> Decision {
        match self.phase {
            Phase::Active { .. } if self.connected_at.is_some() => Ok(vec![]),
            // Whoever is being dialled is not dialled a second time, under whatever name.
            Phase::Active { .. }
                if self
                    .dials
                    .iter()
                    .any(|(_, party)| *party == DialParty::Customer) =>
            {
                Ok(vec![])
            }
            Phase::Active { .. } => Ok(vec![Fact::DialRequested {
                leg,
                party: DialParty::Customer,
                node,
            }]),
            _ => Err(Rejection::NotYours),
        }
    }

    /// The customer of an outbound contact could not be reached; wrap-up begins.
    ///
    /// # Errors
    /// [`Rejection::Over`] when the contact is over already.
    pub fn not_reached(
        &self,
        leg: LegId,
        outcome: DialOutcome,
        closing: Closing,
        now: Timestamp,
    ) -> Decision {
        match self.phase {
            Phase::Active { .. } => {
                let mut facts = vec![Fact::DialEnded {
                    leg,
                    party: DialParty::Customer,
                    outcome,
                }];
                facts.extend(Self::over(EndedBy::NotReached, closing, now));
                Ok(facts)
            }
            _ => Err(Rejection::Over),
        }
    }

    /// Customer and agent hear each other.
    ///
    /// # Errors
    /// [`Rejection::NotYours`] unless an agent has it.
    pub fn connect(&self) -> Decision {
        match self.phase {
            Phase::Active { .. } if self.connected_at.is_some() => Ok(vec![]),
            Phase::Active { .. } => Ok(vec![Fact::Connected {}]),
            _ => Err(Rejection::NotYours),
        }
    }

    /// The customer wrote. The same id again is success: see [`Interaction::known`] for its place.
    ///
    /// # Errors
    /// [`Rejection::BadText`], [`Rejection::Full`], or [`Rejection::Over`] when the next message belongs to a new contact.
    pub fn receive(&self, message: MessageId, text: Private<String>) -> Decision {
        check_text(text.expose())?;
        if self.known.contains_key(&message) {
            return Ok(vec![]);
        }
        if self.is_full() {
            return Err(Rejection::Full);
        }
        if !self.takes_messages() {
            return Err(Rejection::Over);
        }
        Ok(vec![Fact::MessageReceived { message, text }])
    }

    /// The agent wrote.
    ///
    /// # Errors
    /// [`Rejection::BadText`], [`Rejection::NotYours`] or [`Rejection::Over`].
    pub fn send(&self, agent: AgentId, message: MessageId, text: Private<String>) -> Decision {
        check_text(text.expose())?;
        if self.known.contains_key(&message) {
            return Ok(vec![]);
        }
        match self.phase {
            Phase::Active { agent: with, .. } if with == agent => Ok(vec![Fact::MessageSent {
                message,
                agent,
                text,
            }]),
            Phase::Active { .. } => Err(Rejection::NotYours),
            _ => Err(Rejection::Over),
        }
    }

    /// The customer went: abandoned while waiting, else the conversation ends.
    ///
    /// # Errors
    /// Never for a customer; a contact that is over stays as it is.
    pub fn customer_left(&self, closing: Closing, now: Timestamp) -> Decision {
        match self.phase {
            Phase::Received | Phase::Queued { .. } => Ok(vec![Fact::Abandoned {}]),
            Phase::Offered { offer, agent, .. } => {
                let mut facts = vec![Fact::OfferEnded {
                    offer,
                    agent,
                    why: OfferEnd::Withdrawn,
                }];
                facts.extend(self.end_dials(DialParty::Agent, DialOutcome::Cancelled));
                facts.push(Fact::Abandoned {});
                Ok(facts)
            }
            Phase::Active { .. } => Ok(self.finish(EndedBy::Customer, closing, now)),
            Phase::WrapUp { .. } | Phase::Closed { .. } => Ok(vec![]),
        }
    }

    /// The agent ends the conversation.
    ///
    /// # Errors
    /// [`Rejection::NotYours`] when another agent has it.
    pub fn end(&self, agent: AgentId, closing: Closing, now: Timestamp) -> Decision {
        match self.phase {
            Phase::Active { agent: with, .. } if with == agent => {
                Ok(self.finish(EndedBy::Agent, closing, now))
            }
            Phase::WrapUp { agent: by, .. } if by == agent => Ok(vec![]),
            Phase::Closed { agent: by, .. } if by == Some(agent) => Ok(vec![]),
            _ => Err(Rejection::NotYours),
        }
    }

    /// The line broke.
    ///
    /// # Errors
    /// [`Rejection::NotYours`] unless an agent had it.
    pub fn fail(&self, closing: Closing, now: Timestamp) -> Decision {
        match self.phase {
            Phase::Active { .. } => Ok(self.finish(EndedBy::Failure, closing, now)),
            _ => Err(Rejection::NotYours),
        }
    }

    /// The agent notes the outcome and is done with it. A code that comes after wrap-up ran out is noted all the same.
    ///
    /// # Errors
    /// [`Rejection::StillActive`] before the conversation ended, [`Rejection::NotYours`] for anybody else,
    /// [`Rejection::BadDisposition`] for a code that `allowed` does not list and for a note without a code.
    pub fn wrap_up(
        &self,
        agent: AgentId,
        disposition: Option<String>,
        note: Option<Private<String>>,
        allowed: &[String],
    ) -> Decision {
        match self.phase {
            Phase::WrapUp { agent: by, .. } if by == agent => {
                let mut facts = self.disposition(agent, disposition, note, allowed)?;
                facts.push(Fact::Closed {
                    cause: CloseCause::WrappedUp,
                });
                Ok(facts)
            }
            // Wrap-up may have run out while the agent was typing: what they noted still counts.
            Phase::Closed { agent: by, .. }
                if by == Some(agent) && disposition != self.disposition =>
            {
                self.disposition(agent, disposition, note, allowed)
            }
            Phase::Closed { agent: by, .. } if by == Some(agent) => Ok(vec![]),
            Phase::Active { agent: with, .. } if with == agent => Err(Rejection::StillActive),
            _ => Err(Rejection::NotYours),
        }
    }

    /// The code and the note of an agent, checked; nothing when neither is new.
    fn disposition(
        &self,
        agent: AgentId,
        disposition: Option<String>,
        note: Option<Private<String>>,
        allowed: &[String],
    ) -> Decision {
        match disposition {
            Some(code) if !allowed.is_empty() && !allowed.contains(&code) => {
                Err(Rejection::BadDisposition)
            }
            Some(disposition) => Ok(vec![Fact::DispositionSet {
                agent,
                disposition,
                note,
            }]),
            // A note has its place beside a code; it must not get lost without one.
            None if note.is_some_and(|note| !note.expose().trim().is_empty()) => {
                Err(Rejection::BadDisposition)
            }
            None => Ok(vec![]),
        }
    }

    /// Wrap-up ran out.
    ///
    /// # Errors
    /// [`Rejection::StillActive`] when it has not.
    pub fn wrap_up_over(&self, now: Timestamp) -> Decision {
        match self.phase {
            Phase::WrapUp { until, .. } if now >= until => Ok(vec![Fact::Closed {
                cause: CloseCause::WrapUpOver,
            }]),
            Phase::Closed { .. } => Ok(vec![]),
            _ => Err(Rejection::StillActive),
        }
    }

    /// The plan behind an outbound contact was withdrawn before an agent took it.
    ///
    /// # Errors
    /// [`Rejection::StillActive`] once an agent has it: the conversation goes on.
    pub fn withdraw(&self) -> Decision {
        match self.phase {
            Phase::Received | Phase::Queued { .. } => Ok(vec![Fact::Closed {
                cause: CloseCause::PlanWithdrawn,
            }]),
            Phase::Offered { offer, agent, .. } => {
                let mut facts = vec![Fact::OfferEnded {
                    offer,
                    agent,
                    why: OfferEnd::Withdrawn,
                }];
                facts.extend(self.end_dials(DialParty::Agent, DialOutcome::Cancelled));
                facts.push(Fact::Closed {
                    cause: CloseCause::PlanWithdrawn,
                });
                Ok(facts)
            }
            Phase::Closed { .. } => Ok(vec![]),
            Phase::Active { .. } | Phase::WrapUp { .. } => Err(Rejection::StillActive),
        }
    }

    /// The hub stopped in the middle of this call: the line is gone. Waiting and running calls close with the cause;
    /// a call in wrap-up has already ended properly.
    ///
    /// # Errors
    /// [`Rejection::Over`] when there was no line to lose.
    pub fn hub_restarted(&self) -> Decision {
        match self.phase {
            Phase::WrapUp { .. } | Phase::Closed { .. } => Err(Rejection::Over),
            Phase::Offered { offer, agent, .. } => {
                let mut facts = vec![Fact::OfferEnded {
                    offer,
                    agent,
                    why: OfferEnd::Withdrawn,
                }];
                facts.extend(self.end_dials(DialParty::Agent, DialOutcome::Unknown));
                facts.push(Fact::Closed {
                    cause: CloseCause::HubRestarted,
                });
                Ok(facts)
            }
            Phase::Received | Phase::Queued { .. } | Phase::Active { .. } => {
                let mut facts = self.give_up_dialling(DialOutcome::Unknown);
                facts.push(Fact::Closed {
                    cause: CloseCause::HubRestarted,
                });
                Ok(facts)
            }
        }
    }

    /// Whether it has as many messages as it may have: a state that is kept in memory has a bound.
    #[must_use]
    pub fn is_full(&self) -> bool {
        let bytes = || {
            self.messages
                .iter()
                .map(|message| message.text.expose().len())
                .sum::<usize>()
        };
        self.messages.len() >= MAX_MESSAGES || bytes() >= MAX_CONVERSATION_BYTES
    }

    /// Where a known message stands.
    #[must_use]
    pub fn place_of(&self, message: MessageId) -> Option<Revision> {
        self.known.get(&message).copied()
    }

    fn finish(&self, by: EndedBy, closing: Closing, now: Timestamp) -> Vec<Fact> {
        let mut facts = self.give_up_dialling(DialOutcome::Cancelled);
        facts.extend(Self::over(by, closing, now));
        facts
    }

    /// A dial that connected did not come to nothing; every other one needs its end in the log.
    fn give_up_dialling(&self, outcome: DialOutcome) -> Vec<Fact> {
        match self.connected_at {
            Some(_) => vec![],
            None => self.end_dials(DialParty::Customer, outcome),
        }
    }

    fn over(by: EndedBy, closing: Closing, now: Timestamp) -> Vec<Fact> {
        let mut facts = vec![Fact::Ended {
            by,
            wrap_up_until: now + closing.wrap_up,
        }];
        if closing.wrap_up.is_zero() {
            facts.push(Fact::Closed {
                cause: CloseCause::WrapUpOver,
            });
        }
        facts
    }

    fn end_dials(&self, whom: DialParty, outcome: DialOutcome) -> Vec<Fact> {
        self.dials
            .iter()
            .filter(|(_, party)| *party == whom)
            .map(|(leg, party)| Fact::DialEnded {
                leg: *leg,
                party: *party,
                outcome,
            })
            .collect()
    }
}

/// What a message must be: 1 to [`MAX_TEXT_BYTES`] bytes that are not only spaces, without control characters but
/// newlines and tabs.
///
/// # Errors
/// [`Rejection::BadText`].
pub fn check_text(text: &str) -> Result<(), Rejection> {
    let bad = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    if text.trim().is_empty() || text.len() > MAX_TEXT_BYTES || text.chars().any(bad) {
        return Err(Rejection::BadText);
    }
    Ok(())
}
