//! For whoever watches the hub: is it well, and what does it count.

use std::time::Duration;

use actix_web::{HttpResponse, web};
use rapport_domain::event::{Actor, Category, Meta, NewEvent, Revision, Stream};
use rapport_domain::id::{EventId, TenantId};
use rapport_domain::port::log::{AppendError, Batch, Expected};
use serde_json::json;
use uuid::Uuid;

use super::app::App;
use super::problem::Problem;
use crate::metrics;

/// An append that no log takes, because its stream never gets that far: whoever answers "conflict" would have taken a
/// right one.
fn impossible(app: &App) -> Batch {
    let id = app.engine.fresh();
    let event = NewEvent {
        id: EventId::from_uuid(id),
        kind: "tenant.defined".to_owned(),
        version: 1,
        recorded_at: app.engine.now(),
        meta: Meta {
            tenant: TenantId::from_uuid(Uuid::nil()),
            actor: Actor::System,
            correlation: id,
            causation: None,
        },
        data: b"{}".to_vec(),
    };
    let expected = Expected::Exact(Revision(i64::MAX.unsigned_abs() - 1));
    Batch {
        stream: Stream::new(Category::Tenant, Uuid::nil()),
        expected,
        events: vec![event],
    }
}

/// `GET /health`: 200 when the log takes appends and the read models go on.
pub async fn health(app: web::Data<App>) -> Result<HttpResponse, Problem> {
    let asked = app.engine.log().append(impossible(&app));
    let answer = tokio::time::timeout(Duration::from_secs(2), asked).await;
    if !matches!(answer, Ok(Err(AppendError::Conflict { .. }))) {
        return Err(Problem::unavailable("The event log takes no appends.", 5));
    }
    if let Some(runner) = app.runners.iter().find(|runner| runner.error().is_some()) {
        return Err(Problem::unavailable(
            format!("The read model {} cannot go on.", runner.name()),
            5,
        ));
    }
    Ok(HttpResponse::Ok().json(json!({ "status": "ok", "position": app.engine.log().head() })))
}

/// `GET /metrics`.
pub async fn metrics(app: web::Data<App>) -> Result<HttpResponse, Problem> {
    let text = metrics::text(&app).map_err(Problem::internal)?;
    Ok(HttpResponse::Ok()
        .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
        .body(text))
}
