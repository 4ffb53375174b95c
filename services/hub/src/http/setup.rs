//! Set-up through the HTTP interface: the keys and rules of the configuration file.

use actix_web::{HttpRequest, HttpResponse, web};
use rapport_domain::agent::Phone;
use rapport_domain::channel::Channel;
use rapport_domain::id::{AccessPointId, TenantId};
use rapport_domain::policy::ContactPolicy;
use rapport_domain::setup::{AccessPoint, QueueDefinition, TenantDefinition};
use rapport_engine::{AgentDeclaration, Directory, TenantDeclaration};
use serde_json::{Value, json};

use super::app::{App, READ_WITHIN, settled};
use super::auth::{Administrator, Caller};
use super::policy_view::policy_view;
use super::problem::Problem;
use super::request::Body;
use crate::config::{access_point_from, agent_from, policy_from, queue_from, tenant_from};
use crate::password;

/// `GET /setup`.
pub async fn everything(app: web::Data<App>, who: Administrator) -> Result<HttpResponse, Problem> {
    let directory = app.engine.directory();
    let tenant = who.0.tenant();
    let entry = directory
        .tenant(tenant)
        .ok_or_else(|| Problem::not_found("tenant"))?;
    let definition = &entry.tenant.definition;
    let queue_name = |id| {
        directory
            .queue(id)
            .map(|queue| queue.definition.name.clone())
    };
    let points = entry.tenant.access_points.values().map(|point| {
        json!({ "name": point.name, "channel": point.channel, "address": point.address,
                "queue": queue_name(point.queue), "origins": point.origins })
    });
    let queues = directory
        .queues_of(tenant)
        .filter(|(_, queue)| !queue.retired)
        .map(|(_, queue)| json!(queue.definition));
    let agents = directory.agents_of(tenant).filter(|(_, agent)| !agent.retired).map(|(_, entry)| {
        let who = &entry.definition;
        let (phone, phone_user) = match &who.phone {
            Phone::None => (None, None),
            Phone::Registered { user } => (Some("register"), Some(user)),
            Phone::Address { uri } => (Some(uri.as_str()), None),
        };
        json!({ "name": who.name, "display_name": who.display_name, "role": who.role, "skills": who.skills,
                "phone": phone, "phone_user": phone_user, "capacity": who.capacity, "weights": who.weights,
                "has_password": entry.password.is_some(), "has_phone_secret": entry.phone_secret.is_some() })
    });
    let policy = entry.policy.as_ref();
    let policy = policy.map(|policy| policy_view(policy, queue_name(policy.rules.queue)));
    Ok(HttpResponse::Ok().json(json!({
        "tenant": { "name": definition.name, "display_name": definition.display_name, "zone": definition.zone,
                    "caller_id": definition.caller_id, "outbound_trunk": definition.outbound_trunk,
                    "not_ready_reasons": definition.not_ready_reasons },
        "access_points": points.collect::<Vec<_>>(),
        "queues": queues.collect::<Vec<_>>(),
        "agents": agents.collect::<Vec<_>>(),
        "policy": policy,
    })))
}

/// One thing of a tenant that changes.
#[derive(Default)]
struct Change {
    definition: Option<TenantDefinition>,
    access_point: Option<AccessPoint>,
    queue: Option<QueueDefinition>,
    agent: Option<AgentDeclaration>,
    policy: Option<ContactPolicy>,
}

async fn declare(app: &App, caller: &Caller, change: Change) -> Result<HttpResponse, Problem> {
    let known = app
        .engine
        .directory()
        .tenant(caller.tenant())
        .map(|entry| entry.tenant.definition.clone());
    let known = known.ok_or_else(|| Problem::not_found("tenant"))?;
    let declaration = TenantDeclaration {
        definition: change.definition.unwrap_or(known),
        access_points: change.access_point.into_iter().collect(),
        queues: change.queue.into_iter().collect(),
        agents: change.agent.into_iter().collect(),
        api_keys: None,
        policy: change.policy,
    };
    let actor = caller.actor();
    let engine = app.engine.clone();
    let events = app
        .runtime
        .spawn(async move { engine.declare(declaration, actor).await });
    let events = events.await.map_err(Problem::internal)??;
    Ok(changed(app, events > 0).await)
}

