//! Two customers who may be one person: who decides it, and how it is undone.

use actix_web::{HttpRequest, HttpResponse, web};
use rapport_domain::customer::{Doubt, Judgement, MergeGround};
use rapport_domain::event::Position;
use rapport_domain::id::{CustomerId, ReviewId};
use rapport_read_model::CUSTOMERS;
use serde::Deserialize;
use serde_json::json;

use super::app::App;
use super::auth::{Administrator, Anyone, Caller, Reader};
use super::problem::Problem;
use super::request::{Body, id, limit, query};

/// The longest evidence, in bytes.
const LONGEST_TEXT: usize = 1_024;

fn evidence(text: Option<&String>) -> Result<(), Problem> {
    match text {
        Some(text) if text.trim().is_empty() || text.len() > LONGEST_TEXT => Err(Problem::invalid(
            "evidence",
            format!("Use 1 to {LONGEST_TEXT} bytes, or leave it out."),
        )),
        _ => Ok(()),
    }
}

#[derive(Deserialize)]
struct Window {
    #[serde(default)]
    all: bool,
    #[serde(default)]
    after: Option<Position>,
    #[serde(default)]
    limit: Option<usize>,
    #[serde(default)]
    min_position: Option<Position>,
}

/// `GET /reviews`: those that wait, or all.
pub async fn list(
    app: web::Data<App>,
    who: Reader,
    req: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let window: Window = query(&req)?;
    let (tenant, most) = (who.0.tenant(), limit(window.limit, 50, 500)?);
    let after = window.after.unwrap_or(Position::START);
    let page = app
        .ask(CUSTOMERS, window.min_position, move |models| {
            models.reviews(tenant, !window.all, after, most)
        })
        .await?;
    Ok(HttpResponse::Ok().json(page))
}

/// The body of `POST /reviews`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suspicion {
    customers: [CustomerId; 2],
    #[serde(default = "stated")]
    doubt: Doubt,
}

const fn stated() -> Doubt {
    Doubt::Stated
}

/// `POST /reviews`: people at the desk and departments ask somebody to look at a pair.
pub async fn raise(
    app: web::Data<App>,
    who: Anyone,
    body: Body<Suspicion>,
) -> Result<HttpResponse, Problem> {
    let Body(Suspicion { customers, doubt }) = body;
    let (tenant, actor) = (who.0.tenant(), who.0.actor());
    let [one, other] = customers;
    let (review, position) = app
        .on_engine(move |engine| async move {
            engine.suspect_match(tenant, one, other, doubt, actor).await
        })
        .await?;
    Ok(HttpResponse::Ok().json(json!({ "id": review, "position": position })))
}

/// The body of `POST /reviews/{id}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    judgement: Judgement,
    #[serde(default)]
    survivor: Option<CustomerId>,
    #[serde(default)]
    evidence: Option<String>,
}

/// `POST /reviews/{id}`.
pub async fn judge(
    app: web::Data<App>,
    who: Reader,
    req: HttpRequest,
    body: Body<Decision>,
) -> Result<HttpResponse, Problem> {
    let id: ReviewId = id(&req, "review")?;
    let Body(Decision {
        judgement,
        survivor,
        evidence: text,
    }) = body;
    evidence(text.as_ref())?;
    supervises(&who.0)?;
    let (tenant, actor) = (who.0.tenant(), who.0.actor());
    let known = app
        .ask(CUSTOMERS, None, move |models| models.review(tenant, id))
        .await?;
    let [low, _] = known.ok_or_else(|| Problem::not_found("review"))?.customers;
    let position = app
        .on_engine(move |engine| async move {
            engine
                .judge_match(tenant, low, id, judgement, survivor, text, actor)
                .await
        })
        .await?;
    Ok(HttpResponse::Ok().json(json!({ "position": position })))
}

fn supervises(who: &Caller) -> Result<(), Problem> {
    if who.administers() {
        return Ok(());
    }
    Err(Problem::forbidden(
        "role",
        "Whether two customers are one person is decided by a supervisor or a key with the role admin.",
    ))
}

/// The body of `POST /customers/{id}/merge`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Merge {
    customer: CustomerId,
    #[serde(default)]
    evidence: Option<String>,
}

/// `POST /customers/{id}/merge`: another customer is the same person, and this one stays.
pub async fn merge(
    app: web::Data<App>,
    who: Administrator,
    req: HttpRequest,
    body: Body<Merge>,
) -> Result<HttpResponse, Problem> {
    let id: CustomerId = id(&req, "customer")?;
    let Body(Merge {
        customer,
        evidence: text,
    }) = body;
    evidence(text.as_ref())?;
    let (tenant, actor) = (who.0.tenant(), who.0.actor());
    let position = app
        .on_engine(move |engine| async move {
            engine
                .merge_customers(tenant, id, customer, MergeGround::Stated, text, actor)
                .await
        })
        .await?;
    Ok(HttpResponse::Ok().json(json!({ "position": position })))
}

/// `POST /customers/{id}/unmerge`: a customer who was merged is another person after all.
pub async fn unmerge(
    app: web::Data<App>,
    who: Administrator,
    req: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let id: CustomerId = id(&req, "customer")?;
    let (tenant, actor) = (who.0.tenant(), who.0.actor());
    let position = app
        .on_engine(move |engine| async move { engine.unmerge_customer(tenant, id, actor).await })
        .await?;
    Ok(HttpResponse::Ok().json(json!({ "position": position })))
}
