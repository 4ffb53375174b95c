//! Departments are told what becomes of their wishes. Each endpoint is looked after by a task of its own, which follows the
//! log from the mark in the endpoint's history: no read model takes part, so no rebuild sends anything, and with several
//! nodes it is done by the one that decides for the tenant. What was in flight when a process died is sent again, under
//! the same id.

mod outbox;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rapport_domain::event::{Actor, Position};
use rapport_domain::id::{TenantId, WebhookId};
use rapport_domain::port::webhook::WebhookSender;
use rapport_domain::time::Timestamp;
use rapport_domain::webhook::{Answer, Endpoint, Line, Outdated};
use tokio::sync::watch;

use crate::engine::Engine;
use crate::error::{CommandError, Rejected};
use crate::store::Ctx;
use outbox::Outbox;

/// What an endpoint's task does at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sends {
    /// Nothing: another node decides for the tenant, or the hub has not begun.
    Elsewhere,
    /// Everything was sent.
    Idle,
    /// There is something to send.
    Sending,
    /// The endpoint takes nothing; it is tried again then.
    Waiting(Timestamp),
    /// The endpoint wants no more.
    Suspended,
}

/// What a task tells of its endpoint.
#[derive(Clone, Debug)]
struct Report {
    sends: Sends,
    last: Option<(Answer, Timestamp)>,
    error: Option<String>,
}

/// One endpoint, for operators.
#[derive(Clone, Debug)]
pub struct WebhookStatus {
    /// What was declared.
    pub endpoint: Endpoint,
    /// What is done at present, by this node.
    pub sends: Sends,
    /// How far it has come; `None` before it was opened.
    pub line: Option<Arc<Line>>,
    /// The last attempt of this node.
    pub last: Option<(Answer, Timestamp)>,
    /// Why this node cannot go on, while it cannot.
    pub error: Option<String>,
}

/// The endpoints of this node.
pub(crate) struct Webhooks {
    ends: Mutex<BTreeMap<WebhookId, (Endpoint, Report)>>,
    /// Counts what happened to histories of endpoints: whoever waits looks again.
    moved: watch::Sender<u64>,
}

impl Default for Webhooks {
    fn default() -> Self {
        Self {
            ends: Mutex::default(),
            moved: watch::Sender::new(0),
        }
    }
}

impl Webhooks {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<WebhookId, (Endpoint, Report)>> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The history of an endpoint has grown.
    pub fn moved(&self) {
        self.moved.send_modify(|count| *count += 1);
    }

    fn report(&self, id: WebhookId, change: impl FnOnce(&mut Report)) {
        if let Some((_, report)) = self.lock().get_mut(&id) {
            change(report);
        }
    }
}

impl Rejected for Outdated {
    fn into_command_error(self) -> CommandError {
        CommandError::Rejected {
            code: "not_open",
            detail: self.to_string(),
        }
    }
}

impl Engine {
    /// Looks after these endpoints until the end. After [`Engine::open`].
    pub fn attach_webhooks(
        self: &Arc<Self>,
        endpoints: Vec<Endpoint>,
        sender: &Arc<dyn WebhookSender>,
    ) {
        for endpoint in endpoints {
            let report = Report {
                sends: Sends::Elsewhere,
                last: None,
                error: None,
            };
            let id = endpoint.id();
            self.webhooks.lock().insert(id, (endpoint.clone(), report));
            let moved = self.webhooks.moved.subscribe();
            let outbox = Outbox::new(self, endpoint, sender.clone(), moved);
            tokio::spawn(outbox.run());
        }
    }

    /// The endpoints of a tenant, by name.
    pub async fn webhooks(&self, tenant: TenantId) -> Vec<WebhookStatus> {
        let known: Vec<(WebhookId, (Endpoint, Report))> = {
            let ends = self.webhooks.lock();
            let ours = ends
                .iter()
                .filter(|(_, (endpoint, _))| endpoint.tenant == tenant);
            ours.map(|(id, end)| (*id, end.clone())).collect()
        };
        let mut all = Vec::new();
        for (id, (endpoint, report)) in known {
            all.push(WebhookStatus {
                endpoint,
                sends: report.sends,
                line: self.store.known::<Line>(tenant, id.as_uuid()).await,
                last: report.last,
                error: report.error,
            });
        }
        all.sort_by(|a, b| a.endpoint.name.cmp(&b.endpoint.name));
        all
    }

    /// Sends again to an endpoint: what happened after `from`, or what waits. Also when it had said that it wants no more.
    ///
    /// # Errors
    /// [`CommandError::NotFound`] for a name nobody declared; [`CommandError::Invalid`] for a position that lies ahead.
    pub async fn replay_webhook(
        &self,
        tenant: TenantId,
        name: &str,
        from: Option<Position>,
        actor: Actor,
    ) -> Result<Position, CommandError> {
        let id = WebhookId::named(tenant, name);
        if !self.webhooks.lock().contains_key(&id) {
            return Err(CommandError::NotFound("webhook"));
        }
        if from.is_some_and(|from| from > self.log().head()) {
            return Err(CommandError::Invalid {
                field: "from",
                detail: "lies after the end of the log".to_owned(),
            });
        }
        let ctx = Ctx::by(tenant, actor, id.as_uuid());
        let replayed = self
            .store
            .execute::<Line, Outdated>(id.as_uuid(), &ctx, |known, _| Line::replay(known, from))
            .await?;
        self.webhooks.moved();
        Ok(replayed.position)
    }
}
