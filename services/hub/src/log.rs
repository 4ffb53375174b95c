//! The event log of this hub, wherever it is kept.

use std::path::Path;

use rapport_domain::event::{Position, Recorded, Revision, Stream};
use rapport_domain::port::BoxFuture;
use rapport_domain::port::log::{AppendError, Appended, Batch, EventLog, ReadError};
use rapport_event_log::{
    ClusterHealth, ClusterLog, ConnectError, EmbeddedLog, FolderLock, OpenError,
};

use crate::config::LogConfig;

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The data folder cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The cluster cannot be used.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// This machine lacks something.
    #[error("{0}")]
    System(String),
}

/// The log: in the data folder, or in a cluster.
pub enum HubLog {
    /// In the data folder.
    Embedded(EmbeddedLog),
    /// In a cluster. The data folder, where the read models are, still belongs to one process.
    Cluster(Box<ClusterLog>, Option<FolderLock>),
}

impl HubLog {
    /// Opens the log for a hub, or for whoever needs that no hub runs on this data folder.
    ///
    /// # Errors
    /// [`LogError`].
    pub async fn open(config: &LogConfig, data: &Path) -> Result<Self, LogError> {
        let folder = data.to_owned();
        match config {
            LogConfig::Embedded => Ok(Self::Embedded(
                off(move || EmbeddedLog::open(&folder)).await??,
            )),
            LogConfig::Cluster(cluster) => {
                let lock = off(move || FolderLock::claim(&folder)).await??;
                let log = ClusterLog::connect(cluster.clone()).await?;
                Ok(Self::Cluster(Box::new(log), Some(lock)))
            }
        }
    }

    /// Opens the log for reading, also while a hub runs on this data folder.
    ///
    /// # Errors
    /// [`LogError`].
    pub async fn open_read_only(config: &LogConfig, data: &Path) -> Result<Self, LogError> {
        let folder = data.to_owned();
        match config {
            LogConfig::Embedded => Ok(Self::Embedded(
                off(move || EmbeddedLog::open_read_only(&folder)).await??,
            )),
            LogConfig::Cluster(cluster) => {
                let log = ClusterLog::connect(cluster.clone()).await?;
                Ok(Self::Cluster(Box::new(log), None))
            }
        }
    }

    /// Takes no more appends and finishes those under way; reads go on.
    pub async fn close(&self) {
        match self {
            Self::Embedded(log) => log.close().await,
            Self::Cluster(log, _) => log.close().await,
        }
    }

    /// How the connection to the cluster is; none without a cluster.
    #[must_use]
    pub fn cluster(&self) -> Option<ClusterHealth> {
        match self {
            Self::Embedded(_) => None,
            Self::Cluster(log, _) => Some(log.health()),
        }
    }

    fn inner(&self) -> &dyn EventLog {
        match self {
            Self::Embedded(log) => log,
            Self::Cluster(log, _) => &**log,
        }
    }
}

impl EventLog for HubLog {
    fn append(&self, batch: Batch) -> BoxFuture<'_, Result<Appended, AppendError>> {
        self.inner().append(batch)
    }

    fn read_stream(
        &self,
        stream: Stream,
        from: Revision,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Recorded>, ReadError>> {
        self.inner().read_stream(stream, from, limit)
    }

    fn read_all(
        &self,
        after: Position,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Recorded>, ReadError>> {
        self.inner().read_all(after, limit)
    }

    fn head(&self) -> Position {
        self.inner().head()
    }

    fn wait_past(&self, position: Position) -> BoxFuture<'_, Position> {
        self.inner().wait_past(position)
    }

    fn counts_positions(&self) -> bool {
        self.inner().counts_positions()
    }
}

async fn off<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, LogError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| LogError::System(error.to_string()))
}
