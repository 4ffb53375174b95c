//! A contact policy as the interface shows it: the keys by which it is set, and its version.

use rapport_domain::policy::Policy;
use serde_json::{Value, json};

/// The rules of a policy under the names that the configuration has for them.
#[must_use]
pub fn policy_view(policy: &Policy, queue: Option<String>) -> Value {
    let rules = &policy.rules;
    let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
    json!({
        "version": policy.version,
        "queue": queue,
        "quiet_from": clock(rules.quiet_from),
        "quiet_until": clock(rules.quiet_until),
        "gather_seconds": rules.gather_seconds,
        "max_agenda": rules.max_agenda,
        "max_agenda_seconds": rules.max_agenda_seconds,
        "contacts_per_day": rules.contacts_per_day,
        "caps": rules.caps,
        "min_gap_seconds": rules.min_gap_seconds,
        "retry_seconds": rules.retry_seconds,
        "max_attempts": rules.max_attempts,
        "refusal_silence_days": rules.refusal_silence_days,
        "holidays": rules.holidays,
        "consent_needed": rules.consent_needed,
        "complaint_holds": rules.complaint_holds,
        "purposes": rules.purposes,
        "weights": rules.weights,
        "levers": rules.levers,
        "costs": rules.costs,
    })
}
