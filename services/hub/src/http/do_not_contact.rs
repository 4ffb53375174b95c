//! The tenant's do-not-contact list. Numbers and addresses stand in bodies, never in paths.

use actix_web::{HttpResponse, web};
use rapport_domain::contact_point::{ContactPoint, Kind};
use rapport_domain::customer::{Listing, Scope, Source};
use rapport_domain::event::Position;
use rapport_domain::time::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::app::App;
use super::auth::{Administrator, Reader};
use super::problem::Problem;
use super::request::{Body, Moment};

/// Most numbers and addresses at once.
const MOST: usize = 500;

/// A number or address; `phone` or `email`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    kind: Kind,
    value: String,
}

/// The body of `POST /do-not-contact`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entries {
    contact_points: Vec<Place>,
    #[serde(default)]
    scope: Scope,
    #[serde(default)]
    until: Option<Moment>,
    #[serde(default)]
    source: Option<String>,
}

/// The body of `POST /do-not-contact/remove`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Removal {
    contact_points: Vec<Place>,
    #[serde(default)]
    scope: Scope,
}

/// The body of `POST /do-not-contact/check`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    contact_points: Vec<Place>,
}

fn read(places: Vec<Place>) -> Result<Vec<ContactPoint>, Problem> {
    if places.is_empty() || places.len() > MOST {
        return Err(Problem::invalid(
            "contact_points",
            format!("Give 1 to {MOST}."),
        ));
    }
    let points = places.into_iter().enumerate().map(|(place, given)| {
        if !matches!(given.kind, Kind::Phone | Kind::Email) {
            return Err(Problem::invalid(
                format!("contact_points[{place}].kind"),
                "Only numbers and addresses are listed: phone or email.",
            ));
        }
        ContactPoint::parse(given.kind, &given.value).map_err(|error| {
            Problem::invalid(format!("contact_points[{place}].value"), error.to_string())
        })
    });
    points.collect()
}

/// `POST /do-not-contact`: puts numbers and addresses on the list, known or not.
pub async fn list(
    app: web::Data<App>,
    who: Administrator,
    body: Body<Entries>,
) -> Result<HttpResponse, Problem> {
    let Body(Entries {
        contact_points,
        scope,
        until,
        source,
    }) = body;
    let points = read(contact_points)?;
    let source = source.map(|name| Source::parse(&name)).transpose();
    let entry = Listing {
        scope,
        until: until.map(|moment| moment.0),
        source: source.map_err(|error| Problem::invalid("source", error.to_string()))?,
    };
    let (tenant, actor) = (who.0.tenant(), who.0.actor());
    let position = app
        .on_engine(move |engine| async move {
            let mut position = Position::START;
            for point in &points {
                let entry = entry.clone();
                let listed = engine.list_do_not_contact(tenant, point, entry, actor.clone());
                position = position.max(listed.await?);
            }
            Ok(position)
        })
        .await?;
    Ok(HttpResponse::Ok().json(json!({ "position": position })))
}

/// `POST /do-not-contact/remove`.
pub async fn remove(
    app: web::Data<App>,
    who: Administrator,
    body: Body<Removal>,
) -> Result<HttpResponse, Problem> {
    let Body(Removal {
        contact_points,
        scope,
    }) = body;
    let points = read(contact_points)?;
    let (tenant, actor) = (who.0.tenant(), who.0.actor());
    let position = app
        .on_engine(move |engine| async move {
            let mut position = Position::START;
            for point in &points {
                let gone = engine.unlist_do_not_contact(tenant, point, scope, actor.clone());
                position = position.max(gone.await?);
            }
            Ok(position)
        })
        .await?;
    Ok(HttpResponse::Ok().json(json!({ "position": position })))
}

/// `POST /do-not-contact/check`: what the list says of each, in the order of the question.
pub async fn check(
    app: web::Data<App>,
    who: Reader,
    body: Body<Question>,
) -> Result<HttpResponse, Problem> {
    let points = read(body.0.contact_points)?;
    let (tenant, now) = (who.0.tenant(), app.engine.now());
    let entries = app
        .on_engine(move |engine| async move {
            let mut entries = Vec::with_capacity(points.len());
            for point in &points {
                entries.push(engine.do_not_contact_list(tenant, point).await?);
            }
            Ok(entries)
        })
        .await?;
    let shown = entries.iter().map(|blocks| -> Value {
        let active = blocks.iter().filter_map(|(scope, _)| {
            let until = blocks.active(scope, now)?;
            Some(json!({ "scope": scope, "until": until.map(Timestamp::as_millis) }))
        });
        active.collect()
    });
    Ok(HttpResponse::Ok().json(json!({ "listed": shown.collect::<Vec<Value>>() })))
}
