//! Set-up as declared: what differs from the log is appended; what is not mentioned stays as it is.

use std::convert::Infallible;
use std::sync::Arc;

use rapport_domain::agent::{self, Agent, Definition, Phone, PhoneSecret};
use rapport_domain::event::Actor;
use rapport_domain::id::{AccessPointId, AgentId, QueueId, TenantId};
use rapport_domain::policy::{ContactPolicy, PolicyBook};
use rapport_domain::setup::{
    AccessPoint, ApiKey, Queue, QueueDefinition, QueueFact, Tenant, TenantDefinition, TenantFact,
};

use crate::engine::Engine;
use crate::error::{EngineError, ExecuteError};
use crate::store::Ctx;

/// Everything declared for one tenant.
#[derive(Clone, Debug)]
pub struct TenantDeclaration {
    /// The tenant itself.
    pub definition: TenantDefinition,
    /// Its access points.
    pub access_points: Vec<AccessPoint>,
    /// Its queues.
    pub queues: Vec<QueueDefinition>,
    /// Its agents.
    pub agents: Vec<AgentDeclaration>,
    /// All its API keys: one that is not among them is removed. `None` leaves them as they are.
    pub api_keys: Option<Vec<ApiKey>>,
    /// Its contact policy.
    pub policy: Option<ContactPolicy>,
    /// A digest of the text that says the policy, when a file does: an unchanged text is not taken in again.
    pub policy_text: Option<String>,
}

/// An agent as declared.
#[derive(Clone, Debug)]
pub struct AgentDeclaration {
    /// Who.
    pub definition: Definition,
    /// PHC string of a new password; none leaves it as it is.
    pub password: Option<String>,
    /// A new phone secret; none leaves it as it is.
    pub phone_secret: Option<PhoneSecret>,
}

type Declared = Result<usize, EngineError>;

impl Engine {
    /// Appends what differs between the log and this declaration and answers how many events that were.
    ///
    /// # Errors
    /// [`EngineError::SetUp`] when an access point's address or a phone's user belongs to another tenant,
    /// [`EngineError::Log`] when the log fails; declaring again continues where it stopped.
    pub async fn declare(
        self: &Arc<Self>,
        declaration: TenantDeclaration,
        actor: Actor,
    ) -> Declared {
        let tenant = TenantId::named(&declaration.definition.name);
        self.check_addresses(tenant, &declaration)?;
        self.check_phones(tenant, &declaration)?;
        let ctx = Ctx::by(tenant, actor, tenant.as_uuid());
        let mut appended = self.declare_tenant(tenant, &ctx, &declaration).await?;
        for queue in &declaration.queues {
            appended += self.declare_queue(tenant, &ctx, queue).await?;
        }
        if let Some(rules) = &declaration.policy {
            appended += {
                let text = declaration.policy_text.as_deref();
                self.declare_policy(tenant, &ctx, rules, text).await?
            };
        }
        for agent in &declaration.agents {
            appended += self.declare_agent(tenant, &ctx, agent).await?;
        }
        if !self.is_going() {
            self.refresh().await?;
        }
        Ok(appended)
    }

    fn check_addresses(
        &self,
        tenant: TenantId,
        declaration: &TenantDeclaration,
    ) -> Result<(), EngineError> {
        let directory = self.directory();
        for point in &declaration.access_points {
            if let Some((owner, ..)) = directory.access_point(point.channel, &point.address)
                && owner != tenant
            {
                let (name, channel) = (&point.name, point.channel.name());
                let detail = format!(
                    "access point `{name}`: its {channel} address is another tenant's already"
                );
                return Err(EngineError::SetUp(detail));
            }
        }
        Ok(())
    }

    fn check_phones(
        &self,
        tenant: TenantId,
        declaration: &TenantDeclaration,
    ) -> Result<(), EngineError> {
        let directory = self.directory();
        for agent in &declaration.agents {
            if let Phone::Registered { user } = &agent.definition.phone
                && directory
                    .phone(user)
                    .is_some_and(|holder| holder.tenant != tenant)
            {
                let name = &agent.definition.name;
                let detail =
                    format!("agent `{name}`: its phone's user is another tenant's already");
                return Err(EngineError::SetUp(detail));
            }
        }
        Ok(())
    }

    async fn declare_tenant(
        &self,
        tenant: TenantId,
        ctx: &Ctx,
        declaration: &TenantDeclaration,
    ) -> Declared {
        let decide = |known: Option<&Tenant>| {
            let mut facts = vec![];
            if known.map(|known| &known.definition) != Some(&declaration.definition) {
                facts.push(TenantFact::Defined(declaration.definition.clone()));
            }
            for point in &declaration.access_points {
                let id = AccessPointId::named(tenant, &point.name);
                if known.and_then(|known| known.access_points.get(&id)) != Some(point) {
                    facts.push(TenantFact::AccessPointDefined {
                        id,
                        definition: point.clone(),
                    });
                }
            }
            if let Some(keys) = &declaration.api_keys {
                let held = known.into_iter().flat_map(|known| known.api_keys.keys());
                let gone = held.filter(|name| keys.iter().all(|key| key.name != **name));
                facts.extend(gone.cloned().map(|name| TenantFact::ApiKeyRemoved { name }));
                for key in keys {
                    if known.and_then(|known| known.api_keys.get(&key.name)) != Some(key) {
                        facts.push(TenantFact::ApiKeySet(key.clone()));
                    }
                }
            }
            facts
        };
        let done = self
            .store
            .execute::<Tenant, Infallible>(tenant.as_uuid(), ctx, |known, _| Ok(decide(known)))
            .await;
        Ok(done.map_err(failed)?.facts.len())
    }

