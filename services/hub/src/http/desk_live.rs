//! The desk's live socket.

use actix_web::{HttpRequest, HttpResponse, web};
use rapport_domain::event::Position;
use rapport_engine::{Change, ChangeKind};
use serde_json::{Value, json};

use super::app::App;
use super::auth::{AtDesk, leash, token};
use super::live::{Ending, Show, serve};
use super::problem::Problem;

struct Desk {
    who: AtDesk,
    token: String,
}

impl Show for Desk {
    fn allowed(&self, app: &App) -> bool {
        app.sessions
            .peek(&self.token, std::time::Instant::now())
            .is_some_and(|who| who.agent == self.who.agent)
    }

    async fn snapshot(&mut self, app: &App) -> Result<Value, Ending> {
        let AtDesk { tenant, agent } = self.who;
        let seen = app.on_engine(move |engine| async move {
            Ok((
                engine.me(tenant, agent).await?,
                engine.work_of(tenant, agent).await?,
            ))
        });
        let (me, work) = seen.await.map_err(|_| Ending::Failed)?;
        Ok(json!({ "t": "snapshot", "me": me, "work": work }))
    }

    async fn change(&mut self, _: &App, change: &Change) -> Result<Option<Value>, Ending> {
        match &change.what {
            ChangeKind::Desk { agent, frame }
                if *agent == self.who.agent && change.tenant == self.who.tenant =>
            {
                serde_json::to_value(frame)
                    .map(Some)
                    .map_err(|_| Ending::Failed)
            }
            _ => Ok(None),
        }
    }

    fn due(&self) -> Option<tokio::time::Instant> {
        None // a desk is told at once
    }

    async fn later(&mut self, _: &App) -> Result<Vec<(Position, Value)>, Ending> {
        Ok(Vec::new())
    }
}

/// `GET /desk/live`.
pub async fn live(
    app: web::Data<App>,
    who: AtDesk,
    req: HttpRequest,
    body: web::Payload,
) -> Result<HttpResponse, Problem> {
    // With a session there is a token; a key was refused before.
    let (leash, token) = (
        leash(&app, &req)?,
        token(&req).unwrap_or_default().to_owned(),
    );
    let (response, session, frames) = actix_ws::handle(&req, body)
        .map_err(|_| Problem::malformed("This is a WebSocket: send an upgrade."))?;
    let desk = Desk { who, token };
    actix_web::rt::spawn(serve(app, session, frames, Some(leash), desk));
    Ok(response)
}
