//! What agents do at the desk, and what the desk is shown.

use rapport_domain::agent::{self, Agent, Presence};
use rapport_domain::channel::Channel;
use rapport_domain::customer::Customer;
use rapport_domain::event::{Actor, Position, Revision};
use rapport_domain::id::{AgentId, InteractionId, MessageId, TenantId, WishId};
use rapport_domain::interaction::{Fact, Interaction, OfferEnd, Phase, Rejection};
use rapport_domain::outreach::{self, Outcome, Outreach};
use rapport_domain::private::Private;
use rapport_domain::time::Timestamp;

use crate::engine::Engine;
use crate::error::{CommandError, ExecuteError};
use crate::live::{ChangeKind, DeskFrame};
use crate::store::{Ctx, Executed};
use crate::views::{AgentLine, AgentWork, Me, MessageView, Work, phase_of};

/// Most bytes of a note.
const MAX_NOTE: usize = 4_096;

impl Engine {
    async fn by_agent(
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

    async fn contact(
        &self,
        tenant: TenantId,
        id: InteractionId,
    ) -> Result<Interaction, CommandError> {
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
        let closing = self.closing(&self.contact(tenant, id).await?);
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
        outcome: Outcome,
        note: Option<String>,
    ) -> Result<Position, CommandError> {
        let note = self::note(note)?;
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
            .execute::<Outreach, outreach::Rejection>(known.customer.as_uuid(), &ctx, |state, _| {
                let state = state.ok_or(outreach::Rejection::UnknownWish)?;
                state.record_outcome(wish, outcome, id, agent, note.clone())
            })
            .await;
        Ok(done
            .map_err(|error| CommandError::from(error).naming("wish"))?
            .position)
    }

    /// Every contact the agent has: offered, active, wrapping up; oldest first.
    ///
    /// # Errors
    /// [`CommandError::NotFound`] for an agent of nobody or of another tenant.
    pub async fn work_of(
        &self,
        tenant: TenantId,
        agent: AgentId,
    ) -> Result<Vec<Work>, CommandError> {
        let state = self.agent_state(tenant, agent).await?;
        let reserved = state.reservations.iter().map(|held| held.interaction);
        let mut all = Vec::new();
        for id in state
            .work
            .iter()
            .map(|held| held.interaction)
            .chain(reserved)
        {
            all.extend(self.work_item(tenant, agent, id, None, true).await?);
        }
        all.sort_by_key(|work| (work.waiting_since, work.id));
        all.dedup_by_key(|work| work.id);
        Ok(all)
    }

    /// Who is at the desk.
    ///
    /// # Errors
    /// [`CommandError::NotFound`] for an agent of nobody or of another tenant.
    pub async fn me(&self, tenant: TenantId, agent: AgentId) -> Result<Me, CommandError> {
        let state = self.agent_state(tenant, agent).await?;
        Me::of(&self.directory(), tenant, agent, &state).ok_or(CommandError::NotFound("tenant"))
    }

    /// An agent on the wallboard.
    ///
    /// # Errors
    /// [`CommandError::NotFound`] for an agent of nobody or of another tenant.
    pub async fn agent_line(
        &self,
        tenant: TenantId,
        id: AgentId,
    ) -> Result<AgentLine, CommandError> {
        let agent = self.agent_state(tenant, id).await?;
        let mut work = Vec::new();
        let reserved = agent.reservations.iter().map(|held| held.interaction);
        for held in agent
            .work
            .iter()
            .map(|held| held.interaction)
            .chain(reserved)
        {
            if let Some(known) = self
                .store
                .load_of::<Interaction>(tenant, held.as_uuid())
                .await?
                && let Some((phase, with, since, _)) = phase_of(&known)
                && with == id
            {
                work.push(AgentWork {
                    channel: known.channel,
                    phase,
                    since,
                });
            }
        }
        let doing = |phase: &str| {
            work.iter()
                .filter(|work| work.phase == phase)
                .map(|work| work.since)
                .min()
        };
        let (state, reason, since) = match (
            &agent.presence,
            doing("active"),
            doing("offered"),
            doing("wrap_up"),
        ) {
            (Presence::LoggedOut, None, None, None) => ("logged_out", None, agent.presence_since),
            (_, Some(since), ..) => ("busy", None, since),
            (_, None, Some(since), _) => ("offered", None, since),
            (_, None, None, Some(since)) => ("wrap_up", None, since),
            (Presence::NotReady { reason }, None, None, None) => {
                ("not_ready", Some(reason.clone()), agent.presence_since)
            }
            (Presence::Ready, None, None, None) => ("ready", None, agent.presence_since),
        };
        Ok(AgentLine {
            id,
            display_name: agent.definition.display_name,
            state,
            reason,
            since,
            work,
        })
    }

    async fn agent_state(&self, tenant: TenantId, id: AgentId) -> Result<Agent, CommandError> {
        let known = self.store.load_of::<Agent>(tenant, id.as_uuid()).await?;
        known.ok_or(CommandError::NotFound("agent"))
    }

    /// A contact as the agent's desk shows it; nothing when the agent does not have it.
    async fn work_item(
        &self,
        tenant: TenantId,
        agent: AgentId,
        id: InteractionId,
        at_least: Option<Revision>,
        with_messages: bool,
    ) -> Result<Option<Work>, ExecuteError<std::convert::Infallible>> {
        let loaded = match at_least {
            Some(revision) => {
                self.store
                    .load_at::<Interaction>(id.as_uuid(), revision)
                    .await?
            }
            None => self.store.load::<Interaction>(id.as_uuid()).await?,
        };
        let Some(known) = loaded
            .folded
            .state
            .as_ref()
            .filter(|_| loaded.tenant == Some(tenant))
        else {
            return Ok(None);
        };
        if known.is_closed() || known.agent() != Some(agent) {
            return Ok(None);
        }
        let customer = self
            .store
            .load_of::<Customer>(tenant, known.customer.as_uuid())
            .await?;
        let name = customer.and_then(|customer| customer.name.map(|name| name.expose().clone()));
        let outreach = self
            .store
            .load_of::<Outreach>(tenant, known.customer.as_uuid())
            .await?;
        Ok(Work::of(
            &self.directory(),
            id,
            known,
            name,
            outreach.as_ref(),
            with_messages,
        ))
    }

    pub(crate) async fn publish_work(
        &self,
        position: Position,
        tenant: TenantId,
        agent: AgentId,
        id: InteractionId,
        at_least: Option<Revision>,
        with_messages: bool,
    ) {
        if !self.is_going() {
            return;
        }
        let frame = match self
            .work_item(tenant, agent, id, at_least, with_messages)
            .await
        {
            Ok(Some(item)) => DeskFrame::Work { item },
            Ok(None) => DeskFrame::Gone { interaction: id },
            Err(error) => return self.failed("show a contact", &error),
        };
        self.live.publish(
            position,
            tenant,
            ChangeKind::Desk {
                agent,
                frame: Box::new(frame),
            },
        );
        self.live
            .publish(position, tenant, ChangeKind::Agent(agent));
    }

    pub(crate) fn publish_message(
        &self,
        position: Position,
        tenant: TenantId,
        agent: AgentId,
        id: InteractionId,
        known: &Interaction,
        message: MessageId,
    ) {
        let written = known.messages.iter().find(|written| written.id == message);
        if let Some(written) = written.filter(|_| self.is_going()) {
            let message = MessageView::of(&self.directory(), written);
            let frame = Box::new(DeskFrame::Message {
                interaction: id,
                message,
            });
            self.live
                .publish(position, tenant, ChangeKind::Desk { agent, frame });
        }
    }

    pub(crate) async fn publish_me(&self, position: Position, tenant: TenantId, agent: AgentId) {
        if !self.is_going() {
            return;
        }
        if let Ok(me) = self.me(tenant, agent).await {
            let frame = Box::new(DeskFrame::Me { me });
            self.live
                .publish(position, tenant, ChangeKind::Desk { agent, frame });
        }
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
