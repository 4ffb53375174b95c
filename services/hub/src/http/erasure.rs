//! Forgetting a customer.

use actix_web::{HttpRequest, HttpResponse, web};
use rapport_domain::customer::ErasureGround;
use rapport_domain::id::CustomerId;
use serde::Deserialize;

use super::app::App;
use super::auth::Administrator;
use super::problem::Problem;
use super::request::{Body, id};
use crate::erasing;

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
    let projections = app.projections.clone();
    let erased = app
        .on_engine(move |engine| async move {
            erasing::erase(&engine, &projections, tenant, id, ground, actor).await
        })
        .await?;
    Ok(HttpResponse::Ok().json(erased))
}
