//! What a tenant declares: itself, its access points, API keys, queues and contact policy. Definitions are whole: each
//! event carries all of it, so the last one says everything.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::aggregate::{self, Aggregate};
use crate::channel::Channel;
use crate::event::{Category, Revision};
use crate::id::{AccessPointId, CustomerId, QueueId};
use crate::time::{Timestamp, Zone};

/// An organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantDefinition {
    /// Its short name, unique in the hub; part of the login.
    pub name: String,
    /// The name people see.
    pub display_name: String,
    /// The clock of its day.
    pub zone: Zone,
    /// Reasons an agent may choose for not being ready.
    pub not_ready_reasons: Vec<String>,
    /// The user part of From when the hub calls a customer.
    pub caller_id: String,
    /// The trunk that calls to customers go out on, when there is one.
    pub outbound_trunk: Option<String>,
}

/// A number, address or site key that customers reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessPoint {
    /// Its name, unique in the tenant.
    pub name: String,
    /// The channel.
    pub channel: Channel,
    /// The number called, or the site key of the widget. Unique in the hub for its channel.
    pub address: String,
    /// Where its contacts wait.
    pub queue: QueueId,
    /// Pages that may show the widget: origins, or `*`. Of no meaning to other channels.
    pub origins: Vec<String>,
}

/// What a key of the HTTP API may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApiRole {
    /// File wishes and read their outcomes.
    Department,
    /// Also change set-up and read everything of the tenant.
    Admin,
}

/// A key of the HTTP API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// The department or system that holds it; unique in the tenant.
    pub name: String,
    /// What it may do.
    pub role: ApiRole,
    /// SHA-256 of the key, lower-case hexadecimal; never the key.
    pub sha256: String,
}

/// What can happen to a tenant's set-up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum TenantFact {
    /// Declared, or declared differently.
    #[serde(rename = "tenant.defined.v1")]
    Defined(TenantDefinition),
    /// An access point is declared, or declared differently.
    #[serde(rename = "tenant.access_point_defined.v1")]
    AccessPointDefined {
        /// Which.
        id: AccessPointId,
        /// What.
        definition: AccessPoint,
    },
    /// An access point is declared no longer.
    #[serde(rename = "tenant.access_point_removed.v1")]
    AccessPointRemoved {
        /// Which.
        id: AccessPointId,
    },
    /// An API key is declared, or changed.
    #[serde(rename = "tenant.api_key_set.v1")]
    ApiKeySet(ApiKey),
    /// An API key is valid no longer.
    #[serde(rename = "tenant.api_key_removed.v1")]
    ApiKeyRemoved {
        /// Whose.
        name: String,
    },
}

impl aggregate::Fact for TenantFact {
    const CATEGORY: Category = Category::Tenant;
}

/// A tenant's set-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// Itself.
    pub definition: TenantDefinition,
    /// Its access points.
    pub access_points: BTreeMap<AccessPointId, AccessPoint>,
    /// Its API keys by name.
    pub api_keys: BTreeMap<String, ApiKey>,
}

impl Aggregate for Tenant {
    type Fact = TenantFact;

    fn begin(fact: &TenantFact, _: Timestamp) -> Option<Self> {
        let TenantFact::Defined(definition) = fact else {
            return None;
        };
        Some(Self {
            definition: definition.clone(),
            access_points: BTreeMap::new(),
            api_keys: BTreeMap::new(),
        })
    }

    fn apply(&mut self, fact: &TenantFact, _: Timestamp, _: Revision) {
        match fact {
            TenantFact::Defined(definition) => self.definition = definition.clone(),
            TenantFact::AccessPointDefined { id, definition } => {
                self.access_points.insert(*id, definition.clone());
            }
            TenantFact::AccessPointRemoved { id } => {
                self.access_points.remove(id);
            }
            TenantFact::ApiKeySet(key) => {
                self.api_keys.insert(key.name.clone(), key.clone());
            }
            TenantFact::ApiKeyRemoved { name } => {
                self.api_keys.remove(name);
            }
        }
    }

    fn subject(&self, _: Uuid) -> Option<CustomerId> {
        None
    }
}

/// How the ACD picks among agents who could take a contact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentChoice {
    /// Whoever has waited longest.
    #[default]
    LongestIdle,
    /// Whoever has most of the budget left.
    LeastOccupied,
    /// Whoever has the highest level in the required skills.
    BestSkill,
}

/// A waiting line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueDefinition {
    /// Its name, unique in the tenant.
    pub name: String,
    /// The name people see.
    pub display_name: String,
    /// Skills an agent needs, with the least level, 1..=10.
    pub skills: BTreeMap<String, u8>,
    /// After waiting so many seconds, these skills are enough; in ascending order.
    pub widening: Vec<Widening>,
    /// Answer within this many seconds: the T of the service level.
    pub target_seconds: u32,
    /// Share of contacts that should be answered in time, percent.
    pub service_level_percent: u8,
    /// What a contact here is worth beside one elsewhere; 100 is ordinary.
    pub value_weight: u32,
    /// Contacts that waited this many times the target go before all others.
    pub floor_after: u32,
    /// How the agent is picked.
    pub choice: AgentChoice,
    /// An offer runs out after this many seconds.
    pub offer_seconds: u32,
    /// Wrap-up ends by itself after this many seconds; 0 means none.
    pub wrap_up_seconds: u32,
    /// Outcome codes an agent may set; any when empty.
    pub dispositions: Vec<String>,
    /// Holds planned contacts: they give way to inbound ones.
    pub outbound: bool,
}

/// One step of relaxing what a queue asks of agents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Widening {
    /// From this many seconds of waiting on.
    pub after_seconds: u32,
    /// These skills are enough.
    pub skills: BTreeMap<String, u8>,
}

impl QueueDefinition {
    /// The least one can say about a queue; everything else has a default.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            display_name: name.to_owned(),
            skills: BTreeMap::new(),
            widening: Vec::new(),
            target_seconds: 20,
            service_level_percent: 80,
            value_weight: 100,
            floor_after: 6,
            choice: AgentChoice::LongestIdle,
            offer_seconds: 20,
            wrap_up_seconds: 30,
            dispositions: Vec::new(),
            outbound: false,
        }
    }

    /// Longest wrap-up.
    #[must_use]
    pub fn wrap_up(&self) -> Duration {
        Duration::from_secs(self.wrap_up_seconds.into())
    }
}

/// What can happen to a queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum QueueFact {
    /// Declared, or declared differently.
    #[serde(rename = "queue.defined.v1")]
    Defined(QueueDefinition),
    /// Declared no longer; contacts that wait in it are still served.
    #[serde(rename = "queue.retired.v1")]
    Retired {},
}

impl aggregate::Fact for QueueFact {
    const CATEGORY: Category = Category::Queue;
}

/// A waiting line's set-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    /// What it is.
    pub definition: QueueDefinition,
    /// Whether the definition has been withdrawn.
    pub retired: bool,
}

impl Aggregate for Queue {
    type Fact = QueueFact;

    fn begin(fact: &QueueFact, _: Timestamp) -> Option<Self> {
        let QueueFact::Defined(definition) = fact else {
            return None;
        };
        Some(Self {
            definition: definition.clone(),
            retired: false,
        })
    }

    fn apply(&mut self, fact: &QueueFact, _: Timestamp, _: Revision) {
        match fact {
            QueueFact::Defined(definition) => {
                *self = Self {
                    definition: definition.clone(),
                    retired: false,
                }
            }
            QueueFact::Retired {} => self.retired = true,
        }
    }

    fn subject(&self, _: Uuid) -> Option<CustomerId> {
        None
    }
}
