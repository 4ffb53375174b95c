//! The wallboard: waiting lines and agents, as a page and as a live socket.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::{HttpRequest, HttpResponse, web};
use rapport_domain::event::Position;
use rapport_domain::id::{AgentId, QueueId, TenantId};
use rapport_domain::setup::{ApiKey, ApiRole};
use rapport_engine::{AgentLine, Change, ChangeKind};
use rapport_read_model::STATISTICS;
use rapport_read_model::view::QueueStatistics;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::app::{App, READ_WITHIN};
use super::auth::{Caller, Reader, leash, token};
use super::live::{Ending, Show, serve};
use super::problem::Problem;
use super::request::query;

/// A tenant's figures are read at most this often, however many watch.
const FRESH: Duration = Duration::from_millis(200);
/// Lines are shown anew so often even when nothing changes: at midnight the day's figures begin anew.
const ANEW: Duration = Duration::from_secs(60);

/// One waiting line, as docs/API.md shows it.
#[derive(Clone, Debug, Serialize)]
pub struct QueueLine {
    id: QueueId,
    name: String,
    display_name: String,
    outbound: bool,
    waiting: usize,
    longest_since: Option<i64>,
    offered: u64,
    answered: u64,
    answered_in_target: u64,
    abandoned: u64,
    service_level: Option<f64>,
    service_level_target: u8,
    target_seconds: u32,
    asa_seconds: Option<f64>,
}

type Statistics = Arc<HashMap<QueueId, QueueStatistics>>;

/// The figures of the last fifth of a second, by tenant.
#[derive(Default)]
pub struct Lines {
    read: Mutex<HashMap<TenantId, (Instant, i32, Statistics)>>,
}

impl Lines {
    fn fresh(&self, tenant: TenantId, day: i32) -> Option<Statistics> {
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, of, statistics) = read.get(&tenant)?;
        (at.elapsed() < FRESH && *of == day).then(|| statistics.clone())
    }

    fn keep(&self, tenant: TenantId, day: i32, statistics: Statistics) {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.insert(tenant, (Instant::now(), day, statistics));
    }
}

/// Today's figures of a tenant. `wanted` is the change they should include; when the read model is behind it for long,
/// the figures are what it has.
async fn statistics(
    app: &App,
    tenant: TenantId,
    wanted: Option<Position>,
) -> Result<Statistics, Problem> {
    let zone = app
        .engine
        .directory()
        .tenant(tenant)
        .map(|entry| entry.tenant.definition.zone);
    let zone = zone.ok_or_else(|| Problem::not_found("tenant"))?;
    let day = zone.local(app.engine.now()).day;
    if let Some(position) = wanted {
        // Late figures are better than none: the next change brings better ones.
        app.seen(STATISTICS, position, Duration::from_millis(500))
            .await;
    } else if let Some(known) = app.lines.fresh(tenant, day) {
        return Ok(known);
    }
    let read = app
        .ask(STATISTICS, None, move |models| {
            models.queue_statistics(tenant, day)
        })
        .await?;
    let read: Statistics = Arc::new(read.into_iter().map(|line| (line.queue, line)).collect());
    app.lines.keep(tenant, day, read.clone());
    Ok(read)
}

fn line(app: &App, tenant: TenantId, id: QueueId, statistics: &Statistics) -> Option<QueueLine> {
    let directory = app.engine.directory();
    let queue = &directory
        .queue(id)
        .filter(|queue| queue.tenant == tenant && !queue.retired)?
        .definition;
    let now = app.engine.queue_now(tenant, id);
    let figures = statistics
        .get(&id)
        .map(|line| line.figures)
        .unwrap_or_default();
    let tenth = |value: f64| (value * 10.0).round() / 10.0;
    Some(QueueLine {
        id,
        name: queue.name.clone(),
        display_name: queue.display_name.clone(),
        outbound: queue.outbound,
        waiting: now.waiting,
        longest_since: now.longest_since.map(|at| at.as_millis()),
        offered: figures.offered,
        answered: figures.answered,
        answered_in_target: figures.answered_in_target,
        abandoned: figures.abandoned,
        service_level: figures.service_level().map(tenth),
        service_level_target: queue.service_level_percent,
        target_seconds: queue.target_seconds,
        asa_seconds: figures.asa_seconds().map(tenth),
    })
}

