//! A configuration in plain sentences, and what looks like a mistake in it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use rapport_domain::agent::{Definition, Phone};
use rapport_domain::channel::Channel;
use rapport_domain::id::{QueueId, TenantId};
use rapport_domain::setup::{AgentChoice, ApiRole, QueueDefinition};
use rapport_engine::TenantDeclaration;

use super::{Config, KeysPlace, TenantSetup};

/// Says what a configuration would start.
#[must_use]
pub fn explain(config: &Config) -> String {
    let mut text = String::new();
    let mut warnings = Vec::new();
    let mut line = |words: String| {
        text.push_str(&words);
        text.push('\n');
    };
    line(config.log.explain(&config.data));
    let wrapped = if config.keys.secret.is_some() {
        ", wrapped by `keys_secret`"
    } else {
        ""
    };
    line(match &config.keys.place {
        KeysPlace::Local => {
            format!("Personal data is sealed with keys in the same folder, in keys.db{wrapped}.")
        }
        KeysPlace::Shared(folder) => format!(
            "Personal data is sealed with keys in the shared folder {}{wrapped}.",
            folder.display()
        ),
    });
    line(format!(
        "Desk, wallboard and HTTP interface: TCP {}{}.",
        config.http.bind,
        origins(&config.http.public_origins)
    ));
    line(format!(
        "Web chat: TCP {}, at most {} visitors at one time.",
        config.chat.bind, config.chat.max_connections
    ));
    match &config.voice {
        None => line("No telephony.".to_owned()),
        Some(voice) => {
            let (first, last) = (voice.rtp_ports.start(), voice.rtp_ports.end());
            line(format!(
                "SIP: UDP {}; media: UDP ports {first} to {last}; phones register in the realm {:?}.",
                voice.bind, voice.realm
            ));
            for (name, address) in &voice.trunks {
                line(format!("Trunk {name}: calls from and to {address}."));
            }
            if voice.bind.ip().is_unspecified() && voice.public_ip.is_none() {
                warnings.push("voice.public_ip is not set while voice.bind is a wildcard: the address of the default route is told to peers.".to_owned());
            }
        }
    }
    if config.tenants.is_empty() {
        warnings.push(
            "There is no [[tenant]]: nobody can log in, and every contact is turned away."
                .to_owned(),
        );
    }
    for setup in &config.tenants {
        text.push_str(&tenant(setup, config, &mut warnings));
    }
    for warning in warnings {
        // Writing into a String does not fail.
        let _ = writeln!(text, "Warning: {warning}");
    }
    text
}

fn origins(origins: &[String]) -> String {
    if origins.is_empty() {
        String::new()
    } else {
        format!(", in browsers {}", origins.join(" or "))
    }
}

fn tenant(setup: &TenantSetup, config: &Config, warnings: &mut Vec<String>) -> String {
    let declared = &setup.declaration;
    let definition = &declared.definition;
    let id = TenantId::named(&definition.name);
    let names: BTreeMap<QueueId, &str> = declared
        .queues
        .iter()
        .map(|q| (QueueId::named(id, &q.name), q.name.as_str()))
        .collect();
    let mut text = format!(
        "\nTenant {} ({}), clock of {}.\n",
        definition.name,
        definition.display_name,
        definition.zone.name()
    );
    let mut line = |words: String| {
        text.push_str("  ");
        text.push_str(&words);
        text.push('\n');
    };
    for queue in &declared.queues {
        line(self::queue(queue));
        serves(declared, queue, config, warnings);
    }
    for agent in &declared.agents {
        let able: Vec<&str> = declared
            .queues
            .iter()
            .filter(|queue| can_serve(&agent.definition, queue))
            .map(|q| q.name.as_str())
            .collect();
        let login =
            agent.password.is_some() || setup.passwords.contains_key(&agent.definition.name);
        line(self::agent(&agent.definition, &able, login));
    }
    for point in &declared.access_points {
        let queue = names.get(&point.queue).copied().unwrap_or("?");
        let address = match point.channel {
            Channel::Voice => format!("calls to {}", point.address),
            other => format!("{} with the site key {}", other.name(), point.address),
        };
        let pages = match (point.channel, point.origins.as_slice()) {
            (Channel::Chat, []) => ", on the hub's own pages only".to_owned(),
            (Channel::Chat, list) if list.iter().any(|origin| origin == "*") => {
                ", on any page".to_owned()
            }
            (Channel::Chat, list) => format!(", on pages of {}", list.join(" and ")),
            _ => String::new(),
        };
        line(format!(
            "Access point {}: {address} wait in {queue}{pages}.",
            point.name
        ));
        if point.channel == Channel::Voice && config.voice.is_none() {
            warnings.push(format!(
                "Access point {} takes calls, but there is no [voice].",
                point.name
            ));
        }
    }
    for key in declared.api_keys.iter().flatten() {
        let may = match key.role {
            ApiRole::Department => "files wishes",
            ApiRole::Admin => "changes set-up and reads everything",
        };
        line(format!("API key {}: {may}.", key.name));
    }
    for webhook in &setup.doors.webhooks {
        let endpoint = &webhook.endpoint;
        let events: Vec<&str> = endpoint.events.iter().map(|event| event.name()).collect();
        // A path may be a secret of its own.
        let host = webhook.target.address.url().origin().ascii_serialization();
        line(format!(
            "Webhook {}: {} is told at {host} of wishes that are {}.",
            endpoint.name,
            endpoint.department,
            events.join(", ")
        ));
    }
    for hook in &setup.doors.hooks {
        line(format!(
            "Requests signed by {}: taken at /api/v1/hooks/{}/{}.",
            hook.department, definition.name, hook.department
        ));
    }
    match &declared.policy {
        None if declared
            .api_keys
            .iter()
            .flatten()
            .any(|key| key.role == ApiRole::Department) =>
        {
            warnings.push(format!(
                "Tenant {} has departments but no [tenant.policy]: their wishes wait for ever.",
                definition.name
            ))
        }
        None => {}
        Some(policy) => {
            let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
            let quiet = if policy.quiet_from == policy.quiet_until {
                "at any hour".to_owned()
            } else {
                format!(
                    "between {} and {}",
                    clock(policy.quiet_until),
                    clock(policy.quiet_from)
                )
            };
            let queue = names.get(&policy.queue).copied().unwrap_or("?");
            let caps: String = policy
                .caps
                .iter()
                .map(|cap| format!(", {} in {} days", cap.contacts, cap.days))
                .collect();
            line(format!(
                "Outreach: at most {} contacts a day to one customer{caps}, {quiet} by the customer's clock, up to {} wishes in one, gathered for {} s; planned calls wait in {queue}.",
                policy.contacts_per_day, policy.max_agenda, policy.gather_seconds
            ));
            if definition.outbound_trunk.is_none() {
                warnings.push(format!(
                    "Tenant {} has a policy but no outbound_trunk: customers cannot be called.",
                    definition.name
                ));
            }
            if declared
                .queues
                .iter()
                .any(|q| q.name == queue && !q.outbound)
            {
                warnings.push(format!("Planned calls of {} wait in {queue}, which is not marked outbound = true: they do not give way to inbound contacts.", definition.name));
            }
        }
    }
    text
}

