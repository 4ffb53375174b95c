//! A row that says something of a customer.

use reqwest::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::Done;
use super::hub::{Hub, Trouble};
use super::table::{As, Column, Row, Wrong};
use super::wishes::customer;

/// What `--help` says of the columns.
pub const HELP: &str = "Columns: customer_id, external_id, phone, email (the customer is found by the first of these that is not empty, in the \
order customer_id, phone, email, external_id; the others are noted as contact points), name, zone (such as Asia/Shanghai), \
verified (yes: the contact points were proved), consent_given and consent_refused (PURPOSE/CHANNEL between spaces, such as `offers/voice`), \
consent_evidence. The key must have the role admin.";

const fn column(name: &'static str, read: As) -> Column {
    Column { name, read }
}

/// What a table of customers may have.
pub const COLUMNS: &[Column] = &[
    column("customer_id", As::Text),
    column("external_id", As::Text),
    column("phone", As::Text),
    column("email", As::Text),
    column("name", As::Text),
    column("zone", As::Text),
    column("verified", As::Text),
    column("consent_given", As::Words),
    column("consent_refused", As::Words),
    column("consent_evidence", As::Text),
];

/// Who it is, and what is said of them.
pub fn read(row: &Row) -> Result<Vec<Value>, Wrong> {
    let mut values = row.values()?;
    let verified = match values.remove("verified").as_ref().and_then(Value::as_str) {
        None | Some("no") => false,
        Some("yes") => true,
        Some(_) => return Err(Wrong::new("verified", "is neither yes nor no")),
    };
    let mut change = Map::new();
    for column in ["name", "zone"] {
        if let Some(value) = values.remove(column) {
            change.insert(column.to_owned(), value);
        }
    }
    let consent = consent(&mut values)?;
    if !consent.is_empty() {
        change.insert("consent".to_owned(), consent.into());
    }
    let points: Vec<Value> = ["phone", "email", "external_id"]
        .into_iter()
        .filter_map(|kind| {
            let value = values.get(kind)?;
            Some(json!({ "kind": kind, "value": value, "verified": verified }))
        })
        .collect();
    let whom = customer(&mut values)?;
    if !points.is_empty() {
        change.insert("contact_points".to_owned(), points.into());
    }
    Ok(vec![json!({ "customer": whom }), Value::Object(change)])
}

fn consent(values: &mut Map<String, Value>) -> Result<Vec<Value>, Wrong> {
    let evidence = values.remove("consent_evidence");
    let mut all = Vec::new();
    for (column, given) in [("consent_given", true), ("consent_refused", false)] {
        let Some(Value::Array(words)) = values.remove(column) else {
            continue;
        };
        for word in words {
            let (purpose, channel) = word
                .as_str()
                .and_then(|word| word.split_once('/'))
                .ok_or_else(|| Wrong::new(column, "is not PURPOSE/CHANNEL"))?;
            let evidence = evidence.as_ref().ok_or_else(|| {
                Wrong::new("consent_evidence", "is empty: say where consent was stated")
            })?;
            all.push(json!({
                "purpose": purpose, "channel": channel, "given": given, "evidence": evidence,
            }));
        }
    }
    Ok(all)
}

/// Finds or makes the customer, then notes the rest.
pub async fn send(hub: &Hub, wanted: Vec<Value>) -> Result<Done, Trouble> {
    let [whom, change] = &wanted[..] else {
        return Ok(Done::Known);
    };
    let (status, found) = hub.send(Method::POST, "/customers", whom).await?;
    let id = found["id"].as_str().unwrap_or_default();
    let nothing = change.as_object().is_some_and(Map::is_empty);
    if !nothing {
        hub.send(Method::PATCH, &format!("/customers/{id}"), change)
            .await?;
    }
    Ok(if status == StatusCode::CREATED {
        Done::New
    } else {
        Done::Known
    })
}
