//! What agents do at the desk, one command each.

use rapport_domain::agent::{self, Agent, Presence};
use rapport_domain::channel::Channel;
use rapport_domain::event::{Actor, Position, Revision};
use rapport_domain::id::{AgentId, InteractionId, MessageId, TenantId, WishId};
use rapport_domain::interaction::{Fact, Interaction, OfferEnd, Phase, Rejection};
use rapport_domain::outreach::{self, Noted, Outreach};
use rapport_domain::private::Private;
use rapport_domain::time::Timestamp;

use crate::engine::Engine;
use crate::error::CommandError;
use crate::store::{Ctx, Executed};

/// Most bytes of a note.
const MAX_NOTE: usize = 4_096;

impl Engine {
    pub(crate) async fn by_agent(
        &self,
        tenant: TenantId,
        agent: AgentId,
        id: InteractionId,
        decide: impl Fn(&Interaction, Timestamp) -> Result<Vec<Fact>, Rejection> + Send + Sync,
    ) -> Result<Executed<Interaction>, CommandError> {
        self.contact(tenant, id).await?;
        let ctx = Ctx::by(tenant, Actor::Agent(agent), id.as_uuid());
        let done = self
            .store
            .execute::<Interaction, Rejection>(id.as_uuid(), &ctx, |known, now| {
                decide(known.ok_or(Rejection::NotYours)?, now)
            })
            .await;
        done.map_err(|error| CommandError::from(error).naming("contact"))
    }

    pub(crate) async fn contact(
        &self,
        tenant: TenantId,
        id: InteractionId,
    ) -> Result<std::sync::Arc<Interaction>, CommandError> {
        let known = self
            .store
            .load_of::<Interaction>(tenant, id.as_uuid())
            .await?;
        known.ok_or(CommandError::NotFound("contact"))
    }

    /// The agent says what they are ready for.
    ///
    /// # Errors
    /// [`CommandError::Invalid`] for a reason the tenant does not list, [`CommandError::Rejected`] when logging out with
    /// work in hand.
    pub async fn change_presence(
        &self,
        tenant: TenantId,
        agent: AgentId,
        presence: Presence,
    ) -> Result<Position, CommandError> {
        if let Presence::NotReady { reason } = &presence {
            let directory = self.directory();
            let reasons = directory
                .tenant(tenant)
                .map(|entry| &entry.tenant.definition.not_ready_reasons);
            if reasons.is_some_and(|reasons| !reasons.is_empty() && !reasons.contains(reason)) {
                let detail = "choose one of the tenant's reasons".to_owned();
                return Err(CommandError::Invalid {
                    field: "reason",
                    detail,
                });
            }
        }
        let ctx = Ctx::by(tenant, Actor::Agent(agent), agent.as_uuid());
        let done = self
            .store
            .execute::<Agent, agent::Rejection>(agent.as_uuid(), &ctx, |state, _| {
                state
                    .ok_or(agent::Rejection::Unknown)?
                    .change_presence(presence.clone())
            })
            .await;
        Ok(done
            .map_err(|error| CommandError::from(error).naming("agent"))?
            .position)
    }

    /// Takes an offered contact. A call is taken by answering the phone instead.
    ///
    /// # Errors
    /// [`CommandError::Rejected`] when the offer is gone, or the contact is a call.
    pub async fn accept(
        &self,
        tenant: TenantId,
        agent: AgentId,
        id: InteractionId,
    ) -> Result<Position, CommandError> {
        let known = self.contact(tenant, id).await?;
        if known.channel == Channel::Voice && matches!(known.phase, Phase::Offered { .. }) {
            let detail = "answer the phone to take the call".to_owned();
            return Err(CommandError::Rejected {
                code: "answer_the_phone",
                detail,
            });
        }
        Ok(self
            .by_agent(tenant, agent, id, |contact, now| contact.accept(agent, now))
            .await?
            .position)
    }

    /// Says no to an offered contact; it goes back to the head of its line.
    ///
    /// # Errors
    /// [`CommandError::Rejected`] when the offer is gone.
    pub async fn decline(
        &self,
        tenant: TenantId,
        agent: AgentId,
        id: InteractionId,
    ) -> Result<Position, CommandError> {
        let done = self
            .by_agent(tenant, agent, id, |contact, now| match contact.phase {
                Phase::Offered {
                    offer, agent: to, ..
                } if to == agent => contact.end_offer(offer, OfferEnd::Declined, now),
                _ => Err(Rejection::OfferGone),
            })
            .await?;
        Ok(done.position)
    }

