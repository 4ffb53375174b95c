//! A hub: log, read models, engine, channels and HTTP, put together and taken apart in the right order.

pub mod offline;
mod parts;

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::web::Data;
use rapport_domain::event::{Actor, Position};
use rapport_domain::node::Role;
use rapport_domain::port::log::EventLog;
use rapport_engine::{Engine, NodeSettings, Parts, Projections};
use rapport_event_log::SealedLog;
use rapport_read_model::{ReadModels, discard_strangers};
use rapport_voice::{VoiceChannel, VoiceHandle};
use rapport_web_chat::{WebChat, WebChatHandle};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use crate::config::{Config, KeysConfig, NodeConfig, VoiceSettings};
use crate::http::app::{App, ChatFace, settled};
use crate::http::session::Sessions;
use crate::http::trunk_hosts::TrunkHosts;
use crate::http::wallboard::Lines;
use crate::log::HubLog;
use crate::metrics::Sources;
use crate::office::Office;
use crate::{http, password};
use parts::{Phones, System, catch_up, chat_config, declaration, voice_config};
use rapport_departments::WebhookClient;
use rapport_domain::port::webhook::WebhookSender;

/// Work that has begun is waited for this long when the hub stops.
const DRAIN_WITHIN: Duration = Duration::from_secs(10);
/// Set-up that was declared has to take effect within this time.
const SETTLE_WITHIN: Duration = Duration::from_secs(30);

