//! Where a log is, and a log that is open.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rapport_domain::port::keys::Keys;
use rapport_domain::port::log::EventLog;
use rapport_event_log::transfer::{Positions, Target};
use rapport_event_log::{ClusterConfig, ClusterLog, Credentials, EmbeddedLog};

use super::Failure;
use crate::config::{KeysConfig, KeysPlace};

/// Where a log is.
#[derive(Clone, Debug)]
pub enum Place {
    /// In a data folder.
    Folder(PathBuf),
    /// In a cluster.
    Cluster(Box<ClusterConfig>),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Folder(folder) => folder.display().fmt(f),
            Self::Cluster(config) => f.write_str(&config.connection_string),
        }
    }
}

/// Reads what `--from` and `--to` of a copy say: a data folder, or the address of a cluster. Who we are there is in the
/// environment (`RAPPORT_LOG_USER`, `RAPPORT_LOG_PASSWORD`, `RAPPORT_LOG_CA_FILE`): command lines are seen by others.
pub fn parse(text: &str) -> Result<Place, String> {
    let Some((_, rest)) = text.split_once("://") else {
        return Ok(Place::Folder(PathBuf::from(text)));
    };
    if rest
        .split('?')
        .next()
        .is_some_and(|hosts| hosts.contains('@'))
    {
        return Err(
            "the address holds a user or a password; set RAPPORT_LOG_USER and RAPPORT_LOG_PASSWORD"
                .to_owned(),
        );
    }
    let config = ClusterConfig {
        credentials: env::var("RAPPORT_LOG_USER").ok().map(|user| Credentials {
            user,
            password: env::var("RAPPORT_LOG_PASSWORD").unwrap_or_default(),
        }),
        ca_file: env::var_os("RAPPORT_LOG_CA_FILE").map(Into::into),
        ..ClusterConfig::new(text)
    };
    config.check().map_err(|error| error.to_string())?;
    Ok(Place::Cluster(Box::new(config)))
}

/// A log that is open.
pub enum Opened {
    /// Of a data folder.
    Embedded(EmbeddedLog),
    /// Of a cluster.
    Cluster(Box<ClusterLog>),
}

async fn connect(config: &ClusterConfig) -> Result<Opened, Failure> {
    let log = ClusterLog::connect(config.clone()).await;
    log.map(|log| Opened::Cluster(Box::new(log)))
        .map_err(Failure::new)
}

impl Place {
    /// The keys of personal data in this log. Those of a cluster are in a folder that its nodes share.
    pub fn keys(&self, config: &KeysConfig) -> Result<Arc<dyn Keys>, Failure> {
        config.open(self.with_keys(config)?).map_err(Failure::new)
    }

    /// The same to look at: nothing is made or changed.
    pub fn keys_to_read(&self, config: &KeysConfig) -> Result<Arc<dyn Keys>, Failure> {
        config
            .open_read_only(self.with_keys(config)?)
            .map_err(Failure::new)
    }

    fn with_keys<'a>(&'a self, config: &'a KeysConfig) -> Result<&'a Path, Failure> {
        match (self, &config.place) {
            (Self::Folder(folder), _) => Ok(folder),
            (Self::Cluster(_), KeysPlace::Shared(shared)) => Ok(shared),
            (Self::Cluster(_), KeysPlace::Local) => Err(Failure::config(
                "keys: those of a cluster are in a folder that its nodes share; name it with --config in the file's `keys`",
            )),
        }
    }

    /// Opens the log beside whoever writes to it.
    pub async fn open_to_read(&self) -> Result<Opened, Failure> {
        match self {
            Self::Folder(folder) => EmbeddedLog::open_read_only(folder)
                .map(Opened::Embedded)
                .map_err(Failure::new),
            Self::Cluster(config) => connect(config).await,
        }
    }

    /// Opens the log to be filled; makes one in a folder that has none.
    pub async fn open_to_fill(&self) -> Result<Opened, Failure> {
        match self {
            Self::Folder(folder) => EmbeddedLog::open(folder)
                .map(Opened::Embedded)
                .map_err(Failure::new),
            Self::Cluster(config) => connect(config).await,
        }
    }
}

impl Opened {
    /// To read from.
    pub fn log(&self) -> &dyn EventLog {
        match self {
            Self::Embedded(log) => log,
            Self::Cluster(log) => &**log,
        }
    }

    /// The log alone, to be wrapped.
    pub fn into_log(self) -> Arc<dyn EventLog> {
        match self {
            Self::Embedded(log) => Arc::new(log),
            Self::Cluster(log) => Arc::from(log as Box<dyn EventLog>),
        }
    }

    /// To fill.
    pub fn target(&self) -> Target<'_> {
        match self {
            Self::Embedded(log) => Target::Embedded(log),
            Self::Cluster(log) => Target::Any(&**log),
        }
    }

    /// How it gives out positions.
    pub fn positions(&self) -> Positions {
        match self {
            Self::Embedded(_) => Positions::Dense,
            Self::Cluster(_) => Positions::Opaque,
        }
    }

    /// Stores what is queued and gives the log free.
    pub async fn close(self) {
        match self {
            Self::Embedded(log) => log.close().await,
            Self::Cluster(log) => log.close().await,
        }
    }
}