async fn agent_lines(app: &App, tenant: TenantId) -> Result<Vec<AgentLine>, Problem> {
    let agents: Vec<AgentId> = app
        .engine
        .directory()
        .agents_of(tenant)
        .map(|(id, _)| id)
        .collect();
    let lines = app.on_engine(move |engine| async move {
        let mut lines = Vec::with_capacity(agents.len());
        for agent in agents {
            match engine.agent_line(tenant, agent).await {
                Ok(line) => lines.push(line),
                // Retired between the two looks.
                Err(rapport_engine::CommandError::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(lines)
    });
    let mut lines = lines.await?;
    lines.sort_by(|a, b| a.display_name.cmp(&b.display_name));
    Ok(lines)
}

async fn whole(app: &App, tenant: TenantId, wanted: Option<Position>) -> Result<Value, Problem> {
    let position = app.engine.reacted_to();
    let statistics = statistics(app, tenant, wanted).await?;
    let directory = app.engine.directory();
    let entry = directory
        .tenant(tenant)
        .ok_or_else(|| Problem::not_found("tenant"))?;
    let queues = directory
        .queues_of(tenant)
        .filter_map(|(id, _)| line(app, tenant, id, &statistics));
    let mut queues: Vec<QueueLine> = queues.collect();
    queues.sort_by(|a, b| (a.outbound, &a.name).cmp(&(b.outbound, &b.name)));
    let definition = &entry.tenant.definition;
    Ok(json!({
        "t": "snapshot", "position": position, "at": app.engine.now().as_millis(),
        "tenant": { "name": definition.name, "display_name": definition.display_name },
        "queues": queues, "agents": agent_lines(app, tenant).await?,
    }))
}

#[derive(Deserialize)]
struct Wanted {
    #[serde(default)]
    min_position: Option<Position>,
}

/// `GET /wallboard`.
pub async fn wallboard(
    app: web::Data<App>,
    who: Reader,
    req: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let Wanted { min_position } = query(&req)?;
    if let Some(position) = min_position
        && !app.seen(STATISTICS, position, READ_WITHIN).await
    {
        return Err(Problem::unavailable(
            "The figures have not come that far yet.",
            1,
        ));
    }
    Ok(HttpResponse::Ok().json(whole(&app, who.0.tenant(), min_position).await?))
}

struct Board {
    caller: Caller,
    token: Option<String>,
    /// Queues and agents that changed since they were shown, with the position of the last change.
    queues: BTreeMap<QueueId, Position>,
    agents: BTreeMap<AgentId, Position>,
    /// The last change seen: what a frame that follows from no change is dated by.
    last: Position,
    /// When lines are shown next: soon after a change, else when they are due anew.
    due: tokio::time::Instant,
}

/// Whether a declared key is the one that was let in: another one under the same name is not, nor is the same one with
/// another role.
fn is_still(key: &ApiKey, digest: &str, role: ApiRole) -> bool {
    key.sha256 == digest && key.role == role
}

impl Show for Board {
    fn allowed(&self, app: &App) -> bool {
        match (&self.caller, &self.token) {
            (Caller::Agent { agent, .. }, Some(token)) => app
                .sessions
                .peek(token, Instant::now())
                .is_some_and(|who| who.agent == *agent),
            (
                Caller::Key {
                    tenant,
                    name,
                    role,
                    digest,
                },
                _,
            ) => {
                let directory = app.engine.directory();
                let known = directory
                    .tenant(*tenant)
                    .and_then(|entry| entry.tenant.api_keys.get(name));
                known.is_some_and(|key| is_still(key, digest, *role))
            }
            (Caller::Agent { .. }, None) => false,
        }
    }

    async fn snapshot(&mut self, app: &App) -> Result<Value, Ending> {
        self.queues.clear();
        self.agents.clear();
        (self.last, self.due) = (app.engine.reacted_to(), tokio::time::Instant::now() + ANEW);
        whole(app, self.caller.tenant(), None)
            .await
            .map_err(|_| Ending::Failed)
    }

    async fn change(&mut self, _: &App, change: &Change) -> Result<Option<Value>, Ending> {
        self.last = self.last.max(change.position);
        if change.tenant == self.caller.tenant() {
            if !matches!(change.what, ChangeKind::Desk { .. }) {
                self.due = self.due.min(tokio::time::Instant::now() + FRESH);
            }
            match &change.what {
                ChangeKind::Queue(queue) => drop(self.queues.insert(*queue, change.position)),
                ChangeKind::Agent(agent) => drop(self.agents.insert(*agent, change.position)),
                ChangeKind::Desk { .. } => {}
            }
        }
        Ok(None)
    }

    fn due(&self) -> Option<tokio::time::Instant> {
        Some(self.due)
    }

    async fn later(&mut self, app: &App) -> Result<Vec<(Position, Value)>, Ending> {
        let tenant = self.caller.tenant();
        self.due = tokio::time::Instant::now() + ANEW;
        if self.queues.is_empty() && self.agents.is_empty() {
            for (queue, _) in app.engine.directory().queues_of(tenant) {
                self.queues.entry(queue).or_insert(self.last);
            }
        }
        let mut frames = Vec::new();
        let (queues, agents) = (
            std::mem::take(&mut self.queues),
            std::mem::take(&mut self.agents),
        );
        if let Some(newest) = queues.values().max() {
            let statistics = statistics(app, tenant, Some(*newest))
                .await
                .map_err(|_| Ending::Failed)?;
            let lines = queues
                .into_iter()
                .filter_map(|(id, at)| Some((at, line(app, tenant, id, &statistics)?)));
            frames.extend(lines.map(|(at, line)| (at, json!({ "t": "queue", "queue": line }))));
        }
        for (agent, at) in agents {
            let line = app
                .on_engine(move |engine| async move { engine.agent_line(tenant, agent).await })
                .await;
            if let Ok(line) = line {
                frames.push((at, json!({ "t": "agent", "agent": line })));
            }
        }
        // A client resumes at the last position it saw: none may be ahead of a frame that is still to come.
        frames.sort_by_key(|(at, _)| *at);
        Ok(frames)
    }
}

/// `GET /wallboard/live`.
pub async fn live(
    app: web::Data<App>,
    who: Reader,
    req: HttpRequest,
    body: web::Payload,
) -> Result<HttpResponse, Problem> {
    let token = token(&req).map(str::to_owned);
    let leash = match who.0 {
        Caller::Agent { .. } => Some(leash(&app, &req)?),
        Caller::Key { .. } => None,
    };
    let (response, session, frames) = actix_ws::handle(&req, body)
        .map_err(|_| Problem::malformed("This is a WebSocket: send an upgrade."))?;
    let board = Board {
        caller: who.0,
        token,
        queues: BTreeMap::new(),
        agents: BTreeMap::new(),
        last: Position::START,
        due: tokio::time::Instant::now() + ANEW,
    };
    actix_web::rt::spawn(serve(app, session, frames, leash, board));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_one_let_in_by_its_digest_and_role_and_not_by_its_name() {
        let key = |digest: &str, role| ApiKey {
            name: "ops".to_owned(),
            role,
            sha256: digest.to_owned(),
        };
        assert!(is_still(&key("a", ApiRole::Admin), "a", ApiRole::Admin));
        assert!(!is_still(&key("b", ApiRole::Admin), "a", ApiRole::Admin));
        assert!(!is_still(
            &key("a", ApiRole::Department),
            "a",
            ApiRole::Admin
        ));
    }
}
