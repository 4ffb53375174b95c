//! A department changes its mind: amending and withdrawing wishes, and what became of one.

use actix_web::{HttpRequest, HttpResponse, web};
use rapport_domain::channel::Channel;
use rapport_domain::id::WishId;
use rapport_domain::outreach::CERTAIN;
use rapport_domain::time::Timestamp;
use rapport_engine::{Field, HistoryEntry, WishChange};
use rapport_read_model::CUSTOMERS;
use serde::{Deserialize, Deserializer, de};
use serde_json::{Value, json};

use super::app::{App, READ_WITHIN};
use super::auth::Caller;
use super::problem::Problem;
use super::request::{Body, Moment, id};
use super::wishes::{seen, whose};

/// A propensity as a request has it: 0 to 1 with at most three decimals; kept in whole thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Likelihood(pub u16);

impl<'de> Deserialize<'de> for Likelihood {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wrong = || de::Error::custom("a number from 0 to 1 with at most three decimals");
        let number = f64::deserialize(deserializer)?;
        let thousandths = (number * f64::from(CERTAIN)).round();
        // A decimal of three places is the nearest double to itself.
        let exact = (thousandths / f64::from(CERTAIN) - number).abs() < 1e-9;
        let within = (0.0..=f64::from(CERTAIN)).contains(&thousandths);
        (0..=CERTAIN)
            .find(|whole| exact && within && f64::from(*whole) >= thousandths)
            .map(Self)
            .ok_or_else(wrong)
    }
}

/// A field that may be set, cleared by null, or left out.
fn field<'de, D, T>(deserializer: D) -> Result<Field<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.map_or(Field::Clear, Field::Set))
}

/// The body of `PATCH /wishes/{id}`: what is left out stays.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Amendment {
    #[serde(default)]
    talking_point: Option<String>,
    #[serde(default, deserialize_with = "field")]
    message: Field<String>,
    #[serde(default)]
    value: Option<u32>,
    #[serde(default)]
    propensity: Option<Likelihood>,
    #[serde(default)]
    expected_seconds: Option<u32>,
    #[serde(default, deserialize_with = "field")]
    not_before: Field<Moment>,
    #[serde(default)]
    expires_at: Option<Moment>,
    #[serde(default)]
    channels: Option<Vec<Channel>>,
    #[serde(default, deserialize_with = "field")]
    script: Field<String>,
    #[serde(default, deserialize_with = "field")]
    evidence: Field<String>,
    #[serde(default)]
    bundle: Option<bool>,
}

impl Amendment {
    fn read(self) -> WishChange {
        WishChange {
            talking_point: self.talking_point,
            message: self.message,
            value: self.value,
            propensity: self.propensity.map(|likelihood| likelihood.0),
            expected_seconds: self.expected_seconds,
            not_before: match self.not_before {
                Field::Keep => Field::Keep,
                Field::Set(moment) => Field::Set(moment.0),
                Field::Clear => Field::Clear,
            },
            expires_at: self.expires_at.map(|moment| moment.0),
            channels: self.channels,
            script: self.script,
            evidence: self.evidence,
            bundle: self.bundle,
        }
    }
}

/// Whether the caller may change wishes at all: a department its own, an admin or a supervisor any.
fn may_change(who: &Caller) -> Result<Option<String>, Problem> {
    match who {
        Caller::Key { .. } => Ok(whose(who)),
        _ if who.administers() => Ok(None),
        _ => Err(Problem::forbidden(
            "role",
            "Wishes are changed by the department that filed them, or by a supervisor.",
        )),
    }
}

/// `PATCH /wishes/{id}`.
pub async fn amend(
    app: web::Data<App>,
    who: Caller,
    req: HttpRequest,
    body: Body<Amendment>,
) -> Result<HttpResponse, Problem> {
    let of = may_change(&who)?;
    let wish: WishId = id(&req, "wish")?;
    let customer = seen(&app, &who, wish, None).await?.customer;
    let (tenant, actor, change) = (who.tenant(), who.actor(), body.0.read());
    let position = app
        .on_engine(move |engine| async move {
            engine
                .amend_wish(tenant, customer, wish, of.as_deref(), change, actor)
                .await
        })
        .await?;
    answer(&app, &who, wish, position).await
}

/// `POST /wishes/{id}/withdraw`.
pub async fn withdraw(
    app: web::Data<App>,
    who: Caller,
    req: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let of = may_change(&who)?;
    let wish: WishId = id(&req, "wish")?;
    let customer = seen(&app, &who, wish, None).await?.customer;
    let (tenant, actor) = (who.tenant(), who.actor());
    let position = app
        .on_engine(move |engine| async move {
            engine
                .withdraw_wish(tenant, customer, wish, of.as_deref(), actor)
                .await
        })
        .await?;
    answer(&app, &who, wish, position).await
}

/// The wish as it stands after a change that is on disk.
async fn answer(
    app: &App,
    who: &Caller,
    wish: WishId,
    position: rapport_domain::event::Position,
) -> Result<HttpResponse, Problem> {
    if !app.seen(CUSTOMERS, position, READ_WITHIN).await {
        return Ok(HttpResponse::Accepted().json(json!({ "id": wish, "position": position })));
    }
    let view = seen(app, who, wish, None).await?;
    let mut answer = serde_json::to_value(view).map_err(Problem::internal)?;
    answer["position"] = json!(position);
    Ok(HttpResponse::Ok().json(answer))
}

/// `GET /wishes/{id}/history`.
pub async fn history(
    app: web::Data<App>,
    who: Caller,
    req: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let wish: WishId = id(&req, "wish")?;
    let customer = seen(&app, &who, wish, None).await?.customer;
    let tenant = who.tenant();
    let entries = app
        .on_engine(move |engine| async move { engine.wish_history(tenant, customer, wish).await })
        .await?;
    let entries: Vec<Value> = entries.iter().map(entry).collect();
    Ok(HttpResponse::Ok().json(json!({ "history": entries })))
}

fn entry(entry: &HistoryEntry) -> Value {
    json!({
        "position": entry.position,
        "at": entry.at.as_millis(),
        "by": entry.actor,
        "what": entry.what,
        "reason": entry.reason,
        "text": entry.words,
        "until": entry.until.map(Timestamp::as_millis),
        "plan": entry.plan,
        "slot": entry.slot.map(Timestamp::as_millis),
        "interaction": entry.interaction,
        "outcome": entry.outcome,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<u16> {
        serde_json::from_str::<Likelihood>(text)
            .ok()
            .map(|read| read.0)
    }

    #[test]
    fn a_propensity_is_a_number_from_0_to_1_in_thousandths() {
        for (text, thousandths) in [
            ("0", 0),
            ("1", 1_000),
            ("0.7", 700),
            ("0.001", 1),
            ("0.999", 999),
        ] {
            assert_eq!(read(text), Some(thousandths), "{text}");
        }
        for text in [
            "-0.001", "1.001", "0.7005", "1000", "\"0.7\"", "null", "1e300",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_left_out_stays_and_null_clears() {
        let body = r#"{"script":null,"evidence":"case 7","value":5}"#;
        let change = serde_json::from_str::<Amendment>(body).unwrap().read();
        assert_eq!(change.script, Field::Clear);
        assert_eq!(change.evidence, Field::Set("case 7".to_owned()));
        assert_eq!(change.message, Field::Keep);
        assert_eq!((change.value, change.talking_point), (Some(5), None));
    }
}
