//! Where a log is, and a log that is open.

use std::path::PathBuf;
use std::sync::Arc;

use rapport_domain::port::keys::Keys;
use rapport_domain::port::log::EventLog;
use rapport_event_log::EmbeddedLog;
use rapport_event_log::transfer::{Positions, Target};

use super::Failure;
use crate::config::KeysConfig;

/// Where a log is.
#[derive(Clone, Debug)]
pub enum Place {
    /// In a data folder.
    Folder(PathBuf),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Folder(folder) => folder.display().fmt(f),
        }
    }
}

/// Reads what `--from` and `--to` of a copy say.
pub fn parse(text: &str) -> Result<Place, String> {
    Ok(Place::Folder(PathBuf::from(text)))
}

/// A log that is open.
pub enum Opened {
    /// Of a data folder.
    Embedded(EmbeddedLog),
}

impl Place {
    /// The keys of personal data in this log.
    pub fn keys(&self, config: &KeysConfig) -> Result<Arc<dyn Keys>, Failure> {
        match self {
            Self::Folder(folder) => config.open(folder).map_err(Failure::new),
        }
    }

    /// Opens the log beside whoever writes to it.
    pub async fn open_to_read(&self) -> Result<Opened, Failure> {
        match self {
            Self::Folder(folder) => EmbeddedLog::open_read_only(folder)
                .map(Opened::Embedded)
                .map_err(Failure::new),
        }
    }

    /// Opens the log to be filled; makes one in a folder that has none.
    pub async fn open_to_fill(&self) -> Result<Opened, Failure> {
        match self {
            Self::Folder(folder) => EmbeddedLog::open(folder)
                .map(Opened::Embedded)
                .map_err(Failure::new),
        }
    }
}

impl Opened {
    /// To read from.
    pub fn log(&self) -> &dyn EventLog {
        match self {
            Self::Embedded(log) => log,
        }
    }

    /// To be shared.
    pub fn into_log(self) -> Arc<dyn EventLog> {
        match self {
            Self::Embedded(log) => Arc::new(log),
        }
    }

    /// To fill.
    pub fn target(&self) -> Target<'_> {
        match self {
            Self::Embedded(log) => Target::Embedded(log),
        }
    }

    /// How it gives out positions.
    pub fn positions(&self) -> Positions {
        match self {
            Self::Embedded(_) => Positions::Dense,
        }
    }

    /// Stores what is queued and gives the log free.
    pub async fn close(self) {
        match self {
            Self::Embedded(log) => log.close().await,
        }
    }
}
