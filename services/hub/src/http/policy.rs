//! The contact policy: what is in force, what was, what is proposed, and what other rules would have changed.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use rapport_domain::event::Actor;
use rapport_domain::id::{AgentId, DryRunId, ProposalId, TenantId};
use rapport_domain::policy::{ContactPolicy, Draft, Origin, PolicyBook, Proposal, Version};
use rapport_domain::time::Timestamp;
use rapport_engine::{CommandError, Directory, DryRun, DryRunOrder, DryRunState, PolicyChange};
use rapport_read_model::CUSTOMERS;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::app::{App, READ_WITHIN, settled};
use super::auth::{Administrator, Caller, Supervisor};
use super::problem::Problem;
use super::request::{Body, id, limit, query};
use super::setup::queue_names;
use crate::config::{described, keys, policy_from, policy_keys};

/// What names stand for.
struct Names<'a> {
    directory: &'a Directory,
    caller: &'a Caller,
}

impl Names<'_> {
    fn who(&self, actor: &Actor) -> Value {
        match actor {
            Actor::Agent(id) => {
                let known = self.directory.agent(*id);
                let name = known.map(|entry| entry.definition.display_name.as_str());
                json!({ "kind": "agent", "name": name, "you": *actor == self.caller.actor() })
            }
            Actor::Department(name) => {
                json!({ "kind": "program", "name": name, "you": *actor == self.caller.actor() })
            }
            Actor::System | Actor::Customer(_) | Actor::Operator => {
                json!({ "kind": "operator", "name": null, "you": false })
            }
        }
    }

    fn rules(&self, rules: &ContactPolicy) -> Value {
        let queue = self.directory.queue(rules.queue);
        policy_keys(rules, queue.map(|queue| queue.definition.name.as_str()))
    }

    fn version(&self, version: &Version) -> Value {
        let origin = match &version.origin {
            Origin::Set(by) => {
                let kind = match by {
                    None => "earlier",
                    Some(Actor::Operator) => "file",
                    Some(_) => "program",
                };
                json!({ "kind": kind, "by": by.as_ref().map(|by| self.who(by)) })
            }
            Origin::Released {
                proposal,
                proposed_at,
                by,
            } => json!({
                "kind": "released", "by": self.who(&Actor::Agent(*by)), "proposal": proposal.proposal,
                "proposed_by": self.who(&proposal.by), "proposed_at": proposed_at.as_millis(),
                "comment": proposal.comment, "from_version": proposal.from_version,
            }),
        };
        json!({ "version": version.policy.version, "since": version.since.as_millis(),
                "rules": self.rules(&version.policy.rules), "origin": origin })
    }

    fn proposal(&self, book: &PolicyBook, proposal: &Proposal, at: Timestamp) -> Value {
        let hindrance = match self.caller {
            Caller::Key { .. } => Some("role"),
            Caller::Agent { agent, .. } if proposal.by == Actor::Agent(*agent) => Some("four_eyes"),
            _ if proposal.base != book.in_force().policy.version => Some("outdated"),
            _ if !self.has_queue(&proposal.rules) => Some("queue_gone"),
            Caller::Agent { .. } => None,
        };
        json!({ "id": proposal.proposal, "rules": self.rules(&proposal.rules), "base": proposal.base,
                "from_version": proposal.from_version, "comment": proposal.comment,
                "by": self.who(&proposal.by), "at": at.as_millis(), "hindrance": hindrance })
    }

    fn has_queue(&self, rules: &ContactPolicy) -> bool {
        let mut queues = self.directory.queues_of(self.caller.tenant());
        queues.any(|(id, _)| id == rules.queue)
    }
}

#[derive(Deserialize)]
struct Window {
    #[serde(default)]
    before: Option<u64>,
    #[serde(default)]
    limit: Option<usize>,
}

