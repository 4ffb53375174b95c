//! The contact policy of a tenant: what the file or a request states of it, checked as a whole.

use rapport_domain::id::{QueueId, TenantId};
use rapport_domain::policy::ContactPolicy;

use super::file::Policy;
use super::problem::Problems;
use super::schema::{join, minute_of_day};
use super::tenant::known_queue;

/// The contact policy.
pub fn policy(
    policy: &Policy,
    tenant: TenantId,
    queues: Option<&[&str]>,
    path: &str,
    problems: &mut Problems,
) -> ContactPolicy {
    known_queue(&policy.queue, queues, path, problems);
    let stated = policy.clone();
    let declared = ContactPolicy::declared(QueueId::named(tenant, &policy.queue));
    // The schema has checked both clocks.
    let clock = |stated: Option<String>, otherwise| {
        stated.map_or(otherwise, |text| minute_of_day(&text).unwrap_or(0))
    };
    let contacts_per_day = stated.contacts_per_day.unwrap_or(declared.contacts_per_day);
    let caps = stated
        .caps
        .unwrap_or_else(|| ContactPolicy::declared_caps(contacts_per_day));
    let rules = ContactPolicy {
        quiet_from: clock(stated.quiet_from, declared.quiet_from),
        quiet_until: clock(stated.quiet_until, declared.quiet_until),
        gather_seconds: stated.gather_seconds.unwrap_or(declared.gather_seconds),
        max_agenda: stated.max_agenda.unwrap_or(declared.max_agenda),
        max_agenda_seconds: stated
            .max_agenda_seconds
            .unwrap_or(declared.max_agenda_seconds),
        contacts_per_day,
        caps,
        min_gap_seconds: stated.min_gap_seconds.unwrap_or(declared.min_gap_seconds),
        retry_seconds: stated.retry_seconds.unwrap_or(declared.retry_seconds),
        max_attempts: stated.max_attempts.unwrap_or(declared.max_attempts),
        refusal_silence_days: stated
            .refusal_silence_days
            .unwrap_or(declared.refusal_silence_days),
        holidays: stated.holidays,
        consent_needed: stated.consent_needed.unwrap_or(declared.consent_needed),
        complaint_holds: stated.complaint_holds.unwrap_or(declared.complaint_holds),
        purposes: stated.purposes,
        weights: stated.weights,
        levers: stated.levers,
        costs: stated.costs,
        queue: declared.queue,
    };
    for fault in rules.check().err().unwrap_or_default() {
        problems.add(
            join(path, &fault.rule),
            fault.why,
            "state rules that can hold together",
        );
    }
    rules
}