/// The answer to a change: when it comes, the change is in effect.
async fn changed(app: &App, changed: bool) -> HttpResponse {
    let position = app.engine.log().head();
    if changed && !settled(&app.engine, position, READ_WITHIN).await {
        tracing::warn!("set-up was changed and takes effect late");
    }
    HttpResponse::Ok().json(json!({ "changed": changed, "position": position }))
}

fn queue_names(directory: &Directory, tenant: TenantId) -> Vec<String> {
    directory
        .queues_of(tenant)
        .filter(|(_, queue)| !queue.retired)
        .map(|(_, queue)| queue.definition.name.clone())
        .collect()
}

fn name(req: &HttpRequest) -> String {
    req.match_info().query("name").to_owned()
}

/// `PUT /setup/tenant`.
pub async fn put_tenant(
    app: web::Data<App>,
    who: Administrator,
    body: Body<Value>,
) -> Result<HttpResponse, Problem> {
    let directory = app.engine.directory();
    let entry = directory
        .tenant(who.0.tenant())
        .ok_or_else(|| Problem::not_found("tenant"))?;
    let known = &entry.tenant.definition;
    let definition = tenant_from(&known.name, body.0)?;
    // Trunks and numbers are the operator's: who may use which is said in the file alone.
    let another = "It may stay or be left out; another one is set in the configuration file.";
    let trunk = &definition.outbound_trunk;
    if trunk.is_some() && *trunk != known.outbound_trunk {
        return Err(Problem::forbidden_field("outbound_trunk", another));
    }
    if !definition.caller_id.is_empty() && definition.caller_id != known.caller_id {
        return Err(Problem::forbidden_field("caller_id", another));
    }
    declare(
        &app,
        &who.0,
        Change {
            definition: Some(definition),
            ..Change::default()
        },
    )
    .await
}

/// `PUT /setup/policy`.
pub async fn put_policy(
    app: web::Data<App>,
    who: Administrator,
    body: Body<Value>,
) -> Result<HttpResponse, Problem> {
    let names = queue_names(&app.engine.directory(), who.0.tenant());
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let policy = policy_from(body.0, who.0.tenant(), &names)?;
    declare(
        &app,
        &who.0,
        Change {
            policy: Some(policy),
            ..Change::default()
        },
    )
    .await
}

/// `PUT /setup/queues/{name}`.
pub async fn put_queue(
    app: web::Data<App>,
    who: Administrator,
    req: HttpRequest,
    body: Body<Value>,
) -> Result<HttpResponse, Problem> {
    let queue = queue_from(&name(&req), body.0)?;
    declare(
        &app,
        &who.0,
        Change {
            queue: Some(queue),
            ..Change::default()
        },
    )
    .await
}

/// `PUT /setup/access-points/{name}`.
pub async fn put_access_point(
    app: web::Data<App>,
    who: Administrator,
    req: HttpRequest,
    body: Body<Value>,
) -> Result<HttpResponse, Problem> {
    let (directory, tenant) = (app.engine.directory(), who.0.tenant());
    let names = queue_names(&directory, tenant);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let point = access_point_from(&name(&req), body.0, tenant, &names)?;
    let id = AccessPointId::named(tenant, &point.name);
    let taken = directory
        .access_point(point.channel, &point.address)
        .is_some_and(|(_, owner, _)| owner != id);
    if taken {
        return Err(Problem::conflict(
            "address_taken",
            "The address leads to another access point.",
        ));
    }
    declare(
        &app,
        &who.0,
        Change {
            access_point: Some(point),
            ..Change::default()
        },
    )
    .await
}

