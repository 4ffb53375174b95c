//! What customers said and complained about, and what departments know of them.

use actix_web::{HttpRequest, HttpResponse, web};
use rapport_domain::customer::{
    Admission, DepartmentFact, FactValue, NotAValue, Proven, Qualification, Standing,
};
use rapport_domain::id::{ComplaintId, CustomerId};
use rapport_domain::private::Private;
use rapport_engine::CustomerRef;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{MOST_CHANGES, may_state, source, text};
use crate::http::app::App;
use crate::http::auth::{Administrator, Anyone, Caller, Reader};
use crate::http::problem::Problem;
use crate::http::request::{Body, Moment, id, moment, query};

/// The longest name of a department or a fact, in bytes.
const LONGEST_NAME: usize = 64;

#[derive(Deserialize)]
struct At {
    #[serde(default)]
    at: Option<String>,
}

/// `GET /customers/{id}/consent?at=MOMENT`: what was on record then, and what proves it.
pub async fn consent(
    app: web::Data<App>,
    who: Reader,
    req: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (id, asked): (CustomerId, At) = (id(&req, "customer")?, query(&req)?);
    let tenant = who.0.tenant();
    let at = match asked.at {
        Some(text) => moment("at", &text)?,
        None => app.engine.now(),
    };
    let proven = app
        .on_engine(move |engine| async move { engine.consent_proof(tenant, id, at).await })
        .await?;
    let proven: Vec<Value> = proven.iter().map(|(who, said)| shown(*who, said)).collect();
    Ok(HttpResponse::Ok().json(json!({ "at": at.as_millis(), "consent": proven })))
}

fn shown(customer: CustomerId, proven: &Proven) -> Value {
    let said = &proven.statement;
    json!({
        "customer": customer,
        "purpose": said.purpose,
        "channel": said.channel,
        "given": said.given,
        "standing": match proven.standing {
            Standing::InForce => "in_force",
            Standing::Expired => "expired",
        },
        "evidence": said.evidence,
        "wording": said.wording,
        "source": said.source,
        "stated_at": proven.stated_at.as_millis(),
        "expires_at": said.expires_at.map(|until| until.as_millis()),
        "recorded_at": proven.recorded_at.as_millis(),
        "recorded_by": proven.actor,
        "position": proven.position,
    })
}

/// The body of `PUT /customers/{id}/facts`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    #[serde(default)]
    department: Option<String>,
    facts: Vec<StatedFact>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StatedFact {
    key: String,
    value: Given,
    #[serde(default)]
    source: Option<String>,
    as_of: Moment,
}

/// One of the four kinds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    #[serde(default)]
    number: Option<Value>,
    #[serde(default)]
    currency: Option<String>,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    date: Option<String>,
    #[serde(default)]
    flag: Option<bool>,
}

impl Given {
    fn read(self, path: &str) -> Result<FactValue, Problem> {
        let wrong = |error: NotAValue| Problem::invalid(path, error.to_string());
        match self {
            Self {
                number: Some(number),
                currency,
                text: None,
                date: None,
                flag: None,
            } => {
                let number = match number {
                    Value::String(text) => text,
                    Value::Number(number) => number.to_string(),
                    _ => return Err(wrong(NotAValue::Number)),
                };
                FactValue::number(&number, currency.as_deref()).map_err(wrong)
            }
            Self {
                number: None,
                currency: None,
                text: Some(text),
                date: None,
                flag: None,
            } => FactValue::words(&text).map_err(wrong),
            Self {
                number: None,
                currency: None,
                text: None,
                date: Some(date),
                flag: None,
            } => FactValue::date(&date).map_err(wrong),
            Self {
                number: None,
                currency: None,
                text: None,
                date: None,
                flag: Some(flag),
            } => Ok(FactValue::flag(flag)),
            _ => Err(Problem::invalid(
                path,
                "Give one of number (with a currency when it is money), text, date and flag.",
            )),
        }
    }
}

fn name(field: &str, name: &str) -> Result<(), Problem> {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
    if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(fits) {
        let detail =
            format!("Use 1 to {LONGEST_NAME} of the characters a-z, 0-9, `.`, `_` and `-`.");
        return Err(Problem::invalid(field, detail));
    }
    Ok(())
}

