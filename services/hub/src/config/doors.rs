//! Doors to departments' systems: what the file says of them and what of it cannot be.

use std::time::Duration;

use rapport_departments::{Address, NotAnAddress, Secret as Signing, Target};
use rapport_domain::id::TenantId;
use rapport_domain::webhook::Endpoint;

use super::Environment;
use super::check::unique;
use super::file::{Hook, Secret, Tenant, Webhook};
use super::problem::Problems;
use super::secret::resolve;

/// An endpoint that a department is told at.
#[derive(Clone, Debug)]
pub struct WebhookSetup {
    /// What it hears of.
    pub endpoint: Endpoint,
    /// How it is reached.
    pub target: Target,
}

/// How requests of a department's system are signed.
#[derive(Clone, Debug)]
pub struct HookSetup {
    /// Whose system.
    pub department: String,
    /// With one of these.
    pub secrets: Vec<Signing>,
}

/// What a tenant has of both.
#[derive(Clone, Debug, Default)]
pub struct Doors {
    /// Endpoints.
    pub webhooks: Vec<WebhookSetup>,
    /// Systems that call.
    pub hooks: Vec<HookSetup>,
}

/// Reads the doors of a tenant and notes what cannot be.
pub fn check(
    tenant: &Tenant,
    path: &str,
    environment: Environment<'_>,
    problems: &mut Problems,
) -> Doors {
    let id = TenantId::named(&tenant.name);
    let keys: Vec<&str> = tenant.api_key.iter().map(|key| key.name.as_str()).collect();
    let names = tenant.webhook.iter().map(|webhook| webhook.name.as_str());
    unique(&format!("{path}.webhook"), names, "webhook", problems);
    let mut doors = Doors::default();
    for (place, webhook) in tenant.webhook.iter().enumerate() {
        let path = format!("{path}.webhook[{}]", place + 1);
        department(&webhook.department, &keys, &path, problems);
        doors
            .webhooks
            .extend(self::webhook(webhook, id, &path, environment, problems));
    }
    let mut seen: Vec<&str> = Vec::new();
    for (place, hook) in tenant.hook.iter().enumerate() {
        let path = format!("{path}.hook[{}]", place + 1);
        department(&hook.department, &keys, &path, problems);
        if seen.contains(&hook.department.as_str()) {
            let what = format!("is {:?}, which an entry before has", hook.department);
            let fix = "give each department one table; next_secret is for changing secrets";
            problems.add(format!("{path}.department"), what, fix);
        }
        seen.push(&hook.department);
        doors
            .hooks
            .extend(self::hook(hook, &path, environment, problems));
    }
    doors
}

fn department(name: &str, keys: &[&str], path: &str, problems: &mut Problems) {
    if keys.contains(&name) {
        return;
    }
    let fix = match keys {
        [] => format!("declare [[tenant.api_key]] with name = {name:?}"),
        known => format!(
            "use one of {}, or declare it as [[tenant.api_key]]",
            known.join(", ")
        ),
    };
    let what = format!("names the unknown department {name:?}");
    problems.add(format!("{path}.department"), what, fix);
}

/// The first secret and the next one.
fn secrets(
    secret: &Secret,
    next: Option<&Secret>,
    path: &str,
    environment: Environment<'_>,
    problems: &mut Problems,
) -> Option<Vec<Signing>> {
    let mut all = Vec::new();
    for (key, secret) in [("secret", Some(secret)), ("next_secret", next)] {
        let Some(secret) = secret else { continue };
        let path = format!("{path}.{key}");
        let text = resolve(secret, &path, environment, problems)?;
        match Signing::parse(&text) {
            Ok(secret) => all.push(secret),
            Err(error) => {
                let fix = format!("{error}: `echo whsec_$(openssl rand -base64 32)` makes one");
                problems.add(path, "is no secret for signing", fix);
                return None;
            }
        }
    }
    Some(all)
}

/// An address that may be gone to.
fn address(text: &str, private: bool, path: &str, problems: &mut Problems) -> Option<Address> {
    match Address::parse(text, private) {
        Ok(address) => Some(address),
        Err(why) => {
            let fix = match why {
                NotAnAddress::Plain | NotAnAddress::Private => {
                    "use https and a public address, or say private = true"
                }
                NotAnAddress::Unreadable | NotAnAddress::Adorned => {
                    "use an address such as \"https://crm.example/rapport\""
                }
            };
            problems.add(format!("{path}.url"), why.to_string(), fix);
            None
        }
    }
}

fn webhook(
    webhook: &Webhook,
    tenant: TenantId,
    path: &str,
    environment: Environment<'_>,
    problems: &mut Problems,
) -> Option<WebhookSetup> {
    let secrets = secrets(
        &webhook.secret,
        webhook.next_secret.as_ref(),
        path,
        environment,
        problems,
    );
    if webhook.events.is_empty() {
        let fix = "name what it is to hear of, or leave the key out";
        problems.add(format!("{path}.events"), "is empty", fix);
    }
    let address = address(&webhook.url, webhook.private, path, problems);
    let endpoint = Endpoint {
        tenant,
        name: webhook.name.clone(),
        department: webhook.department.clone(),
        events: webhook.events.clone(),
        give_up_after: Duration::from_secs(u64::from(webhook.give_up_hours) * 3_600),
    };
    Some(WebhookSetup {
        endpoint,
        target: Target {
            address: address?,
            secrets: secrets?,
        },
    })
}

fn hook(
    hook: &Hook,
    path: &str,
    environment: Environment<'_>,
    problems: &mut Problems,
) -> Option<HookSetup> {
    let next = hook.next_secret.as_ref();
    let secrets = secrets(&hook.secret, next, path, environment, problems)?;
    Some(HookSetup {
        department: hook.department.clone(),
        secrets,
    })
}
