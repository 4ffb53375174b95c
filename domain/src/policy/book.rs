//! The life of a policy: what is in force, what was, and what somebody would like to have.

use std::collections::{BTreeMap, VecDeque};

use uuid::Uuid;

use crate::aggregate::Aggregate;
use crate::event::{Actor, Revision};
use crate::id::{AgentId, CustomerId, ProposalId};
use crate::policy::{ContactPolicy, Fact, Policy, Proposal, Setting};
use crate::time::Timestamp;

/// Most proposals that are open at one time.
pub const MOST_OPEN: usize = 20;
/// Most characters of a comment.
pub const MOST_COMMENT: usize = 1_000;
/// Withdrawn proposals that are remembered, so that a repeated request finds its work done.
const WITHDRAWN_KEPT: usize = 100;

/// Why a request is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Nothing is known under this id.
    #[error("there is no such proposal")]
    UnknownProposal,
    /// There is no version of this number to go back to.
    #[error("there is no such version")]
    UnknownVersion,
    /// The id names another proposal already.
    #[error("this key names another proposal already; use a new one")]
    KeyTaken,
    /// It would change nothing.
    #[error("these rules are in force already")]
    NoChange,
    /// Nobody could tell later why.
    #[error("say in 1 to 1000 characters why the rules should change")]
    BadComment,
    /// Too many wait to be released or withdrawn.
    #[error("20 proposals are open; withdraw or release one first")]
    TooMany,
    /// Whoever proposes does not release.
    #[error("you proposed these rules yourself; another supervisor has to release them")]
    OwnProposal,
    /// What it was compared with is in force no longer.
    #[error(
        "other rules have come into force since this was proposed; look at the difference and propose it again"
    )]
    Outdated,
    /// It is over: withdrawn.
    #[error("this proposal was withdrawn")]
    Withdrawn,
    /// It is over: in force, or was.
    #[error("this proposal was released already")]
    Released,
}

type Decision = Result<Vec<Fact>, Rejection>;

/// What somebody proposes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Draft {
    /// These rules.
    Rules(Box<ContactPolicy>),
    /// The rules of an earlier version again.
    Version(u64),
}

/// Everything about a tenant's contact policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyBook {
    /// Every version, oldest first; the last one is in force.
    versions: Vec<Version>,
    /// Proposals that are neither released nor withdrawn.
    open: BTreeMap<ProposalId, (Proposal, Timestamp)>,
    /// The last withdrawn ones, oldest first.
    withdrawn: VecDeque<ProposalId>,
    /// What the configuration file said when it was last taken in.
    file: Option<Setting>,
}

/// Rules that are in force, or were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The rules and the number decisions name.
    pub policy: Policy,
    /// Since when.
    pub since: Timestamp,
    /// How they came into force.
    pub origin: Origin,
}

/// How rules came into force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The configuration file says so, or a program; none: facts of earlier days do not tell.
    Set(Option<Actor>),
    /// Proposed and released.
    Released {
        /// What was proposed, when and why.
        proposal: Box<Proposal>,
        /// When it was proposed.
        proposed_at: Timestamp,
        /// Who released it.
        by: AgentId,
    },
}

impl PolicyBook {
    /// The version in force.
    #[must_use]
    pub fn in_force(&self) -> &Version {
        // A book begins with rules and never loses any.
        &self.versions[self.versions.len() - 1]
    }

    /// Every version, oldest first.
    #[must_use]
    pub fn versions(&self) -> &[Version] {
        &self.versions
    }

    /// A version by its number.
    #[must_use]
    pub fn version(&self, number: u64) -> Option<&Version> {
        let place = usize::try_from(number.checked_sub(1)?).ok()?;
        self.versions.get(place)
    }

    /// What waits to be released or withdrawn, in no particular order, and since when.
    pub fn proposals(&self) -> impl Iterator<Item = &(Proposal, Timestamp)> {
        self.open.values()
    }

