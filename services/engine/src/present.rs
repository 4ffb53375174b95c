//! What desks and wallboards are shown.

use std::sync::Arc;

use rapport_domain::agent::{Agent, Presence};
use rapport_domain::customer::Customer;
use rapport_domain::event::{Position, Revision};
use rapport_domain::id::{AgentId, InteractionId, MessageId, TenantId};
use rapport_domain::interaction::Interaction;
use rapport_domain::outreach::Outreach;

use crate::engine::Engine;
use crate::error::{CommandError, ExecuteError};
use crate::live::{ChangeKind, DeskFrame};
use crate::reactor::Cause;
use crate::views::{AgentLine, AgentWork, Me, MessageView, Work, phase_of};

impl Engine {
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
            display_name: agent.definition.display_name.clone(),
            state,
            reason,
            since,
            work,
        })
    }

    pub(crate) async fn agent_state(
        &self,
        tenant: TenantId,
        id: AgentId,
    ) -> Result<Arc<Agent>, CommandError> {
        let known = self.store.load_of::<Agent>(tenant, id.as_uuid()).await?;
        known.ok_or(CommandError::NotFound("agent"))
    }

    /// A contact as the agent's desk shows it; nothing when the agent does not have it.
    pub(crate) async fn work_item(
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
        let name =
            customer.and_then(|customer| customer.name.as_ref().map(|name| name.expose().clone()));
        let outreach = self
            .store
            .load_of::<Outreach>(tenant, known.customer.as_uuid())
            .await?;
        Ok(Work::of(
            &self.directory(),
            id,
            known,
            name,
            outreach.as_deref(),
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

/// Reactions that only show something.
impl Engine {
    /// Shows a contact at the desk of an agent who has it, or takes it away there.
    pub(crate) async fn show(
        self: &Arc<Self>,
        cause: Cause<'_>,
        id: InteractionId,
        agent: AgentId,
        with_messages: bool,
    ) {
        let (position, revision) = (cause.position, cause.recorded.revision);
        self.then(
            cause,
            agent.as_uuid(),
            move |engine, tenant, _| async move {
                engine
                    .publish_work(position, tenant, agent, id, Some(revision), with_messages)
                    .await;
            },
        )
        .await;
    }

    /// Shows a contact at the desk of whoever has it.
    pub(crate) async fn show_holder(
        self: &Arc<Self>,
        cause: Cause<'_>,
        id: InteractionId,
        with_messages: bool,
    ) {
        let position = cause.position;
        let known = self
            .store
            .load_of::<Interaction>(cause.tenant, id.as_uuid())
            .await;
        let Some(agent) = known.ok().flatten().and_then(|known| known.agent()) else {
            return;
        };
        self.then(
            cause,
            agent.as_uuid(),
            move |engine, tenant, _| async move {
                engine
                    .publish_work(position, tenant, agent, id, None, with_messages)
                    .await;
            },
        )
        .await;
    }

    pub(crate) async fn show_message(
        self: &Arc<Self>,
        cause: Cause<'_>,
        id: InteractionId,
        message: rapport_domain::id::MessageId,
    ) {
        let (position, revision) = (cause.position, cause.recorded.revision);
        let known = self
            .store
            .load_at::<Interaction>(id.as_uuid(), revision)
            .await;
        let Some(known) = known.ok().and_then(|loaded| loaded.folded.state.clone()) else {
            return;
        };
        let Some(agent) = known.agent() else { return };
        self.then(
            cause,
            agent.as_uuid(),
            move |engine, tenant, _| async move {
                engine.publish_message(position, tenant, agent, id, &known, message);
            },
        )
        .await;
    }

    pub(crate) async fn show_me(self: &Arc<Self>, cause: Cause<'_>, agent: AgentId) {
        let position = cause.position;
        self.then(
            cause,
            agent.as_uuid(),
            move |engine, tenant, _| async move {
                engine.publish_me(position, tenant, agent).await;
            },
        )
        .await;
    }
}
