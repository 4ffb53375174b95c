//! What is true of an interaction now.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::aggregate::Aggregate;
use crate::channel::{Channel, Direction};
use crate::contact_point::ContactPoint;
use crate::event::Revision;
use crate::id::{AccessPointId, AgentId, CustomerId, LegId, MessageId, OfferId, PlanId, QueueId};
use crate::interaction::{CloseCause, DialParty, Fact};
use crate::node::Life;
use crate::private::Private;
use crate::time::Timestamp;

/// One contact with a customer.
#[derive(Clone, Debug, PartialEq)]
pub struct Interaction {
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
    /// When it began.
    pub started_at: Timestamp,
    /// Where it stands.
    pub phase: Phase,
    /// The line it waits or waited in.
    pub queue: Option<QueueId>,
    /// Whether customer and agent have been connected, and since when.
    pub connected_at: Option<Timestamp>,
    /// The outcome code set so far.
    pub disposition: Option<String>,
    /// What was written, in order.
    pub messages: Vec<Message>,
    /// Which message ids are known, and where they stand.
    pub known: BTreeMap<MessageId, Revision>,
    /// Dials requested and not known to have ended.
    pub dials: Vec<(LegId, DialParty)>,
    /// The run of the node that holds its lines, when several nodes share the log.
    pub home: Option<Life>,
    /// Offers that came to nothing or were voided: none of them can be made again.
    pub past_offers: Vec<OfferId>,
}

/// One written message.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// Its place in the interaction.
    pub revision: Revision,
    /// When.
    pub at: Timestamp,
    /// The agent who wrote it; none for the customer.
    pub agent: Option<AgentId>,
    /// The text.
    pub text: Private<String>,
}

/// Where an interaction stands. Each state carries exactly what is true in it.
#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    /// Begun, not yet in a line.
    Received,
    /// Waiting.
    Queued {
        /// In which line.
        queue: QueueId,
        /// Higher goes first.
        priority: i32,
        /// Since when; keeps its value when an offer comes to nothing.
        since: Timestamp,
    },
    /// Proposed to an agent.
    Offered {
        /// The line it came from.
        queue: QueueId,
        /// Its priority there.
        priority: i32,
        /// Waiting since.
        since: Timestamp,
        /// The proposal.
        offer: OfferId,
        /// To whom.
        agent: AgentId,
        /// When it runs out.
        until: Timestamp,
    },
    /// With an agent.
    Active {
        /// Who.
        agent: AgentId,
        /// Since when.
        since: Timestamp,
    },
    /// Over, being noted down.
    WrapUp {
        /// By whom.
        agent: AgentId,
        /// When it ends by itself.
        until: Timestamp,
        /// Since when.
        since: Timestamp,
    },
    /// Done.
    Closed {
        /// Why.
        cause: CloseCause,
        /// Who had it last, if anybody.
        agent: Option<AgentId>,
    },
}

impl Interaction {
    /// The agent who has it now: offered, active or wrapping up.
    #[must_use]
    pub fn agent(&self) -> Option<AgentId> {
        match self.phase {
            Phase::Offered { agent, .. }
            | Phase::Active { agent, .. }
            | Phase::WrapUp { agent, .. } => Some(agent),
            Phase::Closed { agent, .. } => agent,
            Phase::Received | Phase::Queued { .. } => None,
        }
    }

    /// Whether nothing can happen any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed { .. })
    }

    /// Whether a customer's next message still belongs here.
    #[must_use]
    pub fn takes_messages(&self) -> bool {
        matches!(
            self.phase,
            Phase::Received | Phase::Queued { .. } | Phase::Offered { .. } | Phase::Active { .. }
        )
    }
}

impl Aggregate for Interaction {
    type Fact = Fact;

    fn begin(fact: &Fact, at: Timestamp) -> Option<Self> {
        let Fact::Started {
            customer,
            channel,
            direction,
            access_point,
            contact_point,
            plan,
            node,
        } = fact
        else {
            return None;
        };
        Some(Self {
            customer: *customer,
            channel: *channel,
            direction: *direction,
            access_point: *access_point,
            contact_point: contact_point.clone(),
            plan: *plan,
            started_at: at,
            phase: Phase::Received,
            queue: None,
            connected_at: None,
            disposition: None,
            messages: Vec::new(),
            known: BTreeMap::new(),
            dials: Vec::new(),
            home: *node,
            past_offers: Vec::new(),
        })
    }

    fn apply(&mut self, fact: &Fact, at: Timestamp, revision: Revision) {
        match fact {
            Fact::Started { .. } => {}
            Fact::Queued { queue, priority } => {
                self.queue = Some(*queue);
                self.phase = Phase::Queued {
                    queue: *queue,
                    priority: *priority,
                    since: at,
                };
            }
            Fact::Offered {
                offer,
                agent,
                until,
                ..
            } => {
                if let Phase::Queued {
                    queue,
                    priority,
                    since,
                } = self.phase
                {
                    let (offer, agent, until) = (*offer, *agent, *until);
                    self.phase = Phase::Offered {
                        queue,
                        priority,
                        since,
                        offer,
                        agent,
                        until,
                    };
                }
            }
            Fact::OfferVoided { offer } => self.past_offers.push(*offer),
            Fact::OfferEnded { offer, .. } => {
                self.past_offers.push(*offer);
                if let Phase::Offered {
                    queue,
                    priority,
                    since,
                    ..
                } = self.phase
                {
                    self.phase = Phase::Queued {
                        queue,
                        priority,
                        since,
                    };
                }
            }
            Fact::OfferAccepted { agent, .. } => {
                self.phase = Phase::Active {
                    agent: *agent,
                    since: at,
                }
            }
            Fact::DialRequested { leg, party, node } => {
                self.dials.push((*leg, *party));
                self.home = node.or(self.home);
            }
            Fact::DialEnded { leg, .. } => self.dials.retain(|(known, _)| known != leg),
            Fact::Connected {} => self.connected_at = self.connected_at.or(Some(at)),
            Fact::MessageReceived { message, text } => {
                self.remember(*message, None, text, at, revision)
            }
            Fact::MessageSent {
                message,
                agent,
                text,
            } => self.remember(*message, Some(*agent), text, at, revision),
            Fact::Abandoned {} => {
                self.phase = Phase::Closed {
                    cause: CloseCause::Abandoned,
                    agent: None,
                };
            }
            Fact::Ended { wrap_up_until, .. } => {
                if let Phase::Active { agent, .. } = self.phase {
                    self.phase = Phase::WrapUp {
                        agent,
                        until: *wrap_up_until,
                        since: at,
                    };
                }
            }
            Fact::DispositionSet { disposition, .. } => {
                self.disposition = Some(disposition.clone())
            }
            Fact::Closed { cause } => {
                self.phase = Phase::Closed {
                    cause: *cause,
                    agent: self.agent(),
                };
            }
        }
    }

    fn subject(&self, _: Uuid) -> Option<CustomerId> {
        Some(self.customer)
    }
}

impl Interaction {
    fn remember(
        &mut self,
        id: MessageId,
        agent: Option<AgentId>,
        text: &Private<String>,
        at: Timestamp,
        revision: Revision,
    ) {
        self.known.insert(id, revision);
        self.messages.push(Message {
            id,
            revision,
            at,
            agent,
            text: text.clone(),
        });
    }
}
