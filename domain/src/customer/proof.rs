//! Proof of consent: what was on record at a moment, and where it came from.

use std::collections::BTreeMap;

use crate::channel::Channel;
use crate::customer::Statement;
use crate::event::{Actor, Position};
use crate::time::Timestamp;

/// How a statement stood at the moment that is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It counted.
    InForce,
    /// It was an agreement whose time was over.
    Expired,
}

/// A statement with its provenance.
#[derive(Clone, Debug, PartialEq)]
pub struct Proven {
    /// What was said, with its wording and evidence.
    pub statement: Statement,
    /// When it was said.
    pub stated_at: Timestamp,
    /// When the hub was told: the log proves it.
    pub recorded_at: Timestamp,
    /// Who told the hub.
    pub actor: Actor,
    /// Where the log holds it.
    pub position: Position,
    /// How it stood.
    pub standing: Standing,
}

/// What was on record at `moment`, by purpose and channel: of the statements recorded by then, the one that was said
/// last. What was recorded later does not count, even when it was said before: nobody could rely on it. `history` are all
/// statements in the order of the log; their standing is not looked at.
#[must_use]
pub fn proof(history: Vec<Proven>, moment: Timestamp) -> Vec<Proven> {
    let mut by_purpose: BTreeMap<(String, Channel), Proven> = BTreeMap::new();
    for said in history {
        if said.recorded_at > moment {
            continue;
        }
        let key = (said.statement.purpose.clone(), said.statement.channel);
        let older = by_purpose
            .get(&key)
            .is_some_and(|known| said.stated_at < known.stated_at);
        if !older {
            by_purpose.insert(key, said);
        }
    }
    let mut proven: Vec<Proven> = by_purpose.into_values().collect();
    for said in &mut proven {
        let over = said
            .statement
            .expires_at
            .is_some_and(|until| until <= moment);
        said.standing = if said.statement.given && over {
            Standing::Expired
        } else {
            Standing::InForce
        };
    }
    proven
}
