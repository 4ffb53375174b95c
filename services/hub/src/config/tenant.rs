//! One organisation of the file: what it declares and what of it cannot be.

use std::collections::BTreeMap;
use std::fmt;

use rapport_domain::channel::Channel;
use rapport_domain::id::{QueueId, TenantId};
use rapport_domain::setup::{self, QueueDefinition, TenantDefinition};
use rapport_domain::time::Zone;
use rapport_engine::TenantDeclaration;

use super::Environment;
use super::agent::agent;
use super::check::{origins, unique};
use super::doors::{self, Doors};
use super::file::{AccessPoint, ApiKey, Queue, Tenant};
use super::policy::policy;
use super::problem::Problems;
use super::secret::{resolve, sha256_hex};

/// The shortest API key taken.
const LEAST_KEY: usize = 16;

/// What the file says of one organisation.
#[derive(Clone, Debug)]
pub struct TenantSetup {
    /// Everything but passwords given in the clear.
    pub declaration: TenantDeclaration,
    /// Passwords in the clear by the agent's name: hashed at start, unless they are the ones known already.
    pub passwords: BTreeMap<String, Password>,
    /// Doors to departments' systems: how they are reached and signed is in the file alone.
    pub doors: Doors,
}

/// A password in the clear; it does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(pub String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<password>")
    }
}

/// What a tenant's declaration refers to outside itself.
pub struct Context<'a> {
    /// Environment variables.
    pub environment: Environment<'a>,
    /// The realm of phones; `None` without telephony.
    pub realm: Option<&'a str>,
    /// Names of the trunks; `None` when whoever asks looks them up elsewhere.
    pub trunks: Option<&'a [&'a str]>,
}

/// Reads a tenant and notes what cannot be.
pub fn check(tenant: &Tenant, context: &Context<'_>, problems: &mut Problems) -> TenantSetup {
    let path = format!("tenant.{}", tenant.name);
    let id = TenantId::named(&tenant.name);
    let definition = definition(tenant, &path, context, problems);
    unique(
        &format!("{path}.queue"),
        tenant.queue.iter().map(|q| q.name.as_str()),
        "queue",
        problems,
    );
    unique(
        &format!("{path}.agent"),
        tenant.agent.iter().map(|a| a.name.as_str()),
        "agent",
        problems,
    );
    unique(
        &format!("{path}.access_point"),
        tenant.access_point.iter().map(|a| a.name.as_str()),
        "access point",
        problems,
    );
    unique(
        &format!("{path}.api_key"),
        tenant.api_key.iter().map(|k| k.name.as_str()),
        "key",
        problems,
    );
    let queues: Vec<&str> = tenant
        .queue
        .iter()
        .map(|queue| queue.name.as_str())
        .collect();
    let place = |list: &str, place: usize| format!("{path}.{list}[{}]", place + 1);
    let mut passwords = BTreeMap::new();
    let declaration = TenantDeclaration {
        definition,
        access_points: each(&tenant.access_point, |n, point| {
            access_point(
                point,
                id,
                Some(&queues),
                &place("access_point", n),
                problems,
            )
        }),
        queues: each(&tenant.queue, |n, queue| {
            self::queue(queue, &place("queue", n), problems)
        }),
        agents: each(&tenant.agent, |n, one| {
            let (declared, password) = agent(one, &place("agent", n), context, problems);
            passwords.extend(password.map(|password| (one.name.clone(), password)));
            declared
        }),
        // The file is the whole list: a key that is taken out of it is valid no longer.
        api_keys: Some(each(&tenant.api_key, |n, key| {
            api_key(key, &place("api_key", n), context.environment, problems)
        })),
        policy: tenant
            .policy
            .as_ref()
            .map(|p| policy(p, id, Some(&queues), &format!("{path}.policy"), problems)),
        policy_text: None,
    };
    TenantSetup {
        declaration,
        passwords,
        doors: doors::check(tenant, &path, context.environment, problems),
    }
}

fn each<T, R>(list: &[T], mut read: impl FnMut(usize, &T) -> R) -> Vec<R> {
    list.iter()
        .enumerate()
        .map(|(place, one)| read(place, one))
        .collect()
}

/// What a tenant says of itself.
pub fn definition(
    tenant: &Tenant,
    path: &str,
    context: &Context<'_>,
    problems: &mut Problems,
) -> TenantDefinition {
    let zone = Zone::parse(&tenant.zone).unwrap_or_else(|error| {
        problems.add(
            format!("{path}.zone"),
            format!("is {:?}", tenant.zone),
            error.to_string(),
        );
        Zone::UTC
    });
    if let Some(trunk) = tenant.outbound_trunk.as_deref()
        && let Some(trunks) = context.trunks.filter(|known| !known.contains(&trunk))
    {
        let fix = match trunks {
            [] => "declare it as [[voice.trunk]]".to_owned(),
            known => format!(
                "use one of {}, or declare it as [[voice.trunk]]",
                known.join(", ")
            ),
        };
        problems.add(
            format!("{path}.outbound_trunk"),
            format!("names the unknown trunk {trunk:?}"),
            fix,
        );
    }
    TenantDefinition {
        name: tenant.name.clone(),
        display_name: tenant
            .display_name
            .clone()
            .unwrap_or_else(|| tenant.name.clone()),
        zone,
        not_ready_reasons: tenant.not_ready_reasons.clone(),
        caller_id: tenant.caller_id.clone(),
        outbound_trunk: tenant.outbound_trunk.clone(),
    }
}