/// `PUT /customers/{id}/facts`: a department states what it knows, under its own name; whoever administers may name it.
pub async fn put_facts(
    app: web::Data<App>,
    who: Anyone,
    req: HttpRequest,
    body: Body<Facts>,
) -> Result<HttpResponse, Problem> {
    let id: CustomerId = id(&req, "customer")?;
    let Body(Facts { department, facts }) = body;
    let department = match (&who.0, department) {
        (caller, Some(named)) if caller.administers() => named,
        (Caller::Key { name, .. }, named) if named.as_ref().is_none_or(|named| named == name) => {
            name.clone()
        }
        (Caller::Agent { .. }, None) if who.0.administers() => {
            return Err(Problem::invalid("department", "Name the department."));
        }
        _ => {
            return Err(Problem::forbidden(
                "role",
                "A department states facts under its own name, with its key; a supervisor under any.",
            ));
        }
    };
    name("department", &department)?;
    if facts.is_empty() || facts.len() > MOST_CHANGES {
        return Err(Problem::invalid(
            "facts",
            format!("Give 1 to {MOST_CHANGES}."),
        ));
    }
    let facts = facts.into_iter().enumerate().map(|(place, fact)| {
        name(&format!("facts[{place}].key"), &fact.key)?;
        Ok(DepartmentFact {
            department: department.clone(),
            key: fact.key,
            value: fact.value.read(&format!("facts[{place}].value"))?,
            source: source(&format!("facts[{place}].source"), fact.source)?,
            as_of: fact.as_of.0,
        })
    });
    let facts = facts.collect::<Result<Vec<_>, Problem>>()?;
    let (tenant, actor) = (who.0.tenant(), who.0.actor());
    let stated = app
        .on_engine(move |engine| async move {
            let customer = CustomerRef::Id(id);
            engine.state_facts(tenant, &customer, facts, actor).await
        })
        .await?;
    Ok(HttpResponse::Ok().json(json!({ "position": stated.position, "new": stated.new })))
}

/// The body of `POST /customers/{id}/qualification`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decided {
    admission: Admission,
    #[serde(default)]
    segment: Option<String>,
    #[serde(default)]
    tier: Option<String>,
    evidence: String,
}

/// `POST /customers/{id}/qualification`: somebody who looked decides.
pub async fn qualify(
    app: web::Data<App>,
    who: Administrator,
    req: HttpRequest,
    body: Body<Decided>,
) -> Result<HttpResponse, Problem> {
    let id: CustomerId = id(&req, "customer")?;
    let Body(decided) = body;
    text("evidence", &decided.evidence, false)?;
    for (field, short) in [("segment", &decided.segment), ("tier", &decided.tier)] {
        if let Some(short) = short {
            name(field, short)?;
        }
    }
    let decided = Qualification {
        admission: decided.admission,
        segment: decided.segment,
        tier: decided.tier,
        evidence: Private::new(decided.evidence),
    };
    let (tenant, actor) = (who.0.tenant(), who.0.actor());
    let position = app
        .on_engine(move |engine| async move {
            engine.qualify_customer(tenant, id, decided, actor).await
        })
        .await?;
    Ok(HttpResponse::Ok().json(json!({ "position": position })))
}

/// The body of `POST /customers/{id}/complaints`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewComplaint {
    about: String,
    #[serde(default)]
    key: Option<Uuid>,
}

/// Complaints are noted by whoever has the customer before them, a supervisor, or a department's program.
async fn may_note(app: &App, who: &Caller, customer: CustomerId) -> Result<(), Problem> {
    if matches!(who, Caller::Key { .. }) || may_state(app, who, customer).await? {
        return Ok(());
    }
    Err(Problem::forbidden(
        "role",
        "Complaints are opened and closed by whoever is in contact with the customer now, by a supervisor, or by a \
         department's program.",
    ))
}

/// `POST /customers/{id}/complaints`: the same key again opens nothing new.
pub async fn open_complaint(
    app: web::Data<App>,
    who: Anyone,
    req: HttpRequest,
    body: Body<NewComplaint>,
) -> Result<HttpResponse, Problem> {
    let id: CustomerId = id(&req, "customer")?;
    let Body(NewComplaint { about, key }) = body;
    text("about", &about, false)?;
    may_note(&app, &who.0, id).await?;
    let complaint = match key {
        Some(key) => ComplaintId::derived(id.as_uuid(), &format!("complaint/{key}")),
        None => ComplaintId::from_uuid(app.engine.fresh()),
    };
    let (tenant, actor) = (who.0.tenant(), who.0.actor());
    let position = app
        .on_engine(move |engine| async move {
            engine
                .open_complaint(tenant, id, complaint, about, actor)
                .await
        })
        .await?;
    Ok(HttpResponse::Ok().json(json!({ "id": complaint, "position": position })))
}

/// The body of `POST /customers/{id}/complaints/{complaint}/close`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resolution {
    resolution: String,
}

/// `POST /customers/{id}/complaints/{complaint}/close`.
pub async fn close_complaint(
    app: web::Data<App>,
    who: Anyone,
    req: HttpRequest,
    body: Body<Resolution>,
) -> Result<HttpResponse, Problem> {
    let id: CustomerId = id(&req, "customer")?;
    let complaint: ComplaintId = req
        .match_info()
        .query("complaint")
        .parse()
        .map_err(|_| Problem::not_found("complaint"))?;
    let resolution = body.0.resolution;
    text("resolution", &resolution, false)?;
    may_note(&app, &who.0, id).await?;
    let (tenant, actor) = (who.0.tenant(), who.0.actor());
    let position = app
        .on_engine(move |engine| async move {
            engine
                .close_complaint(tenant, id, complaint, resolution, actor)
                .await
        })
        .await?;
    Ok(HttpResponse::Ok().json(json!({ "position": position })))
}
