//! A hub without channels, on a folder that no other one has: for commands that change the log.

use std::path::Path;
use std::sync::Arc;

use rapport_domain::customer::ErasureGround;
use rapport_domain::event::Actor;
use rapport_domain::id::{CustomerId, TenantId};
use rapport_domain::port::log::EventLog;
use rapport_engine::{CommandError, Engine, Parts, Projections};

use super::parts::System;
use super::{StartError, node_settings, off, read_models, sealed};
use crate::config::{KeysConfig, NodeConfig};
use crate::erasing::{self, Erased};
use crate::log::HubLog;

/// What a hub is, without its channels. It does what every start does first: calls that a crash cut are closed.
pub struct Offline {
    log: Arc<HubLog>,
    engine: Arc<Engine>,
    projections: Arc<Projections>,
}

impl Offline {
    /// Brings the read models up to date and starts the engine. Nobody can reach it. Among several nodes it is the node of
    /// this folder, but it does not come forward: it owns nothing and decides nothing that follows from others' events.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(
        log: HubLog,
        keys: &KeysConfig,
        data: &Path,
        node: Option<&NodeConfig>,
    ) -> Result<Self, StartError> {
        let log = Arc::new(log);
        let sealed = Arc::new(sealed(&log, keys, data).await?);
        let shared: Arc<dyn EventLog> = sealed.clone();
        let (models, projections) = read_models(&*log, &shared, data.to_owned()).await?;
        let engine = Engine::start(Parts {
            log: shared,
            surroundings: Arc::new(System),
            worklist: Arc::new(models.clone()),
            checkpoints: Arc::new(models),
            keys: sealed,
            node: node.map(node_settings),
        })
        .await?;
        Ok(Self {
            log,
            engine,
            projections,
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
    ) -> Result<Erased, CommandError> {
        let (engine, projections) = (&self.engine, &self.projections);
        erasing::erase(
            engine,
            projections,
            tenant,
            customer,
            ground,
            Actor::Operator,
        )
        .await
    }

    /// Ends it.
    pub async fn stop(self) {
        self.engine.drain().await;
        let projections = self.projections;
        let _stopped = off(move || projections.stop()).await;
        self.log.close().await;
    }
}
