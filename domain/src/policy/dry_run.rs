//! What would other rules have changed? The days that were are lived through again, customer by customer, with the same
//! coordinator that decides in earnest: once under the rules that were in force and once under the draft. What departments
//! wanted, what customers said and did, and when, comes from the log; what was decided is decided anew. Whoever compares two
//! replays sees the rules alone, not the chances of the day.

mod compare;
mod history;
mod report;
mod simulate;
#[cfg(test)]
mod tests;

use crate::customer::{self, Customer};
use crate::id::CustomerId;
use crate::outreach::{self, Outreach};
use crate::policy::{Policy, Version};
use crate::time::{Timestamp, Zone};

pub use report::{Change, Example, Kind, Report, SaidWish};

use history::History;
use simulate::{Rules, Simulation};

/// Something that was recorded of one customer.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// What.
    pub said: Said,
}

/// A fact of the customer, or of the outreach to them.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// Of the customer.
    Customer(customer::Fact),
    /// Of the outreach.
    Outreach(outreach::Fact),
}

/// What is asked of every customer.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The rules that were in force, oldest first.
    pub versions: &'a [Version],
    /// The rules that are asked about.
    pub draft: &'a Policy,
    /// The tenant's clock, for customers whose own is not known.
    pub zone: Zone,
    /// The days looked at begin here.
    pub from: Timestamp,
    /// And end here.
    pub until: Timestamp,
}

/// Lives through one customer's days twice and adds the difference to the report. `entries` is all that was recorded of the
/// customer, in the order of the log.
pub fn replay(
    question: Question<'_>,
    customer: CustomerId,
    entries: &[Entry],
    report: &mut Report,
) {
    let begun = entries.partition_point(|entry| entry.at < question.from);
    let over = entries.partition_point(|entry| entry.at <= question.until);
    let (before, within) = (&entries[..begun], &entries[begun..over.max(begun)]);
    let (outreach, who) = fold(before);
    let history = History::of(&outreach, within);
    report.customers += 1;
    report.contacts += history.made().count() as u64;
    let live = |rules| {
        Simulation::new(question, rules, customer, &outreach, who.as_ref(), &history).run(within)
    };
    let then = live(Rules::InForce(question.versions));
    let draft = live(Rules::Draft(question.draft));
    match (then, draft) {
        (Some(then), Some(draft)) => {
            report.reproduced += compare::reproduced(&history, &then);
            compare::differences(customer, question.zone, who.as_ref(), &then, &draft, report);
        }
        _ => report.skipped += 1,
    }
}

/// What was true of the customer before the days looked at.
fn fold(entries: &[Entry]) -> (Outreach, Option<Customer>) {
    let (mut outreach, mut customer) = (Outreach::default(), None);
    for entry in entries {
        match &entry.said {
            Said::Outreach(fact) => simulate::apply(&mut outreach, fact, entry.at),
            Said::Customer(fact) => simulate::learn(&mut customer, fact, entry.at),
        }
    }
    (outreach, customer)
}
