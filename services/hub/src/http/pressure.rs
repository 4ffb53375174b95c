//! How much a customer was contacted, and why it was decided so.

use actix_web::{HttpRequest, HttpResponse, web};
use rapport_domain::channel::Channel;
use rapport_domain::id::CustomerId;
use rapport_domain::outreach::{Contact, Decided, Pressure, Reason, Told};
use rapport_domain::time::Timestamp;
use rapport_engine::ContactReport;
use rapport_read_model::view::{Decision, DecisionPage};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::app::App;
use super::auth::{Caller, Reader};
use super::problem::Problem;
use super::request::{Body, Moment, id};

/// `GET /customers/{id}/pressure`: what agents look at before they dial.
pub async fn pressure(
    app: web::Data<App>,
    who: Reader,
    req: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let id: CustomerId = id(&req, "customer")?;
    let tenant = who.0.tenant();
    let seen = app
        .on_engine(move |engine| async move { engine.pressure(tenant, id).await })
        .await?;
    Ok(HttpResponse::Ok().json(view(&seen)))
}

fn view(seen: &Pressure) -> Value {
    let contact = |contact: &Contact| {
        json!({ "at": contact.at.as_millis(), "channel": contact.channel, "origin": contact.origin,
                "reached": contact.reached })
    };
    json!({
        "windows": seen.windows,
        "next_allowed": seen.next_allowed.as_millis(),
        "because": seen.because,
        "contacts": seen.contacts.iter().map(contact).collect::<Vec<_>>(),
    })
}

/// The body of `POST /customers/{id}/contacts`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewContact {
    key: Uuid,
    at: Moment,
    channel: Channel,
    #[serde(default)]
    reached: Option<bool>,
}

/// `POST /customers/{id}/contacts`: another system contacted the customer.
pub async fn contact(
    app: web::Data<App>,
    who: Caller,
    req: HttpRequest,
    body: Body<NewContact>,
) -> Result<HttpResponse, Problem> {
    let id: CustomerId = id(&req, "customer")?;
    let (tenant, actor) = (who.tenant(), who.actor());
    let report = ContactReport {
        key: body.0.key,
        at: body.0.at.0,
        channel: body.0.channel,
        reached: body.0.reached,
    };
    let position = app
        .on_engine(
            move |engine| async move { engine.report_contact(tenant, id, report, actor).await },
        )
        .await?;
    Ok(HttpResponse::Ok().json(json!({ "position": position })))
}

/// Decisions with what each says in plain words.
pub fn told(page: DecisionPage) -> Value {
    let decisions = page.decisions.iter().map(|decision| {
        let mut value = json!(decision);
        value["text"] = words(decision);
        value
    });
    json!({ "decisions": decisions.collect::<Vec<_>>(), "next": page.next })
}

/// `{en, zh}`; null for what a later program wrote.
fn words(decision: &Decision) -> Value {
    let decided = Decided::ALL
        .into_iter()
        .find(|one| one.name() == decision.decision);
    let reason: Option<Reason> = serde_json::from_value(json!(decision.reason)).ok();
    let topics: Vec<(&str, &str)> = decision
        .wishes
        .iter()
        .map(|wish| (wish.department.as_str(), wish.purpose.as_str()))
        .collect();
    let (Some(decided), Some(reason)) = (decided, reason) else {
        return Value::Null;
    };
    let told = Told {
        decided,
        reason,
        policy_version: decision.policy_version,
        inputs: &decision.inputs,
        topics: &topics,
        slot: decision.slot.map(Timestamp::from_millis),
        until: decision.until.map(Timestamp::from_millis),
    };
    json!(told.words())
}
