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
    let caps = stated
        .caps
        .unwrap_or_else(|| ContactPolicy::declared_caps(stated.contacts_per_day));
    let rules = ContactPolicy {
        // The schema has checked both clocks.
        quiet_from: minute_of_day(&stated.quiet_from).unwrap_or(0),
        quiet_until: minute_of_day(&stated.quiet_until).unwrap_or(0),
        gather_seconds: stated.gather_seconds,
        max_agenda: stated.max_agenda,
        max_agenda_seconds: stated.max_agenda_seconds,
        contacts_per_day: stated.contacts_per_day,
        caps,
        min_gap_seconds: stated.min_gap_seconds,
        retry_seconds: stated.retry_seconds,
        max_attempts: stated.max_attempts,
        refusal_silence_days: stated.refusal_silence_days,
        holidays: stated.holidays,
        consent_needed: stated.consent_needed,
        complaint_holds: stated.complaint_holds,
        purposes: stated.purposes,
        weights: stated.weights,
        levers: stated.levers,
        costs: stated.costs.by_channel(),
        queue: QueueId::named(tenant, &stated.queue),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_that_states_nothing_but_its_queue_is_the_declared_one() {
        let tenant = TenantId::named("acme");
        let mut problems = Problems::default();
        let stated: Policy = toml::from_str("queue = \"outreach\"").unwrap();
        let rules = policy(&stated, tenant, None, "", &mut problems);
        let declared = ContactPolicy::declared(QueueId::named(tenant, "outreach"));
        assert_eq!((rules, problems), (declared, Problems::default()));
    }
}
