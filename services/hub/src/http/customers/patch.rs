//! `PATCH /customers/{id}`: what becomes known of a customer.

use actix_web::{HttpRequest, HttpResponse, web};
use rapport_domain::channel::Channel;
use rapport_domain::contact_point::{ContactPoint, Kind};
use rapport_domain::customer::{self, KnownContactPoint, Scope};
use rapport_domain::id::CustomerId;
use rapport_domain::private::Private;
use rapport_domain::time::Zone;
use rapport_engine::CustomerChange;
use serde::Deserialize;
use serde_json::json;

use super::{MOST_CHANGES, may_state, source, text};
use crate::http::app::App;
use crate::http::auth::Reader;
use crate::http::problem::Problem;
use crate::http::request::{Body, Moment, id};

/// The body of `PATCH /customers/{id}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Patch {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    zone: Option<Zone>,
    #[serde(default)]
    do_not_contact: Option<DoNotContact>,
    #[serde(default)]
    consent: Vec<Statement>,
    #[serde(default)]
    contact_points: Vec<Point>,
    #[serde(default)]
    preference: Option<Preference>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DoNotContact {
    active: bool,
    reason: String,
    #[serde(default)]
    scope: Scope,
    #[serde(default)]
    until: Option<Moment>,
    #[serde(default)]
    source: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Statement {
    purpose: String,
    channel: Channel,
    given: bool,
    evidence: String,
    #[serde(default)]
    wording: Option<String>,
    #[serde(default)]
    source: Option<String>,
    #[serde(default)]
    stated_at: Option<Moment>,
    #[serde(default)]
    expires_at: Option<Moment>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Point {
    kind: Kind,
    value: String,
    #[serde(default)]
    verified: bool,
    #[serde(default)]
    source: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Preference {
    #[serde(default)]
    channel: Option<Channel>,
    #[serde(default)]
    contact_point: Option<Place>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    kind: Kind,
    value: String,
}

fn point(path: &str, kind: Kind, value: &str) -> Result<ContactPoint, Problem> {
    ContactPoint::parse(kind, value)
        .map_err(|error| Problem::invalid(format!("{path}.value"), error.to_string()))
}

impl DoNotContact {
    fn read(self) -> Result<customer::DoNotContact, Problem> {
        text("do_not_contact.reason", &self.reason, true)?;
        Ok(customer::DoNotContact {
            active: self.active,
            reason: Private::new(self.reason),
            scope: self.scope,
            until: self.until.map(|moment| moment.0),
            source: source("do_not_contact.source", self.source)?,
        })
    }
}

impl Statement {
    fn read(self, path: &str) -> Result<customer::Statement, Problem> {
        text(format!("{path}.purpose"), &self.purpose, false)?;
        text(format!("{path}.evidence"), &self.evidence, true)?;
        if let Some(wording) = &self.wording {
            text(format!("{path}.wording"), wording, false)?;
        }
        Ok(customer::Statement {
            purpose: self.purpose,
            channel: self.channel,
            given: self.given,
            evidence: Private::new(self.evidence),
            wording: self.wording,
            source: source(&format!("{path}.source"), self.source)?,
            stated_at: self.stated_at.map(|moment| moment.0),
            expires_at: self.expires_at.map(|moment| moment.0),
        })
    }
}

impl Point {
    fn read(self, path: &str) -> Result<KnownContactPoint, Problem> {
        if self.kind == Kind::ChatVisitor {
            return Err(Problem::invalid(
                format!("{path}.kind"),
                "A browser is known by its own token alone.",
            ));
        }
        Ok(KnownContactPoint {
            contact_point: point(path, self.kind, &self.value)?,
            verified: self.verified,
            source: source(&format!("{path}.source"), self.source)?,
        })
    }
}

impl Patch {
    /// Whether it states something that later contacts are decided by.
    fn states(&self) -> bool {
        self.do_not_contact.is_some()
            || !self.consent.is_empty()
            || self.contact_points.iter().any(|point| point.verified)
            || self.preference.is_some()
    }

    fn read(self) -> Result<CustomerChange, Problem> {
        if let Some(name) = &self.name {
            text("name", name, false)?;
        }
        for (field, count) in [
            ("consent", self.consent.len()),
            ("contact_points", self.contact_points.len()),
        ] {
            if count > MOST_CHANGES {
                return Err(Problem::invalid(
                    field,
                    format!("At most {MOST_CHANGES} at once."),
                ));
            }
        }
        let consent = self.consent.into_iter().enumerate();
        let consent = consent.map(|(place, said)| said.read(&format!("consent[{place}]")));
        let points = self.contact_points.into_iter().enumerate();
        let points = points.map(|(place, point)| point.read(&format!("contact_points[{place}]")));
        let preference = self.preference.map(|wish| {
            let place = wish
                .contact_point
                .map(|place| point("preference.contact_point", place.kind, &place.value));
            Ok::<_, Problem>((wish.channel, place.transpose()?))
        });
        Ok(CustomerChange {
            name: self.name,
            zone: self.zone,
            do_not_contact: self.do_not_contact.map(DoNotContact::read).transpose()?,
            consent: consent.collect::<Result<_, Problem>>()?,
            contact_points: points.collect::<Result<_, Problem>>()?,
            preference: preference.transpose()?,
        })
    }
}

/// `PATCH /customers/{id}`.
pub async fn patch(
    app: web::Data<App>,
    who: Reader,
    req: HttpRequest,
    body: Body<Patch>,
) -> Result<HttpResponse, Problem> {
    let id: CustomerId = id(&req, "customer")?;
    let states = body.0.states();
    let change = body.0.read()?;
    let (tenant, actor) = (who.0.tenant(), who.0.actor());
    if states && !may_state(&app, &who.0, id).await? {
        return Err(Problem::forbidden(
            "role",
            "Consent, do-not-contact, preferences and verified contact points are stated by whoever is in contact with \
             the customer now, or by a supervisor.",
        ));
    }
    let changed = app.on_engine(move |engine| async move {
        engine.change_customer(tenant, id, change, actor).await
    });
    Ok(HttpResponse::Ok().json(json!({ "position": changed.await? })))
}
