//! Small pieces of the wiring: clock, phones, and what the configuration means to each adapter.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use indicatif::{ProgressBar, ProgressStyle};
use rapport_domain::event::Position;
use rapport_domain::id::{AgentId, TenantId};
use rapport_domain::port::Surroundings;
use rapport_domain::private::Private;
use rapport_domain::time::Timestamp;
use rapport_engine::{Engine, Projections, TenantDeclaration};
use rapport_read_model::WORKLIST;
use rapport_voice::sip::overload::{Limits, Rate};
use rapport_voice::{Credential, PhoneBook, Trunk, VoiceConfig};
use rapport_web_chat::WebChatConfig;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::StartError;
use crate::config::{Config, TenantSetup, VoiceSettings};
use crate::password;

/// Catching up with fewer events than this shows no bar.
const SHOW_FROM: u64 = 20_000;
/// A start waits this long, all together, for the read models that it does not need itself.
const CURRENT_WITHIN: Duration = Duration::from_secs(1);

/// The machine's clock and random numbers.
pub struct System;

impl Surroundings for System {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }

    fn fresh(&self) -> Uuid {
        Uuid::now_v7()
    }
}

/// Who may register a phone: agents, by the digests the log has. Answers from memory.
pub struct Phones {
    // The engine holds the channel and the channel the phones: a strong reference would keep all of them for ever.
    engine: Weak<Engine>,
    realm: String,
    /// Said once is enough: the registrar asks for every packet.
    warned: AtomicBool,
}

impl Phones {
    /// Phones of this realm.
    pub fn new(engine: &Arc<Engine>, realm: &str) -> Self {
        Self {
            engine: Arc::downgrade(engine),
            realm: realm.to_owned(),
            warned: AtomicBool::new(false),
        }
    }
}

impl PhoneBook for Phones {
    fn credential(&self, user: &str) -> Option<Credential> {
        let directory = self.engine.upgrade()?.directory();
        let secret = directory.phone(user)?.phone_secret.as_ref()?;
        if secret.realm != self.realm {
            // Digests hold the realm; the secret itself is not known any more.
            if !self.warned.swap(true, Ordering::Relaxed) {
                tracing::warn!(
                    "a phone's secret was set for another realm; give its phone_secret in the file again"
                );
            }
            return None;
        }
        Some(Credential::Ha1 {
            md5: Some(Private::new(secret.ha1_md5.clone())),
            sha256: Some(Private::new(secret.ha1_sha256.clone())),
        })
    }
}

/// Telephony as the adapter wants it.
pub fn voice_config(settings: &VoiceSettings) -> VoiceConfig {
    let rate = |per_second| Rate {
        per_second,
        burst: per_second,
    };
    let trunk = |(name, address): &(String, String)| Trunk {
        name: name.clone(),
        address: address.clone(),
    };
    VoiceConfig {
        public_ip: settings.public_ip,
        realm: settings.realm.clone(),
        trunks: settings.trunks.iter().map(trunk).collect(),
        rtp_ports: settings.rtp_ports.clone(),
        limits: Limits {
            per_trunk: rate(settings.trunk_calls_per_second),
            total: rate(settings.calls_per_second),
            max_legs: settings.max_legs,
            ..Limits::default()
        },
        ..VoiceConfig::at(settings.bind)
    }
}

/// Web chat as the adapter wants it. Without configured origins the hub's own pages are at the address it listens on.
pub fn chat_config(config: &Config, http: SocketAddr) -> WebChatConfig {
    let mut public_origins = config.http.public_origins.clone();
    if public_origins.is_empty() {
        public_origins.push(format!("http://{http}"));
        if http.ip().is_loopback() || http.ip().is_unspecified() {
            public_origins.push(format!("http://localhost:{}", http.port()));
            public_origins.push(format!("http://127.0.0.1:{}", http.port()));
        }
    }
    WebChatConfig {
        public_origins,
        max_connections: config.chat.max_connections,
        trusted_proxies: config.http.trusted_proxies.clone(),
        ..WebChatConfig::at(config.chat.bind)
    }
}

/// Waits until the list of open work has seen `head`, however long that takes (with a bar on a terminal): recovery asks
/// it. The other read models are waited for a moment only; one that is filled or far behind answers from what it has, and
/// shows how far it is.
pub async fn catch_up(projections: &Projections, head: Position) -> Result<(), StartError> {
    let missing = || head.0.saturating_sub(projections.mark(WORKLIST).0);
    let all = missing();
    let bar = if all >= SHOW_FROM {
        ProgressBar::new(all)
    } else {
        ProgressBar::hidden()
    };
    if let Ok(style) =
        ProgressStyle::with_template("open work {wide_bar} {pos}/{len} events, {eta} left")
    {
        bar.set_style(style);
    }
    if all > 0 {
        tracing::info!(
            events = all,
            "the list of open work catches up with the log"
        );
    }
    let moment = Duration::from_millis(200);
    while !projections.wait_for(WORKLIST, head, moment).await {
        if let Some(why) = projections.error(WORKLIST) {
            return Err(StartError::Behind {
                name: WORKLIST,
                why,
            });
        }
        bar.set_position(all.saturating_sub(missing()));
    }
    bar.finish_and_clear();
    let until = Instant::now() + CURRENT_WITHIN;
    for name in projections.names() {
        let left = until.saturating_duration_since(Instant::now());
        if !projections.wait_for(name, head, left).await {
            tracing::warn!(
                model = name,
                "a read model is behind the log; it answers from what it has"
            );
        }
    }
    Ok(())
}

/// What the file declares, with passwords given in the clear hashed. A password that the log has already stays as it is:
/// a fresh hash of it would be one more event at every start.
pub async fn declaration(
    engine: &Engine,
    setup: &TenantSetup,
    hashing: &Arc<Semaphore>,
) -> Result<TenantDeclaration, StartError> {
    let mut declaration = setup.declaration.clone();
    let tenant = TenantId::named(&declaration.definition.name);
    let directory = engine.directory();
    let mut hashes = JoinSet::new();
    for (place, agent) in declaration.agents.iter().enumerate() {
        let Some(clear) = setup.passwords.get(&agent.definition.name).cloned() else {
            continue;
        };
        let known = directory
            .agent(AgentId::named(tenant, &agent.definition.name))
            .and_then(|a| a.password.clone());
        let permit = hashing
            .clone()
            .acquire_owned()
            .await
            .map_err(|error| StartError::System(error.to_string()))?;
        hashes.spawn_blocking(move || {
            let same = known.is_some_and(|known| password::verify(&clear.0, &known));
            let hash = if same {
                None
            } else {
                Some(password::hash(&clear.0))
            };
            drop(permit);
            (place, hash.transpose())
        });
    }
    while let Some(done) = hashes.join_next().await {
        let (place, hash) = done.map_err(|error| StartError::System(error.to_string()))?;
        declaration.agents[place].password = hash.map_err(StartError::System)?;
    }
    Ok(declaration)
}
