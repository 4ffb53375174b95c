//! Request bodies of the set-up interface: the same keys as the file, checked by the same rules. What the file refers
//! to by being one file (a queue's name, a trunk) is looked up by the caller.

use rapport_domain::id::TenantId;
use rapport_domain::policy::ContactPolicy;
use rapport_domain::setup::{AccessPoint, QueueDefinition, TenantDefinition};
use rapport_engine::AgentDeclaration;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::problem::Problems;
use super::schema::{Kind, Section, is_name};
use super::tenant::{Context, Password};
use super::{file, keys, tenant};

fn read<T: DeserializeOwned>(
    section: &Section,
    name: Option<&str>,
    mut body: Value,
) -> Result<T, Problems> {
    let mut problems = Problems::default();
    let Value::Object(table) = &mut body else {
        problems.add("", "is no object", "send a JSON object");
        return Err(problems);
    };
    // A null says the same as leaving the key out.
    table.retain(|_, value| !value.is_null());
    if let Some(name) = name {
        let given = table.entry("name").or_insert_with(|| name.into());
        if given != name {
            problems.add(
                "name",
                "differs from the one in the address",
                "leave it out",
            );
        }
        if !is_name(name) {
            problems.add(
                "name",
                "is no name",
                "use a-z, digits, `-`, `_` and `.`, at most 64",
            );
        }
    }
    section.check(table, "", &mut problems);
    if !problems.is_empty() {
        return Err(problems);
    }
    serde_path_to_error::deserialize(body).map_err(|error| {
        problems.add(
            error.path().to_string(),
            error.inner().to_string(),
            "see the configuration reference",
        );
        problems
    })
}

fn done<T>(value: T, problems: Problems) -> Result<T, Problems> {
    if problems.is_empty() {
        Ok(value)
    } else {
        Err(problems)
    }
}

/// Secrets of request bodies are literal: the environment is the operator's, not the caller's.
fn no_environment(_: &str) -> Option<String> {
    None
}

/// A queue.
///
/// # Errors
/// [`Problems`], each naming its key.
pub fn queue_from(name: &str, body: Value) -> Result<QueueDefinition, Problems> {
    let mut problems = Problems::default();
    let read: file::Queue = read(&keys::QUEUE, Some(name), body)?;
    let queue = tenant::queue(&read, "", &mut problems);
    done(queue, problems)
}

/// An agent, and the password when the body has one. `realm` is the one of registering phones.
///
/// # Errors
/// [`Problems`], each naming its key.
pub fn agent_from(
    name: &str,
    body: Value,
    realm: Option<&str>,
) -> Result<(AgentDeclaration, Option<Password>), Problems> {
    let mut problems = Problems::default();
    let read: file::Agent = read(&keys::AGENT, Some(name), body)?;
    let context = Context {
        environment: &no_environment,
        realm,
        trunks: None,
    };
    let agent = super::agent::agent(&read, "", &context, &mut problems);
    done(agent, problems)
}

/// An access point that leads to one of these queues.
///
/// # Errors
/// [`Problems`], each naming its key.
pub fn access_point_from(
    name: &str,
    body: Value,
    tenant: TenantId,
    queues: &[&str],
) -> Result<AccessPoint, Problems> {
    let mut problems = Problems::default();
    let read: file::AccessPoint = read(&keys::ACCESS_POINT, Some(name), body)?;
    let point = tenant::access_point(&read, tenant, Some(queues), "", &mut problems);
    done(point, problems)
}

/// The contact policy, whose calls wait in one of these queues.
///
/// # Errors
/// [`Problems`], each naming its key.
pub fn policy_from(
    body: Value,
    tenant: TenantId,
    queues: &[&str],
) -> Result<ContactPolicy, Problems> {
    let mut problems = Problems::default();
    let read: file::Policy = read(&keys::POLICY, None, body)?;
    let policy = super::policy::policy(&read, tenant, Some(queues), "", &mut problems);
    done(policy, problems)
}

/// A contact policy in the keys of the file: what [`policy_from`] reads back. Rules keep the names they are stored under,
/// so that a new one needs no word here; clocks are minutes in the log and `HH:MM` in the file.
#[must_use]
pub fn policy_keys(rules: &ContactPolicy, queue: Option<&str>) -> Value {
    let mut keys = serde_json::to_value(rules).unwrap_or_default();
    for key in keys::POLICY.keys {
        if let (Kind::Clock, Some(value)) = (key.kind, keys.get_mut(key.name))
            && let Some(minute) = value.as_u64()
        {
            *value = format!("{:02}:{:02}", minute / 60, minute % 60).into();
        }
    }
    keys["queue"] = queue.into();
    keys
}

/// The tenant itself, without what has addresses of its own. Whether it may have the trunk is the caller's to say.
///
/// # Errors
/// [`Problems`], each naming its key.
pub fn tenant_from(name: &str, body: Value) -> Result<TenantDefinition, Problems> {
    let mut problems = Problems::default();
    let read: file::Tenant = read(&keys::TENANT, Some(name), body)?;
    let lists = [
        ("queue", read.queue.is_empty()),
        ("agent", read.agent.is_empty()),
        ("access_point", read.access_point.is_empty()),
        ("api_key", read.api_key.is_empty()),
        ("webhook", read.webhook.is_empty()),
        ("hook", read.hook.is_empty()),
        ("policy", read.policy.is_none()),
    ];
    for (key, _) in lists.iter().filter(|(_, absent)| !absent) {
        problems.add(
            *key,
            "is not changed here",
            "use the address of its own, or the configuration file",
        );
    }
    let context = Context {
        environment: &no_environment,
        realm: None,
        trunks: None,
    };
    let definition = tenant::definition(&read, "", &context, &mut problems);
    done(definition, problems)
}
