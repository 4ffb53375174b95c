//! How far the read models are. What an operator does with them goes through the office (docs/OPERATIONS.md): a hub
//! serves several tenants, and no tenant's key is the hub's.

use actix_web::{HttpResponse, web};
use serde_json::json;

use super::app::App;
use super::auth::Administrator;
use super::problem::Problem;
use crate::office::described;

/// `GET /projections`.
pub async fn all(app: web::Data<App>, _who: Administrator) -> Result<HttpResponse, Problem> {
    let models = app.projections.status().await;
    let now = app.engine.now();
    let models: Vec<_> = models.iter().map(|model| described(model, now)).collect();
    Ok(HttpResponse::Ok().json(json!({
        "position": app.engine.log().head(), "projections": models,
    })))
}
