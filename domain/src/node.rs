//! Several nodes over one log: who is there, and who routes which tenant's contacts.
//!
//! A lease only says who *should* decide. That nothing happens twice rests on the revisions of the streams that are
//! decided on, never on a clock: an owner that was paused and goes on is refused by the streams.

use core::net::SocketAddr; // a plain value: `core` has no sockets

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::aggregate::{self, Aggregate};
use crate::event::{Category, Position, Revision};
use crate::id::{CustomerId, EpochId, NodeId};
use crate::time::Timestamp;

/// One run of one node. Legs, registrations and connections belong to a run and end with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Life {
    /// The node.
    pub node: NodeId,
    /// The run.
    pub epoch: EpochId,
}

/// What a node does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Holds channels: telephony and web chat.
    Edge,
    /// May own the routing of tenants.
    Engine,
    /// Serves the HTTP interface and the desk.
    Api,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 3] = [Self::Edge, Self::Engine, Self::Api];
}

/// What a node says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// Its name, unique in the cluster.
    pub name: String,
    /// This run.
    pub epoch: EpochId,
    /// What it does.
    pub roles: Vec<Role>,
    /// Where other nodes reach its telephony.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sip: Option<SocketAddr>,
}

impl Announcement {
    /// The run that is announced.
    #[must_use]
    pub fn life(&self) -> Life {
        Life {
            node: NodeId::named(&self.name),
            epoch: self.epoch,
        }
    }

    /// Whether the node does this.
    #[must_use]
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}

/// What can happen to a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum NodeFact {
    /// A new run.
    #[serde(rename = "node.started.v1")]
    Started(Announcement),
    /// A sign of life. It repeats the announcement, so that whoever begins to read here knows the node.
    #[serde(rename = "node.lease_renewed.v1")]
    LeaseRenewed {
        /// Who.
        node: Announcement,
        /// Counts the signs of this run, from 1.
        beat: u64,
        /// Everything up to here has been decided on that was this node's to decide. A node that takes over goes on
        /// after it.
        reacted: Position,
    },
    /// The run ended in good order.
    #[serde(rename = "node.stopped.v1")]
    Stopped {
        /// Which.
        epoch: EpochId,
    },
}

impl aggregate::Fact for NodeFact {
    const CATEGORY: Category = Category::Node;
}

/// Another run of the same node has begun: this one is over, although it still moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("another process runs under this node's name")]
pub struct Replaced;

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The latest run.
    pub now: Announcement,
    /// Whether it ended in good order.
    pub stopped: bool,
}

impl Node {
    /// The run goes on.
    ///
    /// # Errors
    /// [`Replaced`] when a newer run of the same node has begun, or this one has ended.
    pub fn renew(
        known: Option<&Self>,
        node: &Announcement,
        beat: u64,
        reacted: Position,
    ) -> Result<Vec<NodeFact>, Replaced> {
        match known {
            Some(known) if known.now.epoch == node.epoch && !known.stopped => {
                let node = node.clone();
                Ok(vec![NodeFact::LeaseRenewed {
                    node,
                    beat,
                    reacted,
                }])
            }
            _ => Err(Replaced),
        }
    }

    /// The run ends; nothing when another one has begun.
    #[must_use]
    pub fn stop(known: Option<&Self>, epoch: EpochId) -> Vec<NodeFact> {
        match known {
            Some(known) if known.now.epoch == epoch && !known.stopped => {
                vec![NodeFact::Stopped { epoch }]
            }
            _ => vec![],
        }
    }
}

impl Aggregate for Node {
    type Fact = NodeFact;

    fn begin(fact: &NodeFact, _: Timestamp) -> Option<Self> {
        let NodeFact::Started(now) = fact else {
            return None;
        };
        Some(Self {
            now: now.clone(),
            stopped: false,
        })
    }