/// Why a hub did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be listened on.
    #[error("{key}: cannot listen on {address}: {why}; free the port or set another address")]
    Port {
        /// The key of the configuration.
        key: &'static str,
        /// What it says.
        address: SocketAddr,
        /// What the system said.
        why: io::Error,
    },
    /// The log cannot be opened.
    #[error(transparent)]
    Log(#[from] crate::log::LogError),
    /// The keys of personal data cannot be opened.
    #[error(transparent)]
    KeysOpen(#[from] rapport_event_log::keys::KeysOpenError),
    /// The keys of personal data are not those of the log.
    #[error(transparent)]
    Keys(#[from] rapport_domain::port::keys::KeyError),
    /// The read models cannot be opened.
    #[error(transparent)]
    ReadModels(#[from] rapport_read_model::OpenError),
    /// A read model cannot catch up.
    #[error(
        "read model {name} cannot catch up with the log: {why}; stop the hub and run `rapport projection rebuild {name}`"
    )]
    Behind {
        /// Which.
        name: &'static str,
        /// Why.
        why: String,
    },
    /// The engine cannot start, or does not take the set-up.
    #[error(transparent)]
    Engine(#[from] rapport_engine::EngineError),
    /// Web chat cannot start.
    #[error(transparent)]
    Chat(#[from] rapport_web_chat::StartError),
    /// Telephony cannot start.
    #[error(transparent)]
    Voice(#[from] rapport_voice::StartError),
    /// Something of this machine is missing.
    #[error("{0}")]
    System(String),
}

/// Where a hub listens, with the ports that were found for port 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Addresses {
    /// HTTP interface and pages.
    pub http: SocketAddr,
    /// Web chat; of a node that is no edge, where it would be.
    pub chat: SocketAddr,
    /// SIP, with telephony.
    pub sip: Option<SocketAddr>,
}

/// A running hub. Dropped without [`Hub::stop`] it ends like a process that is killed: nothing acknowledged is lost.
pub struct Hub {
    addresses: Addresses,
    engine: Arc<Engine>,
    log: Arc<HubLog>,
    chat: Option<WebChatHandle>,
    voice: Arc<Mutex<Option<VoiceHandle>>>,
    projections: Arc<Projections>,
    _office: Option<Office>,
    server: ServerHandle,
    serving: JoinHandle<io::Result<()>>,
    stopping: watch::Sender<bool>,
}

impl Hub {
    /// Starts a hub: when it answers, every address is listened on and the declared set-up is in effect. Must be called
    /// on a multi-thread tokio runtime.
    ///
    /// # Errors
    /// [`StartError`]. Ports are looked at before the data folder is touched.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let listener = listen("http.bind", config.http.bind)?;
        let http_address = listener
            .local_addr()
            .map_err(taken("http.bind", config.http.bind))?;
        drop(listen("chat.bind", config.chat.bind)?);
        if let Some(voice) = &config.voice {
            UdpSocket::bind(voice.bind).map_err(taken("voice.bind", voice.bind))?;
        }
        let data = config.data.clone();
        let data_folder = data.clone();
        let log = Arc::new(HubLog::open(&config.log, &data).await?);
        let sealed = Arc::new(sealed(&log, &config.keys, &data).await?);
        let shared: Arc<dyn EventLog> = sealed.clone();
        let (models, projections) = read_models(&*log, &shared, data).await?;

        let engine = Engine::start(Parts {
            log: shared.clone(),
            surroundings: Arc::new(System),
            worklist: Arc::new(models.clone()),
            checkpoints: Arc::new(models.clone()),
            keys: sealed,
            node: config.node.as_ref().map(node_settings),
        })
        .await?;
        // Half of the machine: logins of strangers must not take the processors from calls.
        let hashing = Arc::new(Semaphore::new(
            (std::thread::available_parallelism().map_or(2, usize::from) / 2).max(1),
        ));
        declare(&engine, &config, &hashing).await?;

        let (voice, sip) = match &config.voice {
            Some(settings) if config.has(Role::Edge) => {
                let handle = start_voice(&engine, settings).await?;
                let address = handle.local_addr();
                let advertised = config.node.as_ref().and_then(|node| node.sip_advertise);
                engine.reached_at(advertised.unwrap_or(address));
                (Some(handle), Some(address))
            }
            _ => (None, None),
        };
        // Agents' phones can be rung from here on, so contacts may be routed.
        engine.open().await?;
        attach_webhooks(&engine, &config)?;
        let voice = Arc::new(Mutex::new(voice));
        let chat = if config.has(Role::Edge) {
            Some(WebChat::start(chat_config(&config, http_address), engine.clone()).await?)
        } else {
            None
        };
        let addresses = Addresses {
            http: http_address,
            chat: chat
                .as_ref()
                .map_or(config.chat.bind, WebChatHandle::local_addr),
            sip,
        };

        let (stopping, stopped) = watch::channel(false);
        let trunks: Vec<String> = config
            .voice
            .iter()
            .flat_map(|voice| voice.trunks.iter().map(|(_, address)| address.clone()))
            .collect();
        let trunks = off(move || TrunkHosts::of(&trunks)).await?;
        let nobody = off(|| password::hash("nobody has this password"))
            .await?
            .map_err(StartError::System)?;
        let serves_api = config.has(Role::Api);
        let app = Data::new(App {
            engine: engine.clone(),
            models,
            projections: projections.clone(),
            runtime: Handle::current(),
            sessions: Sessions::new(config.http.session),
            attempts: http::attempts::Attempts::default(),
            hashing,
            nobody,
            secure_cookies: config
                .http
                .public_origins
                .iter()
                .any(|origin| origin.starts_with("https://")),
            public_origins: config.http.public_origins,
            trusted_proxies: config.http.trusted_proxies,
            chat: ChatFace {
                public_url: config.chat.public_url,
                port: addresses.chat.port(),
            },
            trunks,
            realm: config.voice.map(|voice| voice.realm),
            lines: Lines::default(),
            hooks: http::hooks::Hooks::of(&config.tenants),
            pulse: http::health::Pulse::default(),
            sources: Sources {
                chat: chat
                    .as_ref()
                    .map(WebChatHandle::counters)
                    .unwrap_or_default(),
                voice: voice.clone(),
            },
            stopping: stopped,
            api: serves_api,
        });
        let workers = std::thread::available_parallelism()
            .map_or(2, usize::from)
            .clamp(2, 8);
        let server =
            http::server(app, listener, workers).map_err(taken("http.bind", http_address))?;
        let handle = server.handle();
        let serving = tokio::spawn(server);
        let office = Office::open(&data_folder, engine.clone(), projections.clone());
        Ok(Self {
            addresses,
            engine,
            log,
            chat,
            voice,
            projections,
            _office: office,
            server: handle,
            serving,
            stopping,
        })
    }

    /// Where it listens.
    #[must_use]
    pub const fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// The engine, for whoever drives a hub in its own process.
    #[must_use]
    pub const fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Stops: channels say goodbye, what has begun is finished (at most ten seconds), the log is closed. What was
    /// acknowledged is on disk whatever happens here.
    pub async fn stop(self) {
        self.stopping.send_replace(true);
        self.server.stop(true).await;
        let _ended_either_way = self.serving.await;
        if let Some(chat) = self.chat {
            chat.shutdown().await;
        }
        self.engine.stop_calls().await;
        let voice = self
            .voice
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(voice) = voice {
            voice.shutdown().await;
        }
        if tokio::time::timeout(DRAIN_WITHIN, self.engine.drain())
            .await
            .is_err()
        {
            tracing::warn!("reactions are still running; they go on at the next start");
        }
        // Waits for the pages in hand.
        let projections = self.projections.clone();
        let _stopped = off(move || projections.stop()).await;
        self.log.close().await;
    }
}

/// Seals a log with the keys that belong to it. They are looked at first: where they are missing none are made, so that they
/// can be put there.
async fn sealed(
    log: &Arc<HubLog>,
    keys: &KeysConfig,
    data: &Path,
) -> Result<SealedLog, StartError> {
    let (config, folder) = (keys.clone(), data.to_owned());
    let looking = off(move || config.open_read_only(&folder)).await??;
    let looking = SealedLog::new(log.clone(), looking);
    looking.check_keys().await?;
    let (config, folder) = (keys.clone(), data.to_owned());
    let keys = off(move || config.open(&folder)).await??;
    Ok(SealedLog::new(log.clone(), keys))
}

fn node_settings(node: &NodeConfig) -> NodeSettings {
    NodeSettings {
        name: node.name.clone(),
        roles: node.roles.clone(),
        lease: node.lease,
    }
}

fn unreadable(error: rapport_domain::port::log::ReadError) -> StartError {
    StartError::System(error.to_string())
}

/// Opens the read models of a data folder, without those that another log left there, and has them follow this one.
async fn read_models(
    log: &dyn EventLog,
    shared: &Arc<dyn EventLog>,
    data: PathBuf,
) -> Result<(ReadModels, Arc<Projections>), StartError> {
    let first = log.read_all(Position::START, 1).await.map_err(unreadable)?;
    let first = first.first().map(|event| (event.position, event.event.id));
    let head = log.head();
    let opened = off(move || {
        let strangers = discard_strangers(&data, first, head)?;
        if !strangers.is_empty() {
            tracing::warn!(
                files = strangers.join(", "),
                "read models of another log, or of one that went further, were thrown away; they are built anew"
            );
        }
        Ok::<_, StartError>(ReadModels::open(&data)?)
    });
    let (models, projections) = opened.await??;
    let projections = Arc::new(Projections::start(
        shared.clone(),
        Arc::new(models.clone()),
        projections,
        Handle::current(),
    ));
    catch_up(&projections, log.head()).await?;
    Ok((models, projections))
}

fn taken(key: &'static str, address: SocketAddr) -> impl FnOnce(io::Error) -> StartError {
    move |why| StartError::Port { key, address, why }
}

fn listen(key: &'static str, address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).map_err(taken(key, address))
}

/// Runs what blocks off the runtime.
async fn off<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StartError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| StartError::System(error.to_string()))
}

