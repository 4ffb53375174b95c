//! Do-not-contact: for everything or for selling alone, for ever or until a moment. A customer has such blocks, and so
//! does a number or address on the tenant's do-not-contact list.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::outreach::WishClass;
use crate::time::Timestamp;

/// What somebody does not want to be contacted for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Nothing but what the law or a contract asks for.
    #[default]
    All,
    /// Selling; what concerns something they have or asked for is welcome.
    Marketing,
}

impl Scope {
    /// The name in the API and the log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Marketing => "marketing",
        }
    }

    /// Whether it stands in the way of a wish of this class. Nothing stands in the way of what is mandatory.
    #[must_use]
    pub const fn covers(self, class: WishClass) -> bool {
        match class {
            WishClass::Mandatory => false,
            WishClass::Service => matches!(self, Self::All),
            WishClass::Marketing => true,
        }
    }
}

/// The blocks in force, each with the moment at which it ends; none: it stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blocks(BTreeMap<Scope, Option<Timestamp>>);

impl Blocks {
    /// From now on, until a moment or for good.
    pub fn set(&mut self, scope: Scope, until: Option<Timestamp>) {
        self.0.insert(scope, until);
    }

    /// No more.
    pub fn lift(&mut self, scope: Scope) {
        self.0.remove(&scope);
    }

    /// The block of a scope that has not ended at `now`: when it ends, `Some(None)` for never.
    #[must_use]
    pub fn active(&self, scope: Scope, now: Timestamp) -> Option<Option<Timestamp>> {
        let until = self.0.get(&scope).copied()?;
        until.is_none_or(|until| now < until).then_some(until)
    }

    /// Whether they forbid a contact about a wish of this class at that moment.
    #[must_use]
    pub fn forbid(&self, class: WishClass, at: Timestamp) -> bool {
        self.0
            .keys()
            .any(|scope| scope.covers(class) && self.active(*scope, at).is_some())
    }

    /// When a contact that is forbidden at that moment becomes possible; none when it does not, or is not forbidden.
    #[must_use]
    pub fn lifted_at(&self, class: WishClass, at: Timestamp) -> Option<Timestamp> {
        let covering = self.0.keys().filter(|scope| scope.covers(class));
        let ends = covering.filter_map(|scope| self.active(*scope, at));
        ends.reduce(|one, other| one.zip(other).map(|(one, other)| one.max(other)))
            .flatten()
    }

    /// Whether there never was one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, those that ended too.
    pub fn iter(&self) -> impl Iterator<Item = (Scope, Option<Timestamp>)> {
        self.0.iter().map(|(scope, until)| (*scope, *until))
    }

    /// What is forbidden by either: of two blocks of a scope the one that ends later.
    pub fn join(&mut self, other: &Self) {
        for (scope, until) in other.iter() {
            let joined = match self.0.get(&scope) {
                Some(known) => known.zip(until).map(|(known, until)| known.max(until)),
                None => until,
            };
            self.0.insert(scope, joined);
        }
    }
}

impl fmt::Display for Blocks {
    /// For receipts: `none`, or the scopes and when they end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (place, (scope, until)) in self.iter().enumerate() {
            let comma = if place > 0 { ", " } else { "" };
            write!(f, "{comma}{}", scope.name())?;
            if let Some(until) = until {
                write!(f, " until {until}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CLASSES: [WishClass; 3] = [
        WishClass::Mandatory,
        WishClass::Service,
        WishClass::Marketing,
    ];

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    fn blocks() -> impl Strategy<Value = Blocks> {
        let until = || proptest::option::of(proptest::option::of(0_i64..20));
        (until(), until()).prop_map(|(all, marketing)| {
            let mut blocks = Blocks::default();
            if let Some(until) = all {
                blocks.set(Scope::All, until.map(at));
            }
            if let Some(until) = marketing {
                blocks.set(Scope::Marketing, until.map(at));
            }
            blocks
        })
    }

    #[test]
    fn a_block_of_selling_lets_service_through_and_nothing_stops_what_is_mandatory() {
        let mut blocks = Blocks::default();
        blocks.set(Scope::Marketing, None);
        let forbidden = |blocks: &Blocks| CLASSES.map(|class| blocks.forbid(class, at(0)));
        assert_eq!(forbidden(&blocks), [false, false, true]);
        blocks.set(Scope::All, Some(at(5)));
        assert_eq!(forbidden(&blocks), [false, true, true]);
        assert_eq!(
            blocks.to_string(),
            "all until 1970-01-01T00:00:00.000Z, marketing"
        );
    }

    proptest! {
        #[test]
        fn a_contact_is_possible_exactly_from_the_moment_that_is_named(blocks in blocks(), now in 0_i64..20) {
            for class in CLASSES {
                match blocks.lifted_at(class, at(now)) {
                    Some(then) => {
                        prop_assert!(blocks.forbid(class, at(now)) && !blocks.forbid(class, then));
                        prop_assert!(blocks.forbid(class, then - std::time::Duration::from_micros(1)));
                    }
                    None => prop_assert_eq!(blocks.forbid(class, at(now)), blocks.forbid(class, at(100))),
                }
            }
        }

        #[test]
        fn joined_blocks_forbid_what_either_forbids_and_nothing_else(one in blocks(), other in blocks(), now in 0_i64..20) {
            let mut joined = one.clone();
            joined.join(&other);
            for class in CLASSES {
                let either = one.forbid(class, at(now)) || other.forbid(class, at(now));
                prop_assert_eq!(joined.forbid(class, at(now)), either);
            }
        }
    }
}