    fn apply(&mut self, fact: &NodeFact, _: Timestamp, _: Revision) {
        match fact {
            NodeFact::Started(now) => {
                *self = Self {
                    now: now.clone(),
                    stopped: false,
                }
            }
            NodeFact::LeaseRenewed { node, .. } => self.now = node.clone(),
            NodeFact::Stopped { epoch } => self.stopped |= self.now.epoch == *epoch,
        }
    }

    fn subject(&self, _: Uuid) -> Option<CustomerId> {
        None
    }
}

/// What can happen to the routing of a tenant's contacts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum RoutingFact {
    /// A node decides from here on.
    #[serde(rename = "routing.taken.v1")]
    Taken {
        /// Which, and in which run.
        by: Life,
        /// The last position that an owner before has decided on by its own word: this one begins after it.
        from: Position,
    },
}

impl aggregate::Fact for RoutingFact {
    const CATEGORY: Category = Category::Routing;
}

/// The routing of a tenant's contacts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Routing {
    /// Who owns it by the log.
    pub owner: Life,
}

impl Routing {
    /// A node takes over from the owner it knows of. Of two that try, the log lets one: the other decides anew on an owner
    /// it did not expect, and leaves it.
    #[must_use]
    pub fn take(
        known: Option<&Self>,
        expected: Option<Life>,
        by: Life,
        from: Position,
    ) -> Vec<RoutingFact> {
        if known.map(|known| known.owner) == expected {
            vec![RoutingFact::Taken { by, from }]
        } else {
            vec![]
        }
    }
}

impl Aggregate for Routing {
    type Fact = RoutingFact;

    fn begin(fact: &RoutingFact, _: Timestamp) -> Option<Self> {
        let RoutingFact::Taken { by, .. } = fact;
        Some(Self { owner: *by })
    }

    fn apply(&mut self, fact: &RoutingFact, _: Timestamp, _: Revision) {
        let RoutingFact::Taken { by, .. } = fact;
        self.owner = *by;
    }

    fn subject(&self, _: Uuid) -> Option<CustomerId> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn announcement(epoch: u128) -> Announcement {
        Announcement {
            name: "a".to_owned(),
            epoch: EpochId::from_uuid(Uuid::from_u128(epoch)),
            roles: Role::ALL.to_vec(),
            sip: None,
        }
    }

    fn node(facts: &[NodeFact]) -> Node {
        let mut node = Node::begin(&facts[0], Timestamp::default()).unwrap();
        for fact in facts {
            node.apply(fact, Timestamp::default(), Revision::FIRST);
        }
        node
    }

    #[test]
    fn a_run_that_was_replaced_or_has_ended_renews_nothing() {
        let (first, second) = (announcement(1), announcement(2));
        let running = node(&[NodeFact::Started(first.clone())]);
        assert!(Node::renew(Some(&running), &first, 1, Position::START).is_ok());
        let replaced = node(&[
            NodeFact::Started(first.clone()),
            NodeFact::Started(second.clone()),
        ]);
        assert_eq!(
            Node::renew(Some(&replaced), &first, 2, Position::START),
            Err(Replaced)
        );
        assert_eq!(Node::stop(Some(&replaced), first.epoch), vec![]);
        let epoch = second.epoch;
        let ended = node(&[
            NodeFact::Started(second.clone()),
            NodeFact::Stopped { epoch },
        ]);
        assert_eq!(
            Node::renew(Some(&ended), &second, 2, Position::START),
            Err(Replaced)
        );
    }

    #[test]
    fn of_two_that_take_from_the_same_owner_the_second_leaves_it() {
        let (a, b) = (announcement(1).life(), announcement(2).life());
        let taken = Routing::take(None, None, a, Position::START);
        let state = Routing::begin(&taken[0], Timestamp::default()).unwrap();
        assert_eq!(
            Routing::take(Some(&state), None, b, Position::START),
            vec![]
        );
        assert_eq!(
            Routing::take(Some(&state), Some(a), b, Position(9)).len(),
            1
        );
    }
}
