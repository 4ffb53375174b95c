//! The facts of a tenant's contact policy.

use serde::{Deserialize, Serialize};

use crate::aggregate;
use crate::event::{Actor, Category};
use crate::id::{AgentId, ProposalId};
use crate::policy::ContactPolicy;

/// What can happen to a policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum Fact {
    /// These are the rules from now on: the configuration file says so, or a program with an admin key.
    #[serde(rename = "policy.set.v1")]
    Set(Setting),
    /// Somebody would like other rules. Nothing changes yet.
    #[serde(rename = "policy.proposed.v1")]
    Proposed(Proposal),
    /// The proposal is off the table.
    #[serde(rename = "policy.withdrawn.v1")]
    Withdrawn {
        /// Which.
        proposal: ProposalId,
        /// Who took it away.
        by: Actor,
    },
    /// Somebody else than whoever proposed them put the rules of a proposal into force.
    #[serde(rename = "policy.released.v1")]
    Released {
        /// Which.
        proposal: ProposalId,
        /// Who released it: always a person.
        by: AgentId,
    },
}

impl aggregate::Fact for Fact {
    const CATEGORY: Category = Category::Policy;
}

/// Rules that hold as soon as they are said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// The rules.
    #[serde(flatten)]
    pub rules: ContactPolicy,
    /// Who said so; facts of earlier days do not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Actor>,
    /// When it was the configuration file: a digest of its text, by which a changed text is told from one that was read
    /// before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// Rules that somebody would like to have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// Its name.
    pub proposal: ProposalId,
    /// The rules, whole.
    pub rules: ContactPolicy,
    /// The version that was in force when it was made: what its author compared it with.
    pub base: u64,
    /// The version whose rules these are, when it asks for earlier ones again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_version: Option<u64>,
    /// Why, for whoever is to release it and for those who come later. About rules, not about customers.
    pub comment: String,
    /// Who.
    pub by: Actor,
}
