//! One agent of the file.

use md5::{Digest, Md5};
use rapport_domain::agent::{Definition, Phone, PhoneSecret, Weights};
use rapport_engine::AgentDeclaration;

use super::file::{Agent, FileWeights, Secret};
use super::problem::Problems;
use super::secret::{hex, resolve, sha256_hex};
use super::tenant::{Context, Password};

/// The shortest password taken.
pub const LEAST_PASSWORD: usize = 8;

/// An agent, and the password when it is given in the clear.
pub fn agent(
    agent: &Agent,
    path: &str,
    context: &Context<'_>,
    problems: &mut Problems,
) -> (AgentDeclaration, Option<Password>) {
    let mut secret = |key: &str, value: &Option<Secret>| {
        value.as_ref().and_then(|value| {
            resolve(
                value,
                &format!("{path}.{key}"),
                context.environment,
                problems,
            )
        })
    };
    let (clear, hash) = (
        secret("password", &agent.password),
        secret("password_hash", &agent.password_hash),
    );
    let phone_secret = secret("phone_secret", &agent.phone_secret);
    if clear.is_some() && hash.is_some() {
        problems.add(
            format!("{path}.password"),
            "is given beside password_hash",
            "give one of them",
        );
    }
    if clear
        .as_ref()
        .is_some_and(|password| password.chars().count() < LEAST_PASSWORD)
    {
        problems.add(
            format!("{path}.password"),
            "is too short",
            format!("use at least {LEAST_PASSWORD} letters"),
        );
    }
    if hash
        .as_ref()
        .is_some_and(|hash| !crate::password::is_hash(hash))
    {
        problems.add(
            format!("{path}.password_hash"),
            "is no Argon2id hash",
            "make one with `rapport user add`",
        );
    }
    let phone = match agent.phone.as_deref() {
        None => Phone::None,
        Some("register") => Phone::Registered {
            user: agent
                .phone_user
                .clone()
                .unwrap_or_else(|| agent.name.clone()),
        },
        Some(uri) if is_sip_uri(uri) => Phone::Address {
            uri: uri.to_owned(),
        },
        Some(other) => {
            let fix = "use \"register\", or an address such as \"sip:anna@192.0.2.30:5060\"";
            problems.add(format!("{path}.phone"), format!("is {other:?}"), fix);
            Phone::None
        }
    };
    let registered = matches!(phone, Phone::Registered { .. });
    if agent.phone_user.as_ref().is_some_and(|user| {
        user.is_empty()
            || !user
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.+".contains(&b))
    }) {
        problems.add(
            format!("{path}.phone_user"),
            "is no user of a phone",
            "use letters, digits, `-`, `_`, `.` and `+`",
        );
    }
    if !registered && (agent.phone_user.is_some() || agent.phone_secret.is_some()) {
        let key = if agent.phone_secret.is_some() {
            "phone_secret"
        } else {
            "phone_user"
        };
        problems.add(
            format!("{path}.{key}"),
            "is of no use without phone = \"register\"",
            "remove it, or set phone",
        );
    }
    if phone_secret.as_ref().is_some_and(String::is_empty) {
        problems.add(format!("{path}.phone_secret"), "is empty", "choose one");
    }
    if let Some((channel, weight)) = heaviest(agent).filter(|(_, weight)| *weight > agent.capacity)
    {
        let what = format!(
            "is {}, less than the weight of one {channel} ({weight})",
            agent.capacity
        );
        problems.add(
            format!("{path}.capacity"),
            what,
            format!("raise it, or lower weights.{channel}"),
        );
    }
    let phone_secret = match (&phone, phone_secret) {
        (Phone::Registered { user }, Some(secret)) => {
            Some(digests(user, context.realm.unwrap_or("rapport"), &secret))
        }
        _ => None,
    };
    let file = agent.weights;
    let definition = Definition {
        name: agent.name.clone(),
        display_name: agent
            .display_name
            .clone()
            .unwrap_or_else(|| agent.name.clone()),
        role: agent.role,
        skills: agent.skills.clone(),
        phone,
        capacity: agent.capacity,
        weights: Weights {
            voice: file.voice,
            chat: file.chat,
            sms: file.sms,
            email: file.email,
        },
    };
    (
        AgentDeclaration {
            definition,
            password: hash,
            phone_secret,
        },
        clear.map(Password),
    )
}

/// The heaviest channel that somebody set on purpose: the defaults may be above a small capacity, which then means that
/// the agent does not serve that channel.
fn heaviest(agent: &Agent) -> Option<(&'static str, u32)> {
    let (set, usual) = (agent.weights, FileWeights::default());
    let all = [
        ("voice", set.voice, usual.voice),
        ("chat", set.chat, usual.chat),
        ("sms", set.sms, usual.sms),
        ("email", set.email, usual.email),
    ];
    all.into_iter()
        .filter(|(_, weight, usual)| weight != usual)
        .map(|(name, weight, _)| (name, weight))
        .max_by_key(|(_, weight)| *weight)
}

fn is_sip_uri(text: &str) -> bool {
    let Some((user, host)) = text
        .strip_prefix("sip:")
        .and_then(|rest| rest.split_once('@'))
    else {
        return false;
    };
    let plain = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|b| b.is_ascii_graphic() && !b"<>\"@".contains(&b))
    };
    plain(user) && plain(host)
}

/// What a phone's secret becomes: the digests of RFC 7616, section 3.4.2.
fn digests(user: &str, realm: &str, secret: &str) -> PhoneSecret {
    let text = format!("{user}:{realm}:{secret}");
    PhoneSecret {
        realm: realm.to_owned(),
        ha1_md5: hex(&Md5::digest(text.as_bytes())),
        ha1_sha256: sha256_hex(text.as_bytes()),
    }
}
