//! `POST /customers`: a customer becomes known.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::json;

use super::app::App;
use super::auth::Caller;
use super::problem::Problem;
use super::request::Body;
use super::wishes::Whom;

/// The body.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acquaintance {
    customer: Whom,
}

/// `POST /customers`: 201 when nobody had the contact point, 200 when somebody had it.
pub async fn acquaint(
    app: web::Data<App>,
    who: Caller,
    body: Body<Acquaintance>,
) -> Result<HttpResponse, Problem> {
    if !who.administers() && !matches!(who, Caller::Key { .. }) {
        let detail = "Only a supervisor or a program with a key may do this.";
        return Err(Problem::forbidden("role", detail));
    }
    let named = body.0.customer.read()?;
    let (tenant, actor) = (who.tenant(), who.actor());
    let (id, new) = app
        .on_engine(move |engine| async move { engine.acquaint(tenant, &named, actor).await })
        .await?;
    let position = app.engine.log().head();
    let mut answer = if new {
        HttpResponse::Created()
    } else {
        HttpResponse::Ok()
    };
    Ok(answer.json(json!({ "id": id, "new": new, "position": position })))
}
