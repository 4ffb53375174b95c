//! What all requests share.

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rapport_domain::event::Position;
use rapport_domain::port::query::QueryError;
use rapport_engine::{CommandError, Engine, Projections};
use rapport_read_model::ReadModels;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};

use super::attempts::Attempts;
use super::health::Pulse;
use super::hooks::Hooks;
use super::problem::Problem;
use super::session::Sessions;
use super::trunk_hosts::TrunkHosts;
use super::wallboard::Lines;
use crate::metrics::Sources;

/// How long a request waits for a read model to have seen what its caller wrote.
pub const READ_WITHIN: Duration = Duration::from_secs(2);

/// How browsers reach the chat listener.
#[derive(Clone, Debug)]
pub struct ChatFace {
    /// The whole address, when it is configured.
    pub public_url: Option<String>,
    /// Else: this port of the page's host.
    pub port: u16,
}

/// What all requests share.
pub struct App {
    /// Commands and live views.
    pub engine: Arc<Engine>,
    /// Questions about the past.
    pub models: ReadModels,
    /// How far the read models are.
    pub projections: Arc<Projections>,
    /// The runtime that commands run on: a request that is given up does not cut its command in half.
    pub runtime: Handle,
    /// Logins.
    pub sessions: Sessions,
    /// Failed logins.
    pub attempts: Attempts,
    /// Passwords hashed at one time.
    pub hashing: Arc<Semaphore>,
    /// A hash nobody has the password of: what unknown users are checked against.
    pub nobody: String,
    /// See the configuration.
    pub public_origins: Vec<String>,
    /// See the configuration.
    pub trusted_proxies: Vec<IpAddr>,
    /// Whether browsers reach us over TLS.
    pub secure_cookies: bool,
    /// How browsers reach the chat listener.
    pub chat: ChatFace,
    /// Where the trunks are.
    pub trunks: TrunkHosts,
    /// The realm of registering phones, with telephony.
    pub realm: Option<String>,
    /// The wallboard's queue lines.
    pub lines: Lines,
    /// Who may send signed requests.
    pub hooks: Hooks,
    /// Whether the hub was well a moment ago.
    pub pulse: Pulse,
    /// What the metrics page counts.
    pub sources: Sources,
    /// Turns true when the hub stops: live sockets say goodbye.
    pub stopping: watch::Receiver<bool>,
    /// Whether this node serves the interface and the pages.
    pub api: bool,
}

impl App {
    /// Carries out a command of the engine.
    ///
    /// # Errors
    /// What the engine says, as a [`Problem`].
    pub async fn on_engine<T, F, Fut>(&self, command: F) -> Result<T, Problem>
    where
        F: FnOnce(Arc<Engine>) -> Fut,
        Fut: Future<Output = Result<T, CommandError>> + Send + 'static,
        T: Send + 'static,
    {
        let task = self.runtime.spawn(command(self.engine.clone()));
        Ok(task.await.map_err(Problem::internal)??)
    }

    /// Asks a read model, off the runtime, once it has seen `position`.
    ///
    /// # Errors
    /// 503 when it has not in time, or cannot be read.
    pub async fn ask<T, F>(
        &self,
        model: &'static str,
        position: Option<Position>,
        question: F,
    ) -> Result<T, Problem>
    where
        F: FnOnce(&ReadModels) -> Result<T, QueryError> + Send + 'static,
        T: Send + 'static,
    {
        if let Some(position) = position
            && !self.seen(model, position, READ_WITHIN).await
        {
            let at = self.projections.mark(model);
            return Err(Problem::unavailable(
                format!(
                    "The read model {model} is at position {at} and has not seen {position} yet."
                ),
                1,
            ));
        }
        let models = self.models.clone();
        let answer = self.runtime.spawn_blocking(move || question(&models)).await;
        answer.map_err(Problem::internal)?.map_err(|error| {
            tracing::error!(%error, "a read model cannot be read");
            Problem::unavailable("The read models cannot be read.", 5)
        })
    }

    /// Whether a read model has seen a position within this time.
    pub async fn seen(&self, model: &str, position: Position, within: Duration) -> bool {
        self.projections.wait_for(model, position, within).await
    }
}

/// Waits until the engine works with everything up to a position: set-up takes effect when its events are followed.
/// Answers whether it did within the time. For positions appended since the engine started only.
pub async fn settled(engine: &Engine, position: Position, within: Duration) -> bool {
    let look = async {
        while engine.reacted_to() < position {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(within, look).await.is_ok()
}
