//! What departments want of customers.

use actix_web::{HttpRequest, HttpResponse, web};
use rapport_domain::channel::Channel;
use rapport_domain::contact_point::Kind;
use rapport_domain::event::Position;
use rapport_domain::id::{CustomerId, TenantId, WishId};
use rapport_domain::outreach::WishClass;
use rapport_engine::{CustomerRef, WishDraft};
use rapport_read_model::CUSTOMERS;
use rapport_read_model::view::WishView;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::app::{App, READ_WITHIN};
use super::auth::{Caller, Program};
use super::customers::one_point;
use super::problem::Problem;
use super::request::{Body, Moment, id, limit, query};

/// Whom a wish concerns.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Whom {
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
    value: u32,
    #[serde(default)]
    not_before: Option<Moment>,
    expires_at: Moment,
    channels: Vec<Channel>,
    #[serde(default)]
    script: Option<String>,
}

impl Whom {
    fn read(self) -> Result<CustomerRef, Problem> {
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
    let wish = body.0;
    let draft = WishDraft {
        key: wish.key,
        customer: wish.customer.read()?,
        purpose: wish.purpose,
        class: wish.class,
        talking_point: wish.talking_point,
        value: wish.value,
        not_before: wish.not_before.map(|moment| moment.0),
        expires_at: wish.expires_at.0,
        channels: wish.channels,
        script: wish.script,
    };
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
        class: class_name(draft.class).to_owned(),
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
    }
}

const fn class_name(class: WishClass) -> &'static str {
    match class {
        WishClass::Mandatory => "mandatory",
        WishClass::Service => "service",
        WishClass::Marketing => "marketing",
    }
}

/// Whose wishes somebody sees: a department its own, people at the desk and admins all.
fn whose(caller: &Caller) -> Option<String> {
    match caller {
        Caller::Key { name, .. } if !caller.administers() => Some(name.clone()),
        _ => None,
    }
}

#[derive(Deserialize)]
struct Window {
    #[serde(default)]
    after: Option<Position>,
    #[serde(default)]
    limit: Option<usize>,
    #[serde(default)]
    min_position: Option<Position>,
}

/// `GET /wishes/{id}`.
pub async fn wish(
    app: web::Data<App>,
    who: Caller,
    req: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (id, window): (WishId, Window) = (id(&req, "wish")?, query(&req)?);
    let (tenant, department) = (who.tenant(), whose(&who));
    let found: Option<WishView> = app
        .ask(CUSTOMERS, window.min_position, move |models| {
            models.wish(tenant, id)
        })
        .await?;
    let found =
        found.filter(|wish| department.is_none_or(|department| wish.department == department));
    Ok(HttpResponse::Ok().json(found.ok_or_else(|| Problem::not_found("wish"))?))
}

/// `GET /wishes`.
pub async fn wishes(
    app: web::Data<App>,
    who: Caller,
    req: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let window: Window = query(&req)?;
    let (department, tenant) = (whose(&who), who.tenant());
    list(&app, tenant, department, window).await
}

async fn list(
    app: &App,
    tenant: TenantId,
    of: Option<String>,
    window: Window,
) -> Result<HttpResponse, Problem> {
    let most = limit(window.limit, 100, 1_000)?;
    let after = window.after.unwrap_or(Position::START);
    let page = app
        .ask(CUSTOMERS, window.min_position, move |models| {
            models.wishes(tenant, of.as_deref(), after, most)
        })
        .await?;
    Ok(HttpResponse::Ok().json(page))
}
