//! Logging in and out.

use std::time::{Duration, Instant};

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;

use super::app::App;
use super::auth::{AtDesk, client_address, from_our_origin, token};
use super::problem::Problem;
use super::request::Body;
use super::session::{COOKIE, Who};
use crate::password;

/// The longest password looked at, in bytes.
const LONGEST_PASSWORD: usize = 1_024;
/// Waiting longer than this for a free hasher is an overload.
const HASH_WITHIN: Duration = Duration::from_secs(10);

/// The body of `POST /login`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    tenant: String,
    user: String,
    password: String,
}

/// `POST /login`.
pub async fn login(
    app: web::Data<App>,
    req: HttpRequest,
    body: Body<Login>,
) -> Result<HttpResponse, Problem> {
    let Body(Login {
        tenant,
        user,
        password,
    }) = body;
    // Another site's page must not log its visitor in here as somebody else.
    if req.headers().contains_key(header::ORIGIN) && !from_our_origin(&app, &req) {
        return Err(Problem::forbidden(
            "origin",
            "Log in on the hub's own pages.",
        ));
    }
    for (field, text, most) in [
        ("tenant", &tenant, 64),
        ("user", &user, 64),
        ("password", &password, LONGEST_PASSWORD),
    ] {
        if text.len() > most {
            return Err(Problem::invalid(field, format!("At most {most} bytes.")));
        }
    }
    let address = client_address(&app, &req);
    let slow = |seconds| Problem::too_many("Too many attempts; wait a moment.", seconds);
    let attempt = app
        .attempts
        .begin(address, &tenant, &user, Instant::now())
        .map_err(slow)?;

    let directory = app.engine.directory();
    let entry = directory
        .tenant_named(&tenant)
        .and_then(|id| directory.agent(directory.agent_named(id, &user)?));
    let known = entry.filter(|entry| !entry.retired).and_then(|entry| {
        Some((
            Who {
                tenant: entry.tenant,
                agent: entry.id,
            },
            entry.password.clone()?,
        ))
    });
    // Whoever is not known costs as much time as whoever is.
    let (who, hash) = known.map_or((None, app.nobody.clone()), |(who, hash)| (Some(who), hash));
    let permit = tokio::time::timeout(HASH_WITHIN, app.hashing.clone().acquire_owned()).await;
    let Ok(Ok(permit)) = permit else {
        return Err(Problem::unavailable("Too many logins at the same time.", 5));
    };
    let checked = app.runtime.spawn_blocking(move || {
        let right = password::verify(&password, &hash);
        drop(permit);
        right
    });
    let right = checked.await.map_err(Problem::internal)?;
    let Some(who) = who.filter(|_| right) else {
        return Err(Problem::unauthorized(
            "Tenant, user and password do not belong together.",
        ));
    };
    app.attempts.succeeded(&attempt, Instant::now());
    let me = app
        .on_engine(move |engine| async move { engine.me(who.tenant, who.agent).await })
        .await?;
    if let Some(old) = token(&req) {
        app.sessions.close(old);
    }
    let token = app
        .sessions
        .open(who, Instant::now())
        .map_err(Problem::internal)?;
    let secure = if app.secure_cookies { "; Secure" } else { "" };
    let cookie = format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Lax{secure}");
    Ok(HttpResponse::Ok()
        .insert_header((header::SET_COOKIE, cookie))
        .json(me))
}

/// `POST /logout`.
pub async fn logout(app: web::Data<App>, req: HttpRequest) -> Result<HttpResponse, Problem> {
    if let Some(token) = token(&req) {
        if !from_our_origin(&app, &req) {
            return Err(Problem::forbidden(
                "origin",
                "Log out on the hub's own pages.",
            ));
        }
        app.sessions.close(token);
    }
    let cookie = format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    Ok(HttpResponse::NoContent()
        .insert_header((header::SET_COOKIE, cookie))
        .finish())
}

/// `GET /me`.
pub async fn me(app: web::Data<App>, who: AtDesk) -> Result<HttpResponse, Problem> {
    let me = app
        .on_engine(move |engine| async move { engine.me(who.tenant, who.agent).await })
        .await?;
    Ok(HttpResponse::Ok().json(me))
}
