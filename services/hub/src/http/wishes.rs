//! What departments want of customers.

use actix_web::{HttpRequest, HttpResponse, web};
use rapport_domain::channel::Channel;
use rapport_domain::contact_point::Kind;
use rapport_domain::event::Position;
use rapport_domain::id::{CustomerId, WishId};
use rapport_domain::outreach::{CERTAIN, USUAL_SECONDS, WishClass};
use rapport_domain::time::Timestamp;
use rapport_engine::{CustomerRef, WishDraft};
use rapport_read_model::CUSTOMERS;
use rapport_read_model::view::{WishFilter, WishView};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::amending::Likelihood;
use super::app::{App, READ_WITHIN};
use super::auth::{Caller, Program};
use super::customers::one_point;
use super::problem::Problem;
use super::request::{Body, Moment, id, limit, query};

/// Whom a wish concerns.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Whom {
    #[serde(default)]
    id: Option<CustomerId>,
    #[serde(default)]
    phone: Option<String>,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    external_id: Option<String>,
}

/// The body of `POST /wishes`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewWish {
    #[serde(default)]
    key: Option<Uuid>,
    customer: Whom,
    purpose: String,
    class: WishClass,
    talking_point: String,
    #[serde(default)]
    message: Option<String>,
    value: u32,
    #[serde(default)]
    propensity: Option<Likelihood>,
    #[serde(default)]
    expected_seconds: Option<u32>,
    #[serde(default)]
    not_before: Option<Moment>,
    expires_at: Moment,
    channels: Vec<Channel>,
    #[serde(default)]
    script: Option<String>,
    #[serde(default)]
    evidence: Option<String>,
    #[serde(default)]
    bundle: Option<bool>,
}

impl NewWish {
    /// What it says.
    ///
    /// # Errors
    /// 422 naming the field.
    pub fn read(self) -> Result<WishDraft, Problem> {
        Ok(WishDraft {
            key: self.key,
            customer: self.customer.read()?,
            purpose: self.purpose,
            class: self.class,
            talking_point: self.talking_point,
            message: self.message,
            value: self.value,
            propensity: self.propensity.map_or(CERTAIN, |likelihood| likelihood.0),
            expected_seconds: self.expected_seconds.unwrap_or(USUAL_SECONDS),
            not_before: self.not_before.map(|moment| moment.0),
            expires_at: self.expires_at.0,
            channels: self.channels,
            script: self.script,
            evidence: self.evidence,
            bundle: self.bundle.unwrap_or(true),
        })
    }
}

impl Whom {
    /// The customer that is named.
    ///
    /// # Errors
    /// 422 when it is nobody, or several.
    pub fn read(self) -> Result<CustomerRef, Problem> {
        let Self {
            id,
            phone,
            email,
            external_id,
        } = self;
        let by_point = phone.is_some() || email.is_some() || external_id.is_some();
        match id {
            Some(_) if by_point => Err(Problem::invalid(
                "customer",
                "Give the id, or one contact point.",
            )),
            Some(id) => Ok(CustomerRef::Id(id)),
            None => {
                let given = [
                    ("phone", Kind::Phone, phone),
                    ("email", Kind::Email, email),
                    ("external_id", Kind::ExternalId, external_id),
                ];
                one_point(given, "customer").map(CustomerRef::Point)
            }
        }
    }
}

/// `POST /wishes`: 201 when it is new, 200 when it was filed before.
pub async fn file(
    app: web::Data<App>,
    who: Program,
    body: Body<NewWish>,
) -> Result<HttpResponse, Problem> {
    let tenant = who.0.tenant();
    let Caller::Key {
        name: department, ..
    } = who.0
    else {
        return Err(Problem::forbidden(
            "role",
            "Only a program with a key may do this.",
        ));
    };
    let draft = body.0.read()?;
    let of = department.clone();
    let before_read = just_filed(&app, &department, &draft);
    let filed = app
        .on_engine(move |engine| async move { engine.file_wish(tenant, &of, draft).await })
        .await?;
    let seen = app.seen(CUSTOMERS, filed.position, READ_WITHIN).await;
    let view = if filed.new && !seen {
        // It is on disk; that the read model is late is no reason to say anything else.
        Some(WishView {
            id: filed.wish,
            customer: filed.customer,
            ..before_read
        })
    } else {
        let wanted = Some(filed.position);
        app.ask(CUSTOMERS, wanted, move |models| {
            models.wish(tenant, filed.wish)
        })
        .await?
    };
    let view = view.ok_or_else(|| {
        Problem::unavailable(
            "The wish is filed; the read model has not come that far yet.",
            1,
        )
    })?;
    let mut answer = serde_json::to_value(view).map_err(Problem::internal)?;
    answer["position"] = json!(filed.position);
    Ok(if filed.new {
        HttpResponse::Created()
    } else {
        HttpResponse::Ok()
    }
    .json(answer))
}