    async fn declare_queue(
        &self,
        tenant: TenantId,
        ctx: &Ctx,
        queue: &QueueDefinition,
    ) -> Declared {
        let id = QueueId::named(tenant, &queue.name).as_uuid();
        let decide = |known: Option<&Queue>| match known {
            Some(known) if !known.retired && known.definition == *queue => vec![],
            _ => vec![QueueFact::Defined(queue.clone())],
        };
        let done = self
            .store
            .execute::<Queue, Infallible>(id, ctx, |known, _| Ok(decide(known)))
            .await;
        Ok(done.map_err(failed)?.facts.len())
    }

    async fn declare_policy(
        &self,
        tenant: TenantId,
        ctx: &Ctx,
        rules: &ContactPolicy,
        text: Option<&str>,
    ) -> Declared {
        let decide = |known: Option<&PolicyBook>| match ctx.actor {
            Actor::Operator => PolicyBook::read_file(known, rules, text, &ctx.actor),
            _ => PolicyBook::set(known, rules, &ctx.actor),
        };
        let done = self
            .store
            .execute::<PolicyBook, Infallible>(tenant.as_uuid(), ctx, |known, _| Ok(decide(known)))
            .await;
        Ok(done.map_err(failed)?.facts.len())
    }

    async fn declare_agent(
        &self,
        tenant: TenantId,
        ctx: &Ctx,
        agent: &AgentDeclaration,
    ) -> Declared {
        let id = AgentId::named(tenant, &agent.definition.name);
        // Retiring took password and secret; whoever comes back is given them anew, be they the same as before.
        let directory = self.directory();
        let entry = directory.agent(id);
        let no_password = entry.is_some_and(|entry| entry.password.is_none());
        let no_secret = entry.is_some_and(|entry| entry.phone_secret.is_none());
        let decide = |known: Option<&Agent>| {
            let held = known.filter(|known| !known.retired);
            let mut facts = Agent::define(known, &agent.definition);
            if let Some(hash) = &agent.password
                && (no_password || held.and_then(|known| known.password.as_ref()) != Some(hash))
            {
                facts.push(agent::Fact::PasswordSet { hash: hash.clone() });
            }
            if let Some(secret) = &agent.phone_secret
                && (no_secret || held.and_then(|known| known.phone_secret.as_ref()) != Some(secret))
            {
                facts.push(agent::Fact::PhoneSecretSet(secret.clone()));
            }
            facts
        };
        let done = self
            .store
            .execute::<Agent, Infallible>(id.as_uuid(), ctx, |known, _| Ok(decide(known)))
            .await;
        Ok(done.map_err(failed)?.facts.len())
    }

    /// Withdraws a queue's declaration; contacts that wait in it are still served. `false` when there is none.
    ///
    /// # Errors
    /// [`EngineError::Log`] when the log fails.
    pub async fn retire_queue(
        &self,
        tenant: TenantId,
        name: &str,
        actor: Actor,
    ) -> Result<bool, EngineError> {
        let id = QueueId::named(tenant, name).as_uuid();
        let decide = |known: Option<&Queue>| match known {
            Some(known) if !known.retired => vec![QueueFact::Retired {}],
            _ => vec![],
        };
        let ctx = Ctx::by(tenant, actor, tenant.as_uuid());
        let done = self
            .store
            .execute::<Queue, Infallible>(id, &ctx, |known, _| Ok(decide(known)))
            .await;
        Ok(!done.map_err(failed)?.facts.is_empty())
    }

    /// Withdraws an agent's declaration, password and phone secret; work in hand is finished. `false` when there is none.
    ///
    /// # Errors
    /// [`EngineError::Log`] when the log fails.
    pub async fn retire_agent(
        &self,
        tenant: TenantId,
        name: &str,
        actor: Actor,
    ) -> Result<bool, EngineError> {
        let id = AgentId::named(tenant, name).as_uuid();
        let ctx = Ctx::by(tenant, actor, tenant.as_uuid());
        let decide = |known: Option<&Agent>| known.map(Agent::retire).unwrap_or_default();
        let done = self
            .store
            .execute::<Agent, Infallible>(id, &ctx, |known, _| Ok(decide(known)))
            .await;
        Ok(!done.map_err(failed)?.facts.is_empty())
    }

    /// Withdraws an access point. `false` when there is none.
    ///
    /// # Errors
    /// [`EngineError::Log`] when the log fails.
    pub async fn remove_access_point(
        &self,
        tenant: TenantId,
        name: &str,
        actor: Actor,
    ) -> Result<bool, EngineError> {
        let id = AccessPointId::named(tenant, name);
        let ctx = Ctx::by(tenant, actor, tenant.as_uuid());
        let decide = |known: Option<&Tenant>| match known {
            Some(known) if known.access_points.contains_key(&id) => {
                vec![TenantFact::AccessPointRemoved { id }]
            }
            _ => vec![],
        };
        let uuid = tenant.as_uuid();
        let done = self
            .store
            .execute::<Tenant, Infallible>(uuid, &ctx, |known, _| Ok(decide(known)))
            .await;
        Ok(!done.map_err(failed)?.facts.is_empty())
    }
}

fn failed(error: ExecuteError<Infallible>) -> EngineError {
    match error {
        ExecuteError::Rejected(never) => match never {},
        ExecuteError::NotFound => EngineError::SetUp("the name belongs to another tenant".into()),
        ExecuteError::Contended => {
            EngineError::Log("somebody else changes the same set-up; try again".into())
        }
        ExecuteError::Unavailable(why) => EngineError::Log(why),
    }
}
