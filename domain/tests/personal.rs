//! The list of personal values is complete: nothing private of any fact lies outside of it.

#![allow(
    clippy::unwrap_used,
    reason = "tests, helpers of tests included, may panic"
)]

use rapport_domain::private::FORGOTTEN;
use rapport_domain::registry::personal::paths;
use rapport_domain::registry::{self, AnyFact};
use serde_json::Value;

/// The value at the end of a path, when there is one.
fn pick<'a>(data: &'a mut Value, path: &[&str]) -> Option<&'a mut Value> {
    let found = path
        .iter()
        .try_fold(data, |inner, key| inner.get_mut(*key))?;
    (!found.is_null()).then_some(found)
}

fn stored(fact: &AnyFact) -> (String, u16, Value) {
    let encoded = fact.encode().unwrap();
    let data = serde_json::from_slice(&encoded.data).unwrap();
    (encoded.kind, encoded.version, data)
}

#[test]
fn every_private_value_of_every_fact_is_listed_and_is_a_text() {
    let mut seen = 0;
    for fact in registry::examples() {
        let (kind, version, mut data) = stored(&fact);
        let private = format!("{fact:?}").matches("<private>").count();
        let mut texts = Vec::new();
        for path in paths(&kind, version) {
            let value = pick(&mut data, path)
                .unwrap_or_else(|| panic!("{kind}: the example has no {path:?}"));
            texts.push(value.as_str().unwrap().to_owned());
            *value = Value::Null;
        }
        assert_eq!(texts.len(), private, "{kind}: {fact:?}");
        let left = data.to_string();
        for text in &texts {
            assert!(!left.contains(text.as_str()), "{kind}: {left}");
        }
        seen += texts.len();
    }
    assert!(seen >= 10, "only {seen} personal values in all facts");
}

#[test]
fn a_fact_whose_personal_values_are_forgotten_can_still_be_read() {
    for fact in registry::examples() {
        let (kind, version, mut data) = stored(&fact);
        for path in paths(&kind, version) {
            *pick(&mut data, path).unwrap() = Value::from(FORGOTTEN);
        }
        let bytes = serde_json::to_vec(&data).unwrap();
        let read = match fact {
            AnyFact::Interaction(_) => {
                rapport_domain::aggregate::decode(&kind, version, &bytes).map(AnyFact::Interaction)
            }
            AnyFact::Customer(_) => {
                rapport_domain::aggregate::decode(&kind, version, &bytes).map(AnyFact::Customer)
            }
            AnyFact::Outreach(_) => {
                rapport_domain::aggregate::decode(&kind, version, &bytes).map(AnyFact::Outreach)
            }
            other => {
                assert!(paths(&kind, version).is_empty(), "{kind}");
                Ok(other)
            }
        };
        let read = read.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(stored(&read).2, data, "{kind} reads back as something else");
    }
}

#[test]
fn a_type_of_a_later_version_has_no_personal_values_until_they_are_listed() {
    assert!(paths("interaction.started", 2).is_empty());
    assert!(paths("queue.defined", 1).is_empty());
}