/// A queue.
pub fn queue(queue: &Queue, path: &str, problems: &mut Problems) -> QueueDefinition {
    let steps: Vec<u32> = queue
        .widening
        .iter()
        .map(|step| step.after_seconds)
        .collect();
    if steps.windows(2).any(|pair| pair[0] >= pair[1]) {
        problems.add(
            format!("{path}.widening"),
            "is not in ascending order",
            "sort the steps by after_seconds",
        );
    }
    QueueDefinition {
        name: queue.name.clone(),
        display_name: queue
            .display_name
            .clone()
            .unwrap_or_else(|| queue.name.clone()),
        skills: queue.skills.clone(),
        widening: queue
            .widening
            .iter()
            .map(|step| setup::Widening {
                after_seconds: step.after_seconds,
                skills: step.skills.clone(),
            })
            .collect(),
        target_seconds: queue.target_seconds,
        service_level_percent: queue.service_level_percent,
        value_weight: queue.value_weight,
        floor_after: queue.floor_after,
        choice: queue.choice,
        offer_seconds: queue.offer_seconds,
        wrap_up_seconds: queue.wrap_up_seconds,
        dispositions: queue.dispositions.clone(),
        outbound: queue.outbound,
    }
}

/// An access point; `queues` are the names it may lead to, `None` when whoever asks looks them up elsewhere.
pub fn access_point(
    point: &AccessPoint,
    tenant: TenantId,
    queues: Option<&[&str]>,
    path: &str,
    problems: &mut Problems,
) -> setup::AccessPoint {
    known_queue(&point.queue, queues, path, problems);
    let address = point.address.trim();
    let longest = if point.channel == Channel::Voice {
        64
    } else {
        128
    };
    if address.is_empty()
        || address.len() > longest
        || !address.bytes().all(|b| b.is_ascii_graphic())
    {
        let fix = format!("use 1 to {longest} letters, digits or signs without spaces");
        problems.add(
            format!("{path}.address"),
            format!("is {:?}", point.address),
            fix,
        );
    }
    if point.channel != Channel::Chat && !point.origins.is_empty() {
        problems.add(
            format!("{path}.origins"),
            "is of no use for this channel",
            "remove it",
        );
    }
    setup::AccessPoint {
        name: point.name.clone(),
        channel: point.channel,
        address: address.to_owned(),
        queue: QueueId::named(tenant, &point.queue),
        origins: origins(&point.origins, &format!("{path}.origins"), true, problems),
    }
}

pub(super) fn known_queue(
    name: &str,
    queues: Option<&[&str]>,
    path: &str,
    problems: &mut Problems,
) {
    let Some(queues) = queues.filter(|queues| !queues.contains(&name)) else {
        return;
    };
    let fix = match queues {
        [] => format!("declare [[tenant.queue]] with name = {name:?}"),
        known => format!(
            "use one of {}, or declare it as [[tenant.queue]]",
            known.join(", ")
        ),
    };
    problems.add(
        format!("{path}.queue"),
        format!("names the unknown queue {name:?}"),
        fix,
    );
}

fn api_key(
    key: &ApiKey,
    path: &str,
    environment: Environment<'_>,
    problems: &mut Problems,
) -> setup::ApiKey {
    let clear = key
        .key
        .as_ref()
        .and_then(|value| resolve(value, &format!("{path}.key"), environment, problems));
    let sha256 = match (&clear, &key.sha256) {
        (Some(_), Some(_)) => {
            problems.add(
                format!("{path}.key"),
                "is given beside sha256",
                "give one of them",
            );
            String::new()
        }
        (Some(clear), None) => {
            if clear.len() < LEAST_KEY {
                let fix = format!(
                    "use at least {LEAST_KEY} letters, such as the output of `openssl rand -hex 24`"
                );
                problems.add(format!("{path}.key"), "is too short", fix);
            }
            sha256_hex(clear.as_bytes())
        }
        (None, Some(digest)) => {
            if digest.len() != 64 || !digest.bytes().all(|b| b.is_ascii_hexdigit()) {
                problems.add(
                    format!("{path}.sha256"),
                    "is no SHA-256",
                    "use 64 hexadecimal digits",
                );
            }
            digest.to_ascii_lowercase()
        }
        (None, None) => {
            if key.key.is_none() {
                problems.add(
                    format!("{path}.key"),
                    "is missing",
                    "add key = { env = \"NAME\" }, or sha256",
                );
            }
            String::new()
        }
    };
    setup::ApiKey {
        name: key.name.clone(),
        role: key.role,
        sha256,
    }
}
