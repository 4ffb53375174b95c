//! All set-up in one immutable snapshot: read without waiting, replaced as a whole when set-up events arrive.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use rapport_domain::agent::{self, Definition, Phone, PhoneSecret};
use rapport_domain::aggregate::{Aggregate, decode};
use rapport_domain::channel::Channel;
use rapport_domain::event::{Category, Recorded};
use rapport_domain::id::{AccessPointId, AgentId, QueueId, TenantId};
use rapport_domain::policy::{self, Policy, PolicyBook};
use rapport_domain::setup::{AccessPoint, ApiKey, QueueDefinition, QueueFact, Tenant, TenantFact};

/// A tenant and its policy.
#[derive(Clone, Debug)]
pub struct TenantEntry {
    /// Its set-up.
    pub tenant: Tenant,
    /// Everything about its contact policy, when one is set.
    pub policies: Option<Arc<PolicyBook>>,
}

impl TenantEntry {
    /// The contact policy in force, when one is set.
    #[must_use]
    pub fn policy(&self) -> Option<&Policy> {
        self.policies.as_ref().map(|book| &book.in_force().policy)
    }
}

/// A queue.
#[derive(Clone, Debug)]
pub struct QueueEntry {
    /// Whose.
    pub tenant: TenantId,
    /// What it is.
    pub definition: QueueDefinition,
    /// Declared no longer; what waits in it is still served.
    pub retired: bool,
}

/// An agent, without presence and work.
#[derive(Clone, Debug)]
pub struct AgentEntry {
    /// Which.
    pub id: AgentId,
    /// Whose.
    pub tenant: TenantId,
    /// Who.
    pub definition: Definition,
    /// PHC string of the password, when one is set.
    pub password: Option<String>,
    /// What proves that a phone is theirs.
    pub phone_secret: Option<PhoneSecret>,
    /// Declared no longer.
    pub retired: bool,
}

/// All set-up of all tenants.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    tenants: BTreeMap<TenantId, TenantEntry>,
    queues: BTreeMap<QueueId, QueueEntry>,
    agents: BTreeMap<AgentId, AgentEntry>,
    phones: HashMap<String, AgentId>,
    access_points: HashMap<(Channel, String), (TenantId, AccessPointId)>,
    api_keys: HashMap<String, (TenantId, String)>,
}

impl Directory {
    /// The tenant declared under this name.
    #[must_use]
    pub fn tenant_named(&self, name: &str) -> Option<TenantId> {
        let id = TenantId::named(name);
        self.tenants.contains_key(&id).then_some(id)
    }

    /// A tenant.
    #[must_use]
    pub fn tenant(&self, id: TenantId) -> Option<&TenantEntry> {
        self.tenants.get(&id)
    }

    /// All tenants.
    pub fn tenants(&self) -> impl Iterator<Item = (TenantId, &TenantEntry)> {
        self.tenants.iter().map(|(id, entry)| (*id, entry))
    }

    /// A queue, retired ones included.
    #[must_use]
    pub fn queue(&self, id: QueueId) -> Option<&QueueEntry> {
        self.queues.get(&id)
    }

    /// Every queue a tenant ever declared: what waits in a retired one is still served.
    pub(crate) fn all_queues_of(
        &self,
        tenant: TenantId,
    ) -> impl Iterator<Item = (QueueId, &QueueEntry)> {
        self.queues
            .iter()
            .filter(move |(_, entry)| entry.tenant == tenant)
            .map(|(id, entry)| (*id, entry))
    }

    /// The queues of a tenant that are declared now.
    pub fn queues_of(&self, tenant: TenantId) -> impl Iterator<Item = (QueueId, &QueueEntry)> {
        self.queues
            .iter()
            .filter(move |(_, entry)| entry.tenant == tenant && !entry.retired)
            .map(|(id, entry)| (*id, entry))
    }

    /// An agent, retired ones included.
    #[must_use]
    pub fn agent(&self, id: AgentId) -> Option<&AgentEntry> {
        self.agents.get(&id)
    }

    /// The agents of a tenant that are declared now.
    pub fn agents_of(&self, tenant: TenantId) -> impl Iterator<Item = (AgentId, &AgentEntry)> {
        self.agents
            .iter()
            .filter(move |(_, entry)| entry.tenant == tenant && !entry.retired)
            .map(|(id, entry)| (*id, entry))
    }

    /// The agent who logs in under this name.
    #[must_use]
    pub fn agent_named(&self, tenant: TenantId, name: &str) -> Option<AgentId> {
        let id = AgentId::named(tenant, name);
        self.agents
            .get(&id)
            .filter(|entry| !entry.retired)
            .map(|entry| entry.id)
    }

    /// The agent whose phone registers under this user name.
    #[must_use]
    pub fn phone(&self, user: &str) -> Option<&AgentEntry> {
        self.phones
            .get(user)
            .and_then(|agent| self.agents.get(agent))
            .filter(|entry| !entry.retired)
    }

    /// Who is reached by this number or site key.
    #[must_use]
    pub fn access_point(
        &self,
        channel: Channel,
        address: &str,
    ) -> Option<(TenantId, AccessPointId, &AccessPoint)> {
        let (tenant, id) = *self.access_points.get(&(channel, address.to_owned()))?;
        let definition = self.tenants.get(&tenant)?.tenant.access_points.get(&id)?;
        Some((tenant, id, definition))
    }

