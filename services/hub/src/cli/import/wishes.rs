//! A row that is a wish.

use rapport_domain::id::RAPPORT;
use reqwest::{Method, StatusCode};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::Done;
use super::hub::{Hub, Trouble};
use super::table::{As, Column, Row, Wrong};

/// What `--help` says of the columns.
pub const HELP: &str = "Columns: customer_id, phone, email or external_id (one of them); purpose, class (mandatory, service or marketing), \
talking_point, value, expires_at, channels (such as `voice`), and where wanted not_before, script and key (the department's own name for the \
wish; without it, what the row says is its name). Moments are RFC 3339, such as 2026-11-21T12:00:00Z.";

const fn column(name: &'static str, read: As) -> Column {
    Column { name, read }
}

/// What a table of wishes may have.
pub const COLUMNS: &[Column] = &[
    column("key", As::Text),
    column("customer_id", As::Text),
    column("phone", As::Text),
    column("email", As::Text),
    column("external_id", As::Text),
    column("purpose", As::Text),
    column("class", As::Text),
    column("talking_point", As::Text),
    column("value", As::Whole),
    column("not_before", As::Text),
    column("expires_at", As::Text),
    column("channels", As::Words),
    column("script", As::Text),
];

/// Whom a row concerns, as the interface wants it.
pub fn customer(values: &mut Map<String, Value>) -> Result<Value, Wrong> {
    let mut whom = Map::new();
    for (column, field) in [
        ("customer_id", "id"),
        ("phone", "phone"),
        ("email", "email"),
        ("external_id", "external_id"),
    ] {
        if let Some(value) = values.remove(column) {
            whom.insert(field.to_owned(), value);
            // The first that is given names the customer.
            break;
        }
    }
    if whom.is_empty() {
        let why = "customer_id, phone, email and external_id are all empty";
        return Err(Wrong::new("", why));
    }
    Ok(Value::Object(whom))
}

/// The body of one request.
pub fn read(row: &Row) -> Result<Vec<Value>, Wrong> {
    let mut values = row.values()?;
    let key = match values.remove("key") {
        Some(Value::String(text)) => {
            Uuid::parse_str(&text).unwrap_or_else(|_| named(&format!("key/{text}")))
        }
        _ => named(&format!("row/{}", row.fingerprint())),
    };
    let given = ["customer_id", "phone", "email", "external_id"];
    if given
        .iter()
        .filter(|name| values.contains_key(**name))
        .count()
        > 1
    {
        let why = "give one of customer_id, phone, email and external_id";
        return Err(Wrong::new("", why));
    }
    let customer = customer(&mut values)?;
    values.insert("key".to_owned(), json!(key));
    values.insert("customer".to_owned(), customer);
    Ok(vec![Value::Object(values)])
}

fn named(text: &str) -> Uuid {
    Uuid::new_v5(&RAPPORT, format!("import/{text}").as_bytes())
}

/// Files it.
pub async fn send(hub: &Hub, wanted: Vec<Value>) -> Result<Done, Trouble> {
    let mut done = Done::Known;
    for wish in wanted {
        let (status, _) = hub.send(Method::POST, "/wishes", &wish).await?;
        if status == StatusCode::CREATED {
            done = Done::New;
        }
    }
    Ok(done)
}
