//! What the desk and the wallboard show, shaped as docs/API.md says.

use rapport_domain::agent::{Agent, Presence, Role};
use rapport_domain::channel::{Channel, Direction};
use rapport_domain::contact_point::{ContactPoint, Kind};
use rapport_domain::id::{
    AgentId, CustomerId, InteractionId, MessageId, QueueId, TenantId, WishId,
};
use rapport_domain::interaction::{Interaction, Message, Phase};
use rapport_domain::outreach::{Outcome, Outreach, Status, WishClass};
use rapport_domain::time::Timestamp;
use serde::{Serialize, Serializer};

use crate::directory::Directory;

fn millis<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_i64(at.as_millis())
}

#[allow(
    clippy::ref_option,
    reason = "the signature that serialize_with asks for"
)]
fn maybe_millis<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => serializer.serialize_some(&at.as_millis()),
        None => serializer.serialize_none(),
    }
}

/// Who is at the desk.
#[derive(Clone, Debug, Serialize)]
pub struct Me {
    /// The agent.
    pub agent: MeAgent,
    /// Their tenant.
    pub tenant: Named,
    /// What they are ready for.
    pub presence: Presence,
    /// Since when.
    #[serde(serialize_with = "millis")]
    pub presence_since: Timestamp,
    /// Reasons they may choose for not being ready.
    pub not_ready_reasons: Vec<String>,
}

/// The agent at the desk.
#[derive(Clone, Debug, Serialize)]
pub struct MeAgent {
    /// Which.
    pub id: AgentId,
    /// The name they log in with.
    pub name: String,
    /// The name others see.
    pub display_name: String,
    /// What they may do.
    pub role: Role,
}

/// A name and how it is shown.
#[derive(Clone, Debug, Serialize)]
pub struct Named {
    /// Unique in its place.
    pub name: String,
    /// What people see.
    pub display_name: String,
}

/// A contact at the desk.
#[derive(Clone, Debug, Serialize)]
pub struct Work {
    /// Its interaction.
    pub id: InteractionId,
    /// How.
    pub channel: Channel,
    /// Who reached out.
    pub direction: Direction,
    /// `offered`, `active` or `wrap_up`.
    pub phase: &'static str,
    /// Since when it is in this phase.
    #[serde(serialize_with = "millis")]
    pub since: Timestamp,
    /// End of the offer or of wrap-up.
    #[serde(serialize_with = "maybe_millis")]
    pub until: Option<Timestamp>,
    /// Where it waited.
    pub queue: Option<WorkQueue>,
    /// Whose it is.
    pub customer: WorkCustomer,
    /// Since when the customer waited.
    #[serde(serialize_with = "millis")]
    pub waiting_since: Timestamp,
    /// Since when customer and agent can talk.
    #[serde(serialize_with = "maybe_millis")]
    pub connected_at: Option<Timestamp>,
    /// What departments want said.
    pub agenda: Vec<AgendaItem>,
    /// Outcome codes of the queue.
    pub dispositions: Vec<String>,
    /// The code set so far.
    pub disposition: Option<String>,
    /// What was written; null when it did not change.
    pub messages: Option<Vec<MessageView>>,
}

/// The queue of a contact.
#[derive(Clone, Debug, Serialize)]
pub struct WorkQueue {
    /// Which.
    pub id: QueueId,
    /// Its name.
    #[serde(flatten)]
    pub named: Named,
}

/// The customer of a contact.
#[derive(Clone, Debug, Serialize)]
pub struct WorkCustomer {
    /// Which.
    pub id: CustomerId,
    /// What they are called, when known.
    pub name: Option<String>,
    /// The number or address at their end.
    pub contact_point: ContactPointView,
}

/// A contact point.
#[derive(Clone, Debug, Serialize)]
pub struct ContactPointView {
    /// What kind.
    pub kind: Kind,
    /// Its value.
    pub value: String,
}

impl From<&ContactPoint> for ContactPointView {
    fn from(point: &ContactPoint) -> Self {
        Self {
            kind: point.kind(),
            value: point.value().to_owned(),
        }
    }
}

/// One thing to say.
#[derive(Clone, Debug, Serialize)]
pub struct AgendaItem {
    /// The wish.
    pub wish: WishId,
    /// Whose.
    pub department: String,
    /// What for.
    pub purpose: String,
    /// How firmly rules apply.
    pub class: WishClass,
    /// What to say.
    pub talking_point: String,
    /// The script, when there is one.
    pub script: Option<String>,
    /// Where what it rests on can be found.
    pub evidence: Option<String>,
    /// How long it takes to say.
    pub expected_seconds: u32,
    /// What came of it so far.
    pub outcome: Option<Outcome>,
    /// With `later`: when the customer wants to hear of it again, in milliseconds since 1970.
    pub not_before: Option<i64>,
}

/// One written message.
#[derive(Clone, Debug, Serialize)]
pub struct MessageView {
    /// Its id.
    pub id: MessageId,
    /// `customer` or `agent`.
    pub from: &'static str,
    /// The agent's name.
    pub agent: Option<String>,
    /// The text.
    pub text: String,
    /// When.
    #[serde(serialize_with = "millis")]
    pub at: Timestamp,
    /// Its place in the interaction.
    pub seq: u64,
}

