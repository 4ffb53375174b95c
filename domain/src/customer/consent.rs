//! What a customer agreed to or refused, by purpose and channel.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::channel::Channel;
use crate::customer::Source;
use crate::outreach::WishClass;
use crate::private::Private;
use crate::time::Timestamp;

/// The purpose that stands for every purpose.
pub const ANY: &str = "*";
/// The purpose that stands for everything that is sold: every wish of the class marketing.
pub const SELLING: &str = "selling";
/// Most purposes and channels that statements of one customer are remembered for.
pub const MOST_STATEMENTS: usize = 200;

/// A customer's agreement or refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// What for, such as `newsletter`; [`SELLING`] means all that is sold, [`ANY`] everything.
    pub purpose: String,
    /// How.
    pub channel: Channel,
    /// Agreed or refused.
    pub given: bool,
    /// Where the statement can be found: a form, a recording, a message.
    pub evidence: Private<String>,
    /// What the customer was asked, or the name of that wording's version. The company's own words, not the customer's.
    #[serde(default)]
    pub wording: Option<String>,
    /// Who or what told us.
    #[serde(default)]
    pub source: Option<Source>,
    /// When it was said; when it was recorded, if nobody says otherwise.
    #[serde(default)]
    pub stated_at: Option<Timestamp>,
    /// An agreement counts for nothing from then on.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

impl Statement {
    /// Said just now.
    #[must_use]
    pub fn new(purpose: &str, channel: Channel, given: bool, evidence: &str) -> Self {
        Self {
            purpose: purpose.to_owned(),
            channel,
            given,
            evidence: Private::new(evidence.to_owned()),
            wording: None,
            source: None,
            stated_at: None,
            expires_at: None,
        }
    }
}

/// The statement that counts for one purpose and channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InForce {
    /// The statement.
    pub statement: Statement,
    /// When it was said.
    pub stated_at: Timestamp,
}

impl InForce {
    /// Agreed or refused; none once an agreement has expired.
    #[must_use]
    pub fn at(&self, moment: Timestamp) -> Option<bool> {
        let expired = self
            .statement
            .expires_at
            .is_some_and(|until| until <= moment);
        (!self.statement.given || !expired).then_some(self.statement.given)
    }
}

/// What the customer said about a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Agreed or refused.
    pub given: bool,
    /// When.
    pub stated_at: Timestamp,
}

/// The statements that count, one for each purpose and channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consents(BTreeMap<(String, Channel), InForce>);

impl Consents {
    /// Takes a statement in. Of several on one purpose and channel the one that was said last counts, however late the
    /// others become known.
    pub fn take(&mut self, statement: &Statement, recorded_at: Timestamp) {
        let stated_at = statement.stated_at.unwrap_or(recorded_at);
        let key = (statement.purpose.clone(), statement.channel);
        if self
            .0
            .get(&key)
            .is_some_and(|known| stated_at < known.stated_at)
        {
            return;
        }
        let statement = statement.clone();
        self.0.insert(
            key,
            InForce {
                statement,
                stated_at,
            },
        );
    }

    /// The statement on exactly this purpose and channel.
    #[must_use]
    pub fn on(&self, purpose: &str, channel: Channel) -> Option<&InForce> {
        self.0.get(&(purpose.to_owned(), channel))
    }

    /// What the customer said about a contact; none when they said nothing that counts at that moment, which is not
    /// before the last statement.
    ///
    /// A statement on the purpose goes before one on all selling, and that before one on everything, with one exception:
    /// an agreement does not survive a wider refusal that was said at the same time or later.
    #[must_use]
    pub fn answer(
        &self,
        purpose: &str,
        class: WishClass,
        channel: Channel,
        moment: Timestamp,
    ) -> Option<Answer> {
        let selling = (class == WishClass::Marketing).then_some(SELLING);
        let ladder = [Some(purpose), selling, Some(ANY)];
        let mut agreed: Option<Timestamp> = None;
        for step in ladder.into_iter().flatten() {
            let Some(said) = self.on(step, channel) else {
                continue;
            };
            let stated_at = said.stated_at;
            match said.at(moment) {
                Some(true) => agreed = agreed.max(Some(stated_at)),
                Some(false) if agreed.is_none_or(|when| when <= stated_at) => {
                    return Some(Answer {
                        given: false,
                        stated_at,
                    });
                }
                Some(false) | None => {}
            }
        }
        agreed.map(|stated_at| Answer {
            given: true,
            stated_at,
        })
    }

    /// Every statement that counts or counted until it expired.
    pub fn iter(&self) -> impl Iterator<Item = &InForce> {
        self.0.values()
    }

    /// How many purposes and channels there are statements for.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing was ever said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