fn queue(queue: &QueueDefinition) -> String {
    let choice = match queue.choice {
        AgentChoice::LongestIdle => "whoever has waited longest",
        AgentChoice::LeastOccupied => "whoever has most capacity left",
        AgentChoice::BestSkill => "whoever is best at it",
    };
    let needs = if queue.skills.is_empty() {
        "needs no skill".to_owned()
    } else {
        format!("needs {}", skills(&queue.skills))
    };
    let widening = queue.widening.iter().map(|step| {
        let enough = if step.skills.is_empty() {
            "nothing".to_owned()
        } else {
            skills(&step.skills)
        };
        format!(", after {} s {enough}", step.after_seconds)
    });
    format!(
        "Queue {}: {needs}{}; {} % within {} s, weight {}; goes to {choice}; an offer lasts {} s, wrap-up {} s{}.",
        queue.name,
        widening.collect::<String>(),
        queue.service_level_percent,
        queue.target_seconds,
        queue.value_weight,
        queue.offer_seconds,
        queue.wrap_up_seconds,
        if queue.outbound {
            "; holds planned contacts"
        } else {
            ""
        },
    )
}

fn skills(skills: &BTreeMap<String, u8>) -> String {
    skills
        .iter()
        .map(|(name, level)| format!("{name} {level}"))
        .collect::<Vec<_>>()
        .join(" and ")
}

fn agent(agent: &Definition, able: &[&str], login: bool) -> String {
    let phone = match &agent.phone {
        Phone::None => "no phone".to_owned(),
        Phone::Registered { user } => format!("a phone that registers as {user}"),
        Phone::Address { uri } => format!("the phone {uri}"),
    };
    let serves = if able.is_empty() {
        "serves no queue".to_owned()
    } else {
        format!("serves {}", able.join(", "))
    };
    let at_once = |weight: u32| agent.capacity / weight.max(1);
    let login = if login {
        ""
    } else {
        ", password not in this file"
    };
    format!(
        "Agent {}: {serves}; {phone}; up to {} chats at one time{login}.",
        agent.name,
        at_once(agent.weights.chat)
    )
}

fn can_serve(agent: &Definition, queue: &QueueDefinition) -> bool {
    let enough = |skills: &BTreeMap<String, u8>| {
        skills
            .iter()
            .all(|(skill, level)| agent.skills.get(skill).is_some_and(|has| has >= level))
    };
    enough(&queue.skills) || queue.widening.iter().any(|step| enough(&step.skills))
}

/// Warns of a queue whose contacts would wait for ever.
fn serves(
    declared: &TenantDeclaration,
    queue: &QueueDefinition,
    config: &Config,
    warnings: &mut Vec<String>,
) {
    let able: Vec<&Definition> = declared
        .agents
        .iter()
        .map(|agent| &agent.definition)
        .filter(|agent| can_serve(agent, queue))
        .collect();
    let tenant = &declared.definition.name;
    if able.is_empty() {
        warnings.push(format!(
            "No agent of {tenant} can serve the queue {}.",
            queue.name
        ));
        return;
    }
    let id = QueueId::named(TenantId::named(tenant), &queue.name);
    let takes = |channel| {
        declared
            .access_points
            .iter()
            .any(|point| point.queue == id && point.channel == channel)
    };
    let calls = takes(Channel::Voice)
        || declared
            .policy
            .as_ref()
            .is_some_and(|policy| policy.queue == id);
    if config.voice.is_some() && calls && able.iter().all(|agent| agent.phone == Phone::None) {
        warnings.push(format!(
            "Calls wait in the queue {} of {tenant}, but nobody who serves it has a phone.",
            queue.name
        ));
    }
    for channel in [Channel::Voice, Channel::Chat] {
        if takes(channel)
            && able
                .iter()
                .all(|agent| agent.weights.of(channel) > agent.capacity)
        {
            warnings.push(format!(
                "Nobody who serves the queue {} of {tenant} has the capacity for {}.",
                queue.name,
                channel.name()
            ));
        }
    }
}
