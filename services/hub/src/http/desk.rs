//! What an agent does at the desk.

use actix_web::{HttpRequest, HttpResponse, web};
use rapport_domain::agent::Presence;
use rapport_domain::event::Position;
use rapport_domain::id::{InteractionId, MessageId, WishId};
use rapport_domain::outreach::{Noted, Outcome};
use rapport_domain::private::Private;
use serde::Deserialize;
use serde_json::json;

use super::app::App;
use super::auth::AtDesk;
use super::problem::Problem;
use super::request::{Body, Moment, id};

/// The longest note or code an agent may write, in bytes.
const LONGEST_NOTE: usize = 4_096;

fn at(position: Position) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "position": position }))
}

fn short(field: &'static str, text: Option<&String>) -> Result<(), Problem> {
    match text {
        Some(text) if text.len() > LONGEST_NOTE => Err(Problem::invalid(
            field,
            format!("At most {LONGEST_NOTE} bytes."),
        )),
        _ => Ok(()),
    }
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Ready,
    NotReady,
    LoggedOut,
}

/// The body of `POST /me/presence`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewPresence {
    state: State,
    #[serde(default)]
    reason: Option<String>,
}

/// `POST /me/presence`.
pub async fn presence(
    app: web::Data<App>,
    who: AtDesk,
    body: Body<NewPresence>,
) -> Result<HttpResponse, Problem> {
    let presence = match (body.0.state, body.0.reason) {
        (State::Ready, _) => Presence::Ready,
        (State::LoggedOut, _) => Presence::LoggedOut,
        (State::NotReady, reason) => {
            let directory = app.engine.directory();
            let known = directory
                .tenant(who.tenant)
                .map(|entry| entry.tenant.definition.not_ready_reasons.clone());
            let known = known.unwrap_or_default();
            // Without a reason it is the first one: a tenant that declares none needs none.
            let reason = reason
                .or_else(|| known.first().cloned())
                .unwrap_or_default();
            if !known.is_empty() && !known.contains(&reason) {
                return Err(Problem::invalid(
                    "reason",
                    format!("Use one of {}.", known.join(", ")),
                ));
            }
            short("reason", Some(&reason))?;
            Presence::NotReady { reason }
        }
    };
    let changed = app.on_engine(move |engine| async move {
        engine
            .change_presence(who.tenant, who.agent, presence)
            .await
    });
    Ok(at(changed.await?))
}

/// `POST /interactions/{id}/accept`.
pub async fn accept(
    app: web::Data<App>,
    who: AtDesk,
    req: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let interaction: InteractionId = id(&req, "interaction")?;
    let done = app.on_engine(move |engine| async move {
        engine.accept(who.tenant, who.agent, interaction).await
    });
    Ok(at(done.await?))
}

/// `POST /interactions/{id}/decline`.
pub async fn decline(
    app: web::Data<App>,
    who: AtDesk,
    req: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let interaction: InteractionId = id(&req, "interaction")?;
    let done = app.on_engine(move |engine| async move {
        engine.decline(who.tenant, who.agent, interaction).await
    });
    Ok(at(done.await?))
}

/// `POST /interactions/{id}/end`.
pub async fn end(
    app: web::Data<App>,
    who: AtDesk,
    req: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let interaction: InteractionId = id(&req, "interaction")?;
    let done =
        app.on_engine(
            move |engine| async move { engine.end(who.tenant, who.agent, interaction).await },
        );
    Ok(at(done.await?))
}

/// The body of `POST /interactions/{id}/messages`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewMessage {
    message: MessageId,
    text: String,
}

/// `POST /interactions/{id}/messages`.
pub async fn message(
    app: web::Data<App>,
    who: AtDesk,
    req: HttpRequest,
    body: Body<NewMessage>,
) -> Result<HttpResponse, Problem> {
    let interaction: InteractionId = id(&req, "interaction")?;
    let Body(NewMessage { message, text }) = body;
    let sent = app.on_engine(move |engine| async move {
        engine
            .send_message(who.tenant, who.agent, interaction, message, text)
            .await
    });
    let (seq, position) = sent.await?;
    Ok(HttpResponse::Ok().json(json!({ "seq": seq, "position": position })))
}

/// The body of `POST /interactions/{id}/wrap-up`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrapUp {
    #[serde(default)]
    disposition: Option<String>,
    #[serde(default)]
    note: Option<String>,
}

/// `POST /interactions/{id}/wrap-up`.
pub async fn wrap_up(
    app: web::Data<App>,
    who: AtDesk,
    req: HttpRequest,
    body: Body<WrapUp>,
) -> Result<HttpResponse, Problem> {
    let interaction: InteractionId = id(&req, "interaction")?;
    let Body(WrapUp { disposition, note }) = body;
    short("disposition", disposition.as_ref())?;
    short("note", note.as_ref())?;
    let done = app.on_engine(move |engine| async move {
        engine
            .wrap_up(who.tenant, who.agent, interaction, disposition, note)
            .await
    });
    Ok(at(done.await?))
}

/// The body of `POST /interactions/{id}/outcomes`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewOutcome {
    wish: WishId,
    outcome: Outcome,
    #[serde(default)]
    not_before: Option<Moment>,
    #[serde(default)]
    note: Option<String>,
}

/// `POST /interactions/{id}/outcomes`.
pub async fn outcome(
    app: web::Data<App>,
    who: AtDesk,
    req: HttpRequest,
    body: Body<NewOutcome>,
) -> Result<HttpResponse, Problem> {
    let interaction: InteractionId = id(&req, "interaction")?;
    let Body(NewOutcome {
        wish,
        outcome,
        not_before,
        note,
    }) = body;
    short("note", note.as_ref())?;
    let noted = Noted {
        outcome,
        not_before: not_before.map(|moment| moment.0),
        note: note.map(Private::new),
    };
    let done = app.on_engine(move |engine| async move {
        engine
            .record_outcome(who.tenant, who.agent, interaction, wish, noted)
            .await
    });
    Ok(at(done.await?))
}