/// `PUT /setup/agents/{name}`.
pub async fn put_agent(
    app: web::Data<App>,
    who: Administrator,
    req: HttpRequest,
    body: Body<Value>,
) -> Result<HttpResponse, Problem> {
    let (mut agent, clear) = agent_from(&name(&req), body.0, app.realm.as_deref())?;
    let (directory, tenant) = (app.engine.directory(), who.0.tenant());
    let id = directory.agent_named(tenant, &agent.definition.name);
    if let Phone::Address { uri } = &agent.definition.phone {
        let stays = id
            .and_then(|id| directory.agent(id))
            .is_some_and(|entry| entry.definition.phone == agent.definition.phone);
        if !stays && app.trunks.leads_to(uri) {
            return Err(Problem::forbidden_field(
                "phone",
                "The address is a trunk's; calls to customers are not made by ringing a phone.",
            ));
        }
    }
    if let Phone::Registered { user } = &agent.definition.phone
        && directory
            .phone(user)
            .is_some_and(|other| Some(other.id) != id)
    {
        return Err(Problem::conflict(
            "phone_taken",
            "Another agent's phone registers as this user; set phone_user.",
        ));
    }
    if let Some(clear) = clear {
        let permit = app
            .hashing
            .clone()
            .acquire_owned()
            .await
            .map_err(Problem::internal)?;
        let hashed = app.runtime.spawn_blocking(move || {
            let hash = password::hash(&clear.0);
            drop(permit);
            hash
        });
        agent.password = Some(
            hashed
                .await
                .map_err(Problem::internal)?
                .map_err(Problem::internal)?,
        );
    }
    let new_password = agent.password.is_some();
    let done = declare(
        &app,
        &who.0,
        Change {
            agent: Some(agent),
            ..Change::default()
        },
    )
    .await?;
    if let Some(id) = id.filter(|_| new_password) {
        app.sessions.close_all_of(id);
    }
    Ok(done)
}

/// What can be withdrawn.
#[derive(Clone, Copy)]
enum Thing {
    Queue,
    Agent,
    AccessPoint,
}

async fn withdraw(
    app: &App,
    caller: &Caller,
    name: String,
    thing: Thing,
) -> Result<HttpResponse, Problem> {
    let (engine, tenant, actor) = (app.engine.clone(), caller.tenant(), caller.actor());
    let done = app.runtime.spawn(async move {
        match thing {
            Thing::Queue => engine.retire_queue(tenant, &name, actor).await,
            Thing::Agent => engine.retire_agent(tenant, &name, actor).await,
            Thing::AccessPoint => engine.remove_access_point(tenant, &name, actor).await,
        }
    });
    if done.await.map_err(Problem::internal)?? {
        Ok(changed(app, true).await)
    } else {
        Err(Problem::not_found(match thing {
            Thing::Queue => "queue",
            Thing::Agent => "agent",
            Thing::AccessPoint => "access point",
        }))
    }
}

/// `DELETE /setup/queues/{name}`: refused while something still leads to it.
pub async fn delete_queue(
    app: web::Data<App>,
    who: Administrator,
    req: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (directory, tenant, name) = (app.engine.directory(), who.0.tenant(), name(&req));
    if let Some(entry) = directory.tenant(tenant) {
        let leads = |id| {
            directory
                .queue(id)
                .is_some_and(|queue| queue.definition.name == name)
        };
        let by_point = entry
            .tenant
            .access_points
            .values()
            .find(|point| leads(point.queue));
        if let Some(point) = by_point {
            return Err(Problem::conflict(
                "in_use",
                format!("The access point {} leads to it.", point.name),
            ));
        }
        if entry
            .policy
            .as_ref()
            .is_some_and(|policy| leads(policy.rules.queue))
        {
            return Err(Problem::conflict(
                "in_use",
                "The contact policy lets planned calls wait in it.",
            ));
        }
    }
    withdraw(&app, &who.0, name, Thing::Queue).await
}

/// `DELETE /setup/agents/{name}`: their sessions end.
pub async fn delete_agent(
    app: web::Data<App>,
    who: Administrator,
    req: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (tenant, name) = (who.0.tenant(), name(&req));
    let id = app.engine.directory().agent_named(tenant, &name);
    let done = withdraw(&app, &who.0, name, Thing::Agent).await?;
    if let Some(id) = id {
        app.sessions.close_all_of(id);
    }
    Ok(done)
}

/// `DELETE /setup/access-points/{name}`.
pub async fn delete_access_point(
    app: web::Data<App>,
    who: Administrator,
    req: HttpRequest,
) -> Result<HttpResponse, Problem> {
    withdraw(&app, &who.0, name(&req), Thing::AccessPoint).await
}

/// The site key of the first access point for chat, for the page that shows the widget.
#[must_use]
pub fn first_site(directory: &Directory) -> Option<String> {
    directory.tenants().find_map(|(_, entry)| {
        entry
            .tenant
            .access_points
            .values()
            .find(|point| point.channel == Channel::Chat)
            .map(|point| point.address.clone())
    })
}