/// One agent on the wallboard.
#[derive(Clone, Debug, Serialize)]
pub struct AgentLine {
    /// Which.
    pub id: AgentId,
    /// The name others see.
    pub display_name: String,
    /// `ready`, `offered`, `busy`, `wrap_up`, `not_ready` or `logged_out`.
    pub state: &'static str,
    /// Why not ready.
    pub reason: Option<String>,
    /// Since when.
    #[serde(serialize_with = "millis")]
    pub since: Timestamp,
    /// What they have.
    pub work: Vec<AgentWork>,
}

/// A piece of work on the wallboard.
#[derive(Clone, Debug, Serialize)]
pub struct AgentWork {
    /// How.
    pub channel: Channel,
    /// `offered`, `active` or `wrap_up`.
    pub phase: &'static str,
    /// Since when.
    #[serde(serialize_with = "millis")]
    pub since: Timestamp,
}

/// A waiting line at this moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct QueueNow {
    /// How many wait.
    pub waiting: usize,
    /// Since when the first of them does.
    #[serde(serialize_with = "maybe_millis")]
    pub longest_since: Option<Timestamp>,
}

impl Me {
    pub(crate) fn of(
        directory: &Directory,
        tenant: TenantId,
        id: AgentId,
        agent: &Agent,
    ) -> Option<Self> {
        let owner = &directory.tenant(tenant)?.tenant.definition;
        let who = &agent.definition;
        Some(Self {
            agent: MeAgent {
                id,
                name: who.name.clone(),
                display_name: who.display_name.clone(),
                role: who.role,
            },
            tenant: Named {
                name: owner.name.clone(),
                display_name: owner.display_name.clone(),
            },
            presence: agent.presence.clone(),
            presence_since: agent.presence_since,
            not_ready_reasons: owner.not_ready_reasons.clone(),
        })
    }
}

/// The phase of a contact that an agent has, with its beginning and end; none when no agent has it.
pub(crate) fn phase_of(
    interaction: &Interaction,
) -> Option<(&'static str, AgentId, Timestamp, Option<Timestamp>)> {
    match interaction.phase {
        Phase::Offered {
            agent,
            since,
            until,
            ..
        } => Some(("offered", agent, since, Some(until))),
        Phase::Active { agent, since } => Some(("active", agent, since, None)),
        Phase::WrapUp {
            agent,
            until,
            since,
        } => Some(("wrap_up", agent, since, Some(until))),
        Phase::Received | Phase::Queued { .. } | Phase::Closed { .. } => None,
    }
}

impl Work {
    pub(crate) fn of(
        directory: &Directory,
        id: InteractionId,
        interaction: &Interaction,
        name: Option<String>,
        outreach: Option<&Outreach>,
        with_messages: bool,
    ) -> Option<Self> {
        let (phase, _, since, until) = phase_of(interaction)?;
        let queue = interaction
            .queue
            .and_then(|id| Some((id, &directory.queue(id)?.definition)));
        let messages = interaction
            .messages
            .iter()
            .map(|message| MessageView::of(directory, message));
        Some(Self {
            id,
            channel: interaction.channel,
            direction: interaction.direction,
            phase,
            since,
            until,
            queue: queue.map(|(id, queue)| WorkQueue {
                id,
                named: Named {
                    name: queue.name.clone(),
                    display_name: queue.display_name.clone(),
                },
            }),
            customer: WorkCustomer {
                id: interaction.customer,
                name,
                contact_point: ContactPointView::from(&interaction.contact_point),
            },
            waiting_since: interaction.started_at,
            connected_at: interaction.connected_at,
            agenda: outreach
                .map(|outreach| agenda(outreach, id))
                .unwrap_or_default(),
            dispositions: queue
                .map(|(_, queue)| queue.dispositions.clone())
                .unwrap_or_default(),
            disposition: interaction.disposition.clone(),
            messages: with_messages.then(|| messages.collect()),
        })
    }
}

fn agenda(outreach: &Outreach, interaction: InteractionId) -> Vec<AgendaItem> {
    let item = |state: &rapport_domain::outreach::WishState| AgendaItem {
        wish: state.wish.id,
        department: state.wish.department.clone(),
        purpose: state.wish.purpose.clone(),
        class: state.wish.class,
        talking_point: state.wish.talking_point.expose().clone(),
        script: state
            .wish
            .script
            .as_ref()
            .map(|script| script.expose().clone()),
        evidence: state
            .wish
            .evidence
            .as_ref()
            .map(|evidence| evidence.expose().clone()),
        expected_seconds: state.wish.expected_seconds,
        outcome: match state.status {
            Status::Done { outcome, .. } => Some(outcome),
            _ => None,
        },
        not_before: state.asked_for.map(Timestamp::as_millis),
    };
    outreach
        .agenda_of(interaction)
        .into_iter()
        .map(item)
        .collect()
}

impl MessageView {
    pub(crate) fn of(directory: &Directory, message: &Message) -> Self {
        let name = |agent| {
            directory
                .agent(agent)
                .map(|entry| entry.definition.display_name.clone())
        };
        Self {
            id: message.id,
            from: if message.agent.is_some() {
                "agent"
            } else {
                "customer"
            },
            agent: message.agent.and_then(name),
            text: message.text.expose().clone(),
            at: message.at,
            seq: message.revision.0,
        }
    }
}