/// `GET /policy`.
pub async fn policy(
    app: web::Data<App>,
    who: Administrator,
    req: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let window: Window = query(&req)?;
    let most = limit(window.limit, 20, 100)?;
    let tenant = who.0.tenant();
    let book = app
        .on_engine(move |engine| async move { engine.policy_book(tenant).await })
        .await?;
    let directory = app.engine.directory();
    let names = Names {
        directory: &directory,
        caller: &who.0,
    };
    let queues = directory.queues_of(tenant).map(|(_, queue)| {
        let queue = &queue.definition;
        json!({ "name": queue.name, "display_name": queue.display_name, "outbound": queue.outbound })
    });
    let mut answer = json!({
        "keys": described(&keys::POLICY),
        "queues": queues.collect::<Vec<_>>(),
        "in_force": null, "proposals": [], "versions": [], "next": null,
    });
    if let Some(book) = book {
        let mut open: Vec<_> = book.proposals().collect();
        open.sort_by_key(|(proposal, at)| (*at, proposal.proposal));
        let open = open
            .into_iter()
            .map(|(proposal, at)| names.proposal(&book, proposal, *at));
        let before = window.before.unwrap_or(u64::MAX);
        let past = book.versions().iter().rev();
        let mut past = past.filter(|version| version.policy.version < before);
        let versions: Vec<&Version> = past.by_ref().take(most).collect();
        let next = versions.last().filter(|_| past.next().is_some());
        answer["next"] = json!(next.map(|version| version.policy.version));
        answer["in_force"] = names.version(book.in_force());
        answer["proposals"] = open.collect();
        answer["versions"] = versions
            .into_iter()
            .map(|version| names.version(version))
            .collect();
    }
    Ok(HttpResponse::Ok().json(answer))
}

/// The body of `POST /policy/proposals`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewProposal {
    #[serde(default)]
    key: Option<Uuid>,
    #[serde(default)]
    rules: Option<Value>,
    #[serde(default)]
    from_version: Option<u64>,
    comment: String,
}

fn rules_of(app: &App, tenant: TenantId, rules: Value) -> Result<ContactPolicy, Problem> {
    let names = queue_names(&app.engine.directory(), tenant);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    policy_from(rules, tenant, &names).map_err(|problems| Problem::from(problems).within("rules"))
}

async fn changed(
    app: &App,
    status: StatusCode,
    done: PolicyChange,
    id: ProposalId,
) -> HttpResponse {
    // Decisions look at the directory, which follows the log.
    if done.new && !settled(&app.engine, done.position, READ_WITHIN).await {
        tracing::warn!("the contact policy was changed and takes effect late");
    }
    HttpResponse::build(status).json(
        json!({ "id": id, "new": done.new, "version": done.version, "position": done.position }),
    )
}

/// `POST /policy/proposals`: 201 when it is new, 200 when it was made before.
pub async fn propose(
    app: web::Data<App>,
    who: Administrator,
    body: Body<NewProposal>,
) -> Result<HttpResponse, Problem> {
    let (tenant, by, body) = (who.0.tenant(), who.0.actor(), body.0);
    let draft = match (body.rules, body.from_version) {
        (Some(rules), None) => Draft::Rules(rules_of(&app, tenant, rules)?.into()),
        (None, Some(version)) => Draft::Version(version),
        _ => {
            return Err(Problem::invalid(
                "rules",
                "Give the rules, or from_version.",
            ));
        }
    };
    let key = body.key.unwrap_or_else(|| app.engine.fresh());
    // Whoever else uses the same key, in another tenant, names something else.
    let id = ProposalId::derived(tenant.as_uuid(), &format!("proposal/{key}"));
    let comment = body.comment;
    let done = app
        .on_engine(move |engine| async move {
            engine.propose_policy(tenant, id, draft, comment, by).await
        })
        .await?;
    let status = if done.new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok(changed(&app, status, done, id).await)
}

/// `DELETE /policy/proposals/{id}`.
pub async fn withdraw(
    app: web::Data<App>,
    who: Administrator,
    req: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (tenant, by, id): (_, _, ProposalId) =
        (who.0.tenant(), who.0.actor(), id(&req, "proposal")?);
    let done = app
        .on_engine(move |engine| async move { engine.withdraw_policy(tenant, id, by).await })
        .await?;
    Ok(changed(&app, StatusCode::OK, done, id).await)
}