async fn declare(
    engine: &Arc<Engine>,
    config: &Config,
    hashing: &Arc<Semaphore>,
) -> Result<(), StartError> {
    let mut appended = 0;
    for setup in &config.tenants {
        let declaration = declaration(engine, setup, hashing).await?;
        appended += engine.declare(declaration, Actor::Operator).await?;
    }
    if appended == 0 {
        return Ok(());
    }
    tracing::info!(events = appended, "set-up declared");
    let head = engine.log().head();
    if settled(engine, head, SETTLE_WITHIN).await {
        Ok(())
    } else {
        Err(StartError::System(
            "the engine did not follow the log to its end; look at the log lines above".to_owned(),
        ))
    }
}

/// Begins to tell departments what becomes of their wishes.
fn attach_webhooks(engine: &Arc<Engine>, config: &Config) -> Result<(), StartError> {
    let all = || {
        let doors = config.tenants.iter().map(|setup| &setup.doors);
        doors.flat_map(|doors| &doors.webhooks)
    };
    if all().next().is_none() {
        return Ok(());
    }
    let targets = all().map(|known| (known.endpoint.id(), known.target.clone()));
    let client = WebhookClient::new(targets.collect())
        .map_err(|error| StartError::System(format!("webhooks cannot be sent: {error}")))?;
    let sender: Arc<dyn WebhookSender> = Arc::new(client);
    engine.attach_webhooks(all().map(|known| known.endpoint.clone()).collect(), &sender);
    Ok(())
}

async fn start_voice(
    engine: &Arc<Engine>,
    settings: &VoiceSettings,
) -> Result<VoiceHandle, StartError> {
    let (config, phones) = (
        voice_config(settings),
        Arc::new(Phones::new(engine, &settings.realm)),
    );
    // Looks up hosts, which may take a while.
    let (voice, events, handle) = off(move || VoiceChannel::start(config, phones)).await??;
    engine.attach_voice(voice, events);
    Ok(handle)
}
