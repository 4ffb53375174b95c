//! A hub without channels, on a folder that no other one has: for commands that change the log.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rapport_domain::customer::ErasureGround;
use rapport_domain::event::{Actor, Position};
use rapport_domain::id::{CustomerId, TenantId};
use rapport_domain::port::keys::Keys;
use rapport_domain::port::log::EventLog;
use rapport_engine::{CommandError, Engine, Erasure, Parts, ProjectionRunner};
use rapport_event_log::{EmbeddedLog, SealedLog};
use tokio::runtime::Handle;

use super::parts::{System, catch_up};
use super::{StartError, off, open_models};

/// Read models follow what was appended within this time.
const FOLLOW_WITHIN: Duration = Duration::from_secs(60);

/// What a hub is, without its channels. It does what every start does first: calls that a crash cut are closed.
pub struct Offline {
    log: Arc<EmbeddedLog>,
    engine: Arc<Engine>,
    runners: Vec<ProjectionRunner>,
}

impl Offline {
    /// Brings the read models up to date and starts the engine. Nobody can reach it.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(
        log: EmbeddedLog,
        keys: Arc<dyn Keys>,
        data: &Path,
    ) -> Result<Self, StartError> {
        let log = Arc::new(log);
        let sealed = Arc::new(SealedLog::new(log.clone(), keys));
        sealed.check_keys().await?;
        let shared: Arc<dyn EventLog> = sealed.clone();
        let (models, projections) = open_models(&log, data.to_owned()).await?;
        let runners: Vec<_> = projections
            .into_iter()
            .map(|model| ProjectionRunner::start(shared.clone(), model, Handle::current()))
            .collect();
        catch_up(&runners, log.head()).await?;
        let engine = Engine::start(Parts {
            log: shared,
            surroundings: Arc::new(System),
            worklist: Arc::new(models.clone()),
            checkpoints: Arc::new(models),
            keys: sealed,
            node: None,
        })
        .await?;
        Ok(Self {
            log,
            engine,
            runners,
        })
    }

    /// Forgets a customer for good.
    ///
    /// # Errors
    /// As [`Engine::erase_customer`].
    pub async fn erase(
        &self,
        tenant: TenantId,
        customer: CustomerId,
        ground: ErasureGround,
    ) -> Result<Erasure, CommandError> {
        self.engine
            .erase_customer(tenant, customer, ground, Actor::Operator)
            .await
    }

    /// Waits for the read models; false when one does not come that far.
    pub async fn models_have_seen(&self, position: Position) -> bool {
        for runner in &self.runners {
            if !runner.wait_for(position, FOLLOW_WITHIN).await {
                return false;
            }
        }
        true
    }

    /// Ends it.
    pub async fn stop(self) {
        self.engine.drain().await;
        let runners = self.runners;
        let _stopped = off(move || runners.into_iter().for_each(ProjectionRunner::stop)).await;
        self.log.close().await;
    }
}