    /// A proposal that is open.
    #[must_use]
    pub fn proposal(&self, id: ProposalId) -> Option<&Proposal> {
        self.open.get(&id).map(|(proposal, _)| proposal)
    }

    /// What the configuration file says at a start. It is the operator's and needs no second pair of eyes; but it speaks
    /// only when its text has changed since it was last taken in, so that what was released since is not undone by every
    /// start. `text` is a digest of the text; without one the rules themselves are compared.
    #[must_use]
    pub fn read_file(
        known: Option<&Self>,
        rules: &ContactPolicy,
        text: Option<&str>,
        by: &Actor,
    ) -> Vec<Fact> {
        let read_before = known
            .and_then(|book| book.file.as_ref())
            .is_some_and(|before| match (before.text.as_deref(), text) {
                (Some(before), Some(text)) => before == text,
                _ => before.rules == *rules,
            });
        if read_before {
            return vec![];
        }
        vec![Fact::Set(Setting {
            rules: rules.clone(),
            by: Some(by.clone()),
            text: text.map(str::to_owned),
        })]
    }

    /// A program with an admin key says the rules, as the file would. Rules that are in force change nothing.
    #[must_use]
    pub fn set(known: Option<&Self>, rules: &ContactPolicy, by: &Actor) -> Vec<Fact> {
        if known.is_some_and(|book| book.in_force().policy.rules == *rules) {
            return vec![];
        }
        vec![Fact::Set(Setting {
            rules: rules.clone(),
            by: Some(by.clone()),
            text: None,
        })]
    }

    /// Somebody would like other rules, or earlier ones again. The same again changes nothing.
    ///
    /// # Errors
    /// [`Rejection`]: the comment, the version, that nothing would change, that too many are open, or that the id is taken.
    pub fn propose(&self, id: ProposalId, draft: &Draft, comment: &str, by: &Actor) -> Decision {
        let (rules, from_version) = match draft {
            Draft::Rules(rules) => (ContactPolicy::clone(rules), None),
            Draft::Version(number) => {
                let version = self.version(*number).ok_or(Rejection::UnknownVersion)?;
                (version.policy.rules.clone(), Some(*number))
            }
        };
        let comment = comment.trim();
        if !(1..=MOST_COMMENT).contains(&comment.chars().count()) {
            return Err(Rejection::BadComment);
        }
        let same = |known: &Proposal| {
            known.rules == rules
                && known.from_version == from_version
                && known.comment == comment
                && known.by == *by
        };
        match self.known(id) {
            Known::Open(known) | Known::Released(known, _) if same(known) => return Ok(vec![]),
            Known::Open(_) | Known::Released(..) | Known::Withdrawn => {
                return Err(Rejection::KeyTaken);
            }
            Known::Nothing => {}
        }
        let in_force = &self.in_force().policy;
        if in_force.rules == rules {
            return Err(Rejection::NoChange);
        }
        if self.open.len() >= MOST_OPEN {
            return Err(Rejection::TooMany);
        }
        Ok(vec![Fact::Proposed(Proposal {
            proposal: id,
            rules,
            base: in_force.version,
            from_version,
            comment: comment.to_owned(),
            by: by.clone(),
        })])
    }

    /// A proposal is taken off the table, by its author or by somebody who does not want it.
    ///
    /// # Errors
    /// [`Rejection::UnknownProposal`], or [`Rejection::Released`] when it is too late.
    pub fn withdraw(&self, id: ProposalId, by: &Actor) -> Decision {
        match self.known(id) {
            Known::Open(_) => Ok(vec![Fact::Withdrawn {
                proposal: id,
                by: by.clone(),
            }]),
            Known::Withdrawn => Ok(vec![]),
            Known::Released(..) => Err(Rejection::Released),
            Known::Nothing => Err(Rejection::UnknownProposal),
        }
    }