    /// Writes to the customer. The same message id again is the same answer.
    ///
    /// # Errors
    /// [`CommandError::Invalid`] for a bad text, [`CommandError::Rejected`] when the contact is over or another agent's.
    pub async fn send_message(
        &self,
        tenant: TenantId,
        agent: AgentId,
        id: InteractionId,
        message: MessageId,
        text: String,
    ) -> Result<(Revision, Position), CommandError> {
        let text = Private::new(text);
        let done = self
            .by_agent(tenant, agent, id, |contact, _| {
                contact.send(agent, message, text.clone())
            })
            .await?;
        let place = done.state.and_then(|contact| contact.place_of(message));
        Ok((
            place.or(done.revision).unwrap_or(Revision::FIRST),
            done.position,
        ))
    }

    /// Ends the conversation; wrap-up begins.
    ///
    /// # Errors
    /// [`CommandError::Rejected`] when another agent has it.
    pub async fn end(
        &self,
        tenant: TenantId,
        agent: AgentId,
        id: InteractionId,
    ) -> Result<Position, CommandError> {
        let closing = self.closing(&*self.contact(tenant, id).await?);
        Ok(self
            .by_agent(tenant, agent, id, |contact, now| {
                contact.end(agent, closing, now)
            })
            .await?
            .position)
    }

    /// Notes the outcome code and is done with the contact.
    ///
    /// # Errors
    /// [`CommandError::Invalid`] for a code the queue does not list, [`CommandError::Rejected`] while the conversation
    /// goes on or when another agent has it.
    pub async fn wrap_up(
        &self,
        tenant: TenantId,
        agent: AgentId,
        id: InteractionId,
        disposition: Option<String>,
        note: Option<String>,
    ) -> Result<Position, CommandError> {
        let note = self::note(note)?;
        let known = self.contact(tenant, id).await?;
        let directory = self.directory();
        let queue = known.queue.and_then(|queue| directory.queue(queue));
        let allowed = queue
            .map(|queue| queue.definition.dispositions.clone())
            .unwrap_or_default();
        let done = self
            .by_agent(tenant, agent, id, |contact, _| {
                contact.wrap_up(agent, disposition.clone(), note.clone(), &allowed)
            })
            .await?;
        Ok(done.position)
    }

    pub(crate) async fn wrap_up_ran_out(&self, tenant: TenantId, id: InteractionId) {
        let ctx = Ctx::system(tenant, id.as_uuid(), None);
        let done = self
            .store
            .execute::<Interaction, Rejection>(id.as_uuid(), &ctx, |known, now| {
                known.ok_or(Rejection::Over)?.wrap_up_over(now)
            })
            .await;
        self.report("end wrap-up", done);
    }

    /// Notes what came of one wish on the agenda of a contact this agent has.
    ///
    /// # Errors
    /// [`CommandError::NotFound`] for an unknown contact or wish, [`CommandError::Rejected`] when the wish is not on the
    /// agenda or another agent has the contact.
    #[allow(
        clippy::too_many_arguments,
        reason = "each part of the request is named by its type"
    )]
    pub async fn record_outcome(
        &self,
        tenant: TenantId,
        agent: AgentId,
        id: InteractionId,
        wish: WishId,
        noted: Noted,
    ) -> Result<Position, CommandError> {
        let note = self::note(noted.note.map(|note| note.expose().clone()))?;
        let noted = Noted { note, ..noted };
        if self.cluster.is_some() {
            self.store.renewed::<Interaction>(id.as_uuid()).await;
        }
        let known = self.contact(tenant, id).await?;
        let theirs = match known.phase {
            Phase::Active { agent: with, .. } | Phase::WrapUp { agent: with, .. } => with == agent,
            _ => false,
        };
        if !theirs {
            let detail = Rejection::NotYours.to_string();
            return Err(CommandError::Rejected {
                code: "not_yours",
                detail,
            });
        }
        let ctx = Ctx::by(tenant, Actor::Agent(agent), id.as_uuid());
        let done = self
            .store
            .execute::<Outreach, outreach::Rejection>(
                known.customer.as_uuid(),
                &ctx,
                |state, now| {
                    let state = state.ok_or(outreach::Rejection::UnknownWish)?;
                    state.record_outcome(wish, noted.clone(), id, agent, now)
                },
            )
            .await;
        Ok(done
            .map_err(|error| CommandError::from(error).naming("wish"))?
            .position)
    }
}

fn note(text: Option<String>) -> Result<Option<Private<String>>, CommandError> {
    let text = text.filter(|text| !text.trim().is_empty());
    if text.as_ref().is_some_and(|text| text.len() > MAX_NOTE) {
        let detail = format!("it may have at most {MAX_NOTE} bytes");
        return Err(CommandError::Invalid {
            field: "note",
            detail,
        });
    }
    Ok(text.map(Private::new))
}
