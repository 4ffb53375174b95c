//! Reading requests: bodies, query strings, ids and moments, with errors that name the field.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::str::FromStr;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, web};
use rapport_domain::time::Timestamp;
use serde::de::{DeserializeOwned, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

use super::problem::Problem;

/// The largest request body, in bytes.
pub const MOST_BYTES: usize = 64 * 1024;
/// A request body has to be here within this time.
const BODY_WITHIN: Duration = Duration::from_secs(10);

/// A JSON body.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let json = req
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let json = json.is_some_and(|kind| {
            kind.split(';')
                .next()
                .unwrap_or("")
                .trim()
                .eq_ignore_ascii_case("application/json")
        });
        let bytes = Bytes::from_request(req, payload);
        Box::pin(async move {
            let Bytes(bytes) = bytes.await?;
            // A page of another site can send a form without asking, but not JSON by its name.
            if !json {
                return Err(Problem::media_type());
            }
            read(&bytes).map(Self)
        })
    }
}

/// A body as it came, whatever it is.
#[derive(Debug)]
pub struct Bytes(pub web::Bytes);

impl FromRequest for Bytes {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = web::Bytes::from_request(req, payload);
        Box::pin(async move {
            let bytes = tokio::time::timeout(BODY_WITHIN, bytes)
                .await
                .map_err(|_| Problem::slow_body())?;
            let wrong =
                |error: actix_web::Error| match error.as_response_error().status_code().as_u16() {
                    413 => Problem::too_large(MOST_BYTES),
                    _ => Problem::malformed("The body could not be read."),
                };
            Ok(Self(bytes.map_err(wrong)?))
        })
    }
}

/// Reads JSON.
///
/// # Errors
/// 400 when it is none, 422 naming the field when it does not fit.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let field = error.path().to_string();
        let inner = error.into_inner();
        if inner.classify() == serde_json::error::Category::Data {
            let detail = inner.to_string();
            // A missing field is named by serde in the message, and its table by the path.
            let missing = detail
                .strip_prefix("missing field `")
                .or_else(|| detail.strip_prefix("unknown field `"));
            let missing = missing.and_then(|rest| rest.split('`').next());
            let field = match (field.as_str(), missing) {
                (".", Some(name)) => name.to_owned(),
                (table, Some(name)) if !table.ends_with(name) => format!("{table}.{name}"),
                (table, _) => table.trim_start_matches('.').to_owned(),
            };
            let detail = detail
                .rsplit_once(" at line")
                .map_or(detail.as_str(), |(words, _)| words);
            Problem::invalid(field, detail)
        } else {
            Problem::malformed(format!("The body is not JSON: {inner}."))
        }
    })?;
    json.end()
        .map_err(|error| Problem::malformed(format!("The body is not JSON: {error}.")))?;
    Ok(value)
}

/// The query string.
///
/// # Errors
/// 422 naming what is wrong.
pub fn query<T: DeserializeOwned>(req: &HttpRequest) -> Result<T, Problem> {
    web::Query::<T>::from_query(req.query_string())
        .map(web::Query::into_inner)
        .map_err(|error| Problem::invalid("query", error.to_string()))
}

/// An id of the path: what is no id names nothing.
///
/// # Errors
/// 404.
pub fn id<T: FromStr>(req: &HttpRequest, what: &str) -> Result<T, Problem> {
    req.match_info()
        .query("id")
        .parse()
        .map_err(|_| Problem::not_found(what))
}

/// How much of a list is asked for.
///
/// # Errors
/// 422 when it is not from 1 to `most`.
pub fn limit(asked: Option<usize>, usual: usize, most: usize) -> Result<usize, Problem> {
    match asked {
        None => Ok(usual),
        Some(limit) if (1..=most).contains(&limit) => Ok(limit),
        Some(_) => Err(Problem::invalid("limit", format!("Use 1 to {most}."))),
    }
}

/// A moment of the query string: milliseconds since 1970, or RFC 3339.
///
/// # Errors
/// 422 naming the field.
pub fn moment(field: &str, text: &str) -> Result<Timestamp, Problem> {
    let read = match text.parse::<i64>() {
        Ok(millis) => Reading.visit_i64::<serde::de::value::Error>(millis),
        Err(_) => Reading.visit_str(text),
    };
    read.map(|moment| moment.0)
        .map_err(|error| Problem::invalid(field, error.to_string()))
}

/// A moment of a request: milliseconds since 1970, or RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment(pub Timestamp);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reading)
    }
}

struct Reading;

impl Visitor<'_> for Reading {
    type Value = Moment;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("milliseconds since 1970, or a text such as 2026-11-21T12:00:00Z")
    }

    fn visit_i64<E: serde::de::Error>(self, millis: i64) -> Result<Moment, E> {
        // What a double can hold exactly: 285,000 years either way.
        if millis.unsigned_abs() < 1 << 53 {
            Ok(Moment(Timestamp::from_millis(millis)))
        } else {
            Err(E::invalid_value(Unexpected::Signed(millis), &self))
        }
    }

    fn visit_u64<E: serde::de::Error>(self, millis: u64) -> Result<Moment, E> {
        let millis = i64::try_from(millis)
            .map_err(|_| E::invalid_value(Unexpected::Unsigned(millis), &self))?;
        self.visit_i64(millis)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Moment, E> {
        chrono::DateTime::parse_from_rfc3339(text)
            .map(|moment| Moment(Timestamp::from_micros(moment.timestamp_micros())))
            .map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        inner: Inner,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        at: Moment,
    }

    fn problem(text: &str) -> String {
        let body =
            actix_web::ResponseError::error_response(&read::<Outer>(text.as_bytes()).unwrap_err())
                .into_body();
        let bytes = actix_web::body::MessageBody::try_into_bytes(body).unwrap_or_default();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[test]
    fn errors_name_the_field() {
        assert!(problem(r#"{"inner":{"at":"noon"}}"#).contains(r#""field":"inner.at""#));
        assert!(
            problem(r#"{"inner":{}}"#).contains(r#""field":"inner.at""#),
            "{}",
            problem(r#"{"inner":{}}"#)
        );
        assert!(problem("{}").contains(r#""field":"inner""#));
        assert!(problem(r#"{"inner":{"at":1,"bt":2}}"#).contains(r#""field":"inner.bt""#));
        assert!(
            problem("{").contains("malformed")
                && problem(r#"{"inner":{"at":1}} x"#).contains("malformed")
        );
    }

    #[test]
    fn a_moment_is_a_number_or_a_text() {
        let number: Outer = read(br#"{"inner":{"at":1795262400000}}"#).unwrap();
        let text: Outer = read(br#"{"inner":{"at":"2026-11-21T20:00:00+08:00"}}"#).unwrap();
        assert_eq!(number.inner.at, text.inner.at);
    }
}
