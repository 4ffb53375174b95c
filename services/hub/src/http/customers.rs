//! Customers: who they are, what happened with them, what was decided about them.

mod patch;
mod said;

use actix_web::{HttpRequest, HttpResponse, web};
use rapport_domain::contact_point::{ContactPoint, Kind};
use rapport_domain::customer::Source;
use rapport_domain::event::Position;
use rapport_domain::id::CustomerId;
use rapport_read_model::{CUSTOMERS, TIMELINE};
use serde::Deserialize;
use serde_json::json;

use super::app::App;
use super::auth::{Caller, Reader};
use super::pressure::told;
use super::problem::Problem;
use super::request::{Body, id, limit, query};

pub use patch::patch;
pub use said::{close_complaint, consent, open_complaint, put_facts, qualify};

/// The longest name, evidence or reason, in bytes.
const LONGEST_TEXT: usize = 1_024;
/// Most statements, contact points or facts at once.
const MOST_CHANGES: usize = 50;

/// A customer by one of their contact points.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sought {
    #[serde(default)]
    phone: Option<String>,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    external_id: Option<String>,
}

/// The one contact point that is given. `path` goes before the fields of errors.
///
/// # Errors
/// 422 when it is none, or several, or cannot be one.
pub fn one_point(
    given: [(&str, Kind, Option<String>); 3],
    path: &str,
) -> Result<ContactPoint, Problem> {
    let field = |name: &str| {
        if path.is_empty() {
            name.to_owned()
        } else {
            format!("{path}.{name}")
        }
    };
    let mut given = given
        .into_iter()
        .filter_map(|(name, kind, text)| Some((name, kind, text?)));
    let (Some((name, kind, text)), None) = (given.next(), given.next()) else {
        let whole = if path.is_empty() { "phone" } else { path };
        return Err(Problem::invalid(
            whole,
            "Give one of phone, email and external_id.",
        ));
    };
    ContactPoint::parse(kind, &text)
        .map_err(|error| Problem::invalid(field(name), error.to_string()))
}

/// `POST /customers/search`.
pub async fn search(
    app: web::Data<App>,
    who: Reader,
    req: HttpRequest,
    body: Body<Sought>,
) -> Result<HttpResponse, Problem> {
    let Window { min_position, .. } = query(&req)?;
    let Body(Sought {
        phone,
        email,
        external_id,
    }) = body;
    let given = [
        ("phone", Kind::Phone, phone),
        ("email", Kind::Email, email),
        ("external_id", Kind::ExternalId, external_id),
    ];
    let point = one_point(given, "")?;
    let tenant = who.0.tenant();
    let key = point.key(tenant);
    let mut customers = app
        .ask(CUSTOMERS, min_position, move |models| {
            models.find_customers(tenant, key)
        })
        .await?;
    // The claim is the truth; the read model may be a moment behind it.
    let owner = app
        .on_engine(move |engine| async move { engine.find_customer(tenant, &point).await })
        .await?;
    if let Some(owner) = owner.filter(|owner| customers.iter().all(|known| known.id != *owner)) {
        customers.insert(
            0,
            rapport_read_model::view::CustomerName {
                id: owner,
                name: None,
            },
        );
    }
    Ok(HttpResponse::Ok().json(json!({ "customers": customers })))
}

#[derive(Deserialize)]
struct Window {
    #[serde(default)]
    before: Option<Position>,
    #[serde(default)]
    limit: Option<usize>,
    #[serde(default)]
    min_position: Option<Position>,
}

/// `GET /customers/{id}`.
pub async fn customer(
    app: web::Data<App>,
    who: Reader,
    req: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (id, window): (CustomerId, Window) = (id(&req, "customer")?, query(&req)?);
    let tenant = who.0.tenant();
    let found = app
        .ask(CUSTOMERS, window.min_position, move |models| {
            models.customer(tenant, id)
        })
        .await?;
    let found = found.ok_or_else(|| Problem::not_found("customer"))?;
    Ok(HttpResponse::Ok().json(found.at(app.engine.now())))
}

/// `GET /customers/{id}/timeline`.
pub async fn timeline(
    app: web::Data<App>,
    who: Reader,
    req: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (id, window): (CustomerId, Window) = (id(&req, "customer")?, query(&req)?);
    let (tenant, most) = (who.0.tenant(), limit(window.limit, 50, 500)?);
    known(&app, tenant, id).await?;
    let page = app
        .ask(TIMELINE, window.min_position, move |models| {
            models.timeline(tenant, id, window.before, most)
        })
        .await?;
    Ok(HttpResponse::Ok().json(page))
}

/// `GET /customers/{id}/decisions`.
pub async fn decisions(
    app: web::Data<App>,
    who: Reader,
    req: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (id, window): (CustomerId, Window) = (id(&req, "customer")?, query(&req)?);
    let (tenant, most) = (who.0.tenant(), limit(window.limit, 50, 500)?);
    known(&app, tenant, id).await?;
    let page = app
        .ask(CUSTOMERS, window.min_position, move |models| {
            models.decisions(tenant, id, window.before, most)
        })
        .await?;
    Ok(HttpResponse::Ok().json(told(page)))
}

async fn known(
    app: &App,
    tenant: rapport_domain::id::TenantId,
    id: CustomerId,
) -> Result<(), Problem> {
    let customer = app
        .on_engine(move |engine| async move { engine.customer(tenant, id).await })
        .await?;
    customer
        .map(|_| ())
        .ok_or_else(|| Problem::not_found("customer"))
}

fn text(field: impl Into<String>, text: &str, empty: bool) -> Result<(), Problem> {
    if text.len() > LONGEST_TEXT {
        return Err(Problem::invalid(
            field,
            format!("At most {LONGEST_TEXT} bytes."),
        ));
    }
    if !empty && text.trim().is_empty() {
        return Err(Problem::invalid(field, "It is empty."));
    }
    Ok(())
}

fn source(field: &str, name: Option<String>) -> Result<Option<Source>, Problem> {
    name.map(|name| Source::parse(&name))
        .transpose()
        .map_err(|error| Problem::invalid(field, error.to_string()))
}

/// Whether somebody may say what a customer wants: they administer, or have the customer before them.
async fn may_state(app: &App, who: &Caller, customer: CustomerId) -> Result<bool, Problem> {
    if who.administers() {
        return Ok(true);
    }
    let Caller::Agent { tenant, agent, .. } = *who else {
        return Ok(false);
    };
    let work = app
        .on_engine(move |engine| async move { engine.work_of(tenant, agent).await })
        .await?;
    // An offer is nobody's contact yet.
    let held = work.iter().filter(|work| work.phase != "offered");
    Ok(held.map(|work| work.customer.id).any(|id| id == customer))
}
