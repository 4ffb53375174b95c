//! Forgetting a customer.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use rapport_domain::customer::ErasureGround;
use rapport_domain::id::CustomerId;
use rapport_read_model::ReadModels;
use serde::Deserialize;
use serde_json::json;

use super::app::App;
use super::auth::Administrator;
use super::problem::Problem;
use super::request::{Body, id};

/// The answer waits so long for the read models of this node to be clean.
const CLEAN_WITHIN: Duration = Duration::from_secs(10);

/// The body of `POST /customers/{id}/erase`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    ground: ErasureGround,
}

/// `POST /customers/{id}/erase`.
pub async fn erase(
    app: web::Data<App>,
    who: Administrator,
    req: HttpRequest,
    body: Body<Wanted>,
) -> Result<HttpResponse, Problem> {
    let id: CustomerId = id(&req, "customer")?;
    let (tenant, actor, ground) = (who.0.tenant(), who.0.actor(), body.0.ground);
    let erased = app
        .on_engine(
            move |engine| async move { engine.erase_customer(tenant, id, ground, actor).await },
        )
        .await?;
    let mut clean = true;
    for model in ReadModels::names() {
        clean &= app.seen(model, erased.position, CLEAN_WITHIN).await;
    }
    Ok(HttpResponse::Ok().json(json!({
        "position": erased.position,
        "new": erased.new,
        "released": erased.released,
        "dropped": erased.dropped,
        "clean": clean,
    })))
}