    /// Whose API key has this SHA-256 (lower-case hexadecimal).
    #[must_use]
    pub fn api_key(&self, sha256: &str) -> Option<(TenantId, &ApiKey)> {
        let (tenant, name) = self.api_keys.get(sha256)?;
        let key = self.tenants.get(tenant)?.tenant.api_keys.get(name)?;
        Some((*tenant, key))
    }

    /// Whether events of this category concern the directory. Agents change it by their definitions only.
    pub(crate) fn concerns(recorded: &Recorded) -> bool {
        match recorded.stream.category {
            Category::Tenant | Category::Queue | Category::Policy => true,
            Category::Agent => matches!(
                recorded.event.kind.as_str(),
                "agent.defined" | "agent.retired" | "agent.password_set" | "agent.phone_secret_set"
            ),
            _ => false,
        }
    }

    /// Takes an event in. What cannot be decoded is reported and left out.
    pub(crate) fn take(&mut self, recorded: &Recorded) {
        if let Err(error) = self.try_take(recorded) {
            tracing::error!(position = %recorded.position, %error, "set-up event left out");
        }
    }

    fn try_take(
        &mut self,
        recorded: &Recorded,
    ) -> Result<(), rapport_domain::aggregate::DecodeError> {
        let (event, id) = (&recorded.event, recorded.stream.id);
        let (tenant, at, revision) = (event.meta.tenant, event.recorded_at, recorded.revision);
        match recorded.stream.category {
            Category::Tenant => {
                let fact: TenantFact = decode(&event.kind, event.version, &event.data)?;
                match self.tenants.get_mut(&tenant) {
                    Some(entry) => entry.tenant.apply(&fact, at, revision),
                    None => {
                        if let Some(begun) = Tenant::begin(&fact, at) {
                            self.tenants.insert(
                                tenant,
                                TenantEntry {
                                    tenant: begun,
                                    policies: None,
                                },
                            );
                        }
                    }
                }
                self.index_tenant(tenant);
            }
            Category::Policy => {
                let fact: policy::Fact = decode(&event.kind, event.version, &event.data)?;
                if let Some(entry) = self.tenants.get_mut(&tenant) {
                    let begin = || PolicyBook::begin(&fact, at).map(Arc::new);
                    entry.policies = entry.policies.take().or_else(begin).map(|mut book| {
                        Arc::make_mut(&mut book).apply(&fact, at, revision);
                        book
                    });
                }
            }
            Category::Queue => {
                let fact: QueueFact = decode(&event.kind, event.version, &event.data)?;
                let queue = QueueId::from_uuid(id);
                match (fact, self.queues.get_mut(&queue)) {
                    (QueueFact::Defined(definition), _) => {
                        self.queues.insert(
                            queue,
                            QueueEntry {
                                tenant,
                                definition,
                                retired: false,
                            },
                        );
                    }
                    (QueueFact::Retired {}, Some(entry)) => entry.retired = true,
                    (QueueFact::Retired {}, None) => {}
                }
            }
            Category::Agent => self.take_agent(AgentId::from_uuid(id), tenant, recorded)?,
            _ => {}
        }
        Ok(())
    }

    fn take_agent(
        &mut self,
        id: AgentId,
        tenant: TenantId,
        recorded: &Recorded,
    ) -> Result<(), rapport_domain::aggregate::DecodeError> {
        let event = &recorded.event;
        let fact: agent::Fact = decode(&event.kind, event.version, &event.data)?;
        if let agent::Fact::Defined(definition) = &fact {
            let known = self.agents.remove(&id);
            // Only what is this agent's own: the user may have become somebody else's since.
            if let Some(Phone::Registered { user }) =
                known.as_ref().map(|entry| &entry.definition.phone)
                && self.phones.get(user) == Some(&id)
            {
                self.phones.remove(user);
            }
            if let Phone::Registered { user } = &definition.phone {
                // A user that two tenants declare belongs to whoever declared it first.
                let foreign = self.phone(user).is_some_and(|other| other.tenant != tenant);
                if !foreign {
                    self.phones.insert(user.clone(), id);
                }
            }
            let (password, phone_secret) =
                known.map_or((None, None), |entry| (entry.password, entry.phone_secret));
            let definition = definition.clone();
            self.agents.insert(
                id,
                AgentEntry {
                    id,
                    tenant,
                    definition,
                    password,
                    phone_secret,
                    retired: false,
                },
            );
        }
        if let Some(entry) = self.agents.get_mut(&id) {
            match fact {
                agent::Fact::Retired {} => {
                    entry.retired = true;
                    (entry.password, entry.phone_secret) = (None, None);
                }
                agent::Fact::PasswordSet { hash } => entry.password = Some(hash),
                agent::Fact::PhoneSecretSet(secret) => entry.phone_secret = Some(secret),
                _ => {}
            }
        }
        Ok(())
    }

    fn index_tenant(&mut self, tenant: TenantId) {
        self.access_points.retain(|_, (owner, _)| *owner != tenant);
        self.api_keys.retain(|_, (owner, _)| *owner != tenant);
        let Some(entry) = self.tenants.get(&tenant) else {
            return;
        };
        for (id, point) in &entry.tenant.access_points {
            // An address that two tenants declare belongs to whoever declared it first.
            self.access_points
                .entry((point.channel, point.address.clone()))
                .or_insert((tenant, *id));
        }
        for key in entry.tenant.api_keys.values() {
            self.api_keys
                .insert(key.sha256.clone(), (tenant, key.name.clone()));
        }
    }
}