/// A wish as it stands when it has been filed and nothing was decided yet.
fn just_filed(app: &App, department: &str, draft: &WishDraft) -> WishView {
    let nobody = Uuid::nil();
    WishView {
        id: WishId::from_uuid(nobody),
        customer: CustomerId::from_uuid(nobody),
        department: department.to_owned(),
        purpose: draft.purpose.clone(),
        class: draft.class.name().to_owned(),
        value: draft.value,
        filed_at: app.engine.now().as_millis(),
        expires_at: draft.expires_at.as_millis(),
        status: "open".to_owned(),
        reason: None,
        until: None,
        plan: None,
        slot: None,
        interaction: None,
        outcome: None,
        note: None,
        outcome_at: None,
        attempts: 0,
        propensity: f64::from(draft.propensity) / 1_000.0,
        expected_seconds: draft.expected_seconds,
        bundle: draft.bundle,
        channels: draft.channels.clone(),
        amended_at: None,
        not_before: draft.not_before.map(Timestamp::as_millis),
        asked_for: None,
    }
}

/// Whose wishes somebody sees: a department its own, people at the desk and admins all.
pub(super) fn whose(caller: &Caller) -> Option<String> {
    match caller {
        Caller::Key { name, .. } if !caller.administers() => Some(name.clone()),
        _ => None,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Window {
    #[serde(default)]
    after: Option<Position>,
    #[serde(default)]
    limit: Option<usize>,
    #[serde(default)]
    min_position: Option<Position>,
    #[serde(default)]
    department: Option<String>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    purpose: Option<String>,
    #[serde(default)]
    customer: Option<CustomerId>,
}

/// What a wish can be, as lists are filtered by it.
const STATUSES: [&str; 7] = [
    "open",
    "held",
    "planned",
    "in_contact",
    "done",
    "dropped",
    "withdrawn",
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Since {
    #[serde(default)]
    min_position: Option<Position>,
}

/// A wish that the caller may see.
pub(super) async fn seen(
    app: &App,
    who: &Caller,
    id: WishId,
    since: Option<Position>,
) -> Result<WishView, Problem> {
    let (tenant, department) = (who.tenant(), whose(who));
    let found: Option<WishView> = app
        .ask(CUSTOMERS, since, move |models| models.wish(tenant, id))
        .await?;
    found
        .filter(|wish| department.is_none_or(|department| wish.department == department))
        .ok_or_else(|| Problem::not_found("wish"))
}

/// `GET /wishes/{id}`: where it stands, and what the department wrote.
pub async fn wish(
    app: web::Data<App>,
    who: Caller,
    req: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (id, since): (WishId, Since) = (id(&req, "wish")?, query(&req)?);
    let found = seen(&app, &who, id, since.min_position).await?;
    let (tenant, customer) = (who.tenant(), found.customer);
    let written = app
        .on_engine(move |engine| async move { engine.wish(tenant, customer, id).await })
        .await?;
    let mut answer = serde_json::to_value(found).map_err(Problem::internal)?;
    answer["talking_point"] = json!(written.talking_point);
    answer["message"] = json!(written.message);
    answer["script"] = json!(written.script);
    answer["evidence"] = json!(written.evidence);
    Ok(HttpResponse::Ok().json(answer))
}

/// `GET /wishes`.
pub async fn wishes(
    app: web::Data<App>,
    who: Caller,
    req: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let window: Window = query(&req)?;
    let (tenant, most) = (who.tenant(), limit(window.limit, 100, 1_000)?);
    let status = window.status;
    if status
        .as_deref()
        .is_some_and(|status| !STATUSES.contains(&status))
    {
        let detail = format!("Use one of {}.", STATUSES.join(", "));
        return Err(Problem::invalid("status", detail));
    }
    let department = match (whose(&who), window.department) {
        (Some(own), Some(asked)) if own != asked => {
            return Err(Problem::forbidden_field(
                "department",
                "A department sees its own wishes.",
            ));
        }
        (own, asked) => own.or(asked),
    };
    let filter = WishFilter {
        department,
        status,
        purpose: window.purpose,
        customer: window.customer,
    };
    let after = window.after.unwrap_or(Position::START);
    let page = app
        .ask(CUSTOMERS, window.min_position, move |models| {
            models.wishes(tenant, &filter, after, most)
        })
        .await?;
    Ok(HttpResponse::Ok().json(page))
}
