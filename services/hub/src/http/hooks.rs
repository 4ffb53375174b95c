//! What departments' systems send by themselves: signed as Standard Webhooks, so that no key travels. The id of a request
//! names everything in it, so the same request again changes nothing.

use std::collections::BTreeMap;
use std::time::Instant;

use actix_web::{HttpRequest, HttpResponse, web};
use rapport_departments::{Headers, NotGenuine, Secret, verify};
use rapport_domain::id::TenantId;
use rapport_engine::WishDraft;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::app::App;
use super::auth::client_address;
use super::problem::Problem;
use super::request::{Bytes, read};
use super::wishes::NewWish;
use crate::config::TenantSetup;

/// Most things in one request.
const MOST: usize = 100;

/// Who may send, by the names of tenant and department.
#[derive(Debug, Default)]
pub struct Hooks(BTreeMap<(String, String), (TenantId, Vec<Secret>)>);

impl Hooks {
    /// Those of a configuration.
    #[must_use]
    pub fn of(tenants: &[TenantSetup]) -> Self {
        let mut known = BTreeMap::new();
        for setup in tenants {
            let tenant = &setup.declaration.definition.name;
            for hook in &setup.doors.hooks {
                let names = (tenant.clone(), hook.department.clone());
                known.insert(names, (TenantId::named(tenant), hook.secrets.clone()));
            }
        }
        Self(known)
    }
}

/// The body.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    #[serde(default)]
    wishes: Vec<NewWish>,
}

fn header<'a>(req: &'a HttpRequest, name: &str) -> &'a str {
    let value = req.headers().get(name);
    value
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// Who sent it, when it is genuine.
fn genuine(
    app: &App,
    req: &HttpRequest,
    names: &(String, String),
    body: &[u8],
) -> Result<TenantId, Problem> {
    let unknown = (TenantId::from_uuid(Uuid::nil()), Vec::new());
    // A department nobody declared has no secret, and is answered like one that signs wrongly.
    let (tenant, secrets) = app.hooks.0.get(names).unwrap_or(&unknown);
    let headers = Headers {
        id: header(req, "webhook-id"),
        timestamp: header(req, "webhook-timestamp"),
        signature: header(req, "webhook-signature"),
    };
    match verify(secrets, headers, body, app.engine.now()) {
        Ok(()) => Ok(*tenant),
        Err(error @ (NotGenuine::Id | NotGenuine::Timestamp)) => {
            Err(Problem::malformed(error.to_string()))
        }
        Err(error @ NotGenuine::Stale) => Err(Problem::unauthorized(&error.to_string())),
        Err(error @ NotGenuine::Signature) => {
            let attempt = app
                .attempts
                .wrong_key(client_address(app, req), Instant::now());
            Err(match attempt {
                Ok(()) => Problem::unauthorized(&error.to_string()),
                Err(seconds) => Problem::too_many("Too many wrong signatures.", seconds),
            })
        }
    }
}

/// Reads everything before anything is done.
fn drafts(sent: Sent, message: &str) -> Result<Vec<WishDraft>, Problem> {
    if sent.wishes.len() > MOST {
        let detail = format!("At most {MOST} in one request.");
        return Err(Problem::invalid("wishes", detail));
    }
    let named = |(place, wish): (usize, NewWish)| {
        let mut draft = wish
            .read()
            .map_err(|problem| problem.within(&format!("wishes[{place}]")))?;
        // Its place in a request that has a name is a name.
        draft.key = draft.key.or_else(|| {
            let name = format!("hook/{message}/{place}");
            Some(Uuid::new_v5(&rapport_domain::id::RAPPORT, name.as_bytes()))
        });
        Ok(draft)
    };
    sent.wishes.into_iter().enumerate().map(named).collect()
}

/// `POST /hooks/{tenant}/{department}`.
pub async fn receive(
    app: web::Data<App>,
    req: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    let part = |name: &str| req.match_info().query(name).to_owned();
    let names = (part("tenant"), part("department"));
    let tenant = genuine(&app, &req, &names, &body.0)?;
    let drafts = drafts(read(&body.0)?, header(&req, "webhook-id"))?;
    let mut done: Vec<Value> = Vec::new();
    for (place, draft) in drafts.into_iter().enumerate() {
        let of = names.1.clone();
        let filed = app
            .on_engine(move |engine| async move { engine.file_wish(tenant, &of, draft).await })
            .await;
        match filed {
            Ok(filed) => done.push(json!({
                "id": filed.wish, "customer": filed.customer, "new": filed.new, "position": filed.position,
            })),
            // Not for good: the sender repeats the whole request, and what was done is recognised.
            Err(problem) if problem.status().is_server_error() => return Err(problem),
            Err(problem) => {
                let problem = problem.within(&format!("wishes[{place}]"));
                done.push(json!({ "problem": problem.to_json() }));
            }
        }
    }
    Ok(HttpResponse::Ok().json(json!({ "wishes": done })))
}
