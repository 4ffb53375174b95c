//! How far departments' endpoints have come, and sending to them again.

use actix_web::{HttpRequest, HttpResponse, web};
use rapport_domain::event::Position;
use rapport_domain::setup::ApiRole;
use rapport_domain::webhook::{Answer, DeadLetter, DeadReason};
use rapport_engine::{Sends, WebhookStatus};
use serde::Deserialize;
use serde_json::{Value, json};

use super::app::App;
use super::auth::{Administrator, Caller};
use super::problem::Problem;
use super::request::Body;

/// `GET /webhooks`: all of the tenant for who administers, its own for a department.
pub async fn all(app: web::Data<App>, who: Caller) -> Result<HttpResponse, Problem> {
    let department = match &who {
        _ if who.administers() => None,
        Caller::Key {
            name,
            role: ApiRole::Department,
            ..
        } => Some(name.clone()),
        _ => {
            let detail = "Only a supervisor or a program with a key may see this.";
            return Err(Problem::forbidden("role", detail));
        }
    };
    let tenant = who.tenant();
    let all = app
        .on_engine(move |engine| async move { Ok(engine.webhooks(tenant).await) })
        .await?;
    let theirs = all.iter().filter(|status| {
        let of = &status.endpoint.department;
        department
            .as_ref()
            .is_none_or(|department| department == of)
    });
    let shown: Vec<Value> = theirs.map(shown).collect();
    let position = app.engine.log().head();
    Ok(HttpResponse::Ok().json(json!({ "position": position, "webhooks": shown })))
}

fn shown(status: &WebhookStatus) -> Value {
    let endpoint = &status.endpoint;
    let (state, until) = match status.sends {
        Sends::Elsewhere => ("elsewhere", None),
        Sends::Idle => ("idle", None),
        Sends::Sending => ("sending", None),
        Sends::Waiting(until) => ("waiting", Some(until.as_millis())),
        Sends::Suspended => ("suspended", None),
    };
    let last = status.last.map(|(answer, at)| {
        let (outcome, answered) = said(answer);
        json!({ "outcome": outcome, "status": answered, "at": at.as_millis() })
    });
    let line = status.line.as_deref();
    let dead = line.map(|line| line.dead.iter().rev().map(self::dead).collect::<Vec<_>>());
    json!({
        "name": endpoint.name,
        "department": endpoint.department,
        "events": endpoint.events,
        "state": state,
        "until": until,
        "position": line.map(|line| line.mark),
        "delivered": line.map_or(0, |line| line.delivered),
        "aside": line.map_or(0, |line| line.aside.len()),
        "given_up": line.map_or(0, |line| line.given_up),
        "dead_letters": dead.unwrap_or_default(),
        "last": last,
        "error": status.error,
    })
}

fn said(answer: Answer) -> (&'static str, Option<u16>) {
    match answer {
        Answer::Taken => ("taken", None),
        Answer::Gone => ("gone", Some(410)),
        Answer::Refused { status } => ("refused", Some(status)),
        Answer::Busy { status, .. } => ("busy", Some(status)),
        Answer::Unreachable => ("unreachable", None),
    }
}

fn dead(letter: &DeadLetter) -> Value {
    let (reason, status) = match letter.why {
        DeadReason::Refused { status } => ("refused", Some(status)),
        DeadReason::Unreachable => ("unreachable", None),
    };
    json!({
        "position": letter.place.position,
        "event": letter.event,
        "customer": letter.place.customer,
        "reason": reason,
        "status": status,
        "at": letter.at.as_millis(),
    })
}

/// The body of `POST /webhooks/{name}/replay`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    #[serde(default)]
    from: Option<Position>,
}

/// `POST /webhooks/{name}/replay`.
pub async fn replay(
    app: web::Data<App>,
    who: Administrator,
    req: HttpRequest,
    body: Body<Replay>,
) -> Result<HttpResponse, Problem> {
    let name = req.match_info().query("name").to_owned();
    let (tenant, actor, from) = (who.0.tenant(), who.0.actor(), body.0.from);
    let position = app
        .on_engine(
            move |engine| async move { engine.replay_webhook(tenant, &name, from, actor).await },
        )
        .await?;
    Ok(HttpResponse::Ok().json(json!({ "position": position })))
}