/// `POST /policy/proposals/{id}/release`: another supervisor than whoever proposed it.
pub async fn release(
    app: web::Data<App>,
    who: Supervisor,
    req: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let id: ProposalId = id(&req, "proposal")?;
    let (tenant, by): (TenantId, AgentId) = (who.tenant, who.agent);
    let engine = app.engine.clone();
    let released = app
        .runtime
        .spawn(async move { engine.release_policy(tenant, id, by).await });
    let done = released.await.map_err(Problem::internal)?;
    let done = done.map_err(|error| match error {
        CommandError::Rejected {
            code: code @ "four_eyes",
            detail,
        } => Problem::forbidden(code, &detail),
        other => other.into(),
    })?;
    Ok(changed(&app, StatusCode::OK, done, id).await)
}

/// The body of `POST /policy/dry-runs`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewDryRun {
    #[serde(default)]
    rules: Option<Value>,
    #[serde(default)]
    proposal: Option<ProposalId>,
    #[serde(default)]
    from_version: Option<u64>,
    #[serde(default = "week")]
    days: u32,
}

const fn week() -> u32 {
    7
}

/// `POST /policy/dry-runs`.
pub async fn dry_run(
    app: web::Data<App>,
    who: Administrator,
    body: Body<NewDryRun>,
) -> Result<HttpResponse, Problem> {
    let (tenant, by, body) = (who.0.tenant(), who.0.actor(), body.0);
    let book = app
        .on_engine(move |engine| async move { engine.policy_book(tenant).await })
        .await?
        .ok_or_else(|| Problem::not_found("policy"))?;
    let rules = match (body.rules, body.proposal, body.from_version) {
        (Some(rules), None, None) => rules_of(&app, tenant, rules)?,
        (None, Some(id), None) => {
            let known = book.proposal(id).map(|proposal| proposal.rules.clone());
            known.ok_or_else(|| Problem::invalid("proposal", "No open proposal has this id."))?
        }
        (None, None, Some(number)) => {
            let known = book
                .version(number)
                .map(|version| version.policy.rules.clone());
            known.ok_or_else(|| Problem::invalid("from_version", "There is no such version."))?
        }
        _ => {
            let choice = "Give one of rules, proposal and from_version.";
            return Err(Problem::invalid("rules", choice));
        }
    };
    // What was just decided counts, too, when the read model comes that far in time.
    let _late = app
        .seen(CUSTOMERS, app.engine.log().head(), READ_WITHIN)
        .await;
    let order = DryRunOrder {
        rules,
        days: body.days,
        by,
    };
    let wanted = Arc::new(app.models.clone());
    let id = app
        .on_engine(move |engine| async move { engine.start_dry_run(tenant, order, wanted).await })
        .await?;
    Ok(HttpResponse::Accepted().json(json!({ "id": id })))
}

/// `GET /policy/dry-runs/{id}`.
pub async fn dry_run_now(
    app: web::Data<App>,
    who: Administrator,
    req: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let id: DryRunId = id(&req, "dry run")?;
    let found = app.engine.dry_run(who.0.tenant(), id);
    let found = found.ok_or_else(|| Problem::not_found("dry run"))?;
    let directory = app.engine.directory();
    let names = Names {
        directory: &directory,
        caller: &who.0,
    };
    Ok(HttpResponse::Ok().json(view(&names, &found)))
}

fn view(names: &Names<'_>, run: &DryRun) -> Value {
    let (state, report) = match &run.state {
        DryRunState::Running => ("running", None),
        DryRunState::Done(report) => ("done", Some(report)),
        DryRunState::Cancelled => ("cancelled", None),
        DryRunState::Failed => ("failed", None),
    };
    json!({ "id": run.id, "state": state, "by": names.who(&run.by), "rules": names.rules(&run.rules),
            "base": run.base, "from": run.from.as_millis(), "until": run.until.as_millis(),
            "customers_done": run.done, "customers": run.total, "report": report })
}

/// `DELETE /policy/dry-runs/{id}`: given up; one that is done stays done.
pub async fn cancel_dry_run(
    app: web::Data<App>,
    who: Administrator,
    req: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let id: DryRunId = id(&req, "dry run")?;
    if app.engine.cancel_dry_run(who.0.tenant(), id) {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(Problem::not_found("dry run"))
    }
}
