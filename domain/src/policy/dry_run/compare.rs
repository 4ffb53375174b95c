//! Two replays beside each other: which contacts would have been others?

use std::time::Duration;

use crate::customer::Customer;
use crate::id::{CustomerId, WishId};
use crate::outreach::{Reason, Status};
use crate::policy::dry_run::history::History;
use crate::policy::dry_run::report::{Change, Example, Kind, Report, SaidWish};
use crate::policy::dry_run::simulate::{Lived, Made};
use crate::time::{Timestamp, Zone};

/// Contacts with a wish in common that are no further apart are the same contact.
const SAME_MOMENT: Duration = Duration::from_secs(300);

fn apart(one: Timestamp, other: Timestamp) -> Duration {
    one.max(other).since(one.min(other))
}

fn share(one: &[WishId], other: &[WishId]) -> bool {
    one.iter().any(|wish| other.contains(wish))
}

/// How many of the contacts that were made the replay under the rules of the day made, too.
pub fn reproduced(history: &History, then: &Lived) -> u64 {
    let made = history.made().filter(|real| {
        then.contacts.iter().any(|contact| {
            share(&contact.wishes, &real.wishes) && apart(contact.at, real.at) <= SAME_MOMENT
        })
    });
    made.count() as u64
}

/// Adds to the report what differs.
pub fn differences(
    customer: CustomerId,
    tenants: Zone,
    who: Option<&Customer>,
    then: &Lived,
    draft: &Lived,
    report: &mut Report,
) {
    report.then += then.contacts.len() as u64;
    report.draft += draft.contacts.len() as u64;
    let zone = who.and_then(|who| who.zone).unwrap_or(tenants);
    let mut taken = vec![false; draft.contacts.len()];
    let mut moved = vec![];
    for made in &then.contacts {
        let same = (0..)
            .zip(&draft.contacts)
            .find(|(place, other): &(usize, &Made)| {
                !taken[*place]
                    && share(&made.wishes, &other.wishes)
                    && apart(made.at, other.at) <= SAME_MOMENT
            });
        match same {
            Some((place, other)) => {
                taken[place] = true;
                let left: Vec<WishId> = without(&made.wishes, &other.wishes);
                if left.is_empty() {
                    report.unchanged += 1;
                } else {
                    let reason = reason_of(draft, &left, made.at);
                    let change = change(
                        customer,
                        zone,
                        made,
                        Kind::FewerWishes,
                        reason,
                        Some(other.at),
                    );
                    report.add(change, said(then, &made.wishes));
                }
            }
            None => moved.push(made),
        }
    }
    for made in moved {
        let elsewhere = (0..)
            .zip(&draft.contacts)
            .find(|(_, other): &(usize, &Made)| share(&made.wishes, &other.wishes));
        let (kind, to) = match elsewhere {
            None => (Kind::NotMade, None),
            Some((place, other)) if taken[place] => (Kind::Joined, Some(other.at)),
            Some((place, other)) => {
                taken[place] = true;
                let kind = if other.at < made.at {
                    Kind::Earlier
                } else {
                    Kind::Later
                };
                (kind, Some(other.at))
            }
        };
        let reason = match kind {
            // What held it back at that moment does not any more.
            Kind::Earlier => reason_of(then, &made.wishes, to.unwrap_or(made.at)),
            _ => reason_of(draft, &made.wishes, made.at),
        };
        let change = change(customer, zone, made, kind, reason, to);
        report.add(change, said(then, &made.wishes));
    }
    for (made, taken) in draft.contacts.iter().zip(taken) {
        if !taken {
            let reason = reason_of(then, &made.wishes, made.at);
            let change = change(customer, zone, made, Kind::Added, reason, None);
            report.add(change, said(draft, &made.wishes));
        }
    }
    let unsaid = then.contacts.iter().flat_map(|made| &made.wishes);
    for wish in unsaid {
        let in_draft = draft.state.wishes.get(wish).map(|state| &state.status);
        match in_draft {
            Some(Status::Held { reason, .. }) => report.held(*reason),
            Some(Status::Dropped { reason }) if !was_dropped(then, *wish) => {
                report.dropped(*reason)
            }
            _ => {}
        }
    }
}

fn was_dropped(lived: &Lived, wish: WishId) -> bool {
    let known = lived.state.wishes.get(&wish);
    known.is_some_and(|state| matches!(state.status, Status::Dropped { .. }))
}

fn without(wishes: &[WishId], others: &[WishId]) -> Vec<WishId> {
    let left = wishes.iter().filter(|wish| !others.contains(wish));
    left.copied().collect()
}

/// Why one of these wishes was not said: the last reason up to a moment.
fn reason_of(lived: &Lived, wishes: &[WishId], at: Timestamp) -> Option<Reason> {
    let reasons = lived.reasons.iter().rev();
    let mut reasons =
        reasons.filter(|(when, wish, _)| *when <= at + SAME_MOMENT && wishes.contains(wish));
    reasons.next().map(|(.., reason)| *reason)
}

fn change(
    customer: CustomerId,
    zone: Zone,
    made: &Made,
    kind: Kind,
    reason: Option<Reason>,
    to: Option<Timestamp>,
) -> Change {
    Change {
        customer,
        zone,
        at: made.at,
        kind,
        reason,
        to,
    }
}

fn said(lived: &Lived, wishes: &[WishId]) -> Vec<SaidWish> {
    let known = wishes
        .iter()
        .filter_map(|wish| lived.state.wishes.get(wish));
    known
        .map(|state| SaidWish {
            department: state.wish.department.clone(),
            purpose: state.wish.purpose.clone(),
        })
        .collect()
}

impl Report {
    fn add(&mut self, change: Change, wishes: Vec<SaidWish>) {
        self.count(change.kind, change.reason);
        self.show(Example { change, wishes });
    }
}