    /// The rules of a proposal come into force. That takes a second person, who sees what the first one saw.
    ///
    /// # Errors
    /// [`Rejection::OwnProposal`] for whoever proposed it, [`Rejection::Outdated`] when other rules came into force since,
    /// or that there is no such proposal any more.
    pub fn release(&self, id: ProposalId, by: AgentId) -> Decision {
        match self.known(id) {
            Known::Open(proposal) if proposal.by == Actor::Agent(by) => Err(Rejection::OwnProposal),
            Known::Open(proposal) if proposal.base != self.in_force().policy.version => {
                Err(Rejection::Outdated)
            }
            Known::Open(_) => Ok(vec![Fact::Released { proposal: id, by }]),
            Known::Released(_, releaser) if releaser == by => Ok(vec![]),
            Known::Released(..) => Err(Rejection::Released),
            Known::Withdrawn => Err(Rejection::Withdrawn),
            Known::Nothing => Err(Rejection::UnknownProposal),
        }
    }

    fn known(&self, id: ProposalId) -> Known<'_> {
        if let Some(proposal) = self.proposal(id) {
            return Known::Open(proposal);
        }
        let released = self
            .versions
            .iter()
            .rev()
            .find_map(|version| match &version.origin {
                Origin::Released { proposal, by, .. } if proposal.proposal == id => {
                    Some(Known::Released(proposal, *by))
                }
                _ => None,
            });
        match released {
            Some(released) => released,
            None if self.withdrawn.contains(&id) => Known::Withdrawn,
            None => Known::Nothing,
        }
    }

    fn put_into_force(&mut self, rules: ContactPolicy, since: Timestamp, origin: Origin) {
        let version = self.versions.last().map_or(0, |last| last.policy.version) + 1;
        self.versions.push(Version {
            policy: Policy { rules, version },
            since,
            origin,
        });
    }
}

/// What became of a proposal.
enum Known<'a> {
    Open(&'a Proposal),
    Released(&'a Proposal, AgentId),
    Withdrawn,
    Nothing,
}

impl Aggregate for PolicyBook {
    type Fact = Fact;

    fn begin(fact: &Fact, _: Timestamp) -> Option<Self> {
        // Without rules there is nothing to compare a proposal with: the first ones come from the file or a program.
        matches!(fact, Fact::Set(_)).then(|| Self {
            versions: vec![],
            open: BTreeMap::new(),
            withdrawn: VecDeque::new(),
            file: None,
        })
    }

    fn apply(&mut self, fact: &Fact, at: Timestamp, _: Revision) {
        match fact {
            Fact::Set(setting) => {
                let known = self.versions.last().map(|last| &last.policy.rules);
                // A file whose text changed and whose meaning did not makes no version.
                if known != Some(&setting.rules) {
                    let origin = Origin::Set(setting.by.clone());
                    self.put_into_force(setting.rules.clone(), at, origin);
                }
                // Facts of earlier days do not tell; most of them came from the file.
                if matches!(setting.by, None | Some(Actor::Operator)) {
                    self.file = Some(setting.clone());
                }
            }
            Fact::Proposed(proposal) => {
                self.open.insert(proposal.proposal, (proposal.clone(), at));
            }
            Fact::Withdrawn { proposal, .. } => {
                if self.open.remove(proposal).is_some() {
                    self.withdrawn.push_back(*proposal);
                    if self.withdrawn.len() > WITHDRAWN_KEPT {
                        self.withdrawn.pop_front();
                    }
                }
            }
            Fact::Released { proposal, by } => {
                if let Some((proposal, proposed_at)) = self.open.remove(proposal) {
                    let (rules, by) = (proposal.rules.clone(), *by);
                    let origin = Origin::Released {
                        proposal: proposal.into(),
                        proposed_at,
                        by,
                    };
                    self.put_into_force(rules, at, origin);
                }
            }
        }
    }

    fn subject(&self, _: Uuid) -> Option<CustomerId> {
        None
    }
}
